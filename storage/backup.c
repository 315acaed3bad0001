/* Making a backup while the store is in use; see backup.h. */
#include "storage/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backup_int.h"
#include "storage/db.h"

/* A read transaction of LMDB's own, as long as the copy takes: pages that are freed meanwhile are
 * not reused, so the file may grow. Compacting leaves out free pages, and with them the bytes of
 * whatever was erased. */
static enum tris_err copy_env(struct store *s, const char *path, char *detail)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return backup_errno(path, errno, detail);
    }
    enum tris_err err = TRIS_OK;
    int rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
    if (rc == MDB_SUCCESS && fsync(fd) != 0) {
        rc = errno;
    }
    if (rc != MDB_SUCCESS) {
        err = db_err(rc);
        (void)snprintf(detail, BACKUP_DETAIL_BYTES, "%.300s: %s", path,
                       rc == MDB_INCOMPATIBLE ? "the pages of the store do not add up: tris audit"
                       : err == TRIS_ERR_DISK_FULL ? tris_err_text(err)
                                                   : mdb_strerror(rc));
    }
    if (close(fd) != 0 && err == TRIS_OK) {
        err = backup_errno(path, errno, detail);
    }
    return err;
}

/* ---- how far it is ---- */

static void progress_begin(struct backup_progress *p, struct store *s, const char *store)
{
    struct store_view *v = NULL;
    struct store_info info = {.used_bytes = 0};
    if (p == NULL) {
        return;
    }
    if (store_view_begin(s, &v) == TRIS_OK) {
        (void)!store_info(v, &info);
        store_view_end(v);
    }
    (void)snprintf(p->store, sizeof p->store, "%s", store);
    atomic_store(&p->total, 2 * info.used_bytes); /* written, then read for the checksum */
    atomic_store(&p->named, true);
}

static bool progress_hash(void *ctx, uint64_t bytes)
{
    struct backup_progress *p = ctx;
    atomic_fetch_add(&p->hashed, bytes);
    return true;
}

uint64_t backup_progress_bytes(struct backup_progress *p, uint64_t *total)
{
    struct stat st;
    *total = 0;
    if (!atomic_load(&p->named)) {
        return 0;
    }
    *total = atomic_load(&p->total);
    const uint64_t hashed = atomic_load(&p->hashed);
    if (stat(p->store, &st) != 0) {
        return hashed > 0 ? *total : 0; /* renamed to its place: done */
    }
    return (uint64_t)st.st_size + hashed;
}

/* What the copy itself holds: the store has gone on meanwhile. */
static enum tris_err read_facts(const char *path, struct backup_manifest *m, char *detail)
{
    struct store *copy = NULL;
    struct store_view *v = NULL;
    struct store_info info;
    enum tris_err err = backup_open_store(path, m, path, &copy, detail);
    if (err == TRIS_OK) {
        err = store_view_begin(copy, &v);
    }
    if (err == TRIS_OK) {
        err = store_own_tip(v, &m->tip);
    }
    if (err == TRIS_OK) {
        err = store_info(v, &info);
    }
    if (err == TRIS_OK) {
        m->entries = info.entries;
    } else if (detail[0] == '\0') {
        (void)snprintf(detail, BACKUP_DETAIL_BYTES, "the copy cannot be read: %s",
                       tris_err_text(err));
    }
    if (v != NULL) {
        store_view_end(v);
    }
    store_close(copy);
    return err;
}

/* The files beside the store, and the checksum of each. */
static enum tris_err copy_parts(const struct backup_opts *opts, const char *temp,
                                struct backup_manifest *m, char *detail)
{
    char from[BACKUP_PATH_BYTES], to[BACKUP_PATH_BYTES];
    enum tris_err err = TRIS_OK;
    for (size_t i = 0; i < BACKUP_FILES_MAX && err == TRIS_OK; i++) {
        const struct backup_part *part = &backup_parts[i];
        struct backup_file *file = &m->file[m->file_count];
        if (part->is_key && !opts->with_keys) {
            continue;
        }
        if (!backup_path(from, opts->data_dir, part->name) || !backup_path(to, temp, part->name)) {
            return backup_errno(temp, ENAMETOOLONG, detail);
        }
        err = part->is_copied
                  ? backup_copy(from, to, 0600, file, NULL, NULL, detail)
                  : backup_copy(to, NULL, 0, file, opts->progress != NULL ? progress_hash : NULL,
                                opts->progress, detail);
        (void)snprintf(file->name, sizeof file->name, "%s", part->name);
        m->has_keys = m->has_keys || part->is_key;
        m->file_count++;
    }
    return err;
}

static enum tris_err fill(struct store *s, const struct backup_opts *opts, const char *temp,
                          struct backup_manifest *m, char *detail)
{
    char path[BACKUP_PATH_BYTES], text[BACKUP_MANIFEST_BYTES_MAX];
    if (!backup_path(path, temp, "store") || mkdir(path, 0700) != 0) {
        return backup_errno(path, errno, detail);
    }
    if (!backup_path(path, temp, BACKUP_STORE)) {
        return backup_errno(temp, ENAMETOOLONG, detail);
    }
    progress_begin(opts->progress, s, path);
    enum tris_err err = copy_env(s, path, detail);
    if (err == TRIS_OK) {
        err = read_facts(temp, m, detail);
    }
    if (err == TRIS_OK) {
        err = copy_parts(opts, temp, m, detail);
    }
    if (err == TRIS_OK && backup_path(path, temp, BACKUP_MANIFEST)) {
        size_t len = backup_manifest_print(m, text);
        err = backup_write(path, span_of(text, len), 0600, detail);
    }
    if (err == TRIS_OK && backup_path(path, temp, "store")) {
        err = backup_sync_dir(path);
    }
    return err == TRIS_OK ? backup_sync_dir(temp) : err;
}

static void remove_temp(const char *temp)
{
    char path[BACKUP_PATH_BYTES];
    for (size_t i = 0; i < BACKUP_FILES_MAX; i++) {
        if (backup_path(path, temp, backup_parts[i].name)) {
            (void)unlink(path);
        }
    }
    if (backup_path(path, temp, BACKUP_MANIFEST)) {
        (void)unlink(path);
    }
    if (backup_path(path, temp, "store")) {
        (void)rmdir(path);
    }
    (void)rmdir(temp);
}

enum tris_err backup_create(struct store *s, const struct backup_opts *opts,
                            struct backup_manifest *out, char *detail)
{
    char temp[BACKUP_PATH_BYTES], parent[BACKUP_PATH_BYTES];
    bool there = false;
    detail[0] = '\0';
    memset(out, 0, sizeof *out);
    out->time_ms = opts->time_ms;
    out->fed = s->fed;
    out->own = s->own;
    enum tris_err err = backup_place(opts->path, &there, detail);
    if (err != TRIS_OK) {
        return err;
    }
    if (snprintf(temp, sizeof temp, "%s.partial-XXXXXX", opts->path) >= (int)sizeof temp ||
        mkdtemp(temp) == NULL) {
        return backup_errno(opts->path, errno, detail);
    }
    err = fill(s, opts, temp, out, detail);
    if (err == TRIS_OK && rename(temp, opts->path) != 0) {
        err = backup_errno(opts->path, errno, detail);
    }
    bool renamed = err == TRIS_OK;
    if (renamed) {
        backup_parent(opts->path, parent);
        err = backup_sync_dir(parent);
    }
    if (err != TRIS_OK && (!renamed || rename(opts->path, temp) == 0)) {
        remove_temp(temp); /* what was reported as failed is not to be found */
    }
    if (err != TRIS_OK && detail[0] == '\0') {
        (void)snprintf(detail, BACKUP_DETAIL_BYTES, "%.300s: %s", opts->path, tris_err_text(err));
    }
    return err;
}
