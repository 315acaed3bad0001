/* How near houses are to each other: by the districts that they stand in and are responsible for.
 * Loop thread only. */
#ifndef TRIS_DAEMON_NEAR_H
#define TRIS_DAEMON_NEAR_H

#include "daemon/members.h"

enum { NEAR_STEPS_MAX = 3 }; /* borders that are counted; behind them: same state or not */

enum near {
    NEAR_HOUSE,     /* the same house */
    NEAR_DISTRICT,  /* another one in the same district */
    NEAR_NEIGHBOUR, /* in a district that shares a border */
    NEAR_STEPS,     /* two borders, three: NEAR_STEPS + steps - 2 */
    NEAR_STATE = NEAR_STEPS + NEAR_STEPS_MAX - 1,
    NEAR_COUNTRY,
};

struct place {
    uint32_t member;
    uint8_t near; /* enum near */
};

/* All members as seen from `from`, nearest first, into `out` (members->count of them). The record
 * is scratch. */
void near_places(const struct members *members, struct store_view *v, uint32_t from,
                 struct record *scratch, struct place *out);
/* Nearer first, then by member. */
int near_order(const void *a, const void *b);

/* The record of a house among those of its district, which are few; false if there is none. */
bool near_house_record(struct store_view *v, const struct house_line *line,
                       struct store_record *out);

#endif
