/* The passphrase of the identity key; see passphrase.h. */
#include "daemon/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/datadir_int.h"

#define CREDENTIAL "tris-passphrase"
#define HOW_TO_GIVE "TRIS_PASSPHRASE_FILE=FILE trisd ..., or on a terminal: trisd"

struct passphrase *passphrase_new(void)
{
    struct passphrase *p = sodium_malloc(sizeof *p);
    if (p != NULL) {
        sodium_memzero(p, sizeof *p);
    }
    return p;
}

void passphrase_free(struct passphrase *p)
{
    sodium_free(p);
}

static enum tris_err refuse_file(const char *path, const char *what, struct refusal *why)
{
    char next[DATADIR_PATH_BYTES];
    (void)snprintf(next, sizeof next, "ls -l %.1000s", path);
    return refuse(why, TRIS_ERR_PERMISSION, next, "the passphrase file %.1000s: %s", path, what);
}

/* The first line of what is read from `fd`. */
static enum tris_err read_line(const char *path, int fd, struct passphrase *p, struct refusal *why)
{
    size_t len = 0;
    while (len < sizeof p->text) {
        ssize_t got = read(fd, p->text + len, sizeof p->text - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refuse_file(path, strerror(errno), why);
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    const char *end = memchr(p->text, '\n', len);
    if (end == NULL && len == sizeof p->text) {
        return refuse_file(path, "its first line is too long", why);
    }
    len = end != NULL ? (size_t)(end - p->text) : len;
    len -= len > 0 && p->text[len - 1] == '\r' ? 1 : 0;
    sodium_memzero(p->text + len, sizeof p->text - len);
    return len > 0 ? TRIS_OK : refuse_file(path, "its first line is empty", why);
}

/* What systemd puts there belongs to root, and only an access list lets this user in, which shows
 * as a mode of its group: so it is enough that nobody else may read it. */
static enum tris_err check_credential(const char *path, int fd, struct refusal *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return refuse_file(path, "not a regular file", why);
    }
    return (st.st_mode & 027) == 0 ? TRIS_OK : refuse_file(path, "others may read it", why);
}

/* TRIS_ERR_NOT_FOUND if an optional one is not there. */
static enum tris_err from_file(const char *path, bool credential, struct passphrase *p,
                               struct refusal *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return credential && errno == ENOENT ? TRIS_ERR_NOT_FOUND
                                             : refuse_file(path, strerror(errno), why);
    }
    enum tris_err err =
        credential ? check_credential(path, fd, why) : datadir_check_secret(path, fd, why);
    if (err == TRIS_OK) {
        err = read_line(path, fd, p, why);
    }
    close(fd);
    return err;
}

/* One line without an echo. The terminal edits the line; Ctrl-C ends it, so that no way out leaves
 * the terminal silent. */
static enum tris_err from_terminal(const char *dir, struct passphrase *p, struct refusal *why)
{
    enum { INTERRUPT = 3 };
    struct termios shown, hidden;
    /* one that belongs to another job would stop this process */
    if (tcgetattr(STDIN_FILENO, &shown) != 0 || tcgetpgrp(STDIN_FILENO) != getpgrp()) {
        return refuse(why, TRIS_ERR_PERMISSION, HOW_TO_GIVE,
                      "a passphrase protects %.1000s/identity.key, and nobody gives it", dir);
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    hidden.c_cc[VEOL] = INTERRUPT;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    fprintf(stderr, "Passphrase of %.1000s/identity.key: ", dir);
    ssize_t got = read(STDIN_FILENO, p->text, sizeof p->text - 1);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fprintf(stderr, "\n");
    if (got > 1 && p->text[got - 1] == '\n') {
        p->text[got - 1] = '\0';
        return TRIS_OK;
    }
    return refuse(why, TRIS_ERR_PERMISSION, HOW_TO_GIVE, "no passphrase was given");
}

static enum tris_err get(struct passphrase *p, const char *dir, struct refusal *why)
{
    const char *file = getenv("TRIS_PASSPHRASE_FILE");
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    enum tris_err err = TRIS_ERR_NOT_FOUND;
    sodium_memzero(p, sizeof *p);
    if (file != NULL && file[0] != '\0') {
        err = from_file(file, false, p, why);
    } else if (credentials != NULL && credentials[0] != '\0') {
        char path[DATADIR_PATH_BYTES];
        (void)snprintf(path, sizeof path, "%.1000s/" CREDENTIAL, credentials);
        err = from_file(path, true, p, why);
    }
    if (err == TRIS_ERR_NOT_FOUND) {
        err = from_terminal(dir, p, why);
    }
    return err;
}

static enum tris_err refuse_open(enum tris_err err, const char *dir, struct refusal *why)
{
    if (err == TRIS_ERR_DECRYPT) {
        return refuse(why, TRIS_ERR_PERMISSION, HOW_TO_GIVE,
                      "%.1000s/identity.key does not open: another passphrase, or it is damaged",
                      dir);
    }
    if (err == TRIS_ERR_NO_MEMORY) {
        return refuse(why, err, "free some memory", "not enough memory for the passphrase");
    }
    return refuse(why, TRIS_ERR_BAD_KEY, "tris key restore", "%.1000s/identity.key is damaged",
                  dir);
}

enum tris_err passphrase_open(struct passphrase *p, const char *dir, struct span text,
                              struct tris_sign_secret *out, struct refusal *why)
{
    struct sealed sealed;
    enum tris_err err = sealed_parse(text, &sealed); /* nobody types for a damaged file */
    if (err == TRIS_OK) {
        err = p->known ? sealed_identity_open(text, p->text, out) : TRIS_ERR_DECRYPT;
    }
    if (err == TRIS_ERR_DECRYPT) {
        enum tris_err got = get(p, dir, why);
        if (got != TRIS_OK) {
            sodium_memzero(p, sizeof *p);
            return got;
        }
        err = sealed_identity_open(text, p->text, out);
    }
    p->known = err == TRIS_OK;
    if (err != TRIS_OK) {
        sodium_memzero(p, sizeof *p);
        return refuse_open(err, dir, why);
    }
    return TRIS_OK;
}
