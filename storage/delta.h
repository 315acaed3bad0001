/* Changes of counters, summed in memory during a transaction: a batch touches few counters often.
 *
 * A counter is (table, key of at most 14 bytes) -> i64. */
#ifndef TRIS_STORAGE_DELTA_H
#define TRIS_STORAGE_DELTA_H

#include "storage/db.h"

enum { DELTA_KEY_BYTES_MAX = 14 };

struct delta {
    uint8_t table;
    uint8_t len; /* of the key; 0: free slot */
    uint8_t key[DELTA_KEY_BYTES_MAX];
    int64_t sum;
};

struct delta_set {
    struct delta *slot; /* open addressing, capacity a power of two */
    size_t capacity;
    size_t used;
};

void delta_fini(struct delta_set *d);
void delta_clear(struct delta_set *d);
/* TRIS_ERR_NO_MEMORY */
TRIS_MUST_CHECK enum tris_err delta_add(struct delta_set *d, enum db_table table,
                                        const struct key *key, int64_t change);
/* Packs the used slots to the front, sorted by table and key, and returns them; the set must be
 * cleared (delta_clear) before it is used again. */
struct delta *delta_sort(struct delta_set *d, size_t *count);

/* +1 or -1 on every counter of the cube that a partner with these dims is in. */
TRIS_MUST_CHECK enum tris_err delta_add_partner(struct delta_set *d,
                                                const struct partner_dims *dims, int64_t change);

#endif
