/* Membership inside a batch: what new gov entries come to, and what follows for the logs. */
#ifndef TRIS_DAEMON_WRITER_MEMBERS_H
#define TRIS_DAEMON_WRITER_MEMBERS_H

#include "daemon/writer_batch.h"

/* The first evaluation of a start, in a transaction that makes the logs that are missing. */
TRIS_MUST_CHECK enum tris_err members_first(struct daemon *d, struct store_txn *t,
                                            struct store_members **out);
/* If gov entries were added, sealed or cut in this transaction: evaluates anew, makes the logs of
 * new houses and cuts those that end. The result is in b->members for the loop thread. */
TRIS_MUST_CHECK enum tris_err members_apply(struct batch *b);
/* An own log has become shorter: nothing of it waits for a seal, and the mark is to say what is
 * left. */
void batch_own_is_cut(struct batch *b, uint32_t log_no);

#endif
