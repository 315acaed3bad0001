/* One pass over a list: rows to records to groups of the daemon, many of them in flight. */
#ifndef TRIS_TOOLS_IMPORT_H
#define TRIS_TOOLS_IMPORT_H

#include <stdio.h>

#include "tools/csv.h"
#include "tools/import_map.h"
#include "tools/tris.h"

enum {
    IMPORT_GROUP_ROWS = 256, /* a container of the control socket holds no more */
    IMPORT_FLIGHT_MAX = 128,
    IMPORT_REJECTED_MAX = 100000, /* rejected rows that are remembered; all are counted */
    IMPORT_REMARKS_MAX = 5,
};

enum import_format { IMPORT_CSV, IMPORT_NDJSON };

/* The list: a file that can be read again from its start. */
struct import_source {
    FILE *file;
    enum import_format format;
    uint64_t size; /* bytes, for the progress; 0 = unknown */
    struct csv_info info;
};

/* The next row of the list; a cell of no column is empty. False to stop. */
typedef bool import_row_fn(void *ctx, uint64_t line, const struct span *cell, size_t count);

/* Reads the list from its start; `columns` is filled on the way (CSV: from the first row).
 * A line that is no row at all goes to `broken` (NDJSON; may be NULL). */
TRIS_MUST_CHECK enum tris_err import_read(struct import_source *source, struct columns *columns,
                                          struct csv_error *error, import_row_fn *each,
                                          void (*broken)(void *ctx, uint64_t line, const char *why),
                                          void *ctx);

struct rejected {
    uint64_t line;
    char column[COLUMN_NAME_BYTES];
    char *reason; /* malloc'ed */
};

struct import_remark {
    uint64_t line;
    char text[240];
};

struct import_counts {
    uint64_t rows, new_rows, changed, unchanged, rejected;
    uint64_t corrected; /* values that were put right, such as a lost leading zero */
    uint64_t skipped;   /* of another house or kind, from an export */
    uint64_t narrowed;  /* kept in the house because they are personal data */
};

struct import_plan {
    const struct kind *kind;
    bool listed; /* national unless the row says otherwise */
    bool dry_run;
    char source_name[81];
    char house[96]; /* what this house is called; rows of others are skipped */
    char region[8]; /* of rows in a list without a column for it; "" = none */
};

struct import_result {
    struct import_counts counts;
    struct rejected *rejected; /* by line after import_pass */
    size_t rejected_count;
    struct import_remark remark[IMPORT_REMARKS_MAX]; /* the first corrections */
    size_t remark_count;
};

/* False with `fault` if the list cannot be read or the daemon fails; what was answered until then
 * is counted. The caller frees with import_result_fini in every case. */
bool import_pass(struct cli *cli, struct import_source *source, struct columns *columns,
                 const struct import_plan *plan, struct import_result *out, struct fault *fault);
void import_result_fini(struct import_result *r);

#endif
