/* Files that the offline commands read and write: whole, bounded, and replaced atomically. */
#ifndef TRIS_TOOLS_FILES_H
#define TRIS_TOOLS_FILES_H

#include <sys/types.h>

#include "proto/buf.h"

enum { FILE_PATH_BYTES = 1200 };

enum file_replace { FILE_KEEP_OLD, FILE_REPLACE };

/* DIR/NAME into `out`; false if it is too long. */
bool file_path(const char *dir, const char *name, char out[FILE_PATH_BYTES]);

/* The whole file ("-": standard input), malloc'ed and NUL-terminated, wiped and freed with
 * file_free. TRIS_ERR_NOT_FOUND, _PERMISSION (not allowed to read), _TOO_LARGE, _IO, _NO_MEMORY. */
TRIS_MUST_CHECK enum tris_err file_read(const char *path, size_t bytes_max, char **out,
                                        size_t *len);
void file_free(char *bytes, size_t len);

/* As file_read, but the file must be a regular one that nobody but its owner may read or write:
 * TRIS_ERR_PERMISSION otherwise. */
TRIS_MUST_CHECK enum tris_err file_read_secret(const char *path, size_t bytes_max, char **out,
                                               size_t *len);

/* Temporary file beside `path`, fsync, rename (or link, so that an old file stays:
 * TRIS_ERR_EXISTS), fsync of the directory. After an error the old state is there. */
TRIS_MUST_CHECK enum tris_err file_write(const char *path, struct span bytes, mode_t mode,
                                         enum file_replace replace);

/* For what is too large for file_write: `temp`, made beside `path`, becomes `path` with the mode of
 * a file made in the ordinary way. False: errno says why, both are as they were. */
bool file_publish(const char *temp, const char *path);

/* Makes the directory and its missing parents with mode 0700. */
TRIS_MUST_CHECK enum tris_err dir_make(const char *path);
/* Is `path` there? (A dangling link is not.) */
bool file_exists(const char *path);

#endif
