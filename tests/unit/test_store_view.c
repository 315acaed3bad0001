/* The fold and what is read from it: records, lists, history, counters, duplicates, cards. */
#include "tests/unit/store_fixture.h"

static const uint8_t empty_map[] = {0x80};

/* Delivers one entry in a segment of its own and says what became of it. */
static enum tris_err deliver_effect(struct fix *f, struct writer *w,
                                    const struct entry_header *header, struct span payload)
{
    struct store_view *v;
    enum tris_err reason;
    uint64_t seq = writer_add(w, header, payload);
    uint32_t no = writer_deliver(w, f->s);
    ok(store_view_begin(f->s, &v));
    ok(store_entry_effect(v, no, seq, &reason));
    store_view_end(v);
    return reason;
}

static int64_t cube_sum(struct store *s, enum cube_rollup rollup, int level, const char *prefix);

/* What the next test has written, seen from its one record. */
static void check_inert_history(struct fix *f)
{
    struct store_view *v;
    ok(store_view_begin(f->s, &v));
    assert_int_equal(store_count_inert(v), 13);
    struct store_log log;
    ok(store_log_get(v, 0, &log));
    assert_int_equal(log.whole, 16); /* forwarded all the same */
    struct store_record record;
    ok(store_record_get(v, (struct record_ref){0, 0}, &record));
    assert_true(record.ended);
    assert_int_equal(record.changes, 3);
    assert_int_equal(record.last_seq, 12);
    struct record_ref at = {0, UINT64_MAX};
    static const uint64_t history[] = {15, 14, 13, 12, 11, 9, 8, 7, 0};
    for (size_t i = 0; i < sizeof history / sizeof history[0]; i++) {
        ok(store_record_history(v, (struct record_ref){0, 0}, &at));
        assert_int_equal(at.seq, history[i]);
    }
    fails(TRIS_ERR_NOT_FOUND, store_record_history(v, (struct record_ref){0, 0}, &at));
    store_view_end(v);
}

static void test_entries_without_effect_are_kept_with_their_reason(void **state)
{
    (void)state;
    static const uint8_t broken[] = {0x81, 0x01};
    static const uint8_t unknown_field[] = {0x81, 0x60, 0x01};
    struct fix f;
    struct writer w;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    struct span good = fix_partner(&f, "Verein", "Z", "05315", NULL);
    struct entry_header h = header_create(KIND_PARTNER);
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_OK); /* 0 */
    h = header_create(999);
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_BAD_VALUE); /* 1 */
    h = header_create(KIND_PARTNER);
    h.verb = VERB_SIGN;
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_BAD_VALUE); /* 2 */
    h.verb = VERB_PUT;
    assert_int_not_equal(deliver_effect(&f, &w, &h, span_of(broken, 2)), TRIS_OK);        /* 3 */
    assert_int_not_equal(deliver_effect(&f, &w, &h, span_of(unknown_field, 3)), TRIS_OK); /* 4 */
    h.version = 2;
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_BAD_VERSION); /* 5 */
    h = header_change(VERB_PUT, KIND_PARTNER, 3, 3);
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_NOT_FOUND); /* 6 */
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 5);
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_NOT_NEXT); /* 7 */
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 0); /* entry 7 names the record too */
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_NOT_NEXT); /* 8 */
    h = header_change(VERB_PUT, KIND_HOUSE, 0, 8);
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_BAD_VALUE); /* 9 */
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 9);
    h.has_record_epoch = true;
    h.record_epoch = 4;
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_NOT_FOUND); /* 10 */
    h = header_change(VERB_CARD, 0, 0, 9);
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_ERR_BAD_VALUE); /* 11 */
    h = header_change(VERB_PUT, KIND_PARTNER, 0, 11);
    assert_int_equal(deliver_effect(&f, &w, &h, fix_partner(&f, "Neu", "W", "14713", NULL)),
                     TRIS_OK); /* 12 */
    h = header_change(VERB_END, KIND_PARTNER, 0, 12);
    assert_int_equal(deliver_effect(&f, &w, &h, span_of(unknown_field, 3)),
                     TRIS_ERR_BAD_VALUE); /* 13 */
    h.prev = 13;
    assert_int_equal(deliver_effect(&f, &w, &h, span_of(empty_map, 1)), TRIS_OK); /* 14 */
    h.prev = 14;
    assert_int_equal(deliver_effect(&f, &w, &h, span_of(empty_map, 1)), TRIS_ERR_ENDED); /* 15 */

    check_inert_history(&f);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 0, ""), 0);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_endings_are_judged_by_the_shape_of_their_payload(void **state)
{
    (void)state;
    static const struct {
        struct span payload;
        enum tris_err effect;
    } cases[] = {
        {{(const uint8_t *)"\x81\x02\xa1x", 4}, TRIS_ERR_BAD_TYPE},     /* published_as is a seq */
        {{(const uint8_t *)"\x81\x01\xc0", 3}, TRIS_ERR_BAD_TYPE},      /* reason nil */
        {{(const uint8_t *)"\x81\x02\x91\x05", 4}, TRIS_ERR_BAD_VALUE}, /* or [epoch, seq] */
        {{(const uint8_t *)"\x81\x02\x93\x01\x05\x05", 6}, TRIS_ERR_TOO_LARGE},
        {{(const uint8_t *)"\x81\x03\x00", 3}, TRIS_ERR_BAD_VALUE}, /* no such field */
        {{(const uint8_t *)"\x82\x02\x05\x01\x01", 5}, TRIS_ERR_NOT_CANONICAL},
        {{(const uint8_t *)"\x80\x00", 2}, TRIS_ERR_TRAILING},
        {{(const uint8_t *)"", 0}, TRIS_ERR_TRUNCATED},
        {{(const uint8_t *)"\x83\x01\x07\x02\x92\x01\x05\xcc\x80\xc0", 10}, TRIS_OK},
    };
    struct fix f;
    struct writer w;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    struct entry_header h = header_create(KIND_PARTNER);
    struct span good = fix_partner(&f, "Verein", "Z", "05315", NULL);
    assert_int_equal(deliver_effect(&f, &w, &h, good), TRIS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h = header_change(VERB_END, KIND_PARTNER, 0, i); /* entry i was the last to name it */
        assert_int_equal(deliver_effect(&f, &w, &h, cases[i].payload), cases[i].effect);
    }
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_extension_fields_do_not_hinder_the_effect(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    struct span good = fix_partner(&f, "Verein", "Z", "05315", NULL);
    uint8_t more[2048];
    memcpy(more, good.ptr, good.len);
    more[0]++; /* one more pair in a small map */
    static const uint8_t pair[] = {0xcc, 0x80, 0xc3};
    memcpy(more + good.len, pair, sizeof pair);
    struct entry_header h = header_create(KIND_PARTNER);
    assert_int_equal(deliver_effect(&f, &w, &h, span_of(more, good.len + sizeof pair)), TRIS_OK);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static bool add_row(void *ctx, const struct cube_row *row)
{
    *(int64_t *)ctx += row->count;
    return true;
}

static int64_t cube_sum(struct store *s, enum cube_rollup rollup, int level, const char *prefix)
{
    struct store_view *v;
    int64_t sum = 0;
    ok(store_view_begin(s, &v));
    ok(store_cube_each(v, rollup, level, prefix, add_row, &sum));
    store_view_end(v);
    return sum;
}

static void test_counters_follow_every_change(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    writer_put(&w, fix_partner(&f, "B", "W", "05315", NULL));
    writer_put(&w, fix_partner(&f, "C", "W", "14713", NULL));
    uint32_t no = writer_deliver(&w, f.s);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 0, ""), 3);
    assert_int_equal(cube_sum(f.s, CUBE_FORM, 0, ""), 3);
    assert_int_equal(cube_sum(f.s, CUBE_TOPIC, 0, ""), 6);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 2, ""), 3);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 2, "05"), 2);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 5, "14"), 1);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 5, "14713"), 1);
    struct entry_header h = header_change(VERB_PUT, KIND_PARTNER, 1, 1);
    writer_add(&w, &h, fix_partner(&f, "B", "W", "14713", NULL));
    h = header_change(VERB_END, KIND_PARTNER, 0, 0);
    writer_add(&w, &h, span_of(empty_map, 1));
    writer_deliver(&w, f.s);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 0, ""), 2);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 5, "05315"), 0);
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 5, "14713"), 2);
    struct store_view *v;
    uint64_t count;
    ok(store_view_begin(f.s, &v));
    ok(store_count_kind(v, no, KIND_PARTNER, &count));
    assert_int_equal(count, 2);
    ok(store_count_kind(v, no, 4711, &count));
    assert_int_equal(count, 0);
    store_view_end(v);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_local_records_are_not_counted_nationally(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_LOCAL);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "A", "Z", "05315", NULL),
                  &seq));
    uint64_t count; /* the transaction sees its own changes */
    ok(store_count_kind(store_txn_view(t), no, KIND_PARTNER, &count));
    assert_int_equal(count, 1);
    ok(store_commit(t));
    assert_int_equal(cube_sum(f.s, CUBE_SECTOR, 0, ""), 0);
    audit_clean(f.s);
    fix_fini(&f);
}

static size_t list(struct store *s, const struct record_filter *filter, struct record_ref *out,
                   size_t max)
{
    struct store_view *v;
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_record record;
    size_t n = 0;
    ok(store_view_begin(s, &v));
    for (;;) {
        enum tris_err err = store_record_next(v, filter, &cursor, &record);
        if (err == TRIS_ERR_NOT_FOUND) {
            break;
        }
        if (err == TRIS_ERR_NOT_READY) {
            continue;
        }
        ok(err);
        assert_true(n < max);
        out[n++] = record.ref;
    }
    store_view_end(v);
    return n;
}

static void test_lists_filter_by_scope_house_region_and_state(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_txn *t;
    struct record_ref found[16] = {{0}};
    uint64_t seq;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    writer_put(&w, fix_partner(&f, "B", "Z", "05314", NULL));
    writer_put(&w, fix_partner(&f, "C", "Z", "14713", NULL));
    struct entry_header h = header_change(VERB_END, KIND_PARTNER, 2, 2);
    writer_add(&w, &h, span_of(empty_map, 1));
    writer_deliver(&w, f.s);
    ok(store_txn_begin(f.s, &t));
    uint32_t data = own_log(&f, t, TRIS_TOPIC_DATA);
    uint32_t local = own_log(&f, t, TRIS_TOPIC_LOCAL);
    ok(own_append(t, data, header_create(KIND_PARTNER), fix_partner(&f, "D", "Z", "05315", NULL),
                  &seq));
    ok(own_append(t, local, header_create(KIND_PARTNER), fix_partner(&f, "E", "Z", "05315", NULL),
                  &seq));
    ok(store_commit(t));

    struct record_filter filter = {.kind = KIND_PARTNER};
    assert_int_equal(list(f.s, &filter, found, 16), 4);
    filter.with_ended = true;
    assert_int_equal(list(f.s, &filter, found, 16), 5);
    memcpy(filter.region, "05", 3);
    assert_int_equal(list(f.s, &filter, found, 16), 4);
    memcpy(filter.region, "05314", 6);
    assert_int_equal(list(f.s, &filter, found, 16), 1);
    filter = (struct record_filter){.kind = KIND_PARTNER, .local = true};
    assert_int_equal(list(f.s, &filter, found, 16), 1);
    assert_int_equal(found[0].log_no, local);
    filter = (struct record_filter){.kind = KIND_PARTNER, .national = true};
    assert_int_equal(list(f.s, &filter, found, 16), 3);
    filter = (struct record_filter){.kind = KIND_PARTNER, .by_house = true, .house = f.own};
    assert_int_equal(list(f.s, &filter, found, 16), 2);
    filter.house = w.ref.house;
    assert_int_equal(list(f.s, &filter, found, 16), 2);
    filter = (struct record_filter){.kind = KIND_HOUSE};
    assert_int_equal(list(f.s, &filter, found, 16), 0);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_list_that_finds_nothing_stays_bounded(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_view *v;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 5000; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
        if (w.count == 1000) {
            writer_deliver(&w, f.s);
        }
    }
    struct record_filter filter = {.kind = KIND_PARTNER, .local = true, .by_house = true};
    filter.house = w.ref.house;
    struct record_filter other = {.kind = KIND_HOUSE, .by_house = true, .house = w.ref.house};
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_record record;
    ok(store_view_begin(f.s, &v));
    fails(TRIS_ERR_NOT_FOUND, store_record_next(v, &filter, &cursor, &record));
    fails(TRIS_ERR_NOT_READY, store_record_next(v, &other, &cursor, &record));
    assert_int_equal(cursor.seq, 4095);
    fails(TRIS_ERR_NOT_FOUND, store_record_next(v, &other, &cursor, &record));
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

static struct span make_listing(struct fix *f, const char *title, const char *type, const char *key)
{
    struct wbuf scratch = wbuf_of(f->scratch, TRIS_PAYLOAD_BYTES_MAX);
    struct wbuf w = wbuf_of(f->payload, TRIS_PAYLOAD_BYTES_MAX);
    const struct {
        const char *name, *text;
    } rows[] = {{"type", type},
                {"title", title},
                {"topics", "other"},
                {"contribution", "rooms"},
                {"valid_from", "2026-01-01"},
                {"valid_to", "2026-02-01"},
                {"partner_key", key}};
    record_init(f->record, schema_kind(KIND_LISTING));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fix_set(f, &scratch, rows[i].name, rows[i].text);
    }
    ok(record_encode(f->record, &w));
    return wbuf_span(&w);
}

static void test_equal_titles_of_two_partners_are_no_duplicates(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct record_ref ref;
    uint8_t bytes[2][RECORD_WITHIN_BYTES_MAX];
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    struct store_view *v = store_txn_view(t);
    uint32_t no = own_log(&f, t, TRIS_TOPIC_LOCAL);
    const struct {
        const char *type, *key;
    } rows[] = {{"offer", "P-1"}, {"offer", "P-2"}, {"need", "P-1"}};
    for (size_t i = 0; i < 3; i++) {
        struct span payload = make_listing(&f, "Saal frei", rows[i].type, rows[i].key);
        struct wbuf w = wbuf_of(bytes[0], sizeof bytes[0]);
        struct span within = record_within(f.record, &w);
        fails(TRIS_ERR_NOT_FOUND,
              store_find_name(v, KIND_LISTING, span_str("saal FREI"), within, &ref));
        ok(own_append(t, no, header_create(KIND_LISTING), payload, &seq));
        ok(store_find_name(v, KIND_LISTING, span_str("saal FREI"), within, &ref));
        assert_int_equal(ref.seq, i);
    }
    /* linked to its partner's record it stays the one that it was: the key says which */
    (void)make_listing(&f, "Saal frei", "offer", "P-2");
    struct wbuf before = wbuf_of(bytes[0], sizeof bytes[0]);
    struct wbuf after = wbuf_of(bytes[1], sizeof bytes[1]);
    struct span unlinked = record_within(f.record, &before);
    uint8_t house[64]; /* the other texts of the record stay where they are */
    struct wbuf scratch = wbuf_of(house, sizeof house);
    fix_set(&f, &scratch, "partner",
            "0000000000000000000000000000000000000000000000000000000000000001-7");
    assert_true(span_eq(unlinked, record_within(f.record, &after)));
    ok(store_commit(t));
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_duplicates_are_found_by_source_and_by_folded_name(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct record_ref ref;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, no, header_create(KIND_PARTNER),
                  fix_partner(&f, "Bürgerverein Süd", "Z", "05315", "P-1"), &seq));
    struct store_view *v = store_txn_view(t);
    struct span liste = span_str("liste");
    struct span koeln = span_str("05315");
    ok(store_find_source(v, KIND_PARTNER, liste, span_str("P-1"), &ref));
    assert_int_equal(ref.seq, 0);
    fails(TRIS_ERR_NOT_FOUND, store_find_source(v, KIND_PARTNER, liste, span_str("P-"), &ref));
    fails(TRIS_ERR_NOT_FOUND,
          store_find_source(v, KIND_PARTNER, span_str("x"), span_str("P-1"), &ref));
    ok(store_find_name(v, KIND_PARTNER, span_str("BÜRGERVEREIN  Süd e.V."), koeln, &ref));
    fails(TRIS_ERR_NOT_FOUND,
          store_find_name(v, KIND_PARTNER, span_str("Bürgerverein Süd"), span_str("14713"), &ref));
    uint64_t count;
    ok(store_count_source(v, KIND_PARTNER, liste, 9, &count));
    assert_int_equal(count, 1);
    ok(store_count_source(v, KIND_LISTING, liste, 9, &count));
    assert_int_equal(count, 0);
    ok(store_count_source(v, KIND_PARTNER, span_str("andere"), 9, &count));
    assert_int_equal(count, 0);
    /* a change moves the record in both */
    ok(own_append(t, no, header_change(VERB_PUT, KIND_PARTNER, 0, 0),
                  fix_partner(&f, "Nordverein", "Z", "05315", "P-2"), &seq));
    fails(TRIS_ERR_NOT_FOUND, store_find_source(v, KIND_PARTNER, liste, span_str("P-1"), &ref));
    ok(store_find_source(v, KIND_PARTNER, liste, span_str("P-2"), &ref));
    fails(TRIS_ERR_NOT_FOUND,
          store_find_name(v, KIND_PARTNER, span_str("Bürgerverein Süd"), koeln, &ref));
    /* two of them */
    ok(own_append(t, no, header_create(KIND_PARTNER),
                  fix_partner(&f, "Nordverein", "Z", "05315", NULL), &seq));
    fails(TRIS_ERR_AMBIGUOUS,
          store_find_name(v, KIND_PARTNER, span_str("Nordverein"), koeln, &ref));
    assert_int_equal(ref.seq, 0);
    /* an ended one is no duplicate */
    ok(own_append(t, no, header_change(VERB_END, KIND_PARTNER, 0, 1), span_of(empty_map, 1), &seq));
    ok(store_find_name(v, KIND_PARTNER, span_str("Nordverein"), koeln, &ref));
    assert_int_equal(ref.seq, 2);
    ok(store_commit(t));
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_source_ids_longer_than_the_key_are_told_apart(void **state)
{
    (void)state;
    static const char one[] = "0123456789012345678901234567890123456789-1";
    static const char two[] = "0123456789012345678901234567890123456789-2";
    struct fix f;
    struct store_txn *t;
    struct record_ref ref;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_log(&f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "A", "Z", "05315", one),
                  &seq));
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "B", "Z", "05315", two),
                  &seq));
    ok(store_find_source(store_txn_view(t), KIND_PARTNER, span_str("liste"), span_str(two), &ref));
    assert_int_equal(ref.seq, 1);
    store_abort(t);
    fix_fini(&f);
}

static void add_card(struct writer *w, const char *name, uint64_t time_ms, char *line, size_t size)
{
    struct house_line house = {
        .role = TRIS_ROLE_HOUSE, .id = w->ref.house, .epoch = w->ref.epoch, .time_ms = time_ms};
    uint8_t payload[TRIS_HOUSE_LINE_BYTES_MAX + 8];
    memcpy(house.region, "05315", 6);
    memcpy(house.slug, "koeln", 6);
    (void)snprintf(house.name, sizeof house.name, "%s", name);
    ok(house_line_make(&house, &w->key, line, size));
    struct wbuf out = wbuf_of(payload, sizeof payload);
    pack_write_map(&out, 1);
    pack_write_uint(&out, 1);
    pack_write_cstr(&out, line);
    ok(out.err);
    struct entry_header header = header_create(KIND_NONE);
    header.verb = VERB_CARD;
    writer_add(w, &header, wbuf_span(&out));
}

static void test_newest_card_of_a_house_counts(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct writer thief;
    struct store_view *v;
    struct span line;
    char first[TRIS_HOUSE_LINE_BYTES_MAX];
    char newest[TRIS_HOUSE_LINE_BYTES_MAX];
    char old[TRIS_HOUSE_LINE_BYTES_MAX];
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_GOV);
    add_card(&w, "Haus A", 100, first, sizeof first);
    add_card(&w, "Haus B", 300, newest, sizeof newest);
    add_card(&w, "Haus C", 200, old, sizeof old);
    writer_deliver(&w, f.s);
    ok(store_view_begin(f.s, &v));
    ok(store_house_card(v, &w.ref, &line));
    assert_true(span_eq(line, span_str(newest)));
    const struct tris_log_ref own = tris_log_ref_first(&f.own, TRIS_TOPIC_GOV);
    fails(TRIS_ERR_NOT_FOUND, store_house_card(v, &own, &line));
    uint64_t sealed;
    uint64_t arrived;
    ok(store_house_heard(v, &w.ref.house, &sealed, &arrived));
    assert_int_equal(sealed, FIX_TIME_MS);
    assert_int_equal(arrived, 5);
    ok(store_house_heard(v, &f.own, &sealed, &arrived));
    assert_int_equal(sealed, 0);
    store_view_end(v);
    /* somebody else's line in one's own log, a record in a gov log */
    writer_init(&thief, &f, 3, TRIS_TOPIC_GOV);
    struct writer other = thief;
    writer_init(&other, &f, 4, TRIS_TOPIC_GOV);
    add_card(&other, "Haus D", 900, old, sizeof old);
    struct entry entry;
    struct rbuf run = rbuf_of(span_of(other.wire, other.len));
    ok(entry_wire_next(&run, &entry));
    struct entry_header header = header_create(KIND_NONE);
    header.verb = VERB_CARD;
    assert_int_equal(deliver_effect(&f, &thief, &header, entry.payload), TRIS_ERR_NOT_OWNER);
    header = header_create(KIND_PARTNER);
    assert_int_equal(deliver_effect(&f, &thief, &header, fix_partner(&f, "A", "Z", "05315", NULL)),
                     TRIS_ERR_BAD_VALUE);
    audit_clean(f.s);
    writer_fini(&w);
    writer_fini(&thief);
    writer_fini(&other);
    fix_fini(&f);
}

static struct span first_payload(const struct writer *w)
{
    struct entry entry;
    struct rbuf run = rbuf_of(span_of(w->wire, w->len));
    ok(entry_wire_next(&run, &entry));
    return entry.payload;
}

/* One house with the key of its first epoch, two keys that claim to be of its next one, and one of
 * them once more in the epoch behind that. */
static void test_cards_take_effect_in_the_log_of_their_own_epoch_and_key(void **state)
{
    (void)state;
    enum { INCARNATIONS = 4 };
    struct fix f;
    struct writer w[INCARNATIONS];
    struct writer unsent[INCARNATIONS];
    char line[TRIS_HOUSE_LINE_BYTES_MAX];
    struct entry_header header = header_create(KIND_NONE);
    header.verb = VERB_CARD;
    fix_init(&f);
    for (uint8_t i = 0; i < INCARNATIONS; i++) {
        writer_init(&w[i], &f, 2, TRIS_TOPIC_GOV);
        if (i > 0) {
            w[i].ref.epoch = i < 3 ? 1 : 2;
            const struct tris_house_id key = fix_key(i == 2 ? 21 : 20, &w[i].key);
            memcpy(w[i].ref.seal_key.b, key.b, sizeof w[i].ref.seal_key.b);
            log_id_derive(&f.fed, &w[i].ref, &w[i].id);
        }
        unsent[i] = w[i];
        unsent[i].wire = malloc(FIX_WIRE_BYTES);
        assert_non_null(unsent[i].wire);
        add_card(&unsent[i], "Haus", 100 + i, line, sizeof line);
    }
    for (size_t log = 0; log < INCARNATIONS; log++) {
        for (size_t card = 0; card < INCARNATIONS; card++) {
            assert_int_equal(deliver_effect(&f, &w[log], &header, first_payload(&unsent[card])),
                             log == card ? TRIS_OK : TRIS_ERR_NOT_OWNER);
        }
    }
    audit_clean(f.s);
    for (size_t i = 0; i < INCARNATIONS; i++) {
        writer_fini(&w[i]);
        writer_fini(&unsent[i]);
    }
    fix_fini(&f);
}

/* Of one time the smaller bytes count, wherever they stand. */
static void test_cards_of_one_time_are_told_apart_by_their_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"Haus B", "Haus A", "Haus C"};
    struct fix f;
    struct writer w;
    struct store_view *v;
    struct span line;
    char cards[3][TRIS_HOUSE_LINE_BYTES_MAX];
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_GOV);
    for (int i = 0; i < 3; i++) {
        add_card(&w, names[i], 300, cards[i], sizeof cards[i]);
    }
    assert_true(strcmp(cards[1], cards[0]) < 0 && strcmp(cards[1], cards[2]) < 0);
    writer_deliver(&w, f.s);
    ok(store_view_begin(f.s, &v));
    ok(store_house_card(v, &w.ref, &line));
    assert_true(span_eq(line, span_str(cards[1])));
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

/* ---- determinism ---- */

enum { LOGS = 3, ROUNDS = 12, PER_ROUND = 9 };

static void random_entries(struct fix *f, struct writer *w, struct test_rng *rng)
{
    static const char *const regions[] = {"05315", "14713", "13003", "05314"};
    static const char *const sectors[] = {"W", "S", "Z"};
    for (int i = 0; i < PER_ROUND; i++) {
        char name[32];
        uint64_t size = w->sealed.size + w->count;
        (void)snprintf(name, sizeof name, "Verein %u", (unsigned)test_rng_below(rng, 50));
        struct span payload = fix_partner(f, name, sectors[test_rng_below(rng, 3)],
                                          regions[test_rng_below(rng, 4)], NULL);
        uint64_t what = test_rng_below(rng, 10);
        struct entry_header h = header_create(KIND_PARTNER);
        if (size > 0 && what >= 4) {
            uint64_t record = test_rng_below(rng, size);
            h = header_change(what == 9 ? VERB_END : VERB_PUT, KIND_PARTNER, record,
                              test_rng_below(rng, 2) == 0 ? record : size - 1);
            payload = what == 9 ? span_of(empty_map, 1) : payload;
        }
        writer_add(w, &h, payload);
    }
}

struct dump {
    char text[256 * 1024];
    size_t len;
};

static void dump_add(struct dump *d, const char *line)
{
    size_t len = strlen(line);
    assert_true(len < sizeof d->text - d->len);
    memcpy(d->text + d->len, line, len + 1);
    d->len += len;
}

static bool dump_cube(void *ctx, const struct cube_row *row)
{
    char line[128];
    (void)snprintf(line, sizeof line, "%s %u %u %lld\n", row->region, row->a, row->b,
                   (long long)row->count);
    dump_add(ctx, line);
    return true;
}

/* Everything that views say, in the order of the writers instead of the order of arrival. */
static void dump_store(struct store *s, const struct writer *w, struct dump *d)
{
    static const int levels[] = {0, 2, 5};
    struct store_view *v;
    char line[256];
    memset(d, 0, sizeof *d);
    ok(store_view_begin(s, &v));
    for (int i = 0; i < LOGS; i++) {
        uint32_t no;
        struct store_log log;
        uint64_t count;
        ok(store_log_find(v, &w[i].id, &no));
        ok(store_log_get(v, no, &log));
        ok(store_count_kind(v, no, KIND_PARTNER, &count));
        for (uint64_t seq = 0; seq < log.held; seq++) {
            struct store_record r;
            enum tris_err reason;
            ok(store_entry_effect(v, no, seq, &reason));
            (void)snprintf(line, sizeof line, "%d %llu %d\n", i, (unsigned long long)seq,
                           (int)reason);
            dump_add(d, line);
            if (store_record_get(v, (struct record_ref){no, seq}, &r) == TRIS_OK) {
                (void)snprintf(line, sizeof line, "  %u %d %llu %u %zu %02x\n", r.kind, r.ended,
                               (unsigned long long)r.last_seq, r.changes, r.payload.len,
                               r.payload.ptr[r.payload.len - 1]);
                dump_add(d, line);
            }
        }
        (void)snprintf(line, sizeof line, "log %d: %llu, %llu\n", i, (unsigned long long)log.whole,
                       (unsigned long long)count);
        dump_add(d, line);
    }
    for (enum cube_rollup rollup = CUBE_SECTOR; rollup <= CUBE_TOPIC; rollup++) {
        for (size_t k = 0; k < 3; k++) {
            ok(store_cube_each(v, rollup, levels[k], "", dump_cube, d));
        }
    }
    (void)snprintf(line, sizeof line, "inert %llu\n", (unsigned long long)store_count_inert(v));
    dump_add(d, line);
    store_view_end(v);
}

static void test_views_do_not_depend_on_the_order_of_arrival(void **state)
{
    (void)state;
    struct fix f;
    struct fix g;
    struct writer w[LOGS];
    static struct verified_segment segment[LOGS][ROUNDS];
    static struct dump one;
    static struct dump two;
    struct test_rng rng = {42};
    struct store_txn *t;
    uint32_t no;
    fix_init(&f);
    fix_init(&g);
    for (int i = 0; i < LOGS; i++) {
        /* the first is the own house's log, come back from a peer */
        writer_init(&w[i], &f, (uint8_t)(1 + i), TRIS_TOPIC_DATA);
        for (int k = 0; k < ROUNDS; k++) {
            random_entries(&f, &w[i], &rng);
            writer_seal(&w[i], &segment[i][k]);
            w[i].sealed = segment[i][k].after; /* the bytes stay where they are */
            w[i].wire += w[i].len;
            w[i].len = 0;
            w[i].count = 0;
        }
    }
    /* one by one, turn by turn; then all in one transaction, last log first */
    for (int k = 0; k < ROUNDS; k++) {
        for (int i = 0; i < LOGS; i++) {
            ok(store_txn_begin(f.s, &t));
            ok(store_log_ensure(t, &w[i].ref, &no));
            ok(store_append_segment(t, no, &segment[i][k], 1));
            ok(store_commit(t));
        }
    }
    ok(store_txn_begin(g.s, &t));
    for (int i = LOGS - 1; i >= 0; i--) {
        ok(store_log_ensure(t, &w[i].ref, &no));
        for (int k = 0; k < ROUNDS; k++) {
            ok(store_append_segment(t, no, &segment[i][k], 2));
        }
    }
    ok(store_commit(t));
    dump_store(f.s, w, &one);
    dump_store(g.s, w, &two);
    assert_string_equal(one.text, two.text);
    assert_non_null(strstr(one.text, "inert "));
    audit_clean(f.s);
    audit_clean(g.s);
    for (int i = 0; i < LOGS; i++) {
        free((void *)(uintptr_t)segment[i][0].wire.ptr);
    }
    fix_fini(&f);
    fix_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_without_effect_are_kept_with_their_reason),
        cmocka_unit_test(test_endings_are_judged_by_the_shape_of_their_payload),
        cmocka_unit_test(test_extension_fields_do_not_hinder_the_effect),
        cmocka_unit_test(test_counters_follow_every_change),
        cmocka_unit_test(test_local_records_are_not_counted_nationally),
        cmocka_unit_test(test_lists_filter_by_scope_house_region_and_state),
        cmocka_unit_test(test_list_that_finds_nothing_stays_bounded),
        cmocka_unit_test(test_equal_titles_of_two_partners_are_no_duplicates),
        cmocka_unit_test(test_duplicates_are_found_by_source_and_by_folded_name),
        cmocka_unit_test(test_source_ids_longer_than_the_key_are_told_apart),
        cmocka_unit_test(test_newest_card_of_a_house_counts),
        cmocka_unit_test(test_cards_take_effect_in_the_log_of_their_own_epoch_and_key),
        cmocka_unit_test(test_cards_of_one_time_are_told_apart_by_their_bytes),
        cmocka_unit_test(test_views_do_not_depend_on_the_order_of_arrival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
