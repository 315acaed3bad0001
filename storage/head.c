/* The head of a log as the frontier shows it to other houses: what is sealed, or where it ends. */
#include "storage/store.h"

void store_head_item(const struct store_log *log, struct frontier_item *out)
{
    memset(out, 0, sizeof *out);
    out->id = log->id;
    out->ref = log->ref;
    out->own = log->current;
    if (log->outside || (log->waits && log->held == 0)) {
        /* no item: of nothing, and nothing is taken of one that others write, or that waits */
        out->flags = log->current && !log->waits ? 0 : FRONTIER_ENDED;
        return;
    }
    /* own entries behind the seal are nobody else's business */
    out->held = log->has_seal ? log->seal.size : 0;
    out->whole = log->whole;
    out->root = log->whole_root;
    out->day = log->has_seal ? seal_day(&log->seal) : 0;
    if (log->ends != STORE_END_NONE) {
        out->flags = log->ends == STORE_END_FORK ? FRONTIER_FORKED : FRONTIER_ENDED;
        out->day = frontier_end_day(log->end);
        out->end = log->end;
        out->end_root = log->end_root;
        out->held = store_log_is_at_end(log) ? log->end : out->held;
    }
}
