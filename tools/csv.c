/* CSV reader and writer; see csv.h. libcsv finds the cells, this file the lines and the faults. */
#include "tools/csv.h"

#include <csv.h>
#include <iconv.h>
#include <stdlib.h>

#include "proto/pack.h"

enum {
    SNIFF_BYTES = 64 * 1024,
    WIDE_BYTES_MAX = 3, /* of one Windows-1252 character in UTF-8 */
    PARSER_IN_CELL = 2, /* csv_parser.pstate inside a cell; libcsv has no public name for it */
};

struct reader {
    FILE *file;
    struct csv_parser parser;
    struct csv_error *error;
    enum tris_err err;
    csv_row_fn *each;
    void *ctx;
    bool stopped;
    bool in_row;     /* a row has begun and not ended: the next line belongs to it */
    uint64_t line;   /* of the line that is being fed */
    uint64_t offset; /* of its first byte */
    struct csv_row row;
    bool converts;
    iconv_t converter;
    uint8_t *converted; /* one line as UTF-8 */
    size_t text_len, text_cap;
    uint8_t *text; /* the cells of one row, one after the other */
    size_t begin[CSV_CELLS_MAX], size[CSV_CELLS_MAX];
    struct span cell[CSV_CELLS_MAX];
};

static void fail(struct reader *r, enum tris_err err, uint64_t line, uint64_t column,
                 const char *text)
{
    if (r->err != TRIS_OK) {
        return;
    }
    r->err = err;
    r->error->err = err;
    r->error->line = line;
    r->error->column = column;
    r->error->byte = r->offset;
    (void)snprintf(r->error->text, sizeof r->error->text, "%s", text);
}

/* libcsv would take blanks off both ends of a cell. */
static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static bool room_for(struct reader *r, size_t len)
{
    if (len <= r->text_cap - r->text_len) {
        return true;
    }
    size_t cap = r->text_cap;
    while (len > cap - r->text_len) {
        cap *= 2;
    }
    uint8_t *text = cap <= 2 * (size_t)CSV_LINE_BYTES_MAX + 2 * (size_t)CSV_CELL_BYTES_MAX
                        ? realloc(r->text, cap)
                        : NULL;
    if (text == NULL) {
        return false;
    }
    r->text = text;
    r->text_cap = cap;
    return true;
}

static void on_cell(void *bytes, size_t len, void *ctx)
{
    struct reader *r = ctx;
    struct span cell = span_of(bytes, len);
    if (r->err != TRIS_OK || r->stopped) {
        return;
    }
    if (!utf8_valid(cell)) {
        fail(r, TRIS_ERR_BAD_UTF8, r->row.line, r->row.count + 1,
             "the text is not UTF-8; save the list as \"CSV UTF-8\"");
    } else if (r->row.count == CSV_CELLS_MAX) {
        fail(r, TRIS_ERR_TOO_LARGE, r->row.line, r->row.count + 1, "a row has more than 512 cells");
    } else if (!room_for(r, len)) {
        fail(r, TRIS_ERR_TOO_LARGE, r->row.line, r->row.count + 1, "a row is too long");
    } else {
        r->begin[r->row.count] = r->text_len;
        r->size[r->row.count] = len;
        r->row.count++;
        if (len > 0) {
            memcpy(r->text + r->text_len, bytes, len);
        }
        r->text_len += len;
    }
}

static void on_row(int terminator, void *ctx)
{
    struct reader *r = ctx;
    (void)terminator;
    if (r->err != TRIS_OK || r->stopped) {
        return;
    }
    for (size_t i = 0; i < r->row.count; i++) {
        r->cell[i] = span_of(r->text + r->begin[i], r->size[i]);
    }
    r->row.number++;
    r->row.cell = r->cell;
    r->stopped = !r->each(r->ctx, &r->row);
    r->row.count = 0;
    r->text_len = 0;
    r->in_row = false;
}

/* Byte of the first fault of the text, for the message. */
static size_t bad_byte(struct span text)
{
    size_t good = 0;
    for (size_t end = 1; end <= text.len; end++) {
        if (utf8_valid(span_of(text.ptr, end))) {
            good = end;
        } else if (end - good >= 4) {
            break;
        }
    }
    return good;
}

static void feed(struct reader *r, const uint8_t *bytes, size_t len)
{
    bool blank = len == 0 || (len == 1 && (bytes[0] == '\n' || bytes[0] == '\r')) ||
                 (len == 2 && bytes[0] == '\r' && bytes[1] == '\n');
    if (!r->in_row) {
        if (blank) {
            return;
        }
        r->row.line = r->line;
        r->in_row = true;
    }
    bool was_ok = r->err == TRIS_OK;
    size_t done = csv_parse(&r->parser, bytes, len, on_cell, on_row, r);
    if (done != len) {
        fail(r, TRIS_ERR_NO_MEMORY, r->line, 0, csv_strerror(csv_error(&r->parser)));
    }
    if (csv_get_buffer_size(&r->parser) > CSV_CELL_BYTES_MAX) {
        fail(r, TRIS_ERR_TOO_LARGE, r->row.line, r->row.count + 1,
             "a cell is too long: is a quotation mark not closed?");
    }
    if (was_ok && r->err == TRIS_ERR_BAD_UTF8) {
        r->error->byte = r->offset + bad_byte(span_of(bytes, len));
    }
}

/* A line of Windows-1252, then fed as UTF-8; offsets stay those of the file. */
static void feed_line(struct reader *r, uint8_t *bytes, size_t len)
{
    if (!r->converts) {
        feed(r, bytes, len);
        return;
    }
    char *in = (char *)bytes, *out = (char *)r->converted;
    size_t in_left = len, out_left = (size_t)CSV_LINE_BYTES_MAX * WIDE_BYTES_MAX;
    if (iconv(r->converter, &in, &in_left, &out, &out_left) == (size_t)-1) {
        r->offset += len - in_left;
        fail(r, TRIS_ERR_BAD_UTF8, r->line, 0, "the byte is no character of Windows-1252");
        return;
    }
    feed(r, r->converted, (size_t)((uint8_t *)out - r->converted));
}

/* The delimiter that occurs most often in the first line outside quotes. */
static char sniff_delimiter(const uint8_t *bytes, size_t len)
{
    static const char candidates[] = {',', ';', '\t'};
    size_t count[3] = {0};
    bool quoted = false;
    for (size_t i = 0; i < len && (quoted || (bytes[i] != '\n' && bytes[i] != '\r')); i++) {
        quoted = bytes[i] == '"' ? !quoted : quoted;
        for (size_t k = 0; k < 3 && !quoted; k++) {
            count[k] += bytes[i] == (uint8_t)candidates[k] ? 1 : 0;
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < 3; k++) {
        best = count[k] > count[best] ? k : best;
    }
    return candidates[best];
}

static bool is_utf16(const uint8_t *bytes, size_t len)
{
    if (len >= 2 &&
        ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff))) {
        return true;
    }
    return len > 0 && memchr(bytes, 0, len) != NULL;
}

/* Looks at the first bytes; `skip` is the length of a byte order mark. */
static bool sniff(struct reader *r, const uint8_t *bytes, size_t len, struct csv_info *info,
                  size_t *skip)
{
    static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};
    if (is_utf16(bytes, len)) {
        fail(r, TRIS_ERR_BAD_UTF8, 0, 0,
             "the file is UTF-16 or no text; save the list as \"CSV UTF-8\"");
        return false;
    }
    info->bom = len >= 3 && memcmp(bytes, mark, 3) == 0;
    *skip = info->bom ? 3 : 0;
    info->delimiter = sniff_delimiter(bytes + *skip, len - *skip);
    csv_set_delim(&r->parser, (unsigned char)info->delimiter);
    return true;
}

/* Length of the first line of what is held, its end included; 0 if its end is not there yet. */
static size_t line_length(const uint8_t *bytes, size_t len, char end)
{
    const uint8_t *at = len > 0 ? memchr(bytes, end, len) : NULL;
    return at != NULL ? (size_t)(at - bytes) + 1 : 0;
}

/* The cell that a line was in when it became too long; its row may have begun lines before. */
static uint64_t column_of_end(struct reader *r, const uint8_t *bytes, size_t len)
{
    uint64_t column = r->row.count + 1;
    bool quoted = r->parser.quoted != 0 && r->parser.pstate == PARSER_IN_CELL;
    for (size_t i = 0; i < len; i++) {
        quoted = bytes[i] == '"' ? !quoted : quoted;
        column += !quoted && bytes[i] == csv_get_delim(&r->parser) ? 1 : 0;
    }
    return column;
}

/* Cuts the stream into lines and feeds them. */
static void read_lines(struct reader *r, uint8_t *buffer, struct csv_info *info)
{
    size_t held = 0, at = 0;
    bool first = true, eof = false;
    char end = '\n';
    while (r->err == TRIS_OK && !r->stopped) {
        size_t len = first ? 0 : line_length(buffer + at, held - at, end);
        if (len == 0 && !eof) {
            memmove(buffer, buffer + at, held - at);
            held -= at;
            at = 0;
            size_t want = CSV_LINE_BYTES_MAX - held;
            size_t got = want > 0 ? fread(buffer + held, 1, want, r->file) : 0;
            if (want == 0) {
                fail(r, TRIS_ERR_TOO_LARGE, r->line, column_of_end(r, buffer, held),
                     "a line is too long");
            } else if (got < want) {
                eof = true;
                if (ferror(r->file)) {
                    fail(r, TRIS_ERR_IO, r->line, 0, "the file cannot be read");
                }
            }
            held += got;
            if (first) {
                size_t look = held < SNIFF_BYTES ? held : SNIFF_BYTES;
                first = false;
                end = memchr(buffer, '\n', look) == NULL && memchr(buffer, '\r', look) != NULL
                          ? '\r'
                          : '\n';
                (void)sniff(r, buffer, look, info, &at);
                r->offset = at;
            }
            continue;
        }
        if (len == 0) {
            len = held - at; /* the last line has no end */
        }
        if (len == 0) {
            break;
        }
        feed_line(r, buffer + at, len);
        at += len;
        r->offset += len;
        r->line++;
    }
}

/* The end of the file ends the last row, but not an open quotation mark. */
static void finish(struct reader *r)
{
    if (r->parser.quoted != 0 && r->parser.pstate == PARSER_IN_CELL) {
        fail(r, TRIS_ERR_TRUNCATED, r->row.line, r->row.count + 1,
             "a quotation mark is not closed");
    } else if (csv_fini(&r->parser, on_cell, on_row, r) != 0) {
        fail(r, TRIS_ERR_NO_MEMORY, r->line, 0, csv_strerror(csv_error(&r->parser)));
    }
}

enum tris_err csv_read(FILE *file, struct csv_info *info, struct csv_error *error, csv_row_fn *each,
                       void *ctx)
{
    struct csv_info own_info = {.encoding = CSV_UTF8};
    struct reader *r = calloc(1, sizeof *r);
    uint8_t *buffer = malloc(CSV_LINE_BYTES_MAX);
    enum tris_err err = TRIS_ERR_NO_MEMORY;
    bool have_parser = false;

    memset(error, 0, sizeof *error);
    if (r == NULL || buffer == NULL) {
        goto out;
    }
    r->text_cap = 64 * 1024;
    r->text = malloc(r->text_cap);
    have_parser = r->text != NULL && csv_init(&r->parser, 0) == 0;
    if (!have_parser) {
        goto out;
    }
    if (info != NULL && info->encoding == CSV_WINDOWS_1252) {
        r->converted = malloc((size_t)CSV_LINE_BYTES_MAX * WIDE_BYTES_MAX);
        r->converter = iconv_open("UTF-8", "WINDOWS-1252");
        r->converts = r->converter != (iconv_t)-1;
        if (!r->converts || r->converted == NULL) {
            fail(r, TRIS_ERR_IO, 0, 0, "this system has no converter from Windows-1252");
            err = r->err;
            goto out;
        }
    }
    csv_set_space_func(&r->parser, no_space);
    r->file = file;
    r->error = error;
    r->each = each;
    r->ctx = ctx;
    r->line = 1;
    read_lines(r, buffer, info != NULL ? info : &own_info);
    if (r->err == TRIS_OK && !r->stopped) {
        finish(r);
    }
    err = r->err;
out:
    if (err != TRIS_OK && error->text[0] == '\0') {
        error->err = err;
        (void)snprintf(error->text, sizeof error->text, "%s", tris_err_text(err));
    }
    if (have_parser) {
        csv_free(&r->parser);
    }
    if (r != NULL) {
        if (r->converts) {
            (void)iconv_close(r->converter);
        }
        free(r->converted);
        free(r->text);
    }
    free(buffer);
    free(r);
    return err;
}

/* Apostrophes, then a character that makes a spreadsheet calculate. */
static bool is_formula(struct span text)
{
    size_t i = 0;
    while (i < text.len && text.ptr[i] == '\'') {
        i++;
    }
    return i < text.len && memchr("=+-@\t\r", text.ptr[i], 6) != NULL;
}

void csv_put_cell(FILE *file, struct span text, char delimiter, bool guard)
{
    bool quote = text.len > 0 && (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ');
    bool guarded = guard && is_formula(text);
    for (size_t i = 0; i < text.len && !quote; i++) {
        uint8_t c = text.ptr[i];
        quote = c == '"' || c == '\n' || c == '\r' || c == (uint8_t)delimiter;
    }
    if (quote) {
        (void)fputc('"', file);
    }
    if (guarded) {
        (void)fputc('\'', file);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            (void)fputc('"', file);
        }
        (void)fputc(text.ptr[i], file);
    }
    if (quote) {
        (void)fputc('"', file);
    }
}

struct span csv_unguard(struct span text)
{
    if (text.len < 2 || text.ptr[0] != '\'' || !is_formula(text)) {
        return text;
    }
    return span_of(text.ptr + 1, text.len - 1);
}
