/*
 * embedded.h - files that the build puts into the library (cmake/embed.cmake).
 */
#ifndef PERFOPT_SRC_FRONTEND_EMBEDDED_H
#define PERFOPT_SRC_FRONTEND_EMBEDDED_H

#include <stddef.h>

typedef struct perfopt__embedded_file {
    const char *name; /* NULL ends a table */
    const char *media_type;
    const char *data; /* NUL-terminated at length */
    size_t length;
} perfopt__embedded_file;

/* The browser-timing script; defined only if PERFOPT_HAVE_BROWSER_FILES. */
extern const perfopt__embedded_file perfopt__frontend_files[];

#endif
