/* Text sealed with a passphrase: one line that a person can print and type in again. Pure: salt and
 * nonce are the caller's, so is the passphrase, and no memory is kept but the Argon2id scratch.
 *
 *   tris-sealed-1 argon2id OPS MEM SALT NONCE CIPHERTEXT LF
 *
 * What it costs to open a line is in the line; the bounds keep a foreign one from occupying the
 * machine. Whoever holds a passphrase or an opened text wipes it (sodium_memzero). */
#ifndef TRIS_PROTO_SEALED_H
#define TRIS_PROTO_SEALED_H

#include "proto/keyfile.h"

enum {
    SEALED_SALT_BYTES = 16,
    SEALED_NONCE_BYTES = 24,
    SEALED_TAG_BYTES = 16,
    SEALED_BYTES_MAX = 64 * 1024, /* of a whole line */
    SEALED_HEAD_BYTES_MAX = 160,  /* of what stands before the ciphertext */
    /* a key file in this form, with its NUL */
    SEALED_KEY_BYTES_MAX = SEALED_HEAD_BYTES_MAX + 2 * (KEYFILE_BYTES_MAX + SEALED_TAG_BYTES) + 2,
    /* of a passphrase with its NUL; one that is set has at least 8 bytes */
    SEALED_PASSPHRASE_BYTES_MAX = 1024,
    SEALED_PASSPHRASE_BYTES_MIN = 8,
    SEALED_OPS_MAX = 4,
};

/* Bytes of memory of Argon2id, which counts whole KiB: what it needs at least, and what a reader
 * pays at most. */
#define SEALED_MEM_MIN ((uint64_t)8 * 1024)
#define SEALED_MEM_MAX ((uint64_t)1024 * 1024 * 1024)

/* What new lines cost: about half a second on a machine of today, and memory that a small one has,
 * but a graphics card cannot give to each of its thousands of guesses. */
enum { SEALED_OPS = 3, SEALED_MEM = 256 * 1024 * 1024 };

struct sealed {
    uint32_t ops;
    uint64_t mem; /* bytes */
    uint8_t salt[SEALED_SALT_BYTES];
    uint8_t nonce[SEALED_NONCE_BYTES];
    struct span box; /* ciphertext in hex, inside of the text that was parsed */
};

/* Does `text` begin as such a line does? */
bool sealed_is(struct span text);
/* Exactly such a line, costs within the bounds; TRIS_ERR_BAD_VALUE, TRIS_ERR_TOO_LARGE. Pays
 * nothing. `out` borrows from `text`. */
TRIS_MUST_CHECK enum tris_err sealed_parse(struct span text, struct sealed *out);
/* Bytes that `out` of sealed_open needs. */
size_t sealed_room(const struct sealed *sealed);
/* Opens it into the caller's `out`, *len bytes without a NUL. TRIS_ERR_DECRYPT: another passphrase,
 * or damaged; TRIS_ERR_NO_MEMORY for Argon2id; TRIS_ERR_NO_SPACE. Nothing is left in `out` then. */
TRIS_MUST_CHECK enum tris_err sealed_open(const struct sealed *sealed, const char *passphrase,
                                          uint8_t *out, size_t out_size, size_t *len);
/* Seals `plain` with ops, mem, salt and nonce of `head`: the line with LF and NUL into `out`.
 * TRIS_ERR_NO_SPACE, TRIS_ERR_NO_MEMORY, TRIS_ERR_BAD_VALUE (costs out of bounds). */
TRIS_MUST_CHECK enum tris_err sealed_print(const struct sealed *head, const char *passphrase,
                                           struct span plain, char *out, size_t out_size);

/* identity.key in this form. Opening: as sealed_parse and sealed_open say; TRIS_ERR_BAD_KEY: it
 * opens, and no key is inside. `out` is zeros after an error. */
TRIS_MUST_CHECK enum tris_err sealed_identity_open(struct span text, const char *passphrase,
                                                   struct tris_sign_secret *out);
TRIS_MUST_CHECK enum tris_err sealed_identity_print(const struct sealed *head,
                                                    const char *passphrase,
                                                    const struct tris_sign_secret *key,
                                                    char out[SEALED_KEY_BYTES_MAX]);

#endif
