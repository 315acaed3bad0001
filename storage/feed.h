/* Rows of the change feed, inside of the store: written by the transaction, taken away by cuts. */
#ifndef TRIS_STORAGE_FEED_H
#define TRIS_STORAGE_FEED_H

#include "storage/txn.h"

/* Key of the `meta` table: the greatest arrival number at the last cut. */
#define META_FEED "feed"
#define META_CUT "cut/" /* and the arrival number of a cut */

/* The greatest arrival number that was ever given; 0 = none. Not given twice, although a cut may
 * have taken the last ones away. */
enum tris_err feed_newest(const struct store_view *v, uint64_t *arrival);
/* A run whose last entry has arrival number `last`, in both directions. */
/* A log was cut to `end` entries: the next arrival number is this cut's. */
void feed_note_cut(struct store_txn *t, uint32_t no, uint64_t end);
void feed_put_run(struct store_txn *t, uint64_t last, const struct feed_row *row);
/* Takes the entries from `size` on out of the feed; what is held back was flushed before.
 * `followed` is the arrival number up to which the search index has come: *end says that it knows
 * the entries [size, *end). */
void feed_cut(struct store_txn *t, uint32_t no, uint64_t size, uint64_t followed, uint64_t *end);

#endif
