/*
 * runtime.h - one render: its output, frames, context, limits and error; what the parts of the run
 * time give each other, grouped by file.
 */
#ifndef PERFOPT_SRC_SSR_RUNTIME_H
#define PERFOPT_SRC_SSR_RUNTIME_H

#include "base/bytes.h"
#include "base/strbuf.h"
#include "ssr/code.h"
#include "value/value.h"

#include <perfopt/ssr.h>

/* Kinds that exist only inside the run time. */
enum { SSR_MISSING = 254 }; /* a slot that was never set */

/* ---- output -------------------------------------------------------------------------------- */

/* One growing perfopt_bytes; what is captured (macros, set blocks) is written to its end, copied
 * away and cut off again. */
typedef struct ssr_output {
    perfopt_bytes *bytes;
    char *next;
    char *end; /* of the allocation, without the closing NUL */
} ssr_output;

/* ---- frames and context -------------------------------------------------------------------- */

typedef struct ssr_frame {
    struct ssr_frame *outer;
    perfopt_value slots[];
} ssr_frame;

/* The blocks of a chain of templates: for each name the functions, the most derived first. */
typedef struct ssr_block_stack {
    const ssr_name *name;
    const ssr_function **functions;
    uint32_t count;
    uint32_t capacity;
    struct ssr_block_stack *next;
} ssr_block_stack;

/*
 * Where names are looked up: own variables (set at the top level), what an include got from the
 * including scope, then the context around; the last one is the caller's, then the globals.
 */
typedef struct ssr_context {
    const struct ssr_context *outer;
    const ssr_template *template;
    perfopt_map *vars;        /* NULL until something is set */
    perfopt_map *given;       /* copied locals, or NULL */
    const ssr_locals *locals; /* locals in place, valid while `frame` is */
    ssr_frame *frame;
    ssr_block_stack *blocks;
    const ssr_template *parent; /* what {% extends %} named */
    perfopt_map *hidden;        /* imported names: not exported by a module */
    bool autoescape;
    bool is_module;
    bool sees_caller; /* false: only globals (import and include without context) */
} ssr_context;

typedef struct ssr_loaded {
    ssr_template *template;
    const char *asked;    /* the text it was first asked for with: a constant asks again */
    perfopt_value module; /* of an import without context, once evaluated */
    struct ssr_loaded *next;
} ssr_loaded;

typedef struct ssr_stack_chunk {
    struct ssr_stack_chunk *previous;
    size_t used;
    size_t capacity;
    perfopt_value values[];
} ssr_stack_chunk;

struct ssr_runtime {
    struct perfopt_ssr *ssr;
    perfopt_arena *arena;
    ssr_output out;
    ssr_frame *frame;
    ssr_context *context;
    const ssr_template *template; /* whose code runs: for messages */
    uint64_t steps, max_steps;
    uint64_t memory, max_memory; /* arena bytes charged */
    uint64_t max_output;
    uint32_t depth, max_depth;
    const char *stack_base;
    ssr_stack_chunk *stack;
    ssr_loaded *loaded;
    const perfopt_context *caller; /* what the host passed */
    uint64_t *caller_hashes;
    perfopt_undefined_mode undefined;
    perfopt_value captured; /* what {% filter %} and block set hand to their filters */
    bool stateless;         /* folding constants: no context */
    perfopt_status status;
    bool located;
    perfopt_error err;
    struct ssr_string_loader *strings;
};

/* An object with methods of its own; `base` comes first. */
typedef struct ssr_class {
    perfopt_object_class base;
    /* Calls the object as a function; NULL = not callable. */
    bool (*call)(ssr_runtime *rt, perfopt_value self, struct perfopt_call *call,
                 perfopt_value *out);
    /* Attribute that needs the runtime; NULL = base.attribute. false = there is none (status OK) or
     * an error (status set). */
    bool (*get)(ssr_runtime *rt, perfopt_value self, const char *name, size_t length,
                perfopt_value *out);
    /* Text as Python prints it; NULL = as a list, a dict or "<name>". */
    bool (*print)(ssr_runtime *rt, perfopt_value self, perfopt__strbuf *out);
    bool is_markup; /* its text is safe */
    bool always_true;
    bool one_shot;    /* iterating consumes it */
    bool is_sequence; /* has len() and [] */
} ssr_class;

typedef struct ssr_keyword {
    const char *name;
    uint32_t length;
    perfopt_value value;
} ssr_keyword;

struct perfopt_call {
    ssr_runtime *rt;
    const perfopt_value *args;
    size_t count;
    const ssr_keyword *keywords;
    size_t keyword_count;
    bool append; /* macros may write to the output instead of returning text */
    bool appended;
};

/* ---- runtime.c: limits, errors, memory ----------------------------------------------------- */

/* Records why the render ends; the first reason counts. The place is added by the innermost node
 * that knows one. The short forms are always false, so that `return perfopt__ssr_fail(...)` ends a
 * function. */
void perfopt__ssr_record_failure(ssr_runtime *rt, perfopt_status status, const char *format, ...)
    PERFOPT_PRINTF(3, 4);
void perfopt__ssr_record_nomem(ssr_runtime *rt);
void perfopt__ssr_record_place(ssr_runtime *rt, uint32_t line, uint32_t column);
#define perfopt__ssr_fail(rt, ...) (perfopt__ssr_record_failure((rt), __VA_ARGS__), false)
static inline bool perfopt__ssr_fail_nomem(ssr_runtime *rt)
{
    perfopt__ssr_record_nomem(rt);
    return false;
}
static inline bool perfopt__ssr_locate(ssr_runtime *rt, uint32_t line, uint32_t column)
{
    perfopt__ssr_record_place(rt, line, column);
    return false;
}
/* Counts a loop turn or call; false above the limit. */
bool perfopt__ssr_step_slow(ssr_runtime *rt);
static inline bool perfopt__ssr_step(ssr_runtime *rt)
{
    return ++rt->steps <= rt->max_steps || perfopt__ssr_step_slow(rt);
}
bool perfopt__ssr_enter_call(ssr_runtime *rt);
static inline void perfopt__ssr_leave_call(ssr_runtime *rt)
{
    rt->depth--;
}
/* Zeroed memory until the render ends; NULL with the error recorded. */
void *perfopt__ssr_alloc(ssr_runtime *rt, size_t size);
/* Room for text, to be filled completely; one byte more is there for a NUL. */
char *perfopt__ssr_text_room(ssr_runtime *rt, size_t length);
bool perfopt__ssr_copy_text(ssr_runtime *rt, const char *text, size_t length, perfopt_value *out);
/* Takes over what a string buffer holds; finishes it. */
bool perfopt__ssr_take_text(ssr_runtime *rt, perfopt__strbuf *sb, perfopt_value *out);
bool perfopt__ssr_list(ssr_runtime *rt, size_t capacity, perfopt_value *out);
bool perfopt__ssr_append(ssr_runtime *rt, perfopt_value list, perfopt_value item);
bool perfopt__ssr_map(ssr_runtime *rt, perfopt_value *out);
bool perfopt__ssr_map_put(ssr_runtime *rt, perfopt_value map, perfopt_value key,
                          perfopt_value value);
bool perfopt__ssr_pair(ssr_runtime *rt, perfopt_value a, perfopt_value b, perfopt_value *out);
/* A stack of values for arguments and short-lived frames. */
perfopt_value *perfopt__ssr_push(ssr_runtime *rt, size_t count);
void perfopt__ssr_pop(ssr_runtime *rt, size_t count);
bool perfopt__ssr_runtime_init(ssr_runtime *rt, struct perfopt_ssr *ssr, perfopt_arena *arena);
void perfopt__ssr_runtime_finish(ssr_runtime *rt);

/* ---- output.c ------------------------------------------------------------------------------ */

bool perfopt__ssr_output_init(ssr_runtime *rt, size_t expected);
bool perfopt__ssr_output_grow(ssr_runtime *rt, size_t need);
static inline bool perfopt__ssr_reserve(ssr_runtime *rt, size_t need)
{
    return (size_t)(rt->out.end - rt->out.next) >= need || perfopt__ssr_output_grow(rt, need);
}
static inline bool perfopt__ssr_write(ssr_runtime *rt, const char *text, size_t length)
{
    if (!perfopt__ssr_reserve(rt, length))
        return false;
    memcpy(rt->out.next, text, length);
    rt->out.next += length;
    return true;
}
static inline size_t perfopt__ssr_output_length(const ssr_runtime *rt)
{
    return (size_t)(rt->out.next - rt->out.bytes->data);
}
/* Copies what was written since `from` into a string and removes it from the output. */
bool perfopt__ssr_capture(ssr_runtime *rt, size_t from, perfopt_value *out);
/* Hands the output over; NULL when out of memory. */
perfopt_bytes *perfopt__ssr_output_take(ssr_runtime *rt);
bool perfopt__ssr_print_text(ssr_runtime *rt, const char *text, size_t length, bool escape);
/* Prints a value as {{ }} does. */
bool perfopt__ssr_print(ssr_runtime *rt, perfopt_value value, bool escape);

/* ---- escape.c ------------------------------------------------------------------------------ */

/* Writes text with & < > " ' as entities; room for 6 * length bytes must be there. Returns the end.
 * The second is the portable form of the first. */
char *perfopt__ssr_escape(char *out, const char *text, size_t length);
char *perfopt__ssr_escape_scalar(char *out, const char *text, size_t length);
/* True if nothing has to be escaped. */
bool perfopt__ssr_is_plain(const char *text, size_t length);

/* ---- text.c: values as text ---------------------------------------------------------------- */

/* str(value): borrowed or in the arena. */
bool perfopt__ssr_text(ssr_runtime *rt, perfopt_value value, const char **text, size_t *length);
/* The same as a value; safe strings stay safe (soft_str in Jinja). */
bool perfopt__ssr_to_string(ssr_runtime *rt, perfopt_value value, perfopt_value *out);
/* escape(value): always safe. */
bool perfopt__ssr_to_markup(ssr_runtime *rt, perfopt_value value, perfopt_value *out);
bool perfopt__ssr_put_text(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out);
bool perfopt__ssr_put_repr(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out);
bool perfopt__ssr_escape_text(ssr_runtime *rt, const char *text, size_t length, perfopt_value *out);

/* ---- undefined.c --------------------------------------------------------------------------- */

perfopt_value perfopt__ssr_undefined_name(const char *name, uint32_t length);
bool perfopt__ssr_undefined_attribute(ssr_runtime *rt, perfopt_value of, perfopt_value key,
                                      perfopt_value *out);
bool perfopt__ssr_undefined_hint(ssr_runtime *rt, perfopt_value *out, const char *format, ...)
    PERFOPT_PRINTF(3, 4);
/* Ends the render because an undefined value was used. */
void perfopt__ssr_record_undefined(ssr_runtime *rt, perfopt_value undefined);
static inline bool perfopt__ssr_fail_undefined(ssr_runtime *rt, perfopt_value undefined)
{
    perfopt__ssr_record_undefined(rt, undefined);
    return false;
}
/* How this one behaves: an "if" without "else" is lenient whatever the engine's mode. */
enum { SSR_LENIENT_UNDEFINED = 0x80 }; /* in flags */
static inline perfopt_undefined_mode perfopt__ssr_undefined_mode(const ssr_runtime *rt,
                                                                 perfopt_value undefined)
{
    return undefined.flags & SSR_LENIENT_UNDEFINED ? PERFOPT_UNDEFINED_DEFAULT : rt->undefined;
}
/* For uses that only StrictUndefined refuses: printing, truth, iteration, comparison. */
static inline bool perfopt__ssr_check_lenient(ssr_runtime *rt, perfopt_value value)
{
    if (__builtin_expect(value.kind == PERFOPT_UNDEFINED, 0) &&
        perfopt__ssr_undefined_mode(rt, value) == PERFOPT_UNDEFINED_STRICT)
        return perfopt__ssr_fail_undefined(rt, value);
    return true;
}
/* What {{ undefined }} prints. */
bool perfopt__ssr_undefined_text(ssr_runtime *rt, perfopt_value value, perfopt__strbuf *out);

/* ---- eval.c, operators.c ------------------------------------------------------------------- */

/* Truth with the error of a strict undefined. */
bool perfopt__ssr_truth(ssr_runtime *rt, perfopt_value value, bool *out);
bool perfopt__ssr_binary(ssr_runtime *rt, uint8_t op, perfopt_value a, perfopt_value b,
                         perfopt_value *out);
bool perfopt__ssr_negate(ssr_runtime *rt, perfopt_value a, bool minus, perfopt_value *out);
bool perfopt__ssr_compare(ssr_runtime *rt, uint8_t op, perfopt_value a, perfopt_value b, bool *out);
/* -1, 0, 1; 2 if unordered (nan). Fails for kinds that have no order. */
bool perfopt__ssr_order(ssr_runtime *rt, perfopt_value a, perfopt_value b, const char *op,
                        int *out);
bool perfopt__ssr_contains(ssr_runtime *rt, perfopt_value item, perfopt_value container, bool *out);
bool perfopt__ssr_equal(perfopt_value a, perfopt_value b);
/* int(value) for indexes and counts: int and bool only. */
bool perfopt__ssr_to_index(ssr_runtime *rt, perfopt_value value, int64_t *out);
static inline bool perfopt__ssr_is_int(perfopt_value v)
{
    return v.kind == PERFOPT_INT || v.kind == PERFOPT_BOOL;
}
static inline int64_t perfopt__ssr_int(perfopt_value v)
{
    return v.kind == PERFOPT_BOOL ? v.as.boolean : v.as.integer;
}
bool perfopt__ssr_repeat(ssr_runtime *rt, perfopt_value sequence, int64_t times,
                         perfopt_value *out);

/* ---- percent.c, str_format.c --------------------------------------------------------------- */

/* format % value, as Python's str does. */
bool perfopt__ssr_percent(ssr_runtime *rt, perfopt_value format, perfopt_value value,
                          perfopt_value *out);
bool perfopt__ssr_str_format(ssr_runtime *rt, perfopt_value format, const perfopt_call *call,
                             perfopt_value *out);
typedef struct ssr_spec {
    uint32_t fill;
    char align; /* '<' '>' '=' '^' or 0 */
    char sign;  /* '+' '-' ' ' or 0 */
    bool alternate;
    char group; /* ',' '_' or 0 */
    int64_t width;
    int64_t precision; /* -1 = none */
    char type;         /* 0 = none */
} ssr_spec;
bool perfopt__ssr_format_float(ssr_runtime *rt, double value, const ssr_spec *spec,
                               perfopt__strbuf *out);
bool perfopt__ssr_format_int(ssr_runtime *rt, int64_t value, const ssr_spec *spec,
                             perfopt__strbuf *out);
/* Pads text to the width of a spec. */
bool perfopt__ssr_format_pad(ssr_runtime *rt, const char *text, size_t length, size_t prefix,
                             const ssr_spec *spec, char align, perfopt__strbuf *out);

/* ---- attribute.c --------------------------------------------------------------------------- */

/* a.name and a['name']: undefined if there is none. */
bool perfopt__ssr_getattr(ssr_runtime *rt, perfopt_value a, const char *name, size_t length,
                          perfopt_value *out);
bool perfopt__ssr_getitem(ssr_runtime *rt, perfopt_value a, perfopt_value key, perfopt_value *out);
bool perfopt__ssr_slice(ssr_runtime *rt, perfopt_value a, const perfopt_value parts[3],
                        perfopt_value *out);
bool perfopt__ssr_eval_getattr(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_exec_output_attribute(ssr_runtime *rt, const ssr_stmt *s);
/* a.b.0 as filters take it: "b.0" or an integer. */
typedef struct ssr_path {
    perfopt_value *parts;
    size_t count;
} ssr_path;
bool perfopt__ssr_path_parse(ssr_runtime *rt, perfopt_value attribute, ssr_path *out);
bool perfopt__ssr_path_get(ssr_runtime *rt, const ssr_path *path, perfopt_value value,
                           const perfopt_value *fallback, perfopt_value *out);

/* ---- iterate.c ----------------------------------------------------------------------------- */

typedef struct ssr_iterator {
    perfopt_value source;
    size_t index;   /* of the next item */
    size_t offset;  /* strings: its byte */
    size_t *shared; /* the position of a one-shot iterator, or NULL */
} ssr_iterator;

bool perfopt__ssr_iterate(ssr_runtime *rt, perfopt_value value, ssr_iterator *out);
/* False at the end. */
bool perfopt__ssr_next(ssr_runtime *rt, ssr_iterator *it, perfopt_value *out);
/* Like next, and counts a step; *more tells whether there was an item. False only on errors. */
bool perfopt__ssr_next_step(ssr_runtime *rt, ssr_iterator *it, perfopt_value *out, bool *more);
bool perfopt__ssr_peek(ssr_runtime *rt, const ssr_iterator *it, perfopt_value *out);
/* Items still to come plus those gone. */
size_t perfopt__ssr_iterator_length(const ssr_iterator *it);
/* list(value). */
bool perfopt__ssr_to_list(ssr_runtime *rt, perfopt_value value, perfopt_value *out);
/* len(value): false if it has none. */
bool perfopt__ssr_length(perfopt_value value, size_t *out);

/* ---- call.c -------------------------------------------------------------------------------- */

bool perfopt__ssr_eval_call(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_filter(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_test(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
/* A call whose text goes straight to the output if the callee can do that. */
bool perfopt__ssr_call_to_output(ssr_runtime *rt, const ssr_expr *e, bool escape);
bool perfopt__ssr_call_value(ssr_runtime *rt, perfopt_value callee, perfopt_call *call,
                             perfopt_value *out);
bool perfopt__ssr_call_with_caller(ssr_runtime *rt, const ssr_expr *e, perfopt_value caller);
/* A filter or test by name, as map() and select() call them. */
bool perfopt__ssr_call_filter(ssr_runtime *rt, perfopt_value name, perfopt_call *call,
                              perfopt_value *out);
bool perfopt__ssr_call_test(ssr_runtime *rt, perfopt_value name, perfopt_call *call, bool *out);
bool perfopt__ssr_is_callable(perfopt_value value);

/* ---- builtins.c ---------------------------------------------------------------------------- */

enum { SSR_MAX_PARAMETERS = 8 };

typedef bool (*ssr_builtin_fn)(perfopt_call *call, perfopt_value *args, perfopt_value *out);

/* A built-in filter, test or function: arguments are bound to the parameters by position and name;
 * missing ones are SSR_MISSING. With no parameters at all it reads the call itself. */
struct ssr_builtin {
    const char *name;
    ssr_builtin_fn fn;
    const char *parameters[SSR_MAX_PARAMETERS]; /* the rest is NULL */
    uint8_t required;
    bool uses_context; /* not folded at compile time */
};

const ssr_builtin *perfopt__ssr_find_filter(const char *name, size_t length);
const ssr_builtin *perfopt__ssr_find_test(const char *name, size_t length);
const ssr_builtin *perfopt__ssr_find_function(const char *name, size_t length);
bool perfopt__ssr_call_builtin(const ssr_builtin *builtin, perfopt_call *call, perfopt_value *out);
bool perfopt__ssr_function_value(ssr_runtime *rt, const ssr_builtin *builtin, perfopt_value *out);
static inline bool perfopt__ssr_given(perfopt_value v)
{
    return v.kind != SSR_MISSING;
}

extern const ssr_builtin perfopt__ssr_text_filters[];
extern const ssr_builtin perfopt__ssr_html_filters[];
extern const ssr_builtin perfopt__ssr_number_filters[];
extern const ssr_builtin perfopt__ssr_sequence_filters[];
extern const ssr_builtin perfopt__ssr_order_filters[];
extern const ssr_builtin perfopt__ssr_select_filters[];
extern const ssr_builtin perfopt__ssr_wrap_filters[];
extern const ssr_builtin perfopt__ssr_json_filters[];
extern const ssr_builtin perfopt__ssr_tests[];
extern const ssr_builtin perfopt__ssr_functions[];

/* ---- methods.c ----------------------------------------------------------------------------- */

struct ssr_method {
    const char *name;
    ssr_builtin_fn fn;                          /* args[0] is the object */
    const char *parameters[SSR_MAX_PARAMETERS]; /* without the object */
    uint8_t required;
    bool raw; /* reads the call itself; args[0] is the object still */
};

extern const ssr_method perfopt__ssr_string_methods[];
extern const ssr_method perfopt__ssr_string_search_methods[];
extern const ssr_method perfopt__ssr_list_methods[];
extern const ssr_method perfopt__ssr_tuple_methods[];
extern const ssr_method perfopt__ssr_map_methods[];
extern const ssr_method perfopt__ssr_number_methods[];

const ssr_method *perfopt__ssr_find_method(uint8_t kind, const char *name, size_t length);
const ssr_method *perfopt__ssr_method_of(perfopt_value self, const char *name, size_t length);
bool perfopt__ssr_bind_method(ssr_runtime *rt, perfopt_value self, const ssr_method *method,
                              perfopt_value *out);
bool perfopt__ssr_call_method(const ssr_method *method, perfopt_value self, perfopt_call *call,
                              perfopt_value *out);

/* ---- string helpers: strings.c ------------------------------------------------------------- */

typedef struct ssr_chars { /* a view of bytes */
    const char *text;
    size_t length;
} ssr_chars;

ssr_chars perfopt__ssr_chars(perfopt_value string);
/* Byte offset of character i; length if there are fewer. */
size_t perfopt__ssr_char_offset(ssr_chars s, size_t i);
size_t perfopt__ssr_char_count(ssr_chars s);
void perfopt__ssr_put_lower(perfopt__strbuf *out, ssr_chars s);
void perfopt__ssr_put_upper(perfopt__strbuf *out, ssr_chars s);
bool perfopt__ssr_lower(ssr_runtime *rt, perfopt_value string, perfopt_value *out);
ssr_chars perfopt__ssr_strip(ssr_chars s, const perfopt_value *chars, bool left, bool right);
const char *perfopt__ssr_find(ssr_chars haystack, ssr_chars needle);
/* str.replace; count < 0 = all. */
bool perfopt__ssr_replace(ssr_runtime *rt, ssr_chars s, ssr_chars from, ssr_chars to, int64_t count,
                          perfopt_value *out);
/* A piece of a string with its safety. */
perfopt_value perfopt__ssr_piece(perfopt_value of, const char *text, size_t length);
/* The next line of s from *pos, without its end; false behind the last. */
bool perfopt__ssr_next_line(ssr_chars s, size_t *pos, ssr_chars *line, size_t *with_end);
bool perfopt__ssr_is_all(ssr_chars s, bool (*test)(uint32_t c));
bool perfopt__ssr_is_cased(ssr_chars s, bool upper);

/* ---- objects.c ----------------------------------------------------------------------------- */

/* An iterator as Python's generators are: its items can be had once. */
typedef struct ssr_sequence {
    perfopt_object object;
    perfopt_value list;
    size_t position;
} ssr_sequence;

bool perfopt__ssr_one_shot(ssr_runtime *rt, perfopt_value list, perfopt_value *out);
typedef enum ssr_view { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS } ssr_view;
bool perfopt__ssr_view(ssr_runtime *rt, perfopt_value map, ssr_view view, perfopt_value *out);
/* The map behind an items view, or NULL. */
perfopt_map *perfopt__ssr_items_of(perfopt_value value);
bool perfopt__ssr_range(ssr_runtime *rt, int64_t start, int64_t stop, int64_t step,
                        perfopt_value *out);
bool perfopt__ssr_range_parts(perfopt_value value, int64_t parts[3]);
bool perfopt__ssr_range_item(perfopt_value range, int64_t i, perfopt_value *out);
bool perfopt__ssr_namespace(ssr_runtime *rt, perfopt_value attributes, perfopt_value *out);
bool perfopt__ssr_namespace_set(ssr_runtime *rt, perfopt_value ns, const ssr_name *name,
                                perfopt_value value);
bool perfopt__ssr_cycler(ssr_runtime *rt, const perfopt_value *items, size_t count,
                         perfopt_value *out);
bool perfopt__ssr_joiner(ssr_runtime *rt, perfopt_value separator, perfopt_value *out);
bool perfopt__ssr_group(ssr_runtime *rt, perfopt_value key, perfopt_value list, perfopt_value *out);
const ssr_class *perfopt__ssr_class_of(perfopt_value value); /* NULL for host objects */

/* ---- loop.c -------------------------------------------------------------------------------- */

bool perfopt__ssr_exec_for(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_recursive_for(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_eval_loop_attribute(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
/* Number of a loop attribute the compiler reads directly, or -1. */
int perfopt__ssr_loop_attribute(const char *name, size_t length);

/* ---- exec.c -------------------------------------------------------------------------------- */

bool perfopt__ssr_exec_body(ssr_runtime *rt, const ssr_body *body);
void perfopt__ssr_enter_scope(ssr_runtime *rt, const ssr_scope *scope);
bool perfopt__ssr_assign(ssr_runtime *rt, const ssr_target *target, perfopt_value value);
/* Statements that are dropped when something was extended. */
bool perfopt__ssr_exec_unless_child(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_text(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_output(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_output_call(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_if(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_set(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_set_block(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_with(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_autoescape(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_filter_block(ssr_runtime *rt, const ssr_stmt *s);

static inline perfopt_value *perfopt__ssr_slot(ssr_runtime *rt, ssr_ref ref)
{
    ssr_frame *frame = rt->frame;
    for (uint32_t i = 0; i < ref.hops; i++)
        frame = frame->outer;
    return &frame->slots[ref.slot];
}

/* ---- context.c ----------------------------------------------------------------------------- */

bool perfopt__ssr_resolve(ssr_runtime *rt, const ssr_context *context, const ssr_name *name,
                          perfopt_value *out);
bool perfopt__ssr_context_set(ssr_runtime *rt, const ssr_name *name, perfopt_value value,
                              bool hidden);
/* A context for an included template. `keep`: it must stay valid when the scope has ended. */
bool perfopt__ssr_context_include(ssr_runtime *rt, const ssr_template *template,
                                  const ssr_locals *locals, bool keep, ssr_context *out);
void perfopt__ssr_context_bare(const ssr_template *template, ssr_context *out);
bool perfopt__ssr_add_blocks(ssr_runtime *rt, ssr_context *context, const ssr_template *template);
ssr_block_stack *perfopt__ssr_find_block(const ssr_context *context, const char *name,
                                         size_t length);

/* ---- template_run.c: functions, blocks, inheritance, includes, imports --------------------- */

ssr_frame *perfopt__ssr_frame_new(ssr_runtime *rt, const ssr_function *fn, ssr_frame *outer);
void perfopt__ssr_frame_free(ssr_runtime *rt, const ssr_function *fn);
/* Runs a function's entry and body in a frame; output goes to rt->out. */
bool perfopt__ssr_run_function(ssr_runtime *rt, const ssr_function *fn, ssr_frame *frame,
                               ssr_context *context);
/* Runs a template and the templates it extends. */
bool perfopt__ssr_run_template(ssr_runtime *rt, const ssr_template *template, ssr_context *context);
bool perfopt__ssr_run_block(ssr_runtime *rt, ssr_context *context, const ssr_block_stack *stack,
                            uint32_t index);
bool perfopt__ssr_exec_block(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_extends(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_include(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_import(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_from(ssr_runtime *rt, const ssr_stmt *s);
/* `self` and `super` of a function. */
bool perfopt__ssr_self_value(ssr_runtime *rt, ssr_context *context, perfopt_value *out);
bool perfopt__ssr_super_value(ssr_runtime *rt, ssr_context *context, const ssr_function *fn,
                              perfopt_value *out);

/* ---- macro.c ------------------------------------------------------------------------------- */

bool perfopt__ssr_exec_macro(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_exec_call_block(ssr_runtime *rt, const ssr_stmt *s);
bool perfopt__ssr_macro_value(ssr_runtime *rt, const ssr_function *fn, perfopt_value *out);

/* ---- fragment.c ---------------------------------------------------------------------------- */

bool perfopt__ssr_exec_cache(ssr_runtime *rt, const ssr_stmt *s);

#endif
