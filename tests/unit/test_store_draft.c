/* Drafts: own entries that were taken back, written again elsewhere, taken back again. */
#include "storage/draft.h"
#include "tests/unit/store_script.h"

enum { SEALED = 3, TAIL = 4 };

/* An own data log: SEALED entries under a seal, TAIL entries that wait for theirs: two new records,
 * a change of a sealed one, an end. */
static uint32_t own_with_tail(struct fix *f, struct store_txn *t)
{
    static const uint8_t end_payload[] = {0x81, 0x01, 0x07};
    uint64_t seq;
    uint32_t no = own_log(f, t, TRIS_TOPIC_DATA);
    for (int i = 0; i < SEALED; i++) {
        ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(f, "Alt", "Z", "05315", NULL),
                      &seq));
    }
    own_seal(f, t, no, 50);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(f, "Neu", "Z", "05315", "P-1"),
                  &seq));
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(f, "Neuer", "W", "14713", "P-2"),
                  &seq));
    ok(own_append(t, no, header_change(VERB_PUT, KIND_PARTNER, 1, 0),
                  fix_partner(f, "Anders", "W", "14713", NULL), &seq));
    ok(own_append(t, no, header_change(VERB_END, KIND_PARTNER, 3, 0),
                  span_of(end_payload, sizeof end_payload), &seq));
    assert_int_equal(seq, SEALED + TAIL - 1);
    return no;
}

static void test_a_tail_becomes_drafts_in_its_order(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    struct store_draft draft;
    struct writer w;
    uint64_t found;
    uint64_t number;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "Fremd", "Z", "05315", NULL));
    uint32_t foreign = writer_deliver(&w, f.s);
    ok(store_txn_begin(f.s, &t));
    fails(TRIS_ERR_NOT_OWNER, store_log_cut(t, foreign, 0, STORE_TAIL_DRAFT));
    uint32_t no = own_with_tail(&f, t);
    ok(store_log_cut(t, no, SEALED, STORE_TAIL_DRAFT));
    ok(store_commit(t));
    audit_clean(f.s);
    store_close(f.s);
    fix_open(&f);

    ok(store_view_begin(f.s, &v));
    static const uint32_t verbs[TAIL] = {VERB_PUT, VERB_PUT, VERB_PUT, VERB_END};
    uint64_t at = 0;
    for (uint64_t i = 0; i < TAIL; i++) {
        ok(store_draft_next(v, &at, &draft));
        assert_int_equal(at, i + 1);
        assert_int_equal(draft.no, at);
        assert_int_equal(draft.topic, TRIS_TOPIC_DATA);
        assert_int_equal(draft.seq, SEALED + i);
        assert_int_equal(draft.state, DRAFT_WAITING);
        assert_int_equal(draft.header.verb, verbs[i]);
        assert_int_equal(draft.header.has_record, i >= 2);
        assert_int_equal(draft.header.record_seq, i == 2 ? 1 : i == 3 ? 3 : 0);
        fails(TRIS_ERR_NOT_READY, alias_of(v, TRIS_TOPIC_DATA, draft.seq, &found, &number));
        assert_int_equal(number, at);
    }
    fails(TRIS_ERR_NOT_FOUND, store_draft_next(v, &at, &draft));
    fails(TRIS_ERR_NOT_FOUND, alias_of(v, TRIS_TOPIC_DATA, 1, &found, NULL));
    fails(TRIS_ERR_NOT_FOUND, alias_of(v, TRIS_TOPIC_GOV, SEALED, &found, NULL));
    ok(store_draft_get(v, 2, &draft));
    assert_true(span_eq(draft.payload, fix_partner(&f, "Neuer", "W", "14713", "P-2")));
    struct store_record record;
    fails(TRIS_ERR_NOT_FOUND, store_record_get(v, (struct record_ref){no, SEALED}, &record));
    struct record_ref ref;
    fails(TRIS_ERR_NOT_FOUND,
          store_find_source(v, KIND_PARTNER, span_str("liste"), span_str("P-1"), &ref));
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_a_written_draft_leads_to_its_new_place(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_draft draft;
    uint64_t seq;
    uint64_t found;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_with_tail(&f, t);
    ok(store_log_cut(t, no, SEALED, STORE_TAIL_DRAFT));
    fails(TRIS_ERR_INVALID, store_draft_settle(t, 1, DRAFT_WRITTEN, TRIS_OK, SEALED));
    /* what was here before the restore takes the first places */
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "Eher", "Z", "05315", NULL),
                  &seq));
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "Neu", "Z", "05315", "P-1"),
                  &seq));
    fails(TRIS_ERR_NOT_FOUND, store_draft_settle(t, 9, DRAFT_WRITTEN, TRIS_OK, seq));
    ok(store_draft_settle(t, 1, DRAFT_WRITTEN, TRIS_OK, seq));
    fails(TRIS_ERR_INVALID, store_draft_settle(t, 1, DRAFT_WRITTEN, TRIS_OK, seq));
    fails(TRIS_ERR_INVALID, store_draft_settle(t, 2, DRAFT_WRITTEN, TRIS_OK, seq));
    ok(store_draft_settle(t, 3, DRAFT_DECISION, TRIS_ERR_NOT_NEXT, 0));
    ok(store_draft_settle(t, 4, DRAFT_DROPPED, TRIS_ERR_ENDED, 0));
    fails(TRIS_ERR_INVALID, store_draft_settle(t, 4, DRAFT_DECISION, TRIS_ERR_NOT_NEXT, 0));
    fails(TRIS_ERR_INVALID, store_draft_settle(t, 1, DRAFT_DROPPED, TRIS_ERR_ENDED, 0));
    ok(store_txn_err(t));
    ok(store_commit(t));
    audit_clean(f.s);

    struct store_view *v;
    ok(store_view_begin(f.s, &v));
    ok(alias_of(v, TRIS_TOPIC_DATA, SEALED, &found, NULL));
    assert_int_equal(found, SEALED + 1);
    fails(TRIS_ERR_NOT_READY, alias_of(v, TRIS_TOPIC_DATA, SEALED + 1, &found, NULL));
    ok(store_draft_get(v, 1, &draft));
    assert_int_equal(draft.state, DRAFT_WRITTEN);
    assert_int_equal(draft.new_seq, SEALED + 1);
    assert_int_equal(draft.payload.len, 0);
    assert_int_equal(draft.header.kind, KIND_PARTNER);
    ok(store_draft_get(v, 3, &draft));
    assert_int_equal(draft.state, DRAFT_DECISION);
    assert_int_equal(draft.reason, TRIS_ERR_NOT_NEXT);
    assert_true(draft.payload.len > 0);
    ok(store_draft_get(v, 4, &draft));
    assert_int_equal(draft.reason, TRIS_ERR_ENDED);
    assert_int_equal(draft.payload.len, 0);
    store_view_end(v);
    fix_fini(&f);
}

static void test_a_draft_taken_back_again_still_leads_on(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct store_view *v;
    struct store_draft draft;
    uint64_t seq;
    uint64_t found;
    uint64_t number;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_with_tail(&f, t);
    ok(store_log_cut(t, no, SEALED, STORE_TAIL_DRAFT));
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "Eher", "Z", "05315", NULL),
                  &seq));
    for (uint64_t i = 1; i <= 2; i++) {
        ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "B", "Z", "05315", NULL),
                      &seq));
        ok(store_draft_settle(t, i, DRAFT_WRITTEN, TRIS_OK, seq)); /* 3 is at 4, 4 is at 5 */
    }
    ok(store_log_cut(t, no, SEALED + 1, STORE_TAIL_DRAFT)); /* drafts 5 and 6 */
    fails(TRIS_ERR_NOT_READY, alias_of(store_txn_view(t), TRIS_TOPIC_DATA, 3, &found, &number));
    assert_int_equal(number, 5);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "C", "Z", "05315", NULL),
                  &seq));
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "B", "Z", "05315", NULL),
                  &seq));
    ok(store_draft_settle(t, 5, DRAFT_WRITTEN, TRIS_OK, seq));
    ok(store_commit(t));
    audit_clean(f.s);
    ok(store_view_begin(f.s, &v));
    ok(alias_of(v, TRIS_TOPIC_DATA, 3, &found, NULL)); /* first shown as 3, then as 4 */
    assert_int_equal(found, 5);
    ok(alias_of(v, TRIS_TOPIC_DATA, 4, &found, &number));
    assert_int_equal(found, 5); /* the last one that stood there, and not the second draft */
    assert_int_equal(number, 5);
    /* what a draft names is told by its own cut, not by who has stood there last */
    ok(store_draft_get(v, 3, &draft));
    ok(place_of(v, &draft, SEALED - 1, &found));
    assert_int_equal(found, SEALED - 1);
    ok(place_of(v, &draft, 3, &found));
    assert_int_equal(found, 5);
    fails(TRIS_ERR_NOT_READY, place_of(v, &draft, 4, &found)); /* draft 2, then 6 */
    fails(TRIS_ERR_INVALID, place_of(v, &draft, 5, &found));
    ok(store_draft_get(v, 6, &draft));
    assert_int_equal(draft.cut, SEALED + 1);
    ok(place_of(v, &draft, 3, &found));
    assert_int_equal(found, 3);
    ok(place_of(v, &draft, 4, &found));
    assert_int_equal(found, 5);
    store_view_end(v);

    ok(store_txn_begin(f.s, &t)); /* for good: nothing leads there any more */
    ok(store_log_cut(t, no, SEALED, STORE_TAIL_DROP));
    fails(TRIS_ERR_NOT_READY, alias_of(store_txn_view(t), TRIS_TOPIC_DATA, 3, &found, NULL));
    ok(store_draft_get(store_txn_view(t), 5, &draft));
    assert_int_equal(draft.state, DRAFT_DROPPED);
    ok(store_commit(t));
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_an_own_entry_without_payload_waits_for_a_person(void **state)
{
    (void)state;
    struct fix f;
    struct script_log l;
    struct store_txn *t;
    struct store_draft draft;
    fix_init(&f);
    script_init(&l, &f, 1, TRIS_TOPIC_DATA, 0, 2);
    struct entry_header header = header_create(KIND_PARTNER);
    (void)script_add(&l, &header, fix_partner(&f, "A", "Z", "05315", NULL), true);
    header.kind = 999;
    (void)script_add(&l, &header, span_str("x"), false);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = script_no(&l, t);
    script_deliver(&l, t, 2);
    ok(store_log_cut(t, no, 0, STORE_TAIL_DRAFT));
    ok(store_draft_get(store_txn_view(t), 1, &draft));
    assert_int_equal(draft.state, DRAFT_DECISION);
    assert_int_equal(draft.reason, TRIS_ERR_NOT_READY);
    assert_memory_equal(draft.header.commit.b, l.header[0].commit.b, sizeof draft.header.commit.b);
    ok(store_draft_get(store_txn_view(t), 2, &draft));
    assert_int_equal(draft.state, DRAFT_WAITING);
    assert_int_equal(draft.header.kind, 999);
    ok(store_commit(t));
    audit_clean(f.s);
    script_fini(&l);
    fix_fini(&f);
}

/* ---- the audit sees when they do not agree ---- */

static void expect_problem(struct store *s)
{
    struct audit_report report;
    ok(store_audit(s, true, NULL, NULL, &report));
    assert_true(report.problems > 0);
}

static void change_row(struct store *s, enum db_table table, const struct key *key, long at,
                       uint8_t bits)
{
    struct store_txn *t;
    struct span value;
    uint8_t bytes[1024];
    ok(store_txn_begin(s, &t));
    assert_true(txn_get(t, table, key_span(key), &value));
    assert_true(value.len <= sizeof bytes && (size_t)at < value.len);
    memcpy(bytes, value.ptr, value.len);
    bytes[at] ^= bits;
    txn_put(t, table, key_span(key), span_of(bytes, value.len));
    ok(store_commit(t));
}

static void test_the_audit_names_drafts_that_lost_their_way(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct key key;
    uint64_t seq;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_with_tail(&f, t);
    ok(store_log_cut(t, no, SEALED, STORE_TAIL_DRAFT));
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(&f, "B", "Z", "05315", NULL),
                  &seq));
    ok(store_draft_settle(t, 1, DRAFT_WRITTEN, TRIS_OK, seq));
    ok(store_commit(t));
    audit_clean(f.s);
    /* topic, log, seq, state, new log, new seq, later, cut, header */
    static const long places[] = {0, 4, 12, 13, 18, 26, 34, 42, 44};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        key_draft(&key, 1);
        change_row(f.s, DB_DRAFT, &key, places[i], 2);
        expect_problem(f.s);
        change_row(f.s, DB_DRAFT, &key, places[i], 2);
    }
    key_alias(&key, ALIAS_FORMER, (struct record_ref){no, SEALED + 1});
    change_row(f.s, DB_ALIAS, &key, 7, 8);
    expect_problem(f.s);
    change_row(f.s, DB_ALIAS, &key, 7, 8);
    audit_clean(f.s);
    key_alias(&key, ALIAS_PRESENT, (struct record_ref){no, seq});
    ok(store_txn_begin(f.s, &t));
    txn_del(t, DB_ALIAS, key_span(&key));
    ok(store_commit(t));
    expect_problem(f.s);
    fix_fini(&f);
}

static void test_the_audit_sees_a_changed_payload(void **state)
{
    (void)state;
    struct fix f;
    struct store_txn *t;
    struct key key;
    fix_init(&f);
    ok(store_txn_begin(f.s, &t));
    uint32_t no = own_with_tail(&f, t);
    ok(store_log_cut(t, no, SEALED, STORE_TAIL_DRAFT));
    ok(store_draft_settle(t, 2, DRAFT_DECISION, TRIS_ERR_EXISTS, 0));
    ok(store_commit(t));
    audit_clean(f.s);
    for (uint64_t draft = 1; draft <= 2; draft++) { /* one waits, one is left to a person */
        struct store_view *v;
        struct draft_row row;
        ok(store_view_begin(f.s, &v));
        ok(draft_row_get(v, draft, &row));
        const long header = 36, salt = header + (long)row.header.len, payload = salt + 16;
        const long places[] = {salt - 1, salt, payload - 1, payload,
                               payload + (long)row.payload.len - 1};
        store_view_end(v);
        key_draft(&key, draft);
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            change_row(f.s, DB_DRAFT, &key, places[i], 2);
            expect_problem(f.s);
            change_row(f.s, DB_DRAFT, &key, places[i], 2);
        }
    }
    audit_clean(f.s);
    fix_fini(&f);
}

/* A log of `count` own entries is cut to nothing; the numbers of its drafts end at the result. */
static uint64_t cut_of(struct fix *f, uint32_t count, bool settle)
{
    const struct span payload = fix_partner(f, "Viel", "Z", "05315", NULL);
    struct store_txn *t;
    struct store_draft draft;
    uint64_t seq = 0, drafts = 0, last = 0;
    ok(store_txn_begin(f->s, &t));
    uint32_t no = own_log(f, t, TRIS_TOPIC_DATA);
    for (uint32_t i = 0; i < count; i++) {
        ok(own_append(t, no, header_create(KIND_PARTNER), payload, &seq));
        if (i % 1000 == 999) { /* what is sealed becomes drafts, too, where the log is cut below */
            own_seal(f, t, no, 50 + i);
        }
    }
    ok(store_log_cut(t, no, 0, STORE_TAIL_DRAFT));
    while (store_draft_next(store_txn_view(t), &drafts, &draft) == TRIS_OK) {
        last = drafts;
    }
    for (uint64_t draft_no = last + 1 - count; settle && draft_no <= last; draft_no++) {
        ok(store_draft_settle(t, draft_no, DRAFT_DROPPED, TRIS_ERR_EXISTS, 0));
    }
    ok(store_commit(t));
    return last;
}

static uint64_t first_draft(struct fix *f, uint64_t *count)
{
    struct store_view *v;
    struct store_draft draft;
    uint64_t no = 0;
    ok(store_view_begin(f->s, &v));
    ok(view_rows(v, DB_DRAFT, count));
    ok(store_draft_next(v, &no, &draft));
    store_view_end(v);
    return no;
}

static void test_settled_drafts_go_when_there_are_very_many(void **state)
{
    enum { PART = STORE_DRAFTS_MAX / 4 };
    (void)state;
    struct fix f;
    struct store_view *v;
    struct store_txn *t;
    uint64_t count, seq;
    fix_init(&f);
    for (uint64_t i = 1; i <= 4; i++) {
        assert_int_equal(cut_of(&f, PART, i != 2), i * PART);
    }
    assert_int_equal(first_draft(&f, &count), 1); /* as many as may be */
    assert_int_equal(count, STORE_DRAFTS_MAX);
    assert_int_equal(cut_of(&f, 1, true), 4 * PART + 1);
    assert_int_equal(first_draft(&f, &count), PART + 1); /* one more: the oldest cut goes whole */
    assert_int_equal(count, 3 * PART + 1);
    audit_clean(f.s);
    ok(store_view_begin(f.s, &v)); /* the first place was taken back by every cut */
    fails(TRIS_ERR_NOT_READY, alias_of(v, TRIS_TOPIC_DATA, 0, &seq, &count));
    assert_int_equal(count, 4 * PART + 1);
    store_view_end(v);
    /* what waits stays, and what is newer than that */
    assert_int_equal(cut_of(&f, 2 * PART, true), 6 * PART + 1);
    assert_int_equal(first_draft(&f, &count), PART + 1);
    assert_int_equal(count, 5 * PART + 1);
    ok(store_txn_begin(f.s, &t));
    for (uint64_t no = PART + 1; no <= 2 * PART; no++) {
        ok(store_draft_settle(t, no, DRAFT_DROPPED, TRIS_ERR_EXISTS, 0));
    }
    ok(store_commit(t));
    assert_int_equal(cut_of(&f, 1, true), 6 * PART + 2);
    assert_int_equal(first_draft(&f, &count), 2 * PART + 1 + PART);
    assert_int_equal(count, 3 * PART + 2);
    audit_clean(f.s);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tail_becomes_drafts_in_its_order),
        cmocka_unit_test(test_a_written_draft_leads_to_its_new_place),
        cmocka_unit_test(test_a_draft_taken_back_again_still_leads_on),
        cmocka_unit_test(test_an_own_entry_without_payload_waits_for_a_person),
        cmocka_unit_test(test_the_audit_names_drafts_that_lost_their_way),
        cmocka_unit_test(test_the_audit_sees_a_changed_payload),
        cmocka_unit_test(test_settled_drafts_go_when_there_are_very_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
