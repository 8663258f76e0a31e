/*
 * test_js_minify.c - the JavaScript minifier. What it makes of whole programs is compared with
 * another parser's view in differential.mjs; here are the single decisions.
 */
#include "assets/minify_check.h"

static void white_space_and_comments_go(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"", NULL},
        {" \n\t ", ""},
        {"var  a  =  1 ;", "var a=1;"},
        {"a ( b , c ) ;", "a(b,c);"},
        {"/* x */ a // y\n", "a"},
        {"a /* x */ + /* y */ b", "a+b"},
        {"return/*x*/a", "return a"},
        {"if (a) { b ; c ; }", "if(a){b;c}"},
        {"function f ( ) { return 1 ; }", "function f(){return 1}"},
        {"x\xC2\xA0=\xE2\x80\x83y\xEF\xBB\xBF;", "x=y;"},
        {"typeof  x", "typeof x"},
        {"typeof (x)", "typeof(x)"},
        {"case 'a' : b", "case'a':b"},
        {"a ? .5 : 1", "a?.5:1"},
        {"a ?. b", "a?.b"},
        {"for (;;) ;", "for(;;);"},
        {"1_000 . x", "1_000 .x"},
        {"class A { #x = 1 ; get y ( ) { return this . #x ; } }",
         "class A{#x=1;get y(){return this.#x}}"},
        {"import a , { b as c } from 'd' ;", "import a,{b as c}from'd';"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
}

static void kept_comments_stay(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"/*! a */ b", "/*! a */b"},
        {"/** @license MIT\n */\nb", "/** @license MIT\n */b"},
        {"a;\n// @preserve x\nb;", "a;// @preserve x\nb;"},
        {"//! top\nb", "//! top\nb"},
        {"a /*! x */ /b", "a/*! x *//b"},
        {"a / /*! x */ b", "a/ /*! x */b"},
        {"a\n/*! x */\nb", "a/*! x */\nb"},
        {"return /*! \n */ x", "return/*! \n */\nx"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
}

static void literals_stay_as_they_are(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"'a  // b'", NULL},
        {"\"a \\\n  b\"", NULL},
        {"'\\'  '", NULL},
        {"`a  ${ b + `c  ${ d }` }  }`", "`a  ${b+`c  ${d}`}  }`"},
        {"`${ { a : 1 } }  /* x */`", "`${{a:1}}  /* x */`"},
        {"`\\`  \\${ x`", NULL},
        {"tag `a  b`", "tag`a  b`"},
        {"'\xE2\x80\xA8'", NULL},
        {"x = 0b1010 + 0o17 + 0xFF + 1e-7 + .5e+3 + 10n", "x=0b1010+0o17+0xFF+1e-7+.5e+3+10n"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
}

static void slashes_are_told_apart(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"a / b / c", "a/b/c"},
        {"a = / b  / . test ( x )", "a=/ b  /.test(x)"},
        {"if (x) / re  /.test(y)", "if(x)/ re  /.test(y)"},
        {"f (x) / re  / y", "f(x)/re/y"},
        {"while (x) / a  /.exec(y)", "while(x)/ a  /.exec(y)"},
        {"( a ) / b", "(a)/b"},
        {"a [ 0 ] / b  / c", "a[0]/b/c"},
        {"return / a  /", "return/ a  /"},
        {"typeof / a  /", "typeof/ a  /"},
        {"x = { } / 1", "x={}/1"},
        {"{ } / a  /.test(b)", "{}/ a  /.test(b)"},
        {"x = function ( ) { } / 1 / 2", "x=function(){}/1/2"},
        {"function f ( ) { } / a  /.test(b)", "function f(){}/ a  /.test(b)"},
        {"x = class { } / 1", "x=class{}/1"},
        {"class A { } / a  /.test(b)", "class A{}/ a  /.test(b)"},
        {"a ++ / b  / c", "a++/b/c"},
        {"a = b\n++ / c  /.d", "a=b\n++/ c  /.d"},
        {"x = a / / b  /", "x=a/ / b  /"},
        {"/[/ ]  \\/ /.x", NULL},
        {"`${ a }` / b  / c", "`${a}`/b/c"},
        {"`${ / a  / }`", "`${/ a  /}`"},
        {"a . return / b  / c", "a.return/b/c"},
        {"x = { return : / a  / }", "x={return:/ a  /}"},
        {"x => { }\n/ a  /.b", "x=>{}\n/ a  /.b"},
        {"function * g ( ) { yield / a  / }", "function*g(){yield/ a  /}"},
        {"yield / a  / b", "yield/a/b"},
        {"async function f ( ) { await / a  / }", "async function f(){await/ a  /}"},
        {"function f ( ) { await / a  / b }", "function f(){await/a/b}"},
        {"f = async x => await / a  /", "f=async x=>await/ a  /"},
        {"f = async ( x ) => { await / a  / }", "f=async(x)=>{await/ a  /}"},
        {"l : { } / a  /.x", "l:{}/ a  /.x"},
        {"switch ( a ) { case / b  / : { } / c  /.d }", "switch(a){case/ b  /:{}/ c  /.d}"},
        {"for ( a of / b  / ) ;", "for(a of/ b  /);"},
        {"of / a  / b", "of/a/b"},
        {"export default / a  /", "export default/ a  /"},
        {"export default function ( ) { } / a  /.b", "export default function(){}/ a  /.b"},
        {"do { } while ( a ) / b  /.c", "do{}while(a)/ b  /.c"},
        {"a = b ? { } / c  / d : e", "a=b?{}/c/d:e"},
        {"x = { f ( ) { } , g : / a  / }", "x={f(){},g:/ a  /}"},
        {"class A { if ( ) { } static { } x = / a  / }", "class A{if(){}static{}x=/ a  /}"},
        {"010 . a / b  / c", "010 .a/b/c"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
}

static void line_breaks_that_count_stay(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"a\nb", NULL},
        {"a\n\n  b", "a\nb"},
        {"a ;\n b", "a;b"},
        {"a\n(b)", NULL},
        {"a\n[b]", NULL},
        {"a\n`b`", NULL},
        {"a\n+b", NULL},
        {"a\n-b", NULL},
        {"a\n++b", NULL},
        {"a\n.b", "a.b"},
        {"a\n= b", "a=b"},
        {"a\n? b\n: c", "a?b:c"},
        {"a\n&& b", "a&&b"},
        {"a\nin b", "a in b"},
        {"a\ninstanceof b", "a instanceof b"},
        {"return\na", NULL},
        {"throw a\nb", NULL},
        {"break\na", NULL},
        {"continue\n/a/.b", NULL},
        {"return\n;", "return;"},
        {"{\na\n}\nb", "{a}b"},
        {"if (a)\nb\nelse\nc", "if(a)b\nelse c"},
        {"if (a) { }\nelse { }", "if(a){}else{}"},
        {"function f ( ) { }\nf", "function f(){}f"},
        {"x = function ( ) { }\nf", "x=function(){}\nf"},
        {"x = { }\nf", "x={}\nf"},
        {"x = { a\n, b\n}", "x={a,b}"},
        {"f(a\n, b\n)", "f(a,b)"},
        {"(a\n)", "(a)"},
        {"class A { a\nb = 1\nc ( ) { }\nget\nd ( ) { } }", "class A{a\nb=1\nc(){}get\nd(){}}"},
        {"class A { a\n* b ( ) { } }", "class A{a\n*b(){}}"},
        {"class A { a\n['b'] }", "class A{a\n['b']}"},
        {"class A { in\nb }", "class A{in\nb}"},
        {"x = () => { }\n(y)", "x=()=>{}\n(y)"},
        {"let\nx", NULL},
        {"async\nfunction f ( ) { }\nx", "async\nfunction f(){}x"},
        {"do a\nwhile ( b )\nc", "do a\nwhile(b)c"},
        {"'use strict'\na", NULL},
        {"a /* \n */ b", "a\nb"},
        {"a // x\nb", "a\nb"},
        {"a\xE2\x80\xA8"
         "b",
         "a\nb"},
        {"a\r\nb", "a\nb"},
        {"var a\n!b", "var a\n!b"},
        {"a\n/b/c", "a/b/c"},
        {"x\n#p in o", NULL},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
}

static void tokens_do_not_run_together(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"a + + b", "a+ +b"},
        {"a + ++ b", "a+ ++b"},
        {"a - - b", "a- -b"},
        {"a - -- b", "a- --b"},
        {"a + - b", "a+-b"},
        {"a ++ + b", "a++ +b"},
        {"a -- > b", "a-- >b"},
        {"a < ! -- b", "a< ! --b"},
        {"a < !b", "a< !b"},
        {"a < / b/", "a< / b/"},
        {"1 .toString()", NULL},
        {"1. in a", NULL},
        {"1 in a", NULL},
        {"/a/ in b", NULL},
        {"/a/g in b", NULL},
        {"/a/ / b", "/a/ /b"},
        {"\xCF\x80 in \xC3\xA9", NULL},
        {"var \xC3\xA9", NULL},
        {"a in \\u{62}", NULL},
        {"\\u{61} in b", NULL},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
    check_refused(PERFOPT_ASSET_JS, "get # x", "1:5");
}

static void only_ending_semicolons_go(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"{ a ; }", "{a}"},
        {"{ if (a) ; }", "{if(a);}"},
        {"{ for (;;) ; }", "{for(;;);}"},
        {"{ while (a) ; }", "{while(a);}"},
        {"{ if (a) b; else ; }", "{if(a)b;else;}"},
        {"{ l : ; }", "{l:;}"},
        {"{ do a; while (b) ; }", "{do a;while(b);}"},
        {"{ ; }", "{;}"},
        {"{ a ; ; }", "{a;;}"},
        {"function f() { return ; }", "function f(){return}"},
        {"function f() { x = { } ; }", "function f(){x={}}"},
        {"class A { a = 1 ; }", "class A{a=1}"},
        {"a ;", "a;"},
        {"x = () => { a ; }", "x=()=>{a}"},
        {"switch (a) { case 1: b; break; }", "switch(a){case 1:b;break}"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
}

static void odd_comments(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"#!/usr/bin/env node\n a", "#!/usr/bin/env node\na"},
        {"<!-- x '\n a", "<!-- x '\na"},
        {"a\n--> x '\nb", "a\nb"},
        {"\xEF\xBB\xBF a", "\xEF\xBB\xBF"
                           "a"},
        {"a --> b", "a-->b"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JS, cases);
}

static void broken_programs_are_refused(void **state)
{
    (void)state;
    check_refused(PERFOPT_ASSET_JS, "a = 'b\nc'", "1:5");
    check_refused(PERFOPT_ASSET_JS, "\n\n  a = \"b", "3:7");
    check_refused(PERFOPT_ASSET_JS, "a /* b", "1:3");
    check_refused(PERFOPT_ASSET_JS, "`a ${b", "1:7");
    check_refused(PERFOPT_ASSET_JS, "`a", "1:1");
    check_refused(PERFOPT_ASSET_JS, "a = /b\n/", "1:5");
    check_refused(PERFOPT_ASSET_JS, "f(", "1:3");
    check_refused(PERFOPT_ASSET_JS, "f(]", "1:3");
    check_refused(PERFOPT_ASSET_JS, "}", "1:1");
    check_refused(PERFOPT_ASSET_JS, "{", "1:2");
    check_refused(PERFOPT_ASSET_JS, "\xC3\xA9 = \x01", "1:5");
    check_refused(PERFOPT_ASSET_JS, "a \\ b", "1:3");
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_null(minify_text(PERFOPT_ASSET_JS, "a\0b", 3, &err));
    assert_string_equal(err.detail, "1:2");
}

/* Nesting uses the heap and has an end. */
static void deep_nesting(void **state)
{
    (void)state;
    enum { DEEP = 90000, TOO_DEEP = 200000 };
    char *text = malloc(TOO_DEEP * 2);
    memset(text, '(', DEEP);
    memset(text + DEEP, ')', DEEP);
    perfopt_error err = PERFOPT_ERROR_INIT;
    char *out = minify_text(PERFOPT_ASSET_JS, text, DEEP * 2, &err);
    assert_non_null(out);
    assert_int_equal(strlen(out), DEEP * 2);
    free(out);
    memset(text, '{', TOO_DEEP);
    assert_null(minify_text(PERFOPT_ASSET_JS, text, TOO_DEEP, &err));
    assert_int_equal(err.status, PERFOPT_ESYNTAX);
    assert_non_null(strstr(err.message, "deep"));
    free(text);
}

static void types_and_limits(void **state)
{
    (void)state;
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_int_equal(perfopt_minify(PERFOPT_ASSET_OTHER, "a", 1, &out, &err), PERFOPT_EUNSUPPORTED);
    assert_int_equal(perfopt_minify((perfopt_asset_type)99, "a", 1, &out, &err),
                     PERFOPT_EUNSUPPORTED);
    char *large = calloc(1, (64u << 20) + 1);
    assert_int_equal(perfopt_minify(PERFOPT_ASSET_JS, large, (64u << 20) + 1, &out, &err),
                     PERFOPT_ELIMIT);
    free(large);
    assert_null(out);
    assert_int_equal(perfopt_asset_type_of("a/b.MJS"), PERFOPT_ASSET_JS);
    assert_int_equal(perfopt_asset_type_of("a.css.map"), PERFOPT_ASSET_JSON);
    assert_int_equal(perfopt_asset_type_of("a.svg"), PERFOPT_ASSET_SVG);
    assert_int_equal(perfopt_asset_type_of("a.htm"), PERFOPT_ASSET_HTML);
    assert_int_equal(perfopt_asset_type_of("css/a"), PERFOPT_ASSET_OTHER);
    assert_int_equal(perfopt_asset_type_of(".css"), PERFOPT_ASSET_OTHER);
    assert_int_equal(perfopt_asset_type_of("a.css/b"), PERFOPT_ASSET_OTHER);
    assert_int_equal(perfopt_asset_type_of(NULL), PERFOPT_ASSET_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_and_comments_go),
        cmocka_unit_test(kept_comments_stay),
        cmocka_unit_test(literals_stay_as_they_are),
        cmocka_unit_test(slashes_are_told_apart),
        cmocka_unit_test(line_breaks_that_count_stay),
        cmocka_unit_test(tokens_do_not_run_together),
        cmocka_unit_test(only_ending_semicolons_go),
        cmocka_unit_test(odd_comments),
        cmocka_unit_test(broken_programs_are_refused),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(types_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
