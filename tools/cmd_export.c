/* tris export: the records that this node holds, as CSV (RFC 4180) or NDJSON, for spreadsheets and
 * for `tris import`, or as an SQLite database for analysts. Texts that a spreadsheet would
 * calculate get an apostrophe in front. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "tools/client.h"
#include "tools/csv.h"
#include "tools/lists.h"
#include "tools/outfile.h"
#include "tools/signals.h"
#include "tools/sqlite_out.h"

enum { TEXT_BYTES = 128 * 1024, FIELDS_MAX = 256 };

enum export_format { EXPORT_CSV, EXPORT_NDJSON, EXPORT_SQLITE };

struct export
{
    struct cli *cli;
    FILE *file;             /* CSV, NDJSON */
    struct sqlite_out *sql; /* SQLITE */
    enum export_format format;
    bool all_kinds, failed; /* failed: sqlite_out_error says why */
    const char *scope, *house;
    const char *column[FIELDS_MAX]; /* names of fields, of all kinds that are exported */
    size_t column_count;
    uint64_t rows;
    uint32_t today; /* YYYYMMDD */
    struct record record;
    uint8_t text[TEXT_BYTES];
};

static void add_columns(struct export *e, const struct kind *kind)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        const char *name = kind->fields[i].name;
        bool known = (kind->fields[i].flags & FIELD_HIDDEN) != 0;
        for (size_t k = 0; k < e->column_count && !known; k++) {
            known = strcmp(e->column[k], name) == 0;
        }
        if (!known && e->column_count < FIELDS_MAX) {
            e->column[e->column_count++] = name;
        }
    }
}

static void print_header(struct export *e)
{
    (void)fprintf(e->file, "record,house,%sscope", e->all_kinds ? "kind," : "");
    for (size_t i = 0; i < e->column_count; i++) {
        (void)fprintf(e->file, ",%s", e->column[i]);
    }
    (void)fputs("\r\n", e->file);
}

/* The text of one field, in e->text; empty if the record has none. */
static struct span field_text(struct export *e, const char *name)
{
    const struct field *field = schema_field_by_name(e->record.kind, span_str(name));
    const struct value *value = field != NULL ? record_value(&e->record, field->number) : NULL;
    struct wbuf w = wbuf_of(e->text, sizeof e->text);
    if (value != NULL && value->present) {
        record_print_value(&e->record, field, false, LANG_EN, &w);
    }
    return wbuf_span(&w);
}

struct row {
    struct span id, house, scope, payload;
};

static void print_csv(struct export *e, const struct row *row)
{
    const struct span lead[] = {row->id, row->house, span_str(e->record.kind->name), row->scope};
    for (size_t i = 0; i < 4; i++) {
        if (i == 2 && !e->all_kinds) {
            continue;
        }
        if (i > 0) {
            (void)fputc(',', e->file);
        }
        csv_put_cell(e->file, lead[i], ',', true);
    }
    for (size_t i = 0; i < e->column_count; i++) {
        (void)fputc(',', e->file);
        csv_put_cell(e->file, field_text(e, e->column[i]), ',', true);
    }
    (void)fputs("\r\n", e->file);
}

static json_t *json_span(struct span text)
{
    return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
}

static void print_ndjson(struct export *e, const struct row *row)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "record", json_span(row->id));
    (void)json_object_set_new(object, "house", json_span(row->house));
    (void)json_object_set_new(object, "kind", json_string(e->record.kind->name));
    (void)json_object_set_new(object, "scope", json_span(row->scope));
    for (size_t i = 0; i < e->column_count; i++) {
        struct span text = field_text(e, e->column[i]);
        if (text.len > 0) {
            (void)json_object_set_new(object, e->column[i], json_span(text));
        }
    }
    (void)json_dumpf(object, e->file, JSON_COMPACT);
    (void)fputc('\n', e->file);
    json_decref(object);
}

static void print_row(struct export *e, const struct kind *kind, const struct row *row)
{
    if (record_decode(kind, row->payload, &e->record, NULL) != TRIS_OK) {
        return; /* without effect on views; `tris log show` has it */
    }
    record_derive(&e->record, e->today);
    e->rows++;
    switch (e->format) {
    case EXPORT_CSV:
        print_csv(e, row);
        break;
    case EXPORT_NDJSON:
        print_ndjson(e, row);
        break;
    case EXPORT_SQLITE:
        e->failed =
            e->failed || !sqlite_out_row(e->sql, row->id, row->house, row->scope, &e->record);
        break;
    }
}

static bool read_page(struct export *e, const struct kind *kind, struct span result, char after[64])
{
    struct rbuf r = rbuf_of(ctl_map_get(result, "items"));
    struct rbuf cursor = rbuf_of(ctl_map_get(result, "after"));
    uint32_t items = pack_read_array(&r, 256);
    for (uint32_t i = 0; i < items && r.err == TRIS_OK; i++) {
        struct row row;
        (void)pack_read_array(&r, 4);
        row.id = pack_read_str(&r, 128);
        row.house = pack_read_str(&r, 128);
        row.scope = pack_read_str(&r, 16);
        row.payload = pack_read_bin(&r, TRIS_PAYLOAD_BYTES_MAX);
        if (r.err == TRIS_OK) {
            print_row(e, kind, &row);
        }
    }
    struct span next = pack_read_str(&cursor, 63);
    (void)snprintf(after, 64, "%.*s", (int)next.len, next.len > 0 ? (const char *)next.ptr : "");
    return rbuf_finish(&r) == TRIS_OK;
}

static bool write_params(const struct export *e, const struct kind *kind, const char *after,
                         struct wbuf *w)
{
    uint32_t pairs = 1;
    pairs += e->scope != NULL ? 1 : 0;
    pairs += e->house != NULL ? 1 : 0;
    pairs += after[0] != '\0' ? 1 : 0;
    pack_write_map(w, pairs);
    if (after[0] != '\0') {
        pack_write_cstr(w, "after");
        pack_write_cstr(w, after);
    }
    if (e->house != NULL) {
        pack_write_cstr(w, "house");
        pack_write_cstr(w, e->house);
    }
    pack_write_cstr(w, "kind");
    pack_write_cstr(w, kind->name);
    if (e->scope != NULL) {
        pack_write_cstr(w, "scope");
        pack_write_cstr(w, e->scope);
    }
    return w->err == TRIS_OK;
}

static int export_kind(struct export *e, const struct kind *kind)
{
    int code = EXIT_OK;
    char after[64] = "";
    uint8_t params[1024];
    struct fault fault;
    struct client *client = cli_client(e->cli, &code);
    if (client == NULL) {
        return code;
    }
    do {
        struct wbuf w = wbuf_of(params, sizeof params);
        struct span result;
        if (!write_params(e, kind, after, &w)) {
            return cli_usage(e->cli, "tris help export", _("a name is too long"));
        }
        if (!client_call(client, "export.page", wbuf_span(&w), &result, &fault)) {
            return cli_fail(e->cli, &fault);
        }
        if (!read_page(e, kind, result, after)) {
            return cli_error(e->cli, TRIS_ERR_BAD_TYPE, NULL, "tris version",
                             _("the daemon's answer to %s is not understood"), "export.page");
        }
    } while (after[0] != '\0' && !signals_came()); /* so that no half file stays behind */
    return after[0] != '\0' ? EXIT_INTERRUPTED : code;
}

static int sqlite_error(const struct export *e, const char *output)
{
    return cli_error(e->cli, TRIS_ERR_IO, _("No database was written."), "df -h", "%s: %s", output,
                     sqlite_out_error(e->sql));
}

static int export_kinds(struct export *e, const char *name)
{
    int code = EXIT_OK;
    const struct kind *only = e->all_kinds ? NULL : schema_kind_by_name(span_str(name));
    for (size_t i = 0; i < schema_kind_count(); i++) {
        if (only == NULL || schema_kind_at(i) == only) {
            add_columns(e, schema_kind_at(i));
        }
    }
    if (e->format == EXPORT_CSV) {
        print_header(e);
    }
    for (size_t i = 0; i < schema_kind_count() && code == EXIT_OK && !e->failed; i++) {
        const struct kind *kind = schema_kind_at(i);
        if (only != NULL && kind != only) {
            continue;
        }
        e->failed = e->format == EXPORT_SQLITE && !sqlite_out_kind(e->sql, kind);
        code = e->failed ? EXIT_FAILED : export_kind(e, kind);
    }
    return code;
}

static bool read_format(struct export *e, const char *format, const char *output)
{
    static const struct {
        const char *name, *suffix;
        enum export_format format;
    } rows[] = {{"csv", ".csv", EXPORT_CSV},
                {"ndjson", ".ndjson", EXPORT_NDJSON},
                {"sqlite", ".sqlite", EXPORT_SQLITE}};
    size_t len = output != NULL ? strlen(output) : 0;
    e->format = e->cli->json ? EXPORT_NDJSON : EXPORT_CSV;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].suffix);
        bool fits = format != NULL ? strcmp(format, rows[i].name) == 0
                                   : len > n && strcmp(output + len - n, rows[i].suffix) == 0;
        if (fits) {
            e->format = rows[i].format;
            return true;
        }
    }
    return format == NULL;
}

/* CSV and NDJSON, to a file or standard output. */
static int export_stream(struct export *e, const char *kind, const char *output)
{
    const bool to_file = output != NULL && strcmp(output, "-") != 0;
    struct outfile out;
    if (to_file && !outfile_open(&out, output)) {
        return cli_error(e->cli, TRIS_ERR_IO, _("Nothing was written."), NULL, "%s: %s", output,
                         strerror(errno));
    }
    e->file = to_file ? out.file : stdout;
    int code = export_kinds(e, kind);
    bool written = to_file ? outfile_end(&out, code == EXIT_OK) : fflush(stdout) == 0;
    if (code == EXIT_OK && !written) {
        code = cli_error(e->cli, TRIS_ERR_IO,
                         to_file ? _("No file was written; an older one is there as it was.")
                                 : _("The output is not complete."),
                         "df -h", "%s: %s", to_file ? output : "-", strerror(errno));
    }
    return code;
}

/* What the database is of, from the daemon's status. */
static bool write_meta(struct export *e, const json_t *status)
{
    char time[SHOW_BYTES];
    const struct {
        const char *key, *value;
    } rows[] = {
        {"exported", show_rfc3339(clock_wall_ms(), time)},
        {"version", TRIS_VERSION},
        {"root", get_text(status, "root")},
        {"house", get_text(json_object_get(status, "house"), "slug")},
        {"federation", get_text(json_object_get(status, "federation"), "name")},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && good; i++) {
        good = sqlite_out_meta(e->sql, rows[i].key, rows[i].value);
    }
    return good;
}

static int export_sqlite(struct export *e, const char *kind, const char *output)
{
    int code = EXIT_OK;
    char detail[256];
    if (output == NULL || strcmp(output, "-") == 0) {
        return cli_usage(e->cli, "tris help export", _("sqlite needs a file: -o FILE"));
    }
    json_t *status = cli_call(e->cli, "status", json_object(), &code);
    if (status == NULL) {
        return code;
    }
    e->sql = sqlite_out_open(output, detail);
    if (e->sql == NULL) {
        code = cli_error(e->cli, TRIS_ERR_IO, _("No database was written."), NULL, "%s: %s", output,
                         detail);
        goto out;
    }
    e->failed = !write_meta(e, status);
    if (!e->failed) {
        code = export_kinds(e, kind);
    }
    if (e->failed || (code == EXIT_OK && !sqlite_out_finish(e->sql))) {
        code = sqlite_error(e, output);
    }
out:
    sqlite_out_free(e->sql);
    json_decref(status);
    return code;
}

/* A signal that came meanwhile takes effect at the end. */
static int export_write(struct export *e, const char *kind, const char *output)
{
    struct signals signals;
    signals_hold(&signals);
    int code = e->format == EXPORT_SQLITE ? export_sqlite(e, kind, output)
                                          : export_stream(e, kind, output);
    signals_release(&signals, false);
    return code;
}

static int export_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    const char *output = args_value(args, "output");
    struct export *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    e->cli = cli;
    e->today = clock_today();
    e->scope = args_value(args, "scope");
    e->house = args_value(args, "house");
    e->all_kinds = strcmp(args->pos[0], "all") == 0;
    if (!e->all_kinds && schema_kind_by_name(span_str(args->pos[0])) == NULL) {
        code = cli_usage(cli, "tris help export", _("there is no kind \"%s\""), args->pos[0]);
    } else if (!read_format(e, args_value(args, "format"), output)) {
        code =
            cli_usage(cli, "tris help export", _("--format: allowed are csv, ndjson and sqlite"));
    } else {
        code = export_write(e, args->pos[0], output);
    }
    if (code == EXIT_OK && output != NULL && strcmp(output, "-") != 0) {
        cli_note(cli, _("%s: %llu records"), output, (unsigned long long)e->rows);
    }
    free(e);
    return code;
}

static const struct cli_option export_options[] = {
    {"format", "FORMAT", N_("csv (preset), ndjson or sqlite"), 0},
    {"output", "FILE", N_("write to a file"), 'o'},
    {"scope", "SCOPE", N_("only local or national ones"), 0},
    {"house", "HOUSE", N_("only those of this house"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_export_rows[] = {
    {"export", NULL, "KIND|all", N_("write records of one kind or all as CSV, NDJSON or SQLite"),
     export_options, 1, 1, 0, export_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
