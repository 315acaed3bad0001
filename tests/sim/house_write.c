/* The writer of a house: a batch for all that waits, then the mark, then the frontier, then the
 * answers, in the order of daemon/writer_thread.c; see house.h. */
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/house_batch.h"
#include "tests/sim/operator.h"

enum {
    MARK_RETRY_MS = 60 * 1000,
    BACKOFF_MS = 1000, /* after a full disk; doubles */
    BACKOFF_MS_MAX = 60 * 1000,
    WORD_ITEMS = 512,
    DAY_LOOK_MS = 600 * 1000
};

/* ---- after the commit ---- */

enum tris_err house_publish(struct house *h, uint32_t log_no)
{
    struct store_view *v;
    struct store_log log;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_log_get(v, log_no, &log);
    if (err == TRIS_OK && log.ref.topic != TRIS_TOPIC_LOCAL) {
        struct frontier_item item;
        store_head_item(&log, &item);
        check_head(h, v, &log);
        err = frontier_set(h->frontier, log_no, &item);
    }
    store_view_end(v);
    return err;
}

static void note_acked(struct house *h)
{
    struct store_view *v;
    struct store_log log;
    if (store_view_begin(h->store, &v) != TRIS_OK) {
        return;
    }
    for (int i = 0; i < HOUSE_TOPICS; i++) {
        /* while a tail may come back, what is written now may move; see operator.h */
        bool settled = i == TRIS_TOPIC_LOCAL || !h->recovering;
        if (!settled || store_log_get(v, h->own_no[i], &log) != TRIS_OK) {
            continue;
        }
        /* so may what is not sealed where a clone seals, too */
        bool moves = i != TRIS_TOPIC_LOCAL && house_doubled(h);
        uint64_t size = !moves ? log.held : log.has_seal ? log.seal.size : 0;
        if (size > h->acked[i].size) {
            h->acked[i].size = size;
            h->acked[i].root = log.seal.root;
            if (!moves) {
                tree_root(&log.tree, &h->acked[i].root);
            }
        }
    }
    store_view_end(v);
}

/* What the batch changed goes out; own logs only when the mark covers them. */
static void publish(struct batch *b)
{
    struct house *h = b->h;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->logs_count; i++) {
        uint32_t log = h->log_of[b->logs[i]];
        bool own = log == SIM_NONE || house_log_owner(h->sim, log) == h->who;
        if (log == SIM_NONE || (own && h->mark_pending)) {
            continue;
        }
        if (house_publish(h, b->logs[i]) != TRIS_OK) {
            sim_fail(h->sim, "house %u: a head that was just committed cannot be read", h->no);
        }
        if (own) {
            house_guard_members(h);
            check_may_seal(h, b->by_us[log % 2]);
            house_guard_advanced(h, b->logs[i], frontier_item(h->frontier, b->logs[i])->whole,
                                 b->by_us[log % 2]);
        }
        if (b->cut[i]) {
            check_fork(h, log, frontier_item(h->frontier, b->logs[i])->end);
            if (own) {
                house_guard_fork(h, b->logs[i]);
            }
            house_fork_known(h, b->logs[i]);
        } else if (b->anew[i]) {
            house_fork_known(h, b->logs[i]);
        }
        b->logs[kept] = b->logs[i];
        b->source[kept++] = b->source[i];
    }
    b->logs_count = kept;
}

static void mark_after_commit(struct batch *b)
{
    struct house *h = b->h;
    bool sealed = b->own_sealed && !h->mark_doubtful;
    if (!sealed && !h->mark_pending) {
        return; /* a doubtful mark is kept: only what others hold already was sealed */
    }
    bool pending = h->mark_pending;
    h->mark_pending = store_mark_renew(h->store) != TRIS_OK;
    h->mark_owed = h->mark_owed && h->mark_pending;
    for (int i = 0; pending && !h->mark_pending && i < TRIS_TOPIC_LOCAL; i++) {
        (void)batch_touch(b, h->own_no[i], 0);
    }
    if (h->mark_pending && !disk_crashed(h->disk)) {
        sim_after(h->sim, MARK_RETRY_MS, EVENT_COMMIT, h->no, 1, h->life);
    }
}

static void follow_words(struct house *h)
{
    struct store_txn *t;
    uint64_t behind = 0;
    if (!h->sim->profile.words || store_txn_begin(h->store, &t) != TRIS_OK) {
        return;
    }
    enum tris_err err = store_word_follow(t, WORD_ITEMS, &behind);
    if (err == TRIS_OK) {
        err = store_commit(t);
    } else {
        store_abort(t);
    }
    (void)err; /* a crash shows by itself, a full disk leaves the words behind */
}

static void work_free(struct work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free(w->ops[i].payload);
    }
    free(w->ops);
    free(w->segment.bytes);
    free(w->fork.bytes);
    free(w);
}

static void answer(struct house *h, struct work *list)
{
    while (list != NULL) {
        struct work *w = list;
        list = w->next;
        if (w->is_fork) {
            sim_note(h->sim, w->err);
            house_fork_verdict(h, w);
        } else if (w->is_segment) {
            sim_note(h->sim, w->err);
            check_verdict(h, w);
            house_segment_verdict(h, w);
        } else {
            operator_done(h, w->ops, w->count, w->err);
        }
        work_free(w);
    }
}

static void run(struct house *h, struct work *list)
{
    struct batch b;
    enum tris_err err = batch_run(&b, h, list);
    if (err == TRIS_OK) {
        mark_after_commit(&b);
    }
    if (disk_crashed(h->disk)) {
        if (err == TRIS_OK) {
            members_free(b.members);
        }
        /* what was committed but not answered may be there or not */
        while (list != NULL) {
            struct work *next = list->next;
            work_free(list);
            list = next;
        }
        (void)house_crashed(h);
        return;
    }
    if (err != TRIS_OK && tris_err_class(err) != TRIS_CLASS_RESOURCE) {
        sim_fail(h->sim, "house %u: a batch fails without a fault: %s", h->no, tris_err_name(err));
    }
    if (err != TRIS_OK) {
        if (!disk_was_full(h->disk)) {
            sim_fail(h->sim, "house %u: %s, and the disk is not full", h->no, tris_err_name(err));
        }
        h->sim->census.disk_refused++;
        h->backoff_ms = h->backoff_ms == 0 ? BACKOFF_MS : 2 * h->backoff_ms;
        h->backoff_ms = h->backoff_ms < BACKOFF_MS_MAX ? h->backoff_ms : BACKOFF_MS_MAX;
        h->retry_ms = h->sim->now_ms + h->backoff_ms;
    }
    if (err == TRIS_OK) {
        h->backoff_ms = 0;
        h->retry_ms = 0;
        h->sim->entries_written += b.written;
        h->sim->entries_delivered += b.delivered;
        note_acked(h);
        publish(&b);
        if (b.members != NULL) {
            house_members_take(h, b.members, false);
        }
    }
    sim_note(h->sim, err);
    answer(h, list);
    if (err == TRIS_OK && b.logs_count > 0) {
        house_advanced(h, b.logs, b.source, b.logs_count);
    }
    follow_words(h);
    if (disk_crashed(h->disk)) {
        (void)house_crashed(h);
    }
}

/* ---- inbox ---- */

static void plan(struct house *h)
{
    struct rng *rng = &h->sim->rng[STREAM_NET];
    uint64_t now = h->sim->now_ms;
    if (h->busy) {
        return;
    }
    h->busy = true;
    uint64_t wait = 1 + rng_below(rng, h->sim->profile.commit_ms);
    if (now < h->slow_until_ms) {
        wait += rng_below(rng, 20 * SIM_SECOND_MS);
    }
    if (now + wait < h->retry_ms) { /* the daemon lets own writes try before that */
        wait = h->retry_ms - now;
    }
    sim_after(h->sim, wait, EVENT_COMMIT, h->no, 0, h->life);
}

void house_take_work(struct house *h, struct work *w)
{
    tris_assert(h->up);
    w->next = NULL;
    *h->tail = w;
    h->tail = &w->next;
    plan(h);
}

void house_submit(struct house *h, struct op *ops, size_t count)
{
    struct work *w = calloc(1, sizeof *w);
    tris_assert(w != NULL);
    w->ops = ops;
    w->count = count;
    house_take_work(h, w);
}

void house_on_commit(struct house *h, const struct event *event)
{
    if (!h->up || event->stamp != h->life) {
        return;
    }
    if (event->b == 0) {
        h->busy = false;
    } else if (!h->mark_pending) {
        return;
    }
    struct work *list = h->first;
    h->first = NULL;
    h->tail = &h->first;
    run(h, list);
}

void house_confirmed(struct house *h)
{
    h->mark_pending = true;
    struct op *op = calloc(1, sizeof *op);
    tris_assert(op != NULL);
    op->type = OP_DRAFTS;
    house_submit(h, op, 1);
}

void house_write_stop(struct house *h)
{
    while (h->first != NULL) {
        struct work *w = h->first;
        h->first = w->next;
        work_free(w);
    }
    h->tail = &h->first;
    h->busy = false;
    h->mark_pending = false;
}

void house_on_day(struct house *h, const struct event *event)
{
    if (!h->up || event->stamp != h->life) {
        return;
    }
    uint64_t day = house_wall_ms(h) / SIM_DAY_MS;
    if (day > h->sealed_day) {
        h->sealed_day = day;
        plan(h); /* a batch without work: seals what is due */
    }
    /* the daemon looks every ten minutes; here at the next of these that is behind midnight */
    uint64_t rest = SIM_DAY_MS - house_wall_ms(h) % SIM_DAY_MS;
    uint64_t looks = (rest + DAY_LOOK_MS - 1) / DAY_LOOK_MS;
    sim_after(h->sim, looks * DAY_LOOK_MS, EVENT_DAY, h->no, 0, h->life);
}

enum tris_err house_write_first(struct house *h)
{
    struct batch b;
    struct work *w = NULL;
    enum tris_err err = h->mark_doubtful ? TRIS_OK : store_mark_renew(h->store);
    if (err == TRIS_OK && h->acked[TRIS_TOPIC_GOV].size == 0) {
        w = calloc(1, sizeof *w);
        tris_assert(w != NULL);
        w->count = operator_first(h, &w->ops);
    }
    if (err == TRIS_OK) {
        err = batch_run(&b, h, w);
        if (err == TRIS_OK && b.members != NULL) {
            house_members_take(h, b.members, true);
        }
    }
    if (err == TRIS_OK && b.own_sealed && !h->mark_doubtful) {
        err = store_mark_renew(h->store);
    }
    if (err == TRIS_OK) {
        note_acked(h);
    }
    if (w != NULL) {
        work_free(w);
    }
    return err;
}
