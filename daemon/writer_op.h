/* Own writes: what each type of writer_op does inside the transaction of a batch. */
#ifndef TRIS_DAEMON_WRITER_OP_H
#define TRIS_DAEMON_WRITER_OP_H

#include "daemon/writer_batch.h"

/* Sets *r. Errors of the op alone show as WRITER_REJECTED; a transaction that is broken shows in
 * store_txn_err. */
void op_apply(struct batch *b, const struct writer_op *op, struct writer_result *r);

/* Seals an own log over all its entries, if it has unsealed ones. */
void batch_seal(struct batch *b, enum tris_topic topic);
/* Notes that a log changed. */
void batch_touch(struct batch *b, uint32_t log_no, uint64_t source);

#endif
