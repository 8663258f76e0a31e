/*
 * file.h - whole files: reading with a bound, and replacing atomically.
 */
#ifndef PERFOPT_SRC_BASE_FILE_H
#define PERFOPT_SRC_BASE_FILE_H

#include <perfopt/base.h>

/* Reads a regular file of at most max_bytes; *out is NUL-terminated, free with perfopt__free.
 * PERFOPT_ENOTFOUND, PERFOPT_EIO, PERFOPT_ELIMIT, PERFOPT_ENOMEM. */
perfopt_status perfopt__file_read(const char *path, size_t max_bytes, char **out, size_t *length,
                                  perfopt_error *err);
/* Writes to a temporary name in the same folder, fsyncs, renames over `path`: readers see the old
 * or the new file, never a part. Mode 0644 as umask allows. PERFOPT_EIO. */
perfopt_status perfopt__file_replace(const char *path, const void *data, size_t length,
                                     perfopt_error *err);
/* Creates a folder and its parents; an existing one is success. */
perfopt_status perfopt__make_folders(const char *path, perfopt_error *err);
/* True if a relative path stays below its root: no "..", no leading '/', no NUL, no backslash. */
bool perfopt__path_is_inside(const char *path, size_t length);

#endif
