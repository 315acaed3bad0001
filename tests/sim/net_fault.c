/* Faults of single connections; see net.h. */
#include "tests/sim/net.h"

void net_reset(struct sim *sim, uint32_t no)
{
    struct conn *c = net_conn(sim, no);
    c->dead = true;
    for (uint32_t k = 0; k < 2; k++) {
        if (!c->end[k].over) {
            sim_after(sim, 1 + rng_below(&sim->rng[STREAM_NET], 200), EVENT_NOTICE, no, k,
                      c->stamp);
        }
    }
}

void net_swallow(struct sim *sim, uint32_t no)
{
    struct conn *c = net_conn(sim, no);
    c->dead = true;
    for (uint32_t k = 0; k < 2; k++) { /* what is under way already was sent into nothing */
        if (c->end[k].flying > 0 && !c->end[k].over) {
            sim_after(sim, NET_USER_TIMEOUT_MS, EVENT_NOTICE, no, k, c->stamp);
        }
    }
}

uint32_t net_any(struct sim *sim, struct rng *rng)
{
    uint32_t count = net_count(sim), start = (uint32_t)rng_below(rng, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t no = (start + i) % count;
        const struct conn *c = net_conn(sim, no);
        if (c != NULL && !c->dead && c->end[0].session != NULL && c->end[1].session != NULL) {
            return no;
        }
    }
    return SIM_NONE;
}
