/* Opening, locking, identity, mark, crashes, and running out of room. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/db.h"
#include "tests/unit/store_fixture.h"

static void path_of(const struct fix *f, const char *name, char out[512])
{
    (void)snprintf(out, 512, "%s/%s", f->dir, name);
}

static void test_second_open_names_the_holder(void **state)
{
    (void)state;
    struct fix f;
    struct store *second = NULL;
    char detail[256];
    char pid[32];
    fix_init(&f);
    struct store_opts opts = fix_opts(&f, false);
    fails(TRIS_ERR_IN_USE, store_open(&opts, &second, detail, sizeof detail));
    (void)snprintf(pid, sizeof pid, "process %ld ", (long)getpid());
    assert_non_null(strstr(detail, pid));
    opts.read_only = true;
    fails(TRIS_ERR_IN_USE, store_open(&opts, &second, detail, sizeof detail));
    store_close(f.s);
    ok(store_open(&opts, &second, detail, sizeof detail));
    opts.read_only = false;
    fails(TRIS_ERR_IN_USE, store_open(&opts, &f.s, detail, sizeof detail));
    store_close(second);
    fix_open(&f);
    fix_fini(&f);
}

static void test_slots_of_killed_readers_are_freed(void **state)
{
    (void)state;
    struct fix f;
    char path[512];
    int status = 0;
    fix_init(&f);
    path_of(&f, "store", path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* a reader of another process, which ends without a word */
        MDB_env *env = NULL;
        MDB_txn *txn = NULL;
        bool good = mdb_env_create(&env) == MDB_SUCCESS &&
                    mdb_env_open(env, path, MDB_RDONLY | MDB_NOTLS, 0600) == MDB_SUCCESS &&
                    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == MDB_SUCCESS;
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(store_drop_dead_readers(f.s), 1);
    assert_int_equal(store_drop_dead_readers(f.s), 0);
    fix_fini(&f);
}

static void test_copies_of_killed_audits_go_at_the_next_open(void **state)
{
    (void)state;
    struct fix f;
    struct stat st;
    char stale[512], file[512], other[512];
    fix_init(&f);
    path_of(&f, "audit-AbC123", stale);
    path_of(&f, "audit-AbC123/data.mdb", file);
    path_of(&f, "audit-of-2026", other);
    store_close(f.s);
    assert_int_equal(mkdir(stale, 0700), 0);
    assert_int_equal(mkdir(other, 0700), 0);
    FILE *made = fopen(file, "we");
    assert_non_null(made);
    fclose(made);
    fix_open(&f);
    assert_int_not_equal(stat(stale, &st), 0);
    assert_int_equal(stat(other, &st), 0);
    fix_fini(&f);
}

static void test_another_federation_or_house_is_refused(void **state)
{
    (void)state;
    struct fix f;
    struct store *s = NULL;
    char detail[256];
    fix_init(&f);
    store_close(f.s);
    struct store_opts opts = fix_opts(&f, false);
    opts.fed.b[0] ^= 1;
    fails(TRIS_ERR_INVALID, store_open(&opts, &s, detail, sizeof detail));
    assert_non_null(strstr(detail, "federation"));
    opts = fix_opts(&f, false);
    opts.own.b[0] ^= 1;
    fails(TRIS_ERR_INVALID, store_open(&opts, &s, detail, sizeof detail));
    assert_non_null(strstr(detail, "house"));
    fix_open(&f);
    fix_fini(&f);
}

static void test_empty_directory_is_not_a_store(void **state)
{
    (void)state;
    struct fix f;
    struct store *s = NULL;
    struct tris_fed_id fed;
    struct tris_house_id own;
    char detail[256];
    char dir[256];
    fix_init(&f);
    test_dir_make(dir, sizeof dir);
    struct store_opts opts = fix_opts(&f, false);
    opts.dir = dir;
    fails(TRIS_ERR_NOT_INIT, store_open(&opts, &s, detail, sizeof detail));
    assert_true(strlen(detail) > 0);
    fails(TRIS_ERR_NOT_INIT, store_identify(dir, &fed, &own));
    opts.dir = "/nonexistent/tris";
    fails(TRIS_ERR_NOT_INIT, store_open(&opts, &s, detail, sizeof detail));
    test_dir_remove(dir);
    fix_fini(&f);
}

static void test_identify_reads_what_create_wrote(void **state)
{
    (void)state;
    struct fix f;
    struct tris_fed_id fed;
    struct tris_house_id own;
    fix_init(&f);
    store_close(f.s);
    ok(store_identify(f.dir, &fed, &own));
    assert_true(tris_fed_id_eq(&fed, &f.fed));
    assert_true(tris_house_id_eq(&own, &f.own));
    fix_open(&f);
    /* while another process has it open for writing */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(store_identify(f.dir, &fed, &own) == TRIS_OK && tris_house_id_eq(&own, &f.own) ? 0
                                                                                             : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fix_fini(&f);
}

static void test_deleted_lock_file_lets_nobody_in(void **state)
{
    (void)state;
    struct fix f;
    struct store *second = NULL;
    char detail[256], path[512];
    fix_init(&f);
    path_of(&f, "lock", path);
    assert_int_equal(unlink(path), 0);
    struct store_opts opts = fix_opts(&f, false);
    fails(TRIS_ERR_IN_USE, store_open(&opts, &second, detail, sizeof detail));
    fix_fini(&f);
}

/* At each cut: an error, or the sentence and exit 14; never a signal, never a hang. */
static void test_truncated_store_ends_with_a_sentence(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    char path[512];
    struct stat st;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    for (int i = 0; i < 200; i++) {
        writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    }
    writer_deliver(&w, f.s);
    store_close(f.s);
    path_of(&f, "store/data.mdb", path);
    assert_int_equal(stat(path, &st), 0);
    /* the last pages may be free ones */
    for (off_t size = st.st_size * 3 / 4; size > 0; size -= st.st_size / 8) {
        assert_int_equal(truncate(path, size), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct store_opts opts = fix_opts(&f, false);
            struct audit_report report;
            char detail[256];
            opts.read_only = true;
            enum tris_err err = store_open(&opts, &f.s, detail, sizeof detail);
            if (err == TRIS_OK) {
                err = store_audit(f.s, false, NULL, NULL, &report);
            }
            _exit(err == TRIS_OK && report.problems == 0 ? 0 : 3);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 14 || WEXITSTATUS(status) == 3);
    }
    writer_fini(&w);
    f.s = NULL;
    fix_fini(&f);
}

static void test_read_only_store_reads_and_refuses_writes(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct store_txn *t;
    struct store_view *v;
    char detail[256];
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    writer_deliver(&w, f.s);
    store_close(f.s);
    struct store_opts opts = fix_opts(&f, false);
    opts.read_only = true;
    ok(store_open(&opts, &f.s, detail, sizeof detail));
    fails(TRIS_ERR_READ_ONLY, store_txn_begin(f.s, &t));
    ok(store_view_begin(f.s, &v));
    uint32_t logs = 0;
    ok(store_log_count(v, &logs));
    assert_int_equal(logs, 1);
    store_view_end(v);
    audit_clean(f.s);
    writer_fini(&w);
    fix_fini(&f);
}

static void test_network_file_systems_are_recognised(void **state)
{
    (void)state;
    assert_true(lock_fs_is_network(0x6969));      /* NFS */
    assert_true(lock_fs_is_network(0xFF534D42));  /* CIFS */
    assert_true(lock_fs_is_network(0x01021997));  /* 9p */
    assert_false(lock_fs_is_network(0xEF53));     /* ext4 */
    assert_false(lock_fs_is_network(0x01021994)); /* tmpfs */
}

static void test_unknown_schema_is_refused(void **state)
{
    (void)state;
    struct fix f;
    struct store *s = NULL;
    char detail[256];
    char path[512];
    fix_init(&f);
    store_close(f.s);
    path_of(&f, "store", path);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, DB_TABLES), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
    uint8_t version[4] = {0, 0, 0, STORE_SCHEMA + 1};
    char name[] = "schema";
    MDB_val key = {6, name};
    MDB_val data = {4, version};
    assert_int_equal(mdb_put(txn, dbi, &key, &data, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    struct store_opts opts = fix_opts(&f, false);
    fails(TRIS_ERR_SCHEMA, store_open(&opts, &s, detail, sizeof detail));
    f.s = NULL;
    fix_fini(&f);
}

static void test_a_store_of_a_version_with_fewer_tables_is_named(void **state)
{
    (void)state;
    struct fix f;
    struct store *s = NULL;
    MDB_txn *txn;
    char detail[256];
    fix_init(&f);
    assert_int_equal(mdb_txn_begin(f.s->env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_drop(txn, f.s->dbi[DB_TABLES - 1], 1), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    store_close(f.s);
    struct store_opts opts = fix_opts(&f, false);
    fails(TRIS_ERR_SCHEMA, store_open(&opts, &s, detail, sizeof detail));
    assert_non_null(strstr(detail, tris_err_text(TRIS_ERR_SCHEMA)));
    f.s = NULL;
    fix_fini(&f);
}

/* ---- mark ---- */

static void own_sealed_entry(struct fix *f, struct store_mark *mark)
{
    struct store_txn *t;
    struct store_log log;
    uint64_t seq;
    memset(mark, 0, sizeof *mark);
    ok(store_txn_begin(f->s, &t));
    uint32_t no = own_log(f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(f, "A", "Z", "05315", NULL),
                  &seq));
    own_seal(f, t, no, 100 + seq);
    ok(store_log_get(store_txn_view(t), no, &log));
    ok(store_commit(t));
    mark->data_size = log.seal.size;
    mark->data_root = log.seal.root;
}

static void test_mark_is_needed_once_something_was_sealed(void **state)
{
    (void)state;
    struct fix f;
    struct store_mark mark;
    char detail[256];
    fix_init(&f);
    ok(store_mark_check(f.s, detail, sizeof detail));
    own_sealed_entry(&f, &mark);
    fails(TRIS_ERR_MARK_MISSING, store_mark_check(f.s, detail, sizeof detail));
    ok(store_mark_write(f.s, &mark));
    ok(store_mark_check(f.s, detail, sizeof detail));
    own_sealed_entry(&f, &mark); /* killed between commit and mark: behind is fine */
    ok(store_mark_check(f.s, detail, sizeof detail));
    fix_fini(&f);
}

static void test_mark_ahead_and_other_history_are_told_apart(void **state)
{
    (void)state;
    struct fix f;
    struct store_mark mark;
    char detail[256];
    fix_init(&f);
    own_sealed_entry(&f, &mark);
    mark.data_size = 9;
    ok(store_mark_write(f.s, &mark));
    fails(TRIS_ERR_MARK_AHEAD, store_mark_check(f.s, detail, sizeof detail));
    assert_non_null(strstr(detail, "9"));
    mark.data_size = 1;
    mark.data_root.b[3] ^= 1;
    ok(store_mark_write(f.s, &mark));
    fails(TRIS_ERR_MARK_FOREIGN, store_mark_check(f.s, detail, sizeof detail));
    ok(store_mark_renew(f.s));
    ok(store_mark_check(f.s, detail, sizeof detail));
    fix_fini(&f);
}

static void test_mark_of_a_copied_store_is_foreign(void **state)
{
    (void)state;
    struct fix f;
    struct store_mark mark;
    char detail[256];
    char from[512];
    char to[512];
    size_t len;
    fix_init(&f);
    own_sealed_entry(&f, &mark);
    ok(store_mark_write(f.s, &mark));
    store_close(f.s);
    path_of(&f, "store/data.mdb", from);
    path_of(&f, "store/copy.mdb", to);
    char *bytes = test_file_read(from, &len);
    FILE *file = fopen(to, "wb");
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(to, from), 0);
    free(bytes);
    fix_open(&f);
    fails(TRIS_ERR_MARK_FOREIGN, store_mark_check(f.s, detail, sizeof detail));
    fix_fini(&f);
}

static void test_a_shorter_mark_leaves_nothing_of_a_longer_one(void **state)
{
    struct fix f;
    char detail[256];
    struct store_mark mark;
    (void)state;
    fix_init(&f);
    own_sealed_entry(&f, &mark);
    struct store_mark longer = mark;
    longer.data_size = UINT64_MAX;
    /* two files take turns: each is once the longer and once the shorter one */
    for (int i = 0; i < 2; i++) {
        ok(store_mark_write(f.s, &longer));
        fails(TRIS_ERR_MARK_AHEAD, store_mark_check(f.s, detail, sizeof detail));
        ok(store_mark_write(f.s, &longer));
        ok(store_mark_write(f.s, &mark));
        ok(store_mark_check(f.s, detail, sizeof detail));
        ok(store_mark_write(f.s, &mark));
        ok(store_mark_check(f.s, detail, sizeof detail));
    }
    fix_fini(&f);
}

static void test_every_flipped_byte_of_the_mark_is_noticed(void **state)
{
    (void)state;
    struct fix f;
    struct store_mark mark;
    char detail[256];
    char path[512];
    size_t len;
    fix_init(&f);
    own_sealed_entry(&f, &mark);
    ok(store_mark_write(f.s, &mark));
    path_of(&f, "mark", path);
    char *bytes = test_file_read(path, &len);
    for (size_t i = 0; i <= len; i++) {
        FILE *file = fopen(path, "wb");
        bytes[i] = (char)(bytes[i] ^ 4); /* at the end: the file is cut by one byte instead */
        size_t size = i == len ? len - 1 : len;
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        bytes[i] = (char)(bytes[i] ^ 4);
        fails(TRIS_ERR_BAD_MARK, store_mark_check(f.s, detail, sizeof detail));
    }
    free(bytes);
    fix_fini(&f);
}

/* ---- room ---- */

static enum tris_err fill(struct fix *f, uint32_t entries)
{
    struct store_txn *t;
    uint64_t seq;
    enum tris_err err = store_txn_begin(f->s, &t);
    if (err != TRIS_OK) {
        return err;
    }
    uint32_t no = own_log(f, t, TRIS_TOPIC_LOCAL);
    for (uint32_t i = 0; i < entries && err == TRIS_OK; i++) {
        err = own_append(t, no, header_create(KIND_PARTNER),
                         fix_partner(f, "A", "Z", "05315", NULL), &seq);
    }
    enum tris_err committed = store_commit(t);
    return err != TRIS_OK ? err : committed;
}

static uint64_t held_of(struct fix *f)
{
    struct store_view *v;
    struct store_info info;
    ok(store_view_begin(f->s, &v));
    ok(store_info(v, &info));
    store_view_end(v);
    return info.entries;
}

static void test_full_map_leaves_the_store_good(void **state)
{
    (void)state;
    struct fix f;
    char detail[256];
    fix_init(&f);
    store_close(f.s);
    struct store_opts opts = fix_opts(&f, false);
    opts.map_bytes = 1024 * 1024;
    ok(store_open(&opts, &f.s, detail, sizeof detail));
    ok(fill(&f, 10));
    fails(TRIS_ERR_MAP_FULL, fill(&f, 100000));
    assert_int_equal(held_of(&f), 10);
    ok(fill(&f, 5));
    assert_int_equal(held_of(&f), 15);
    audit_clean(f.s);
    fix_fini(&f);
}

static void test_full_disk_leaves_the_store_good(void **state)
{
    (void)state;
    struct fix f;
    struct stat st;
    char path[512];
    fix_init(&f);
    ok(fill(&f, 10));
    path_of(&f, "store/data.mdb", path);
    assert_int_equal(stat(path, &st), 0);
    /* files may not grow: the kernel answers as on a full disk, with EFBIG instead of ENOSPC */
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {(rlim_t)st.st_size + 65536, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum tris_err err = fill(&f, 2000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(err, TRIS_ERR_DISK_FULL);
    assert_int_equal(held_of(&f), 10);
    ok(fill(&f, 2000));
    assert_int_equal(held_of(&f), 2010);
    audit_clean(f.s);
    fix_fini(&f);
}

/* ---- crashes ---- */

/* Commits until it is killed; tells each commit through the pipe. */
static void crash_child(struct fix *f, int fd)
{
    for (;;) {
        struct store_txn *t;
        struct store_log log;
        uint64_t seq = 0;
        if (store_txn_begin(f->s, &t) != TRIS_OK) {
            _exit(1);
        }
        uint32_t no = own_log(f, t, TRIS_TOPIC_DATA);
        for (int i = 0; i < 20; i++) {
            struct entry_header header = header_create(KIND_PARTNER);
            if (seq > 2 && i % 3 == 0) {
                header = header_change(VERB_PUT, KIND_PARTNER, 0, 0);
            }
            (void)own_append(t, no, header, fix_partner(f, "A", "Z", "05315", "P-1"), &seq);
        }
        own_seal(f, t, no, seq);
        if (store_log_get(store_txn_view(t), no, &log) != TRIS_OK || store_commit(t) != TRIS_OK) {
            _exit(1);
        }
        if (write(fd, &log.held, sizeof log.held) != sizeof log.held) {
            _exit(1);
        }
    }
}

static void test_killed_at_any_moment_loses_nothing_acknowledged(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    struct fix f;
    struct test_rng rng = {7};
    fix_init(&f);
    store_close(f.s);
    f.s = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        int fds[2];
        uint64_t acknowledged = 0;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            fix_open(&f);
            crash_child(&f, fds[1]);
        }
        (void)close(fds[1]);
        uint64_t commits = 1 + test_rng_below(&rng, 5);
        for (uint64_t i = 0; i < commits; i++) {
            assert_int_equal(read(fds[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
        }
        (void)usleep((useconds_t)test_rng_below(&rng, 2000));
        assert_int_equal(kill(child, SIGKILL), 0);
        uint64_t more;
        while (read(fds[0], &more, sizeof more) == sizeof more) {
            acknowledged = more;
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        (void)close(fds[0]);
        fix_open(&f);
        assert_true(held_of(&f) >= acknowledged);
        audit_clean(f.s);
        store_close(f.s);
        f.s = NULL;
    }
    fix_fini(&f);
}

static void test_first_error_sticks_and_nothing_is_applied(void **state)
{
    (void)state;
    struct fix f;
    struct writer w;
    struct verified_segment segment;
    struct store_txn *t;
    uint32_t no;
    fix_init(&f);
    writer_init(&w, &f, 2, TRIS_TOPIC_DATA);
    writer_put(&w, fix_partner(&f, "A", "Z", "05315", NULL));
    writer_seal(&w, &segment);
    ok(store_txn_begin(f.s, &t));
    ok(store_log_ensure(t, &w.ref, &no));
    fails(TRIS_ERR_NOT_FOUND, store_append_segment(t, no + 7, &segment, 1)); /* no such log */
    fails(TRIS_ERR_NOT_FOUND, store_append_segment(t, no, &segment, 1));
    fails(TRIS_ERR_NOT_FOUND, store_commit(t));
    struct store_view *v;
    ok(store_view_begin(f.s, &v));
    uint32_t logs = 0;
    ok(store_log_count(v, &logs));
    assert_int_equal(logs, 0);
    store_view_end(v);
    writer_fini(&w);
    fix_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_open_names_the_holder),
        cmocka_unit_test(test_slots_of_killed_readers_are_freed),
        cmocka_unit_test(test_copies_of_killed_audits_go_at_the_next_open),
        cmocka_unit_test(test_deleted_lock_file_lets_nobody_in),
        cmocka_unit_test(test_truncated_store_ends_with_a_sentence),
        cmocka_unit_test(test_another_federation_or_house_is_refused),
        cmocka_unit_test(test_empty_directory_is_not_a_store),
        cmocka_unit_test(test_identify_reads_what_create_wrote),
        cmocka_unit_test(test_read_only_store_reads_and_refuses_writes),
        cmocka_unit_test(test_network_file_systems_are_recognised),
        cmocka_unit_test(test_unknown_schema_is_refused),
        cmocka_unit_test(test_a_store_of_a_version_with_fewer_tables_is_named),
        cmocka_unit_test(test_mark_is_needed_once_something_was_sealed),
        cmocka_unit_test(test_mark_ahead_and_other_history_are_told_apart),
        cmocka_unit_test(test_mark_of_a_copied_store_is_foreign),
        cmocka_unit_test(test_a_shorter_mark_leaves_nothing_of_a_longer_one),
        cmocka_unit_test(test_every_flipped_byte_of_the_mark_is_noticed),
        cmocka_unit_test(test_full_map_leaves_the_store_good),
        cmocka_unit_test(test_full_disk_leaves_the_store_good),
        cmocka_unit_test(test_killed_at_any_moment_loses_nothing_acknowledged),
        cmocka_unit_test(test_first_error_sticks_and_nothing_is_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
