/* Whole files, bounded and atomic; see files.h. */
#include "tools/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_path(const char *dir, const char *name, char out[FILE_PATH_BYTES])
{
    int len = snprintf(out, FILE_PATH_BYTES, "%s/%s", dir, name);
    return len >= 0 && len < FILE_PATH_BYTES;
}

static enum tris_err from_errno(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return TRIS_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return TRIS_ERR_PERMISSION;
    case EEXIST:
        return TRIS_ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return TRIS_ERR_DISK_FULL;
    case EROFS:
        return TRIS_ERR_READ_ONLY;
    case ENOMEM:
        return TRIS_ERR_NO_MEMORY;
    default:
        return TRIS_ERR_IO;
    }
}

/* Reads to the end into a buffer that doubles up to bytes_max; secrets leave no copy behind. */
static enum tris_err read_all(int fd, size_t bytes_max, char **out, size_t *len)
{
    size_t cap = 4096, used = 0;
    char *bytes = malloc(cap + 1);
    if (bytes == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    for (;;) {
        if (used == cap) {
            char *grown = cap > bytes_max ? NULL : malloc(2 * cap + 1);
            if (grown == NULL) {
                file_free(bytes, used);
                return cap > bytes_max ? TRIS_ERR_TOO_LARGE : TRIS_ERR_NO_MEMORY;
            }
            memcpy(grown, bytes, used);
            file_free(bytes, used);
            bytes = grown;
            cap *= 2;
        }
        ssize_t got = read(fd, bytes + used, cap - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            enum tris_err err = from_errno(errno);
            file_free(bytes, used);
            return err;
        }
        if (got == 0) {
            break;
        }
        used += (size_t)got;
    }
    if (used > bytes_max) {
        file_free(bytes, used);
        return TRIS_ERR_TOO_LARGE;
    }
    bytes[used] = '\0';
    *out = bytes;
    *len = used;
    return TRIS_OK;
}

enum tris_err file_read(const char *path, size_t bytes_max, char **out, size_t *len)
{
    *out = NULL;
    *len = 0;
    if (strcmp(path, "-") == 0) {
        return read_all(STDIN_FILENO, bytes_max, out, len);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return from_errno(errno);
    }
    enum tris_err err = read_all(fd, bytes_max, out, len);
    (void)close(fd);
    return err;
}

enum tris_err file_read_secret(const char *path, size_t bytes_max, char **out, size_t *len)
{
    struct stat st;
    *out = NULL;
    *len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return from_errno(errno);
    }
    enum tris_err err = TRIS_ERR_IO;
    if (fstat(fd, &st) == 0) {
        bool closed = S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
        err = closed ? read_all(fd, bytes_max, out, len) : TRIS_ERR_PERMISSION;
    }
    (void)close(fd);
    return err;
}

void file_free(char *bytes, size_t len)
{
    if (bytes != NULL) {
        sodium_memzero(bytes, len);
        free(bytes);
    }
}

static bool write_all(int fd, struct span bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t put = write(fd, bytes.ptr + done, bytes.len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

/* A rename is durable only once its directory is. */
static bool sync_dir_of(const char *path)
{
    char dir[FILE_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    int len = slash == NULL   ? snprintf(dir, sizeof dir, ".")
              : slash == path ? snprintf(dir, sizeof dir, "/")
                              : snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    if (len < 0 || (size_t)len >= sizeof dir) {
        return false;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ok = fsync(fd) == 0;
    (void)close(fd);
    return ok;
}

enum tris_err file_write(const char *path, struct span bytes, mode_t mode,
                         enum file_replace replace)
{
    char temp[FILE_PATH_BYTES];
    int len = snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof temp) {
        return TRIS_ERR_TOO_LARGE;
    }
    int fd = mkstemp(temp);
    if (fd < 0) {
        return from_errno(errno);
    }
    errno = EIO;
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, bytes) && fsync(fd) == 0;
    if (ok && replace == FILE_REPLACE) {
        ok = rename(temp, path) == 0;
    } else if (ok) {
        ok = link(temp, path) == 0;
    }
    enum tris_err err = ok ? TRIS_OK : from_errno(errno);
    (void)close(fd);
    if (!ok || replace == FILE_KEEP_OLD) {
        (void)unlink(temp);
    }
    if (err == TRIS_OK && !sync_dir_of(path)) {
        err = TRIS_ERR_IO;
    }
    return err;
}

bool file_publish(const char *temp, const char *path)
{
    const mode_t mask = umask(0);
    (void)umask(mask);
    int fd = open(temp, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool good = fchmod(fd, 0666 & ~mask) == 0 && fsync(fd) == 0 && rename(temp, path) == 0;
    const int why = errno;
    (void)close(fd);
    errno = why;
    return good;
}

enum tris_err dir_make(const char *path)
{
    char part[FILE_PATH_BYTES];
    int len = snprintf(part, sizeof part, "%s", path);
    if (len <= 0 || (size_t)len >= sizeof part) {
        return TRIS_ERR_INVALID;
    }
    for (size_t i = 1; i <= (size_t)len; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, S_IRWXU) != 0 && errno != EEXIST) {
            return from_errno(errno);
        }
        part[i] = kept;
    }
    struct stat st;
    if (stat(path, &st) != 0) {
        return from_errno(errno);
    }
    return S_ISDIR(st.st_mode) ? TRIS_OK : TRIS_ERR_EXISTS;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}
