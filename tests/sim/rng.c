/* Chance from the seed; see rng.h. */
#include "tests/sim/rng.h"

#include <string.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct rng rng_of(uint64_t seed, uint64_t stream)
{
    return (struct rng){mix(mix(seed + 1) ^ mix(stream * UINT64_C(0x9e3779b97f4a7c15)))};
}

uint64_t rng_next(struct rng *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(r->state);
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    return bound == 0 ? 0 : rng_next(r) % bound;
}

uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high)
{
    return low + rng_below(r, high - low + 1);
}

bool rng_chance(struct rng *r, uint32_t per_mille)
{
    return rng_below(r, 1000) < per_mille;
}

/* Geometric, in sixteenths of the mean: no floating point, whose last bit differs by machine. */
uint64_t rng_wait(struct rng *r, uint64_t mean)
{
    uint64_t steps = 0, step = mean / 16 + 1;
    while (rng_below(r, 16) != 0 && steps < 200) {
        steps++;
    }
    return steps * step + rng_below(r, step) + 1;
}

uint64_t rng_scale(struct rng *r, uint64_t high)
{
    uint32_t bits = 0;
    while (bits < 63 && (high >> bits) > 1) {
        bits++;
    }
    uint64_t top = UINT64_C(1) << rng_between(r, 0, bits);
    uint64_t value = top + rng_below(r, top);
    return value < high ? value : high;
}

void rng_bytes(struct rng *r, void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        uint64_t word = rng_next(r);
        size_t part = len < sizeof word ? len : sizeof word;
        memcpy(at, &word, part);
        at += part;
        len -= part;
    }
}
