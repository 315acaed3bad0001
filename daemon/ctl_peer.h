/* What the control methods about peers share. Loop thread only. */
#ifndef TRIS_DAEMON_CTL_PEER_H
#define TRIS_DAEMON_CTL_PEER_H

#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"

/* Required parameter "house" as a member that is not this house; answers errors; false then. */
bool ctl_in_peer(struct daemon *d, uint64_t token, struct ctl_in *in, uint32_t *index);
/* Answers that no session is open with this house, with its last error. */
void ctl_reply_no_session(struct daemon *d, uint64_t token, uint32_t index);

/* Into the open map: limits {rate, hours, paused}; addresses [{address, error?, detail?, at_ms?}]
 * and refused {code, text} if it has said why. */
void out_limits(struct out *o, uint32_t index);
void out_ends(struct out *o, uint32_t index);

#endif
