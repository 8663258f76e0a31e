/*
 * js_syntax.c - follows a JavaScript program token by token, just closely enough to know three
 * things a lexer cannot: what a "/" is, what a "}" closes, and where a line break ends a statement
 * (ECMA-262, 12.10). It is no parser: what it takes need not be a valid program, and it keeps one
 * small frame for each open bracket:
 *
 *     function f(a) { x = { get y() { return `${ 1
 *     frames:        BLOCK  OBJECT    BLOCK   TEMPLATE
 *
 * A function or class has a HEAD frame between its keyword (or method name) and its body; the "{"
 * turns the head into the body.
 */
#include "assets/js.h"

#include "base/memory.h"

enum frame_kind {
    BLOCK,    /* statements: the document, a block, a function's body */
    OBJECT,   /* an object literal, a destructuring pattern, names of import and export */
    CLASS,    /* a class body */
    TEMPLATE, /* ${ } in a template literal */
    PAREN,
    BRACKET,
    FUNCTION_HEAD,
    CLASS_HEAD
};

/* What the end of a frame is. */
enum frame_after {
    AFTER_STATEMENT, /* a statement is complete, or its body follows: "if (x)" */
    AFTER_OPERAND,   /* an operand is complete */
    AFTER_ARROW,     /* an arrow function is complete: no operator can follow */
    AFTER_MEMBER     /* a method is complete */
};

enum frame_flag {
    IN_ASYNC = 1,     /* "await" is an operator */
    IN_GENERATOR = 2, /* "yield" is an operator */
    AT_NAME = 4,      /* in OBJECT or CLASS: before the ":", "=" or "(" of a property */
    MEMBER_ASYNC = 8, /* in OBJECT or CLASS: "async" stands before the name */
    MEMBER_GENERATOR = 16,
    AFTER_EXTENDS = 32, /* in CLASS_HEAD */
    ASYNC_CALL = 64     /* a PAREN behind "async" */
};

#define CONTEXT_FLAGS (IN_ASYNC | IN_GENERATOR)

static perfopt__js_frame *top(const perfopt__js_syntax *s)
{
    return &s->frames[s->depth - 1];
}

static bool at_name(const perfopt__js_frame *f)
{
    return (f->kind == OBJECT || f->kind == CLASS) && (f->flags & AT_NAME);
}

static perfopt_status fail(perfopt__js_syntax *s, const char *what)
{
    s->error = what;
    return PERFOPT_ESYNTAX;
}

static perfopt_status push(perfopt__js_syntax *s, enum frame_kind kind, enum frame_after after,
                           unsigned flags)
{
    if (s->depth == PERFOPT__MINIFY_MAX_DEPTH)
        return fail(s, "nested too deeply");
    if (s->depth == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 32;
        perfopt__js_frame *frames = perfopt__reallocarray(s->frames, capacity, sizeof(*s->frames));
        if (!frames)
            return PERFOPT_ENOMEM;
        s->frames = frames;
        s->capacity = capacity;
    }
    s->frames[s->depth++] = (perfopt__js_frame){(uint8_t)kind, (uint8_t)after, (uint16_t)flags, 0};
    return PERFOPT_OK;
}

/* Pops a frame of this kind into *out. */
static perfopt_status pop(perfopt__js_syntax *s, enum frame_kind kind, perfopt__js_frame *out)
{
    if (s->depth < 2 || top(s)->kind != kind)
        return fail(s, "bracket without partner");
    *out = s->frames[--s->depth];
    return PERFOPT_OK;
}

perfopt_status perfopt__js_syntax_init(perfopt__js_syntax *s)
{
    *s = (perfopt__js_syntax){.expect = JS_EXPECT_STATEMENT};
    /* At the top level of a module "await" is an operator; a script that divides a variable of that
     * name by something is not a program anybody has. */
    return push(s, BLOCK, AFTER_STATEMENT, IN_ASYNC);
}

void perfopt__js_syntax_finish(perfopt__js_syntax *s)
{
    perfopt__free(s->frames);
    s->frames = NULL;
}

/* ---- questions ---------------------------------------------------------------------------- */

bool perfopt__js_regex_allowed(const perfopt__js_syntax *s, bool newline_before)
{
    return s->expect != JS_EXPECT_OPERATOR || s->ends_arrow || (s->restricted && newline_before);
}

bool perfopt__js_in_template(const perfopt__js_syntax *s)
{
    return top(s)->kind == TEMPLATE;
}

bool perfopt__js_semicolon_is_end(const perfopt__js_syntax *s)
{
    uint8_t kind = top(s)->kind;
    return (kind == BLOCK || kind == CLASS) && (s->expect == JS_EXPECT_OPERATOR || s->restricted);
}

/* Can the token be the first one of a statement or a class element? */
static bool may_start(const perfopt__js_syntax *s, const perfopt__js_token *t)
{
    switch (t->kind) {
    case JS_END:
    case JS_COMMENT:
        return false;
    case JS_WORD:
        return (t->word != JS_IN && t->word != JS_INSTANCEOF) || at_name(top(s));
    case JS_TEMPLATE:
        return !t->closes;
    case JS_PUNCTUATOR:
        break;
    default:
        return true;
    }
    switch (t->punctuator) {
    case JS_P1('('):
    case JS_P1('['):
    case JS_P1('{'):
    case JS_P1('+'):
    case JS_P1('-'):
    case JS_P1('!'):
    case JS_P1('~'):
    case JS_P1('@'):
    case JS_P2('+', '+'):
    case JS_P2('-', '-'):
        return true;
    case JS_P1('*'):
        return top(s)->kind == CLASS;
    default:
        return false;
    }
}

bool perfopt__js_newline_counts(const perfopt__js_syntax *s, const perfopt__js_token *t)
{
    uint8_t kind = top(s)->kind;
    return t->newline_before && (kind == BLOCK || kind == CLASS) &&
           (s->expect == JS_EXPECT_OPERATOR || s->restricted) && may_start(s, t);
}

/* Does the line break before the token end the statement? Called when the line break counts: an
 * operator or bracket that can go on with the expression does go on with it. */
static bool newline_ends(const perfopt__js_syntax *s, const perfopt__js_token *t)
{
    if (s->restricted || s->ends_arrow)
        return true;
    if (t->kind == JS_TEMPLATE)
        return false;
    if (t->kind != JS_PUNCTUATOR)
        return true;
    switch (t->punctuator) {
    case JS_P1('{'):
        return s->last_keyword != JS_LET;
    case JS_P1('['):
    case JS_P1('*'):
        return at_name(top(s));
    case JS_P1('('):
    case JS_P1('+'):
    case JS_P1('-'):
        return false;
    default:
        return true;
    }
}

/* ---- words -------------------------------------------------------------------------------- */

static void accept_name(perfopt__js_syntax *s, const perfopt__js_token *t)
{
    perfopt__js_frame *f = top(s);
    if (at_name(f) && t->word == JS_ASYNC)
        f->flags |= MEMBER_ASYNC;
    s->expect = JS_EXPECT_OPERATOR;
}

/* "function": a declaration where a statement may stand, else an expression. */
static perfopt_status accept_function(perfopt__js_syntax *s, bool promised)
{
    bool is_async = s->last_keyword == JS_ASYNC;
    bool declares = s->expect == JS_EXPECT_STATEMENT || promised;
    s->expect = JS_EXPECT_OPERATOR;
    return push(s, FUNCTION_HEAD, declares ? AFTER_STATEMENT : AFTER_OPERAND,
                is_async ? IN_ASYNC : 0);
}

static perfopt_status accept_class(perfopt__js_syntax *s, bool promised)
{
    /* An operand before "class" can only be a decorator: "@x class A {}". */
    bool declares = s->expect != JS_EXPECT_OPERAND || promised;
    s->expect = JS_EXPECT_OPERATOR;
    return push(s, CLASS_HEAD, declares ? AFTER_STATEMENT : AFTER_OPERAND,
                top(s)->flags & CONTEXT_FLAGS);
}

/* Words that only sometimes are keywords. True if the token was one here. */
static bool accept_contextual(perfopt__js_syntax *s, const perfopt__js_token *t)
{
    unsigned flags = top(s)->flags;
    switch (t->word) {
    case JS_OF:
        if (s->expect != JS_EXPECT_OPERATOR || s->last_keyword == JS_LET)
            return false;
        s->expect = JS_EXPECT_OPERAND;
        return true;
    case JS_AWAIT:
        if (!(flags & IN_ASYNC) && s->last_keyword != JS_FOR)
            return false;
        s->expect = JS_EXPECT_OPERAND;
        return true;
    case JS_YIELD:
        if (!(flags & IN_GENERATOR))
            return false;
        s->expect = JS_EXPECT_OPERAND;
        s->restricted = true;
        return true;
    default:
        return false;
    }
}

static void accept_plain_word(perfopt__js_syntax *s, const perfopt__js_token *t, bool promised)
{
    switch (t->word) {
    case JS_DO:
    case JS_ELSE:
    case JS_TRY:
    case JS_FINALLY:
    case JS_CATCH:
        s->expect = JS_EXPECT_STATEMENT;
        break;
    case JS_RETURN:
    case JS_THROW:
        s->restricted = true;
        s->expect = JS_EXPECT_OPERAND;
        break;
    case JS_BREAK:
    case JS_CONTINUE:
        s->restricted = true;
        s->expect = JS_EXPECT_OPERATOR;
        break;
    case JS_ASYNC:
        s->declares = promised || s->expect == JS_EXPECT_STATEMENT;
        s->expect = JS_EXPECT_OPERATOR;
        break;
    case JS_EXPORT:
        s->declares = true;
        s->expect = JS_EXPECT_OPERAND;
        break;
    case JS_DEFAULT:
        s->declares = s->last_keyword == JS_EXPORT;
        s->expect = JS_EXPECT_OPERAND;
        break;
    case JS_NAME:
    case JS_STATIC:
    case JS_LET:
    case JS_OF:
    case JS_AWAIT:
    case JS_YIELD:
        s->expect = JS_EXPECT_OPERATOR;
        break;
    default: /* if, new, typeof, in, case, ... */
        s->expect = JS_EXPECT_OPERAND;
        break;
    }
}

static bool is_property_name(const perfopt__js_syntax *s, const perfopt__js_token *t)
{
    const perfopt__js_frame *f = top(s);
    if (s->last_punctuator == JS_P1('.') || s->last_punctuator == JS_P2('?', '.'))
        return true;
    if (f->kind == CLASS_HEAD)
        return !(f->flags & AFTER_EXTENDS) && t->word != JS_EXTENDS;
    return f->kind == FUNCTION_HEAD || at_name(f);
}

/* promised: an "export" or "async" before the word makes a function or class a declaration. */
static perfopt_status accept_word(perfopt__js_syntax *s, const perfopt__js_token *t, bool promised,
                                  perfopt__js_word *keyword)
{
    if (is_property_name(s, t)) {
        accept_name(s, t);
        return PERFOPT_OK;
    }
    *keyword = t->word;
    if (t->word == JS_FUNCTION)
        return accept_function(s, promised);
    if (t->word == JS_CLASS)
        return accept_class(s, promised);
    s->async_name = s->last_keyword == JS_ASYNC;
    if (accept_contextual(s, t)) {
        if (t->word == JS_AWAIT && s->last_keyword == JS_FOR)
            *keyword = JS_FOR;
        return PERFOPT_OK;
    }
    if (t->word == JS_EXTENDS && top(s)->kind == CLASS_HEAD)
        top(s)->flags |= AFTER_EXTENDS;
    accept_plain_word(s, t, promised);
    return PERFOPT_OK;
}

/* ---- brackets ----------------------------------------------------------------------------- */

static bool is_control(perfopt__js_word word)
{
    return word == JS_IF || word == JS_WHILE || word == JS_FOR || word == JS_WITH ||
           word == JS_SWITCH || word == JS_CATCH;
}

static perfopt_status open_paren(perfopt__js_syntax *s)
{
    perfopt__js_frame *f = top(s);
    if (at_name(f) && s->expect == JS_EXPECT_OPERATOR) {
        unsigned flags = (f->flags & MEMBER_ASYNC ? IN_ASYNC : 0u) |
                         (f->flags & MEMBER_GENERATOR ? IN_GENERATOR : 0u);
        f->flags &= (uint16_t) ~(MEMBER_ASYNC | MEMBER_GENERATOR);
        perfopt_status status = push(s, FUNCTION_HEAD, AFTER_MEMBER, flags);
        if (status != PERFOPT_OK)
            return status;
    }
    unsigned flags = top(s)->flags & CONTEXT_FLAGS;
    if (s->last_keyword == JS_ASYNC)
        flags |= ASYNC_CALL;
    bool control = is_control(s->last_keyword);
    s->expect = JS_EXPECT_OPERAND;
    return push(s, PAREN, control ? AFTER_STATEMENT : AFTER_OPERAND, flags);
}

static perfopt_status close_paren(perfopt__js_syntax *s)
{
    perfopt__js_frame closed;
    perfopt_status status = pop(s, PAREN, &closed);
    if (status != PERFOPT_OK)
        return status;
    s->expect = closed.after == AFTER_STATEMENT ? JS_EXPECT_STATEMENT : JS_EXPECT_OPERATOR;
    s->async_paren = (closed.flags & ASYNC_CALL) != 0;
    return PERFOPT_OK;
}

static perfopt_status open_brace(perfopt__js_syntax *s, bool async_arrow)
{
    perfopt__js_frame *f = top(s);
    perfopt__js_expect expect = s->expect;
    s->expect = JS_EXPECT_STATEMENT;
    if (f->kind == FUNCTION_HEAD) {
        f->kind = BLOCK;
        return PERFOPT_OK;
    }
    if (f->kind == CLASS_HEAD && expect == JS_EXPECT_OPERATOR) {
        f->kind = CLASS;
        f->flags |= AT_NAME;
        return PERFOPT_OK;
    }
    if (s->last_punctuator == JS_P2('=', '>'))
        return push(s, BLOCK, AFTER_ARROW, async_arrow ? IN_ASYNC : f->flags & IN_ASYNC);
    if (f->kind == CLASS && at_name(f) && s->last_word == JS_STATIC)
        return push(s, BLOCK, AFTER_MEMBER, 0);
    if (expect == JS_EXPECT_STATEMENT)
        return push(s, BLOCK, AFTER_STATEMENT, f->flags & CONTEXT_FLAGS);
    s->expect = JS_EXPECT_OPERAND;
    return push(s, OBJECT, AFTER_OPERAND, (f->flags & CONTEXT_FLAGS) | AT_NAME);
}

static void end_member(perfopt__js_syntax *s)
{
    perfopt__js_frame *f = top(s);
    f->flags &= (uint16_t) ~(MEMBER_ASYNC | MEMBER_GENERATOR);
    if (f->kind == CLASS) {
        f->flags |= AT_NAME;
        s->expect = JS_EXPECT_STATEMENT;
    } else {
        f->flags &= (uint16_t)~AT_NAME;
        s->expect = JS_EXPECT_OPERATOR;
    }
}

static perfopt_status close_brace(perfopt__js_syntax *s)
{
    perfopt__js_frame closed;
    uint8_t kind = top(s)->kind;
    if (kind != OBJECT && kind != CLASS)
        kind = BLOCK;
    perfopt_status status = pop(s, kind, &closed);
    if (status != PERFOPT_OK)
        return status;
    s->ends_arrow = closed.after == AFTER_ARROW;
    if (closed.after == AFTER_MEMBER)
        end_member(s);
    else
        s->expect = closed.after == AFTER_STATEMENT ? JS_EXPECT_STATEMENT : JS_EXPECT_OPERATOR;
    return PERFOPT_OK;
}

static perfopt_status accept_template(perfopt__js_syntax *s, const perfopt__js_token *t)
{
    s->expect = t->opens ? JS_EXPECT_OPERAND : JS_EXPECT_OPERATOR;
    perfopt__js_frame closed;
    if (t->closes && !t->opens)
        return pop(s, TEMPLATE, &closed);
    if (t->opens && !t->closes)
        return push(s, TEMPLATE, AFTER_OPERAND, top(s)->flags & CONTEXT_FLAGS);
    return PERFOPT_OK;
}

/* ---- other punctuators -------------------------------------------------------------------- */

static void accept_colon(perfopt__js_syntax *s)
{
    perfopt__js_frame *f = top(s);
    s->expect = JS_EXPECT_OPERAND;
    if (f->ternaries > 0)
        f->ternaries--;
    else if (f->kind == OBJECT)
        f->flags &= (uint16_t)~AT_NAME;
    else if (f->kind == BLOCK) /* a label, case or default */
        s->expect = JS_EXPECT_STATEMENT;
}

static void accept_semicolon(perfopt__js_syntax *s)
{
    perfopt__js_frame *f = top(s);
    f->ternaries = 0;
    if (f->kind == CLASS)
        end_member(s);
    else
        s->expect = f->kind == BLOCK ? JS_EXPECT_STATEMENT : JS_EXPECT_OPERAND;
}

static void accept_arrow(perfopt__js_syntax *s, bool async_arrow)
{
    /* Without braces the arrow's body ends somewhere in this frame: from here on "await" counts. */
    if (async_arrow)
        top(s)->flags |= IN_ASYNC;
    s->expect = JS_EXPECT_OPERAND;
}

static void accept_operator(perfopt__js_syntax *s, const perfopt__js_token *t)
{
    perfopt__js_frame *f = top(s);
    switch (t->punctuator) {
    case JS_P2('+', '+'):
    case JS_P2('-', '-'):
        /* Behind an operand it belongs to that operand, unless a line break is between. */
        if (s->expect != JS_EXPECT_OPERATOR)
            s->expect = JS_EXPECT_OPERAND;
        return;
    case JS_P1('*'):
        if (f->kind == FUNCTION_HEAD)
            f->flags |= IN_GENERATOR;
        else if (at_name(f))
            f->flags |= MEMBER_GENERATOR;
        break;
    case JS_P1('?'):
        f->ternaries++;
        break;
    case JS_P1(','):
        if (f->kind == OBJECT)
            f->flags |= AT_NAME;
        break;
    case JS_P1('='):
    case JS_P3('.', '.', '.'):
        if (f->kind == OBJECT || f->kind == CLASS)
            f->flags &= (uint16_t)~AT_NAME;
        break;
    default:
        break;
    }
    s->expect = JS_EXPECT_OPERAND;
}

static perfopt_status accept_punctuator(perfopt__js_syntax *s, const perfopt__js_token *t,
                                        bool async_arrow)
{
    perfopt__js_frame closed;
    switch (t->punctuator) {
    case JS_P1('('):
        return open_paren(s);
    case JS_P1(')'):
        return close_paren(s);
    case JS_P1('['):
        s->expect = JS_EXPECT_OPERAND;
        return push(s, BRACKET, AFTER_OPERAND, top(s)->flags & CONTEXT_FLAGS);
    case JS_P1(']'):
        s->expect = JS_EXPECT_OPERATOR;
        return pop(s, BRACKET, &closed);
    case JS_P1('{'):
        return open_brace(s, async_arrow);
    case JS_P1('}'):
        return close_brace(s);
    case JS_P1(';'):
        accept_semicolon(s);
        return PERFOPT_OK;
    case JS_P1(':'):
        accept_colon(s);
        return PERFOPT_OK;
    case JS_P2('=', '>'):
        accept_arrow(s, async_arrow);
        return PERFOPT_OK;
    default:
        accept_operator(s, t);
        return PERFOPT_OK;
    }
}

/* ---- the step ----------------------------------------------------------------------------- */

static perfopt_status accept_end(perfopt__js_syntax *s)
{
    return s->depth == 1 ? PERFOPT_OK : fail(s, "bracket without end");
}

/* The line break before the token has ended a statement or a class element. */
static void end_statement(perfopt__js_syntax *s)
{
    top(s)->ternaries = 0;
    if (top(s)->kind == CLASS)
        end_member(s);
    s->expect = JS_EXPECT_STATEMENT;
    s->last_keyword = s->last_word = JS_NAME;
    s->last_punctuator = 0;
}

perfopt_status perfopt__js_accept(perfopt__js_syntax *s, const perfopt__js_token *t)
{
    if (perfopt__js_newline_counts(s, t) && newline_ends(s, t))
        end_statement(s);
    bool promised = s->declares;
    bool async_arrow = s->async_name || s->async_paren;
    perfopt__js_word keyword = JS_NAME;
    perfopt_status status = PERFOPT_OK;
    s->restricted = s->ends_arrow = s->declares = s->async_name = s->async_paren = false;
    switch (t->kind) {
    case JS_END:
        status = accept_end(s);
        break;
    case JS_WORD:
        status = accept_word(s, t, promised, &keyword);
        break;
    case JS_TEMPLATE:
        status = accept_template(s, t);
        break;
    case JS_PUNCTUATOR:
        status = accept_punctuator(s, t, async_arrow);
        /* "=>" hands the promise on to its "{". */
        s->async_paren = s->async_paren || (t->punctuator == JS_P2('=', '>') && async_arrow);
        break;
    default:
        s->expect = JS_EXPECT_OPERATOR;
        break;
    }
    s->last_kind = t->kind;
    s->last_word = t->word;
    s->last_keyword = keyword;
    s->last_punctuator = t->punctuator;
    return status;
}
