/* Control method status: what this node is, holds and hears, in one answer. */
#include <stdlib.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/ctl_backup.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"

enum { MAP_WARN_PERCENT = 80 };

static void status_house(struct out *o)
{
    const struct house_line *line = &o->d->own_line;
    out_map(o, "house");
    out_hex(o, "id", line->id.b, sizeof line->id.b);
    out_text(o, "slug", line->slug);
    out_text(o, "name", line->name);
    out_text(o, "region", line->region);
    out_text(o, "role", out_role_name(line->role));
    out_end(o);
    out_map(o, "federation");
    out_hex(o, "id", o->d->charter.fed.b, sizeof o->d->charter.fed.b);
    out_text(o, "name", o->d->charter.name);
    out_end(o);
    out_text(o, "listen",
             overlay_listen_count(o->d->overlay) > 0 ? overlay_listen(o->d->overlay, 0) : "");
}

static uint64_t count_of(struct store_view *v, uint32_t log_no, uint32_t kind)
{
    uint64_t n = 0;
    if (log_no == LOG_NO_NONE || store_count_kind(v, log_no, kind, &n) != TRIS_OK) {
        return 0;
    }
    return n;
}

/* "partners" are this house's own; "partners_all" what every house has listed. */
static void status_records(struct out *o, struct store_view *v)
{
    struct daemon *d = o->d;
    uint64_t all = 0, houses = 0;
    for (uint32_t i = 0; i < d->members.count; i++) {
        all += count_of(v, d->members.list[i].data_no, KIND_PARTNER);
        houses += member_has_logs(&d->members.list[i]) ? 1 : 0;
    }
    out_map(o, "records");
    out_uint(o, "partners", count_of(v, d->data_no, KIND_PARTNER));
    out_uint(o, "partners_local", count_of(v, d->local_no, KIND_PARTNER));
    out_uint(o, "partners_all", all);
    out_uint(o, "houses", houses);
    out_end(o);
}

static void status_sync(struct out *o, struct store_view *v)
{
    struct daemon *d = o->d;
    uint64_t equal = 0, oldest = UINT64_MAX;
    for (uint32_t i = 0; i < d->members.count; i++) {
        uint64_t sealed = 0, arrived = 0;
        const struct session_stats *stats =
            i != d->own_index ? overlay_session_stats(d->overlay, i) : NULL;
        equal += stats != NULL && stats->equal ? 1 : 0;
        if (i != d->own_index && member_has_logs(&d->members.list[i]) &&
            store_house_heard(v, &members_line(&d->members, i)->id, &sealed, &arrived) == TRIS_OK &&
            arrived < oldest) {
            oldest = arrived;
        }
    }
    out_map(o, "sync");
    out_uint(o, "connected", overlay_open_count(d->overlay));
    out_uint(o, "equal", equal);
    out_uint(o, "members", d->members.count);
    out_uint(o, "oldest_heard_ms", oldest == UINT64_MAX ? 0 : oldest);
    out_end(o);
}

/* The newest backup that this daemon made: "TIME_MS BYTES PATH" in a setting. */
static void status_backup(struct out *o, struct store_view *v)
{
    struct span value;
    char text[CTL_BACKUP_SETTING_BYTES];
    char *at = text;
    if (store_setting_get(v, CTL_BACKUP_SETTING, &value) != TRIS_OK) {
        return;
    }
    span_copy(value, text, sizeof text);
    uint64_t time_ms = strtoull(at, &at, 10);
    uint64_t bytes = strtoull(at, &at, 10);
    out_uint(o, "backup_ms", time_ms);
    out_uint(o, "backup_bytes", bytes);
    out_text(o, "backup_path", *at == ' ' ? at + 1 : "");
}

static void status_store(struct out *o, struct store_view *v)
{
    struct store_info info = {0};
    enum tris_err err = store_info(v, &info);
    enum tris_err trouble = writer_trouble(o->d->writer);
    out_map(o, "store");
    out_uint(o, "bytes", info.used_bytes);
    out_uint(o, "map_bytes", info.map_bytes);
    out_uint(o, "entries", info.entries);
    out_uint(o, "inert", store_count_inert(v));
    out_uint(o, "word_behind", store_word_behind(v));
    status_backup(o, v);
    out_end(o);
    out_list(o, "warnings");
    if (err != TRIS_OK) {
        out_text(o, NULL, tris_err_text(err));
    }
    if (trouble != TRIS_OK) {
        out_text(o, NULL, tris_err_text(trouble));
    }
    if (info.map_bytes / 100 * MAP_WARN_PERCENT < info.used_bytes) {
        out_text(o, NULL, "the store is nearly as large as store.map_bytes allows");
    }
    if (o->d->own_index == UINT32_MAX) {
        out_text(o, NULL, "the charter does not name this house");
    }
    out_end(o);
}

void ctl_status(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct store_view *v = NULL;
    struct tris_hash root;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, NULL);
        return;
    }
    out_text(o, "version", TRIS_VERSION);
    out_uint(o, "pid", (uint64_t)getpid());
    out_uint(o, "uptime_ms", clock_mono_ms() - d->started_mono_ms);
    status_house(o);
    frontier_root(d->frontier, &root);
    out_hash(o, "root", &root);
    status_records(o, v);
    status_sync(o, v);
    status_store(o, v);
    store_view_end(v);
    out_reply(o);
}
