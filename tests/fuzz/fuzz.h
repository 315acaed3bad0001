/* What every fuzz target shares: the entry point that measures each input, and checks that end the
 * run. A target is one function over bytes; harness.c holds time, memory and leaks to the limits.
 */
#ifndef TRIS_TESTS_FUZZ_H
#define TRIS_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "proto/buf.h"

/* One input. What it allocates it frees. */
void fuzz_one(struct span input);
/* Once, before the first input; what it allocates stays. */
void fuzz_setup(void);
/* Heap that one input of this target may hold at any moment. */
extern const size_t fuzz_heap_bytes_max;

/* libFuzzer calls these. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that holds for every input; else libFuzzer keeps the input. */
#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

static inline _Noreturn void fuzz_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* The rest of the input. */
static inline struct span fuzz_rest(struct rbuf *in)
{
    return rbuf_take(in, rbuf_left(in));
}

/* As many bytes as are there, at most `len`. */
static inline struct span fuzz_take(struct rbuf *in, size_t len)
{
    return rbuf_take(in, len < rbuf_left(in) ? len : rbuf_left(in));
}

/* The next byte, 0 behind the end: the input may stop anywhere. */
static inline uint8_t fuzz_u8(struct rbuf *in)
{
    return rbuf_left(in) > 0 ? rbuf_u8(in) : 0;
}

static inline uint16_t fuzz_u16(struct rbuf *in)
{
    uint16_t high = fuzz_u8(in);
    return (uint16_t)(high << 8 | fuzz_u8(in));
}

/* The bytes as a file with a path, in memory; a target has one. Returns the path. */
const char *fuzz_file(struct span bytes);

#endif
