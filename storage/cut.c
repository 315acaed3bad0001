/* Taking the newest entries of a log back: the reverse of appending, newest first, at the cost of
 * what is taken back. Afterwards the store is as if they had never come, except that their arrival
 * numbers are not given again. */
#include "storage/draft.h"
#include "storage/epoch.h"
#include "storage/feed.h"
#include "storage/log.h"
#include "storage/search.h"

/* Complete nodes that some of the entries from `size` on are below. */
static void cut_nodes(struct store_txn *t, const struct store_log *log, uint64_t size)
{
    for (uint32_t level = TREE_STORED_LEVEL;
         level < TREE_LEVELS_MAX && log->held >> level > 0 && txn_ok(t); level++) {
        for (uint64_t index = log->held >> level; index > size >> level; index--) {
            struct key key;
            key_tree(&key, log->no, level, index - 1);
            txn_del(t, DB_TREE, key_span(&key));
        }
    }
}

/* Seals over more than `size` entries go; the newest of the others is the log's. */
static enum tris_err cut_seals(struct store_txn *t, struct log_row *row, uint64_t size)
{
    struct store_log *log = &row->log;
    struct key bound;
    key_log_seq(&bound, log->no, UINT64_MAX);
    log->has_seal = false;
    memset(&log->seal, 0, sizeof log->seal);
    for (;;) {
        struct span key = {NULL, 0};
        struct span value = {NULL, 0};
        struct seal_row seal;
        uint32_t no = 0;
        uint64_t at = 0;
        MDB_cursor *cursor = txn_cursor(t, DB_SEAL);
        enum tris_err err = cursor != NULL ? cursor_below(cursor, &bound, &key, &value) : t->err;
        if (err == TRIS_OK && !key_read_log_seq(key, &no, &at)) {
            err = TRIS_ERR_CORRUPT;
        }
        if (err != TRIS_OK || no != log->no) {
            return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
        }
        err = row_seal_decode(value, &log->id, at, &seal);
        if (err != TRIS_OK) {
            return err;
        }
        if (at <= size) {
            log->has_seal = true;
            log->seal = seal.seal;
            return TRIS_OK;
        }
        row->open_bytes += seal.bytes;
        key_log_seq(&bound, no, at);
        txn_del(t, DB_SEAL, key_span(&bound));
    }
}

static void cut_entry(struct store_txn *t, struct head *head, uint64_t seq)
{
    struct key key;
    struct span wire;
    key_log_seq(&key, head->row.log.no, seq);
    if (seq < head->row.first_hole) {
        fold_undo(t, head, seq);
    } else {
        txn_del(t, DB_HOLE, key_span(&key));
    }
    if (!txn_get(t, DB_ENTRY, key_span(&key), &wire)) {
        return;
    }
    head->row.bytes -= wire.len;
    txn_del(t, DB_ENTRY, key_span(&key));
}

/* `bytes`: wire bytes of the entries that went. */
static void cut_head(struct store_txn *t, struct head *head, uint64_t size, uint64_t bytes,
                     const struct tree *tree)
{
    struct log_row *row = &head->row;
    if (row->log.has_seal && row->log.seal.size > size) {
        enum tris_err err = cut_seals(t, row, size);
        if (err != TRIS_OK) {
            txn_fail(t, err);
        }
    }
    row->open_bytes -= bytes;
    if (row->first_hole != SEQ_NONE && row->first_hole >= size) {
        row->first_hole = SEQ_NONE;
        memset(&row->hole_root, 0, sizeof row->hole_root);
    }
    row->log.tree = *tree;
    row->log.held = size;
    head->dirty = true;
    row_log_settle(row);
}

void cut_tail(struct store_txn *t, struct head *head, uint64_t size, enum store_tail tail)
{
    const struct store_log *log = &head->row.log;
    struct tree tree;
    uint64_t followed = 0;
    uint64_t followed_end = size;
    txn_flush(t); /* feed runs and rows that this transaction holds back */
    enum tris_err err = txn_ok(t) ? store_tree_at(&t->view, log->no, size, &tree) : t->err;
    err = err == TRIS_OK ? word_followed(&t->view, &followed) : err;
    if (err != TRIS_OK) {
        txn_fail(t, err);
        return;
    }
    if (tail == STORE_TAIL_DRAFT) {
        draft_keep(t, log, size);
    } else if (log->own) {
        draft_forget(t, log, size);
    }
    feed_cut(t, log->no, size, followed, &followed_end);
    feed_note_cut(t, log->no, size);
    word_unfollow(t, log->no, size, followed_end);
    const uint64_t bytes = head->row.bytes;
    for (uint64_t seq = log->held; seq > size && txn_ok(t); seq--) {
        cut_entry(t, head, seq - 1);
    }
    cut_nodes(t, log, size);
    cut_head(t, head, size, bytes - head->row.bytes, &tree);
}

enum tris_err store_log_cut(struct store_txn *t, uint32_t no, uint64_t size, enum store_tail tail)
{
    struct head *head = txn_head(t, no);
    if (head == NULL) {
        return t->err;
    }
    const struct store_log *log = &head->row.log;
    if (size > log->held) {
        return TRIS_ERR_INVALID;
    }
    if (tail == STORE_TAIL_DRAFT && !log->own) {
        return TRIS_ERR_NOT_OWNER;
    }
    if (size == log->held) {
        return TRIS_OK;
    }
    epoch_unfold(t, log);
    cut_tail(t, head, size, tail);
    epoch_refold(t, log);
    return t->err;
}

enum tris_err store_former_take_back(struct store_txn *t)
{
    uint32_t count = 0;
    enum tris_err err = store_log_count(&t->view, &count);
    for (uint32_t no = 0; no < count && err == TRIS_OK; no++) {
        struct store_log log;
        err = store_log_get(&t->view, no, &log);
        const uint64_t sealed = err == TRIS_OK && log.has_seal ? log.seal.size : 0;
        if (err == TRIS_OK && log.own && !log.current && log.ref.topic == TRIS_TOPIC_GOV &&
            log.ends == STORE_END_NONE && log.held > sealed) {
            err = store_log_cut(t, no, sealed, STORE_TAIL_DRAFT);
        }
    }
    return err;
}
