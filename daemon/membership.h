/* What a new evaluation of the membership means for this node: rows, peers, sessions, the own next
 * epoch, and words for people. Loop thread only. */
#ifndef TRIS_DAEMON_MEMBERSHIP_H
#define TRIS_DAEMON_MEMBERSHIP_H

#include "proto/frontier.h"
#include "storage/members.h"

struct daemon;

/* A start: makes the logs that are missing, evaluates, fills the member table. Before the writer is
 * opened. */
TRIS_MUST_CHECK enum tris_err membership_open(struct daemon *d);
/* What the writer's first entries have made of it, nothing is told. Takes over `members`. */
TRIS_MUST_CHECK enum tris_err membership_first(struct daemon *d, struct store_members *members);
/* Who has invited this house, if the charter does not name it: a candidate reaches gov logs through
 * it alone. After invites_load, before the overlay is opened. */
TRIS_MUST_CHECK enum tris_err membership_inviter(struct daemon *d);
/* A later one, behind the commit that changed gov logs. Takes over `members`. */
void membership_take(struct daemon *d, struct store_members *members);
/* A log ends elsewhere than before, by membership; the frontier knows. */
void membership_log_ends(struct daemon *d, uint32_t log_no, const struct frontier_item *item);

#endif
