/* Own entries that become drafts, inside of the store; see store.h. */
#ifndef TRIS_STORAGE_DRAFT_H
#define TRIS_STORAGE_DRAFT_H

#include "storage/txn.h"

/* Keeps the entries [size, held) of an own log as drafts; they are still in their tables. */
void draft_keep(struct store_txn *t, const struct store_log *log, uint64_t size);
/* They go for good: drafts that had become one of them are dropped. */
void draft_forget(struct store_txn *t, const struct store_log *log, uint64_t size);
/* If there are more than STORE_DRAFTS_MAX, the oldest cuts go whose drafts are all settled, with
 * the aliases that lead to them; those behind one that is not settled stay. */
void draft_trim(struct store_txn *t);
/* A draft as stored. */
TRIS_MUST_CHECK enum tris_err draft_row_get(const struct store_view *v, uint64_t no,
                                            struct draft_row *out);
/* Whether an entry stands there, in an own log of this topic. */
TRIS_MUST_CHECK enum tris_err draft_place_is_own(struct store_view *v, enum tris_topic topic,
                                                 struct record_ref place, bool *is);

#endif
