/* Membership that changes during a run: the charter, and what people and hostile members state.
 *
 * A plan is one statement that several houses make in identical bytes, each when its people get to
 * it. What it comes to is nobody's business here: houses evaluate (house_member.c). */
#ifndef TRIS_TESTS_SIM_MEMBER_H
#define TRIS_TESTS_SIM_MEMBER_H

#include "tests/sim/house.h"

/* The charter and everybody's line; the houses have their keys, and have not started. */
void member_begin(struct sim *sim);
void member_end(struct sim *sim);
/* ADMIT, REVOKE, APART: honest members; false if nobody fits. */
bool member_strike(struct sim *sim, enum fault fault);
/* VOUCH, OUST, BACKDATE: this hostile house and all others. */
bool member_act(struct house *h, enum fault fault);
/* Honest founders are to endorse the next epoch of this house; it closes the data log where one of
 * them holds it. False: nobody can say that now. */
bool member_plan_next(struct house *h);
void member_on_state(struct sim *sim, const struct event *event);
/* The house has made the statement of this plan. */
void member_stated(struct house *h, uint32_t plan);
/* Honest houses have made all statements that they were to make. */
bool member_settled(const struct sim *sim);
/* Of these statements, does one lack that an honest founder, not accused, has made? Which plan and
 * whose. */
bool member_lacks(const struct sim *sim, const struct store_members *m, uint32_t *plan,
                  uint32_t *house);
/* Hostile founders have too, of those of this kind; false also if there are none. */
bool member_coalition_stated(const struct sim *sim, bool revoke);
/* How many of the honest houses are founders; they are the first. */
uint32_t member_honest_founders(const struct sim *sim);
/* The hostile members are fewer than what the charter asks for to admit. */
bool member_coalition_is_weak(const struct sim *sim);
/* The honest founder whom hostile members revoke. */
enum { MEMBER_OUSTED = 0 };

#endif
