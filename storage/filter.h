/* What is surely not in a table of many rows: a blocked Bloom filter over hashes. It may say
 * "maybe" of what is not there, never "no" of what is. In memory only. */
#ifndef TRIS_STORAGE_FILTER_H
#define TRIS_STORAGE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"

enum {
    FILTER_ROWS_MIN = 32768,
    FILTER_BYTES_MAX = 16 * 1024 * 1024, /* good for ten million rows, then "maybe" more often */
};

struct filter {
    uint64_t *bits;  /* NULL: none */
    uint64_t blocks; /* of 64 bytes, a power of two */
    uint64_t rows;   /* entered */
};

/* An empty one for so many rows, in the place of what there was; false: no memory, there is none.
 */
bool filter_make(struct filter *f, uint64_t rows);
void filter_drop(struct filter *f);
/* True if a larger one would say "maybe" less often. */
bool filter_is_full(const struct filter *f);
uint64_t filter_hash(struct span key);
void filter_enter(struct filter *f, uint64_t hash);
bool filter_maybe(const struct filter *f, uint64_t hash);

#endif
