/* Houses that leave and return; see churn.h. */
#include "tests/scale/churn.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/neighbour.h"
#include "proto/penalty.h"

enum {
    DIAL_MAX = 8, /* as peers.dial_max */
    STATES = 16,
    LINK_MS = 30,
    STEP_MS = 1000, /* how often a house looks for neighbours */
    ROUND_STEPS = 20,
    ROTATE_STEPS = 10, /* an exchange of one neighbour each: as often as nobody would */
    WRITES_A_ROUND = 3,
    END_STEPS = 120, /* everybody is back: two heartbeats, and a comparison a minute */
};

struct churn {
    struct world *w;
    struct penalty *penalty; /* of each house for each other one */
    bool *away;
    uint32_t *mark; /* breadth first search */
    uint32_t self;  /* whose turn it is */
    uint32_t in_parts;
    uint64_t dials, failed_dials;
};

/* ---- neighbours ---- */

static bool connected(const struct churn *c, uint32_t a, uint32_t b)
{
    const struct house *h = &c->w->houses[a];
    for (uint32_t i = 0; i < h->conns_count; i++) {
        const struct conn *conn = &c->w->conns[h->conns[i]];
        if (conn->end[0].house == b || conn->end[1].house == b) {
            return true;
        }
    }
    return false;
}

static uint32_t draw_random(void *ctx, uint32_t below)
{
    struct churn *c = ctx;
    return (uint32_t)rng_below(&c->w->rng, below);
}

static struct penalty *penalty_of(const struct churn *c, uint32_t index)
{
    return &c->penalty[(size_t)c->self * c->w->houses_count + index];
}

static enum neighbour_ready draw_ready(void *ctx, uint32_t index, uint64_t *at_ms)
{
    struct churn *c = ctx;
    if (index == c->self || connected(c, c->self, index)) {
        return NEIGHBOUR_NEVER;
    }
    *at_ms = penalty_of(c, index)->dial_ms;
    return *at_ms > c->w->now_ms ? NEIGHBOUR_LATER : NEIGHBOUR_READY;
}

static uint32_t draw_distance(void *ctx, uint32_t index)
{
    const struct churn *c = ctx;
    return index % STATES == c->self % STATES ? 0 : 1;
}

static uint32_t dialled(const struct churn *c, uint32_t *oldest)
{
    const struct house *h = &c->w->houses[c->self];
    uint32_t count = 0;
    *oldest = UINT32_MAX;
    for (uint32_t i = 0; i < h->conns_count; i++) {
        if (c->w->conns[h->conns[i]].end[0].house == c->self) {
            count++;
            *oldest = h->conns[i] < *oldest ? h->conns[i] : *oldest; /* numbers ascend in time */
        }
    }
    return count;
}

/* One attempt. Whether somebody is away shows when he is dialled. */
static bool dial_one(struct churn *c, bool near)
{
    static const struct neighbour_io io = {draw_random, draw_ready, draw_distance};
    uint64_t next = UINT64_MAX;
    const uint32_t index = neighbour_draw(&io, c, c->w->houses_count, near, &next);
    if (index == NEIGHBOUR_NONE) {
        return false;
    }
    c->dials++;
    if (c->away[index]) {
        c->failed_dials++;
        penalty_later(penalty_of(c, index), c->w->now_ms, draw_random(c, UINT32_MAX),
                      PENALTY_BACKOFF_MS_MAX);
    } else {
        penalty_replan(penalty_of(c, index));
        (void)world_dial(c->w, c->self, index, NULL);
    }
    return true;
}

static void look_for_neighbours(struct churn *c, bool rotate)
{
    uint32_t oldest, count = dialled(c, &oldest);
    if (rotate && count == DIAL_MAX && dial_one(c, neighbour_is_near(c->self))) {
        world_hang_up(c->w, oldest);
    }
    for (uint32_t tries = 0; tries < DIAL_MAX && count < DIAL_MAX; tries++) {
        if (!dial_one(c, neighbour_is_near(count))) {
            return;
        }
        count = dialled(c, &oldest);
    }
}

static void run_steps(struct churn *c, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        for (c->self = 0; c->self < c->w->houses_count; c->self++) {
            if (!c->away[c->self]) {
                look_for_neighbours(c, (i + c->self) % ROTATE_STEPS == 0);
            }
        }
        world_run(c->w, c->w->now_ms + STEP_MS);
    }
}

/* ---- coming and going ---- */

static void leave(struct churn *c, uint32_t no)
{
    struct house *h = &c->w->houses[no];
    c->away[no] = true;
    while (h->conns_count > 0) {
        world_hang_up(c->w, h->conns[0]);
    }
    world_forget(h);
}

/* Those that were away return, a third of all leaves. */
static void change(struct churn *c)
{
    const uint32_t n = c->w->houses_count;
    uint32_t left = n / 3;
    for (uint32_t i = 0; i < n; i++) {
        c->mark[i] = c->away[i] ? 0 : 1;
        c->away[i] = false;
    }
    while (left > 0) {
        const uint32_t no = (uint32_t)rng_below(&c->w->rng, n);
        if (c->mark[no] != 0 && !c->away[no]) { /* it was there */
            leave(c, no);
            left--;
        }
    }
}

/* How many of those that are there can be reached from the first of them. */
static bool hang_together(struct churn *c)
{
    const uint32_t n = c->w->houses_count;
    uint32_t *queue = c->mark, there = 0, first = 0, head = 0, tail = 0;
    bool *seen = calloc(n, sizeof *seen);
    if (seen == NULL) {
        world_fail("no memory");
    }
    for (uint32_t i = n; i > 0; i--) {
        there += c->away[i - 1] ? 0 : 1;
        first = c->away[i - 1] ? first : i - 1;
    }
    seen[first] = true;
    queue[tail++] = first;
    while (head < tail) {
        const struct house *h = &c->w->houses[queue[head++]];
        for (uint32_t i = 0; i < h->conns_count; i++) {
            const struct conn *conn = &c->w->conns[h->conns[i]];
            const uint32_t other = conn->end[conn->end[0].house == h->no ? 1 : 0].house;
            if (!seen[other] && session_state(conn->end[0].session) == SESSION_OPEN) {
                seen[other] = true;
                queue[tail++] = other;
            }
        }
    }
    free(seen);
    return tail == there;
}

static void write_some(struct churn *c)
{
    for (uint32_t i = 0; i < WRITES_A_ROUND; i++) {
        const uint32_t no = (uint32_t)rng_below(&c->w->rng, c->w->houses_count);
        const struct log *log = &c->w->logs[no * HOUSE_LOGS + TRIS_TOPIC_DATA];
        if (!c->away[no] && log->runs_count < LOG_RUNS_MAX) {
            world_write(c->w, no);
        }
        run_steps(c, ROUND_STEPS / WRITES_A_ROUND);
    }
}

bool churn_run(uint32_t houses, uint32_t rounds)
{
    struct churn c = {.w = world_new(houses, 3)};
    c.penalty = calloc((size_t)houses * houses, sizeof *c.penalty);
    c.away = calloc(houses, sizeof *c.away);
    c.mark = calloc(houses, sizeof *c.mark);
    if (c.penalty == NULL || c.away == NULL || c.mark == NULL) {
        world_fail("no memory");
    }
    c.w->latency_min_ms = c.w->latency_max_ms = LINK_MS;
    run_steps(&c, ROUND_STEPS);
    for (uint32_t i = 0; i < rounds; i++) {
        change(&c);
        write_some(&c);
        c.in_parts += hang_together(&c) ? 0 : 1;
    }
    for (uint32_t i = 0; i < houses; i++) {
        c.away[i] = false;
    }
    run_steps(&c, END_STEPS);
    const bool whole = hang_together(&c), equal = world_equal(c.w);
    printf("a third of %u houses away, others each %d s, %u times\n", houses, ROUND_STEPS, rounds);
    printf("  %-58s %12u\n", "rounds after which those that are there are in parts", c.in_parts);
    printf("  %-58s %12.1f %%\n", "dials that reached nobody",
           100.0 * (double)c.failed_dials / (double)c.dials);
    printf("  %-58s %12s  %s\n", "in the end all hang together and say the same",
           whole && equal ? "yes" : "no", whole && equal && c.in_parts == 0 ? "MEETS" : "FAILS");
    free(c.penalty);
    free(c.away);
    free(c.mark);
    world_free(c.w);
    return whole && equal && c.in_parts == 0;
}
