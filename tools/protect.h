/* `tris key protect`: a passphrase for identity.key. */
#ifndef TRIS_TOOLS_PROTECT_H
#define TRIS_TOOLS_PROTECT_H

#include "tools/keys.h"

extern const struct cli_option protect_options[];

/* Runs it; returns the exit code. */
int key_protect(struct cli *cli, const struct args *args);

#endif
