/* Writing the SQLite export; see sqlite_out.h. */
#include "tools/sqlite_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/files.h"
#include "tools/sqlite_int.h"

bool sqlite_failed(struct sqlite_out *s)
{
    if (s->error[0] == '\0') {
        (void)snprintf(s->error, sizeof s->error, "%s", sqlite3_errmsg(s->db));
    }
    return false;
}

bool sqlite_run(struct sqlite_out *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || sqlite_failed(s);
}

static bool make_temp(struct sqlite_out *s, const char *path)
{
    int n = snprintf(s->path, sizeof s->path, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof s->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    (void)snprintf(s->temp, sizeof s->temp, "%s.XXXXXX", path);
    int fd = mkstemp(s->temp);
    if (fd < 0) {
        s->temp[0] = '\0';
        return false;
    }
    (void)close(fd);
    return true;
}

/* Nobody reads the file before it is renamed: no journal, and one sync at the end. */
static bool begin(struct sqlite_out *s)
{
    if (sqlite3_open_v2(s->temp, &s->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        return sqlite_failed(s);
    }
    return sqlite_run(s, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;"
                         "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)") &&
           sqlite_write_lists(s);
}

struct sqlite_out *sqlite_out_open(const char *path, char detail[256])
{
    struct sqlite_out *s = calloc(1, sizeof *s);
    detail[0] = '\0';
    if (s == NULL) {
        return NULL;
    }
    if (!make_temp(s, path)) {
        (void)snprintf(detail, 256, "%s", strerror(errno));
    } else if (!begin(s)) {
        (void)snprintf(detail, 256, "%s", s->error);
    } else {
        return s;
    }
    sqlite_out_free(s);
    return NULL;
}

static void end_kind(struct sqlite_out *s)
{
    (void)sqlite3_finalize(s->insert);
    s->insert = NULL;
    for (size_t i = 0; i < s->list_count; i++) {
        (void)sqlite3_finalize(s->list_insert[i]);
    }
    s->list_count = 0;
}

static bool prepare(struct sqlite_out *s, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v2(s->db, sql, -1, out, NULL) == SQLITE_OK || sqlite_failed(s);
}

static bool prepare_kind(struct sqlite_out *s, const struct kind *kind, char sql[SQL_BYTES_MAX])
{
    bool good = sqlite_table_sql(kind, sql) && sqlite_run(s, sql) && sqlite_view_sql(kind, sql) &&
                sqlite_run(s, sql) && sqlite_insert_sql(kind, sql) && prepare(s, sql, &s->insert);
    for (size_t i = 0; i < kind->field_count && good; i++) {
        if (!sqlite_is_list(&kind->fields[i]) || s->list_count == SQLITE_LISTS_MAX) {
            continue;
        }
        (void)snprintf(sql, SQL_BYTES_MAX, "INSERT OR IGNORE INTO \"%s_%s\" VALUES (?, ?)",
                       kind->name, kind->fields[i].name);
        s->list[s->list_count] = &kind->fields[i];
        good = prepare(s, sql, &s->list_insert[s->list_count++]);
    }
    return good;
}

bool sqlite_out_kind(struct sqlite_out *s, const struct kind *kind)
{
    char *sql = malloc(SQL_BYTES_MAX);
    if (sql == NULL) {
        return sqlite_failed(s);
    }
    end_kind(s);
    s->kind = kind;
    s->has_partners = s->has_partners || kind->number == KIND_PARTNER;
    bool good = prepare_kind(s, kind, sql);
    free(sql);
    return good || sqlite_failed(s);
}

static void bind_span(sqlite3_stmt *insert, int column, struct span text)
{
    (void)sqlite3_bind_text(insert, column, text.len > 0 ? (const char *)text.ptr : "",
                            (int)text.len, SQLITE_TRANSIENT);
}

static void bind_value(sqlite3_stmt *insert, int column, const struct record *record,
                       const struct field *field, struct wbuf *text)
{
    const struct value *value = record_value(record, field->number);
    if (value == NULL || !value->present) {
        (void)sqlite3_bind_null(insert, column);
    } else if (field->type == FIELD_BOOL || field->type == FIELD_UINT) {
        (void)sqlite3_bind_int64(insert, column, (sqlite3_int64)value->number);
    } else if (field->type == FIELD_KEY) {
        (void)sqlite3_bind_blob(insert, column, value->text.ptr, (int)value->text.len,
                                SQLITE_TRANSIENT);
    } else {
        text->len = 0;
        record_print_value(record, field, false, LANG_EN, text);
        bind_span(insert, column, wbuf_span(text));
    }
}

static bool insert_row(struct sqlite_out *s, sqlite3_stmt *insert)
{
    bool done = sqlite3_step(insert) == SQLITE_DONE || sqlite_failed(s);
    (void)sqlite3_reset(insert);
    return done;
}

/* One row for each item. Codes are printed one by one, as they are in the code tables. */
static bool insert_items(struct sqlite_out *s, size_t list, struct span id,
                         const struct record *record)
{
    const struct field *field = s->list[list];
    const struct value *value = record_value(record, field->number);
    bool good = true;
    for (uint32_t i = 0; value != NULL && value->present && i < value->count && good; i++) {
        const struct code *code =
            field->type == FIELD_CODES ? schema_code(field->codes, value->codes[i]) : NULL;
        bind_span(s->list_insert[list], 1, id);
        if (field->type != FIELD_CODES) {
            bind_span(s->list_insert[list], 2, value->texts[i]);
        } else if (code != NULL) {
            bind_span(s->list_insert[list], 2, span_str(code->code));
        } else {
            (void)sqlite3_bind_int64(s->list_insert[list], 2, value->codes[i]);
        }
        good = insert_row(s, s->list_insert[list]);
    }
    return good;
}

bool sqlite_out_row(struct sqlite_out *s, struct span id, struct span house, struct span scope,
                    const struct record *record)
{
    const struct span lead[] = {id, house, scope};
    struct wbuf text = wbuf_of(s->text, sizeof s->text);
    for (size_t i = 0; i < 3; i++) {
        bind_span(s->insert, (int)i + 1, lead[i]);
    }
    for (size_t i = 0; i < s->kind->field_count; i++) {
        bind_value(s->insert, (int)i + 4, record, &s->kind->fields[i], &text);
    }
    bool good = insert_row(s, s->insert);
    for (size_t i = 0; i < s->list_count && good; i++) {
        good = insert_items(s, i, id, record);
    }
    return good;
}

bool sqlite_out_meta(struct sqlite_out *s, const char *key, const char *value)
{
    sqlite3_stmt *insert = NULL;
    bool good = prepare(s, "INSERT OR REPLACE INTO meta VALUES (?, ?)", &insert);
    if (good) {
        bind_span(insert, 1, span_str(key));
        bind_span(insert, 2, span_str(value));
        good = insert_row(s, insert);
    }
    (void)sqlite3_finalize(insert);
    return good;
}

static bool publish(struct sqlite_out *s)
{
    if (!file_publish(s->temp, s->path)) {
        (void)snprintf(s->error, sizeof s->error, "%s", strerror(errno));
        return false;
    }
    return true;
}

bool sqlite_out_finish(struct sqlite_out *s)
{
    end_kind(s);
    if (s->has_partners && !sqlite_run(s, sqlite_partner_views)) {
        return false;
    }
    if (!sqlite_run(s, "COMMIT; ANALYZE")) {
        return false;
    }
    if (sqlite3_close(s->db) != SQLITE_OK) {
        return sqlite_failed(s);
    }
    s->db = NULL;
    s->finished = publish(s);
    return s->finished;
}

const char *sqlite_out_error(const struct sqlite_out *s)
{
    return s->error;
}

void sqlite_out_free(struct sqlite_out *s)
{
    if (s == NULL) {
        return;
    }
    end_kind(s);
    (void)sqlite3_close(s->db);
    if (!s->finished && s->temp[0] != '\0') {
        (void)unlink(s->temp);
    }
    free(s);
}
