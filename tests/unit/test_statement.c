/* proto/statement: strict payloads that come back byte for byte, and what makes two identical. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/entry.h"
#include "proto/pack.h"
#include "proto/statement.h"
#include "tests/lib/testlib.h"

enum { FORMS = 6, PAYLOAD_ROOM = 4096 };

static void key_pair(uint8_t number, struct tris_sign_secret *secret, struct tris_sign_pub *pub)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {number};
    assert_int_equal(crypto_sign_seed_keypair(pub->b, secret->b, seed), 0);
}

/* An endorsement with its card: house 1, key 1 in epoch 0, key 2 later. */
static void make_endorse(uint32_t epoch, enum tris_role role, uint64_t closes,
                         struct statement *out, char card[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    struct tris_sign_secret first, secret;
    struct tris_sign_pub id;
    struct opening *o = &out->opening;
    struct house_line line = {.role = role, .epoch = epoch, .time_ms = 1};
    memset(out, 0, sizeof *out);
    key_pair(1, &first, &id);
    key_pair(epoch == 0 ? 1 : 2, &secret, &o->key);
    memcpy(o->house.b, id.b, sizeof o->house.b);
    o->epoch = epoch;
    o->role = role;
    memcpy(o->region, role == TRIS_ROLE_COORDINATION ? "DE" : "05315",
           role == TRIS_ROLE_COORDINATION ? 3 : 6);
    o->has_closes = epoch > 0 && role != TRIS_ROLE_OBSERVER;
    o->closes.size = o->has_closes ? closes : 0;
    memset(o->closes.root.b, o->closes.size > 0 ? 0x55 : 0, sizeof o->closes.root.b);
    line.id = o->house;
    memcpy(line.region, o->region, sizeof line.region);
    memcpy(line.slug, "koeln", 6);
    memcpy(line.name, "Haus", 5);
    assert_int_equal(house_line_make(&line, &secret, card, TRIS_HOUSE_LINE_BYTES_MAX + 1), TRIS_OK);
    out->card = span_str(card);
}

static void make_revoke(bool successor, uint64_t gov, uint64_t data, struct statement *out)
{
    memset(out, 0, sizeof *out);
    out->revoke = true;
    struct revocation *r = &out->revocation;
    memset(r->house.b, 0x61, sizeof r->house.b);
    r->epoch = 3;
    r->gov.size = gov;
    memset(r->gov.root.b, gov > 0 ? 0x62 : 0, sizeof r->gov.root.b);
    r->data.size = data;
    memset(r->data.root.b, data > 0 ? 0x63 : 0, sizeof r->data.root.b);
    r->has_successor = successor;
    memset(r->successor.b, successor ? 0x64 : 0, sizeof r->successor.b);
}

/* One of each form. */
static uint32_t make_form(size_t i, struct statement *s, char card[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    switch (i) {
    case 0:
        make_endorse(0, TRIS_ROLE_HOUSE, 0, s, card);
        return VERB_ENDORSE;
    case 1:
        make_endorse(1, TRIS_ROLE_HOUSE, 77, s, card);
        return VERB_ENDORSE;
    case 2:
        make_endorse(UINT32_MAX, TRIS_ROLE_COORDINATION, 0, s, card);
        return VERB_ENDORSE;
    case 3:
        make_endorse(1, TRIS_ROLE_OBSERVER, 0, s, card);
        return VERB_ENDORSE;
    case 4:
        make_revoke(false, 5, LOG_CUT_SIZE_MAX, s);
        return VERB_REVOKE;
    default:
        make_revoke(true, 0, 0, s);
        return VERB_REVOKE;
    }
}

static struct span encode(const struct statement *s, uint8_t bytes[PAYLOAD_ROOM])
{
    struct wbuf w = wbuf_of(bytes, PAYLOAD_ROOM);
    statement_encode(&w, s);
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static struct tris_hash id_of(const struct statement *s)
{
    struct tris_hash id;
    if (s->revoke) {
        revocation_id(&s->revocation, &id);
    } else {
        opening_id(&s->opening, &id);
    }
    return id;
}

static void test_statements_come_back_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        static uint8_t bytes[PAYLOAD_ROOM], again[PAYLOAD_ROOM];
        char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        struct statement s, back;
        uint32_t verb = make_form(i, &s, card);
        struct span payload = encode(&s, bytes);
        assert_int_equal(pack_check(payload, PACK_CANONICAL), TRIS_OK);
        assert_int_equal(statement_decode(verb, payload, true, &back), TRIS_OK);
        assert_int_equal(back.revoke, s.revoke);
        assert_true(span_eq(encode(&back, again), payload));
        if (s.revoke) {
            assert_memory_equal(&back.revocation, &s.revocation, sizeof s.revocation);
            assert_int_equal(back.card.len, 0);
        } else {
            assert_memory_equal(&back.opening, &s.opening, sizeof s.opening);
            assert_true(span_eq(back.card, s.card));
            assert_true(back.card.ptr > payload.ptr && back.card.ptr < payload.ptr + payload.len);
        }
        const uint32_t other = verb == VERB_REVOKE ? VERB_ENDORSE : VERB_REVOKE;
        assert_int_not_equal(statement_decode(other, payload, true, &back), TRIS_OK);
        assert_int_equal(statement_decode(VERB_CARD, payload, true, &back), TRIS_ERR_BAD_VALUE);
    }
}

static void test_statements_cut_extended_or_flipped_are_refused_or_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        static uint8_t bytes[PAYLOAD_ROOM], again[PAYLOAD_ROOM];
        char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        struct statement s, back;
        uint32_t verb = make_form(i, &s, card);
        struct span payload = encode(&s, bytes);
        for (size_t len = 0; len < payload.len; len++) {
            assert_int_not_equal(statement_decode(verb, span_of(bytes, len), true, &back), TRIS_OK);
        }
        assert_int_not_equal(statement_decode(verb, span_of(bytes, payload.len + 1), true, &back),
                             TRIS_OK);
        for (size_t bit = 0; bit < payload.len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            enum tris_err err = statement_decode(verb, payload, true, &back);
            if (err == TRIS_OK) { /* another number or root: another statement */
                struct tris_hash id = id_of(&s);
                struct tris_hash changed = id_of(&back);
                assert_false(tris_hash_eq(&id, &changed));
                assert_true(span_eq(encode(&back, again), payload));
            }
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

/* ---- payloads that are wrong in one place ---- */

typedef void (*break_fn)(struct statement *s);

static void break_key(struct statement *s)
{
    s->opening.key.b[0] ^= 1;
}
static void break_house(struct statement *s)
{
    s->opening.house.b[0] ^= 1;
}
static void break_epoch(struct statement *s)
{
    s->opening.epoch++;
}
static void break_role(struct statement *s)
{
    s->opening.role = TRIS_ROLE_COORDINATION;
}
static void break_role_zero(struct statement *s)
{
    s->opening.role = 0;
}
static void break_role_unknown(struct statement *s)
{
    s->opening.role = TRIS_ROLE_COORDINATION + 1;
}
static void break_region(struct statement *s)
{
    s->opening.region[0] = '1';
}
static void break_region_empty(struct statement *s)
{
    s->opening.region[0] = '\0';
}
static void break_closes(struct statement *s)
{
    s->opening.has_closes = !s->opening.has_closes;
}
static void break_card_empty(struct statement *s)
{
    s->card.len = 0;
}
static void break_card_short(struct statement *s)
{
    s->card.len--;
}

static void test_endorsements_must_agree_with_their_card(void **state)
{
    static const break_fn breaks[] = {
        break_key,       break_house,        break_epoch,      break_role,
        break_role_zero, break_role_unknown, break_region,     break_region_empty,
        break_closes,    break_card_empty,   break_card_short,
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof breaks / sizeof breaks[0]; i++) {
        static uint8_t bytes[PAYLOAD_ROOM];
        char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        struct statement s, back;
        (void)make_form(i % 2, &s, card); /* epochs 0 and 1 */
        breaks[i / 2](&s);
        if (statement_decode(VERB_ENDORSE, encode(&s, bytes), true, &back) == TRIS_OK) {
            fail_msg("break %zu was accepted in epoch %zu", i / 2, i % 2);
        }
    }
}

static void test_only_the_card_is_spared_on_demand(void **state)
{
    static uint8_t bytes[PAYLOAD_ROOM];
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct statement s, back;
    (void)state;
    (void)make_form(1, &s, card);
    card[s.card.len - 1] ^= 1;
    struct span payload = encode(&s, bytes);
    assert_int_not_equal(statement_decode(VERB_ENDORSE, payload, true, &back), TRIS_OK);
    assert_int_equal(statement_decode(VERB_ENDORSE, payload, false, &back), TRIS_OK);
    s.opening.has_closes = false;
    payload = encode(&s, bytes);
    assert_int_not_equal(statement_decode(VERB_ENDORSE, payload, false, &back), TRIS_OK);
}

static enum tris_err judge_cut(uint64_t size, uint8_t root)
{
    static uint8_t bytes[PAYLOAD_ROOM];
    struct statement s, back;
    enum tris_err one, two;
    make_revoke(false, 1, 1, &s);
    s.revocation.gov.size = size;
    memset(s.revocation.gov.root.b, root, sizeof s.revocation.gov.root.b);
    one = statement_decode(VERB_REVOKE, encode(&s, bytes), true, &back);
    make_revoke(false, 1, 1, &s);
    s.revocation.data.size = size;
    memset(s.revocation.data.root.b, root, sizeof s.revocation.data.root.b);
    two = statement_decode(VERB_REVOKE, encode(&s, bytes), true, &back);
    assert_int_equal(one, two);
    return one;
}

static void test_cuts_have_a_root_exactly_if_they_have_entries(void **state)
{
    (void)state;
    assert_int_equal(judge_cut(0, 0), TRIS_OK);
    assert_int_equal(judge_cut(0, 1), TRIS_ERR_BAD_VALUE);
    assert_int_equal(judge_cut(1, 0), TRIS_ERR_BAD_VALUE);
    assert_int_equal(judge_cut(1, 1), TRIS_OK);
    assert_int_equal(judge_cut(LOG_CUT_SIZE_MAX, 1), TRIS_OK);
    assert_int_equal(judge_cut(LOG_CUT_SIZE_MAX + 1, 1), TRIS_ERR_BAD_VALUE);
    assert_int_equal(judge_cut(UINT64_MAX, 1), TRIS_ERR_BAD_VALUE);
}

/* The pairs of a payload with one more behind them. */
static struct span with_field(struct span payload, uint8_t out[PAYLOAD_ROOM], uint64_t number)
{
    struct wbuf w = wbuf_of(out, PAYLOAD_ROOM);
    wbuf_u8(&w, (uint8_t)(payload.ptr[0] + 1)); /* a map of fewer than 15 pairs */
    wbuf_bytes(&w, payload.ptr + 1, payload.len - 1);
    pack_write_uint(&w, number);
    pack_write_array(&w, 1);
    pack_write_cstr(&w, "später");
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static void test_extensions_are_skipped_and_other_fields_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        static uint8_t bytes[PAYLOAD_ROOM], more[PAYLOAD_ROOM], again[PAYLOAD_ROOM];
        char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        struct statement s, back;
        uint32_t verb = make_form(i, &s, card);
        struct span payload = encode(&s, bytes);
        assert_int_equal(statement_decode(verb, with_field(payload, more, 8), true, &back),
                         TRIS_ERR_BAD_VALUE);
        assert_int_equal(statement_decode(verb, with_field(payload, more, 127), true, &back),
                         TRIS_ERR_BAD_VALUE);
        assert_int_equal(statement_decode(verb, with_field(payload, more, 128), true, &back),
                         TRIS_OK);
        assert_true(span_eq(encode(&back, again), payload));
        assert_int_equal(statement_decode(verb, with_field(payload, more, UINT64_MAX), true, &back),
                         TRIS_OK);
    }
}

static void test_regions_with_a_zero_byte_or_too_long_are_refused(void **state)
{
    static const struct {
        uint8_t text[10];
        bool good;
    } cases[] = {
        {"\xa5\x30\x35\x33\x31\x35", true},
        {"\xa5\x30\x35\x00\x31\x35", false},
        {"\xa7\x30\x35\x33\x31\x35\x30\x30", true}, /* which the card would not bear out */
        {"\xa8\x30\x35\x33\x31\x35\x30\x30\x30", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[PAYLOAD_ROOM], edited[PAYLOAD_ROOM];
        char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        struct statement s, back;
        (void)make_form(0, &s, card);
        struct span payload = encode(&s, bytes);
        size_t at = 0;
        while (memcmp(bytes + at, cases[0].text, 6) != 0) {
            at++;
        }
        size_t len = (size_t)(cases[i].text[0] - 0xa0) + 1;
        memcpy(edited, bytes, at);
        memcpy(edited + at, cases[i].text, len);
        memcpy(edited + at + len, bytes + at + 6, payload.len - at - 6);
        enum tris_err err =
            statement_decode(VERB_ENDORSE, span_of(edited, payload.len - 6 + len), false, &back);
        assert_int_equal(err == TRIS_OK, cases[i].good);
    }
}

/* ---- identity ---- */

static void test_identity_is_all_of_the_opening_and_nothing_of_the_card(void **state)
{
    static const break_fn breaks[] = {break_key,  break_house,  break_epoch,
                                      break_role, break_region, break_closes};
    struct statement s, other;
    struct tris_hash id, changed, first;
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    (void)state;
    (void)make_form(1, &s, card);
    opening_id(&s.opening, &id);
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        other = s;
        breaks[i](&other);
        opening_id(&other.opening, &changed);
        assert_false(tris_hash_eq(&id, &changed));
    }
    other = s;
    other.opening.closes.size++;
    opening_id(&other.opening, &changed);
    assert_false(tris_hash_eq(&id, &changed));
    other = s;
    other.card = span_of(NULL, 0);
    opening_id(&other.opening, &changed);
    assert_true(tris_hash_eq(&id, &changed));
    make_revoke(false, 5, 9, &s);
    revocation_id(&s.revocation, &first);
    make_revoke(true, 5, 9, &other);
    revocation_id(&other.revocation, &changed);
    assert_false(tris_hash_eq(&first, &changed));
    make_revoke(false, 5, 8, &other);
    revocation_id(&other.revocation, &changed);
    assert_false(tris_hash_eq(&first, &changed));
}

static void test_opening_of_a_line_and_its_logs(void **state)
{
    struct statement s;
    struct opening o;
    struct house_line line;
    struct tris_log_ref ref;
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    (void)state;
    (void)make_form(0, &s, card);
    assert_int_equal(house_line_parse(s.card, &line), TRIS_OK);
    opening_of_line(&line, &o);
    struct tris_hash a, b;
    opening_id(&o, &a);
    opening_id(&s.opening, &b);
    assert_true(tris_hash_eq(&a, &b)); /* an endorsement may state what the charter says */
    (void)make_form(1, &s, card);
    opening_log_ref(&s.opening, TRIS_TOPIC_DATA, &ref);
    assert_true(tris_house_id_eq(&ref.house, &s.opening.house));
    assert_true(tris_sign_pub_eq(&ref.seal_key, &s.opening.key));
    assert_int_equal(ref.epoch, 1);
    assert_int_equal(ref.topic, TRIS_TOPIC_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements_come_back_byte_for_byte),
        cmocka_unit_test(test_statements_cut_extended_or_flipped_are_refused_or_others),
        cmocka_unit_test(test_endorsements_must_agree_with_their_card),
        cmocka_unit_test(test_only_the_card_is_spared_on_demand),
        cmocka_unit_test(test_cuts_have_a_root_exactly_if_they_have_entries),
        cmocka_unit_test(test_extensions_are_skipped_and_other_fields_refused),
        cmocka_unit_test(test_regions_with_a_zero_byte_or_too_long_are_refused),
        cmocka_unit_test(test_identity_is_all_of_the_opening_and_nothing_of_the_card),
        cmocka_unit_test(test_opening_of_a_line_and_its_logs),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
