/*
 * dependencies.c - which tags a result carries, and so what makes it invalid: "q:<name>" for all
 * results of its spec, the spec's group and tags, "event:<event>" for each event it names.
 */
#include "query/query_internal.h"

#include <stdio.h>
#include <string.h>

/* The longest name that makes a tag the cache accepts (200 bytes). */
#define MAX_NAME 190

static bool fits(const char *name)
{
    return name && *name && strlen(name) <= MAX_NAME && !strpbrk(name, ", ");
}

bool perfopt__query_own_tag(const perfopt_query_spec *spec, char out[256])
{
    return fits(spec->name) && snprintf(out, 256, "q:%s", spec->name) > 0;
}

bool perfopt__query_event_tag(const char *event, char out[256])
{
    return fits(event) && snprintf(out, 256, "event:%s", event) > 0;
}

/* Appends each name of a list that is separated by ',' or ' '. */
static bool append_names(char *out, size_t *used, const char *prefix, const char *names)
{
    while (names && *names) {
        size_t length = strcspn(names, ", ");
        if (length > MAX_NAME)
            return false;
        if (length > 0) {
            size_t left = PERFOPT__QUERY_TAGS - *used;
            int wrote = snprintf(out + *used, left, "%s%s%.*s", *used ? "," : "", prefix,
                                 (int)length, names);
            if ((size_t)wrote >= left)
                return false;
            *used += (size_t)wrote;
        }
        names += length + (names[length] != '\0');
    }
    return true;
}

bool perfopt__query_tags(const perfopt_query_spec *spec, char out[PERFOPT__QUERY_TAGS])
{
    size_t used = 0;
    return fits(spec->name) && append_names(out, &used, "q:", spec->name) &&
           append_names(out, &used, "", spec->group_) && append_names(out, &used, "", spec->tags) &&
           append_names(out, &used, "event:", spec->invalidate_on);
}
