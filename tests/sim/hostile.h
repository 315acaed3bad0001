/* Hostile houses: members with valid keys that do what no honest house does, and what their
 * sessions lie about. The code around them is that of every house; see hostile.c for what differs.
 */
#ifndef TRIS_TESTS_SIM_HOSTILE_H
#define TRIS_TESTS_SIM_HOSTILE_H

#include "tests/sim/house.h"

/* Plans the first act. */
void hostile_begin(struct house *h);
/* EVENT_HOSTILE: one drawn act. */
void hostile_on_event(struct house *h, const struct event *event);
/* A session of it has opened. Where all others end its sessions at once, for what else it does,
 * this is the only moment for an act that needs one and never struck when the time is over. */
void hostile_opened(struct house *h);
/* One act of this kind by any hostile house; false if nobody can do it now. */
bool hostile_strike(struct sim *sim, enum fault fault);
/* It is honest from now on; a fork that it signed stays. */
void hostile_end(struct house *h);
/* Bends a run of entries and its seal on their way out. */
enum tris_err hostile_bend(struct house *h, uint32_t log_no, size_t start, struct wbuf *out,
                           uint32_t count, struct seal *seal);

/* ... and the row of a hole. */
enum tris_err hostile_bend_hole(struct house *h, uint32_t log_no, size_t start, struct wbuf *rows);

#endif
