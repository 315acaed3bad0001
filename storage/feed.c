/* The change feed: every stored entry by its arrival number, in runs; taking entries out of it. */
#include "storage/feed.h"

#include "proto/assert.h"

enum tris_err feed_newest(const struct store_view *v, uint64_t *arrival)
{
    struct key last;
    struct span value = {NULL, 0};
    *arrival = 0;
    enum tris_err err = view_last_key(v, DB_FEED, &last);
    if (err == TRIS_OK && !key_read_arrival(key_span(&last), arrival)) {
        return TRIS_ERR_CORRUPT;
    }
    if (err == TRIS_OK || err == TRIS_ERR_NOT_FOUND) {
        err = view_get(v, DB_META, span_str(META_FEED), &value);
    }
    if (err == TRIS_OK) {
        struct rbuf r = rbuf_of(value);
        const uint64_t taken = rbuf_u64(&r);
        *arrival = taken > *arrival ? taken : *arrival;
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_feed_next(struct store_view *v, uint64_t after, struct feed_item *out)
{
    if (after == UINT64_MAX) {
        return TRIS_ERR_NOT_FOUND;
    }
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_settle(v);
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_FEED, &cursor);
    }
    if (err != TRIS_OK) {
        return err;
    }
    /* the key is a run's last arrival: the first one not below is the run that holds it */
    struct key wanted;
    struct span value;
    key_arrival(&wanted, after + 1);
    struct span key = key_span(&wanted);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    if (err == TRIS_OK) {
        struct feed_row run;
        uint64_t last;
        err = row_feed_decode(value, &run);
        if (err == TRIS_OK &&
            (!key_read_arrival(key, &last) || run.count == 0 || last < run.count)) {
            err = TRIS_ERR_CORRUPT;
        }
        if (err == TRIS_OK) {
            /* numbers that were taken away are passed over */
            uint64_t left = last - after < run.count ? last - after : run.count;
            *out =
                (struct feed_item){last - left + 1, run.log_no, run.first_seq + run.count - left};
        }
    }
    mdb_cursor_close(cursor);
    return err;
}

/* ---- taking entries out ---- */

struct run {
    struct feed_row row;
    uint64_t last; /* arrival of its last entry */
};

/* The newest run of a log. TRIS_ERR_NOT_FOUND: it has none. */
static enum tris_err newest_run(struct store_txn *t, uint32_t no, struct run *out)
{
    struct key bound;
    struct key arrival;
    struct span key;
    struct span value;
    uint32_t found = 0;
    uint64_t first = 0;
    MDB_cursor *cursor = txn_cursor(t, DB_ARRIVAL);
    if (cursor == NULL) {
        return t->err;
    }
    key_log_seq(&bound, no, UINT64_MAX);
    enum tris_err err = cursor_below(cursor, &bound, &key, &value);
    if (err != TRIS_OK) {
        return err;
    }
    struct rbuf r = rbuf_of(value);
    out->last = rbuf_u64(&r);
    if (!key_read_log_seq(key, &found, &first) || rbuf_finish(&r) != TRIS_OK) {
        return TRIS_ERR_CORRUPT;
    }
    if (found != no) {
        return TRIS_ERR_NOT_FOUND;
    }
    key_arrival(&arrival, out->last);
    err = view_get(&t->view, DB_FEED, key_span(&arrival), &value);
    if (err == TRIS_OK) {
        err = row_feed_decode(value, &out->row);
    }
    if (err == TRIS_OK && (out->row.log_no != no || out->row.first_seq != first ||
                           out->row.count == 0 || out->row.count > out->last)) {
        err = TRIS_ERR_CORRUPT;
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
}

static void drop_run(struct store_txn *t, const struct run *run)
{
    struct key key;
    key_arrival(&key, run->last);
    txn_del(t, DB_FEED, key_span(&key));
    key_log_seq(&key, run->row.log_no, run->row.first_seq);
    txn_del(t, DB_ARRIVAL, key_span(&key));
}

void feed_put_run(struct store_txn *t, uint64_t last, const struct feed_row *row)
{
    struct key key;
    uint8_t bytes[ROW_FEED_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    key_arrival(&key, last);
    row_feed_encode(&w, row);
    tris_assert(w.err == TRIS_OK);
    txn_append(t, DB_FEED, &key, wbuf_span(&w));
    /* and back: which arrivals the entries of a log have */
    key_log_seq(&key, row->log_no, row->first_seq);
    w = wbuf_of(bytes, sizeof bytes);
    wbuf_u64(&w, last);
    txn_append(t, DB_ARRIVAL, &key, wbuf_span(&w));
}

void feed_cut(struct store_txn *t, uint32_t no, uint64_t size, uint64_t followed, uint64_t *end)
{
    struct run run = {0};
    enum tris_err err;
    *end = size;
    txn_arrival_keep(t);
    while ((err = newest_run(t, no, &run)) == TRIS_OK) {
        const struct feed_row *row = &run.row;
        const uint64_t before = run.last - row->count; /* arrival before its first entry */
        if (row->first_seq + row->count <= size) {
            return;
        }
        if (*end == size && followed > before) {
            uint64_t taken = followed - before < row->count ? followed - before : row->count;
            *end = row->first_seq + taken > size ? row->first_seq + taken : size;
        }
        drop_run(t, &run);
        if (row->first_seq < size) {
            const uint64_t kept = size - row->first_seq;
            feed_put_run(t, before + kept, &(struct feed_row){no, row->first_seq, (uint32_t)kept});
        }
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
    }
}
