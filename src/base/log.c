/*
 * log.c - the log hook and its default, standard error.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static void log_to_stderr(perfopt_log_level level, const char *module, const char *message,
                          void *user)
{
    (void)user;
    fprintf(stderr, "perfopt[%s] %s: %s\n", module, level_names[level], message);
}

static _Atomic perfopt_log_level minimum = PERFOPT_LOG_INFO;
static perfopt_log_fn sink = log_to_stderr;
static void *sink_user;

void perfopt_log_set(perfopt_log_level min_level, perfopt_log_fn fn, void *user)
{
    minimum = min_level;
    sink = fn ? fn : log_to_stderr;
    sink_user = user;
}

void perfopt__log(perfopt_log_level level, const char *module, const char *format, ...)
{
    if (level < minimum || level >= PERFOPT_LOG_SILENT)
        return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    for (char *p = message; *p; p++) {
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    }
    sink(level, module, message, sink_user);
}
