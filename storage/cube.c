/* Counters: national roll-ups, records of a log by kind, entries without effect. */
#include "proto/assert.h"
#include "storage/txn.h"

enum tris_err store_cube_each(struct store_view *v, enum cube_rollup rollup, int level,
                              const char *prefix,
                              bool (*each)(void *ctx, const struct cube_row *row), void *ctx)
{
    tris_assert(level == 0 || level == 2 || level == 5);
    tris_assert(strlen(prefix) < KEY_REGION_BYTES);
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_settle(v);
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_CUBE, &cursor);
    }
    if (err != TRIS_OK) {
        return err;
    }
    struct key start;
    struct span value;
    key_cube_prefix(&start, rollup, (uint32_t)level, prefix);
    struct span key = key_span(&start);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && key_starts_with(key, &start)) {
        struct cube_row row;
        if (!key_read_cube(key, &row) || row_count_decode(value, &row.count) != TRIS_OK) {
            err = TRIS_ERR_CORRUPT;
            break;
        }
        if (!each(ctx, &row)) {
            break;
        }
        err = cursor_get(cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static enum tris_err count_get(struct store_view *v, enum count_type type, uint32_t log_no,
                               uint32_t kind, uint64_t *count)
{
    struct key key;
    struct span value;
    int64_t sum = 0;
    enum tris_err err = view_settle(v);
    if (err != TRIS_OK) {
        return err;
    }
    key_count(&key, type, log_no, kind);
    err = view_get(v, DB_COUNT, key_span(&key), &value);
    if (err == TRIS_OK) {
        err = row_count_decode(value, &sum);
    }
    *count = sum > 0 ? (uint64_t)sum : 0;
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_count_kind(struct store_view *v, uint32_t log_no, uint32_t kind,
                               uint64_t *count)
{
    *count = 0;
    if (fields_find(&v->s->plans, kind) == NULL) {
        return TRIS_OK;
    }
    return count_get(v, COUNT_KIND, log_no, kind, count);
}

uint64_t store_count_inert(struct store_view *v)
{
    uint64_t count = 0;
    return count_get(v, COUNT_INERT_ALL, 0, 0, &count) == TRIS_OK ? count : 0;
}
