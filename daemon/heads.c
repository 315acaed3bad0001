/* Log heads as frontier items; see heads.h. */
#include "daemon/heads.h"

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

void head_item(const struct store_log *log, struct frontier_item *out)
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

enum tris_err heads_load(struct store *s, struct frontier *f)
{
    struct store_view *v;
    enum tris_err err = store_view_begin(s, &v);
    if (err != TRIS_OK) {
        return err;
    }
    uint32_t count = 0;
    err = store_log_count(v, &count);
    for (uint32_t no = 0; no < count && err == TRIS_OK; no++) {
        struct store_log log;
        err = store_log_get(v, no, &log);
        if (err == TRIS_OK && log.ref.topic != TRIS_TOPIC_LOCAL) {
            struct frontier_item item;
            head_item(&log, &item);
            err = frontier_set(f, no, &item);
        }
    }
    store_view_end(v);
    return err;
}
