/* Where a log ends: fork proofs, revocations and closings in every order lead to the same rows, and
 * what is of another history goes. */
#include "storage/end.h"
#include "tests/unit/store_draw.h"
#include "tests/unit/store_fed.h"

enum { ROOM = 60, PART = 24, CUT = 20, CLOSED = 40 };

/* Two histories of one log, equal before entry PART. */
struct ends {
    struct fix f, other;
    struct script_log one, two;
    struct test_rng rng;
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct span proof;
};

static void ends_init(struct ends *w, uint8_t house)
{
    fix_init(&w->f);
    script_no_sync(w->f.s);
    fix_init(&w->other);
    script_no_sync(w->other.s);
    w->rng.state = 100 + PART;
    script_init(&w->one, &w->f, house, TRIS_TOPIC_DATA, 0, ROOM);
    script_draw(&w->one, &w->f, &w->rng, ROOM, true);
    script_branch(&w->two, &w->f, &w->one, PART);
    script_draw(&w->two, &w->f, &w->rng, ROOM - PART, true);
    w->proof = script_proof(&w->f, &w->one, 50, &w->two, 45, PART, w->bytes);
}

static void ends_fini(struct ends *w)
{
    script_fini(&w->one);
    script_fini(&w->two);
    fix_fini(&w->other);
    fix_fini(&w->f);
}

static struct store_log log_of(struct store_txn *t, uint32_t no)
{
    struct store_log log;
    ok(store_log_get(store_txn_view(t), no, &log));
    return log;
}

static bool bind(struct store_txn *t, uint32_t no, enum store_end bound, struct log_cut cut)
{
    struct head *head = txn_head(t, no);
    assert_non_null(head);
    if (end_is_bound(&head->row, bound, &cut)) {
        return false;
    }
    end_bind(t, head, bound, &cut);
    ok(store_txn_err(t));
    return true;
}

static void test_a_revocation_ends_a_log_and_may_be_lifted(void **state)
{
    (void)state;
    static struct ends w;
    static struct verified_segment segment;
    struct store_txn *t;
    struct frontier_item item;
    ends_init(&w, 2);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 18);
    script_deliver(&w.one, t, 40);
    assert_true(bind(t, no, STORE_END_CUT, fed_cut(&w.one, CUT)));
    assert_false(bind(t, no, STORE_END_CUT, fed_cut(&w.one, CUT)));
    struct store_log log = log_of(t, no);
    assert_int_equal(log.held, CUT);
    assert_int_equal(log.whole, CUT);
    assert_int_equal(log.ends, STORE_END_CUT);
    assert_false(log.forked);
    store_head_item(&log, &item);
    assert_int_equal(item.flags, FRONTIER_ENDED);
    assert_int_equal(item.day, CUT);
    assert_int_equal(item.held, CUT);
    script_segment(&w.one, CUT, 30, &segment);
    fails(TRIS_ERR_FORK, store_append_segment(t, no, &segment, 5));
    ok(store_commit(t));
    audit_clean(w.f.s);

    /* lifted: what no seal covers goes, and the log grows as before */
    ok(store_txn_begin(w.f.s, &t));
    assert_true(bind(t, no, STORE_END_NONE, (struct log_cut){0}));
    log = log_of(t, no);
    assert_int_equal(log.held, 18);
    assert_int_equal(log.whole, 18);
    (void)fed_meet(&w.one, t, 30);
    assert_int_equal(log_of(t, no).whole, 30);
    ok(store_commit(t));
    audit_clean(w.f.s);
    ends_fini(&w);
}

static void test_a_closing_counts_more_than_forks(void **state)
{
    (void)state;
    static struct ends w;
    struct store_txn *t;
    struct frontier_item item;
    ends_init(&w, 2);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 50);
    assert_true(script_fork(&w.one, t, w.proof));
    assert_int_equal(log_of(t, no).held, PART);
    /* the other history is the one that was closed */
    assert_true(bind(t, no, STORE_END_CLOSED, fed_cut(&w.two, CLOSED)));
    struct store_log log = log_of(t, no);
    assert_int_equal(log.ends, STORE_END_CLOSED);
    assert_int_equal(log.held, 0); /* no seal up to the fork */
    (void)fed_meet(&w.one, t, ROOM);
    assert_int_equal(log_of(t, no).whole, 0);
    (void)fed_meet(&w.two, t, ROOM);
    log = log_of(t, no);
    assert_int_equal(log.whole, CLOSED);
    assert_true(log.forked);
    store_head_item(&log, &item);
    assert_int_equal(item.flags, FRONTIER_ENDED);
    ok(store_commit(t));
    audit_clean(w.f.s);
    ok(store_txn_begin(w.f.s, &t));
    assert_true(bind(t, no, STORE_END_NONE, (struct log_cut){0}));
    log = log_of(t, no);
    assert_int_equal(log.ends, STORE_END_FORK);
    assert_int_equal(log.held, PART);
    ok(store_commit(t));
    audit_clean(w.f.s);
    ends_fini(&w);
}

static void test_an_opening_that_is_gone_takes_its_logs_with_it(void **state)
{
    (void)state;
    static struct ends w;
    static struct verified_segment segment;
    struct store_txn *t;
    struct frontier_item item;
    uint64_t seq = 0;
    ends_init(&w, 2);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t no = script_no(&w.one, t);
    script_deliver(&w.one, t, 30);
    assert_true(bind(t, no, STORE_END_OUTSIDE, (struct log_cut){0}));
    struct store_log log = log_of(t, no);
    assert_int_equal(log.held, 0);
    store_head_item(&log, &item);
    assert_false(frontier_item_counts(&item));
    script_segment(&w.one, 0, 10, &segment);
    fails(TRIS_ERR_FORK, store_append_segment(t, no, &segment, 5));
    assert_true(bind(t, no, STORE_END_NONE, (struct log_cut){0}));
    ok(store_append_segment(t, no, &segment, 5));
    /* the own one waits at home, unsealed */
    uint32_t own = own_log(&w.f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, own, header_create(KIND_PARTNER), fix_partner(&w.f, "A", "Z", "05315", NULL),
                  &seq));
    assert_true(bind(t, own, STORE_END_OUTSIDE, (struct log_cut){0}));
    log = log_of(t, own);
    assert_int_equal(log.held, 1);
    store_head_item(&log, &item);
    assert_false(frontier_item_counts(&item));
    struct seal seal = {.log = log.id, .size = 1, .time_ms = 1};
    tree_root(&log.tree, &seal.root);
    seal_make(&seal, &w.f.key);
    fails(TRIS_ERR_NOT_READY, store_seal_own(t, own, &seal));
    ok(own_append(t, own, header_create(KIND_PARTNER), fix_partner(&w.f, "B", "Z", "05315", NULL),
                  &seq));
    ok(store_commit(t));
    audit_clean(w.f.s);
    ends_fini(&w);
}

/* ---- orders ---- */

enum { EV_ONE, EV_TWO, EV_FORK, EV_REVOKE, EV_CLOSE, EVENTS };

struct known {
    bool revoked, closed;
};

/* What an evaluation says of what is known so far: a closing goes before a revocation. */
static void membership(struct ends *w, struct store_txn *t, uint32_t no, const struct known *k,
                       struct script_log *closed)
{
    if (k->closed) {
        (void)bind(t, no, STORE_END_CLOSED, fed_cut(closed, CLOSED));
    } else if (k->revoked) {
        (void)bind(t, no, STORE_END_CUT, fed_cut(&w->one, CUT));
    } else {
        (void)bind(t, no, STORE_END_NONE, (struct log_cut){0});
    }
}

static void happen(struct ends *w, struct store_txn *t, int event, struct known *k,
                   struct script_log *closed)
{
    const uint32_t no = script_no(&w->one, t);
    switch (event) {
    case EV_ONE:
        (void)fed_meet(&w->one, t, 55);
        break;
    case EV_TWO:
        (void)fed_meet(&w->two, t, 50);
        break;
    case EV_FORK:
        (void)script_fork(&w->one, t, w->proof);
        break;
    case EV_REVOKE:
        k->revoked = true;
        membership(w, t, no, k, closed);
        break;
    default:
        k->closed = true;
        membership(w, t, no, k, closed);
        break;
    }
}

static void in_order(struct ends *w, struct store *s, const int *order, int count,
                     struct script_log *closed)
{
    struct store_txn *t;
    struct known k = {false, false};
    ok(store_txn_begin(s, &t));
    for (int i = 0; i < count; i++) {
        happen(w, t, order[i], &k, closed);
    }
    for (int i = 0; i < 2; i++) { /* every house is met again */
        (void)fed_meet(&w->two, t, 50);
        (void)fed_meet(&w->one, t, 55);
    }
    ok(store_commit(t));
}

static void start_again(struct fix *f)
{
    fix_fini(f);
    fix_init(f);
    script_no_sync(f->s);
}

static int all_orders(struct ends *w, int order[], int at, int count, struct script_log *closed,
                      uint64_t expected)
{
    int orders = 0;
    if (at == count) {
        struct store_view *v;
        struct store_log log;
        start_again(&w->other);
        in_order(w, w->other.s, order, count, closed);
        script_follow(w->other.s, UINT32_MAX);
        ok(store_view_begin(w->other.s, &v));
        ok(store_log_get(v, 0, &log));
        store_view_end(v);
        assert_int_equal(log.whole, expected);
        script_same(w->f.s, w->other.s);
        return 1;
    }
    for (int i = at; i < count; i++) {
        int swap = order[at];
        order[at] = order[i];
        order[i] = swap;
        orders += all_orders(w, order, at + 1, count, closed, expected);
        order[i] = order[at];
        order[at] = swap;
    }
    return orders;
}

static void orders_of(const int *events, int count, int second, uint64_t expected, int orders)
{
    static struct ends w;
    int order[EVENTS];
    ends_init(&w, 2);
    struct script_log *closed = second != 0 ? &w.two : &w.one;
    memcpy(order, events, (size_t)count * sizeof order[0]);
    in_order(&w, w.f.s, order, count, closed);
    script_follow(w.f.s, UINT32_MAX);
    assert_int_equal(all_orders(&w, order, 0, count, closed, expected), orders);
    audit_clean(w.f.s);
    audit_clean(w.other.s);
    ends_fini(&w);
}

static void test_fork_and_revocation_in_every_order(void **state)
{
    (void)state;
    static const int events[] = {EV_ONE, EV_TWO, EV_FORK, EV_REVOKE};
    orders_of(events, 4, 0, CUT, 24);
}

static void test_fork_revocation_and_closing_in_every_order(void **state)
{
    (void)state;
    static const int events[] = {EV_ONE, EV_TWO, EV_FORK, EV_REVOKE, EV_CLOSE};
    orders_of(events, 5, 0, CLOSED, 120);
    orders_of(events, 5, 1, CLOSED, 120);
}

static void test_a_fork_below_a_revocation_ends_the_log(void **state)
{
    (void)state;
    static struct ends w;
    struct store_txn *t;
    ends_init(&w, 2);
    for (int first = 0; first < 2; first++) {
        struct store *s = first == 0 ? w.f.s : w.other.s;
        ok(store_txn_begin(s, &t));
        uint32_t no = script_no(&w.one, t);
        script_deliver(&w.one, t, 50);
        for (int i = 0; i < 2; i++) {
            if (i == first) {
                (void)script_fork(&w.one, t, w.proof);
            } else {
                (void)bind(t, no, STORE_END_CUT, fed_cut(&w.one, 30));
            }
        }
        struct store_log log = log_of(t, no);
        assert_int_equal(log.ends, STORE_END_FORK);
        assert_int_equal(log.whole, PART);
        ok(store_commit(t));
        script_follow(s, UINT32_MAX);
    }
    script_same(w.f.s, w.other.s);
    ends_fini(&w);
}

static void test_an_own_log_that_is_cut_keeps_its_tail_as_drafts(void **state)
{
    (void)state;
    static struct ends w;
    struct store_txn *t;
    struct store_draft draft;
    uint64_t no = 0;
    uint64_t seq = 0;
    uint64_t drafts = 0;
    ends_init(&w, 1);
    ok(store_txn_begin(w.f.s, &t));
    uint32_t own = script_no(&w.one, t);
    script_deliver(&w.one, t, 30);
    assert_true(bind(t, own, STORE_END_CLOSED, fed_cut(&w.one, CUT)));
    while (store_draft_next(store_txn_view(t), &no, &draft) == TRIS_OK) {
        assert_int_equal(draft.seq, CUT + drafts);
        drafts++;
    }
    assert_int_equal(drafts, 10);
    fails(TRIS_ERR_FORK, own_append(t, own, header_create(KIND_PARTNER),
                                    fix_partner(&w.f, "A", "Z", "05315", NULL), &seq));
    ok(store_commit(t));
    audit_clean(w.f.s);
    ends_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_revocation_ends_a_log_and_may_be_lifted),
        cmocka_unit_test(test_a_closing_counts_more_than_forks),
        cmocka_unit_test(test_an_opening_that_is_gone_takes_its_logs_with_it),
        cmocka_unit_test(test_fork_and_revocation_in_every_order),
        cmocka_unit_test(test_fork_revocation_and_closing_in_every_order),
        cmocka_unit_test(test_a_fork_below_a_revocation_ends_the_log),
        cmocka_unit_test(test_an_own_log_that_is_cut_keeps_its_tail_as_drafts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
