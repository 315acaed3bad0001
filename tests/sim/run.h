/* One run of the simulator, from a seed to its figures. */
#ifndef TRIS_TESTS_SIM_RUN_H
#define TRIS_TESTS_SIM_RUN_H

#include <stdio.h>

#include "tests/sim/sim.h"

struct run_result {
    uint64_t hash; /* of all that happened: the same for the same seed and program */
    uint64_t virtual_ms, events, entries_written, entries_delivered, commits, sessions,
        bytes_carried;
    struct census census;
    struct profile profile;
};

/* False: the profile is not known. A violation ends the process (exit 1) with the replay command.
 * `options->dir` exists and is empty; what is left in it is the caller's to remove. */
bool run_seed(const struct options *options, struct run_result *out);
/* The parts of a run, for programs that draw their own: options, profile filled in by the caller.
 */
void run_begin(struct sim *sim);
/* Events up to `end_ms` of virtual time. */
void run_until(struct sim *sim, uint64_t end_ms);
/* Faults and operators end: all houses come to the same, or it is a violation. */
void run_calm(struct sim *sim);
void run_end(struct sim *sim);
/* The one command that repeats the run. */
void run_replay(const struct options *options, FILE *out);

#endif
