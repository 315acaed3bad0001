/* Keys and house line of a data directory; see keys.h. */
#include "tools/keys.h"

#include <sodium.h>
#include <stdio.h>

#include "proto/hash.h"

static enum tris_err load_file(const char *dir, const char *name, char **text, size_t *len)
{
    char path[FILE_PATH_BYTES];
    return file_path(dir, name, path) ? file_read_secret(path, SEALED_KEY_BYTES_MAX - 1, text, len)
                                      : TRIS_ERR_TOO_LARGE;
}

/* A sealed key is kept as it is: whoever needs it asks for the passphrase (keys_open). */
static enum tris_err identity_take(struct span text, struct keys *out)
{
    struct sealed sealed;
    if (!sealed_is(text)) {
        return keyfile_identity_parse(text, &out->identity);
    }
    if (sealed_parse(text, &sealed) != TRIS_OK) {
        return TRIS_ERR_BAD_KEY;
    }
    memcpy(out->sealed, text.ptr, text.len);
    return TRIS_OK;
}

enum tris_err keys_load(const char *dir, struct keys *out, const char **file)
{
    char *text;
    size_t len;
    memset(out, 0, sizeof *out);
    *file = IDENTITY_FILE;
    enum tris_err err = load_file(dir, IDENTITY_FILE, &text, &len);
    if (err == TRIS_OK) {
        err = identity_take(span_of(text, len), out);
        file_free(text, len);
        out->has_identity = err == TRIS_OK;
    }
    if (err == TRIS_OK || err == TRIS_ERR_NOT_FOUND) {
        *file = TRANSPORT_FILE;
        err = load_file(dir, TRANSPORT_FILE, &text, &len);
        if (err == TRIS_OK) {
            err = keyfile_transport_parse(span_of(text, len), &out->transport);
            file_free(text, len);
            out->has_transport = err == TRIS_OK;
        }
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        keys_fini(out);
        return err == TRIS_ERR_TOO_LARGE ? TRIS_ERR_BAD_KEY : err;
    }
    return TRIS_OK;
}

enum tris_err keys_require(const char *dir, struct keys *out, const char **file)
{
    enum tris_err err = keys_load(dir, out, file);
    if (err == TRIS_OK && !(out->has_identity && out->has_transport)) {
        *file = out->has_identity ? TRANSPORT_FILE : IDENTITY_FILE;
        keys_fini(out);
        return TRIS_ERR_NOT_INIT;
    }
    return err;
}

void keys_make_missing(struct keys *keys)
{
    if (!keys->has_identity) {
        struct tris_sign_pub pub;
        (void)crypto_sign_keypair(pub.b, keys->identity.b);
    }
    if (!keys->has_transport) {
        struct tris_dh_secret secret;
        randombytes_buf(secret.b, sizeof secret.b);
        noise_keypair_from_secret(&secret, &keys->transport);
        sodium_memzero(&secret, sizeof secret);
    }
}

static enum tris_err store_file(const char *dir, const char *name, const char *text)
{
    char path[FILE_PATH_BYTES];
    enum tris_err err = TRIS_ERR_TOO_LARGE;
    if (file_path(dir, name, path)) {
        err = file_write(path, span_str(text), KEY_FILE_MODE, FILE_KEEP_OLD);
    }
    return err;
}

enum tris_err keys_identity_text(const struct keys *keys, const char *passphrase,
                                 char out[SEALED_KEY_BYTES_MAX])
{
    struct sealed head;
    if (passphrase == NULL || passphrase[0] == '\0') {
        return keyfile_identity_print(&keys->identity, out, SEALED_KEY_BYTES_MAX);
    }
    passphrase_head(&head);
    return sealed_identity_print(&head, passphrase, &keys->identity, out);
}

enum tris_err keys_store(const char *dir, struct keys *keys, const char *passphrase,
                         const char **file)
{
    char text[SEALED_KEY_BYTES_MAX];
    enum tris_err err = TRIS_OK;
    if (!keys->has_identity) {
        *file = IDENTITY_FILE;
        err = keys_identity_text(keys, passphrase, text);
        err = err == TRIS_OK ? store_file(dir, IDENTITY_FILE, text) : err;
        keys->has_identity = err == TRIS_OK;
    }
    if (err == TRIS_OK && !keys->has_transport) {
        *file = TRANSPORT_FILE;
        err = keyfile_transport_print(&keys->transport, text, sizeof text);
        err = err == TRIS_OK ? store_file(dir, TRANSPORT_FILE, text) : err;
        keys->has_transport = err == TRIS_OK;
    }
    sodium_memzero(text, sizeof text);
    return err;
}

int keys_open(const struct cli *cli, struct keys *keys, char *passphrase)
{
    char typed[SEALED_PASSPHRASE_BYTES_MAX];
    if (keys->sealed[0] == '\0') {
        return EXIT_OK;
    }
    int code = passphrase_get(cli, passphrase_file(), _("Passphrase of the key: "), false, typed);
    if (code != EXIT_OK) {
        return code;
    }
    enum tris_err err = sealed_identity_open(span_str(keys->sealed), typed, &keys->identity);
    if (err == TRIS_OK) {
        sodium_memzero(keys->sealed, sizeof keys->sealed);
        if (passphrase != NULL) {
            memcpy(passphrase, typed, sizeof typed);
        }
    }
    sodium_memzero(typed, sizeof typed);
    if (err == TRIS_ERR_DECRYPT) {
        return cli_error(cli, TRIS_ERR_PERMISSION, _("the keys were not used"), NULL,
                         _("%s does not open: another passphrase, or the file is damaged"),
                         IDENTITY_FILE);
    }
    return err == TRIS_OK ? EXIT_OK
                          : cli_error(cli, err, _("the keys were not used"), NULL, "%s: %s",
                                      IDENTITY_FILE, _(tris_err_text(err)));
}

void keys_fini(struct keys *keys)
{
    sodium_memzero(keys, sizeof *keys);
}

void keys_house_id(const struct keys *keys, struct tris_house_id *out)
{
    (void)crypto_sign_ed25519_sk_to_pk(out->b, keys->identity.b);
}

enum tris_err keys_line_load(const char *dir, struct house_line *out)
{
    char path[FILE_PATH_BYTES];
    char *text;
    size_t len;
    if (!file_path(dir, HOUSE_LINE_FILE, path)) {
        return TRIS_ERR_TOO_LARGE;
    }
    enum tris_err err = file_read(path, TRIS_HOUSE_LINE_BYTES_MAX + 1, &text, &len);
    if (err != TRIS_OK) {
        return err;
    }
    bool ended = len > 0 && text[len - 1] == '\n';
    err = house_line_parse(span_of(text, ended ? len - 1 : len), out);
    file_free(text, len);
    return err;
}

enum tris_err keys_line_store(const char *dir, const char *text)
{
    char path[FILE_PATH_BYTES], line[TRIS_HOUSE_LINE_BYTES_MAX + 2];
    int len = snprintf(line, sizeof line, "%s\n", text);
    if (len < 0 || (size_t)len >= sizeof line || !file_path(dir, HOUSE_LINE_FILE, path)) {
        return TRIS_ERR_TOO_LARGE;
    }
    return file_write(path, span_of(line, (size_t)len), PUBLIC_FILE_MODE, FILE_REPLACE);
}
