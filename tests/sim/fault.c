/* Strikes of faults; see fault.h. Each function returns whether it found somebody to strike. */
#include "tests/sim/fault.h"

#include "proto/assert.h"
#include "tests/sim/alone.h"
#include "tests/sim/check.h"
#include "tests/sim/clone.h"
#include "tests/sim/hostile.h"
#include "tests/sim/house.h"
#include "tests/sim/member.h"
#include "tests/sim/net.h"
#include "tests/sim/rotate.h"

enum {
    AGAIN_MS = 10 * SIM_MINUTE_MS, /* nobody to strike: later */
    PARTITION_MS_MAX = 3 * SIM_DAY_MS,
    SLOW_MS_MAX = 6 * SIM_HOUR_MS,
    FULL_MS_MAX = 4 * SIM_HOUR_MS,
    CRASH_CALLS_MAX = 400,
    CUT_BYTES_MAX = 300 * 1024,
    DATA_LOOKS = 40, /* houses looked at for one whose data can be lost */
};

static struct rng *chance(struct sim *sim)
{
    return &sim->rng[STREAM_FAULT];
}

/* A house that runs; NULL if the first few looked at do not. */
static struct house *victim(struct sim *sim, enum fault fault)
{
    for (int i = 0; i < 8; i++) {
        struct house *h = &sim->house[rng_below(chance(sim), sim->houses)];
        bool ahead = disk_armed(h->disk) || disk_is_full(h->disk);
        if (h->up && !(ahead && (fault == FAULT_CRASH || fault == FAULT_DISK_FULL))) {
            return h;
        }
    }
    return NULL;
}

/* ---- the network ---- */

static bool strike_conn(struct sim *sim, enum fault fault)
{
    uint32_t no = net_any(sim, chance(sim));
    struct conn *c = no != SIM_NONE ? net_conn(sim, no) : NULL;
    if (c == NULL) {
        return false;
    }
    struct end *e = &c->end[rng_below(chance(sim), 2)];
    if (fault == FAULT_CUT) {
        net_reset(sim, no);
    } else if (fault == FAULT_SILENT) {
        net_swallow(sim, no);
    } else if (fault == FAULT_CUT_BYTE) {
        e->cut_at = e->sent + rng_scale(chance(sim), CUT_BYTES_MAX);
    } else if (fault == FAULT_FLIP) {
        c->flip = true;
    } else if (fault == FAULT_SPLIT) {
        c->split = (uint32_t)rng_between(chance(sim), 1, 200);
    } else {
        tris_assert(fault == FAULT_SLOW);
        c->slow_until_ms = sim->now_ms + rng_scale(chance(sim), SLOW_MS_MAX);
        c->slow_bytes_per_ms = (uint32_t)rng_scale(chance(sim), 1000);
    }
    return true;
}

/* Partitions are undone all at once: several at a time are simply a worse one. */
static bool strike_partition(struct sim *sim, enum fault fault)
{
    uint64_t side[4];
    rng_bytes(chance(sim), side, sizeof side);
    uint32_t lonely = (uint32_t)rng_below(chance(sim), sim->houses);
    uint32_t pair = 0;
    for (uint32_t a = 0; a < sim->houses; a++) {
        for (uint32_t b = 0; b < sim->houses; b++) {
            bool left = (side[a / 64 % 4] >> a % 64 & 1) != 0;
            bool right = (side[b / 64 % 4] >> b % 64 & 1) != 0;
            bool apart = fault == FAULT_ISOLATE     ? a == lonely || b == lonely
                         : fault == FAULT_PARTITION ? left != right
                                                    : left && !right;
            if (a != b && apart) {
                net_block(sim, a, b, true);
                pair++;
            }
        }
    }
    sim_after(sim, SIM_SECOND_MS + rng_scale(chance(sim), PARTITION_MS_MAX), EVENT_HEAL, 0, 0, 0);
    return pair > 0;
}

void fault_on_heal(struct sim *sim, const struct event *event)
{
    (void)event;
    net_block_none(sim);
}

/* ---- houses ---- */

static bool strike_house(struct sim *sim, enum fault fault)
{
    struct house *h = victim(sim, fault);
    if (h == NULL) {
        return false;
    }
    bool silent = rng_below(chance(sim), 2) == 0;
    switch ((int)fault) {
    case FAULT_KILL:
        house_down(h, silent, true);
        house_start_later(h);
        return true;
    case FAULT_POWER:
        disk_cut(h->disk);
        house_down(h, true, false);
        house_start_later(h);
        return true;
    case FAULT_RESTART:
        for (uint32_t no = 0; no < net_count(sim); no++) {
            for (uint32_t k = 0; k < 2; k++) {
                const struct conn *c = net_conn(sim, no);
                if (c != NULL && c->end[k].house == h->no) {
                    net_goodbye(sim, no, k, TRIS_ERR_STOPPING);
                }
            }
        }
        house_down(h, false, true);
        house_start_later(h);
        return true;
    case FAULT_CRASH:
        disk_arm(h->disk, rng_scale(chance(sim), CRASH_CALLS_MAX));
        return true;
    case FAULT_DISK_FULL:
        disk_set_full(h->disk, true);
        sim_after(sim, rng_scale(chance(sim), FULL_MS_MAX), EVENT_CLOCK, h->no, 1, 0);
        return true;
    case FAULT_DISK_SLOW:
        h->slow_until_ms = sim->now_ms + rng_scale(chance(sim), SLOW_MS_MAX);
        return true;
    case FAULT_REORDER:
        h->reorder_until_ms = sim->now_ms + rng_scale(chance(sim), SLOW_MS_MAX);
        return true;
    case FAULT_CLOCK_JUMP:
        clock_jump(&h->clock, chance(sim));
        sim_after(sim, rng_scale(chance(sim), 2 * (uint64_t)SIM_DAY_MS), EVENT_CLOCK, h->no, 0, 0);
        return true;
    default:
        tris_assert(fault == FAULT_CLOCK_RATE);
        clock_drift(&h->clock, chance(sim), sim->now_ms);
        return true;
    }
}

void fault_on_clock(struct sim *sim, const struct event *event)
{
    struct house *h = &sim->house[event->a];
    if (event->b == 1) {
        disk_set_full(h->disk, false);
    } else {
        clock_set_right(&h->clock);
    }
}

/* A house whose data can be lost without a fork: all whom it will meet hold what has left it. */
static bool may_lose(struct sim *sim, const struct house *h)
{
    uint32_t met = 0;
    for (uint32_t i = 0; i < sim->houses; i++) {
        const struct house *other = &sim->house[i];
        if (i == h->no) {
            continue;
        }
        if (other->recovering && !other->hostile) {
            return false;
        }
        if (h->peers[i].dials || other->peers[h->no].dials) {
            met++;
            if (other->hostile || !check_all_hold(sim, h, other)) {
                return false;
            }
        }
    }
    return met > 0 && !h->recovering && !h->mark_pending && !check_has_parted(h) &&
           !check_undecided(sim) && sim->clone_of == SIM_NONE;
}

/* Somebody may hold less than he did, for a while. */
static bool anybody_recovers(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->houses; i++) {
        if (sim->house[i].recovering && !sim->house[i].hostile) {
            return true;
        }
    }
    return false;
}

/* A house whose history may become two. */
static struct house *victim_of_two(struct sim *sim)
{
    struct house *h = victim(sim, FAULT_CRASH);
    bool fits = h != NULL && !h->hostile && !h->doubled && !h->mark_pending;
    return fits && !anybody_recovers(sim) && !check_undecided(sim) ? h : NULL;
}

/* A copy of a house that nobody waits for begins to run. While it does no data is lost: it would
 * confirm in the name of its house what it does not hold. */
static bool strike_clone(struct sim *sim, enum fault fault)
{
    struct house *h = victim_of_two(sim);
    (void)fault;
    return h != NULL && clone_begin(h);
}

static bool strike_alone(struct sim *sim, enum fault fault)
{
    struct house *h = victim_of_two(sim);
    (void)fault;
    return h != NULL && alone_prepare(h);
}

/* One house, if it fits: a copy is made, put back, or all is lost. */
static bool strike_store(struct sim *sim, struct house *h, enum fault fault)
{
    if (h == NULL || h->recovering || h->hostile) {
        return false;
    }
    if (fault == FAULT_BACKUP) {
        return house_back_up(h);
    }
    if (!may_lose(sim, h)) {
        return false;
    }
    if (fault == FAULT_LOSS) {
        house_lose(h);
        return true;
    }
    if (!h->has_backup) {
        return false;
    }
    house_put_back(h, (enum put_back)rng_below(chance(sim), PUT_BACKS));
    return true;
}

static bool strike_data(struct sim *sim, enum fault fault)
{
    for (int i = 0; i < DATA_LOOKS; i++) {
        if (strike_store(sim, victim(sim, FAULT_CRASH), fault)) {
            return true;
        }
    }
    /* at the end of a run few houses may fit: none is left out, and each has a copy the next time
     */
    for (uint32_t i = 0; sim->hurry && i < sim->houses; i++) {
        struct house *h = &sim->house[i];
        if (!h->up) {
            continue;
        }
        if (strike_store(sim, h, fault)) {
            return true;
        }
        if (!h->has_backup && !h->hostile && !h->recovering) {
            (void)house_back_up(h);
        }
    }
    return false;
}

/* ---- when ---- */

typedef bool strike_fn(struct sim *sim, enum fault fault);

static strike_fn *const strikes[FAULTS] = {
    [FAULT_CUT] = strike_conn,
    [FAULT_CUT_BYTE] = strike_conn,
    [FAULT_SILENT] = strike_conn,
    [FAULT_FLIP] = strike_conn,
    [FAULT_SPLIT] = strike_conn,
    [FAULT_SLOW] = strike_conn,
    [FAULT_PARTITION] = strike_partition,
    [FAULT_ONE_WAY] = strike_partition,
    [FAULT_ISOLATE] = strike_partition,
    [FAULT_REORDER] = strike_house,
    [FAULT_KILL] = strike_house,
    [FAULT_CRASH] = strike_house,
    [FAULT_POWER] = strike_house,
    [FAULT_DISK_FULL] = strike_house,
    [FAULT_DISK_SLOW] = strike_house,
    [FAULT_CLOCK_JUMP] = strike_house,
    [FAULT_CLOCK_RATE] = strike_house,
    [FAULT_RESTART] = strike_house,
    [FAULT_BACKUP] = strike_data,
    [FAULT_RESTORE] = strike_data,
    [FAULT_LOSS] = strike_data,
    [FAULT_CLONE] = strike_clone,
    [FAULT_ALONE] = strike_alone,
    [FAULT_ADMIT] = member_strike,
    [FAULT_REVOKE] = member_strike,
    [FAULT_APART] = member_strike,
    [FAULT_ROTATE] = rotate_strike,
};

void fault_begin(struct sim *sim)
{
    for (enum fault f = 0; f < FAULT_HOSTILE_FIRST; f++) {
        if (sim->profile.every_ms[f] != 0) {
            sim_after(sim, 1 + rng_below(chance(sim), sim->profile.every_ms[f]), EVENT_FAULT, f, 0,
                      0);
        }
    }
}

static bool fault_strike(struct sim *sim, enum fault f)
{
    if (!strikes[f](sim, f)) {
        return false;
    }
    sim_trace(sim, "fault %s", fault_name(f));
    if (f != FAULT_CRASH && f != FAULT_ALONE) { /* prepared only: counted when it happens */
        sim->census.struck[f]++;
    }
    return true;
}

bool fault_hurry(struct sim *sim)
{
    bool any = false;
    sim->hurry = true;
    for (enum fault f = 0; f < FAULTS; f++) {
        if (sim->profile.every_ms[f] != 0 && sim->census.struck[f] == 0) {
            any = true;
            net_block_none(sim); /* data is lost only where all neighbours are reached */
            if (f >= FAULT_HOSTILE_FIRST) {
                (void)hostile_strike(sim, f);
                continue;
            }
            (void)fault_strike(sim, f);
            for (uint32_t i = 0; f == FAULT_CRASH && i < sim->houses; i++) {
                disk_arm(sim->house[i].disk, rng_between(chance(sim), 1, 20));
            }
        }
    }
    return any;
}

void fault_on_event(struct sim *sim, const struct event *event)
{
    enum fault f = (enum fault)event->a;
    if (sim->calm || sim->hurry) {
        return;
    }
    uint64_t wait =
        fault_strike(sim, f) ? rng_wait(chance(sim), sim->profile.every_ms[f]) : (uint64_t)AGAIN_MS;
    sim_after(sim, wait, EVENT_FAULT, f, 0, 0);
}

void fault_end(struct sim *sim)
{
    net_block_none(sim);
    for (uint32_t i = 0; i < sim->houses; i++) {
        struct house *h = &sim->house[i];
        hostile_end(h);
        disk_set_full(h->disk, false);
        disk_disarm(h->disk);
        h->slow_until_ms = 0;
        h->reorder_until_ms = 0;
        if (!h->up) {
            h->life++; /* the start that was planned is void */
            house_start_later(h);
        }
    }
    for (uint32_t no = 0; no < net_count(sim); no++) {
        struct conn *c = net_conn(sim, no);
        if (c != NULL) {
            c->slow_until_ms = 0;
            c->split = 0;
            c->flip = false;
            c->end[0].cut_at = UINT64_MAX;
            c->end[1].cut_at = UINT64_MAX;
        }
    }
}
