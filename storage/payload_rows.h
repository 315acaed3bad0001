/* Rows of indexes that follow from a record's payload and are not in its row: duplicates (own logs
 * alone) and offers that meet needs. One list of them for the fold and its reverse. */
#ifndef TRIS_STORAGE_PAYLOAD_ROWS_H
#define TRIS_STORAGE_PAYLOAD_ROWS_H

#include "storage/dup.h"
#include "storage/match.h"

struct payload_rows {
    struct dup_keys dup;
    struct match_rows match;
};

/* Whether records of this kind in this log have any: else nothing need be decoded. */
bool payload_rows_any(const struct head *head, const struct fields_plan *plan);
void payload_rows_of(const struct head *head, const struct fields_plan *plan,
                     const struct record *record, struct record_ref ref, struct payload_rows *out);
/* Replaces the rows of a state by those of another; NULL: there are none before, or after. */
void payload_rows_update(struct store_txn *t, const struct head *head,
                         const struct payload_rows *before, const struct payload_rows *after);

#endif
