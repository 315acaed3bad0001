/* Passphrases and what is sealed with them; see passphrase.h. */
#include "tools/passphrase.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static int too_short(const struct cli *cli)
{
    return cli_error(cli, TRIS_ERR_PERMISSION, _("nothing was written"), NULL,
                     _("the passphrase needs at least %d characters"), SEALED_PASSPHRASE_BYTES_MIN);
}

/* The first line of the file. */
static int from_file(const struct cli *cli, const char *path, char out[SEALED_PASSPHRASE_BYTES_MAX])
{
    char *text;
    size_t len;
    enum tris_err err = file_read_secret(path, SEALED_PASSPHRASE_BYTES_MAX - 1, &text, &len);
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
static int ask_hidden(int fd, const char *prompt, char out[SEALED_PASSPHRASE_BYTES_MAX])
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
    while (len + 1 < SEALED_PASSPHRASE_BYTES_MAX && read(fd, &c, 1) == 1 && c != '\n' &&
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

static int from_terminal(const struct cli *cli, const char *prompt, bool twice,
                         char out[SEALED_PASSPHRASE_BYTES_MAX])
{
    char again[SEALED_PASSPHRASE_BYTES_MAX] = "";
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return cli_error(cli, TRIS_ERR_PERMISSION, _("nothing was written"),
                         "TRIS_PASSPHRASE_FILE=FILE tris ...",
                         _("there is no terminal to ask for a passphrase"));
    }
    int code = ask_hidden(fd, prompt, out);
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
    sodium_memzero(out, SEALED_PASSPHRASE_BYTES_MAX);
    if (code == EXIT_INTERRUPTED) {
        return code;
    }
    return cli_error(cli, TRIS_ERR_PERMISSION, _("nothing was written"), NULL, "%s",
                     code == EXIT_OK ? _("the two passphrases differ")
                                     : _("no passphrase was given"));
}

const char *passphrase_file(void)
{
    const char *path = getenv("TRIS_PASSPHRASE_FILE");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

int passphrase_get(const struct cli *cli, const char *file, const char *prompt, bool twice,
                   char out[SEALED_PASSPHRASE_BYTES_MAX])
{
    memset(out, 0, SEALED_PASSPHRASE_BYTES_MAX);
    int code = file != NULL ? from_file(cli, file, out) : from_terminal(cli, prompt, twice, out);
    if (code == EXIT_OK && twice && strlen(out) < SEALED_PASSPHRASE_BYTES_MIN) {
        sodium_memzero(out, SEALED_PASSPHRASE_BYTES_MAX);
        return too_short(cli);
    }
    return code;
}

void passphrase_head(struct sealed *out)
{
    memset(out, 0, sizeof *out);
    out->ops = SEALED_OPS;
    out->mem = SEALED_MEM;
    randombytes_buf(out->salt, sizeof out->salt);
    randombytes_buf(out->nonce, sizeof out->nonce);
}

enum tris_err passphrase_seal(const char *passphrase, struct span plain, char **out)
{
    struct sealed head;
    passphrase_head(&head);
    char *text = malloc(SEALED_BYTES_MAX);
    enum tris_err err = text == NULL
                            ? TRIS_ERR_NO_MEMORY
                            : sealed_print(&head, passphrase, plain, text, SEALED_BYTES_MAX);
    if (err != TRIS_OK) {
        free(text);
        text = NULL;
    }
    *out = text;
    return err;
}

enum tris_err passphrase_open(const char *passphrase, struct span text, char **plain, size_t *len)
{
    struct sealed sealed;
    *plain = NULL;
    enum tris_err err = sealed_parse(text, &sealed);
    if (err != TRIS_OK) {
        return err;
    }
    const size_t room = sealed_room(&sealed);
    char *out = malloc(room + 1);
    err = out == NULL ? TRIS_ERR_NO_MEMORY
                      : sealed_open(&sealed, passphrase, (uint8_t *)out, room, len);
    if (err != TRIS_OK) {
        free(out);
        return err;
    }
    out[*len] = '\0';
    *plain = out;
    return TRIS_OK;
}
