/* Cryptography that costs too much to do again for every delivery in virtual time. */
#ifndef TRIS_TESTS_SIM_CRYPTO_H
#define TRIS_TESTS_SIM_CRYPTO_H

#include <stdbool.h>

/* real: all of libsodium's. Else verdicts on signatures are remembered by key, message and
 * signature, Diffie-Hellman is a hash of both public keys, as symmetric as the real one, and frames
 * are not hidden, only summed: what changes on the way is refused as ever. */
void crypto_use(bool real);

#endif
