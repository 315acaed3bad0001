/* Counter changes in memory: an open-addressing table of 24-byte slots; see delta.h. */
#include "storage/delta.h"

#include <stdlib.h>

#include "proto/assert.h"

enum { CAPACITY_FIRST = 1024 };

_Static_assert(sizeof(struct delta) == 24, "table, length, key and sum without padding");

void delta_fini(struct delta_set *d)
{
    free(d->slot);
    memset(d, 0, sizeof *d);
}

void delta_clear(struct delta_set *d)
{
    if (d->capacity > CAPACITY_FIRST && d->used < d->capacity / 16) {
        delta_fini(d); /* a bulk load made it large: small commits shall not wipe it each time */
        return;
    }
    if (d->used > 0) {
        memset(d->slot, 0, d->capacity * sizeof *d->slot);
    }
    d->used = 0;
}

static size_t slot_hash(const struct delta *x)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, x, sizeof a);
    memcpy(&b, (const uint8_t *)x + sizeof a, sizeof b);
    uint64_t h = (a ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 29 ^ b) * UINT64_C(0x94d049bb133111eb);
    return (size_t)(h ^ h >> 32);
}

/* The slot of this counter, or the free one where it belongs. */
static struct delta *slot_find(struct delta *slot, size_t capacity, const struct delta *x)
{
    size_t i = slot_hash(x) & (capacity - 1);
    while (slot[i].len != 0 && memcmp(&slot[i], x, offsetof(struct delta, sum)) != 0) {
        i = (i + 1) & (capacity - 1);
    }
    return &slot[i];
}

static enum tris_err grow(struct delta_set *d)
{
    size_t capacity = d->capacity == 0 ? CAPACITY_FIRST : d->capacity * 2;
    struct delta *slot = calloc(capacity, sizeof *slot);
    if (slot == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < d->capacity; i++) {
        if (d->slot[i].len != 0) {
            *slot_find(slot, capacity, &d->slot[i]) = d->slot[i];
        }
    }
    free(d->slot);
    d->slot = slot;
    d->capacity = capacity;
    return TRIS_OK;
}

enum tris_err delta_add(struct delta_set *d, enum db_table table, const struct key *key,
                        int64_t change)
{
    tris_assert(key->len > 0 && key->len <= DELTA_KEY_BYTES_MAX);
    if (d->used >= d->capacity / 2) {
        enum tris_err err = grow(d);
        if (err != TRIS_OK) {
            return err;
        }
    }
    struct delta x = {.table = (uint8_t)table, .len = key->len};
    memcpy(x.key, key->b, key->len);
    struct delta *slot = slot_find(d->slot, d->capacity, &x);
    if (slot->len == 0) {
        *slot = x;
        d->used++;
    }
    slot->sum += change;
    return TRIS_OK;
}

static int delta_cmp(const void *left, const void *right)
{
    const struct delta *a = left;
    const struct delta *b = right;
    if (a->table != b->table) {
        return a->table < b->table ? -1 : 1;
    }
    size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->key, b->key, len);
    return order != 0 ? order : (int)a->len - (int)b->len;
}

struct delta *delta_sort(struct delta_set *d, size_t *count)
{
    size_t n = 0;
    for (size_t i = 0; i < d->capacity && n < d->used; i++) {
        if (d->slot[i].len != 0) {
            d->slot[n++] = d->slot[i];
        }
    }
    tris_assert(n == d->used);
    if (n > 1) {
        qsort(d->slot, n, sizeof *d->slot, delta_cmp);
    }
    *count = n;
    return d->slot;
}

static enum tris_err add_levels(struct delta_set *d, enum cube_rollup rollup, const char *region,
                                uint32_t a, uint32_t b, int64_t change)
{
    static const uint32_t levels[] = {0, 2, 5};
    size_t count = strlen(region) == 5 ? 3 : 1;
    for (size_t i = 0; i < count; i++) {
        struct key key;
        key_cube(&key, rollup, levels[i], region, a, b);
        enum tris_err err = delta_add(d, DB_CUBE, &key, change);
        if (err != TRIS_OK) {
            return err;
        }
    }
    return TRIS_OK;
}

enum tris_err delta_add_partner(struct delta_set *d, const struct partner_dims *dims,
                                int64_t change)
{
    const char *region = dims->region;
    enum tris_err err = add_levels(d, CUBE_SECTOR, region, dims->sector, dims->status, change);
    if (err == TRIS_OK) {
        err = add_levels(d, CUBE_FORM, region, dims->legal_form, dims->status, change);
    }
    for (uint32_t i = 0; i < dims->topic_count && err == TRIS_OK; i++) {
        err = add_levels(d, CUBE_TOPIC, region, dims->topic[i], dims->sector, change);
    }
    return err;
}
