/* proto/seal and proto/segment: seals, and runs of entries that end at one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/pack.h"
#include "proto/seal.h"

enum { RUN_BYTES_MAX = 256 * 1024 };

struct fixture {
    struct tris_log_id log;
    struct tris_sign_secret secret;
    struct tris_sign_pub pub;
    uint8_t wire[RUN_BYTES_MAX];
    struct tree after; /* of what make_run wrote */
    struct verified_segment out;
};

static int setup(void **state)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {3};
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    f->log.b[0] = 0x77;
    crypto_sign_seed_keypair(f->pub.b, f->secret.b, seed);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* `count` small entries behind `before`; every third one erased. */
static struct span make_run(struct fixture *f, const struct tree *before, uint32_t count)
{
    struct wbuf w = wbuf_of(f->wire, sizeof f->wire);
    f->after = *before;
    for (uint32_t i = 0; i < count; i++) {
        struct tris_salt salt = {{(uint8_t)i}};
        struct entry_header h = {.version = 1, .verb = VERB_PUT, .kind = 2, .time_ms = i}, back;
        uint8_t full_bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf full = wbuf_of(full_bytes, sizeof full_bytes);
        struct entry entry;
        struct tris_hash leaf;
        size_t start = w.len;
        entry_wire_encode(&w, &h, &salt, span_str("\x81\x01\x02"));
        struct rbuf r = rbuf_of(span_of(f->wire + start, w.len - start));
        assert_int_equal(entry_wire_next(&r, &entry), TRIS_OK);
        assert_int_equal(entry_open(&entry, &f->log, f->after.size, &full, &back, &leaf), TRIS_OK);
        if (i % 3 == 2) {
            uint8_t erased[256];
            struct wbuf e = wbuf_of(erased, sizeof erased);
            entry_wire_encode_erased(&e, &entry);
            w.len = start;
            wbuf_span_put(&w, wbuf_span(&e));
        }
        assert_int_equal(w.err, TRIS_OK);
        tree_append(&f->after, &leaf, TREE_LEVELS_MAX, NULL);
    }
    return wbuf_span(&w);
}

static struct seal make_seal(struct fixture *f)
{
    struct seal seal = {.log = f->log, .size = f->after.size, .time_ms = 1234};
    tree_root(&f->after, &seal.root);
    seal_make(&seal, &f->secret);
    return seal;
}

static enum tris_err verify(struct fixture *f, const struct tree *before, struct span wire,
                            uint32_t count, const struct seal *seal)
{
    return segment_verify(&f->log, &f->pub, before, wire, count, seal, &f->out);
}

static void test_seal_verifies_and_any_changed_field_does_not(void **state)
{
    struct fixture *f = *state;
    struct seal seal = {.log = f->log, .size = 5, .root = {{1}}, .time_ms = 6};
    seal_make(&seal, &f->secret);
    assert_int_equal(seal_verify(&seal, &f->pub), TRIS_OK);
    struct seal bad[5] = {seal, seal, seal, seal, seal};
    bad[0].log.b[31] ^= 1;
    bad[1].size++;
    bad[2].root.b[31] ^= 1;
    bad[3].time_ms++;
    bad[4].sig.b[63] ^= 1;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(seal_verify(&bad[i], &f->pub), TRIS_ERR_BAD_SIGNATURE);
    }
    seal.size = 0;
    assert_int_equal(seal_verify(&seal, &f->pub), TRIS_ERR_BAD_VALUE);
}

static void test_seal_body_is_canonical_at_the_largest_values(void **state)
{
    struct fixture *f = *state;
    struct seal seal = {.log = f->log, .size = UINT64_MAX, .time_ms = UINT64_MAX};
    uint8_t bytes[128];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    seal_body_encode(&w, &seal);
    assert_int_equal(w.err, TRIS_OK);
    assert_int_equal(pack_check(wbuf_span(&w), PACK_CANONICAL), TRIS_OK);
    seal_make(&seal, &f->secret);
    assert_int_equal(seal_verify(&seal, &f->pub), TRIS_OK);
}

static void test_newer_seal_is_larger_then_later_then_of_smaller_bytes(void **state)
{
    (void)state;
    struct seal a = {.size = 5, .time_ms = 5, .root = {{5}}};
    struct seal b = a;
    assert_int_equal(seal_cmp(&a, &b), 0);
    b.root.b[0] = 6;
    assert_true(seal_cmp(&a, &b) > 0);
    assert_true(seal_cmp(&b, &a) < 0);
    b.time_ms = 6;
    assert_true(seal_cmp(&a, &b) < 0);
    a.size = 6;
    assert_true(seal_cmp(&a, &b) > 0);
    a.size = 256; /* numbers, not bytes of their encoding */
    assert_true(seal_cmp(&a, &b) > 0);
}

static void test_day_of_a_seal_counts_whole_days_and_stays_in_32_bits(void **state)
{
    (void)state;
    static const struct {
        uint64_t time_ms;
        uint32_t day;
    } cases[] = {
        {0, 0},
        {86399999, 0},
        {86400000, 1},
        {1763905200000, 20415},
        {UINT64_C(86400000) * UINT32_MAX, UINT32_MAX},
        {UINT64_C(86400000) * UINT32_MAX + 86400000, UINT32_MAX}, /* would be 0 in 32 bits */
        {UINT64_MAX, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seal seal = {.size = 1, .time_ms = cases[i].time_ms};
        assert_int_equal(seal_day(&seal), cases[i].day);
    }
}

static void test_segment_of_one_and_of_the_most_entries_verifies(void **state)
{
    struct fixture *f = *state;
    struct tree before;
    const uint32_t counts[] = {1, TRIS_SEAL_SPACING_MAX, 3, TRIS_SEAL_SPACING_MAX};
    size_t nodes = 0;
    tree_init(&before);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct span wire = make_run(f, &before, counts[i]);
        struct seal seal = make_seal(f);
        assert_int_equal(verify(f, &before, wire, counts[i], &seal), TRIS_OK);
        assert_true(f->out.first == before.size);
        assert_int_equal(f->out.count, counts[i]);
        assert_true(span_eq(f->out.wire, wire));
        assert_true(f->out.after.size == seal.size);
        assert_memory_equal(&f->out.seal, &seal, sizeof seal);
        nodes += f->out.nodes_count;
        before = f->out.after;
    }
    /* 2,052 entries: two nodes of level 10 and one of level 11 */
    assert_int_equal(nodes, 3);
}

static void test_segment_over_the_spacing_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tree before;
    tree_init(&before);
    struct span wire = make_run(f, &before, TRIS_SEAL_SPACING_MAX + 1);
    struct seal seal = make_seal(f);
    assert_int_equal(verify(f, &before, wire, TRIS_SEAL_SPACING_MAX + 1, &seal),
                     TRIS_ERR_SEAL_SPACING);
}

static void test_unchanged_log_can_be_sealed_anew(void **state)
{
    struct fixture *f = *state;
    struct tree before;
    tree_init(&before);
    (void)make_run(f, &before, 3);
    struct seal seal = make_seal(f);
    assert_int_equal(verify(f, &f->after, span_of(NULL, 0), 0, &seal), TRIS_OK);
    assert_int_equal(f->out.count, 0);
    assert_true(f->out.after.size == 3);
    seal.sig.b[0] ^= 1;
    assert_int_equal(verify(f, &f->after, span_of(NULL, 0), 0, &seal), TRIS_ERR_BAD_SIGNATURE);
    seal.root.b[0] ^= 1;
    assert_int_equal(verify(f, &f->after, span_of(NULL, 0), 0, &seal), TRIS_ERR_BAD_ROOT);
    assert_int_equal(verify(f, &before, span_of(NULL, 0), 0, &seal), TRIS_ERR_NOT_NEXT);
}

static void test_segment_that_does_not_continue_the_log_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tree before, empty;
    tree_init(&empty);
    make_run(f, &empty, 4);
    before = f->after;
    struct span wire = make_run(f, &before, 4);
    struct seal seal = make_seal(f);
    assert_int_equal(verify(f, &empty, wire, 4, &seal), TRIS_ERR_NOT_NEXT);
    assert_int_equal(verify(f, &f->after, wire, 4, &seal), TRIS_ERR_NOT_NEXT);
    assert_int_equal(verify(f, &before, wire, 3, &seal), TRIS_ERR_NOT_NEXT);
    assert_int_equal(verify(f, &before, wire, UINT32_MAX, &seal), TRIS_ERR_NOT_NEXT);
    struct tris_log_id other = {{0x78}};
    assert_int_equal(segment_verify(&other, &f->pub, &before, wire, 4, &seal, &f->out),
                     TRIS_ERR_BAD_VALUE);
}

static void test_guilt_follows_from_root_and_signature(void **state)
{
    struct fixture *f = *state;
    struct tree before;
    tree_init(&before);
    struct span wire = make_run(f, &before, 8);
    struct seal good = make_seal(f);
    struct seal forged = good;
    forged.sig.b[3] ^= 1;
    assert_int_equal(verify(f, &before, wire, 8, &forged), TRIS_ERR_BAD_SIGNATURE);
    f->wire[wire.len - 1] ^= 1; /* the last byte of the last payload */
    assert_int_equal(verify(f, &before, wire, 8, &good), TRIS_ERR_FORK);
    assert_int_equal(verify(f, &before, wire, 8, &forged), TRIS_ERR_BAD_ROOT);
}

static void test_every_flipped_bit_of_a_run_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct tree before;
    tree_init(&before);
    struct span wire = make_run(f, &before, 4);
    struct seal seal = make_seal(f);
    for (size_t bit = 0; bit < wire.len * 8; bit++) {
        f->wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(verify(f, &before, wire, 4, &seal), TRIS_OK);
        f->wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(verify(f, &before, wire, 4, &seal), TRIS_OK);
}

static void test_run_must_be_used_up_exactly(void **state)
{
    struct fixture *f = *state;
    struct tree before;
    tree_init(&before);
    struct span wire = make_run(f, &before, 4);
    struct seal seal = make_seal(f);
    for (size_t len = 0; len < wire.len; len++) {
        assert_int_equal(verify(f, &before, span_of(wire.ptr, len), 4, &seal), TRIS_ERR_TRUNCATED);
    }
    f->wire[wire.len] = 0;
    assert_int_equal(verify(f, &before, span_of(wire.ptr, wire.len + 1), 4, &seal),
                     TRIS_ERR_TRAILING);
}

static void test_erased_entries_give_the_same_root_as_whole_ones(void **state)
{
    struct fixture *f = *state;
    struct tree before;
    uint8_t erased[4096];
    struct wbuf w = wbuf_of(erased, sizeof erased);
    tree_init(&before);
    struct span wire = make_run(f, &before, 16);
    struct seal seal = make_seal(f);
    struct rbuf r = rbuf_of(wire);
    for (int i = 0; i < 16; i++) {
        struct entry entry;
        assert_int_equal(entry_wire_next(&r, &entry), TRIS_OK);
        entry_wire_encode_erased(&w, &entry);
    }
    assert_int_equal(w.err, TRIS_OK);
    assert_int_equal(verify(f, &before, wbuf_span(&w), 16, &seal), TRIS_OK);
}

static void test_the_last_run_of_a_cut_log_needs_no_seal(void **state)
{
    struct fixture *f = *state;
    struct tree before, at[9];
    tree_init(&before);
    (void)make_run(f, &before, 3);
    before = f->after;
    struct span wire = make_run(f, &before, 8);
    for (uint64_t end = 4; end <= 11; end++) { /* what is behind the end is not taken */
        struct rbuf run = rbuf_of(wire);
        struct tris_hash root;
        at[0] = before;
        for (uint64_t i = 0; i < end - 3; i++) {
            struct entry entry;
            struct entry_header back;
            struct tris_hash leaf;
            uint8_t bytes[TRIS_HEADER_BYTES_MAX];
            struct wbuf full = wbuf_of(bytes, sizeof bytes);
            assert_int_equal(entry_wire_next(&run, &entry), TRIS_OK);
            assert_int_equal(entry_open(&entry, &f->log, 3 + i, &full, &back, &leaf), TRIS_OK);
            tree_append(&at[0], &leaf, TREE_LEVELS_MAX, NULL);
        }
        tree_root(&at[0], &root);
        assert_int_equal(segment_verify_cut(&f->log, &before, wire, 8, end, &root, &f->out),
                         TRIS_OK);
        assert_true(f->out.cut && f->out.count == end - 3 && f->out.seal.size == end);
        assert_true(f->out.after.size == end && f->out.wire.len == run.pos);
        assert_true(seal_is_cut(&f->out.seal));
        assert_int_equal(segment_verify_cut(&f->log, &before, wire, 8, end - 1, &root, &f->out),
                         end == 4 ? TRIS_ERR_NOT_NEXT : TRIS_ERR_FORK);
        uint32_t few = (uint32_t)(end - 4);
        assert_int_equal(segment_verify_cut(&f->log, &before, wire, few, end, &root, &f->out),
                         TRIS_ERR_NOT_NEXT);
        root.b[3] ^= 1;
        assert_int_equal(segment_verify_cut(&f->log, &before, wire, 8, end, &root, &f->out),
                         TRIS_ERR_FORK);
    }
    struct tris_hash root;
    tree_root(&f->after, &root);
    for (size_t len = 0; len < wire.len; len++) {
        assert_int_equal(
            segment_verify_cut(&f->log, &before, span_of(wire.ptr, len), 8, 11, &root, &f->out),
            TRIS_ERR_TRUNCATED);
    }
    assert_int_equal(
        segment_verify_cut(&f->log, &before, wire, TRIS_SEAL_SPACING_MAX + 1, 11, &root, &f->out),
        TRIS_ERR_SEAL_SPACING);
    struct seal seal = make_seal(f);
    assert_false(seal_is_cut(&seal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_verifies_and_any_changed_field_does_not),
        cmocka_unit_test(test_seal_body_is_canonical_at_the_largest_values),
        cmocka_unit_test(test_newer_seal_is_larger_then_later_then_of_smaller_bytes),
        cmocka_unit_test(test_day_of_a_seal_counts_whole_days_and_stays_in_32_bits),
        cmocka_unit_test(test_segment_of_one_and_of_the_most_entries_verifies),
        cmocka_unit_test(test_segment_over_the_spacing_is_refused),
        cmocka_unit_test(test_unchanged_log_can_be_sealed_anew),
        cmocka_unit_test(test_segment_that_does_not_continue_the_log_is_refused),
        cmocka_unit_test(test_guilt_follows_from_root_and_signature),
        cmocka_unit_test(test_every_flipped_bit_of_a_run_is_noticed),
        cmocka_unit_test(test_the_last_run_of_a_cut_log_needs_no_seal),
        cmocka_unit_test(test_run_must_be_used_up_exactly),
        cmocka_unit_test(test_erased_entries_give_the_same_root_as_whole_ones),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("seal", tests, setup, teardown);
}
