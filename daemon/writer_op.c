/* Own writes inside a batch; see writer_op.h. */
#include "daemon/writer_op.h"

#include <sodium.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/draft_write.h"
#include "daemon/rules.h"
#include "proto/assert.h"
#include "proto/pack.h"

enum { END_PAYLOAD_BYTES = 32, CARD_PAYLOAD_BYTES = TRIS_HOUSE_LINE_BYTES_MAX + 16 };

/* A row of a list and the record that it is for. */
struct op_merge {
    struct record now, row;
    bool fills; /* dry run: nothing that the record says would become another */
    uint8_t payload[TRIS_PAYLOAD_BYTES_MAX];
};

_Static_assert(RECORD_FIELDS_MAX <= 64, "a bit for each field in writer_op.fields");

static void reject(struct writer_result *r, enum tris_err err)
{
    r->change = WRITER_REJECTED;
    r->err = err;
}

/* The topic of an own log by its number, one of a former epoch too: the present one goes on with
 * its records. False if it is somebody else's. */
static bool own_topic(const struct batch *b, uint32_t log_no, enum tris_topic *topic)
{
    struct store_log log;
    for (int i = 0; i < 3; i++) {
        if (b->own[i].no != UINT32_MAX && b->own[i].no == log_no) {
            *topic = (enum tris_topic)i;
            return true;
        }
    }
    if (store_log_get(store_txn_view(b->txn), log_no, &log) != TRIS_OK || !log.own) {
        return false;
    }
    *topic = log.ref.topic;
    return b->own[log.ref.topic].no != UINT32_MAX;
}

/* How an own entry names a record: by its epoch if that is a former one. */
static enum tris_err name_record(const struct batch *b, uint32_t own_no,
                                 const struct record_ref *record, struct entry_header *header)
{
    struct store_log log;
    header->has_record = true;
    header->record_seq = record->seq;
    if (record->log_no == own_no) {
        return TRIS_OK;
    }
    enum tris_err err = store_log_get(store_txn_view(b->txn), record->log_no, &log);
    header->has_record_epoch = true;
    header->record_epoch = log.ref.epoch;
    return err;
}

enum tris_err batch_append(struct batch *b, enum tris_topic topic, enum entry_verb verb,
                           uint32_t kind, const struct record_ref *record, struct span payload,
                           uint64_t *seq)
{
    struct batch_own *own = &b->own[topic];
    if (own->no == UINT32_MAX) {
        return TRIS_ERR_OBSERVER;
    }
    struct entry_header header = {
        .version = ENTRY_VERSION, .verb = verb, .kind = kind, .time_ms = b->now_ms};
    enum tris_err err = record != NULL ? name_record(b, own->no, record, &header) : TRIS_OK;
    if (err != TRIS_OK) {
        return err;
    }
    if (b->salts_left == 0) {
        randombytes_buf(b->salt, sizeof b->salt);
        b->salts_left = BATCH_SALTS;
    }
    const struct tris_salt *salt = &b->salt[--b->salts_left];
    err = store_append_own(b->txn, own->no, &header, salt, payload, b->now_ms, seq);
    if (err != TRIS_OK) {
        return err;
    }
    b->entries_written++;
    own->entries++;
    /* an upper bound of its wire form */
    own->bytes += TRIS_ENTRY_WIRE_BYTES_MAX - TRIS_PAYLOAD_BYTES_MAX + payload.len;
    batch_touch(b, own->no, 0);
    if (own->entries >= TRIS_SEAL_SPACING_MAX || own->bytes >= TRIS_SEAL_BYTES) {
        batch_seal(b, topic);
    }
    return TRIS_OK;
}

/* Once a day an unchanged log is sealed anew, so that others can tell silence from absence. */
static bool reseal_due(const struct store_log *log, uint64_t now_ms)
{
    return log->has_seal && now_ms / CLOCK_MS_PER_DAY > log->seal.time_ms / CLOCK_MS_PER_DAY;
}

static bool seal_at(struct batch *b, enum tris_topic topic, const struct store_log *log,
                    const struct tree *at)
{
    struct batch_own *own = &b->own[topic];
    tris_assert(log->own);
    struct seal seal = {.log = log->id, .size = at->size, .time_ms = b->now_ms};
    tree_root(at, &seal.root);
    seal_make(&seal, &b->d->identity);
    if (store_seal_own(b->txn, own->no, &seal) != TRIS_OK) {
        return false; /* the transaction is broken: its commit says so */
    }
    if (at->size == log->held) {
        own->entries = 0;
        own->bytes = 0;
    }
    b->own_sealed = true;
    batch_touch(b, own->no, 0);
    b->heads[b->head_of[own->no] - 1].by_us = true;
    return true;
}

void batch_seal(struct batch *b, enum tris_topic topic)
{
    struct batch_own *own = &b->own[topic];
    if (!own->sealed_log || own->no == UINT32_MAX || !b->may_seal) {
        return;
    }
    struct store_log log;
    if (store_log_get(store_txn_view(b->txn), own->no, &log) != TRIS_OK || log.held == 0 ||
        log.ends != STORE_END_NONE || log.outside) {
        return; /* empty, ended, or the transaction is broken: its commit says so */
    }
    if (own->entries == 0) {
        if (reseal_due(&log, b->now_ms)) {
            (void)seal_at(b, topic, &log, &log.tree);
        }
        return;
    }
    /* entries may wait for longer than one seal covers */
    struct tree at = log.tree;
    uint64_t size = log.has_seal ? log.seal.size : 0;
    while (store_unsealed_step(store_txn_view(b->txn), own->no, size, &size, &at) == TRIS_OK &&
           seal_at(b, topic, &log, &at)) {
    }
}

/* False if the rules between records are against it; the result names the one in the way. */
static bool is_ruled_in(struct batch *b, uint32_t kind, struct span payload,
                        const struct record_ref *self, struct writer_result *r)
{
    struct record_ref other = {0};
    enum tris_err err =
        rules_check(store_txn_view(b->txn), b->d->role, kind, payload, self, &other);
    if (err == TRIS_OK) {
        return true;
    }
    r->record = err == TRIS_ERR_CONFLICT ? other : r->record;
    reject(r, err);
    return false;
}

/* Nobody wrote since the caller read; a sequence number alone may be one of a later epoch. */
static bool is_base(const struct writer_op *op, const struct store_record *now)
{
    return op->base_log == now->last_log && op->base_seq == now->last_seq;
}

/* Replaces the state of a record that was looked up in this transaction. */
static void put_on(struct batch *b, struct record_ref ref, const struct writer_op *op,
                   struct writer_result *r)
{
    enum tris_topic topic;
    struct store_record now;
    r->record = ref;
    if (!own_topic(b, ref.log_no, &topic)) {
        reject(r, TRIS_ERR_NOT_OWNER);
        return;
    }
    enum tris_err err = store_record_get(store_txn_view(b->txn), ref, &now);
    if (err == TRIS_OK && op->kind != now.kind) {
        err = TRIS_ERR_INVALID;
    }
    if (err == TRIS_OK && op->has_base && !is_base(op, &now)) {
        err = TRIS_ERR_NOT_READY;
    }
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    if (span_eq(now.payload, op->payload)) {
        r->change = WRITER_UNCHANGED;
        r->seq = now.last_seq;
        return;
    }
    if (now.ended) {
        reject(r, TRIS_ERR_ENDED);
        return;
    }
    if (!is_ruled_in(b, now.kind, op->payload, &ref, r)) {
        return;
    }
    err = batch_append(b, topic, VERB_PUT, now.kind, &ref, op->payload, &r->seq);
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_CHANGED;
}

static void create(struct batch *b, enum tris_topic topic, const struct writer_op *op,
                   struct writer_result *r)
{
    /* what is published replaces a local record */
    if (!is_ruled_in(b, op->kind, op->payload, op->has_record ? &op->record : NULL, r)) {
        return;
    }
    enum tris_err err = batch_append(b, topic, VERB_PUT, op->kind, NULL, op->payload, &r->seq);
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_NEW;
    r->record = (struct record_ref){b->own[topic].no, r->seq};
}

static void op_put(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    if (op->has_record) {
        put_on(b, op->record, op, r);
        return;
    }
    if (op->refuse_duplicate) {
        enum tris_err err =
            store_find_name(store_txn_view(b->txn), op->kind, op->name, op->within, &r->record);
        if (err == TRIS_OK || err == TRIS_ERR_AMBIGUOUS) {
            reject(r, TRIS_ERR_EXISTS);
            return;
        }
        if (err != TRIS_ERR_NOT_FOUND) {
            reject(r, err);
            return;
        }
    }
    create(b, op->topic, op, r);
}

/* The record that a row of a list is: by its source id, else by name and record_within. */
static enum tris_err find_imported(struct store_view *v, const struct writer_op *op,
                                   struct record_ref *ref)
{
    if (op->source_id.len == 0) {
        return store_find_name(v, op->kind, op->name, op->within, ref);
    }
    enum tris_err err = store_find_source(v, op->kind, op->source, op->source_id, ref);
    if (err == TRIS_ERR_NOT_FOUND) {
        /* typed by hand before the list came, or known from another list */
        return store_find_unsourced(v, op->kind, op->name, op->within, op->source, ref);
    }
    /* several: the same row was once entered twice; the first one follows the source */
    return err == TRIS_ERR_AMBIGUOUS ? TRIS_OK : err;
}

/* A namesake in the same place, which the row did not take over. */
static bool find_similar(struct store_view *v, const struct writer_op *op, struct record_ref self,
                         struct record_ref *out)
{
    enum tris_err err = store_find_name(v, op->kind, op->name, op->within, out);
    return (err == TRIS_OK || err == TRIS_ERR_AMBIGUOUS) &&
           (out->log_no != self.log_no || out->seq != self.seq);
}

/* True if the row adds to what the record has and leaves all of that as it is. */
static bool is_filling(struct op_merge *m, struct span before)
{
    bool added[RECORD_FIELDS_MAX];
    struct wbuf w = wbuf_of(m->payload, sizeof m->payload);
    for (size_t i = 0; i < m->row.kind->field_count; i++) {
        added[i] = m->row.value[i].present && !m->now.value[i].present;
        m->row.value[i].present = m->row.value[i].present && !added[i];
    }
    bool same = record_encode(&m->row, &w) == TRIS_OK && span_eq(wbuf_span(&w), before);
    for (size_t i = 0; i < m->row.kind->field_count; i++) {
        m->row.value[i].present = m->row.value[i].present || added[i];
    }
    return same;
}

/* What the row says, and of all other fields what the record has. */
static enum tris_err merge(struct batch *b, struct record_ref ref, const struct writer_op *op,
                           struct span *payload)
{
    struct store_record found;
    const struct kind *kind = schema_kind(op->kind);
    enum tris_err err = store_record_get(store_txn_view(b->txn), ref, &found);
    if (err != TRIS_OK || span_eq(found.payload, op->payload)) {
        return err;
    }
    b->merge = b->merge != NULL ? b->merge : malloc(sizeof *b->merge);
    if (b->merge == NULL || kind == NULL) {
        return kind == NULL ? TRIS_ERR_INVALID : TRIS_ERR_NO_MEMORY;
    }
    struct op_merge *m = b->merge;
    err = record_decode(kind, found.payload, &m->now, NULL);
    err = err == TRIS_OK ? record_decode(kind, op->payload, &m->row, NULL) : err;
    if (err != TRIS_OK) {
        return err;
    }
    for (size_t i = 0; i < kind->field_count; i++) {
        if ((op->fields >> i & 1) == 0) {
            m->row.value[i] = m->now.value[i]; /* lists point into m->now, which stays */
        }
    }
    m->row.extension = m->now.extension;
    m->row.extension_pairs = m->now.extension_pairs;
    m->fills = b->counts_only && is_filling(m, found.payload);
    struct record_problem problem;
    if (record_check_own(&m->row, found.scope, &problem, 1) > 0 && !problem.warning) {
        return problem.err;
    }
    struct wbuf w = wbuf_of(m->payload, sizeof m->payload);
    err = record_encode(&m->row, &w);
    *payload = wbuf_span(&w);
    return err;
}

static void op_import(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    struct record_ref ref = {0};
    enum tris_err err = find_imported(store_txn_view(b->txn), op, &ref);
    if (err == TRIS_ERR_NOT_FOUND) {
        create(b, op->topic, op, r);
        if (b->counts_only) {
            r->has_similar = find_similar(store_txn_view(b->txn), op, r->record, &r->similar);
        }
        return;
    }
    r->record = ref;
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    /* never write what was meant for this house alone into a log that leaves it */
    enum tris_topic topic;
    if (!own_topic(b, ref.log_no, &topic) || topic != op->topic) {
        reject(r, TRIS_ERR_EXISTS);
        return;
    }
    struct writer_op whole = *op;
    err = op->fields != 0 ? merge(b, ref, op, &whole.payload) : TRIS_OK;
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    put_on(b, ref, &whole, r);
    r->fills = r->change == WRITER_CHANGED && op->fields != 0 && b->merge->fills;
}

/* published_as: a seq of the data log; of a later epoch than 0 with its epoch. */
static enum tris_err write_published(const struct batch *b, struct wbuf *w, uint64_t seq)
{
    struct store_log log;
    enum tris_err err = store_log_get(store_txn_view(b->txn), b->own[TRIS_TOPIC_DATA].no, &log);
    if (err == TRIS_OK && log.ref.epoch > 0) {
        pack_write_array(w, 2);
        pack_write_uint(w, log.ref.epoch);
    }
    pack_write_uint(w, seq);
    return err;
}

/* An ending of a record; published_as is a seq of the own data log. */
static enum tris_err append_end(struct batch *b, enum tris_topic topic,
                                const struct store_record *record, uint32_t reason,
                                const uint64_t *published_as, uint64_t *seq)
{
    uint8_t bytes[END_PAYLOAD_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    pack_write_map(&w, (reason != 0 ? 1u : 0u) + (published_as != NULL ? 1u : 0u));
    if (reason != 0) {
        pack_write_uint(&w, 1);
        pack_write_uint(&w, reason);
    }
    if (published_as != NULL) {
        pack_write_uint(&w, 2);
        enum tris_err err = write_published(b, &w, *published_as);
        if (err != TRIS_OK) {
            return err;
        }
    }
    tris_assert(w.err == TRIS_OK);
    return batch_append(b, topic, VERB_END, record->kind, &record->ref, wbuf_span(&w), seq);
}

/* Looks up a record of ours that is to end. */
static enum tris_err find_ending(struct batch *b, const struct writer_op *op,
                                 enum tris_topic *topic, struct store_record *out)
{
    if (!own_topic(b, op->record.log_no, topic)) {
        return TRIS_ERR_NOT_OWNER;
    }
    enum tris_err err = store_record_get(store_txn_view(b->txn), op->record, out);
    if (err == TRIS_OK && out->ended) {
        err = TRIS_ERR_ENDED;
    }
    if (err == TRIS_OK && op->has_base && !is_base(op, out)) {
        err = TRIS_ERR_NOT_READY;
    }
    return err;
}

static void op_end(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    enum tris_topic topic;
    struct store_record record;
    r->record = op->record;
    enum tris_err err = find_ending(b, op, &topic, &record);
    if (err == TRIS_OK) {
        err = append_end(b, topic, &record, op->end_reason, NULL, &r->seq);
    }
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_CHANGED;
}

static void op_publish(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    enum tris_topic topic;
    struct store_record record;
    enum tris_err err = find_ending(b, op, &topic, &record);
    if (err == TRIS_OK && topic != TRIS_TOPIC_LOCAL) {
        err = TRIS_ERR_EXISTS; /* it is published already */
    }
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    create(b, TRIS_TOPIC_DATA, op, r);
    if (r->change != WRITER_NEW) {
        return;
    }
    uint64_t end_seq;
    err = append_end(b, topic, &record, op->end_reason, &r->seq, &end_seq);
    /* everything that could refuse it was asked above */
    tris_assert(err == TRIS_OK || store_txn_err(b->txn) != TRIS_OK);
}

static void op_setting(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    char key[256];
    if (op->key.len == 0 || op->key.len >= sizeof key) {
        reject(r, TRIS_ERR_INVALID);
        return;
    }
    memcpy(key, op->key.ptr, op->key.len);
    key[op->key.len] = '\0';
    enum tris_err err = store_setting_put(b->txn, key, op->payload);
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_CHANGED;
}

static void op_card(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    uint8_t bytes[CARD_PAYLOAD_BYTES];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    pack_write_map(&w, 1);
    pack_write_uint(&w, 1);
    pack_write_str(&w, op->payload);
    enum tris_err err = w.err;
    if (err == TRIS_OK) {
        err = batch_append(b, TRIS_TOPIC_GOV, VERB_CARD, KIND_NONE, NULL, wbuf_span(&w), &r->seq);
    }
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_NEW;
}

static void op_statement(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    enum tris_err err = batch_append(b, TRIS_TOPIC_GOV, (enum entry_verb)op->kind, KIND_NONE, NULL,
                                     op->payload, &r->seq);
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_NEW;
}

void op_apply(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    memset(r, 0, sizeof *r);
    switch (op->type) {
    case WRITER_PUT:
        op_put(b, op, r);
        return;
    case WRITER_END:
        op_end(b, op, r);
        return;
    case WRITER_IMPORT:
        op_import(b, op, r);
        return;
    case WRITER_PUBLISH:
        op_publish(b, op, r);
        return;
    case WRITER_SETTING:
        op_setting(b, op, r);
        return;
    case WRITER_CARD:
        op_card(b, op, r);
        return;
    case WRITER_STATEMENT:
        op_statement(b, op, r);
        return;
    case WRITER_DRAFTS:
        op_drafts(b, op, r);
        return;
    case WRITER_DRAFT_APPLY:
        op_draft_apply(b, op, r);
        return;
    case WRITER_DRAFT_DROP:
        op_draft_drop(b, op, r);
        return;
    }
}
