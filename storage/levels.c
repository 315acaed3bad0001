/* Indexes in two tables; see levels.h. */
#include "storage/levels.h"

#include <stdlib.h>

#include "proto/assert.h"

enum { PENDING_BUCKETS = 16384, PENDING_FIRST = 64, FILL_ROWS = 256 };

static const enum db_table tables[DB_LEVELS][2] = {{DB_NAME, DB_NAME_FRESH}};

struct pending_row {
    struct key key;
    uint32_t bucket;
    uint32_t next; /* of the same bucket, counted from 1; 0: none */
    bool gone;     /* deleted again */
};

/* Rows that wait for the end of the transaction. */
struct pending {
    uint32_t bucket[PENDING_BUCKETS]; /* newest row, counted from 1 */
    uint32_t count, capacity;
    struct pending_row *row;
};

static size_t index_of(enum db_table table)
{
    size_t i = 0;
    while (i < DB_LEVELS && tables[i][0] != table) {
        i++;
    }
    tris_assert(i < DB_LEVELS);
    return i;
}

enum db_table levels_fresh(enum db_table table)
{
    return tables[index_of(table)][1];
}

/* ---- in memory ---- */

static struct span prefix_of(struct span key)
{
    tris_assert(key.len >= KEY_LOG_SEQ_BYTES);
    return span_of(key.ptr, key.len - KEY_LOG_SEQ_BYTES);
}

static uint32_t bucket_of(struct span prefix)
{
    return (uint32_t)(filter_hash(prefix) % PENDING_BUCKETS);
}

static bool pending_grow(struct pending *p)
{
    uint32_t capacity = p->capacity == 0 ? PENDING_FIRST : 2 * p->capacity;
    struct pending_row *row = realloc(p->row, capacity * sizeof *row);
    if (row == NULL) {
        return false;
    }
    p->row = row;
    p->capacity = capacity;
    return true;
}

static void pending_clear(struct pending *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        p->bucket[p->row[i].bucket] = 0;
    }
    p->count = 0;
}

static struct pending *pending_get(struct store_txn *t, size_t i)
{
    if (t->pending[i] == NULL) {
        t->pending[i] = calloc(1, sizeof *t->pending[i]);
    }
    struct pending *p = t->pending[i];
    if (p == NULL || (p->count == p->capacity && !pending_grow(p))) {
        txn_fail(t, TRIS_ERR_NO_MEMORY);
        return NULL;
    }
    return p;
}

static int row_order(const void *left, const void *right)
{
    const struct pending_row *a = left;
    const struct pending_row *b = right;
    return key_cmp(&a->key, &b->key);
}

static void enter(struct level *level, struct span key)
{
    if (level->filter.bits != NULL) {
        filter_enter(&level->filter, filter_hash(prefix_of(key)));
    }
}

static void pending_write(struct store_txn *t, size_t i)
{
    struct pending *p = t->pending[i];
    if (p == NULL || p->count == 0) {
        return;
    }
    const uint32_t count = p->count;
    pending_clear(p); /* what follows puts them into another order */
    qsort(p->row, count, sizeof *p->row, row_order);
    for (uint32_t n = 0; n < count && txn_ok(t); n++) {
        const struct key *key = &p->row[n].key;
        if (!p->row[n].gone) {
            txn_append(t, tables[i][1], key, span_of(NULL, 0));
            enter(&t->s->level[i], key_span(key));
        }
    }
}

void levels_put(struct store_txn *t, enum db_table table, const struct key *key)
{
    const size_t i = index_of(table);
    if (t->pending[i] != NULL && t->pending[i]->count == LEVELS_PENDING_MAX) {
        pending_write(t, i);
    }
    struct pending *p = txn_ok(t) ? pending_get(t, i) : NULL;
    if (p == NULL) {
        return;
    }
    const uint32_t bucket = bucket_of(prefix_of(key_span(key)));
    p->row[p->count] = (struct pending_row){*key, bucket, p->bucket[bucket], false};
    p->bucket[bucket] = ++p->count;
}

const struct key *levels_pending(const struct store_txn *t, enum db_table table,
                                 const struct key *prefix, uint32_t *at)
{
    struct pending *p = t->pending[index_of(table)];
    if (p == NULL || p->count == 0) {
        return NULL;
    }
    uint32_t next = *at == 0 ? p->bucket[bucket_of(key_span(prefix))] : p->row[*at - 1].next;
    while (next != 0) {
        const struct pending_row *row = &p->row[next - 1];
        if (!row->gone && row->key.len == prefix->len + KEY_LOG_SEQ_BYTES &&
            key_starts_with(key_span(&row->key), prefix)) {
            *at = next;
            return &row->key;
        }
        next = row->next;
    }
    return NULL;
}

void levels_del(struct store_txn *t, enum db_table table, const struct key *key)
{
    const size_t i = index_of(table);
    struct key prefix = *key;
    uint32_t at = 0;
    prefix.len = (uint8_t)prefix_of(key_span(key)).len;
    const struct key *row;
    while ((row = levels_pending(t, table, &prefix, &at)) != NULL) {
        if (span_eq(key_span(row), key_span(key))) {
            t->pending[i]->row[at - 1].gone = true;
            return;
        }
    }
    txn_del(t, tables[i][0], key_span(key));
    txn_del(t, tables[i][1], key_span(key));
    t->levels_deleted = true;
}

/* ---- the filter ---- */

/* Takes the next rows of the tables into the filter; those that come meanwhile enter by themselves.
 */
static enum tris_err fill_step(struct store_txn *t, size_t i, struct level *level)
{
    MDB_cursor *cursor = txn_cursor(t, tables[i][level->filling]);
    if (cursor == NULL) {
        return t->err;
    }
    struct span key = key_span(&level->entered);
    struct span value;
    enum tris_err err = cursor_get(cursor, key.len == 0 ? MDB_FIRST : MDB_SET_RANGE, &key, &value);
    for (int n = 0; n < FILL_ROWS && err == TRIS_OK; n++) {
        if (key.len > KEY_BYTES_MAX || key.len < KEY_LOG_SEQ_BYTES) {
            return TRIS_ERR_CORRUPT;
        }
        enter(level, key);
        level->entered.len = (uint8_t)key.len;
        memcpy(level->entered.b, key.ptr, key.len);
        err = cursor_get(cursor, MDB_NEXT, &key, &value);
    }
    if (err == TRIS_ERR_NOT_FOUND) {
        level->filling++;
        level->entered.len = 0;
        level->whole = level->filling == 2;
        err = TRIS_OK;
    }
    return err;
}

static void fill_restart(struct level *level)
{
    level->whole = false;
    level->filling = 0;
    level->entered.len = 0;
}

static void fill(struct store_txn *t, size_t i, struct level *level)
{
    if (level->filter.bits == NULL || filter_is_full(&level->filter)) {
        uint64_t rows[2] = {0, 0};
        fill_restart(level);
        if (view_rows(&t->view, tables[i][0], &rows[0]) != TRIS_OK ||
            view_rows(&t->view, tables[i][1], &rows[1]) != TRIS_OK ||
            !filter_make(&level->filter, FILTER_ROWS_MIN + 2 * (rows[0] + rows[1]))) {
            return; /* every look-up goes to the tables */
        }
    }
    t->levels_filled = true;
    for (int step = 0; step < 2 && !level->whole; step++) {
        enum tris_err err = fill_step(t, i, level);
        if (err != TRIS_OK) {
            txn_fail(t, err);
            return;
        }
    }
}

bool levels_maybe(struct store_txn *t, enum db_table table, const struct key *prefix)
{
    const size_t i = index_of(table);
    struct level *level = &t->s->level[i];
    if (!level->whole || filter_is_full(&level->filter)) {
        fill(t, i, level);
    }
    return !level->whole || filter_maybe(&level->filter, filter_hash(key_span(prefix)));
}

/* ---- moving on ---- */

/* Moves `count` rows from where the last slice ended; after the last row comes the first. */
static void move_slice(struct store_txn *t, size_t i, uint64_t count)
{
    struct level *level = &t->s->level[i];
    MDB_cursor *from = txn_cursor(t, tables[i][1]);
    struct span key = key_span(&level->moved);
    struct span value;
    enum tris_err err = from == NULL ? t->err : TRIS_ERR_NOT_FOUND;
    if (from != NULL && key.len > 0) {
        err = cursor_get(from, MDB_SET_RANGE, &key, &value);
    }
    while (count > 0 && txn_ok(t)) {
        if (err == TRIS_ERR_NOT_FOUND) {
            err = cursor_get(from, MDB_FIRST, &key, &value);
        }
        if (err == TRIS_OK && (key.len > KEY_BYTES_MAX || key.len < KEY_LOG_SEQ_BYTES)) {
            err = TRIS_ERR_CORRUPT;
        }
        if (err != TRIS_OK) {
            txn_fail(t, err);
            return;
        }
        level->moved.len = (uint8_t)key.len;
        memcpy(level->moved.b, key.ptr, key.len);
        txn_append(t, tables[i][0], &level->moved, span_of(NULL, 0));
        txn_cursor_del(t, tables[i][1]);
        if (!level->whole) {
            enter(level, key_span(&level->moved)); /* the filling may have passed the new place */
        }
        count--;
        err = cursor_get(from, MDB_NEXT, &key, &value);
    }
}

void levels_settle(struct store_txn *t)
{
    for (size_t i = 0; i < DB_LEVELS && txn_ok(t); i++) {
        uint64_t rows = 0;
        pending_write(t, i);
        enum tris_err err = view_rows(&t->view, tables[i][1], &rows);
        if (err != TRIS_OK) {
            txn_fail(t, err);
        } else if (rows >= t->s->fresh_max + LEVELS_MOVE_MIN) {
            move_slice(t, i, rows - t->s->fresh_max);
        }
    }
}

void levels_over(struct store_txn *t, bool committed)
{
    for (size_t i = 0; i < DB_LEVELS; i++) {
        if (t->pending[i] != NULL) {
            pending_clear(t->pending[i]);
        }
        if (!committed && t->levels_deleted && t->levels_filled) {
            fill_restart(&t->s->level[i]); /* rows are back where it has passed by */
        }
    }
    t->levels_deleted = false;
    t->levels_filled = false;
}

void levels_txn_fini(struct store_txn *t)
{
    for (size_t i = 0; i < DB_LEVELS; i++) {
        if (t->pending[i] != NULL) {
            free(t->pending[i]->row);
            free(t->pending[i]);
        }
    }
}

void levels_fini(struct store *s)
{
    for (size_t i = 0; i < DB_LEVELS; i++) {
        filter_drop(&s->level[i].filter);
    }
}
