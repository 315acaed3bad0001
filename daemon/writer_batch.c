/* One batch: apply, seal, commit, mark; see writer_batch.h. */
#include "daemon/writer_batch.h"

#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/imports.h"
#include "daemon/writer_fork.h"
#include "daemon/writer_members.h"
#include "daemon/writer_op.h"
#include "proto/assert.h"

/* ---- lists ---- */

void work_list_init(struct work_list *l)
{
    memset(l, 0, sizeof *l);
    l->tail = &l->first;
}

void work_list_push(struct work_list *l, struct work *w)
{
    w->next = NULL;
    *l->tail = w;
    l->tail = &w->next;
    l->bytes += w->bytes;
    l->entries += w->entries;
}

struct work *work_list_pop(struct work_list *l)
{
    struct work *w = l->first;
    if (w == NULL) {
        return NULL;
    }
    l->first = w->next;
    if (l->first == NULL) {
        l->tail = &l->first;
    }
    l->bytes -= w->bytes;
    l->entries -= w->entries;
    w->next = NULL;
    return w;
}

void work_list_prepend(struct work_list *l, struct work_list *from)
{
    if (from->first == NULL) {
        return;
    }
    *from->tail = l->first;
    if (l->first == NULL) {
        l->tail = from->tail;
    }
    l->first = from->first;
    l->bytes += from->bytes;
    l->entries += from->entries;
    work_list_init(from);
}

/* ---- life ---- */

enum tris_err batch_init(struct batch *b, struct daemon *d)
{
    memset(b, 0, sizeof *b);
    b->d = d;
    b->own[TRIS_TOPIC_GOV] = (struct batch_own){d->gov_no, true, 0, 0};
    b->own[TRIS_TOPIC_DATA] = (struct batch_own){d->data_no, true, 0, 0};
    b->own[TRIS_TOPIC_LOCAL] = (struct batch_own){d->local_no, false, 0, 0};
    struct store_view *v;
    enum tris_err err = store_view_begin(d->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_log_count(v, &b->head_of_count);
    store_view_end(v);
    if (err != TRIS_OK) {
        return err;
    }
    b->head_of = calloc(b->head_of_count + 1, sizeof *b->head_of);
    b->heads = calloc(b->head_of_count + 1, sizeof *b->heads);
    return b->head_of == NULL || b->heads == NULL ? TRIS_ERR_NO_MEMORY : TRIS_OK;
}

void batch_fini(struct batch *b)
{
    free(b->head_of);
    free(b->heads);
    free(b->merge);
    members_free(b->members);
    b->members = NULL;
    b->merge = NULL;
    b->head_of = NULL;
    b->heads = NULL;
}

bool batch_know_log(struct batch *b, uint32_t log_no)
{
    const size_t count = (size_t)log_no + 1;
    if (log_no < b->head_of_count) {
        return true;
    }
    uint32_t *head_of = realloc(b->head_of, (count + 1) * sizeof *head_of);
    if (head_of == NULL) {
        b->no_room = true;
        return false;
    }
    b->head_of = head_of;
    struct batch_head *heads = realloc(b->heads, (count + 1) * sizeof *heads);
    if (heads == NULL) {
        b->no_room = true;
        return false;
    }
    b->heads = heads;
    memset(head_of + b->head_of_count, 0, (count - b->head_of_count) * sizeof *head_of);
    b->head_of_count = log_no + 1;
    return true;
}

void batch_touch(struct batch *b, uint32_t log_no, uint64_t source)
{
    tris_assert(log_no < b->head_of_count); /* known since writer_open, or by batch_know_log */
    if (b->head_of[log_no] != 0) {
        struct batch_head *head = &b->heads[b->head_of[log_no] - 1];
        head->source = head->source == source ? source : 0;
        return;
    }
    b->heads[b->heads_count] = (struct batch_head){.log_no = log_no, .source = source};
    b->head_of[log_no] = ++b->heads_count;
}

static void batch_clear(struct batch *b)
{
    for (uint32_t i = 0; i < b->heads_count; i++) {
        b->head_of[b->heads[i].log_no] = 0;
    }
    b->heads_count = 0;
    b->own_sealed = false;
    b->no_room = false;
    members_free(b->members);
    b->members = NULL;
    b->culprit = NULL;
    b->entries_written = 0;
}

/* Own entries behind the newest seal, such as a former process may have left. */
static enum tris_err batch_begin(struct batch *b)
{
    batch_clear(b);
    b->now_ms = clock_wall_ms();
    b->may_seal = atomic_load(&b->d->confirm.may_seal);
    enum tris_err err = store_txn_begin(b->d->store, &b->txn);
    for (int i = 0; i < 3 && err == TRIS_OK; i++) {
        struct batch_own *own = &b->own[i];
        if (own->no != UINT32_MAX && own->sealed_log) {
            err = store_unsealed(store_txn_view(b->txn), own->no, &own->entries, &own->bytes);
            if (err != TRIS_OK) {
                store_abort(b->txn);
                b->txn = NULL;
            }
        }
    }
    return err;
}

/* ---- segments ---- */

/* The tail of an own log comes back: it is verified against what is sealed here. */
static enum tris_err tail_look(struct batch *b, struct store_log *log)
{
    if (!atomic_load(&b->d->confirm.tail_open)) {
        return TRIS_ERR_NOT_READY; /* it was complete a moment ago */
    }
    log->held = log->has_seal ? log->seal.size : 0;
    if (log->held == 0) {
        tree_init(&log->tree);
        return TRIS_OK;
    }
    return store_tree_at(store_txn_view(b->txn), log->no, log->held, &log->tree);
}

/* What was written behind the former end makes room; it is written again behind the new one. */
static enum tris_err tail_make_room(struct batch *b, const struct store_log *log)
{
    enum tris_err err = store_log_cut(b->txn, log->no, log->held, STORE_TAIL_DRAFT);
    if (err == TRIS_OK && log->ref.topic == TRIS_TOPIC_DATA) {
        imports_cut(b->txn, log->no, log->held);
    }
    if (err == TRIS_OK) {
        b->own[log->ref.topic].entries = 0;
        b->own[log->ref.topic].bytes = 0;
    }
    return err;
}

/* Payloads of entries that are here already: of own logs too, their tail may have come without. */
static enum tris_err filling_apply(struct batch *b, const struct work *w)
{
    const struct session_segment *s = &w->segment;
    uint32_t filled = 0;
    if (s->log_no >= b->head_of_count) {
        return TRIS_ERR_UNKNOWN_LOG;
    }
    enum tris_err err =
        store_holes_fill(b->txn, s->log_no, span_of(s->bytes, s->len), s->count, &filled);
    if (err == TRIS_OK && filled > 0) {
        batch_touch(b, s->log_no, w->session_no);
    }
    return err;
}

static enum tris_err segment_apply(struct batch *b, struct work *w)
{
    const struct session_segment *s = &w->segment;
    struct store_log log;
    if (s->log_no >= b->head_of_count) {
        return TRIS_ERR_UNKNOWN_LOG;
    }
    enum tris_err err = store_log_get(store_txn_view(b->txn), s->log_no, &log);
    if (err != TRIS_OK) {
        return err;
    }
    if (log.ref.topic == TRIS_TOPIC_LOCAL) {
        return TRIS_ERR_UNEXPECTED;
    }
    if (log.current && log.ends == STORE_END_NONE &&
        s->count > 0) { /* a newer seal alone changes no entry */
        err = tail_look(b, &log);
        if (err != TRIS_OK) {
            return err;
        }
    }
    if (s->count == 0 ? s->first != log.held
                      : s->count <= log.held && s->first <= log.held - s->count) {
        return TRIS_OK; /* another session was faster */
    }
    if (log.ends != STORE_END_NONE && s->count > 0 && log.held >= log.end) {
        return TRIS_OK; /* all of it is here */
    }
    if (s->first > log.held) {
        return TRIS_ERR_NO_SPACE; /* a former segment met a full disk or map: fetch again */
    }
    if (log.ref.topic == TRIS_TOPIC_GOV && s->seal.size > TRIS_GOV_ENTRIES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    err = store_segment_judge(&log, s->first, s->count, span_of(s->bytes, s->len), &s->seal,
                              &b->verified);
    if (err != TRIS_OK) {
        return err;
    }
    if (log.current && log.ends == STORE_END_NONE && s->count > 0) {
        err = tail_make_room(b, &log);
    }
    if (err == TRIS_OK) {
        err = store_append_segment(b->txn, s->log_no, &b->verified, b->now_ms);
    }
    if (err == TRIS_OK) {
        b->entries_written += b->verified.count;
        b->own_sealed = b->own_sealed || log.own;
        batch_touch(b, s->log_no, w->session_no);
    }
    return err;
}

/* ---- a run ---- */

static void work_apply(struct batch *b, struct work *w)
{
    w->err = TRIS_OK;
    if (w->type == WORK_SEGMENT) {
        w->err = w->segment.filling ? filling_apply(b, w) : segment_apply(b, w);
    } else if (w->type == WORK_FORK) {
        w->err = fork_apply(b, w);
    } else {
        for (size_t i = 0; i < w->count && store_txn_err(b->txn) == TRIS_OK; i++) {
            op_apply(b, &w->ops[i], &w->results[i]);
        }
        if (w->import.id != 0 && !w->dry_run && store_txn_err(b->txn) == TRIS_OK) {
            imports_note(b->txn, &w->import, b->own[TRIS_TOPIC_LOCAL].no,
                         b->own[TRIS_TOPIC_DATA].no, w->results, w->count, b->now_ms);
        }
    }
    if (store_txn_err(b->txn) != TRIS_OK) {
        w->err = store_txn_err(b->txn);
        b->culprit = w;
    }
}

/* A data log that comes to its end lets the next epoch's be fetched; one that is cut takes it back.
 */
static enum tris_err touch_later(struct batch *b)
{
    for (uint32_t i = 0; i < b->heads_count; i++) {
        uint32_t later = UINT32_MAX;
        enum tris_err err = TRIS_OK;
        while (err == TRIS_OK) {
            err = store_log_later(store_txn_view(b->txn), b->heads[i].log_no, &later);
            if (err == TRIS_OK && later < b->head_of_count && b->head_of[later] == 0) {
                batch_touch(b, later, 0);
                b->heads[b->head_of[later] - 1].anew = true;
            }
        }
        if (err != TRIS_ERR_NOT_FOUND) {
            return err;
        }
    }
    return TRIS_OK;
}

static enum tris_err batch_read_heads(struct batch *b)
{
    enum tris_err later = touch_later(b);
    if (later != TRIS_OK) {
        return later;
    }
    for (uint32_t i = 0; i < b->heads_count; i++) {
        struct store_log log;
        enum tris_err err = store_log_get(store_txn_view(b->txn), b->heads[i].log_no, &log);
        if (err != TRIS_OK) {
            return err;
        }
        store_head_item(&log, &b->heads[i].item);
    }
    return TRIS_OK;
}

static enum tris_err batch_try(struct batch *b, struct work_list *work)
{
    enum tris_err err = batch_begin(b);
    if (err != TRIS_OK) {
        return err;
    }
    for (struct work *w = work->first; w != NULL && b->culprit == NULL; w = w->next) {
        if (!w->decided) {
            work_apply(b, w);
        }
    }
    batch_seal(b, TRIS_TOPIC_GOV);
    batch_seal(b, TRIS_TOPIC_DATA);
    err = store_txn_err(b->txn);
    if (err == TRIS_OK) {
        err = members_apply(b); /* behind the seals: only what is sealed counts */
    }
    if (err == TRIS_OK) {
        err = batch_read_heads(b);
    }
    if (err == TRIS_OK) {
        err = store_commit(b->txn);
    } else {
        store_abort(b->txn);
    }
    b->txn = NULL;
    return err;
}

static bool is_machine_error(enum tris_err err)
{
    enum tris_err_class class_ = tris_err_class(err);
    return class_ == TRIS_CLASS_RESOURCE || class_ == TRIS_CLASS_CORRUPT;
}

enum tris_err batch_run(struct batch *b, struct work_list *work)
{
    for (;;) {
        enum tris_err err = batch_try(b, work);
        if (err == TRIS_OK) {
            return TRIS_OK;
        }
        if (!is_machine_error(err) && b->culprit != NULL) {
            /* one bad work must not cost the others: it is out, they are tried again */
            b->culprit->decided = true;
            b->culprit->err = err;
            continue;
        }
        for (struct work *w = work->first; w != NULL; w = w->next) {
            w->err = w->decided ? w->err : err;
        }
        batch_clear(b);
        return is_machine_error(err) ? err : TRIS_ERR_IO;
    }
}

void batch_dry_run(struct batch *b, struct work *group)
{
    tris_assert(group->type == WORK_GROUP && group->dry_run);
    group->err = batch_begin(b);
    if (group->err != TRIS_OK) {
        return;
    }
    b->counts_only = true;
    work_apply(b, group);
    b->counts_only = false;
    store_abort(b->txn);
    b->txn = NULL;
    batch_clear(b);
}

uint64_t batch_unsealed(const struct batch *b)
{
    return b->own[TRIS_TOPIC_GOV].entries + b->own[TRIS_TOPIC_DATA].entries;
}
