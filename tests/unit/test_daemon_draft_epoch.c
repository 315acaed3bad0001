/* Drafts of a house that has got a new key meanwhile, and drafts of what it has stated about other
 * houses. */
#include "tests/unit/draft_world.h"

#include "daemon/ctl_in.h"
#include "proto/statement.h"

/* Leipzig's statement that Köln goes on with another key, behind the first `size` entries; it comes
 * to the copy. */
static void endorse_next(struct fixture *f, uint64_t size)
{
    static const uint8_t seed[32] = {200};
    struct side *s = &f->copy, leipzig = {.dir = ""};
    struct house_line *line = &s->d.own_line;
    uint8_t bytes[TRIS_HOUSE_LINE_BYTES_MAX + 512];
    struct statement what = {.opening = {.house = s->d.own,
                                         .epoch = 1,
                                         .role = TRIS_ROLE_HOUSE,
                                         .region = "05315",
                                         .has_closes = true}};
    assert_int_equal(crypto_sign_seed_keypair(what.opening.key.b, s->d.identity.b, seed), 0);
    line->epoch = 1;
    line->time_ms = 2000;
    assert_int_equal(
        house_line_make(line, &s->d.identity, s->d.own_line_text, sizeof s->d.own_line_text),
        TRIS_OK);
    what.card = span_str(s->d.own_line_text);
    struct store_view *v;
    assert_int_equal(store_view_begin(s->d.store, &v), TRIS_OK);
    what.opening.closes.size = size;
    assert_int_equal(store_root_at(v, s->d.data_no, size, &what.opening.closes.root), TRIS_OK);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    statement_encode(&w, &what);
    side_open(&leipzig, LEIPZIG, true);
    assert_int_equal(first_entries(&leipzig.d, &leipzig.b), TRIS_OK);
    struct writer_op op = {
        .type = WRITER_STATEMENT, .kind = VERB_ENDORSE, .payload = wbuf_span(&w)};
    assert_int_equal(run(&leipzig, op).change, WRITER_NEW);
    struct tris_log_ref ref;
    struct tris_log_id id;
    uint32_t to;
    uint64_t held, all = sealed(&leipzig, leipzig.d.gov_no, &held);
    daemon_own_log(&leipzig.d, TRIS_TOPIC_GOV, &ref);
    log_id_derive(&s->d.charter.fed, &ref, &id);
    assert_int_equal(store_log_find(v, &id, &to), TRIS_OK);
    store_view_end(v);
    while (sealed(s, to, &held) < all) {
        assert_int_equal(carry_from(f, &leipzig, leipzig.d.gov_no, held, to), TRIS_OK);
    }
    side_close(&leipzig);
}

/* The copy begins anew with the key of epoch 1. */
static void begin_again(struct fixture *f)
{
    struct side *s = &f->copy;
    struct store_members *members;
    char detail[256];
    batch_fini(&s->b);
    store_close(s->d.store);
    struct store_opts opts = {.dir = s->dir,
                              .map_bytes = 64 << 20,
                              .fed = s->d.charter.fed,
                              .own = s->d.own,
                              .own_epoch = 1,
                              .own_key = s->d.own_line.key};
    assert_int_equal(store_open(&opts, &s->d.store, detail, sizeof detail), TRIS_OK);
    assert_int_equal(first_logs(&s->d, &members), TRIS_OK);
    members_free(members);
    assert_int_equal(batch_init(&s->b, &s->d), TRIS_OK);
}

/* Its data log is closed at `size`. */
static void begin_epoch(struct fixture *f, uint64_t size)
{
    endorse_next(f, size);
    begin_again(f);
}

static void assert_partner(struct side *s, struct record_ref ref, const char *expected)
{
    struct store_view *v;
    struct store_record record;
    char text[64];
    struct record *r = malloc(sizeof *r);
    assert_non_null(r);
    assert_int_equal(store_view_begin(s->d.store, &v), TRIS_OK);
    assert_int_equal(store_record_get(v, ref, &record), TRIS_OK);
    assert_int_equal(record_decode(schema_kind(KIND_PARTNER), record.payload, r, NULL), TRIS_OK);
    struct span name = record_text(r, "name"), said = record_text(r, "description");
    (void)snprintf(text, sizeof text, "%.*s: %.*s", (int)name.len, (const char *)name.ptr,
                   (int)said.len, (const char *)said.ptr);
    store_view_end(v);
    free(r);
    assert_string_equal(text, expected);
}

static void assert_offered_by(struct side *s, struct record_ref offer, uint32_t epoch, uint64_t seq)
{
    struct store_view *v;
    struct store_record record;
    struct record *r = malloc(sizeof *r);
    assert_non_null(r);
    assert_int_equal(store_view_begin(s->d.store, &v), TRIS_OK);
    assert_int_equal(store_record_get(v, offer, &record), TRIS_OK);
    assert_int_equal(record_decode(schema_kind(KIND_LISTING), record.payload, r, NULL), TRIS_OK);
    assert_int_equal(record_value(r, LISTING_PARTNER)->number, seq);
    assert_int_equal(record_value(r, LISTING_PARTNER)->count, epoch);
    store_view_end(v);
    free(r);
}

static void assert_all_written(struct fixture *f, uint64_t count)
{
    for (uint64_t no = 1; no <= count; no++) {
        assert_draft(f, no, DRAFT_WRITTEN, TRIS_OK);
        assert_int_equal(draft(f, no).new_log, f->copy.d.data_no);
        assert_int_equal(draft(f, no).new_seq, no - 1);
    }
}

/* A change of what was sealed under the former key must not reach the record that has its number
 * under the new one. */
static void drafts_of_a_closed_epoch_keep_to_their_records(void **state)
{
    struct fixture *f = *state;
    uint64_t old = create(&f->original, "Schon da"); /* 1 */
    carry_all(f);
    const uint32_t closed = f->copy.d.data_no;
    create(&f->copy, "Neu");                        /* 2: draft 1 */
    uint64_t second = create(&f->copy, "Auch neu"); /* 3: draft 2 */
    change(&f->copy, old, "Schon da", "two");       /* 4: draft 3 */
    change(&f->copy, second, "Auch neu", "two");    /* 5: draft 4 */
    change(&f->copy, old, "Schon da", "three");     /* 6: draft 5 */
    begin_epoch(f, 2);
    const uint32_t now = f->copy.d.data_no;
    assert_int_not_equal(now, closed);
    write_drafts(f);
    assert_all_written(f, 5);
    assert_partner(&f->copy, (struct record_ref){closed, old}, "Schon da: three");
    assert_partner(&f->copy, (struct record_ref){now, 0}, "Neu: one");
    assert_partner(&f->copy, (struct record_ref){now, 1}, "Auch neu: two");
}

static void references_follow_into_the_next_epoch(void **state)
{
    struct fixture *f = *state;
    uint64_t old = create(&f->original, "Schon da"); /* 1 */
    carry_all(f);
    uint64_t mine = create(&f->copy, "Neu");      /* 2: draft 1 */
    (void)offer(&f->copy, TRIS_TOPIC_DATA, mine); /* draft 2 */
    (void)offer(&f->copy, TRIS_TOPIC_DATA, old);  /* draft 3 */
    uint64_t moved = offer(&f->copy, TRIS_TOPIC_LOCAL, mine);
    uint64_t stays = offer(&f->copy, TRIS_TOPIC_LOCAL, old);
    begin_epoch(f, 2);
    write_drafts(f);
    assert_all_written(f, 3);
    const uint32_t now = f->copy.d.data_no, local = f->copy.d.local_no;
    assert_offered_by(&f->copy, (struct record_ref){now, 1}, 1, 0);
    assert_offered_by(&f->copy, (struct record_ref){now, 2}, 0, old);
    assert_offered_by(&f->copy, (struct record_ref){local, moved}, 1, 0);
    assert_offered_by(&f->copy, (struct record_ref){local, stays}, 0, old);
}

/* What was changed here since under the new key is not changed back by what is older. */
static void a_record_that_was_changed_since_needs_a_decision(void **state)
{
    struct fixture *f = *state;
    uint64_t old = create(&f->original, "Schon da"); /* 1 */
    carry_all(f);
    const struct record_ref ref = {f->copy.d.data_no, old};
    change(&f->copy, old, "Schon da", "two"); /* draft 1 */
    begin_epoch(f, 2);
    uint8_t bytes[1024];
    struct writer_op op = {.type = WRITER_PUT,
                           .kind = KIND_PARTNER,
                           .has_record = true,
                           .record = ref,
                           .payload = partner(bytes, sizeof bytes, "Schon da", "newer")};
    assert_int_equal(run(&f->copy, op).change, WRITER_CHANGED);
    write_drafts(f);
    assert_draft(f, 1, DRAFT_DECISION, TRIS_ERR_NOT_READY);
    assert_partner(&f->copy, ref, "Schon da: newer");
    struct writer_op apply = {.type = WRITER_DRAFT_APPLY, .base_seq = 1};
    assert_int_equal(run(&f->copy, apply).change, WRITER_NEW);
    assert_partner(&f->copy, ref, "Schon da: two");
}

/* Which record an entry of a later epoch belongs to; and its draft, once it was taken back there
 * too. */
static void a_change_of_a_former_epochs_record_is_written_again(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t;
    struct store_view *v;
    struct record_ref found;
    uint64_t old = create(&f->original, "Schon da"); /* 1 */
    carry_all(f);
    const struct record_ref ref = {f->copy.d.data_no, old};
    begin_epoch(f, 2);
    uint8_t bytes[1024];
    struct writer_op op = {.type = WRITER_PUT,
                           .kind = KIND_PARTNER,
                           .has_record = true,
                           .record = ref,
                           .payload = partner(bytes, sizeof bytes, "Schon da", "newer")};
    assert_int_equal(run(&f->copy, op).change, WRITER_CHANGED);
    const uint32_t now = f->copy.d.data_no;
    assert_int_equal(store_txn_begin(f->copy.d.store, &t), TRIS_OK);
    assert_int_equal(store_log_cut(t, now, 0, STORE_TAIL_DRAFT), TRIS_OK);
    assert_int_equal(store_commit(t), TRIS_OK);
    assert_partner(&f->copy, ref, "Schon da: one");
    assert_int_equal(store_view_begin(f->copy.d.store, &v), TRIS_OK);
    struct store_draft d;
    assert_int_equal(store_draft_get(v, 1, &d), TRIS_OK);
    assert_int_equal(
        resolve_entry_record(v, (struct record_ref){d.log_no, d.seq}, &d.header, &found), TRIS_OK);
    assert_int_equal(found.log_no, ref.log_no);
    assert_int_equal(found.seq, ref.seq);
    store_view_end(v);
    write_drafts(f);
    assert_all_written(f, 1);
    assert_partner(&f->copy, ref, "Schon da: newer");
}

/* ---- statements ---- */

static struct span statement(uint8_t *bytes, size_t cap, bool revoke, bool other)
{
    static char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    static const uint8_t seed[32] = {77};
    struct tris_sign_pub pub;
    struct tris_sign_secret secret;
    assert_int_equal(crypto_sign_seed_keypair(pub.b, secret.b, seed), 0);
    struct house_line line = {
        .role = TRIS_ROLE_HOUSE, .slug = "rostock", .name = "R", .time_ms = 5};
    (void)snprintf(line.region, sizeof line.region, "%s", other ? "14713" : "13003");
    memset(line.transport.b, 4, sizeof line.transport.b);
    assert_int_equal(house_line_make(&line, &secret, card, sizeof card), TRIS_OK);
    struct statement s = {.revoke = revoke};
    if (revoke) {
        s.revocation = (struct revocation){.house = line.id};
        s.revocation.data.size = other ? 2 : 0;
        memset(s.revocation.data.root.b, other ? 6 : 0, sizeof s.revocation.data.root.b);
    } else {
        opening_of_line(&line, &s.opening);
        s.card = span_str(card);
    }
    struct wbuf w = wbuf_of(bytes, cap);
    statement_encode(&w, &s);
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static void state_it(struct side *s, bool revoke, bool other)
{
    uint8_t bytes[TRIS_HOUSE_LINE_BYTES_MAX + 512];
    struct writer_op op = {.type = WRITER_STATEMENT,
                           .kind = revoke ? VERB_REVOKE : VERB_ENDORSE,
                           .payload = statement(bytes, sizeof bytes, revoke, other)};
    assert_int_equal(run(s, op).change, WRITER_NEW);
}

/* How often the copy's gov log says it. */
static uint32_t stated(struct fixture *f, bool revoke, bool other)
{
    uint8_t bytes[TRIS_HOUSE_LINE_BYTES_MAX + 512];
    struct span wanted = statement(bytes, sizeof bytes, revoke, other);
    struct store_view *v;
    struct entry entry;
    uint64_t held;
    uint32_t count = 0;
    (void)sealed(&f->copy, f->copy.d.gov_no, &held);
    assert_int_equal(store_view_begin(f->copy.d.store, &v), TRIS_OK);
    for (uint64_t seq = 0; seq < held; seq++) {
        assert_int_equal(store_entry_get(v, f->copy.d.gov_no, seq, &entry), TRIS_OK);
        count += span_eq(entry.payload, wanted) ? 1 : 0;
    }
    store_view_end(v);
    return count;
}

/* The copy says something while a tail is away in which the original says something else. */
static void say_both(struct fixture *f, bool revoke, bool tail_revokes, bool tail_other)
{
    carry_all(f);
    state_it(&f->copy, revoke, false);
    state_it(&f->original, tail_revokes, tail_other);
    carry_all(f);
    assert_int_equal(stated(f, tail_revokes, tail_other), 1);
    write_drafts(f);
}

static void assert_stated_again(struct fixture *f, bool revoke)
{
    say_both(f, revoke, !revoke, false);
    assert_draft(f, 1, DRAFT_WRITTEN, TRIS_OK);
    write_drafts(f);
    assert_int_equal(stated(f, revoke, false), 1);
    assert_clean(f);
}

static void an_endorsement_is_stated_again_once(void **state)
{
    assert_stated_again(*state, false);
}

static void a_revocation_is_stated_again_once(void **state)
{
    assert_stated_again(*state, true);
}

static void assert_not_doubled(struct fixture *f, bool revoke)
{
    say_both(f, revoke, revoke, false);
    assert_draft(f, 1, DRAFT_DROPPED, TRIS_ERR_EXISTS);
    assert_int_equal(stated(f, revoke, false), 1);
    assert_clean(f);
}

static void an_endorsement_that_the_tail_has_is_not_doubled(void **state)
{
    assert_not_doubled(*state, false);
}

static void a_revocation_that_the_tail_has_is_not_doubled(void **state)
{
    assert_not_doubled(*state, true);
}

/* Two openings of one epoch, or two cuts: a person says whether both are meant. */
static void assert_asked(struct fixture *f, bool revoke)
{
    say_both(f, revoke, revoke, true);
    assert_draft(f, 1, DRAFT_DECISION, TRIS_ERR_EXISTS);
    assert_int_equal(stated(f, revoke, false), 0);
    struct writer_op apply = {.type = WRITER_DRAFT_APPLY, .base_seq = 1};
    assert_int_equal(run(&f->copy, apply).change, WRITER_NEW);
    assert_draft(f, 1, DRAFT_WRITTEN, TRIS_OK);
    assert_int_equal(stated(f, revoke, false), 1);
    assert_int_equal(stated(f, revoke, true), 1);
    assert_clean(f);
}

static void an_endorsement_beside_another_one_needs_a_decision(void **state)
{
    assert_asked(*state, false);
}

static void a_revocation_beside_another_one_needs_a_decision(void **state)
{
    assert_asked(*state, true);
}

/* Nothing is sealed while a new key waits: what was stated meanwhile goes on under that key. */
static void a_statement_that_the_former_key_did_not_seal_is_stated_again(void **state)
{
    struct fixture *f = *state;
    uint64_t held, size;
    carry_all(f);
    state_it(&f->copy, false, false);
    size = sealed(&f->copy, f->copy.d.data_no, &held);
    begin_epoch(f, size);
    write_drafts(f);
    assert_int_equal(stated(f, false, false), 1);
    begin_again(f);
    write_drafts(f);
    assert_int_equal(stated(f, false, false), 1);
    assert_draft(f, 1, DRAFT_WRITTEN, TRIS_OK);
    assert_clean(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(drafts_of_a_closed_epoch_keep_to_their_records),
        CASE(references_follow_into_the_next_epoch),
        CASE(a_record_that_was_changed_since_needs_a_decision),
        CASE(a_change_of_a_former_epochs_record_is_written_again),
        CASE(a_statement_that_the_former_key_did_not_seal_is_stated_again),
        CASE(an_endorsement_is_stated_again_once),
        CASE(a_revocation_is_stated_again_once),
        CASE(an_endorsement_that_the_tail_has_is_not_doubled),
        CASE(a_revocation_that_the_tail_has_is_not_doubled),
        CASE(an_endorsement_beside_another_one_needs_a_decision),
        CASE(a_revocation_beside_another_one_needs_a_decision),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
