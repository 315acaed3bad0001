/* CSV lists in any encoding: cells are UTF-8, and rows written again are read alike. */
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"
#include "tools/csv.h"
#include "tools/encoding.h"

const size_t fuzz_heap_bytes_max = 8 * 1024 * 1024;
enum { BYTES_MAX = 16 * 1024, OUT_BYTES_MAX = 6 * BYTES_MAX };

void fuzz_setup(void)
{
}

struct seen {
    uint64_t rows, cells, sum;
    FILE *copy; /* NULL: none */
    const struct csv_info *info;
};

static bool on_row(void *ctx, const struct csv_row *row)
{
    struct seen *s = ctx;
    REQUIRE(row->number == s->rows + 1 && row->line >= 1 && row->count <= CSV_CELLS_MAX);
    s->rows++;
    for (size_t i = 0; i < row->count; i++) {
        struct span cell = row->cell[i];
        REQUIRE(utf8_valid(cell) && cell.len <= CSV_CELL_BYTES_MAX);
        s->cells++;
        for (size_t k = 0; k < cell.len; k++) {
            s->sum = s->sum * 31 + cell.ptr[k];
        }
        s->sum = s->sum * 31 + 256;
        if (s->copy != NULL) {
            (void)fputs(i == 0 ? "" : (char[]){s->info->delimiter, 0}, s->copy);
            csv_put_cell(s->copy, cell, s->info->delimiter, false);
        }
    }
    if (s->copy != NULL) {
        (void)fputs("\r\n", s->copy);
    }
    return true;
}

static enum tris_err read_list(struct span bytes, struct csv_info *info, struct seen *out)
{
    struct csv_error error;
    FILE *file = fmemopen((void *)(uintptr_t)bytes.ptr, bytes.len, "r");
    REQUIRE(file != NULL);
    enum tris_err err = csv_read(file, info, &error, on_row, out);
    REQUIRE(err == error.err && (err == TRIS_OK) == (error.text[0] == '\0'));
    REQUIRE(error.byte <= bytes.len && memchr(error.text, 0, sizeof error.text) != NULL);
    (void)fclose(file);
    return err;
}

/* What was read, written with its delimiter: if the reader finds out the same one, it finds the
 * same cells. (It looks at the first line, which may have one column only.) A row of one empty cell
 * is an empty line, which readers skip. */
static void read_again(struct span copy, const struct seen *first)
{
    struct csv_info info = {.encoding = CSV_UTF8};
    struct seen again = {.copy = NULL};
    enum tris_err err = read_list(copy, &info, &again);
    if (info.delimiter == first->info->delimiter && !info.bom &&
        memchr(copy.ptr, 0, copy.len) == NULL) {
        REQUIRE(err == TRIS_OK && again.rows <= first->rows);
        REQUIRE(again.rows < first->rows || again.cells == first->cells);
        REQUIRE(again.rows < first->rows || again.sum == first->sum);
    }
}

static void check_encoding(struct span bytes)
{
    struct csv_info info = {.encoding = CSV_UTF8};
    struct csv_error error;
    FILE *file = fmemopen((void *)(uintptr_t)bytes.ptr, bytes.len, "r");
    REQUIRE(file != NULL);
    enum tris_err err = encoding_find(file, NULL, &info, &error);
    REQUIRE(err != TRIS_OK || info.encoding != CSV_UTF8 || utf8_valid(bytes));
    (void)fclose(file);
}

void fuzz_one(struct span input)
{
    static char out[OUT_BYTES_MAX];
    struct rbuf in = rbuf_of(input);
    uint8_t how = fuzz_u8(&in);
    struct span bytes = fuzz_take(&in, BYTES_MAX);
    if (bytes.len == 0) {
        return;
    }
    check_encoding(bytes);
    struct csv_info info = {.encoding = how % 2 == 0 ? CSV_UTF8 : CSV_WINDOWS_1252};
    struct seen first = {.copy = fmemopen(out, sizeof out, "w"), .info = &info};
    REQUIRE(first.copy != NULL);
    enum tris_err err = read_list(bytes, &info, &first);
    (void)fflush(first.copy);
    long len = ftell(first.copy);
    (void)fclose(first.copy);
    if (err == TRIS_OK && len > 0) {
        read_again(span_of(out, (size_t)len), &first);
    }
}
