/* Control method status: what this node is, holds and hears, in one answer. */
#include <stdlib.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/ctl_backup.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/why.h"

enum { MAP_WARN_PERCENT = 80, DISK_WARN_PERCENT = 5 };

/* A twentieth of the disk, but between these bounds: a small one needs room for a batch, and of a
 * large one a twentieth is plenty. */
static const uint64_t disk_warn_bytes_min = UINT64_C(256) << 20;
static const uint64_t disk_warn_bytes_max = UINT64_C(4) << 30;

static void status_house(struct out *o)
{
    const struct house_line *line = &o->d->own_line;
    out_map(o, "house");
    out_hex(o, "id", line->id.b, sizeof line->id.b);
    out_text(o, "slug", line->slug);
    out_text(o, "name", line->name);
    out_text(o, "region", line->region);
    out_text(o, "role", tris_role_name(line->role));
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

static bool add_partners(void *ctx, const struct cube_row *row)
{
    *(int64_t *)ctx += row->count;
    return true;
}

/* "partners" are this house's own; "partners_all" what every house has listed. */
static void status_records(struct out *o, struct store_view *v)
{
    struct daemon *d = o->d;
    int64_t all = 0;
    uint64_t houses = 0;
    if (store_cube_each(v, CUBE_SECTOR, 0, "", add_partners, &all) != TRIS_OK) {
        all = 0;
    }
    for (uint32_t i = 0; i < d->members.count; i++) {
        houses += member_is_house(&d->members.list[i]) ? 1 : 0;
    }
    out_map(o, "records");
    out_uint(o, "partners",
             d->own_index != UINT32_MAX
                 ? members_count_kind(&d->members, d->own_index, v, KIND_PARTNER)
                 : count_of(v, d->data_no, KIND_PARTNER));
    out_uint(o, "partners_local", count_of(v, d->local_no, KIND_PARTNER));
    out_int(o, "partners_all", all);
    out_uint(o, "houses", houses);
    out_end(o);
}

/* Memory alone is asked: there may be thousands of members. */
static void status_sync(struct out *o)
{
    struct daemon *d = o->d;
    uint64_t oldest = UINT64_MAX, silent = 0, now = clock_wall_ms();
    uint64_t others = 0,
             reached = 0; /* sessions of candidates and revoked houses are no members' */
    for (uint32_t i = 0; i < d->members.count; i++) {
        if (i != d->own_index && member_is_active(&d->members.list[i])) {
            others++;
            reached += overlay_session_stats(d->overlay, i) != NULL ? 1 : 0;
        }
        if (i == d->own_index || !member_is_house(&d->members.list[i])) {
            continue;
        }
        uint64_t heard = overlay_last_heard(d->overlay, i);
        oldest = heard < oldest ? heard : oldest;
        silent += heard + WHY_SILENT_MS < now ? 1 : 0;
    }
    out_map(o, "sync");
    out_uint(o, "connected", overlay_open_count(d->overlay));
    out_uint(o, "equal", overlay_equal_count(d->overlay));
    out_uint(o, "members", d->members.active);
    out_uint(o, "others", others);
    out_uint(o, "others_connected", reached);
    out_uint(o, "silent", silent);
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

static void status_store(struct out *o, struct store_view *v, const struct store_info *info)
{
    out_map(o, "store");
    out_uint(o, "bytes", info->used_bytes);
    out_uint(o, "map_bytes", info->map_bytes);
    out_uint(o, "disk_free_bytes", info->disk_free_bytes);
    out_uint(o, "entries", info->entries);
    out_uint(o, "inert", store_count_inert(v));
    out_uint(o, "word_behind", store_word_behind(v));
    status_backup(o, v);
    out_end(o);
}

static bool map_nearly_full(const struct store_info *info)
{
    return info->map_bytes / 100 * MAP_WARN_PERCENT < info->used_bytes;
}

static bool disk_nearly_full(const struct store_info *info)
{
    uint64_t least = info->disk_bytes / 100 * DISK_WARN_PERCENT;
    least = least < disk_warn_bytes_min ? disk_warn_bytes_min : least;
    least = least > disk_warn_bytes_max ? disk_warn_bytes_max : least;
    return info->disk_bytes > 0 && info->disk_free_bytes < least;
}

/* Who has just started waits without a word, unless something of it waits too. */
static bool guard_warns(const struct daemon *d)
{
    enum guard_why why = guard_why(&d->confirm.guard);
    bool waits = why == GUARD_WHY_CLAIMS || why == GUARD_WHY_SECOND;
    return why != GUARD_READY && (!waits || writer_unsealed(d->writer) > 0);
}

static bool is_forked(const struct daemon *d, uint32_t log_no)
{
    const struct frontier_item *item = frontier_item(d->frontier, log_no);
    return item != NULL && (item->flags & FRONTIER_FORKED) != 0;
}

static bool own_is_forked(const struct daemon *d)
{
    return is_forked(d, d->gov_no) || is_forked(d, d->data_no);
}

/* A pass over 20,000 logs costs less than the answer's way through the socket. */
static bool others_are_forked(const struct daemon *d)
{
    for (uint32_t no = 0; no < frontier_count(d->frontier); no++) {
        if (no != d->gov_no && no != d->data_no && is_forked(d, no)) {
            return true;
        }
    }
    return false;
}

static bool own_state_is(const struct daemon *d, enum member_state state)
{
    return d->own_index == UINT32_MAX ? state == MEMBER_CANDIDATE
                                      : d->members.list[d->own_index].state == state;
}

/* Keys that were put back from before the last change of keys. */
static bool own_key_is_former(const struct daemon *d)
{
    return d->own_index != UINT32_MAX &&
           d->members.list[d->own_index].line->epoch > d->own_line.epoch;
}

/* At most one line for each thing that may be wrong. */
static void status_warnings(struct out *o, enum tris_err err, const struct store_info *info)
{
    const struct daemon *d = o->d;
    enum tris_err trouble = writer_trouble(d->writer);
    const struct {
        bool show;
        const char *text, *next;
    } rows[] = {
        {err != TRIS_OK, tris_err_text(err), "tris audit --fast"},
        {trouble != TRIS_OK, tris_err_text(trouble), "df -h"},
        {d->confirm.detail[0] != '\0' && !confirm_ready(d), d->confirm.detail, confirm_next(d)},
        {guard_warns(d), confirm_text(d), confirm_next(d)},
        {own_is_forked(d), OWN_FORK_TEXT, "tris log forks"},
        {others_are_forked(d),
         "a house has signed two histories of its log, which now ends where "
         "they part: see tris log forks",
         "tris log forks"},
        {map_nearly_full(info), "the store is nearly as large as store.map_bytes allows",
         "tris config show --origin"},
        {disk_nearly_full(info), "the disk of the data directory is nearly full", "df -h"},
        {d->few_files, "trisd may open fewer files and sockets than its peers and clients may need",
         "ulimit -n, or LimitNOFILE of the service; then start trisd anew"},
        {own_state_is(d, MEMBER_CANDIDATE),
         "nobody has vouched for this house yet: it gets no data of others", "tris member list"},
        {own_state_is(d, MEMBER_REVOKED),
         "this house was revoked: what it writes does not count any more", "tris member list"},
        {own_key_is_former(d),
         "this house has a newer key than the one in this directory: nothing that is written here "
         "counts",
         "tris key restore FILE, of the newest backup"},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    out_list(o, "warnings");
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].show) {
            out_text(o, NULL, rows[i].text);
        }
    }
    out_end(o);
    out_list(o, "steps");
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].show) {
            out_text(o, NULL, rows[i].next);
        }
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
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    out_text(o, "version", TRIS_VERSION);
    out_uint(o, "pid", (uint64_t)getpid());
    out_uint(o, "uptime_ms", clock_mono_ms() - d->started_mono_ms);
    status_house(o);
    frontier_root(d->frontier, &root);
    out_hash(o, "root", &root);
    status_records(o, v);
    status_sync(o);
    struct store_info info = {0};
    enum tris_err err = store_info(v, &info);
    status_store(o, v, &info);
    out_map(o, "guard");
    out_guard(o, v);
    out_end(o);
    store_view_end(v);
    status_warnings(o, err, &info);
    out_reply(o);
}
