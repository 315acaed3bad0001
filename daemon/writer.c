/* The writer thread, its inbox and its results; see writer.h.
 *
 * inbox (mutex, cond) -> batch_run on the thread -> outbox (mutex) -> uv_async -> loop thread. */
#include "daemon/writer.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/writer_batch.h"
#include "daemon/writer_first.h"
#include "proto/assert.h"

enum {
    WRITER_BACKOFF_MS = 1000, /* after a full disk or map; doubles */
    WRITER_BACKOFF_MS_MAX = 60000,
    WRITER_WORD_ITEMS = 512,  /* search words of so many feed items in one step, when idle */
    WRITER_WORD_IDLE_MS = 20, /* a burst of writes is not delayed by words */
    WRITER_ENTRIES_MIN = 1024,
    WRITER_DAY_LOOK_MS = 600000, /* an idle thread looks at the date so often */
    WRITER_EXIT_UNKNOWN = 1,
    WRITER_EXIT_CORRUPT = 14,
};

/* What a batch tells the loop thread. */
struct outcome {
    struct outcome *next;
    struct work_list work;
    struct batch_head *heads;
    uint32_t heads_count;
};

struct writer {
    struct daemon *d;
    struct batch batch;
    uv_thread_t thread;
    bool started, joined, async_open;
    uv_async_t async;
    uv_mutex_t mutex;
    uv_cond_t cond;
    /* under the mutex */
    struct work_list groups, segments;
    struct outcome *outcomes, **outcomes_tail;
    bool stop, ended;
    struct writer_stats stats;
    enum tris_err trouble;
    /* writer thread only */
    size_t entries_limit; /* adapts so that a batch takes about a second at most */
    uint64_t retry_at, backoff_ms, word_at;
    bool word_done, mark_pending;
    uint64_t mark_at;
    uint64_t sealed_day;            /* the last day on which unchanged own logs were sealed anew */
    struct batch_head held_back[2]; /* own gov and data, until the mark is written */
    uint32_t held_back_count;
};

/* ---- inbox: loop thread ---- */

static size_t op_bytes(const struct writer_op *op)
{
    return op->payload.len + op->source.len + op->source_id.len + op->name.len + op->region.len +
           op->key.len;
}

static void copy_span(struct wbuf *w, struct span *s)
{
    const uint8_t *at = w->ptr + w->len;
    wbuf_span_put(w, *s);
    s->ptr = at;
}

/* One block: work, ops, results, copied bytes. */
static struct work *work_new_group(const struct writer_group *group)
{
    size_t bytes = 0;
    for (size_t i = 0; i < group->count; i++) {
        bytes += op_bytes(&group->ops[i]);
    }
    size_t ops_size = group->count * sizeof(struct writer_op);
    size_t results_size = group->count * sizeof(struct writer_result);
    size_t size = sizeof(struct work) + ops_size + results_size + bytes;
    uint8_t *block = malloc(size);
    if (block == NULL) {
        return NULL;
    }
    struct work *w = (struct work *)(void *)block;
    memset(w, 0, sizeof *w);
    w->type = WORK_GROUP;
    w->bytes = size;
    w->entries = group->count;
    w->ops = (struct writer_op *)(void *)(block + sizeof *w);
    w->results = (struct writer_result *)(void *)(block + sizeof *w + ops_size);
    w->count = group->count;
    w->dry_run = group->dry_run;
    w->done = group->done;
    w->ctx = group->ctx;
    memcpy(w->ops, group->ops, ops_size);
    struct wbuf tail = wbuf_of(block + sizeof *w + ops_size + results_size, bytes);
    for (size_t i = 0; i < group->count; i++) {
        struct writer_op *op = &w->ops[i];
        copy_span(&tail, &op->payload);
        copy_span(&tail, &op->source);
        copy_span(&tail, &op->source_id);
        copy_span(&tail, &op->name);
        copy_span(&tail, &op->region);
        copy_span(&tail, &op->key);
    }
    tris_assert(tail.err == TRIS_OK);
    return w;
}

_Static_assert(sizeof(struct work) % _Alignof(struct writer_op) == 0, "ops follow their work");
_Static_assert(sizeof(struct writer_op) % _Alignof(struct writer_result) == 0, "results follow");

/* Queues the work if there is room; TRIS_ERR_NO_SPACE or _STOPPING leave it with the caller. */
static enum tris_err inbox_push(struct writer *w, struct work_list *list, struct work *work)
{
    enum tris_err err = TRIS_OK;
    uv_mutex_lock(&w->mutex);
    size_t used = w->groups.bytes + w->segments.bytes;
    if (w->stop) {
        err = TRIS_ERR_STOPPING;
    } else if (used > 0 && work->bytes > WRITER_INBOX_BYTES_MAX - used) {
        err = TRIS_ERR_NO_SPACE;
    } else {
        work_list_push(list, work);
        uv_cond_signal(&w->cond);
    }
    uv_mutex_unlock(&w->mutex);
    return err;
}

static bool group_fits_observer(const struct writer_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct writer_op *op = &group->ops[i];
        bool leaves = op->type == WRITER_PUBLISH || op->type == WRITER_CARD ||
                      (op->type != WRITER_SETTING && op->type != WRITER_END && !op->has_record &&
                       op->topic != TRIS_TOPIC_LOCAL);
        if (leaves) {
            return false;
        }
    }
    return true;
}

enum tris_err writer_submit(struct writer *w, const struct writer_group *group)
{
    tris_assert(group->count >= 1 && group->count <= WRITER_GROUP_OPS_MAX);
    tris_assert(group->done != NULL);
    if (w->d->role == TRIS_ROLE_OBSERVER && !group_fits_observer(group)) {
        return TRIS_ERR_OBSERVER;
    }
    struct work *work = work_new_group(group);
    if (work == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = inbox_push(w, &w->groups, work);
    if (err != TRIS_OK) {
        free(work);
    }
    return err;
}

static void work_free(struct work *work)
{
    if (work->type == WORK_SEGMENT) {
        free(work->segment.bytes);
    }
    free(work);
}

void writer_submit_segment(struct writer *w, uint64_t session_no,
                           const struct session_segment *segment)
{
    enum tris_err err = TRIS_ERR_NO_MEMORY;
    struct work *work = calloc(1, sizeof *work);
    if (work != NULL) {
        work->type = WORK_SEGMENT;
        work->bytes = segment->len + sizeof *work;
        work->entries = segment->count;
        work->session_no = session_no;
        work->segment = *segment;
        err = inbox_push(w, &w->segments, work);
    }
    if (err != TRIS_OK) {
        free(segment->bytes);
        free(work);
        overlay_segment_done(w->d->overlay, session_no, segment->log_no, segment->first,
                             segment->count, segment->len,
                             err == TRIS_ERR_STOPPING ? TRIS_ERR_NO_SPACE : err);
    }
}

enum tris_err writer_trouble(const struct writer *w)
{
    struct writer *mutable_w = (struct writer *)w; /* only the mutex is written */
    uv_mutex_lock(&mutable_w->mutex);
    enum tris_err err = w->trouble;
    uv_mutex_unlock(&mutable_w->mutex);
    return err;
}

void writer_stats(const struct writer *w, struct writer_stats *out)
{
    struct writer *mutable_w = (struct writer *)w;
    uv_mutex_lock(&mutable_w->mutex);
    *out = w->stats;
    out->inbox_bytes = w->groups.bytes + w->segments.bytes;
    uv_mutex_unlock(&mutable_w->mutex);
}

/* ---- writer thread ---- */

static void writer_die(struct writer *w, enum tris_err err)
{
    /* whether the last commit is in the store is not known, or the store is damaged: what was
     * acknowledged is safe, a fresh start reads what is there */
    LOG(&w->d->log, LOG_ERROR, "store_failed", log_text("error", tris_err_name(err)),
        log_text("reason", tris_err_text(err)),
        log_text("next", "start again; if it fails again: tris audit --offline"));
    _exit(err == TRIS_ERR_UNKNOWN_STATE ? WRITER_EXIT_UNKNOWN : WRITER_EXIT_CORRUPT);
}

static void trouble_set(struct writer *w, enum tris_err err)
{
    w->backoff_ms = w->backoff_ms == 0 ? WRITER_BACKOFF_MS : 2 * w->backoff_ms;
    if (w->backoff_ms > WRITER_BACKOFF_MS_MAX) {
        w->backoff_ms = WRITER_BACKOFF_MS_MAX;
    }
    w->retry_at = clock_mono_ms() + w->backoff_ms;
    LOG(&w->d->log, LOG_WARN, "store_trouble", log_text("error", tris_err_name(err)),
        log_text("reason", tris_err_text(err)), log_number("retry_ms", w->backoff_ms));
    uv_mutex_lock(&w->mutex);
    w->trouble = err;
    uv_mutex_unlock(&w->mutex);
}

static void trouble_clear(struct writer *w)
{
    if (w->backoff_ms == 0) {
        return;
    }
    w->backoff_ms = 0;
    w->retry_at = 0;
    LOG(&w->d->log, LOG_INFO, "store_recovered", log_text("state", "writing"));
    uv_mutex_lock(&w->mutex);
    w->trouble = TRIS_OK;
    uv_mutex_unlock(&w->mutex);
}

/* Moves what the next batch may take from `from` to `to`. */
static void take(struct work_list *from, struct work_list *to, size_t entries_max)
{
    while (from->first != NULL &&
           (to->first == NULL || (to->entries + from->first->entries <= entries_max &&
                                  to->bytes + from->first->bytes <= WRITER_BATCH_BYTES_MAX))) {
        work_list_push(to, work_list_pop(from));
    }
}

static bool day_is_new(const struct writer *w)
{
    return w->d->role != TRIS_ROLE_OBSERVER && w->backoff_ms == 0 &&
           clock_wall_ms() / CLOCK_MS_PER_DAY > w->sealed_day;
}

/* Waits for work. False: the thread ends. Own writes come first; foreign segments wait while the
 * machine is in trouble. */
static bool inbox_wait(struct writer *w, struct work_list *out)
{
    uv_mutex_lock(&w->mutex);
    for (;;) {
        uint64_t now = clock_mono_ms();
        bool segments_may = w->retry_at <= now || w->stop;
        take(&w->groups, out, w->entries_limit);
        if (segments_may) {
            take(&w->segments, out, w->entries_limit);
        }
        bool chores = (!w->word_done && w->word_at <= now) ||
                      (w->mark_pending && w->mark_at <= now) || day_is_new(w);
        if (out->first != NULL || w->stop || chores) {
            break;
        }
        uint64_t until = now + WRITER_DAY_LOOK_MS;
        if (w->segments.first != NULL) {
            until = w->retry_at;
        }
        if (!w->word_done && w->word_at < until) {
            until = w->word_at;
        }
        if (w->mark_pending && w->mark_at < until) {
            until = w->mark_at;
        }
        (void)uv_cond_timedwait(&w->cond, &w->mutex, (until - now) * 1000000);
    }
    bool go_on = out->first != NULL || !w->stop;
    uv_mutex_unlock(&w->mutex);
    return go_on;
}

static void outcome_send(struct writer *w, struct work_list *work, const struct batch_head *heads,
                         uint32_t heads_count)
{
    struct outcome *o = calloc(1, sizeof *o);
    struct batch_head *copy = heads_count > 0 ? malloc(heads_count * sizeof *copy) : NULL;
    if (o == NULL || (heads_count > 0 && copy == NULL)) {
        writer_die(w, TRIS_ERR_UNKNOWN_STATE); /* committed, and no memory to say so */
    }
    if (heads_count > 0) {
        memcpy(copy, heads, heads_count * sizeof *copy);
    }
    work_list_init(&o->work);
    work_list_prepend(&o->work, work);
    o->heads = copy;
    o->heads_count = heads_count;
    uv_mutex_lock(&w->mutex);
    *w->outcomes_tail = o;
    w->outcomes_tail = &o->next;
    uv_mutex_unlock(&w->mutex);
    uv_async_send(&w->async);
}

/* Keeps own heads from the loop, so that their seals do not leave the house. */
static void heads_hold_back(struct writer *w)
{
    struct batch *b = &w->batch;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->heads_count; i++) {
        const struct batch_head *head = &b->heads[i];
        if (!head->item.own || head->item.ref.topic == TRIS_TOPIC_LOCAL) {
            b->heads[kept] = *head;
            b->head_of[head->log_no] = ++kept;
            continue;
        }
        b->head_of[head->log_no] = 0;
        uint32_t slot = 0;
        while (slot < w->held_back_count && w->held_back[slot].log_no != head->log_no) {
            slot++;
        }
        tris_assert(slot < 2);
        w->held_back[slot] = *head;
        w->held_back_count = slot == w->held_back_count ? slot + 1 : w->held_back_count;
    }
    b->heads_count = kept;
}

static void mark_after_commit(struct writer *w)
{
    if (!w->batch.own_sealed && !w->mark_pending) {
        return;
    }
    enum tris_err err = batch_mark(&w->batch);
    if (err == TRIS_OK) {
        w->mark_pending = false;
        return;
    }
    if (tris_err_class(err) == TRIS_CLASS_CORRUPT) {
        writer_die(w, err);
    }
    trouble_set(w, err);
    w->mark_pending = true;
    w->mark_at = clock_mono_ms() + w->backoff_ms;
}

/* The mark could not be written after an earlier commit: tries again, then lets the seals go. */
static void mark_retry(struct writer *w)
{
    if (!w->mark_pending || w->mark_at > clock_mono_ms()) {
        return;
    }
    enum tris_err err = batch_mark(&w->batch);
    if (err != TRIS_OK) {
        trouble_set(w, err);
        w->mark_at = clock_mono_ms() + w->backoff_ms;
        return;
    }
    w->mark_pending = false;
    trouble_clear(w);
    struct work_list none;
    work_list_init(&none);
    outcome_send(w, &none, w->held_back, w->held_back_count);
    w->held_back_count = 0;
}

static void count_batch(struct writer *w, const struct work_list *work, uint64_t took_ms)
{
    uv_mutex_lock(&w->mutex);
    w->stats.commits++;
    w->stats.entries += w->batch.entries_written;
    w->stats.last_commit_ms = took_ms;
    for (const struct work *item = work->first; item != NULL; item = item->next) {
        w->stats.segments += item->type == WORK_SEGMENT;
        w->stats.rejected += item->type == WORK_SEGMENT && item->err != TRIS_OK;
    }
    uv_mutex_unlock(&w->mutex);
    if (took_ms > WRITER_BATCH_MS_MAX && w->entries_limit > WRITER_ENTRIES_MIN) {
        w->entries_limit /= 2;
    } else if (took_ms < WRITER_BATCH_MS_MAX / 2 && w->entries_limit < WRITER_BATCH_ENTRIES_MAX) {
        w->entries_limit *= 2;
    }
}

/* The machine refused the batch: the segments are given back to be fetched again, and own writes
 * get a second chance without them. */
static enum tris_err run_without_segments(struct writer *w, struct work_list *work,
                                          enum tris_err err)
{
    bool groups = false, segments = false;
    for (struct work *item = work->first; item != NULL; item = item->next) {
        groups = groups || (item->type == WORK_GROUP && !item->decided);
        if (item->type == WORK_SEGMENT && !item->decided) {
            segments = true;
            item->decided = true;
            item->err = err;
        }
    }
    return groups && segments ? batch_run(&w->batch, work) : err;
}

static void writer_run_batch(struct writer *w, struct work_list *work)
{
    uint64_t start = clock_mono_ms();
    bool any = false;
    for (struct work *item = work->first; item != NULL; item = item->next) {
        if (item->type == WORK_GROUP && item->dry_run) {
            batch_dry_run(&w->batch, item);
            item->decided = true;
        }
        any = any || !item->decided;
    }
    if (!any && work->first != NULL) {
        outcome_send(w, work, NULL, 0);
        return;
    }
    enum tris_err err = batch_run(&w->batch, work);
    if (tris_err_class(err) == TRIS_CLASS_RESOURCE) {
        trouble_set(w, err);
        err = run_without_segments(w, work, err);
    } else if (err == TRIS_OK && !w->mark_pending) {
        trouble_clear(w);
    }
    if (tris_err_class(err) == TRIS_CLASS_CORRUPT) {
        writer_die(w, err);
    }
    if (err == TRIS_OK) {
        mark_after_commit(w);
        if (w->mark_pending) {
            heads_hold_back(w);
        }
        count_batch(w, work, clock_mono_ms() - start);
        w->word_done = false;
    }
    w->word_at = clock_mono_ms() + WRITER_WORD_IDLE_MS;
    outcome_send(w, work, w->batch.heads, w->batch.heads_count);
}

/* A bounded step of the search index, in a transaction of its own. */
static void writer_follow_words(struct writer *w)
{
    struct store_txn *t;
    uint64_t behind = 0;
    if (w->word_done || w->word_at > clock_mono_ms()) {
        return;
    }
    enum tris_err err = store_txn_begin(w->d->store, &t);
    if (err == TRIS_OK) {
        err = store_word_follow(t, WRITER_WORD_ITEMS, &behind);
        if (err == TRIS_OK && behind == 0) {
            w->word_done = true;
        }
        if (err == TRIS_OK) {
            err = store_commit(t);
        } else {
            store_abort(t);
        }
    }
    if (tris_err_class(err) == TRIS_CLASS_CORRUPT) {
        writer_die(w, err);
    }
    if (err != TRIS_OK) {
        trouble_set(w, err);
        w->word_done = false;
        w->word_at = clock_mono_ms() + w->backoff_ms;
    }
}

static void writer_main(void *arg)
{
    struct writer *w = arg;
    struct work_list work;
    work_list_init(&work);
    while (inbox_wait(w, &work)) {
        if (work.first != NULL) {
            writer_run_batch(w, &work);
            work_list_init(&work);
            continue;
        }
        mark_retry(w);
        if (day_is_new(w)) {
            writer_run_batch(w, &work); /* without work: seals what is due */
            work_list_init(&work);
            w->sealed_day = clock_wall_ms() / CLOCK_MS_PER_DAY;
        }
        writer_follow_words(w);
    }
    uv_mutex_lock(&w->mutex);
    w->ended = true;
    uv_mutex_unlock(&w->mutex);
    uv_async_send(&w->async);
}

/* ---- results: loop thread ---- */

static void deliver_heads(struct writer *w, const struct outcome *o)
{
    struct daemon *d = w->d;
    for (uint32_t i = 0; i < o->heads_count; i++) {
        const struct batch_head *head = &o->heads[i];
        if (head->item.ref.topic == TRIS_TOPIC_LOCAL) {
            continue;
        }
        if (frontier_set(d->frontier, head->log_no, &head->item) != TRIS_OK) {
            LOG(&d->log, LOG_ERROR, "frontier_failed", log_number("log", head->log_no));
            continue;
        }
        uint32_t member = members_find(&d->members, &head->item.ref.house);
        struct store_view *v;
        bool changed = false;
        if (head->item.ref.topic == TRIS_TOPIC_GOV && member != UINT32_MAX &&
            daemon_view(d, &v) == TRIS_OK) {
            enum tris_err err = members_refresh(&d->members, member, v, &changed);
            store_view_end(v);
            if (err == TRIS_OK && changed) {
                overlay_member_changed(d->overlay, member);
            }
        }
    }
}

static void deliver_advances(struct writer *w, const struct outcome *o)
{
    struct overlay_advance *list = malloc((o->heads_count + 1) * sizeof *list);
    size_t count = 0;
    if (list == NULL) {
        return; /* heartbeats repair what is not announced */
    }
    for (uint32_t i = 0; i < o->heads_count; i++) {
        if (o->heads[i].item.ref.topic != TRIS_TOPIC_LOCAL) {
            list[count++] = (struct overlay_advance){o->heads[i].log_no, o->heads[i].source};
        }
    }
    if (count > 0) {
        overlay_advanced(w->d->overlay, list, count);
    }
    free(list);
}

static void deliver_work(struct writer *w, struct work *work)
{
    const struct session_segment *s = &work->segment;
    if (work->type == WORK_GROUP) {
        bool done = work->err == TRIS_OK;
        work->done(w->d, work->ctx, work->err, done ? work->results : NULL, done ? work->count : 0);
        return;
    }
    if (work->err != TRIS_OK) {
        /* store_trouble has said it once if it is this machine's fault */
        bool machine = tris_err_class(work->err) == TRIS_CLASS_RESOURCE;
        LOG(&w->d->log, machine ? LOG_DEBUG : LOG_WARN, "segment_refused",
            log_number("session", work->session_no), log_number("log", s->log_no),
            log_number("first", s->first), log_number("count", s->count),
            log_text("reason", tris_err_name(work->err)));
    }
    overlay_segment_done(w->d->overlay, work->session_no, s->log_no, s->first, s->count, s->len,
                         work->err);
}

static void deliver(struct writer *w, struct outcome *o)
{
    deliver_heads(w, o);
    struct work *work;
    while ((work = work_list_pop(&o->work)) != NULL) {
        deliver_work(w, work);
        work_free(work);
    }
    deliver_advances(w, o);
    free(o->heads);
    free(o);
}

static void on_async(uv_async_t *async)
{
    struct writer *w = async->data;
    uv_mutex_lock(&w->mutex);
    struct outcome *o = w->outcomes;
    w->outcomes = NULL;
    w->outcomes_tail = &w->outcomes;
    bool ended = w->ended;
    uv_mutex_unlock(&w->mutex);
    while (o != NULL) {
        struct outcome *next = o->next;
        deliver(w, o);
        o = next;
    }
    if (ended && !w->joined) {
        w->joined = true;
        uv_thread_join(&w->thread);
        uv_close((uv_handle_t *)&w->async, NULL);
        w->async_open = false;
        daemon_writer_ended(w->d);
    }
}

/* ---- life ---- */

enum tris_err writer_open(struct daemon *d, struct writer **out)
{
    struct writer *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    int rc = uv_mutex_init(&w->mutex);
    tris_assert(rc == 0);
    rc = uv_cond_init(&w->cond);
    tris_assert(rc == 0);
    w->d = d;
    w->entries_limit = WRITER_BATCH_ENTRIES_MAX;
    w->outcomes_tail = &w->outcomes;
    work_list_init(&w->groups);
    work_list_init(&w->segments);
    enum tris_err err = first_logs(d);
    if (err == TRIS_OK) {
        err = batch_init(&w->batch, d);
    }
    if (err == TRIS_OK) {
        err = first_entries(d, &w->batch);
    }
    if (err != TRIS_OK) {
        writer_free(w);
        return err;
    }
    *out = w;
    return TRIS_OK;
}

enum tris_err writer_start(struct writer *w)
{
    if (uv_async_init(&w->d->loop, &w->async, on_async) != 0) {
        return TRIS_ERR_NO_MEMORY;
    }
    w->async.data = w;
    w->async_open = true;
    /* signals are the loop thread's: a write of the store is not interrupted by them */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = uv_thread_create(&w->thread, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        uv_close((uv_handle_t *)&w->async, NULL);
        w->async_open = false;
        return TRIS_ERR_NO_MEMORY;
    }
    w->started = true;
    return TRIS_OK;
}

void writer_stop(struct writer *w)
{
    uv_mutex_lock(&w->mutex);
    w->stop = true;
    uv_cond_signal(&w->cond);
    uv_mutex_unlock(&w->mutex);
}

void writer_free(struct writer *w)
{
    if (w == NULL) {
        return;
    }
    tris_assert(!w->async_open && (!w->started || w->joined));
    struct work *work;
    while ((work = work_list_pop(&w->groups)) != NULL ||
           (work = work_list_pop(&w->segments)) != NULL) {
        work_free(work);
    }
    batch_fini(&w->batch);
    uv_cond_destroy(&w->cond);
    uv_mutex_destroy(&w->mutex);
    free(w);
}
