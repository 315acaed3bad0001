/* Counts and remarks of an import, for people and as JSON; see import_show.h. */
#include "tools/import_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_ITEMS_MAX = 10000 };

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

void import_print_columns(const struct import *im)
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
    (void)printf(_("  %s rows look like another record (same name but for the legal form, "
                   "same district or partner):\n"),
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

/* Rows that name something which is not here; -v shows all that are remembered. */
static void print_unlinked(const struct import *im)
{
    char count[SHOW_BYTES];
    const struct import_result *r = &im->result;
    const size_t most = im->cli->verbose > 0 ? r->unlinked_count : IMPORT_REMARKS_MAX;
    if (r->counts.unlinked == 0) {
        return;
    }
    (void)printf(_("  %s rows name a record that is not here, or stays in the house, and go in "
                   "without it; later the same import links them:\n"),
                 show_count((int64_t)r->counts.unlinked, count));
    for (size_t i = 0; i < r->unlinked_count && i < most; i++) {
        const struct import_unlinked *u = &r->unlinked[i];
        char *column = show_text(u->column, 0), *value = show_text(u->value, 0);
        (void)printf(_("  line %llu: %s \"%s\": %s\n"), (unsigned long long)u->line, column, value,
                     sentence(u->why));
        free(value);
        free(column);
    }
}

void import_print_counts(const struct import *im)
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
    print_unlinked(im);
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

static json_t *unlinked_json(const struct import_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->unlinked_count; i++) {
        const struct import_unlinked *u = &r->unlinked[i];
        (void)json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s}", "line",
                                                    (json_int_t)u->line, "column", u->column,
                                                    "value", u->value, "reason", u->why));
    }
    return list;
}

void import_print_json(const struct import *im, bool written)
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
    (void)json_object_set_new(result, "unlinked", json_integer((json_int_t)n->unlinked));
    (void)json_object_set_new(result, "unlinked_items", unlinked_json(&im->result));
    if (im->result.id != 0) {
        (void)json_object_set_new(result, "import", json_integer((json_int_t)im->result.id));
    }
    if (im->rejected_path[0] != '\0') {
        (void)json_object_set_new(result, "rejected_file", json_string(im->rejected_path));
    }
    (void)cli_json(result, "tris.import.1");
}

/* Adds a blank and the word, quoted where a shell would not take it as one word. */
static void add_word(struct wbuf *w, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "._-/:,=@%+";
    const bool quoted = word[0] == '\0' || word[strspn(word, plain)] != '\0';
    wbuf_span_put(w, span_str(quoted ? " '" : " "));
    for (const char *c = word; *c != '\0'; c++) {
        wbuf_span_put(w, *c == '\'' ? span_str("'\\''") : span_of(c, 1));
    }
    wbuf_span_put(w, span_str(quoted ? "'" : ""));
}

void import_say_command(const struct import *im, const char *how, char *out, size_t size)
{
    struct wbuf w = wbuf_of(out, size - 1);
    wbuf_span_put(&w, span_str("tris import "));
    wbuf_span_put(&w, span_str(how));
    add_word(&w, im->path);
    for (int i = 0; i < im->args->opt_count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "--%s", im->args->opt[i].name);
        add_word(&w, name);
        if (im->args->opt[i].value[0] != '\0') {
            add_word(&w, im->args->opt[i].value);
        }
    }
    if (w.err != TRIS_OK) { /* half a command does something else */
        (void)snprintf(out, size, "tris help import");
        return;
    }
    out[w.len] = '\0';
}

/* A list of which nothing goes in is most often another list than it was taken for. */
static void print_no_row(const struct import *im)
{
    const struct import_counts *n = &im->result.counts;
    if (n->rows == 0) {
        cli_note(im->cli, "%s", _("The list has a header and no rows."));
    } else if (n->rejected == n->rows && im->map == NULL) {
        cli_note(im->cli,
                 _("No row goes in. Taken as kind %s; --kind names another one, --map says what "
                   "the columns and values of a foreign list mean: man 5 tris-import"),
                 im->plan.row.kind->name);
    }
}

void import_print_end(const struct import *im, bool written)
{
    char words[IMPORT_COMMAND_BYTES], count[SHOW_BYTES];
    import_say_command(im, "-y", words, sizeof words);
    char *next = show_text(words, 0);
    char *rejected = show_text(im->rejected_path, 0);
    if (im->rejected_path[0] != '\0') {
        cli_note(im->cli, _("Rejected rows: %s"), rejected);
        if (im->result.counts.rejected > im->result.rejected_count) {
            cli_note(im->cli, _("The file has the first %s of them."),
                     show_count((int64_t)im->result.rejected_count, count));
        }
    }
    print_no_row(im);
    if (im->result.interrupted) {
        cli_note(im->cli, "%s",
                 written ? _("Interrupted; what is counted above is written. Repeating goes on.")
                         : _("Interrupted; nothing was written."));
    } else if (!written) {
        cli_note(im->cli, _("Dry run, nothing written.      Next: %s"), next);
    }
    if (im->result.id != 0) {
        cli_note(im->cli, _("This was import %llu.      To take it back: tris import undo %llu"),
                 (unsigned long long)im->result.id, (unsigned long long)im->result.id);
    }
    free(next);
    free(rejected);
}
