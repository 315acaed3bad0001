/* Drawing members to be dialled; see neighbour.h. */
#include "proto/neighbour.h"

uint32_t neighbour_draw(const struct neighbour_io *io, void *ctx, uint32_t count, bool near,
                        uint64_t *next_ms)
{
    const bool few = count <= NEIGHBOUR_STEPS;
    const uint32_t steps = few ? count : NEIGHBOUR_STEPS;
    const uint32_t start = few && count > 0 ? io->random(ctx, count) : 0;
    const uint32_t wanted = near ? NEIGHBOUR_NEAR_OF : 1;
    uint32_t best = NEIGHBOUR_NONE, best_distance = 0, ready = 0;
    for (uint32_t i = 0; i < steps && ready < wanted; i++) {
        const uint32_t index = few ? (start + i) % count : io->random(ctx, count);
        uint64_t at_ms = UINT64_MAX;
        switch (io->ready(ctx, index, &at_ms)) {
        case NEIGHBOUR_READY: {
            const uint32_t distance = io->distance(ctx, index);
            ready++;
            if (best == NEIGHBOUR_NONE || distance < best_distance) {
                best = index;
                best_distance = distance;
            }
            break;
        }
        case NEIGHBOUR_LATER:
            *next_ms = at_ms < *next_ms ? at_ms : *next_ms;
            break;
        case NEIGHBOUR_NEVER:
            break;
        }
    }
    return best;
}

bool neighbour_is_near(uint32_t dialled)
{
    return dialled % 2 == 1;
}
