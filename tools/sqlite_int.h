/* What the two halves of the SQLite export share: running statements, and the tables' words. */
#ifndef TRIS_TOOLS_SQLITE_INT_H
#define TRIS_TOOLS_SQLITE_INT_H

#include <sqlite3.h>

#include "tools/sqlite_out.h"

enum { SQL_BYTES_MAX = 32 * 1024, SQLITE_LISTS_MAX = 16, SQLITE_TEXT_BYTES = 128 * 1024 };

struct sqlite_out {
    sqlite3 *db;
    char path[1024], temp[1040];
    char error[256];
    bool finished;
    const struct kind *kind;
    sqlite3_stmt *insert;
    const struct field *list[SQLITE_LISTS_MAX]; /* the kind's fields that are lists */
    sqlite3_stmt *list_insert[SQLITE_LISTS_MAX];
    size_t list_count;
    bool has_partners;
    uint8_t text[SQLITE_TEXT_BYTES]; /* one value */
};

bool sqlite_is_list(const struct field *field);
/* Remembers what SQLite says; false always. */
bool sqlite_failed(struct sqlite_out *s);
bool sqlite_run(struct sqlite_out *s, const char *sql);

/* Statements as text. False: they do not fit (a bug of the schema). */
bool sqlite_table_sql(const struct kind *kind, char out[SQL_BYTES_MAX]);
bool sqlite_insert_sql(const struct kind *kind, char out[SQL_BYTES_MAX]);
bool sqlite_view_sql(const struct kind *kind, char out[SQL_BYTES_MAX]);

/* Code lists, districts, states. */
bool sqlite_write_lists(struct sqlite_out *s);
extern const char sqlite_partner_views[];

#endif
