/* The change feed: every stored entry by its arrival number, in runs. */
#include "storage/txn.h"

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
        if (err == TRIS_OK && (!key_read_arrival(key, &last) || last - after > run.count)) {
            err = TRIS_ERR_CORRUPT;
        }
        if (err == TRIS_OK) {
            *out = (struct feed_item){after + 1, run.log_no,
                                      run.first_seq + run.count - (last - after)};
        }
    }
    mdb_cursor_close(cursor);
    return err;
}
