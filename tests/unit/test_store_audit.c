/* The audit: clean stores pass, damage of every kind is found and named. */
#include "storage/txn.h"
#include "tests/unit/store_fixture.h"

static const uint8_t empty_map[] = {0x80};

static uint32_t mixed_store(struct fix *f, struct writer *w)
{
    struct store_txn *t;
    uint64_t seq;
    fix_init(f);
    writer_init(w, f, 2, TRIS_TOPIC_DATA);
    writer_put(w, fix_partner(f, "A", "Z", "05315", NULL));
    writer_put(w, fix_partner(f, "B", "W", "14713", NULL));
    struct entry_header h = header_change(VERB_END, KIND_PARTNER, 0, 0);
    writer_add(w, &h, span_of(empty_map, 1));
    h = header_create(999);
    writer_add(w, &h, span_of(empty_map, 1));
    uint32_t no = writer_deliver(w, f->s);
    writer_put(w, fix_partner(f, "C", "W", "14713", NULL));
    writer_deliver(w, f->s);
    ok(store_txn_begin(f->s, &t));
    uint32_t data = own_log(f, t, TRIS_TOPIC_DATA);
    uint32_t local = own_log(f, t, TRIS_TOPIC_LOCAL);
    ok(own_append(t, data, header_create(KIND_PARTNER), fix_partner(f, "D", "S", "05315", "P-1"),
                  &seq));
    own_seal(f, t, data, 9);
    ok(own_append(t, data, header_create(KIND_PARTNER), fix_partner(f, "E", "S", "05315", "P-2"),
                  &seq));
    ok(own_append(t, local, header_create(KIND_PARTNER), fix_partner(f, "F", "S", "05315", "P-3"),
                  &seq));
    ok(store_commit(t));
    return no;
}

/* Flips one bit of a row's value; `offset` counts from its end if it is negative. */
static void damage(struct store *s, enum db_table table, const struct key *key, long offset)
{
    struct store_txn *t;
    struct span value;
    uint8_t bytes[4096];
    ok(store_txn_begin(s, &t));
    assert_true(txn_get(t, table, key_span(key), &value));
    assert_true(value.len <= sizeof bytes);
    memcpy(bytes, value.ptr, value.len);
    size_t at = offset >= 0 ? (size_t)offset : value.len - (size_t)(-offset);
    assert_true(at < value.len);
    bytes[at] ^= 1;
    txn_put(t, table, key_span(key), span_of(bytes, value.len));
    ok(store_commit(t));
}

static void delete_row(struct store *s, enum db_table table, const struct key *key)
{
    struct store_txn *t;
    ok(store_txn_begin(s, &t));
    txn_del(t, table, key_span(key));
    ok(store_commit(t));
}

static void found(struct store *s, bool fast, const char *words)
{
    struct audit_report report;
    ok(store_audit(s, fast, NULL, NULL, &report));
    assert_true(report.problems > 0);
    if (strstr(report.first_problem, words) == NULL) {
        fail_msg("expected '%s' in '%s'", words, report.first_problem);
    }
}

static void test_clean_store_passes_and_is_counted(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct audit_report report;
    mixed_store(&f, &w);
    audit_clean(f.s);
    ok(store_audit(f.s, false, NULL, NULL, &report));
    assert_int_equal(report.entries, 8);
    assert_int_equal(report.seals, 3);
    assert_int_equal(report.records, 6);
    assert_true(report.counters > 10);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_flipped_byte_in_any_entry_is_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    uint32_t no = mixed_store(&f, &w);
    struct store_view *v;
    struct entry entry;
    ok(store_view_begin(f.s, &v));
    ok(store_entry_get(v, no, 1, &entry));
    const long len = (long)entry.wire.len;
    store_view_end(v);
    struct key key;
    for (long at = 0; at < len; at++) {
        struct audit_report report;
        key_log_seq(&key, no, 1);
        damage(f.s, DB_ENTRY, &key, at);
        ok(store_audit(f.s, false, NULL, NULL, &report));
        assert_true(report.problems > 0);
        damage(f.s, DB_ENTRY, &key, at);
    }
    audit_clean(f.s);
    key_log_seq(&key, 2, 0); /* local: no seal, but the head's tree */
    damage(f.s, DB_ENTRY, &key, -1);
    found(f.s, false, "log 2");
    writer_fini(&w);
    fix_fini(&f);
}

static void test_missing_entry_is_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct key key;
    uint32_t no = mixed_store(&f, &w);
    key_log_seq(&key, no, 1);
    delete_row(f.s, DB_ENTRY, &key);
    found(f.s, false, "entry 1 of log 0 is missing");
    writer_fini(&w);
    fix_fini(&f);
}

static void test_damaged_views_are_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct key key;
    uint32_t no = mixed_store(&f, &w);
    key_log_seq(&key, no, 1);
    damage(f.s, DB_RECORD, &key, -6);
    found(f.s, false, "table record");
    damage(f.s, DB_RECORD, &key, -6);
    key_count(&key, COUNT_KIND, no, KIND_PARTNER);
    damage(f.s, DB_COUNT, &key, -1);
    found(f.s, false, "table count");
    found(f.s, true, "table count");
    damage(f.s, DB_COUNT, &key, -1);
    key_cube(&key, CUBE_SECTOR, 5, "05315", 2, 0);
    struct store_view *v;
    MDB_cursor *cursor;
    struct span k = key_span(&key);
    struct span value;
    ok(store_view_begin(f.s, &v));
    ok(view_cursor(v, DB_CUBE, &cursor));
    ok(cursor_get(cursor, MDB_SET_RANGE, &k, &value));
    key.len = (uint8_t)k.len;
    memcpy(key.b, k.ptr, k.len);
    mdb_cursor_close(cursor);
    store_view_end(v);
    damage(f.s, DB_CUBE, &key, -1);
    found(f.s, false, "table cube");
    found(f.s, true, "table cube");
    damage(f.s, DB_CUBE, &key, -1);
    key_region(&key, KIND_PARTNER, "14713", (struct record_ref){no, 1});
    delete_row(f.s, DB_REGION, &key);
    found(f.s, false, "table region");
    writer_fini(&w);
    fix_fini(&f);
}

static void test_damaged_seals_and_heads_are_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct key key;
    uint32_t no = mixed_store(&f, &w);
    key_log_seq(&key, no, 4);
    damage(f.s, DB_SEAL, &key, 50); /* an old seal: only the full audit looks at it */
    found(f.s, false, "not signed");
    damage(f.s, DB_SEAL, &key, 50);
    key_log_seq(&key, no, 5);
    damage(f.s, DB_SEAL, &key, 50);
    found(f.s, true, "newest seal");
    damage(f.s, DB_SEAL, &key, 50);
    key_log(&key, no);
    damage(f.s, DB_LOG, &key, -1); /* a peak */
    found(f.s, true, "another root");
    found(f.s, false, "log 0");
    damage(f.s, DB_LOG, &key, -1);
    damage(f.s, DB_LOG, &key, 0); /* the house */
    found(f.s, true, "id of log 0");
    writer_fini(&w);
    fix_fini(&f);
}

static void test_strays_and_wrong_sums_of_seals_are_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_txn *t;
    struct key key;
    uint32_t no = mixed_store(&f, &w);
    key_log_seq(&key, no, 4);
    damage(f.s, DB_SEAL, &key, -1); /* the bytes that decide which seals may be dropped */
    found(f.s, false, "wrong sums");
    damage(f.s, DB_SEAL, &key, -1);
    for (int i = 0; i < 2; i++) {
        const enum db_table table = i == 0 ? DB_SEAL : DB_ENTRY;
        key_log_seq(&key, i == 0 ? no : 77, 900);
        ok(store_txn_begin(f.s, &t));
        txn_put(t, table, key_span(&key), span_of(empty_map, 1));
        ok(store_commit(t));
        found(f.s, false, db_table_name(table));
        delete_row(f.s, table, &key);
    }
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_damaged_feed_is_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct key key;
    mixed_store(&f, &w);
    key_arrival(&key, 4);
    damage(f.s, DB_FEED, &key, -1); /* how many */
    found(f.s, false, "feed");
    damage(f.s, DB_FEED, &key, -1);
    damage(f.s, DB_FEED, &key, 3); /* of which log */
    found(f.s, false, "feed");
    damage(f.s, DB_FEED, &key, 3);
    audit_clean(f.s);
    delete_row(f.s, DB_FEED, &key);
    found(f.s, false, "feed");
    writer_fini(&w);
    fix_fini(&f);
}

static void put_row(struct store *s, enum db_table table, const struct key *key)
{
    struct store_txn *t;
    ok(store_txn_begin(s, &t));
    txn_put(t, table, key_span(key), span_of(NULL, 0));
    ok(store_commit(t));
}

static void test_holes_that_are_none_or_not_noted_are_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct key key;
    fix_init(&f);
    writer_init(&w, &f, 3, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    writer_put(&w, fix_partner(&f, "B", "S", "05315", NULL));
    writer_erase_from(&w, 1);
    const uint32_t no = writer_deliver(&w, f.s);
    audit_clean(f.s);
    key_log_seq(&key, no, 1);
    delete_row(f.s, DB_HOLE, &key);
    found(f.s, false, "table hole");
    put_row(f.s, DB_HOLE, &key);
    audit_clean(f.s);
    key_log_seq(&key, no, 0);
    put_row(f.s, DB_HOLE, &key);
    found(f.s, false, "table hole");
    delete_row(f.s, DB_HOLE, &key);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void follow_words(struct store *s)
{
    struct store_txn *t;
    uint64_t behind;
    ok(store_txn_begin(s, &t));
    ok(store_word_follow(t, 1000, &behind));
    ok(store_commit(t));
    assert_int_equal(behind, 0);
}

static void test_damaged_words_are_found(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct key key;
    uint32_t no = mixed_store(&f, &w);
    follow_words(f.s);
    audit_clean(f.s);
    key_word(&key, span_str("b"), no, 0);
    damage(f.s, DB_WORD, &key, -1); /* one record too many */
    found(f.s, false, "search index holds");
    damage(f.s, DB_WORD, &key, -1);
    delete_row(f.s, DB_WORD, &key);
    found(f.s, false, "not in the search index");
    writer_fini(&w);
    fix_fini(&f);
}

static bool stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    assert_true(done <= total);
    return false;
}

static void test_audit_can_be_stopped(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct audit_report report;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 5000; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
        if (w.count == 1000) {
            writer_deliver(&w, f.s);
        }
    }
    fails(TRIS_ERR_STOPPING, store_audit(f.s, false, stop, NULL, &report));
    assert_int_equal(report.entries, 4096);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_store_passes_and_is_counted),
        cmocka_unit_test(test_flipped_byte_in_any_entry_is_found),
        cmocka_unit_test(test_missing_entry_is_found),
        cmocka_unit_test(test_damaged_views_are_found),
        cmocka_unit_test(test_damaged_seals_and_heads_are_found),
        cmocka_unit_test(test_strays_and_wrong_sums_of_seals_are_found),
        cmocka_unit_test(test_damaged_feed_is_found),
        cmocka_unit_test(test_holes_that_are_none_or_not_noted_are_found),
        cmocka_unit_test(test_damaged_words_are_found),
        cmocka_unit_test(test_audit_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
