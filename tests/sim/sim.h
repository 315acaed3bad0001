/* The world of one run: what all parts of the simulator share.
 *
 * One process, one thread, virtual time in milliseconds; everything that happens follows from the
 * seed. No part may ask the machine for time, chance or addresses. */
#ifndef TRIS_TESTS_SIM_SIM_H
#define TRIS_TESTS_SIM_SIM_H

#include "proto/charter.h"
#include "proto/types.h"
#include "tests/sim/census.h"
#include "tests/sim/profile.h"
#include "tests/sim/queue.h"
#include "tests/sim/rng.h"

enum {
    SIM_NONE = 0xffffffff - 1, /* no house, no connection */
    SIM_SECOND_MS = 1000,
    SIM_MINUTE_MS = 60 * SIM_SECOND_MS,
    SIM_HOUR_MS = 60 * SIM_MINUTE_MS,
    SIM_DAY_MS = 24 * SIM_HOUR_MS,
};

/* 2027-01-01 00:00 UTC, when all runs begin. */
#define SIM_EPOCH_MS UINT64_C(1798761600000)

enum sim_stream {
    STREAM_PROFILE,
    STREAM_KEYS,
    STREAM_NET,
    STREAM_OPERATOR,
    STREAM_FAULT,
    STREAM_OVERLAY,
    STREAM_HOSTILE,
    STREAM_DISK, /* and one more for each house behind it */
    STREAMS = STREAM_DISK,
};

struct options {
    uint64_t seed;
    uint32_t houses, days, changes; /* 0: as the profile says */
    const char *profile;
    const char *replay; /* the command that repeats a run, less its seed; NULL: make sim */
    const char *dir;    /* data directories lie below it */
    bool trace, quiet;
};

struct house;
struct net;
struct check;

struct sim {
    struct options options;
    struct profile profile;
    struct rng rng[STREAMS];
    struct queue queue;
    uint64_t now_ms, faults_end_ms;
    bool calm;  /* faults and operators have stopped */
    bool hurry; /* the time is over: only what never struck yet does */
    struct tris_fed_id fed;
    struct charter charter;     /* if membership changes */
    struct member_plans *plans; /* see member.h; NULL: it does not */
    struct house *house;
    uint32_t houses, honest; /* the hostile ones are the last */
    uint32_t places;         /* houses, and one behind them for a clone */
    uint32_t clone_of;       /* the house of which a clone runs there; SIM_NONE */
    struct net *net;
    struct check *check;
    struct census census;
    uint64_t hash; /* of everything that happened: two runs of one seed are the same */
    uint64_t events, entries_delivered, entries_written, commits, bytes_carried, sessions;
};

/* An event in `wait_ms` from now. */
void sim_after(struct sim *sim, uint64_t wait_ms, enum event_type type, uint32_t a, uint32_t b,
               uint64_t stamp);
/* Mixes a number into the hash of the run. */
void sim_note(struct sim *sim, uint64_t number);
void sim_note_bytes(struct sim *sim, const void *bytes, size_t len);
/* A line for people, with the virtual time, if --trace. */
__attribute__((format(printf, 2, 3))) void sim_trace(const struct sim *sim, const char *format,
                                                     ...);
/* An invariant is broken: says what, when and how to replay it, and ends the process. */
__attribute__((format(printf, 2, 3), noreturn)) void sim_fail(const struct sim *sim,
                                                              const char *format, ...);

#endif
