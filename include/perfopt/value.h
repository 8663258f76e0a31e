/*
 * value.h - one JSON-like value for templates, JSON output and cached structures.
 *
 * A value is 16 bytes, copied freely, and owns nothing: strings point to memory of the caller, of a
 * query result or of an arena; lists and maps live in an arena; objects are the host's own structs
 * seen through a small class. Whatever a value points to must outlive it.
 */
#ifndef PERFOPT_VALUE_H
#define PERFOPT_VALUE_H

#include <perfopt/base.h>
#include <string.h>

PERFOPT_BEGIN_DECLS

typedef enum perfopt_kind {
    PERFOPT_UNDEFINED = 0, /* no such name; distinct from none */
    PERFOPT_NONE = 1,      /* null */
    PERFOPT_BOOL = 2,
    PERFOPT_INT = 3,
    PERFOPT_DOUBLE = 4,
    PERFOPT_STRING = 5, /* bytes, UTF-8 by convention */
    PERFOPT_LIST = 6,
    PERFOPT_MAP = 7,
    PERFOPT_OBJECT = 8
} perfopt_kind;

/* The string is markup already: auto-escaping leaves it alone. */
#define PERFOPT_VALUE_SAFE 1u
/* The list is a tuple: equal to other tuples only, printed with parentheses. */
#define PERFOPT_VALUE_TUPLE 2u

typedef struct perfopt_list perfopt_list;
typedef struct perfopt_map perfopt_map;
typedef struct perfopt_object perfopt_object;

typedef struct perfopt_value {
    uint8_t kind;  /* a perfopt_kind */
    uint8_t flags; /* PERFOPT_VALUE_* */
    uint16_t reserved;
    uint32_t length; /* STRING: bytes; OBJECT: an index the object's class interprets */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *string;
        perfopt_list *list;
        perfopt_map *map;
        const perfopt_object *object;
    } as;
} perfopt_value;

/* ---- host objects ------------------------------------------------------------------------- */

/*
 * How templates see a host struct. Every function may be NULL ("cannot do that"). `self` and
 * `index` are what the value carries. Results must live as long as the object. The functions must
 * be safe to call from several threads at once if the object is shared.
 */
typedef struct perfopt_object_class {
    size_t struct_size;
    const char *name; /* for messages: "row", "request" */
    /* Attribute or key; false = there is none. */
    bool (*attribute)(const perfopt_object *self, uint32_t index, const char *name, size_t length,
                      perfopt_value *out);
    /* Number of items a loop sees. */
    size_t (*count)(const perfopt_object *self, uint32_t index);
    /* Item i, 0 <= i < count: an element of a sequence, a key of a mapping. */
    bool (*item)(const perfopt_object *self, uint32_t index, size_t i, perfopt_value *out);
    /* True if items are keys, to be read with `attribute`. */
    bool is_mapping;
} perfopt_object_class;

/* Put it first into a struct of yours, or point to it. */
struct perfopt_object {
    const perfopt_object_class *cls;
};

/* ---- making values ------------------------------------------------------------------------ */

static inline perfopt_value perfopt_undefined(void)
{
    perfopt_value v;
    memset(&v, 0, sizeof(v));
    return v;
}

static inline perfopt_value perfopt_none(void)
{
    perfopt_value v = perfopt_undefined();
    v.kind = PERFOPT_NONE;
    return v;
}

static inline perfopt_value perfopt_bool(bool b)
{
    perfopt_value v = perfopt_undefined();
    v.kind = PERFOPT_BOOL;
    v.as.boolean = b;
    return v;
}

static inline perfopt_value perfopt_int(int64_t i)
{
    perfopt_value v = perfopt_undefined();
    v.kind = PERFOPT_INT;
    v.as.integer = i;
    return v;
}

static inline perfopt_value perfopt_double(double d)
{
    perfopt_value v = perfopt_undefined();
    v.kind = PERFOPT_DOUBLE;
    v.as.real = d;
    return v;
}

/* Borrows `length` bytes; at most UINT32_MAX of them are seen. */
static inline perfopt_value perfopt_string_n(const char *bytes, size_t length)
{
    perfopt_value v = perfopt_undefined();
    v.kind = PERFOPT_STRING;
    v.length = length > UINT32_MAX ? UINT32_MAX : (uint32_t)length;
    v.as.string = bytes ? bytes : "";
    return v;
}

/* Borrows a NUL-terminated string; NULL gives none. */
static inline perfopt_value perfopt_string(const char *text)
{
    return text ? perfopt_string_n(text, strlen(text)) : perfopt_none();
}

/* Borrows markup that auto-escaping must leave alone. Only for text that is safe as it is. */
static inline perfopt_value perfopt_safe(const char *markup)
{
    perfopt_value v = perfopt_string(markup);
    v.flags = PERFOPT_VALUE_SAFE;
    return v;
}

static inline perfopt_value perfopt_object_value(const perfopt_object *object, uint32_t index)
{
    perfopt_value v = perfopt_undefined();
    v.kind = PERFOPT_OBJECT;
    v.length = index;
    v.as.object = object;
    return v;
}

/* ---- lists -------------------------------------------------------------------------------- */

/**
 * Make an empty list in an arena.
 *
 * @return PERFOPT_OK or PERFOPT_ENOMEM.
 *
 * Thread-safety: the arena's owner.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_list_create(perfopt_arena *arena, perfopt_value *out);

/**
 * Append to a list made by perfopt_list_create().
 *
 * @return PERFOPT_OK, PERFOPT_ENOMEM, PERFOPT_ETYPE (not such a list).
 *
 * Thread-safety: the arena's owner.   Blocks: never.   Complexity: O(1) amortised.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_list_append(perfopt_value list, perfopt_value item);

/* ---- maps --------------------------------------------------------------------------------- */

/**
 * Make an empty map in an arena. Maps keep insertion order.
 *
 * @return PERFOPT_OK or PERFOPT_ENOMEM.
 *
 * Thread-safety: the arena's owner.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_map_create(perfopt_arena *arena, perfopt_value *out);

/**
 * Set a key; a key that exists keeps its place.
 *
 * @param name Copied into the map's arena.
 * @return PERFOPT_OK, PERFOPT_ENOMEM, PERFOPT_ETYPE (not such a map).
 *
 * Thread-safety: the arena's owner.   Blocks: never.   Complexity: O(1) expected.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_map_set(perfopt_value map, const char *name,
                                           perfopt_value value);

/**
 * Set a key of any hashable kind: none, bool, int, double, string, or a tuple of those.
 *
 * Equal keys are one key as in Python: 1, 1.0 and true are equal. Strings are borrowed.
 *
 * @return PERFOPT_OK, PERFOPT_ENOMEM, PERFOPT_ETYPE (not a map, or the key is not hashable).
 *
 * Thread-safety: the arena's owner.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_map_set_key(perfopt_value map, perfopt_value key,
                                               perfopt_value value);

/* ---- reading ------------------------------------------------------------------------------ */

/**
 * Attribute of a map or object by name.
 *
 * @return The value, or undefined.
 *
 * Thread-safety: any thread while nobody changes the value.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_value perfopt_value_get(perfopt_value container, const char *name,
                                            size_t length);

/**
 * Value under a key of any kind in a map (or object with string keys).
 *
 * @return The value, or undefined.
 *
 * Thread-safety: as perfopt_value_get().   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_value perfopt_value_get_key(perfopt_value container, perfopt_value key);

/**
 * Number of items of a list, keys of a map, items of an object, characters of a string.
 *
 * @return SIZE_MAX for kinds without a length.
 *
 * Thread-safety: as perfopt_value_get().   Blocks: never.   Complexity: strings O(n).   Since: 0.1
 */
PERFOPT_API size_t perfopt_value_count(perfopt_value value);

/**
 * Item i of a list or sequence object; key i of a map or mapping object.
 *
 * @return The value, or undefined past the end.
 *
 * Thread-safety: as perfopt_value_get().   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_value perfopt_value_at(perfopt_value value, size_t i);

/**
 * Python's truth: false for undefined, none, false, 0, 0.0, empty strings, lists and maps.
 *
 * Thread-safety: as perfopt_value_get().   Blocks: never.   Since: 0.1
 */
PERFOPT_API bool perfopt_value_truth(perfopt_value value);

/**
 * Python's ==: numbers by value across kinds, lists and maps by contents, at most 100 levels deep.
 *
 * Thread-safety: as perfopt_value_get().   Blocks: never.   Since: 0.1
 */
PERFOPT_API bool perfopt_value_equal(perfopt_value a, perfopt_value b);

/**
 * Name of a value's kind for messages, in Python's words: "str", "int", "dict", ...
 *
 * Thread-safety: any thread.   Blocks: never.   Since: 0.1
 */
PERFOPT_API const char *perfopt_value_type_name(perfopt_value value);

/* ---- JSON --------------------------------------------------------------------------------- */

/**
 * Parse JSON text (RFC 8259) into values that live in an arena.
 *
 * Nesting deeper than 512, duplicate keys, integers outside 64 bits and ill-formed UTF-8 are
 * errors.
 *
 * @return PERFOPT_OK; PERFOPT_ESYNTAX (detail = "line:column"), PERFOPT_ENOMEM.
 *
 * Thread-safety: the arena's owner.   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_value_from_json(perfopt_arena *arena, const char *text,
                                                   size_t length, perfopt_value *out,
                                                   perfopt_error *err);

/**
 * Write a value as JSON that is also safe inside an HTML script element ("</" is escaped).
 *
 * Undefined and non-finite numbers become null; objects become what their class iterates; keys that
 * are numbers, booleans or none become strings, as in Python.
 *
 * @param indent   Spaces per level; 0 = one line without spaces.
 * @param[out] out Release with perfopt_bytes_release(); untouched on failure.
 * @return PERFOPT_OK; PERFOPT_ELIMIT (nested deeper than 512), PERFOPT_ETYPE (a tuple as a key),
 *         PERFOPT_ENOMEM.
 *
 * Thread-safety: as perfopt_value_get().   Blocks: never.   Since: 0.1
 */
PERFOPT_API perfopt_status perfopt_value_to_json(perfopt_value value, unsigned indent,
                                                 perfopt_bytes **out, perfopt_error *err);

PERFOPT_END_DECLS

#endif
