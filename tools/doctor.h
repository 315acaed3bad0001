/* tris doctor and tris audit: checks that also work while the daemon is down. */
#ifndef TRIS_TOOLS_DOCTOR_H
#define TRIS_TOOLS_DOCTOR_H

#include "tools/tris.h"

int doctor_run(struct cli *cli, const struct args *args);
int audit_run(struct cli *cli, const struct args *args);

#endif
