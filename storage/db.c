/* Reading LMDB tables in a view, and the mapping of LMDB's errors to ours. */
#include "storage/db.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "storage/txn.h"

static const char *const table_names[] = {
    [DB_META] = "meta",       [DB_SETTING] = "setting",
    [DB_LOG] = "log",         [DB_LOG_ID] = "log_id",
    [DB_HOUSE] = "house",     [DB_CARD] = "card",
    [DB_SEAL] = "seal",       [DB_ENTRY] = "entry",
    [DB_TREE] = "tree",       [DB_RECORD] = "record",
    [DB_INERT] = "inert",     [DB_HOLE] = "hole",
    [DB_REGION] = "region",   [DB_SOURCE] = "source",
    [DB_NAME] = "name",       [DB_CUBE] = "cube",
    [DB_COUNT] = "count",     [DB_FEED] = "feed",
    [DB_ARRIVAL] = "arrival", [DB_WORD] = "word",
    [DB_MATCH] = "match",     [DB_NAME_FRESH] = "name_fresh",
    [DB_DRAFT] = "draft",     [DB_ALIAS] = "alias",
    [DB_FORK] = "fork",       [DB_TARGET] = "target",
    [DB_CROSS] = "cross",
};
_Static_assert(sizeof table_names / sizeof table_names[0] == DB_TABLES, "a name for each table");

const char *db_table_name(enum db_table table)
{
    tris_assert(table < DB_TABLES);
    return table_names[table];
}

struct rc_row {
    int rc;
    enum tris_err err;
};

/* EFBIG and EDQUOT come, as ENOSPC does, from writing data pages: the last commit stays good. */
static const struct rc_row rc_rows[] = {
    {MDB_SUCCESS, TRIS_OK},
    {MDB_NOTFOUND, TRIS_ERR_NOT_FOUND},
    {MDB_MAP_FULL, TRIS_ERR_MAP_FULL},
    {MDB_TXN_FULL, TRIS_ERR_NO_SPACE},
    {MDB_READERS_FULL, TRIS_ERR_BUSY},
    {MDB_PANIC, TRIS_ERR_UNKNOWN_STATE},
    {MDB_VERSION_MISMATCH, TRIS_ERR_SCHEMA},
    {ENOSPC, TRIS_ERR_DISK_FULL},
    {EDQUOT, TRIS_ERR_DISK_FULL},
    {EFBIG, TRIS_ERR_DISK_FULL},
    {ENOMEM, TRIS_ERR_NO_MEMORY},
    {EROFS, TRIS_ERR_READ_ONLY},
    {EACCES, TRIS_ERR_PERMISSION},
    {EPERM, TRIS_ERR_PERMISSION},
    {EIO, TRIS_ERR_IO},
    {ENOENT, TRIS_ERR_NOT_INIT},
};

enum tris_err db_err(int rc)
{
    for (size_t i = 0; i < sizeof rc_rows / sizeof rc_rows[0]; i++) {
        if (rc_rows[i].rc == rc) {
            return rc_rows[i].err;
        }
    }
    return TRIS_ERR_CORRUPT;
}

enum tris_err view_get(const struct store_view *v, enum db_table table, struct span key,
                       struct span *value)
{
    MDB_val k = {key.len, (void *)(uintptr_t)key.ptr};
    MDB_val data;
    int rc = mdb_get(v->mdb, v->s->dbi[table], &k, &data);
    if (rc != MDB_SUCCESS) {
        return db_err(rc);
    }
    *value = span_of(data.mv_data, data.mv_size);
    return TRIS_OK;
}

enum tris_err view_cursor(const struct store_view *v, enum db_table table, MDB_cursor **out)
{
    return db_err(mdb_cursor_open(v->mdb, v->s->dbi[table], out));
}

enum tris_err cursor_get(MDB_cursor *cursor, MDB_cursor_op op, struct span *key, struct span *value)
{
    MDB_val k = {key->len, (void *)(uintptr_t)key->ptr};
    MDB_val data;
    int rc = mdb_cursor_get(cursor, &k, &data, op);
    if (rc != MDB_SUCCESS) {
        return db_err(rc);
    }
    *key = span_of(k.mv_data, k.mv_size);
    *value = span_of(data.mv_data, data.mv_size);
    return TRIS_OK;
}

enum tris_err cursor_below(MDB_cursor *cursor, const struct key *bound, struct span *key,
                           struct span *value)
{
    *key = key_span(bound);
    enum tris_err err = cursor_get(cursor, MDB_SET_RANGE, key, value);
    if (err == TRIS_ERR_NOT_FOUND) {
        return cursor_get(cursor, MDB_LAST, key, value);
    }
    return err == TRIS_OK ? cursor_get(cursor, MDB_PREV, key, value) : err;
}

struct record *view_record(struct store_view *v)
{
    if (v->record == NULL) {
        v->record = malloc(sizeof *v->record);
    }
    return v->record;
}

enum tris_err view_last_key(const struct store_view *v, enum db_table table, struct key *out)
{
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(v, table, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct span key = {NULL, 0};
    struct span value;
    err = cursor_get(cursor, MDB_LAST, &key, &value);
    if (err == TRIS_OK && (key.ptr == NULL || key.len > KEY_BYTES_MAX)) {
        err = TRIS_ERR_CORRUPT;
    }
    if (err == TRIS_OK) {
        out->len = (uint8_t)key.len;
        memcpy(out->b, key.ptr, key.len);
    }
    mdb_cursor_close(cursor);
    return err;
}

enum tris_err view_rows(const struct store_view *v, enum db_table table, uint64_t *rows)
{
    MDB_stat stat;
    int rc = mdb_stat(v->mdb, v->s->dbi[table], &stat);
    *rows = rc == MDB_SUCCESS ? stat.ms_entries : 0;
    return db_err(rc);
}

enum tris_err store_view_begin(struct store *s, struct store_view **out)
{
    struct store_view *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    v->s = s;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &v->mdb);
    if (rc == MDB_READERS_FULL) {
        (void)store_drop_dead_readers(s);
        rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &v->mdb);
    }
    if (rc != MDB_SUCCESS) {
        free(v);
        return db_err(rc);
    }
    *out = v;
    return TRIS_OK;
}

void store_view_end(struct store_view *v)
{
    if (v == NULL) {
        return;
    }
    tris_assert(v->txn == NULL);
    mdb_txn_abort(v->mdb);
    free(v->record);
    free(v);
}
