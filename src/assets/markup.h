/*
 * markup.h - tokens of HTML and XML, for the HTML and SVG minifiers.
 */
#ifndef PERFOPT_SRC_ASSETS_MARKUP_H
#define PERFOPT_SRC_ASSETS_MARKUP_H

#include "assets/minify.h"

typedef enum perfopt__markup_kind {
    MARKUP_END,
    MARKUP_TEXT,
    MARKUP_COMMENT,
    MARKUP_DECLARATION, /* doctype, processing instruction, bogus comment */
    MARKUP_CDATA,
    MARKUP_OPEN, /* <name ...> */
    MARKUP_CLOSE /* </name> */
} perfopt__markup_kind;

typedef struct perfopt__markup_token {
    perfopt__markup_kind kind;
    size_t start;
    size_t end;
    size_t name_start; /* of a tag */
    size_t name_length;
    size_t attributes; /* where they begin */
    bool self_closing;
} perfopt__markup_token;

typedef struct perfopt__markup {
    const char *text;
    size_t length;
    size_t at;
    bool xml;   /* XML's rules instead of HTML's */
    bool cdata; /* HTML only: inside <svg> or <math> */
    const char *error;
    size_t error_at;
} perfopt__markup;

typedef struct perfopt__markup_attribute {
    size_t name_start;
    size_t name_end;
    size_t value_start; /* with its quotes; value_start == value_end: no value */
    size_t value_end;
} perfopt__markup_attribute;

/* ---- markup.c ---- */

/* False on an error (markup->error says what). MARKUP_END at the end. */
bool perfopt__markup_next(perfopt__markup *markup, perfopt__markup_token *token);
/* The attribute at *at, which moves on; false behind the last one. */
bool perfopt__markup_next_attribute(const perfopt__markup *markup, const perfopt__markup_token *tag,
                                    size_t *at, perfopt__markup_attribute *attribute);
/* Finds an attribute and copies its value without quotes, cut to `size`; false if there is none. */
bool perfopt__markup_attribute_value(const perfopt__markup *markup,
                                     const perfopt__markup_token *tag, const char *name,
                                     char *value, size_t size);
bool perfopt__markup_is(const perfopt__markup *markup, const perfopt__markup_token *tag,
                        const char *name);
/* Writes a tag with single spaces between its attributes. */
void perfopt__markup_put_tag(perfopt__strbuf *out, const perfopt__markup *markup,
                             const perfopt__markup_token *tag);
/* True for a comment that the minifiers keep. */
bool perfopt__markup_keeps_comment(const perfopt__markup *markup,
                                   const perfopt__markup_token *comment);

#endif
