/* Holes: entries that came without their payload. Views end before the first one that counts, so
 * that equal roots are equal views. When a payload comes later, they go on, and every table is as
 * if it had come with its entry. */
#include "proto/assert.h"
#include "storage/epoch.h"
#include "storage/log.h"

/* ---- which there are ---- */

/* The first hole from `seq` on that nothing justifies. Here is the place to ask whether an erase
 * entry of the house does: none is read yet (FORMAT.md), so every hole counts. */
static enum tris_err next_unjustified(MDB_cursor *cursor, uint32_t no, uint64_t seq, uint64_t *out)
{
    struct key from;
    struct span value;
    uint32_t found = 0;
    key_log_seq(&from, no, seq);
    struct span key = key_span(&from);
    enum tris_err err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    if (err == TRIS_OK && !key_read_log_seq(key, &found, out)) {
        err = TRIS_ERR_CORRUPT;
    }
    return err == TRIS_OK && found != no ? TRIS_ERR_NOT_FOUND : err;
}

enum tris_err store_holes(struct store_view *v, uint32_t no, uint64_t until, struct msg_run *out,
                          size_t max, size_t *count)
{
    struct log_row row;
    MDB_cursor *cursor = NULL;
    uint64_t seq = 0;
    uint64_t entries = 0;
    *count = 0;
    enum tris_err err = view_log_row(v, no, &row);
    if (err != TRIS_OK || row.first_hole == SEQ_NONE) {
        return err;
    }
    err = view_cursor(v, DB_HOLE, &cursor);
    if (err == TRIS_OK) {
        err = next_unjustified(cursor, no, row.first_hole, &seq);
    }
    while (err == TRIS_OK && seq < until && entries < HOLES_MAX) {
        struct msg_run *last = *count > 0 ? &out[*count - 1] : NULL;
        if (last != NULL && last->first + last->count == seq) {
            last->count++;
        } else if (*count == max) {
            break;
        } else {
            out[(*count)++] = (struct msg_run){seq, 1};
        }
        entries++;
        err = next_unjustified(cursor, no, seq + 1, &seq);
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_hole_row(struct store_view *v, uint32_t no, uint64_t seq, struct wbuf *rows)
{
    struct entry entry;
    enum tris_err err = store_entry_get(v, no, seq, &entry);
    if (err != TRIS_OK || !entry.whole) {
        return err != TRIS_OK ? err : TRIS_ERR_NOT_FOUND;
    }
    if (rows->cap - rows->len < entry.payload.len + MSG_HOLE_BYTES_MAX - TRIS_PAYLOAD_BYTES_MAX) {
        return TRIS_ERR_NO_SPACE;
    }
    struct msg_hole row = {.seq = seq, .payload = entry.payload};
    memcpy(row.salt.b, entry.salt.ptr, sizeof row.salt.b);
    msg_row_put(rows, MSG_ROW_hole, &row);
    return rows->err;
}

/* ---- filling ---- */

static bool is_hole(struct store_txn *t, uint32_t no, uint64_t seq)
{
    struct key key;
    struct span value;
    key_log_seq(&key, no, seq);
    return txn_get(t, DB_HOLE, key_span(&key), &value);
}

/* The entry in whole form; into t->wire. */
static enum tris_err fill_wire(struct store_txn *t, uint32_t no, const struct msg_hole *row,
                               struct wbuf *out)
{
    struct entry entry;
    struct tris_salt salt;
    *out = wbuf_of(t->wire, TRIS_ENTRY_WIRE_BYTES_MAX);
    memcpy(salt.b, row->salt.b, sizeof salt.b);
    enum tris_err err = store_entry_get(&t->view, no, row->seq, &entry);
    if (err == TRIS_OK) {
        err = entry.whole ? TRIS_ERR_CORRUPT : entry_wire_fill(out, &entry, &salt, row->payload);
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
}

/* All of a message or nothing of it. */
static enum tris_err check_all(struct store_txn *t, uint32_t no, struct span rows, uint32_t count)
{
    struct rbuf r = rbuf_of(rows);
    for (uint32_t i = 0; i < count; i++) {
        struct msg_hole row;
        struct wbuf wire;
        msg_row_get(&r, MSG_ROW_hole, &row);
        if (r.err != TRIS_OK) {
            return r.err;
        }
        enum tris_err err = is_hole(t, no, row.seq) ? fill_wire(t, no, &row, &wire) : TRIS_OK;
        if (err != TRIS_OK) {
            return err;
        }
    }
    return rbuf_finish(&r);
}

/* The entry has become longer by `bytes` (modulo 2^64: a short payload is less than its
 * commitment), and with it the run of the seal that covers it. */
static void lengthen(struct store_txn *t, struct head *head, uint64_t seq, uint64_t bytes)
{
    struct log_row *row = &head->row;
    struct key key;
    struct span value;
    struct seal covering;
    struct seal_row seal;
    head->dirty = true;
    row->bytes += bytes;
    if (!row->log.has_seal || seq >= row->log.seal.size) {
        row->open_bytes += bytes;
        return;
    }
    enum tris_err err = store_seal_covering(&t->view, row->log.no, seq, &covering);
    if (err == TRIS_OK) {
        key_log_seq(&key, row->log.no, covering.size);
        err = view_get(&t->view, DB_SEAL, key_span(&key), &value);
    }
    if (err == TRIS_OK) {
        err = row_seal_decode(value, &row->log.id, covering.size, &seal);
    }
    if (err != TRIS_OK) {
        txn_fail(t, err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err);
        return;
    }
    seal.bytes += bytes;
    log_put_seal_row(t, row->log.no, &seal);
}

static void make_whole(struct store_txn *t, struct head *head, const struct msg_hole *row)
{
    struct key key;
    struct span old;
    struct wbuf wire;
    enum tris_err err = fill_wire(t, head->row.log.no, row, &wire);
    if (err != TRIS_OK) {
        txn_fail(t, err);
        return;
    }
    key_log_seq(&key, head->row.log.no, row->seq);
    if (txn_get(t, DB_ENTRY, key_span(&key), &old)) {
        const uint64_t before = old.len;
        txn_put(t, DB_ENTRY, key_span(&key), wbuf_span(&wire));
        txn_del(t, DB_HOLE, key_span(&key));
        lengthen(t, head, row->seq, wire.len - before);
    }
}

/* What views know ends before a hole: they go on to the next one. */
static void fold_on(struct store_txn *t, struct head *head, uint64_t end)
{
    for (uint64_t seq = head->row.first_hole; seq < end && txn_ok(t); seq++) {
        log_fold_stored(t, head, seq);
    }
}

/* The first hole that counts now, and the root before it. */
static void settle(struct store_txn *t, struct head *head)
{
    struct log_row *row = &head->row;
    struct tree tree;
    uint64_t next = SEQ_NONE;
    MDB_cursor *cursor = txn_cursor(t, DB_HOLE);
    enum tris_err err =
        cursor != NULL ? next_unjustified(cursor, row->log.no, row->first_hole, &next) : t->err;
    if (err == TRIS_OK) {
        err = store_tree_at(&t->view, row->log.no, next, &tree);
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
        return;
    }
    const bool hole = err == TRIS_OK;
    fold_on(t, head, hole ? next : row->log.held);
    memset(&row->hole_root, 0, sizeof row->hole_root);
    if (hole) {
        tree_root(&tree, &row->hole_root);
    }
    row->first_hole = hole ? next : SEQ_NONE;
    row_log_settle(row);
}

enum tris_err store_holes_fill(struct store_txn *t, uint32_t no, struct span rows, uint32_t count,
                               uint32_t *filled)
{
    struct head *head = txn_head(t, no);
    *filled = 0;
    if (head == NULL) {
        return t->err;
    }
    enum tris_err err = check_all(t, no, rows, count);
    if (err != TRIS_OK) {
        return txn_ok(t) ? err : t->err;
    }
    epoch_unfold(t, &head->row.log); /* what later epochs say rests on all of this log */
    struct rbuf r = rbuf_of(rows);
    for (uint32_t i = 0; i < count && txn_ok(t); i++) {
        struct msg_hole row;
        msg_row_get(&r, MSG_ROW_hole, &row);
        tris_assert(r.err == TRIS_OK);
        if (is_hole(t, no, row.seq)) { /* else another session was faster */
            make_whole(t, head, &row);
            (*filled)++;
        }
    }
    if (*filled > 0 && txn_ok(t)) {
        settle(t, head);
    }
    epoch_refold(t, &head->row.log);
    return t->err;
}
