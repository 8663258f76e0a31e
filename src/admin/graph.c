/*
 * graph.c - sparklines, charts and bars as SVG.
 */
#include "admin/graph.h"

#include <math.h>

typedef struct extent {
    double min, max, last; /* NAN = no point has data */
} extent;

static extent extent_of(const double *points, size_t count)
{
    extent e = {NAN, NAN, NAN};
    for (size_t i = 0; points && i < count; i++) {
        if (!isfinite(points[i]))
            continue;
        e.min = fmin(e.min, points[i]);
        e.max = fmax(e.max, points[i]);
        e.last = points[i];
    }
    return e;
}

/* The path of a line in a box, from 0 at the bottom to `top`. */
static void put_path(perfopt__strbuf *out, const double *points, size_t count, double top,
                     double width, double height)
{
    bool pen = false;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(points[i])) {
            pen = false;
            continue;
        }
        double x = count > 1 ? (double)i * width / (double)(count - 1) : 0;
        double share = top > 0 ? fmin(fmax(points[i] / top, 0), 1) : 0;
        perfopt__strbuf_printf(out, "%c%.1f %.1f", pen ? 'L' : 'M', x,
                               height - 1 - share * (height - 2));
        /* A point alone between gaps would be invisible: a short stroke shows it. */
        bool alone = !pen && (i + 1 == count || !isfinite(points[i + 1]));
        if (alone)
            perfopt__strbuf_puts(out, "h.8");
        pen = true;
    }
}

static void put_curve(perfopt__strbuf *out, const char *css_class, const double *points,
                      size_t count, double top, double width, double height)
{
    perfopt__strbuf_printf(out, "<path class=\"%s\" d=\"", css_class);
    put_path(out, points, count, top, width, height);
    perfopt__strbuf_puts(out, "\"/>");
}

static void put_title(perfopt__strbuf *out, const perfopt__graph *graph, extent e)
{
    char now[PERFOPT__FORMAT], min[PERFOPT__FORMAT], max[PERFOPT__FORMAT];
    perfopt__strbuf_puts(out, "<title>");
    perfopt__strbuf_put_html(out, graph->label, strlen(graph->label));
    perfopt__strbuf_printf(out, " %s now, min %s, max %s</title>", graph->format(e.last, now),
                           graph->format(e.min, min), graph->format(e.max, max));
}

void perfopt__graph_spark(const perfopt__graph *graph, perfopt__strbuf *out)
{
    const double width = 120, height = 36;
    extent e = extent_of(graph->points, graph->count);
    if (!isfinite(e.max))
        return;
    /* A limit far above the line would press it flat: it is left out then. */
    bool marked = isfinite(graph->mark) && (e.max == 0 || graph->mark <= e.max * 4);
    double top = (marked ? fmax(e.max, graph->mark) : e.max) * 1.05;
    perfopt__strbuf_printf(out,
                           "<svg class=\"spark\" viewBox=\"0 0 %.0f %.0f\" "
                           "preserveAspectRatio=\"none\" role=\"img\">",
                           width, height);
    put_title(out, graph, e);
    if (marked && top > 0)
        perfopt__strbuf_printf(out, "<path class=\"mark\" d=\"M0 %.1fH%.0f\"/>",
                               height - 1 - graph->mark / top * (height - 2), width);
    put_curve(out, "curve", graph->points, graph->count, top, width, height);
    perfopt__strbuf_puts(out, "</svg>");
}

/* The next round number, so that the scale can be read. */
static double round_up(double x)
{
    if (!(x > 0))
        return 1;
    double power = pow(10, floor(log10(x)));
    static const double steps[] = {1, 1.5, 2, 3, 4, 5, 6, 8, 10};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (x <= steps[i] * power)
            return steps[i] * power;
    }
    return 10 * power;
}

void perfopt__graph_plot(const perfopt__graph *graph, perfopt__strbuf *out)
{
    const double width = 600, height = 200;
    const int lines = 4;
    extent e = extent_of(graph->points, graph->count);
    extent second = extent_of(graph->second, graph->count);
    if (!isfinite(e.max) && !isfinite(second.max)) {
        perfopt__strbuf_puts(out, "<div class=\"empty\"><p class=\"empty-title\">No data</p>"
                                  "<p>A point is drawn when its interval has ended.</p></div>");
        return;
    }
    double top = round_up(fmax(e.max, second.max) * 1.02);
    perfopt__strbuf_puts(out, "<div class=\"plot\"><div class=\"scale\" aria-hidden=\"true\">");
    for (int i = lines; i >= 0; i--) {
        char text[PERFOPT__FORMAT];
        perfopt__strbuf_printf(out, "<span>%s</span>", graph->format(top * i / lines, text));
    }
    perfopt__strbuf_printf(out,
                           "</div><svg class=\"spark\" viewBox=\"0 0 %.0f %.0f\" "
                           "preserveAspectRatio=\"none\" role=\"img\">",
                           width, height);
    put_title(out, graph, e);
    for (int i = 0; i <= lines; i++)
        perfopt__strbuf_printf(out, "<path class=\"grid\" d=\"M0 %.1fH%.0f\"/>",
                               1 + (height - 2) * i / lines, width);
    put_curve(out, "curve", graph->points, graph->count, top, width, height);
    if (graph->second)
        put_curve(out, "curve second", graph->second, graph->count, top, width, height);
    perfopt__strbuf_puts(out, "</svg></div>");
}

void perfopt__graph_bar(double ratio, perfopt__strbuf *out)
{
    if (!isfinite(ratio))
        return;
    perfopt__strbuf_printf(out,
                           "<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" "
                           "aria-hidden=\"true\"><rect class=\"track\" width=\"100\" height=\"6\" "
                           "rx=\"3\"/><rect class=\"fill\" width=\"%.1f\" height=\"6\" "
                           "rx=\"3\"/></svg>",
                           fmin(fmax(ratio, 0), 1) * 100);
}
