/* Payloads of records in FOLD strength: decode, encode, limits, and hostile bytes. */
#include "proto/record.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/pack.h"
#include "tests/lib/testlib.h"

struct fixture {
    const struct kind *partner;
    struct record r;
    uint8_t payload[TRIS_PAYLOAD_BYTES_MAX + 64];
    uint8_t again[TRIS_PAYLOAD_BYTES_MAX + 64];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->partner = schema_kind(KIND_PARTNER);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* The smallest partner: required fields only; `extra` more pairs follow. */
static struct wbuf begin_partner(struct fixture *f, uint32_t extra)
{
    struct wbuf w = wbuf_of(f->payload, sizeof f->payload);
    pack_write_map(&w, 5 + extra); /* extra: status, and what the test adds */
    pack_write_uint(&w, PARTNER_NAME);
    pack_write_cstr(&w, "Tafel Köln e.V.");
    pack_write_uint(&w, PARTNER_SECTOR);
    pack_write_uint(&w, SECTOR_Z);
    pack_write_uint(&w, PARTNER_LEGAL_FORM);
    pack_write_uint(&w, LEGAL_FORM_EV);
    pack_write_uint(&w, PARTNER_INTERMEDIARY);
    pack_write_bool(&w, false);
    pack_write_uint(&w, PARTNER_REGION);
    pack_write_cstr(&w, "05315");
    return w;
}

static struct span end_partner(struct wbuf *w)
{
    pack_write_uint(w, PARTNER_STATUS);
    pack_write_uint(w, PARTNER_STATE_ACTIVE);
    assert_int_equal(w->err, TRIS_OK);
    return wbuf_span(w);
}

static enum tris_err decode(struct fixture *f, struct span payload, uint32_t *bad)
{
    return record_decode(f->partner, payload, &f->r, bad);
}

static void a_partner_decodes_and_encodes_to_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct wbuf w = begin_partner(f, 4);
    pack_write_uint(&w, PARTNER_POSTCODE);
    pack_write_cstr(&w, "50667");
    pack_write_uint(&w, PARTNER_IDENTIFIERS);
    pack_write_array(&w, 2);
    pack_write_cstr(&w, "lei:1");
    pack_write_cstr(&w, "vat:DE2");
    pack_write_uint(&w, PARTNER_LANGUAGES);
    pack_write_array(&w, 1);
    pack_write_cstr(&w, "de");
    struct span payload = end_partner(&w);
    assert_int_equal(decode(f, payload, NULL), TRIS_OK);
    const struct value *v = record_value(&f->r, PARTNER_IDENTIFIERS);
    assert_true(v->present && v->count == 2 && span_eq(v->texts[1], span_str("vat:DE2")));
    assert_false(record_value(&f->r, PARTNER_TOPICS)->present);
    assert_null(record_value(&f->r, 99));
    struct wbuf out = wbuf_of(f->again, sizeof f->again);
    assert_int_equal(record_encode(&f->r, &out), TRIS_OK);
    assert_true(span_eq(wbuf_span(&out), payload));
}

static void cut_anywhere_it_is_refused_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct wbuf w = begin_partner(f, 1);
    struct span payload = end_partner(&w);
    for (size_t len = 0; len < payload.len; len++) {
        uint8_t *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, payload.ptr, len);
        assert_int_not_equal(decode(f, span_of(copy, len), NULL), TRIS_OK);
        assert_false(record_value(&f->r, PARTNER_NAME)->present);
        free(copy);
    }
    assert_int_equal(decode(f, payload, NULL), TRIS_OK);
    f->payload[payload.len] = 0xc0;
    assert_int_equal(decode(f, span_of(payload.ptr, payload.len + 1), NULL), TRIS_ERR_TRAILING);
}

/* Whatever random damage still decodes encodes to the very same bytes. */
static void damaged_bytes_never_decode_to_something_else(void **state)
{
    struct fixture *f = *state;
    struct test_rng rng = {42};
    for (int i = 0; i < 20000; i++) {
        struct wbuf w = begin_partner(f, 1);
        struct span payload = end_partner(&w);
        for (uint64_t n = 1 + test_rng_below(&rng, 3); n > 0; n--) {
            f->payload[test_rng_below(&rng, payload.len)] ^=
                (uint8_t)(1U << test_rng_below(&rng, 8));
        }
        if (decode(f, payload, NULL) == TRIS_OK) {
            struct wbuf out = wbuf_of(f->again, sizeof f->again);
            assert_int_equal(record_encode(&f->r, &out), TRIS_OK);
            assert_true(span_eq(wbuf_span(&out), payload));
            assert_int_equal(pack_check(payload, PACK_CANONICAL), TRIS_OK);
        }
    }
}

static void each_required_field_is_required(void **state)
{
    struct fixture *f = *state;
    struct wbuf w = begin_partner(f, 1);
    struct span payload = end_partner(&w);
    for (size_t i = 0; i < f->partner->field_count; i++) {
        const struct field *field = &f->partner->fields[i];
        uint32_t bad = 0;
        assert_int_equal(decode(f, payload, NULL), TRIS_OK);
        record_value_mut(&f->r, field->number)->present = false;
        struct wbuf out = wbuf_of(f->again, sizeof f->again);
        assert_int_equal(record_encode(&f->r, &out), TRIS_OK);
        bool required = (field->flags & FIELD_REQUIRED) != 0;
        assert_int_equal(decode(f, wbuf_span(&out), &bad), required ? TRIS_ERR_REQUIRED : TRIS_OK);
        assert_int_equal(bad, required ? field->number : 0);
    }
    uint8_t empty = 0x80;
    assert_int_equal(decode(f, span_of(&empty, 1), NULL), TRIS_ERR_REQUIRED);
}

static enum tris_err decode_with_name(struct fixture *f, const char *unit, size_t times)
{
    static char name[4096];
    size_t len = strlen(unit);
    assert_true(len * times < sizeof name);
    for (size_t i = 0; i < times; i++) {
        memcpy(name + i * len, unit, len);
    }
    struct wbuf w = begin_partner(f, 1);
    struct span payload = end_partner(&w);
    struct value *v = NULL;
    assert_int_equal(decode(f, payload, NULL), TRIS_OK);
    v = record_value_mut(&f->r, PARTNER_NAME);
    v->text = span_of(name, len * times);
    struct wbuf out = wbuf_of(f->again, sizeof f->again);
    assert_int_equal(record_encode(&f->r, &out), TRIS_OK);
    return decode(f, wbuf_span(&out), NULL);
}

static void text_limits_count_characters_not_bytes(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode_with_name(f, "x", 160), TRIS_OK);
    assert_int_equal(decode_with_name(f, "x", 161), TRIS_ERR_TOO_LARGE);
    assert_int_equal(decode_with_name(f, "ä", 160), TRIS_OK);
    assert_int_equal(decode_with_name(f, "ä", 161), TRIS_ERR_TOO_LARGE);
    assert_int_equal(decode_with_name(f, "😀", 160), TRIS_OK);
    assert_int_equal(decode_with_name(f, "😀", 161), TRIS_ERR_TOO_LARGE);
    assert_int_equal(decode_with_name(f, "x", 0), TRIS_ERR_BAD_VALUE);
    assert_int_equal(decode_with_name(f, "\xff", 1), TRIS_ERR_BAD_UTF8);
}

/* One more pair, in its place, in hex. */
static enum tris_err decode_with_pair(struct fixture *f, const char *hex, uint32_t *bad)
{
    struct wbuf w = begin_partner(f, 2);
    uint8_t pair[512];
    size_t len = test_unhex(hex, pair, sizeof pair);
    bool behind = pair[0] > PARTNER_STATUS;
    if (!behind) {
        wbuf_bytes(&w, pair, len);
    }
    struct span payload = end_partner(&w);
    if (behind) {
        wbuf_bytes(&w, pair, len);
        payload = wbuf_span(&w);
    }
    return decode(f, payload, bad);
}

struct pair_case {
    const char *hex;
    enum tris_err err;
};

static void values_of_a_wrong_shape_have_no_effect(void **state)
{
    struct fixture *f = *state;
    static const struct pair_case cases[] = {
        {"0a a5 3530363637", TRIS_OK},            /* postcode */
        {"0a a4 35303636", TRIS_ERR_BAD_VALUE},   /* 4 digits */
        {"0a a5 3530363678", TRIS_ERR_BAD_VALUE}, /* a letter */
        {"0a c5 0001 00", TRIS_ERR_NOT_CANONICAL},
        {"0a 05", TRIS_ERR_BAD_TYPE},
        {"0a c0", TRIS_ERR_BAD_TYPE},
        {"0f 90", TRIS_ERR_BAD_VALUE}, /* empty list */
        {"0f 91 a3 613a62", TRIS_OK},
        {"0f 92 a3 613a62 a3 613a62", TRIS_ERR_NOT_CANONICAL}, /* duplicate */
        {"0f 92 a1 62 a1 61", TRIS_ERR_NOT_CANONICAL},         /* descending */
        {"0f 95 a161 a162 a163 a164 a165", TRIS_OK},
        {"0f 96 a161 a162 a163 a164 a165 a166", TRIS_ERR_TOO_LARGE},
        {"14 ce 0134b42f", TRIS_OK},            /* 20231215 */
        {"14 ce 0134b055", TRIS_ERR_BAD_VALUE}, /* 2023-02-29 */
        {"14 00", TRIS_ERR_BAD_VALUE},
        {"17 01", TRIS_OK},
        {"17 ccff", TRIS_OK}, /* a code of a later version */
        {"17 cd0100", TRIS_ERR_BAD_VALUE},
        {"17 00", TRIS_ERR_BAD_VALUE},
        {"17 cc01", TRIS_ERR_NOT_CANONICAL},
        {"18 01", TRIS_ERR_BAD_VALUE}, /* no such field, below 128 */
        {"7f 01", TRIS_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t bad = 0;
        enum tris_err err = decode_with_pair(f, cases[i].hex, &bad);
        if (err != cases[i].err) {
            fail_msg("%s: %s", cases[i].hex, tris_err_text(err));
        }
        uint8_t number = 0;
        (void)test_unhex((char[]){cases[i].hex[0], cases[i].hex[1], '\0'}, &number, 1);
        assert_int_equal(bad, err == TRIS_OK ? 0 : number);
    }
}

static void keys_must_ascend(void **state)
{
    struct fixture *f = *state;
    uint32_t bad = 0;
    struct wbuf w = begin_partner(f, 2);
    pack_write_uint(&w, PARTNER_SECTOR);
    pack_write_uint(&w, SECTOR_W);
    struct span payload = end_partner(&w);
    assert_int_equal(decode(f, payload, &bad), TRIS_ERR_NOT_CANONICAL);
    assert_int_equal(bad, PARTNER_SECTOR);
    static const uint8_t zero[] = {0x81, 0x00, 0x00};
    assert_int_equal(decode(f, span_of(zero, sizeof zero), NULL), TRIS_ERR_BAD_VALUE);
    static const uint8_t text_key[] = {0x81, 0xa1, 0x61, 0x00};
    assert_int_equal(decode(f, span_of(text_key, sizeof text_key), NULL), TRIS_ERR_BAD_TYPE);
}

static void extensions_are_ignored_and_kept(void **state)
{
    struct fixture *f = *state;
    struct wbuf w = begin_partner(f, 3);
    (void)end_partner(&w);
    pack_write_uint(&w, RECORD_EXTENSION_MIN);
    pack_write_array(&w, 1);
    pack_write_cstr(&w, "later");
    pack_write_uint(&w, RECORD_EXTENSION_MAX);
    pack_write_nil(&w);
    struct span payload = wbuf_span(&w);
    assert_int_equal(decode(f, payload, NULL), TRIS_OK);
    assert_int_equal(f->r.extension_pairs, 2);
    record_value_mut(&f->r, PARTNER_NAME)->text = span_str("Tafel");
    struct wbuf out = wbuf_of(f->again, sizeof f->again);
    assert_int_equal(record_encode(&f->r, &out), TRIS_OK);
    assert_true(out.len > 12);
    assert_memory_equal(f->again + out.len - 12, payload.ptr + payload.len - 12, 12);
    assert_int_equal(record_decode(f->partner, wbuf_span(&out), &f->r, NULL), TRIS_OK);

    w = begin_partner(f, 2);
    (void)end_partner(&w);
    pack_write_uint(&w, RECORD_EXTENSION_MAX + 1);
    pack_write_nil(&w);
    assert_int_equal(decode(f, wbuf_span(&w), NULL), TRIS_ERR_BAD_VALUE);
}

static enum tris_err decode_nested(struct fixture *f, size_t arrays)
{
    struct wbuf w = begin_partner(f, 2);
    (void)end_partner(&w);
    pack_write_uint(&w, RECORD_EXTENSION_MIN);
    for (size_t i = 0; i < arrays; i++) {
        pack_write_array(&w, 1);
    }
    pack_write_nil(&w);
    return decode(f, wbuf_span(&w), NULL);
}

static void depth_counts_from_the_payloads_map(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode_nested(f, TRIS_PACK_DEPTH_MAX - 1), TRIS_OK);
    assert_int_equal(decode_nested(f, TRIS_PACK_DEPTH_MAX), TRIS_ERR_TOO_DEEP);
}

static void payloads_over_the_limit_are_neither_read_nor_written(void **state)
{
    struct fixture *f = *state;
    for (int over = 0; over < 2; over++) {
        struct wbuf w = begin_partner(f, 2);
        (void)end_partner(&w);
        pack_write_uint(&w, RECORD_EXTENSION_MIN);
        size_t len = TRIS_PAYLOAD_BYTES_MAX - w.len - 3 + (size_t)over;
        memset(f->again, 7, len);
        pack_write_bin(&w, f->again, len);
        assert_int_equal(w.len, TRIS_PAYLOAD_BYTES_MAX + over);
        enum tris_err err = decode(f, wbuf_span(&w), NULL);
        assert_int_equal(err, over ? TRIS_ERR_TOO_LARGE : TRIS_OK);
        if (!over) {
            record_value_mut(&f->r, PARTNER_NAME)->text = span_str("Tafel Köln-Mitte e.V.");
            struct wbuf out = wbuf_of(f->again, sizeof f->again);
            assert_int_equal(record_encode(&f->r, &out), TRIS_ERR_TOO_LARGE);
        }
    }
}

static void dates_are_real_days(void **state)
{
    (void)state;
    static const uint32_t good[] = {10000101, 99991231, 20240229, 20000229, 20231231, 20230430};
    static const uint32_t bad[] = {0,        9991231,  20230229, 19000229, 20230431,
                                   20231301, 20230001, 20230100, 20230132, 100000101};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(record_date_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(record_date_valid(bad[i]));
    }
}

static void lists_are_sorted_and_have_their_own_room(void **state)
{
    struct fixture *f = *state;
    record_init(&f->r, f->partner);
    const struct field *topics = schema_field(f->partner, PARTNER_TOPICS);
    const struct field *ids = schema_field(f->partner, PARTNER_IDENTIFIERS);
    const struct field *languages = schema_field(f->partner, PARTNER_LANGUAGES);
    uint32_t codes[] = {3, 1, 3, 2};
    struct span texts[] = {span_str("b:1"), span_str("a:1"), span_str("b:1")};
    struct span tongues[] = {span_str("tr"), span_str("de")};
    assert_int_equal(record_set_codes(&f->r, topics, codes, 4), TRIS_OK);
    assert_int_equal(record_set_texts(&f->r, languages, tongues, 2), TRIS_OK);
    assert_int_equal(record_set_texts(&f->r, ids, texts, 3), TRIS_OK);
    const struct value *v = record_value(&f->r, PARTNER_TOPICS);
    assert_true(v->count == 3 && v->codes[0] == 1 && v->codes[1] == 2 && v->codes[2] == 3);
    v = record_value(&f->r, PARTNER_IDENTIFIERS);
    assert_true(v->count == 2 && span_eq(v->texts[0], span_str("a:1")));
    v = record_value(&f->r, PARTNER_LANGUAGES);
    assert_true(v->count == 2 && span_eq(v->texts[0], span_str("de")));
    codes[0] = 4;
    assert_int_equal(record_set_codes(&f->r, topics, codes, 4), TRIS_ERR_TOO_LARGE);
    assert_int_equal(record_value(&f->r, PARTNER_TOPICS)->count, 3);
    assert_int_equal(record_set_codes(&f->r, topics, codes, 0), TRIS_OK);
    assert_false(record_value(&f->r, PARTNER_TOPICS)->present);
}

static void dimensions_come_from_a_partner(void **state)
{
    struct fixture *f = *state;
    struct partner_dims dims;
    assert_int_equal(decode_with_pair(f, "0a a5 3530363637", NULL), TRIS_OK);
    record_partner_dims(&f->r, &dims);
    assert_string_equal(dims.region, "05315");
    assert_int_equal(dims.sector, SECTOR_Z);
    assert_int_equal(dims.legal_form, LEGAL_FORM_EV);
    assert_int_equal(dims.status, PARTNER_STATE_ACTIVE);
    assert_int_equal(dims.topic_count, 0);
    uint32_t codes[] = {7, 2};
    assert_int_equal(record_set_codes(&f->r, schema_field(f->partner, PARTNER_TOPICS), codes, 2),
                     TRIS_OK);
    record_value_mut(&f->r, PARTNER_REGION)->text = span_str("AT-13");
    record_partner_dims(&f->r, &dims);
    assert_string_equal(dims.region, "");
    assert_int_equal(dims.topic_count, 2);
    assert_int_equal(dims.topic[0], 2);
    assert_int_equal(dims.topic[1], 7);
}

static struct span evaluation(struct fixture *f, size_t house_bytes, const char *second)
{
    struct wbuf w = wbuf_of(f->payload, sizeof f->payload);
    uint8_t house[33] = {7};
    pack_write_map(&w, 8);
    pack_write_uint(&w, EVALUATION_SUBJECT);
    pack_write_array(&w, 3);
    pack_write_bin(&w, house, house_bytes);
    pack_write_uint(&w, 2);
    pack_write_uint(&w, 1042);
    pack_write_uint(&w, EVALUATION_FROM);
    pack_write_uint(&w, 20260101);
    pack_write_uint(&w, EVALUATION_TO);
    pack_write_uint(&w, 20260201);
    pack_write_uint(&w, EVALUATION_METHOD);
    pack_write_uint(&w, EVALUATION_METHOD_PEER);
    pack_write_uint(&w, EVALUATION_CRITERIA);
    pack_write_array(&w, 2);
    pack_write_cstr(&w, "reach:4");
    pack_write_cstr(&w, second);
    pack_write_uint(&w, EVALUATION_VERDICT);
    pack_write_uint(&w, VERDICT_ADAPT);
    pack_write_uint(&w, EVALUATION_SUMMARY);
    pack_write_cstr(&w, "s");
    pack_write_uint(&w, EVALUATION_AUTHOR_ORG);
    pack_write_cstr(&w, "a");
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static void references_and_ordered_lists_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    const struct kind *kind = schema_kind(KIND_EVALUATION);
    struct span payload = evaluation(f, 32, "cost:2"); /* out of alphabetical order */
    uint32_t bad = 0;
    assert_int_equal(record_decode(kind, payload, &f->r, &bad), TRIS_OK);
    assert_int_equal(record_value(&f->r, EVALUATION_SUBJECT)->count, 2);
    assert_int_equal(record_value(&f->r, EVALUATION_SUBJECT)->number, 1042);
    struct wbuf out = wbuf_of(f->again, sizeof f->again);
    assert_int_equal(record_encode(&f->r, &out), TRIS_OK);
    assert_true(span_eq(wbuf_span(&out), payload));
    assert_int_equal(record_decode(kind, evaluation(f, 31, "cost:2"), &f->r, &bad),
                     TRIS_ERR_BAD_VALUE);
    assert_int_equal(bad, EVALUATION_SUBJECT);
    assert_int_equal(record_decode(kind, evaluation(f, 32, "reach:4"), &f->r, &bad),
                     TRIS_ERR_NOT_CANONICAL);
    assert_int_equal(bad, EVALUATION_CRITERIA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partner_decodes_and_encodes_to_the_same_bytes),
        cmocka_unit_test(cut_anywhere_it_is_refused_and_leaves_nothing),
        cmocka_unit_test(damaged_bytes_never_decode_to_something_else),
        cmocka_unit_test(each_required_field_is_required),
        cmocka_unit_test(text_limits_count_characters_not_bytes),
        cmocka_unit_test(values_of_a_wrong_shape_have_no_effect),
        cmocka_unit_test(keys_must_ascend),
        cmocka_unit_test(extensions_are_ignored_and_kept),
        cmocka_unit_test(depth_counts_from_the_payloads_map),
        cmocka_unit_test(payloads_over_the_limit_are_neither_read_nor_written),
        cmocka_unit_test(dates_are_real_days),
        cmocka_unit_test(lists_are_sorted_and_have_their_own_room),
        cmocka_unit_test(dimensions_come_from_a_partner),
        cmocka_unit_test(references_and_ordered_lists_come_back_as_they_were),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
