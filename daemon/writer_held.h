/* Heads of own logs whose seals wait for the mark: they are in the store, but the frontier must not
 * know them yet. Writer thread only. */
#ifndef TRIS_DAEMON_WRITER_HELD_H
#define TRIS_DAEMON_WRITER_HELD_H

#include "daemon/writer_batch.h"

enum { HELD_MAX = 2 }; /* own gov and data */

struct held_heads {
    struct batch_head head[HELD_MAX];
    uint32_t count;
};

/* The mark of this commit is missing: moves its own heads from the batch to `h`. */
void held_take(struct held_heads *h, struct batch *b);
/* The mark covers this commit and all before it: moves to the batch what it has no newer head of.
 */
void held_release(struct held_heads *h, struct batch *b);

#endif
