/* Key files of both kinds: what is accepted prints to the same bytes, and what is refused leaves
 * zeros; also with the public half made right for the secret one. */
#include "proto/keyfile.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

void fuzz_setup(void)
{
}

static bool identity(struct span text)
{
    struct tris_sign_secret key;
    char out[KEYFILE_BYTES_MAX];
    memset(&key, 1, sizeof key);
    if (keyfile_identity_parse(text, &key) != TRIS_OK) {
        REQUIRE(sodium_is_zero(key.b, sizeof key.b) != 0);
        return false;
    }
    REQUIRE(keyfile_identity_print(&key, out, sizeof out) == TRIS_OK);
    REQUIRE(span_eq(text, span_str(out)));
    REQUIRE(keyfile_identity_print(&key, out, text.len) == TRIS_ERR_NO_SPACE);
    return true;
}

static bool transport(struct span text)
{
    struct noise_keypair key;
    char out[KEYFILE_BYTES_MAX];
    memset(&key, 1, sizeof key);
    if (keyfile_transport_parse(text, &key) != TRIS_OK) {
        REQUIRE(sodium_is_zero((const uint8_t *)&key, sizeof key) != 0);
        return false;
    }
    REQUIRE(keyfile_transport_print(&key, out, sizeof out) == TRIS_OK);
    REQUIRE(span_eq(text, span_str(out)));
    return true;
}

/* The bytes as a key: printed, it is read again. */
static void round_trip(struct span bytes)
{
    struct tris_sign_secret key;
    struct tris_sign_pub pub;
    struct noise_keypair pair;
    struct tris_dh_secret secret;
    char out[KEYFILE_BYTES_MAX];
    if (bytes.len < 32) {
        return;
    }
    REQUIRE(crypto_sign_seed_keypair(pub.b, key.b, bytes.ptr) == 0);
    REQUIRE(keyfile_identity_print(&key, out, sizeof out) == TRIS_OK && identity(span_str(out)));
    REQUIRE(!transport(span_str(out)));
    memcpy(secret.b, bytes.ptr, sizeof secret.b);
    noise_keypair_from_secret(&secret, &pair);
    REQUIRE(keyfile_transport_print(&pair, out, sizeof out) == TRIS_OK && transport(span_str(out)));
    REQUIRE(!identity(span_str(out)));
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    if (fuzz_u8(&in) % 8 == 0) {
        round_trip(fuzz_rest(&in));
    } else {
        struct span text = fuzz_rest(&in);
        (void)identity(text);
        (void)transport(text);
    }
}
