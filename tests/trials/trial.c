/* What happens in a trial; see trial.h. The invariants of tests/sim/check.c are on all the time. */
#include "tests/trials/trial.h"

#include "proto/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/net.h"
#include "tests/sim/operator.h"
#include "tests/sim/run.h"
#include "tests/trials/look.h"

enum {
    HOUSES = 3,
    ROUNDS_MAX = 3,
    ACTS_MAX = 12,
    STREAM_TRIAL = 9000,
    LOOK_MS = 10 * SIM_SECOND_MS,
    PATIENCE_MS = 3 * SIM_DAY_MS, /* what takes longer will not come */
};

struct trial {
    struct sim sim;
    struct house *h;             /* whose copy is put back */
    struct house *fresh, *other; /* fresh: it always holds what has left h */
    uint64_t copied;             /* entries of its data log that were sealed when it was copied */
    struct rng rng;
    struct trial_figures *sum;
};

/* ---- pieces ---- */

static void pass(struct trial *t, uint64_t most_ms)
{
    run_until(&t->sim, t->sim.now_ms + rng_scale(&t->rng, most_ms));
}

static void work(struct trial *t, struct house *h)
{
    if (h->up) {
        size_t acts = 1 + rng_below(&t->rng, ACTS_MAX);
        operator_work(h, acts);
        t->sum->acts += acts;
    }
}

typedef bool ready_fn(struct trial *t);

static void wait_for(struct trial *t, ready_fn *ready, const char *what)
{
    uint64_t begun = t->sim.now_ms;
    while (!ready(t)) {
        if (t->sim.now_ms - begun > PATIENCE_MS) {
            check_explain(&t->sim);
            sim_fail(&t->sim, "in three days %s", what);
        }
        run_until(&t->sim, t->sim.now_ms + LOOK_MS);
    }
}

static bool is_up(struct trial *t)
{
    return t->h->up;
}

static bool is_settled(struct trial *t)
{
    return t->h->up && !t->h->recovering && !t->h->mark_pending && t->h->may_seal;
}

static bool fresh_holds_all(struct trial *t)
{
    return is_settled(t) && check_all_hold(&t->sim, t->h, t->fresh);
}

static void part(struct trial *t, const struct house *a, const struct house *b, bool parted)
{
    net_block(&t->sim, a->no, b->no, parted);
    net_block(&t->sim, b->no, a->no, parted);
    if (!parted) {
        house_redial(t->h);
    }
}

/* ---- a round ---- */

/* The house loses its newest past. True: the copy lacks what has left it. */
static bool put_back(struct trial *t, enum put_back how)
{
    t->sum->restores[how]++;
    house_put_back(t->h, how);
    wait_for(t, is_up, "the house did not start");
    uint64_t left = t->h->acked[TRIS_TOPIC_DATA].size;
    t->sum->lost_tail += left > t->copied ? left - t->copied : 0;
    operator_recall(t->h);
    return left > t->copied;
}

static void kill_perhaps(struct trial *t)
{
    if (t->h->up && t->h->recovering && rng_chance(&t->rng, 150)) {
        house_down(t->h, rng_chance(&t->rng, 500), true);
        house_start_later(t->h);
        wait_for(t, is_up, "the house did not start");
        t->sum->killed++;
    }
}

/* Peers come back in drawn order. A house that was put back with its mark, machine and all, cannot
 * know that its copy is old: it waits a minute for a second peer, so here the first holds all. */
static void meet_peers(struct trial *t, bool stale)
{
    bool doubtful = t->h->mark_doubtful;
    bool stale_first = stale && doubtful && rng_chance(&t->rng, 600);
    t->sum->stale += stale;
    if (stale_first) {
        part(t, t->h, t->other, false);
        work(t, t->h);
        pass(t, 3 * SIM_HOUR_MS);
        kill_perhaps(t);
    }
    part(t, t->h, t->fresh, false);
    work(t, t->h);
    pass(t, SIM_HOUR_MS);
    kill_perhaps(t);
    if (stale && !doubtful) {
        wait_for(t, is_settled, "a house that met who holds its tail was not content");
    }
    net_block_none(&t->sim);
    house_redial(t->h);
    work(t, t->h);
    pass(t, SIM_HOUR_MS);
    kill_perhaps(t);
}

static void one_round(struct trial *t, bool first)
{
    enum put_back how = (enum put_back)rng_below(&t->rng, PUT_BACKS);
    for (uint32_t i = 0; i < HOUSES; i++) {
        work(t, &t->sim.house[i]);
    }
    pass(t, 2 * SIM_HOUR_MS);
    wait_for(t, is_settled, "a house without faults was not content");
    if (first || rng_chance(&t->rng, 650)) { /* else the former copy once more */
        if (rng_chance(&t->rng, 500)) {
            work(t, t->h);
            pass(t, 2 * SIM_SECOND_MS);
        }
        t->copied = frontier_item(t->h->frontier, t->h->own_no[TRIS_TOPIC_DATA])->held;
        tris_assert(house_back_up(t->h));
    }
    bool stale = rng_chance(&t->rng, 500);
    if (stale) {
        part(t, t->h, t->other, true);
        part(t, t->fresh, t->other, true);
    }
    for (uint64_t i = rng_below(&t->rng, 4); i > 0; i--) {
        work(t, t->h);
        pass(t, SIM_HOUR_MS);
    }
    wait_for(t, fresh_holds_all, "a neighbour did not get what was sealed");
    if (rng_chance(&t->rng, 300)) { /* and some that will be lost, sealed by nobody */
        work(t, t->h);
    }
    bool alone = rng_chance(&t->rng, 750) || stale;
    if (alone) {
        part(t, t->h, t->fresh, true);
        part(t, t->h, t->other, true);
    }
    if (!fresh_holds_all(t)) { /* a seal of the moment before went nowhere: nobody could know */
        net_block_none(&t->sim);
        house_redial(t->h);
        wait_for(t, fresh_holds_all, "a neighbour did not get what was sealed");
    }
    bool behind = put_back(t, how);
    t->sum->behind += behind;
    t->sum->early += behind && alone;
    for (uint64_t i = rng_below(&t->rng, 3) + 1; i > 0; i--) {
        work(t, t->h);
        pass(t, 10 * SIM_MINUTE_MS);
        kill_perhaps(t);
    }
    meet_peers(t, stale);
}

/* ---- from the seed to the figures ---- */

static void draw(struct trial *t, uint64_t seed, const char *dir, bool trace)
{
    t->sim.options = (struct options){
        .seed = seed,
        .profile = "trial",
        .replay = "build/release/tris_trials --trace --runs 1 --seed ",
        .dir = dir,
        .trace = trace,
    };
    t->rng = rng_of(seed, STREAM_TRIAL);
    t->sim.profile = (struct profile){
        .name = "trial",
        .houses = HOUSES,
        .days = 1,
        .changes = 4,
        .burst = 2,
        .heartbeat_ms = rng_chance(&t->rng, 20) ? 15 * SIM_SECOND_MS : SIM_HOUR_MS,
        .backoff_max_ms = SIM_MINUTE_MS,
        .dials = 1,
        .commit_ms = (uint32_t)rng_between(&t->rng, 1, 1500),
        .socket_bytes = 65536,
        .real_crypto = rng_chance(&t->rng, 20),
    };
}

void trial_run(uint64_t seed, const char *dir, bool trace, struct trial_figures *sum)
{
    struct trial t = {.sum = sum};
    draw(&t, seed, dir, trace);
    run_begin(&t.sim);
    uint32_t no = (uint32_t)rng_below(&t.rng, HOUSES);
    t.h = &t.sim.house[no];
    t.fresh = &t.sim.house[(no + 1) % HOUSES];
    t.other = &t.sim.house[(no + 2) % HOUSES];
    for (uint32_t i = 0; i < HOUSES; i++) {
        t.h->peers[i].dials = i != no;
    }
    for (uint64_t rounds = rng_between(&t.rng, 1, ROUNDS_MAX), i = 0; i < rounds; i++) {
        one_round(&t, i == 0);
    }
    run_calm(&t.sim);
    check_end(&t.sim);
    for (uint32_t i = 0; i < HOUSES; i++) {
        look_at_drafts(&t.sim.house[i], sum);
        look_at_alarm(&t.sim.house[i], sum);
    }
    look_at_seals(&t.sim, sum);
    sum->trials++;
    run_end(&t.sim);
}
