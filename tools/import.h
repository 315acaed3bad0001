/* One pass over a list: rows to records to groups of the daemon, many of them in flight. */
#ifndef TRIS_TOOLS_IMPORT_H
#define TRIS_TOOLS_IMPORT_H

#include <stdio.h>

#include "tools/csv.h"
#include "tools/import_row.h"
#include "tools/tris.h"

enum {
    IMPORT_GROUP_ROWS = 256, /* a container of the control socket holds no more */
    IMPORT_FLIGHT_MAX = 128,
    IMPORT_REJECTED_MAX = 100000, /* rejected rows that are remembered; all are counted */
    IMPORT_REJECTED_BYTES_MAX = 16 * 1024 * 1024, /* of their reasons */
    IMPORT_REMARKS_MAX = 5,
    IMPORT_SIMILAR_MAX = 1000,
    IMPORT_UNLINKED_MAX = 10000,
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
    char *reason; /* malloc'ed, with the column behind it */
    const char *column;
};

/* A new row that looks like another record: same name but for the legal form, same district. */
struct import_similar {
    uint64_t line;
    uint64_t other_line; /* of this list; 0: a record of this house */
    char id[64];         /* that record */
    char name[120];      /* of the row, cut */
};

/* A row that goes in without a reference, because nothing here has the key that it gives. */
struct import_unlinked {
    uint64_t line;
    char column[40], value[128], why[128];
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
    uint64_t repeated;  /* rejected: rows for a record that an earlier row is for */
    uint64_t similar;   /* new rows that look like something else; dry runs only */
    uint64_t fills;     /* of the changed ones, those that only get more; dry runs only */
    uint64_t doubled;   /* of these, the ones that look like a record of this house */
    uint64_t unlinked;  /* rows that go in without a reference */
};

struct import_plan {
    struct row_plan row;
    bool dry_run;
    char house[96]; /* what this house is called; rows of others are skipped */
    char file[161]; /* for the list of imports */
};

struct import_result {
    struct import_counts counts;
    struct rejected *rejected; /* by line after import_pass */
    size_t rejected_count;
    size_t reason_bytes;                             /* of them */
    struct import_remark remark[IMPORT_REMARKS_MAX]; /* the first corrections */
    size_t remark_count;
    struct import_similar *similar; /* malloc'ed; the first ones */
    size_t similar_count;
    struct import_unlinked *unlinked; /* malloc'ed; the first ones, by line after import_pass */
    size_t unlinked_count;
    uint64_t id;      /* of this import; 0: nothing was written */
    bool interrupted; /* by a signal; what was sent before is written */
};

/* "FILE: line 2, column 3, byte 40: what is wrong", with the places that are known. */
void import_say_place(const char *file, const struct csv_error *error, char *out, size_t size);

/* False with `fault` if the list cannot be read or the daemon fails; what was answered until then
 * is counted. The caller frees with import_result_fini in every case. */
bool import_pass(struct cli *cli, struct import_source *source, struct columns *columns,
                 const struct import_plan *plan, struct import_result *out, struct fault *fault);
/* Counts a rejected row and remembers it as long as there is room. */
void import_result_reject(struct import_result *out, uint64_t line, const char *column,
                          const char *reason);
/* Counts a new row that looks like a record (`id`) or, with other_line, like an earlier row. */
void import_result_similar(struct import_result *out, uint64_t line, struct span name,
                           uint64_t other_line, struct span id);
/* Counts a row that goes in without the record that `value` of `column` names. */
void import_result_unlinked(struct import_result *out, uint64_t line, const char *column,
                            struct span value, struct span why);
/* Adds the daemon's answer to a group of rows. */
void import_answer_take(struct import_result *out, const struct columns *columns,
                        struct span result);
uint64_t import_answer_count(struct span result, const char *key);
void import_result_fini(struct import_result *r);

#endif
