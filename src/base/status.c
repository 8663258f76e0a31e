/*
 * status.c - names and texts of the status codes, from the one table in base.h; the version.
 */
#include <perfopt/base.h>
#include <perfopt/version.h>

const char *perfopt_status_name(perfopt_status status)
{
    switch (status) {
#define STATUS_NAME(name, value, text) \
    case name:                         \
        return #name;
        PERFOPT_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    }
    return "PERFOPT_E?";
}

const char *perfopt_status_text(perfopt_status status)
{
    switch (status) {
#define STATUS_TEXT(name, value, text) \
    case name:                         \
        return text;
        PERFOPT_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

const char *perfopt_version(void)
{
    return PERFOPT_VERSION_STRING;
}
