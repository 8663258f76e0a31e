/*
 * fuzz_template.c - template source from anywhere: compiling and rendering it must not crash, hang
 * or read what it should not. The first byte chooses the engine's options.
 */
#include <perfopt/ssr.h>
#include <string.h>

static perfopt_ssr *engine(unsigned options)
{
    static perfopt_ssr *engines[16];
    perfopt_ssr **ssr = &engines[options & 15];
    if (*ssr)
        return *ssr;
    perfopt_ssr_options o = PERFOPT_SSR_OPTIONS_INIT;
    o.autoescape = options & 1 ? PERFOPT_AUTOESCAPE_ON : PERFOPT_AUTOESCAPE_OFF;
    o.trim_blocks = o.lstrip_blocks = options & 2 ? PERFOPT_ON : PERFOPT_OFF;
    o.undefined = (perfopt_undefined_mode)(options >> 2 & 3);
    o.max_steps = 5000;
    o.max_output_bytes = 100000;
    o.max_depth = 20;
    if (perfopt_ssr_create(&o, ssr, NULL) != PERFOPT_OK)
        __builtin_trap();
    return *ssr;
}

static perfopt_value make_values(void)
{
    static const char json[] =
        "{\"x\": 5, \"y\": 2.5, \"s\": \"<b>W\xC3\xB6rld</b> http://a.com\", \"n\": null, \"t\": "
        "true,"
        "\"l\": [3, 1, 2], \"d\": {\"a\": 1, \"b\": \"two\"}, \"e\": [],"
        "\"users\": [{\"name\": \"Bob\", \"age\": 30}, {\"name\": \"ann\", \"age\": 25}]}";
    perfopt_arena *arena;
    perfopt_value values;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK ||
        perfopt_value_from_json(arena, json, sizeof(json) - 1, &values, NULL) != PERFOPT_OK)
        __builtin_trap();
    return values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static perfopt_context context;
    perfopt_bytes *out = NULL;
    perfopt_error err = PERFOPT_ERROR_INIT;
    if (context.values.kind != PERFOPT_MAP)
        context.values = make_values();
    if (size < 1)
        return 0;
    perfopt_status st = perfopt_ssr_render_string(
        engine(data[0]), "fuzz.html", (const char *)data + 1, size - 1, &context, &out, &err);
    if ((st == PERFOPT_OK) != (out != NULL) || (st != PERFOPT_OK && !err.message[0]))
        __builtin_trap();
    perfopt_bytes_release(out);
    return 0;
}
