/* Opening and closing of a store: lock, environment, tables, identity. */
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/assert.h"
#include "storage/levels.h"

#define STORE_MAP_DEFAULT (UINT64_C(64) << 30)
enum { STORE_READERS_MAX = 512, PATH_BYTES_MAX = 4096 };

static const char meta_schema[] = "schema";
static const char meta_fed[] = "fed";
static const char meta_own[] = "own";
static const char meta_epoch[] = "epoch"; /* of the own logs: number u32, seal key 32 */

static bool path_join(char out[PATH_BYTES_MAX], const char *dir, const char *name)
{
    return snprintf(out, PATH_BYTES_MAX, "%s/%s", dir, name) < PATH_BYTES_MAX;
}

static enum tris_err sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return db_err(errno);
    }
    int rc = fsync(fd);
    (void)close(fd);
    return rc == 0 ? TRIS_OK : TRIS_ERR_IO;
}

static enum tris_err make_dir(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return TRIS_OK;
    }
    return db_err(errno);
}

static enum tris_err env_open(struct store *s, const char *path, unsigned int flags)
{
    long page = sysconf(_SC_PAGESIZE);
    uint64_t unit = page > 0 ? (uint64_t)page : 4096;
    uint64_t map = s->map_bytes / unit * unit;
    db_trap_faults();
    int rc = mdb_env_create(&s->env);
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxdbs(s->env, DB_TABLES);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxreaders(s->env, STORE_READERS_MAX);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_mapsize(s->env, (size_t)map);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_open(s->env, path, MDB_NOTLS | flags, 0600);
    }
    return db_err(rc);
}

/* Handles are opened once, here, and stay for the life of the environment. */
static enum tris_err open_tables(struct store *s, MDB_txn *txn, bool create)
{
    for (enum db_table table = 0; table < DB_TABLES; table++) {
        int rc = mdb_dbi_open(txn, db_table_name(table), create ? MDB_CREATE : 0, &s->dbi[table]);
        if (rc == MDB_NOTFOUND) { /* a former version had fewer tables */
            return table == DB_META ? TRIS_ERR_NOT_INIT : TRIS_ERR_SCHEMA;
        }
        if (rc != MDB_SUCCESS) {
            return db_err(rc);
        }
    }
    return TRIS_OK;
}

static enum tris_err meta_write(struct store *s, MDB_txn *txn)
{
    struct store_view v = {.s = s, .mdb = txn};
    struct span value;
    enum tris_err err = view_get(&v, DB_META, span_str(meta_schema), &value);
    if (err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    const uint8_t schema[4] = {0, 0, 0, STORE_SCHEMA};
    const struct {
        const char *name;
        const void *bytes;
        size_t len;
    } rows[] = {
        {meta_schema, schema, sizeof schema},
        {meta_fed, s->fed.b, sizeof s->fed.b},
        {meta_own, s->own.b, sizeof s->own.b},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        MDB_val key = {strlen(rows[i].name), (void *)(uintptr_t)rows[i].name};
        MDB_val data = {rows[i].len, (void *)(uintptr_t)rows[i].bytes};
        int rc = mdb_put(txn, s->dbi[DB_META], &key, &data, 0);
        if (rc != MDB_SUCCESS) {
            return db_err(rc);
        }
    }
    return TRIS_OK;
}

static enum tris_err meta_read(const struct store_view *v, struct tris_fed_id *fed,
                               struct tris_house_id *own)
{
    struct span value;
    enum tris_err err = view_get(v, DB_META, span_str(meta_schema), &value);
    if (err != TRIS_OK) {
        return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_NOT_INIT : err;
    }
    struct rbuf r = rbuf_of(value);
    uint32_t schema = rbuf_u32(&r);
    if (rbuf_finish(&r) != TRIS_OK || schema != STORE_SCHEMA) {
        return TRIS_ERR_SCHEMA;
    }
    err = view_get(v, DB_META, span_str(meta_fed), &value);
    if (err != TRIS_OK || value.len != sizeof fed->b) {
        return TRIS_ERR_CORRUPT;
    }
    memcpy(fed->b, value.ptr, sizeof fed->b);
    err = view_get(v, DB_META, span_str(meta_own), &value);
    if (err != TRIS_OK || value.len != sizeof own->b) {
        return TRIS_ERR_CORRUPT;
    }
    memcpy(own->b, value.ptr, sizeof own->b);
    return TRIS_OK;
}

/* Which own logs are written may change from one open to the next. */
static enum tris_err meta_epoch_write(struct store *s, MDB_txn *txn)
{
    const struct store_view v = {.s = s, .mdb = txn};
    uint8_t bytes[4 + sizeof s->own_key.b];
    struct span value;
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    wbuf_u32(&w, s->own_epoch);
    wbuf_bytes(&w, s->own_key.b, sizeof s->own_key.b);
    enum tris_err err = view_get(&v, DB_META, span_str(meta_epoch), &value);
    if ((err == TRIS_OK && span_eq(value, wbuf_span(&w))) ||
        (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND)) {
        return err;
    }
    MDB_val key = {strlen(meta_epoch), (void *)(uintptr_t)meta_epoch};
    MDB_val data = {w.len, bytes};
    return db_err(mdb_put(txn, s->dbi[DB_META], &key, &data, 0));
}

static enum tris_err meta_epoch_read(struct store *s, MDB_txn *txn)
{
    const struct store_view v = {.s = s, .mdb = txn};
    struct span value;
    enum tris_err err = view_get(&v, DB_META, span_str(meta_epoch), &value);
    if (err == TRIS_OK) {
        struct rbuf r = rbuf_of(value);
        s->own_epoch = rbuf_u32(&r);
        rbuf_copy(&r, s->own_key.b, sizeof s->own_key.b);
        err = rbuf_finish(&r);
    }
    return err == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

/* Opens the tables, writes the identity of a new store, reads that of any. */
static enum tris_err load(struct store *s, bool create, struct tris_fed_id *fed,
                          struct tris_house_id *own)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(s->env, NULL, s->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != MDB_SUCCESS) {
        return db_err(rc);
    }
    struct store_view v = {.s = s, .mdb = txn};
    enum tris_err err = open_tables(s, txn, create);
    if (err == TRIS_OK && create) {
        err = meta_write(s, txn);
    }
    if (err == TRIS_OK) {
        err = meta_read(&v, fed, own);
    }
    if (err == TRIS_OK && !s->read_only && tris_house_id_eq(own, &s->own)) {
        err = meta_epoch_write(s, txn);
    }
    if (err == TRIS_OK && s->epoch_read) {
        err = meta_epoch_read(s, txn);
    }
    if (err != TRIS_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    return db_err(mdb_txn_commit(txn));
}

uint32_t store_drop_dead_readers(struct store *s)
{
    int dead = 0;
    return mdb_reader_check(s->env, &dead) == MDB_SUCCESS && dead > 0 ? (uint32_t)dead : 0;
}

static enum tris_err open_env(struct store *s, const struct store_opts *opts, char *detail,
                              size_t detail_size)
{
    char path[PATH_BYTES_MAX];
    struct stat st;
    if (!path_join(path, opts->dir, "store")) {
        return TRIS_ERR_INVALID;
    }
    enum tris_err err = opts->create ? make_dir(path) : TRIS_OK;
    if (err == TRIS_OK && !opts->create && stat(path, &st) != 0) {
        snprintf(detail, detail_size, "%.180s holds no store; run tris init first", opts->dir);
        return TRIS_ERR_NOT_INIT;
    }
    /* Under the shared lock nobody writes: a read-only environment needs no reader table. */
    if (err == TRIS_OK) {
        err = env_open(s, path, opts->read_only ? MDB_RDONLY | MDB_NOLOCK : 0);
    }
    if (err == TRIS_OK && !opts->read_only) {
        (void)store_drop_dead_readers(s);
    }
    struct tris_fed_id fed = {0};
    struct tris_house_id own = {0};
    if (err == TRIS_OK) {
        err = load(s, opts->create, &fed, &own);
    }
    if (err == TRIS_OK && opts->create) {
        err = sync_dir(path);
        if (err == TRIS_OK) {
            err = sync_dir(opts->dir);
        }
    }
    if (err == TRIS_OK &&
        (!tris_fed_id_eq(&fed, &opts->fed) || !tris_house_id_eq(&own, &opts->own))) {
        snprintf(detail, detail_size, "the store in %.150s belongs to another %s", opts->dir,
                 tris_fed_id_eq(&fed, &opts->fed) ? "house" : "federation");
        return TRIS_ERR_INVALID;
    }
    if (err != TRIS_OK) {
        snprintf(detail, detail_size, "the store in %.150s does not open: %s", opts->dir,
                 tris_err_text(err));
    }
    return err;
}

static void own_epoch_set(struct store *s, uint32_t epoch, const struct tris_sign_pub *key)
{
    s->own_epoch = epoch;
    memcpy(s->own_key.b, epoch == 0 ? s->own.b : key->b, sizeof s->own_key.b);
}

enum tris_err store_open(const struct store_opts *opts, struct store **out, char *detail,
                         size_t detail_size)
{
    detail[0] = '\0';
    tris_assert(!(opts->create && opts->read_only));
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(detail, detail_size, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
        return TRIS_ERR_NO_MEMORY;
    }
    s->lock_fd = -1;
    s->fresh_max = LEVELS_FRESH_MAX;
    fields_init(&s->plans);
    s->read_only = opts->read_only;
    s->map_bytes = opts->map_bytes != 0 ? opts->map_bytes : STORE_MAP_DEFAULT;
    s->fed = opts->fed;
    s->own = opts->own;
    own_epoch_set(s, opts->own_epoch, &opts->own_key);
    s->dir = strdup(opts->dir);
    enum tris_err err = s->dir != NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
    if (err == TRIS_OK && opts->create) {
        err = make_dir(opts->dir);
        if (err != TRIS_OK) {
            snprintf(detail, detail_size, "cannot make %.180s: %s", opts->dir, tris_err_text(err));
        }
    }
    if (err == TRIS_OK) {
        err = lock_take(opts->dir, !opts->read_only, &s->lock_fd, detail, detail_size);
    }
    if (err == TRIS_OK && !opts->read_only) {
        check_remove_stale(opts->dir);
    }
    if (err == TRIS_OK) {
        err = open_env(s, opts, detail, detail_size);
    }
    if (err != TRIS_OK) {
        if (detail[0] == '\0') {
            snprintf(detail, detail_size, "%s", tris_err_text(err));
        }
        store_close(s);
        return err;
    }
    *out = s;
    return TRIS_OK;
}

void store_close(struct store *s)
{
    if (s == NULL) {
        return;
    }
    txn_free(s->txn);
    levels_fini(s);
    if (s->env != NULL) {
        mdb_env_close(s->env);
    }
    if (s->lock_fd >= 0) {
        (void)close(s->lock_fd);
    }
    free(s->dir);
    free(s);
}

enum tris_err store_open_scratch(const char *dir, const struct store *like, struct store **out)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    s->lock_fd = -1;
    s->fresh_max = LEVELS_FRESH_MAX;
    fields_init(&s->plans);
    s->map_bytes = like->map_bytes;
    s->fed = like->fed;
    s->own = like->own;
    own_epoch_set(s, like->own_epoch, &like->own_key);
    s->dir = strdup(dir);
    enum tris_err err = s->dir != NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
    if (err == TRIS_OK) {
        err = env_open(s, dir, MDB_NOSYNC | MDB_NOLOCK);
    }
    struct tris_fed_id fed = {0};
    struct tris_house_id own = {0};
    if (err == TRIS_OK) {
        err = load(s, true, &fed, &own);
    }
    if (err != TRIS_OK) {
        store_close(s);
        return err;
    }
    *out = s;
    return TRIS_OK;
}

enum tris_err store_open_copy(const char *path, const char *scratch, const struct tris_fed_id *fed,
                              const struct tris_house_id *own, struct store **out)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    s->lock_fd = -1;
    s->fresh_max = LEVELS_FRESH_MAX;
    fields_init(&s->plans);
    s->read_only = true;
    s->epoch_read = true;
    s->map_bytes = STORE_MAP_DEFAULT;
    s->dir = strdup(scratch);
    enum tris_err err = s->dir != NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
    if (err == TRIS_OK) {
        err = env_open(s, path, MDB_RDONLY | MDB_NOLOCK);
    }
    if (err == TRIS_OK) {
        err = load(s, false, &s->fed, &s->own);
    }
    if (err == TRIS_OK && !(tris_fed_id_eq(&s->fed, fed) && tris_house_id_eq(&s->own, own))) {
        err = TRIS_ERR_INVALID;
    }
    if (err != TRIS_OK) {
        store_close(s);
        return err;
    }
    *out = s;
    return TRIS_OK;
}

enum tris_err store_identify(const char *dir, struct tris_fed_id *fed, struct tris_house_id *own)
{
    char path[PATH_BYTES_MAX];
    char detail[256];
    struct stat st;
    if (!path_join(path, dir, "store") || stat(path, &st) != 0) {
        return TRIS_ERR_NOT_INIT;
    }
    struct store s = {.lock_fd = -1, .read_only = true, .map_bytes = STORE_MAP_DEFAULT};
    /* A running writer holds the lock: then LMDB's own reader table protects this look. */
    enum tris_err err = lock_take(dir, false, &s.lock_fd, detail, sizeof detail);
    if (err == TRIS_OK || err == TRIS_ERR_IN_USE) {
        err = env_open(&s, path, MDB_RDONLY | (s.lock_fd >= 0 ? MDB_NOLOCK : 0));
    }
    MDB_txn *txn = NULL;
    if (err == TRIS_OK) {
        err = db_err(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &txn));
    }
    if (err == TRIS_OK) {
        int rc = mdb_dbi_open(txn, db_table_name(DB_META), 0, &s.dbi[DB_META]);
        err = rc == MDB_NOTFOUND ? TRIS_ERR_NOT_INIT : db_err(rc);
    }
    if (err == TRIS_OK) {
        struct store_view v = {.s = &s, .mdb = txn};
        err = meta_read(&v, fed, own);
    }
    if (txn != NULL) {
        mdb_txn_abort(txn);
    }
    if (s.env != NULL) {
        mdb_env_close(s.env);
    }
    if (s.lock_fd >= 0) {
        (void)close(s.lock_fd);
    }
    return err;
}
