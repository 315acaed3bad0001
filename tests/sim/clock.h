/* The wall clock of a house: wrong by an offset that faults move, and by a rate. */
#ifndef TRIS_TESTS_SIM_CLOCK_H
#define TRIS_TESTS_SIM_CLOCK_H

#include "tests/sim/rng.h"

struct house_clock {
    int64_t offset_ms;
    int64_t rate_ppm;
};

/* Unix time in ms that this clock shows at virtual time `now_ms`; never negative. */
uint64_t clock_show(const struct house_clock *c, uint64_t now_ms);
/* Forward or back, from seconds to ten years, the small ones more often. */
void clock_jump(struct house_clock *c, struct rng *rng);
/* Up to 200 ppm from now on, without a jump. */
void clock_drift(struct house_clock *c, struct rng *rng, uint64_t now_ms);
void clock_set_right(struct house_clock *c);

#endif
