/* What the peer is known to hold of each log, so that new entries can be pushed without asking.
 * Only a hint: a wrong position costs a duplicate or a later pull, never a wrong entry. */
#include "proto/session_int.h"

#include <stdlib.h>

uint64_t position_get(const struct session *s, uint32_t log_no)
{
    const struct serve *v = &s->serve;
    uint64_t size = log_no < v->positions_count ? v->positions[log_no] : SESSION_POSITION_UNKNOWN;
    /* A log that was not there when everything was compared is new to the peer too. */
    return size == SESSION_POSITION_UNKNOWN && v->compared_all ? 0 : size;
}

/* False without memory: the log then stays unknown, which is always allowed. */
static bool positions_grow(struct session *s, uint32_t log_no)
{
    struct serve *v = &s->serve;
    if (log_no < v->positions_count) {
        return true;
    }
    uint32_t count = frontier_count(s->config.frontier);
    tris_assert(log_no < count);
    uint64_t *grown = realloc(v->positions, count * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    for (uint32_t i = v->positions_count; i < count; i++) {
        grown[i] = SESSION_POSITION_UNKNOWN;
    }
    v->positions = grown;
    v->positions_count = count;
    return true;
}

void position_set(struct session *s, uint32_t log_no, uint64_t size)
{
    if (positions_grow(s, log_no)) {
        s->serve.positions[log_no] = size;
    }
}

void position_raise(struct session *s, uint32_t log_no, uint64_t size)
{
    uint64_t known = position_get(s, log_no);
    if (known == SESSION_POSITION_UNKNOWN || known < size) {
        position_set(s, log_no, size);
    }
}

void position_all_equal(struct session *s)
{
    const struct frontier *f = s->config.frontier;
    uint32_t count = frontier_count(f);
    s->serve.compared_all = true;
    if (count > SESSION_SCAN_FREE) { /* a pass over 20,000 logs costs 0.3 ms */
        if (s->serve.scan_ms != 0 && s->now_ms - s->serve.scan_ms < SESSION_SCAN_MS) {
            return;
        }
        s->serve.scan_ms = s->now_ms;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct frontier_item *item = frontier_item(f, i);
        if (item != NULL && session_sees(s, i)) {
            position_set(s, i, item->held);
        }
    }
}

void position_rest_equal(struct session *s, uint64_t stamp, const uint8_t *buckets)
{
    const struct frontier *f = s->config.frontier;
    uint32_t count = frontier_count(f);
    for (uint32_t i = 0; i < count; i++) {
        const struct frontier_item *item = frontier_item(f, i);
        if (item == NULL || !session_sees(s, i) || item->stamp > stamp ||
            position_get(s, i) != SESSION_POSITION_UNKNOWN) {
            continue;
        }
        uint8_t bucket = item->id.b[0];
        if (buckets == NULL || (buckets[bucket / 8] >> (bucket % 8) & 1) == 0) {
            position_set(s, i, item->held);
        }
    }
}
