/* An own tail comes back into a store that was put back from a copy: what was written since is
 * written again behind it, or waits for a person. */
#include "tests/unit/draft_world.h"

static void drafts_follow_the_tail_with_new_numbers(void **state)
{
    struct fixture *f = *state;
    uint64_t held;
    carry_all(f); /* house record 0 */
    uint64_t tail = create(&f->original, "Aus dem Tail");
    uint64_t mine = create(&f->copy, "Im Dunkeln");
    assert_int_equal(mine, tail); /* the same place twice, and no seal */
    change(&f->copy, mine, "Im Dunkeln", "two");
    change(&f->copy, mine, "Im Dunkeln", "three");
    carry_all(f);
    assert_int_equal(sealed(&f->copy, f->copy.d.data_no, &held), 2);
    assert_int_equal(held, 2);
    assert_draft(f, 1, DRAFT_WAITING, TRIS_OK);
    write_drafts(f);
    for (uint64_t no = 1; no <= 3; no++) {
        assert_draft(f, no, DRAFT_WRITTEN, TRIS_OK);
        assert_int_equal(draft(f, no).new_seq, 1 + no);
    }
    struct store_view *v;
    struct store_record record;
    assert_int_equal(store_view_begin(f->copy.d.store, &v), TRIS_OK);
    assert_int_equal(store_record_get(v, (struct record_ref){f->copy.d.data_no, 2}, &record),
                     TRIS_OK);
    assert_int_equal(record.changes, 3);
    store_view_end(v);
    assert_clean(f);
}

static void references_to_drafts_follow_them(void **state)
{
    struct fixture *f = *state;
    uint64_t old = create(&f->original, "Schon da"); /* 1 */
    carry_all(f);
    create(&f->original, "Aus dem Tail");                        /* 2 */
    create(&f->original, "Auch");                                /* 3 */
    uint64_t mine = create(&f->copy, "Im Dunkeln");              /* 2: draft 1 */
    assert_int_equal(offer(&f->copy, TRIS_TOPIC_DATA, mine), 3); /* draft 2 */
    assert_int_equal(offer(&f->copy, TRIS_TOPIC_DATA, old), 4);  /* draft 3 */
    uint64_t moved = offer(&f->copy, TRIS_TOPIC_LOCAL, mine);
    uint64_t stays = offer(&f->copy, TRIS_TOPIC_LOCAL, old);
    carry_all(f);
    write_drafts(f);
    for (uint64_t no = 1; no <= 3; no++) {
        assert_draft(f, no, DRAFT_WRITTEN, TRIS_OK);
    }
    assert_int_equal(draft(f, 1).new_seq, 4);
    assert_int_equal(offerer(&f->copy, f->copy.d.data_no, draft(f, 2).new_seq), 4);
    assert_int_equal(offerer(&f->copy, f->copy.d.data_no, draft(f, 3).new_seq), old);
    assert_int_equal(offerer(&f->copy, f->copy.d.local_no, moved), 4);
    assert_int_equal(offerer(&f->copy, f->copy.d.local_no, stays), old);
    assert_clean(f);
}

/* A draft's new place is the former place of the next one, which a later step writes. */
static void references_follow_many_drafts_once(void **state)
{
    struct fixture *f = *state;
    char name[32];
    uint64_t mine[DRAFT_STEP + 5], home[DRAFT_STEP + 5];
    const size_t count = sizeof mine / sizeof mine[0];
    carry_all(f);
    create(&f->original, "Aus dem Tail");
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "Im Dunkeln %d", (int)i);
        mine[i] = create(&f->copy, name);
        home[i] = offer(&f->copy, TRIS_TOPIC_LOCAL, mine[i]);
    }
    carry_all(f);
    write_drafts(f);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(draft(f, i + 1).new_seq, mine[i] + 1);
        assert_int_equal(offerer(&f->copy, f->copy.d.local_no, home[i]), mine[i] + 1);
    }
    write_drafts(f); /* as after a start: what has followed stays */
    assert_int_equal(offerer(&f->copy, f->copy.d.local_no, home[0]), mine[0] + 1);
    assert_clean(f);
}

static void what_the_tail_has_changed_or_ended_waits(void **state)
{
    struct fixture *f = *state;
    uint64_t changed = create(&f->original, "Wird geändert");
    uint64_t ended = create(&f->original, "Wird beendet");
    uint64_t quiet = create(&f->original, "Bleibt");
    carry_all(f);
    change(&f->original, changed, "Wird geändert", "by the original");
    end(&f->original, ended);
    change(&f->copy, changed, "Wird geändert", "by the copy"); /* draft 1 */
    change(&f->copy, ended, "Wird beendet", "by the copy");    /* 2 */
    change(&f->copy, quiet, "Bleibt", "by the copy");          /* 3 */
    end(&f->copy, quiet);                                      /* 4 */
    change(&f->copy, changed, "Wird geändert", "once more");   /* 5: needs 1 */
    carry_all(f);
    write_drafts(f);
    assert_draft(f, 1, DRAFT_DECISION, TRIS_ERR_NOT_READY);
    assert_draft(f, 2, DRAFT_DECISION, TRIS_ERR_ENDED);
    assert_draft(f, 3, DRAFT_WRITTEN, TRIS_OK);
    assert_draft(f, 4, DRAFT_WRITTEN, TRIS_OK);
    assert_draft(f, 5, DRAFT_DECISION, TRIS_ERR_NOT_READY);
    struct writer_op apply = {.type = WRITER_DRAFT_APPLY, .base_seq = 1};
    assert_int_equal(run(&f->copy, apply).change, WRITER_NEW);
    assert_draft(f, 1, DRAFT_WRITTEN, TRIS_OK);
    assert_int_equal(run(&f->copy, apply).err, TRIS_ERR_INVALID);
    apply.base_seq = 2;
    assert_int_equal(run(&f->copy, apply).err, TRIS_ERR_ENDED);
    struct writer_op drop = {.type = WRITER_DRAFT_DROP, .base_seq = 2};
    assert_int_equal(run(&f->copy, drop).change, WRITER_CHANGED);
    assert_int_equal(draft(f, 2).state, DRAFT_DROPPED);
    drop.base_seq = 99;
    assert_int_equal(run(&f->copy, drop).err, TRIS_ERR_NOT_FOUND);
    assert_clean(f);
}

static void what_the_tail_has_already_is_not_written_twice(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(first_entries(&f->copy.d, &f->copy.b), TRIS_OK); /* an empty store begins */
    create(&f->copy, "Doppelt");
    create(&f->original, "Doppelt");
    carry_all(f);
    write_drafts(f);
    uint64_t held;
    assert_int_equal(sealed(&f->copy, f->copy.d.gov_no, &held), 1);
    assert_int_equal(held, 1); /* its card is there */
    assert_draft(f, 1, DRAFT_DROPPED, TRIS_ERR_EXISTS);
    assert_draft(f, 2, DRAFT_DROPPED, TRIS_ERR_EXISTS);
    assert_draft(f, 3, DRAFT_DECISION, TRIS_ERR_EXISTS); /* typed in again? a person knows */
    struct writer_op apply = {.type = WRITER_DRAFT_APPLY, .base_seq = 3};
    assert_int_equal(run(&f->copy, apply).change, WRITER_NEW);
    assert_clean(f);
}

static void a_tail_in_several_pieces_pushes_aside_more_than_once(void **state)
{
    struct fixture *f = *state;
    carry_all(f);
    create(&f->original, "Eins");
    create(&f->copy, "Meins");
    carry_all(f); /* draft 1 */
    create(&f->copy, "Noch eins");
    create(&f->original, "Zwei");
    carry_all(f); /* draft 2 */
    write_drafts(f);
    assert_draft(f, 1, DRAFT_WRITTEN, TRIS_OK);
    assert_draft(f, 2, DRAFT_WRITTEN, TRIS_OK);
    /* and the rewritten ones once more, by a tail that came late */
    atomic_store(&f->copy.d.confirm.tail_open, true);
    create(&f->original, "Drei");
    carry_all(f);
    write_drafts(f);
    uint64_t held;
    assert_int_equal(sealed(&f->copy, f->copy.d.data_no, &held), 4);
    assert_int_equal(held, 6);
    struct store_view *v;
    struct record_ref now;
    assert_int_equal(store_view_begin(f->copy.d.store, &v), TRIS_OK);
    assert_int_equal(store_alias_get(v, (struct record_ref){f->copy.d.data_no, 1}, &now, NULL),
                     TRIS_OK);
    assert_int_equal(now.seq, 4);
    store_view_end(v);
    assert_clean(f);
}

/* What was here before the first piece and what came with it have stood at one place: a change that
 * was written to the one must not reach the other. */
static void a_change_between_two_pieces_stays_with_its_record(void **state)
{
    struct fixture *f = *state;
    struct store_view *v;
    struct store_record theirs, mine;
    carry_all(f);
    uint64_t place = create(&f->original, "Eins");
    assert_int_equal(create(&f->copy, "Meins"), place);
    carry_all(f); /* draft 1 */
    change(&f->copy, place, "Eins", "by the copy");
    create(&f->original, "Zwei");
    carry_all(f); /* draft 2 */
    write_drafts(f);
    assert_draft(f, 1, DRAFT_WRITTEN, TRIS_OK);
    assert_draft(f, 2, DRAFT_WRITTEN, TRIS_OK);
    assert_int_equal(store_view_begin(f->copy.d.store, &v), TRIS_OK);
    struct record_ref ref = {f->copy.d.data_no, place};
    assert_int_equal(store_record_get(v, ref, &theirs), TRIS_OK);
    ref.seq = draft(f, 1).new_seq;
    assert_int_equal(store_record_get(v, ref, &mine), TRIS_OK);
    assert_int_equal(theirs.last_seq, draft(f, 2).new_seq);
    assert_int_equal(mine.last_seq, ref.seq);
    store_view_end(v);
    assert_clean(f);
}

static void a_segment_that_is_not_ours_pushes_nothing_aside(void **state)
{
    struct fixture *f = *state;
    uint64_t held;
    uint8_t junk[64] = {0};
    struct work work = {.type = WORK_SEGMENT, .session_no = 1};
    struct work_list list;
    carry_all(f);
    create(&f->copy, "Meins");
    work.segment = (struct session_segment){
        .log_no = f->copy.d.data_no, .first = 1, .count = 1, .bytes = junk, .len = sizeof junk};
    work.segment.seal.size = 2;
    work_list_init(&list);
    work_list_push(&list, &work);
    assert_int_equal(batch_run(&f->copy.b, &list), TRIS_OK);
    assert_int_not_equal(work.err, TRIS_OK);
    assert_int_equal(sealed(&f->copy, f->copy.d.data_no, &held), 1);
    assert_int_equal(held, 2);
}

/* An offer of the own record at `partner`. */
static struct span offer_payload(struct side *s, uint8_t *bytes, size_t cap, uint64_t partner_seq)
{
    const struct kind *kind = schema_kind(KIND_LISTING);
    uint8_t scratch_bytes[4096];
    struct wbuf scratch = wbuf_of(scratch_bytes, sizeof scratch_bytes);
    struct record *r = malloc(sizeof *r);
    const char *fields[][2] = {{"type", "offer"},
                               {"title", "Raum"},
                               {"topics", "work_integration"},
                               {"contribution", "rooms"},
                               {"valid_from", "2026-01-01"},
                               {"valid_to", "2026-06-01"},
                               {"status", "open"},
                               {"radius", "neighbours"}};
    assert_non_null(r);
    record_init(r, kind);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct field *field = schema_field_by_name(kind, span_str(fields[i][0]));
        bool changed;
        assert_non_null(field);
        enum tris_err err = record_set_text(r, field, span_str(fields[i][1]), &scratch, &changed);
        if (err != TRIS_OK) {
            fail_msg("%s: %s", fields[i][0], tris_err_name(err));
        }
    }
    *record_value_mut(r, LISTING_PARTNER) = (struct value){
        .present = true, .number = partner_seq, .text = span_of(s->d.own.b, sizeof s->d.own.b)};
    struct wbuf w = wbuf_of(bytes, cap);
    assert_int_equal(record_encode(r, &w), TRIS_OK);
    free(r);
    return wbuf_span(&w);
}

static void references_of_drafts_name_the_new_places(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[2048];
    struct store_view *v;
    struct store_record record;
    carry_all(f);
    create(&f->original, "Aus dem Tail");
    uint64_t mine = create(&f->copy, "Im Dunkeln");
    struct writer_op op = {.type = WRITER_PUT,
                           .topic = TRIS_TOPIC_DATA,
                           .kind = KIND_LISTING,
                           .payload = offer_payload(&f->copy, bytes, sizeof bytes, mine)};
    assert_int_equal(run(&f->copy, op).change, WRITER_NEW);
    carry_all(f);
    write_drafts(f);
    assert_draft(f, 2, DRAFT_WRITTEN, TRIS_OK);
    struct span wanted = offer_payload(&f->copy, bytes, sizeof bytes, draft(f, 1).new_seq);
    assert_int_equal(store_view_begin(f->copy.d.store, &v), TRIS_OK);
    assert_int_equal(
        store_record_get(v, (struct record_ref){f->copy.d.data_no, draft(f, 2).new_seq}, &record),
        TRIS_OK);
    assert_true(span_eq(record.payload, wanted));
    store_view_end(v);
    assert_true(draft(f, 1).new_seq != mine);
}

/* Nobody writes into the own log, not even what its own key has sealed, unless it is awaited. */
static void own_entries_are_taken_only_while_a_tail_is_open(void **state)
{
    struct fixture *f = *state;
    uint64_t held;
    carry_all(f);
    create(&f->original, "Aus dem Tail");
    uint64_t mine = create(&f->copy, "Im Dunkeln");
    atomic_store(&f->copy.d.confirm.tail_open, false);
    assert_int_equal(carry_run(f, f->copy.d.data_no, mine), TRIS_ERR_NOT_READY);
    assert_int_equal(sealed(&f->copy, f->copy.d.data_no, &held), mine);
    assert_int_equal(held, mine + 1);
    atomic_store(&f->copy.d.confirm.tail_open, true);
    assert_int_equal(carry_run(f, f->copy.d.data_no, mine), TRIS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(drafts_follow_the_tail_with_new_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(references_to_drafts_follow_them, setup, teardown),
        cmocka_unit_test_setup_teardown(references_follow_many_drafts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_tail_has_changed_or_ended_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_tail_has_already_is_not_written_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_tail_in_several_pieces_pushes_aside_more_than_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_change_between_two_pieces_stays_with_its_record, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_segment_that_is_not_ours_pushes_nothing_aside, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(references_of_drafts_name_the_new_places, setup, teardown),
        cmocka_unit_test_setup_teardown(own_entries_are_taken_only_while_a_tail_is_open, setup,
                                        teardown),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
