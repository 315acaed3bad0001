/* Texts sealed with a passphrase: what is accepted is written in one way only, what a passphrase
 * has sealed comes back with it and with no other, and no byte of a secret is left after a refusal.
 */
#include "proto/sealed.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

enum {
    PLAIN_MAX = 600,
    LINE_BYTES = SEALED_HEAD_BYTES_MAX + 2 * (PLAIN_MAX + SEALED_TAG_BYTES) + 2
};

void fuzz_setup(void)
{
}

/* What the costs say is paid only where it is little. */
static void parse(struct span text)
{
    struct sealed sealed;
    struct tris_sign_secret key;
    char salt[2 * SEALED_SALT_BYTES + 1], nonce[2 * SEALED_NONCE_BYTES + 1];
    char line[SEALED_HEAD_BYTES_MAX];
    if (sealed_parse(text, &sealed) != TRIS_OK) {
        memset(&key, 1, sizeof key);
        REQUIRE(sealed_identity_open(text, "x", &key) != TRIS_OK);
        REQUIRE(sodium_is_zero(key.b, sizeof key.b) != 0);
        return;
    }
    REQUIRE(sealed_is(text));
    int head = snprintf(line, sizeof line, "tris-sealed-1 argon2id %u %llu %s %s ",
                        (unsigned)sealed.ops, (unsigned long long)sealed.mem,
                        sodium_bin2hex(salt, sizeof salt, sealed.salt, sizeof sealed.salt),
                        sodium_bin2hex(nonce, sizeof nonce, sealed.nonce, sizeof sealed.nonce));
    REQUIRE(head > 0 && (size_t)head < sizeof line && memcmp(text.ptr, line, (size_t)head) == 0);
    REQUIRE(text.len == (size_t)head + sealed.box.len + 1);
    REQUIRE(sealed.ops >= 1 && sealed.ops <= SEALED_OPS_MAX);
    REQUIRE(sealed.mem >= SEALED_MEM_MIN && sealed.mem <= SEALED_MEM_MAX);
    REQUIRE(sealed_room(&sealed) >= SEALED_TAG_BYTES);
    if (sealed.mem < 2 * SEALED_MEM_MIN) {
        REQUIRE(sealed_identity_open(text, "x", &key) != TRIS_OK);
        REQUIRE(sodium_is_zero(key.b, sizeof key.b) != 0);
    }
}

/* The bytes as passphrase and text; then one bit of the line is turned. */
static void round_trip(struct rbuf *in)
{
    struct sealed head = {.ops = 1, .mem = SEALED_MEM_MIN}, sealed;
    char passphrase[16] = "", line[LINE_BYTES];
    uint8_t plain[PLAIN_MAX + SEALED_TAG_BYTES];
    size_t len = 0;
    uint16_t turn = fuzz_u16(in);
    struct span word = fuzz_take(in, fuzz_u8(in) % sizeof passphrase);
    memcpy(passphrase, word.ptr, word.len);
    struct span text = fuzz_take(in, PLAIN_MAX);
    REQUIRE(sealed_print(&head, passphrase, text, line, sizeof line) == TRIS_OK);
    REQUIRE(sealed_parse(span_str(line), &sealed) == TRIS_OK);
    REQUIRE(sealed_open(&sealed, passphrase, plain, sizeof plain, &len) == TRIS_OK);
    REQUIRE(span_eq(span_of(plain, len), text));
    size_t at = turn / 8U % strlen(line);
    line[at] = (char)(line[at] ^ 1 << turn % 8U);
    if (sealed_parse(span_str(line), &sealed) == TRIS_OK && sealed.mem < 2 * SEALED_MEM_MIN) {
        REQUIRE(sealed_open(&sealed, passphrase, plain, sizeof plain, &len) == TRIS_ERR_DECRYPT);
        REQUIRE(sodium_is_zero(plain, sealed_room(&sealed)) != 0);
    }
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    if (fuzz_u8(&in) % 8 == 0) {
        round_trip(&in);
    } else {
        parse(fuzz_rest(&in));
    }
}
