/* Writing records into an SQLite database for analysts: a table a kind with typed columns, a table
 * for each list, code tables with labels in both languages, districts, and views over them.
 *
 * Made beside its place under another name and renamed when it is whole. Texts of others only ever
 * are bound parameters; names of tables and columns come from the schema alone. */
#ifndef TRIS_TOOLS_SQLITE_OUT_H
#define TRIS_TOOLS_SQLITE_OUT_H

#include "proto/record.h"

struct sqlite_out; /* opaque */

/* Begins the database that will be `path`. NULL: no memory, or `detail` (256 bytes) says why. */
struct sqlite_out *sqlite_out_open(const char *path, char detail[256]);
/* The tables of a kind; the rows that follow are of this one. All of these: false after a failure,
 * which sqlite_out_error words. */
bool sqlite_out_kind(struct sqlite_out *s, const struct kind *kind);
bool sqlite_out_row(struct sqlite_out *s, struct span id, struct span house, struct span scope,
                    const struct record *record);
/* A row of the table `meta`: where the data comes from and of when it is. */
bool sqlite_out_meta(struct sqlite_out *s, const char *key, const char *value);
/* Views, commit, sync, rename; then only sqlite_out_free may follow. */
bool sqlite_out_finish(struct sqlite_out *s);
const char *sqlite_out_error(const struct sqlite_out *s);
/* Removes what was not finished. NULL is allowed. */
void sqlite_out_free(struct sqlite_out *s);

#endif
