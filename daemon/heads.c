/* Log heads as frontier items; see heads.h. */
#include "daemon/heads.h"

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
            store_head_item(&log, &item);
            err = frontier_set(f, no, &item);
        }
    }
    store_view_end(v);
    return err;
}
