/* Reading CSV (RFC 4180) row by row over libcsv: UTF-8 with or without BOM, or Windows-1252 (which
 * encoding.h finds out); comma, semicolon or TAB found out from the first line; line breaks inside
 * quotes. Cells are UTF-8 in every case. Foreign dialects belong here as well.
 *
 * Bounded: a line and a cell have a greatest length, a row a greatest number of cells. */
#ifndef TRIS_TOOLS_CSV_H
#define TRIS_TOOLS_CSV_H

#include <stdio.h>

#include "proto/buf.h"

enum {
    CSV_LINE_BYTES_MAX = 1024 * 1024,
    CSV_CELL_BYTES_MAX = 256 * 1024, /* five payloads: an open quote is found before it eats all */
    CSV_CELLS_MAX = 512,
};

/* One row; valid during the callback. `line` is the file's line in which it begins, from 1. */
struct csv_row {
    uint64_t line;
    uint64_t number; /* from 1, the header counts */
    size_t count;
    const struct span *cell;
};

enum csv_encoding { CSV_UTF8, CSV_WINDOWS_1252 };

struct csv_info {
    enum csv_encoding encoding; /* to be set before csv_read */
    char delimiter;             /* ',' ';' '\t'; found out */
    bool bom;                   /* likewise */
};

struct csv_error {
    enum tris_err err;
    uint64_t line;   /* 0: the file as a whole */
    uint64_t column; /* cell, from 1; 0: the line as a whole */
    uint64_t byte;   /* offset in the file */
    char text[200];
};

/* Returns false to stop; the read then ends with TRIS_OK. */
typedef bool csv_row_fn(void *ctx, const struct csv_row *row);

/* Reads the whole stream. `info` (NULL: UTF-8) is completed before the first row is given. */
TRIS_MUST_CHECK enum tris_err csv_read(FILE *file, struct csv_info *info, struct csv_error *error,
                                       csv_row_fn *each, void *ctx);

/* One cell as RFC 4180 writes it: quoted if it holds a quote, a delimiter or a line break, or
 * begins or ends with a blank; `guard`: a text that a spreadsheet would take for a formula
 * (= + - @ TAB CR in front) gets an apostrophe in front, which csv_unguard takes off. */
void csv_put_cell(FILE *file, struct span text, char delimiter, bool guard);
struct span csv_unguard(struct span text);

#endif
