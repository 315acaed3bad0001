/* New keys; see rotate.h. */
#include "tests/sim/rotate.h"

#include "proto/assert.h"
#include "tests/sim/member.h"

enum {
    ROTATIONS_MAX = 8, /* in a run: each one is a plan */
    PEOPLE_MS_MAX = 2 * SIM_HOUR_MS,
    PEOPLE_CALM_MS = SIM_MINUTE_MS,
};

enum { KEY_ASKED, KEY_TAKEN }; /* EVENT_KEY, b */

bool rotate_settled(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->honest; i++) {
        if (sim->house[i].rotates) {
            return false;
        }
    }
    return true;
}

/* Whoever is revoked stays so in these runs: with another key it might come in again. */
static bool may_rotate(const struct house *h)
{
    const struct sim *sim = h->sim;
    const bool is_aim =
        !member_coalition_is_weak(sim) && (h->no == MEMBER_OUSTED || h->no + 1 == sim->honest);
    return h->up && !h->accused && !is_aim && h->may_seal && h->epoch + 1 < HOUSE_EPOCHS &&
           house_is_member(h);
}

static void ask_later(struct house *h)
{
    struct rng *rng = &h->sim->rng[STREAM_FAULT];
    const uint64_t most = h->sim->calm ? (uint64_t)PEOPLE_CALM_MS : (uint64_t)PEOPLE_MS_MAX;
    sim_after(h->sim, 1 + rng_below(rng, most), EVENT_KEY, h->no, KEY_ASKED, 0);
}

bool rotate_strike(struct sim *sim, enum fault fault)
{
    const uint32_t first = (uint32_t)rng_below(&sim->rng[STREAM_FAULT], sim->honest);
    if (sim->census.struck[fault] == ROTATIONS_MAX || !rotate_settled(sim)) {
        return false;
    }
    for (uint32_t i = 0; i < sim->honest; i++) {
        struct house *h = &sim->house[(first + i) % sim->honest];
        if (may_rotate(h)) {
            h->rotates = true;
            house_guard_members(h); /* what it sealed now would be cut away */
            sim_trace(sim, "house %u asks for its epoch %u", h->no, h->epoch + 1);
            ask_later(h);
            return true;
        }
    }
    return false;
}

/* By its own evaluation the next epoch is the current one. */
static bool is_current(const struct house *h)
{
    struct tris_sign_pub key;
    struct tris_sign_secret secret;
    const struct store_members *now = h->members.now;
    const uint32_t at = now != NULL ? member_find(&now->set, &h->id) : UINT32_MAX;
    if (at == UINT32_MAX || now->set.house[at].current == UINT32_MAX) {
        return false;
    }
    const struct opening *o = &now->set.opening[now->set.house[at].current].opening;
    house_key(h, h->epoch + 1, &key, &secret);
    return o->epoch == h->epoch + 1 && tris_sign_pub_eq(&o->key, &key);
}

void rotate_look(struct house *h)
{
    if (h->rotates && is_current(h)) {
        sim_after(h->sim, 1, EVENT_KEY, h->no, KEY_TAKEN, h->life);
    }
}

/* What was acknowledged in the former logs is looked for by name: they may end sooner. */
static void take(struct house *h)
{
    h->rotates = false;
    h->epoch++;
    house_key(h, h->epoch, &h->seal_key, &h->key);
    h->acked[TRIS_TOPIC_GOV] = h->acked[TRIS_TOPIC_DATA] = (struct acked){0};
    sim_trace(h->sim, "house %u takes the key of its epoch %u", h->no, h->epoch);
    house_down(h, false, true);
    h->starting = true;
    sim_after(h->sim, SIM_SECOND_MS, EVENT_START, h->no, 0, h->life);
}

void rotate_on_key(struct sim *sim, const struct event *event)
{
    struct house *h = &sim->house[event->a];
    if (event->b == KEY_ASKED) {
        if (!member_plan_next(h)) {
            ask_later(h);
        }
    } else if (h->up && event->stamp == h->life && h->rotates) {
        take(h);
    }
}
