/* What is known of a house beside its records: its newest card, and when it was last heard. */
#include "storage/fold.h"

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

/* The house line in an entry that is a card. */
static enum tris_err card_line(struct store_view *v, uint32_t no, uint64_t seq, struct span *line)
{
    struct entry entry;
    enum tris_err err = store_entry_get(v, no, seq, &entry);
    if (err == TRIS_OK) {
        err = fold_card_line(entry.payload, line);
    }
    return err == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

enum tris_err store_house_card(struct store_view *v, const struct tris_log_ref *gov,
                               struct span *line)
{
    MDB_cursor *cursor = NULL;
    struct tris_log_id id;
    struct key bound;
    struct key prefix;
    struct span key;
    struct span value;
    uint32_t no = 0;
    uint64_t newest = 0;
    bool found = false;
    log_id_derive(&v->s->fed, gov, &id);
    enum tris_err err = store_log_find(v, &id, &no);
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_CARD, &cursor);
    }
    if (err != TRIS_OK) {
        return err;
    }
    key_log(&prefix, no);
    key_card(&bound, no, UINT64_MAX, UINT64_MAX);
    err = cursor_below(cursor, &bound, &key, &value);
    /* several of the same time are rare: their bytes decide */
    while (err == TRIS_OK && key_starts_with(key, &prefix)) {
        struct span other = {NULL, 0};
        uint64_t time_ms = 0;
        uint64_t seq = 0;
        err = key_read_card(key, &no, &time_ms, &seq) ? TRIS_OK : TRIS_ERR_CORRUPT;
        if (err != TRIS_OK || (found && time_ms != newest)) {
            break;
        }
        err = card_line(v, no, seq, &other);
        if (err == TRIS_OK && (!found || house_line_newer(time_ms, other, newest, *line))) {
            *line = other;
            newest = time_ms;
            found = true;
        }
        err = err == TRIS_OK ? cursor_get(cursor, MDB_PREV, &key, &value) : err;
    }
    mdb_cursor_close(cursor);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    return found ? TRIS_OK : TRIS_ERR_NOT_FOUND;
}
