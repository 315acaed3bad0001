/* Sealing own logs: what is not sealed yet, in steps that a seal may cover; storing the seal. */
#include "proto/assert.h"
#include "storage/log.h"

static uint64_t sealed_size(const struct store_log *log)
{
    return log->has_seal ? log->seal.size : 0;
}

enum tris_err store_unsealed(struct store_view *v, uint32_t no, uint64_t *entries, uint64_t *bytes)
{
    struct log_row row;
    enum tris_err err = view_log_row(v, no, &row);
    if (err == TRIS_OK) {
        const bool ends = row.log.ends != STORE_END_NONE;
        *entries = ends ? 0 : row.log.held - sealed_size(&row.log);
        *bytes = ends ? 0 : row.open_bytes;
    }
    return err;
}

/* ---- steps ---- */

/* Walks entries of one log from `next` on. */
struct run_reader {
    MDB_cursor *cursor;
    const struct store_log *log;
    uint64_t next;
    bool started;
};

static enum tris_err run_next(struct run_reader *r, struct span *wire)
{
    struct key wanted;
    key_log_seq(&wanted, r->log->no, r->next);
    struct span key = key_span(&wanted);
    enum tris_err err = cursor_get(r->cursor, r->started ? MDB_NEXT : MDB_SET_RANGE, &key, wire);
    if (err == TRIS_OK && !span_eq(key, key_span(&wanted))) {
        err = TRIS_ERR_NOT_FOUND;
    }
    r->started = true;
    r->next++;
    return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
}

/* Hashes entries onto `at` as long as one seal may cover them all. */
static enum tris_err step_read(struct run_reader *r, struct tree *at)
{
    uint64_t bytes = 0;
    const uint64_t start = r->next;
    while (r->next < r->log->held && r->next - start < TRIS_SEAL_SPACING_MAX) {
        struct span wire;
        struct entry entry;
        struct entry_header header;
        struct tris_hash leaf;
        const uint64_t seq = r->next;
        enum tris_err err = run_next(r, &wire);
        if (err == TRIS_OK && seq > start && bytes + wire.len > TRIS_SEAL_BYTES) {
            return TRIS_OK;
        }
        if (err == TRIS_OK) {
            err = log_entry_open(wire, &r->log->id, seq, &entry, &header, &leaf);
        }
        if (err != TRIS_OK) {
            return err;
        }
        bytes += wire.len;
        (void)tree_append(at, &leaf, TREE_LEVELS_MAX, NULL);
    }
    return TRIS_OK;
}

enum tris_err store_unsealed_step(struct store_view *v, uint32_t no, uint64_t after, uint64_t *size,
                                  struct tree *at)
{
    struct log_row row;
    const struct store_log *log = &row.log;
    enum tris_err err = view_log_row(v, no, &row);
    if (err != TRIS_OK) {
        return err;
    }
    if (!log->current || log->ref.topic == TRIS_TOPIC_LOCAL) {
        return TRIS_ERR_NOT_OWNER;
    }
    if (after >= log->held || log->ends != STORE_END_NONE) {
        return TRIS_ERR_NOT_FOUND;
    }
    if (after == sealed_size(log) && log->held - after <= TRIS_SEAL_SPACING_MAX &&
        row.open_bytes <= TRIS_SEAL_BYTES) {
        *at = log->tree; /* the daily case: no entry is read */
        *size = log->held;
        return TRIS_OK;
    }
    if (at->size != after) {
        err = store_tree_at(v, no, after, at);
    }
    struct run_reader reader = {.log = log, .next = after};
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_ENTRY, &reader.cursor);
    }
    if (err == TRIS_OK) {
        err = step_read(&reader, at);
        mdb_cursor_close(reader.cursor);
    }
    *size = at->size;
    return err;
}

/* ---- storing a seal ---- */

/* Root of the first `size` entries and the wire bytes of what is behind them. Costs what is behind
 * the newest seal. */
static enum tris_err measure(struct store_txn *t, const struct log_row *row, uint64_t size,
                             struct tris_hash *root, uint64_t *bytes)
{
    const struct store_log *log = &row->log;
    if (size == log->held) {
        tree_root(&log->tree, root);
        *bytes = 0;
        return TRIS_OK;
    }
    *bytes = row->open_bytes;
    if (size == sealed_size(log)) {
        *root = log->seal.root;
        return TRIS_OK;
    }
    struct run_reader reader = {.log = log, .next = sealed_size(log)};
    enum tris_err err = store_root_at(&t->view, log->no, size, root);
    if (err == TRIS_OK) {
        err = view_cursor(&t->view, DB_ENTRY, &reader.cursor);
    }
    while (err == TRIS_OK && reader.next < size) {
        struct span wire;
        err = run_next(&reader, &wire);
        *bytes -= err == TRIS_OK ? wire.len : 0;
    }
    if (reader.cursor != NULL) {
        mdb_cursor_close(reader.cursor);
    }
    return err;
}

enum tris_err store_seal_own(struct store_txn *t, uint32_t no, const struct seal *seal)
{
    struct head *head = txn_head(t, no);
    if (head == NULL) {
        return t->err;
    }
    struct store_log *log = &head->row.log;
    struct tris_hash root;
    uint64_t bytes = 0;
    if (!log->current || log->ref.topic == TRIS_TOPIC_LOCAL) {
        return TRIS_ERR_NOT_OWNER;
    }
    if (log->ends != STORE_END_NONE || log->outside) {
        return log->outside ? TRIS_ERR_NOT_READY : TRIS_ERR_FORK;
    }
    if (!tris_log_id_eq(&seal->log, &log->id) || seal->size == 0 || seal->size > log->held ||
        seal->size < sealed_size(log)) {
        return TRIS_ERR_INVALID;
    }
    if (seal->size - sealed_size(log) > TRIS_SEAL_SPACING_MAX) {
        return TRIS_ERR_SEAL_SPACING;
    }
    enum tris_err err = measure(t, &head->row, seal->size, &root, &bytes);
    if (err != TRIS_OK) {
        txn_fail(t, err);
        return err;
    }
    if (!tris_hash_eq(&seal->root, &root)) {
        return TRIS_ERR_INVALID;
    }
    if (log->has_seal && seal_cmp(seal, &log->seal) <= 0) {
        return TRIS_OK;
    }
    t->members_stale = t->members_stale || log->ref.topic == TRIS_TOPIC_GOV;
    log->has_seal = true;
    log->seal = *seal;
    head->row.arrived_ms = seal->time_ms;
    head->dirty = true;
    row_log_settle(&head->row);
    log_put_seal(t, head, bytes);
    return t->err;
}
