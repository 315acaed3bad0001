/* What is known of a house beside its records: its newest card, and when it was last heard. */
#include "storage/txn.h"

enum tris_err store_house_heard(struct store_view *v, const struct tris_house_id *house,
                                uint64_t *sealed_ms, uint64_t *arrived_ms)
{
    *sealed_ms = 0;
    *arrived_ms = 0;
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(v, DB_HOUSE, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct key prefix;
    struct span value;
    key_house(&prefix, house);
    struct span key = key_span(&prefix);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && key_starts_with(key, &prefix)) {
        enum tris_topic topic;
        uint32_t no;
        struct log_row log;
        err = key_read_house_log(key, &topic, &no) ? view_log_row(v, no, &log) : TRIS_ERR_CORRUPT;
        if (err != TRIS_OK) {
            break;
        }
        if (log.log.has_seal && log.log.seal.time_ms > *sealed_ms) {
            *sealed_ms = log.log.seal.time_ms;
        }
        if (log.log.has_seal && log.arrived_ms > *arrived_ms) {
            *arrived_ms = log.arrived_ms;
        }
        err = cursor_get(cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_house_card(struct store_view *v, const struct tris_house_id *house,
                               struct span *line)
{
    struct key key;
    struct span value;
    key_house(&key, house);
    enum tris_err err = view_get(v, DB_CARD, key_span(&key), &value);
    if (err != TRIS_OK) {
        return err;
    }
    struct rbuf r = rbuf_of(value);
    (void)rbuf_u64(&r);
    *line = rbuf_take(&r, rbuf_left(&r));
    return rbuf_finish(&r) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}
