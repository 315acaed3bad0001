/* The data directory's own steps, shared by datadir.c (loading) and datadir_next.c (new keys); for
 * nobody else. */
#ifndef TRIS_DAEMON_DATADIR_INT_H
#define TRIS_DAEMON_DATADIR_INT_H

#include "daemon/datadir.h"

enum { DATADIR_PATH_BYTES = 1200 };

/* Keys and passphrases are for this user alone: others must neither read nor replace them. `fd` is
 * the open file, `path` its name for people. */
TRIS_MUST_CHECK enum tris_err datadir_check_secret(const char *path, int fd, struct refusal *why);

/* What a crash has left of datadir_take_next; TRIS_OK if nothing. */
TRIS_MUST_CHECK enum tris_err datadir_finish_taking(const char *dir, struct refusal *why);

#endif
