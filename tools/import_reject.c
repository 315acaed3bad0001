/* The file of rejected rows: the list's own columns and three in front; see import_show.h. */
#include <stdio.h>
#include <string.h>

#include "tools/import_show.h"

bool path_ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), want = strlen(end);
    return len >= want && strcmp(text + len - want, end) == 0;
}

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

void import_write_rejected(struct import *im)
{
    const char *end = im->source.format == IMPORT_CSV ? ".rejected.csv" : ".rejected.ndjson";
    const char *base = strcmp(im->path, "-") == 0 ? "stdin" : im->path;
    const char *slash = strrchr(base, '/');
    const char *dot = strrchr(slash != NULL ? slash : base, '.');
    int len = dot != NULL && dot > base ? (int)(dot - base) : (int)strlen(base);
    if (path_ends_with(base, ".rejected.csv")) {
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
