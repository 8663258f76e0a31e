/*
 * render.c - perfopt render: one template with a JSON context to standard output.
 */
#include "cli/cli.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: perfopt render TEMPLATE [--context FILE.json] [--templates DIR] [OPTION...]\n"
    "\n"
    "Renders a template to standard output. TEMPLATE is a name below --templates, or a file, or -\n"
    "for standard input. Errors show template, line and column.\n"
    "\n"
    "  --context FILE            a JSON object with what the template sees; - = standard input\n"
    "  --templates DIR           folder of the templates; default: the folder of TEMPLATE\n"
    "  --autoescape on|off|auto  default auto: by the name's extension\n"
    "  --undefined MODE          default, chainable, debug or strict\n"
    "  --trim-blocks             drop the newline after a block\n"
    "  --lstrip-blocks           drop blanks before a block\n"
    "  --keep-trailing-newline   keep the newline at the end\n";

enum {
    OPTION_CONTEXT,
    OPTION_TEMPLATES,
    OPTION_AUTOESCAPE,
    OPTION_UNDEFINED,
    OPTION_TRIM,
    OPTION_LSTRIP,
    OPTION_KEEP
};

/* Position of `name` in a NULL-terminated list, -1 if it is not there. */
static int position(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

static int read_options(const cli_arguments *given, perfopt_ssr_options *options)
{
    static const char *const escapes[] = {"auto", "on", "off", NULL};
    static const char *const modes[] = {"default", "chainable", "debug", "strict", NULL};
    int escape =
        given->values[OPTION_AUTOESCAPE] ? position(given->values[OPTION_AUTOESCAPE], escapes) : 0;
    int mode =
        given->values[OPTION_UNDEFINED] ? position(given->values[OPTION_UNDEFINED], modes) : 0;
    if (escape < 0)
        return perfopt__cli_fail("render", 2, "--autoescape takes on, off or auto");
    if (mode < 0)
        return perfopt__cli_fail("render", 2,
                                 "--undefined takes default, chainable, debug or strict");
    options->autoescape = (perfopt_autoescape)escape;
    options->undefined = (perfopt_undefined_mode)mode;
    options->trim_blocks = given->values[OPTION_TRIM] ? PERFOPT_ON : PERFOPT_DEFAULT;
    options->lstrip_blocks = given->values[OPTION_LSTRIP] ? PERFOPT_ON : PERFOPT_DEFAULT;
    options->keep_trailing_newline = given->values[OPTION_KEEP] ? PERFOPT_ON : PERFOPT_DEFAULT;
    return 0;
}

static int read_context(const char *path, perfopt_arena *arena, perfopt_context *context)
{
    if (!path)
        return 0;
    size_t length;
    char *text = perfopt__cli_read_input("render", path, &length);
    if (!text)
        return 1;
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_status status = perfopt_value_from_json(arena, text, length, &context->values, &err);
    perfopt__free(text);
    if (status != PERFOPT_OK)
        return perfopt__cli_fail("render", 1, "%s:%s: %s", path, err.detail, err.message);
    if (context->values.kind != PERFOPT_MAP)
        return perfopt__cli_fail("render", 1, "%s: the context must be a JSON object", path);
    return 0;
}

static int render(perfopt_ssr *ssr, const char *name, bool from_stdin,
                  const perfopt_context *context)
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_bytes *out;
    perfopt_status status;
    if (from_stdin) {
        size_t length;
        char *source = perfopt__cli_read_input("render", NULL, &length);
        if (!source)
            return 1;
        status = perfopt_ssr_render_string(ssr, NULL, source, length, context, &out, &err);
        perfopt__free(source);
    } else {
        status = perfopt_ssr_render(ssr, name, context, &out, &err);
    }
    if (status != PERFOPT_OK)
        return perfopt__cli_fail("render", 1, "%s", err.message);
    fwrite(perfopt_bytes_data(out), 1, perfopt_bytes_length(out), stdout);
    perfopt_bytes_release(out);
    return 0;
}

static int run(const cli_arguments *given, perfopt_arena *arena)
{
    perfopt_ssr_options options = PERFOPT_SSR_OPTIONS_INIT;
    perfopt_context context = {.values = perfopt_undefined()};
    int status = read_options(given, &options);
    if (status == 0)
        status = read_context(given->values[OPTION_CONTEXT], arena, &context);
    if (status != 0)
        return status;
    const char *name = given->rest[0];
    bool from_stdin = strcmp(name, "-") == 0;
    options.root = given->values[OPTION_TEMPLATES];
    const char *slash = strrchr(name, '/');
    if (!options.root && !from_stdin) {
        options.root = slash ? perfopt_arena_copy(arena, name, (size_t)(slash - name) + 1) : ".";
        name = slash ? slash + 1 : name;
    }
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_ssr *ssr;
    if (perfopt_ssr_create(&options, &ssr, &err) != PERFOPT_OK)
        return perfopt__cli_fail("render", 1, "%s", err.message);
    status = render(ssr, name, from_stdin, &context);
    perfopt_ssr_destroy(ssr);
    return status;
}

int perfopt__cli_render(int argc, char **argv)
{
    static const cli_option options[] = {{"context", true},
                                         {"templates", true},
                                         {"autoescape", true},
                                         {"undefined", true},
                                         {"trim-blocks", false},
                                         {"lstrip-blocks", false},
                                         {"keep-trailing-newline", false},
                                         {NULL, false}};
    cli_arguments given;
    int status = perfopt__cli_read(argc, argv, options, help, &given);
    if (status >= 0)
        return status;
    if (given.rest_count != 1)
        return perfopt__cli_fail("render", 2, "one TEMPLATE is needed; try --help");
    perfopt_arena *arena;
    if (perfopt_arena_create(0, &arena) != PERFOPT_OK)
        return perfopt__cli_fail("render", 1, "out of memory");
    status = run(&given, arena);
    perfopt_arena_destroy(arena);
    return status;
}
