/* BLAKE2b-256 with libsodium's personal parameter, 16 bytes zero-padded: one domain a purpose. */
#ifndef TRIS_PROTO_HASH_H
#define TRIS_PROTO_HASH_H

#include <sodium.h>

#include "proto/types.h"

/* `personal` is a text of at most 16 characters, such as "tris-leaf-v1"; `salt` may be NULL.
 * Hashes the concatenation of `parts`. Cannot fail. (RFC 7693; parameter block of BLAKE2.) */
void hash_parts(const char *personal, const struct tris_salt *salt, const struct span *parts,
                size_t parts_count, struct tris_hash *out);

/* The same step by step: libsodium's update and final (32 bytes) go on with the state. */
crypto_generichash_blake2b_state hash_begin(const char *personal, const struct tris_salt *salt);

/* Signs context (16 bytes, zero-padded) followed by `body`; Ed25519, RFC 8032. `body` is at most
 * TRIS_HOUSE_LINE_BYTES_MAX bytes. */
void sign_with_context(const char *context, struct span body, const struct tris_sign_secret *key,
                       struct tris_sig *out);
bool verify_with_context(const char *context, struct span body, const struct tris_sign_pub *key,
                         const struct tris_sig *sig);

#endif
