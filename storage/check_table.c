/* The audit's second half: derived tables row by row against those made anew, and counters against
 * the rows that they count. */
#include "storage/check.h"
#include "storage/levels.h"

/* ---- comparing tables ---- */

static void key_hex(struct span key, char out[2 * KEY_BYTES_MAX + 1])
{
    tris_hex(key.ptr, key.len < KEY_BYTES_MAX ? key.len : KEY_BYTES_MAX, out);
}

static void report_row(struct audit *a, enum db_table table, struct span key, const char *what)
{
    char hex[2 * KEY_BYTES_MAX + 1];
    key_hex(key, hex);
    check_problem(a, "table %s, row %s: %s", db_table_name(table), hex, what);
}

struct table_rows {
    MDB_cursor *cursor;
    struct span key, value;
    enum tris_err err;
};

/* The rows of one table, or of the two of an index in two tables, in the order of their keys. */
struct table_side {
    struct table_rows rows[2];
    size_t tables, at; /* `at`: the table that has the present row */
    struct span key, value;
    enum tris_err err;
};

static void rows_move(struct table_rows *rows, MDB_cursor_op op)
{
    rows->err = cursor_get(rows->cursor, op, &rows->key, &rows->value);
}

static void side_choose(struct table_side *side)
{
    side->at = 0;
    if (side->tables == 2 && side->rows[1].err != TRIS_ERR_NOT_FOUND &&
        (side->rows[0].err == TRIS_ERR_NOT_FOUND || side->rows[1].err != TRIS_OK ||
         (side->rows[0].err == TRIS_OK && span_cmp(side->rows[1].key, side->rows[0].key) < 0))) {
        side->at = 1;
    }
    side->key = side->rows[side->at].key;
    side->value = side->rows[side->at].value;
    side->err = side->rows[side->at].err;
}

static void side_first(struct table_side *side)
{
    for (size_t i = 0; i < side->tables; i++) {
        rows_move(&side->rows[i], MDB_FIRST);
    }
    side_choose(side);
}

static void side_next(struct table_side *side)
{
    rows_move(&side->rows[side->at], MDB_NEXT);
    side_choose(side);
}

static enum tris_err side_open(struct table_side *side, const struct store_view *v,
                               enum db_table table)
{
    *side = (struct table_side){.tables = table == DB_NAME ? 2 : 1};
    enum tris_err err = view_cursor(v, table, &side->rows[0].cursor);
    if (err == TRIS_OK && side->tables == 2) {
        err = view_cursor(v, levels_fresh(table), &side->rows[1].cursor);
    }
    return err;
}

static void side_close(struct table_side *side)
{
    for (size_t i = 0; i < side->tables; i++) {
        if (side->rows[i].cursor != NULL) {
            mdb_cursor_close(side->rows[i].cursor);
        }
    }
}

static enum tris_err compare_rows(struct audit *a, enum db_table table, struct table_side *stored,
                                  struct table_side *made, uint64_t *rows)
{
    side_first(stored);
    side_first(made);
    while (stored->err == TRIS_OK || made->err == TRIS_OK) {
        int order = stored->err != TRIS_OK ? 1
                    : made->err != TRIS_OK ? -1
                                           : span_cmp(stored->key, made->key);
        if (order < 0) {
            report_row(a, table, stored->key, "does not follow from the entries");
        } else if (order > 0) {
            report_row(a, table, made->key, "is missing");
        } else if (!span_eq(stored->value, made->value)) {
            report_row(a, table, stored->key, "differs from what the entries say");
        }
        if (order <= 0) {
            (*rows)++;
            side_next(stored);
        }
        if (order >= 0) {
            side_next(made);
        }
        enum tris_err err = check_goes_on(a);
        if (err != TRIS_OK) {
            return err;
        }
    }
    if (stored->err != TRIS_ERR_NOT_FOUND) {
        return stored->err;
    }
    return made->err == TRIS_ERR_NOT_FOUND ? TRIS_OK : made->err;
}

static enum tris_err compare_table(struct audit *a, struct store_view *made_view,
                                   enum db_table table, uint64_t *rows)
{
    struct table_side stored = {0};
    struct table_side made = {0};
    enum tris_err err = side_open(&stored, a->v, table);
    if (err == TRIS_OK) {
        err = side_open(&made, made_view, table);
    }
    if (err == TRIS_OK) {
        err = compare_rows(a, table, &stored, &made, rows);
    }
    side_close(&stored);
    side_close(&made);
    return err;
}

enum tris_err check_tables(struct audit *a)
{
    static const enum db_table tables[] = {DB_LOG_ID, DB_HOUSE, DB_CARD,   DB_TREE,   DB_RECORD,
                                           DB_INERT,  DB_HOLE,  DB_REGION, DB_NAME,   DB_SOURCE,
                                           DB_CUBE,   DB_COUNT, DB_MATCH,  DB_TARGET, DB_CROSS};
    struct store_view *made = NULL;
    uint64_t in_regions = 0;
    enum tris_err err = store_view_begin(a->copy, &made);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && err == TRIS_OK; i++) {
        uint64_t rows = 0;
        err = compare_table(a, made, tables[i], &rows);
        if (tables[i] == DB_RECORD) {
            a->out->records = rows;
        } else if (tables[i] == DB_REGION) {
            in_regions = rows;
        } else if (tables[i] == DB_CUBE || tables[i] == DB_COUNT) {
            a->out->counters += rows;
        }
    }
    store_view_end(made);
    /* A fold that forgets a row forgets it in the copy as well: what it must come to is counted. */
    if (err == TRIS_OK && in_regions != a->out->records) {
        check_problem(a, "%llu records stand in the index of districts %llu times",
                      (unsigned long long)a->out->records, (unsigned long long)in_regions);
    }
    return err;
}

/* ---- fast: counters from record rows ---- */

static enum tris_err add_count(struct audit *a, enum count_type type, uint32_t log_no,
                               uint32_t kind)
{
    struct key key;
    key_count(&key, type, log_no, kind);
    return delta_add(&a->deltas, DB_COUNT, &key, 1);
}

static enum tris_err add_record(struct audit *a, struct span key, struct span value)
{
    struct record_ref ref;
    struct record_row row;
    if (!key_tail_ref(key, &ref) || row_record_decode(value, ref.log_no, &row) != TRIS_OK) {
        report_row(a, DB_RECORD, key, "is damaged");
        return TRIS_OK;
    }
    a->out->records++;
    if (row.ended) {
        return TRIS_OK;
    }
    enum tris_err err = add_count(a, COUNT_KIND, ref.log_no, row.kind);
    if (err == TRIS_OK && row.scope == SCOPE_NATIONAL && row.kind == KIND_PARTNER) {
        err = delta_add_partner(&a->deltas, &row.dims, 1);
    }
    return err;
}

static enum tris_err add_inert(struct audit *a, struct span key, struct span value)
{
    struct record_ref ref;
    (void)value;
    if (!key_tail_ref(key, &ref)) {
        report_row(a, DB_INERT, key, "is damaged");
        return TRIS_OK;
    }
    enum tris_err err = add_count(a, COUNT_INERT, ref.log_no, 0);
    return err == TRIS_OK ? add_count(a, COUNT_INERT_ALL, 0, 0) : err;
}

static enum tris_err for_each_row(struct audit *a, enum db_table table,
                                  enum tris_err (*row)(struct audit *, struct span, struct span))
{
    struct table_side side = {0};
    enum tris_err err = side_open(&side, a->v, table);
    if (err != TRIS_OK) {
        side_close(&side);
        return err;
    }
    side_first(&side);
    while (side.err == TRIS_OK && err == TRIS_OK) {
        err = row(a, side.key, side.value);
        if (err == TRIS_OK) {
            err = check_goes_on(a);
        }
        side_next(&side);
    }
    side_close(&side);
    return err != TRIS_OK ? err : side.err == TRIS_ERR_NOT_FOUND ? TRIS_OK : side.err;
}

static enum tris_err count_stored(struct audit *a, struct span key, struct span value)
{
    (void)key;
    (void)value;
    a->out->counters++;
    return TRIS_OK;
}

enum tris_err check_counters(struct audit *a)
{
    enum tris_err err = for_each_row(a, DB_RECORD, add_record);
    if (err == TRIS_OK) {
        err = for_each_row(a, DB_INERT, add_inert);
    }
    if (err == TRIS_OK) {
        err = for_each_row(a, DB_CUBE, count_stored);
    }
    if (err == TRIS_OK) {
        err = for_each_row(a, DB_COUNT, count_stored);
    }
    size_t count = 0;
    const struct delta *sorted = delta_sort(&a->deltas, &count);
    for (size_t i = 0; i < count && err == TRIS_OK; i++) {
        struct span value;
        int64_t sum = 0;
        struct span key = span_of(sorted[i].key, sorted[i].len);
        err = view_get(a->v, (enum db_table)sorted[i].table, key, &value);
        if (err == TRIS_OK) {
            err = row_count_decode(value, &sum);
        }
        if (err == TRIS_ERR_NOT_FOUND || err == TRIS_ERR_CORRUPT || sum != sorted[i].sum) {
            report_row(a, (enum db_table)sorted[i].table, key, "counts something else");
            err = TRIS_OK;
        }
    }
    if (err == TRIS_OK && count != a->out->counters) {
        check_problem(a, "%llu counters are stored, %llu follow from the records",
                      (unsigned long long)a->out->counters, (unsigned long long)count);
    }
    return err;
}
