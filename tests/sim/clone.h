/* A clone: a copy of a house that runs beside it, with its key, at a place of its own: other disk,
 * other network, other people. Somebody started a backup while the original was alive, or an image
 * of its machine. One at a time; it ends when both have noticed and a person has looked. */
#ifndef TRIS_TESTS_SIM_CLONE_H
#define TRIS_TESTS_SIM_CLONE_H

#include "tests/sim/house.h"

/* A clone of the house begins to run; false if one runs already, or there is no copy. */
bool clone_begin(struct house *h);
/* EVENT_CLONE: a person looks after the house and its clone, or people write at the clone. */
void clone_on_event(struct sim *sim, const struct event *event);
/* The guard of the house, or of its clone, has raised an alarm. */
void clone_alarm(struct house *h);
/* In so much calm both have noticed, or it is a violation. */
void clone_noticed(struct sim *sim, uint64_t calm_ms);

#endif
