/* The index by which records meet: offers and needs by type, topic, house and contribution. Only
 * those stand in it that have not ended and whose status is still the preset one. */
#ifndef TRIS_STORAGE_MATCH_H
#define TRIS_STORAGE_MATCH_H

#include "storage/txn.h"

enum { MATCH_TOPICS_MAX = STORE_MATCH_TOPICS_MAX, ROW_MATCH_BYTES = 8 };

/* The rows of one state of a record: one for each topic. */
struct match_rows {
    uint32_t topics; /* 0: no rows */
    struct key key[MATCH_TOPICS_MAX];
    uint8_t value[ROW_MATCH_BYTES];
};

void match_rows_of(const struct fields_plan *plan, const struct record *r, struct record_ref ref,
                   struct match_rows *out);
/* NULL: there are none before, or after. */
void match_update(struct store_txn *t, const struct match_rows *before,
                  const struct match_rows *after);

#endif
