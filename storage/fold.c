/* Fold of entries into records, counters and indexes; see fold.h. */
#include "storage/fold.h"

#include "proto/assert.h"
#include "storage/epoch.h"
#include "storage/payload_rows.h"
#include "storage/target.h"

enum { END_REASON = 1, END_PUBLISHED_AS = 2, CARD_LINE = 1, FIELD_EXTENSION = 128 };

/* ---- judging ---- */

enum tris_err fold_card_line(struct span payload, struct span *line)
{
    struct rbuf r = rbuf_of(payload);
    r.err = pack_check(payload, PACK_CANONICAL);
    uint32_t pairs = pack_read_map(&r, TRIS_CONTAINER_ITEMS_MAX);
    uint64_t number = pairs > 0 ? pack_read_uint(&r) : 0;
    if (r.err == TRIS_OK && number == CARD_LINE) {
        *line = pack_read_str(&r, TRIS_HOUSE_LINE_BYTES_MAX);
    }
    if (r.err == TRIS_OK && (number != CARD_LINE || pairs != 1)) {
        return TRIS_ERR_BAD_VALUE;
    }
    return r.err;
}

static void judge_card(const struct head *head, struct span payload, struct fold *out)
{
    out->reason = fold_card_line(payload, &out->card);
    if (out->reason != TRIS_OK) {
        return;
    }
    const struct tris_log_ref *ref = &head->row.log.ref;
    struct house_line line;
    out->reason = house_line_parse(out->card, &line);
    if (out->reason == TRIS_OK &&
        (!tris_house_id_eq(&line.id, &ref->house) || line.epoch != ref->epoch ||
         !tris_sign_pub_eq(&line.key, &ref->seal_key))) {
        out->reason = TRIS_ERR_NOT_OWNER; /* another incarnation of the house is another owner */
    }
    out->card_ms = out->reason == TRIS_OK ? line.time_ms : 0;
}

static void judge_gov(const struct head *head, uint32_t verb, struct span payload, struct fold *out)
{
    if (verb == VERB_CARD) {
        judge_card(head, payload, out);
    } else if (target_verb(verb)) {
        out->reason = target_read(verb, payload, true, &out->about);
    }
}

/* seq, or [epoch, seq] */
static void read_published(struct rbuf *r)
{
    if (pack_peek(r) == PACK_ARRAY) {
        if (pack_read_array(r, 2) != 2) {
            rbuf_fail(r, TRIS_ERR_BAD_VALUE);
        }
        (void)pack_read_uint_max(r, UINT32_MAX);
    }
    (void)pack_read_uint(r);
}

/* {1: reason code, 2: published_as}, both optional; numbers from 128 up are ignored. */
static enum tris_err judge_end(struct span payload, uint32_t *reason)
{
    struct rbuf r = rbuf_of(payload);
    r.err = pack_check(payload, PACK_CANONICAL);
    uint32_t pairs = pack_read_map(&r, TRIS_CONTAINER_ITEMS_MAX);
    for (uint32_t i = 0; i < pairs && r.err == TRIS_OK; i++) {
        uint64_t number = pack_read_uint(&r);
        if (number == END_REASON) {
            *reason = (uint32_t)pack_read_uint_max(&r, UINT32_MAX);
        } else if (number == END_PUBLISHED_AS) {
            read_published(&r);
        } else if (number >= FIELD_EXTENSION) {
            (void)pack_read_any(&r, PACK_CANONICAL);
        } else {
            rbuf_fail(&r, TRIS_ERR_BAD_VALUE);
        }
    }
    return rbuf_finish(&r);
}

/* The record that the header names, if it is one of this log or of an earlier epoch's. */
static enum tris_err find_record(struct store_txn *t, const struct head *head, uint64_t seq,
                                 const struct entry_header *header, struct fold *out)
{
    enum tris_err err = epoch_record(&t->view, &head->row.log, seq, header, &out->ref);
    if (err == TRIS_OK) {
        err = view_record_row(&t->view, out->ref, &out->old);
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
    }
    out->names = err == TRIS_OK;
    return err;
}

static enum tris_err judge_header(struct store_txn *t, uint32_t no,
                                  const struct entry_header *header, const struct fold *fold)
{
    if (header->verb != VERB_PUT && header->verb != VERB_END) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (fields_find(&t->s->plans, header->kind) == NULL) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (!header->has_record) {
        return header->verb == VERB_END ? TRIS_ERR_NOT_FOUND
               : header->has_prev       ? TRIS_ERR_NOT_NEXT
                                        : TRIS_OK;
    }
    if (header->kind != fold->old.kind) {
        return TRIS_ERR_BAD_VALUE;
    }
    /* `prev` speaks of this log alone: the first change in an epoch has none */
    const bool here = fold->old.named.log_no == no;
    if (header->has_prev != here || (here && header->prev != fold->old.named.seq)) {
        return TRIS_ERR_NOT_NEXT;
    }
    return fold->old.ended ? TRIS_ERR_ENDED : TRIS_OK;
}

static void judge_record(struct store_txn *t, const struct head *head, uint64_t seq,
                         const struct entry *entry, const struct entry_header *header,
                         struct fold *out)
{
    out->ref = (struct record_ref){head->row.log.no, seq};
    enum tris_err err = TRIS_OK;
    if (header->has_record) {
        err = find_record(t, head, seq, header, out);
    }
    if (err == TRIS_OK) {
        err = judge_header(t, head->row.log.no, header, out);
    }
    if (err == TRIS_OK) {
        out->plan = fields_find(&t->s->plans, header->kind);
        if (header->verb == VERB_PUT) {
            struct record *record = view_record(&t->view);
            err = record_decode(out->plan->kind, entry->payload, record, NULL);
            out->record = record;
        } else {
            err = judge_end(entry->payload, &out->end_reason);
        }
    }
    out->reason = err;
}

void fold_judge(struct store_txn *t, const struct head *head, uint64_t seq,
                const struct entry *entry, const struct entry_header *header, struct fold *out)
{
    out->reason = TRIS_ERR_BAD_VALUE;
    tris_assert(entry->whole);
    out->names = false;
    out->end_reason = 0;
    if (header->version != ENTRY_VERSION) {
        out->reason = TRIS_ERR_BAD_VERSION;
    } else if (head->row.log.ref.topic != TRIS_TOPIC_GOV) {
        judge_record(t, head, seq, entry, header, out);
    } else if (!header->has_record && !header->has_prev) {
        judge_gov(head, header->verb, entry->payload, out);
    }
}

/* ---- applying ---- */

void fold_put_record(struct store_txn *t, struct record_ref ref, const struct record_row *row)
{
    struct key key;
    uint8_t bytes[ROW_RECORD_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    key_log_seq(&key, ref.log_no, ref.seq);
    row_record_encode(&w, ref.log_no, row);
    tris_assert(w.err == TRIS_OK);
    txn_append(t, DB_RECORD, &key, wbuf_span(&w));
}

void fold_count_record(struct store_txn *t, const struct record_row *row, int64_t change)
{
    if (row->scope != SCOPE_NATIONAL || row->kind != KIND_PARTNER || !txn_ok(t)) {
        return;
    }
    enum tris_err err = delta_add_partner(&t->deltas, &row->dims, change);
    if (err != TRIS_OK) {
        txn_fail(t, err);
    }
}

/* Those of a record's present state, decoded from its last effective put. */
static bool old_payload_rows(struct store_txn *t, const struct head *head, const struct fold *fold,
                             struct payload_rows *out)
{
    struct entry entry;
    enum tris_err err = store_entry_get(&t->view, fold->old.put.log_no, fold->old.put.seq, &entry);
    if (err == TRIS_OK) {
        err = record_decode(fold->plan->kind, entry.payload, t->old_record, NULL);
    }
    if (err != TRIS_OK) {
        txn_fail(t, TRIS_ERR_CORRUPT);
        return false;
    }
    payload_rows_of(head, fold->plan, t->old_record, fold->ref, out);
    return true;
}

static void apply_create(struct store_txn *t, const struct head *head,
                         const struct entry_header *header, const struct fold *fold)
{
    const struct store_log *log = &head->row.log;
    struct record_row row = {
        .kind = header->kind,
        .scope = log->ref.topic == TRIS_TOPIC_LOCAL ? SCOPE_LOCAL : SCOPE_NATIONAL,
        .put = fold->ref,
        .effective = fold->ref,
        .named = fold->ref,
        .created_ms = header->time_ms,
        .updated_ms = header->time_ms,
        .changes = 1,
    };
    fields_dims(fold->plan, fold->record, &row.dims);
    fold_put_record(t, fold->ref, &row);
    fold_count_record(t, &row, 1);
    txn_count(t, COUNT_KIND, log->no, row.kind, 1);
    struct key key;
    key_region(&key, row.kind, row.dims.region, fold->ref);
    txn_append(t, DB_REGION, &key, span_of(NULL, 0));
    if (payload_rows_any(head, fold->plan)) {
        struct payload_rows rows;
        payload_rows_of(head, fold->plan, fold->record, fold->ref, &rows);
        payload_rows_update(t, head, NULL, &rows);
    }
}

/* What every effective change of a record leaves in its row; and, where it is the first one of its
 * log, the way back. */
static void note_change(struct store_txn *t, struct record_row *row,
                        const struct entry_header *header, struct record_ref at)
{
    if (row->named.log_no != at.log_no) {
        struct key key;
        uint8_t bytes[ROW_CROSS_BYTES];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        row_cross_encode(&w, &(struct cross_row){row->named, row->put});
        key_log_seq(&key, at.log_no, at.seq);
        txn_put(t, DB_CROSS, key_span(&key), wbuf_span(&w));
    }
    row->effective = at;
    row->named = at;
    row->updated_ms = header->time_ms;
    row->changes++;
}

static void apply_put(struct store_txn *t, const struct head *head, uint64_t seq,
                      const struct entry_header *header, const struct fold *fold)
{
    if (payload_rows_any(head, fold->plan)) {
        struct payload_rows before;
        struct payload_rows after;
        /* first, while the old payload is where the row says */
        payload_rows_of(head, fold->plan, fold->record, fold->ref, &after);
        if (!old_payload_rows(t, head, fold, &before)) {
            return;
        }
        payload_rows_update(t, head, &before, &after);
    }
    struct record_row row = fold->old;
    fields_dims(fold->plan, fold->record, &row.dims);
    note_change(t, &row, header, (struct record_ref){head->row.log.no, seq});
    row.put = row.effective;
    fold_put_record(t, fold->ref, &row);
    fold_count_record(t, &fold->old, -1);
    fold_count_record(t, &row, 1);
    if (strcmp(row.dims.region, fold->old.dims.region) != 0) {
        struct key key;
        key_region(&key, row.kind, fold->old.dims.region, fold->ref);
        txn_del(t, DB_REGION, key_span(&key));
        key_region(&key, row.kind, row.dims.region, fold->ref);
        txn_put(t, DB_REGION, key_span(&key), span_of(NULL, 0));
    }
}

static void apply_end(struct store_txn *t, const struct head *head, uint64_t seq,
                      const struct entry_header *header, const struct fold *fold)
{
    if (payload_rows_any(head, fold->plan)) {
        struct payload_rows before;
        if (!old_payload_rows(t, head, fold, &before)) {
            return;
        }
        payload_rows_update(t, head, &before, NULL);
    }
    struct record_row row = fold->old;
    row.ended = true;
    row.end_reason = fold->end_reason;
    note_change(t, &row, header, (struct record_ref){head->row.log.no, seq});
    fold_put_record(t, fold->ref, &row);
    fold_count_record(t, &fold->old, -1);
    txn_count(t, COUNT_KIND, fold->ref.log_no, row.kind, -1);
}

/* Every card has a row; which one counts is seen when it is asked for. */
static void apply_card(struct store_txn *t, const struct head *head, uint64_t seq,
                       const struct fold *fold)
{
    struct key key;
    key_card(&key, head->row.log.no, fold->card_ms, seq);
    txn_put(t, DB_CARD, key_span(&key), span_of(NULL, 0));
}

/* No effect, but the record's chain of entries goes on. */
static void apply_inert(struct store_txn *t, const struct head *head, uint64_t seq,
                        const struct fold *fold)
{
    struct key key;
    uint8_t bytes[ROW_INERT_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    const uint32_t no = head->row.log.no;
    struct inert_row inert = {.reason = fold->reason,
                              .names = fold->names,
                              .prev = {no, SEQ_NONE},
                              .put = {no, SEQ_NONE}};
    if (fold->names) {
        inert.prev = fold->old.named;
        inert.put = fold->old.put;
    }
    row_inert_encode(&w, no, &inert);
    tris_assert(w.err == TRIS_OK);
    key_log_seq(&key, no, seq);
    txn_append(t, DB_INERT, &key, wbuf_span(&w));
    txn_count(t, COUNT_INERT, no, 0, 1);
    txn_count(t, COUNT_INERT_ALL, 0, 0, 1);
    if (fold->names) {
        struct record_row row = fold->old;
        row.named = (struct record_ref){no, seq};
        fold_put_record(t, fold->ref, &row);
    }
}

void fold_apply(struct store_txn *t, const struct head *head, uint64_t seq,
                const struct entry_header *header, const struct fold *fold)
{
    if (!txn_ok(t)) {
        return;
    }
    if (fold->reason != TRIS_OK) {
        apply_inert(t, head, seq, fold);
    } else if (header->verb == VERB_CARD) {
        apply_card(t, head, seq, fold);
    } else if (target_verb(header->verb)) {
        target_put(t, &fold->about, (struct record_ref){head->row.log.no, seq}, header->verb);
    } else if (header->verb == VERB_END) {
        apply_end(t, head, seq, header, fold);
    } else if (header->has_record) {
        apply_put(t, head, seq, header, fold);
    } else {
        apply_create(t, head, header, fold);
    }
}
