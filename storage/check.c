/* Audit: recomputes chain, seals and views from the entries and compares them with what is stored.
 *
 * The views are made anew in a second environment by the very code that made them (fold.c), then
 * both are walked row by row: a table cannot be wrong in a way that this does not see, except where
 * the fold itself is wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/log.h"

enum { BATCH_ENTRIES = 32768, PROGRESS_ENTRIES = 4096, PATH_BYTES_MAX = 4096 };

struct audit {
    struct store_view *v; /* of the store under audit */
    bool fast;
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
    uint64_t total;
    struct audit_report *out;
    struct store *copy; /* full audit: what the entries say the views are */
    struct store_txn *t;
    uint32_t batch;
    struct delta_set deltas; /* fast audit: what the records say the counters are */
};

__attribute__((format(printf, 2, 3))) static void problem(struct audit *a, const char *format, ...)
{
    if (a->out->problems++ == 0) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(a->out->first_problem, sizeof a->out->first_problem, format, args);
        va_end(args);
    }
}

static enum tris_err step(struct audit *a)
{
    a->out->entries++;
    if (a->progress != NULL && a->out->entries % PROGRESS_ENTRIES == 0 &&
        !a->progress(a->ctx, a->out->entries, a->total)) {
        return TRIS_ERR_STOPPING;
    }
    return TRIS_OK;
}

/* ---- replay ---- */

static enum tris_err batch_next(struct audit *a)
{
    if (a->batch++ < BATCH_ENTRIES) {
        return a->t->err;
    }
    a->batch = 0;
    struct store_txn *t = a->t;
    a->t = NULL;
    enum tris_err err = store_commit(t);
    return err == TRIS_OK ? store_txn_begin(a->copy, &a->t) : err;
}

/* One entry into the copy; a damaged one ends its log there. */
static enum tris_err replay_entry(struct audit *a, const struct log_row *log, uint64_t seq,
                                  struct span wire, bool *good)
{
    struct entry entry;
    struct entry_header header;
    struct tris_hash leaf;
    struct fold fold;
    *good = log_entry_open(wire, &log->log.id, seq, &entry, &header, &leaf) == TRIS_OK;
    if (!*good) {
        problem(a, "entry %llu of log %u does not decode", (unsigned long long)seq, log->log.no);
        return TRIS_OK;
    }
    enum tris_err err = batch_next(a);
    struct head *head = err == TRIS_OK ? txn_head(a->t, log->log.no) : NULL;
    if (head == NULL) {
        return err != TRIS_OK ? err : a->t->err;
    }
    fold_judge(a->t, head, seq, &entry, &header, &fold);
    log_append_entry(a->t, head, &entry, &header, &leaf, &fold);
    return a->t->err != TRIS_OK ? a->t->err : step(a);
}

/* The seal whose size is this tree's, if there is one. */
static void check_seal(struct audit *a, const struct log_row *log, const struct tree *tree)
{
    struct key key;
    struct span value;
    struct seal_row row;
    key_log_seq(&key, log->log.no, tree->size);
    enum tris_err err = view_get(a->v, DB_SEAL, key_span(&key), &value);
    if (err == TRIS_ERR_NOT_FOUND) {
        return;
    }
    a->out->seals++;
    struct tris_hash root;
    tree_root(tree, &root);
    if (err == TRIS_OK) {
        err = row_seal_decode(value, &log->log.id, tree->size, &row);
    }
    if (err != TRIS_OK || seal_verify(&row.seal, &log->log.ref.seal_key) != TRIS_OK) {
        problem(a, "the seal of log %u at size %llu is not signed by its owner", log->log.no,
                (unsigned long long)tree->size);
    } else if (!tris_hash_eq(&row.seal.root, &root)) {
        problem(a, "the first %llu entries of log %u do not hash to the sealed root",
                (unsigned long long)tree->size, log->log.no);
    }
}

/* What the head says of the log, against what its entries say. */
static void check_head(struct audit *a, const struct log_row *log, const struct log_row *made)
{
    struct tris_hash stored;
    struct tris_hash computed;
    tree_root(&log->log.tree, &stored);
    tree_root(&made->log.tree, &computed);
    if (log->log.held != made->log.held) {
        problem(a, "the head of log %u counts %llu entries, %llu are there", log->log.no,
                (unsigned long long)log->log.held, (unsigned long long)made->log.held);
    } else if (!tris_hash_eq(&stored, &computed)) {
        problem(a, "the entries of log %u do not hash to the root of its head", log->log.no);
    } else if (log->bytes != made->bytes || log->first_hole != made->first_hole ||
               !tris_hash_eq(&log->hole_root, &made->hole_root)) {
        problem(a, "the head of log %u has wrong sums", log->log.no);
    }
}

static enum tris_err replay_entries(struct audit *a, const struct log_row *log, MDB_cursor *cursor)
{
    struct key start;
    struct span value;
    bool good = true;
    uint64_t seq = 0;
    key_log_seq(&start, log->log.no, 0);
    struct span key = key_span(&start);
    enum tris_err err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && good) {
        uint32_t no;
        uint64_t at;
        if (!key_read_log_seq(key, &no, &at) || no != log->log.no) {
            break;
        }
        if (at != seq) {
            problem(a, "entry %llu of log %u is missing", (unsigned long long)seq, no);
            break;
        }
        err = replay_entry(a, log, seq, value, &good);
        if (err == TRIS_OK && good) {
            seq++;
            const struct head *head = txn_head_peek(a->t, no);
            check_seal(a, log, &head->row.log.tree);
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static enum tris_err replay_log(struct audit *a, const struct log_row *log)
{
    uint32_t no;
    enum tris_err err = store_log_ensure(a->t, &log->log.ref, &no);
    if (err != TRIS_OK) {
        return err;
    }
    MDB_cursor *cursor = NULL;
    err = view_cursor(a->v, DB_ENTRY, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    err = replay_entries(a, log, cursor);
    mdb_cursor_close(cursor);
    if (err == TRIS_OK) {
        struct head *head = txn_head(a->t, no);
        if (head == NULL) {
            return a->t->err;
        }
        check_head(a, log, &head->row);
    }
    return err;
}

/* ---- logs ---- */

/* Head and newest seal alone: no entry is read. */
static void check_tip(struct audit *a, const struct log_row *log)
{
    const struct store_log *l = &log->log;
    struct tris_log_id id;
    struct tris_hash root;
    log_id_derive(&a->v->s->fed, &l->ref, &id);
    tree_root(&l->tree, &root);
    if (!tris_log_id_eq(&id, &l->id)) {
        problem(a, "the id of log %u does not follow from its house, topic and key", l->no);
    }
    if (!l->has_seal) {
        return;
    }
    struct key key;
    struct span value;
    struct seal_row row;
    key_log_seq(&key, l->no, l->seal.size);
    enum tris_err err = view_get(a->v, DB_SEAL, key_span(&key), &value);
    if (err == TRIS_OK) {
        err = row_seal_decode(value, &l->id, l->seal.size, &row);
    }
    if (err != TRIS_OK || seal_cmp(&row.seal, &l->seal) != 0 ||
        !tris_sig_eq(&row.seal.sig, &l->seal.sig)) {
        problem(a, "the newest seal of log %u is not among its seals", l->no);
    }
    if (seal_verify(&l->seal, &l->ref.seal_key) != TRIS_OK) {
        problem(a, "the newest seal of log %u is not signed by its owner", l->no);
    } else if (l->held == l->seal.size && !tris_hash_eq(&root, &l->seal.root)) {
        problem(a, "the newest seal of log %u has another root than its head", l->no);
    }
    if (a->fast) {
        a->out->seals++;
        a->out->entries += l->held;
    }
}

static enum tris_err check_logs(struct audit *a)
{
    uint32_t count = store_log_count(a->v);
    for (uint32_t no = 0; no < count; no++) {
        struct log_row log;
        enum tris_err err = view_log_row(a->v, no, &log);
        if (err == TRIS_ERR_NOT_FOUND || err == TRIS_ERR_CORRUPT) {
            problem(a, "the head of log %u is missing or damaged", no);
            return TRIS_OK; /* numbers of the copy would shift: nothing behind can be compared */
        }
        if (err != TRIS_OK) {
            return err;
        }
        check_tip(a, &log);
        if (!a->fast) {
            err = replay_log(a, &log);
        }
        if (err != TRIS_OK) {
            return err;
        }
    }
    return TRIS_OK;
}

/* ---- comparing tables ---- */

static void key_hex(struct span key, char out[2 * KEY_BYTES_MAX + 1])
{
    tris_hex(key.ptr, key.len < KEY_BYTES_MAX ? key.len : KEY_BYTES_MAX, out);
}

static void report_row(struct audit *a, enum db_table table, struct span key, const char *what)
{
    char hex[2 * KEY_BYTES_MAX + 1];
    key_hex(key, hex);
    problem(a, "table %s, row %s: %s", db_table_name(table), hex, what);
}

static int span_order(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

struct table_side {
    MDB_cursor *cursor;
    struct span key, value;
    enum tris_err err;
};

static void side_next(struct table_side *side, MDB_cursor_op op)
{
    side->err = cursor_get(side->cursor, op, &side->key, &side->value);
}

static enum tris_err compare_rows(struct audit *a, enum db_table table, struct table_side *stored,
                                  struct table_side *made, uint64_t *rows)
{
    side_next(stored, MDB_FIRST);
    side_next(made, MDB_FIRST);
    while (stored->err == TRIS_OK || made->err == TRIS_OK) {
        int order = stored->err != TRIS_OK ? 1
                    : made->err != TRIS_OK ? -1
                                           : span_order(stored->key, made->key);
        if (order < 0) {
            report_row(a, table, stored->key, "does not follow from the entries");
        } else if (order > 0) {
            report_row(a, table, made->key, "is missing");
        } else if (!span_eq(stored->value, made->value)) {
            report_row(a, table, stored->key, "differs from what the entries say");
        }
        if (order <= 0) {
            (*rows)++;
            side_next(stored, MDB_NEXT);
        }
        if (order >= 0) {
            side_next(made, MDB_NEXT);
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
    enum tris_err err = view_cursor(a->v, table, &stored.cursor);
    if (err == TRIS_OK) {
        err = view_cursor(made_view, table, &made.cursor);
    }
    if (err == TRIS_OK) {
        err = compare_rows(a, table, &stored, &made, rows);
    }
    if (stored.cursor != NULL) {
        mdb_cursor_close(stored.cursor);
    }
    if (made.cursor != NULL) {
        mdb_cursor_close(made.cursor);
    }
    return err;
}

static enum tris_err compare_tables(struct audit *a)
{
    static const enum db_table tables[] = {DB_LOG_ID, DB_HOUSE,  DB_CARD, DB_TREE,
                                           DB_RECORD, DB_INERT,  DB_HOLE, DB_REGION,
                                           DB_NAME,   DB_SOURCE, DB_CUBE, DB_COUNT};
    struct store_view *made = NULL;
    enum tris_err err = store_view_begin(a->copy, &made);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && err == TRIS_OK; i++) {
        uint64_t rows = 0;
        err = compare_table(a, made, tables[i], &rows);
        if (tables[i] == DB_RECORD) {
            a->out->records = rows;
        } else if (tables[i] == DB_CUBE || tables[i] == DB_COUNT) {
            a->out->counters += rows;
        }
    }
    store_view_end(made);
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
    if (!key_tail_ref(key, &ref) || row_record_decode(value, &row) != TRIS_OK) {
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
    enum tris_err err = view_cursor(a->v, table, &side.cursor);
    if (err != TRIS_OK) {
        return err;
    }
    side_next(&side, MDB_FIRST);
    while (side.err == TRIS_OK && err == TRIS_OK) {
        err = row(a, side.key, side.value);
        side_next(&side, MDB_NEXT);
    }
    mdb_cursor_close(side.cursor);
    return err != TRIS_OK ? err : side.err == TRIS_ERR_NOT_FOUND ? TRIS_OK : side.err;
}

static enum tris_err count_stored(struct audit *a, struct span key, struct span value)
{
    (void)key;
    (void)value;
    a->out->counters++;
    return TRIS_OK;
}

static enum tris_err check_counters(struct audit *a)
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
        problem(a, "%llu counters are stored, %llu follow from the records",
                (unsigned long long)a->out->counters, (unsigned long long)count);
    }
    return err;
}

/* ---- the audit ---- */

static enum tris_err copy_open(struct audit *a, char dir[PATH_BYTES_MAX])
{
    if (snprintf(dir, PATH_BYTES_MAX, "%s/audit-XXXXXX", a->v->s->dir) >= PATH_BYTES_MAX ||
        mkdtemp(dir) == NULL) {
        dir[0] = '\0';
        return TRIS_ERR_IO;
    }
    enum tris_err err = store_open_scratch(dir, a->v->s, &a->copy);
    if (err == TRIS_OK) {
        a->copy->replay_of = a->v;
        err = store_txn_begin(a->copy, &a->t);
    }
    return err;
}

static void copy_close(struct audit *a, const char *dir)
{
    char path[PATH_BYTES_MAX + 16];
    store_abort(a->t);
    store_close(a->copy);
    if (dir[0] != '\0' && snprintf(path, sizeof path, "%s/data.mdb", dir) < (int)sizeof path) {
        (void)unlink(path);
        (void)rmdir(dir);
    }
}

static enum tris_err audit_full(struct audit *a)
{
    char dir[PATH_BYTES_MAX];
    enum tris_err err = copy_open(a, dir);
    if (err == TRIS_OK) {
        err = check_logs(a);
    }
    if (err == TRIS_OK) {
        struct store_txn *t = a->t;
        a->t = NULL;
        err = store_commit(t);
    }
    if (err == TRIS_OK) {
        err = compare_tables(a);
    }
    copy_close(a, dir);
    return err;
}

enum tris_err store_audit(struct store *s, bool fast,
                          bool (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
                          struct audit_report *out)
{
    struct audit a = {.fast = fast, .progress = progress, .ctx = ctx, .out = out};
    struct store_info info;
    memset(out, 0, sizeof *out);
    enum tris_err err = store_view_begin(s, &a.v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_info(a.v, &info);
    a.total = info.entries;
    if (err == TRIS_OK && fast) {
        err = check_logs(&a);
        if (err == TRIS_OK) {
            err = check_counters(&a);
        }
    } else if (err == TRIS_OK) {
        err = audit_full(&a);
    }
    delta_fini(&a.deltas);
    store_view_end(a.v);
    return err;
}
