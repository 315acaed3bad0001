/* Audit: recomputes chain, seals and views from the entries and compares them with what is stored.
 *
 * The views are made anew in a second environment by the very code that made them (fold.c), then
 * both are walked row by row: a table cannot be wrong in a way that this does not see, except where
 * the fold itself is wrong. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/check.h"

static const char copy_prefix[] = "audit-";

enum { BATCH_ENTRIES = 32768, PROGRESS_ENTRIES = 4096, PATH_BYTES_MAX = 4096 };

void check_problem(struct audit *a, const char *format, ...)
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

enum tris_err check_goes_on(struct audit *a)
{
    bool ask = a->progress != NULL && ++a->rows % PROGRESS_ENTRIES == 0;
    uint64_t done = a->out->entries < a->total ? a->out->entries : a->total;
    return ask && !a->progress(a->ctx, done, a->total) ? TRIS_ERR_STOPPING : TRIS_OK;
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
    *good = log_entry_open(wire, &log->log.id, seq, &entry, &header, &leaf) == TRIS_OK;
    if (!*good) {
        check_problem(a, "entry %llu of log %u does not decode", (unsigned long long)seq,
                      log->log.no);
        return TRIS_OK;
    }
    enum tris_err err = batch_next(a);
    struct head *head = err == TRIS_OK ? txn_head(a->t, log->log.no) : NULL;
    if (head == NULL) {
        return err != TRIS_OK ? err : a->t->err;
    }
    log_append_entry(a->t, head, &entry, &header, &leaf);
    return a->t->err != TRIS_OK ? a->t->err : step(a);
}

/* The seal whose size is this tree's, if there is one. */
static void check_seal(struct audit *a, const struct log_row *log, const struct log_row *made)
{
    const struct tree *tree = &made->log.tree;
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
        check_problem(a, "the seal of log %u at size %llu is not signed by its owner", log->log.no,
                      (unsigned long long)tree->size);
    } else if (!tris_hash_eq(&row.seal.root, &root)) {
        check_problem(a, "the first %llu entries of log %u do not hash to the sealed root",
                      (unsigned long long)tree->size, log->log.no);
    } else if (row.bytes != made->bytes - a->sealed_bytes ||
               tree->size - a->sealed > TRIS_SEAL_SPACING_MAX) {
        check_problem(a,
                      "the seal of log %u at size %llu has wrong sums or is too far from the last",
                      log->log.no, (unsigned long long)tree->size);
    }
    a->sealed = tree->size;
    a->sealed_bytes = made->bytes;
}

/* What the head says of the log, against what its entries say. */
static void check_head(struct audit *a, const struct log_row *log, const struct log_row *made)
{
    struct tris_hash stored;
    struct tris_hash computed;
    tree_root(&log->log.tree, &stored);
    tree_root(&made->log.tree, &computed);
    if (log->log.held != made->log.held) {
        check_problem(a, "the head of log %u counts %llu entries, %llu are there", log->log.no,
                      (unsigned long long)log->log.held, (unsigned long long)made->log.held);
    } else if (!tris_hash_eq(&stored, &computed)) {
        check_problem(a, "the entries of log %u do not hash to the root of its head", log->log.no);
    } else if (log->bytes != made->bytes || log->open_bytes != made->bytes - a->sealed_bytes ||
               log->first_hole != made->first_hole ||
               !tris_hash_eq(&log->hole_root, &made->hole_root)) {
        check_problem(a, "the head of log %u has wrong sums", log->log.no);
    }
}

static enum tris_err replay_entries(struct audit *a, const struct log_row *log, MDB_cursor *cursor)
{
    struct key start;
    struct span value;
    bool good = true;
    uint64_t seq = 0;
    a->sealed = 0;
    a->sealed_bytes = 0;
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
            check_problem(a, "entry %llu of log %u is missing", (unsigned long long)seq, no);
            break;
        }
        err = replay_entry(a, log, seq, value, &good);
        if (err == TRIS_OK && good) {
            seq++;
            const struct head *head = txn_head_peek(a->t, no);
            check_seal(a, log, &head->row);
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
        check_problem(a, "the id of log %u does not follow from its house, topic and key", l->no);
    }
    if (!l->has_seal) {
        return;
    }
    struct key key;
    struct span value;
    struct seal_row row = {0};
    key_log_seq(&key, l->no, l->seal.size);
    enum tris_err err = view_get(a->v, DB_SEAL, key_span(&key), &value);
    if (err == TRIS_OK) {
        err = row_seal_decode(value, &l->id, l->seal.size, &row);
    }
    if (err != TRIS_OK || seal_cmp(&row.seal, &l->seal) != 0 ||
        !tris_sig_eq(&row.seal.sig, &l->seal.sig)) {
        check_problem(a, "the newest seal of log %u is not among its seals", l->no);
    }
    if (seal_verify(&l->seal, &l->ref.seal_key) != TRIS_OK) {
        check_problem(a, "the newest seal of log %u is not signed by its owner", l->no);
    } else if (l->held == l->seal.size && !tris_hash_eq(&root, &l->seal.root)) {
        check_problem(a, "the newest seal of log %u has another root than its head", l->no);
    }
    if (a->fast) {
        a->out->seals++;
        a->out->entries += l->held;
    }
}

/* The copy has the same numbers, whatever is replayed first. */
static enum tris_err make_log(struct audit *a, const struct log_row *log)
{
    uint32_t no = 0;
    enum tris_err err = store_log_ensure(a->t, &log->log.ref, &no);
    if (err == TRIS_OK && no != log->log.no) {
        check_problem(a, "log %u and log %u are one", no, log->log.no);
    }
    return err;
}

/* Entries change records of earlier epochs, whose logs may have come later. */
static enum tris_err replay_later_epochs(struct audit *a, uint32_t count)
{
    enum tris_err err = TRIS_OK;
    uint32_t epoch = 0;
    uint32_t next = 1;
    while (next > epoch && err == TRIS_OK) {
        epoch = next;
        for (uint32_t no = 0; no < count && err == TRIS_OK; no++) {
            struct log_row log;
            err = view_log_row(a->v, no, &log);
            if (err != TRIS_OK) {
                return err;
            }
            const uint32_t at = log.log.ref.epoch;
            if (at == epoch) {
                err = replay_log(a, &log);
            } else if (at > epoch && (next == epoch || at < next)) {
                next = at;
            }
        }
    }
    return err;
}

static enum tris_err check_logs(struct audit *a)
{
    uint32_t count = 0;
    enum tris_err err = store_log_count(a->v, &count);
    for (uint32_t no = 0; no < count && err == TRIS_OK; no++) {
        struct log_row log;
        err = view_log_row(a->v, no, &log);
        if (err == TRIS_ERR_NOT_FOUND || err == TRIS_ERR_CORRUPT) {
            check_problem(a, "the head of log %u is missing or damaged", no);
            return TRIS_OK; /* numbers of the copy would shift: nothing behind can be compared */
        }
        if (err != TRIS_OK) {
            return err;
        }
        check_tip(a, &log);
        if (!a->fast) {
            err = make_log(a, &log);
        }
        if (!a->fast && err == TRIS_OK && log.log.ref.epoch == 0) {
            err = replay_log(a, &log);
        }
    }
    return err == TRIS_OK && !a->fast ? replay_later_epochs(a, count) : err;
}

/* ---- the audit ---- */

static enum tris_err copy_open(struct audit *a, char dir[PATH_BYTES_MAX])
{
    if (snprintf(dir, PATH_BYTES_MAX, "%s/%sXXXXXX", a->v->s->dir, copy_prefix) >= PATH_BYTES_MAX ||
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

static void copy_remove(const char *dir)
{
    char path[PATH_BYTES_MAX + 16];
    if (snprintf(path, sizeof path, "%s/data.mdb", dir) < (int)sizeof path) {
        (void)unlink(path);
        (void)rmdir(dir);
    }
}

static void copy_close(struct audit *a, const char *dir)
{
    store_abort(a->t);
    store_close(a->copy);
    if (dir[0] != '\0') {
        copy_remove(dir);
    }
}

void check_remove_stale(const char *dir)
{
    char path[PATH_BYTES_MAX];
    const size_t prefix = sizeof copy_prefix - 1;
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, copy_prefix, prefix) == 0 &&
            strlen(entry->d_name) == prefix + 6 &&
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) < (int)sizeof path) {
            copy_remove(path);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

/* Rows that no log led to: of a log without head, or behind one's end. */
static enum tris_err check_strays(struct audit *a)
{
    const struct {
        enum db_table table;
        uint64_t met;
    } rows[] = {{DB_ENTRY, a->out->entries}, {DB_SEAL, a->out->seals}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t stored = 0;
        enum tris_err err = view_rows(a->v, rows[i].table, &stored);
        if (err != TRIS_OK) {
            return err;
        }
        if (stored != rows[i].met) {
            check_problem(a, "table %s has %llu rows, the logs lead to %llu",
                          db_table_name(rows[i].table), (unsigned long long)stored,
                          (unsigned long long)rows[i].met);
        }
    }
    return TRIS_OK;
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
        err = check_strays(a);
    }
    if (err == TRIS_OK) {
        err = check_tables(a);
    }
    if (err == TRIS_OK) {
        err = check_feed(a);
    }
    if (err == TRIS_OK) {
        err = check_words(a);
    }
    copy_close(a, dir);
    return err;
}

/* Logs are numbered from 0 without gaps. A row too far would send every part of the audit through
 * all the numbers below it. */
static enum tris_err check_numbers(struct audit *a, uint32_t logs)
{
    uint64_t rows = 0;
    enum tris_err err = view_rows(a->v, DB_LOG, &rows);
    if (err == TRIS_OK && rows != logs) {
        check_problem(a, "table log has %llu rows, and its last number is %lu",
                      (unsigned long long)rows, (unsigned long)logs - 1);
    }
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
    err = err == TRIS_OK ? check_numbers(&a, info.logs) : err;
    if (err != TRIS_OK || out->problems > 0) {
        goto out;
    }
    if (fast) {
        err = check_logs(&a);
        if (err == TRIS_OK) {
            err = check_counters(&a);
        }
    } else {
        err = audit_full(&a);
    }
    if (err == TRIS_OK) {
        err = check_drafts(&a);
    }
    if (err == TRIS_OK) {
        err = check_forks(&a);
    }
out:
    delta_fini(&a.deltas);
    store_view_end(a.v);
    return err;
}
