/* Membership in the store: statements in gov logs, which logs there are, where they end; in every
 * order of arrival. Of the 5,040 orders of each case every 8th is tried, of each case others;
 * TRIS_ORDER_PART=k/n tries every nth, 0/1 all. */
#include "tests/unit/store_fed.h"

enum { HOUSE = 5, OTHER = 6, ENTRIES = 12 };

static struct span partner(struct fed *w, uint32_t i)
{
    char name[24];
    (void)snprintf(name, sizeof name, "Partner %u", i);
    return fix_partner(&w->f, name, i % 2 != 0 ? "Z" : "W", i % 3 != 0 ? "05315" : "14713", NULL);
}

static void add_partners(struct fed *w, struct script_log *l, uint32_t until)
{
    while (l->count < until) {
        const struct entry_header header = header_create(KIND_PARTNER);
        (void)script_add(l, &header, partner(w, l->count), false);
    }
}

static void test_enough_endorsements_make_a_houses_logs(void **state)
{
    (void)state;
    static struct fed w;
    struct script_log gov[2], data;
    struct store_txn *t;
    struct store_log log;
    struct store_members m;
    struct store_view *v;
    fed_init(&w);
    fed_log(&gov[0], &w, 2, TRIS_TOPIC_GOV, 0, 2);
    fed_log(&gov[1], &w, 3, TRIS_TOPIC_GOV, 0, 2);
    fed_log(&data, &w, HOUSE, TRIS_TOPIC_DATA, 0, ENTRIES);
    const struct opening o = fed_opening(HOUSE, 0, NULL);
    fed_endorse(&gov[0], &o, HOUSE);
    fed_endorse(&gov[1], &o, HOUSE);
    ok(store_txn_begin(w.f.s, &t));
    assert_int_equal(fed_apply(&w, t).made, 2 * FED_FOUNDERS);
    assert_int_equal(fed_apply(&w, t).made, 0);
    assert_true(fed_meet(&gov[0], t, 1));
    assert_true(store_members_stale(t));
    assert_int_equal(fed_apply(&w, t).made, 0);
    assert_false(fed_has(t, &data, &log));
    assert_true(fed_meet(&gov[1], t, 1));
    assert_int_equal(fed_apply(&w, t).made, 2);
    assert_true(fed_has(t, &data, &log));
    assert_int_equal(log.ends, STORE_END_NONE);
    ok(store_commit(t));
    audit_clean(w.f.s);

    ok(store_view_begin(w.f.s, &v));
    ok(store_members_evaluate(v, &w.charter, &m));
    store_view_end(v);
    const struct member_house *h = &m.set.house[member_find(&m.set, &o.house)];
    assert_int_equal(h->state, MEMBER_ACTIVE);
    const struct span card = m.set.opening[h->current].card;
    struct house_line line;
    ok(house_line_parse(card, &line)); /* it outlives the view */
    assert_true(tris_house_id_eq(&line.id, &o.house));
    store_members_fini(&m);
    store_members_fini(&m);
    script_fini(&gov[0]);
    script_fini(&gov[1]);
    script_fini(&data);
    fed_fini(&w);
}

static void test_what_this_house_states_counts_once_it_is_sealed(void **state)
{
    (void)state;
    static struct fed w;
    struct script_log gov;
    struct store_txn *t;
    uint64_t seq = 0;
    fed_init(&w);
    fed_log(&gov, &w, 2, TRIS_TOPIC_GOV, 0, 2);
    const struct opening o = fed_opening(HOUSE, 0, NULL);
    fed_endorse(&gov, &o, HOUSE);
    ok(store_txn_begin(w.f.s, &t));
    (void)fed_apply(&w, t);
    assert_true(fed_meet(&gov, t, 1));
    uint32_t own = own_log(&w.f, t, TRIS_TOPIC_GOV);
    ok(own_append(t, own, fed_header(VERB_ENDORSE), fed_endorsement(&o, HOUSE), &seq));
    assert_true(store_members_stale(t));
    assert_int_equal(fed_apply(&w, t).made, 0);
    own_seal(&w.f, t, own, 7);
    assert_true(store_members_stale(t));
    assert_int_equal(fed_apply(&w, t).made, 2);
    ok(store_commit(t));
    audit_clean(w.f.s);
    script_fini(&gov);
    fed_fini(&w);
}

static void test_statements_are_read_strictly(void **state)
{
    (void)state;
    static struct fed w;
    struct script_log gov;
    struct store_txn *t;
    struct store_log log;
    enum tris_err reason = TRIS_OK;
    uint64_t rows = 0;
    fed_init(&w);
    fed_log(&gov, &w, 2, TRIS_TOPIC_GOV, 0, 8);
    struct opening o = fed_opening(HOUSE, 0, NULL);
    static uint8_t copy[4096];
    struct span good = fed_endorsement(&o, HOUSE);
    assert_true(good.len < sizeof copy);
    memcpy(copy, good.ptr, good.len);
    copy[good.len - 1] ^= 1; /* the card's signature */
    struct entry_header header = fed_header(VERB_ENDORSE);
    (void)script_add(&gov, &header, span_of(copy, good.len), false);
    (void)script_add(&gov, &header, span_of(copy, good.len - 1), false);
    header.has_prev = true;
    (void)script_add(&gov, &header, good, false);
    header = fed_header(VERB_REVOKE);
    (void)script_add(&gov, &header, good, false);
    fed_endorse(&gov, &o, HOUSE);
    header = fed_header(VERB_ENDORSE);
    (void)script_add(&gov, &header, good, true); /* withheld */
    ok(store_txn_begin(w.f.s, &t));
    (void)fed_apply(&w, t);
    assert_true(fed_meet(&gov, t, gov.count));
    assert_true(fed_has(t, &gov, &log));
    for (uint64_t seq = 0; seq < gov.count; seq++) {
        ok(store_entry_effect(store_txn_view(t), log.no, seq, &reason));
        assert_int_equal(reason == TRIS_OK, seq == 4);
    }
    ok(view_rows(store_txn_view(t), DB_TARGET, &rows));
    assert_int_equal(rows, 1);
    ok(store_log_cut(t, log.no, 4, STORE_TAIL_DROP));
    ok(view_rows(store_txn_view(t), DB_TARGET, &rows));
    assert_int_equal(rows, 0);
    ok(store_commit(t));
    audit_clean(w.f.s);
    script_fini(&gov);
    fed_fini(&w);
}

/* ---- a disputed epoch ---- */

/* Of epoch 1 two openings count: with two keys, or of one key with two closings. */
static void dispute_case(bool same_key)
{
    static struct fed w;
    struct script_log gov[3], zero, data, next_gov;
    struct store_txn *t;
    struct store_log log;
    struct tris_sign_secret secret;
    const uint8_t signer = same_key ? HOUSE : OTHER; /* whose keys the second one has */
    fed_init(&w);
    for (uint8_t i = 0; i < 3; i++) {
        fed_log(&gov[i], &w, (uint8_t)(i + 2), TRIS_TOPIC_GOV, 0, 4);
    }
    fed_log(&zero, &w, HOUSE, TRIS_TOPIC_DATA, 0, ENTRIES);
    fed_log(&data, &w, HOUSE, TRIS_TOPIC_DATA, 1, ENTRIES);
    fed_log(&next_gov, &w, HOUSE, TRIS_TOPIC_GOV, 1, 2);
    add_partners(&w, &zero, ENTRIES);
    add_partners(&w, &data, ENTRIES);
    const struct log_cut ends[2] = {fed_cut(&zero, 6), fed_cut(&zero, 5)};
    const struct opening first = fed_opening(HOUSE, 0, NULL);
    const struct opening one = fed_opening(HOUSE, 1, &ends[0]);
    struct opening two = fed_opening(HOUSE, 1, &ends[same_key ? 1 : 0]);
    const struct tris_house_id key = fed_key(signer, 1, &secret);
    memcpy(two.key.b, key.b, sizeof two.key.b);
    const struct revocation r = {.house = first.house, .data = ends[0]};
    for (int i = 0; i < 3; i++) { /* epoch 0 ends, whatever becomes of epoch 1 */
        fed_endorse(&gov[i], &first, HOUSE);
        fed_revoke(&gov[i], &r);
    }
    fed_endorse(&gov[0], &one, HOUSE);
    fed_endorse(&gov[1], &one, HOUSE);
    fed_endorse(&gov[1], &two, signer);
    fed_endorse(&gov[2], &two, signer);

    ok(store_txn_begin(w.f.s, &t));
    (void)fed_apply(&w, t);
    assert_true(fed_meet(&gov[0], t, 3));
    assert_true(fed_meet(&gov[1], t, 3));
    assert_true(fed_meet(&gov[2], t, 2));
    (void)fed_apply(&w, t);
    assert_true(fed_has(t, &data, &log));
    assert_false(log.outside); /* one opening alone counts */
    assert_true(fed_meet(&zero, t, 6));
    assert_true(fed_meet(&data, t, ENTRIES));

    assert_true(fed_meet(&gov[1], t, 4));
    assert_true(fed_meet(&gov[2], t, 3));
    (void)fed_apply(&w, t);
    assert_true(fed_has(t, &data, &log));
    assert_true(log.outside);
    assert_int_equal(log.held, 0);
    assert_false(fed_meet(&data, t, ENTRIES));
    assert_true(fed_has(t, &next_gov, &log));
    assert_false(log.outside); /* what it states about others is there to be seen */
    assert_true(fed_has(t, &zero, &log));
    assert_int_equal(log.ends, STORE_END_CUT);
    assert_int_equal(log.whole, 6);
    ok(store_commit(t));
    audit_clean(w.f.s);
    for (int i = 0; i < 3; i++) {
        script_fini(&gov[i]);
    }
    script_fini(&zero);
    script_fini(&data);
    script_fini(&next_gov);
    fed_fini(&w);
}

static void test_data_of_a_disputed_epoch_stays_outside(void **state)
{
    (void)state;
    dispute_case(false);
    dispute_case(true);
}

/* ---- orders ---- */

enum { GOVS = 3, HELD = 10, CUT_AT = 6, PART = 7, CLOSE_AT = 8 };
enum { EV_GOV_2, EV_GOV_3, EV_GOV_4, EV_DATA_ONE, EV_DATA_TWO, EV_DATA_FORK, EV_GOV_FORK, EVENTS };

/* Houses 2, 3 and 4 admit house 5, revoke its epoch 0 and, in one case, open its epoch 1. House 5
 * has two histories; house 4 has signed two things about it, so that what it stated last is void.
 */
struct orders {
    struct fed w;
    struct script_log gov[GOVS], gov_other, one, two, next_gov, next_data, other;
    uint8_t proof_bytes[2][FORK_PROOF_BYTES_MAX];
    struct span proof[2];
    bool gov_fork;
    enum store_end ends;
    uint64_t whole;
    struct tris_hash expected;
    unsigned part, parts, orders, runs;
};

static void write_statements(struct orders *x, bool closing, bool second)
{
    const struct opening o = fed_opening(HOUSE, 0, NULL);
    const struct opening far = fed_opening(OTHER, 0, NULL);
    const struct log_cut closes = fed_cut(second ? &x->two : &x->one, CLOSE_AT);
    const struct opening next = fed_opening(HOUSE, 1, &closes);
    const struct revocation r = {
        .house = o.house, .epoch = 0, .data = fed_cut(&x->one, CUT_AT), .gov = {.size = 0}};
    for (int i = 0; i < GOVS; i++) {
        fed_endorse(&x->gov[i], &o, HOUSE);
        fed_endorse(&x->gov[i], &far, OTHER);
    }
    script_branch(&x->gov_other, &x->w.f, &x->gov[2], 2);
    for (int i = 0; i < GOVS; i++) {
        fed_revoke(&x->gov[i], &r);
        if (closing && i > 0) {
            fed_endorse(&x->gov[i], &next, HOUSE);
        }
    }
    fed_endorse(&x->gov_other, &far, OTHER);
}

static void orders_init(struct orders *x, bool closing, bool second, bool gov_fork)
{
    memset(x, 0, sizeof *x);
    fed_init(&x->w);
    for (uint8_t i = 0; i < GOVS; i++) {
        fed_log(&x->gov[i], &x->w, (uint8_t)(i + 2), TRIS_TOPIC_GOV, 0, 8);
    }
    fed_log(&x->one, &x->w, HOUSE, TRIS_TOPIC_DATA, 0, ENTRIES);
    add_partners(&x->w, &x->one, HELD);
    script_branch(&x->two, &x->w.f, &x->one, PART);
    (void)script_add(&x->two, &(struct entry_header){.version = 1, .verb = VERB_PUT, .kind = 2},
                     partner(&x->w, 77), false);
    add_partners(&x->w, &x->two, HELD + 1);
    fed_log(&x->next_gov, &x->w, HOUSE, TRIS_TOPIC_GOV, 1, 2);
    fed_log(&x->next_data, &x->w, HOUSE, TRIS_TOPIC_DATA, 1, ENTRIES);
    fed_log(&x->other, &x->w, OTHER, TRIS_TOPIC_DATA, 0, ENTRIES);
    add_partners(&x->w, &x->next_data, 5);
    add_partners(&x->w, &x->other, 3);
    write_statements(x, closing, second);
    x->proof[0] = script_proof(&x->w.f, &x->one, HELD, &x->two, HELD + 1, PART, x->proof_bytes[0]);
    x->proof[1] =
        script_proof(&x->w.f, &x->gov[2], x->gov[2].count, &x->gov_other, 3, 2, x->proof_bytes[1]);
    x->gov_fork = gov_fork;
}

static void orders_fini(struct orders *x)
{
    for (int i = 0; i < GOVS; i++) {
        script_fini(&x->gov[i]);
    }
    script_fini(&x->gov_other);
    script_fini(&x->one);
    script_fini(&x->two);
    script_fini(&x->next_gov);
    script_fini(&x->next_data);
    script_fini(&x->other);
    fed_fini(&x->w);
}

static void prove(struct orders *x, struct store_txn *t, struct script_log *l, struct span proof)
{
    struct store_log log;
    (void)x;
    if (fed_has(t, l, &log)) { /* nobody tells of a log that is not known */
        (void)script_fork(l, t, proof);
    }
}

static void happen(struct orders *x, struct store_txn *t, int event)
{
    switch (event) {
    case EV_GOV_2:
    case EV_GOV_3:
    case EV_GOV_4:
        (void)fed_meet(&x->gov[event], t, x->gov[event].count);
        break;
    case EV_DATA_ONE:
        (void)fed_meet(&x->one, t, HELD);
        break;
    case EV_DATA_TWO:
        (void)fed_meet(&x->two, t, HELD + 1);
        break;
    case EV_DATA_FORK:
        prove(x, t, &x->one, x->proof[0]);
        break;
    default:
        if (x->gov_fork) {
            prove(x, t, &x->gov[2], x->proof[1]);
        }
        break;
    }
    (void)fed_meet(&x->next_data, t, 5);
    (void)fed_meet(&x->other, t, 3);
    if (store_members_stale(t)) {
        (void)fed_apply(&x->w, t);
    }
}

static void run(struct orders *x, const int order[EVENTS])
{
    const struct script_log *logs[] = {&x->gov[0],   &x->gov[1],    &x->gov[2], &x->one,
                                       &x->next_gov, &x->next_data, &x->other};
    struct store_txn *t;
    struct tris_hash state;
    ok(store_txn_begin(x->w.f.s, &t));
    (void)fed_apply(&x->w, t);
    for (int i = 0; i < EVENTS; i++) {
        happen(x, t, order[i]);
    }
    for (int round = 0; round < 3; round++) { /* everybody is met again */
        for (int i = 0; i < EVENTS; i++) {
            happen(x, t, i);
        }
    }
    struct store_log log;
    assert_true(fed_has(t, &x->one, &log));
    assert_int_equal(log.ends, x->ends);
    assert_int_equal(log.whole, x->whole);
    assert_int_equal(fed_has(t, &x->next_data, &log) && !log.outside, x->ends == STORE_END_CLOSED);
    canon_state(store_txn_view(t), logs, sizeof logs / sizeof logs[0], &state);
    ok(store_txn_err(t));
    if (x->runs++ == 0) {
        x->expected = state;
        ok(store_commit(t));
        audit_clean(x->w.f.s);
        fix_fini(&x->w.f);
        fix_init(&x->w.f);
        script_no_sync(x->w.f.s);
        return;
    }
    store_abort(t);
    if (!tris_hash_eq(&state, &x->expected)) {
        for (int i = 0; i < EVENTS; i++) {
            print_message("%d ", order[i]);
        }
        print_message(": another state\n");
    }
    assert_true(tris_hash_eq(&state, &x->expected));
}

static void permute(struct orders *x, int order[EVENTS], int at)
{
    if (at == EVENTS) {
        if (x->orders++ % x->parts == x->part % x->parts) {
            run(x, order);
        }
        return;
    }
    for (int i = at; i < EVENTS; i++) {
        int swap = order[at];
        order[at] = order[i];
        order[i] = swap;
        permute(x, order, at + 1);
        order[i] = order[at];
        order[at] = swap;
    }
}

static void in_every_order(bool closing, bool second, bool gov_fork, enum store_end ends,
                           uint64_t whole)
{
    static struct orders x;
    static unsigned cases;
    int order[EVENTS];
    for (int i = 0; i < EVENTS; i++) {
        order[i] = i;
    }
    orders_init(&x, closing, second, gov_fork);
    x.ends = ends;
    x.whole = whole;
    x.parts = 8;
    x.part = cases++;
    const char *chosen = getenv("TRIS_ORDER_PART");
    assert_true(chosen == NULL || (sscanf(chosen, "%u/%u", &x.part, &x.parts) == 2 && x.parts > 0));
    permute(&x, order, 0);
    assert_int_equal(x.orders, 5040);
    assert_true(x.runs >= 5040 / x.parts);
    orders_fini(&x);
}

static void test_a_revocation_in_every_order(void **state)
{
    (void)state;
    in_every_order(false, false, false, STORE_END_CUT, CUT_AT);
    in_every_order(false, false, true, STORE_END_FORK, PART);
}

static void test_a_closing_in_every_order(void **state)
{
    (void)state;
    in_every_order(true, false, false, STORE_END_CLOSED, CLOSE_AT);
    in_every_order(true, true, false, STORE_END_CLOSED, CLOSE_AT);
    in_every_order(true, true, true, STORE_END_FORK, PART);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enough_endorsements_make_a_houses_logs),
        cmocka_unit_test(test_what_this_house_states_counts_once_it_is_sealed),
        cmocka_unit_test(test_statements_are_read_strictly),
        cmocka_unit_test(test_data_of_a_disputed_epoch_stays_outside),
        cmocka_unit_test(test_a_revocation_in_every_order),
        cmocka_unit_test(test_a_closing_in_every_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
