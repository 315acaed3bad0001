/* Where a log ends, inside of the store: by a fork proof, by membership. */
#ifndef TRIS_STORAGE_END_H
#define TRIS_STORAGE_END_H

#include "storage/txn.h"

/* Whether a run from the log's held size on, with this tree behind it, may be appended: a log does
 * not grow beyond its end, and a run without a seal ends exactly there. */
bool end_allows(const struct store_log *log, const struct verified_segment *segment);
/* After the head's fork or bound has changed: settles where the log ends now, and cuts it back to
 * there, or, if what is held is another history than the one that ends there, to where both are
 * known to be the same. An own tail becomes drafts. What is held behind the newest seal of a log
 * whose end is higher now or lifted goes too: it has to come under a seal. */
void end_changed(struct store_txn *t, struct head *head);
/* Is that what membership says of the log already? */
bool end_is_bound(const struct log_row *row, enum store_end bound, const struct log_cut *bounds);
/* Membership says something else of a log now. */
void end_bind(struct store_txn *t, struct head *head, enum store_end bound,
              const struct log_cut *bounds);

#endif
