/* Swarm parameters; see profile.h. */
#include "tests/sim/profile.h"

#include <string.h>

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

enum { SMALL = 0 /* houses: drawn */, FEW_HOUSES = 12 };

struct shape {
    const char *name;
    uint32_t houses, days, changes;
    bool faults, members;
};

static const struct shape shapes[] = {
    {"calm", 3, 1, 100, false, false},     {"small", SMALL, 2, 60, true, false},
    {"dense", 25, 30, 100, true, false},   {"sparse", 25, 30, 10, true, false},
    {"members", SMALL, 3, 20, true, true},
};

/* Mean time between two strikes in a federation of 25 houses. */
static const uint64_t every_ms[FAULTS] = {
    [FAULT_CUT] = 4 * HOUR,      [FAULT_CUT_BYTE] = 4 * HOUR,    [FAULT_SILENT] = 8 * HOUR,
    [FAULT_FLIP] = 12 * HOUR,    [FAULT_SPLIT] = 6 * HOUR,       [FAULT_SLOW] = 8 * HOUR,
    [FAULT_PARTITION] = 2 * DAY, [FAULT_ONE_WAY] = 2 * DAY,      [FAULT_ISOLATE] = DAY,
    [FAULT_REORDER] = 12 * HOUR, [FAULT_KILL] = 12 * HOUR,       [FAULT_CRASH] = 6 * HOUR,
    [FAULT_POWER] = 12 * HOUR,   [FAULT_DISK_FULL] = DAY,        [FAULT_DISK_SLOW] = 12 * HOUR,
    [FAULT_CLOCK_JUMP] = DAY,    [FAULT_CLOCK_RATE] = 12 * HOUR, [FAULT_RESTART] = 12 * HOUR,
    [FAULT_BACKUP] = 8 * HOUR,   [FAULT_RESTORE] = DAY,          [FAULT_LOSS] = 3 * DAY,
    [FAULT_CLONE] = 4 * DAY,     [FAULT_ALONE] = 4 * DAY,
};

static const struct shape *shape_of(const char *name)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (strcmp(shapes[i].name, name) == 0) {
            return &shapes[i];
        }
    }
    return NULL;
}

/* Each fault is on in three runs of four, rarer or more frequent by the run's own mood. */
static void draw_faults(struct rng *rng, struct profile *p)
{
    static const uint32_t moods[] = {2, 1, 1, 4}; /* halves of the mean time */
    uint64_t run_ms = (uint64_t)p->days * DAY;
    uint32_t mood = moods[rng_below(rng, 4)];
    for (enum fault f = 0; f < FAULT_CLONE; f++) {
        bool on = rng_below(rng, 4) != 0;
        uint64_t every = every_ms[f] * mood / 2 * 25 / p->houses;
        /* often enough to strike in a run as short as this */
        p->every_ms[f] = !on ? 0 : every < run_ms / 3 ? every : run_ms / 3;
    }
    if (p->every_ms[FAULT_RESTORE] != 0 && p->every_ms[FAULT_BACKUP] == 0) {
        p->every_ms[FAULT_BACKUP] = p->every_ms[FAULT_RESTORE] / 2 + 1;
    }
}

static void draw_hostile(struct rng *rng, struct profile *p)
{
    /* small federations in every second run; in large ones they cost most of the time */
    if (p->houses < 4 || rng_below(rng, p->houses < FEW_HOUSES ? 2 : 8) != 0) {
        return;
    }
    p->hostile = (uint32_t)rng_between(rng, 1, p->houses < 6 ? 1 : p->houses / 6);
    if (p->houses <
        FEW_HOUSES) { /* everybody has a hostile neighbour, who may deny what he holds */
        p->every_ms[FAULT_RESTORE] = p->every_ms[FAULT_LOSS] = 0;
    }
    for (int f = FAULT_HOSTILE_FIRST; f <= FAULT_HOSTILE_LAST; f++) {
        p->every_ms[f] = 1; /* each act has to occur; when, hostile.c knows */
    }
}

/* Behind all other draws, so that runs without them are what they were before they came. */
static void draw_doubles(struct rng *rng, struct profile *p)
{
    uint64_t run_ms = (uint64_t)p->days * DAY, every = every_ms[FAULT_CLONE] * 25 / p->houses;
    every = every < run_ms / 3 ? every : run_ms / 3;
    if (p->houses > 1 && rng_below(rng, 4) == 0) {
        p->every_ms[FAULT_CLONE] = every;
    }
    /* a hostile house may deny what it holds, or be the only one that does; clones of all the
     * houses of a small federation would leave none for this */
    bool left = p->every_ms[FAULT_CLONE] == 0 || p->houses >= FEW_HOUSES;
    if (p->houses > 2 && p->hostile == 0 && left && rng_below(rng, 4) == 0) {
        p->every_ms[FAULT_ALONE] = every;
    }
}

/* A coalition below the charter's threshold, or one that may admit, or revoke as well. */
static void draw_members(struct rng *rng, struct profile *p)
{
    p->admit = (uint32_t)rng_between(rng, 2, 3);
    p->revoke = p->admit + 1;
    const uint32_t sizes[] = {0, p->admit - 1, p->admit - 1, p->admit, p->revoke};
    p->coalition = sizes[rng_below(rng, sizeof sizes / sizeof sizes[0])];
    p->joiners = 3;
    p->strangers = p->coalition > 0 ? (uint32_t)rng_between(rng, 1, 2) : 0;
    const uint32_t honest = p->revoke + 1 + (uint32_t)rng_below(rng, 2);
    p->founders = honest + p->coalition;
    p->hostile = p->coalition + p->strangers;
    p->houses = honest + p->joiners + p->hostile;
}

/* No data is lost in these runs, and hostile houses do what they state. */
static void draw_member_faults(struct profile *p)
{
    uint64_t run_ms = (uint64_t)p->days * DAY;
    p->every_ms[FAULT_BACKUP] = p->every_ms[FAULT_RESTORE] = p->every_ms[FAULT_LOSS] = 0;
    p->every_ms[FAULT_ADMIT] = run_ms / 8;
    p->every_ms[FAULT_ROTATE] = run_ms / 6;
    p->every_ms[FAULT_REVOKE] = p->every_ms[FAULT_APART] = run_ms / 4;
    if (p->coalition == 0) {
        return;
    }
    p->every_ms[FAULT_VOUCH] = p->every_ms[FAULT_OUST] = p->every_ms[FAULT_BACKDATE] = 1;
    p->every_ms[FAULT_FORK] = p->coalition < p->admit ? 1 : 0;
}

bool profile_draw(const char *name, uint32_t houses, uint32_t days, uint32_t changes,
                  struct rng *rng, struct profile *out)
{
    const struct shape *shape = shape_of(name);
    if (shape == NULL) {
        return false;
    }
    memset(out, 0, sizeof *out);
    out->name = shape->name;
    out->houses = houses != 0 ? houses : shape->houses;
    if (houses == 0 && shape->houses == SMALL) {
        out->houses = (uint32_t)rng_between(rng, 2, 7);
    }
    out->days = days != 0 ? days : shape->days;
    out->changes = changes != 0 ? changes : shape->changes;
    out->burst = (uint32_t)rng_between(rng, 20, 60);
    out->long_texts = rng_below(rng, 8) == 0;
    out->heartbeat_ms = rng_below(rng, 50) == 0 ? 15000 : HOUR;
    out->backoff_max_ms = rng_below(rng, 4) == 0 ? MINUTE : 30 * MINUTE;
    out->dials = (uint32_t)rng_between(rng, 1, 3);
    out->commit_ms = (uint32_t)rng_between(rng, 1, 1500);
    out->socket_bytes = (uint32_t)rng_between(rng, 16, 256) * 1024;
    out->real_crypto = rng_below(rng, 50) == 0;
    out->words = rng_below(rng, 20) == 0;
    if (shape->members) {
        draw_members(rng, out);
        draw_faults(rng, out);
        draw_member_faults(out);
    } else if (shape->faults) {
        draw_faults(rng, out);
        draw_hostile(rng, out);
        draw_doubles(rng, out);
    }
    return true;
}
