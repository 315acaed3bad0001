/* Domain-separated BLAKE2b-256 and Ed25519 with a context; see hash.h. */
#include "proto/hash.h"

#include "proto/assert.h"
#include "proto/limits.h"

enum { CONTEXT_BYTES = 16 };

_Static_assert(CONTEXT_BYTES == crypto_generichash_blake2b_PERSONALBYTES, "one padding for both");
_Static_assert(sizeof(struct tris_salt) == crypto_generichash_blake2b_SALTBYTES, "libsodium's");

static void context_pad(const char *text, uint8_t out[CONTEXT_BYTES])
{
    size_t len = strlen(text);
    tris_assert(len <= CONTEXT_BYTES);
    memset(out, 0, CONTEXT_BYTES);
    memcpy(out, text, len);
}

crypto_generichash_blake2b_state hash_begin(const char *personal, const struct tris_salt *salt)
{
    uint8_t domain[CONTEXT_BYTES];
    context_pad(personal, domain);
    crypto_generichash_blake2b_state state;
    int rc = crypto_generichash_blake2b_init_salt_personal(
        &state, NULL, 0, sizeof(struct tris_hash), salt != NULL ? salt->b : NULL, domain);
    tris_assert(rc == 0);
    return state;
}

void hash_parts(const char *personal, const struct tris_salt *salt, const struct span *parts,
                size_t parts_count, struct tris_hash *out)
{
    crypto_generichash_blake2b_state state = hash_begin(personal, salt);
    int rc = 0;
    for (size_t i = 0; i < parts_count; i++) {
        if (parts[i].len > 0) {
            rc = crypto_generichash_blake2b_update(&state, parts[i].ptr, parts[i].len);
            tris_assert(rc == 0);
        }
    }
    rc = crypto_generichash_blake2b_final(&state, out->b, sizeof out->b);
    tris_assert(rc == 0);
}

/* Puts context and body side by side; returns the total length. */
static size_t context_message(const char *context, struct span body,
                              uint8_t out[CONTEXT_BYTES + TRIS_HOUSE_LINE_BYTES_MAX])
{
    tris_assert(body.len <= TRIS_HOUSE_LINE_BYTES_MAX);
    context_pad(context, out);
    if (body.len > 0) {
        memcpy(out + CONTEXT_BYTES, body.ptr, body.len);
    }
    return CONTEXT_BYTES + body.len;
}

void sign_with_context(const char *context, struct span body, const struct tris_sign_secret *key,
                       struct tris_sig *out)
{
    uint8_t message[CONTEXT_BYTES + TRIS_HOUSE_LINE_BYTES_MAX];
    size_t len = context_message(context, body, message);
    int rc = crypto_sign_detached(out->b, NULL, message, len, key->b);
    tris_assert(rc == 0);
}

bool verify_with_context(const char *context, struct span body, const struct tris_sign_pub *key,
                         const struct tris_sig *sig)
{
    if (body.len > TRIS_HOUSE_LINE_BYTES_MAX) {
        return false;
    }
    uint8_t message[CONTEXT_BYTES + TRIS_HOUSE_LINE_BYTES_MAX];
    size_t len = context_message(context, body, message);
    return crypto_sign_verify_detached(sig->b, message, len, key->b) == 0;
}
