/* One trial of the restore guard: three houses with the real proto and storage, one of which gets
 * an older copy of its store back, once or several times. */
#ifndef TRIS_TESTS_TRIALS_TRIAL_H
#define TRIS_TESTS_TRIALS_TRIAL_H

#include "tests/sim/house.h"

/* Sums over trials. */
struct trial_figures {
    uint64_t trials, restores[PUT_BACKS];
    uint64_t behind; /* the copy had less than had left the house, ... */
    uint64_t early;  /* ... and people wrote before a peer was met: without a guard, two things */
    uint64_t lost_tail; /* entries that had left the house and were not in the copy */
    uint64_t stale;     /* a peer that did not hold them was there, mostly before one that did */
    uint64_t killed;    /* the process ended while the house was recovering */
    uint64_t acts;      /* what people did, all houses */
    uint64_t drafts, decisions, aliases; /* at the end: written again, left to a person, old places
                                            that lead to the new one */
    uint64_t alarms;                     /* kept by a store */
    uint64_t positions; /* at which every seal in every store was compared with the others ... */
    uint64_t two;       /* ... and differed */
};

/* Runs the trial of `seed`, with its stores below `dir` (exists, empty; the caller removes what is
 * left). A violation ends the process (exit 1) with the command that repeats it. */
void trial_run(uint64_t seed, const char *dir, bool trace, struct trial_figures *sum);

#endif
