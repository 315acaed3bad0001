/* A blocked Bloom filter; see filter.h. All bits of a row are in one cache line. */
#include "storage/filter.h"

#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

enum { BLOCK_BYTES = 64, BLOCK_WORDS = 8, BLOCK_BITS_LOG = 9, ROW_BITS = 6, BITS_PER_ROW = 12 };

bool filter_make(struct filter *f, uint64_t rows)
{
    uint64_t bytes = BLOCK_BYTES;
    while (bytes < FILTER_BYTES_MAX && bytes * 8 < rows * BITS_PER_ROW) {
        bytes *= 2;
    }
    filter_drop(f);
    f->bits = calloc(1, (size_t)bytes);
    f->blocks = f->bits != NULL ? bytes / BLOCK_BYTES : 0;
    return f->bits != NULL;
}

void filter_drop(struct filter *f)
{
    free(f->bits);
    *f = (struct filter){0};
}

bool filter_is_full(const struct filter *f)
{
    uint64_t bytes = f->blocks * BLOCK_BYTES;
    return bytes < FILTER_BYTES_MAX && f->rows * BITS_PER_ROW > bytes * 8;
}

uint64_t filter_hash(struct span key)
{
    uint64_t h = key.len;
    for (size_t at = 0; at < key.len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, key.ptr + at, key.len - at < 8 ? key.len - at : 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 29;
}

/* Words and bits of one row in its block. */
static uint64_t *block_of(const struct filter *f, uint64_t hash)
{
    return &f->bits[(hash & (f->blocks - 1)) * BLOCK_WORDS];
}

static uint64_t places_of(uint64_t hash)
{
    return (hash ^ hash >> 31) * UINT64_C(0x94d049bb133111eb);
}

void filter_enter(struct filter *f, uint64_t hash)
{
    tris_assert(f->bits != NULL);
    uint64_t *block = block_of(f, hash);
    uint64_t places = places_of(hash) >> 10;
    for (int i = 0; i < ROW_BITS; i++, places >>= BLOCK_BITS_LOG) {
        block[places >> 6 & (BLOCK_WORDS - 1)] |= UINT64_C(1) << (places & 63);
    }
    f->rows++;
}

bool filter_maybe(const struct filter *f, uint64_t hash)
{
    const uint64_t *block = block_of(f, hash);
    uint64_t places = places_of(hash) >> 10;
    uint64_t all = 1;
    for (int i = 0; i < ROW_BITS; i++, places >>= BLOCK_BITS_LOG) {
        all &= block[places >> 6 & (BLOCK_WORDS - 1)] >> (places & 63);
    }
    return (all & 1) != 0;
}
