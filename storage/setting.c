/* Small settings of this node, and figures about the store itself. */
#include "storage/feed.h"

enum { SETTING_KEY_BYTES_MAX = 255 };

static bool key_valid(const char *key)
{
    size_t len = strlen(key);
    return len > 0 && len <= SETTING_KEY_BYTES_MAX;
}

enum tris_err store_setting_put(struct store_txn *t, const char *key, struct span value)
{
    if (!key_valid(key)) {
        return TRIS_ERR_INVALID;
    }
    if (value.len == 0) {
        txn_del(t, DB_SETTING, span_str(key));
    } else {
        txn_put(t, DB_SETTING, span_str(key), value);
    }
    return t->err;
}

enum tris_err store_setting_get(struct store_view *v, const char *key, struct span *value)
{
    return key_valid(key) ? view_get(v, DB_SETTING, span_str(key), value) : TRIS_ERR_NOT_FOUND;
}

enum tris_err store_setting_next(struct store_view *v, const char *prefix, char *key, size_t size,
                                 struct span *value)
{
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(v, DB_SETTING, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct span before = span_str(key);
    struct span at = before;
    err = before.len > 0 ? cursor_get(cursor, MDB_SET_RANGE, &at, value)
                         : cursor_get(cursor, MDB_FIRST, &at, value);
    if (err == TRIS_OK && span_eq(at, before)) {
        err = cursor_get(cursor, MDB_NEXT, &at, value);
    }
    mdb_cursor_close(cursor);
    struct span wanted = span_str(prefix);
    if (err == TRIS_OK && (at.len < wanted.len || memcmp(at.ptr, wanted.ptr, wanted.len) != 0)) {
        err = TRIS_ERR_NOT_FOUND;
    }
    if (err == TRIS_OK && at.len >= size) {
        err = TRIS_ERR_NO_SPACE;
    }
    if (err == TRIS_OK) {
        memcpy(key, at.ptr, at.len);
        key[at.len] = '\0';
    }
    return err;
}

enum tris_err store_info(struct store_view *v, struct store_info *out)
{
    memset(out, 0, sizeof *out);
    MDB_envinfo info;
    MDB_stat stat;
    enum tris_err err = view_settle(v);
    if (err == TRIS_OK) {
        err = db_err(mdb_env_info(v->s->env, &info));
    }
    if (err == TRIS_OK) {
        err = db_err(mdb_env_stat(v->s->env, &stat));
    }
    if (err == TRIS_OK) {
        out->used_bytes = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
        out->map_bytes = info.me_mapsize;
        room_of_disk(v->s, &out->disk_bytes, &out->disk_free_bytes);
        err = store_log_count(v, &out->logs);
    }
    if (err == TRIS_OK) {
        err = view_rows(v, DB_ENTRY, &out->entries);
    }
    if (err == TRIS_OK) {
        err = view_rows(v, DB_RECORD, &out->records);
    }
    if (err == TRIS_OK) {
        err = feed_newest(v, &out->feed);
    }
    return err;
}
