/* Tables and views of the SQLite export, out of the schema of the record kinds; see sqlite_out.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/district.h"
#include "tools/sqlite_int.h"

bool sqlite_is_list(const struct field *field)
{
    return field->type == FIELD_CODES || field->type == FIELD_REGIONS || field->type == FIELD_TEXTS;
}

static const char *type_of(const struct field *field)
{
    switch (field->type) {
    case FIELD_BOOL:
    case FIELD_UINT:
        return "INTEGER";
    case FIELD_KEY:
        return "BLOB";
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_CODE:
    case FIELD_CODES:
    case FIELD_DATE:
    case FIELD_REGION:
    case FIELD_REGIONS:
    case FIELD_TEXTS:
    case FIELD_POSTCODE:
    case FIELD_URL:
    case FIELD_MAILBOX:
    case FIELD_REF:
        return "TEXT";
    }
    return "TEXT";
}

/* Text that grows; `full` once something did not fit. */
struct sql {
    char *text;
    size_t len;
    bool full;
};

static __attribute__((format(printf, 2, 3))) void add(struct sql *q, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(q->text + q->len, SQL_BYTES_MAX - q->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= SQL_BYTES_MAX - q->len) {
        q->full = true;
        return;
    }
    q->len += (size_t)n;
}

bool sqlite_table_sql(const struct kind *kind, char out[SQL_BYTES_MAX])
{
    struct sql q = {.text = out};
    add(&q,
        "CREATE TABLE \"%s\" (record TEXT PRIMARY KEY, house TEXT NOT NULL, scope TEXT NOT "
        "NULL",
        kind->name);
    for (size_t i = 0; i < kind->field_count; i++) {
        add(&q, ", \"%s\" %s", kind->fields[i].name, type_of(&kind->fields[i]));
    }
    add(&q, ");");
    for (size_t i = 0; i < kind->field_count; i++) {
        if (sqlite_is_list(&kind->fields[i])) {
            add(&q,
                "CREATE TABLE \"%s_%s\" (record TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY "
                "(record, value)) WITHOUT ROWID;",
                kind->name, kind->fields[i].name);
        }
    }
    return !q.full;
}

bool sqlite_insert_sql(const struct kind *kind, char out[SQL_BYTES_MAX])
{
    struct sql q = {.text = out};
    add(&q, "INSERT INTO \"%s\" VALUES (?, ?, ?", kind->name);
    for (size_t i = 0; i < kind->field_count; i++) {
        add(&q, ", ?");
    }
    add(&q, ")");
    return !q.full;
}

/* Beside a code its labels, beside a list of codes its labels joined, beside a district its name
 * and its state. */
static void add_labels(struct sql *q, const struct kind *kind, const struct field *field)
{
    const char *name = field->name;
    static const char *const langs[] = {"de", "en"};
    for (size_t i = 0; i < 2 && field->codes != NULL; i++) {
        if (field->type == FIELD_CODE) {
            add(q, ", \"c_%s\".label_%s AS \"%s_%s\"", name, langs[i], name, langs[i]);
        } else {
            add(q,
                ", (SELECT group_concat(c.label_%s, ', ') FROM \"%s_%s\" l JOIN \"code_%s\" c ON "
                "c.code = l.value WHERE l.record = r.record) AS \"%s_%s\"",
                langs[i], kind->name, name, field->codes->name, name, langs[i]);
        }
    }
    if (field->type == FIELD_REGION) {
        add(q,
            ", \"d_%s\".name AS \"%s_name\", \"d_%s\".state AS \"%s_state\", \"s_%s\".name AS "
            "\"%s_state_name\"",
            name, name, name, name, name, name);
    }
}

static void add_joins(struct sql *q, const struct field *field)
{
    const char *name = field->name;
    if (field->type == FIELD_CODE) {
        add(q, " LEFT JOIN \"code_%s\" \"c_%s\" ON \"c_%s\".code = r.\"%s\"", field->codes->name,
            name, name, name);
    } else if (field->type == FIELD_REGION) {
        add(q,
            " LEFT JOIN district \"d_%s\" ON \"d_%s\".ags = r.\"%s\" LEFT JOIN state \"s_%s\" ON "
            "\"s_%s\".code = \"d_%s\".state",
            name, name, name, name, name, name);
    }
}

bool sqlite_view_sql(const struct kind *kind, char out[SQL_BYTES_MAX])
{
    struct sql q = {.text = out};
    add(&q, "CREATE VIEW \"v_%s\" AS SELECT r.*", kind->name);
    for (size_t i = 0; i < kind->field_count; i++) {
        add_labels(&q, kind, &kind->fields[i]);
    }
    add(&q, " FROM \"%s\" r", kind->name);
    for (size_t i = 0; i < kind->field_count; i++) {
        add_joins(&q, &kind->fields[i]);
    }
    return !q.full;
}

/* As the national view counts: what is listed. A district without partners is a row, too. */
#define PARTNER_COUNTS                                                                             \
    "count(p.record) AS partners, count(CASE WHEN p.sector = 'W' THEN 1 END) AS W, "               \
    "count(CASE WHEN p.sector = 'S' THEN 1 END) AS S, "                                            \
    "count(CASE WHEN p.sector = 'Z' THEN 1 END) AS Z"

const char sqlite_partner_views[] =
    "CREATE INDEX partner_region ON partner (region);"
    "CREATE INDEX partner_sector ON partner (sector);"
    "CREATE VIEW v_partners_by_region AS SELECT d.ags AS region, d.name, d.state, s.name AS "
    "state_name, d.population, " PARTNER_COUNTS
    ", round(100000.0 * count(p.record) / d.population, 2) AS per_100000 FROM district d JOIN "
    "state s ON s.code = d.state LEFT JOIN partner p ON p.region = d.ags AND p.scope = 'national' "
    "GROUP BY d.ags;"
    "CREATE VIEW v_partners_by_state AS SELECT s.code AS state, s.name, s.iso, "
    "s.population, " PARTNER_COUNTS
    ", round(100000.0 * count(p.record) / s.population, 2) AS per_100000 FROM state s LEFT JOIN "
    "partner p ON substr(p.region, 1, 2) = s.code AND p.scope = 'national' GROUP BY s.code;"
    "CREATE VIEW v_partners_by_sector AS SELECT c.code AS sector, c.label_de, c.label_en, "
    "count(p.record) AS partners, count(CASE WHEN p.status = 'active' THEN 1 END) AS active FROM "
    "code_sector c LEFT JOIN partner p ON p.sector = c.code AND p.scope = 'national' GROUP BY "
    "c.code;";

/* ---- lists that every export carries ---- */

static bool insert_texts(struct sqlite_out *s, sqlite3_stmt *insert, const char *const *text,
                         size_t texts, sqlite3_int64 number)
{
    for (size_t i = 0; i < texts; i++) {
        (void)sqlite3_bind_text(insert, (int)i + 1, text[i], -1, SQLITE_TRANSIENT);
    }
    (void)sqlite3_bind_int64(insert, (int)texts + 1, number);
    bool done = sqlite3_step(insert) == SQLITE_DONE || sqlite_failed(s);
    (void)sqlite3_reset(insert);
    return done;
}

static bool write_codes(struct sqlite_out *s, const struct code_list *list)
{
    char text[512];
    sqlite3_stmt *insert = NULL;
    (void)snprintf(text, sizeof text,
                   "CREATE TABLE \"code_%s\" (code TEXT PRIMARY KEY, label_de TEXT NOT NULL, "
                   "label_en TEXT NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID",
                   list->name);
    if (!sqlite_run(s, text)) {
        return false;
    }
    (void)snprintf(text, sizeof text, "INSERT INTO \"code_%s\" VALUES (?, ?, ?, ?)", list->name);
    bool good = sqlite3_prepare_v2(s->db, text, -1, &insert, NULL) == SQLITE_OK || sqlite_failed(s);
    for (size_t i = 0; i < list->count && good; i++) {
        const char *texts[] = {list->codes[i].code, list->codes[i].label_de,
                               list->codes[i].label_en};
        good = insert_texts(s, insert, texts, 3, list->codes[i].number);
    }
    (void)sqlite3_finalize(insert);
    return good;
}

static sqlite3_int64 state_population(const char *code)
{
    sqlite3_int64 sum = 0;
    for (size_t i = 0; i < district_count(); i++) {
        sum += strncmp(district_at(i)->ags, code, 2) == 0 ? district_at(i)->population : 0;
    }
    return sum;
}

static bool write_places(struct sqlite_out *s)
{
    sqlite3_stmt *insert = NULL;
    char state[3] = "";
    if (!sqlite_run(s, "CREATE TABLE state (code TEXT PRIMARY KEY, name TEXT NOT NULL, iso TEXT "
                       "NOT NULL, population INTEGER NOT NULL) WITHOUT ROWID;"
                       "CREATE TABLE district (ags TEXT PRIMARY KEY, name TEXT NOT NULL, state "
                       "TEXT NOT NULL, population INTEGER NOT NULL) WITHOUT ROWID")) {
        return false;
    }
    bool good = sqlite3_prepare_v2(s->db, "INSERT INTO state VALUES (?, ?, ?, ?)", -1, &insert,
                                   NULL) == SQLITE_OK ||
                sqlite_failed(s);
    for (size_t i = 0; good && state_at(i) != NULL; i++) {
        const char *texts[] = {state_at(i)->code, state_at(i)->name, state_at(i)->iso};
        good = insert_texts(s, insert, texts, 3, state_population(texts[0]));
    }
    (void)sqlite3_finalize(insert);
    insert = NULL;
    good = good && (sqlite3_prepare_v2(s->db, "INSERT INTO district VALUES (?, ?, ?, ?)", -1,
                                       &insert, NULL) == SQLITE_OK ||
                    sqlite_failed(s));
    for (size_t i = 0; i < district_count() && good; i++) {
        (void)snprintf(state, sizeof state, "%.2s", district_at(i)->ags);
        const char *texts[] = {district_at(i)->ags, district_at(i)->name, state};
        good = insert_texts(s, insert, texts, 3, district_at(i)->population);
    }
    (void)sqlite3_finalize(insert);
    return good;
}

bool sqlite_write_lists(struct sqlite_out *s)
{
    bool good = write_places(s);
    for (size_t i = 0; i < schema_code_list_count() && good; i++) {
        good = write_codes(s, schema_code_list_at(i));
    }
    return good;
}
