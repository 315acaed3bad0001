/* Helpers that the cmocka tests share. Failures abort the test program with a message. */
#ifndef TRIS_TESTS_LIB_TESTLIB_H
#define TRIS_TESTS_LIB_TESTLIB_H

#include "proto/types.h"

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Decodes hex (spaces and line feeds ignored) into `out`; returns how many bytes. Aborts on bad hex
 * or if more than `cap` bytes come out. */
size_t test_unhex(const char *hex, uint8_t *out, size_t cap);

/* Makes a fresh directory below $TMPDIR or /tmp; path into `out`. */
void test_dir_make(char *out, size_t size);
/* Removes the directory and everything below it. */
void test_dir_remove(const char *path);

/* Deterministic generator (splitmix64): the same seed gives the same bytes on every machine. */
struct test_rng {
    uint64_t state;
};
uint64_t test_rng_next(struct test_rng *rng);
/* Below `bound`, which is not 0 (slightly biased, good enough for tests). */
uint64_t test_rng_below(struct test_rng *rng, uint64_t bound);
void test_rng_bytes(struct test_rng *rng, void *out, size_t len);

/* Reads a whole file into malloc'ed, NUL-terminated memory (the caller frees); NULL if it cannot.
 */
char *test_file_read(const char *path, size_t *len);

#endif
