/* tris import: a list of partners (or houses) into this house's records, safe to repeat. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/encoding.h"
#include "tools/import.h"
#include "tools/import_undo.h"
#include "tools/lists.h"

enum { SNIFF_BYTES = 4096, PATH_BYTES = 1100, JSON_ITEMS_MAX = 10000 };

struct import {
    struct cli *cli;
    const struct args *args;
    const char *path;
    struct import_source source;
    struct columns columns;
    struct list_map *map; /* NULL: none */
    struct import_plan plan;
    struct import_result result;
    char rejected_path[PATH_BYTES]; /* "" while there is none */
};

/* Standard input is kept in a temporary file, because a list is read more than once. */
static FILE *open_list(const char *path, uint64_t *size)
{
    struct stat st;
    if (strcmp(path, "-") != 0) {
        FILE *file = fopen(path, "r");
        if (file != NULL && (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))) {
            (void)fclose(file);
            errno = EISDIR;
            return NULL;
        }
        *size = file != NULL ? (uint64_t)st.st_size : 0;
        return file;
    }
    char buffer[65536];
    size_t len;
    FILE *copy = tmpfile();
    while (copy != NULL && (len = fread(buffer, 1, sizeof buffer, stdin)) > 0) {
        if (fwrite(buffer, 1, len, copy) != len) {
            (void)fclose(copy);
            return NULL;
        }
        *size += len;
    }
    return copy;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), want = strlen(end);
    return len >= want && strcmp(text + len - want, end) == 0;
}

/* By the option, the name, or the first character that is no blank. */
static bool find_format(struct import *im, const char *option)
{
    char head[SNIFF_BYTES];
    if (option != NULL) {
        im->source.format = strcmp(option, "ndjson") == 0 ? IMPORT_NDJSON : IMPORT_CSV;
        return strcmp(option, "ndjson") == 0 || strcmp(option, "csv") == 0;
    }
    rewind(im->source.file);
    size_t len = fread(head, 1, sizeof head, im->source.file);
    struct span text = import_trim(span_of(head, len));
    im->source.format = ends_with(im->path, ".ndjson") || ends_with(im->path, ".jsonl") ||
                                (text.len > 0 && text.ptr[0] == '{')
                            ? IMPORT_NDJSON
                            : IMPORT_CSV;
    return true;
}

/* "lists/partner.csv" is the source "partner". */
static void name_source(struct import *im, const char *option)
{
    const char *slash = strrchr(im->path, '/');
    const char *base = option != NULL ? option : slash != NULL ? slash + 1 : im->path;
    size_t len = strlen(base);
    const char *dot = option == NULL ? strrchr(base, '.') : NULL;
    if (dot != NULL && dot > base) {
        len = (size_t)(dot - base);
    }
    if (option == NULL && ends_with(base, ".rejected.csv")) {
        len = strlen(base) - strlen(".rejected.csv");
    }
    (void)snprintf(im->plan.row.source_name, sizeof im->plan.row.source_name, "%.*s",
                   (int)(len < 80 ? len : 80), strcmp(base, "-") == 0 ? "stdin" : base);
    while (im->plan.row.source_name[0] != '\0' && !utf8_valid(span_str(im->plan.row.source_name))) {
        im->plan.row.source_name[strlen(im->plan.row.source_name) - 1] = '\0';
    }
}

/* ---- the file of rejected rows: the list's own columns and three in front ---- */

struct rejected_writer {
    struct import *im;
    FILE *file;
    size_t next;
    bool header_done;
};

static void put_rejected_csv(struct rejected_writer *w, const struct rejected *r,
                             const struct span *cell, size_t count)
{
    char delimiter = w->im->source.info.delimiter;
    char line[24];
    const struct columns *c = &w->im->columns;
    if (!w->header_done) {
        w->header_done = true;
        (void)fprintf(w->file, "rejected_line%crejected_column%crejected_reason", delimiter,
                      delimiter);
        for (size_t i = 0; i < c->count; i++) {
            (void)fputc(delimiter, w->file);
            csv_put_cell(w->file, span_str(c->column[i].name), delimiter, false);
        }
        (void)fputs("\r\n", w->file);
    }
    (void)snprintf(line, sizeof line, "%llu", (unsigned long long)r->line);
    csv_put_cell(w->file, span_str(line), delimiter, false);
    (void)fputc(delimiter, w->file);
    csv_put_cell(w->file, span_str(r->column), delimiter, true);
    (void)fputc(delimiter, w->file);
    csv_put_cell(w->file, span_str(r->reason), delimiter, true);
    for (size_t i = 0; i < count; i++) {
        (void)fputc(delimiter, w->file);
        csv_put_cell(w->file, cell[i], delimiter, false);
    }
    (void)fputs("\r\n", w->file);
}

static void put_rejected_json(struct rejected_writer *w, const struct rejected *r,
                              const struct span *cell, size_t count)
{
    json_t *object = json_pack("{s:I, s:s, s:s}", "rejected_line", (json_int_t)r->line,
                               "rejected_column", r->column, "rejected_reason", r->reason);
    for (size_t i = 0; i < count; i++) {
        if (cell[i].len > 0) {
            (void)json_object_set_new(object, w->im->columns.column[i].name,
                                      json_stringn((const char *)cell[i].ptr, cell[i].len));
        }
    }
    (void)json_dumpf(object, w->file, JSON_COMPACT);
    (void)fputc('\n', w->file);
    json_decref(object);
}

static bool copy_rejected(void *ctx, uint64_t line, const struct span *cell, size_t count)
{
    struct rejected_writer *w = ctx;
    const struct import_result *r = &w->im->result;
    while (w->next < r->rejected_count && r->rejected[w->next].line < line) {
        w->next++;
    }
    if (w->next < r->rejected_count && r->rejected[w->next].line == line) {
        if (w->im->source.format == IMPORT_CSV) {
            put_rejected_csv(w, &r->rejected[w->next], cell, count);
        } else {
            put_rejected_json(w, &r->rejected[w->next], cell, count);
        }
    }
    return w->next < r->rejected_count;
}

/* NAME.rejected.csv beside the list; a list from standard input has it in the present folder. */
static void write_rejected(struct import *im)
{
    const char *end = im->source.format == IMPORT_CSV ? ".rejected.csv" : ".rejected.ndjson";
    const char *base = strcmp(im->path, "-") == 0 ? "stdin" : im->path;
    const char *slash = strrchr(base, '/');
    const char *dot = strrchr(slash != NULL ? slash : base, '.');
    int len = dot != NULL && dot > base ? (int)(dot - base) : (int)strlen(base);
    if (ends_with(base, ".rejected.csv")) {
        len -= (int)strlen(".rejected"); /* "x.rejected.rejected.csv" helps nobody */
        end = ".rejected.again.csv";
    }
    int n = snprintf(im->rejected_path, sizeof im->rejected_path, "%.*s%s", len, base, end);
    struct rejected_writer w = {.im = im};
    struct csv_error error;
    w.file = n > 0 && (size_t)n < sizeof im->rejected_path ? fopen(im->rejected_path, "w") : NULL;
    if (w.file == NULL) {
        cli_note(im->cli, _("The rejected rows cannot be written to %s"), im->rejected_path);
        im->rejected_path[0] = '\0';
        return;
    }
    enum tris_err err = import_read(&im->source, &im->columns, &error, copy_rejected, NULL, &w);
    if (fclose(w.file) != 0 || err != TRIS_OK) {
        cli_note(im->cli, _("The rejected rows cannot be written to %s"), im->rejected_path);
    }
}

/* ---- what people read ---- */

static const char *format_label(const struct import *im)
{
    if (im->source.format == IMPORT_NDJSON) {
        return "NDJSON";
    }
    switch (im->source.info.delimiter) {
    case ';':
        return _("semicolon");
    case '\t':
        return _("tab");
    default:
        return _("comma");
    }
}

static void print_columns(const struct import *im)
{
    for (size_t i = 0; i < im->columns.count; i++) {
        if (im->columns.column[i].use == COLUMN_UNKNOWN && im->columns.column[i].name[0] != '\0') {
            char *safe = show_text(im->columns.column[i].name, 0);
            cli_note(im->cli, _("Column \"%s\" is not known and was left out."), safe);
            free(safe);
        }
    }
}

/* The sentence names the field already, by its column or by its label. */
static bool is_named(const struct import *im, const char *column, const char *sentence_text)
{
    const struct field *field = schema_field_by_name(im->plan.row.kind, span_str(column));
    const char *label = field == NULL              ? column
                        : im->cli->lang == LANG_DE ? field->label_de
                                                   : field->label_en;
    return strncmp(sentence_text, label, strlen(label)) == 0 ||
           strncmp(sentence_text, column, strlen(column)) == 0;
}

static void print_line(const struct import *im, uint64_t line, const char *column, const char *text)
{
    char *safe = show_text(sentence(text), 0);
    char *name = show_text(column, 0);
    if (is_named(im, column, safe)) {
        name[0] = '\0';
    }
    (void)printf(_("  line %llu: %s%s%s\n"), (unsigned long long)line, name,
                 name[0] != '\0' ? ": " : "", safe);
    free(name);
    free(safe);
}

/* Rows that go in as new and may be something that is there already. */
static void print_similar(const struct import *im)
{
    char count[SHOW_BYTES];
    const struct import_result *r = &im->result;
    if (r->counts.similar == 0) {
        return;
    }
    (void)printf(_("  %s new rows look like another record (same name but for the legal form, "
                   "same district):\n"),
                 show_count((int64_t)r->counts.similar, count));
    for (size_t i = 0; i < r->similar_count && i < IMPORT_REMARKS_MAX; i++) {
        const struct import_similar *s = &r->similar[i];
        char *name = show_text(s->name, 0);
        if (s->other_line != 0) {
            (void)printf(_("  line %llu: %s: like line %llu\n"), (unsigned long long)s->line, name,
                         (unsigned long long)s->other_line);
        } else {
            (void)printf(_("  line %llu: %s: like %s\n"), (unsigned long long)s->line, name, s->id);
        }
        free(name);
    }
}

static void print_counts(const struct import *im)
{
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES], d[SHOW_BYTES];
    const struct import_counts *n = &im->result.counts;
    char *path = show_text(im->path, 0);
    (void)printf(_("%s: %s, %s, %s rows\n"), path, format_label(im),
                 im->source.info.encoding == CSV_UTF8 ? "UTF-8" : "Windows-1252",
                 show_count((int64_t)n->rows, a));
    free(path);
    (void)printf(_("  new %s   changed %s   unchanged %s   rejected %s\n"),
                 show_count((int64_t)n->new_rows, a), show_count((int64_t)n->changed, b),
                 show_count((int64_t)n->unchanged, c), show_count((int64_t)n->rejected, d));
    for (size_t i = 0; i < im->result.remark_count; i++) {
        print_line(im, im->result.remark[i].line, "", im->result.remark[i].text);
    }
    for (size_t i = 0; i < im->result.rejected_count && i < IMPORT_REMARKS_MAX; i++) {
        const struct rejected *r = &im->result.rejected[i];
        print_line(im, r->line, r->column, r->reason);
    }
    print_similar(im);
    if (n->corrected > 0) {
        (void)printf(_("  %s values were corrected\n"), show_count((int64_t)n->corrected, a));
    }
    if (n->skipped > 0) {
        (void)printf(_("  %s rows of other houses or kinds were left out\n"),
                     show_count((int64_t)n->skipped, a));
    }
    if (n->narrowed > 0) {
        (void)printf(_("  %s rows stay in the house: natural persons without recorded consent\n"),
                     show_count((int64_t)n->narrowed, a));
    }
}

static json_t *similar_json(const struct import_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->similar_count; i++) {
        const struct import_similar *s = &r->similar[i];
        json_t *item = json_pack("{s:I, s:s}", "line", (json_int_t)s->line, "name", s->name);
        if (s->other_line != 0) {
            (void)json_object_set_new(item, "like_line", json_integer((json_int_t)s->other_line));
        } else {
            (void)json_object_set_new(item, "like", json_string(s->id));
        }
        (void)json_array_append_new(list, item);
    }
    return list;
}

static void print_json(const struct import *im, bool written)
{
    const struct import_counts *n = &im->result.counts;
    json_t *result =
        json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "file", im->path, "written",
                  written, "rows", (json_int_t)n->rows, "new", (json_int_t)n->new_rows, "changed",
                  (json_int_t)n->changed, "unchanged", (json_int_t)n->unchanged, "rejected",
                  (json_int_t)n->rejected, "corrected", (json_int_t)n->corrected, "skipped",
                  (json_int_t)n->skipped, "kept_local", (json_int_t)n->narrowed);
    json_t *items = json_array();
    for (size_t i = 0; i < im->result.rejected_count && i < JSON_ITEMS_MAX; i++) {
        const struct rejected *r = &im->result.rejected[i];
        (void)json_array_append_new(items, json_pack("{s:I, s:s, s:s}", "line", (json_int_t)r->line,
                                                     "column", r->column, "reason", r->reason));
    }
    (void)json_object_set_new(result, "items", items);
    (void)json_object_set_new(
        result, "encoding",
        json_string(im->source.info.encoding == CSV_UTF8 ? "utf-8" : "windows-1252"));
    (void)json_object_set_new(result, "repeated", json_integer((json_int_t)n->repeated));
    (void)json_object_set_new(result, "similar", json_integer((json_int_t)n->similar));
    (void)json_object_set_new(result, "similar_items", similar_json(&im->result));
    if (im->result.id != 0) {
        (void)json_object_set_new(result, "import", json_integer((json_int_t)im->result.id));
    }
    if (im->rejected_path[0] != '\0') {
        (void)json_object_set_new(result, "rejected_file", json_string(im->rejected_path));
    }
    (void)cli_json(result, "tris.import.1");
}

/* The options as they were given, each with a blank in front. */
static void say_options(const struct args *args, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < args->opt_count && len < size; i++) {
        const char *value = args->opt[i].value;
        int n = snprintf(out + len, size - len, " --%s%s%s", args->opt[i].name,
                         value[0] != '\0' ? " " : "", value);
        len += n > 0 ? (size_t)n : 0;
    }
}

static void print_end(const struct import *im, bool written)
{
    char words[PATH_BYTES];
    say_options(im->args, words, sizeof words);
    char *path = show_text(im->path, 0);
    char *options = show_text(words, 0);
    char *rejected = show_text(im->rejected_path, 0);
    if (im->rejected_path[0] != '\0') {
        cli_note(im->cli, _("Rejected rows: %s"), rejected);
    }
    if (im->result.interrupted) {
        cli_note(im->cli, "%s",
                 written ? _("Interrupted; what is counted above is written. Repeating goes on.")
                         : _("Interrupted; nothing was written."));
    } else if (!written) {
        cli_note(im->cli, _("Dry run, nothing written.      Next: tris import -y %s%s"), path,
                 options);
    }
    if (im->result.id != 0) {
        cli_note(im->cli, _("This was import %llu.      To take it back: tris import undo %llu"),
                 (unsigned long long)im->result.id, (unsigned long long)im->result.id);
    }
    free(path);
    free(options);
    free(rejected);
}

/* ---- the command ---- */

static bool run_pass(struct import *im, bool dry_run, int *code)
{
    struct fault fault;
    import_result_fini(&im->result);
    im->plan.dry_run = dry_run;
    if (import_pass(im->cli, &im->source, &im->columns, &im->plan, &im->result, &fault)) {
        *code = im->result.interrupted ? EXIT_INTERRUPTED : *code;
        return true;
    }
    if (!dry_run && im->result.counts.new_rows + im->result.counts.changed > 0) {
        cli_note(im->cli, _("Written before the error: %llu new, %llu changed."),
                 (unsigned long long)im->result.counts.new_rows,
                 (unsigned long long)im->result.counts.changed);
    }
    *code = cli_fail(im->cli, &fault);
    return false;
}

static int finish(struct import *im, bool written, int code)
{
    if (im->result.rejected_count > 0) {
        write_rejected(im);
    }
    if (im->cli->json) {
        print_json(im, written);
    } else {
        print_counts(im);
        print_end(im, written);
    }
    print_columns(im);
    return code == EXIT_OK && im->result.counts.rejected > 0 ? EXIT_PARTLY : code;
}

static int import_list(struct import *im, bool strict)
{
    int code = EXIT_OK;
    struct cli *cli = im->cli;
    const bool preview = cli->dry_run || !cli->yes || strict;
    if (preview && !run_pass(im, true, &code)) {
        return code;
    }
    const struct import_counts *n = &im->result.counts;
    if (preview) {
        if (cli->dry_run || im->result.interrupted) {
            return finish(im, false, code);
        }
        if (strict && n->rejected > 0) {
            code = finish(im, false, EXIT_OK);
            cli_note(cli, "%s", _("--strict: nothing is written while a row is rejected."));
            return code;
        }
        if (n->new_rows + n->changed == 0) {
            return finish(im, false, EXIT_OK);
        }
        if (!cli->yes) {
            if (cli->tty_in && cli->tty_err && !cli->json) {
                print_counts(im);
            }
            if (!cli_ask(cli, _("Write this?"))) {
                return finish(im, false, EXIT_DECISION);
            }
        }
    }
    if (!run_pass(im, false, &code)) {
        return code;
    }
    return finish(im, true, code);
}

/* A list without a column for the district is one of this house's district. */
static bool find_house(struct import *im, int *code)
{
    json_t *status = cli_call(im->cli, "status", json_object(), code);
    if (status == NULL) {
        return false;
    }
    (void)snprintf(im->plan.row.region, sizeof im->plan.row.region, "%s",
                   get_text(json_object_get(status, "house"), "region"));
    (void)snprintf(im->plan.house, sizeof im->plan.house, "%s",
                   get_text(json_object_get(status, "house"), "slug"));
    json_decref(status);
    return true;
}

static bool see_header(void *ctx, uint64_t line, const struct span *cell, size_t count)
{
    (void)ctx;
    (void)line;
    (void)cell;
    (void)count;
    return false;
}

/* Reads the header alone; a list that names nothing known is no list of this kind. */
static bool check_header(struct import *im, int *code)
{
    struct csv_error error;
    im->columns.kind = im->plan.row.kind;
    im->columns.map = im->map;
    enum tris_err err = import_read(&im->source, &im->columns, &error, see_header, NULL, NULL);
    if (err != TRIS_OK && error.line <= 1) {
        *code = cli_error(im->cli, err, _("Nothing was written."), NULL, "%s: %s", im->path,
                          _(error.text));
        return false;
    }
    const char *missing = columns_missing(&im->columns);
    if (im->source.format == IMPORT_CSV && missing != NULL) {
        *code =
            cli_error(im->cli, TRIS_ERR_INVALID, _("Nothing was written."), NULL,
                      _("%s: the list has no column \"%s\" that the map names"), im->path, missing);
        return false;
    }
    if (!columns_has(&im->columns, "name")) {
        *code = cli_error(im->cli, TRIS_ERR_INVALID, _("Nothing was written."), "tris help import",
                          _("%s: the header has no column for the name (name, Name)"), im->path);
        return false;
    }
    return true;
}

/* UTF-8 or Windows-1252, or a refusal with line, column and byte. */
static bool find_encoding(struct import *im, const char *option, int *code)
{
    struct csv_error error;
    enum csv_encoding wanted = CSV_UTF8;
    im->source.info.encoding = CSV_UTF8;
    if (option != NULL && !encoding_by_name(option, &wanted)) {
        *code = cli_usage(im->cli, "tris help import",
                          _("--encoding: allowed are utf-8 and windows-1252"));
        return false;
    }
    if (im->source.format != IMPORT_CSV) {
        return true;
    }
    enum tris_err err =
        encoding_find(im->source.file, option != NULL ? &wanted : NULL, &im->source.info, &error);
    if (err == TRIS_OK) {
        return true;
    }
    if (error.line == 0) {
        *code = cli_error(im->cli, err, _("Nothing was written."), NULL, "%s: %s", im->path,
                          _(error.text));
        return false;
    }
    *code = cli_error(im->cli, err, _("Nothing was written."), NULL,
                      _("%s: line %llu, column %llu, byte %llu: %s"), im->path,
                      (unsigned long long)error.line, (unsigned long long)error.column,
                      (unsigned long long)error.byte, _(error.text));
    return false;
}

/* What the map and the options say of the whole list; the options win. */
static bool make_plan(struct import *im, const struct args *args, int *code)
{
    char fault[MAP_FAULT_BYTES];
    struct row_plan *plan = &im->plan.row;
    const char *kind = args_value(args, "kind"), *map = args_value(args, "map");
    plan->kind = kind != NULL ? schema_kind_by_name(span_str(kind)) : NULL;
    if (kind != NULL && plan->kind == NULL) {
        *code = cli_usage(im->cli, "tris help import", _("there is no kind \"%s\""), kind);
        return false;
    }
    if (map != NULL) {
        enum tris_err err = list_map_read(map, plan->kind, &im->map, fault);
        if (err != TRIS_OK) {
            *code = cli_error(im->cli, err, _("Nothing was written."), NULL, "%s", fault);
            return false;
        }
        plan->kind = list_map_kind(im->map);
    }
    plan->kind = plan->kind != NULL ? plan->kind : schema_kind_by_name(span_str("partner"));
    const char *source = args_value(args, "source");
    if (source == NULL && im->map != NULL && list_map_source(im->map)[0] != '\0') {
        source = list_map_source(im->map);
    }
    name_source(im, source);
    plan->listed = args_flag(args, "listed") || plan->kind->scope_default == SCOPE_NATIONAL ||
                   (im->map != NULL && list_map_scope(im->map) == SCOPE_NATIONAL);
    return true;
}

/* "Köln" and "5315" are 05315. */
static bool take_region(struct import *im, const char *option, int *code)
{
    uint8_t bytes[256];
    char reason[ROW_REASON_BYTES];
    struct wbuf scratch = wbuf_of(bytes, sizeof bytes);
    const struct field *field = schema_field_by_name(im->plan.row.kind, span_str("region"));
    struct record *record = option != NULL ? malloc(sizeof *record) : NULL;
    if (record == NULL || field == NULL) {
        free(record);
        return true;
    }
    record_init(record, im->plan.row.kind);
    enum tris_err err = record_set_text(record, field, span_str(option), &scratch, NULL);
    if (err == TRIS_OK) {
        struct span text = record_value(record, field->number)->text;
        (void)snprintf(im->plan.row.region, sizeof im->plan.row.region, "%.*s", (int)text.len,
                       (const char *)text.ptr);
    } else {
        record_explain_text(field, span_str(option), err, reason, sizeof reason);
        *code = cli_usage(im->cli, "tris help import", "--region: %s", reason);
    }
    free(record);
    return err == TRIS_OK;
}

static bool open_all(struct import *im, const struct args *args, int *code)
{
    im->source.file = open_list(im->path, &im->source.size);
    if (im->source.file == NULL) {
        *code = cli_error(im->cli, TRIS_ERR_NOT_FOUND, _("Nothing was written."), NULL, "%s: %s",
                          im->path, strerror(errno));
        return false;
    }
    if (!find_format(im, args_value(args, "format"))) {
        *code = cli_usage(im->cli, "tris help import", _("--format: allowed are csv and ndjson"));
        return false;
    }
    const char *slash = strrchr(im->path, '/');
    size_t len = sizeof im->plan.file - 1;
    struct span name = span_str(slash != NULL ? slash + 1 : im->path);
    (void)snprintf(im->plan.file, sizeof im->plan.file, "%.*s",
                   (int)(name.len < len ? name.len : len), (const char *)name.ptr);
    while (!utf8_valid(span_str(im->plan.file))) {
        im->plan.file[strlen(im->plan.file) - 1] = '\0';
    }
    return find_encoding(im, args_value(args, "encoding"), code);
}

static int import_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    struct import *im = calloc(1, sizeof *im);
    if (im == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    im->cli = cli;
    im->args = args;
    im->path = args->pos[0];
    if (make_plan(im, args, &code) && open_all(im, args, &code) && check_header(im, &code) &&
        find_house(im, &code) && take_region(im, args_value(args, "region"), &code)) {
        code = import_list(im, args_flag(args, "strict"));
    }
    if (im->source.file != NULL) {
        (void)fclose(im->source.file);
    }
    import_result_fini(&im->result);
    list_map_free(im->map);
    free(im);
    return code;
}

static const struct cli_option import_options[] = {
    {"kind", "KIND", N_("partner (preset) or house"), 0},
    {"map", "FILE", N_("what the columns and values of a foreign list mean"), 0},
    {"region", "AGS", N_("district of the rows if the list names none; preset is this house's"), 0},
    {"encoding", "NAME", N_("utf-8 or windows-1252; found out otherwise"), 0},
    {"format", "FORMAT", N_("csv or ndjson; found out otherwise"), 0},
    {"source", "NAME", N_("name of the list, for source_id; preset is the file's name"), 0},
    {"listed", NULL, N_("national, unless a scope column says otherwise"), 0},
    {"strict", NULL, N_("write nothing if any row is rejected"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_import_rows[] = {
    {"import", NULL, "FILE", N_("take records over from a CSV or NDJSON list"), import_options, 1,
     1, 0, import_run},
    {"import", "list", NULL, N_("imports that can be taken back, the newest first"), NULL, 0, 0, 0,
     import_show_list},
    {"import", "undo", "ID", N_("take an import back"), NULL, 1, 1, 0, import_undo},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
