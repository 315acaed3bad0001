/* The simulator's only source of chance: streams of splitmix64, each derived from the seed, so that
 * one more draw for the network does not move what the operators do. */
#ifndef TRIS_TESTS_SIM_RNG_H
#define TRIS_TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* Stream `stream` of `seed`; different streams have nothing in common. */
struct rng rng_of(uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *r);
/* Below `bound`; 0 if bound is 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);
/* From `low` to `high`, both possible; low <= high. */
uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high);
/* True in `per_mille` of 1,000 draws. */
bool rng_chance(struct rng *r, uint32_t per_mille);
/* Waiting time of events that come every `mean` on average, independent of each other; >= 1. */
uint64_t rng_wait(struct rng *r, uint64_t mean);
/* Between 1 and `high`, small values as likely as large ones: every order of magnitude alike. */
uint64_t rng_scale(struct rng *r, uint64_t high);
void rng_bytes(struct rng *r, void *out, size_t len);

#endif
