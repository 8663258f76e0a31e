/*
 * fake_clock.h - a clock that stands still until the test moves it.
 */
#ifndef PERFOPT_TESTS_FAKE_CLOCK_H
#define PERFOPT_TESTS_FAKE_CLOCK_H

#include <stdint.h>

/* Installs the clock (monotonic 1,000 s, wall 2026-01-01T00:00:00Z); do it before objects with
 * background threads are created. */
void test_clock_install(void);
/* Puts the system's clock back. */
void test_clock_remove(void);
/* Moves both times on. Safe while other threads read the clock. */
void test_clock_advance_ms(int64_t ms);
/* Sets the wall time alone, as an administrator would. */
void test_clock_set_wall_ms(int64_t ms);

#endif
