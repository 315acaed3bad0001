/* Entries of every sort drawn from a seed: all kinds, changes, ends, cards, what has no effect,
 * erased forms. */
#ifndef TRIS_TESTS_UNIT_STORE_DRAW_H
#define TRIS_TESTS_UNIT_STORE_DRAW_H

#include "tests/unit/store_script.h"

static inline void script_value(const struct field *field, struct test_rng *rng, char out[96])
{
    static const char *const regions[] = {"05315", "14713", "09162", "05316"};
    static const char *const words[] = {"nord", "ost", "garten", "haus", "licht"};
    const char *word = words[test_rng_below(rng, 5)];
    switch (field->type) {
    case FIELD_CODE:
    case FIELD_CODES:
        (void)snprintf(out, 96, "%s",
                       field->codes->codes[test_rng_below(rng, field->codes->count)].code);
        return;
    case FIELD_BOOL:
        (void)snprintf(out, 96, "yes");
        return;
    case FIELD_UINT:
        (void)snprintf(out, 96, "%d", (int)test_rng_below(rng, 3) + 1);
        return;
    case FIELD_DATE:
        (void)snprintf(out, 96, "2026-05-%02d", (int)test_rng_below(rng, 28) + 1);
        return;
    case FIELD_REGION:
    case FIELD_REGIONS:
        (void)snprintf(out, 96, "%s", regions[test_rng_below(rng, 4)]);
        return;
    case FIELD_POSTCODE:
        (void)snprintf(out, 96, "50667");
        return;
    case FIELD_URL:
        (void)snprintf(out, 96, "https://example.org/%s", word);
        return;
    case FIELD_MAILBOX:
        (void)snprintf(out, 96, "info@example.org");
        return;
    case FIELD_KEY:
        (void)snprintf(out, 96, "%064d", 7);
        return;
    case FIELD_REF:
        (void)snprintf(out, 96, "%064d-%d", 7, (int)test_rng_below(rng, 9));
        return;
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_TEXTS:
        (void)snprintf(out, 96, "%s%s %d", (field->flags & FIELD_SCHEME) != 0 ? "x:" : "", word,
                       (int)test_rng_below(rng, 6));
        return;
    }
}

/* A payload of the kind; now and then one that breaks its schema. */
static inline struct span script_payload(struct fix *f, uint32_t kind, struct test_rng *rng)
{
    struct wbuf scratch = wbuf_of(f->scratch, TRIS_PAYLOAD_BYTES_MAX);
    struct wbuf w = wbuf_of(f->payload, TRIS_PAYLOAD_BYTES_MAX);
    record_init(f->record, schema_kind(kind));
    for (size_t i = 0; i < f->record->kind->field_count; i++) {
        const struct field *field = &f->record->kind->fields[i];
        char text[96];
        if ((field->flags & FIELD_REQUIRED) != 0 ? test_rng_below(rng, 60) == 0
                                                 : test_rng_below(rng, 2) == 0) {
            continue;
        }
        script_value(field, rng, text);
        if (record_set_text(f->record, field, span_str(text), &scratch, NULL) != TRIS_OK) {
            continue; /* without it, then: a record that may lack a field it needs */
        }
    }
    ok(record_encode(f->record, &w));
    return wbuf_span(&w);
}

static inline uint32_t script_kind(struct test_rng *rng)
{
    return test_rng_below(rng, 2) == 0
               ? (uint32_t)KIND_PARTNER
               : schema_kind_at(test_rng_below(rng, schema_kind_count()))->number;
}

static inline void script_draw_card(struct script_log *l, struct test_rng *rng)
{
    struct house_line house = {.role = TRIS_ROLE_HOUSE, .time_ms = 100 + test_rng_below(rng, 4)};
    char line[TRIS_HOUSE_LINE_BYTES_MAX];
    uint8_t payload[TRIS_HOUSE_LINE_BYTES_MAX + 8];
    memcpy(house.region, "05315", 6);
    memcpy(house.slug, "koeln", 6);
    (void)snprintf(house.name, sizeof house.name, "Haus %d", (int)test_rng_below(rng, 100));
    ok(house_line_make(&house, &l->w.key, line, sizeof line));
    struct wbuf out = wbuf_of(payload, sizeof payload);
    pack_write_map(&out, test_rng_below(rng, 5) == 0 ? 2 : 1);
    pack_write_uint(&out, 1);
    pack_write_cstr(&out, line);
    ok(out.err);
    struct entry_header header = header_create(KIND_NONE);
    header.verb = test_rng_below(rng, 6) == 0 ? VERB_ENDORSE : VERB_CARD;
    (void)script_add(l, &header, wbuf_span(&out), test_rng_below(rng, 8) == 0);
}

static inline void script_draw_create(struct script_log *l, struct fix *f, struct test_rng *rng,
                                      bool good)
{
    struct entry_header header = header_create(script_kind(rng));
    struct span payload = script_payload(f, header.kind, rng);
    header.time_ms += test_rng_below(rng, 1000);
    uint32_t fault = good ? 99 : (uint32_t)test_rng_below(rng, 20);
    if (good) {
        payload = fix_partner(f, "Immer gut", "Z", "05315", "P-1");
        header.kind = KIND_PARTNER;
    }
    header.verb = fault == 0 ? (uint32_t)VERB_SIGN : (uint32_t)VERB_PUT;
    header.version = fault == 1 ? 2 : ENTRY_VERSION;
    header.has_prev = fault == 2;
    header.kind = fault == 3 ? 999 : header.kind;
    const bool erased = fault == 4 || fault == 5;
    payload.len -= fault == 6 ? 1 : 0;
    const uint32_t kind = header.kind;
    uint64_t seq = script_add(l, &header, payload, erased);
    if (fault > 6 && l->records < SCRIPT_RECORDS_MAX) {
        l->record[l->records++] = (struct script_record){seq, seq, kind, false};
    }
}

/* A change of a record: mostly a good one. What the fold makes of it is not this test's matter. */
static inline void script_draw_change(struct script_log *l, struct fix *f, struct test_rng *rng,
                                      bool good)
{
    static const uint8_t end_payload[] = {0x81, 0x01, 0x07};
    struct script_record *r = &l->record[test_rng_below(rng, l->records)];
    bool end = test_rng_below(rng, 4) == 0;
    if (good && r->ended) {
        script_draw_create(l, f, rng, true);
        return;
    }
    uint32_t fault = good ? 99 : (uint32_t)test_rng_below(rng, 16);
    struct entry_header header =
        header_change(end ? VERB_END : VERB_PUT, r->kind, r->seq, r->named);
    struct span payload = end    ? span_of(end_payload, sizeof end_payload)
                          : good ? fix_partner(f, "Auch gut", "W", "14713", "P-2")
                                 : script_payload(f, r->kind, rng);
    header.time_ms += test_rng_below(rng, 1000);
    header.prev -= fault == 0 && header.prev > 0 ? 1 : 0;
    header.kind = fault == 1 ? 999 : header.kind;
    header.record_seq += fault == 2 ? 1000 : 0;
    header.has_record_epoch = fault == 3;
    header.record_epoch = 77;
    header.verb = fault == 4 ? (uint32_t)VERB_NOTICE : header.verb;
    payload.len -= fault == 5 ? 1 : 0;
    bool erased = fault == 6;
    uint64_t seq = script_add(l, &header, payload, erased);
    if (fault != 2 && fault != 3) {
        r->named = seq;
    }
    r->ended = r->ended || (end && fault > 6);
}

/* Draws `count` entries. `good`: only such as the own house would write. */
static inline void script_draw(struct script_log *l, struct fix *f, struct test_rng *rng,
                               uint32_t count, bool good)
{
    for (uint32_t i = 0; i < count; i++) {
        if (l->w.ref.topic == TRIS_TOPIC_GOV) {
            script_draw_card(l, rng);
        } else if (l->records == 0 || test_rng_below(rng, 3) == 0) {
            script_draw_create(l, f, rng, good);
        } else {
            script_draw_change(l, f, rng, good);
        }
    }
}

#endif
