/*
 * test_critical_css.c - which rules stay, and that hostile input gives an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

#include <perfopt/frontend.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *html, const char *css, const char *expected)
{
    perfopt_bytes *out = NULL;
    perfopt_error error = PERFOPT_ERROR_INIT;
    perfopt_status status =
        perfopt_critical_css(html, strlen(html), css, strlen(css), &out, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, PERFOPT_OK);
    assert_string_equal(perfopt_bytes_data(out), expected);
    perfopt_bytes_release(out);
}

static void test_simple_selectors(void **state)
{
    (void)state;
    const char *html = "<DIV class='a  b' ID=\"top\"><p>x</p></DIV>";
    check(html, "div{a:1} span{a:2}", "div{a:1}");
    check(html, ".a{a:1} .b{a:2} .c{a:3} .A{a:4}", ".a{a:1}.b{a:2}");
    check(html, "#top{a:1} #bottom{a:2} #Top{a:3}", "#top{a:1}");
    check(html, "*{a:1} html{a:2} body{a:3} :root{--a:1}", "*{a:1}html{a:2}body{a:3}:root{--a:1}");
    check("", ".a{b:c}", "");
    check("<p>", "", "");
}

static void test_compound_selectors(void **state)
{
    (void)state;
    const char *html = "<ul class=list><li class=item><a href=x>y</a></li></ul>";
    check(html, "ul.list > li a{a:1} ul.list > li b{a:2}", "ul.list>li a{a:1}");
    check(html, "li.item.gone{a:1} li.item{a:2}", "li.item{a:2}");
    check(html, "a:hover, b:hover, a::before{a:1}", "a:hover,a::before{a:1}");
    check(html, "b, i{a:1}", "");
    check(html, "a:not(.gone):is(b, i){a:1}", "a:not(.gone):is(b,i){a:1}");
    check(html, "a[href$='.gone']{a:1}", "a[href$='.gone']{a:1}");
    check(html, "svg|a{a:1}", "svg|a{a:1}");
    check(html, ".item:has(> .gone){a:1}", ".item:has(>.gone){a:1}");
}

static void test_escapes(void **state)
{
    (void)state;
    const char *html = "<p class='md:flex w-1/2 [&amp;>a]:x \xC3\xA4'>";
    check(html, ".md\\:flex{a:1} .md\\:grid{a:2}", ".md\\:flex{a:1}");
    check(html, ".w-1\\/2{a:1}", ".w-1\\/2{a:1}");
    check(html, ".\\[\\&\\>a\\]\\:x{a:1}", ".\\[\\&\\>a\\]\\:x{a:1}");
    check(html, ".\\E4{a:1} .\\0000e4 {a:2} .\\E5{a:3}", ".\\E4{a:1}.\\0000e4 {a:2}");
}

static void test_groups(void **state)
{
    (void)state;
    const char *html = "<p class=a>";
    check(html, "@media (min-width:1px){.a{x:1}.b{x:2}}", "@media (min-width:1px){.a{x:1}}");
    check(html, "@media print{.b{x:2}} .a{x:1}", ".a{x:1}");
    check(html, "@supports (display:grid){@media print{.a{x:1}}}",
          "@supports (display:grid){@media print{.a{x:1}}}");
    check(html, "@layer base, site; @layer base{.b{x:1}} @layer site{.a{x:2}}",
          "@layer base,site;@layer base;@layer site{.a{x:2}}");
    check(html, "@layer{.b{x:1}}", "");
    check(html, "@import url(x.css); @charset \"utf-8\"; .a{x:1}", ".a{x:1}");
    check(html, "@page{margin:1cm} .a{x:1}", ".a{x:1}");
}

static void test_nesting_stays_whole(void **state)
{
    (void)state;
    check("<p class=a>", ".a{x:1;&:hover{x:2}.c{x:3}} .b{x:4;.a{x:5}}",
          ".a{x:1;&:hover{x:2}.c{x:3}}");
}

static void test_used_at_rules(void **state)
{
    (void)state;
    const char *html = "<p class=a>";
    const char *fonts = "@font-face{font-family:'Open Sans';src:url(a)}"
                        "@font-face{font-family:Gone;src:url(b)}"
                        "@font-face{font-family:Two Words;src:url(c)}";
    char css[1024];
    snprintf(css, sizeof(css), "%s.a{font:12px Open Sans,serif}", fonts);
    check(html, css, "@font-face{font-family:'Open Sans';src:url(a)}.a{font:12px Open Sans,serif}");
    snprintf(css, sizeof(css), "%s.a{font-family:\"two words\"}.b{font-family:Gone}", fonts);
    check(html, css, "@font-face{font-family:Two Words;src:url(c)}.a{font-family:\"two words\"}");
    check(html,
          "@keyframes in{to{x:1}} @-webkit-keyframes in{to{x:1}} @keyframes out{to{x:2}}"
          ".a{animation:in 1s} .b{animation:out 1s}",
          "@keyframes in{to{x:1}}@-webkit-keyframes in{to{x:1}}.a{animation:in 1s}");
    check(html, "@property --c{syntax:'*'} @property --d{syntax:'*'} .a{x:var(--c)}",
          "@property --c{syntax:'*'}.a{x:var(--c)}");
}

static void test_markup_that_is_none(void **state)
{
    (void)state;
    const char *html = "<script>'<b class=x>'</script><style>i{}</style><!-- <u> --><title><s>"
                       "</title><textarea><q></textarea><em>";
    check(html, "b{a:1}i{a:2}u{a:3}s{a:4}q{a:5}.x{a:6}em{a:7}script{a:8}", "em{a:7}script{a:8}");
    check("<script>never closed <b>", "b{a:1}script{a:2}", "script{a:2}");
}

static void test_errors(void **state)
{
    (void)state;
    static const char *const sheets[] = {"a{",      "a{b:'x\n'}", "/* x",          "a}",
                                         "@media{", "@media{a{}", "a{b:url(x y)}", "a\\\n{b:c}"};
    for (size_t i = 0; i < sizeof(sheets) / sizeof(sheets[0]); i++) {
        perfopt_bytes *out = NULL;
        perfopt_error error = PERFOPT_ERROR_INIT;
        assert_int_equal(perfopt_critical_css("<a>", 3, sheets[i], strlen(sheets[i]), &out, &error),
                         PERFOPT_ESYNTAX);
        assert_null(out);
        assert_int_not_equal(error.detail[0], 0);
    }
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    size_t n = 100000;
    char *css = malloc(n * 8 + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(css + i * 7, "@media{", 7);
    perfopt_bytes *out = NULL;
    assert_int_equal(perfopt_critical_css("<a>", 3, css, n * 7, &out, NULL), PERFOPT_ESYNTAX);
    memset(css, '(', n);
    assert_int_equal(perfopt_critical_css("<a>", 3, css, n, &out, NULL), PERFOPT_OK);
    perfopt_bytes_release(out);
    free(css);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    const char *html = "<p class='a b c' id=x><em>";
    const char *css = "@layer q;@font-face{font-family:F;src:url(a)}@media print{.a{font:1px F}}"
                      ".\\62{x:y}";
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        perfopt_bytes *out = NULL;
        size_t live = test_alloc_live();
        test_alloc_fail(n);
        perfopt_status status =
            perfopt_critical_css(html, strlen(html), css, strlen(css), &out, NULL);
        bool failed = test_alloc_stop();
        assert_int_equal(status, failed ? PERFOPT_ENOMEM : PERFOPT_OK);
        perfopt_bytes_release(out);
        assert_int_equal(test_alloc_live(), live);
        if (!failed)
            break;
        failures++;
    }
    assert_true(failures > 10);
}

int main(void)
{
    test_alloc_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_selectors),
        cmocka_unit_test(test_compound_selectors),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_nesting_stays_whole),
        cmocka_unit_test(test_used_at_rules),
        cmocka_unit_test(test_markup_that_is_none),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
