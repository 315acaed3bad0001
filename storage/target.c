/* The table of statements about houses; see target.h. What they come to is evaluated from all of
 * them (members.c), so that a row says no more than where one stands. */
#include "storage/target.h"

#include "proto/statement.h"

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
