/* The fold: what one entry does to the views. The same for own and foreign entries, for the daemon
 * and for the audit; depends on the entries of its own log alone, so that the order in which logs
 * arrive cannot matter. Rules: SCHEMA.md section "Fold". */
#ifndef TRIS_STORAGE_FOLD_H
#define TRIS_STORAGE_FOLD_H

#include "storage/txn.h"

/* The judgement on one entry. */
struct fold {
    enum tris_err reason; /* TRIS_OK: it has effect */
    bool names;           /* it names a record that exists: `ref`, with state `old` */
    struct record_ref ref;
    struct record_row old;
    const struct fields_plan *plan;
    const struct record *record; /* the decoded put; in the transaction's scratch */
    uint32_t end_reason;
    uint64_t card_ms;
    struct span card;           /* house line, in the payload */
    struct tris_house_id about; /* endorse, revoke: the house that is spoken of */
};

/* Looks, writes nothing. The entry is whole. `header` is the entry's own, `seq` its position in the
 * log of `head`. */
void fold_judge(struct store_txn *t, const struct head *head, uint64_t seq,
                const struct entry *entry, const struct entry_header *header, struct fold *out);
/* Does what the judgement says. The entry is in its table already. */
void fold_apply(struct store_txn *t, const struct head *head, uint64_t seq,
                const struct entry_header *header, const struct fold *fold);
/* Takes back what the last entry of a log did, and nothing else: views are then as before it. Reads
 * as much as the fold wrote, however long the log and the record's history are. The entry is still
 * in its table. */
void fold_undo(struct store_txn *t, const struct head *head, uint64_t seq);

/* Shared by the two directions: the row of a record, its counters in the cube (+1, -1), the house
 * line in the payload of a card. */
void fold_put_record(struct store_txn *t, struct record_ref ref, const struct record_row *row);
void fold_count_record(struct store_txn *t, const struct record_row *row, int64_t change);
TRIS_MUST_CHECK enum tris_err fold_card_line(struct span payload, struct span *line);

#endif
