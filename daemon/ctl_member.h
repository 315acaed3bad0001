/* What the control methods about members have in common. Loop thread only. */
#ifndef TRIS_DAEMON_CTL_MEMBER_H
#define TRIS_DAEMON_CTL_MEMBER_H

#include "daemon/ctl_out.h"

/* "candidate", "active", "revoked" */
const char *member_state_name(enum member_state state);
/* A house by its name, or by its id if no line of it is known. */
void out_house(struct out *o, const char *key, const struct tris_house_id *house);
/* The list "revocations" of a member: what each says, who has stated it and when. Empty if the gov
 * logs here say nothing of the house. */
void out_revocations(struct out *o, uint32_t index);

#endif
