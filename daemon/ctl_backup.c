/* Control method backup.create: copies the store in libuv's pool while everything goes on, then
 * remembers when, for status. One at a time: each is a long reader of the store. */
#include "daemon/ctl_backup.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "storage/backup.h"

struct backup_work {
    uv_work_t work;
    struct daemon *d;
    uint64_t token;
    struct backup_opts opts;
    struct backup_progress progress;
    char path[CTL_BACKUP_PATH_BYTES];
    struct backup_manifest manifest;
    enum tris_err err;
    char detail[BACKUP_DETAIL_BYTES];
};

static uint64_t bytes_of(const struct backup_manifest *m)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < m->file_count; i++) {
        bytes += m->file[i].bytes;
    }
    return bytes;
}

static void backup_run(uv_work_t *work)
{
    struct backup_work *b = work->data;
    b->err = backup_create(b->d->store, &b->opts, &b->manifest, b->detail);
}

/* The backup is there whether or not the setting could be written. */
static void backup_noted(struct daemon *d, void *ctx, enum tris_err err,
                         const struct writer_result *results, size_t count)
{
    struct backup_work *b = ctx;
    (void)results;
    (void)count;
    if (err != TRIS_OK) {
        LOG(&d->log, LOG_WARN, "backup_not_noted", log_text("error", tris_err_name(err)));
    }
    struct out *o = out_new(d, b->token);
    if (o != NULL) {
        out_text(o, "path", b->path);
        out_uint(o, "time_ms", b->manifest.time_ms);
        out_uint(o, "bytes", bytes_of(&b->manifest));
        out_uint(o, "entries", b->manifest.entries);
        out_bool(o, "keys", b->manifest.has_keys);
        out_reply(o);
    }
    free(b);
}

static void backup_done(uv_work_t *work, int status)
{
    struct backup_work *b = work->data;
    struct daemon *d = b->d;
    char text[CTL_BACKUP_SETTING_BYTES];
    d->backup = NULL;
    if (status != 0) {
        b->err = TRIS_ERR_STOPPING;
    }
    LOG(&d->log, b->err == TRIS_OK ? LOG_INFO : LOG_WARN, "backup", log_text("path", b->path),
        log_text("result", tris_err_name(b->err)), log_text("reason", b->detail));
    if (b->err != TRIS_OK) {
        ctl_reply_error(d, b->token, b->err, b->detail[0] != '\0' ? b->detail : NULL,
                        "No backup was made; the store was only read.",
                        b->err == TRIS_ERR_EXISTS ? "choose another place"
                        : b->err == TRIS_ERR_DISK_FULL
                            ? "make room there (df -h) or choose another place"
                            : "choose a place that the daemon's user may write",
                        "path");
        free(b);
        return;
    }
    (void)snprintf(text, sizeof text, "%llu %llu %s", (unsigned long long)b->manifest.time_ms,
                   (unsigned long long)bytes_of(&b->manifest), b->path);
    struct writer_op op = {
        .type = WRITER_SETTING, .key = span_str(CTL_BACKUP_SETTING), .payload = span_str(text)};
    struct writer_group group = {.ops = &op, .count = 1, .done = backup_noted, .ctx = b};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        backup_noted(d, b, err, NULL, 0);
    }
}

void ctl_backup_create(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"path", "with_keys", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span path = ctl_in_need_text(&in, "path", CTL_BACKUP_PATH_BYTES - 1);
    bool with_keys = ctl_in_bool(&in, "with_keys");
    if (path.len > 0 && path.ptr[0] != '/') {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "path", "an absolute path, as the daemon sees it");
    }
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    if (d->backup != NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NOT_READY, "another backup is being made",
                        "Nothing was written.", "tris status", NULL);
        return;
    }
    struct backup_work *b = calloc(1, sizeof *b);
    if (b == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    b->d = d;
    b->token = token;
    b->work.data = b;
    span_copy(path, b->path, sizeof b->path);
    b->opts = (struct backup_opts){.data_dir = d->config.data,
                                   .path = b->path,
                                   .with_keys = with_keys,
                                   .time_ms = clock_wall_ms(),
                                   .progress = &b->progress};
    if (uv_queue_work(&d->loop, &b->work, backup_run, backup_done) != 0) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        free(b);
        return;
    }
    d->backup = &b->progress;
}

void ctl_backup_progress(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t total = 0;
    struct out *o = ctl_in_ok(d, token, &in) ? out_new(d, token) : NULL;
    if (o == NULL) {
        return;
    }
    out_bool(o, "running", d->backup != NULL);
    if (d->backup != NULL) {
        const uint64_t bytes = backup_progress_bytes(d->backup, &total);
        out_uint(o, "bytes", bytes);
        out_uint(o, "total", total);
    }
    out_reply(o);
}
