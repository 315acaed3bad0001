/* Loading a data directory; see datadir.h. */
#include "daemon/datadir_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/passphrase.h"
#include "proto/ctlmsg.h"

enum tris_err refuse(struct refusal *why, enum tris_err err, const char *next, const char *format,
                     ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->what, sizeof why->what, format, args);
    va_end(args);
    snprintf(why->unchanged, sizeof why->unchanged, "nothing was written");
    snprintf(why->next, sizeof why->next, "%s", next);
    why->exit_code = ctl_exit_code(err);
    return err;
}

void refusal_print(const struct refusal *why)
{
    fprintf(stderr, "trisd: %s\n  unchanged: %s\n  next: %s\n", why->what, why->unchanged,
            why->next);
}

enum tris_err datadir_check_secret(const char *path, int fd, struct refusal *why)
{
    struct stat st;
    char next[DATADIR_PATH_BYTES + 32];
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return refuse(why, TRIS_ERR_PERMISSION, "tris doctor", "%s is not a regular file", path);
    }
    if (st.st_uid != geteuid()) {
        snprintf(next, sizeof next, "chown %lu %s", (unsigned long)geteuid(), path);
        return refuse(why, TRIS_ERR_PERMISSION, next, "%s belongs to user %lu, not to us", path,
                      (unsigned long)st.st_uid);
    }
    if ((st.st_mode & 077) != 0) {
        snprintf(next, sizeof next, "chmod 600 %s", path);
        return refuse(why, TRIS_ERR_PERMISSION, next, "%s may be read by others (mode %04o)", path,
                      (unsigned)(st.st_mode & 07777));
    }
    return TRIS_OK;
}

static enum tris_err open_failed(const char *dir, const char *path, struct refusal *why)
{
    char next[DATADIR_PATH_BYTES + 64];
    if (errno == ENOENT || errno == ENOTDIR) {
        char charter[DATADIR_PATH_BYTES + 16];
        snprintf(charter, sizeof charter, "%s/charter", dir);
        snprintf(next, sizeof next, "%s --data %s",
                 access(charter, F_OK) == 0 ? "tris key restore FILE" : "tris init", dir);
        return refuse(why, TRIS_ERR_NOT_INIT, next, "%s is not there: %s is not initialised", path,
                      dir);
    }
    snprintf(next, sizeof next, "ls -l %s", path);
    return refuse(why, TRIS_ERR_PERMISSION, next, "%s cannot be opened: %s", path, strerror(errno));
}

/* The whole file, at most `max` bytes, malloc'ed. */
static enum tris_err read_file(const char *dir, const char *name, bool secret, size_t max,
                               uint8_t **bytes, size_t *len, struct refusal *why)
{
    char path[DATADIR_PATH_BYTES];
    snprintf(path, sizeof path, "%.1000s/%s", dir, name);
    uint8_t *buf = malloc(max + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum tris_err err = TRIS_OK;
    *len = 0;
    if (fd < 0) {
        err = open_failed(dir, path, why);
    } else if (secret) {
        err = datadir_check_secret(path, fd, why);
    }
    if (err == TRIS_OK && buf == NULL) {
        err = refuse(why, TRIS_ERR_NO_MEMORY, "free some memory", "not enough memory");
    }
    while (err == TRIS_OK && *len <= max) {
        ssize_t got = read(fd, buf + *len, max + 1 - *len);
        if (got < 0 && errno != EINTR) {
            err = refuse(why, TRIS_ERR_IO, "tris doctor", "%s: %s", path, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        *len += got > 0 ? (size_t)got : 0;
    }
    if (err == TRIS_OK && *len > max) {
        err =
            refuse(why, TRIS_ERR_INVALID, "tris doctor", "%s is larger than %zu bytes", path, max);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (err != TRIS_OK) {
        free(buf);
        buf = NULL;
    }
    *bytes = buf;
    return err;
}

static enum tris_err load_identity(const char *dir, struct passphrase *passphrase,
                                   struct datadir *out, struct refusal *why)
{
    uint8_t *bytes;
    size_t len;
    enum tris_err err =
        read_file(dir, "identity.key", true, SEALED_KEY_BYTES_MAX, &bytes, &len, why);
    if (err != TRIS_OK) {
        return err;
    }
    if (sealed_is(span_of(bytes, len))) {
        err = passphrase_open(passphrase, dir, span_of(bytes, len), &out->identity, why);
    } else if (keyfile_identity_parse(span_of(bytes, len), &out->identity) != TRIS_OK) {
        err = refuse(why, TRIS_ERR_BAD_KEY, "tris key restore", "%.1000s/identity.key is damaged",
                     dir);
    }
    sodium_memzero(bytes, len);
    free(bytes);
    return err;
}

static enum tris_err load_transport(const char *dir, struct datadir *out, struct refusal *why)
{
    uint8_t *bytes;
    size_t len;
    enum tris_err err = read_file(dir, "transport.key", true, KEYFILE_BYTES_MAX, &bytes, &len, why);
    if (err != TRIS_OK) {
        return err;
    }
    if (keyfile_transport_parse(span_of(bytes, len), &out->transport) != TRIS_OK) {
        err = refuse(why, TRIS_ERR_BAD_KEY, "tris key restore", "%.1000s/transport.key is damaged",
                     dir);
    }
    sodium_memzero(bytes, len);
    free(bytes);
    return err;
}

static enum tris_err load_line(const char *dir, struct datadir *out, struct refusal *why)
{
    uint8_t *bytes;
    size_t len;
    enum tris_err err =
        read_file(dir, "house.line", false, TRIS_HOUSE_LINE_BYTES_MAX, &bytes, &len, why);
    if (err != TRIS_OK) {
        return err;
    }
    if (len > 0 && bytes[len - 1] == '\n') {
        len--;
    }
    memcpy(out->line_text, bytes, len);
    out->line_text[len] = '\0';
    err = house_line_parse(span_of(bytes, len), &out->line);
    free(bytes);
    if (err != TRIS_OK) {
        return refuse(why, TRIS_ERR_BAD_KEY, "tris init", "%.1000s/house.line is damaged: %s", dir,
                      tris_err_text(err));
    }
    /* libsodium's secret form ends with the public key */
    if (memcmp(out->identity.b + 32, out->line.key.b, 32) != 0 ||
        !tris_dh_pub_eq(&out->transport.pub, &out->line.transport)) {
        return refuse(why, TRIS_ERR_BAD_KEY, "tris init",
                      "%.1000s/house.line was not made with the keys beside it", dir);
    }
    return TRIS_OK;
}

static enum tris_err load_charter(const char *dir, struct datadir *out, struct refusal *why)
{
    uint8_t *bytes;
    size_t len;
    uint32_t line_no = 0;
    enum tris_err err = read_file(dir, "charter", false, TRIS_CHARTER_BYTES_MAX, &bytes, &len, why);
    if (err == TRIS_ERR_NOT_INIT) {
        return refuse(why, err, "tris init --charter FILE (or, alone: tris init --found NAME)",
                      "%.1000s has keys but no charter: it belongs to no federation yet", dir);
    }
    if (err != TRIS_OK) {
        return err;
    }
    err = charter_parse(span_of(bytes, len), &out->charter, &line_no);
    free(bytes);
    if (err != TRIS_OK) {
        return refuse(why, TRIS_ERR_BAD_KEY, "tris init --charter FILE",
                      "%.1000s/charter, line %u: %s", dir, line_no, tris_err_text(err));
    }
    if (!charter_complete(&out->charter)) {
        err = refuse(why, TRIS_ERR_NOT_INIT, "tris charter sign FILE, by every founder",
                     "%.1000s/charter is not signed by all founders", dir);
        charter_fini(&out->charter);
    }
    return err;
}

/* Whoever may write here can replace the keys, however well they are protected themselves. */
static enum tris_err check_dir(const char *dir, struct refusal *why)
{
    struct stat st;
    char next[DATADIR_PATH_BYTES + 32];
    if (stat(dir, &st) != 0 || (st.st_mode & S_IWOTH) == 0) {
        return TRIS_OK; /* one that is not there is reported with the file that it lacks */
    }
    snprintf(next, sizeof next, "chmod 700 %s", dir);
    return refuse(why, TRIS_ERR_PERMISSION, next, "everybody may write to %s (mode %04o)", dir,
                  (unsigned)(st.st_mode & 07777));
}

enum tris_err datadir_load(const char *dir, struct passphrase *passphrase, struct datadir *out,
                           struct refusal *why)
{
    memset(out, 0, sizeof *out);
    enum tris_err err = check_dir(dir, why);
    if (err == TRIS_OK) {
        err = datadir_finish_taking(dir, why);
    }
    if (err == TRIS_OK) {
        err = load_identity(dir, passphrase, out, why);
    }
    if (err == TRIS_OK) {
        err = load_transport(dir, out, why);
    }
    if (err == TRIS_OK) {
        err = load_line(dir, out, why);
    }
    if (err == TRIS_OK) {
        err = load_charter(dir, out, why);
    }
    if (err != TRIS_OK) {
        sodium_memzero(out, sizeof *out);
    }
    return err;
}
