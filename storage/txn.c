/* The write transaction; see txn.h and store.h. */
#include "storage/txn.h"

#include <stdlib.h>

#include "proto/assert.h"
#include "storage/feed.h"
#include "storage/levels.h"

void txn_fail(struct store_txn *t, enum tris_err err)
{
    tris_assert(err != TRIS_OK);
    if (t->err == TRIS_OK) {
        t->err = err;
    }
}

MDB_cursor *txn_cursor(struct store_txn *t, enum db_table table)
{
    if (t->cursor[table] == NULL && txn_ok(t)) {
        enum tris_err err = view_cursor(&t->view, table, &t->cursor[table]);
        if (err != TRIS_OK) {
            txn_fail(t, err);
        }
    }
    return txn_ok(t) ? t->cursor[table] : NULL;
}

static void put(struct store_txn *t, enum db_table table, struct span key, struct span value,
                unsigned int flags)
{
    MDB_cursor *cursor = txn_cursor(t, table);
    if (cursor == NULL) {
        return;
    }
    MDB_val k = {key.len, (void *)(uintptr_t)key.ptr};
    MDB_val data = {value.len, (void *)(uintptr_t)value.ptr};
    int rc = mdb_cursor_put(cursor, &k, &data, flags);
    if (rc != MDB_SUCCESS) {
        txn_fail(t, db_err(rc));
    }
}

void txn_put(struct store_txn *t, enum db_table table, struct span key, struct span value)
{
    t->last_known[table] = false;
    put(t, table, key, value, 0);
}

void txn_append(struct store_txn *t, enum db_table table, const struct key *key, struct span value)
{
    struct key *last = &t->last[table];
    if (!t->last_known[table] && txn_ok(t)) {
        enum tris_err err = view_last_key(&t->view, table, last);
        if (err == TRIS_ERR_NOT_FOUND) {
            last->len = 0;
        } else if (err != TRIS_OK) {
            txn_fail(t, err);
        }
        t->last_known[table] = true;
    }
    bool behind = key_cmp(key, last) > 0;
    put(t, table, key_span(key), value, behind ? MDB_APPEND : 0);
    if (behind) {
        *last = *key;
    }
}

void txn_del(struct store_txn *t, enum db_table table, struct span key)
{
    if (!txn_ok(t)) {
        return;
    }
    t->last_known[table] = false;
    MDB_val k = {key.len, (void *)(uintptr_t)key.ptr};
    int rc = mdb_del(t->view.mdb, t->s->dbi[table], &k, NULL);
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) {
        txn_fail(t, db_err(rc));
    }
}

void txn_cursor_del(struct store_txn *t, enum db_table table)
{
    MDB_cursor *cursor = txn_cursor(t, table);
    t->last_known[table] = false;
    if (cursor != NULL) {
        int rc = mdb_cursor_del(cursor, 0);
        if (rc != MDB_SUCCESS) {
            txn_fail(t, db_err(rc));
        }
    }
}

bool txn_get(struct store_txn *t, enum db_table table, struct span key, struct span *value)
{
    if (!txn_ok(t)) {
        return false;
    }
    enum tris_err err = view_get(&t->view, table, key, value);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        txn_fail(t, err);
    }
    return err == TRIS_OK;
}

void txn_count(struct store_txn *t, enum count_type type, uint32_t log_no, uint32_t kind,
               int64_t change)
{
    if (!txn_ok(t)) {
        return;
    }
    struct key key;
    key_count(&key, type, log_no, kind);
    enum tris_err err = delta_add(&t->deltas, DB_COUNT, &key, change);
    if (err != TRIS_OK) {
        txn_fail(t, err);
    }
}

/* ---- feed: runs of arrivals ---- */

static void flush_run(struct store_txn *t)
{
    if (t->run.count > 0) {
        feed_put_run(t, t->arrival, &t->run);
        t->run.count = 0;
    }
}

bool txn_arrival(struct store_txn *t)
{
    if (t->arrival_known || !txn_ok(t)) {
        return txn_ok(t);
    }
    enum tris_err err = feed_newest(&t->view, &t->arrival);
    if (err != TRIS_OK) {
        txn_fail(t, err);
        return false;
    }
    t->arrival_known = true;
    return true;
}

void txn_arrival_keep(struct store_txn *t)
{
    uint8_t bytes[8];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    if (txn_arrival(t)) {
        wbuf_u64(&w, t->arrival);
        txn_put(t, DB_META, span_str(META_FEED), wbuf_span(&w));
    }
}

void txn_feed(struct store_txn *t, uint32_t log_no, uint64_t seq)
{
    if (!txn_arrival(t)) {
        return;
    }
    struct feed_row *run = &t->run;
    bool continues = run->count > 0 && run->count < UINT32_MAX && run->log_no == log_no &&
                     run->first_seq + run->count == seq;
    if (!continues) {
        flush_run(t);
        *run = (struct feed_row){log_no, seq, 0};
    }
    run->count++;
    t->arrival++;
}

/* ---- heads ---- */

static struct head *head_cached(struct store_txn *t, uint32_t no)
{
    if (t->recent != NULL && t->recent->row.log.no == no) {
        return t->recent;
    }
    struct head *head = t->head[no % HEAD_BUCKETS];
    while (head != NULL && head->row.log.no != no) {
        head = head->next;
    }
    t->recent = head;
    return head;
}

static struct head *head_new(struct store_txn *t, uint32_t no)
{
    struct head *head = malloc(sizeof *head);
    if (head == NULL) {
        txn_fail(t, TRIS_ERR_NO_MEMORY);
        return NULL;
    }
    head->dirty = false;
    head->row.log.no = no;
    head->next = t->head[no % HEAD_BUCKETS];
    t->head[no % HEAD_BUCKETS] = head;
    t->recent = head;
    return head;
}

struct head *txn_head(struct store_txn *t, uint32_t no)
{
    if (!txn_ok(t)) {
        return NULL;
    }
    struct head *head = head_cached(t, no);
    if (head != NULL) {
        return head;
    }
    struct key key;
    struct span value;
    key_log(&key, no);
    if (!txn_get(t, DB_LOG, key_span(&key), &value)) {
        if (txn_ok(t)) {
            txn_fail(t, TRIS_ERR_NOT_FOUND);
        }
        return NULL;
    }
    head = head_new(t, no);
    if (head != NULL) {
        enum tris_err err = log_row_open(t->s, no, value, &head->row);
        if (err != TRIS_OK) {
            txn_fail(t, err);
            return NULL;
        }
    }
    return head;
}

struct head *txn_head_add(struct store_txn *t, const struct log_row *row)
{
    struct head *head = head_new(t, row->log.no);
    if (head != NULL) {
        head->row = *row;
        head->dirty = true;
    }
    return head;
}

const struct head *txn_head_peek(struct store_txn *t, uint32_t no)
{
    return head_cached(t, no);
}

void txn_head_write(struct store_txn *t, struct head *head)
{
    struct key key;
    uint8_t bytes[ROW_LOG_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    key_log(&key, head->row.log.no);
    row_log_encode(&w, &head->row);
    tris_assert(w.err == TRIS_OK);
    txn_put(t, DB_LOG, key_span(&key), wbuf_span(&w));
    head->dirty = false;
}

static void flush_heads(struct store_txn *t)
{
    for (size_t i = 0; i < HEAD_BUCKETS; i++) {
        for (struct head *head = t->head[i]; head != NULL; head = head->next) {
            if (head->dirty) {
                txn_head_write(t, head);
            }
        }
    }
}

static void free_heads(struct store_txn *t)
{
    for (size_t i = 0; i < HEAD_BUCKETS; i++) {
        while (t->head[i] != NULL) {
            struct head *head = t->head[i];
            t->head[i] = head->next;
            free(head);
        }
    }
    t->recent = NULL;
}

/* ---- flush ---- */

static void flush_delta(struct store_txn *t, const struct delta *x)
{
    struct span key = span_of(x->key, x->len);
    struct span value;
    int64_t sum = 0;
    bool there = txn_get(t, (enum db_table)x->table, key, &value);
    if (there && row_count_decode(value, &sum) != TRIS_OK) {
        txn_fail(t, TRIS_ERR_CORRUPT);
        return;
    }
    sum += x->sum;
    if (sum == 0) {
        /* no zero rows: a store's tables do not tell by which way it came to its state */
        if (there) {
            txn_del(t, (enum db_table)x->table, key);
        }
        return;
    }
    uint8_t bytes[8];
    row_count_encode(bytes, sum);
    txn_put(t, (enum db_table)x->table, key, span_of(bytes, sizeof bytes));
}

void txn_flush(struct store_txn *t)
{
    size_t count = 0;
    const struct delta *sorted = delta_sort(&t->deltas, &count);
    for (size_t i = 0; i < count && txn_ok(t); i++) {
        if (sorted[i].sum != 0) {
            flush_delta(t, &sorted[i]);
        }
    }
    delta_clear(&t->deltas);
    flush_run(t);
    flush_heads(t);
}

enum tris_err view_settle(struct store_view *v)
{
    if (v->txn == NULL) {
        return TRIS_OK;
    }
    txn_flush(v->txn);
    return v->txn->err;
}

/* ---- begin, commit, abort ---- */

static struct store_txn *txn_new(struct store *s)
{
    struct store_txn *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->s = s;
    t->view.s = s;
    t->view.txn = t;
    t->old_record = malloc(sizeof *t->old_record);
    t->wire = malloc(TXN_WIRE_BYTES);
    if (t->old_record == NULL || t->wire == NULL || view_record(&t->view) == NULL) {
        txn_free(t);
        return NULL;
    }
    return t;
}

void txn_free(struct store_txn *t)
{
    if (t == NULL) {
        return;
    }
    tris_assert(!t->open);
    delta_fini(&t->deltas);
    levels_txn_fini(t);
    free(t->old_record);
    free(t->wire);
    free(t->view.record);
    free(t);
}

enum tris_err store_txn_begin(struct store *s, struct store_txn **out)
{
    if (s->read_only) {
        return TRIS_ERR_READ_ONLY;
    }
    if (s->txn == NULL) {
        s->txn = txn_new(s);
    }
    struct store_txn *t = s->txn;
    if (t == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    tris_assert(!t->open);
    int rc = mdb_txn_begin(s->env, NULL, 0, &t->view.mdb);
    if (rc != MDB_SUCCESS) {
        return db_err(rc);
    }
    t->open = true;
    t->err = TRIS_OK;
    t->run.count = 0;
    t->arrival_known = false;
    t->members_stale = false;
    memset(t->last_known, 0, sizeof t->last_known);
    *out = t;
    return TRIS_OK;
}

struct store_view *store_txn_view(struct store_txn *t)
{
    return &t->view;
}

enum tris_err store_txn_err(const struct store_txn *t)
{
    return t->err;
}

/* LMDB frees the cursors of a write transaction with it. */
static void txn_close(struct store_txn *t)
{
    memset(t->cursor, 0, sizeof t->cursor);
    delta_clear(&t->deltas);
    free_heads(t);
    t->view.mdb = NULL;
    t->open = false;
}

void store_abort(struct store_txn *t)
{
    if (t == NULL) {
        return;
    }
    tris_assert(t->open);
    mdb_txn_abort(t->view.mdb);
    levels_over(t, false);
    txn_close(t);
}

/* A short write while data pages go out: the meta page still names the last commit, as long as LMDB
 * itself does not refuse to go on. */
static bool is_disk_full(struct store *s, enum tris_err err)
{
    MDB_txn *txn = NULL;
    if (err != TRIS_ERR_IO || !room_is_out(s)) {
        return false;
    }
    if (mdb_txn_begin(s->env, NULL, 0, &txn) != MDB_SUCCESS) {
        return false;
    }
    mdb_txn_abort(txn);
    return true;
}

enum tris_err store_commit(struct store_txn *t)
{
    tris_assert(t->open);
    struct store *s = t->s;
    levels_settle(t);
    txn_flush(t);
    enum tris_err err = t->err;
    if (err != TRIS_OK) {
        store_abort(t);
        return is_disk_full(s, err) ? TRIS_ERR_DISK_FULL : err;
    }
    err = db_err(mdb_txn_commit(t->view.mdb));
    levels_over(t, err == TRIS_OK);
    txn_close(t);
    if (err == TRIS_OK || err == TRIS_ERR_MAP_FULL || err == TRIS_ERR_DISK_FULL) {
        return err;
    }
    return is_disk_full(s, err) ? TRIS_ERR_DISK_FULL : TRIS_ERR_UNKNOWN_STATE;
}
