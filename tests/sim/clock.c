/* Wrong clocks; see clock.h. */
#include "tests/sim/clock.h"

#include "tests/sim/sim.h"

#define YEAR_MS (INT64_C(365) * SIM_DAY_MS)

uint64_t clock_show(const struct house_clock *c, uint64_t now_ms)
{
    int64_t now = (int64_t)now_ms;
    int64_t shown = (int64_t)SIM_EPOCH_MS + now + now / 1000000 * c->rate_ppm + c->offset_ms;
    return shown > 0 ? (uint64_t)shown : 0;
}

void clock_jump(struct house_clock *c, struct rng *rng)
{
    int64_t far = (int64_t)rng_scale(rng, (uint64_t)(10 * YEAR_MS));
    c->offset_ms += rng_below(rng, 2) == 0 ? far : -far;
}

void clock_drift(struct house_clock *c, struct rng *rng, uint64_t now_ms)
{
    int64_t rate = (int64_t)rng_below(rng, 401) - 200;
    c->offset_ms += (int64_t)(now_ms / 1000000) * (c->rate_ppm - rate);
    c->rate_ppm = rate;
}

void clock_set_right(struct house_clock *c)
{
    *c = (struct house_clock){0, 0};
}
