/* Whose decisions count: those of members with the role coordination now, of each its newest one
 * that has not ended. And who may write them. */
#include "daemon/releases.h"
#include "daemon/rules.h"
#include "proto/pack.h"
#include "tests/unit/store_fixture.h"

enum { PLACE = 7, ELSEWHERE = 8, NOWHERE = 9, PAYLOAD_BYTES = 200 };

/* The own house, whose records are decided about, and another one that decides. */
struct world {
    struct fix f;
    struct writer other;
    struct house_line line[2];
    struct member list[2];
    struct member_epoch epoch[2];
    uint32_t by_id[2];
    uint32_t own_no, other_no, deciding; /* deciding: its index */
    struct daemon *d;
    struct record scratch;
    uint8_t payload[PAYLOAD_BYTES];
};

static struct span release(struct world *w, const struct tris_house_id *house, uint64_t seq,
                           uint64_t verdict)
{
    struct wbuf out = wbuf_of(w->payload, sizeof w->payload);
    pack_write_map(&out, 3);
    pack_write_uint(&out, RELEASE_SUBJECT);
    pack_write_array(&out, 3);
    pack_write_bin(&out, house->b, sizeof house->b);
    pack_write_uint(&out, 0);
    pack_write_uint(&out, seq);
    pack_write_uint(&out, RELEASE_VERDICT);
    pack_write_uint(&out, verdict);
    pack_write_uint(&out, RELEASE_DATE);
    pack_write_uint(&out, 20260101);
    assert_int_equal(out.err, TRIS_OK);
    return wbuf_span(&out);
}

/* One decision of the other house about an own record; its place in that log. */
static uint64_t decide(struct world *w, uint64_t seq, uint64_t verdict)
{
    const struct entry_header header = header_create(KIND_RELEASE);
    return writer_add(&w->other, &header, release(w, &w->f.own, seq, verdict));
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct store_txn *t;
    assert_non_null(w);
    fix_init(&w->f);
    writer_init(&w->other, &w->f, 2, TRIS_TOPIC_DATA);
    ok(store_txn_begin(w->f.s, &t));
    w->own_no = own_log(&w->f, t, TRIS_TOPIC_DATA);
    ok(store_commit(t));
    const uint32_t own = tris_house_id_cmp(&w->f.own, &w->other.ref.house) < 0 ? 0 : 1;
    w->deciding = 1 - own;
    for (uint32_t i = 0; i < 2; i++) {
        w->line[i] =
            (struct house_line){.id = i == own ? w->f.own : w->other.ref.house, .region = "05315"};
        w->list[i] = (struct member){.id = w->line[i].id,
                                     .state = MEMBER_ACTIVE,
                                     .role = i == own ? TRIS_ROLE_HOUSE : TRIS_ROLE_COORDINATION,
                                     .line = &w->line[i],
                                     .epochs = &w->epoch[i],
                                     .epochs_count = 1};
        w->by_id[i] = i;
    }
    w->epoch[own].data_no = w->own_no;
    w->d = calloc(1, sizeof *w->d);
    assert_non_null(w->d);
    w->d->store = w->f.s;
    w->d->own = w->f.own;
    w->d->own_index = own;
    w->d->members = (struct members){.list = w->list, .by_id = w->by_id, .count = 2};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    writer_fini(&w->other);
    fix_fini(&w->f);
    free(w->d);
    free(w);
    return 0;
}

static void arrive(struct world *w)
{
    w->other_no = writer_deliver(&w->other, w->f.s);
    w->epoch[w->deciding].data_no = w->other_no;
}

/* The verdict on an own record; 0 if nobody has a say. */
static uint64_t verdict_on(struct world *w, uint64_t seq)
{
    struct store_view *v;
    struct releases r;
    uint64_t found = 0;
    ok(store_view_begin(w->f.s, &v));
    releases_load(w->d, v, &w->scratch, &r);
    for (size_t i = 0; i < r.count; i++) {
        if (r.list[i].subject.log_no == w->own_no && r.list[i].subject.seq == seq) {
            assert_int_equal(found, 0); /* one a house and record */
            assert_int_equal(r.list[i].member, w->deciding);
            found = r.list[i].verdict;
        }
    }
    releases_free(&r);
    store_view_end(v);
    return found;
}

static void the_newest_decision_on_each_record_counts(void **state)
{
    struct world *w = *state;
    (void)decide(w, PLACE, RELEASE_VERDICT_RELEASED);
    (void)decide(w, ELSEWHERE, RELEASE_VERDICT_CONFIRMED);
    (void)decide(w, PLACE, RELEASE_VERDICT_WITHDRAWN);
    arrive(w);
    assert_int_equal(verdict_on(w, PLACE), RELEASE_VERDICT_WITHDRAWN);
    assert_int_equal(verdict_on(w, ELSEWHERE), RELEASE_VERDICT_CONFIRMED);
    assert_int_equal(verdict_on(w, NOWHERE), 0);
    (void)decide(w, PLACE, RELEASE_VERDICT_RELEASED);
    arrive(w);
    assert_int_equal(verdict_on(w, PLACE), RELEASE_VERDICT_RELEASED);
}

static void one_that_has_ended_says_nothing_and_the_one_before_holds_again(void **state)
{
    struct world *w = *state;
    (void)decide(w, PLACE, RELEASE_VERDICT_RELEASED);
    const uint64_t second = decide(w, PLACE, RELEASE_VERDICT_WITHDRAWN);
    const struct entry_header header = header_change(VERB_END, KIND_RELEASE, second, second);
    const uint8_t nothing = 0x80;
    (void)writer_add(&w->other, &header, span_of(&nothing, 1));
    arrive(w);
    assert_int_equal(verdict_on(w, PLACE), RELEASE_VERDICT_RELEASED);
}

static void only_a_member_that_is_the_coordination_has_a_say(void **state)
{
    struct world *w = *state;
    struct member *m = &w->list[w->deciding];
    (void)decide(w, PLACE, RELEASE_VERDICT_RELEASED);
    arrive(w);
    assert_int_equal(verdict_on(w, PLACE), RELEASE_VERDICT_RELEASED);
    m->role = TRIS_ROLE_HOUSE;
    assert_int_equal(verdict_on(w, PLACE), 0);
    m->role = TRIS_ROLE_OBSERVER;
    assert_int_equal(verdict_on(w, PLACE), 0);
    m->role = TRIS_ROLE_COORDINATION;
    for (int state_of = 0; state_of <= MEMBER_REVOKED; state_of++) {
        m->state = (enum member_state)state_of;
        assert_int_equal(verdict_on(w, PLACE),
                         state_of == MEMBER_ACTIVE ? RELEASE_VERDICT_RELEASED : 0);
    }
}

static void a_subject_of_an_unknown_house_or_epoch_is_passed_over(void **state)
{
    struct world *w = *state;
    struct tris_house_id stranger = w->f.own;
    stranger.b[0] ^= 1;
    const struct entry_header header = header_create(KIND_RELEASE);
    (void)writer_add(&w->other, &header, release(w, &stranger, PLACE, RELEASE_VERDICT_RELEASED));
    arrive(w);
    assert_int_equal(verdict_on(w, PLACE), 0);
}

static void no_house_but_the_coordination_writes_one(void **state)
{
    struct world *w = *state;
    struct store_view *v;
    struct record_ref other;
    const struct span payload = release(w, &w->f.own, PLACE, RELEASE_VERDICT_RELEASED);
    ok(store_view_begin(w->f.s, &v));
    assert_int_equal(rules_check(v, TRIS_ROLE_HOUSE, KIND_RELEASE, payload, NULL, &other),
                     TRIS_ERR_ROLE);
    assert_int_equal(rules_check(v, TRIS_ROLE_OBSERVER, KIND_RELEASE, payload, NULL, &other),
                     TRIS_ERR_ROLE);
    assert_int_equal(rules_check(v, TRIS_ROLE_COORDINATION, KIND_RELEASE, payload, NULL, &other),
                     TRIS_OK);
    store_view_end(v);
    assert_int_equal(ctl_exit_code(TRIS_ERR_ROLE), EXIT_PERMISSION);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_newest_decision_on_each_record_counts),
        CASE(one_that_has_ended_says_nothing_and_the_one_before_holds_again),
        CASE(only_a_member_that_is_the_coordination_has_a_say),
        CASE(a_subject_of_an_unknown_house_or_epoch_is_passed_over),
        CASE(no_house_but_the_coordination_writes_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
