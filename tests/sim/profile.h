/* What kind of run the seed draws: size, load, settings of the daemons, which faults how often. */
#ifndef TRIS_TESTS_SIM_PROFILE_H
#define TRIS_TESTS_SIM_PROFILE_H

#include "tests/sim/census.h"
#include "tests/sim/rng.h"

struct profile {
    const char *name;
    uint32_t houses, days, changes; /* changes a day and house */
    uint32_t burst;                 /* changes that come together, on average */
    bool long_texts;                /* records have descriptions */
    uint64_t heartbeat_ms;
    uint32_t backoff_max_ms;
    uint32_t hostile;   /* so many of the houses are; at least three are honest */
    uint32_t dials;     /* neighbours that each house dials */
    uint32_t commit_ms; /* a commit takes up to so long */
    uint32_t socket_bytes;
    bool real_crypto, words;
    /* Membership that changes; founders 0: all houses belong from the start. Of the honest houses
     * the first are founders, the others come in; of the hostile ones the first are founders. */
    uint32_t founders; /* hostile ones included */
    uint32_t admit, revoke, joiners, coalition, strangers;
    uint64_t every_ms[FAULTS]; /* how often a fault strikes on average; 0: never */
};

/* "dense", "sparse", "calm" (no faults), "small", "members" (membership changes; it draws the
 * number of houses itself); false: no such profile. Houses, days and changes given as 0 are the
 * profile's.
 */
bool profile_draw(const char *name, uint32_t houses, uint32_t days, uint32_t changes,
                  struct rng *rng, struct profile *out);

#endif
