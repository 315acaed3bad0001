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
/* A fork of this log has been proven to the house: it ends there. */
void check_fork(struct house *h, uint32_t log, uint64_t end);
/* The house lets a new head of its own out; `sealed`: it has just sealed it. */
void check_may_seal(struct house *h, bool sealed);
/* A clone of the house is about to start; NULL: it is itself about to lose data that nobody in
 * reach holds, and goes on as another process would. */
void check_doubled(struct house *h, struct house *clone);
/* The guard is content: what left this house is back. */
void check_confirmed(struct house *h);
/* Why a connection ended: an offence of an honest peer is a bug. */
void check_end_reason(struct house *h, const struct conn *c, uint32_t end, enum tris_err reason,
                      bool by_peer);

/* ---- check_clone.c: what a clone, or a loss out of reach, makes legitimate ---- */

#define CHECK_ONE_HISTORY UINT64_MAX

struct check_clones;
struct history; /* of one log of a doubled house: what each of the two has let out, by size */

struct check_clones *check_clones_new(uint32_t logs);
void check_clones_free(struct check_clones *clones);
/* NULL: the owner is not doubled. */
struct history *check_history(const struct check_clones *clones, uint32_t log);
struct history *check_history_new(struct check_clones *clones, uint32_t log);
/* The first of the two is over, the house itself is the second from now on. */
void check_second_life(struct history *history);
bool check_is_second(const struct history *history);
/* As check_head, for such a log. */
void check_clone_head(struct history *history, struct house *h, struct store_view *v,
                      const struct store_log *log);
/* So many entries both histories have in common, and each has more; CHECK_ONE_HISTORY: they are
 * one. */
uint64_t check_parted(const struct sim *sim, uint32_t log);
uint64_t check_parted_at(const struct history *history);
/* The log is cut where the two histories part, and nowhere else. */
bool check_is_cut(const struct history *history, const struct store_log *log);
/* One of the own logs of this house, or of its original, has parted. */
bool check_has_parted(const struct house *h);
/* What of the own log this process has let out and still has to hold. */
uint64_t check_left_here(const struct history *history, const struct house *h);
/* What of a log that has not parted has been let out by either. */
struct acked check_left(const struct history *history);
/* A house has not got back what it lost out of reach, nor is it proven everywhere that it sealed
 * something else, or its clone: single houses hold what the others need, and must not lose it. */
bool check_undecided(const struct sim *sim);
struct history *check_log_history(const struct sim *sim, uint32_t log);
/* Every honest house holds the proofs that it has to hold, and no other. */
void check_forks_known(struct sim *sim);

/* All houses are up and their frontier roots are equal. */
bool check_converged(struct sim *sim);
/* Who differs from whom, for people. */
void check_explain(struct sim *sim);
/* The closing comparison; fails the run. */
void check_end(struct sim *sim);

#endif
