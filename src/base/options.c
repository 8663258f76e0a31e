/*
 * options.c - size-versioned options structs.
 */
#include "base/options.h"

#include "base/error.h"

#include <string.h>

perfopt_status perfopt__options_read(void *own, size_t own_size, const void *options,
                                     const char *macro, perfopt_error *err)
{
    memset(own, 0, own_size);
    memcpy(own, &own_size, sizeof(own_size));
    if (!options)
        return PERFOPT_OK;
    size_t size;
    memcpy(&size, options, sizeof(size));
    if (size < sizeof(size))
        return perfopt__error_set(err, PERFOPT_EINVAL,
                                  "options without struct_size: initialise them with %s", macro);
    memcpy(own, options, size < own_size ? size : own_size);
    memcpy(own, &own_size, sizeof(own_size));
    return PERFOPT_OK;
}
