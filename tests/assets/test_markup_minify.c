/*
 * test_markup_minify.c - the HTML, SVG and JSON minifiers.
 */
#include "assets/minify_check.h"

static void html_white_space(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"", NULL},
        {"<!DOCTYPE html>\n<html>\n <head>\n  <title> A  B </title>\n  <meta charset=utf-8>\n"
         " </head>\n <body>\n  <p> Hello,  <b> world </b> ! </p>\n </body>\n</html>\n",
         "<!DOCTYPE html><html><head><title> A  B </title><meta charset=utf-8></head><body>"
         "<p>Hello, <b>world </b> !</p></body></html>"},
        {"<p>a <b>b</b> c</p>", NULL},
        {"<p>a<b> b</b></p>", NULL},
        {"<p>a  <i>  b</i>", "<p>a <i>b</i>"},
        {"<div> <span>a</span> <span>b</span> </div>", "<div><span>a</span> <span>b</span></div>"},
        {"<div>\n<img src=a>  <img src=b>\n</div>", "<div><img src=a> <img src=b></div>"},
        {"<p>a <button> b </button> c", "<p>a <button> b </button> c"},
        {"<ul>\n <li> a </li>\n <li> b </li>\n</ul>", "<ul><li>a</li>\n<li>b</li></ul>"},
        {"<table> <tr> <td> a </td> </tr> </table>", "<table><tr><td>a</td></tr></table>"},
        {"<select> <option> a </option> <option>b</option> </select> x",
         "<select><option>a</option><option>b</option></select> x"},
        {"<p>a<br> b</p>", NULL},
        {"<p>a\xC2\xA0 b</p>", NULL},
        {"<p>a\n\n b</p>", "<p>a\nb</p>"},
        {"<p>1 < 2 <3 </p>", "<p>1 < 2 <3</p>"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_HTML, cases);
}

static void html_that_keeps_its_text(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"<pre>\n a  <b>  b</b>\n\n</pre>", NULL},
        {"<div> <pre> a </pre> <pre> b </pre> </div>", "<div><pre> a </pre><pre> b </pre></div>"},
        {"<textarea>  a <b>  </textarea>", NULL},
        {"<p style='white-space: pre'>  a  b <i> c </i> </p>", NULL},
        {"<title>  a <b>  </title>", NULL},
        {"<xmp>  <p>  </xmp>", NULL},
        {"<plaintext>  a  <p>  b", NULL},
        {"<script type=text/template>  <p>  a  </p>  </script>", NULL},
        {"<a href='x  y'  title=\"a > b\"  disabled >c</a >",
         "<a href='x  y' title=\"a > b\" disabled>c</a>"},
        {"<img  src = a.png  alt = '' />", "<img src=a.png alt=''/>"},
        {"<a href=x />", "<a href=x />"},
        {"<a href=x/>", NULL},
        {"<svg><text> a  b </text><![CDATA[ x  > y ]]></svg>",
         "<svg><text> a b </text><![CDATA[ x  > y ]]></svg>"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_HTML, cases);
}

static void html_comments(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"<p>a<!-- x --> b</p>", "<p>a b</p>"},
        {"<p>a <!-- x --> b</p>", "<p>a b</p>"},
        {"<!--[if IE]>  <p>  x  </p>  <![endif]-->", NULL},
        {"<![if !IE]><p>x</p><![endif]>", NULL},
        {"<!--! keep --><!-- @license x --><!-- drop -->", "<!--! keep --><!-- @license x -->"},
        {"<p><!-- -->a<!----></p>", NULL},
        {"<!--#include virtual=\"a\" -->", NULL},
        {"<!-->a", NULL},
        {"1 <<!-- x -->b &am<!-- x -->p; <<!-- x --> c", "1 <<!---->b &am<!---->p; <<!----> c"},
        {"<!-- a --!>b", "b"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_HTML, cases);
}

static void html_scripts_and_styles(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"<script> var  a = '</p>' ; </script>", "<script>var a='</p>';</script>"},
        {"<style> a { b : c } </style>", "<style>a{b:c}</style>"},
        {"<style media=print> a { b : c } </style>", "<style media=print>a{b:c}</style>"},
        {"<script type=module> a ; </script>", "<script type=module>a;</script>"},
        {"<script type=\"application/ld+json\"> { \"a\" : 1 } </script>",
         "<script type=\"application/ld+json\">{\"a\":1}</script>"},
        {"<script> {{ template  }} ' </script>", "<script> {{ template  }} ' </script>"},
        {"<style> a { </style>", NULL},
        {"<SCRIPT> a ( ) </SCRIPT >", "<SCRIPT>a()</SCRIPT>"},
        {"<script>\n<!-- <script> </script> -->\n a </script>", NULL},
        {"<script src=a></script> <p>", "<script src=a></script><p>"},
        {"<p>a <script> b ; </script> c", "<p>a <script>b;</script> c"},
        {"<script> a < / b  /.c </script>", "<script>a< / b  /.c</script>"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_HTML, cases);
}

static void html_that_is_refused(void **state)
{
    (void)state;
    check_refused(PERFOPT_ASSET_HTML, "<p>\n<!-- x", "2:1");
    check_refused(PERFOPT_ASSET_HTML, "<p class='a", "1:10");
    check_refused(PERFOPT_ASSET_HTML, "<p class", "1:1");
    check_refused(PERFOPT_ASSET_HTML, "<script> a", "1:1");
    check_refused(PERFOPT_ASSET_HTML, "<script>a</script", "1:1");
    check_refused(PERFOPT_ASSET_HTML, "<!DOCTYPE", "1:1");
}

static void svg(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {"<?xml version=\"1.0\"?>\n<!-- x -->\n<svg>\n <g>\n  <path d=\"M0  0\" />\n "
         "</g>\n</svg>\n",
         "<?xml version=\"1.0\"?><svg><g><path d=\"M0  0\"/></g></svg>"},
        {"<svg><text> a <tspan> b </tspan> </text> <g/> </svg>",
         "<svg><text> a <tspan> b </tspan> </text><g/></svg>"},
        {"<svg><style> a { } </style><title> x </title></svg>", NULL},
        {"<svg xml:space=\"preserve\"> <g> </g> </svg>", NULL},
        {"<svg><!--! keep --><a>  <![CDATA[ x ]]>  </a></svg>",
         "<svg><!--! keep --><a><![CDATA[ x ]]></a></svg>"},
        {"<!DOCTYPE svg [ <!ENTITY a \"]>\"> ]>\n<svg/>",
         "<!DOCTYPE svg [ <!ENTITY a \"]>\"> ]><svg/>"},
        {"<svg\n  width='1'\n  height='2'\n></svg\n>", "<svg width='1' height='2'></svg>"},
        {"<a:b>  <a:c/>  </a:b>", "<a:b><a:c/></a:b>"},
    };
    CHECK_MINIFY(PERFOPT_ASSET_SVG, cases);
    check_refused(PERFOPT_ASSET_SVG, "<svg><g></svg>", "1:9");
    check_refused(PERFOPT_ASSET_SVG, "<svg>", "1:6");
    check_refused(PERFOPT_ASSET_SVG, "</svg>", "1:1");
    check_refused(PERFOPT_ASSET_SVG, "<svg>\n < </svg>", "2:2");
    check_refused(PERFOPT_ASSET_SVG, "<svg><![CDATA[ </svg>", "1:6");
    check_refused(PERFOPT_ASSET_SVG, "<svg a='></svg>", "1:8");
}

static void json(void **state)
{
    (void)state;
    static const minify_case cases[] = {
        {" { \"a\" : [ 1 , -2.5e+3 , true , false , null , \"x  \\u00e9 \\\" y\" ] , \"b\" : { } "
         "} ",
         "{\"a\":[1,-2.5e+3,true,false,null,\"x  \\u00e9 \\\" y\"],\"b\":{}}"},
        {"[ ]", "[]"},
        {" 0 ", "0"},
        {"\"a\"", NULL},
        {"[[[]],{\"a\":{}}]", NULL},
    };
    CHECK_MINIFY(PERFOPT_ASSET_JSON, cases);
    static const struct {
        const char *source;
        const char *place;
    } wrong[] = {
        {"", "1:1"},         {"[", "1:2"},          {"[1", "1:3"},
        {"[1,]", "1:4"},     {"{,}", "1:2"},        {"{\"a\"}", "1:5"},
        {"{\"a\":}", "1:6"}, {"{\"a\":1,}", "1:8"}, {"[1}", "1:3"},
        {"1 2", "1:3"},      {"01", "1:2"},         {"1.", "1:3"},
        {"-", "1:2"},        {"1e", "1:3"},         {"tru", "1:1"},
        {"\"a", "1:3"},      {"\"\\x\"", "1:3"},    {"\"\\u12\"", "1:6"},
        {"\"a\nb\"", "1:3"}, {"'a'", "1:1"},        {"[\n // x\n]", "2:2"},
        {"{a:1}", "1:2"},    {"nul\xC3", "1:1"},    {"]", "1:1"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        check_refused(PERFOPT_ASSET_JSON, wrong[i].source, wrong[i].place);
}

static void deep_nesting(void **state)
{
    (void)state;
    enum { TOO_DEEP = 200000 };
    char *text = malloc(TOO_DEEP * 3);
    perfopt_error err = PERFOPT_ERROR_INIT;
    memset(text, '[', TOO_DEEP);
    assert_null(minify_text(PERFOPT_ASSET_JSON, text, TOO_DEEP, &err));
    assert_non_null(strstr(err.message, "deep"));
    for (size_t i = 0; i < TOO_DEEP; i++)
        memcpy(text + 3 * i, "<g>", 3);
    assert_null(minify_text(PERFOPT_ASSET_SVG, text, TOO_DEEP * 3, &err));
    assert_non_null(strstr(err.message, "deep"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_white_space),
        cmocka_unit_test(html_that_keeps_its_text),
        cmocka_unit_test(html_comments),
        cmocka_unit_test(html_scripts_and_styles),
        cmocka_unit_test(html_that_is_refused),
        cmocka_unit_test(svg),
        cmocka_unit_test(json),
        cmocka_unit_test(deep_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
