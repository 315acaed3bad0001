/* Drafts: own entries that were taken back, kept until they are written again, and the table that
 * leads from where an entry stood to where it stands. */
#include "storage/draft.h"

#include "proto/assert.h"
#include "storage/log.h"

/* ---- reading ---- */

enum tris_err draft_row_get(const struct store_view *v, uint64_t no, struct draft_row *out)
{
    struct key key;
    struct span value;
    key_draft(&key, no);
    enum tris_err err = view_get(v, DB_DRAFT, key_span(&key), &value);
    return err == TRIS_OK ? row_draft_decode(value, out) : err;
}

static enum tris_err draft_fill(uint64_t no, const struct draft_row *row, struct store_draft *out)
{
    *out = (struct store_draft){.no = no,
                                .topic = row->topic,
                                .log_no = row->at.log_no,
                                .seq = row->at.seq,
                                .cut = row->cut,
                                .payload = row->payload,
                                .state = row->state,
                                .reason = row->reason,
                                .new_log = row->now.log_no,
                                .new_seq = row->now.seq};
    enum tris_err err = entry_header_decode(row->header, &out->header);
    return err == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

enum tris_err store_draft_get(struct store_view *v, uint64_t no, struct store_draft *out)
{
    struct draft_row row;
    enum tris_err err = draft_row_get(v, no, &row);
    return err == TRIS_OK ? draft_fill(no, &row, out) : err;
}

enum tris_err store_draft_next(struct store_view *v, uint64_t *no, struct store_draft *out)
{
    MDB_cursor *cursor = NULL;
    struct key wanted;
    struct span value;
    struct draft_row row;
    if (*no == UINT64_MAX) {
        return TRIS_ERR_NOT_FOUND;
    }
    key_draft(&wanted, *no + 1);
    struct span key = key_span(&wanted);
    enum tris_err err = view_cursor(v, DB_DRAFT, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    if (err == TRIS_OK && !key_read_draft(key, no)) {
        err = TRIS_ERR_CORRUPT;
    }
    mdb_cursor_close(cursor);
    if (err == TRIS_OK) {
        err = row_draft_decode(value, &row);
    }
    return err == TRIS_OK ? draft_fill(*no, &row, out) : err;
}

/* The draft at one end of an alias. */
static enum tris_err alias_draft(const struct store_view *v, enum alias_way way,
                                 struct record_ref place, uint64_t *draft)
{
    struct key key;
    struct span value;
    key_alias(&key, way, place);
    enum tris_err err = view_get(v, DB_ALIAS, key_span(&key), &value);
    if (err != TRIS_OK) {
        return err;
    }
    struct rbuf r = rbuf_of(value);
    *draft = rbuf_u64(&r);
    return rbuf_finish(&r) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

/* The draft that draft *no has become in the end: each was written, and taken back once more. */
static enum tris_err draft_last(const struct store_view *v, uint64_t *no, struct draft_row *row)
{
    enum tris_err err = draft_row_get(v, *no, row);
    while (err == TRIS_OK && row->later > *no) {
        *no = row->later;
        err = draft_row_get(v, *no, row);
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
}

enum tris_err store_draft_place(struct store_view *v, const struct store_draft *draft, uint64_t seq,
                                struct record_ref *now)
{
    struct draft_row row;
    *now = (struct record_ref){draft->log_no, seq};
    if (seq >= draft->seq) {
        return TRIS_ERR_INVALID;
    }
    if (seq < draft->cut) {
        return TRIS_OK; /* it was sealed, and stays there as long as anything can be written */
    }
    const uint64_t back = draft->seq - seq; /* drafts of one cut are as far apart as their places */
    uint64_t no = draft->no - back;
    enum tris_err err = back < draft->no ? draft_last(v, &no, &row) : TRIS_ERR_CORRUPT;
    if (err == TRIS_OK && row.state == DRAFT_WRITTEN) {
        *now = row.now;
    }
    return err == TRIS_OK && row.state != DRAFT_WRITTEN ? TRIS_ERR_NOT_READY : err;
}

enum tris_err store_alias_get(struct store_view *v, struct record_ref former,
                              struct record_ref *now, uint64_t *draft)
{
    struct draft_row row;
    uint64_t no = 0;
    enum tris_err err = alias_draft(v, ALIAS_FORMER, former, &no);
    if (err != TRIS_OK) {
        return err;
    }
    err = draft_last(v, &no, &row);
    if (err != TRIS_OK) {
        return err;
    }
    *now = row.now;
    if (draft != NULL) {
        *draft = no;
    }
    return row.state == DRAFT_WRITTEN ? TRIS_OK : TRIS_ERR_NOT_READY;
}

enum tris_err draft_place_is_own(struct store_view *v, enum tris_topic topic,
                                 struct record_ref place, bool *is)
{
    struct log_row log;
    enum tris_err err = view_log_row(v, place.log_no, &log);
    *is = err == TRIS_OK && log.log.own && log.log.ref.topic == topic && place.seq < log.log.held;
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* ---- writing ---- */

/* `row` must not point into the scratch that this encodes to, nor is it used after. */
static void put_draft(struct store_txn *t, uint64_t no, const struct draft_row *row)
{
    struct key key;
    struct wbuf w = wbuf_of(t->wire, TXN_WIRE_BYTES);
    row_draft_encode(&w, row);
    tris_assert(w.err == TRIS_OK);
    key_draft(&key, no);
    txn_append(t, DB_DRAFT, &key, wbuf_span(&w));
}

static void put_alias(struct store_txn *t, enum alias_way way, struct record_ref place,
                      uint64_t draft)
{
    struct key key;
    uint8_t bytes[8];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    wbuf_u64(&w, draft);
    key_alias(&key, way, place);
    txn_put(t, DB_ALIAS, key_span(&key), wbuf_span(&w));
}

enum tris_err store_draft_settle(struct store_txn *t, uint64_t no, enum draft_state state,
                                 enum tris_err reason, uint64_t new_seq)
{
    struct draft_row row;
    struct record_ref now = {0, new_seq};
    bool there = false;
    uint64_t other;
    if (!txn_ok(t)) {
        return t->err;
    }
    enum tris_err err = draft_row_get(&t->view, no, &row);
    if (err == TRIS_OK) {
        err = store_own_log(&t->view, row.topic, &now.log_no);
    }
    if (err == TRIS_OK) {
        err = draft_place_is_own(&t->view, row.topic, now, &there);
    }
    if (err != TRIS_OK) {
        return err;
    }
    const bool written = state == DRAFT_WRITTEN;
    if (row.state == DRAFT_WRITTEN || row.state == DRAFT_DROPPED || (written && !there)) {
        return TRIS_ERR_INVALID;
    }
    if (written && alias_draft(&t->view, ALIAS_PRESENT, now, &other) != TRIS_ERR_NOT_FOUND) {
        return TRIS_ERR_INVALID; /* one entry cannot be two drafts */
    }
    row.state = state;
    row.reason = written ? TRIS_OK : reason;
    row.now = written ? now : (struct record_ref){0, 0};
    if (written || state == DRAFT_DROPPED) {
        row.salt = row.payload = span_of(NULL, 0);
    }
    put_draft(t, no, &row);
    if (written) {
        put_alias(t, ALIAS_PRESENT, now, no);
    }
    return t->err;
}

/* If an entry is a draft that was written again: takes that back. `later`: the draft that it
 * becomes now; 0: it is dropped. */
static void unwrite(struct store_txn *t, struct record_ref place, uint64_t later)
{
    struct key key;
    struct draft_row row;
    uint64_t no = 0;
    enum tris_err err = alias_draft(&t->view, ALIAS_PRESENT, place, &no);
    if (err == TRIS_ERR_NOT_FOUND) {
        return;
    }
    if (err == TRIS_OK) {
        err = draft_row_get(&t->view, no, &row);
    }
    if (err != TRIS_OK) {
        txn_fail(t, TRIS_ERR_CORRUPT);
        return;
    }
    row.later = later;
    row.state = later != 0 ? DRAFT_WRITTEN : DRAFT_DROPPED;
    put_draft(t, no, &row);
    key_alias(&key, ALIAS_PRESENT, place);
    txn_del(t, DB_ALIAS, key_span(&key));
}

void draft_keep(struct store_txn *t, const struct store_log *log, uint64_t size)
{
    const uint64_t sealed = log->has_seal ? log->seal.size : 0;
    struct key last;
    uint64_t no = 0;
    enum tris_err err = txn_ok(t) ? view_last_key(&t->view, DB_DRAFT, &last) : t->err;
    if (err == TRIS_OK && !key_read_draft(key_span(&last), &no)) {
        err = TRIS_ERR_CORRUPT;
    }
    err = err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
    for (uint64_t seq = size; seq < log->held && err == TRIS_OK && txn_ok(t); seq++) {
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        struct entry entry;
        struct entry_header header;
        err = store_entry_get(&t->view, log->no, seq, &entry);
        if (err == TRIS_OK) {
            err = entry_open(&entry, &log->id, seq, &w, &header, NULL);
        }
        if (err != TRIS_OK) {
            break;
        }
        const struct record_ref place = {log->no, seq};
        /* what others held of a former epoch is not simply written again */
        const bool waits = entry.whole && (log->current || seq >= sealed);
        put_draft(t, ++no,
                  &(struct draft_row){.topic = log->ref.topic,
                                      .at = place,
                                      .cut = size,
                                      .state = waits ? DRAFT_WAITING : DRAFT_DECISION,
                                      .reason = waits         ? TRIS_OK
                                                : entry.whole ? TRIS_ERR_FORK
                                                              : TRIS_ERR_NOT_READY,
                                      .header = wbuf_span(&w),
                                      .salt = entry.salt,
                                      .payload = entry.payload});
        put_alias(t, ALIAS_FORMER, place, no);
        unwrite(t, place, no);
    }
    if (err != TRIS_OK) {
        txn_fail(t, err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err);
        return;
    }
    draft_trim(t);
}

void draft_forget(struct store_txn *t, const struct store_log *log, uint64_t size)
{
    for (uint64_t seq = size; seq < log->held && txn_ok(t); seq++) {
        unwrite(t, (struct record_ref){log->no, seq}, 0);
    }
}
