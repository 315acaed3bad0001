/* Fork proofs: kept, the lowest of each log; where it then ends is the business of end.c. */
#include "proto/assert.h"
#include "storage/end.h"

static enum tris_err fork_fill(uint32_t no, struct span value, struct store_fork *out)
{
    struct fork_row row;
    enum tris_err err = row_fork_decode(value, &row);
    *out = (struct store_fork){.log_no = no, .end = row.end, .root = row.root, .proof = row.proof};
    return err;
}

enum tris_err store_fork_get(struct store_view *v, uint32_t no, struct store_fork *out)
{
    struct key key;
    struct span value;
    key_log(&key, no);
    enum tris_err err = view_get(v, DB_FORK, key_span(&key), &value);
    return err == TRIS_OK ? fork_fill(no, value, out) : err;
}

enum tris_err store_fork_next(struct store_view *v, uint32_t *log_no, struct store_fork *out)
{
    MDB_cursor *cursor = NULL;
    struct key wanted;
    struct span value;
    enum tris_err err = view_cursor(v, DB_FORK, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    key_log(&wanted, *log_no + 1); /* UINT32_MAX + 1 is the first one */
    struct span key = key_span(&wanted);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    mdb_cursor_close(cursor);
    if (err == TRIS_OK && !key_read_log(key, log_no)) {
        err = TRIS_ERR_CORRUPT;
    }
    return err == TRIS_OK ? fork_fill(*log_no, value, out) : err;
}

/* The same answer in every house, whatever proofs came first. */
static bool is_lower(const struct log_row *row, uint64_t end, const struct tris_hash *root)
{
    if (!row->log.forked || end != row->fork.size) {
        return !row->log.forked || end < row->fork.size;
    }
    return memcmp(root->b, row->fork.root.b, sizeof root->b) < 0;
}

static void put_row(struct store_txn *t, uint32_t no, const struct fork_row *row)
{
    struct key key;
    uint8_t bytes[ROW_FORK_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    row_fork_encode(&w, row);
    tris_assert(w.err == TRIS_OK);
    key_log(&key, no);
    txn_put(t, DB_FORK, key_span(&key), wbuf_span(&w));
}

enum tris_err store_fork_put(struct store_txn *t, uint32_t no, uint64_t end,
                             const struct tris_hash *root, struct span proof, bool *lowered)
{
    struct head *head = txn_head(t, no);
    *lowered = false;
    if (head == NULL) {
        return t->err;
    }
    struct store_log *log = &head->row.log;
    if (log->ref.topic == TRIS_TOPIC_LOCAL || proof.len == 0 || proof.len > FORK_PROOF_BYTES_MAX) {
        return TRIS_ERR_INVALID;
    }
    if (!is_lower(&head->row, end, root)) {
        return TRIS_OK;
    }
    put_row(t, no, &(struct fork_row){end, *root, proof});
    log->forked = true;
    head->row.fork = (struct log_cut){end, *root};
    *lowered = true;
    end_changed(t, head);
    return t->err;
}
