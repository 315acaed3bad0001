/* Data is lost, or an older copy is put back, where nobody in reach holds what is missing: the
 * rules of the guard are kept, and the house signs two things. First some houses are cut off, so
 * that they fall behind; then the house loses its data among them, and the others are out of reach.
 */
#ifndef TRIS_TESTS_SIM_ALONE_H
#define TRIS_TESTS_SIM_ALONE_H

#include "tests/sim/house.h"

/* Cuts off those who shall be in reach later; false if nobody whom the house meets is among them.
 */
bool alone_prepare(struct house *h);
/* EVENT_ALONE: the data is lost now. */
void alone_on_event(struct sim *sim, const struct event *event);

#endif
