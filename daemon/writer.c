/* The writer as the loop thread sees it: inbox, results, life; see writer.h.
 *
 * inbox (mutex, cond) -> batch_run on the thread -> outbox (mutex) -> uv_async -> loop thread. */
#include "daemon/writer.h"

#include <signal.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/membership.h"
#include "daemon/writer_first.h"
#include "daemon/writer_int.h"
#include "proto/assert.h"

/* ---- inbox: loop thread ---- */

static size_t op_bytes(const struct writer_op *op)
{
    return op->payload.len + op->source.len + op->source_id.len + op->name.len + op->within.len +
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
    size_t bytes = group->import.file.len + group->import.source.len;
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
    w->import = group->import;
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
        copy_span(&tail, &op->within);
        copy_span(&tail, &op->key);
    }
    copy_span(&tail, &w->import.file);
    copy_span(&tail, &w->import.source);
    tris_assert(tail.err == TRIS_OK);
    return w;
}

_Static_assert(sizeof(struct work) % _Alignof(struct writer_op) == 0, "ops follow their work");
_Static_assert(sizeof(struct writer_op) % _Alignof(struct writer_result) == 0, "results follow");

/* Queues the work if there is room; TRIS_ERR_NO_SPACE or _STOPPING leave it with the caller. */
static enum tris_err inbox_push(struct writer *w, struct work *work)
{
    const bool own = work->type == WORK_GROUP;
    const size_t bytes_max = own ? WRITER_GROUPS_BYTES_MAX : WRITER_SEGMENTS_BYTES_MAX;
    const uint64_t now = clock_mono_ms();
    enum tris_err err = TRIS_OK;
    uv_mutex_lock(&w->mutex);
    const size_t bytes = own ? w->groups.bytes : w->lanes.bytes;
    if (w->stop) {
        err = TRIS_ERR_STOPPING;
    } else if (bytes > 0 && (bytes > bytes_max || work->bytes > bytes_max - bytes)) {
        err = TRIS_ERR_NO_SPACE;
    } else if (own) {
        if (work->ops[0].type != WRITER_SETTING) { /* those are not waited for */
            lanes_share(&w->lanes, now);
        }
        work_list_push(&w->groups, work);
    } else {
        lanes_push(&w->lanes, work, now);
    }
    uv_cond_signal(&w->cond);
    uv_mutex_unlock(&w->mutex);
    return err;
}

static bool group_fits_observer(const struct writer_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct writer_op *op = &group->ops[i];
        bool leaves = op->type == WRITER_PUBLISH || op->type == WRITER_CARD ||
                      op->type == WRITER_STATEMENT ||
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
    enum tris_err err = inbox_push(w, work);
    if (err != TRIS_OK) {
        free(work);
    }
    return err;
}

static void work_free(struct work *work)
{
    if (work->type == WORK_SEGMENT) {
        free(work->segment.bytes);
    } else if (work->type == WORK_FORK) {
        free(work->fork.bytes);
    }
    free(work);
}

/* What is told of a segment or proof: to a session, or to whoever took it out of a file. */
static void tell_taken(struct writer *w, const struct work *work, enum tris_err err)
{
    const struct session_segment *s = &work->segment;
    if (work->taken != NULL) {
        work->taken(w->d, work->ctx, err);
    } else if (work->type == WORK_SEGMENT) {
        overlay_segment_done(w->d->overlay, work->session_no, s->log_no, s->len, err);
    } else {
        overlay_fork_done(w->d->overlay, work->session_no, work->fork.log_no, err);
    }
}

/* Queues a copy of `from` (which has type, session or taken, segment or fork), or tells why not. */
static void submit_foreign(struct writer *w, const struct work *from, uint8_t *bytes, size_t len,
                           size_t entries)
{
    enum tris_err err = TRIS_ERR_NO_MEMORY;
    struct work *work = malloc(sizeof *work);
    if (work != NULL) {
        *work = *from;
        work->bytes = len + sizeof *work;
        work->entries = entries;
        err = inbox_push(w, work);
    }
    if (err != TRIS_OK) {
        free(bytes);
        free(work);
        if (from->type == WORK_SEGMENT && err == TRIS_ERR_STOPPING) {
            err = TRIS_ERR_NO_SPACE;
        }
        tell_taken(w, from, err);
    }
}

static void submit_segment(struct writer *w, struct work *from,
                           const struct session_segment *segment)
{
    from->type = WORK_SEGMENT;
    from->segment = *segment;
    submit_foreign(w, from, segment->bytes, segment->len, segment->count);
}

static void submit_fork(struct writer *w, struct work *from, const struct session_fork *fork)
{
    from->type = WORK_FORK;
    from->fork = *fork;
    submit_foreign(w, from, fork->bytes, fork->len, 1);
}

void writer_submit_segment(struct writer *w, uint64_t session_no,
                           const struct session_segment *segment)
{
    submit_segment(w, &(struct work){.session_no = session_no}, segment);
}

void writer_submit_fork(struct writer *w, uint64_t session_no, const struct session_fork *fork)
{
    submit_fork(w, &(struct work){.session_no = session_no}, fork);
}

void writer_take_segment(struct writer *w, const struct session_segment *segment,
                         writer_taken_fn *done, void *ctx)
{
    submit_segment(w, &(struct work){.taken = done, .ctx = ctx}, segment);
}

void writer_take_fork(struct writer *w, const struct session_fork *fork, writer_taken_fn *done,
                      void *ctx)
{
    submit_fork(w, &(struct work){.taken = done, .ctx = ctx}, fork);
}

void writer_confirmed(struct writer *w)
{
    uv_mutex_lock(&w->mutex);
    w->confirm_due = true;
    uv_cond_signal(&w->cond);
    uv_mutex_unlock(&w->mutex);
}

uint64_t writer_unsealed(const struct writer *w)
{
    return w->unsealed;
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
    out->inbox_bytes = w->groups.bytes + w->lanes.bytes;
    uv_mutex_unlock(&mutable_w->mutex);
}

/* ---- results: loop thread ---- */

/* A proof has lowered the end of a log. */
static void deliver_fork(struct daemon *d, const struct batch_head *head)
{
    uint32_t member = members_find(&d->members, &head->item.ref.house);
    LOG(&d->log, head->item.own ? LOG_ERROR : LOG_WARN, "fork_proven",
        log_text("house", member != UINT32_MAX ? members_line(&d->members, member)->slug : ""),
        log_text("topic", head->item.ref.topic == TRIS_TOPIC_GOV ? "gov" : "data"),
        log_number("ends_at", head->item.end), log_text("next", "tris log forks"));
    if (head->item.own) {
        confirm_fork(d, head->log_no);
    }
    overlay_fork_known(d->overlay, head->log_no);
}

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
        if (head->item.own) {
            confirm_advanced(d, head->log_no, head->item.whole, head->by_us);
        }
        if (head->cut) {
            deliver_fork(d, head);
        } else if (head->anew) {
            overlay_fork_known(d->overlay, head->log_no);
        }
        if (head->bound) {
            membership_log_ends(d, head->log_no, &head->item);
        }
        uint32_t member = members_find(&d->members, &head->item.ref.house);
        if (member != UINT32_MAX) {
            d->members.list[member].arrived_ms = clock_wall_ms();
        }
        struct store_view *v;
        bool changed = false;
        if (head->item.ref.topic == TRIS_TOPIC_GOV && member != UINT32_MAX &&
            daemon_view(d, &v) == TRIS_OK) {
            enum tris_err err = members_refresh(&d->members, member, v, &changed);
            store_view_end(v);
            if (err == TRIS_OK && changed) {
                LOG(&d->log, LOG_INFO, "member_changed",
                    log_text("house", members_line(&d->members, member)->slug));
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
    if (work->type == WORK_FORK) {
        if (work->err != TRIS_OK) {
            LOG(&w->d->log, LOG_WARN, "fork_proof_refused", log_number("session", work->session_no),
                log_number("log", work->fork.log_no), log_text("reason", tris_err_name(work->err)));
        }
        tell_taken(w, work, work->err);
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
    tell_taken(w, work, work->err);
}

static void deliver(struct writer *w, struct outcome *o)
{
    w->unsealed = o->ran ? o->unsealed : w->unsealed;
    deliver_heads(w, o);
    if (o->members != NULL) { /* its new logs are in the frontier now */
        membership_take(w->d, o->members);
    }
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
    bool committed = o != NULL;
    uv_mutex_unlock(&w->mutex);
    while (o != NULL) {
        struct outcome *next = o->next;
        deliver(w, o);
        o = next;
    }
    if (committed) {
        feed_wake(w->d);
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
    lanes_init(&w->lanes);
    enum tris_err err = batch_init(&w->batch, d);
    if (err == TRIS_OK) {
        err = first_entries(d, &w->batch);
    }
    w->unsealed = batch_unsealed(&w->batch);
    if (err != TRIS_OK) {
        writer_free(w);
        return err;
    }
    *out = w;
    return TRIS_OK;
}

struct store_members *writer_take_members(struct writer *w)
{
    struct store_members *members = w->batch.members;
    w->batch.members = NULL;
    return members;
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
    while ((work = work_list_pop(&w->groups)) != NULL || (work = lanes_pop(&w->lanes)) != NULL) {
        work_free(work);
    }
    batch_fini(&w->batch);
    uv_cond_destroy(&w->cond);
    uv_mutex_destroy(&w->mutex);
    free(w);
}
