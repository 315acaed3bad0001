/* tris verify of a log file: everything in it is checked, with nothing else at hand. */
#ifndef TRIS_TOOLS_VERIFY_LOG_H
#define TRIS_TOOLS_VERIFY_LOG_H

#include <stdio.h>

#include "tools/tris.h"

/* Prints what is in it, or adds that to `items` with --json; the exit code. */
int verify_log(const struct cli *cli, const char *path, FILE *file, json_t *items);

#endif
