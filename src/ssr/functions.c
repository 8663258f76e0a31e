/*
 * functions.c - the global functions: range, dict, namespace, cycler, joiner, lipsum, seo.
 */
#include "base/random.h"
#include "ssr/ssr_internal.h"

static bool function_range(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t start;
    int64_t stop = 0;
    int64_t step = 1;
    if (!perfopt__ssr_to_index(call->rt, args[0], &start) ||
        (perfopt__ssr_given(args[1]) && !perfopt__ssr_to_index(call->rt, args[1], &stop)) ||
        (perfopt__ssr_given(args[2]) && !perfopt__ssr_to_index(call->rt, args[2], &step)))
        return false;
    if (call->keyword_count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "range() takes no named arguments");
    if (!perfopt__ssr_given(args[1])) {
        stop = start;
        start = 0;
    }
    return perfopt__ssr_range(call->rt, start, stop, step, out);
}

static bool add_pair(ssr_runtime *rt, perfopt_value map, perfopt_value pair)
{
    perfopt_value list;
    if (!perfopt__ssr_to_list(rt, pair, &list))
        return false;
    if (list.as.list->count != 2)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "dict() needs pairs of key and value");
    return perfopt__ssr_map_put(rt, map, list.as.list->items[0], list.as.list->items[1]);
}

static bool add_all(ssr_runtime *rt, perfopt_value map, perfopt_value from)
{
    ssr_iterator it;
    perfopt_value item;
    bool more;
    if (from.kind == PERFOPT_MAP) {
        for (size_t i = 0; i < from.as.map->count; i++) {
            const perfopt__value_entry *entry = &from.as.map->entries[i];
            if (!perfopt__ssr_map_put(rt, map, entry->key, entry->value))
                return false;
        }
        return true;
    }
    if (!perfopt__ssr_iterate(rt, from, &it))
        return false;
    for (;;) {
        if (!perfopt__ssr_next_step(rt, &it, &item, &more))
            return false;
        if (!more)
            return true;
        if (!add_pair(rt, map, item))
            return false;
    }
}

static bool function_dict(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    ssr_runtime *rt = call->rt;
    (void)args;
    if (call->count > 1)
        return perfopt__ssr_fail(rt, PERFOPT_EFAILED, "dict() takes at most one argument");
    if (!perfopt__ssr_map(rt, out) || (call->count && !add_all(rt, *out, call->args[0])))
        return false;
    for (size_t i = 0; i < call->keyword_count; i++) {
        const ssr_keyword *k = &call->keywords[i];
        if (!perfopt__ssr_map_put(rt, *out, perfopt_string_n(k->name, k->length), k->value))
            return false;
    }
    return true;
}

static bool function_namespace(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value attributes;
    return function_dict(call, args, &attributes) &&
           perfopt__ssr_namespace(call->rt, attributes, out);
}

static bool function_cycler(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    (void)args;
    if (!call->count || call->keyword_count)
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "cycler() needs at least one value");
    return perfopt__ssr_cycler(call->rt, call->args, call->count, out);
}

static bool function_joiner(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    perfopt_value separator = perfopt__ssr_given(args[0]) ? args[0] : perfopt_string_n(", ", 2);
    return perfopt__ssr_joiner(call->rt, separator, out);
}

/* ---- lipsum --------------------------------------------------------------------------------- */

static const char *const latin[] = {
    "lorem",   "ipsum",   "dolor",    "sit",       "amet",    "consectetur", "adipiscing",
    "elit",    "sed",     "eiusmod",  "tempor",    "ut",      "labore",      "et",
    "dolore",  "magna",   "aliqua",   "enim",      "minim",   "veniam",      "quis",
    "nostrud", "ullamco", "laboris",  "nisi",      "aliquip", "ex",          "commodo",
    "duis",    "aute",    "irure",    "in",        "velit",   "esse",        "cillum",
    "fugiat",  "nulla",   "pariatur", "excepteur", "sint",    "occaecat",    "cupidatat",
};

static void put_paragraph(perfopt__strbuf *out, uint64_t words)
{
    bool start = true;
    for (uint64_t i = 0; i < words && !out->failed; i++) {
        const char *word = latin[perfopt__random_below(sizeof(latin) / sizeof(latin[0]))];
        bool stop = i + 1 == words || perfopt__random_below(12) == 0;
        if (i)
            perfopt__strbuf_putc(out, ' ');
        perfopt__strbuf_putc(out, (char)(start ? word[0] - 32 : word[0]));
        perfopt__strbuf_puts(out, word + 1);
        if (stop)
            perfopt__strbuf_putc(out, '.');
        else if (perfopt__random_below(8) == 0)
            perfopt__strbuf_putc(out, ',');
        start = stop;
    }
}

static bool function_lipsum(perfopt_call *call, perfopt_value *args, perfopt_value *out)
{
    int64_t numbers[4] = {5, 0, 20, 100}; /* paragraphs, -, least and most words */
    bool html = true;
    for (int i = 0; i < 4; i++) {
        if (i == 1 || !perfopt__ssr_given(args[i]))
            continue;
        if (!perfopt__ssr_to_index(call->rt, args[i], &numbers[i]))
            return false;
    }
    if (perfopt__ssr_given(args[1]) && !perfopt__ssr_truth(call->rt, args[1], &html))
        return false;
    if (numbers[0] > 1000 || numbers[3] > 10000 || numbers[2] < 0 || numbers[3] <= numbers[2])
        return perfopt__ssr_fail(call->rt, PERFOPT_EFAILED, "lipsum(): numbers out of range");
    perfopt__strbuf sb = PERFOPT__STRBUF_INIT;
    for (int64_t i = 0; i < numbers[0]; i++) {
        if (i)
            perfopt__strbuf_puts(&sb, html ? "\n" : "\n\n");
        perfopt__strbuf_puts(&sb, html ? "<p>" : "");
        put_paragraph(&sb, (uint64_t)numbers[2] +
                               perfopt__random_below((uint64_t)(numbers[3] - numbers[2])));
        perfopt__strbuf_puts(&sb, html ? "</p>" : "");
    }
    if (!perfopt__ssr_take_text(call->rt, &sb, out))
        return false;
    out->flags = html ? PERFOPT_VALUE_SAFE : 0;
    return true;
}

const ssr_builtin perfopt__ssr_functions[] = {
    {"range", function_range, {"start", "stop", "step"}, 1, false},
    {"dict", function_dict, {NULL}, 0, false},
    {"namespace", function_namespace, {NULL}, 0, false},
    {"cycler", function_cycler, {NULL}, 0, false},
    {"joiner", function_joiner, {"sep"}, 0, false},
    {"lipsum", function_lipsum, {"n", "html", "min", "max"}, 0, false},
    {"seo", perfopt__ssr_function_seo, {NULL}, 0, false},
    {NULL, NULL, {NULL}, 0, false},
};
