/* A passphrase from a file or from the terminal; and text sealed with one, with memory and chance
 * of this machine (the pure part is proto/sealed.h). */
#ifndef TRIS_TOOLS_PASSPHRASE_H
#define TRIS_TOOLS_PASSPHRASE_H

#include "proto/sealed.h"
#include "tools/files.h"
#include "tools/tris.h"

/* TRIS_PASSPHRASE_FILE; NULL if it is not set. */
const char *passphrase_file(void);

/* The first line of `file`, or, if it is NULL, what is typed behind `prompt`. Fills `out`
 * (NUL-terminated; the caller wipes it). `twice`: a new one, which must be long enough and is asked
 * for again on a terminal. Returns EXIT_OK, or prints the error and returns its exit code. */
int passphrase_get(const struct cli *cli, const char *file, const char *prompt, bool twice,
                   char out[SEALED_PASSPHRASE_BYTES_MAX]);

/* Costs of today, salt and nonce of chance. */
void passphrase_head(struct sealed *out);
/* sealed_print of a new head; `out` is malloc'ed. */
TRIS_MUST_CHECK enum tris_err passphrase_seal(const char *passphrase, struct span plain,
                                              char **out);
/* sealed_parse and sealed_open; `plain` is malloc'ed and NUL-terminated, freed with file_free. */
TRIS_MUST_CHECK enum tris_err passphrase_open(const char *passphrase, struct span text,
                                              char **plain, size_t *len);

#endif
