/* The payload of a record of every kind: what is accepted is written again alike (extensions
 * included), printed, and asked for what only the own house is asked. */
#include "proto/record.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

void fuzz_setup(void)
{
}

static void print_all(const struct record *r)
{
    static uint8_t text[TRIS_PAYLOAD_BYTES_MAX * 2];
    for (size_t i = 0; i < r->kind->field_count; i++) {
        for (unsigned how = 0; how < 3; how++) {
            struct wbuf w = wbuf_of(text, sizeof text);
            const struct field *field = &r->kind->fields[i];
            record_print_value(r, field, how > 0, how == 1 ? LANG_DE : LANG_EN, &w);
            REQUIRE(w.err == TRIS_OK);
            REQUIRE(w.len == 0 || record_value(r, field->number)->present);
        }
    }
}

static void ask_own(const struct record *r)
{
    struct record_problem problems[8];
    static const enum schema_scope scopes[] = {SCOPE_LOCAL, SCOPE_PARTIES, SCOPE_NATIONAL};
    for (size_t i = 0; i < 3; i++) {
        size_t count = record_check_own(r, scopes[i], problems, 8);
        REQUIRE(count <= 8);
        for (size_t k = 0; k < count; k++) {
            REQUIRE(memchr(problems[k].text, 0, sizeof problems[k].text) != NULL);
            REQUIRE(problems[k].warning || problems[k].err != TRIS_OK);
        }
    }
}

/* What leaves the house decodes as well, unless a required field stays at home. */
static void narrow(struct record *r)
{
    static uint8_t out[TRIS_PAYLOAD_BYTES_MAX];
    static struct record again;
    struct wbuf w = wbuf_of(out, sizeof out);
    uint32_t field = 0;
    record_narrow(r, SCOPE_NATIONAL);
    REQUIRE(record_encode(r, &w) == TRIS_OK);
    enum tris_err err = record_decode(r->kind, wbuf_span(&w), &again, &field);
    REQUIRE(err == TRIS_OK || err == TRIS_ERR_REQUIRED);
}

static void check(const struct kind *kind, struct span payload)
{
    static struct record r;
    static uint8_t out[TRIS_PAYLOAD_BYTES_MAX];
    uint32_t field = UINT32_MAX;
    enum tris_err err = record_decode(kind, payload, &r, &field);
    if (err != TRIS_OK) {
        for (size_t i = 0; i < kind->field_count; i++) {
            REQUIRE(!r.value[i].present);
        }
        return;
    }
    struct wbuf w = wbuf_of(out, sizeof out);
    REQUIRE(record_encode(&r, &w) == TRIS_OK && span_eq(wbuf_span(&w), payload));
    print_all(&r);
    ask_own(&r);
    if (kind->number == KIND_PARTNER) {
        struct partner_dims dims;
        record_partner_dims(&r, &dims);
        REQUIRE(dims.topic_count <= 3);
    }
    narrow(&r);
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    const struct kind *kind = schema_kind_at(fuzz_u8(&in) % schema_kind_count());
    check(kind, fuzz_take(&in, TRIS_PAYLOAD_BYTES_MAX + 1));
}
