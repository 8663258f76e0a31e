/*
 * ast.h - what the lexer and the parser hand on: tokens, names, syntax tree.
 *
 * Everything lives in the arena of one compilation. Lists are linked through `next`.
 */
#ifndef PERFOPT_SRC_SSR_AST_H
#define PERFOPT_SRC_SSR_AST_H

#include <perfopt/value.h>

/* ---- limits -------------------------------------------------------------------------------- */

enum {
    SSR_MAX_NESTING = 200,    /* brackets, unary operators and statements inside each other */
    SSR_MAX_TREE_DEPTH = 500, /* height of an expression's tree: a + b + c + ... has 500 terms */
    SSR_MAX_BLOCKS = 1000,    /* in one template */
    SSR_MAX_SOURCE = 16 << 20
};

/* ---- names --------------------------------------------------------------------------------- */

/* One spelling of an identifier in a template: equal names are the same pointer. */
typedef struct ssr_name {
    const char *text; /* NUL-terminated */
    uint32_t length;
    uint32_t id; /* 0, 1, 2... in the order of appearance */
    uint64_t hash;
    struct ssr_name *next; /* in the table's bucket */
} ssr_name;

/* ---- tokens -------------------------------------------------------------------------------- */

typedef enum ssr_token_type {
    TOKEN_EOF,
    TOKEN_DATA,
    TOKEN_VARIABLE_BEGIN,
    TOKEN_VARIABLE_END,
    TOKEN_BLOCK_BEGIN,
    TOKEN_BLOCK_END,
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_ADD,
    TOKEN_SUB,
    TOKEN_MUL,
    TOKEN_POW,
    TOKEN_DIV,
    TOKEN_FLOORDIV,
    TOKEN_MOD,
    TOKEN_TILDE,
    TOKEN_LBRACKET,
    TOKEN_RBRACKET,
    TOKEN_LPAREN,
    TOKEN_RPAREN,
    TOKEN_LBRACE,
    TOKEN_RBRACE,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_GT,
    TOKEN_GTEQ,
    TOKEN_LT,
    TOKEN_LTEQ,
    TOKEN_ASSIGN,
    TOKEN_DOT,
    TOKEN_COLON,
    TOKEN_PIPE,
    TOKEN_COMMA,
    TOKEN_SEMICOLON
} ssr_token_type;

typedef struct ssr_token {
    uint8_t type;
    uint32_t line;
    uint32_t column;
    uint32_t length; /* of text: DATA, NAME, STRING (unescaped) */
    union {
        const char *text;
        int64_t integer;
        double real;
    } as;
} ssr_token;

/* ---- tree ---------------------------------------------------------------------------------- */

typedef enum ssr_ast_kind {
    /* expressions */
    AST_CONST,   /* value */
    AST_DATA,    /* template text: value */
    AST_NAME,    /* name */
    AST_NSREF,   /* name . attr, as a target */
    AST_TUPLE,   /* list */
    AST_LIST,    /* list */
    AST_DICT,    /* list: key, value, key, value, ... */
    AST_COND,    /* a if b else c */
    AST_AND,     /* a, b */
    AST_OR,      /* a, b */
    AST_NOT,     /* a */
    AST_NEG,     /* a */
    AST_POS,     /* a */
    AST_BINARY,  /* op, a, b */
    AST_CONCAT,  /* list */
    AST_COMPARE, /* a, then list: each operand with its op */
    AST_GETATTR, /* a, name */
    AST_GETITEM, /* a, b */
    AST_SLICE,   /* a, b, c: each may be NULL; only as b of GETITEM */
    AST_CALL,    /* a, args */
    AST_FILTER,  /* a (NULL in filter blocks), name, args */
    AST_TEST,    /* a, name, args */
    /* statements */
    AST_OUTPUT,       /* list of expressions and DATA */
    AST_IF,           /* a = test, body, list = elifs (IF), other = else */
    AST_FOR,          /* a = target, b = iterable, c = test, body, other, flag = recursive */
    AST_SET,          /* a = target, b = value */
    AST_SET_BLOCK,    /* a = target, b = filter or NULL, body */
    AST_BLOCK,        /* name, body, flag = scoped, flag2 = required */
    AST_EXTENDS,      /* a */
    AST_INCLUDE,      /* a, flag = ignore missing, flag2 = with context */
    AST_IMPORT,       /* a, name, flag2 = with context */
    AST_FROM,         /* a, list of NAME (name as alias), flag2 = with context */
    AST_MACRO,        /* name, args = signature, body */
    AST_CALL_BLOCK,   /* a = CALL, args = signature, body */
    AST_FILTER_BLOCK, /* b = filter, body */
    AST_WITH,         /* list: target, value, target, value; body */
    AST_AUTOESCAPE,   /* a, body */
    AST_CACHE         /* a = key, b = ttl or NULL, c = tags or NULL, body */
} ssr_ast_kind;

typedef struct ssr_ast ssr_ast;

typedef struct ssr_ast_list {
    ssr_ast *first;
    ssr_ast *last;
    uint32_t count;
} ssr_ast_list;

/* Arguments of a call (values by position, then by keyword in `name`), or a macro's signature
 * (NAME nodes; `defaults` belong to the last ones). */
typedef struct ssr_ast_args {
    ssr_ast_list positional;
    ssr_ast_list keywords; /* wrapped: name = keyword, a = value, kind AST_CONST unused */
    ssr_ast_list defaults;
    ssr_ast *star;      /* *x or NULL */
    ssr_ast *star_star; /* **x or NULL */
} ssr_ast_args;

struct ssr_ast {
    uint8_t kind;
    uint8_t op; /* a ssr_token_type; COMPARE operands: also SSR_OP_IN, SSR_OP_NOT_IN */
    bool flag;
    bool flag2;
    uint16_t depth; /* of an expression's tree */
    uint32_t line;
    uint32_t column;
    ssr_ast *next;
    ssr_ast *a;
    ssr_ast *b;
    ssr_ast *c;
    ssr_name *name;
    ssr_name *alias; /* FROM: "name as alias"; NSREF: the attribute */
    ssr_ast_args *args;
    ssr_ast_list list;
    ssr_ast_list body;
    ssr_ast_list other;
    perfopt_value value;
};

enum { SSR_OP_IN = 100, SSR_OP_NOT_IN = 101 };

#endif
