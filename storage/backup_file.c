/* Files of backups: names, places, copying with a checksum. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/backup_int.h"
#include "storage/db.h"

enum { COPY_BYTES = 1024 * 1024 };

const struct backup_part backup_parts[BACKUP_FILES_MAX] = {
    {"charter", false, true, 0644},     {"house.line", false, true, 0644},
    {"identity.key", true, true, 0600}, {"transport.key", true, true, 0600},
    {BACKUP_STORE, false, false, 0600},
};

bool backup_path(char out[BACKUP_PATH_BYTES], const char *dir, const char *name)
{
    return snprintf(out, BACKUP_PATH_BYTES, "%s/%s", dir, name) < BACKUP_PATH_BYTES;
}

enum tris_err backup_errno(const char *path, int error, char *detail)
{
    enum tris_err err = db_err(error);
    (void)snprintf(detail, BACKUP_DETAIL_BYTES, "%.300s: %s", path,
                   err == TRIS_ERR_DISK_FULL ? tris_err_text(err) : strerror(error));
    return error == ENOENT || error == ENOTDIR ? TRIS_ERR_NOT_FOUND
           : err == TRIS_ERR_CORRUPT           ? TRIS_ERR_IO
                                               : err;
}

enum tris_err backup_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return TRIS_ERR_IO;
    }
    int rc = fsync(fd);
    (void)close(fd);
    return rc == 0 ? TRIS_OK : TRIS_ERR_IO;
}

void backup_parent(const char *path, char out[BACKUP_PATH_BYTES])
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(out, BACKUP_PATH_BYTES, "%.*s",
                   slash == NULL   ? 1
                   : slash == path ? 1
                                   : (int)(slash - path),
                   slash == NULL ? "." : path);
}

enum tris_err backup_place(const char *path, bool *there, char *detail)
{
    const struct dirent *entry;
    enum tris_err err = TRIS_OK;
    DIR *dir = opendir(path);
    *there = dir != NULL;
    if (dir == NULL && errno == ENOENT) {
        return TRIS_OK;
    }
    if (dir == NULL && errno != ENOTDIR) {
        return backup_errno(path, errno, detail);
    }
    while (dir != NULL && err == TRIS_OK && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            err = TRIS_ERR_EXISTS;
        }
    }
    if (dir == NULL) {
        err = TRIS_ERR_EXISTS;
    } else {
        (void)closedir(dir);
    }
    if (err != TRIS_OK) {
        (void)snprintf(detail, BACKUP_DETAIL_BYTES,
                       "%.300s: the directory is there already and not empty", path);
    }
    return err;
}

/* ---- copying ---- */

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

enum tris_err backup_copy(const char *from, const char *to, unsigned mode, struct backup_file *out,
                          bool (*goes_on)(void *ctx, uint64_t bytes), void *ctx, char *detail)
{
    crypto_generichash_state state;
    enum tris_err err = TRIS_OK;
    int write_fd = -1;
    uint8_t *buf = malloc(COPY_BYTES);
    int read_fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    out->bytes = 0;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof out->hash.b);
    if (read_fd < 0) {
        err = backup_errno(from, errno, detail);
    } else if (buf == NULL) {
        err = backup_errno(from, ENOMEM, detail);
    } else if (to != NULL &&
               (write_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) < 0) {
        err = backup_errno(to, errno, detail);
    }
    while (err == TRIS_OK) {
        ssize_t n = read(read_fd, buf, COPY_BYTES);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            err = backup_errno(from, errno, detail);
        }
        if (n <= 0) {
            break;
        }
        (void)crypto_generichash_update(&state, buf, (unsigned long long)n);
        out->bytes += (uint64_t)n;
        if (write_fd >= 0 && !write_all(write_fd, buf, (size_t)n)) {
            err = backup_errno(to, errno, detail);
        } else if (goes_on != NULL && !goes_on(ctx, (uint64_t)n)) {
            err = TRIS_ERR_STOPPING;
        }
    }
    if (err == TRIS_OK && write_fd >= 0 && fsync(write_fd) != 0) {
        err = backup_errno(to, errno, detail);
    }
    (void)crypto_generichash_final(&state, out->hash.b, sizeof out->hash.b);
    if (write_fd >= 0) {
        (void)close(write_fd);
    }
    if (read_fd >= 0) {
        (void)close(read_fd);
    }
    if (buf != NULL) {
        sodium_memzero(buf, COPY_BYTES); /* key files pass through it */
    }
    free(buf);
    return err;
}

enum tris_err backup_write(const char *path, struct span bytes, unsigned mode, char *detail)
{
    enum tris_err err = TRIS_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return backup_errno(path, errno, detail);
    }
    if (!write_all(fd, bytes.ptr, bytes.len) || fsync(fd) != 0) {
        err = backup_errno(path, errno, detail);
    }
    (void)close(fd);
    return err;
}
