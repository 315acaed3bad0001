/* Passphrases and what is sealed with them; see passphrase.h. */
#include "tools/passphrase.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { PASSPHRASE_BYTES_MIN = 8 };

/* A file may ask for at most this much work, so that a foreign one cannot occupy the machine. */
static const unsigned long long ops_max = crypto_pwhash_OPSLIMIT_SENSITIVE;
static const unsigned long long mem_max = crypto_pwhash_MEMLIMIT_SENSITIVE;
static const char sealed_label[] = "tris-sealed-1 argon2id ";

static int too_short(const struct cli *cli)
{
    return cli_error(cli, TRIS_ERR_PERMISSION, _("nothing was written"), NULL,
                     _("the passphrase needs at least %d characters"), PASSPHRASE_BYTES_MIN);
}

/* The first line of the file. */
static int from_file(const struct cli *cli, const char *path, char out[PASSPHRASE_BYTES_MAX])
{
    char *text;
    size_t len;
    enum tris_err err = file_read_secret(path, PASSPHRASE_BYTES_MAX - 1, &text, &len);
    if (err != TRIS_OK) {
        char next[FILE_PATH_BYTES];
        (void)snprintf(next, sizeof next, "chmod 600 %.1000s", path);
        return cli_error(cli, TRIS_ERR_PERMISSION, _("nothing was written"),
                         err == TRIS_ERR_PERMISSION ? next : NULL,
                         _("the passphrase file %s cannot be used: %s"), path,
                         _(tris_err_text(err)));
    }
    size_t line = strcspn(text, "\r\n");
    memcpy(out, text, line);
    out[line] = '\0';
    file_free(text, len);
    return EXIT_OK;
}

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_BACKSPACE = 8, KEY_DELETE = 127 };

/* Takes the last character back, all bytes of it. */
static size_t erase_last(const char *text, size_t len)
{
    while (len > 0) {
        len--;
        if (((unsigned char)text[len] & 0xc0) != 0x80) {
            break;
        }
    }
    return len;
}

/* Reads one line from the terminal without showing it: EXIT_OK, EXIT_INTERRUPTED or EXIT_FAILED.
 * Ctrl-C comes as a character, so that no way out leaves the terminal silent. */
static int ask_hidden(int fd, const char *prompt, char out[PASSPHRASE_BYTES_MAX])
{
    struct termios shown, hidden;
    size_t len = 0;
    char c = '\0';
    if (tcgetattr(fd, &shown) != 0) {
        return EXIT_FAILED;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    hidden.c_cc[VMIN] = 1;
    hidden.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSAFLUSH, &hidden) != 0) {
        return EXIT_FAILED;
    }
    (void)dprintf(fd, "%s", prompt);
    while (len + 1 < PASSPHRASE_BYTES_MAX && read(fd, &c, 1) == 1 && c != '\n' &&
           c != KEY_INTERRUPT && c != KEY_END) {
        if (c == KEY_BACKSPACE || c == KEY_DELETE) {
            len = erase_last(out, len);
        } else {
            out[len++] = c;
        }
    }
    out[len] = '\0';
    (void)tcsetattr(fd, TCSAFLUSH, &shown);
    (void)dprintf(fd, "\n");
    return c == '\n' ? EXIT_OK : c == KEY_INTERRUPT ? EXIT_INTERRUPTED : EXIT_FAILED;
}

static int from_terminal(const struct cli *cli, bool twice, char out[PASSPHRASE_BYTES_MAX])
{
    char again[PASSPHRASE_BYTES_MAX] = "";
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return cli_error(cli, TRIS_ERR_PERMISSION, _("nothing was written"),
                         "TRIS_PASSPHRASE_FILE=FILE tris key backup -o FILE",
                         _("there is no terminal to ask for a passphrase"));
    }
    int code = ask_hidden(fd, _("Passphrase: "), out);
    bool same = true;
    if (code == EXIT_OK && twice) {
        code = ask_hidden(fd, _("Once more: "), again);
        same = strlen(again) == strlen(out) && sodium_memcmp(again, out, strlen(out)) == 0;
        sodium_memzero(again, sizeof again);
    }
    (void)close(fd);
    if (code == EXIT_OK && same) {
        return EXIT_OK;
    }
    sodium_memzero(out, PASSPHRASE_BYTES_MAX);
    if (code == EXIT_INTERRUPTED) {
        return code;
    }
    return cli_error(cli, TRIS_ERR_PERMISSION, _("nothing was written"), NULL, "%s",
                     code == EXIT_OK ? _("the two passphrases differ")
                                     : _("no passphrase was given"));
}

int passphrase_get(const struct cli *cli, bool twice, char out[PASSPHRASE_BYTES_MAX])
{
    const char *path = getenv("TRIS_PASSPHRASE_FILE");
    memset(out, 0, PASSPHRASE_BYTES_MAX);
    int code = path != NULL && path[0] != '\0' ? from_file(cli, path, out)
                                               : from_terminal(cli, twice, out);
    if (code == EXIT_OK && twice && strlen(out) < PASSPHRASE_BYTES_MIN) {
        sodium_memzero(out, PASSPHRASE_BYTES_MAX);
        return too_short(cli);
    }
    return code;
}

static enum tris_err derive(const char *passphrase, const uint8_t salt[crypto_pwhash_SALTBYTES],
                            unsigned long long ops, size_t mem,
                            uint8_t key[crypto_secretbox_KEYBYTES])
{
    return crypto_pwhash(key, crypto_secretbox_KEYBYTES, passphrase, strlen(passphrase), salt, ops,
                         mem, crypto_pwhash_ALG_ARGON2ID13) == 0
               ? TRIS_OK
               : TRIS_ERR_NO_MEMORY;
}

enum tris_err passphrase_seal(const char *passphrase, struct span plain, char **out)
{
    uint8_t salt[crypto_pwhash_SALTBYTES], nonce[crypto_secretbox_NONCEBYTES];
    uint8_t key[crypto_secretbox_KEYBYTES];
    char salt_hex[2 * sizeof salt + 1], nonce_hex[2 * sizeof nonce + 1];
    size_t sealed_len = plain.len + crypto_secretbox_MACBYTES;
    size_t size = sizeof sealed_label + sizeof salt_hex + sizeof nonce_hex + 64 + 2 * sealed_len;
    uint8_t *sealed = malloc(sealed_len);
    char *text = malloc(size);
    randombytes_buf(salt, sizeof salt);
    randombytes_buf(nonce, sizeof nonce);
    enum tris_err err = sealed == NULL || text == NULL ? TRIS_ERR_NO_MEMORY : TRIS_OK;
    if (err == TRIS_OK) {
        err = derive(passphrase, salt, crypto_pwhash_OPSLIMIT_MODERATE,
                     crypto_pwhash_MEMLIMIT_MODERATE, key);
    }
    if (err == TRIS_OK) {
        (void)crypto_secretbox_easy(sealed, plain.ptr, plain.len, nonce, key);
        int head = snprintf(text, size, "%s%llu %llu %s %s ", sealed_label,
                            (unsigned long long)crypto_pwhash_OPSLIMIT_MODERATE,
                            (unsigned long long)crypto_pwhash_MEMLIMIT_MODERATE,
                            sodium_bin2hex(salt_hex, sizeof salt_hex, salt, sizeof salt),
                            sodium_bin2hex(nonce_hex, sizeof nonce_hex, nonce, sizeof nonce));
        size_t at = (size_t)head;
        (void)sodium_bin2hex(text + at, size - at, sealed, sealed_len);
        at += 2 * sealed_len;
        memcpy(text + at, "\n", 2);
        *out = text;
        text = NULL;
    }
    sodium_memzero(key, sizeof key);
    free(sealed);
    free(text);
    return err;
}

bool passphrase_is_sealed(struct span text)
{
    return text.len > strlen(sealed_label) &&
           memcmp(text.ptr, sealed_label, strlen(sealed_label)) == 0;
}

/* The next word of the line, of exactly `len` bytes in hex. */
static bool take_hex(const char **at, uint8_t *out, size_t len)
{
    size_t got = 0;
    const char *end = *at + strcspn(*at, " \n");
    if ((size_t)(end - *at) != 2 * len ||
        sodium_hex2bin(out, len, *at, 2 * len, NULL, &got, NULL) != 0) {
        return false;
    }
    *at = *end == ' ' ? end + 1 : end;
    return got == len;
}

static bool take_number(const char **at, unsigned long long max, unsigned long long *out)
{
    char *end = NULL;
    if (**at < '1' || **at > '9') {
        return false;
    }
    *out = strtoull(*at, &end, 10);
    if (*end != ' ' || end - *at > 19 || *out > max) {
        return false;
    }
    *at = end + 1;
    return true;
}

enum tris_err passphrase_open(const char *passphrase, struct span sealed, char **plain, size_t *len)
{
    uint8_t salt[crypto_pwhash_SALTBYTES], nonce[crypto_secretbox_NONCEBYTES];
    uint8_t key[crypto_secretbox_KEYBYTES];
    unsigned long long ops = 0, mem = 0;
    if (!passphrase_is_sealed(sealed) || sealed.len > SEALED_BYTES_MAX) {
        return TRIS_ERR_BAD_VALUE;
    }
    const char *at = (const char *)sealed.ptr + strlen(sealed_label);
    if (!take_number(&at, ops_max, &ops) || !take_number(&at, mem_max, &mem) ||
        !take_hex(&at, salt, sizeof salt) || !take_hex(&at, nonce, sizeof nonce)) {
        return TRIS_ERR_BAD_VALUE;
    }
    size_t box_len = strcspn(at, "\n") / 2;
    uint8_t *box = malloc(box_len + 1);
    char *text = malloc(box_len + 1);
    enum tris_err err = box == NULL || text == NULL ? TRIS_ERR_NO_MEMORY : TRIS_OK;
    if (err == TRIS_OK && (box_len < crypto_secretbox_MACBYTES || !take_hex(&at, box, box_len))) {
        err = TRIS_ERR_BAD_VALUE;
    }
    if (err == TRIS_OK) {
        err = derive(passphrase, salt, ops, (size_t)mem, key);
    }
    if (err == TRIS_OK) {
        *len = box_len - crypto_secretbox_MACBYTES;
        err = crypto_secretbox_open_easy((uint8_t *)text, box, box_len, nonce, key) == 0
                  ? TRIS_OK
                  : TRIS_ERR_DECRYPT;
    }
    if (err == TRIS_OK) {
        text[*len] = '\0';
        *plain = text;
        text = NULL;
    }
    sodium_memzero(key, sizeof key);
    free(box);
    free(text);
    return err;
}
