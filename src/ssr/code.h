/*
 * code.h - compiled templates: a tree of nodes, each with the function that runs it. Immutable once
 * built (but for relaxed hints), so that all threads share it.
 */
#ifndef PERFOPT_SRC_SSR_CODE_H
#define PERFOPT_SRC_SSR_CODE_H

#include "ssr/ast.h"

#include "base/hash.h"

#include <stdatomic.h>

typedef struct ssr_runtime ssr_runtime;
typedef struct ssr_expr ssr_expr;
typedef struct ssr_stmt ssr_stmt;
typedef struct ssr_template ssr_template;
typedef struct ssr_function ssr_function;
typedef struct ssr_builtin ssr_builtin;
typedef struct ssr_method ssr_method;

/* Both return false after an error that is recorded in the runtime. */
typedef bool (*ssr_eval_fn)(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
typedef bool (*ssr_exec_fn)(ssr_runtime *rt, const ssr_stmt *s);

/* Where a variable lives: `hops` frames out, then a slot. */
typedef struct ssr_ref {
    uint32_t hops;
    uint32_t slot;
} ssr_ref;

typedef struct ssr_args {
    const ssr_expr **positional;
    const ssr_expr **keywords;
    const ssr_name **names; /* of the keywords */
    uint32_t count;
    uint32_t keyword_count;
    const ssr_expr *star;
    const ssr_expr *star_star;
} ssr_args;

struct ssr_expr {
    ssr_eval_fn eval;
    uint32_t line;
    uint32_t column;
    uint8_t op;
    bool flag;             /* CONCAT: joins markup; TEST: unused */
    _Atomic uint32_t hint; /* GETATTR: where the key was last found in a map */
    ssr_ref ref;
    uint32_t count; /* of items */
    const ssr_expr *a;
    const ssr_expr *b;
    const ssr_expr *c;
    const ssr_expr **items;
    uint8_t *ops; /* COMPARE: the operator before each item */
    const ssr_name *name;
    const ssr_args *args;
    const ssr_builtin *builtin; /* FILTER, TEST: what was known when it was compiled */
    const ssr_method *on_string, *on_list, *on_map;
    perfopt_value value;
};

typedef struct ssr_body {
    const ssr_stmt *statements;
    uint32_t count;
} ssr_body;

/* What has to happen to a slot when its scope is entered. */
typedef enum ssr_load_action { LOAD_NONE, LOAD_RESOLVE, LOAD_ALIAS, LOAD_MISSING } ssr_load_action;

typedef struct ssr_load {
    uint8_t action;
    uint32_t slot;
    ssr_ref from;         /* ALIAS */
    const ssr_name *name; /* RESOLVE */
} ssr_load;

typedef struct ssr_scope {
    const ssr_load *loads;
    uint32_t count;
} ssr_scope;

/* What an included template sees besides the context: the variables set in this scope, then those
 * of the scopes around, `hops` frames further out. */
typedef struct ssr_local {
    const ssr_name *name;
    uint32_t slot;
} ssr_local;

typedef struct ssr_locals {
    const ssr_local *items;
    uint32_t count;
    uint32_t hops; /* to the frame of `outer` */
    const struct ssr_locals *outer;
} ssr_locals;

/* What is assigned to: a slot, an attribute of a namespace, or several of those. */
typedef struct ssr_target {
    const struct ssr_target *items; /* NULL = a single one */
    uint32_t count;
    ssr_ref ref;
    const ssr_name *name;
    const ssr_name *attribute; /* of the namespace in `ref` */
} ssr_target;

typedef enum ssr_escape { ESCAPE_OFF, ESCAPE_ON, ESCAPE_VOLATILE } ssr_escape;

struct ssr_stmt {
    ssr_exec_fn exec;
    uint32_t line;
    uint32_t column;
    uint8_t escape;
    bool flag;
    bool flag2;
    bool exported;     /* SET, MACRO, IMPORT at top level: also a variable of the context */
    bool unless_child; /* runs only while nothing was extended */
    const ssr_expr *a;
    const ssr_expr *b;
    const ssr_expr *c;
    ssr_body body;
    ssr_body other;
    ssr_scope scope;       /* entered before body */
    ssr_scope other_scope; /* before other */
    ssr_scope test_scope;  /* FOR: before the condition */
    const ssr_target *target;
    const ssr_target *test_target;
    const ssr_target *targets; /* WITH: one for each of exprs */
    const ssr_expr **exprs;
    uint32_t count;
    ssr_ref loop; /* FOR: where the loop object goes; slot UINT32_MAX = nowhere */
    const ssr_locals *locals;
    const ssr_function *function;
    const ssr_name *name;
    const char *text;
    size_t length;
    uint32_t id; /* CACHE: number within the template */
    /* FROM: names and targets */
    const ssr_name **names;
};

enum {
    SSR_NO_SLOT = UINT32_MAX,
    SSR_TEXT_PADDING = 64 /* bytes that may be read from the start of any text */
};

/* What runs in a frame of its own: the whole template, a block, a macro, a recursive loop. */
struct ssr_function {
    const ssr_template *template;
    const ssr_name *name; /* NULL for the template and for call blocks */
    uint32_t line;
    uint32_t slot_count;
    bool captured; /* other functions see its slots, so the frame lives as long as the render */
    ssr_scope entry;
    ssr_body body;
    /* macros */
    const ssr_name **parameters;
    const uint32_t *parameter_slots;
    const ssr_expr **defaults; /* NULL = none, for each parameter */
    uint32_t parameter_count;
    bool explicit_caller;
    uint32_t caller_slot, kwargs_slot, varargs_slot; /* or SSR_NO_SLOT */
    uint32_t self_slot, super_slot, iterable_slot;
};

typedef struct ssr_block {
    const ssr_name *name;
    const ssr_function *function;
} ssr_block;

/* Identity of the file a template was read from. */
typedef struct ssr_file_id {
    int64_t mtime_ns;
    uint64_t size;
    uint64_t inode;
} ssr_file_id;

struct ssr_template {
    _Atomic uint32_t refs;
    char *name;
    size_t name_length;
    perfopt_arena *arena;
    bool autoescape;
    bool from_file;
    bool keeps_context; /* its macros or blocks may outlive a run of it */
    const ssr_function *root;
    const ssr_block *blocks;
    uint32_t block_count;
    const char **dependencies; /* constant names of what it includes, extends, imports */
    uint32_t dependency_count;
    perfopt__hash128 source_hash;
    ssr_file_id file;
    int64_t compile_ns;
    struct ssr_template_numbers *numbers;
    _Atomic uint64_t last_used;   /* ticks of the template cache */
    _Atomic uint32_t output_hint; /* bytes of the largest recent output */
    _Atomic uint64_t digest_low, digest_high;
    _Atomic uint64_t digest_stamp; /* the cache's generation they belong to; 0 = none yet */
};

#endif
