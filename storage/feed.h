/* Rows of the change feed, inside of the store: written by the transaction, taken away by cuts. */
#ifndef TRIS_STORAGE_FEED_H
#define TRIS_STORAGE_FEED_H

#include "storage/txn.h"

/* A run whose last entry has arrival number `last`, in both directions. */
void feed_put_run(struct store_txn *t, uint64_t last, const struct feed_row *row);
/* Takes the entries from `size` on out of the feed; what is held back was flushed before.
 * `followed` is the arrival number up to which the search index has come: *end says that it knows
 * the entries [size, *end). */
void feed_cut(struct store_txn *t, uint32_t no, uint64_t size, uint64_t followed, uint64_t *end);

#endif
