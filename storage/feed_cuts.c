/* What watchers are told of cuts: each has an arrival number of its own, behind the entries that it
 * took away. Notes lie in table meta, apart from the runs of entries. */
#include "storage/feed.h"

enum { CUT_KEY_BYTES = sizeof META_CUT - 1 + 8, CUT_ROW_BYTES = 4 + 8 };

static struct span cut_key(uint8_t bytes[CUT_KEY_BYTES], uint64_t arrival)
{
    struct wbuf w = wbuf_of(bytes, CUT_KEY_BYTES);
    wbuf_span_put(&w, span_str(META_CUT));
    wbuf_u64(&w, arrival);
    return wbuf_span(&w);
}

enum tris_err store_feed_cut(struct store_view *v, uint64_t after, struct feed_cut *out)
{
    uint8_t bytes[CUT_KEY_BYTES];
    MDB_cursor *cursor = NULL;
    struct span value;
    if (after == UINT64_MAX) {
        return TRIS_ERR_NOT_FOUND;
    }
    enum tris_err err = view_cursor(v, DB_META, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct span key = cut_key(bytes, after + 1);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    mdb_cursor_close(cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct rbuf k = rbuf_of(key), r = rbuf_of(value);
    struct span name = rbuf_take(&k, sizeof META_CUT - 1);
    if (k.err != TRIS_OK || !span_eq(name, span_str(META_CUT))) {
        return TRIS_ERR_NOT_FOUND;
    }
    out->arrival = rbuf_u64(&k);
    out->log_no = rbuf_u32(&r);
    out->end = rbuf_u64(&r);
    return rbuf_finish(&k) == TRIS_OK && rbuf_finish(&r) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

/* The oldest go. */
static void limit_notes(struct store_txn *t)
{
    struct feed_cut oldest = {0}, at = {0};
    uint32_t count = 0;
    enum tris_err err;
    while ((err = store_feed_cut(&t->view, at.arrival, &at)) == TRIS_OK) {
        oldest = count == 0 ? at : oldest;
        count++;
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
    } else if (count > STORE_FEED_CUTS_MAX) {
        uint8_t bytes[CUT_KEY_BYTES];
        txn_del(t, DB_META, cut_key(bytes, oldest.arrival));
    }
}

void feed_note_cut(struct store_txn *t, uint32_t no, uint64_t end)
{
    uint8_t key[CUT_KEY_BYTES], row[CUT_ROW_BYTES];
    struct wbuf w = wbuf_of(row, sizeof row);
    if (!txn_arrival(t)) {
        return;
    }
    t->arrival++;
    txn_arrival_keep(t);
    wbuf_u32(&w, no);
    wbuf_u64(&w, end);
    txn_put(t, DB_META, cut_key(key, t->arrival), wbuf_span(&w));
    limit_notes(t);
}
