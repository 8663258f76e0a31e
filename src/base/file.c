/*
 * file.c - reading and replacing whole files.
 */
#include "base/file.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static perfopt_status read_all(int fd, const char *path, size_t size, char **out, size_t *length,
                               perfopt_error *err)
{
    char *data = perfopt__malloc(size + 1);
    if (!data)
        return perfopt__error_nomem(err);
    size_t used = 0;
    while (used < size) {
        ssize_t n = read(fd, data + used, size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int failure = errno;
            perfopt__free(data);
            return perfopt__error_os(err, PERFOPT_EIO, failure, "cannot read %s", path);
        }
        if (n == 0)
            break;
        used += (size_t)n;
    }
    data[used] = '\0';
    *out = data;
    *length = used;
    return PERFOPT_OK;
}

perfopt_status perfopt__file_read(const char *path, size_t max_bytes, char **out, size_t *length,
                                  perfopt_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return perfopt__error_os(err, errno == ENOENT ? PERFOPT_ENOTFOUND : PERFOPT_EIO, errno,
                                 "cannot open %s", path);
    perfopt_status status;
    struct stat st;
    if (fstat(fd, &st) != 0)
        status = perfopt__error_os(err, PERFOPT_EIO, errno, "cannot stat %s", path);
    else if (!S_ISREG(st.st_mode))
        status = perfopt__error_set(err, PERFOPT_EIO, "%s is not a regular file", path);
    else if ((uint64_t)st.st_size > max_bytes)
        status = perfopt__error_set(err, PERFOPT_ELIMIT, "%s has %lld bytes, more than %zu", path,
                                    (long long)st.st_size, max_bytes);
    else
        status = read_all(fd, path, (size_t)st.st_size, out, length, err);
    close(fd);
    return status;
}

static perfopt_status write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PERFOPT_EIO;
        data += n;
        length -= (size_t)n;
    }
    return PERFOPT_OK;
}

perfopt_status perfopt__file_replace(const char *path, const void *data, size_t length,
                                     perfopt_error *err)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof(temporary), "%s.%08llx.tmp", path,
                     (unsigned long long)perfopt__random_below(UINT32_MAX));
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return perfopt__error_set(err, PERFOPT_EIO, "path too long: %.100s...", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return perfopt__error_os(err, PERFOPT_EIO, errno, "cannot create %s", temporary);
    bool written = write_all(fd, data, length) == PERFOPT_OK && fsync(fd) == 0;
    int failure = errno;
    if (close(fd) != 0 && written) {
        written = false;
        failure = errno;
    }
    if (written && rename(temporary, path) == 0)
        return PERFOPT_OK;
    if (written)
        failure = errno;
    unlink(temporary);
    return perfopt__error_os(err, PERFOPT_EIO, failure, "cannot write %s", path);
}

perfopt_status perfopt__make_folders(const char *path, perfopt_error *err)
{
    char part[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(part))
        return perfopt__error_set(err, PERFOPT_EIO, "path empty or too long: %.100s", path);
    memcpy(part, path, length + 1);
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return perfopt__error_os(err, PERFOPT_EIO, errno, "cannot create folder %s", part);
        if (end == '\0')
            return PERFOPT_OK;
        *p = end;
    }
}

bool perfopt__path_is_inside(const char *path, size_t length)
{
    if (length == 0 || path[0] == '/' || memchr(path, '\0', length) || memchr(path, '\\', length))
        return false;
    size_t start = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && path[i] != '/')
            continue;
        if (i - start == 2 && path[start] == '.' && path[start + 1] == '.')
            return false;
        start = i + 1;
    }
    return true;
}
