/* Stands between proto and libsodium (the program's own definitions come first); see crypto.h. */
#define _GNU_SOURCE /* RTLD_NEXT; NOLINT: the name that glibc asks for */
#include "tests/sim/crypto.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum { MEMO_ROWS = 1 << 16, MEMO_KEY_BYTES = 16 };

struct memo_row {
    uint8_t key[MEMO_KEY_BYTES];
    bool known, good;
};

/* These functions have no context to keep it in. */
static struct memo_row memo[MEMO_ROWS];
static bool use_real;

void crypto_use(bool real)
{
    use_real = real;
    memset(memo, 0, sizeof memo);
}

#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (real == NULL) {                                                                            \
        *(void **)(&real) = dlsym(RTLD_NEXT, #name);                                               \
    }

int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                unsigned long long mlen, const unsigned char *pk)
{
    REAL(crypto_sign_verify_detached)
    if (use_real) {
        return real(sig, m, mlen, pk);
    }
    crypto_generichash_blake2b_state state;
    uint8_t key[MEMO_KEY_BYTES];
    (void)crypto_generichash_blake2b_init(&state, NULL, 0, sizeof key);
    (void)crypto_generichash_blake2b_update(&state, sig, crypto_sign_BYTES);
    (void)crypto_generichash_blake2b_update(&state, pk, crypto_sign_PUBLICKEYBYTES);
    (void)crypto_generichash_blake2b_update(&state, m, mlen);
    (void)crypto_generichash_blake2b_final(&state, key, sizeof key);
    struct memo_row *row = &memo[(key[0] | (uint32_t)key[1] << 8) % MEMO_ROWS];
    if (!row->known || memcmp(row->key, key, sizeof key) != 0) {
        row->known = true;
        row->good = real(sig, m, mlen, pk) == 0;
        memcpy(row->key, key, sizeof key);
    }
    return row->good ? 0 : -1;
}

int crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
    REAL(crypto_scalarmult_base)
    if (use_real) {
        return real(q, n);
    }
    return crypto_generichash_blake2b(q, crypto_scalarmult_BYTES, n, crypto_scalarmult_SCALARBYTES,
                                      NULL, 0);
}

int crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
    REAL(crypto_scalarmult)
    if (use_real) {
        return real(q, n, p);
    }
    uint8_t both[2 * crypto_scalarmult_BYTES], own[crypto_scalarmult_BYTES];
    (void)crypto_scalarmult_base(own, n);
    bool smaller = memcmp(own, p, sizeof own) < 0;
    memcpy(both, smaller ? own : p, sizeof own);
    memcpy(both + sizeof own, smaller ? p : own, sizeof own);
    return crypto_generichash_blake2b(q, crypto_scalarmult_BYTES, both, sizeof both, NULL, 0);
}
