/* Roots of prefixes, and own entries that wait for their seals: any number, sealed in steps. */
#include "tests/unit/store_fixture.h"

enum { LONG_LOG = 3 * TRIS_SEAL_SPACING_MAX + 77 };

static void append_many(struct fix *f, struct store_txn *t, uint32_t no, uint32_t count)
{
    struct span payload = fix_partner(f, "A", "W", "05315", NULL);
    uint64_t seq;
    for (uint32_t i = 0; i < count; i++) {
        ok(own_append(t, no, header_create(KIND_PARTNER), payload, &seq));
    }
}

/* Seals up to `end` entries as the daemon does; returns how many seals that took. */
static uint32_t seal_steps(struct fix *f, struct store_txn *t, uint32_t no, uint64_t time_ms)
{
    struct store_log log;
    struct tree at;
    uint32_t steps = 0;
    ok(store_log_get(store_txn_view(t), no, &log));
    uint64_t size = log.has_seal ? log.seal.size : 0;
    at.size = UINT64_MAX;
    while (store_unsealed_step(store_txn_view(t), no, size, &size, &at) == TRIS_OK) {
        struct seal seal = {.log = log.id, .size = size, .time_ms = time_ms};
        assert_int_equal(at.size, size);
        tree_root(&at, &seal.root);
        seal_make(&seal, &f->key);
        ok(store_seal_own(t, no, &seal));
        steps++;
    }
    return steps;
}

static void test_any_prefix_has_its_root(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_log log;
    struct tris_hash *root = calloc(LONG_LOG + 1, sizeof *root);
    fix_init(&f);
    assert_non_null(root);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    for (uint32_t size = 1; size <= LONG_LOG; size++) {
        append_many(&f, t, no, 1);
        ok(store_log_get(store_txn_view(t), no, &log));
        tree_root(&log.tree, &root[size]);
    }
    for (uint64_t size = 0; size <= LONG_LOG; size += size < 20 || size > LONG_LOG - 90 ? 1 : 173) {
        struct tree tree;
        struct tris_hash found;
        ok(store_root_at(store_txn_view(t), no, size, &found));
        assert_true(tris_hash_eq(&found, &root[size]));
        ok(store_tree_at(store_txn_view(t), no, size, &tree));
        assert_int_equal(tree.size, size);
        tree_root(&tree, &found);
        assert_true(tris_hash_eq(&found, &root[size]));
    }
    struct tree tree;
    fails(TRIS_ERR_NOT_FOUND, store_tree_at(store_txn_view(t), no, LONG_LOG + 1, &tree));
    store_abort(t);
    free(root);
    fix_fini(&f);
}

static void test_a_backlog_is_sealed_in_steps(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    struct seal seal;
    uint64_t entries;
    uint64_t bytes;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    uint32_t local = own_log(&f, t, TRIS_TOPIC_LOCAL);
    append_many(&f, t, local, 3);
    append_many(&f, t, no, LONG_LOG);
    struct tree at = {.size = UINT64_MAX};
    uint64_t size;
    fails(TRIS_ERR_NOT_OWNER, store_unsealed_step(store_txn_view(t), local, 0, &size, &at));
    fails(TRIS_ERR_NOT_FOUND, store_unsealed_step(store_txn_view(t), no, LONG_LOG, &size, &at));
    ok(store_commit(t));
    audit_clean(f.s);

    ok(store_txn_begin(f.s, &t)); /* a later process seals what waits */
    assert_int_equal(seal_steps(&f, t, no, 50), 4);
    ok(store_unsealed(store_txn_view(t), no, &entries, &bytes));
    assert_int_equal(entries, 0);
    assert_int_equal(bytes, 0);
    ok(store_commit(t));
    ok(store_view_begin(f.s, &v));
    for (uint64_t at_seq = 0; at_seq < LONG_LOG; at_seq = seal.size) {
        ok(store_seal_covering(v, no, at_seq, &seal));
        assert_true(seal.size - at_seq <= TRIS_SEAL_SPACING_MAX);
    }
    store_view_end(v);
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_steps_end_where_a_segment_would_be_too_large(void **state)
{
    (void)state;
    enum { BIG = 40 * 1024, ENTRIES = 20 };
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    uint8_t *wide = malloc(BIG + 1024);
    static uint8_t segment[TRIS_SEGMENT_BYTES_MAX];
    assert_non_null(wide);
    fix_init(&f);
    /* a field that nobody knows makes the payload long */
    struct span good = fix_partner(&f, "A", "W", "05315", NULL);
    memcpy(wide, good.ptr, good.len);
    struct wbuf w = wbuf_of(wide + good.len, BIG + 1024 - good.len);
    wide[0]++;
    pack_write_uint(&w, 200);
    static const uint8_t zeros[BIG];
    pack_write_bin(&w, zeros, BIG);
    ok(w.err);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    uint64_t seq;
    for (int i = 0; i < ENTRIES; i++) {
        ok(own_append(t, no, header_create(KIND_PARTNER), span_of(wide, good.len + w.len), &seq));
    }
    assert_int_equal(seal_steps(&f, t, no, 50), 4); /* six of them are below 256 KiB */
    ok(store_commit(t));
    ok(store_view_begin(f.s, &v));
    for (uint64_t first = 0; first < ENTRIES;) {
        struct wbuf out = wbuf_of(segment, sizeof segment);
        uint32_t count;
        struct seal seal;
        ok(store_segment_read(v, no, first, &out, &count, &seal));
        assert_true(out.len >= (size_t)count * BIG); /* with payloads */
        first += count;
    }
    store_view_end(v);
    audit_clean(f.s);
    free(wide);
    fix_fini(&f);
}

static void test_a_seal_is_over_what_is_held_and_near_the_last(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_log log;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    append_many(&f, t, no, LONG_LOG);
    ok(store_log_get(store_txn_view(t), no, &log));
    struct seal seal = {.log = log.id, .size = TRIS_SEAL_SPACING_MAX + 1, .time_ms = 5};
    ok(store_root_at(store_txn_view(t), no, seal.size, &seal.root));
    seal_make(&seal, &f.key);
    fails(TRIS_ERR_SEAL_SPACING, store_seal_own(t, no, &seal));
    seal.size = 10;
    fails(TRIS_ERR_INVALID, store_seal_own(t, no, &seal)); /* another root */
    ok(store_root_at(store_txn_view(t), no, seal.size, &seal.root));
    seal_make(&seal, &f.key);
    ok(store_seal_own(t, no, &seal));
    seal.time_ms = 6;
    seal_make(&seal, &f.key);
    ok(store_seal_own(t, no, &seal)); /* sealed anew, although more is held */
    uint64_t entries;
    uint64_t bytes;
    struct entry entry;
    ok(store_entry_get(store_txn_view(t), no, 10, &entry));
    ok(store_unsealed(store_txn_view(t), no, &entries, &bytes));
    assert_int_equal(entries, LONG_LOG - 10);
    assert_int_equal(bytes, entry.wire.len * entries);
    seal.size = 9;
    ok(store_root_at(store_txn_view(t), no, seal.size, &seal.root));
    fails(TRIS_ERR_INVALID, store_seal_own(t, no, &seal)); /* behind the newest */
    ok(store_commit(t));
    audit_clean(f.s);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_prefix_has_its_root),
        cmocka_unit_test(test_a_backlog_is_sealed_in_steps),
        cmocka_unit_test(test_steps_end_where_a_segment_would_be_too_large),
        cmocka_unit_test(test_a_seal_is_over_what_is_held_and_near_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
