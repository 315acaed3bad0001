/* Own writes: what each type of writer_op does inside the transaction of a batch. */
#ifndef TRIS_DAEMON_WRITER_OP_H
#define TRIS_DAEMON_WRITER_OP_H

#include "daemon/writer_batch.h"

/* Sets *r. Errors of the op alone show as WRITER_REJECTED; a transaction that is broken shows in
 * store_txn_err. */
void op_apply(struct batch *b, const struct writer_op *op, struct writer_result *r);

/* One own entry into the log of `topic`; errors as store_append_own, TRIS_ERR_OBSERVER. `record`
 * NULL: it creates one. */
TRIS_MUST_CHECK enum tris_err batch_append(struct batch *b, enum tris_topic topic,
                                           enum entry_verb verb, uint32_t kind,
                                           const struct record_ref *record, struct span payload,
                                           uint64_t *seq);
/* Seals an own log over all its entries, if it has unsealed ones. */
void batch_seal(struct batch *b, enum tris_topic topic);
/* Notes that a log changed. */
void batch_touch(struct batch *b, uint32_t log_no, uint64_t source);

#endif
