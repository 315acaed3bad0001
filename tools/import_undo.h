/* tris import list and tris import undo; the rows of the command table are in cmd_import.c. */
#ifndef TRIS_TOOLS_IMPORT_UNDO_H
#define TRIS_TOOLS_IMPORT_UNDO_H

#include "tools/tris.h"

int import_show_list(struct cli *cli, const struct args *args);
int import_undo(struct cli *cli, const struct args *args);

#endif
