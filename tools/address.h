/* Where others reach this house: the addresses of its line, at init and later. */
#ifndef TRIS_TOOLS_ADDRESS_H
#define TRIS_TOOLS_ADDRESS_H

#include "proto/charter.h"
#include "tools/tris.h"

/* Each --address, in order; given once, they replace those of the line. `help`: the command that
 * explains it. Returns EXIT_OK, or prints the error and returns EXIT_USAGE; then the line may hold
 * some of them. */
int address_options(const struct cli *cli, const struct args *args, const char *help,
                    struct house_line *line);

/* tris house edit --address, --no-address: the house line of the data directory is signed anew with
 * them. The daemon tells the others at its next start. Returns an exit code. */
bool address_is_asked(const struct args *args);
int address_edit(struct cli *cli, const struct args *args);
extern const struct cli_option address_edit_options[];

#endif
