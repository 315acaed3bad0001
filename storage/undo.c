/* The fold backwards: takes back what the last entry of a log did to the views; see fold.h.
 *
 * What an entry replaced is read where it came from: the state of a record before a change is in
 * the payload of the put before it, which the chain of entries leads to in one step. */
#include "proto/assert.h"
#include "storage/epoch.h"
#include "storage/fold.h"
#include "storage/payload_rows.h"
#include "storage/target.h"

/* A state of a record: what its payload put into indexes and counters. */
struct state {
    uint64_t time_ms;
    struct partner_dims dims;
    struct payload_rows rows;
};

struct undo {
    struct store_txn *t;
    const struct head *head;
    uint64_t seq;
    struct record_ref ref;
    struct record_row row; /* as the entry left it */
};

/* The row of the record that the entry creates or names. */
static bool find_row(struct undo *u, const struct entry_header *header)
{
    u->ref = (struct record_ref){u->head->row.log.no, u->seq};
    enum tris_err err = TRIS_OK;
    if (header->has_record) {
        err = epoch_record(&u->t->view, &u->head->row.log, u->seq, header, &u->ref);
    }
    if (err == TRIS_OK) {
        err = view_record_row(&u->t->view, u->ref, &u->row);
    }
    if (err == TRIS_OK &&
        (u->row.named.log_no != u->head->row.log.no || u->row.named.seq != u->seq)) {
        err = TRIS_ERR_CORRUPT;
    }
    if (err != TRIS_OK) {
        txn_fail(u->t, err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err);
    }
    return err == TRIS_OK;
}

/* Reads a put of the record again. */
static bool state_at(struct undo *u, struct record_ref put, struct state *out)
{
    struct store_txn *t = u->t;
    struct entry entry;
    struct entry_header header = {0};
    const struct fields_plan *plan = fields_find(&t->s->plans, u->row.kind);
    enum tris_err err = store_entry_get(&t->view, put.log_no, put.seq, &entry);
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &header);
    }
    if (err == TRIS_OK && plan != NULL) {
        err = record_decode(plan->kind, entry.payload, t->old_record, NULL);
    }
    if (err != TRIS_OK || plan == NULL) {
        txn_fail(t, TRIS_ERR_CORRUPT);
        return false;
    }
    out->time_ms = header.time_ms;
    fields_dims(plan, t->old_record, &out->dims);
    payload_rows_of(u->head, plan, t->old_record, u->ref, &out->rows);
    return true;
}

static void undo_create(struct undo *u, const struct entry_header *header)
{
    struct store_txn *t = u->t;
    struct state now;
    struct key key;
    if (!find_row(u, header) || !state_at(u, u->ref, &now)) {
        return;
    }
    key_log_seq(&key, u->ref.log_no, u->ref.seq);
    txn_del(t, DB_RECORD, key_span(&key));
    key_region(&key, u->row.kind, u->row.dims.region, u->ref);
    txn_del(t, DB_REGION, key_span(&key));
    fold_count_record(t, &u->row, -1);
    txn_count(t, COUNT_KIND, u->ref.log_no, u->row.kind, -1);
    payload_rows_update(t, u->head, &now.rows, NULL);
}

/* The row as it was before an effective change whose predecessors are known. */
static struct record_row row_before(const struct undo *u, struct record_ref prev,
                                    struct record_ref put, const struct state *before)
{
    struct record_row row = u->row;
    row.ended = false;
    row.end_reason = 0;
    row.put = put;
    row.effective = put; /* an end is never followed by an effective change */
    row.named = prev;
    row.updated_ms = before->time_ms;
    row.dims = before->dims;
    row.changes--;
    return row;
}

static void undo_put(struct undo *u, struct record_ref prev, struct record_ref put)
{
    struct store_txn *t = u->t;
    struct state now;
    struct state before;
    if (!state_at(u, u->row.put, &now) || !state_at(u, put, &before)) {
        return;
    }
    const struct record_row row = row_before(u, prev, put, &before);
    fold_put_record(t, u->ref, &row);
    fold_count_record(t, &u->row, -1);
    fold_count_record(t, &row, 1);
    payload_rows_update(t, u->head, &now.rows, &before.rows);
    if (strcmp(row.dims.region, u->row.dims.region) != 0) {
        struct key key;
        key_region(&key, row.kind, u->row.dims.region, u->ref);
        txn_del(t, DB_REGION, key_span(&key));
        key_region(&key, row.kind, row.dims.region, u->ref);
        txn_put(t, DB_REGION, key_span(&key), span_of(NULL, 0));
    }
}

static void undo_end(struct undo *u, struct record_ref prev, struct record_ref put)
{
    struct store_txn *t = u->t;
    struct state before;
    if (!state_at(u, put, &before)) {
        return;
    }
    const struct record_row row = row_before(u, prev, put, &before);
    fold_put_record(t, u->ref, &row);
    fold_count_record(t, &row, 1);
    txn_count(t, COUNT_KIND, u->ref.log_no, row.kind, 1);
    payload_rows_update(t, u->head, NULL, &before.rows);
}

static void undo_change(struct undo *u, const struct entry_header *header)
{
    const uint32_t no = u->head->row.log.no;
    struct record_ref prev;
    struct record_ref put;
    struct key key;
    if (!find_row(u, header)) {
        return;
    }
    enum tris_err err = view_put_before(&u->t->view, no, u->seq, &prev, &put);
    if (err != TRIS_OK) {
        txn_fail(u->t, err);
    } else if (header->verb == VERB_END) {
        undo_end(u, prev, put);
    } else {
        undo_put(u, prev, put);
    }
    if (!header->has_prev) {
        key_log_seq(&key, no, u->seq);
        txn_del(u->t, DB_CROSS, key_span(&key));
    }
}

static void undo_card(struct undo *u, struct span payload)
{
    struct house_line line;
    struct span text;
    struct key key;
    enum tris_err err = fold_card_line(payload, &text);
    if (err == TRIS_OK) {
        err = house_line_parse(text, &line);
    }
    if (err != TRIS_OK) {
        txn_fail(u->t, TRIS_ERR_CORRUPT);
        return;
    }
    key_card(&key, u->head->row.log.no, line.time_ms, u->seq);
    txn_del(u->t, DB_CARD, key_span(&key));
}

static void undo_gov(struct undo *u, uint32_t verb, struct span payload)
{
    struct tris_house_id about;
    if (!target_verb(verb)) {
        undo_card(u, payload);
    } else if (target_read(verb, payload, false, &about) != TRIS_OK) {
        txn_fail(u->t, TRIS_ERR_CORRUPT);
    } else {
        target_del(u->t, &about, (struct record_ref){u->head->row.log.no, u->seq});
    }
}

static void undo_inert(struct undo *u, const struct entry_header *header,
                       const struct inert_row *inert)
{
    struct store_txn *t = u->t;
    struct key key;
    const uint32_t no = u->head->row.log.no;
    key_log_seq(&key, no, u->seq);
    if (inert->names && find_row(u, header)) {
        u->row.named = inert->prev;
        fold_put_record(t, u->ref, &u->row);
    }
    txn_del(t, DB_INERT, key_span(&key));
    txn_count(t, COUNT_INERT, no, 0, -1);
    txn_count(t, COUNT_INERT_ALL, 0, 0, -1);
}

void fold_undo(struct store_txn *t, const struct head *head, uint64_t seq)
{
    struct undo u = {.t = t, .head = head, .seq = seq};
    struct entry entry;
    struct entry_header header;
    struct inert_row inert;
    if (!txn_ok(t)) {
        return;
    }
    enum tris_err err = store_entry_get(&t->view, head->row.log.no, seq, &entry);
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &header);
    }
    if (err != TRIS_OK || !entry.whole) {
        txn_fail(t, TRIS_ERR_CORRUPT);
        return;
    }
    err = view_inert(&t->view, head->row.log.no, seq, &inert);
    if (err == TRIS_OK) {
        undo_inert(&u, &header, &inert);
    } else if (err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
    } else if (head->row.log.ref.topic == TRIS_TOPIC_GOV) {
        undo_gov(&u, header.verb, entry.payload);
    } else if (header.has_record) {
        undo_change(&u, &header);
    } else {
        undo_create(&u, &header);
    }
}
