/* What a trial leaves in the stores, looked at without the simulator's own registry. */
#ifndef TRIS_TESTS_TRIALS_LOOK_H
#define TRIS_TESTS_TRIALS_LOOK_H

#include "tests/trials/trial.h"

/* Each draft is an entry that its old place leads to, or waits for a person with its reason. */
void look_at_drafts(struct house *h, struct trial_figures *sum);
/* An alarm that the house keeps is a violation: nobody forked, nobody was cloned. */
void look_at_alarm(struct house *h, struct trial_figures *sum);
/* Every seal of every log in all stores, position by position: the same root everywhere; and no
 * proof of a fork. */
void look_at_seals(struct sim *sim, struct trial_figures *sum);

#endif
