/* tris import: a list of partners (or houses) into this house's records, safe to repeat. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/encoding.h"
#include "tools/import_limit.h"
#include "tools/import_log.h"
#include "tools/import_show.h"
#include "tools/import_undo.h"
#include "tools/lists.h"
#include "tools/logfile_in.h"

enum { SNIFF_BYTES = 4096 };

/* A pipe is kept in a temporary file, because a list is read more than once. */
static FILE *copy_pipe(FILE *pipe, uint64_t *size)
{
    char buffer[65536];
    size_t len;
    FILE *copy = tmpfile();
    while (copy != NULL && (len = fread(buffer, 1, sizeof buffer, pipe)) > 0) {
        if (fwrite(buffer, 1, len, copy) != len) {
            (void)fclose(copy);
            return NULL;
        }
        *size += len;
    }
    return copy;
}

/* NULL: errno says why; ENODEV for what is neither file nor pipe. */
static FILE *open_list(const char *path, uint64_t *size)
{
    struct stat st;
    if (strcmp(path, "-") == 0) {
        return copy_pipe(stdin, size);
    }
    FILE *file = fopen(path, "r");
    if (file == NULL || fstat(fileno(file), &st) != 0 || S_ISREG(st.st_mode)) {
        *size = file != NULL ? (uint64_t)st.st_size : 0;
        return file;
    }
    FILE *copy = S_ISFIFO(st.st_mode) ? copy_pipe(file, size) : NULL;
    int why = S_ISDIR(st.st_mode) ? EISDIR : S_ISFIFO(st.st_mode) ? errno : ENODEV;
    (void)fclose(file);
    errno = why;
    return copy;
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
    im->source.format = path_ends_with(im->path, ".ndjson") || path_ends_with(im->path, ".jsonl") ||
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
    if (option == NULL && path_ends_with(base, ".rejected.csv")) {
        len = strlen(base) - strlen(".rejected.csv");
    }
    (void)snprintf(im->plan.row.source_name, sizeof im->plan.row.source_name, "%.*s",
                   (int)(len < 80 ? len : 80), strcmp(base, "-") == 0 ? "stdin" : base);
    while (im->plan.row.source_name[0] != '\0' && !utf8_valid(span_str(im->plan.row.source_name))) {
        im->plan.row.source_name[strlen(im->plan.row.source_name) - 1] = '\0';
    }
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
        char a[SHOW_BYTES], b[SHOW_BYTES];
        cli_note(im->cli, _("Written before the error: %s new, %s changed."),
                 show_count((int64_t)im->result.counts.new_rows, a),
                 show_count((int64_t)im->result.counts.changed, b));
    }
    if (strcmp(fault.code, tris_err_name(TRIS_ERR_DISK_FULL)) == 0) {
        (void)snprintf(fault.next, sizeof fault.next, "%s",
                       _("make room (df -h), then the same import again: it goes on"));
    }
    *code = cli_fail(im->cli, &fault);
    return false;
}

static int finish(struct import *im, bool written, int code)
{
    if (im->result.rejected_count > 0) {
        import_write_rejected(im);
    }
    if (im->cli->json) {
        import_print_json(im, written);
    } else {
        import_print_counts(im);
        import_print_end(im, written);
    }
    import_print_columns(im);
    return code == EXIT_OK && im->result.counts.rejected > 0 ? EXIT_PARTLY : code;
}

/* False if the dry run counted more than may change unasked. */
static bool is_allowed(struct import *im, const struct import_limit *limit, int *code)
{
    char why[LIMIT_TEXT_BYTES], next[IMPORT_COMMAND_BYTES];
    const struct import_counts *n = &im->result.counts;
    if (import_limit_allows(limit, n, im->plan.row.source_name, why)) {
        return true;
    }
    if (im->cli->dry_run) {
        cli_note(im->cli, "%s", why);
        return true;
    }
    if (!im->cli->json) {
        import_print_counts(im);
    }
    import_say_command(im, "-y --force", next, sizeof next);
    *code = cli_error(im->cli, TRIS_ERR_AMBIGUOUS, _("Nothing was written."), next, "%s", why);
    return false;
}

static int import_list(struct import *im, const struct import_limit *limit, bool strict)
{
    int code = EXIT_OK;
    struct cli *cli = im->cli;
    const bool preview = cli->dry_run || !cli->yes || strict || !import_limit_is_idle(limit);
    if (preview && !run_pass(im, true, &code)) {
        return code;
    }
    const struct import_counts *n = &im->result.counts;
    if (preview) {
        if (!im->result.interrupted && !is_allowed(im, limit, &code)) {
            return code;
        }
        if (cli->dry_run || im->result.interrupted) {
            return finish(im, false, code);
        }
        if (strict && n->rejected + n->unlinked > 0) {
            (void)finish(im, false, EXIT_OK);
            cli_note(cli, "%s",
                     _("--strict: nothing is written while a row is rejected or names what is not "
                       "here."));
            return EXIT_PARTLY;
        }
        if (n->new_rows + n->changed == 0) {
            return finish(im, cli->yes, EXIT_OK); /* nothing to write: done */
        }
        if (!cli->yes) {
            if (cli->tty_in && cli->tty_err && !cli->json) {
                import_print_counts(im);
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

/* What a record of this kind is called by; without a title its first text that cannot be missing.
 */
static const struct field *naming_field(const struct kind *kind)
{
    if (schema_title(kind) != NULL) {
        return schema_title(kind);
    }
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if (field->type == FIELD_TEXT && (field->flags & FIELD_REQUIRED) != 0) {
            return field;
        }
    }
    return NULL;
}

static int list_error(const struct import *im, const struct csv_error *error)
{
    char place[512];
    import_say_place(im->path, error, place, sizeof place);
    return cli_error(im->cli, error->err, _("Nothing was written."), NULL, "%s", place);
}

/* The only kind whose names the header fits although the list was taken for another one; NULL if
 * there is none or more. */
static const struct kind *better_kind(struct import *im)
{
    const struct kind *found = NULL;
    struct csv_error error;
    const struct kind *taken = im->columns.kind;
    for (size_t i = 0; i < schema_kind_count() && im->map == NULL; i++) {
        const struct kind *kind = schema_kind_at(i);
        im->columns.kind = kind;
        bool fits = kind != taken && import_read(&im->source, &im->columns, &error, see_header,
                                                 NULL, NULL) == TRIS_OK;
        for (size_t k = 0; k < kind->field_count && fits; k++) {
            const struct field *field = &kind->fields[k];
            fits = (field->flags & FIELD_REQUIRED) == 0 || columns_has(&im->columns, field->name);
        }
        if (fits && found != NULL) {
            return NULL;
        }
        found = fits ? kind : found;
    }
    return found;
}

static int refuse_header(struct import *im, const struct field *field)
{
    char next[IMPORT_COMMAND_BYTES] = "man 5 tris-import", option[64];
    const struct kind *kind = better_kind(im);
    if (kind != NULL && args_value(im->args, "kind") == NULL) {
        (void)snprintf(option, sizeof option, "--kind %s", kind->name);
        import_say_command(im, option, next, sizeof next);
    }
    return cli_error(im->cli, TRIS_ERR_INVALID, _("Nothing was written."), next,
                     _("%s: the header has no column for %s (%s)"), im->path, field->name,
                     im->cli->lang == LANG_DE ? field->label_de : field->label_en);
}

/* Reads the header alone; a list that names nothing known is no list of this kind. */
static bool check_header(struct import *im, int *code)
{
    struct csv_error error;
    im->columns.kind = im->plan.row.kind;
    im->columns.map = im->map;
    enum tris_err err = import_read(&im->source, &im->columns, &error, see_header, NULL, NULL);
    if (err != TRIS_OK && error.line <= 1) {
        *code = list_error(im, &error);
        return false;
    }
    if (im->source.size == 0 && err == TRIS_OK) {
        *code = cli_error(im->cli, TRIS_ERR_INVALID, _("Nothing was written."), NULL,
                          _("%s: the list is empty"), im->path);
        return false;
    }
    const char *missing = columns_missing(&im->columns);
    if (im->source.format == IMPORT_CSV && missing != NULL) {
        *code =
            cli_error(im->cli, TRIS_ERR_INVALID, _("Nothing was written."), NULL,
                      _("%s: the list has no column \"%s\" that the map names"), im->path, missing);
        return false;
    }
    const struct field *field = naming_field(im->plan.row.kind);
    if (field != NULL && !columns_has(&im->columns, field->name)) {
        *code = refuse_header(im, field);
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
    *code = list_error(im, &error);
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

static bool open_file(struct import *im, int *code)
{
    im->source.file = open_list(im->path, &im->source.size);
    if (im->source.file == NULL) {
        *code = cli_error(
            im->cli, TRIS_ERR_NOT_FOUND, _("Nothing was written."), NULL, "%s: %s", im->path,
            errno == ENODEV ? _("this is neither a file nor a pipe") : strerror(errno));
    }
    return im->source.file != NULL;
}

/* The options are about lists: a log file has nothing to choose. */
static int import_log_file(struct import *im)
{
    if (im->args->opt_count > 0) {
        return cli_usage(im->cli, "tris help import", _("%s is a log file: --%s is for lists"),
                         im->path, im->args->opt[0].name);
    }
    return import_log(im->cli, im->path, im->source.file, im->source.size);
}

static bool find_form(struct import *im, const struct args *args, int *code)
{
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
    struct import_limit limit;
    struct import *im = calloc(1, sizeof *im);
    if (im == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s",
                         tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    im->cli = cli;
    im->args = args;
    im->path = args->pos[0];
    const bool opened = open_file(im, &code);
    if (opened && logfile_is(im->source.file)) {
        code = import_log_file(im);
    } else if (opened && make_plan(im, args, &code) && find_form(im, args, &code) &&
               check_header(im, &code) && find_house(im, &code) &&
               take_region(im, args_value(args, "region"), &code) &&
               import_limit_find(cli, &im->plan, args_value(args, "max-change"),
                                 args_flag(args, "force"), &limit, &code)) {
        code = import_list(im, &limit, args_flag(args, "strict"));
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
    {"kind", "KIND", N_("partner (preset), house, listing, instrument, rollout, evaluation"), 0},
    {"map", "FILE", N_("what the columns and values of a foreign list mean"), 0},
    {"region", "AGS", N_("district of the rows if the list names none; preset is this house's"), 0},
    {"encoding", "NAME", N_("utf-8 or windows-1252; found out otherwise"), 0},
    {"format", "FORMAT", N_("csv or ndjson; found out otherwise"), 0},
    {"source", "NAME", N_("name of the list, for source_id; preset is the file's name"), 0},
    {"listed", NULL, N_("national, unless a scope column says otherwise"), 0},
    {"max-change", "PERCENT", N_("so much of the source's records may change; preset 30"), 0},
    {"force", NULL, N_("whatever it changes: the file is the right one"), 0},
    {"strict", NULL, N_("write nothing if any row is rejected or names what is not here"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_import_rows[] = {
    {"import", NULL, "FILE",
     N_("take records over from a CSV or NDJSON list, or logs from a log file"), import_options, 1,
     1, 0, import_run},
    {"import", "list", NULL, N_("imports that can be taken back, the newest first"), NULL, 0, 0, 0,
     import_show_list},
    {"import", "undo", "ID", N_("take an import back"), NULL, 1, 1, 0, import_undo},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
