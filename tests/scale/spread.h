/* How single writes spread: times, hops, copies and bytes. */
#ifndef TRIS_TESTS_SCALE_SPREAD_H
#define TRIS_TESTS_SCALE_SPREAD_H

#include "tests/scale/world.h"

/* Writes by drawn houses, one every 10 s of virtual time, after a first one that shapes the tree
 * and is printed for itself. `dialled` is for the heading. A house that misses one ends the
 * process. */
void spread_print(struct world *w, uint32_t writes, uint32_t dialled);
/* A federation of its own in which each link takes 30 ms, with verdicts. False: one is missed. */
bool spread_fixed(uint32_t houses, uint32_t dialled, uint32_t writes);

#endif
