/* What init, charter and key share: reading charters, error sentences for files and keys. */
#ifndef TRIS_TOOLS_OFFLINE_H
#define TRIS_TOOLS_OFFLINE_H

#include "tools/keys.h"
#include "tools/tris.h"

/* Reads and checks a charter file ("-": standard input); on success the caller calls charter_fini.
 * Returns EXIT_OK, or prints the error and returns its exit code. */
int offline_charter_read(const struct cli *cli, const char *path, struct charter *out);
/* The one in the data directory. TRIS_ERR_NOT_FOUND (nothing printed) if there is none. */
enum tris_err offline_charter_load(const struct cli *cli, struct charter *out);
TRIS_MUST_CHECK enum tris_err offline_charter_write(const char *path, const struct charter *c,
                                                    enum file_replace replace);

/* Prints why a key file could not be used and returns the exit code. */
int offline_key_error(const struct cli *cli, enum tris_err err, const char *file);
/* Prints why `path` could not be read or written. */
int offline_file_error(const struct cli *cli, enum tris_err err, const char *path,
                       const char *unchanged);

bool charter_signed_by(const struct charter *c, const struct tris_house_id *id);

#endif
