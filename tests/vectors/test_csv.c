/* test_csv [FILE...]: runs csv-spectrum cases (csv_base64 in, expected rows out) through the CSV
 * reader. Without files: the cases of this program alone. Exit 0 all passed, 1 a case failed or
 * none was run, 2 not readable; last line "N passed, N failed, N skipped". */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/csv.h"

struct tally {
    unsigned passed, failed, skipped;
};

/* Rows as a JSON array of objects by the header's names. */
struct rows {
    json_t *header, *rows;
};

static bool add_row(void *ctx, const struct csv_row *row)
{
    struct rows *r = ctx;
    json_t *object = json_object();
    if (r->header == NULL) {
        r->header = json_array();
        for (size_t i = 0; i < row->count; i++) {
            (void)json_array_append_new(
                r->header, json_stringn((const char *)row->cell[i].ptr, row->cell[i].len));
        }
        json_decref(object);
        return true;
    }
    for (size_t i = 0; i < row->count && i < json_array_size(r->header); i++) {
        (void)json_object_set_new(
            object, json_string_value(json_array_get(r->header, i)),
            json_stringn(row->cell[i].len > 0 ? (const char *)row->cell[i].ptr : "",
                         row->cell[i].len));
    }
    (void)json_array_append_new(r->rows, object);
    return true;
}

static enum tris_err parse(const void *bytes, size_t len, struct rows *out, struct csv_info *info,
                           struct csv_error *error)
{
    enum tris_err err = TRIS_ERR_IO;
    FILE *file = len > 0 ? fmemopen((void *)(uintptr_t)bytes, len, "r") : fopen("/dev/null", "r");
    out->header = NULL;
    out->rows = json_array();
    if (file != NULL) {
        err = csv_read(file, info, error, add_row, out);
        (void)fclose(file);
    }
    return err;
}

static void rows_free(struct rows *rows)
{
    json_decref(rows->header);
    json_decref(rows->rows);
}

static void verdict(struct tally *t, bool good, const char *name)
{
    if (good) {
        t->passed++;
    } else {
        t->failed++;
        (void)printf("FAIL %s\n", name);
    }
}

/* The expected value is a list of rows, or one row alone, as the public files have it. */
static bool same_rows(const json_t *expected, const struct rows *rows)
{
    if (json_is_object(expected)) {
        return json_array_size(rows->rows) == 1 &&
               json_equal(expected, json_array_get(rows->rows, 0));
    }
    return json_equal(expected, rows->rows);
}

/* The published case "location_coordinates" expects a telephone number that its input does not
 * hold (1234567890 for 2095257564). No reader can pass it; every other difference counts. */
static bool contradicts_itself(const char *name, const json_t *expected, const struct rows *rows)
{
    static const char key[] = "Contact Phone Number";
    const char *wanted = json_string_value(json_object_get(expected, key));
    json_t *read = json_array_get(rows->rows, 0);
    const char *got = json_string_value(json_object_get(read, key));
    if (name == NULL || strcmp(name, "location_coordinates") != 0 || wanted == NULL ||
        strcmp(wanted, "1234567890") != 0 || got == NULL || strcmp(got, "2095257564") != 0) {
        return false;
    }
    (void)json_object_set_new(read, key, json_string(wanted));
    return same_rows(expected, rows);
}

static void run_case(struct tally *t, const json_t *c)
{
    const char *name = json_string_value(json_object_get(c, "name"));
    const char *text = json_string_value(json_object_get(c, "csv_base64"));
    const json_t *expected = json_object_get(c, "expected");
    size_t len = 0;
    if (text == NULL || expected == NULL) {
        t->skipped++;
        return;
    }
    size_t cap = strlen(text) + 1;
    uint8_t *bytes = malloc(cap);
    if (bytes == NULL || sodium_base642bin(bytes, cap, text, strlen(text), "\r\n ", &len, NULL,
                                           sodium_base64_VARIANT_ORIGINAL) != 0) {
        verdict(t, false, name != NULL ? name : "(no name)");
        free(bytes);
        return;
    }
    struct rows rows;
    struct csv_error error;
    bool read = parse(bytes, len, &rows, NULL, &error) == TRIS_OK;
    bool good = read && same_rows(expected, &rows);
    if (!good && read && contradicts_itself(name, expected, &rows)) {
        (void)printf("SKIP %s: the published rows are not those of its input\n", name);
        t->skipped++;
    } else {
        verdict(t, good, name != NULL ? name : "(no name)");
    }
    rows_free(&rows);
    free(bytes);
}

static bool run_file(struct tally *t, const char *path)
{
    size_t index;
    json_t *item;
    json_error_t error;
    json_t *doc = json_load_file(path, 0, &error);
    const json_t *cases = json_is_array(doc) ? doc : json_object_get(doc, "cases");
    if (doc == NULL || !json_is_array(cases)) {
        (void)fprintf(stderr, "%s: not readable: %s\n", path, error.text);
        json_decref(doc);
        return false;
    }
    json_array_foreach(cases, index, item)
    {
        run_case(t, item);
    }
    json_decref(doc);
    return true;
}

/* ---- own cases: what the reader is for ---- */

struct own_case {
    const char *name;
    const char *csv;
    size_t len;
    enum tris_err err;
    uint64_t line, column, byte; /* of the error */
    char delimiter;
    size_t rows;
    const char *cell; /* column "b" of the last row */
};

#define CASE_TEXT(text) text, sizeof(text) - 1

static const struct own_case own_cases[] = {
    {"a semicolon is found", CASE_TEXT("a;b\n1;2,5\n"), TRIS_OK, 0, 0, 0, ';', 1, "2,5"},
    {"a tab is found", CASE_TEXT("a\tb\r\n1\tx;y\r\n"), TRIS_OK, 0, 0, 0, '\t', 1, "x;y"},
    {"a byte order mark is no text", CASE_TEXT("\xef\xbb\xbf\"a\",b\n1,2"), TRIS_OK, 0, 0, 0, ',',
     1, "2"},
    {"blanks at the ends are kept", CASE_TEXT("a,b\n1,  x \n"), TRIS_OK, 0, 0, 0, ',', 1, "  x "},
    {"a line break in quotes is text", CASE_TEXT("a,b\n1,\"x\r\ny\"\n"), TRIS_OK, 0, 0, 0, ',', 1,
     "x\r\ny"},
    {"blank lines are no rows", CASE_TEXT("a,b\n\n\n1,2\n\n"), TRIS_OK, 0, 0, 0, ',', 1, "2"},
    {"CR alone ends a line", CASE_TEXT("a,b\r1,2\r3,4\r"), TRIS_OK, 0, 0, 0, ',', 2, "4"},
    {"quotes inside an unquoted cell are text", CASE_TEXT("a;b\n1;Verein \"Hilfe\" e.V.\n"),
     TRIS_OK, 0, 0, 0, ';', 1, "Verein \"Hilfe\" e.V."},
    {"an empty file has no rows", CASE_TEXT(""), TRIS_OK, 0, 0, 0, ',', 0, NULL},
    {"bad UTF-8 is refused with its place",
     CASE_TEXT("a,b\n1,2\n3,Stra\xdf"
               "e\n"),
     TRIS_ERR_BAD_UTF8, 3, 2, 14, ',', 1, NULL},
    {"bad UTF-8 behind a line break in quotes", CASE_TEXT("a,b\n\"x\ny\",\xff\n"),
     TRIS_ERR_BAD_UTF8, 2, 2, 10, ',', 0, NULL},
    {"UTF-16 is refused",
     CASE_TEXT("\xff\xfe"
               "a\0,\0b\0\n\0"),
     TRIS_ERR_BAD_UTF8, 0, 0, 0, 0, 0, NULL},
    {"UTF-16 without mark is refused", CASE_TEXT("a\0,\0b\0\n\0"), TRIS_ERR_BAD_UTF8, 0, 0, 0, 0, 0,
     NULL},
    {"an open quote is refused where it opens", CASE_TEXT("a,b\n1,2\n3,\"x\ny\n"),
     TRIS_ERR_TRUNCATED, 3, 2, 15, ',', 1, NULL},
};

static bool own_case_good(const struct own_case *c)
{
    struct rows rows;
    struct csv_error error;
    struct csv_info info = {0};
    enum tris_err err = parse(c->csv, c->len, &rows, &info, &error);
    size_t count = json_array_size(rows.rows);
    bool good = err == c->err && count == c->rows;
    if (err != TRIS_OK) {
        good = good && error.line == c->line && error.column == c->column && error.text[0] != '\0';
        good = good && (c->byte == 0 || error.byte == c->byte);
    } else if (c->cell != NULL && count > 0) {
        const char *cell =
            json_string_value(json_object_get(json_array_get(rows.rows, count - 1), "b"));
        good = good && cell != NULL && strcmp(cell, c->cell) == 0 && info.delimiter == c->delimiter;
    }
    if (!good) {
        (void)printf("     got %s, %zu rows, line %llu column %llu byte %llu: %s\n",
                     tris_err_name(err), count, (unsigned long long)error.line,
                     (unsigned long long)error.column, (unsigned long long)error.byte, error.text);
    }
    rows_free(&rows);
    return good;
}

static bool take_last(void *ctx, const struct csv_row *row)
{
    struct span *last = ctx;
    static const size_t most = 200;
    size_t len = row->count > 0 && row->cell[0].len < most ? row->cell[0].len : 0;
    memcpy((void *)(uintptr_t)last->ptr, row->count > 0 ? row->cell[0].ptr : last->ptr, len);
    last->len = len;
    return true;
}

/* What csv_put_cell writes, csv_read and csv_unguard give back. */
static bool round_trip_good(const char *text)
{
    char file_text[512] = {0};
    uint8_t cell[256];
    struct span last = {cell, 0};
    struct csv_error error;
    FILE *out = fmemopen(file_text, sizeof file_text, "w");
    if (out == NULL) {
        return false;
    }
    csv_put_cell(out, span_str(text), ',', true);
    (void)fputs(",x\r\n", out);
    (void)fclose(out);
    FILE *in = fmemopen(file_text, strlen(file_text), "r");
    if (in == NULL) {
        return false;
    }
    enum tris_err err = csv_read(in, NULL, &error, take_last, &last);
    (void)fclose(in);
    return err == TRIS_OK && span_eq(csv_unguard(last), span_str(text));
}

static bool limits_good(void)
{
    size_t len = CSV_CELL_BYTES_MAX + 4096;
    char *text = malloc(len);
    struct rows rows;
    struct csv_error error;
    if (text == NULL) {
        return false;
    }
    memset(text, 'x', len);
    memcpy(text, "a,b\n\"", 5);
    for (size_t i = 64; i < len; i += 64) {
        text[i] = '\n';
    }
    bool good = parse(text, len, &rows, NULL, &error) == TRIS_ERR_TOO_LARGE && error.line == 2;
    rows_free(&rows);
    free(text);
    return good;
}

static void run_own(struct tally *t)
{
    static const char *const texts[] = {
        "plain", "with, comma", "\"quoted\"", "two\nlines",  "=1+1",     "+49 221",     "-5",
        "@home", "'=1+1",       "''=1",       "'apostrophe", " blanks ", "\tTAB first", "Köln"};
    for (size_t i = 0; i < sizeof own_cases / sizeof own_cases[0]; i++) {
        verdict(t, own_case_good(&own_cases[i]), own_cases[i].name);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        verdict(t, round_trip_good(texts[i]), texts[i]);
    }
    verdict(t, limits_good(), "an open quote over many lines ends at the cell limit");
}

int main(int argc, char **argv)
{
    struct tally t = {0, 0, 0};
    bool readable = true;
    if (sodium_init() < 0) {
        return 2;
    }
    if (argc < 2) {
        run_own(&t);
    }
    for (int i = 1; i < argc; i++) {
        readable = run_file(&t, argv[i]) && readable;
    }
    (void)printf("%u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
    if (!readable) {
        return 2;
    }
    return t.failed > 0 || t.passed == 0 ? 1 : 0;
}
