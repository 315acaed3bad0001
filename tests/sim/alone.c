/* Data lost out of reach; see alone.h. */
#include "tests/sim/alone.h"

#include "tests/sim/check.h"
#include "tests/sim/net.h"
#include "tests/sim/operator.h"

enum { BEHIND_MS_MAX = 6 * SIM_HOUR_MS, BEHIND_HURRY_MS = SIM_HOUR_MS, ALONE_MS_MAX = SIM_DAY_MS };

static struct rng *chance(struct sim *sim)
{
    return &sim->rng[STREAM_FAULT];
}

/* `side` has a bit for each house: those with one do not reach those without. */
static void divide(struct sim *sim, uint64_t side)
{
    for (uint32_t a = 0; a < sim->houses; a++) {
        for (uint32_t b = 0; b < sim->houses; b++) {
            if ((side >> a & 1) != 0 && (side >> b & 1) == 0) {
                net_block(sim, a, b, true);
                net_block(sim, b, a, true);
            }
        }
    }
}

static bool meets(const struct house *h, uint32_t other)
{
    return other != h->no && (h->peers[other].dials || h->sim->house[other].peers[h->no].dials);
}

bool alone_prepare(struct house *h)
{
    struct sim *sim = h->sim;
    uint64_t near = 0, left = 0;
    for (uint32_t i = 0; i < sim->houses; i++) {
        bool with = i != h->no && rng_below(chance(sim), 2) == 0;
        near |= (uint64_t)(with && meets(h, i)) << i;
        left |= (uint64_t)(!with && meets(h, i)) << i;
    }
    if (near == 0 || left == 0) {
        return false; /* nobody to confirm its start, or nobody to hold what it loses */
    }
    divide(sim, near);
    operator_work(h, rng_between(chance(sim), 1, 20)); /* which they do not hear of */
    uint64_t most = sim->hurry ? BEHIND_HURRY_MS : BEHIND_MS_MAX;
    sim_after(sim, SIM_HOUR_MS + rng_below(chance(sim), most), EVENT_ALONE, h->no, 0, near);
    return true;
}

/* Those who are in reach hold less than has left the house, and somebody else holds all. */
static bool is_alone(const struct house *h, uint64_t near)
{
    bool held = false;
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        if (i == h->no) {
            continue;
        }
        bool holds = check_all_hold(h->sim, h, &h->sim->house[i]);
        if (holds && (near >> i & 1) != 0) {
            return false;
        }
        held = held || holds;
    }
    return held;
}

void alone_on_event(struct sim *sim, const struct event *event)
{
    struct house *h = &sim->house[event->a];
    for (uint32_t i = 0; i < sim->houses; i++) {
        if (sim->house[i].recovering) {
            return;
        }
    }
    if (sim->calm || !h->up || h->doubled || h->mark_pending || sim->clone_of != SIM_NONE ||
        check_undecided(sim) || !is_alone(h, event->stamp)) {
        return; /* the world has gone on in another way */
    }
    net_block_none(sim);
    divide(sim, event->stamp | UINT64_C(1) << h->no);
    check_doubled(h, NULL);
    sim->census.struck[FAULT_ALONE]++;
    sim_trace(sim, "house %u loses its data out of reach", h->no);
    if (h->has_backup && rng_below(chance(sim), 4) != 0) {
        house_put_back(h, (enum put_back)rng_below(chance(sim), PUT_BACKS));
    } else {
        house_lose(h);
    }
    /* it is down for up to twelve hours, and then the people write */
    sim_after(sim, SIM_DAY_MS + rng_below(chance(sim), ALONE_MS_MAX), EVENT_HEAL, 0, 0, 0);
}
