/* The writer of a house: one transaction for all that waits, then the mark, then the frontier, then
 * the answers. In the order of daemon/writer_batch.c and writer_thread.c; see house.h. */
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/pack.h"
#include "tests/sim/check.h"
#include "tests/sim/house.h"
#include "tests/sim/operator.h"

enum {
    END_PAYLOAD_BYTES = 32,
    MARK_RETRY_MS = 60 * 1000,
    BACKOFF_MS = 1000, /* after a full disk; doubles */
    BACKOFF_MS_MAX = 60 * 1000,
    WORD_ITEMS = 512,
    DAY_LOOK_MS = 600 * 1000
};

struct own {
    uint64_t entries, bytes; /* behind the newest seal */
};

/* One batch. */
struct batch {
    struct house *h;
    struct store_txn *t;
    uint64_t now_ms; /* by the house's clock */
    struct own own[HOUSE_TOPICS];
    bool own_sealed, by_us[HOUSE_TOPICS];
    struct work *culprit;
    uint32_t logs[HOUSE_LOGS_MAX];
    uint64_t source[HOUSE_LOGS_MAX];
    uint32_t logs_count;
    uint64_t written, delivered;
};

static void touch(struct batch *b, uint32_t log_no, uint64_t source)
{
    for (uint32_t i = 0; i < b->logs_count; i++) {
        if (b->logs[i] == log_no) {
            b->source[i] = b->source[i] == source ? source : 0;
            return;
        }
    }
    tris_assert(b->logs_count < HOUSE_LOGS_MAX);
    b->logs[b->logs_count] = log_no;
    b->source[b->logs_count++] = source;
}

/* ---- own writes ---- */

static bool reseal_due(const struct store_log *log, uint64_t now_ms)
{
    return log->has_seal && now_ms / SIM_DAY_MS > log->seal.time_ms / SIM_DAY_MS;
}

static bool seal_at(struct batch *b, enum tris_topic topic, const struct store_log *log,
                    const struct tree *at)
{
    struct house *h = b->h;
    struct seal seal = {.log = log->id, .size = at->size, .time_ms = b->now_ms};
    tree_root(at, &seal.root);
    seal_make(&seal, &h->identity);
    if (store_seal_own(b->t, h->own_no[topic], &seal) != TRIS_OK) {
        return false; /* the transaction is broken: its commit says so */
    }
    if (at->size == log->held) {
        b->own[topic] = (struct own){0, 0};
    }
    b->own_sealed = true;
    b->by_us[topic] = true;
    touch(b, h->own_no[topic], 0);
    return true;
}

static void batch_seal(struct batch *b, enum tris_topic topic)
{
    struct house *h = b->h;
    struct store_view *v = store_txn_view(b->t);
    struct store_log log;
    if (!h->may_seal || store_log_get(v, h->own_no[topic], &log) != TRIS_OK || log.held == 0) {
        return;
    }
    if (b->own[topic].entries == 0) {
        if (reseal_due(&log, b->now_ms)) {
            (void)seal_at(b, topic, &log, &log.tree);
        }
        return;
    }
    struct tree at = log.tree;
    uint64_t size = log.has_seal ? log.seal.size : 0;
    while (store_unsealed_step(v, h->own_no[topic], size, &size, &at) == TRIS_OK &&
           seal_at(b, topic, &log, &at)) {
    }
}

static enum tris_err append(struct batch *b, enum tris_topic topic, enum entry_verb verb,
                            uint32_t kind, const uint64_t *record, struct span payload,
                            uint64_t *seq)
{
    struct house *h = b->h;
    struct own *own = &b->own[topic];
    struct entry_header header = {
        .version = ENTRY_VERSION, .verb = verb, .kind = kind, .time_ms = b->now_ms};
    if (record != NULL) {
        header.has_record = true;
        header.record_seq = *record;
    }
    struct tris_salt salt;
    rng_bytes(&h->rng, salt.b, sizeof salt.b);
    enum tris_err err =
        store_append_own(b->t, h->own_no[topic], &header, &salt, payload, b->now_ms, seq);
    if (err != TRIS_OK) {
        return err;
    }
    b->written++;
    own->entries++;
    own->bytes += TRIS_ENTRY_WIRE_BYTES_MAX - TRIS_PAYLOAD_BYTES_MAX + payload.len;
    touch(b, h->own_no[topic], 0);
    if (topic != TRIS_TOPIC_LOCAL &&
        (own->entries >= TRIS_SEAL_SPACING_MAX || own->bytes >= TRIS_SEAL_BYTES)) {
        batch_seal(b, topic);
    }
    return TRIS_OK;
}

static enum tris_err append_end(struct batch *b, enum tris_topic topic, uint64_t record,
                                const uint64_t *published_as, uint64_t *seq)
{
    struct store_record now;
    uint8_t bytes[END_PAYLOAD_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    enum tris_err err = store_record_get(store_txn_view(b->t),
                                         (struct record_ref){b->h->own_no[topic], record}, &now);
    if (err == TRIS_OK && now.ended) {
        err = TRIS_ERR_ENDED;
    }
    if (err != TRIS_OK) {
        return err;
    }
    pack_write_map(&w, published_as != NULL ? 1 : 0);
    if (published_as != NULL) {
        pack_write_uint(&w, 2);
        pack_write_uint(&w, *published_as);
    }
    return append(b, topic, VERB_END, now.kind, &record, wbuf_span(&w), seq);
}

static enum tris_err op_publish(struct batch *b, struct op *op)
{
    struct store_record now;
    uint64_t end_seq;
    enum tris_err err =
        store_record_get(store_txn_view(b->t),
                         (struct record_ref){b->h->own_no[TRIS_TOPIC_LOCAL], op->record}, &now);
    if (err == TRIS_OK && now.ended) {
        err = TRIS_ERR_ENDED;
    }
    if (err == TRIS_OK) {
        err = append(b, TRIS_TOPIC_DATA, VERB_PUT, KIND_PARTNER, NULL,
                     span_of(op->payload, op->len), &op->seq);
    }
    return err == TRIS_OK ? append_end(b, TRIS_TOPIC_LOCAL, op->record, &op->seq, &end_seq) : err;
}

static enum tris_err op_apply(struct batch *b, struct op *op)
{
    struct span payload = span_of(op->payload, op->len);
    switch (op->type) {
    case OP_PUT:
        return append(b, op->topic, VERB_PUT, KIND_PARTNER, op->has_record ? &op->record : NULL,
                      payload, &op->seq);
    case OP_END:
        return append_end(b, op->topic, op->record, NULL, &op->seq);
    case OP_PUBLISH:
        return op_publish(b, op);
    case OP_CARD:
        return append(b, TRIS_TOPIC_GOV, VERB_CARD, KIND_NONE, NULL, payload, &op->seq);
    case OP_SETTING:
        return store_setting_put(b->t, op->key, payload);
    }
    return TRIS_ERR_INVALID;
}

/* ---- segments ---- */

static enum tris_err segment_skip(struct span *wire, uint64_t skip)
{
    struct rbuf run = rbuf_of(*wire);
    struct entry entry;
    for (uint64_t i = 0; i < skip; i++) {
        enum tris_err err = entry_wire_next(&run, &entry);
        if (err != TRIS_OK) {
            return err;
        }
    }
    *wire = span_of(wire->ptr + run.pos, run.len - run.pos);
    return TRIS_OK;
}

/* The tail of an own log comes back; what was written behind its former end has to go first. */
static enum tris_err tail_apply(struct batch *b, const struct work *w, struct store_log *log)
{
    uint64_t sealed = log->has_seal ? log->seal.size : 0;
    if (!b->h->tail_open) {
        return TRIS_ERR_NOT_READY; /* it was complete a moment ago */
    }
    if (w->segment.first > sealed) {
        return TRIS_ERR_NO_SPACE;
    }
    if (log->held == sealed) {
        return TRIS_OK;
    }
    enum tris_err err = store_log_cut(b->t, log->no, sealed, STORE_TAIL_DROP);
    return err == TRIS_OK ? store_log_get(store_txn_view(b->t), log->no, log) : err;
}

static enum tris_err segment_apply(struct batch *b, struct work *w)
{
    const struct session_segment *s = &w->segment;
    struct store_log log;
    enum tris_err err = store_log_get(store_txn_view(b->t), s->log_no, &log);
    if (err != TRIS_OK) {
        return err;
    }
    if (log.ref.topic == TRIS_TOPIC_LOCAL) {
        return TRIS_ERR_UNEXPECTED;
    }
    if (log.own && s->count > 0) {
        err = tail_apply(b, w, &log);
        if (err != TRIS_OK) {
            return err;
        }
    }
    if (s->count == 0 ? s->first != log.held
                      : s->count <= log.held && s->first <= log.held - s->count) {
        return TRIS_OK; /* another session was faster */
    }
    if (s->first > log.held) {
        return TRIS_ERR_NO_SPACE; /* a former segment met a full disk: fetch again */
    }
    if (log.ref.topic == TRIS_TOPIC_GOV && s->seal.size > TRIS_GOV_ENTRIES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    uint64_t skip = log.held - s->first;
    struct span wire = span_of(s->bytes, s->len);
    err = segment_skip(&wire, skip);
    if (err == TRIS_OK) {
        err = segment_verify(&log.id, &log.ref.seal_key, &log.tree, wire, s->count - (uint32_t)skip,
                             &s->seal, b->h->verified);
    }
    if (err == TRIS_OK) {
        err = store_append_segment(b->t, s->log_no, b->h->verified, b->now_ms);
    }
    if (err == TRIS_OK) {
        b->delivered += b->h->verified->count;
        b->own_sealed = b->own_sealed || log.own;
        touch(b, s->log_no, w->session_no);
    }
    return err;
}

/* ---- one batch ---- */

static void work_apply(struct batch *b, struct work *w)
{
    w->err = TRIS_OK;
    if (w->is_segment) {
        w->err = segment_apply(b, w);
    } else {
        for (size_t i = 0; i < w->count && store_txn_err(b->t) == TRIS_OK; i++) {
            w->ops[i].err = op_apply(b, &w->ops[i]);
        }
    }
    if (store_txn_err(b->t) != TRIS_OK) {
        w->err = store_txn_err(b->t);
        b->culprit = w;
    }
}

static enum tris_err batch_begin(struct batch *b, struct house *h)
{
    memset(b, 0, sizeof *b);
    b->h = h;
    b->now_ms = house_wall_ms(h);
    enum tris_err err = store_txn_begin(h->store, &b->t);
    for (int i = 0; i < TRIS_TOPIC_LOCAL && err == TRIS_OK; i++) {
        err = store_unsealed(store_txn_view(b->t), h->own_no[i], &b->own[i].entries,
                             &b->own[i].bytes);
        if (err != TRIS_OK) {
            store_abort(b->t);
        }
    }
    return err;
}

static enum tris_err batch_try(struct batch *b, struct house *h, struct work *list)
{
    enum tris_err err = batch_begin(b, h);
    if (err != TRIS_OK) {
        return err;
    }
    for (struct work *w = list; w != NULL && b->culprit == NULL; w = w->next) {
        if (!w->decided) {
            work_apply(b, w);
        }
    }
    batch_seal(b, TRIS_TOPIC_GOV);
    batch_seal(b, TRIS_TOPIC_DATA);
    if (store_txn_err(b->t) != TRIS_OK) {
        err = store_txn_err(b->t);
        store_abort(b->t);
        return err;
    }
    return store_commit(b->t);
}

static bool is_machine_error(enum tris_err err)
{
    enum tris_err_class class_ = tris_err_class(err);
    return class_ == TRIS_CLASS_RESOURCE || class_ == TRIS_CLASS_CORRUPT;
}

static enum tris_err batch_run(struct batch *b, struct house *h, struct work *list)
{
    for (;;) {
        enum tris_err err = batch_try(b, h, list);
        if (err == TRIS_OK) {
            h->sim->commits++;
            return TRIS_OK;
        }
        if (!is_machine_error(err) && b->culprit != NULL) {
            b->culprit->decided = true; /* one bad work must not cost the others */
            b->culprit->err = err;
            continue;
        }
        for (struct work *w = list; w != NULL; w = w->next) {
            w->err = w->decided ? w->err : err;
        }
        b->logs_count = 0;
        return err;
    }
}

static enum tris_err batch_mark(struct house *h)
{
    struct store_mark mark = {0};
    struct store_view *v;
    struct store_log log;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_log_get(v, h->own_no[TRIS_TOPIC_GOV], &log);
    if (err == TRIS_OK && log.has_seal) {
        mark.gov_size = log.seal.size;
        mark.gov_root = log.seal.root;
    }
    if (err == TRIS_OK) {
        err = store_log_get(v, h->own_no[TRIS_TOPIC_DATA], &log);
    }
    if (err == TRIS_OK && log.has_seal) {
        mark.data_size = log.seal.size;
        mark.data_root = log.seal.root;
    }
    store_view_end(v);
    return err == TRIS_OK ? store_mark_write(h->store, &mark) : err;
}

/* ---- after the commit ---- */

static void head_item(const struct store_log *log, struct frontier_item *out)
{
    memset(out, 0, sizeof *out);
    out->id = log->id;
    out->ref = log->ref;
    out->own = log->own;
    if (log->has_seal) {
        out->held = log->seal.size; /* own entries behind the seal are nobody else's business */
        out->whole = log->whole;
        out->root = log->whole_root;
        out->day = seal_day(&log->seal);
    }
}

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
        head_item(&log, &item);
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
        if (store_log_get(v, h->own_no[i], &log) == TRIS_OK && log.held > h->acked[i].size) {
            h->acked[i].size = log.held;
            tree_root(&log.tree, &h->acked[i].root);
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
        bool own = log == SIM_NONE || log / 2 == h->no;
        if (log == SIM_NONE || (own && h->mark_pending)) {
            continue;
        }
        if (house_publish(h, b->logs[i]) != TRIS_OK) {
            sim_fail(h->sim, "house %u: a head that was just committed cannot be read", h->no);
        }
        if (own) {
            house_guard_advanced(h, b->logs[i], frontier_item(h->frontier, b->logs[i])->held,
                                 b->by_us[log % 2]);
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
    h->mark_pending = batch_mark(h) != TRIS_OK;
    h->mark_owed = h->mark_owed && h->mark_pending;
    for (int i = 0; pending && !h->mark_pending && i < TRIS_TOPIC_LOCAL; i++) {
        touch(b, h->own_no[i], 0);
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
    free(w);
}

static void answer(struct house *h, struct work *list)
{
    while (list != NULL) {
        struct work *w = list;
        list = w->next;
        if (w->is_segment) {
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
    plan(h);
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
    enum tris_err err = h->mark_doubtful ? TRIS_OK : batch_mark(h);
    if (err == TRIS_OK && h->acked[TRIS_TOPIC_GOV].size == 0) {
        w = calloc(1, sizeof *w);
        tris_assert(w != NULL);
        w->count = operator_first(h, &w->ops);
    }
    if (err == TRIS_OK) {
        err = batch_run(&b, h, w);
    }
    if (err == TRIS_OK && b.own_sealed && !h->mark_doubtful) {
        err = batch_mark(h);
    }
    if (err == TRIS_OK) {
        note_acked(h);
    }
    if (w != NULL) {
        work_free(w);
    }
    return err;
}
