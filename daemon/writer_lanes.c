/* What waits for the writer, by session; see writer_lanes.h. */
#include "daemon/writer_lanes.h"

void lanes_init(struct lanes *l)
{
    *l = (struct lanes){.last = LANES};
    for (uint32_t i = 0; i < LANES; i++) {
        work_list_init(&l->lane[i]);
    }
}

void lanes_share(struct lanes *l, uint64_t now_ms)
{
    l->shared_until_ms = now_ms + LANES_SHARED_MS;
}

void lanes_push(struct lanes *l, struct work *work, uint64_t now_ms)
{
    const uint32_t lane = (uint32_t)(work->session_no % LANES);
    if (lane != l->last && l->last != LANES) {
        lanes_share(l, now_ms);
    }
    l->last = lane;
    l->bytes += work->bytes;
    work_list_push(&l->lane[lane], work);
}

static struct work *lane_pop(struct lanes *l, struct work_list *lane)
{
    struct work *work = work_list_pop(lane);
    l->bytes -= work != NULL ? work->bytes : 0;
    return work;
}

/* One lane's turn; false: nothing more fits. */
static bool lane_take(struct lanes *l, struct work_list *lane, struct work_list *to,
                      size_t entries_max, size_t turn)
{
    size_t used = 0;
    while (lane->first != NULL && used < turn) {
        if (to->first != NULL && (to->entries + lane->first->entries > entries_max ||
                                  to->bytes + lane->first->bytes > WRITER_BATCH_BYTES_MAX)) {
            return false;
        }
        used += lane->first->entries + LANES_SEAL_COST;
        work_list_push(to, lane_pop(l, lane));
    }
    return true;
}

void lanes_take(struct lanes *l, struct work_list *to, size_t entries_max, uint64_t now_ms)
{
    const size_t turn = now_ms < l->shared_until_ms ? LANES_TURN : SIZE_MAX;
    const uint32_t from = l->turn;
    for (uint32_t i = 0; i < LANES && l->bytes > 0; i++) {
        const uint32_t at = (from + i) % LANES;
        if (!lane_take(l, &l->lane[at], to, entries_max, turn)) {
            l->turn = at; /* it goes on with whom there was no room for */
            return;
        }
    }
}

struct work *lanes_pop(struct lanes *l)
{
    struct work *work = NULL;
    for (uint32_t i = 0; i < LANES && work == NULL; i++) {
        work = lane_pop(l, &l->lane[i]);
    }
    return work;
}
