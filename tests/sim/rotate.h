/* New keys: a house asks for its next epoch, seals nothing more under its present key, and begins
 * anew with the next one once enough members vouch for it, as daemon/epoch.c does. */
#ifndef TRIS_TESTS_SIM_ROTATE_H
#define TRIS_TESTS_SIM_ROTATE_H

#include "tests/sim/census.h"
#include "tests/sim/house.h"

/* An honest member asks for its next epoch; false if none can now. One at a time: houses that all
 * wait for each other's seals would wait for ever. */
bool rotate_strike(struct sim *sim, enum fault fault);
/* The member table of the house has changed, or it has started. */
void rotate_look(struct house *h);
void rotate_on_key(struct sim *sim, const struct event *event);
/* No honest house waits for its next epoch. */
bool rotate_settled(const struct sim *sim);

#endif
