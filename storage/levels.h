/* Indexes whose keys come in no order, in two tables: new rows go into a small one, whose pages are
 * few; from there they move on in the order of their keys, a slice with a commit, so that those
 * that meet on a page of the large table are written together. A row is in one of both. What one
 * transaction adds waits in memory until its end and is written in order, too; a filter spares
 * look-ups of what is in neither table. */
#ifndef TRIS_STORAGE_LEVELS_H
#define TRIS_STORAGE_LEVELS_H

#include "storage/txn.h"

enum {
    LEVELS_FRESH_MAX = 131072,  /* rows of the small table that stay there */
    LEVELS_MOVE_MIN = 4096,     /* fewer are not moved: small commits stay small */
    LEVELS_PENDING_MAX = 32768, /* rows in memory */
};

/* The small table beside a large one (DB_NAME). */
enum db_table levels_fresh(enum db_table table);
void levels_put(struct store_txn *t, enum db_table table, const struct key *key);
void levels_del(struct store_txn *t, enum db_table table, const struct key *key);
/* The rows in memory whose key is `prefix` and a record's reference, one a call; *at starts as 0.
 * NULL: no more. */
const struct key *levels_pending(const struct store_txn *t, enum db_table table,
                                 const struct key *prefix, uint32_t *at);
/* False: no row of both tables begins with `prefix` and ends with a record's reference. */
bool levels_maybe(struct store_txn *t, enum db_table table, const struct key *prefix);
/* Writes what is in memory, moves what the small tables have too much; at the end of a transaction.
 */
void levels_settle(struct store_txn *t);
/* The transaction is over, its changes have come to pass or not. */
void levels_over(struct store_txn *t, bool committed);
/* Frees what is in memory. */
void levels_txn_fini(struct store_txn *t);
void levels_fini(struct store *s);

#endif
