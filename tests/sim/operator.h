/* The people of a house: they write in bursts, change, end, import, publish, and remember what was
 * acknowledged. */
#ifndef TRIS_TESTS_SIM_OPERATOR_H
#define TRIS_TESTS_SIM_OPERATOR_H

#include "tests/sim/house.h"

struct operator;

struct operator* operator_new(struct house *h);
void operator_free(struct operator* o);
/* Plans the first burst. */
void operator_begin(struct house *h);
void operator_on_event(struct house *h, const struct event *event);
/* What became of a group; err: nothing of it is written. */
void operator_done(struct house *h, const struct op *ops, size_t count, enum tris_err err);
/* The records that they thought of may be gone. */
void operator_forget(struct house *h);
/* What a house writes before anything else: its card. Heap, the caller's. */
size_t operator_first(struct house *h, struct op **ops);

#endif
