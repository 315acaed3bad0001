/* A passphrase from TRIS_PASSPHRASE_FILE or from the terminal; and text sealed with one. */
#ifndef TRIS_TOOLS_PASSPHRASE_H
#define TRIS_TOOLS_PASSPHRASE_H

#include "tools/files.h"
#include "tools/tris.h"

enum { PASSPHRASE_BYTES_MAX = 1024, SEALED_BYTES_MAX = 64 * 1024 };

/* Fills `out` (NUL-terminated; the caller wipes it). `twice`: asks again on a terminal. Returns
 * EXIT_OK, or prints the error and returns its exit code. */
int passphrase_get(const struct cli *cli, bool twice, char out[PASSPHRASE_BYTES_MAX]);

/* One line of text: "tris-sealed-1 argon2id OPS MEM SALT NONCE CIPHERTEXT\n" (hex; MEM in bytes;
 * key = Argon2id, cipher = XSalsa20-Poly1305 as libsodium's secretbox). malloc'ed. */
TRIS_MUST_CHECK enum tris_err passphrase_seal(const char *passphrase, struct span plain,
                                              char **out);
/* TRIS_ERR_DECRYPT: another passphrase or damaged; TRIS_ERR_BAD_VALUE: not such a line. `plain` is
 * malloc'ed and NUL-terminated, freed with file_free. */
TRIS_MUST_CHECK enum tris_err passphrase_open(const char *passphrase, struct span sealed,
                                              char **plain, size_t *len);
bool passphrase_is_sealed(struct span text);

#endif
