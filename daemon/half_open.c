/* Who goes when too many connections have not authenticated; see half_open.h. */
#include "daemon/half_open.h"

#include <string.h>

static bool same_origin(const struct conn *a, const struct conn *b)
{
    return memcmp(conn_origin(a)->bytes, conn_origin(b)->bytes, sizeof conn_origin(a)->bytes) == 0;
}

static bool is_half_open(const struct conn *c)
{
    return conn_inbound(c) && !conn_open(c) && !conn_closing(c);
}

static struct conn *victim_of(struct conn *conns, const struct conn *newest, bool answered,
                              uint32_t max)
{
    const uint32_t origin_max = answered ? HALF_OPEN_ANSWERED_ORIGIN : HALF_OPEN_SILENT_ORIGIN;
    uint32_t all = 0, same = 0;
    struct conn *oldest = NULL, *oldest_same = NULL;
    for (struct conn *c = conns; c != NULL; c = conn_next(c)) {
        if (!is_half_open(c) || conn_answered(c) != answered) {
            continue;
        }
        all++;
        oldest = c;
        if (same_origin(c, newest)) {
            same++;
            oldest_same = c;
        }
    }
    if (!conn_origin(newest)->loopback && same > origin_max) {
        return oldest_same;
    }
    return all > max ? oldest : NULL;
}

struct conn *half_open_victim(struct conn *conns, const struct conn *newest, bool few_files)
{
    struct conn *silent =
        victim_of(conns, newest, false, few_files ? HALF_OPEN_FEW_MAX : HALF_OPEN_SILENT_MAX);
    if (silent != NULL) {
        return silent;
    }
    return victim_of(conns, newest, true, few_files ? HALF_OPEN_FEW_MAX : HALF_OPEN_ANSWERED_MAX);
}
