/* Cryptography that costs too much to do again for every delivery in virtual time. */
#ifndef TRIS_TESTS_SIM_CRYPTO_H
#define TRIS_TESTS_SIM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPTO_SUM_WORDS = 2 };

/* real: all of libsodium's. Else verdicts on signatures are remembered by key, message and
 * signature, Diffie-Hellman is a hash of both public keys, as symmetric as the real one, and frames
 * are not hidden, only summed: what changes on the way is refused as ever. */
void crypto_use(bool real);
bool crypto_is_real(void);

/* A sum that any changed bit changes; fast, and no defence against somebody who computes. */
void crypto_sum_begin(uint64_t sum[CRYPTO_SUM_WORDS]);
void crypto_sum_add(uint64_t sum[CRYPTO_SUM_WORDS], const uint8_t *bytes, size_t len);

#endif
