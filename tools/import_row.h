/* One row of a list as a record: cells to fields by columns and map, what the list says of every
 * row, checks for the scope. No file, no daemon. */
#ifndef TRIS_TOOLS_IMPORT_ROW_H
#define TRIS_TOOLS_IMPORT_ROW_H

#include "tools/fields.h"
#include "tools/import_map.h"

enum {
    ROW_REFS_MAX = 4,
    ROW_REF_BYTES_MAX = 320,
    ROW_REASON_BYTES = 512,
    ROW_SCRATCH_BYTES = 512 * 1024,
    ROW_PRESET_BYTES = 4096
};

/* What holds for each row of the list. */
struct row_plan {
    const struct kind *kind;
    bool listed;          /* national unless the row says otherwise */
    char source_name[81]; /* for rows with a source_id and no source */
    char region[8];       /* of rows in a list that names no districts; "" = none */
};

/* Told of each value that was put right, such as a lost leading zero. */
typedef void row_remark_fn(void *ctx, const char *column, struct span was,
                           const struct record *record, const struct field *field);

/* What a row says of another record, for the daemon to find: in a field that names one, or in the
 * one with its key. */
struct row_ref {
    const struct field *field;
    struct span text;
};

struct row {
    const struct columns *columns;
    const struct row_plan *plan;
    enum label_lang lang; /* of the reasons */
    row_remark_fn *remark;
    void *remark_ctx;
    uint32_t today;                                         /* YYYYMMDD; row_init sets it */
    const struct field *source, *source_id, *region, *name; /* NULL: the kind has none */
    /* the result */
    struct record record;
    struct row_ref ref[ROW_REFS_MAX];
    size_t ref_count;
    struct span within; /* record_within, also of what stays in the house */
    enum schema_scope scope;
    bool narrowed; /* kept in the house because it is personal data */
    /* the fault */
    char column[COLUMN_NAME_BYTES];
    char reason[ROW_REASON_BYTES];
    uint8_t within_bytes[RECORD_WITHIN_BYTES_MAX];
    uint8_t scratch[ROW_SCRATCH_BYTES];
};

/* Before the first row; columns, plan and remark are set by the caller. */
void row_init(struct row *r);
/* False: refused, column and reason say why. The record's texts point into cells and scratch. */
bool row_take(struct row *r, const struct span *cell, size_t count);
/* True if the list says something of this field: a column, the map or the plan fills it. What it is
 * silent on stays as it is in a record that is there already. */
bool row_speaks_of(const struct row *r, const struct field *field);
/* The text of a field, empty if there is none. */
struct span row_text(const struct row *r, const struct field *field);

#endif
