/* A cut of a damaged store says so and changes nothing: each row that it relies on, gone or wrong.
 */
#include "tests/unit/store_script.h"

enum { ENTRIES = 9, KEPT = 2 };

/* An own log: a record that is created, changed, named without effect, changed, ended; a card log
 * has one card. */
static uint32_t damaged_init(struct fix *f, struct script_log *l)
{
    static const uint8_t end_payload[] = {0x81, 0x01, 0x07};
    struct store_txn *t;
    fix_init(f);
    script_no_sync(f->s);
    script_init(l, f, 1, TRIS_TOPIC_DATA, 0, ENTRIES);
    struct entry_header h = header_create(KIND_PARTNER);
    (void)script_add(l, &h, fix_partner(f, "A", "Z", "05315", "P-1"), false); /* 0 */
    (void)script_add(l, &h, fix_partner(f, "B", "Z", "05315", "P-2"), false); /* 1 */
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 0);
    (void)script_add(l, &h, fix_partner(f, "A", "W", "14713", "P-1"), false); /* 2 */
    h = header_change(VERB_NOTICE, KIND_PARTNER, 0, 2);
    (void)script_add(l, &h, span_str("x"), false); /* 3: no effect */
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 3);
    (void)script_add(l, &h, fix_partner(f, "A", "S", "14713", "P-1"), false); /* 4 */
    h = header_change(VERB_PUT, KIND_PARTNER, 1, 1);
    (void)script_add(l, &h, fix_partner(f, "B", "S", "14713", "P-2"), false); /* 5 */
    h = header_change(VERB_END, KIND_PARTNER, 0, 4);
    (void)script_add(l, &h, span_of(end_payload, sizeof end_payload), false); /* 6 */
    h = header_create(KIND_PARTNER);
    (void)script_add(l, &h, fix_partner(f, "C", "Z", "05315", "P-3"), false); /* 7 */
    ok(store_txn_begin(f->s, &t));
    uint32_t no = script_no(l, t);
    script_deliver(l, t, 8);
    ok(store_commit(t));
    script_follow(f->s, UINT32_MAX);
    return no;
}

/* Cuts with the row gone (bits 0) or changed; a cut that was refused leaves everything in place. */
static void refused(struct fix *f, uint32_t no, enum db_table table, const struct key *key,
                    size_t at, uint8_t bits)
{
    struct store_txn *t;
    struct span value;
    static uint8_t bytes[4096];
    ok(store_txn_begin(f->s, &t));
    assert_true(txn_get(t, table, key_span(key), &value));
    assert_true(value.len <= sizeof bytes && at < value.len);
    const size_t len = value.len;
    memcpy(bytes, value.ptr, len);
    bytes[at] ^= bits;
    if (bits == 0) {
        txn_del(t, table, key_span(key));
    } else {
        txn_put(t, table, key_span(key), span_of(bytes, len));
    }
    enum tris_err err = store_log_cut(t, no, KEPT, STORE_TAIL_DROP);
    if (err != TRIS_ERR_CORRUPT) {
        char hex[2 * KEY_BYTES_MAX + 1];
        tris_hex(key->b, key->len, hex);
        print_message("table %s, row %s, byte %zu: %s\n", db_table_name(table), hex, at,
                      tris_err_text(err));
    }
    assert_int_equal(err, TRIS_ERR_CORRUPT);
    assert_int_equal(store_commit(t), TRIS_ERR_CORRUPT);
    audit_clean(f->s);
}

static void test_what_a_cut_relies_on_is_looked_at(void **state)
{
    (void)state;
    struct fix f;
    static struct script_log l;
    struct key key;
    uint32_t no = damaged_init(&f, &l);
    const uint64_t records[] = {0, 1, 7};
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        key_log_seq(&key, no, records[i]);
        refused(&f, no, DB_RECORD, &key, 0, 0);
        refused(&f, no, DB_RECORD, &key, 31, 1); /* the last entry that names it */
    }
    key_log_seq(&key, no, 3);
    refused(&f, no, DB_INERT, &key, 0, 0);
    refused(&f, no, DB_INERT, &key, 1, 1);     /* it names a record */
    refused(&f, no, DB_INERT, &key, 17, 0x10); /* the put before it */
    for (uint64_t seq = 2; seq < 8; seq++) {
        key_log_seq(&key, no, seq);
        refused(&f, no, DB_ENTRY, &key, 0, 0);
        refused(&f, no, DB_ENTRY, &key, 0, 0x40); /* the form of an entry */
    }
    key_log_seq(&key, no, 0);
    refused(&f, no, DB_ENTRY, &key, 0, 0); /* the state that the change replaced */
    refused(&f, no, DB_ARRIVAL, &key, 7, 1);
    key_arrival(&key, 8);
    refused(&f, no, DB_FEED, &key, 0, 0);
    refused(&f, no, DB_FEED, &key, 3, 1);  /* its log */
    refused(&f, no, DB_FEED, &key, 15, 8); /* its length */
    script_fini(&l);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_cut_relies_on_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
