/* The index by which offers and needs meet: what stands in it, what leaves it, what is found. */
#include "storage/txn.h"
#include "tests/unit/store_fixture.h"

enum { HITS_MAX = 16 };

struct hits {
    struct match_hit hit[HITS_MAX];
    size_t count, most;
};

static bool take(void *ctx, const struct match_hit *hit)
{
    struct hits *hits = ctx;
    assert_true(hits->count < HITS_MAX);
    hits->hit[hits->count++] = *hit;
    return hits->most == 0 || hits->count < hits->most;
}

/* NULL leaves the default of the table below. */
struct listing {
    const char *type, *topics, *contribution, *status, *radius;
};

static struct span listing(struct fix *f, struct listing l)
{
    struct wbuf scratch = wbuf_of(f->scratch, TRIS_PAYLOAD_BYTES_MAX);
    struct wbuf w = wbuf_of(f->payload, TRIS_PAYLOAD_BYTES_MAX);
    record_init(f->record, schema_kind(KIND_LISTING));
    fix_set(f, &scratch, "type", l.type != NULL ? l.type : "offer");
    fix_set(f, &scratch, "title", "Saal");
    fix_set(f, &scratch, "topics", l.topics != NULL ? l.topics : "diversity|other");
    fix_set(f, &scratch, "contribution", l.contribution != NULL ? l.contribution : "rooms");
    fix_set(f, &scratch, "valid_from", "2026-01-01");
    fix_set(f, &scratch, "valid_to", "2026-03-01");
    fix_set(f, &scratch, "status", l.status != NULL ? l.status : "open");
    fix_set(f, &scratch, "radius", l.radius != NULL ? l.radius : "national");
    ok(record_encode(f->record, &w));
    return wbuf_span(&w);
}

static uint64_t put(struct writer *w, struct span payload)
{
    struct entry_header header = header_create(KIND_LISTING);
    return writer_add(w, &header, payload);
}

static void change(struct writer *w, uint32_t verb, uint64_t record, uint64_t prev,
                   struct span payload)
{
    struct entry_header header = header_change(verb, KIND_LISTING, record, prev);
    (void)writer_add(w, &header, payload);
}

static void find(struct fix *f, struct match_query q, uint32_t max, enum tris_err expect,
                 struct hits *hits, uint32_t *examined)
{
    struct store_view *v;
    uint32_t ignored;
    q.kind = KIND_LISTING;
    hits->count = 0;
    ok(store_view_begin(f->s, &v));
    fails(expect, store_match_each(v, &q, max, take, hits, examined != NULL ? examined : &ignored));
    store_view_end(v);
}

static void expect_seqs(struct fix *f, struct match_query q, const char *seqs)
{
    struct hits hits = {.most = 0};
    char text[128] = "";
    size_t len = 0;
    find(f, q, 1000, TRIS_OK, &hits, NULL);
    for (size_t i = 0; i < hits.count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%llu", i > 0 ? " " : "",
                                (unsigned long long)hits.hit[i].ref.seq);
    }
    assert_string_equal(text, seqs);
}

static void test_a_record_is_found_once_by_what_it_shares(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    put(&w, listing(&f, (struct listing){0}));                                      /* 0 */
    put(&w, listing(&f, (struct listing){.type = "need"}));                         /* 1 */
    put(&w, listing(&f, (struct listing){.topics = "climate_mobility|diversity"})); /* 2 */
    put(&w, listing(&f, (struct listing){.contribution = "goods"}));                /* 3 */
    put(&w, listing(&f, (struct listing){.status = "matched"}));                    /* 4 */
    uint32_t no = writer_deliver(&w, f.s);
    struct match_query q = {.type = LISTING_TYPE_OFFER,
                            .topic_count = 2,
                            .topics = {TOPIC_DIVERSITY, TOPIC_OTHER},
                            .contribution = CONTRIBUTION_ROOMS,
                            .log_no = no};
    expect_seqs(&f, q, "0 2");
    q.contribution = 0;
    expect_seqs(&f, q, "3 0 2"); /* goods before rooms */
    q.type = LISTING_TYPE_NEED;
    expect_seqs(&f, q, "1");
    q.topic_count = 1;
    q.topics[0] = TOPIC_WORK_LIFE;
    expect_seqs(&f, q, "");
    q = (struct match_query){.type = LISTING_TYPE_OFFER, .log_no = no};
    expect_seqs(&f, q, ""); /* no topic, nothing shared */
    q = (struct match_query){.type = LISTING_TYPE_OFFER,
                             .topic_count = 1,
                             .topics = {TOPIC_DIVERSITY},
                             .log_no = no + 1};
    expect_seqs(&f, q, ""); /* of another house */
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_a_hit_says_what_decides(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct hits hits = {.most = 0};
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    put(&w, listing(&f, (struct listing){.radius = "house"}));
    uint32_t no = writer_deliver(&w, f.s);
    struct match_query q = {
        .type = LISTING_TYPE_OFFER, .topic_count = 1, .topics = {TOPIC_OTHER}, .log_no = no};
    find(&f, q, 1000, TRIS_OK, &hits, NULL);
    assert_int_equal(hits.count, 1);
    assert_int_equal(hits.hit[0].ref.log_no, no);
    assert_int_equal(hits.hit[0].contribution, CONTRIBUTION_ROOMS);
    assert_int_equal(hits.hit[0].radius, RADIUS_HOUSE);
    assert_int_equal(hits.hit[0].valid_to, 20260301); /* whether that is past the reader says */
    const uint8_t topics[3] = {TOPIC_DIVERSITY, TOPIC_OTHER, 0};
    assert_memory_equal(hits.hit[0].topics, topics, 3);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_changes_move_a_record_and_an_end_takes_it_out(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct hits hits = {.most = 0};
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    struct match_query q = {
        .type = LISTING_TYPE_OFFER, .topic_count = 1, .topics = {TOPIC_DIVERSITY}, .log_no = 0};
    put(&w, listing(&f, (struct listing){0}));
    (void)writer_deliver(&w, f.s);
    expect_seqs(&f, q, "0");
    change(&w, VERB_PUT, 0, 0, listing(&f, (struct listing){.topics = "other|work_life"}));
    (void)writer_deliver(&w, f.s);
    expect_seqs(&f, q, "");
    q.topics[0] = TOPIC_WORK_LIFE;
    expect_seqs(&f, q, "0");
    change(&w, VERB_PUT, 0, 1,
           listing(&f, (struct listing){.topics = "other|work_life", .radius = "neighbours"}));
    (void)writer_deliver(&w, f.s);
    find(&f, q, 1000, TRIS_OK, &hits, NULL);
    assert_int_equal(hits.hit[0].radius, RADIUS_NEIGHBOURS);
    change(&w, VERB_PUT, 0, 2, listing(&f, (struct listing){.status = "matched"}));
    (void)writer_deliver(&w, f.s);
    q.topics[0] = TOPIC_OTHER;
    expect_seqs(&f, q, "");
    audit_clean(f.s);
    change(&w, VERB_PUT, 0, 3, listing(&f, (struct listing){0})); /* it fell through: open again */
    (void)writer_deliver(&w, f.s);
    expect_seqs(&f, q, "0");
    static const uint8_t no_reason[] = {0x80};
    change(&w, VERB_END, 0, 4, span_of(no_reason, 1));
    (void)writer_deliver(&w, f.s);
    expect_seqs(&f, q, "");
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_own_records_of_both_scopes_are_found(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    const enum tris_topic topics[] = {TRIS_TOPIC_LOCAL, TRIS_TOPIC_DATA};
    uint32_t no[2];
    for (size_t i = 0; i < 2; i++) {
        no[i] = own_log(&f, t, topics[i]);
        ok(own_append(t, no[i], header_create(KIND_LISTING), listing(&f, (struct listing){0}),
                      &seq));
    }
    own_seal(&f, t, no[1], FIX_TIME_MS);
    ok(store_commit(t));
    for (size_t i = 0; i < 2; i++) {
        expect_seqs(&f,
                    (struct match_query){.type = LISTING_TYPE_OFFER,
                                         .topic_count = 1,
                                         .topics = {TOPIC_OTHER},
                                         .log_no = no[i]},
                    "0");
    }
    audit_clean(f.s);
    fix_fini(&f);
}

/* A house may write codes that nobody knows, and as many records as it likes. */
static void test_strange_codes_and_many_rows_do_no_harm(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct hits hits = {.most = 0};
    uint32_t examined = 0;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    (void)listing(&f, (struct listing){0});
    const uint32_t codes[3] = {1, 254, 255};
    const struct kind *kind = schema_kind(KIND_LISTING);
    ok(record_set_codes(f.record, schema_field(kind, LISTING_TOPICS), codes, 3));
    record_value_mut(f.record, LISTING_TYPE)->number = 255;
    record_value_mut(f.record, LISTING_CONTRIBUTION)->number = 255;
    record_value_mut(f.record, LISTING_RADIUS)->number = 255;
    struct wbuf wire = wbuf_of(f.payload, TRIS_PAYLOAD_BYTES_MAX);
    ok(record_encode(f.record, &wire));
    for (size_t i = 0; i < 10; i++) {
        put(&w, wbuf_span(&wire));
    }
    uint32_t no = writer_deliver(&w, f.s);
    struct match_query q = {.type = 255, .topic_count = 1, .topics = {254}, .log_no = no};
    find(&f, q, 10, TRIS_OK, &hits, &examined);
    assert_int_equal(hits.count, 10);
    find(&f, q, 4, TRIS_ERR_NOT_READY, &hits, &examined);
    assert_int_equal(hits.count, 4);
    assert_int_equal(examined, 4);
    hits.most = 3; /* the caller has enough */
    find(&f, q, 1000, TRIS_OK, &hits, &examined);
    assert_int_equal(hits.count, 3);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_a_missing_or_wrong_row_is_found_by_the_audit(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct audit_report report;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    put(&w, listing(&f, (struct listing){0}));
    uint32_t no = writer_deliver(&w, f.s);
    struct key key;
    key_match(&key, KIND_LISTING, LISTING_TYPE_OFFER, TOPIC_OTHER, (struct record_ref){no, 0},
              CONTRIBUTION_ROOMS);
    static const uint8_t wrong[8] = {1, 2, 3, 4, RADIUS_HOUSE};
    for (int deleted = 0; deleted < 2; deleted++) {
        struct store_txn *t;
        ok(store_txn_begin(f.s, &t));
        if (deleted != 0) {
            txn_del(t, DB_MATCH, key_span(&key));
        } else {
            txn_put(t, DB_MATCH, key_span(&key), span_of(wrong, sizeof wrong));
        }
        ok(store_commit(t));
        ok(store_audit(f.s, false, NULL, NULL, &report));
        assert_int_equal(report.problems, 1);
        assert_non_null(strstr(report.first_problem, "match"));
    }
    writer_fini(&w);
    fix_fini(&f);
}

/* Of a kind without a district the records of one house stand together: no partner is passed by. */
static void test_a_house_s_listings_are_listed_beside_many_partners(void **state)
{
    (void)state;
    struct fix f;
    struct writer w, other;
    struct store_view *v;
    struct store_record record;
    struct record_ref cursor = {UINT32_MAX, 0};
    fix_init(&f);
    writer_init(&other, &f, 3, TRIS_TOPIC_DATA);
    put(&other, listing(&f, (struct listing){0}));
    (void)writer_deliver(&other, f.s);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    put(&w, listing(&f, (struct listing){0}));
    for (int i = 0; i < 5000; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
        if (w.count == 1000) {
            (void)writer_deliver(&w, f.s);
        }
    }
    put(&w, listing(&f, (struct listing){.type = "need"}));
    uint32_t no = writer_deliver(&w, f.s);
    const struct record_filter filter = {
        .kind = KIND_LISTING, .by_house = true, .house = w.ref.house};
    ok(store_view_begin(f.s, &v));
    const uint64_t seqs[] = {0, 5001};
    for (size_t i = 0; i < 2; i++) {
        ok(store_record_next(v, &filter, &cursor, &record));
        assert_int_equal(cursor.log_no, no);
        assert_int_equal(cursor.seq, seqs[i]);
    }
    fails(TRIS_ERR_NOT_FOUND, store_record_next(v, &filter, &cursor, &record));
    store_view_end(v);
    writer_fini(&w);
    writer_fini(&other);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_is_found_once_by_what_it_shares),
        cmocka_unit_test(test_a_hit_says_what_decides),
        cmocka_unit_test(test_changes_move_a_record_and_an_end_takes_it_out),
        cmocka_unit_test(test_own_records_of_both_scopes_are_found),
        cmocka_unit_test(test_a_house_s_listings_are_listed_beside_many_partners),
        cmocka_unit_test(test_a_missing_or_wrong_row_is_found_by_the_audit),
        cmocka_unit_test(test_strange_codes_and_many_rows_do_no_harm),
    };
    return cmocka_run_group_tests_name("store_match", tests, NULL, NULL);
}
