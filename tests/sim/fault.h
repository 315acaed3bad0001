/* What goes wrong, and when: each fault strikes at drawn moments until faults stop. */
#ifndef TRIS_TESTS_SIM_FAULT_H
#define TRIS_TESTS_SIM_FAULT_H

#include "tests/sim/sim.h"

/* Plans the first strike of every fault that the profile enables. */
void fault_begin(struct sim *sim);
/* Lets faults strike now that are on and never did; false if there are none. */
bool fault_hurry(struct sim *sim);
void fault_on_event(struct sim *sim, const struct event *event);
void fault_on_heal(struct sim *sim, const struct event *event);
void fault_on_clock(struct sim *sim, const struct event *event);
/* Everything is put right: links, disks, houses that are down. Clocks stay wrong. */
void fault_end(struct sim *sim);

#endif
