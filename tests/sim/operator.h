/* The people of a house: they write in bursts, change, end, import, publish, and remember what was
 * acknowledged. */
#ifndef TRIS_TESTS_SIM_OPERATOR_H
#define TRIS_TESTS_SIM_OPERATOR_H

#include "tests/sim/house.h"

struct staff;

struct staff *operator_new(struct house *h);
void operator_free(struct staff *o);
/* Plans the first burst. */
void operator_begin(struct house *h);
void operator_on_event(struct house *h, const struct event *event);
/* So many writes at once. */
void operator_flood(struct house *h, size_t count);
/* So much ordinary work at once: new records, changes, ends, publications. */
void operator_work(struct house *h, size_t count);
/* They think of the records that the store holds, whatever it was put back from. */
void operator_recall(struct house *h);
/* What became of a group; err: nothing of it is written. */
void operator_done(struct house *h, const struct op *ops, size_t count, enum tris_err err);
/* Data is lost: the records that they thought of may be gone, and what had not left the house (the
 * first `left` entries of data had) is owed no more. */
void operator_forget(struct house *h, uint64_t left);
/* Every write that was acknowledged, and not lost with a disk, is in the own logs or is a draft. */
void operator_check(struct house *h);
/* What a house writes before anything else: its card. Heap, the caller's. */
size_t operator_first(struct house *h, struct op **ops);

#endif
