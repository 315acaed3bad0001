/* Every call that may fail does, one after the other: memory, LMDB, files. What fails says so,
 * changes nothing, and goes well once nothing fails; at the end the store is as its entries say.
 *
 * A run of an operation counts the calls down and refuses one (store_nth.h). Operations are
 * repeated with the next call refused until none was. */
#include "storage/backup.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_nth.h"

/* ---- the world ---- */

struct world {
    struct fix f;
    struct writer other;
    struct verified_segment segment; /* the next one of `other` */
    uint64_t round;                  /* of the own house's records */
    char path[400];
    struct backup_manifest manifest;
    struct audit_report report;
    uint8_t *wire;
};

/* Several entries of another house, sealed: partners, a change, one without effect. */
static void other_writes(struct world *w)
{
    char name[40];
    uint64_t first = 0;
    for (uint64_t i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "Verein %llu", (unsigned long long)(w->round * 10 + i));
        uint64_t seq = writer_put(&w->other, fix_partner(&w->f, name, "Z", "05315", NULL));
        first = i == 0 ? seq : first;
    }
    struct entry_header change = header_change(VERB_PUT, KIND_PARTNER, first, first);
    (void)writer_add(&w->other, &change, fix_partner(&w->f, "Umbenannt", "W", "14713", NULL));
    (void)writer_put(&w->other, span_of("\xc1", 1));
    writer_seal(&w->other, &w->segment);
}

static void put_file(const char *dir, const char *name)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("a line\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    fix_init(&w->f);
    put_file(w->f.dir, "charter");
    put_file(w->f.dir, "house.line");
    writer_init(&w->other, &w->f, 2, TRIS_TOPIC_DATA);
    w->wire = malloc(TRIS_SEGMENT_BYTES_MAX);
    assert_non_null(w->wire);
    other_writes(w);
}

static void world_fini(struct world *w)
{
    writer_fini(&w->other);
    free(w->wire);
    fix_fini(&w->f);
}

/* ---- operations: an error, or TRIS_OK ---- */

static enum tris_err own_ref(struct world *w, struct store_txn *t, enum tris_topic topic,
                             uint32_t *no)
{
    struct tris_log_ref ref = {.house = w->f.own, .topic = topic};
    memcpy(ref.seal_key.b, w->f.own.b, sizeof ref.seal_key.b);
    return store_log_ensure(t, &ref, no);
}

static enum tris_err commit_or(struct store_txn *t, enum tris_err err)
{
    if (err != TRIS_OK) {
        store_abort(t);
        return err;
    }
    return store_commit(t);
}

static enum tris_err op_open(struct world *w)
{
    char detail[256] = "";
    struct store_opts opts = fix_opts(&w->f, false);
    store_close(w->f.s);
    w->f.s = NULL;
    enum tris_err err = store_open(&opts, &w->f.s, detail, sizeof detail);
    assert_true(err == TRIS_OK || (w->f.s == NULL && detail[0] != '\0'));
    return err;
}

static enum tris_err op_create(struct world *w)
{
    char detail[256] = "";
    struct store *s = NULL;
    struct store_opts opts = fix_opts(&w->f, true);
    (void)snprintf(w->path, sizeof w->path, "%s/new", w->f.dir);
    opts.dir = w->path;
    (void)__real_mkdir(w->path, 0700);
    enum tris_err err = store_open(&opts, &s, detail, sizeof detail);
    assert_true(err == TRIS_OK || (s == NULL && detail[0] != '\0'));
    store_close(s);
    return err;
}

static enum tris_err op_identify(struct world *w)
{
    struct tris_fed_id fed;
    struct tris_house_id own;
    enum tris_err err = store_identify(w->path, &fed, &own);
    assert_true(err != TRIS_OK || tris_house_id_eq(&own, &w->f.own));
    return err;
}

/* What another house sealed; the same segment until it is in. */
static enum tris_err op_segment(struct world *w)
{
    struct store_txn *t = NULL;
    uint32_t no = 0;
    enum tris_err err = store_txn_begin(w->f.s, &t);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_log_ensure(t, &w->other.ref, &no);
    err = err == TRIS_OK ? store_append_segment(t, no, &w->segment, 5) : err;
    err = commit_or(t, err);
    if (err == TRIS_OK) {
        fault.armed = false;
        writer_next(&w->other, &w->segment);
        w->round++;
        other_writes(w);
    }
    return err;
}

/* Two records, a change of one and the end of the other, sealed. */
static enum tris_err own_batch(struct world *w, struct store_txn *t, enum tris_topic topic)
{
    char name[40];
    uint32_t no = 0;
    uint64_t a = 0, b = 0, c = 0;
    struct store_log log;
    (void)snprintf(name, sizeof name, "Haus %llu", (unsigned long long)w->round);
    enum tris_err err = own_ref(w, t, topic, &no);
    struct span payload = fix_partner(&w->f, name, "W", "05315", name);
    err = err == TRIS_OK ? own_append(t, no, header_create(KIND_PARTNER), payload, &a) : err;
    err = err == TRIS_OK ? own_append(t, no, header_create(KIND_PARTNER), payload, &b) : err;
    struct entry_header change = header_change(VERB_PUT, KIND_PARTNER, a, a);
    payload = fix_partner(&w->f, "Anders", "Z", "14713", name);
    err = err == TRIS_OK ? own_append(t, no, change, payload, &c) : err;
    struct entry_header end = header_change(VERB_END, KIND_PARTNER, b, b);
    err = err == TRIS_OK ? own_append(t, no, end, span_of("\x81\x01\x01", 3), &c) : err;
    err = err == TRIS_OK ? store_log_get(store_txn_view(t), no, &log) : err;
    if (err != TRIS_OK || topic == TRIS_TOPIC_LOCAL) {
        return err;
    }
    struct seal seal = {.log = log.id, .size = log.held, .time_ms = 1000 + w->round};
    tree_root(&log.tree, &seal.root);
    seal_make(&seal, &w->f.key);
    return store_seal_own(t, no, &seal);
}

static enum tris_err own_write(struct world *w, enum tris_topic topic)
{
    struct store_txn *t = NULL;
    enum tris_err err = store_txn_begin(w->f.s, &t);
    return err == TRIS_OK ? commit_or(t, own_batch(w, t, topic)) : err;
}

static enum tris_err op_own(struct world *w)
{
    return own_write(w, TRIS_TOPIC_DATA);
}

static enum tris_err op_local(struct world *w)
{
    return own_write(w, TRIS_TOPIC_LOCAL);
}

static enum tris_err op_mark(struct world *w)
{
    char detail[256] = "";
    enum tris_err err = store_mark_renew(w->f.s);
    return err == TRIS_OK ? store_mark_check(w->f.s, detail, sizeof detail) : err;
}

static bool ends(enum tris_err err)
{
    return err == TRIS_ERR_NOT_FOUND || err == TRIS_ERR_NOT_READY || err == TRIS_ERR_AMBIGUOUS;
}

/* TRIS_OK for the answers that mean "no more" or "several". */
static enum tris_err read_lists(struct world *w, struct store_view *v)
{
    const struct record_filter filters[] = {
        {.kind = KIND_PARTNER},
        {.kind = KIND_PARTNER, .national = true, .region = "05"},
        {.kind = KIND_PARTNER, .local = true, .with_ended = true},
        {.kind = KIND_PARTNER, .by_house = true, .house = w->f.own, .region = "14713"},
    };
    enum tris_err err = TRIS_OK;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0] && err == TRIS_OK; i++) {
        struct record_ref cursor = {UINT32_MAX, 0};
        struct store_record record;
        while ((err = store_record_next(v, &filters[i], &cursor, &record)) == TRIS_OK) {
            struct record_ref at = {0, UINT64_MAX};
            while ((err = store_record_history(v, record.ref, &at)) == TRIS_OK) {
                enum tris_err reason;
                err = store_entry_effect(v, at.log_no, at.seq, &reason);
                if (err != TRIS_OK) {
                    return err;
                }
            }
            if (!ends(err)) {
                return err;
            }
        }
        err = ends(err) ? TRIS_OK : err;
    }
    return err;
}

static enum tris_err read_finds(struct store_view *v)
{
    struct record_ref ref;
    uint64_t count = 0;
    struct span source = span_str("liste"), id = span_str("Haus 0");
    enum tris_err err = store_find_source(v, KIND_PARTNER, source, id, &ref);
    if (err == TRIS_OK || ends(err)) {
        err = store_find_name(v, KIND_PARTNER, span_str("Anders"), span_str("14713"), &ref);
    }
    if (err == TRIS_OK || ends(err)) {
        err = store_find_unsourced(v, KIND_PARTNER, span_str("Anders"), span_str("14713"), source,
                                   &ref);
    }
    if (err == TRIS_OK || ends(err)) {
        err = store_count_source(v, KIND_PARTNER, source, 100, &count);
    }
    return ends(err) ? TRIS_OK : err;
}

static bool each_row(void *ctx, const struct cube_row *row)
{
    (void)ctx;
    return row->count >= 0;
}

static enum tris_err read_counts(struct world *w, struct store_view *v)
{
    uint64_t count = 0, sealed = 0, arrived = 0;
    struct store_info info;
    struct feed_item item = {0};
    struct span line;
    enum tris_err err = TRIS_OK;
    for (int level = 0; level <= 5 && err == TRIS_OK; level += level == 0 ? 2 : 3) {
        err = store_cube_each(v, CUBE_TOPIC, level, "", each_row, NULL);
    }
    err = err == TRIS_OK ? store_count_kind(v, 0, KIND_PARTNER, &count) : err;
    err = err == TRIS_OK ? store_info(v, &info) : err;
    err = err == TRIS_OK ? store_house_heard(v, &w->other.ref.house, &sealed, &arrived) : err;
    while (err == TRIS_OK) {
        err = store_feed_next(v, item.arrival, &item);
    }
    err = ends(err) ? store_house_card(v, &w->other.ref, &line) : err;
    return ends(err) ? TRIS_OK : err;
}

static enum tris_err read_logs(struct world *w, struct store_view *v)
{
    uint32_t no = 0, count = 0;
    struct seal seal;
    struct tree_node nodes[2] = {{10, 0, {{0}}}, {0, 1, {{0}}}};
    struct tree tree;
    struct tris_hash root;
    struct entry entry;
    struct wbuf out = wbuf_of(w->wire, TRIS_SEGMENT_BYTES_MAX);
    enum tris_err err = store_log_find(v, &w->other.id, &no);
    err = err == TRIS_OK ? store_segment_read(v, no, 0, &out, &count, &seal) : err;
    err = err == TRIS_OK ? store_seal_covering(v, no, 1, &seal) : err;
    err = err == TRIS_OK ? store_tree_nodes(v, no, nodes + 1, 1) : err;
    err = err == TRIS_OK ? store_tree_at(v, no, 3, &tree) : err;
    err = err == TRIS_OK ? store_root_at(v, no, 2, &root) : err;
    return err == TRIS_OK ? store_entry_get(v, no, 2, &entry) : err;
}

static enum tris_err read_words(struct store_view *v)
{
    struct record_ref cursor = {UINT32_MAX, 0}, found[8];
    size_t count = 0;
    enum tris_err err = store_word_search(v, span_str("verein"), &cursor, found, 8, &count);
    return ends(err) ? TRIS_OK : err;
}

static enum tris_err op_read(struct world *w)
{
    struct store_view *v = NULL;
    enum tris_err err = store_view_begin(w->f.s, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = read_lists(w, v);
    err = err == TRIS_OK ? read_finds(v) : err;
    err = err == TRIS_OK ? read_counts(w, v) : err;
    err = err == TRIS_OK ? read_logs(w, v) : err;
    err = err == TRIS_OK ? read_words(v) : err;
    store_view_end(v);
    return err;
}

static enum tris_err op_words(struct world *w)
{
    struct store_txn *t = NULL;
    uint64_t behind = 0;
    enum tris_err err = store_txn_begin(w->f.s, &t);
    return err == TRIS_OK ? commit_or(t, store_word_follow(t, 100, &behind)) : err;
}

static enum tris_err op_settings(struct world *w)
{
    struct store_txn *t = NULL;
    struct store_view *v = NULL;
    struct span value;
    char key[64] = "peer/";
    enum tris_err err = store_txn_begin(w->f.s, &t);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_setting_put(t, "peer/a", span_str("1"));
    err = err == TRIS_OK ? store_setting_put(t, "peer/b", span_of(NULL, 0)) : err;
    err = commit_or(t, err);
    err = err == TRIS_OK ? store_view_begin(w->f.s, &v) : err;
    if (err != TRIS_OK) {
        return err;
    }
    err = store_setting_get(v, "peer/a", &value);
    err = err == TRIS_OK ? store_setting_next(v, "peer/", key, sizeof key, &value) : err;
    store_view_end(v);
    return err;
}

/* Rows that cannot be read are a problem; without memory an audit has no verdict. */
static enum tris_err audit(struct world *w, bool fast)
{
    enum tris_err err = store_audit(w->f.s, fast, NULL, NULL, &w->report);
    bool unread = fault.refused > 0 && strncmp(fault.call, "mdb_", 4) == 0;
    assert_true(err != TRIS_OK || unread || w->report.problems == 0);
    return err;
}

static enum tris_err op_audit(struct world *w)
{
    return audit(w, false);
}

static enum tris_err op_audit_fast(struct world *w)
{
    return audit(w, true);
}

/* A backup that fails leaves nothing of its name. */
static enum tris_err op_backup(struct world *w)
{
    char detail[BACKUP_DETAIL_BYTES] = "";
    struct stat st;
    (void)snprintf(w->path, sizeof w->path, "%s/copy", w->f.dir);
    if (__real_stat(w->path, &st) == 0) {
        test_dir_remove(w->path);
    }
    const struct backup_opts opts = {.data_dir = w->f.dir, .path = w->path, .time_ms = 5};
    enum tris_err err = backup_create(w->f.s, &opts, &w->manifest, detail);
    if (err != TRIS_OK && __real_stat(w->path, &st) == 0) {
        fail_msg("backup: %s failed, and a backup is there (%s)", fault.call, detail);
    }
    assert_true(err == TRIS_OK || detail[0] != '\0');
    return err;
}

static enum tris_err op_backup_check(struct world *w)
{
    char detail[BACKUP_DETAIL_BYTES] = "";
    return backup_check(w->path, &w->manifest, NULL, NULL, detail);
}

static enum tris_err op_restore(struct world *w)
{
    char detail[BACKUP_DETAIL_BYTES] = "", dir[400];
    (void)snprintf(dir, sizeof dir, "%s/back", w->f.dir);
    enum tris_err err = backup_restore(w->path, &w->manifest, dir, "2026-11-23", detail);
    if (err == TRIS_OK) {
        test_dir_remove(dir);
    }
    return err;
}

/* An own run is taken back as drafts, of which one is written again and the others are dropped. */
static enum tris_err own_cut(struct world *w, struct store_txn *t)
{
    uint32_t no = 0;
    uint64_t draft = 0, seq = 0, new_seq = 0;
    struct store_log log;
    struct store_draft found;
    bool written = false;
    enum tris_err err = own_batch(w, t, TRIS_TOPIC_DATA);
    err = err == TRIS_OK ? own_ref(w, t, TRIS_TOPIC_DATA, &no) : err;
    err = err == TRIS_OK ? store_log_get(store_txn_view(t), no, &log) : err;
    err = err == TRIS_OK ? store_log_cut(t, no, log.held - 4, STORE_TAIL_DRAFT) : err;
    while (err == TRIS_OK) {
        err = store_draft_next(store_txn_view(t), &draft, &found);
        if (err == TRIS_OK && found.state == DRAFT_WAITING && !written) {
            written = true;
            struct span payload = fix_partner(&w->f, "Wieder", "Z", "05315", NULL);
            err = own_append(t, no, header_create(KIND_PARTNER), payload, &seq);
            err = err == TRIS_OK ? store_draft_settle(t, draft, DRAFT_WRITTEN, TRIS_OK, seq) : err;
        } else if (err == TRIS_OK && found.state == DRAFT_WAITING) {
            err = store_draft_settle(t, draft, DRAFT_DROPPED, TRIS_OK, 0);
        }
    }
    err = err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
    err = err == TRIS_OK
              ? alias_of(store_txn_view(t), TRIS_TOPIC_DATA, log.held - 4, &new_seq, &draft)
              : err;
    return ends(err) ? TRIS_OK : err;
}

static enum tris_err op_cut(struct world *w)
{
    struct store_txn *t = NULL;
    enum tris_err err = store_txn_begin(w->f.s, &t);
    return err == TRIS_OK ? commit_or(t, own_cut(w, t)) : err;
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    enum tris_err (*run)(struct world *w);
} operations[] = {
    {"create a store", op_create},
    {"identify it", op_identify},
    {"open the store", op_open},
    {"append a segment", op_segment},
    {"write own entries", op_own},
    {"write local entries", op_local},
    {"write and check the mark", op_mark},
    {"index words", op_words},
    {"read everything", op_read},
    {"settings", op_settings},
    {"audit", op_audit},
    {"fast audit", op_audit_fast},
    {"back up", op_backup},
    {"check the backup", op_backup_check},
    {"restore the backup", op_restore},
    {"take own entries back", op_cut},
};

static uint64_t entries_of(struct store *s)
{
    struct store_view *v;
    struct store_info info;
    ok(store_view_begin(s, &v));
    ok(store_info(v, &info));
    store_view_end(v);
    return info.entries;
}

/* After a failure: the entries of before, and the audit is clean; the store is opened again if the
 * process would end. */
static void recover(struct world *w, const char *name, enum tris_err err, uint64_t entries)
{
    if (w->f.s == NULL || err == TRIS_ERR_UNKNOWN_STATE) {
        store_close(w->f.s);
        fix_open(&w->f);
    }
    if (entries_of(w->f.s) != entries) {
        fail_msg("%s: %s failed, and something was written", name, fault.call);
    }
    ok(store_audit(w->f.s, false, NULL, NULL, &w->report));
    if (w->report.problems > 0) {
        fail_msg("%s: %s failed, then: %s", name, fault.call, w->report.first_problem);
    }
}

/* Refuses call after call, all of the first 200, then every fiftieth part further. */
static void sweep(struct world *w, size_t i)
{
    uint64_t runs = 0;
    for (uint64_t n = 0;; n += n < 200 ? 1 : n / 50) {
        uint64_t entries = w->f.s != NULL ? entries_of(w->f.s) : 0;
        fault.left = n;
        fault.refused = 0;
        fault.armed = true;
        enum tris_err err = operations[i].run(w);
        fault.armed = false;
        runs++;
        if (fault.refused == 0) {
            if (err != TRIS_OK) {
                fail_msg("%s: %s without a fault", operations[i].name, tris_err_text(err));
            }
            break;
        }
        if (err == TRIS_OK) { /* in spite of it */
            entries = entries_of(w->f.s);
        }
        recover(w, operations[i].name, err, entries);
    }
    print_message("%-28s %4llu runs\n", operations[i].name, (unsigned long long)runs);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    static struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        sweep(&w, i);
    }
    audit_clean(w.f.s);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
