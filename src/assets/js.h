/*
 * js.h - the parts of the JavaScript minifier. The lexer cannot know alone whether "/" begins a
 * regular expression and whether "}" goes on with a template literal; the syntax tracker knows.
 *
 *     js_lexer.c  --token-->  js_minify.c  --token-->  js_syntax.c
 *          ^---- is a regular expression possible here? ----'
 */
#ifndef PERFOPT_SRC_ASSETS_JS_H
#define PERFOPT_SRC_ASSETS_JS_H

#include "assets/minify.h"

typedef enum perfopt__js_kind {
    JS_END,
    JS_WORD,    /* identifier or reserved word */
    JS_PRIVATE, /* #name */
    JS_NUMBER,
    JS_STRING,
    JS_REGEX,
    JS_TEMPLATE, /* a piece: `a`, `a${, }b${ or }c` */
    JS_PUNCTUATOR,
    JS_COMMENT /* one that stays; not part of the syntax */
} perfopt__js_kind;

/* X(enumerator, spelling), in order of length: the words that decide what a "/", a "{" or a line
 * break after them means. */
#define PERFOPT__JS_WORDS(X)   \
    X(JS_DO, "do")             \
    X(JS_IF, "if")             \
    X(JS_IN, "in")             \
    X(JS_OF, "of")             \
    X(JS_FOR, "for")           \
    X(JS_LET, "let")           \
    X(JS_NEW, "new")           \
    X(JS_TRY, "try")           \
    X(JS_VAR, "var")           \
    X(JS_CASE, "case")         \
    X(JS_ELSE, "else")         \
    X(JS_VOID, "void")         \
    X(JS_WITH, "with")         \
    X(JS_ASYNC, "async")       \
    X(JS_AWAIT, "await")       \
    X(JS_BREAK, "break")       \
    X(JS_CATCH, "catch")       \
    X(JS_CLASS, "class")       \
    X(JS_CONST, "const")       \
    X(JS_THROW, "throw")       \
    X(JS_WHILE, "while")       \
    X(JS_YIELD, "yield")       \
    X(JS_DELETE, "delete")     \
    X(JS_EXPORT, "export")     \
    X(JS_IMPORT, "import")     \
    X(JS_RETURN, "return")     \
    X(JS_STATIC, "static")     \
    X(JS_SWITCH, "switch")     \
    X(JS_TYPEOF, "typeof")     \
    X(JS_DEFAULT, "default")   \
    X(JS_EXTENDS, "extends")   \
    X(JS_FINALLY, "finally")   \
    X(JS_CONTINUE, "continue") \
    X(JS_FUNCTION, "function") \
    X(JS_INSTANCEOF, "instanceof")

typedef enum perfopt__js_word {
    JS_NAME = 0, /* any other word */
#define PERFOPT__JS_WORD_ENUM(name, text) name,
    PERFOPT__JS_WORDS(PERFOPT__JS_WORD_ENUM)
#undef PERFOPT__JS_WORD_ENUM
        JS_WORD_COUNT
} perfopt__js_word;

/* A punctuator as a number: its bytes, the first one lowest. */
#define JS_P1(a)       ((uint32_t)(a))
#define JS_P2(a, b)    (JS_P1(a) | (uint32_t)(b) << 8)
#define JS_P3(a, b, c) (JS_P2(a, b) | (uint32_t)(c) << 16)

typedef struct perfopt__js_token {
    perfopt__js_kind kind;
    perfopt__js_word word; /* of a JS_WORD */
    uint32_t punctuator;   /* of a JS_PUNCTUATOR, 0 otherwise */
    size_t start;
    size_t end;
    bool space_before;   /* white space or a comment stood before it */
    bool newline_before; /* and there was a line terminator in it */
    bool opens;          /* a JS_TEMPLATE piece that ends in "${" */
    bool closes;         /* a JS_TEMPLATE piece that begins with "}" */
    bool needs_line_end; /* a JS_COMMENT that runs to the end of its line */
} perfopt__js_token;

/* ---- js_syntax.c ---- */

/* What the grammar expects next. */
typedef enum perfopt__js_expect {
    JS_EXPECT_STATEMENT, /* start of a statement or class element */
    JS_EXPECT_OPERAND,   /* an expression must go on with an operand */
    JS_EXPECT_OPERATOR   /* an operand has ended */
} perfopt__js_expect;

/* One open bracket, or the head of a function or class whose body is still to come. */
typedef struct perfopt__js_frame {
    uint8_t kind;
    uint8_t after; /* what its closing bracket means for what follows */
    uint16_t flags;
    uint32_t ternaries; /* "?" that wait for their ":" */
} perfopt__js_frame;

typedef struct perfopt__js_syntax {
    perfopt__js_frame *frames; /* frames[0] is the document */
    size_t depth;
    size_t capacity;
    perfopt__js_expect expect;
    bool restricted; /* after return, throw, break, continue, yield: a line break ends it */
    bool ends_arrow; /* after "}" of an arrow function's body: only a line break can go on */
    perfopt__js_kind last_kind;
    perfopt__js_word last_word;    /* spelling of the last token, also of property names */
    perfopt__js_word last_keyword; /* the same, but JS_NAME for names */
    uint32_t last_punctuator;
    bool declares;    /* "async" or "export" stood where a declaration may follow */
    bool async_name;  /* after "async x" */
    bool async_paren; /* after "async (...)" */
    const char *error;
} perfopt__js_syntax;

perfopt_status perfopt__js_syntax_init(perfopt__js_syntax *syntax);
void perfopt__js_syntax_finish(perfopt__js_syntax *syntax);
/* May a "/" at this place begin a regular expression? */
bool perfopt__js_regex_allowed(const perfopt__js_syntax *syntax, bool newline_before);
/* Does a "}" at this place go on with a template literal? */
bool perfopt__js_in_template(const perfopt__js_syntax *syntax);
/* May taking the line break before this token away change what the program means? */
bool perfopt__js_newline_counts(const perfopt__js_syntax *syntax, const perfopt__js_token *token);
/* Does a ";" at this place only end a statement, so that a "}" could end it as well? */
bool perfopt__js_semicolon_is_end(const perfopt__js_syntax *syntax);
/* Takes one token. PERFOPT_ESYNTAX (syntax->error says why) or PERFOPT_ENOMEM. */
perfopt_status perfopt__js_accept(perfopt__js_syntax *syntax, const perfopt__js_token *token);

/* ---- js_lexer.c ---- */

typedef struct perfopt__js_lexer {
    const char *text;
    size_t length;
    size_t at;
    bool line_start; /* only white space and comments since the last line terminator */
    bool space;      /* white space or a comment since the last token */
    bool newline;    /* a line terminator since the last token */
    const char *error;
    size_t error_at;
} perfopt__js_lexer;

/* False on an error (lexer->error says what). JS_END at the end. */
bool perfopt__js_next(perfopt__js_lexer *lexer, const perfopt__js_syntax *syntax,
                      perfopt__js_token *token);
/* Can this byte stand in an identifier? (every byte of a non-ASCII character can) */
bool perfopt__js_is_word_byte(char c);

#endif
