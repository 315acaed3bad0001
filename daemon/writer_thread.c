/* The writer thread: takes work, runs batches, writes the mark, follows with search words. */
#include <stdlib.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/writer_int.h"
#include "proto/assert.h"

enum {
    WRITER_BACKOFF_MS = 1000, /* after a full disk or map; doubles */
    WRITER_BACKOFF_MS_MAX = 60000,
    WRITER_WORD_ITEMS = 512,    /* search words of so many feed items in one step, when idle */
    WRITER_WORD_IDLE_MS = 20,   /* a burst of writes is not delayed by words */
    WRITER_WORD_LATE_MS = 5000, /* but in a burst without end, too, a step now and then */
    WRITER_READERS_MS = 600000, /* slots of killed readers are freed so often */
    WRITER_ENTRIES_MIN = 1024,
    WRITER_DAY_LOOK_MS = 600000, /* an idle thread looks at the date so often */
    WRITER_EXIT_UNKNOWN = 1,
    WRITER_EXIT_CORRUPT = 14,
};

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
            lanes_take(&w->lanes, out, w->entries_limit, now);
        }
        w->seal_now = w->seal_now || w->confirm_due;
        w->confirm_due = false;
        bool chores = w->seal_now || (!w->word_done && w->word_at <= now) ||
                      (w->mark_pending && w->mark_at <= now) || day_is_new(w) ||
                      w->readers_at <= now;
        if (out->first != NULL || w->stop || chores) {
            break;
        }
        uint64_t until = now + WRITER_DAY_LOOK_MS;
        if (w->readers_at < until) {
            until = w->readers_at;
        }
        if (w->lanes.bytes > 0 && w->retry_at < until) {
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

static void outcome_send(struct writer *w, struct work_list *work, bool ran,
                         const struct batch_head *heads, uint32_t heads_count)
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
    o->members = ran ? w->batch.members : NULL;
    w->batch.members = ran ? NULL : w->batch.members;
    o->heads_count = heads_count;
    o->ran = ran;
    o->unsealed = batch_unsealed(&w->batch) + (w->mark_pending ? 1 : 0);
    uv_mutex_lock(&w->mutex);
    *w->outcomes_tail = o;
    w->outcomes_tail = &o->next;
    uv_mutex_unlock(&w->mutex);
    uv_async_send(&w->async);
}

/* After a commit: own heads go to the loop with the batch if the mark covers them, else they wait.
 */
static void mark_after_commit(struct writer *w)
{
    bool pending = w->mark_pending;
    bool sealed = w->batch.own_sealed && !atomic_load(&w->d->confirm.mark_doubtful);
    if (!sealed && !pending) {
        return; /* a doubtful mark is kept: only what others hold already was sealed */
    }
    enum tris_err err = store_mark_renew(w->d->store);
    if (err == TRIS_OK) {
        w->mark_pending = false;
        held_release(&w->held, &w->batch);
        if (pending) {
            trouble_clear(w);
        }
        return;
    }
    if (tris_err_class(err) == TRIS_CLASS_CORRUPT) {
        writer_die(w, err);
    }
    trouble_set(w, err);
    w->mark_pending = true;
    w->mark_at = clock_mono_ms() + w->backoff_ms;
    held_take(&w->held, &w->batch);
}

/* The mark could not be written after an earlier commit: tries again, then lets the seals go. */
static void mark_retry(struct writer *w)
{
    if (!w->mark_pending || w->mark_at > clock_mono_ms()) {
        return;
    }
    enum tris_err err = store_mark_renew(w->d->store);
    if (err != TRIS_OK) {
        trouble_set(w, err);
        w->mark_at = clock_mono_ms() + w->backoff_ms;
        return;
    }
    w->mark_pending = false;
    trouble_clear(w);
    struct work_list none;
    work_list_init(&none);
    outcome_send(w, &none, true, w->held.head, w->held.count);
    w->held.count = 0;
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
        if (item->type != WORK_GROUP && !item->decided) {
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
        outcome_send(w, work, false, NULL, 0);
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
        count_batch(w, work, clock_mono_ms() - start);
        if (w->word_done) {
            w->word_done = false;
            w->word_late = clock_mono_ms() + WRITER_WORD_LATE_MS;
        }
    }
    w->word_at = clock_mono_ms() + WRITER_WORD_IDLE_MS;
    outcome_send(w, work, true, w->batch.heads, w->batch.heads_count);
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

/* Writes that never pause must not keep the search index from following. */
static void writer_follow_late(struct writer *w)
{
    uint64_t now = clock_mono_ms();
    if (!w->word_done && w->word_late <= now && w->backoff_ms == 0) {
        w->word_at = now;
        writer_follow_words(w);
        w->word_late = clock_mono_ms() + WRITER_WORD_LATE_MS;
    }
}

static void drop_dead_readers(struct writer *w)
{
    uint64_t now = clock_mono_ms();
    if (w->readers_at <= now) {
        uint32_t dead = store_drop_dead_readers(w->d->store);
        w->readers_at = now + WRITER_READERS_MS;
        if (dead > 0) {
            LOG(&w->d->log, LOG_INFO, "dead_readers", log_number("dropped", dead));
        }
    }
}

void writer_main(void *arg)
{
    struct writer *w = arg;
    struct work_list work;
    work_list_init(&work);
    while (inbox_wait(w, &work)) {
        drop_dead_readers(w);
        if (w->seal_now) { /* confirmed: seals what waits, and the mark is written anew */
            w->seal_now = false;
            w->mark_pending = true;
            w->mark_at = 0;
            writer_run_batch(w, &work);
            work_list_init(&work);
            continue;
        }
        if (work.first != NULL) {
            writer_run_batch(w, &work);
            work_list_init(&work);
            writer_follow_late(w);
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
