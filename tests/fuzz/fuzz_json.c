/*
 * fuzz_json.c - JSON to values and back: what was read can be written, and read again equal.
 */
#include <perfopt/value.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    perfopt_arena *arena;
    perfopt_value value;
    perfopt_value again;
    perfopt_bytes *out;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK)
        return 0;
    if (perfopt_value_from_json(arena, (const char *)data, size, &value, NULL) == PERFOPT_OK) {
        if (perfopt_value_to_json(value, 0, &out, NULL) != PERFOPT_OK)
            __builtin_trap();
        if (perfopt_value_from_json(arena, perfopt_bytes_data(out), perfopt_bytes_length(out),
                                    &again, NULL) != PERFOPT_OK)
            __builtin_trap();
        perfopt_bytes *second;
        if (perfopt_value_to_json(again, 0, &second, NULL) != PERFOPT_OK ||
            perfopt_bytes_length(second) != perfopt_bytes_length(out))
            __builtin_trap();
        perfopt_bytes_release(second);
        perfopt_bytes_release(out);
    }
    perfopt_arena_destroy(arena);
    return 0;
}
