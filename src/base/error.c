/*
 * error.c - formats error messages: one line, cut cleanly, no control characters.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Control characters would break log lines; a cut UTF-8 sequence would break JSON. */
static void tidy(char *text, size_t capacity)
{
    size_t length = strlen(text);
    if (length == capacity - 1) {
        while (length > 0 && ((unsigned char)text[length - 1] & 0xC0) == 0x80)
            length--;
        if (length > 0 && (unsigned char)text[length - 1] >= 0xC0)
            length--;
        text[length] = '\0';
    }
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
        text[--length] = '\0';
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    }
}

PERFOPT_PRINTF(6, 0)
static void fill(perfopt_error *err, perfopt_status status, perfopt_origin origin, int64_t native,
                 const char *detail, const char *format, va_list args)
{
    err->status = status;
    err->origin = origin;
    err->native = native;
    snprintf(err->detail, sizeof(err->detail), "%s", detail ? detail : "");
    tidy(err->detail, sizeof(err->detail));
    vsnprintf(err->message, sizeof(err->message), format, args);
}

void perfopt__error_write(perfopt_error *err, perfopt_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        fill(err, status, PERFOPT_ORIGIN_PERFOPT, 0, NULL, format, args);
        va_end(args);
        tidy(err->message, sizeof(err->message));
    }
}

void perfopt__error_write_os(perfopt_error *err, perfopt_status status, int errnum,
                             const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        fill(err, status, PERFOPT_ORIGIN_OS, errnum, NULL, format, args);
        va_end(args);
        char reason[128];
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof(err->message) - used, ": %s",
                 strerror_r(errnum, reason, sizeof(reason)));
        tidy(err->message, sizeof(err->message));
    }
}

void perfopt__error_write_from(perfopt_error *err, perfopt_status status, perfopt_origin origin,
                               int64_t native, const char *detail, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        fill(err, status, origin, native, detail, format, args);
        va_end(args);
        tidy(err->message, sizeof(err->message));
    }
}
