/* The change feed, the search that follows it, settings. */
#include "tests/unit/store_fixture.h"

static const uint8_t empty_map[] = {0x80};

static void test_feed_names_every_entry_in_order_of_arrival(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_txn *t;
    struct feed_item item;
    uint64_t seq;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 3; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    }
    uint32_t foreign = writer_deliver(&w, f.s);
    ok(store_txn_begin(f.s, &t));
    uint32_t data = own_log(&f, t, TRIS_TOPIC_DATA);
    uint32_t local = own_log(&f, t, TRIS_TOPIC_LOCAL);
    static const int order[] = {0, 1, 0, 0, 1};
    for (size_t i = 0; i < 5; i++) {
        ok(own_append(t, order[i] != 0 ? local : data, header_create(KIND_PARTNER),
                      fix_partner(&f, "B", "Z", "05315", NULL), &seq));
        if (i == 2) { /* a look in between does not change what the feed says */
            ok(store_feed_next(store_txn_view(t), 5, &item));
        }
    }
    ok(store_commit(t));
    const struct feed_item expected[] = {
        {1, foreign, 0}, {2, foreign, 1}, {3, foreign, 2}, {4, data, 0},
        {5, local, 0},   {6, data, 1},    {7, data, 2},    {8, local, 1},
    };
    struct store_view *v;
    uint64_t after = 0;
    ok(store_view_begin(f.s, &v));
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ok(store_feed_next(v, after, &item));
        assert_int_equal(item.arrival, expected[i].arrival);
        assert_int_equal(item.log_no, expected[i].log_no);
        assert_int_equal(item.seq, expected[i].seq);
        after = item.arrival;
    }
    fails(TRIS_ERR_NOT_FOUND, store_feed_next(v, after, &item));
    fails(TRIS_ERR_NOT_FOUND, store_feed_next(v, UINT64_MAX, &item));
    struct store_info info;
    ok(store_info(v, &info));
    assert_int_equal(info.feed, 8);
    assert_int_equal(info.entries, 8);
    assert_int_equal(info.records, 8);
    assert_int_equal(info.logs, 3);
    assert_true(info.used_bytes > 0 && info.map_bytes == UINT64_C(1) << 30);
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

static uint64_t follow(struct fix *f, uint32_t max)
{
    struct store_txn *t;
    uint64_t behind;
    ok(store_txn_begin(f->s, &t));
    ok(store_word_follow(t, max, &behind));
    ok(store_commit(t));
    return behind;
}

static size_t search(struct fix *f, const char *text, struct record_ref *out, size_t max)
{
    struct store_view *v;
    struct record_ref cursor = {UINT32_MAX, 0};
    ok(store_view_begin(f->s, &v));
    size_t n = 0;
    ok(store_word_search(v, span_str(text), &cursor, out, max, &n));
    store_view_end(v);
    return n;
}

static void test_search_finds_prefixes_of_folded_words(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct record_ref found[8];
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "Bürgerverein Süd", "Z", "05315", NULL));
    writer_put(&w, fix_partner(&f, "Bürgerhaus Nord", "Z", "05315", NULL));
    writer_put(&w, fix_partner(&f, "Handwerkskammerbezirksverbandsvorsitz", "W", "05315", NULL));
    writer_deliver(&w, f.s);
    assert_int_equal(search(&f, "verein", found, 8), 0);
    assert_int_equal(follow(&f, 2), 1);
    assert_int_equal(follow(&f, 100), 0);
    assert_int_equal(search(&f, "buerger", found, 8), 2);
    assert_int_equal(search(&f, "BÜRGER nord", found, 8), 1);
    assert_int_equal(found[0].seq, 1);
    assert_int_equal(search(&f, "nord süd", found, 8), 0);
    assert_int_equal(search(&f, "verein", found, 8), 0); /* inside of a word is not its prefix */
    assert_int_equal(search(&f, "handwerkskammerbezirksverband", found, 8), 1);
    assert_int_equal(search(&f, "handwerkskammerbezirksverbund", found, 8), 0);
    assert_int_equal(search(&f, "", found, 8), 0);
    assert_int_equal(search(&f, " - ", found, 8), 0);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_search_follows_changes_and_ends(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct record_ref found[8];
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "Alpha", "Z", "05315", NULL));
    writer_put(&w, fix_partner(&f, "Alpha", "Z", "05315", NULL));
    struct entry_header h = header_change(VERB_PUT, KIND_PARTNER, 0, 7);
    writer_add(&w, &h, fix_partner(&f, "Gamma", "Z", "05315", NULL)); /* no effect */
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 2);
    writer_add(&w, &h, fix_partner(&f, "Beta", "Z", "05315", NULL));
    h = header_change(VERB_END, KIND_PARTNER, 1, 1);
    writer_add(&w, &h, span_of(empty_map, 1));
    writer_deliver(&w, f.s);
    for (int at_once = 0; at_once < 2; at_once++) {
        while (follow(&f, at_once != 0 ? 100 : 1) > 0) {
        }
        assert_int_equal(search(&f, "alpha", found, 8), 0);
        assert_int_equal(search(&f, "gamma", found, 8), 0);
        assert_int_equal(search(&f, "beta", found, 8), 1);
        h = header_change(VERB_PUT, KIND_PARTNER, 0, 3);
        writer_add(&w, &h, fix_partner(&f, "Alpha", "Z", "05315", NULL));
        h.prev = 5;
        writer_add(&w, &h, fix_partner(&f, "Beta", "Z", "05315", NULL));
        if (at_once == 0) {
            writer_deliver(&w, f.s);
        }
    }
    struct store_view *v;
    ok(store_view_begin(f.s, &v));
    assert_int_equal(store_word_behind(v), 0);
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_search_pages_in_order(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct record_ref found[8];
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 200; i++) { /* over several blocks of 64 */
        writer_put(&w,
                   fix_partner(&f, i % 2 == 0 ? "Verein Mitte" : "Verein Ost", "Z", "05315", NULL));
    }
    writer_deliver(&w, f.s);
    assert_int_equal(follow(&f, 1000), 0);
    struct store_view *v;
    struct record_ref cursor = {UINT32_MAX, 0};
    uint64_t next = 0;
    ok(store_view_begin(f.s, &v));
    for (;;) {
        size_t n = 0;
        ok(store_word_search(v, span_str("ver mit"), &cursor, found, 8, &n));
        if (n == 0) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(found[i].seq, next);
            next += 2;
        }
    }
    assert_int_equal(next, 200);
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_search_for_words_that_never_meet_is_bounded(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct record_ref found[8];
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 10000; i++) {
        writer_put(&w, fix_partner(&f, i % 2 == 0 ? "Mitte" : "Ost", "Z", "05315", NULL));
        if (i % 1000 == 999) {
            writer_deliver(&w, f.s);
        }
    }
    assert_int_equal(follow(&f, 20000), 0);
    struct store_view *v;
    struct record_ref cursor = {UINT32_MAX, 0};
    size_t n = 0;
    ok(store_view_begin(f.s, &v));
    fails(TRIS_ERR_NOT_READY, store_word_search(v, span_str("ost mitte"), &cursor, found, 8, &n));
    assert_int_equal(n, 0);
    assert_true(cursor.seq > 4000 && cursor.seq < 9999);
    ok(store_word_search(v, span_str("ost mitte"), &cursor, found, 8, &n));
    assert_int_equal(n, 0);
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_settings_are_kept_listed_and_deleted(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    struct span value;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    ok(store_setting_put(t, "peer/b", span_str("two")));
    ok(store_setting_put(t, "peer/a", span_str("one")));
    ok(store_setting_put(t, "other", span_str("x")));
    ok(store_setting_put(t, "zzz", span_str("y")));
    char long_key[300];
    memset(long_key, 'k', sizeof long_key);
    long_key[256] = '\0';
    fails(TRIS_ERR_INVALID, store_setting_put(t, long_key, span_str("x")));
    fails(TRIS_ERR_INVALID, store_setting_put(t, "", span_str("x")));
    long_key[255] = '\0';
    ok(store_setting_put(t, long_key, span_str("x")));
    ok(store_commit(t));
    ok(store_view_begin(f.s, &v));
    ok(store_setting_get(v, "peer/a", &value));
    assert_true(span_eq(value, span_str("one")));
    fails(TRIS_ERR_NOT_FOUND, store_setting_get(v, "peer/", &value));
    char key[256] = "peer/";
    ok(store_setting_next(v, "peer/", key, sizeof key, &value));
    assert_string_equal(key, "peer/a");
    ok(store_setting_next(v, "peer/", key, sizeof key, &value));
    assert_string_equal(key, "peer/b");
    assert_true(span_eq(value, span_str("two")));
    fails(TRIS_ERR_NOT_FOUND, store_setting_next(v, "peer/", key, sizeof key, &value));
    char tiny[8] = "";
    fails(TRIS_ERR_NO_SPACE, store_setting_next(v, "", tiny, sizeof tiny, &value));
    store_view_end(v);
    ok(store_txn_begin(f.s, &t));
    ok(store_setting_put(t, "peer/a", span_of(NULL, 0)));
    ok(store_setting_put(t, "peer/never", span_of(NULL, 0)));
    fails(TRIS_ERR_NOT_FOUND, store_setting_get(store_txn_view(t), "peer/a", &value));
    ok(store_commit(t));
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed_names_every_entry_in_order_of_arrival),
        cmocka_unit_test(test_search_finds_prefixes_of_folded_words),
        cmocka_unit_test(test_search_follows_changes_and_ends),
        cmocka_unit_test(test_search_pages_in_order),
        cmocka_unit_test(test_search_for_words_that_never_meet_is_bounded),
        cmocka_unit_test(test_settings_are_kept_listed_and_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
