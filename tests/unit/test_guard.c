/* proto/guard: a table of situations, and random histories against what may never and must always
 * hold, judged from the history alone. */
#include "tests/lib/testlib.h"

#include <stdio.h>

#include "proto/guard.h"

enum { PEERS = 5, LIAR = PEERS - 1, WAIT = 1000, STEPS = 60, HISTORIES = 40000 };

static struct guard_peer peer_of(uint8_t number)
{
    struct guard_peer p;
    struct tris_house_id id = {{0}};
    id.b[0] = (uint8_t)(number + 1);
    guard_peer_init(&p, &id);
    return p;
}

/* A claim that agrees, of everything. */
static void agree(struct guard *g, struct guard_peer *p, uint64_t now)
{
    assert_false(guard_claim(g, p, GUARD_DATA, GUARD_SAME, now));
    guard_told(g, p, now);
}

static struct guard guard_of(uint64_t others, enum guard_doubt doubt, bool accepted,
                             enum guard_alarm alarm)
{
    const struct guard_config config = {.others = others,
                                        .wait_ms = WAIT,
                                        .doubt = doubt,
                                        .accepted = accepted,
                                        .alarm = alarm,
                                        .size = {1, 10}};
    struct guard g;
    guard_init(&g, &config, 0);
    return g;
}

/* ---- situations: who has agreed, how long ago the first was, and what is wrong ---- */

static const struct situation {
    const char *name;
    uint64_t others;
    enum guard_doubt doubt;
    bool accepted;
    enum guard_alarm alarm;
    uint8_t agree; /* so many peers, at time 0 */
    bool tip_back;
    uint64_t wait;
    enum guard_why why;
} situations[] = {
    {"a single founder", 0, GUARD_SURE, false, GUARD_QUIET, 0, false, 0, GUARD_READY},
    {"alone, put back", 0, GUARD_MARK_MISSING, false, GUARD_QUIET, 0, false, 0, GUARD_WHY_ACCEPT},
    {"alone, put back, accepted", 0, GUARD_MARK_MISSING, true, GUARD_QUIET, 0, false, 0,
     GUARD_READY},
    {"nobody claims", 9, GUARD_SURE, false, GUARD_QUIET, 0, false, UINT64_MAX, GUARD_WHY_CLAIMS},
    {"one claims", 9, GUARD_SURE, false, GUARD_QUIET, 1, false, WAIT - 1, GUARD_WHY_SECOND},
    {"one has claimed for long", 9, GUARD_SURE, false, GUARD_QUIET, 1, false, WAIT, GUARD_READY},
    {"two claim", 9, GUARD_SURE, false, GUARD_QUIET, 2, false, 0, GUARD_READY},
    {"the only other claims", 1, GUARD_SURE, false, GUARD_QUIET, 1, false, 0, GUARD_READY},
    {"two of two", 2, GUARD_SURE, false, GUARD_QUIET, 2, false, 0, GUARD_READY},
    {"one of two", 2, GUARD_SURE, false, GUARD_QUIET, 1, false, 0, GUARD_WHY_SECOND},
    {"foreign, two claim", 9, GUARD_MARK_FOREIGN, false, GUARD_QUIET, 2, false, 0,
     GUARD_WHY_ACCEPT},
    {"foreign, accepted, two claim", 9, GUARD_MARK_FOREIGN, true, GUARD_QUIET, 2, false, 0,
     GUARD_READY},
    {"foreign, accepted, one claims", 9, GUARD_MARK_FOREIGN, true, GUARD_QUIET, 1, false,
     UINT64_MAX, GUARD_WHY_SECOND},
    {"foreign, accepted, nobody", 9, GUARD_MARK_FOREIGN, true, GUARD_QUIET, 0, false, UINT64_MAX,
     GUARD_WHY_CLAIMS},
    {"foreign and its tip is there", 9, GUARD_MARK_FOREIGN, false, GUARD_QUIET, 2, true, 0,
     GUARD_WHY_ACCEPT},
    {"missing, one of one", 1, GUARD_MARK_MISSING, true, GUARD_QUIET, 1, false, 0, GUARD_READY},
    {"ahead, two claim", 9, GUARD_MARK_AHEAD, false, GUARD_QUIET, 2, false, 0, GUARD_WHY_ACCEPT},
    {"ahead, tip back, two claim", 9, GUARD_MARK_AHEAD, false, GUARD_QUIET, 2, true, 0,
     GUARD_READY},
    {"ahead, tip back, one, long", 9, GUARD_MARK_AHEAD, false, GUARD_QUIET, 1, true, WAIT,
     GUARD_READY},
    {"ahead, one claims", 9, GUARD_MARK_AHEAD, false, GUARD_QUIET, 1, false, UINT64_MAX,
     GUARD_WHY_SECOND},
    {"a clone of yesterday", 9, GUARD_SURE, false, GUARD_CLONE, 2, false, UINT64_MAX,
     GUARD_WHY_CLONE},
    {"a fork of yesterday", 0, GUARD_SURE, true, GUARD_FORK, 2, true, UINT64_MAX, GUARD_WHY_FORK},
};

static void every_situation_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof situations / sizeof situations[0]; i++) {
        const struct situation *s = &situations[i];
        struct guard g = guard_of(s->others, s->doubt, s->accepted, s->alarm);
        for (uint8_t k = 0; k < s->agree; k++) {
            struct guard_peer p = peer_of(k);
            agree(&g, &p, 0);
            agree(&g, &p, 0); /* the same house twice is one */
        }
        if (s->tip_back) {
            guard_mark_is_back(&g);
        }
        guard_tick(&g, s->wait);
        if (guard_why(&g) != s->why) {
            fail_msg("%s: %d instead of %d", s->name, (int)guard_why(&g), (int)s->why);
        }
        assert_int_equal(guard_may_seal(&g), s->why == GUARD_READY);
    }
}

static void a_larger_claim_counts_only_with_its_proof(void **state)
{
    (void)state;
    struct guard g = guard_of(2, GUARD_SURE, false, GUARD_QUIET);
    struct guard_peer a = peer_of(0), b = peer_of(1);
    assert_true(guard_claim(&g, &a, GUARD_DATA, GUARD_LARGER, 0));
    guard_told(&g, &a, 0);
    guard_tick(&g, 10 * WAIT);
    assert_int_equal(guard_why(&g), GUARD_WHY_CLAIMS); /* as if nothing had been said */
    assert_int_equal(guard_want_tail(&g, GUARD_DATA), 0);
    guard_proof(&g, &a, GUARD_DATA, 14, GUARD_LARGER, 10 * WAIT);
    agree(&g, &b, 10 * WAIT);
    assert_int_equal(guard_why(&g), GUARD_WHY_TAIL);
    assert_int_equal(guard_want_tail(&g, GUARD_DATA), 14);
    assert_int_equal(guard_want_tail(&g, GUARD_GOV), 0);
    guard_advanced(&g, GUARD_DATA, 13, false);
    assert_int_equal(guard_why(&g), GUARD_WHY_TAIL);
    guard_advanced(&g, GUARD_DATA, 14, false);
    assert_int_equal(guard_why(&g), GUARD_READY);
}

static void a_claim_of_something_else_counts_only_with_its_proof(void **state)
{
    (void)state;
    struct guard g = guard_of(2, GUARD_SURE, false, GUARD_QUIET);
    struct guard_peer a = peer_of(0), b = peer_of(1);
    assert_true(guard_claim(&g, &a, GUARD_GOV, GUARD_OTHER, 0));
    guard_told(&g, &a, 0);
    agree(&g, &b, 0);
    assert_int_equal(guard_why(&g), GUARD_WHY_SECOND);
    guard_tick(&g, WAIT);
    assert_int_equal(guard_why(&g), GUARD_READY); /* one liar stops nobody */
    guard_proof(&g, &a, GUARD_GOV, 1, GUARD_OTHER, WAIT);
    assert_int_equal(guard_why(&g), GUARD_WHY_FORK);
    guard_clone(&g);
    assert_int_equal(guard_why(&g), GUARD_WHY_FORK);
}

static void a_tail_after_own_seals_is_a_clone(void **state)
{
    (void)state;
    struct guard g = guard_of(1, GUARD_SURE, false, GUARD_QUIET);
    struct guard_peer a = peer_of(0);
    agree(&g, &a, 0);
    guard_advanced(&g, GUARD_DATA, 10, true); /* sealed anew at the same size: no new position */
    guard_proof(&g, &a, GUARD_DATA, 12, GUARD_LARGER, 1);
    assert_int_equal(guard_why(&g), GUARD_WHY_TAIL); /* a tail that came late */
    guard_advanced(&g, GUARD_DATA, 12, false);
    assert_int_equal(guard_why(&g), GUARD_READY);
    guard_advanced(&g, GUARD_DATA, 13, true);
    guard_proof(&g, &a, GUARD_DATA, 13, GUARD_SAME, 2); /* it was asked for before */
    assert_int_equal(guard_why(&g), GUARD_READY);
    guard_proof(&g, &a, GUARD_DATA, 14, GUARD_LARGER, 3);
    assert_int_equal(guard_why(&g), GUARD_WHY_CLONE);
    assert_int_equal(guard_want_tail(&g, GUARD_DATA), 14);
    guard_end_alarm(&g, 4);
    assert_int_equal(guard_why(&g), GUARD_WHY_TAIL);
    guard_advanced(&g, GUARD_DATA, 14, false);
    assert_int_equal(guard_why(&g), GUARD_WHY_CLAIMS); /* everybody is asked anew */
    guard_equal(&g, &a, 5);
    assert_int_equal(guard_why(&g), GUARD_READY);
}

/* A fork proof ends the log below the tail: that is not waited for, for ever. */
static void a_tail_behind_the_end_of_the_log_is_not_waited_for(void **state)
{
    (void)state;
    struct guard g = guard_of(1, GUARD_SURE, false, GUARD_QUIET);
    struct guard_peer a = peer_of(0);
    agree(&g, &a, 0);
    guard_proof(&g, &a, GUARD_DATA, 14, GUARD_LARGER, 1);
    assert_int_equal(guard_want_tail(&g, GUARD_DATA), 14);
    guard_fork(&g);
    guard_ends(&g, GUARD_DATA, 4);
    guard_advanced(&g, GUARD_DATA, 4, false);
    assert_int_equal(guard_want_tail(&g, GUARD_DATA), 0);
    assert_int_equal(guard_why(&g), GUARD_WHY_FORK);
    guard_end_alarm(&g, 2);
    agree(&g, &a, 3);
    assert_int_equal(guard_why(&g), GUARD_READY); /* the gov log is sealed again */
}

static void what_was_proven_before_the_start_stays_open(void **state)
{
    (void)state;
    const struct guard_config config = {
        .others = 1, .wait_ms = WAIT, .size = {1, 10}, .proven = {0, 12}};
    struct guard g;
    guard_init(&g, &config, 0);
    struct guard_peer a = peer_of(0);
    guard_equal(&g, &a, 0);
    assert_int_equal(guard_why(&g), GUARD_WHY_TAIL);
    assert_int_equal(guard_want_tail(&g, GUARD_DATA), 12);
}

static void a_log_that_ended_has_no_tail_behind_its_end(void **state)
{
    (void)state;
    struct guard g = guard_of(1, GUARD_SURE, false, GUARD_QUIET);
    struct guard_peer a = peer_of(0);
    agree(&g, &a, 0);
    guard_advanced(&g, GUARD_DATA, 11, true);
    guard_ends(&g, GUARD_DATA, 12); /* nothing up to it is lost here but one entry */
    guard_proof(&g, &a, GUARD_DATA, 20, GUARD_LARGER, 1); /* by one who does not know of the fork */
    assert_int_equal(guard_why(&g), GUARD_WHY_TAIL);
    assert_int_equal(guard_want_tail(&g, GUARD_DATA), 12);
    guard_advanced(&g, GUARD_DATA, 12, false);
    assert_int_equal(guard_why(&g), GUARD_READY); /* the gov log goes on */
}

static void a_house_may_be_told_to_confirm_itself(void **state)
{
    (void)state;
    struct guard_config config = {.others = 2, .wait_ms = WAIT, .alone_ms = 50};
    struct guard g;
    guard_init(&g, &config, 1000);
    assert_int_equal(guard_deadline(&g), 1050);
    guard_tick(&g, 1049);
    assert_false(guard_may_seal(&g));
    guard_tick(&g, 1050);
    assert_true(guard_may_seal(&g));
    assert_true(guard_deadline(&g) == UINT64_MAX);
    config.doubt = GUARD_MARK_AHEAD; /* but not past a doubtful mark */
    guard_init(&g, &config, 1000);
    guard_tick(&g, 5000);
    assert_false(guard_may_seal(&g));
    assert_true(guard_deadline(&g) == UINT64_MAX);
}

static void the_deadline_is_when_waiting_ends(void **state)
{
    (void)state;
    struct guard g = guard_of(5, GUARD_SURE, false, GUARD_QUIET);
    struct guard_peer a = peer_of(0);
    assert_true(guard_deadline(&g) == UINT64_MAX);
    agree(&g, &a, 70);
    assert_int_equal(guard_deadline(&g), 70 + WAIT);
    guard_tick(&g, 60); /* time never goes back */
    assert_int_equal(guard_deadline(&g), 70 + WAIT);
    guard_tick(&g, 70 + WAIT);
    assert_true(guard_may_seal(&g));
    assert_true(guard_deadline(&g) == UINT64_MAX);
}

/* ---- random histories ---- */

struct history {
    struct guard_config config;
    struct guard g, without_liar;
    struct guard_peer peer[PEERS];
    /* what the judge has noted */
    uint64_t now, first, size[GUARD_LOGS], proven[GUARD_LOGS];
    bool told[PEERS], open[PEERS][GUARD_LOGS], counts[PEERS];
    bool alarm, accepted, tip_back, sealed_here;
};

static uint32_t counted(const struct history *h)
{
    uint32_t n = 0;
    for (int i = 0; i < PEERS; i++) {
        n += h->counts[i] ? 1 : 0;
    }
    return n;
}

static void note(struct history *h, int peer)
{
    if (h->told[peer] && !h->open[peer][0] && !h->open[peer][1] && !h->counts[peer]) {
        h->first = counted(h) == 0 ? h->now : h->first;
        h->counts[peer] = true;
    }
}

static void step_claim(struct history *h, struct test_rng *rng, int peer)
{
    enum guard_log log = (enum guard_log)test_rng_below(rng, GUARD_LOGS);
    enum guard_relation relation = (enum guard_relation)test_rng_below(rng, 3);
    if (peer == LIAR) { /* says anything, proves nothing */
        relation = relation == GUARD_SAME ? GUARD_LARGER : relation;
        assert_true(guard_claim(&h->g, &h->peer[peer], log, relation, h->now));
        h->open[peer][log] = true;
        guard_told(&h->g, &h->peer[peer], h->now);
        h->told[peer] = true;
        return;
    }
    h->open[peer][log] = relation != GUARD_SAME;
    struct guard_peer copy = h->peer[peer];
    bool asked = guard_claim(&h->g, &h->peer[peer], log, relation, h->now);
    assert_int_equal(asked, h->open[peer][log]);
    assert_int_equal(guard_claim(&h->without_liar, &copy, log, relation, h->now), asked);
    note(h, peer);
}

static void step_told(struct history *h, struct test_rng *rng, int peer)
{
    bool equal = test_rng_below(rng, 3) == 0;
    struct guard_peer copy = h->peer[peer];
    h->told[peer] = true;
    if (equal) {
        h->open[peer][0] = h->open[peer][1] = false;
    }
    (equal ? guard_equal : guard_told)(&h->g, &h->peer[peer], h->now);
    (equal ? guard_equal : guard_told)(&h->without_liar, &copy, h->now);
    note(h, peer);
}

static void step_proof(struct history *h, struct test_rng *rng, int peer)
{
    enum guard_log log = (enum guard_log)test_rng_below(rng, GUARD_LOGS);
    uint64_t size = h->size[log] - 1 + test_rng_below(rng, 5);
    bool other = size <= h->size[log] && test_rng_below(rng, 8) == 0;
    enum guard_relation relation = other                  ? GUARD_OTHER
                                   : size <= h->size[log] ? GUARD_SAME
                                                          : GUARD_LARGER;
    struct guard_peer copy = h->peer[peer];
    guard_proof(&h->g, &h->peer[peer], log, size, relation, h->now);
    guard_proof(&h->without_liar, &copy, log, size, relation, h->now);
    if (relation == GUARD_LARGER) {
        h->proven[log] = size > h->proven[log] ? size : h->proven[log];
        h->alarm = h->alarm || h->sealed_here;
    }
    h->alarm = h->alarm || other;
    if (!other) {
        h->open[peer][log] = false;
        note(h, peer);
    }
}

static void step_own(struct history *h, struct test_rng *rng)
{
    enum guard_log log = (enum guard_log)test_rng_below(rng, GUARD_LOGS);
    bool by_us = guard_may_seal(&h->g); /* a house seals only then; else its tail comes back */
    uint64_t more = 1 + test_rng_below(rng, 3);
    if (!by_us && h->proven[log] <= h->size[log]) {
        return;
    }
    h->size[log] += more;
    h->sealed_here = h->sealed_here || by_us;
    guard_advanced(&h->g, log, h->size[log], by_us);
    guard_advanced(&h->without_liar, log, h->size[log], by_us);
}

static void step_person(struct history *h, struct test_rng *rng)
{
    struct guard *both[] = {&h->g, &h->without_liar};
    uint64_t what = test_rng_below(rng, 6);
    for (int i = 0; i < 2; i++) {
        if (what == 0) {
            guard_accept_loss(both[i]);
        } else if (what == 1) {
            guard_mark_is_back(both[i]);
        } else if (what == 2) {
            guard_end_alarm(both[i], h->now);
        } else if (what == 3) {
            guard_clone(both[i]);
        }
    }
    h->accepted = h->accepted || what == 0;
    h->tip_back = h->tip_back || what == 1;
    h->alarm = what == 2 ? false : h->alarm || what == 3;
    if (what == 2) {
        memset(h->counts, 0, sizeof h->counts);
        h->sealed_here = false;
    }
}

static void judge(const struct history *h)
{
    bool may = guard_may_seal(&h->g);
    bool tail = h->proven[0] > h->size[0] || h->proven[1] > h->size[1];
    bool doubt =
        h->config.doubt != GUARD_SURE && !(h->config.doubt == GUARD_MARK_AHEAD && h->tip_back);
    uint32_t need = h->config.others < 2 ? (uint32_t)h->config.others : 2;
    bool enough = counted(h) >= need;
    bool waited = counted(h) > 0 && h->now - h->first >= WAIT;
    assert_false(may && tail);
    assert_false(may && h->alarm);
    assert_false(may && doubt && !(h->accepted && enough));
    assert_false(may && need > 0 && counted(h) == 0);
    assert_false(may && !enough && !waited);
    if (!tail && !h->alarm && !doubt && (enough || waited)) {
        assert_true(may);
    }
    if (!tail && !h->alarm && doubt && h->accepted && enough) {
        assert_true(may);
    }
    assert_int_equal(guard_why(&h->g), guard_why(&h->without_liar));
    /* a deadline is announced whenever time alone would help, and only then */
    struct guard then = h->g;
    guard_tick(&then, UINT64_MAX);
    assert_int_equal(guard_deadline(&h->g) != UINT64_MAX, guard_may_seal(&then) && !may);
}

static void no_history_breaks_the_rules(void **state)
{
    (void)state;
    struct test_rng rng = {42};
    uint32_t ready = 0, alarms = 0, tails = 0;
    for (int n = 0; n < HISTORIES; n++) {
        struct history h = {
            .config = {.others = test_rng_below(&rng, 4),
                       .wait_ms = WAIT,
                       .doubt =
                           (enum guard_doubt)(test_rng_below(&rng, 2) * test_rng_below(&rng, 4)),
                       .size = {5, 10}},
            .size = {5, 10},
        };
        guard_init(&h.g, &h.config, 0);
        h.without_liar = h.g;
        for (int i = 0; i < PEERS; i++) {
            h.peer[i] = peer_of((uint8_t)i);
        }
        for (int i = 0; i < STEPS; i++) {
            int honest = (int)test_rng_below(&rng, LIAR);
            uint64_t what = test_rng_below(&rng, 16);
            h.now += test_rng_below(&rng, 4) == 0 ? test_rng_below(&rng, WAIT) : 0;
            guard_tick(&h.g, h.now);
            guard_tick(&h.without_liar, h.now);
            if (what < 4) {
                step_claim(&h, &rng, what == 0 ? LIAR : honest);
            } else if (what < 8) {
                step_told(&h, &rng, honest);
            } else if (what < 10) {
                step_proof(&h, &rng, honest);
            } else if (what < 14) {
                step_own(&h, &rng);
            } else {
                step_person(&h, &rng);
            }
            judge(&h);
            enum guard_why why = guard_why(&h.g);
            ready += why == GUARD_READY ? 1 : 0;
            tails += why == GUARD_WHY_TAIL ? 1 : 0;
            alarms += why == GUARD_WHY_FORK || why == GUARD_WHY_CLONE ? 1 : 0;
        }
    }
    /* the histories went everywhere */
    assert_true(ready > HISTORIES && tails > HISTORIES && alarms > HISTORIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_has_its_answer),
        cmocka_unit_test(a_larger_claim_counts_only_with_its_proof),
        cmocka_unit_test(a_claim_of_something_else_counts_only_with_its_proof),
        cmocka_unit_test(a_tail_after_own_seals_is_a_clone),
        cmocka_unit_test(a_tail_behind_the_end_of_the_log_is_not_waited_for),
        cmocka_unit_test(what_was_proven_before_the_start_stays_open),
        cmocka_unit_test(a_log_that_ended_has_no_tail_behind_its_end),
        cmocka_unit_test(a_house_may_be_told_to_confirm_itself),
        cmocka_unit_test(the_deadline_is_when_waiting_ends),
        cmocka_unit_test(no_history_breaks_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
