/* Data logs of several epochs of one house, inside of the store. Records of earlier epochs are
 * changed by entries of later ones, so a later log is taken only once the earlier ones are whole up
 * to where they end, and what it did is taken back whenever one of them changes. */
#ifndef TRIS_STORAGE_EPOCH_H
#define TRIS_STORAGE_EPOCH_H

#include "storage/txn.h"

/* The record that a header with `record` names, for an entry at `seq` of `log`: of this log, or of
 * the data log of an earlier epoch. TRIS_ERR_NOT_FOUND. */
TRIS_MUST_CHECK enum tris_err epoch_record(const struct store_view *v, const struct store_log *log,
                                           uint64_t seq, const struct entry_header *header,
                                           struct record_ref *out);
/* Does the log wait for one of an earlier epoch? */
TRIS_MUST_CHECK enum tris_err epoch_waits(struct store_view *v, const struct store_log *log,
                                          bool *waits);
/* Before entries of a data log come or go: takes back what the logs of later epochs did. Those of
 * others are emptied, to be fetched again; the own current one keeps its entries. */
void epoch_unfold(struct store_txn *t, const struct store_log *log);
/* And after: the own current one is folded again. */
void epoch_refold(struct store_txn *t, const struct store_log *log);

#endif
