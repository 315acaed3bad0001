/* Which members a house dials by itself: a small sample out of all of them, some near, some drawn.
 *
 * Pure: chance and knowledge come from the caller. A draw costs a bounded number of looks, however
 * many members there are; with few it looks at each of them. */
#ifndef TRIS_PROTO_NEIGHBOUR_H
#define TRIS_PROTO_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

enum {
    NEIGHBOUR_STEPS = 64,   /* looks of one draw; so many members or fewer: one at each */
    NEIGHBOUR_NEAR_OF = 16, /* a near one is the nearest of so many that may be dialled */
};

#define NEIGHBOUR_NONE UINT32_MAX

enum neighbour_ready {
    NEIGHBOUR_READY,
    NEIGHBOUR_LATER, /* not before a moment */
    NEIGHBOUR_NEVER, /* as things are */
};

struct neighbour_io {
    uint32_t (*random)(void *ctx, uint32_t below); /* uniform in [0, below) */
    /* Whether this member may be dialled; LATER fills in the moment. */
    enum neighbour_ready (*ready)(void *ctx, uint32_t index, uint64_t *at_ms);
    uint32_t (*distance)(void *ctx, uint32_t index); /* smaller is nearer */
};

/* A member of `count` that may be dialled now, or NEIGHBOUR_NONE. *next_ms is lowered to the
 * earliest moment of those that were looked at and have to wait. */
uint32_t neighbour_draw(const struct neighbour_io *io, void *ctx, uint32_t count, bool near,
                        uint64_t *next_ms);
/* Whether the next one is to be a near one, with `dialled` there already: each second one. */
bool neighbour_is_near(uint32_t dialled);

#endif
