/* Noise handshakes as token tables, the transport ciphers, and the gate; see noise.h.
 *
 * Section numbers are those of the Noise Protocol Framework, revision 34. */
#include "proto/noise.h"

#include <sodium.h>

#include "proto/assert.h"

enum {
    HASH_BYTES = 64,   /* BLAKE2b-512, the framework's "BLAKE2b" */
    BLOCK_BYTES = 128, /* HMAC block of BLAKE2b */
    KEY_BYTES = 32,
    MESSAGES_MAX = 3,
    TOKENS_MAX = 6,
    KEYED_KEY_BYTES = KEY_BYTES + TRIS_AEAD_TAG_BYTES, /* an encrypted static key */
};

_Static_assert(KEY_BYTES == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "one key size");
_Static_assert(TRIS_AEAD_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "one tag size");
_Static_assert((int)NOISE_HANDSHAKE_BYTES_MAX <= (int)TRIS_FRAME_BYTES_MAX,
               "a handshake fits in a frame");

enum token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_SS, TOKEN_PSK };

struct pattern_row {
    const char *name; /* the full protocol name: hashed first, at most HASH_BYTES long */
    uint32_t messages_count;
    uint8_t tokens[MESSAGES_MAX][TOKENS_MAX];
    bool knows_responder; /* "<- s" before the first message */
    bool psk;
};

/* clang-format off */
static const struct pattern_row patterns[] = {
    [NOISE_IK] = {"Noise_IK_25519_ChaChaPoly_BLAKE2b", 2, {
        {TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS},
        {TOKEN_E, TOKEN_EE, TOKEN_SE}}, true, false},
    [NOISE_IKPSK1] = {"Noise_IKpsk1_25519_ChaChaPoly_BLAKE2b", 2, {
        {TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS, TOKEN_PSK},
        {TOKEN_E, TOKEN_EE, TOKEN_SE}}, true, true},
    [NOISE_XX] = {"Noise_XX_25519_ChaChaPoly_BLAKE2b", 3, {
        {TOKEN_E},
        {TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES},
        {TOKEN_S, TOKEN_SE}}, false, false},
};
/* clang-format on */

enum { PATTERNS_COUNT = sizeof patterns / sizeof patterns[0] };

static const struct pattern_row *pattern_of(enum noise_pattern pattern)
{
    size_t index = (size_t)pattern;
    return index < PATTERNS_COUNT && patterns[index].name != NULL ? &patterns[index] : NULL;
}

/* ---- hash, HMAC, HKDF (section 4.3) ---- */

static void hash_two(struct span a, struct span b, uint8_t out[HASH_BYTES])
{
    crypto_generichash_blake2b_state state;
    (void)crypto_generichash_blake2b_init(&state, NULL, 0, HASH_BYTES);
    (void)crypto_generichash_blake2b_update(&state, a.ptr, a.len);
    (void)crypto_generichash_blake2b_update(&state, b.ptr, b.len);
    (void)crypto_generichash_blake2b_final(&state, out, HASH_BYTES);
    sodium_memzero(&state, sizeof state);
}

/* RFC 2104 over BLAKE2b-512; keys here are always HASH_BYTES long, so never hashed down. */
static void hmac(const uint8_t key[HASH_BYTES], struct span data, uint8_t out[HASH_BYTES])
{
    uint8_t pad[BLOCK_BYTES], inner[HASH_BYTES];
    memset(pad, 0x36, sizeof pad);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        pad[i] ^= key[i];
    }
    hash_two(span_of(pad, sizeof pad), data, inner);
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    hash_two(span_of(pad, sizeof pad), span_of(inner, sizeof inner), out);
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(inner, sizeof inner);
}

/* Fills out[0] to out[count - 1]; `ck` may be out[0] of the caller's copy, never of `out`. */
static void hkdf(const uint8_t ck[HASH_BYTES], struct span input, uint8_t (*out)[HASH_BYTES],
                 size_t count)
{
    uint8_t temp[HASH_BYTES], chain[HASH_BYTES + 1];
    size_t chain_len = 0;
    hmac(ck, input, temp);
    for (size_t i = 0; i < count; i++) {
        chain[chain_len] = (uint8_t)(i + 1);
        hmac(temp, span_of(chain, chain_len + 1), out[i]);
        memcpy(chain, out[i], HASH_BYTES);
        chain_len = HASH_BYTES;
    }
    sodium_memzero(temp, sizeof temp);
    sodium_memzero(chain, sizeof chain);
}

/* ---- cipher state (section 5.1) ---- */

static void cipher_set(struct noise_cipher *c, const uint8_t key[KEY_BYTES])
{
    memcpy(c->key, key, KEY_BYTES);
    c->nonce = 0;
    c->has_key = true;
}

/* ChaChaPoly: 4 zero bytes, then the counter in little-endian (section 12.3). */
static void cipher_nonce(uint64_t counter, uint8_t out[crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
    memset(out, 0, crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
    for (size_t i = 0; i < sizeof counter; i++) {
        out[4 + i] = (uint8_t)(counter >> (8 * i));
    }
}

static enum tris_err cipher_encrypt(struct noise_cipher *c, struct span ad, struct span plain,
                                    uint8_t *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    tris_assert(c->has_key);
    if (c->nonce == UINT64_MAX) {
        return TRIS_ERR_NOT_READY;
    }
    if (plain.len > TRIS_FRAME_BYTES_MAX - TRIS_AEAD_TAG_BYTES) {
        return TRIS_ERR_TOO_LARGE;
    }
    cipher_nonce(c->nonce, nonce);
    (void)crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.ptr, plain.len, ad.ptr, ad.len,
                                                    NULL, nonce, c->key);
    c->nonce++;
    return TRIS_OK;
}

static enum tris_err cipher_decrypt(struct noise_cipher *c, struct span ad, struct span sealed,
                                    uint8_t *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    tris_assert(c->has_key);
    if (sealed.len < TRIS_AEAD_TAG_BYTES) {
        return TRIS_ERR_TRUNCATED;
    }
    if (sealed.len > TRIS_FRAME_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (c->nonce == UINT64_MAX) {
        return TRIS_ERR_DECRYPT;
    }
    cipher_nonce(c->nonce, nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.ptr, sealed.len, ad.ptr,
                                                  ad.len, nonce, c->key) != 0) {
        return TRIS_ERR_DECRYPT;
    }
    c->nonce++;
    return TRIS_OK;
}

enum tris_err noise_encrypt(struct noise_cipher *c, struct span plain, uint8_t *out)
{
    return cipher_encrypt(c, span_of(NULL, 0), plain, out);
}

enum tris_err noise_decrypt(struct noise_cipher *c, struct span sealed, uint8_t *out)
{
    return cipher_decrypt(c, span_of(NULL, 0), sealed, out);
}

/* ---- symmetric state (section 5.2), kept in the handshake ---- */

static void mix_hash(struct noise_handshake *hs, struct span data)
{
    hash_two(span_of(hs->h, HASH_BYTES), data, hs->h);
}

static void mix_key(struct noise_handshake *hs, struct span input)
{
    uint8_t out[2][HASH_BYTES];
    hkdf(hs->ck, input, out, 2);
    memcpy(hs->ck, out[0], HASH_BYTES);
    cipher_set(&hs->cipher, out[1]);
    sodium_memzero(out, sizeof out);
}

static void mix_key_and_hash(struct noise_handshake *hs, struct span input)
{
    uint8_t out[3][HASH_BYTES];
    hkdf(hs->ck, input, out, 3);
    memcpy(hs->ck, out[0], HASH_BYTES);
    mix_hash(hs, span_of(out[1], HASH_BYTES));
    cipher_set(&hs->cipher, out[2]);
    sodium_memzero(out, sizeof out);
}

/* Where `len` bytes can be appended; the caller adds to w->len once they are there. */
static uint8_t *wbuf_room(struct wbuf *w, size_t len)
{
    if (w->err == TRIS_OK && len > w->cap - w->len) {
        wbuf_fail(w, TRIS_ERR_NO_SPACE);
    }
    return w->err == TRIS_OK ? w->ptr + w->len : NULL;
}

static enum tris_err encrypt_and_hash(struct noise_handshake *hs, struct span plain,
                                      struct wbuf *out)
{
    size_t len = plain.len + (hs->cipher.has_key ? TRIS_AEAD_TAG_BYTES : 0);
    if (plain.len > TRIS_FRAME_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    uint8_t *place = wbuf_room(out, len);
    if (place == NULL) {
        return out->err;
    }
    if (hs->cipher.has_key) {
        enum tris_err err = cipher_encrypt(&hs->cipher, span_of(hs->h, HASH_BYTES), plain, place);
        if (err != TRIS_OK) {
            return err;
        }
    } else if (len > 0) {
        memcpy(place, plain.ptr, len);
    }
    out->len += len;
    mix_hash(hs, span_of(place, len));
    return TRIS_OK;
}

static enum tris_err decrypt_and_hash(struct noise_handshake *hs, struct span sealed,
                                      struct wbuf *out)
{
    size_t tag = hs->cipher.has_key ? TRIS_AEAD_TAG_BYTES : 0;
    if (sealed.len < tag) {
        return TRIS_ERR_TRUNCATED;
    }
    uint8_t *place = wbuf_room(out, sealed.len - tag);
    if (place == NULL) {
        return out->err;
    }
    if (hs->cipher.has_key) {
        enum tris_err err = cipher_decrypt(&hs->cipher, span_of(hs->h, HASH_BYTES), sealed, place);
        if (err != TRIS_OK) {
            return err;
        }
    } else if (sealed.len > 0) {
        memcpy(place, sealed.ptr, sealed.len);
    }
    out->len += sealed.len - tag;
    mix_hash(hs, sealed);
    return TRIS_OK;
}

/* ---- handshake state (section 5.3) ---- */

/* An all-zero result means a key of low order: nothing secret, so the handshake ends. */
static enum tris_err mix_dh(struct noise_handshake *hs, const struct noise_keypair *own,
                            const struct tris_dh_pub *other)
{
    uint8_t shared[KEY_BYTES];
    enum tris_err err = TRIS_ERR_HANDSHAKE;
    if (crypto_scalarmult(shared, own->secret.b, other->b) == 0) {
        mix_key(hs, span_of(shared, sizeof shared));
        err = TRIS_OK;
    }
    sodium_memzero(shared, sizeof shared);
    return err;
}

/* The tokens that mix keys only; "es" and "se" name the initiator's key first. */
static enum tris_err mix_token(struct noise_handshake *hs, enum token token)
{
    switch (token) {
    case TOKEN_EE:
        return mix_dh(hs, &hs->e, &hs->re);
    case TOKEN_ES:
        return hs->initiator ? mix_dh(hs, &hs->e, &hs->rs) : mix_dh(hs, &hs->s, &hs->re);
    case TOKEN_SE:
        return hs->initiator ? mix_dh(hs, &hs->s, &hs->re) : mix_dh(hs, &hs->e, &hs->rs);
    case TOKEN_SS:
        return mix_dh(hs, &hs->s, &hs->rs);
    case TOKEN_PSK:
        mix_key_and_hash(hs, span_of(hs->psk, sizeof hs->psk));
        return TRIS_OK;
    case TOKEN_END:
    case TOKEN_E:
    case TOKEN_S:
        break;
    }
    tris_assert(token == TOKEN_END);
    return TRIS_OK;
}

/* An ephemeral key is hashed, and with a psk in the pattern mixed into the key too (section 9.2),
 * so that no two messages are encrypted with keys that depend on the psk alone. */
static void mix_ephemeral(struct noise_handshake *hs, const struct tris_dh_pub *key)
{
    mix_hash(hs, span_of(key->b, sizeof key->b));
    if (pattern_of(hs->pattern)->psk) {
        mix_key(hs, span_of(key->b, sizeof key->b));
    }
}

static enum tris_err write_token(struct noise_handshake *hs, enum token token, struct wbuf *out)
{
    if (token == TOKEN_E) {
        wbuf_bytes(out, hs->e.pub.b, sizeof hs->e.pub.b);
        mix_ephemeral(hs, &hs->e.pub);
        return out->err;
    }
    if (token == TOKEN_S) {
        return encrypt_and_hash(hs, span_of(hs->s.pub.b, sizeof hs->s.pub.b), out);
    }
    return mix_token(hs, token);
}

static enum tris_err read_token(struct noise_handshake *hs, enum token token, struct rbuf *in)
{
    if (token == TOKEN_E) {
        rbuf_copy(in, hs->re.b, sizeof hs->re.b);
        mix_ephemeral(hs, &hs->re);
        hs->has_re = true;
        return in->err;
    }
    if (token == TOKEN_S) {
        struct span sealed = rbuf_take(in, hs->cipher.has_key ? KEYED_KEY_BYTES : KEY_BYTES);
        struct wbuf key = wbuf_of(hs->rs.b, sizeof hs->rs.b);
        enum tris_err err = in->err == TRIS_OK ? decrypt_and_hash(hs, sealed, &key) : in->err;
        hs->has_rs = err == TRIS_OK;
        return err;
    }
    return mix_token(hs, token);
}

enum tris_err noise_init(struct noise_handshake *hs, enum noise_pattern pattern, bool initiator,
                         struct span prologue, const struct noise_keypair *s,
                         const struct noise_keypair *ephemeral, const struct tris_dh_pub *rs,
                         const uint8_t *psk)
{
    const struct pattern_row *row = pattern_of(pattern);
    memset(hs, 0, sizeof *hs);
    if (row == NULL) {
        return TRIS_ERR_HANDSHAKE;
    }
    bool needs_rs = row->knows_responder && initiator;
    if (needs_rs != (rs != NULL) || row->psk != (psk != NULL)) {
        return TRIS_ERR_REQUIRED;
    }
    hs->pattern = pattern;
    hs->initiator = initiator;
    hs->s = *s;
    hs->e = *ephemeral;
    hs->has_e = true;
    if (rs != NULL) {
        hs->rs = *rs;
        hs->has_rs = true;
    }
    if (psk != NULL) {
        memcpy(hs->psk, psk, sizeof hs->psk);
    }
    size_t name_len = strlen(row->name);
    tris_assert(name_len <= HASH_BYTES);
    memcpy(hs->h, row->name, name_len);
    memcpy(hs->ck, hs->h, HASH_BYTES);
    mix_hash(hs, prologue);
    if (row->knows_responder) {
        mix_hash(hs, span_of(initiator ? hs->rs.b : hs->s.pub.b, KEY_BYTES));
    }
    return TRIS_OK;
}

/* Whose turn it is: the initiator's at even messages. NULL after an error or the last message. */
static const uint8_t *next_tokens(const struct noise_handshake *hs, bool write)
{
    const struct pattern_row *row = pattern_of(hs->pattern);
    bool own_turn = (hs->message % 2 == 0) == hs->initiator;
    if (row == NULL || hs->message >= row->messages_count || own_turn != write) {
        return NULL;
    }
    return row->tokens[hs->message];
}

enum tris_err noise_write(struct noise_handshake *hs, struct span payload, struct wbuf *out)
{
    const uint8_t *tokens = next_tokens(hs, true);
    size_t start = out->len;
    enum tris_err err = tokens == NULL ? TRIS_ERR_NOT_READY : TRIS_OK;
    for (size_t i = 0; err == TRIS_OK && i < TOKENS_MAX && tokens[i] != TOKEN_END; i++) {
        err = write_token(hs, (enum token)tokens[i], out);
    }
    if (err == TRIS_OK) {
        err = encrypt_and_hash(hs, payload, out);
    }
    if (err == TRIS_OK && out->len - start > TRIS_FRAME_BYTES_MAX) {
        err = TRIS_ERR_TOO_LARGE;
    }
    if (err != TRIS_OK) {
        noise_handshake_fini(hs);
        return err;
    }
    hs->message++;
    return TRIS_OK;
}

enum tris_err noise_read(struct noise_handshake *hs, struct span message, struct wbuf *payload)
{
    const uint8_t *tokens = next_tokens(hs, false);
    struct rbuf in = rbuf_of(message);
    enum tris_err err = tokens == NULL ? TRIS_ERR_NOT_READY : TRIS_OK;
    if (err == TRIS_OK && message.len > TRIS_FRAME_BYTES_MAX) {
        err = TRIS_ERR_TOO_LARGE;
    }
    for (size_t i = 0; err == TRIS_OK && i < TOKENS_MAX && tokens[i] != TOKEN_END; i++) {
        err = read_token(hs, (enum token)tokens[i], &in);
    }
    if (err == TRIS_OK) {
        err = decrypt_and_hash(hs, rbuf_take(&in, rbuf_left(&in)), payload);
    }
    if (err != TRIS_OK) {
        noise_handshake_fini(hs);
        return err;
    }
    hs->message++;
    return TRIS_OK;
}

bool noise_done(const struct noise_handshake *hs)
{
    const struct pattern_row *row = pattern_of(hs->pattern);
    return row != NULL && hs->message == row->messages_count;
}

void noise_split(struct noise_handshake *hs, struct noise_transport *out)
{
    uint8_t keys[2][HASH_BYTES];
    tris_assert(noise_done(hs));
    hkdf(hs->ck, span_of(NULL, 0), keys, 2);
    cipher_set(&out->send, keys[hs->initiator ? 0 : 1]);
    cipher_set(&out->recv, keys[hs->initiator ? 1 : 0]);
    memcpy(out->handshake_hash, hs->h, HASH_BYTES);
    sodium_memzero(keys, sizeof keys);
    noise_handshake_fini(hs);
}

void noise_handshake_fini(struct noise_handshake *hs)
{
    sodium_memzero(hs, sizeof *hs);
}

void noise_transport_fini(struct noise_transport *t)
{
    sodium_memzero(t, sizeof *t);
}

void noise_keypair_from_secret(const struct tris_dh_secret *secret, struct noise_keypair *out)
{
    out->secret = *secret;
    (void)crypto_scalarmult_base(out->pub.b, secret->b);
}

/* ---- gate ---- */

static const uint8_t gate_personal[crypto_generichash_blake2b_PERSONALBYTES] = "tris-gate-v1";

void noise_gate_key(const uint8_t secret[32], uint8_t key[32])
{
    (void)crypto_generichash_blake2b_salt_personal(key, KEY_BYTES, secret, KEY_BYTES, NULL, 0, NULL,
                                                   gate_personal);
}

void noise_gate_keyed(uint8_t pattern, struct span message1, const uint8_t key[32],
                      uint8_t out[NOISE_GATE_BYTES])
{
    crypto_generichash_blake2b_state state;
    (void)crypto_generichash_blake2b_init_salt_personal(&state, key, KEY_BYTES, NOISE_GATE_BYTES,
                                                        NULL, gate_personal);
    (void)crypto_generichash_blake2b_update(&state, &pattern, 1);
    (void)crypto_generichash_blake2b_update(&state, message1.ptr, message1.len);
    (void)crypto_generichash_blake2b_final(&state, out, NOISE_GATE_BYTES);
    sodium_memzero(&state, sizeof state);
}

void noise_gate(uint8_t pattern, struct span message1, const uint8_t secret[32],
                uint8_t out[NOISE_GATE_BYTES])
{
    uint8_t key[KEY_BYTES];
    noise_gate_key(secret, key);
    noise_gate_keyed(pattern, message1, key, out);
    sodium_memzero(key, sizeof key);
}
