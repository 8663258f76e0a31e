/*
 * helpers.c - the table of functions that templates see.
 */
#include "frontend/frontend_internal.h"

static const char *name_of(const perfopt_frontend_args *args)
{
    const char *name = args->text(args->call, "name", 0);
    return name ? name : "";
}

static const char *asset_url(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    return perfopt_asset_url(frontend->assets, name_of(args), args->arena);
}

static const char *asset_version(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    char version[13];
    perfopt_asset_version(frontend->assets, args->text(args->call, "name", 0), version);
    return perfopt_arena_copy(args->arena, version, strlen(version));
}

static const char *asset_integrity(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    char integrity[64];
    if (perfopt_asset_integrity(frontend->assets, name_of(args), integrity) != PERFOPT_OK)
        return "";
    return perfopt_arena_copy(args->arena, integrity, strlen(integrity));
}

static const char *stylesheet(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    return perfopt_stylesheet_tag(frontend, name_of(args), args->arena);
}

static const char *script(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    return perfopt_script_tag(frontend, name_of(args), args->arena);
}

static const char *image_srcset(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    const char *type = args->text(args->call, "type", 1);
    return perfopt_image_srcset(frontend, name_of(args), type, args->arena);
}

/* A number that is no sensible size counts as absent. */
static uint32_t size_of(const perfopt_frontend_args *args, const char *name, size_t position)
{
    int64_t size = args->integer(args->call, name, position);
    return size > 0 && size <= 100000 ? (uint32_t)size : 0;
}

static perfopt_image_options image_options(const perfopt_frontend_args *args)
{
    return (perfopt_image_options){
        .struct_size = sizeof(perfopt_image_options),
        .alt = args->text(args->call, "alt", 1),
        .css_class = args->text(args->call, "css_class", 2),
        .sizes = args->text(args->call, "sizes", 3),
        .width = size_of(args, "width", 4),
        .height = size_of(args, "height", 5),
        .eager = args->flag(args->call, "eager", 6) ? PERFOPT_ON : PERFOPT_OFF,
    };
}

static const char *lazy_image(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    perfopt_image_options options = image_options(args);
    return perfopt_lazy_image(frontend, name_of(args), &options, args->arena);
}

static const char *progressive_image(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    perfopt_image_options options = image_options(args);
    return perfopt_progressive_image(frontend, name_of(args), &options, args->arena);
}

static const char *rum_tag(perfopt_frontend *frontend, const perfopt_frontend_args *args)
{
    return perfopt_rum_tag(frontend, args->text(args->call, "route", 0), args->arena);
}

const perfopt_frontend_helper *perfopt_frontend_helpers(void)
{
    static const perfopt_frontend_helper table[] = {
        {"asset_url", false, asset_url},
        {"asset_version", false, asset_version},
        {"asset_integrity", false, asset_integrity},
        {"stylesheet", true, stylesheet},
        {"script", true, script},
        {"image_srcset", false, image_srcset},
        {"lazy_image", true, lazy_image},
        {"progressive_image", true, progressive_image},
        {"rum_tag", true, rum_tag},
        {NULL, false, NULL},
    };
    return table;
}
