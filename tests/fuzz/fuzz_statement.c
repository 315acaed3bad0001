/* Payloads of endorse and revoke, as they are and with the card's signature made right: what is
 * accepted comes back, and an accepted card is of the opening. */
#include "proto/entry.h"
#include "proto/statement.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/signer.h"

const size_t fuzz_heap_bytes_max = 0;

enum { PAYLOAD_ROOM = TRIS_HOUSE_LINE_BYTES_MAX + SIGNED_TAIL_BYTES + 512 };

void fuzz_setup(void)
{
    signers_init();
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

static void check_cut(const struct log_cut *cut)
{
    static const struct tris_hash none;
    REQUIRE(cut->size <= LOG_CUT_SIZE_MAX);
    REQUIRE((cut->size == 0) == tris_hash_eq(&cut->root, &none));
}

static void check_fields(const struct statement *s)
{
    if (s->revoke) {
        check_cut(&s->revocation.gov);
        check_cut(&s->revocation.data);
        return;
    }
    const struct opening *o = &s->opening;
    REQUIRE(o->epoch > 0 || memcmp(o->key.b, o->house.b, sizeof o->key.b) == 0);
    REQUIRE(o->has_closes == (o->epoch > 0 && o->role != TRIS_ROLE_OBSERVER));
    REQUIRE(strlen(o->region) < sizeof o->region);
    if (o->has_closes) {
        check_cut(&o->closes);
    }
}

static void check_card(const struct statement *s)
{
    static struct house_line line;
    struct opening of_line;
    REQUIRE(house_line_parse(s->card, &line) == TRIS_OK);
    REQUIRE(house_line_time(s->card) == line.time_ms);
    REQUIRE(tris_house_id_eq(&line.id, &s->opening.house) && line.epoch == s->opening.epoch);
    REQUIRE(tris_sign_pub_eq(&line.key, &s->opening.key) && line.role == s->opening.role);
    if (line.epoch == 0) {
        opening_of_line(&line, &of_line);
        const struct statement same = {.opening = of_line};
        const struct tris_hash one = id_of(s);
        const struct tris_hash two = id_of(&same);
        REQUIRE(tris_hash_eq(&one, &two));
    }
}

static void check(uint32_t verb, struct span payload)
{
    static uint8_t bytes[PAYLOAD_ROOM];
    struct statement s, unchecked, back;
    enum tris_err err = statement_decode(verb, payload, true, &s);
    if (statement_decode(verb, payload, false, &unchecked) != TRIS_OK) {
        REQUIRE(err != TRIS_OK);
        return;
    }
    REQUIRE(unchecked.revoke == (verb == VERB_REVOKE));
    check_fields(&unchecked);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    statement_encode(&w, &unchecked);
    REQUIRE(w.err == TRIS_OK && w.len <= payload.len);
    REQUIRE(w.len < payload.len || span_eq(wbuf_span(&w), payload)); /* shorter by extensions */
    REQUIRE(statement_decode(verb, wbuf_span(&w), false, &back) == TRIS_OK);
    const struct tris_hash one = id_of(&unchecked);
    const struct tris_hash two = id_of(&back);
    REQUIRE(tris_hash_eq(&one, &two));
    if (err == TRIS_OK && !s.revoke) {
        check_card(&s);
    }
}

void fuzz_one(struct span input)
{
    static uint8_t card[TRIS_HOUSE_LINE_BYTES_MAX + SIGNED_TAIL_BYTES];
    static uint8_t bytes[PAYLOAD_ROOM];
    struct rbuf in = rbuf_of(input);
    const uint32_t verb = fuzz_u8(&in) % 2 == 0 ? VERB_ENDORSE : VERB_REVOKE;
    struct span payload = fuzz_rest(&in);
    struct statement s;
    check(verb, payload);
    if (statement_decode(verb, payload, false, &s) != TRIS_OK || s.revoke) {
        return;
    }
    struct wbuf line = wbuf_of(card, sizeof card);
    if (signer_line(s.card, &line)) {
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        s.card = wbuf_span(&line);
        statement_encode(&w, &s);
        check(verb, wbuf_span(&w));
    }
}
