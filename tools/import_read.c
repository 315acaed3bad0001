/* Lists as rows of cells: CSV and NDJSON look the same behind this file. See import.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "tools/import.h"

enum { NDJSON_LINE_BYTES_MAX = 4 * 1024 * 1024, VALUE_BYTES = 64 * 1024 };

struct walk {
    struct columns *columns;
    import_row_fn *each;
    void (*broken)(void *ctx, uint64_t line, const char *why);
    void *ctx;
    bool have_header;
    bool too_many;
};

static bool csv_row(void *ctx, const struct csv_row *row)
{
    struct walk *w = ctx;
    if (w->have_header) {
        return w->each(w->ctx, row->line, row->cell, row->count);
    }
    w->have_header = true;
    for (size_t i = 0; i < row->count; i++) {
        /* two columns of one name stay two columns, so that cells keep their places */
        size_t before = w->columns->count;
        if (columns_add(w->columns, row->cell[i]) < before && before < COLUMNS_MAX) {
            w->columns->column[before] = (struct column){.use = COLUMN_IGNORED};
            w->columns->count++;
        }
    }
    return true;
}

/* A JSON value as a cell: lists joined by |, true and false as yes and no. */
static bool put_value(const json_t *value, FILE *out, bool first)
{
    if (!first) {
        (void)fputc('|', out);
    }
    switch (json_typeof(value)) {
    case JSON_STRING:
        return fwrite(json_string_value(value), 1, json_string_length(value), out) ==
               json_string_length(value);
    case JSON_INTEGER:
        return fprintf(out, "%lld", (long long)json_integer_value(value)) > 0;
    case JSON_TRUE:
    case JSON_FALSE:
        return fputs(json_is_true(value) ? "yes" : "no", out) >= 0;
    case JSON_NULL:
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_REAL:
        break;
    }
    return false;
}

static bool value_text(const json_t *value, char **text, size_t *len)
{
    FILE *out = open_memstream(text, len);
    bool good = out != NULL;
    size_t index;
    const json_t *item;
    if (good && json_is_array(value)) {
        json_array_foreach(value, index, item)
        {
            good = good && put_value(item, out, index == 0);
        }
    } else if (good) {
        good = put_value(value, out, true);
    }
    if (out != NULL && fclose(out) != 0) {
        good = false;
    }
    return good;
}

/* One line's object as cells at the places of its columns. */
static bool ndjson_row(struct walk *w, uint64_t line, const json_t *object)
{
    struct span cell[COLUMNS_MAX];
    char *text[COLUMNS_MAX];
    const char *key;
    json_t *value;
    bool go_on = true;
    const char *why = NULL;
    memset(cell, 0, sizeof cell);
    memset(text, 0, sizeof text);
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t len = 0;
        size_t at = columns_add(w->columns, span_str(key));
        if (at == COLUMNS_MAX) {
            why = "too many different keys";
        } else if (w->columns->column[at].use != COLUMN_IGNORED &&
                   w->columns->column[at].use != COLUMN_UNKNOWN && text[at] == NULL) {
            if (!value_text(value, &text[at], &len)) {
                why = "a value must be a text, a whole number, true, false or a list of these";
            }
            cell[at] = span_of(text[at], len);
        }
    }
    if (why != NULL && w->broken != NULL) {
        w->broken(w->ctx, line, why);
    } else if (why == NULL) {
        go_on = w->each(w->ctx, line, cell, w->columns->count);
    }
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        free(text[i]);
    }
    return go_on;
}

/* The next line without its end into `line`, at most NDJSON_LINE_BYTES_MAX bytes of it; -1 at the
 * end of the file, else its length (the greatest one: too long). */
static ssize_t next_line(FILE *file, char *line)
{
    size_t len = 0;
    int c;
    while (len < NDJSON_LINE_BYTES_MAX && (c = getc_unlocked(file)) != EOF) {
        if (c == '\n') {
            return (ssize_t)len;
        }
        line[len++] = (char)c;
    }
    return len > 0 ? (ssize_t)len : -1;
}

static enum tris_err read_ndjson(struct import_source *source, struct walk *w,
                                 struct csv_error *error)
{
    char *line = malloc(NDJSON_LINE_BYTES_MAX);
    ssize_t len;
    enum tris_err err = line != NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
    bool go_on = line != NULL;
    for (uint64_t no = 1; go_on && (len = next_line(source->file, line)) >= 0; no++) {
        struct span text = import_trim(span_of(line, (size_t)len));
        json_error_t why;
        if (no == 1 && text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0) {
            text = span_of(text.ptr + 3, text.len - 3);
        }
        if (text.len == 0) {
            continue;
        }
        if (len == NDJSON_LINE_BYTES_MAX) {
            err = TRIS_ERR_TOO_LARGE;
            error->line = no;
            (void)snprintf(error->text, sizeof error->text, "a line is too long");
            break;
        }
        json_t *object = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
        if (json_is_object(object)) {
            go_on = ndjson_row(w, no, object);
        } else if (w->broken != NULL) {
            w->broken(w->ctx, no, object == NULL ? why.text : "the line is no JSON object");
        }
        json_decref(object);
    }
    if (ferror(source->file)) {
        err = TRIS_ERR_IO;
        (void)snprintf(error->text, sizeof error->text, "the file cannot be read");
    }
    error->err = err;
    free(line);
    return err;
}

enum tris_err import_read(struct import_source *source, struct columns *columns,
                          struct csv_error *error, import_row_fn *each,
                          void (*broken)(void *ctx, uint64_t line, const char *why), void *ctx)
{
    struct walk w = {.columns = columns, .each = each, .broken = broken, .ctx = ctx};
    memset(error, 0, sizeof *error);
    columns_clear(columns);
    clearerr(source->file);
    if (fseek(source->file, 0, SEEK_SET) != 0) {
        error->err = TRIS_ERR_IO;
        (void)snprintf(error->text, sizeof error->text, "the file cannot be read from its start");
        return TRIS_ERR_IO;
    }
    if (source->format == IMPORT_NDJSON) {
        return read_ndjson(source, &w, error);
    }
    return csv_read(source->file, &source->info, error, csv_row, &w);
}
