/*
 * css_print.c - prints the tokens of one CSS statement with as little white space as its place
 * allows. What a space means differs: "a :hover" is a descendant, "(min-width :1px)" is not. So
 * every bracket has a mode, and the mode decides.
 */
#include "assets/css.h"

#include <strings.h>

enum mode {
    SELECTOR = 's',
    ATTRIBUTE = '[', /* [name="value" i] in a selector */
    PRELUDE = 'p',   /* of @media and its like, outside its brackets */
    CONDITION = 'c', /* the same, inside its brackets */
    GENERIC = 'g',   /* other at-rules */
    VALUE = 'v',     /* of a declaration */
    RAW = 'r'        /* tokens stay: custom properties, unknown at-rules */
};

/* What may be written shorter in a declaration's value. */
typedef struct value_rules {
    bool numbers;    /* 0.50 -> .5 and #AABBCC -> #abc */
    bool zero_units; /* 0px -> 0 */
} value_rules;

static const value_rules as_it_is = {false, false};

static bool one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_opener(const perfopt__css_token *t)
{
    return t->kind == CSS_FUNCTION || one_of(t->delim, "([{");
}

static bool token_is(const perfopt__css_statement *st, const perfopt__css_token *t,
                     const char *text)
{
    return perfopt__equals_nocase(st->text + t->start, t->end - t->start, text);
}

/* ---- white space -------------------------------------------------------------------------- */

/* Must the white space between the two tokens stay? Their white space is known to exist. */
static bool space_stays(enum mode mode, const perfopt__css_token *left,
                        const perfopt__css_token *right)
{
    char l = left->delim;
    char r = right->delim;
    if (mode == RAW || (l == '/' && r == '*'))
        return true;
    if (is_opener(left) || one_of(r, ")]}") || l == ',' || r == ',')
        return false;
    switch (mode) {
    case SELECTOR:
        return !one_of(l, ">~+") && !one_of(r, ">~+");
    case ATTRIBUTE:
        return !one_of(l, "=~|^$*") && !one_of(r, "=~|^$*");
    case CONDITION:
        return !one_of(l, ":<>=/*") && !one_of(r, ":<>=/*");
    case VALUE:
        return !one_of(l, "/*!") && !one_of(r, "/*!");
    default:
        return true;
    }
}

/* Would the two tokens, now without the comment between them, be read as something else? */
static bool runs_together(const perfopt__css_token *left, const perfopt__css_token *right)
{
    return !is_opener(left) && !one_of(left->delim, ",:;)]}!=>~") &&
           !one_of(right->delim, ",:;)]}!=>~{[");
}

static void put_separator(perfopt__strbuf *out, enum mode mode, const perfopt__css_token *left,
                          const perfopt__css_token *right)
{
    if (right->space_before) {
        if (space_stays(mode, left, right))
            perfopt__strbuf_putc(out, ' ');
    } else if (right->comment_before && (mode == RAW || runs_together(left, right))) {
        perfopt__strbuf_puts(out, "/**/");
    }
}

/* ---- tokens ------------------------------------------------------------------------------- */

/* #AABBCC -> #abc, #AABBCCDD -> #abcd. Other hashes stay. */
static void put_colour(perfopt__strbuf *out, const char *text, size_t length)
{
    char colour[9];
    size_t digits = length - 1;
    bool valid = digits == 3 || digits == 4 || digits == 6 || digits == 8;
    for (size_t i = 0; valid && i < digits; i++) {
        char c = text[i + 1];
        valid = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
        colour[i] = c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c;
    }
    if (!valid) {
        perfopt__strbuf_append(out, text, length);
        return;
    }
    bool pairs = digits >= 6;
    for (size_t i = 0; pairs && i < digits; i += 2)
        pairs = colour[i] == colour[i + 1];
    for (size_t i = 1; pairs && i < digits / 2; i++)
        colour[i] = colour[2 * i];
    perfopt__strbuf_putc(out, '#');
    perfopt__strbuf_append(out, colour, pairs ? digits / 2 : digits);
}

/* 0.50 -> .5, 1.0 -> 1; a number with an exponent stays. */
static void put_number(perfopt__strbuf *out, const char *text, size_t length)
{
    const char *point = memchr(text, '.', length);
    if (!point || memchr(text, 'e', length) || memchr(text, 'E', length)) {
        perfopt__strbuf_append(out, text, length);
        return;
    }
    size_t end = length;
    while (text[end - 1] == '0')
        end--;
    if (text[end - 1] == '.')
        end--;
    size_t whole = (size_t)(point - text);
    size_t sign = text[0] == '+' || text[0] == '-';
    bool drops_zero = whole == sign + 1 && text[sign] == '0' && end > whole;
    perfopt__strbuf_append(out, text, drops_zero ? sign : whole);
    if (end > whole)
        perfopt__strbuf_append(out, point, end - whole);
    else if (whole == sign)
        perfopt__strbuf_putc(out, '0'); /* .0 */
}

static bool is_zero(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '0' && text[i] != '.')
            return false;
    }
    return true;
}

/* Lengths only: 0% , 0s, 0deg and 0fr are not the same as 0. */
static bool is_length_unit(const char *unit, size_t length)
{
    static const char *const units[] = {
        "px",  "em",  "rem", "ex",   "ch",   "lh",  "rlh", "cap", "ic",  "vw",  "vh",
        "vi",  "vb",  "cm",  "mm",   "q",    "in",  "pt",  "pc",  "svw", "svh", "lvw",
        "lvh", "dvw", "dvh", "vmin", "vmax", "cqw", "cqh", "cqi", "cqb",
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (perfopt__equals_nocase(unit, length, units[i]))
            return true;
    }
    return false;
}

/* Do the token's neighbours stand so far away that they cannot run into it when it is shorter? */
static bool stands_apart(const perfopt__css_statement *st, const perfopt__css_token *t)
{
    const perfopt__css_token *last = &st->tokens[st->count - 1];
    bool left =
        t == st->tokens || t->space_before || is_opener(t - 1) || one_of(t[-1].delim, ":,/*");
    bool right = t == last || t[1].space_before || one_of(t[1].delim, ",)]}/*!");
    return left && right;
}

static void put_numeric(perfopt__strbuf *out, const char *text, const perfopt__css_token *t,
                        bool zero_units)
{
    const char *start = text + t->start;
    size_t digits = t->number_end - t->start;
    const char *unit = text + t->number_end;
    size_t unit_length = t->end - t->number_end;
    put_number(out, start, digits);
    if (zero_units && t->kind == CSS_DIMENSION && is_zero(start, digits) &&
        is_length_unit(unit, unit_length))
        return;
    perfopt__strbuf_append(out, unit, unit_length);
}

/* url(  a.png  ) -> url(a.png) */
static void put_url(perfopt__strbuf *out, const char *text, size_t length)
{
    size_t start = 4;
    size_t end = length - 1;
    while (perfopt__is_space(text[start]))
        start++;
    while (end > start && perfopt__is_space(text[end - 1]))
        end--;
    /* "\ " at the end is an escaped space. */
    if (end < length - 1 && text[end - 1] == '\\')
        end++;
    perfopt__strbuf_append(out, text, 4);
    perfopt__strbuf_append(out, text + start, end - start);
    perfopt__strbuf_putc(out, ')');
}

static void put_token(perfopt__strbuf *out, const perfopt__css_statement *st,
                      const perfopt__css_token *t, value_rules rules)
{
    const char *text = st->text + t->start;
    size_t length = t->end - t->start;
    bool is_number = t->kind == CSS_NUMBER || t->kind == CSS_PERCENTAGE || t->kind == CSS_DIMENSION;
    if (is_number && rules.numbers && stands_apart(st, t))
        put_numeric(out, st->text, t, rules.zero_units);
    else if (t->kind == CSS_HASH && rules.numbers)
        put_colour(out, text, length);
    else if (t->kind == CSS_URL)
        put_url(out, text, length);
    else
        perfopt__strbuf_append(out, text, length);
}

/* ---- runs of tokens ----------------------------------------------------------------------- */

static enum mode mode_inside(enum mode mode, const perfopt__css_statement *st,
                             const perfopt__css_token *opener)
{
    switch (mode) {
    case SELECTOR:
        return opener->delim == '[' ? ATTRIBUTE : SELECTOR;
    case PRELUDE:
    case CONDITION:
        return token_is(st, opener, "selector(") ? SELECTOR : CONDITION;
    default:
        return mode;
    }
}

/* Prints tokens[from..count). */
static void put_run(perfopt__css_printer *p, const perfopt__css_statement *st, size_t from,
                    enum mode mode, value_rules rules)
{
    perfopt__strbuf *context = &p->context;
    context->length = 0; /* not cleared: a failure in any statement must last */
    for (size_t i = from; i < st->count; i++) {
        const perfopt__css_token *t = &st->tokens[i];
        if (i > from)
            put_separator(p->out, mode, t - 1, t);
        /* In brackets the unit may decide the type: calc(0px + 1px). */
        value_rules here = {rules.numbers, rules.zero_units && context->length == 0};
        put_token(p->out, st, t, here);
        if (is_opener(t)) {
            perfopt__strbuf_putc(context, (char)mode);
            mode = mode_inside(mode, st, t);
        } else if (one_of(t->delim, ")]}") && context->length > 0) {
            mode = (enum mode)context->data[--context->length];
        }
    }
}

void perfopt__css_print_selector(perfopt__css_printer *p, const perfopt__css_statement *st)
{
    put_run(p, st, 0, SELECTOR, as_it_is);
}

/* ---- at-rules ----------------------------------------------------------------------------- */

static enum mode at_rule_mode(const perfopt__css_statement *st)
{
    static const struct {
        const char *name;
        enum mode mode;
    } known[] = {
        {"@media", PRELUDE},     {"@supports", PRELUDE},      {"@container", PRELUDE},
        {"@import", PRELUDE},    {"@custom-media", PRELUDE},  {"@scope", SELECTOR},
        {"@layer", GENERIC},     {"@keyframes", GENERIC},     {"@-webkit-keyframes", GENERIC},
        {"@font-face", GENERIC}, {"@page", GENERIC},          {"@namespace", GENERIC},
        {"@property", GENERIC},  {"@counter-style", GENERIC}, {"@starting-style", GENERIC},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (token_is(st, &st->tokens[0], known[i].name))
            return known[i].mode;
    }
    return RAW;
}

void perfopt__css_print_at_rule(perfopt__css_printer *p, const perfopt__css_statement *st)
{
    put_run(p, st, 0, at_rule_mode(st), as_it_is);
}

/* ---- declarations ------------------------------------------------------------------------- */

/* Index of the declaration's ":", 0 if it is none. A first "*" or "_" is an old browser hack. */
static size_t colon_of(const perfopt__css_statement *st)
{
    size_t name = st->count > 0 && st->tokens[0].kind == CSS_DELIM ? 1 : 0;
    if (name + 1 < st->count && st->tokens[name].kind == CSS_IDENT &&
        st->tokens[name + 1].delim == ':')
        return name + 1;
    return 0;
}

/* A unicode-range is no sequence of numbers, and filter: progid:... is a language of its own. */
static bool is_verbatim(const perfopt__css_statement *st, size_t colon)
{
    const perfopt__css_token *property = &st->tokens[colon - 1];
    if (token_is(st, property, "unicode-range"))
        return true;
    if (!token_is(st, property, "filter") && !token_is(st, property, "-ms-filter"))
        return false;
    return colon + 1 < st->count && token_is(st, &st->tokens[colon + 1], "progid");
}

static value_rules rules_of(const perfopt__css_statement *st, size_t colon)
{
    /* A 0 without a unit is read as a growth factor in "flex", as a count in "columns"; the initial
     * value of a registered property must match its syntax. */
    static const char *const keep_units[] = {
        "flex",    "-webkit-flex", "-ms-flex",      "flex-basis",  "-webkit-flex-basis",
        "columns", "font",         "initial-value", "line-height", "tab-size"};
    value_rules rules = {true, true};
    for (size_t i = 0; i < sizeof(keep_units) / sizeof(keep_units[0]); i++) {
        if (token_is(st, &st->tokens[colon - 1], keep_units[i]))
            rules.zero_units = false;
    }
    return rules;
}

static void put_verbatim(perfopt__strbuf *out, const perfopt__css_statement *st, size_t from)
{
    if (from < st->count)
        perfopt__strbuf_append(out, st->text + st->tokens[from].start,
                               st->tokens[st->count - 1].end - st->tokens[from].start);
}

/* The value keeps its tokens; an empty one keeps the space that makes it valid everywhere. */
static void put_custom_value(perfopt__css_printer *p, const perfopt__css_statement *st, size_t from)
{
    if (from == st->count || st->tokens[from].delim == '!')
        perfopt__strbuf_putc(p->out, ' ');
    put_run(p, st, from, RAW, as_it_is);
}

void perfopt__css_print_declaration(perfopt__css_printer *p, const perfopt__css_statement *st)
{
    size_t colon = colon_of(st);
    if (colon == 0) {
        put_run(p, st, 0, RAW, as_it_is);
        return;
    }
    const perfopt__css_token *property = &st->tokens[colon - 1];
    perfopt__strbuf_append(p->out, st->text + st->tokens[0].start,
                           property->end - st->tokens[0].start);
    perfopt__strbuf_putc(p->out, ':');
    const char *name = st->text + property->start;
    if (property->end - property->start >= 2 && name[0] == '-' && name[1] == '-')
        put_custom_value(p, st, colon + 1);
    else if (is_verbatim(st, colon))
        put_verbatim(p->out, st, colon + 1);
    else
        put_run(p, st, colon + 1, VALUE, rules_of(st, colon));
}
