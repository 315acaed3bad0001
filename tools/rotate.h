/* tris key rotate: a new key for a house that keeps its name and its records. */
#ifndef TRIS_TOOLS_ROTATE_H
#define TRIS_TOOLS_ROTATE_H

#include "tools/tris.h"

int key_rotate(struct cli *cli, const struct args *args);
extern const struct cli_option rotate_options[];

#endif
