/* Runs of entries for others; see served.h. */
#include "daemon/served.h"

#include "daemon/daemon.h"

/* The first sealed run from `first` on, which the mark covers: up to `held` entries. */
static enum tris_err read_marked_run(struct store_view *v, uint32_t log_no, uint64_t first,
                                     uint64_t held, struct wbuf *out, uint32_t *count,
                                     struct seal *seal)
{
    enum tris_err err = store_seal_covering(v, log_no, first, seal);
    if (err != TRIS_OK || seal->size > held) {
        return err != TRIS_OK ? err : TRIS_ERR_NOT_FOUND;
    }
    *count = (uint32_t)(seal->size - first);
    for (uint64_t seq = first; seq < seal->size && err == TRIS_OK; seq++) {
        struct entry entry;
        err = store_entry_get(v, log_no, seq, &entry);
        if (err == TRIS_OK) {
            wbuf_span_put(out, entry.wire);
            err = out->err;
        }
    }
    return err;
}

enum tris_err served_segment(struct daemon *d, struct store_view *v, uint32_t log_no,
                             uint64_t first, struct wbuf *out, uint32_t *count, struct seal *seal)
{
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    if (item == NULL) {
        return TRIS_ERR_NOT_FOUND;
    }
    const size_t start = out->len;
    enum tris_err err = store_segment_read(v, log_no, first, out, count, seal);
    /* an own seal leaves only after the mark: the frontier knows no more than that */
    if (err == TRIS_OK && item->own && seal->size > item->held) {
        out->len = start;
        err = read_marked_run(v, log_no, first, item->held, out, count, seal);
    }
    return err;
}
