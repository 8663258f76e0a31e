/*
 * rum.c - browser timing: the embedded script and the tag that loads it. Whoever mounts the library
 * serves perfopt_rum_script() under perfopt_rum_script_path(), immutable, and takes the beacons.
 */
#include "frontend/embedded.h"
#include "frontend/frontend_internal.h"
#include "frontend/tags.h"

const char *perfopt_rum_script(size_t *length)
{
#ifdef PERFOPT_HAVE_BROWSER_FILES
    const perfopt__embedded_file *file = &perfopt__frontend_files[0];
    if (length)
        *length = file->length;
    return file->data;
#else
    if (length)
        *length = 0;
    return "";
#endif
}

const char *perfopt_rum_script_path(perfopt_frontend *frontend)
{
    return frontend->script_path;
}

const char *perfopt_rum_tag(perfopt_frontend *frontend, const char *route, perfopt_arena *arena)
{
    perfopt__strbuf out = PERFOPT__STRBUF_INIT;
    if (frontend->rum) {
        perfopt__strbuf_puts(&out, "<script defer");
        perfopt__put_attribute(&out, "src", frontend->script_path);
        perfopt__put_attribute(&out, "data-beacon", frontend->beacon);
        perfopt__put_attribute(&out, "data-route", route ? route : "");
        perfopt__strbuf_puts(&out, "></script>");
    }
    return perfopt__strbuf_to_arena(&out, arena);
}

const char *perfopt_rum_beacon_path(perfopt_frontend *frontend)
{
    return frontend->beacon;
}
