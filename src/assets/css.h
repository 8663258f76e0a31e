/*
 * css.h - CSS tokens (CSS Syntax Module Level 3), used by the minifier and by the search for
 * references to other files.
 */
#ifndef PERFOPT_SRC_ASSETS_CSS_H
#define PERFOPT_SRC_ASSETS_CSS_H

#include "assets/minify.h"

typedef enum perfopt__css_kind {
    CSS_END,
    CSS_SPACE,
    CSS_COMMENT,
    CSS_IDENT,
    CSS_FUNCTION, /* with its "(" */
    CSS_AT,       /* @name */
    CSS_HASH,
    CSS_STRING,
    CSS_URL, /* url(...) without quotes, whole */
    CSS_NUMBER,
    CSS_PERCENTAGE,
    CSS_DIMENSION,
    CSS_MARKER, /* <!-- or --> */
    CSS_DELIM   /* any other single character, brackets included */
} perfopt__css_kind;

typedef struct perfopt__css_token {
    perfopt__css_kind kind;
    char delim; /* of a CSS_DELIM */
    size_t start;
    size_t end;
    size_t number_end;   /* of a number: where its unit begins */
    bool space_before;   /* filled by the minifier: white space stood before it */
    bool comment_before; /* a comment that went away stood before it */
} perfopt__css_token;

/* ---- css_lexer.c ---- */

typedef struct perfopt__css_lexer {
    const char *text;
    size_t length;
    size_t at;
    const char *error;
    size_t error_at;
} perfopt__css_lexer;

/* False on an error (lexer->error says what). CSS_END at the end. */
bool perfopt__css_next(perfopt__css_lexer *lexer, perfopt__css_token *token);

/* ---- css_print.c ---- */

/* One statement: what stands before a ";", "{" or "}". Its tokens have no white space or comments
 * among them, only the flags. */
typedef struct perfopt__css_statement {
    const char *text;
    const perfopt__css_token *tokens;
    size_t count;
} perfopt__css_statement;

typedef struct perfopt__css_printer {
    perfopt__strbuf *out;
    perfopt__strbuf context; /* one byte for each open bracket of the statement */
} perfopt__css_printer;

/* A qualified rule's selector. */
void perfopt__css_print_selector(perfopt__css_printer *printer,
                                 const perfopt__css_statement *statement);
/* An at-rule up to its ";" or "{". */
void perfopt__css_print_at_rule(perfopt__css_printer *printer,
                                const perfopt__css_statement *statement);
/* property: value; or what merely stands in its place. */
void perfopt__css_print_declaration(perfopt__css_printer *printer,
                                    const perfopt__css_statement *statement);

#endif
