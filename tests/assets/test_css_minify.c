/*
 * test_css_minify.c - the CSS minifier.
 */
#include "assets/minify_check.h"

static void white_space_and_comments_go(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"", NULL},
        {"  a  {  color :  red ;  }  ", "a{color:red}"},
        {"a { color: red ; ; margin : 0 }", "a{color:red;margin:0}"},
        {"/* x */ a { /* y */ } /* z */", "a{}"},
        {"a{b:c;/* d */}", "a{b:c}"},
        {"a { b : c d , e / f }", "a{b:c d,e/f}"},
        {"a{font:12px / 1.5 \"A  B\" , serif}", "a{font:12px/1.5 \"A  B\",serif}"},
        {"a { color : red ! important }", "a{color:red!important}"},
        {"@charset \"utf-8\";\na{}", "@charset \"utf-8\";a{}"},
        {"<!-- a{} -->", "a{}"},
        {"\xEF\xBB\xBF a{}", "\xEF\xBB\xBF"
                             "a{}"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_CSS, cases);
}

static void kept_comments_stay(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"/*! a */ b { }", "/*! a */b{}"},
        {"a { b : c ; /*! x */ d : e }", "a{b:c;/*! x */d:e}"},
        {"a{} /* @license MIT */ b{}", "a{}/* @license MIT */b{}"},
        {"/*# sourceMappingURL=a.map */a{}", "a{}"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_CSS, cases);
}

static void selectors(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"a  >  b , c  +  d , e  ~  f { }", "a>b,c+d,e~f{}"},
        {"a :hover{}", NULL},
        {"a:hover{}", NULL},
        {"a  .b  #c  [d]  *{}", "a .b #c [d] *{}"},
        {":is( a , b ) c{}", ":is(a,b) c{}"},
        {":is(a) :not( b  > c ){}", ":is(a) :not(b>c){}"},
        {"a:nth-child( 2n + 1 ){}", "a:nth-child(2n+1){}"},
        {"a:nth-child(2n - 1){}", NULL},
        {"a:nth-child(-n+3){}", NULL},
        {"a:nth-last-child( even of .b  .c ){}", "a:nth-last-child(even of .b .c){}"},
        {"a[ b = \"c  d\"  i ]{}", "a[b=\"c  d\" i]{}"},
        {"a[b ~= c]{}", "a[b~=c]{}"},
        {"a::before{}", NULL},
        {"a/**/b{}", NULL},
        {"a /**/ b{}", "a b{}"},
        {"a/**/.b{}", NULL},
        {".a\\:b  .c\\20 d{}", ".a\\:b .c\\20 d{}"},
        {"a{ & b { c : d } &:hover{ e : f } }", "a{& b{c:d}&:hover{e:f}}"},
        {"a{ > b { c:d } + e{ f:g } }", "a{>b{c:d}+e{f:g}}"},
        {"#AABBCC{}", NULL},
        {"* html a{}", NULL},
        {"a\n{\n}\n", "a{}"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_CSS, cases);
}

static void values(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"a{width:calc( 100%  -  2px * 3 )}", "a{width:calc(100% - 2px*3)}"},
        {"a{width:calc(1px + 2px)}", NULL},
        {"a{width:calc(1px + -2px)}", NULL},
        {"a{margin:0px 0.50em -0.0px}", "a{margin:0 .5em -0px}"},
        {"a{margin:calc(0px + 1em)}", NULL},
        {"a{transition:all 0s 0.30s}", "a{transition:all 0s .3s}"},
        {"a{flex:1 1 0px}", NULL},
        {"a{flex-basis:0px}", NULL},
        {"a{width:0%}", NULL},
        {"a{rotate:0deg}", NULL},
        {"a{grid-template:0fr/1fr}", NULL},
        {"a{opacity:1.0;z-index:10;b:1e3;c:1.50e2;d:00.5;e:.0}",
         "a{opacity:1;z-index:10;b:1e3;c:1.50e2;d:00.5;e:0}"},
        {"a{color:#AABBCC;b:#AABBCCDD;c:#ABC;d:#AABBCE;e:#GGHHII}",
         "a{color:#abc;b:#abcd;c:#abc;d:#aabbce;e:#GGHHII}"},
        {"a{color:rgba( 0 , 0 , 0 , 0.5 )}", "a{color:rgba(0,0,0,.5)}"},
        {"a{background:url(  x.png  )}", "a{background:url(x.png)}"},
        {"a{background:url( \"x  y.png\" )}", "a{background:url(\"x  y.png\")}"},
        {"a{background:url(data:image/png;base64,AA==)}", NULL},
        {"a{b:var(--c) var(--d)}", NULL},
        {"a{b:var(--c)var(--d)}", NULL},
        {"a{b:var( --c , )}", "a{b:var(--c,)}"},
        {"a{content:\"\\201C  /* x */\"}", NULL},
        {"a{unicode-range:U+0025-00FF , u+4??}", NULL},
        {"a{filter:progid:DXImageTransform.Microsoft.gradient( startColorstr = '#80000000' )}",
         NULL},
        {"a{filter:alpha( opacity=50 )}", "a{filter:alpha(opacity=50)}"},
        {"a{*zoom:1;_height:1px;color:red\\9}", NULL},
        {"a{grid-area:1 / 2 / 3}", "a{grid-area:1/2/3}"},
        {"a{grid-template-columns:[ a ] 1fr [ b ]}", "a{grid-template-columns:[a] 1fr [b]}"},
        {"a{b:c/**/d}", NULL},
        {"a{b:1/**/2}", NULL},
        {"a{inset:0PX}", "a{inset:0}"},
        {"a{b:1.0.5;c:0px.5;d:x.0}", NULL},
    };
    CHECK_MINIFY(PERFOPT_ASSET_CSS, cases);
    check_refused(PERFOPT_ASSET_CSS, "a{background:url( x y.png )}", "1:21");
}

static void custom_properties_keep_their_tokens(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"a{--b:c}", NULL},
        {"a{ --b :  c   d ; }", "a{--b:c d}"},
        {"a{--b:;}", "a{--b: }"},
        {"a{--b: ;--c:d}", NULL},
        {"a{--b:0px;--c:0.5;--d:#AABBCC;--e:a , b}", NULL},
        {"a{--b:{ c : d ; e }}", "a{--b:{ c : d ; e }}"},
        {"a{--b:c/* x */d}", "a{--b:c/**/d}"},
        {"a{--b: !important}", NULL},
        {"a{--b:\"x  y\"}", NULL},
        {"a{--B:1}", NULL},
    };
    CHECK_MINIFY(PERFOPT_ASSET_CSS, cases);
}

static void at_rules(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"@media screen  and ( min-width : 100px ) , print { a { b : c } }",
         "@media screen and (min-width:100px),print{a{b:c}}"},
        {"@media (400px <= width <= 700px){}", "@media (400px<=width<=700px){}"},
        {"@media (aspect-ratio: 16 / 9){}", "@media (aspect-ratio:16/9){}"},
        {"@media (width > calc( 1px + 2px )){}", "@media (width>calc(1px + 2px)){}"},
        {"@supports not ( display : grid ){}", "@supports not (display:grid){}"},
        {"@supports selector( a :hover  >  b ){}", "@supports selector(a :hover>b){}"},
        {"@container c ( min-width : 1px ){ a{} }", "@container c (min-width:1px){a{}}"},
        {"@layer a , b ;", "@layer a,b;"},
        {"@layer a.b { c{} }", "@layer a.b{c{}}"},
        {"@import url( a.css ) layer( b ) screen ;", "@import url(a.css) layer(b) screen;"},
        {"@import \"a.css\" ;", "@import \"a.css\";"},
        {"@starting-style { a { b : 0 } }", "@starting-style{a{b:0}}"},
        {"@keyframes x { 0% { a : b } 100% { c : d } from , to { e : f } }",
         "@keyframes x{0%{a:b}100%{c:d}from,to{e:f}}"},
        {"@font-face { font-family : x ; src : url(a) , url(b) }",
         "@font-face{font-family:x;src:url(a),url(b)}"},
        {"@page :first { margin : 1in }", "@page :first{margin:1in}"},
        {"@scope ( .a :hover ) to ( .b ) { c{} }", "@scope (.a :hover) to (.b){c{}}"},
        {"@property --x { syntax : \"<length>\" ; initial-value : 0px }",
         "@property --x{syntax:\"<length>\";initial-value:0px}"},
        {"@unknown  a  ,  b ( c : d ) ;", "@unknown a , b ( c : d );"},
        {"a{ @media (b){ c : d ; } e : f }", "a{@media (b){c:d}e:f}"},
        {"a{ @apply  b  c ; d : e }", "a{@apply b c;d:e}"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_CSS, cases);
}

static void broken_sheets_are_refused(void **state)
{
    (void)state;
    check_refused(PERFOPT_ASSET_CSS, "a{b:'c\n'}", "1:5");
    check_refused(PERFOPT_ASSET_CSS, "a{/* b", "1:3");
    check_refused(PERFOPT_ASSET_CSS, "a{", "1:3");
    check_refused(PERFOPT_ASSET_CSS, "a}", "1:2");
    check_refused(PERFOPT_ASSET_CSS, "a{b:(c]}", "1:7");
    check_refused(PERFOPT_ASSET_CSS, "a{b:url(c", "1:5");
    check_refused(PERFOPT_ASSET_CSS, "a{b:url(c'd)}", "1:10");
    perfopt_error err = PERFOPT_ERROR_INIT;
    assert_null(minify_text(PERFOPT_ASSET_CSS, "a{\0}", 4, &err));
    assert_string_equal(err.detail, "1:3");
}

/* One statement with very many tokens, and very deep brackets. */
static void large_statements(void **state)
{
    (void)state;
    enum { MANY = 90000 };
    char *text = malloc(4 * MANY + 16);
    size_t n = (size_t)sprintf(text, "a{b:");
    for (size_t i = 0; i < MANY; i++) {
        text[n++] = 'c';
        text[n++] = ' ';
    }
    text[n++] = '}';
    perfopt_error err = PERFOPT_ERROR_INIT;
    char *out = minify_text(PERFOPT_ASSET_CSS, text, n, &err);
    assert_non_null(out);
    assert_int_equal(strlen(out), n - 1);
    free(out);
    memset(text, '(', 2 * MANY);
    assert_null(minify_text(PERFOPT_ASSET_CSS, text, 2 * MANY, &err));
    assert_non_null(strstr(err.message, "deep"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_and_comments_go),
        cmocka_unit_test(kept_comments_stay),
        cmocka_unit_test(selectors),
        cmocka_unit_test(values),
        cmocka_unit_test(custom_properties_keep_their_tokens),
        cmocka_unit_test(at_rules),
        cmocka_unit_test(broken_sheets_are_refused),
        cmocka_unit_test(large_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
