/* Houses that leave and return while others write. */
#ifndef TRIS_TESTS_SCALE_CHURN_H
#define TRIS_TESTS_SCALE_CHURN_H

#include "tests/scale/world.h"

/* In each round a third of the houses leaves, those that were away return, and some of those that
 * are there write. Neighbours are drawn by proto/neighbour.h, dialled again by proto/penalty.h. At
 * the end of each round the houses that are there have to hang together, in the end all have to say
 * the same. False: they do not. */
bool churn_run(uint32_t houses, uint32_t rounds);

#endif
