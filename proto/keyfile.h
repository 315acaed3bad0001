/* Text form of key files (0600 in the data directory): pure encoding, no file access.
 *
 * one line: "tris-identity-1 <64 hex seed> <64 hex public key>\n" or
 *           "tris-transport-1 <64 hex secret> <64 hex public key>\n"
 * The public half is checked against the secret one on load: a wrong one can leak the key.
 * The text is as secret as the key: whoever holds either wipes it (sodium_memzero). */
#ifndef TRIS_PROTO_KEYFILE_H
#define TRIS_PROTO_KEYFILE_H

#include "proto/noise.h"

enum { KEYFILE_BYTES_MAX = 256 };

/* Printing: the line with its LF, NUL-terminated, into the caller's `out`; TRIS_ERR_NO_SPACE.
 * Parsing: exactly such a line; TRIS_ERR_BAD_KEY, and `out` is zeros then. */
TRIS_MUST_CHECK enum tris_err keyfile_identity_print(const struct tris_sign_secret *key, char *out,
                                                     size_t out_size);
TRIS_MUST_CHECK enum tris_err keyfile_identity_parse(struct span text,
                                                     struct tris_sign_secret *out);
TRIS_MUST_CHECK enum tris_err keyfile_transport_print(const struct noise_keypair *key, char *out,
                                                      size_t out_size);
TRIS_MUST_CHECK enum tris_err keyfile_transport_parse(struct span text, struct noise_keypair *out);

#endif
