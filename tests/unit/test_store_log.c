/* Logs in the store: appending, sealing, reading segments, seals, tree nodes. */
#include "tests/unit/store_fixture.h"

static void test_segment_is_stored_and_served_as_it_came(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 5; i++) {
        writer_put(&w, fix_partner(&f, "Verein", "Z", "05315", NULL));
    }
    uint8_t *sent = malloc(w.len);
    size_t len = w.len;
    memcpy(sent, w.wire, len);
    uint32_t no = writer_deliver(&w, f.s);

    struct store_view *v;
    struct store_log log;
    struct seal seal;
    uint32_t count;
    static uint8_t bytes[TRIS_SEGMENT_BYTES_MAX];
    struct wbuf out = wbuf_of(bytes, sizeof bytes);
    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.held, 5);
    assert_int_equal(log.whole, 5);
    assert_false(log.own);
    assert_memory_equal(log.whole_root.b, log.seal.root.b, 32);
    ok(store_segment_read(v, no, 0, &out, &count, &seal));
    assert_int_equal(count, 5);
    assert_int_equal(out.len, len);
    assert_memory_equal(bytes, sent, len);
    ok(seal_verify(&seal, &w.ref.seal_key));
    out.len = 0;
    ok(store_segment_read(v, no, 3, &out, &count, &seal));
    assert_int_equal(count, 2);
    out.len = 0;
    ok(store_segment_read(v, no, 5, &out, &count, &seal)); /* the newest seal alone */
    assert_int_equal(count, 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(seal.size, 5);
    fails(TRIS_ERR_NOT_FOUND, store_segment_read(v, no, 6, &out, &count, &seal));
    store_view_end(v);
    audit_clean(f.s);
    free(sent);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_segment_must_start_at_held_and_does_not_poison(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct verified_segment segment;
    struct store_txn *t;
    uint32_t no;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    writer_seal(&w, &segment);
    ok(store_txn_begin(f.s, &t));
    ok(store_log_ensure(t, &w.ref, &no));
    ok(store_append_segment(t, no, &segment, 1));
    fails(TRIS_ERR_NOT_NEXT, store_append_segment(t, no, &segment, 1));
    ok(store_txn_err(t));
    ok(store_commit(t));
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_seals_are_thinned_and_every_position_stays_readable(void **state)
{
    (void)state;
    enum { ENTRIES = 2500 };
    struct fix f;
    struct writer w;
    uint32_t no = 0;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < ENTRIES; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
        no = writer_deliver(&w, f.s);
    }
    struct store_view *v;
    ok(store_view_begin(f.s, &v));
    uint32_t seals = 0;
    uint64_t size = 0;
    struct seal seal;
    while (store_seal_covering(v, no, size, &seal) == TRIS_OK) {
        assert_true(seal.size - size <= TRIS_SEAL_SPACING_MAX);
        size = seal.size;
        seals++;
    }
    assert_int_equal(size, ENTRIES);
    assert_true(seals <= 6);
    static uint8_t bytes[TRIS_SEGMENT_BYTES_MAX];
    for (uint64_t first = 0; first < ENTRIES; first += 7) {
        struct wbuf out = wbuf_of(bytes, sizeof bytes);
        uint32_t count;
        ok(store_segment_read(v, no, first, &out, &count, &seal));
        assert_int_equal(seal.size, first + count);
        struct rbuf run = rbuf_of(wbuf_span(&out));
        struct entry entry;
        ok(entry_wire_next(&run, &entry));
        assert_true(entry.whole);
    }
    store_view_end(v);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_run_larger_than_a_segment_is_served_erased(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    static uint8_t big[40 * 1024];
    memset(big, 0xc0, sizeof big);
    struct entry_header header = header_create(77);
    for (int i = 0; i < 10; i++) {
        writer_add(&w, &header, span_of(big, sizeof big));
    }
    uint32_t no = writer_deliver(&w, f.s);
    struct store_view *v;
    struct seal seal;
    uint32_t count;
    static uint8_t bytes[TRIS_SEGMENT_BYTES_MAX];
    struct wbuf out = wbuf_of(bytes, sizeof bytes);
    ok(store_view_begin(f.s, &v));
    ok(store_segment_read(v, no, 0, &out, &count, &seal));
    assert_int_equal(count, 10);
    assert_true(out.len < 2048);
    struct tree tree;
    struct verified_segment segment;
    tree_init(&tree);
    ok(segment_verify(&w.id, &w.ref.seal_key, &tree, wbuf_span(&out), count, &seal, &segment));
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_hole_stops_whole_and_its_root_is_right(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_view *v;
    struct store_log log;
    enum tris_err reason;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 6; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    }
    writer_erase_from(&w, 4);
    uint32_t no = writer_deliver(&w, f.s);
    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.held, 6);
    assert_int_equal(log.whole, 4);
    struct tree_node node = {.level = 2, .index = 0};
    ok(store_tree_nodes(v, no, &node, 1));
    assert_memory_equal(log.whole_root.b, node.hash.b, 32);
    ok(store_entry_effect(v, no, 5, &reason));
    assert_int_equal(reason, TRIS_ERR_NOT_READY);
    uint64_t partners;
    ok(store_count_kind(v, no, KIND_PARTNER, &partners));
    assert_int_equal(partners, 4);
    store_view_end(v);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_tree_nodes_prove_inclusion_at_every_level(void **state)
{
    (void)state;
    enum { ENTRIES = 2100 };
    struct fix f;
    struct writer w;
    uint32_t no = 0;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < ENTRIES; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
        if (w.count == 700) {
            no = writer_deliver(&w, f.s);
        }
    }
    struct store_view *v;
    struct store_log log;
    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    static const uint64_t positions[] = {0, 1023, 1024, 2047, 2048, ENTRIES - 1};
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        struct tree_node nodes[TREE_PROOF_MAX];
        struct tris_hash proof[TREE_PROOF_MAX];
        struct tree_node leaf = {.level = 0, .index = positions[i]};
        size_t count = tree_inclusion_nodes(positions[i], log.held, nodes);
        ok(store_tree_nodes(v, no, nodes, count));
        ok(store_tree_nodes(v, no, &leaf, 1));
        for (size_t k = 0; k < count; k++) {
            proof[k] = nodes[k].hash;
        }
        ok(tree_inclusion_verify(positions[i], log.held, &leaf.hash, proof, count, &log.seal.root));
    }
    struct tree_node outside = {.level = 3, .index = ENTRIES >> 3};
    fails(TRIS_ERR_NOT_FOUND, store_tree_nodes(v, no, &outside, 1));
    store_view_end(v);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_own_entries_are_held_then_sealed(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    struct store_log log;
    struct store_record record;
    uint64_t seq;
    uint64_t entries;
    uint64_t bytes;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "A", "W", "05315", NULL),
                  &seq));
    assert_int_equal(seq, 0);
    ok(store_commit(t));

    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.held, 1);
    assert_int_equal(log.whole, 0);
    assert_true(log.own);
    ok(store_unsealed(v, no, &entries, &bytes));
    assert_int_equal(entries, 1);
    struct entry entry;
    ok(store_entry_get(v, no, 0, &entry));
    assert_int_equal(bytes, entry.wire.len);
    ok(store_record_get(v, (struct record_ref){no, 0}, &record));
    assert_true(record.unsealed);
    struct seal seal;
    fails(TRIS_ERR_NOT_FOUND, store_seal_covering(v, no, 0, &seal));
    uint32_t count;
    static uint8_t segment[TRIS_SEGMENT_BYTES_MAX];
    struct wbuf out = wbuf_of(segment, sizeof segment);
    fails(TRIS_ERR_NOT_FOUND, store_segment_read(v, no, 0, &out, &count, &seal));
    store_view_end(v);

    ok(store_txn_begin(f.s, &t));
    own_seal(&f, t, no, 50);
    ok(store_commit(t));
    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.whole, 1);
    ok(store_unsealed(v, no, &entries, &bytes));
    assert_int_equal(entries, 0);
    assert_int_equal(bytes, 0);
    ok(store_record_get(v, (struct record_ref){no, 0}, &record));
    assert_false(record.unsealed);
    ok(store_segment_read(v, no, 0, &out, &count, &seal));
    assert_int_equal(count, 1);
    store_view_end(v);
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_seal_own_takes_only_the_seal_of_what_is_held(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_log log;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "A", "W", "05315", NULL),
                  &seq));
    ok(store_log_get(store_txn_view(t), no, &log));
    struct seal seal = {.log = log.id, .size = 2, .time_ms = 1};
    tree_root(&log.tree, &seal.root);
    fails(TRIS_ERR_INVALID, store_seal_own(t, no, &seal));
    seal.size = 1;
    seal.root.b[0] ^= 1;
    fails(TRIS_ERR_INVALID, store_seal_own(t, no, &seal));
    own_seal(&f, t, no, 50);
    own_seal(&f, t, no, 60); /* once a day an unchanged log is sealed anew */
    ok(store_log_get(store_txn_view(t), no, &log));
    assert_int_equal(log.seal.time_ms, 60);
    ok(store_commit(t));
    audit_clean(f.s);
    fix_fini(&f);
}

/* Seals of one size arrive in any order: the later one stays. */
static void test_older_seal_of_the_same_size_changes_nothing(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_view *v;
    struct store_log log;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    (void)writer_put(&w, fix_partner(&f, "A", "W", "05315", NULL));
    const uint64_t day = 86400000;
    uint32_t no = writer_deliver(&w, f.s);
    w.time_ms = FIX_TIME_MS + 2 * day;
    assert_int_equal(writer_deliver(&w, f.s), no);
    w.time_ms = FIX_TIME_MS + day;
    assert_int_equal(writer_deliver(&w, f.s), no);
    ok(store_view_begin(f.s, &v));
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.seal.time_ms, FIX_TIME_MS + 2 * day);
    store_view_end(v);
    writer_fini(&w);
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_local_entries_are_seen_but_never_served(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    struct store_record record;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_LOCAL);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "A", "W", "05315", NULL),
                  &seq));
    ok(store_commit(t));
    ok(store_view_begin(f.s, &v));
    struct seal seal;
    uint32_t count;
    static uint8_t bytes[TRIS_SEGMENT_BYTES_MAX];
    struct wbuf out = wbuf_of(bytes, sizeof bytes);
    fails(TRIS_ERR_NOT_FOUND, store_segment_read(v, no, 0, &out, &count, &seal));
    assert_int_equal(out.len, 0);
    ok(store_record_get(v, (struct record_ref){no, 0}, &record));
    assert_int_equal(record.scope, SCOPE_LOCAL);
    assert_false(record.unsealed);
    struct store_log log;
    ok(store_log_get(v, no, &log));
    assert_int_equal(log.whole, 0);
    assert_int_equal(log.held, 1);
    store_view_end(v);
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_foreign_log_takes_no_own_entries(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_txn *t;
    uint64_t seq;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    uint32_t no = writer_deliver(&w, f.s);
    ok(store_txn_begin(f.s, &t));
    fails(TRIS_ERR_NOT_OWNER, own_append(t, no, header_create(KIND_PARTNER),
                                         fix_partner(&f, "B", "Z", "05315", NULL), &seq));
    ok(store_commit(t));
    writer_fini(&w);
    fix_fini(&f);
}

static void test_own_changes_need_a_record_that_lives(void **state)
{
    (void)state;
    static const uint8_t empty_map[] = {0x80};
    struct fix f;
    struct store_txn *t;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    struct span payload = fix_partner(&f, "A", "Z", "05315", NULL);
    fails(TRIS_ERR_NOT_FOUND,
          own_append(t, no, header_change(VERB_PUT, KIND_PARTNER, 3, 3), payload, &seq));
    ok(own_append(t, no, header_create(KIND_PARTNER), payload, &seq));
    ok(own_append(t, no, header_change(VERB_END, KIND_PARTNER, 0, 0), span_of(empty_map, 1), &seq));
    assert_int_equal(seq, 1);
    fails(TRIS_ERR_ENDED,
          own_append(t, no, header_change(VERB_PUT, KIND_PARTNER, 0, 0), payload, &seq));
    fails(TRIS_ERR_BAD_VALUE,
          own_append(t, no, header_change(VERB_SIGN, KIND_PARTNER, 0, 0), payload, &seq));
    ok(store_commit(t));
    audit_clean(f.s);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_is_stored_and_served_as_it_came),
        cmocka_unit_test(test_segment_must_start_at_held_and_does_not_poison),
        cmocka_unit_test(test_seals_are_thinned_and_every_position_stays_readable),
        cmocka_unit_test(test_run_larger_than_a_segment_is_served_erased),
        cmocka_unit_test(test_hole_stops_whole_and_its_root_is_right),
        cmocka_unit_test(test_tree_nodes_prove_inclusion_at_every_level),
        cmocka_unit_test(test_own_entries_are_held_then_sealed),
        cmocka_unit_test(test_seal_own_takes_only_the_seal_of_what_is_held),
        cmocka_unit_test(test_older_seal_of_the_same_size_changes_nothing),
        cmocka_unit_test(test_local_entries_are_seen_but_never_served),
        cmocka_unit_test(test_foreign_log_takes_no_own_entries),
        cmocka_unit_test(test_own_changes_need_a_record_that_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
