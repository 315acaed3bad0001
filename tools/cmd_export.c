/* tris export: the records that this node holds, as CSV (RFC 4180) or NDJSON, for spreadsheets and
 * for `tris import`. Texts that a spreadsheet would calculate get an apostrophe in front. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "tools/client.h"
#include "tools/csv.h"
#include "tools/lists.h"

enum { TEXT_BYTES = 128 * 1024, FIELDS_MAX = 256 };

struct export
{
    struct cli *cli;
    FILE *file;
    bool csv, all_kinds;
    const char *scope, *house;
    const char *column[FIELDS_MAX]; /* names of fields, of all kinds that are exported */
    size_t column_count;
    uint64_t rows;
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
    e->rows++;
    if (e->csv) {
        print_csv(e, row);
    } else {
        print_ndjson(e, row);
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
    } while (after[0] != '\0');
    return code;
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
    if (e->csv) {
        print_header(e);
    }
    for (size_t i = 0; i < schema_kind_count() && code == EXIT_OK; i++) {
        if (only == NULL || schema_kind_at(i) == only) {
            code = export_kind(e, schema_kind_at(i));
        }
    }
    return code;
}

static bool read_format(struct export *e, const char *format, const char *output)
{
    size_t len = output != NULL ? strlen(output) : 0;
    if (format == NULL) {
        bool ndjson = len > 7 && strcmp(output + len - 7, ".ndjson") == 0;
        e->csv = !ndjson && !e->cli->json;
        return true;
    }
    e->csv = strcmp(format, "csv") == 0;
    return e->csv || strcmp(format, "ndjson") == 0;
}

static int export_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    const char *output = args_value(args, "output");
    const bool to_file = output != NULL && strcmp(output, "-") != 0;
    struct export *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    e->cli = cli;
    e->scope = args_value(args, "scope");
    e->house = args_value(args, "house");
    e->all_kinds = strcmp(args->pos[0], "all") == 0;
    e->file = stdout;
    if (!e->all_kinds && schema_kind_by_name(span_str(args->pos[0])) == NULL) {
        code = cli_usage(cli, "tris help export", _("there is no kind \"%s\""), args->pos[0]);
    } else if (!read_format(e, args_value(args, "format"), output)) {
        code = cli_usage(cli, "tris help export", _("--format: allowed are csv and ndjson"));
    } else if (to_file && (e->file = fopen(output, "w")) == NULL) {
        code = cli_error(cli, TRIS_ERR_IO, _("Nothing was written."), NULL, "%s: %s", output,
                         strerror(errno));
    } else {
        code = export_kinds(e, args->pos[0]);
    }
    bool written = e->file == NULL || fflush(e->file) == 0;
    if (to_file && e->file != NULL && fclose(e->file) != 0) {
        written = false;
    }
    if (code == EXIT_OK && !written) {
        code = cli_error(cli, TRIS_ERR_IO, _("The output is not complete."), "df -h", "%s: %s",
                         to_file ? output : "-", strerror(errno));
    } else if (code == EXIT_OK && to_file) {
        cli_note(cli, _("%s: %llu records"), output, (unsigned long long)e->rows);
    }
    free(e);
    return code;
}

static const struct cli_option export_options[] = {
    {"format", "FORMAT", N_("csv (preset) or ndjson"), 0},
    {"output", "FILE", N_("write to a file"), 'o'},
    {"scope", "SCOPE", N_("only local or national ones"), 0},
    {"house", "HOUSE", N_("only those of this house"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_export_rows[] = {
    {"export", NULL, "KIND|all", N_("write partner, house or all records as CSV or NDJSON"),
     export_options, 1, 1, 0, export_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
