/* Log heads as frontier items; see heads.h. */
#include "daemon/heads.h"

void head_item(const struct store_log *log, struct frontier_item *out)
{
    memset(out, 0, sizeof *out);
    out->id = log->id;
    out->ref = log->ref;
    out->own = log->own;
    if (!log->has_seal) {
        return;
    }
    out->held = log->seal.size; /* own entries behind the seal are nobody else's business */
    out->whole = log->whole;
    out->root = log->whole_root;
    out->day = seal_day(&log->seal);
}

enum tris_err heads_load(struct store *s, struct frontier *f)
{
    struct store_view *v;
    enum tris_err err = store_view_begin(s, &v);
    if (err != TRIS_OK) {
        return err;
    }
    uint32_t count = store_log_count(v);
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
