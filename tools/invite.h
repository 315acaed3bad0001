/* Commands around invitations: rows of `peer`. */
#ifndef TRIS_TOOLS_INVITE_H
#define TRIS_TOOLS_INVITE_H

#include "tools/tris.h"

int peer_invite(struct cli *cli, const struct args *args);
int peer_join(struct cli *cli, const struct args *args);
extern const struct cli_option invite_options[];

#endif
