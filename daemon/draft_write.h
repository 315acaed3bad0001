/* Drafts inside a batch: own entries that a tail from peers has pushed aside are written again
 * behind it, through the same door as any own write. Writer thread only. */
#ifndef TRIS_DAEMON_DRAFT_WRITE_H
#define TRIS_DAEMON_DRAFT_WRITE_H

#include "daemon/writer_op.h"

enum { DRAFT_STEP = 256 }; /* drafts in one operation */

/* WRITER_DRAFTS: writes at most DRAFT_STEP waiting drafts behind number op->base_seq again, in
 * their order. r->seq: the last number looked at; r->change: WRITER_UNCHANGED if there are no more.
 * What a person has to decide is marked so, with the reason. */
void op_drafts(struct batch *b, const struct writer_op *op, struct writer_result *r);
/* WRITER_DRAFT_APPLY: writes draft number op->base_seq in any case that is possible: over what
 * the tail has changed, beside a namesake. REJECTED: _NOT_FOUND, _INVALID (settled already),
 * _NOT_READY (it needs another draft first), _ENDED and what else own writes are refused for. */
void op_draft_apply(struct batch *b, const struct writer_op *op, struct writer_result *r);
/* WRITER_DRAFT_DROP: decides against draft number op->base_seq. */
void op_draft_drop(struct batch *b, const struct writer_op *op, struct writer_result *r);

#endif
