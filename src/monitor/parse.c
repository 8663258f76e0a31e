/*
 * parse.c - the texts of /proc and the cgroup file systems.
 */
#include "monitor/parse.h"

#include <math.h>
#include <string.h>

const char *perfopt__parse_number(const char *text, uint64_t *out)
{
    if (*text < '0' || *text > '9')
        return NULL;
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            number = UINT64_MAX / 10 + 1; /* overflows again, or stays far above any real value */
    }
    *out = number;
    return text;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end ? end + 1 : NULL;
}

bool perfopt__parse_single(const char *text, uint64_t *out)
{
    if (strncmp(text, "max", 3) == 0 || strncmp(text, "-1", 2) == 0) {
        *out = PERFOPT__UNLIMITED;
        return true;
    }
    uint64_t number;
    const char *rest = perfopt__parse_number(text, &number);
    if (!rest || (*rest != '\0' && *rest != '\n'))
        return false;
    /* Version 1 writes LONG_MAX rounded down to a page. */
    *out = number >= (uint64_t)INT64_MAX / 65536 * 65536 ? PERFOPT__UNLIMITED : number;
    return true;
}

bool perfopt__parse_keyed(const char *text, const char *key, uint64_t *out)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = next_line(line)) {
        if (strncmp(line, key, length) != 0)
            continue;
        const char *rest = line + length;
        if (*rest == ':')
            rest++;
        else if (*rest != ' ')
            continue;
        return perfopt__parse_number(skip_blanks(rest), out) != NULL;
    }
    return false;
}

/* Numbers separated by blanks; returns how many were read. */
static int numbers(const char *text, uint64_t *out, int capacity)
{
    int count = 0;
    while (count < capacity && (text = perfopt__parse_number(skip_blanks(text), &out[count])))
        count++;
    return count;
}

bool perfopt__parse_self_stat(const char *text, uint64_t *cpu_ticks, uint64_t *start_ticks)
{
    /* The name in parentheses may itself contain parentheses and blanks. */
    const char *at = strrchr(text, ')');
    uint64_t user = 0, system = 0, start = 0;
    for (int field = 3; at && field <= 22; field++) {
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
        if (field == 14 && !perfopt__parse_number(at, &user))
            return false;
        if (field == 15 && !perfopt__parse_number(at, &system))
            return false;
        if (field == 22 && !perfopt__parse_number(at, &start))
            return false;
    }
    if (!at)
        return false;
    *cpu_ticks = user + system;
    *start_ticks = start;
    return true;
}

bool perfopt__parse_host_stat(const char *text, perfopt__host_stat *out)
{
    uint64_t n[8];
    if (strncmp(text, "cpu ", 4) != 0)
        return false;
    int count = numbers(text + 4, n, 8);
    if (count < 4)
        return false;
    perfopt__host_stat stat = {0};
    for (int i = 0; i < count; i++) {
        stat.all_ticks += n[i];
        stat.busy_ticks += i == 3 || i == 4 ? 0 : n[i]; /* idle, iowait */
    }
    uint64_t boot = 0;
    for (const char *line = text; line; line = next_line(line)) {
        stat.cpus += strncmp(line, "cpu", 3) == 0 && line[3] >= '0' && line[3] <= '9';
        if (strncmp(line, "btime ", 6) == 0)
            (void)perfopt__parse_number(line + 6, &boot);
    }
    stat.boot_s = boot > INT32_MAX * UINT64_C(100) ? 0 : (int64_t)boot;
    *out = stat;
    return true;
}

bool perfopt__parse_cpu_list(const char *text, uint32_t *out)
{
    uint64_t total = 0;
    const char *at = skip_blanks(text);
    for (;;) {
        uint64_t first, last;
        at = perfopt__parse_number(at, &first);
        if (!at)
            return false;
        last = first;
        if (*at == '-' && !(at = perfopt__parse_number(at + 1, &last)))
            return false;
        if (last < first || last - first >= 65536)
            return false;
        total += last - first + 1;
        if (*at != ',')
            break;
        at++;
    }
    if (total > 65536 || (*at != '\0' && *at != '\n'))
        return false;
    *out = (uint32_t)total;
    return true;
}

bool perfopt__parse_open_files(const char *text, uint64_t *out)
{
    static const char name[] = "Max open files";
    for (const char *line = text; line; line = next_line(line)) {
        if (strncmp(line, name, sizeof(name) - 1) != 0)
            continue;
        const char *value = skip_blanks(line + sizeof(name) - 1);
        if (strncmp(value, "unlimited", 9) == 0) {
            *out = PERFOPT__UNLIMITED;
            return true;
        }
        return perfopt__parse_number(value, out) != NULL;
    }
    return false;
}

/* Digits, a point and digits; strtod would ask the locale which point. */
static bool parse_decimal(const char *text, double *out)
{
    uint64_t whole, fraction = 0;
    const char *at = perfopt__parse_number(text, &whole);
    if (!at)
        return false;
    double scale = 1;
    if (*at == '.') {
        const char *end = perfopt__parse_number(at + 1, &fraction);
        if (!end || end - at > 10)
            return false;
        scale = pow(10, (double)(end - at - 1));
    }
    *out = (double)whole + (double)fraction / scale;
    return true;
}

bool perfopt__parse_pressure(const char *text, double *out)
{
    static const char start[] = "some avg10=";
    double value;
    if (strncmp(text, start, sizeof(start) - 1) != 0 ||
        !parse_decimal(text + sizeof(start) - 1, &value) || value > 100)
        return false;
    *out = value;
    return true;
}

bool perfopt__parse_load(const char *text, double *out)
{
    return parse_decimal(text, out);
}

bool perfopt__parse_cpu_max(const char *text, double *out)
{
    uint64_t n[2];
    if (numbers(text, n, 2) != 2 || n[0] == 0 || n[1] == 0)
        return false;
    *out = (double)n[0] / (double)n[1];
    return true;
}

/* ---- where a cgroup is -------------------------------------------------------------------- */

/* Copies up to `end`, decoding the octal escapes of mountinfo (\040 for a blank). */
static bool copy_path(const char *from, const char *end, char *out, size_t size)
{
    size_t length = 0;
    while (from < end) {
        char c = *from++;
        if (c == '\\' && end - from >= 3 && from[0] >= '0' && from[0] <= '3' && from[1] >= '0' &&
            from[1] <= '7' && from[2] >= '0' && from[2] <= '7') {
            c = (char)((from[0] - '0') * 64 + (from[1] - '0') * 8 + (from[2] - '0'));
            from += 3;
        }
        if (length + 1 >= size || c == '\0')
            return false;
        out[length++] = c;
    }
    out[length] = '\0';
    return length > 0 && out[0] == '/';
}

/* Is `word` one of the comma-separated words in [from, end)? */
static bool listed(const char *from, const char *end, const char *word)
{
    size_t length = strlen(word);
    while (from < end) {
        const char *comma = memchr(from, ',', (size_t)(end - from));
        const char *stop = comma ? comma : end;
        if ((size_t)(stop - from) == length && memcmp(from, word, length) == 0)
            return true;
        from = stop + 1;
    }
    return false;
}

static const char *line_end(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end : line + strlen(line);
}

bool perfopt__parse_cgroup_path(const char *text, const char *controller, char *out, size_t size)
{
    /* hierarchy:controllers:path, the unified hierarchy being "0::path" */
    for (const char *line = text; line; line = next_line(line)) {
        const char *end = line_end(line);
        const char *controllers = memchr(line, ':', (size_t)(end - line));
        if (!controllers)
            continue;
        controllers++;
        const char *path = memchr(controllers, ':', (size_t)(end - controllers));
        if (!path)
            continue;
        bool match = controller ? listed(controllers, path, controller)
                                : controllers == path && line[0] == '0' && line[1] == ':';
        if (match)
            return copy_path(path + 1, end, out, size);
    }
    return false;
}

/* Splits a line at blanks; returns the number of fields, the surplus is left out. */
static int split(const char *line, const char *end, const char **starts, const char **ends,
                 int capacity)
{
    int count = 0;
    while (line < end && count < capacity) {
        const char *blank = memchr(line, ' ', (size_t)(end - line));
        starts[count] = line;
        ends[count] = blank ? blank : end;
        line = ends[count] + 1;
        count++;
    }
    return count;
}

static bool is_word(const char *from, const char *end, const char *word)
{
    return (size_t)(end - from) == strlen(word) && memcmp(from, word, strlen(word)) == 0;
}

bool perfopt__parse_cgroup_mount(const char *text, const char *controller, char *root,
                                 char *mount_point, size_t size)
{
    /* id parent device root mount-point options [optional ...] - type source super-options */
    enum { FIELDS = 24 };
    const char *starts[FIELDS], *ends[FIELDS];
    for (const char *line = text; line; line = next_line(line)) {
        int count = split(line, line_end(line), starts, ends, FIELDS);
        int dash = 6;
        while (dash < count && !is_word(starts[dash], ends[dash], "-"))
            dash++;
        if (dash + 3 >= count)
            continue;
        bool match = controller ? is_word(starts[dash + 1], ends[dash + 1], "cgroup") &&
                                      listed(starts[dash + 3], ends[dash + 3], controller)
                                : is_word(starts[dash + 1], ends[dash + 1], "cgroup2");
        if (match)
            return copy_path(starts[3], ends[3], root, size) &&
                   copy_path(starts[4], ends[4], mount_point, size);
    }
    return false;
}
