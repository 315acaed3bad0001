/* One batch; see house_batch.h. */
#include "tests/sim/house_batch.h"

#include "proto/assert.h"
#include "proto/pack.h"
#include "tests/sim/verify.h"

enum { END_PAYLOAD_BYTES = 32 };

uint32_t batch_touch(struct batch *b, uint32_t log_no, uint64_t source)
{
    for (uint32_t i = 0; i < b->logs_count; i++) {
        if (b->logs[i] == log_no) {
            b->source[i] = b->source[i] == source ? source : 0;
            return i;
        }
    }
    tris_assert(b->logs_count < HOUSE_LOGS_MAX);
    b->logs[b->logs_count] = log_no;
    b->cut[b->logs_count] = false;
    b->anew[b->logs_count] = false;
    b->source[b->logs_count] = source;
    return b->logs_count++;
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
    seal_make(&seal, &h->key);
    if (store_seal_own(b->t, h->own_no[topic], &seal) != TRIS_OK) {
        return false; /* the transaction is broken: its commit says so */
    }
    if (at->size == log->held) {
        b->own[topic] = (struct own){0, 0};
    }
    b->own_sealed = true;
    b->by_us[topic] = true;
    (void)batch_touch(b, h->own_no[topic], 0);
    return true;
}

static void batch_seal(struct batch *b, enum tris_topic topic)
{
    struct house *h = b->h;
    struct store_view *v = store_txn_view(b->t);
    struct store_log log;
    if (!h->may_seal || store_log_get(v, h->own_no[topic], &log) != TRIS_OK || log.held == 0 ||
        log.ends != STORE_END_NONE || log.outside) {
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

/* Names the record: in its own log by the position alone, else with the epoch. */
static enum tris_err name_record(struct batch *b, uint32_t own_no, struct record_ref record,
                                 struct entry_header *header)
{
    struct store_log log;
    header->has_record = true;
    header->record_seq = record.seq;
    if (record.log_no == own_no) {
        return TRIS_OK;
    }
    enum tris_err err = store_log_get(store_txn_view(b->t), record.log_no, &log);
    header->has_record_epoch = true;
    header->record_epoch = log.ref.epoch;
    return err;
}

enum tris_err batch_append(struct batch *b, enum tris_topic topic, enum entry_verb verb,
                           uint32_t kind, const struct record_ref *record, struct span payload,
                           uint64_t *seq)
{
    struct house *h = b->h;
    struct own *own = &b->own[topic];
    struct entry_header header = {
        .version = ENTRY_VERSION, .verb = verb, .kind = kind, .time_ms = b->now_ms};
    struct tris_salt salt;
    rng_bytes(&h->rng, salt.b, sizeof salt.b);
    enum tris_err err =
        record != NULL ? name_record(b, h->own_no[topic], *record, &header) : TRIS_OK;
    if (err == TRIS_OK) {
        err = store_append_own(b->t, h->own_no[topic], &header, &salt, payload, b->now_ms, seq);
    }
    if (err != TRIS_OK) {
        return err;
    }
    b->written++;
    own->entries++;
    own->bytes += TRIS_ENTRY_WIRE_BYTES_MAX - TRIS_PAYLOAD_BYTES_MAX + payload.len;
    (void)batch_touch(b, h->own_no[topic], 0);
    if (topic != TRIS_TOPIC_LOCAL &&
        (own->entries >= TRIS_SEAL_SPACING_MAX || own->bytes >= TRIS_SEAL_BYTES)) {
        batch_seal(b, topic);
    }
    return TRIS_OK;
}

/* Where the record is that people mean by this number. */
static enum tris_err find_record(const struct batch *b, enum tris_topic topic, uint64_t number,
                                 struct record_ref *out)
{
    const uint64_t seq = number & ((UINT64_C(1) << HOUSE_RECORD_BITS) - 1);
    const uint32_t epoch = (uint32_t)(number >> HOUSE_RECORD_BITS);
    *out = (struct record_ref){b->h->own_no[topic], seq};
    return topic != TRIS_TOPIC_DATA || epoch == b->h->epoch
               ? TRIS_OK
               : store_record_find(store_txn_view(b->t), &b->h->id, epoch, seq, out);
}

static enum tris_err append_end(struct batch *b, enum tris_topic topic, uint64_t record,
                                const uint64_t *published_as, uint64_t *seq)
{
    struct store_record now = {0};
    struct record_ref ref;
    uint8_t bytes[END_PAYLOAD_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    enum tris_err err = find_record(b, topic, record, &ref);
    if (err == TRIS_OK) {
        err = store_record_get(store_txn_view(b->t), ref, &now);
    }
    if (err == TRIS_OK && now.ended) {
        err = TRIS_ERR_ENDED;
    }
    if (err != TRIS_OK) {
        return err;
    }
    pack_write_map(&w, published_as != NULL ? 1 : 0);
    if (published_as != NULL) {
        pack_write_uint(&w, 2);
        if (b->h->epoch > 0) {
            pack_write_array(&w, 2);
            pack_write_uint(&w, b->h->epoch);
        }
        pack_write_uint(&w, *published_as);
    }
    return batch_append(b, topic, VERB_END, now.kind, &ref, wbuf_span(&w), seq);
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
        err = batch_append(b, TRIS_TOPIC_DATA, VERB_PUT, KIND_PARTNER, NULL,
                           span_of(op->payload, op->len), &op->seq);
    }
    return err == TRIS_OK ? append_end(b, TRIS_TOPIC_LOCAL, op->record, &op->seq, &end_seq) : err;
}

static enum tris_err op_put(struct batch *b, struct op *op)
{
    struct record_ref ref;
    enum tris_err err = op->has_record ? find_record(b, op->topic, op->record, &ref) : TRIS_OK;
    return err != TRIS_OK
               ? err
               : batch_append(b, op->topic, VERB_PUT, KIND_PARTNER, op->has_record ? &ref : NULL,
                              span_of(op->payload, op->len), &op->seq);
}

static enum tris_err op_apply(struct batch *b, struct op *op)
{
    struct span payload = span_of(op->payload, op->len);
    switch (op->type) {
    case OP_PUT:
        return op_put(b, op);
    case OP_END:
        return append_end(b, op->topic, op->record, NULL, &op->seq);
    case OP_PUBLISH:
        return op_publish(b, op);
    case OP_CARD:
        return batch_append(b, TRIS_TOPIC_GOV, VERB_CARD, KIND_NONE, NULL, payload, &op->seq);
    case OP_SETTING:
        return store_setting_put(b->t, op->key, payload);
    case OP_DRAFTS:
        return draft_write_all(b);
    case OP_STATE:
        return batch_append(b, TRIS_TOPIC_GOV, op->revoke ? VERB_REVOKE : VERB_ENDORSE, KIND_NONE,
                            NULL, payload, &op->seq);
    }
    return TRIS_ERR_INVALID;
}

/* ---- segments ---- */

/* The tail of an own log comes back: it is verified against what is sealed here. */
static enum tris_err tail_look(struct batch *b, struct store_log *log)
{
    if (!b->h->tail_open) {
        return TRIS_ERR_NOT_READY; /* it was complete a moment ago */
    }
    log->held = log->has_seal ? log->seal.size : 0;
    if (log->held == 0) {
        tree_init(&log->tree);
        return TRIS_OK;
    }
    return store_tree_at(store_txn_view(b->t), log->no, log->held, &log->tree);
}

/* What was written behind the former end makes room; it is written again behind the new one. */
static enum tris_err tail_make_room(struct batch *b, const struct store_log *log)
{
    enum tris_err err = store_log_cut(b->t, log->no, log->held, STORE_TAIL_DRAFT);
    if (err == TRIS_OK) {
        b->own[log->ref.topic] = (struct own){0, 0};
    }
    return err;
}

static enum tris_err filling_apply(struct batch *b, const struct work *w)
{
    const struct session_segment *s = &w->segment;
    uint32_t filled = 0;
    enum tris_err err =
        store_holes_fill(b->t, s->log_no, span_of(s->bytes, s->len), s->count, &filled);
    if (err == TRIS_OK && filled > 0) {
        (void)batch_touch(b, s->log_no, w->session_no);
    }
    return err;
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
    bool tail = log.current && s->count > 0 && log.ends == STORE_END_NONE;
    if (tail) {
        err = tail_look(b, &log);
        if (err != TRIS_OK) {
            return err;
        }
    }
    if (s->count == 0 ? s->first != log.held
                      : s->count <= log.held && s->first <= log.held - s->count) {
        if (b->h->hostile) { /* it asked for what it has: its own lie is over */
            (void)batch_touch(b, s->log_no, 0);
        }
        return TRIS_OK; /* another session was faster */
    }
    if (s->first > log.held) {
        return TRIS_ERR_NO_SPACE; /* a former segment met a full disk: fetch again */
    }
    if (log.ref.topic == TRIS_TOPIC_GOV && s->seal.size > TRIS_GOV_ENTRIES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (log.ends != STORE_END_NONE && s->count > 0 && log.held >= log.end) {
        return TRIS_OK; /* all of it is here */
    }
    err = verify_segment(&log, s->first, s->count, span_of(s->bytes, s->len), &s->seal,
                         b->h->verified);
    if (err == TRIS_OK && tail) {
        err = tail_make_room(b, &log);
    }
    if (err == TRIS_OK) {
        err = store_append_segment(b->t, s->log_no, b->h->verified, b->now_ms);
    }
    if (err == TRIS_OK) {
        b->delivered += b->h->verified->count;
        b->own_sealed = b->own_sealed || log.own;
        (void)batch_touch(b, s->log_no, w->session_no);
    }
    return err;
}

/* ---- one batch ---- */

static void work_apply(struct batch *b, struct work *w)
{
    w->err = TRIS_OK;
    if (w->is_fork) {
        w->err = fork_apply(b, w);
    } else if (w->is_segment) {
        w->err = w->segment.filling ? filling_apply(b, w) : segment_apply(b, w);
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

/* What changed in a log of a former epoch may let one of a later epoch be fetched, or take it back.
 */
static enum tris_err touch_later(struct batch *b)
{
    for (uint32_t i = 0; i < b->logs_count; i++) {
        uint32_t later = UINT32_MAX;
        enum tris_err err = TRIS_OK;
        while (err == TRIS_OK) {
            const uint32_t before = b->logs_count;
            err = store_log_later(store_txn_view(b->t), b->logs[i], &later);
            if (err == TRIS_OK && batch_touch(b, later, 0) == before) {
                b->anew[before] = true;
            }
        }
        if (err != TRIS_ERR_NOT_FOUND) {
            return err;
        }
    }
    return TRIS_OK;
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
    err = store_txn_err(b->t);
    if (err == TRIS_OK) {
        err = batch_members(b); /* behind the seals: only what is sealed counts */
    }
    if (err == TRIS_OK) {
        err = touch_later(b);
    }
    if (err != TRIS_OK) {
        store_abort(b->t);
        return err;
    }
    err = store_commit(b->t);
    if (err != TRIS_OK) {
        members_free(b->members);
        b->members = NULL;
    }
    return err;
}

static bool is_machine_error(enum tris_err err)
{
    enum tris_err_class class_ = tris_err_class(err);
    return class_ == TRIS_CLASS_RESOURCE || class_ == TRIS_CLASS_CORRUPT;
}

enum tris_err batch_run(struct batch *b, struct house *h, struct work *list)
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
