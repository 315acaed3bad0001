/* Cryptography that costs too much to do again for every delivery in virtual time. */
#ifndef TRIS_TESTS_SIM_CRYPTO_H
#define TRIS_TESTS_SIM_CRYPTO_H

#include <stdbool.h>

/* real: all of libsodium's. Else verdicts on signatures are remembered by key, message and
 * signature, and Diffie-Hellman is a hash of both public keys: as symmetric as the real one. */
void crypto_use(bool real);

#endif
