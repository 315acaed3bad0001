/* Control method feed.next: what arrived behind a number, at once or as soon as there is something.
 *
 * The watcher asks for each page, so one that reads slowly costs nothing but its slot here. */
#include "daemon/ctl_feed.h"

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "proto/assert.h"

enum { FEED_STEPS_MAX = 4096 }; /* entries that one answer looks at, of whatever kind */

/* The fields only where the entry has an effect and its payload is here. */
static void put_fields(struct out *o, struct store_view *v, const struct feed_item *item,
                       uint32_t kind)
{
    struct entry entry;
    enum tris_err effect;
    if (store_entry_effect(v, item->log_no, item->seq, &effect) == TRIS_OK && effect == TRIS_OK &&
        store_entry_get(v, item->log_no, item->seq, &entry) == TRIS_OK && entry.whole) {
        out_fields(o, kind, entry.payload);
    }
}

static void put_item(struct out *o, struct store_view *v, const struct feed_item *item,
                     const struct kind *kind)
{
    struct store_log log;
    struct entry entry;
    struct entry_header h;
    enum tris_err err = store_log_get(v, item->log_no, &log);
    if (err == TRIS_OK) {
        err = store_entry_get(v, item->log_no, item->seq, &entry);
    }
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &h);
    }
    const bool of_kind = err == TRIS_OK && log.ref.topic != TRIS_TOPIC_GOV;
    if (kind != NULL && (!of_kind || h.kind != kind->number)) {
        return;
    }
    out_map(o, NULL);
    out_uint(o, "arrival", item->arrival);
    if (err == TRIS_OK) {
        err = out_entry(o, v, &log, item->seq, false);
    }
    if (err != TRIS_OK) {
        out_text(o, "effect", tris_err_name(err));
    } else if (of_kind && h.verb == VERB_PUT && schema_kind(h.kind) != NULL) {
        put_fields(o, v, item, h.kind);
    }
    out_end(o);
}

/* Whatever its kind: what a watcher keeps of the log's end is void. */
static void put_cut(struct out *o, struct store_view *v, const struct feed_cut *cut)
{
    struct store_log log;
    if (store_log_get(v, cut->log_no, &log) != TRIS_OK) {
        return;
    }
    out_map(o, NULL);
    out_uint(o, "arrival", cut->arrival);
    out_cut(o, v, &log, cut->end);
    out_end(o);
}

static void feed_answer(struct daemon *d, struct store_view *v, const struct feed_query *q,
                        uint64_t last)
{
    struct out *o = out_new(d, q->token);
    struct feed_item item = {.arrival = q->after};
    struct feed_cut cut = {0};
    uint64_t after = q->after;
    if (o == NULL) {
        return;
    }
    out_list(o, "items");
    for (int steps = 0; steps < FEED_STEPS_MAX && out_has_room(o); steps++) {
        if (o->count[o->depth] >= q->limit) {
            break;
        }
        enum tris_err err = store_feed_next(v, after, &item);
        if (cut.arrival <= after) {
            cut.arrival = store_feed_cut(v, after, &cut) == TRIS_OK ? cut.arrival : UINT64_MAX;
        }
        if (cut.arrival <= last && (err != TRIS_OK || cut.arrival < item.arrival)) {
            put_cut(o, v, &cut);
            after = cut.arrival;
            continue;
        }
        if (err != TRIS_OK) { /* at the end, of which a cut may have taken the last numbers away */
            after = err == TRIS_ERR_NOT_FOUND && after < last ? last : after;
            break;
        }
        put_item(o, v, &item, q->kind);
        after = item.arrival;
    }
    out_end(o);
    out_uint(o, "after", after);
    out_uint(o, "last", last);
    out_reply(o);
}

static enum tris_err feed_last(struct store_view *v, uint64_t *last)
{
    struct store_info info = {0};
    enum tris_err err = store_info(v, &info);
    *last = info.feed;
    return err;
}

/* ---- waiting ---- */

static void on_feed_timer(uv_timer_t *timer);

static void timer_arm(struct daemon *d)
{
    struct feed_waits *f = &d->feed;
    uint64_t now = clock_mono_ms(), first = UINT64_MAX;
    for (size_t i = 0; i < FEED_WAITS_MAX; i++) {
        if (f->wait[i].token != 0 && f->wait[i].until_ms < first) {
            first = f->wait[i].until_ms;
        }
    }
    if (first == UINT64_MAX || !f->timer_open) {
        (void)uv_timer_stop(&f->timer);
    } else {
        (void)uv_timer_start(&f->timer, on_feed_timer, first > now ? first - now : 1, 0);
    }
}

/* Answers whoever has something to read, or has waited long enough. */
static void look_through(struct daemon *d)
{
    struct feed_waits *f = &d->feed;
    struct store_view *v = NULL;
    uint64_t last = 0, now = clock_mono_ms();
    if (f->count == 0 || daemon_view(d, &v) != TRIS_OK) {
        return;
    }
    bool known = feed_last(v, &last) == TRIS_OK;
    for (size_t i = 0; i < FEED_WAITS_MAX && known; i++) {
        struct feed_query *q = &f->wait[i];
        if (q->token == 0) {
            continue;
        }
        const bool alive = ctl_token_alive(d, q->token);
        if (alive && last <= q->after && now < q->until_ms) {
            continue;
        }
        /* an answer may let the next question in: the slot is free before it */
        const struct feed_query taken = *q;
        q->token = 0;
        f->count--;
        if (alive) {
            feed_answer(d, v, &taken, last);
        }
    }
    store_view_end(v);
    timer_arm(d);
}

static void on_feed_timer(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    look_through(d);
}

void feed_wake(struct daemon *d)
{
    look_through(d);
}

void feed_open(struct daemon *d)
{
    int rc = uv_timer_init(&d->loop, &d->feed.timer);
    tris_assert(rc == 0);
    d->feed.timer.data = d;
    d->feed.timer_open = true;
}

void feed_close(struct daemon *d)
{
    if (d->feed.timer_open) {
        d->feed.timer_open = false;
        uv_close((uv_handle_t *)&d->feed.timer, NULL);
    }
}

/* False if no slot is free. */
static bool wait_add(struct daemon *d, const struct feed_query *q)
{
    struct feed_waits *f = &d->feed;
    for (size_t i = 0; i < FEED_WAITS_MAX; i++) {
        if (f->wait[i].token != 0 && !ctl_token_alive(d, f->wait[i].token)) {
            f->wait[i].token = 0;
            f->count--;
        }
        if (f->wait[i].token == 0) {
            f->wait[i] = *q;
            f->count++;
            timer_arm(d);
            return true;
        }
    }
    return false;
}

/* ---- the method ---- */

static void feed_begin(struct daemon *d, struct feed_query *q, bool from_end, uint64_t wait_ms)
{
    struct store_view *v = NULL;
    uint64_t last = 0;
    enum tris_err err = daemon_view(d, &v);
    if (err == TRIS_OK) {
        err = feed_last(v, &last);
    }
    q->after = from_end ? last : q->after;
    q->until_ms = clock_mono_ms() + wait_ms;
    if (err != TRIS_OK) {
        ctl_reply_error(d, q->token, err, NULL, NULL, NULL, NULL);
    } else if (q->after > last) {
        ctl_reply_error(d, q->token, TRIS_ERR_INVALID,
                        "the feed of this store does not go that far: the number is of another one",
                        NULL, "tris watch --after now", "after");
    } else if (last > q->after || wait_ms == 0) {
        feed_answer(d, v, q, last);
    } else if (!wait_add(d, q)) {
        ctl_reply_error(d, q->token, TRIS_ERR_NOT_READY, "too many watchers wait already", NULL,
                        "tris watch --once", NULL);
    }
    if (v != NULL) {
        store_view_end(v);
    }
}

void ctl_feed_next(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", "kind", "limit", "wait_ms", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct feed_query q = {.token = token};
    q.kind = ctl_in_has(&in, "kind") ? ctl_in_kind(&in, "kind") : NULL;
    q.after = ctl_in_uint(&in, "after", 0, UINT64_MAX - 1);
    q.limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    uint64_t wait_ms = ctl_in_uint(&in, "wait_ms", 0, FEED_WAIT_MS_MAX);
    if (q.limit == 0) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "limit", "1 to 200");
    }
    if (ctl_in_ok(d, token, &in)) {
        feed_begin(d, &q, !ctl_in_has(&in, "after"), wait_ms);
    }
}
