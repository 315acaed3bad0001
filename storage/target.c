/* The table of statements about houses; see target.h. What they come to is evaluated from all of
 * them (members.c), so that a row says no more than where one stands. */
#include "storage/target.h"

#include "proto/statement.h"
#include "storage/members.h"

enum tris_err target_read(uint32_t verb, struct span payload, bool fresh,
                          struct tris_house_id *about)
{
    struct statement s;
    enum tris_err err = statement_decode(verb, payload, fresh, &s);
    if (err == TRIS_OK) {
        *about = s.revoke ? s.revocation.house : s.opening.house;
    }
    return err;
}

void target_put(struct store_txn *t, const struct tris_house_id *about, struct record_ref at,
                uint32_t verb)
{
    struct key key;
    const uint8_t value[1] = {(uint8_t)verb};
    key_target(&key, about, at);
    t->members_stale = true;
    txn_put(t, DB_TARGET, key_span(&key), span_of(value, sizeof value));
}

void target_del(struct store_txn *t, const struct tris_house_id *about, struct record_ref at)
{
    struct key key;
    key_target(&key, about, at);
    t->members_stale = true;
    txn_del(t, DB_TARGET, key_span(&key));
}

enum tris_err store_statement_next(struct store_view *v, const struct tris_house_id *about,
                                   uint32_t log_no, uint64_t *seq)
{
    MDB_cursor *cursor = NULL;
    struct key wanted;
    struct span value;
    struct tris_house_id house;
    struct record_ref at = {0, 0};
    key_target(&wanted, about, (struct record_ref){log_no, *seq});
    struct span key = key_span(&wanted);
    enum tris_err err = view_cursor(v, DB_TARGET, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    if (err == TRIS_OK && !key_read_target(key, &house, &at)) {
        err = TRIS_ERR_CORRUPT;
    }
    mdb_cursor_close(cursor);
    if (err == TRIS_OK && (!tris_house_id_eq(&house, about) || at.log_no != log_no)) {
        err = TRIS_ERR_NOT_FOUND;
    }
    *seq = err == TRIS_OK ? at.seq : *seq;
    return err;
}
