/* What must hold of membership: one federation for all who follow it honestly. */
#ifndef TRIS_TESTS_SIM_CHECK_MEMBER_H
#define TRIS_TESTS_SIM_CHECK_MEMBER_H

#include "tests/sim/house.h"

/* All honest houses evaluate to the same, all plans are carried out, and a coalition that is strong
 * enough by the charter has got what it stated. */
bool check_members_converged(struct sim *sim);
/* The closing comparison; fails the run. Every house's evaluation is that of its store, and what
 * the simple rules of tests/lib/member_simple.h give; a coalition that is too weak has changed
 * nothing for anybody. */
void check_members_end(struct sim *sim);
/* Who differs, for people. */
void check_members_explain(struct sim *sim);
/* The first honest house that is a member. */
struct house *check_first_member(struct sim *sim);

#endif
