/* Noise_IK_25519_ChaChaPoly_BLAKE2b and IKpsk1 by token tables, and the gate before them.
 *
 * Noise Protocol Framework, revision 34. Bytes in, bytes out: ephemeral keys are passed in. Other
 * patterns of the same suite (XX, ...) can be added as rows; the tests use XX to check the engine.
 * Secrets live in the structs; call the _fini on every path. */
#ifndef TRIS_PROTO_NOISE_H
#define TRIS_PROTO_NOISE_H

#include "proto/buf.h"
#include "proto/limits.h"

enum noise_pattern { NOISE_IK = 1, NOISE_IKPSK1 = 2, NOISE_XX = 3 }; /* 3: tests only */

enum { NOISE_GATE_BYTES = 16, NOISE_HANDSHAKE_BYTES_MAX = 1024 };

struct noise_cipher {
    uint8_t key[32];
    uint64_t nonce;
    bool has_key;
};

struct noise_keypair {
    struct tris_dh_secret secret;
    struct tris_dh_pub pub;
};

struct noise_handshake {
    enum noise_pattern pattern;
    bool initiator;
    uint32_t message; /* index of the next message */
    struct noise_keypair s, e;
    struct tris_dh_pub rs, re;
    bool has_rs, has_re, has_e;
    uint8_t psk[32];
    uint8_t ck[64], h[64];
    struct noise_cipher cipher;
};

struct noise_transport {
    struct noise_cipher send, recv;
    uint8_t handshake_hash[64];
};

/* `rs` is the responder's static key for an initiator of IK, else NULL; `psk` 32 bytes or NULL.
 * `ephemeral` must be fresh for every handshake. */
TRIS_MUST_CHECK enum tris_err noise_init(struct noise_handshake *hs, enum noise_pattern pattern,
                                         bool initiator, struct span prologue,
                                         const struct noise_keypair *s,
                                         const struct noise_keypair *ephemeral,
                                         const struct tris_dh_pub *rs, const uint8_t *psk);
/* Appends the next handshake message. */
TRIS_MUST_CHECK enum tris_err noise_write(struct noise_handshake *hs, struct span payload,
                                          struct wbuf *out);
/* Reads the next handshake message; appends the decrypted payload. TRIS_ERR_DECRYPT,
 * TRIS_ERR_HANDSHAKE (all-zero DH result), _TRUNCATED. After an error only _fini is allowed. */
TRIS_MUST_CHECK enum tris_err noise_read(struct noise_handshake *hs, struct span message,
                                         struct wbuf *payload);
bool noise_done(const struct noise_handshake *hs);
/* After the last message; wipes the handshake. */
void noise_split(struct noise_handshake *hs, struct noise_transport *out);
void noise_handshake_fini(struct noise_handshake *hs);
void noise_transport_fini(struct noise_transport *t);

/* Transport: one message each; the nonce counts up and its last value is refused.
 * `out` needs plain.len + 16 bytes; in-place (out == plain.ptr) is allowed. */
TRIS_MUST_CHECK enum tris_err noise_encrypt(struct noise_cipher *c, struct span plain,
                                            uint8_t *out);
TRIS_MUST_CHECK enum tris_err noise_decrypt(struct noise_cipher *c, struct span sealed,
                                            uint8_t *out); /* sealed.len - 16 bytes */

void noise_keypair_from_secret(const struct tris_dh_secret *secret, struct noise_keypair *out);

/* gate = BLAKE2b-128(pattern u8, message 1; key = BLAKE2b-256(secret 32; "tris-gate-v1"),
 * personal "tris-gate-v1"), where the 32 bytes are the responder's public transport key or the
 * secret of an invitation. */
void noise_gate(uint8_t pattern, struct span message1, const uint8_t secret[32],
                uint8_t out[NOISE_GATE_BYTES]);
/* The same in two steps, for secrets that are tried often. */
void noise_gate_key(const uint8_t secret[32], uint8_t key[32]);
void noise_gate_keyed(uint8_t pattern, struct span message1, const uint8_t key[32],
                      uint8_t out[NOISE_GATE_BYTES]);

#endif
