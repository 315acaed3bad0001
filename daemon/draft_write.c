/* Writes drafts again; see draft_write.h. */
#include "daemon/draft_write.h"
#include "daemon/draft_refs.h"

#include <stdlib.h>

#include "daemon/ctl_in.h"
#include "daemon/daemon.h"
#include "daemon/imports.h"
#include "daemon/rules.h"
#include "proto/assert.h"
#include "proto/record.h"
#include "storage/members.h"

/* One draft on its way back into the log. Its payload is copied: writing ends spans into the map.
 */
struct again {
    struct batch *b;
    struct store_draft draft;
    bool forced;      /* a person wants it */
    bool superfluous; /* what it says is in the log already */
    struct record record;
    size_t payload_len;
    uint8_t payload[TRIS_PAYLOAD_BYTES_MAX];
    uint8_t out[TRIS_PAYLOAD_BYTES_MAX];
    uint8_t within[RECORD_WITHIN_BYTES_MAX];
};

static enum tris_err place_now(const struct again *a, uint64_t seq, struct record_ref *now)
{
    return store_draft_place(store_txn_view(a->b->txn), &a->draft, seq, now);
}

static enum tris_err epoch_of(const struct again *a, uint32_t log_no, uint32_t *epoch)
{
    struct store_log log;
    enum tris_err err = store_log_get(store_txn_view(a->b->txn), log_no, &log);
    *epoch = err == TRIS_OK ? log.ref.epoch : 0;
    return err;
}

/* A reference to a record of the draft's own log; false if it is to another one. */
static bool is_own_reference(const struct again *a, uint32_t epoch, const struct field *field,
                             const struct value *value)
{
    return field->type == FIELD_REF && value->present && value->count == epoch &&
           value->text.len == sizeof a->b->d->own.b &&
           memcmp(value->text.ptr, a->b->d->own.b, sizeof a->b->d->own.b) == 0;
}

/* References to own drafts name their new places. */
static enum tris_err map_references(struct again *a, struct span *payload)
{
    const struct kind *kind = schema_kind(a->draft.header.kind);
    uint32_t epoch = 0;
    bool any = false;
    enum tris_err err = epoch_of(a, a->draft.log_no, &epoch);
    if (err != TRIS_OK || kind == NULL ||
        record_decode(kind, *payload, &a->record, NULL) != TRIS_OK) {
        return err; /* the door says what is wrong with it */
    }
    for (size_t i = 0; i < kind->field_count && err == TRIS_OK; i++) {
        struct value *value = &a->record.value[i];
        struct record_ref now = {a->draft.log_no, value->number};
        if (!is_own_reference(a, epoch, &kind->fields[i], value)) {
            continue;
        }
        err = value->number < a->draft.seq ? place_now(a, value->number, &now) : TRIS_ERR_NOT_READY;
        if (err == TRIS_OK && (now.log_no != a->draft.log_no || now.seq != value->number)) {
            any = true;
            value->number = now.seq;
            err = epoch_of(a, now.log_no, &value->count);
        }
    }
    if (err != TRIS_OK || !any) {
        return err;
    }
    struct wbuf w = wbuf_of(a->out, sizeof a->out);
    err = record_encode(&a->record, &w);
    *payload = wbuf_span(&w);
    return err;
}

/* A record that the log brought, not one that was written here and waits for its seal. */
static bool came_back(const struct again *a, struct record_ref found)
{
    struct store_log log;
    return found.log_no == a->b->own[a->draft.topic].no &&
           store_log_get(store_txn_view(a->b->txn), found.log_no, &log) == TRIS_OK &&
           log.has_seal && found.seq < log.seal.size;
}

/* A new record: is it in the tail already? */
static enum tris_err look_for_twin(struct again *a, struct span payload)
{
    struct store_view *v = store_txn_view(a->b->txn);
    const uint32_t number = a->draft.header.kind;
    const struct kind *kind = schema_kind(number);
    struct record_ref found;
    uint64_t count = 0;
    if (number == KIND_HOUSE &&
        store_count_kind(v, a->b->own[a->draft.topic].no, KIND_HOUSE, &count) == TRIS_OK &&
        count > 0) {
        a->superfluous = true; /* each start of an empty store writes one */
        return TRIS_ERR_EXISTS;
    }
    if (a->forced || kind == NULL || record_decode(kind, payload, &a->record, NULL) != TRIS_OK) {
        return TRIS_OK;
    }
    struct span source_id = record_text(&a->record, "source_id");
    struct wbuf within = wbuf_of(a->within, sizeof a->within);
    enum tris_err err =
        source_id.len > 0
            ? store_find_source(v, number, record_text(&a->record, "source"), source_id, &found)
            : store_find_name(v, number, record_title(&a->record),
                              record_within(&a->record, &within), &found);
    if (err == TRIS_OK && !came_back(a, found)) {
        return TRIS_OK; /* a local one, or one that was there when this one was written */
    }
    return err == TRIS_OK || err == TRIS_ERR_AMBIGUOUS ? TRIS_ERR_EXISTS : TRIS_OK;
}

/* The record that a draft changes, where it is now. */
static enum tris_err find_record(const struct again *a, struct record_ref *ref)
{
    const struct entry_header *h = &a->draft.header;
    return h->has_record_epoch ? store_record_find(store_txn_view(a->b->txn), &a->b->d->own,
                                                   h->record_epoch, h->record_seq, ref)
                               : place_now(a, h->record_seq, ref);
}

/* Is `newest` the last entry about its record that the draft knew of? The first change in a later
 * epoch names none: then all of them are of former ones. */
static enum tris_err is_newest(const struct again *a, struct record_ref newest, bool *is)
{
    const struct entry_header *h = &a->draft.header;
    struct record_ref prev;
    uint32_t epoch = 0, drafts = 0;
    enum tris_err err;
    if (h->has_prev) {
        err = place_now(a, h->prev, &prev);
        *is = err == TRIS_OK && newest.log_no == prev.log_no && newest.seq == prev.seq;
        return err;
    }
    err = epoch_of(a, newest.log_no, &epoch);
    if (err == TRIS_OK) {
        err = epoch_of(a, a->draft.log_no, &drafts);
    }
    *is = err == TRIS_OK && h->has_record_epoch && epoch < drafts;
    return err;
}

/* A change of a record: is the record as it was when the draft was written? */
static enum tris_err look_at_record(const struct again *a, struct record_ref ref)
{
    struct store_view *v = store_txn_view(a->b->txn);
    struct store_record record;
    struct record_ref newest = {0, UINT64_MAX};
    bool is = false;
    enum tris_err err = store_record_get(v, ref, &record);
    if (err != TRIS_OK || record.ended) {
        return err != TRIS_OK ? err : TRIS_ERR_ENDED;
    }
    if (a->forced) {
        return TRIS_OK;
    }
    err = store_record_history(v, ref, &newest);
    if (err == TRIS_OK) {
        err = is_newest(a, newest, &is);
    }
    return err == TRIS_OK && !is ? TRIS_ERR_NOT_READY : err;
}

static enum tris_err look_at_card(struct again *a, struct span payload)
{
    struct span newest;
    struct rbuf r = rbuf_of(payload);
    (void)pack_read_map(&r, RECORD_FIELDS_MAX);
    (void)pack_read_uint(&r);
    struct span line = pack_read_str(&r, TRIS_HOUSE_LINE_BYTES_MAX);
    struct tris_log_ref gov;
    daemon_own_log(a->b->d, TRIS_TOPIC_GOV, &gov);
    enum tris_err err = store_house_card(store_txn_view(a->b->txn), &gov, &newest);
    a->superfluous = err == TRIS_OK && r.err == TRIS_OK && span_eq(newest, line);
    return a->superfluous ? TRIS_ERR_EXISTS : TRIS_OK;
}

static enum tris_err statement_at(struct store_view *v, struct record_ref at, struct statement *out)
{
    struct entry entry;
    struct entry_header header = {0};
    enum tris_err err = store_entry_get(v, at.log_no, at.seq, &entry);
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &header);
    }
    return err == TRIS_OK ? statement_decode(header.verb, entry.payload, false, out) : err;
}

static void statement_id(const struct statement *s, struct tris_hash *out)
{
    if (s->revoke) {
        revocation_id(&s->revocation, out);
    } else {
        opening_id(&s->opening, out);
    }
}

/* What one own gov log has stated already of the same epoch of the same house. */
static enum tris_err look_for_rival(struct again *a, const struct statement *s, uint32_t log_no)
{
    struct store_view *v = store_txn_view(a->b->txn);
    const struct tris_house_id about = s->revoke ? s->revocation.house : s->opening.house;
    const uint32_t epoch = s->revoke ? s->revocation.epoch : s->opening.epoch;
    struct statement other;
    struct tris_hash id, other_id;
    bool rival = false;
    enum tris_err err = TRIS_OK;
    statement_id(s, &id);
    for (uint64_t seq = 0; !a->superfluous; seq++) {
        err = store_statement_next(v, &about, log_no, &seq);
        if (err == TRIS_OK) {
            err = statement_at(v, (struct record_ref){log_no, seq}, &other);
        }
        if (err != TRIS_OK) {
            break;
        }
        statement_id(&other, &other_id);
        const uint32_t of = other.revoke ? other.revocation.epoch : other.opening.epoch;
        a->superfluous = other.revoke == s->revoke && tris_hash_eq(&id, &other_id);
        rival = rival || (other.revoke == s->revoke && of == epoch);
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    return a->superfluous || (rival && !a->forced) ? TRIS_ERR_EXISTS : TRIS_OK;
}

/* What is stated twice counts once; two different statements about one epoch are both valid, for
 * ever, and only a person knows whether both are meant. */
static enum tris_err look_at_statement(struct again *a, struct span payload)
{
    const uint32_t now = a->b->own[a->draft.topic].no;
    struct statement s;
    enum tris_err err = statement_decode(a->draft.header.verb, payload, false, &s);
    if (err == TRIS_OK) {
        err = look_for_rival(a, &s, now);
    }
    return err == TRIS_OK && a->draft.log_no != now ? look_for_rival(a, &s, a->draft.log_no) : err;
}

/* Writes it, or says why not. */
static enum tris_err write_again(struct again *a, uint64_t *seq)
{
    const struct entry_header *h = &a->draft.header;
    struct span payload = span_of(a->payload, a->payload_len);
    struct record_ref ref = {0, 0};
    enum tris_err err = TRIS_OK;
    if (payload.len == 0) {
        return TRIS_ERR_NOT_READY;
    }
    if (h->has_record) {
        err = find_record(a, &ref);
        err = err == TRIS_OK ? look_at_record(a, ref) : err;
    }
    if (err == TRIS_OK && h->verb == VERB_PUT) {
        err = map_references(a, &payload);
        if (err == TRIS_OK && !h->has_record) {
            err = look_for_twin(a, payload);
        }
        struct record_ref other;
        if (err == TRIS_OK) {
            err = rules_check(store_txn_view(a->b->txn), a->b->d->role, h->kind, payload,
                              h->has_record ? &ref : NULL, &other);
            err = err == TRIS_ERR_CONFLICT ? TRIS_ERR_EXISTS : err; /* one that the tail brought */
        }
    } else if (err == TRIS_OK && h->verb == VERB_CARD) {
        err = look_at_card(a, payload);
    } else if (err == TRIS_OK && (h->verb == VERB_ENDORSE || h->verb == VERB_REVOKE)) {
        err = look_at_statement(a, payload);
    }
    return err != TRIS_OK ? err
                          : batch_append(a->b, a->draft.topic, (enum entry_verb)h->verb, h->kind,
                                         h->has_record ? &ref : NULL, payload, seq);
}

static struct again *again_new(struct batch *b, const struct store_draft *draft, bool forced)
{
    struct again *a = malloc(sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->b = b;
    a->draft = *draft;
    a->forced = forced;
    a->superfluous = false;
    a->payload_len = draft->payload.len;
    tris_assert(draft->payload.len <= sizeof a->payload);
    if (draft->payload.len > 0) {
        memcpy(a->payload, draft->payload.ptr, draft->payload.len);
    }
    a->draft.payload = span_of(a->payload, a->payload_len);
    return a;
}

/* One waiting draft; what stands against it is noted with it. */
static enum tris_err settle(struct batch *b, const struct store_draft *draft)
{
    uint64_t seq = 0;
    struct again *a = again_new(b, draft, false);
    if (a == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = write_again(a, &seq);
    enum draft_state state = err == TRIS_OK   ? DRAFT_WRITTEN
                             : a->superfluous ? DRAFT_DROPPED
                                              : DRAFT_DECISION;
    free(a);
    if (store_txn_err(b->txn) != TRIS_OK) {
        return store_txn_err(b->txn);
    }
    if (state == DRAFT_WRITTEN) {
        imports_written(b->txn, draft->no, b->own[draft->topic].no, seq);
    }
    return store_draft_settle(b->txn, draft->no, state, err, seq);
}

static void reject(struct writer_result *r, enum tris_err err)
{
    r->change = WRITER_REJECTED;
    r->err = err;
}

void op_drafts(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    uint64_t no = op->base_seq;
    enum tris_err err = TRIS_OK;
    r->change = WRITER_CHANGED;
    for (uint32_t i = 0; i < DRAFT_STEP && err == TRIS_OK; i++) {
        struct store_draft draft;
        err = store_draft_next(store_txn_view(b->txn), &no, &draft);
        if (err == TRIS_OK && draft.state == DRAFT_WAITING) {
            err = settle(b, &draft);
        }
        r->seq = err == TRIS_OK ? no : r->seq;
    }
    if (err == TRIS_ERR_NOT_FOUND) {
        r->change = WRITER_UNCHANGED;
        err = draft_refs_follow(b);
    }
    if (err != TRIS_OK) {
        reject(r, err);
    }
}

static enum tris_err open_draft(struct batch *b, uint64_t no, struct store_draft *draft)
{
    enum tris_err err = store_draft_get(store_txn_view(b->txn), no, draft);
    if (err != TRIS_OK) {
        return err;
    }
    bool settled = draft->state == DRAFT_WRITTEN || draft->state == DRAFT_DROPPED;
    return settled ? TRIS_ERR_INVALID : TRIS_OK;
}

void op_draft_apply(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    struct store_draft draft;
    enum tris_err err = open_draft(b, op->base_seq, &draft);
    struct again *a = err == TRIS_OK ? again_new(b, &draft, true) : NULL;
    if (a == NULL) {
        reject(r, err != TRIS_OK ? err : TRIS_ERR_NO_MEMORY);
        return;
    }
    err = write_again(a, &r->seq);
    free(a);
    if (err == TRIS_OK) {
        imports_written(b->txn, draft.no, b->own[draft.topic].no, r->seq);
        err = store_draft_settle(b->txn, draft.no, DRAFT_WRITTEN, TRIS_OK, r->seq);
    }
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_NEW;
    r->record = (struct record_ref){b->own[draft.topic].no, r->seq};
}

void op_draft_drop(struct batch *b, const struct writer_op *op, struct writer_result *r)
{
    struct store_draft draft;
    enum tris_err err = open_draft(b, op->base_seq, &draft);
    if (err == TRIS_OK) {
        err = store_draft_settle(b->txn, draft.no, DRAFT_DROPPED, draft.reason, 0);
    }
    if (err != TRIS_OK) {
        reject(r, err);
        return;
    }
    r->change = WRITER_CHANGED;
}
