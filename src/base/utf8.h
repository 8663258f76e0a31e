/*
 * utf8.h - strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef PERFOPT_SRC_BASE_UTF8_H
#define PERFOPT_SRC_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at text[0..length), 0 if it is not well-formed. */
size_t perfopt__utf8_decode(const char *text, size_t length, uint32_t *out);
/* Writes 1 to 4 bytes and returns how many; 0 for a surrogate or a number above U+10FFFF. */
size_t perfopt__utf8_encode(uint32_t c, char out[4]);
bool perfopt__utf8_valid(const char *text, size_t length);
/* Number of characters; an ill-formed byte counts as one. */
size_t perfopt__utf8_count(const char *text, size_t length);

#endif
