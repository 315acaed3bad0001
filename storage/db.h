/* Inside of the store: the environment, its tables, and reading in a view. Only storage/ includes
 * this. Errors of LMDB are mapped here and nowhere else. */
#ifndef TRIS_STORAGE_DB_H
#define TRIS_STORAGE_DB_H

#include <lmdb.h>

#include "storage/fields.h"
#include "storage/filter.h"
#include "storage/key.h"
#include "storage/row.h"

enum { STORE_SCHEMA = 3 };

enum db_table {
    DB_META,
    DB_SETTING,
    DB_LOG,
    DB_LOG_ID,
    DB_HOUSE,
    DB_CARD,
    DB_SEAL,
    DB_ENTRY,
    DB_TREE,
    DB_RECORD,
    DB_INERT,
    DB_HOLE,
    DB_REGION,
    DB_SOURCE,
    DB_NAME,
    DB_NAME_FRESH,
    DB_CUBE,
    DB_COUNT,
    DB_FEED,
    DB_ARRIVAL,
    DB_WORD,
    DB_MATCH,
    DB_DRAFT,
    DB_ALIAS,
    DB_FORK,
    DB_TARGET,
    DB_CROSS,
    DB_TABLES
};
enum { DB_LEVELS = 1 }; /* indexes in two tables */
const char *db_table_name(enum db_table table);

/* What the writer remembers of an index in two tables; see levels.h. */
struct level {
    struct key moved;     /* up to there rows of the small table have moved on */
    struct filter filter; /* over both */
    size_t filling;       /* which of both tables is being read into the filter */
    struct key entered;   /* up to there its rows are in */
    bool whole;           /* all rows are: the filter may be believed */
};

struct store {
    MDB_env *env;
    MDB_dbi dbi[DB_TABLES];
    int lock_fd;
    char *dir;
    bool read_only;
    uint64_t map_bytes;
    struct tris_fed_id fed;
    struct tris_house_id own;
    uint32_t own_epoch; /* of the own logs that are written */
    struct tris_sign_pub own_key;
    bool epoch_read; /* a copy: the two are those that it was written with */
    struct fields_plans plans;
    struct store_view *replay_of; /* audit: entries are read from there, not stored again */
    struct level level[DB_LEVELS];
    uint64_t fresh_max;    /* LEVELS_FRESH_MAX; tests make it small */
    struct store_txn *txn; /* the one transaction object, reused; `open` inside tells */
};

struct store_view {
    struct store *s;
    MDB_txn *mdb;
    struct store_txn *txn; /* NULL: a plain reader */
    struct record *record; /* scratch for decoding, made on first use */
};

/* Any result of LMDB but MDB_NOTFOUND of a read that may miss. */
enum tris_err db_err(int rc);

/* TRIS_ERR_NOT_FOUND or an error; the value points into the map. */
TRIS_MUST_CHECK enum tris_err view_get(const struct store_view *v, enum db_table table,
                                       struct span key, struct span *value);
TRIS_MUST_CHECK enum tris_err view_cursor(const struct store_view *v, enum db_table table,
                                          MDB_cursor **out);
/* Moves a cursor; key is also the input of MDB_SET_RANGE. TRIS_ERR_NOT_FOUND at the end. */
TRIS_MUST_CHECK enum tris_err cursor_get(MDB_cursor *cursor, MDB_cursor_op op, struct span *key,
                                         struct span *value);
/* The last row whose key is below `bound`; *key is set alone. TRIS_ERR_NOT_FOUND: there is none. */
TRIS_MUST_CHECK enum tris_err cursor_below(MDB_cursor *cursor, const struct key *bound,
                                           struct span *key, struct span *value);
/* 50 KiB for record_decode; NULL if there is no memory. Freed with the view. */
struct record *view_record(struct store_view *v);
/* The last key of a table, copied; TRIS_ERR_NOT_FOUND if it is empty. */
TRIS_MUST_CHECK enum tris_err view_last_key(const struct store_view *v, enum db_table table,
                                            struct key *out);

/* The row of a folded entry in `inert`; TRIS_ERR_NOT_FOUND: it has effect. */
TRIS_MUST_CHECK enum tris_err view_inert(const struct store_view *v, uint32_t no, uint64_t seq,
                                         struct inert_row *out);
/* Of an effective change: the entry that named its record before it, and the effective put whose
 * state it replaced. One step back, however many entries without effect are in between. */
TRIS_MUST_CHECK enum tris_err view_put_before(struct store_view *v, uint32_t no, uint64_t seq,
                                              struct record_ref *prev, struct record_ref *put);

/* How many rows a table has. */
TRIS_MUST_CHECK enum tris_err view_rows(const struct store_view *v, enum db_table table,
                                        uint64_t *rows);

/* Opens an environment without locks and durability for recomputing (audit); same tables. */
TRIS_MUST_CHECK enum tris_err store_open_scratch(const char *dir, const struct store *like,
                                                 struct store **out);
/* Opens the environment in `path`, which nobody writes and which may lie on a read-only or network
 * file system. Audits work below `scratch`. TRIS_ERR_INVALID if it is of others. */
TRIS_MUST_CHECK enum tris_err store_open_copy(const char *path, const char *scratch,
                                              const struct tris_fed_id *fed,
                                              const struct tris_house_id *own, struct store **out);
/* The newest seals of the own gov and data log; zeros where there is none. */
TRIS_MUST_CHECK enum tris_err store_own_tip(struct store_view *v, struct store_mark *out);
/* Writes DIR/mark as one that says: this store was put back from a backup of `made` (a date). */
TRIS_MUST_CHECK enum tris_err store_mark_put_back(const char *dir, const char *made);
/* Removes what killed audits left in DIR. Under the exclusive lock: then no audit runs. */
void check_remove_stale(const char *dir);
/* Decodes the row of log `no`, and says whether it is a current own one. */
TRIS_MUST_CHECK enum tris_err log_row_open(const struct store *s, uint32_t no, struct span bytes,
                                           struct log_row *out);
/* Row of a log, from the transaction's cache if `v` belongs to one. */
TRIS_MUST_CHECK enum tris_err view_log_row(struct store_view *v, uint32_t no, struct log_row *out);
TRIS_MUST_CHECK enum tris_err view_record_row(struct store_view *v, struct record_ref ref,
                                              struct record_row *out);
/* The entry that named a record before entry `seq` of log `no` did; its seq is SEQ_NONE if that one
 * created it. TRIS_ERR_NOT_FOUND if it names no record. */
TRIS_MUST_CHECK enum tris_err view_entry_prev(struct store_view *v, uint32_t no, uint64_t seq,
                                              struct record_ref *prev);

/* Size of the file system and what is left of it for us; zeros if not known. */
void room_of_disk(const struct store *s, uint64_t *all, uint64_t *left);
/* True if the disk (or the limit of file sizes) leaves the data file no room. */
bool room_is_out(const struct store *s);
/* True for file systems on which LMDB's map or locks do not work (statfs f_type). */
bool lock_fs_is_network(unsigned long type);
/* From now on a fault of the mapped file ends the process with a sentence (SIGBUS: exit 14). */
void db_trap_faults(void);
/* flock on DIR, exclusive or shared; *fd to close at the end. detail as in store_open. */
TRIS_MUST_CHECK enum tris_err lock_take(const char *dir, bool exclusive, int *fd, char *detail,
                                        size_t detail_size);

#endif
