/* Frontiers of very many houses over one shared table: the real proto/frontier.c, whose items are
 * mapped privately from one file in memory, so that a house costs what it changes of them. */
#ifndef TRIS_TESTS_SCALE_HEADS_H
#define TRIS_TESTS_SCALE_HEADS_H

#include "proto/frontier.h"

struct heads; /* opaque, heap */

/* Takes over `base`, which knows all logs from now on; NULL without memory. */
struct heads *heads_new(struct frontier *base);
/* After all its frontiers. */
void heads_free(struct heads *heads);
/* A frontier that says what the base says; it may change logs and add none. NULL: no memory. */
struct frontier *heads_frontier(struct heads *heads);
void heads_frontier_free(struct heads *heads, struct frontier *f);
/* Bytes of the table that all share. */
size_t heads_bytes(const struct heads *heads);

#endif
