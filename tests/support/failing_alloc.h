/*
 * failing_alloc.h - an allocator that fails one allocation, to walk every out-of-memory path:
 *
 *     for (unsigned n = 1;; n++) {
 *         test_alloc_fail(n);
 *         ... the operation ...
 *         bool failed = test_alloc_stop();
 *         if (!failed) break;              every allocation was failed once
 *     }
 */
#ifndef PERFOPT_TESTS_FAILING_ALLOC_H
#define PERFOPT_TESTS_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Installs the allocator; call it before anything else of the library, once. */
void test_alloc_install(void);
/* From now on the n-th allocation (1 = the next one) returns NULL; all others succeed. */
void test_alloc_fail(unsigned n);
/* As test_alloc_fail(), but every allocation from the n-th on returns NULL. */
void test_alloc_fail_from(unsigned n);
/* Stops failing; true if an allocation was failed since test_alloc_fail(). */
bool test_alloc_stop(void);
/* Blocks that are allocated and not freed now. */
size_t test_alloc_live(void);

#endif
