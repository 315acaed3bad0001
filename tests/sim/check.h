/* What must hold after every step, and at the end.
 *
 * Safety, cheap: what was acknowledged is there after every start; a house never seals two things
 * at one position; what anybody holds of a log its owner has sealed so; sizes never shrink.
 * Liveness, when faults and operators have stopped: equal frontier roots, equal canonical exports
 * and counters, audits without problems. */
#ifndef TRIS_TESTS_SIM_CHECK_H
#define TRIS_TESTS_SIM_CHECK_H

#include "tests/sim/house.h"
#include "tests/sim/net.h"

struct check *check_new(struct sim *sim);
void check_free(struct check *c);

/* A head that is about to enter the frontier; own ones: all seals up to it leave the house now. */
void check_head(struct house *h, struct store_view *v, const struct store_log *log);
/* The store has just been opened: nothing acknowledged may be missing. */
void check_started(struct house *h);
/* The writer's verdict on a segment: no honest peer is to blame for anything. */
void check_verdict(struct house *h, const struct work *w);
/* A peer says what it holds of an own log: more, or something else, only where data was lost. */
void check_claim(struct house *h, uint32_t log_no, uint64_t size, enum guard_relation relation);
/* The guard raises an alarm. */
void check_alarm(struct house *h, enum guard_why why);
/* This other house is up and holds all that has left `h`. */
bool check_all_hold(struct sim *sim, const struct house *h, const struct house *other);
/* Data of the house is lost: only what has left it is still owed. */
void check_forget(struct house *h);
/* A fork of this log has been proven to the house. */
void check_fork(struct house *h, uint32_t log);
/* The guard is content: what left this house is back. */
void check_confirmed(struct house *h);
/* Why a connection ended: an offence of an honest peer is a bug. */
void check_end_reason(struct house *h, const struct conn *c, uint32_t end, enum tris_err reason,
                      bool by_peer);

/* All houses are up and their frontier roots are equal. */
bool check_converged(struct sim *sim);
/* Who differs from whom, for people. */
void check_explain(struct sim *sim);
/* The closing comparison; fails the run. */
void check_end(struct sim *sim);

#endif
