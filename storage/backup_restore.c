/* Checking a backup, opening its store for reading, and putting it back; see backup.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backup_int.h"
#include "storage/db.h"

static enum tris_err read_manifest(const char *path, struct backup_manifest *out, char *detail)
{
    char file[BACKUP_PATH_BYTES];
    uint8_t bytes[BACKUP_MANIFEST_BYTES_MAX];
    size_t len = 0;
    ssize_t n = 1;
    int fd = backup_path(file, path, BACKUP_MANIFEST)
                 ? open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                 : -1;
    if (fd < 0) {
        (void)snprintf(detail, BACKUP_DETAIL_BYTES, "%.300s: this is no backup, it has no manifest",
                       path);
        return TRIS_ERR_NOT_FOUND;
    }
    while (n > 0 && len < sizeof bytes) {
        n = read(fd, bytes + len, sizeof bytes - len);
        len += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd);
    enum tris_err err = n < 0 ? TRIS_ERR_IO : backup_manifest_parse(span_of(bytes, len), out);
    if (err != TRIS_OK) {
        (void)snprintf(detail, BACKUP_DETAIL_BYTES, "%.300s: the manifest is damaged", file);
    }
    return err;
}

static enum tris_err compare(const char *path, const struct backup_file *want,
                             const struct backup_file *is, char *detail)
{
    if (want->bytes == is->bytes && tris_hash_eq(&want->hash, &is->hash)) {
        return TRIS_OK;
    }
    (void)snprintf(detail, BACKUP_DETAIL_BYTES, "%.200s/%s: the file is not what the manifest says",
                   path, want->name);
    return TRIS_ERR_CORRUPT;
}

struct progress {
    bool (*goes_on)(void *ctx, uint64_t done, uint64_t all);
    void *ctx;
    uint64_t done, all;
};

static bool step(void *ctx, uint64_t bytes)
{
    struct progress *p = ctx;
    p->done += bytes;
    return p->goes_on == NULL || p->goes_on(p->ctx, p->done, p->all);
}

enum tris_err backup_check(const char *path, struct backup_manifest *out,
                           bool (*goes_on)(void *ctx, uint64_t done, uint64_t all), void *ctx,
                           char *detail)
{
    char file[BACKUP_PATH_BYTES];
    struct progress p = {.goes_on = goes_on, .ctx = ctx};
    detail[0] = '\0';
    enum tris_err err = read_manifest(path, out, detail);
    for (uint32_t i = 0; i < out->file_count && err == TRIS_OK; i++) {
        p.all += out->file[i].bytes;
    }
    for (uint32_t i = 0; i < out->file_count && err == TRIS_OK; i++) {
        struct backup_file is;
        if (!backup_path(file, path, out->file[i].name)) {
            return backup_errno(path, ENAMETOOLONG, detail);
        }
        err = backup_copy(file, NULL, 0, &is, step, &p, detail);
        if (err == TRIS_OK) {
            err = compare(path, &out->file[i], &is, detail);
        } else if (err == TRIS_ERR_NOT_FOUND) {
            err = TRIS_ERR_CORRUPT;
        }
    }
    return err;
}

enum tris_err backup_open_store(const char *path, const struct backup_manifest *manifest,
                                const char *scratch, struct store **out, char *detail)
{
    char store[BACKUP_PATH_BYTES];
    struct stat st;
    detail[0] = '\0';
    /* LMDB would make a file that is not there, even for reading */
    if (!backup_path(store, path, BACKUP_STORE) || stat(store, &st) != 0) {
        return backup_errno(store, errno, detail);
    }
    if (!backup_path(store, path, "store")) {
        return backup_errno(path, ENAMETOOLONG, detail);
    }
    enum tris_err err = store_open_copy(store, scratch, &manifest->fed, &manifest->own, out);
    if (err != TRIS_OK) {
        (void)snprintf(detail, BACKUP_DETAIL_BYTES, "the store in %.200s does not open: %s", path,
                       err == TRIS_ERR_INVALID ? "it is of another house or federation"
                                               : tris_err_text(err));
    }
    return err;
}

/* ---- putting it back ---- */

static enum tris_err restore_file(const char *path, const struct backup_file *file, const char *dir,
                                  char *detail)
{
    char from[BACKUP_PATH_BYTES], to[BACKUP_PATH_BYTES];
    struct backup_file is;
    unsigned mode = 0600;
    for (size_t i = 0; i < BACKUP_FILES_MAX; i++) {
        mode = strcmp(file->name, backup_parts[i].name) == 0 ? backup_parts[i].mode : mode;
    }
    if (!backup_path(from, path, file->name) || !backup_path(to, dir, file->name)) {
        return backup_errno(path, ENAMETOOLONG, detail);
    }
    enum tris_err err = backup_copy(from, to, mode, &is, NULL, NULL, detail);
    return err == TRIS_OK ? compare(path, file, &is, detail) : err;
}

/* The mark first: at no moment is there a store that would seal. */
static enum tris_err restore_all(const char *path, const struct backup_manifest *manifest,
                                 const char *dir, const char *made, char *detail)
{
    char store[BACKUP_PATH_BYTES];
    if (!backup_path(store, dir, "store") || mkdir(store, 0700) != 0) {
        return backup_errno(store, errno, detail);
    }
    enum tris_err err = made != NULL ? store_mark_put_back(dir, made) : TRIS_OK;
    for (uint32_t i = 0; i < manifest->file_count && err == TRIS_OK; i++) {
        err = restore_file(path, &manifest->file[i], dir, detail);
    }
    if (err == TRIS_OK) {
        err = backup_path(store, dir, "lock") ? backup_write(store, span_of(NULL, 0), 0600, detail)
                                              : TRIS_ERR_INVALID;
    }
    if (err == TRIS_OK && backup_path(store, dir, "store")) {
        err = backup_sync_dir(store);
    }
    return err == TRIS_OK ? backup_sync_dir(dir) : err;
}

static void remove_all(const char *dir, bool there)
{
    char path[BACKUP_PATH_BYTES];
    for (size_t i = 0; i < BACKUP_FILES_MAX; i++) {
        if (backup_path(path, dir, backup_parts[i].name)) {
            (void)unlink(path);
        }
    }
    static const char *const more[] = {"mark", "lock"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (backup_path(path, dir, more[i])) {
            (void)unlink(path);
        }
    }
    if (backup_path(path, dir, "store")) {
        (void)rmdir(path);
    }
    if (!there) {
        (void)rmdir(dir);
    }
}

enum tris_err backup_restore(const char *path, const struct backup_manifest *manifest,
                             const char *dir, const char *made, char *detail)
{
    char parent[BACKUP_PATH_BYTES];
    bool there = false;
    detail[0] = '\0';
    enum tris_err err = backup_place(dir, &there, detail);
    if (err != TRIS_OK) {
        return err;
    }
    if (!there && mkdir(dir, 0700) != 0) {
        return backup_errno(dir, errno, detail);
    }
    err = restore_all(path, manifest, dir, made, detail);
    if (err == TRIS_OK) {
        backup_parent(dir, parent);
        err = backup_sync_dir(parent);
    }
    if (err != TRIS_OK) {
        remove_all(dir, there);
    }
    if (err != TRIS_OK && detail[0] == '\0') {
        (void)snprintf(detail, BACKUP_DETAIL_BYTES, "%.300s: %s", dir, tris_err_text(err));
    }
    return err;
}
