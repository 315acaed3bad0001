/* proto/entry: headers, commitments, leaves, wire and erased forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/entry.h"
#include "proto/hash.h"
#include "proto/pack.h"

static const struct tris_log_id log_id = {{0x11, 0x22}};
static const struct tris_salt salt = {{9, 8, 7}};

/* Headers that differ in every optional part. */
static const struct entry_header samples[] = {
    {.version = 1, .verb = VERB_PUT, .kind = 2, .time_ms = 1700000000000},
    {.version = 1,
     .verb = VERB_PUT,
     .kind = 2,
     .has_record = true,
     .record_seq = 7,
     .has_prev = true,
     .prev = 9},
    {.version = 1,
     .verb = VERB_END,
     .kind = 2,
     .time_ms = UINT64_MAX,
     .has_record = true,
     .record_seq = UINT64_MAX,
     .has_record_epoch = true,
     .record_epoch = UINT32_MAX,
     .has_prev = true,
     .prev = UINT64_MAX},
    {.version = 1,
     .verb = UINT32_MAX,
     .kind = UINT32_MAX,
     .has_record = true,
     .has_record_epoch = true},
    {.version = 1},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void assert_header_equal(const struct entry_header *a, const struct entry_header *b)
{
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->verb, b->verb);
    assert_int_equal(a->kind, b->kind);
    assert_true(a->time_ms == b->time_ms);
    assert_int_equal(a->has_record, b->has_record);
    assert_int_equal(a->has_record_epoch, b->has_record_epoch);
    assert_int_equal(a->record_epoch, b->record_epoch);
    assert_true(a->record_seq == b->record_seq);
    assert_int_equal(a->has_prev, b->has_prev);
    assert_true(a->prev == b->prev);
}

static struct span encode_header(const struct entry_header *h, uint8_t bytes[256])
{
    struct wbuf w = wbuf_of(bytes, 256);
    entry_header_encode(&w, h);
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static struct span encode_wire(const struct entry_header *h, struct span payload, uint8_t *bytes,
                               size_t cap)
{
    struct wbuf w = wbuf_of(bytes, cap);
    entry_wire_encode(&w, h, &salt, payload);
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static enum tris_err open_wire(struct span wire, struct entry *entry, struct wbuf *full,
                               struct entry_header *header, struct tris_hash *leaf)
{
    struct rbuf run = rbuf_of(wire);
    enum tris_err err = entry_wire_next(&run, entry);
    if (err == TRIS_OK) {
        err = rbuf_finish(&run);
    }
    return err == TRIS_OK ? entry_open(entry, &log_id, 5, full, header, leaf) : err;
}

/* A cut header out of raw bytes, as a whole entry with the smallest payload. */
static enum tris_err open_cut(const uint8_t *cut, size_t len, struct entry_header *header)
{
    uint8_t bytes[300], full_bytes[TRIS_HEADER_BYTES_MAX];
    struct entry entry;
    struct tris_hash leaf;
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct wbuf full = wbuf_of(full_bytes, sizeof full_bytes);
    wbuf_u8(&w, 0);
    wbuf_u8(&w, (uint8_t)len);
    wbuf_bytes(&w, cut, len);
    wbuf_bytes(&w, salt.b, sizeof salt.b);
    wbuf_u16(&w, 1);
    wbuf_u8(&w, 0x80);
    assert_int_equal(w.err, TRIS_OK);
    return open_wire(wbuf_span(&w), &entry, &full, header, &leaf);
}

static void test_header_decodes_to_what_was_encoded_and_not_when_cut_or_longer(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[256];
        struct entry_header h = samples[i], back;
        memset(h.commit.b, 0xcc, sizeof h.commit.b);
        struct span s = encode_header(&h, bytes);
        assert_true(s.len <= TRIS_HEADER_BYTES_MAX);
        assert_int_equal(entry_header_decode(s, &back), TRIS_OK);
        assert_header_equal(&h, &back);
        assert_memory_equal(h.commit.b, back.commit.b, 32);
        for (size_t len = 0; len < s.len; len++) {
            assert_int_not_equal(entry_header_decode(span_of(bytes, len), &back), TRIS_OK);
        }
        bytes[s.len] = 0;
        assert_int_equal(entry_header_decode(span_of(bytes, s.len + 1), &back), TRIS_ERR_TRAILING);
    }
}

static void test_a_flipped_bit_never_decodes_to_bytes_that_encode_differently(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[256], again[256];
        struct entry_header back;
        struct span s = encode_header(&samples[i], bytes);
        for (size_t bit = 0; bit < s.len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (entry_header_decode(s, &back) == TRIS_OK && back.version == ENTRY_VERSION) {
                struct span re = encode_header(&back, again);
                assert_true(span_eq(s, re));
            }
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void test_whole_wire_form_opens_to_the_complete_header_and_its_leaf(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[512], full_bytes[TRIS_HEADER_BYTES_MAX], expected_bytes[256];
        struct span payload = span_str("payload");
        struct entry_header expected = samples[i], header, peeked;
        struct entry entry;
        struct tris_hash leaf, expected_leaf;
        struct wbuf full = wbuf_of(full_bytes, sizeof full_bytes);
        struct span wire = encode_wire(&samples[i], payload, bytes, sizeof bytes);
        assert_int_equal(open_wire(wire, &entry, &full, &header, &leaf), TRIS_OK);
        entry_commit(payload, &salt, &expected.commit);
        assert_header_equal(&header, &expected);
        assert_memory_equal(header.commit.b, expected.commit.b, 32);
        assert_true(span_eq(wbuf_span(&full), encode_header(&expected, expected_bytes)));
        entry_leaf(&log_id, 5, wbuf_span(&full), &expected_leaf);
        assert_memory_equal(leaf.b, expected_leaf.b, 32);
        assert_true(span_eq(entry.payload, payload));
        assert_true(span_eq(entry.wire, wire));
        assert_int_equal(entry_peek_header(&entry, &peeked), TRIS_OK);
        assert_header_equal(&peeked, &expected);
        struct wbuf small = wbuf_of(full_bytes, full.len - 1);
        assert_int_equal(entry_open(&entry, &log_id, 5, &small, &header, NULL), TRIS_ERR_NO_SPACE);
    }
}

static void test_erased_form_keeps_header_and_leaf_and_drops_payload_and_salt(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        uint8_t bytes[512], erased[256], twice[256];
        uint8_t full_a[TRIS_HEADER_BYTES_MAX], full_b[TRIS_HEADER_BYTES_MAX];
        struct entry_header a, b;
        struct entry entry;
        struct tris_hash leaf_a, leaf_b;
        struct wbuf wa = wbuf_of(full_a, sizeof full_a), wb = wbuf_of(full_b, sizeof full_b);
        struct wbuf we = wbuf_of(erased, sizeof erased), wt = wbuf_of(twice, sizeof twice);
        struct span wire = encode_wire(&samples[i], span_str("secret"), bytes, sizeof bytes);
        assert_int_equal(open_wire(wire, &entry, &wa, &a, &leaf_a), TRIS_OK);
        entry_wire_encode_erased(&we, &entry);
        assert_int_equal(we.err, TRIS_OK);
        assert_int_equal(open_wire(wbuf_span(&we), &entry, &wb, &b, &leaf_b), TRIS_OK);
        assert_false(entry.whole);
        assert_int_equal(entry.payload.len + entry.salt.len, 0);
        assert_header_equal(&a, &b);
        assert_memory_equal(leaf_a.b, leaf_b.b, 32);
        assert_true(span_eq(wbuf_span(&wa), wbuf_span(&wb)));
        entry_wire_encode_erased(&wt, &entry);
        assert_true(span_eq(wbuf_span(&we), wbuf_span(&wt)));
    }
}

static void test_leaf_depends_on_log_position_payload_and_salt(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct tris_log_id other = log_id;
    struct entry_header h = samples[0];
    struct tris_hash a, b, c, d;
    other.b[31] = 1;
    struct span s = encode_header(&h, bytes);
    entry_leaf(&log_id, 1, s, &a);
    entry_leaf(&log_id, 2, s, &b);
    entry_leaf(&other, 1, s, &c);
    assert_memory_not_equal(a.b, b.b, 32);
    assert_memory_not_equal(a.b, c.b, 32);
    struct tris_salt other_salt = salt;
    other_salt.b[15] ^= 1;
    entry_commit(span_str("x"), &salt, &a);
    entry_commit(span_str("y"), &salt, &b);
    entry_commit(span_str("x"), &other_salt, &c);
    assert_memory_not_equal(a.b, b.b, 32);
    assert_memory_not_equal(a.b, c.b, 32);
    struct span part = span_str("x");
    hash_parts("tris-commit-v1", &salt, &part, 1, &d);
    assert_memory_equal(a.b, d.b, 32);
}

static void test_log_id_depends_on_each_of_its_parts(void **state)
{
    (void)state;
    struct tris_fed_id fed = {{1}};
    struct tris_log_ref ref = {.house = {{2}}, .topic = TRIS_TOPIC_DATA, .seal_key = {{2}}};
    struct tris_log_id ids[6];
    log_id_derive(&fed, &ref, &ids[0]);
    ref.topic = TRIS_TOPIC_GOV;
    log_id_derive(&fed, &ref, &ids[1]);
    ref.epoch = 1;
    log_id_derive(&fed, &ref, &ids[2]);
    ref.seal_key.b[0] = 3;
    log_id_derive(&fed, &ref, &ids[3]);
    ref.house.b[31] = 1;
    log_id_derive(&fed, &ref, &ids[4]);
    fed.b[31] = 1;
    log_id_derive(&fed, &ref, &ids[5]);
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_false(tris_log_id_eq(&ids[i], &ids[k]));
        }
    }
}

static void test_wire_form_is_refused_when_cut_at_any_byte(void **state)
{
    (void)state;
    uint8_t bytes[512], erased[256];
    struct entry entry;
    struct wbuf we = wbuf_of(erased, sizeof erased);
    struct span wire = encode_wire(&samples[2], span_str("payload"), bytes, sizeof bytes);
    struct rbuf whole_run = rbuf_of(wire);
    assert_int_equal(entry_wire_next(&whole_run, &entry), TRIS_OK);
    entry_wire_encode_erased(&we, &entry);
    const struct span forms[] = {wire, wbuf_span(&we)};
    for (size_t f = 0; f < 2; f++) {
        for (size_t len = 0; len < forms[f].len; len++) {
            struct rbuf run = rbuf_of(span_of(forms[f].ptr, len));
            assert_int_equal(entry_wire_next(&run, &entry), TRIS_ERR_TRUNCATED);
            assert_int_equal(entry.wire.len + entry.payload.len + entry.header_wire.len, 0);
        }
    }
}

static void test_wire_form_limits_hold_at_limit_and_limit_plus_one(void **state)
{
    (void)state;
    static uint8_t payload[TRIS_PAYLOAD_BYTES_MAX + 1];
    static uint8_t wire[TRIS_ENTRY_WIRE_BYTES_MAX + 64];
    struct entry entry;
    struct entry_header h;
    struct wbuf w = wbuf_of(wire, sizeof wire);
    entry_wire_encode(&w, &samples[0], &salt, span_of(payload, TRIS_PAYLOAD_BYTES_MAX));
    assert_int_equal(w.err, TRIS_OK);
    struct rbuf run = rbuf_of(wbuf_span(&w));
    assert_int_equal(entry_wire_next(&run, &entry), TRIS_OK);
    size_t length_at = 2 + entry.header_wire.len + 16;
    wire[length_at + 1]++; /* one more byte of payload than allowed */
    run = rbuf_of(span_of(wire, w.len + 1));
    assert_int_equal(entry_wire_next(&run, &entry), TRIS_ERR_TOO_LARGE);
    w = wbuf_of(wire, sizeof wire);
    entry_wire_encode(&w, &samples[0], &salt, span_of(payload, TRIS_PAYLOAD_BYTES_MAX + 1));
    assert_int_equal(w.err, TRIS_ERR_TOO_LARGE);
    /* cut header of 94 and 95 bytes: six fields, then one str of what is left */
    for (size_t len = 94; len <= 95; len++) {
        uint8_t cut[95] = {0x98, 1, 1, 2, 0, 0xc0, 0xc0, 0xd9};
        cut[8] = (uint8_t)(len - 9);
        memset(cut + 9, 'a', len - 9);
        assert_int_equal(open_cut(cut, len, &h), len == 94 ? TRIS_OK : TRIS_ERR_TOO_LARGE);
    }
    uint8_t erased[2 + 129] = {1, 129};
    run = rbuf_of(span_of(erased, sizeof erased));
    assert_int_equal(entry_wire_next(&run, &entry), TRIS_ERR_TOO_LARGE);
    uint8_t form[64] = {2, 1};
    run = rbuf_of(span_of(form, sizeof form));
    assert_int_equal(entry_wire_next(&run, &entry), TRIS_ERR_BAD_VALUE);
}

struct cut_case {
    const char *what;
    size_t len;
    uint8_t bytes[24];
    enum tris_err err;
};

static const struct cut_case cut_cases[] = {
    {"smallest header", 7, {0x97, 1, 0, 0, 0, 0xc0, 0xc0}, TRIS_OK},
    {"six elements", 7, {0x96, 1, 0, 0, 0, 0xc0, 0xc0}, TRIS_ERR_BAD_VALUE},
    {"map", 7, {0x87, 1, 0, 0, 0, 0xc0, 0xc0}, TRIS_ERR_BAD_TYPE},
    {"array 16 for seven", 9, {0xdc, 0, 7, 1, 0, 0, 0, 0xc0, 0xc0}, TRIS_ERR_NOT_CANONICAL},
    {"array 32", 11, {0xdd, 0, 0, 0, 7, 1, 0, 0, 0, 0xc0, 0xc0}, TRIS_ERR_BAD_TYPE},
    {"257 elements", 9, {0xdc, 1, 1, 1, 0, 0, 0, 0xc0, 0xc0}, TRIS_ERR_TOO_LARGE},
    {"uint not minimal", 8, {0x97, 1, 0xcc, 5, 0, 0, 0xc0, 0xc0}, TRIS_ERR_NOT_CANONICAL},
    {"time below zero", 7, {0x97, 1, 0, 0, 0xff, 0xc0, 0xc0}, TRIS_ERR_BAD_TYPE},
    {"verb over 32 bits",
     15,
     {0x97, 1, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0xc0},
     TRIS_ERR_BAD_VALUE},
    {"record false", 7, {0x97, 1, 0, 0, 0, 0xc2, 0xc0}, TRIS_ERR_BAD_TYPE},
    {"record of three", 10, {0x97, 1, 0, 0, 0, 0x93, 1, 2, 3, 0xc0}, TRIS_ERR_BAD_VALUE},
    {"record of one", 8, {0x97, 1, 0, 0, 0, 0x91, 1, 0xc0}, TRIS_ERR_BAD_VALUE},
    {"epoch over 32 bits",
     18,
     {0x97, 1, 0, 0, 0, 0x92, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0xc0},
     TRIS_ERR_BAD_VALUE},
    {"prev text", 7, {0x97, 1, 0, 0, 0, 0xc0, 0xa0}, TRIS_ERR_BAD_TYPE},
    {"one unknown element", 8, {0x98, 1, 0, 0, 0, 0xc0, 0xc0, 0xc3}, TRIS_OK},
    {"unknown element missing", 7, {0x98, 1, 0, 0, 0, 0xc0, 0xc0}, TRIS_ERR_TRUNCATED},
    {"unknown element too much", 8, {0x97, 1, 0, 0, 0, 0xc0, 0xc0, 0xc3}, TRIS_ERR_TRAILING},
    {"unknown element not minimal",
     9,
     {0x98, 1, 0, 0, 0, 0xc0, 0xc0, 0xcc, 1},
     TRIS_ERR_NOT_CANONICAL},
    {"unknown element float",
     12,
     {0x98, 1, 0, 0, 0, 0xc0, 0xc0, 0xca, 0, 0, 0, 0},
     TRIS_ERR_BAD_TYPE},
    {"array 16 for sixteen",
     18,
     {0xdc, 0, 16, 1, 0, 0, 0, 0xc0, 0xc0, 1, 1, 1, 1, 1, 1, 1, 1, 1},
     TRIS_OK},
    {"depth 8",
     15,
     {0x98, 1, 0, 0, 0, 0xc0, 0xc0, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 1},
     TRIS_OK},
    {"other version, any values",
     12,
     {0x97, 2, 0xa1, 'x', 0xc3, 0x91, 0x80, 0xff, 0xa2, 'y', 'z'},
     TRIS_ERR_TRAILING},
    {"other version", 11, {0x97, 2, 0xa1, 'x', 0xc3, 0x91, 0x80, 0xff, 0xa2, 'y', 'z'}, TRIS_OK},
    {"other version, not canonical", 8, {0x97, 2, 0xcc, 1, 0, 0, 0, 0}, TRIS_ERR_NOT_CANONICAL},
};

static void test_cut_headers_are_judged_by_every_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cut_cases / sizeof cut_cases[0]; i++) {
        struct entry_header h;
        enum tris_err err = open_cut(cut_cases[i].bytes, cut_cases[i].len, &h);
        if (err != cut_cases[i].err) {
            fail_msg("%s: %s", cut_cases[i].what, tris_err_name(err));
        }
    }
}

static void test_a_complete_header_is_accepted_exactly_if_it_is_canonical(void **state)
{
    (void)state;
    uint8_t cut[] = {0x98, 1, 0, 0, 0, 0xc0, 0xc0};
    uint8_t bytes[128];
    struct entry_header h;
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    wbuf_bytes(&w, cut, sizeof cut);
    wbuf_u8(&w, 0xc4);
    wbuf_u8(&w, 32);
    for (int i = 0; i < 32; i++) {
        wbuf_u8(&w, 0xee);
    }
    assert_int_equal(entry_header_decode(wbuf_span(&w), &h), TRIS_ERR_TRUNCATED);
    /* an unknown element of depth 9, counted from the header itself */
    size_t base = w.len;
    for (int depth = 0; depth < 8; depth++) {
        wbuf_u8(&w, 0x91);
    }
    wbuf_u8(&w, 0);
    assert_int_equal(entry_header_decode(wbuf_span(&w), &h), pack_check(wbuf_span(&w), 0));
    assert_int_equal(entry_header_decode(wbuf_span(&w), &h), TRIS_ERR_TOO_DEEP);
    w.len = base;
    wbuf_u8(&w, 0x80);
    assert_int_equal(entry_header_decode(wbuf_span(&w), &h), TRIS_OK);
    bytes[base - 33] = 31; /* a commitment of 31 bytes, one byte left over */
    assert_int_not_equal(entry_header_decode(wbuf_span(&w), &h), TRIS_OK);
}

static void test_random_bytes_never_crash_and_open_only_if_canonical(void **state)
{
    (void)state;
    uint8_t seed[randombytes_SEEDBYTES] = {1};
    uint8_t noise[64 * 1024];
    randombytes_buf_deterministic(noise, sizeof noise, seed);
    for (size_t i = 0; i + 160 < sizeof noise; i++) {
        struct entry_header h;
        struct entry entry;
        uint8_t full[TRIS_HEADER_BYTES_MAX];
        noise[i] &= 1; /* a known form, and often a header that starts right */
        noise[i + 2] = 0x97;
        noise[i + 3] = 1;
        struct rbuf run = rbuf_of(span_of(noise + i, 160));
        if (entry_wire_next(&run, &entry) == TRIS_OK) {
            struct wbuf w = wbuf_of(full, sizeof full);
            if (entry_open(&entry, &log_id, i, &w, &h, NULL) == TRIS_OK) {
                assert_int_equal(pack_check(wbuf_span(&w), PACK_CANONICAL), TRIS_OK);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_decodes_to_what_was_encoded_and_not_when_cut_or_longer),
        cmocka_unit_test(test_a_flipped_bit_never_decodes_to_bytes_that_encode_differently),
        cmocka_unit_test(test_whole_wire_form_opens_to_the_complete_header_and_its_leaf),
        cmocka_unit_test(test_erased_form_keeps_header_and_leaf_and_drops_payload_and_salt),
        cmocka_unit_test(test_leaf_depends_on_log_position_payload_and_salt),
        cmocka_unit_test(test_log_id_depends_on_each_of_its_parts),
        cmocka_unit_test(test_wire_form_is_refused_when_cut_at_any_byte),
        cmocka_unit_test(test_wire_form_limits_hold_at_limit_and_limit_plus_one),
        cmocka_unit_test(test_cut_headers_are_judged_by_every_rule),
        cmocka_unit_test(test_a_complete_header_is_accepted_exactly_if_it_is_canonical),
        cmocka_unit_test(test_random_bytes_never_crash_and_open_only_if_canonical),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
