/* The write transaction: sticky first error, cursors kept open, log heads cached, counter changes
 * and the feed's newest run held back until a reader or the commit needs them. */
#ifndef TRIS_STORAGE_TXN_H
#define TRIS_STORAGE_TXN_H

#include "storage/db.h"
#include "storage/delta.h"

enum { HEAD_BUCKETS = 1024, TXN_WIRE_BYTES = ROW_DRAFT_BYTES_MAX };
_Static_assert((size_t)TXN_WIRE_BYTES >= TRIS_ENTRY_WIRE_BYTES_MAX, "one wire form, or one draft");

/* A log that this transaction touched; written back when it is flushed. */
struct head {
    struct log_row row;
    bool dirty;
    struct head *next;
};

struct store_txn {
    bool open;
    enum tris_err err; /* the first one */
    struct store *s;
    struct store_view view;
    MDB_cursor *cursor[DB_TABLES];
    struct key last[DB_TABLES]; /* greatest key of tables that are appended to */
    bool last_known[DB_TABLES];
    struct pending *pending[DB_LEVELS]; /* see levels.h */
    bool levels_deleted;                /* a row of an index in two tables is gone */
    bool levels_filled;                 /* the filter has taken rows in */
    struct head *head[HEAD_BUCKETS];
    struct head *recent; /* the head asked for last */
    struct delta_set deltas;
    bool members_stale; /* who belongs may have changed: see members.h */
    bool arrival_known;
    uint64_t arrival;          /* number of the newest feed item */
    struct feed_row run;       /* the newest ones, not yet written; count 0: none */
    struct record *old_record; /* second scratch: the state that a change replaces */
    uint8_t *wire;             /* scratch for one wire form or draft; TXN_WIRE_BYTES */
};

void txn_fail(struct store_txn *t, enum tris_err err);
static inline bool txn_ok(const struct store_txn *t)
{
    return t->err == TRIS_OK;
}

/* The cursor that writes to the table, kept until the transaction ends; whoever moves it does not
 * count on its place after a write. NULL: the transaction is broken. Never to be closed. */
MDB_cursor *txn_cursor(struct store_txn *t, enum db_table table);

/* All of these are no-ops after the first error. */
void txn_put(struct store_txn *t, enum db_table table, struct span key, struct span value);
/* The same for keys that mostly ascend: cheaper behind the greatest key of the table. */
void txn_append(struct store_txn *t, enum db_table table, const struct key *key, struct span value);
void txn_del(struct store_txn *t, enum db_table table, struct span key); /* missing is fine */
/* Deletes the row where the table's cursor stands; MDB_NEXT then gives the one behind it. */
void txn_cursor_del(struct store_txn *t, enum db_table table);
/* False if there is no such row (or the transaction has failed). */
bool txn_get(struct store_txn *t, enum db_table table, struct span key, struct span *value);
void txn_count(struct store_txn *t, enum count_type type, uint32_t log_no, uint32_t kind,
               int64_t change);
/* Learns t->arrival, the greatest arrival number so far; false: the transaction is broken. */
bool txn_arrival(struct store_txn *t);
/* Before rows of the feed are taken away: their numbers will not be given again. */
void txn_arrival_keep(struct store_txn *t);
/* Adds one item to the feed. */
void txn_feed(struct store_txn *t, uint32_t log_no, uint64_t seq);

/* The head of an existing log; NULL and a failed transaction if there is none or no memory. */
struct head *txn_head(struct store_txn *t, uint32_t no);
/* Enters a head for a log that was just made. */
struct head *txn_head_add(struct store_txn *t, const struct log_row *row);
/* The head if this transaction has touched the log, else NULL. */
const struct head *txn_head_peek(struct store_txn *t, uint32_t no);
void txn_head_write(struct store_txn *t, struct head *head);

/* Writes what is held back, so that readers of this transaction see it. */
void txn_flush(struct store_txn *t);
/* Frees the reusable object; no transaction is open. */
void txn_free(struct store_txn *t);
/* Readers of derived tables call this first: flushes if `v` belongs to a transaction. */
TRIS_MUST_CHECK enum tris_err view_settle(struct store_view *v);

#endif
