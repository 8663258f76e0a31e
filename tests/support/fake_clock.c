/*
 * fake_clock.c - the clock hook over two atomic numbers.
 */
#include "support/fake_clock.h"

#include <perfopt/base.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int64_t monotonic_now_ns;
static _Atomic int64_t wall_now_ns;

static int64_t read_monotonic(void *user)
{
    (void)user;
    return atomic_load(&monotonic_now_ns);
}

static int64_t read_wall(void *user)
{
    (void)user;
    return atomic_load(&wall_now_ns);
}

void test_clock_install(void)
{
    static const perfopt_clock clock = {read_monotonic, read_wall, NULL};
    atomic_store(&monotonic_now_ns, (int64_t)1000 * 1000000000);
    atomic_store(&wall_now_ns, (int64_t)1767225600 * 1000000000);
    if (perfopt_clock_set(&clock) != PERFOPT_OK)
        abort();
}

void test_clock_remove(void)
{
    perfopt_clock_set(NULL);
}

void test_clock_advance_ms(int64_t ms)
{
    atomic_fetch_add(&monotonic_now_ns, ms * 1000000);
    atomic_fetch_add(&wall_now_ns, ms * 1000000);
}

void test_clock_set_wall_ms(int64_t ms)
{
    atomic_store(&wall_now_ns, ms * 1000000);
}
