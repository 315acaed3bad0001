/* Appending to logs, inside of the store: shared by the two doors (segments, own entries) and the
 * audit's replay. */
#ifndef TRIS_STORAGE_LOG_H
#define TRIS_STORAGE_LOG_H

#include "storage/fold.h"

/* Appends one entry of known leaf: tree, bytes, and if no hole is before it feed and fold. Seals
 * are not its business. */
void log_append_entry(struct store_txn *t, struct head *head, const struct entry *entry,
                      const struct entry_header *header, const struct tris_hash *leaf);
/* Folds a whole entry that is stored already, behind the last one that is folded: views, feed. */
void log_fold_entry(struct store_txn *t, struct head *head, uint64_t seq, const struct entry *entry,
                    const struct entry_header *header);
/* The same of an entry that is stored already. */
void log_fold_stored(struct store_txn *t, struct head *head, uint64_t seq);
/* Reads a stored wire form: the entry, its header and its leaf. */
TRIS_MUST_CHECK enum tris_err log_entry_open(struct span wire, const struct tris_log_id *id,
                                             uint64_t seq, struct entry *entry,
                                             struct entry_header *header, struct tris_hash *leaf);
/* Takes the entries [size, held) back; what later epochs have built on them is the caller's
 * business.
 */
void cut_tail(struct store_txn *t, struct head *head, uint64_t size, enum store_tail tail);
/* Stores head->row.log.seal in its table (`behind`: wire bytes of the entries that it does not
 * cover) and drops the seal before the one before it, if what
 * remains can still be verified and sent in bounded pieces. */
void log_put_seal(struct store_txn *t, struct head *head, uint64_t behind);
void log_put_seal_row(struct store_txn *t, uint32_t no, const struct seal_row *row);

#endif
