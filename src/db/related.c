/*
 * related.c - rows that belong to rows: one statement for all keys of a result instead of one per
 * row, and the index that leads from a row to its related rows:
 *
 *     groups:  [{0, 2}, {0, 0}, {2, 3}]   row 0 has members 0 and 1, row 1 none, row 2 2 to 4
 *     members: [(part, row), ...]         which row of which loaded result
 *
 * Rows with the same key share their members.
 */
#include "base/error.h"
#include "base/memory.h"
#include "db/db_internal.h"

#include <stdio.h>
#include <string.h>

/* Keys in one statement; SQLAlchemy's selectinload uses the same. */
#define KEYS_PER_STATEMENT 500

typedef struct member {
    uint32_t part, row;
} member;

typedef struct group {
    uint32_t start, count;
} group;

struct perfopt__relation {
    perfopt_object object; /* the value of one row's members; the value's index is the row */
    struct perfopt__relation *next;
    perfopt_rows **parts;
    size_t part_count;
    group *groups; /* of each row */
    member *members;
    bool many;
    size_t name_length;
    char name[];
};

/* ---- reading ------------------------------------------------------------------------------ */

static const perfopt__relation *relation_of(const perfopt_object *self)
{
    return (const perfopt__relation *)(const void *)((const char *)self -
                                                     offsetof(perfopt__relation, object));
}

static size_t group_count(const perfopt_object *self, uint32_t index)
{
    return relation_of(self)->groups[index].count;
}

static perfopt_value member_value(const perfopt__relation *r, size_t i)
{
    return perfopt_rows_row(r->parts[r->members[i].part], r->members[i].row);
}

static bool group_item(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out)
{
    const perfopt__relation *r = relation_of(self);
    if (i >= group_count(self, index))
        return false;
    *out = member_value(r, r->groups[index].start + i);
    return true;
}

static const perfopt_object_class group_class = {
    .struct_size = sizeof(perfopt_object_class),
    .name = "rows",
    .count = group_count,
    .item = group_item,
};

static perfopt__relation **find_relation(perfopt__relation **first, const char *name, size_t length)
{
    while (*first && ((*first)->name_length != length || memcmp((*first)->name, name, length) != 0))
        first = &(*first)->next;
    return first;
}

bool perfopt__related_attribute(const perfopt_rows *rows, uint32_t row, const char *name,
                                size_t length, perfopt_value *out)
{
    perfopt__relation *first = rows->relations;
    const perfopt__relation *r = *find_relation(&first, name, length);
    if (!r || row >= rows->row_count)
        return false;
    if (r->many)
        *out = perfopt_object_value(&r->object, row);
    else
        *out = r->groups[row].count ? member_value(r, r->groups[row].start) : perfopt_none();
    return true;
}

static void relation_free(perfopt__relation *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->part_count; i++)
        perfopt_rows_release(r->parts[i]);
    perfopt__free(r->parts);
    perfopt__free(r->groups);
    perfopt__free(r->members);
    perfopt__free(r);
}

void perfopt__related_free(perfopt__relation *relations)
{
    while (relations) {
        perfopt__relation *next = relations->next;
        relation_free(relations);
        relations = next;
    }
}

/* ---- keys --------------------------------------------------------------------------------- */

/* A cell as key text, so that an int4 meets an int8 and a binary cell a text one. NULL = no key. */
static const char *key_text(const perfopt_rows *rows, size_t row, size_t column, char buffer[24],
                            size_t *length)
{
    perfopt_value value = perfopt_rows_cell(rows, row, column);
    switch (value.kind) {
    case PERFOPT_INT:
        *length = (size_t)snprintf(buffer, 24, "%lld", (long long)value.as.integer);
        return buffer;
    case PERFOPT_STRING:
        *length = value.length;
        return value.as.string;
    case PERFOPT_BOOL:
    case PERFOPT_DOUBLE:
        return perfopt_rows_text(rows, row, column, length);
    default:
        return NULL;
    }
}

/* Rows of the loaded results by key, as chains: an entry's value is the number of its first row + 1
 * in a numbering through all parts; next[] leads on. */
typedef struct key_index {
    perfopt__map first;
    uint32_t *next;
    member *where;
    uint32_t count;
} key_index;

static void index_finish(key_index *index)
{
    perfopt__map_finish(&index->first, NULL);
    perfopt__free(index->next);
    perfopt__free(index->where);
}

/* Filled from the last row to the first, so that each chain is in the order of the rows. */
static perfopt_status index_part(key_index *index, const perfopt_rows *rows, uint32_t part,
                                 size_t column)
{
    for (size_t row = rows->row_count; row-- > 0;) {
        char buffer[24];
        size_t length = 0;
        const char *key = key_text(rows, row, column, buffer, &length);
        if (!key)
            continue;
        uint32_t number = index->count++;
        void *before = NULL;
        index->where[number] = (member){part, (uint32_t)row};
        if (perfopt__map_put(&index->first, key, length, (void *)(uintptr_t)(number + 1),
                             &before) != PERFOPT_OK)
            return PERFOPT_ENOMEM;
        index->next[number] = (uint32_t)(uintptr_t)before;
    }
    return PERFOPT_OK;
}

static perfopt_status index_parts(key_index *index, perfopt_rows **parts, size_t part_count,
                                  const char *key, perfopt_error *err)
{
    size_t total = 0;
    for (size_t p = 0; p < part_count; p++)
        total += parts[p]->row_count;
    if (total >= UINT32_MAX)
        return perfopt__error_set(err, PERFOPT_ELIMIT, "too many related rows");
    index->next = perfopt__calloc(total + 1, sizeof(*index->next));
    index->where = perfopt__calloc(total + 1, sizeof(*index->where));
    if (!index->next || !index->where)
        return perfopt__error_nomem(err);
    for (size_t p = part_count; p-- > 0;) {
        size_t column = perfopt_rows_column(parts[p], key);
        if (column == SIZE_MAX)
            return perfopt__error_set(err, PERFOPT_EINVAL,
                                      "the related rows have no column \"%.60s\"", key);
        if (index_part(index, parts[p], (uint32_t)p, column) != PERFOPT_OK)
            return perfopt__error_nomem(err);
    }
    return PERFOPT_OK;
}

/* First number + 1 of the chain for a row's key, 0 if nothing is related. */
static uint32_t chain_of(const key_index *index, const perfopt_rows *rows, size_t row,
                         size_t column)
{
    char buffer[24];
    size_t length = 0;
    const char *key = key_text(rows, row, column, buffer, &length);
    return key ? (uint32_t)(uintptr_t)perfopt__map_get(&index->first, key, length) : 0;
}

/* ---- attaching ---------------------------------------------------------------------------- */

/* Lays a chain out in the members unless another row has had that done. */
static group place_chain(perfopt__relation *r, const key_index *index, uint32_t head, group *placed,
                         uint32_t *used)
{
    group *g = &placed[head - 1];
    if (g->count)
        return *g;
    g->start = *used;
    for (uint32_t n = head; n; n = index->next[n - 1])
        r->members[(*used)++] = index->where[n - 1];
    g->count = *used - g->start;
    return *g;
}

static perfopt_status link_rows(perfopt__relation *r, const perfopt_rows *rows, size_t column,
                                const key_index *index, perfopt_error *err)
{
    uint32_t used = 0;
    group *placed = perfopt__calloc((size_t)index->count + 1, sizeof(*placed));
    r->members = perfopt__calloc((size_t)index->count + 1, sizeof(*r->members));
    r->groups = perfopt__calloc((size_t)rows->row_count + 1, sizeof(*r->groups));
    bool ready = placed && r->members && r->groups;
    for (size_t row = 0; ready && row < rows->row_count; row++) {
        uint32_t head = chain_of(index, rows, row, column);
        if (head)
            r->groups[row] = place_chain(r, index, head, placed, &used);
    }
    perfopt__free(placed);
    return ready ? PERFOPT_OK : perfopt__error_nomem(err);
}

static perfopt__relation *relation_new(const char *name, bool many, perfopt_rows **parts,
                                       size_t part_count)
{
    size_t length = strlen(name);
    perfopt__relation *r = perfopt__calloc(1, sizeof(*r) + length + 1);
    if (!r)
        return NULL;
    r->parts = perfopt__calloc(part_count + 1, sizeof(*r->parts));
    if (!r->parts) {
        perfopt__free(r);
        return NULL;
    }
    r->object.cls = &group_class;
    r->many = many;
    r->name_length = length;
    memcpy(r->name, name, length);
    for (; r->part_count < part_count; r->part_count++)
        r->parts[r->part_count] = perfopt_rows_retain(parts[r->part_count]);
    return r;
}

static perfopt_status attach(perfopt_rows *rows, size_t column, perfopt_rows **parts,
                             size_t part_count, const char *key, const char *name, bool many,
                             perfopt_error *err)
{
    key_index index = {.first = PERFOPT__MAP_INIT};
    perfopt__relation *r = relation_new(name, many, parts, part_count);
    perfopt_status status =
        r ? index_parts(&index, parts, part_count, key, err) : perfopt__error_nomem(err);
    if (status == PERFOPT_OK)
        status = link_rows(r, rows, column, &index, err);
    index_finish(&index);
    if (status != PERFOPT_OK) {
        relation_free(r);
        return status;
    }
    perfopt__relation **place = find_relation(&rows->relations, r->name, r->name_length);
    perfopt__relation *old = *place;
    r->next = old ? old->next : NULL;
    *place = r;
    relation_free(old);
    return PERFOPT_OK;
}

static perfopt_status check(const perfopt_rows *rows, const char *column, const char *key,
                            const char *name, size_t *number, perfopt_error *err)
{
    if (!rows || !column || !key || !name || !*name)
        return perfopt__error_set(err, PERFOPT_EINVAL, "rows, column, key and name are needed");
    *number = perfopt_rows_column(rows, column);
    if (*number == SIZE_MAX)
        return perfopt__error_set(err, PERFOPT_EINVAL, "the rows have no column \"%.60s\"", column);
    if (perfopt_rows_column(rows, name) != SIZE_MAX)
        return perfopt__error_set(err, PERFOPT_EINVAL, "\"%.60s\" is a column of the rows already",
                                  name);
    return PERFOPT_OK;
}

perfopt_status perfopt_rows_attach(perfopt_rows *rows, const char *column, perfopt_rows *related,
                                   const char *key, const char *name, bool many, perfopt_error *err)
{
    size_t number;
    perfopt_status status = check(rows, column, key, name, &number, err);
    if (status != PERFOPT_OK)
        return status;
    if (!related)
        return perfopt__error_set(err, PERFOPT_EINVAL, "no related rows");
    return attach(rows, number, &related, 1, key, name, many, err);
}

/* ---- loading ------------------------------------------------------------------------------ */

static bool is_integer(Oid type)
{
    return type == PERFOPT__OID_INT2 || type == PERFOPT__OID_INT4 || type == PERFOPT__OID_INT8 ||
           type == PERFOPT__OID_OID;
}

/* The distinct keys of a column, in the form of an array parameter. */
typedef struct key_set {
    bool integers;
    size_t count;
    int64_t *numbers;
    const char **texts; /* owned by seen */
    perfopt__map seen;
} key_set;

static void keys_finish(key_set *keys)
{
    perfopt__map_finish(&keys->seen, NULL);
    perfopt__free(keys->numbers);
    perfopt__free(keys->texts);
}

static perfopt_status keys_collect(key_set *keys, const perfopt_rows *rows, size_t column)
{
    keys->integers = is_integer(rows->columns[column].type);
    keys->numbers = perfopt__calloc((size_t)rows->row_count + 1, sizeof(*keys->numbers));
    keys->texts = perfopt__calloc((size_t)rows->row_count + 1, sizeof(*keys->texts));
    if (!keys->numbers || !keys->texts)
        return PERFOPT_ENOMEM;
    for (size_t row = 0; row < rows->row_count; row++) {
        char buffer[24];
        size_t length = 0;
        const char *key = key_text(rows, row, column, buffer, &length);
        if (!key || perfopt__map_get(&keys->seen, key, length))
            continue;
        if (perfopt__map_put(&keys->seen, key, length, keys, NULL) != PERFOPT_OK)
            return PERFOPT_ENOMEM;
        if (keys->integers && !perfopt_rows_int(rows, row, column, &keys->numbers[keys->count]))
            continue;
        keys->count++;
    }
    if (keys->integers)
        return PERFOPT_OK;
    size_t cursor = 0, i = 0;
    for (perfopt__map_entry *e; (e = perfopt__map_next(&keys->seen, &cursor));)
        keys->texts[i++] = e->key;
    return PERFOPT_OK;
}

static perfopt_status load_parts(perfopt_db *db, const char *sql, const key_set *keys,
                                 perfopt_rows **parts, size_t *part_count, perfopt_error *err)
{
    for (size_t at = 0; at < keys->count; at += KEYS_PER_STATEMENT) {
        size_t left = keys->count - at;
        size_t count = left < KEYS_PER_STATEMENT ? left : KEYS_PER_STATEMENT;
        perfopt_param param = keys->integers ? perfopt_param_int_array(keys->numbers + at, count)
                                             : perfopt_param_text_array(keys->texts + at, count);
        perfopt_status status =
            perfopt_db_query(db, sql, &param, 1, NULL, &parts[*part_count], err);
        if (status != PERFOPT_OK)
            return status;
        ++*part_count;
    }
    return PERFOPT_OK;
}

perfopt_status perfopt_db_eager_load(perfopt_db *db, perfopt_rows *rows, const char *column,
                                     const char *sql, const char *key, const char *name, bool many,
                                     perfopt_error *err)
{
    size_t number, part_count = 0;
    perfopt_status status = check(rows, column, key, name, &number, err);
    if (status != PERFOPT_OK)
        return status;
    key_set keys = {.seen = PERFOPT__MAP_INIT};
    perfopt_rows **parts = NULL;
    status = keys_collect(&keys, rows, number);
    if (status == PERFOPT_OK) {
        parts = perfopt__calloc(keys.count / KEYS_PER_STATEMENT + 1, sizeof(*parts));
        status = parts ? PERFOPT_OK : PERFOPT_ENOMEM;
    }
    if (status != PERFOPT_OK)
        perfopt__error_nomem(err);
    else
        status = load_parts(db, sql, &keys, parts, &part_count, err);
    if (status == PERFOPT_OK)
        status = attach(rows, number, parts, part_count, key, name, many, err);
    for (size_t i = 0; i < part_count; i++)
        perfopt_rows_release(parts[i]);
    perfopt__free(parts);
    keys_finish(&keys);
    return status;
}
