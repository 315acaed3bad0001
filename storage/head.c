/* The head of a log as the frontier shows it to other houses: what is sealed, or ended by a proof.
 */
#include "storage/store.h"

/* Held to the known end of a forked log, with the root that the proof gives. */
static bool is_at_end(const struct store_log *log)
{
    struct tris_hash root;
    if (!log->forked || log->held != log->end) {
        return false;
    }
    tree_root(&log->tree, &root);
    return tris_hash_eq(&root, &log->end_root);
}

void store_head_item(const struct store_log *log, struct frontier_item *out)
{
    memset(out, 0, sizeof *out);
    out->id = log->id;
    out->ref = log->ref;
    out->own = log->own;
    /* own entries behind the seal are nobody else's business */
    out->held = log->has_seal ? log->seal.size : 0;
    out->whole = log->whole;
    out->root = log->whole_root;
    out->day = log->has_seal ? seal_day(&log->seal) : 0;
    if (log->forked) {
        out->flags = FRONTIER_FORKED;
        out->day = frontier_end_day(log->end);
        out->end = log->end;
        out->end_root = log->end_root;
        out->held = is_at_end(log) ? log->end : out->held;
    }
}
