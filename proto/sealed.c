/* Text sealed with a passphrase; see sealed.h. */
#include "proto/sealed.h"

#include <sodium.h>
#include <stdio.h>

#define SEALED_LABEL "tris-sealed-1 argon2id "

_Static_assert(SEALED_SALT_BYTES == crypto_pwhash_SALTBYTES, "salt of Argon2id");
_Static_assert(SEALED_NONCE_BYTES == crypto_secretbox_NONCEBYTES, "nonce of the cipher");
_Static_assert(SEALED_TAG_BYTES == crypto_secretbox_MACBYTES, "tag of the cipher");

bool sealed_is(struct span text)
{
    size_t len = strlen(SEALED_LABEL);
    return text.len >= len && memcmp(text.ptr, SEALED_LABEL, len) == 0;
}

/* What stands before the next space, which is taken too; false if there is none. */
static bool take_word(struct span *rest, struct span *word)
{
    const uint8_t *end = memchr(rest->ptr, ' ', rest->len);
    if (end == NULL) {
        return false;
    }
    size_t len = (size_t)(end - rest->ptr);
    *word = span_of(rest->ptr, len);
    *rest = span_of(end + 1, rest->len - len - 1);
    return true;
}

static bool take_number(struct span *rest, uint64_t min, uint64_t max, uint64_t *out)
{
    enum { DIGITS_MAX = 12 }; /* no overflow, and more than any bound has */
    struct span word;
    uint64_t n = 0;
    if (!take_word(rest, &word) || word.len == 0 || word.len > DIGITS_MAX || word.ptr[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(word.ptr[i] - '0');
    }
    *out = n;
    return n >= min && n <= max;
}

/* Lower case only: one text for one value. */
static bool is_hex(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return text.len % 2 == 0;
}

static bool hex_read(struct span hex, uint8_t *out, size_t len)
{
    size_t got = 0;
    return hex.len == 2 * len && is_hex(hex) &&
           sodium_hex2bin(out, len, (const char *)hex.ptr, hex.len, NULL, &got, NULL) == 0 &&
           got == len;
}

enum tris_err sealed_parse(struct span text, struct sealed *out)
{
    struct span salt, nonce;
    uint64_t ops = 0;
    memset(out, 0, sizeof *out);
    if (text.len > SEALED_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (!sealed_is(text) || text.ptr[text.len - 1] != '\n') {
        return TRIS_ERR_BAD_VALUE;
    }
    size_t label = strlen(SEALED_LABEL);
    struct span rest = span_of(text.ptr + label, text.len - label - 1);
    if (!take_number(&rest, 1, SEALED_OPS_MAX, &ops) ||
        !take_number(&rest, SEALED_MEM_MIN, SEALED_MEM_MAX, &out->mem) || out->mem % 1024 != 0 ||
        !take_word(&rest, &salt) || !hex_read(salt, out->salt, sizeof out->salt) ||
        !take_word(&rest, &nonce) || !hex_read(nonce, out->nonce, sizeof out->nonce) ||
        !is_hex(rest) || rest.len < (size_t)2 * SEALED_TAG_BYTES) {
        return TRIS_ERR_BAD_VALUE;
    }
    out->ops = (uint32_t)ops;
    out->box = rest;
    return TRIS_OK;
}

static enum tris_err derive(const struct sealed *head, const char *passphrase,
                            uint8_t key[crypto_secretbox_KEYBYTES])
{
    return crypto_pwhash(key, crypto_secretbox_KEYBYTES, passphrase, strlen(passphrase), head->salt,
                         head->ops, (size_t)head->mem, crypto_pwhash_ALG_ARGON2ID13) == 0
               ? TRIS_OK
               : TRIS_ERR_NO_MEMORY;
}

size_t sealed_room(const struct sealed *sealed)
{
    return sealed->box.len / 2;
}

enum tris_err sealed_open(const struct sealed *sealed, const char *passphrase, uint8_t *out,
                          size_t out_size, size_t *len)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    size_t box_len = sealed_room(sealed);
    *len = 0;
    if (out_size < box_len) {
        return TRIS_ERR_NO_SPACE;
    }
    if (!hex_read(sealed->box, out, box_len)) {
        return TRIS_ERR_BAD_VALUE;
    }
    enum tris_err err = derive(sealed, passphrase, key);
    if (err == TRIS_OK && crypto_secretbox_open_easy(out, out, box_len, sealed->nonce, key) != 0) {
        err = TRIS_ERR_DECRYPT;
    }
    sodium_memzero(key, sizeof key);
    if (err != TRIS_OK) {
        sodium_memzero(out, box_len);
        return err;
    }
    *len = box_len - SEALED_TAG_BYTES;
    return TRIS_OK;
}

/* The ciphertext is made in the second half of its own room in `out`, then spelt out from the
 * front, which never reaches a byte before it is read. */
static void box_print(const struct sealed *head, const uint8_t key[crypto_secretbox_KEYBYTES],
                      struct span plain, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t box_len = plain.len + SEALED_TAG_BYTES;
    uint8_t *box = (uint8_t *)out + box_len;
    (void)crypto_secretbox_easy(box, plain.ptr, plain.len, head->nonce, key);
    for (size_t i = 0; i < box_len; i++) {
        uint8_t byte = box[i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    memcpy(out + 2 * box_len, "\n", 2);
}

enum tris_err sealed_print(const struct sealed *head, const char *passphrase, struct span plain,
                           char *out, size_t out_size)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    char salt[2 * SEALED_SALT_BYTES + 1], nonce[2 * SEALED_NONCE_BYTES + 1];
    if (head->ops < 1 || head->ops > SEALED_OPS_MAX || head->mem < SEALED_MEM_MIN ||
        head->mem > SEALED_MEM_MAX || head->mem % 1024 != 0) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (plain.len > SEALED_BYTES_MAX / 2 ||
        out_size < SEALED_HEAD_BYTES_MAX + 2 * (plain.len + SEALED_TAG_BYTES) + 2) {
        return TRIS_ERR_NO_SPACE;
    }
    enum tris_err err = derive(head, passphrase, key);
    if (err == TRIS_OK) {
        int at = snprintf(out, out_size, "%s%u %llu %s %s ", SEALED_LABEL, (unsigned)head->ops,
                          (unsigned long long)head->mem,
                          sodium_bin2hex(salt, sizeof salt, head->salt, sizeof head->salt),
                          sodium_bin2hex(nonce, sizeof nonce, head->nonce, sizeof head->nonce));
        box_print(head, key, plain, out + at);
    }
    sodium_memzero(key, sizeof key);
    return err;
}

enum tris_err sealed_identity_open(struct span text, const char *passphrase,
                                   struct tris_sign_secret *out)
{
    struct sealed sealed;
    uint8_t plain[KEYFILE_BYTES_MAX + SEALED_TAG_BYTES];
    size_t len = 0;
    memset(out, 0, sizeof *out);
    enum tris_err err = sealed_parse(text, &sealed);
    if (err == TRIS_OK) {
        err = sealed_open(&sealed, passphrase, plain, sizeof plain, &len);
    }
    if (err == TRIS_OK) {
        err = keyfile_identity_parse(span_of(plain, len), out);
    }
    sodium_memzero(plain, sizeof plain);
    return err == TRIS_ERR_NO_SPACE ? TRIS_ERR_BAD_KEY : err;
}

enum tris_err sealed_identity_print(const struct sealed *head, const char *passphrase,
                                    const struct tris_sign_secret *key,
                                    char out[SEALED_KEY_BYTES_MAX])
{
    char line[KEYFILE_BYTES_MAX];
    enum tris_err err = keyfile_identity_print(key, line, sizeof line);
    if (err == TRIS_OK) {
        err = sealed_print(head, passphrase, span_str(line), out, SEALED_KEY_BYTES_MAX);
    }
    sodium_memzero(line, sizeof line);
    return err;
}
