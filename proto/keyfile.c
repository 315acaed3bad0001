/* Text form of key files; see keyfile.h. Reading derives the line anew from the secret half and
 * compares all of it, so a damaged public half, other spacing or upper-case digits are refused. */
#include "proto/keyfile.h"

#include <sodium.h>

#define IDENTITY_LABEL "tris-identity-1 "
#define TRANSPORT_LABEL "tris-transport-1 "

enum { KEY_BYTES = 32, KEY_HEX = 2 * KEY_BYTES };

/* label, 64 digits, space, 64 digits, LF */
static size_t line_len(const char *label)
{
    return strlen(label) + KEY_HEX + 1 + KEY_HEX + 1;
}

/* libsodium's coders do not branch or index by the secret. */
static enum tris_err line_print(const char *label, const uint8_t secret[KEY_BYTES],
                                const uint8_t pub[KEY_BYTES], char *out, size_t out_size)
{
    size_t at = strlen(label);
    if (out_size < line_len(label) + 1) {
        return TRIS_ERR_NO_SPACE;
    }
    memcpy(out, label, at);
    (void)sodium_bin2hex(out + at, KEY_HEX + 1, secret, KEY_BYTES);
    at += KEY_HEX;
    out[at++] = ' ';
    (void)sodium_bin2hex(out + at, KEY_HEX + 1, pub, KEY_BYTES);
    at += KEY_HEX;
    out[at++] = '\n';
    out[at] = '\0';
    return TRIS_OK;
}

static enum tris_err secret_read(const char *label, struct span text, uint8_t out[KEY_BYTES])
{
    size_t label_len = strlen(label), len = 0;
    if (text.len != line_len(label) || memcmp(text.ptr, label, label_len) != 0) {
        return TRIS_ERR_BAD_KEY;
    }
    if (sodium_hex2bin(out, KEY_BYTES, (const char *)text.ptr + label_len, KEY_HEX, NULL, &len,
                       NULL) != 0 ||
        len != KEY_BYTES) {
        sodium_memzero(out, KEY_BYTES);
        return TRIS_ERR_BAD_KEY;
    }
    return TRIS_OK;
}

static enum tris_err line_compare(struct span text, const char *line)
{
    return text.len == strlen(line) && sodium_memcmp(text.ptr, line, text.len) == 0
               ? TRIS_OK
               : TRIS_ERR_BAD_KEY;
}

enum tris_err keyfile_identity_print(const struct tris_sign_secret *key, char *out, size_t out_size)
{
    return line_print(IDENTITY_LABEL, key->b, key->b + KEY_BYTES, out, out_size);
}

enum tris_err keyfile_identity_parse(struct span text, struct tris_sign_secret *out)
{
    uint8_t seed[KEY_BYTES] = {0};
    char line[KEYFILE_BYTES_MAX];
    struct tris_sign_pub pub;
    enum tris_err err = secret_read(IDENTITY_LABEL, text, seed);
    if (err == TRIS_OK) {
        (void)crypto_sign_seed_keypair(pub.b, out->b, seed);
        err = keyfile_identity_print(out, line, sizeof line);
    }
    if (err == TRIS_OK) {
        err = line_compare(text, line);
    }
    if (err != TRIS_OK) {
        sodium_memzero(out, sizeof *out);
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(line, sizeof line);
    return err;
}

enum tris_err keyfile_transport_print(const struct noise_keypair *key, char *out, size_t out_size)
{
    return line_print(TRANSPORT_LABEL, key->secret.b, key->pub.b, out, out_size);
}

enum tris_err keyfile_transport_parse(struct span text, struct noise_keypair *out)
{
    struct tris_dh_secret secret = {{0}};
    char line[KEYFILE_BYTES_MAX];
    enum tris_err err = secret_read(TRANSPORT_LABEL, text, secret.b);
    if (err == TRIS_OK) {
        noise_keypair_from_secret(&secret, out);
        err = keyfile_transport_print(out, line, sizeof line);
    }
    if (err == TRIS_OK) {
        err = line_compare(text, line);
    }
    if (err != TRIS_OK) {
        sodium_memzero(out, sizeof *out);
    }
    sodium_memzero(&secret, sizeof secret);
    sodium_memzero(line, sizeof line);
    return err;
}
