/* Control methods log.tail, log.show, log.level, log.recent, config.show and audit: for whoever
 * administers. */
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"

enum { TAIL_PRESET = 20 };

enum tris_err ctl_log_of(struct daemon *d, uint32_t index, struct span topic, uint32_t *log_no)
{
    const struct member *m = index != UINT32_MAX ? &d->members.list[index] : NULL;
    if (topic.len == 0 || span_eq(topic, span_str("data"))) {
        *log_no = m != NULL ? m->data_no : LOG_NO_NONE;
    } else if (span_eq(topic, span_str("gov"))) {
        *log_no = m != NULL ? m->gov_no : LOG_NO_NONE;
    } else if (span_eq(topic, span_str("local"))) {
        *log_no = index == d->own_index ? d->local_no : LOG_NO_NONE;
    } else {
        return TRIS_ERR_INVALID;
    }
    return *log_no != LOG_NO_NONE ? TRIS_OK : TRIS_ERR_NOT_FOUND;
}

static void put_entry(struct out *o, struct store_view *v, const struct store_log *log,
                      uint64_t seq)
{
    out_map(o, NULL);
    if (out_entry(o, v, log, seq, false) != TRIS_OK) {
        out_text(o, "topic", out_topic_name(log->ref.topic));
        out_uint(o, "seq", seq);
        out_text(o, "effect", tris_err_name(TRIS_ERR_CORRUPT));
    }
    out_end(o);
}

/* The newest arrivals of all logs, oldest first. */
static void tail_feed(struct out *o, struct store_view *v, uint64_t count)
{
    struct store_info info = {0};
    struct feed_item item = {0};
    struct store_log log;
    if (store_info(v, &info) != TRIS_OK) {
        return;
    }
    uint64_t after = info.feed > count ? info.feed - count : 0;
    for (uint64_t i = 0; i < count && out_has_room(o); i++) {
        if (store_feed_next(v, after, &item) != TRIS_OK) {
            break;
        }
        after = item.arrival;
        if (store_log_get(v, item.log_no, &log) == TRIS_OK) {
            put_entry(o, v, &log, item.seq);
        }
    }
}

/* From `from` on, or (UINT64_MAX) the newest ones. What was asked for and did not fit is "after".
 */
static void tail_log(struct out *o, struct store_view *v, uint32_t log_no, uint64_t from,
                     uint64_t count)
{
    struct store_log log;
    uint64_t seq = 0;
    out_list(o, "items");
    if (store_log_get(v, log_no, &log) == TRIS_OK) {
        const uint64_t newest = log.held > count ? log.held - count : 0;
        for (seq = from == UINT64_MAX ? newest : from;
             seq < log.held && count > 0 && out_has_room(o); seq++, count--) {
            put_entry(o, v, &log, seq);
        }
        from = seq < log.held ? seq : UINT64_MAX;
    }
    out_end(o);
    if (from != UINT64_MAX) {
        out_uint(o, "after", from);
    }
}

void ctl_log_tail(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "topic", "from", "count", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span topic = ctl_in_text(&in, "topic", 16);
    uint64_t count = ctl_in_uint(&in, "count", TAIL_PRESET, OUT_PAGE_ITEMS_MAX);
    const uint64_t from =
        ctl_in_has(&in, "from") ? ctl_in_uint(&in, "from", 0, UINT64_MAX - 1) : UINT64_MAX;
    const bool one_log = ctl_in_has(&in, "house") || topic.len > 0 || from != UINT64_MAX;
    uint32_t index = d->own_index, log_no = LOG_NO_NONE;
    struct store_view *v = NULL;
    if (ctl_in_has(&in, "house") ? !in_house(d, token, &in, "house", &index)
                                 : !ctl_in_ok(d, token, &in)) {
        return;
    }
    enum tris_err err = one_log ? ctl_log_of(d, index, topic, &log_no) : TRIS_OK;
    if (err != TRIS_OK) {
        ctl_reply_error(d, token, err, "this house has no such log", NULL, "tris house list",
                        "topic");
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    if (one_log) {
        tail_log(o, v, log_no, from, count);
    } else {
        out_list(o, "items");
        tail_feed(o, v, count);
        out_end(o);
    }
    store_view_end(v);
    out_reply(o);
}

void ctl_log_show(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "topic", "seq", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span topic = ctl_in_text(&in, "topic", 16);
    uint64_t seq = ctl_in_uint(&in, "seq", 0, UINT64_MAX);
    uint32_t index = 0, log_no = LOG_NO_NONE;
    struct store_view *v = NULL;
    struct store_log log;
    if (!in_house(d, token, &in, "house", &index)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    enum tris_err err = ctl_log_of(d, index, topic, &log_no);
    if (err == TRIS_OK) {
        err = daemon_view(d, &v);
    }
    if (err == TRIS_OK) {
        err = store_log_get(v, log_no, &log);
    }
    if (err == TRIS_OK) {
        err = seq < log.held ? out_entry(o, v, &log, seq, true) : TRIS_ERR_NOT_FOUND;
    }
    if (v != NULL) {
        store_view_end(v);
    }
    if (err != TRIS_OK) {
        out_reply_error(o, err, err == TRIS_ERR_NOT_FOUND ? "this log has no such entry" : NULL,
                        "tris log tail");
        return;
    }
    out_reply(o);
}

void ctl_log_level(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"level", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span name = ctl_in_text(&in, "level", 16);
    enum log_level level = log_get_level(&d->log);
    if (name.len > 0 && !log_level_parse(name, &level)) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "level", "allowed: error, warn, info, debug");
    }
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    log_set_level(&d->log, level);
    struct out *o = out_new(d, token);
    if (o != NULL) {
        out_text(o, "level", log_level_name(level));
        out_reply(o);
    }
}

void ctl_log_recent(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct log_recent recent[LOG_RECENT_MAX];
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    const size_t count = log_recent_copy(&d->log, recent);
    out_list(o, "items");
    for (size_t i = 0; i < count; i++) {
        out_map(o, NULL);
        out_uint(o, "time_ms", recent[i].wall_ms);
        out_text(o, "level", log_level_name(recent[i].level));
        out_text(o, "event", recent[i].event);
        if (recent[i].reason[0] != '\0') {
            out_text(o, "reason", recent[i].reason);
        }
        out_end(o);
    }
    out_end(o);
    out_reply(o);
}

void ctl_config_show(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    out_list(o, "items");
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        out_map(o, NULL);
        out_text(o, "key", config_key_name((enum config_key)key));
        out_text(o, "value", d->config.value[key].text);
        out_text(o, "origin", d->config.value[key].origin);
        out_end(o);
    }
    out_end(o);
    out_reply(o);
}

/* ---- audit: minutes of reading, so in libuv's pool ---- */

struct audit_work {
    uv_work_t work;
    struct daemon *d;
    uint64_t token;
    bool fast;
    enum tris_err err;
    struct audit_report report;
};

static bool audit_goes_on(void *ctx, uint64_t done, uint64_t total)
{
    struct audit_work *a = ctx;
    (void)done;
    (void)total;
    return !atomic_load(&a->d->stopping);
}

static void audit_run(uv_work_t *work)
{
    struct audit_work *a = work->data;
    a->err = store_audit(a->d->store, a->fast, audit_goes_on, a, &a->report);
}

static void audit_done(uv_work_t *work, int status)
{
    struct audit_work *a = work->data;
    struct out *o = NULL;
    a->d->auditing = false;
    if (status != 0) {
        a->err = TRIS_ERR_STOPPING;
    }
    if (a->err != TRIS_OK) {
        ctl_reply_error(a->d, a->token, a->err, NULL, "The store was only read.", "tris doctor",
                        NULL);
        goto out;
    }
    o = out_new(a->d, a->token);
    if (o == NULL) {
        goto out;
    }
    out_uint(o, "entries", a->report.entries);
    out_uint(o, "seals", a->report.seals);
    out_uint(o, "records", a->report.records);
    out_uint(o, "counters", a->report.counters);
    out_uint(o, "problems", a->report.problems);
    if (a->report.problems > 0) {
        a->report.first_problem[sizeof a->report.first_problem - 1] = '\0';
        out_text(o, "first_problem", a->report.first_problem);
    }
    out_reply(o);
out:
    free(a);
}

void ctl_audit(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"fast", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    bool fast = ctl_in_bool(&in, "fast");
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    if (d->auditing) {
        ctl_reply_error(d, token, TRIS_ERR_NOT_READY, "another audit is running",
                        "Nothing was changed.", "repeat the command when it has ended", NULL);
        return;
    }
    struct audit_work *a = calloc(1, sizeof *a);
    if (a == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    a->d = d;
    a->token = token;
    a->fast = fast;
    a->work.data = a;
    if (uv_queue_work(&d->loop, &a->work, audit_run, audit_done) != 0) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        free(a);
        return;
    }
    d->auditing = true;
}
