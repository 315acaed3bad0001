/* tris import: a list of partners (or houses) into this house's records, safe to repeat. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/import.h"
#include "tools/lists.h"

enum { SNIFF_BYTES = 4096, PATH_BYTES = 1100 };

struct import {
    struct cli *cli;
    const char *path;
    struct import_source source;
    struct columns columns;
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
    (void)snprintf(im->plan.source_name, sizeof im->plan.source_name, "%.*s",
                   (int)(len < 80 ? len : 80), strcmp(base, "-") == 0 ? "stdin" : base);
    while (im->plan.source_name[0] != '\0' && !utf8_valid(span_str(im->plan.source_name))) {
        im->plan.source_name[strlen(im->plan.source_name) - 1] = '\0';
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
    const struct field *field = schema_field_by_name(im->plan.kind, span_str(column));
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

static void print_counts(const struct import *im)
{
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES], d[SHOW_BYTES];
    const struct import_counts *n = &im->result.counts;
    char *path = show_text(im->path, 0);
    (void)printf(_("%s: %s, UTF-8, %s rows\n"), path, format_label(im),
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
    for (size_t i = 0; i < im->result.rejected_count; i++) {
        const struct rejected *r = &im->result.rejected[i];
        (void)json_array_append_new(items, json_pack("{s:I, s:s, s:s}", "line", (json_int_t)r->line,
                                                     "column", r->column, "reason", r->reason));
    }
    (void)json_object_set_new(result, "items", items);
    if (im->rejected_path[0] != '\0') {
        (void)json_object_set_new(result, "rejected_file", json_string(im->rejected_path));
    }
    (void)cli_json(result, "tris.import.1");
}

static void print_end(const struct import *im, bool written)
{
    char *path = show_text(im->path, 0);
    char *rejected = show_text(im->rejected_path, 0);
    if (im->rejected_path[0] != '\0') {
        cli_note(im->cli, _("Rejected rows: %s"), rejected);
    }
    if (!written) {
        cli_note(im->cli, _("Dry run, nothing written.      Next: tris import -y %s"), path);
    }
    free(path);
    free(rejected);
}

/* ---- the command ---- */

static bool run_pass(struct import *im, bool dry_run, int *code)
{
    struct fault fault;
    import_result_fini(&im->result);
    im->plan.dry_run = dry_run;
    if (import_pass(im->cli, &im->source, &im->columns, &im->plan, &im->result, &fault)) {
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
        if (cli->dry_run) {
            return finish(im, false, EXIT_OK);
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
    return finish(im, true, EXIT_OK);
}

/* A list without a column for the district is one of this house's district. */
static bool find_house(struct import *im, int *code)
{
    json_t *status = cli_call(im->cli, "status", json_object(), code);
    if (status == NULL) {
        return false;
    }
    (void)snprintf(im->plan.region, sizeof im->plan.region, "%s",
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
    im->columns.kind = im->plan.kind;
    enum tris_err err = import_read(&im->source, &im->columns, &error, see_header, NULL, NULL);
    if (err != TRIS_OK && error.line <= 1) {
        *code = cli_error(im->cli, err, _("Nothing was written."), NULL, "%s: %s", im->path,
                          _(error.text));
        return false;
    }
    if (!columns_has(&im->columns, "name")) {
        *code = cli_error(im->cli, TRIS_ERR_INVALID, _("Nothing was written."), "tris help import",
                          _("%s: the header has no column for the name (name, Name)"), im->path);
        return false;
    }
    return true;
}

static int import_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    const char *kind = args_value(args, "kind");
    struct import *im = calloc(1, sizeof *im);
    if (im == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    im->cli = cli;
    im->path = args->pos[0];
    im->plan.listed = args_flag(args, "listed");
    im->plan.kind = schema_kind_by_name(span_str(kind != NULL ? kind : "partner"));
    im->source.file = open_list(im->path, &im->source.size);
    name_source(im, args_value(args, "source"));
    if (im->plan.kind == NULL) {
        code = cli_usage(cli, "tris help import", _("there is no kind \"%s\""), kind);
    } else if (im->source.file == NULL) {
        code = cli_error(cli, TRIS_ERR_NOT_FOUND, _("Nothing was written."), NULL, "%s: %s",
                         im->path, strerror(errno));
    } else if (!find_format(im, args_value(args, "format"))) {
        code = cli_usage(cli, "tris help import", _("--format: allowed are csv and ndjson"));
    } else if (check_header(im, &code) && find_house(im, &code)) {
        im->plan.listed = im->plan.listed || im->plan.kind->scope_default == SCOPE_NATIONAL;
        code = import_list(im, args_flag(args, "strict"));
    }
    if (im->source.file != NULL) {
        (void)fclose(im->source.file);
    }
    import_result_fini(&im->result);
    free(im);
    return code;
}

static const struct cli_option import_options[] = {
    {"kind", "KIND", N_("partner (preset) or house"), 0},
    {"format", "FORMAT", N_("csv or ndjson; found out otherwise"), 0},
    {"source", "NAME", N_("name of the list, for source_id; preset is the file's name"), 0},
    {"listed", NULL, N_("national, unless a scope column says otherwise"), 0},
    {"strict", NULL, N_("write nothing if any row is rejected"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_import_rows[] = {
    {"import", NULL, "FILE", N_("take records over from a CSV or NDJSON list"), import_options, 1,
     1, 0, import_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
