/* Calls of memory, LMDB and files that a test may refuse: the linker gives them to the functions
 * below (--wrap), which count them down and refuse one. Header only, for tests that are programs of
 * their own. */
#ifndef TRIS_TESTS_UNIT_STORE_NTH_H
#define TRIS_TESTS_UNIT_STORE_NTH_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/db.h"

static struct {
    bool armed;
    uint64_t left;    /* calls until one is refused; 0 = now */
    uint64_t refused; /* in this run: 0 or 1 */
    const char *call;
} fault;

static bool refuse(const char *call)
{
    if (!fault.armed || fault.refused > 0 || fault.left-- > 0) {
        return false;
    }
    fault.refused = 1;
    fault.call = call;
    return true;
}

/* A call of libc: NULL or -1 and errno. */
#define LIBC(type, bad, code, name, params, args)                                                  \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        if (refuse(#name)) {                                                                       \
            errno = code;                                                                          \
            return bad;                                                                            \
        }                                                                                          \
        return __real_##name args;                                                                 \
    }
/* A call of LMDB: EIO. */
#define LMDB(name, params, args)                                                                   \
    int __real_##name params;                                                                      \
    int __wrap_##name params;                                                                      \
    int __wrap_##name params                                                                       \
    {                                                                                              \
        return refuse(#name) ? EIO : __real_##name args;                                           \
    }

LIBC(void *, NULL, ENOMEM, malloc, (size_t size), (size))
LIBC(void *, NULL, ENOMEM, calloc, (size_t count, size_t size), (count, size))
LIBC(void *, NULL, ENOMEM, realloc, (void *old, size_t size), (old, size))
LIBC(char *, NULL, ENOMEM, strdup, (const char *text), (text))
LIBC(int, -1, EIO, fsync, (int fd), (fd))
LIBC(int, -1, EIO, fdatasync, (int fd), (fd))
LIBC(int, -1, EIO, ftruncate, (int fd, off_t size), (fd, size))
LIBC(int, -1, EIO, rename, (const char *from, const char *to), (from, to))
LIBC(int, -1, EIO, mkdir, (const char *path, mode_t mode), (path, mode))
LIBC(int, -1, EIO, stat, (const char *path, struct stat *out), (path, out))
LIBC(ssize_t, -1, EIO, read, (int fd, void *bytes, size_t len), (fd, bytes, len))
LIBC(ssize_t, -1, EIO, write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
LMDB(mdb_env_create, (MDB_env * *env), (env))
LMDB(mdb_env_set_mapsize, (MDB_env * env, size_t size), (env, size))
LMDB(mdb_env_set_maxdbs, (MDB_env * env, MDB_dbi dbs), (env, dbs))
LMDB(mdb_env_set_maxreaders, (MDB_env * env, unsigned readers), (env, readers))
LMDB(mdb_env_copyfd2, (MDB_env * env, mdb_filehandle_t fd, unsigned flags), (env, fd, flags))
LMDB(mdb_env_open, (MDB_env * env, const char *path, unsigned flags, mdb_mode_t mode),
     (env, path, flags, mode))
LMDB(mdb_txn_begin, (MDB_env * env, MDB_txn *parent, unsigned flags, MDB_txn **txn),
     (env, parent, flags, txn))
LMDB(mdb_dbi_open, (MDB_txn * txn, const char *name, unsigned flags, MDB_dbi *dbi),
     (txn, name, flags, dbi))
LMDB(mdb_stat, (MDB_txn * txn, MDB_dbi dbi, MDB_stat *out), (txn, dbi, out))
LMDB(mdb_get, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value), (txn, dbi, key, value))
LMDB(mdb_put, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags),
     (txn, dbi, key, value, flags))
LMDB(mdb_del, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value), (txn, dbi, key, value))
LMDB(mdb_cursor_open, (MDB_txn * txn, MDB_dbi dbi, MDB_cursor **out), (txn, dbi, out))
LMDB(mdb_cursor_get, (MDB_cursor * cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op),
     (cursor, key, value, op))
LMDB(mdb_cursor_put, (MDB_cursor * cursor, MDB_val *key, MDB_val *value, unsigned flags),
     (cursor, key, value, flags))
LMDB(mdb_cursor_del, (MDB_cursor * cursor, unsigned flags), (cursor, flags))

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    if (refuse("mdb_txn_commit")) {
        mdb_txn_abort(txn); /* it is gone in either case */
        return EIO;
    }
    return __real_mdb_txn_commit(txn);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (refuse("open")) {
        errno = EIO;
        return -1;
    }
    return __real_open(path, flags, mode);
}

#endif
