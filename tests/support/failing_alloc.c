/*
 * failing_alloc.c - the allocator hook that fails on demand. Counters are atomic, because
 * background threads allocate too.
 */
#include "support/failing_alloc.h"

#include <perfopt/base.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_size_t live;
static atomic_uint calls;
static atomic_uint fail_at; /* 0 = never */
static atomic_bool fail_all_after;
static atomic_bool did_fail;

static bool must_fail(void)
{
    unsigned at = atomic_load(&fail_at);
    if (at == 0)
        return false;
    unsigned n = atomic_fetch_add(&calls, 1) + 1;
    bool fail = n == at || (n > at && atomic_load(&fail_all_after));
    if (fail)
        atomic_store(&did_fail, true);
    return fail;
}

static void *failing_malloc(size_t size, void *user)
{
    (void)user;
    void *ptr = must_fail() ? NULL : malloc(size ? size : 1);
    if (ptr)
        atomic_fetch_add(&live, 1);
    return ptr;
}

static void *failing_realloc(void *ptr, size_t size, void *user)
{
    (void)user;
    if (must_fail())
        return NULL;
    void *grown = realloc(ptr, size ? size : 1);
    if (grown && !ptr)
        atomic_fetch_add(&live, 1);
    return grown;
}

static void failing_free(void *ptr, void *user)
{
    (void)user;
    if (ptr)
        atomic_fetch_sub(&live, 1);
    free(ptr);
}

void test_alloc_install(void)
{
    static const perfopt_allocator allocator = {failing_malloc, failing_realloc, failing_free,
                                                NULL};
    if (perfopt_allocator_set(&allocator) != PERFOPT_OK)
        abort();
}

static void begin(unsigned n, bool all_after)
{
    atomic_store(&did_fail, false);
    atomic_store(&fail_all_after, all_after);
    atomic_store(&calls, 0);
    atomic_store(&fail_at, n);
}

void test_alloc_fail(unsigned n)
{
    begin(n, false);
}

void test_alloc_fail_from(unsigned n)
{
    begin(n, true);
}

bool test_alloc_stop(void)
{
    atomic_store(&fail_at, 0);
    return atomic_load(&did_fail);
}

size_t test_alloc_live(void)
{
    return atomic_load(&live);
}
