/* Backups: what a copy holds, that damage is noticed, and what a restored directory is. */
#include <sys/stat.h>
#include <unistd.h>

#include "storage/backup.h"
#include "tests/unit/store_fixture.h"

struct world {
    struct fix f;
    char dir[300];
    struct backup_manifest m;
    char detail[BACKUP_DETAIL_BYTES];
};

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void own_entry(struct fix *f)
{
    struct store_txn *t;
    uint64_t seq;
    ok(store_txn_begin(f->s, &t));
    uint32_t no = own_log(f, t, TRIS_TOPIC_DATA);
    ok(own_append(t, no, header_create(KIND_PARTNER), fix_partner(f, "A", "Z", "05315", NULL),
                  &seq));
    own_seal(f, t, no, 9);
    ok(store_commit(t));
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    fix_init(&w->f);
    put_file(w->f.dir, "charter", "a charter\n");
    put_file(w->f.dir, "house.line", "a line\n");
    put_file(w->f.dir, "identity.key", "secret one\n");
    put_file(w->f.dir, "transport.key", "secret two\n");
    own_entry(&w->f);
    (void)snprintf(w->dir, sizeof w->dir, "%s/backup", w->f.dir);
}

static void make_backup(struct world *w, bool with_keys)
{
    struct backup_opts opts = {
        .data_dir = w->f.dir, .path = w->dir, .with_keys = with_keys, .time_ms = 5};
    ok(backup_create(w->f.s, &opts, &w->m, w->detail));
}

static bool is_there(const char *dir, const char *name)
{
    char path[600];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0;
}

static void test_copy_holds_what_was_committed_and_nothing_later(void **state)
{
    (void)state;
    struct world w;
    struct backup_manifest read;
    struct store *copy;
    struct store_view *v;
    struct store_info info;
    world_init(&w);
    make_backup(&w, false);
    own_entry(&w.f);
    ok(backup_check(w.dir, &read, NULL, NULL, w.detail));
    assert_memory_equal(&read, &w.m, sizeof read);
    assert_int_equal(read.entries, 1);
    assert_int_equal(read.tip.data_size, 1);
    assert_int_equal(read.time_ms, 5);
    ok(backup_open_store(w.dir, &read, w.f.dir, &copy, w.detail));
    ok(store_view_begin(copy, &v));
    ok(store_info(v, &info));
    assert_int_equal(info.entries, 1);
    store_view_end(v);
    audit_clean(copy);
    store_close(copy);
    fix_fini(&w.f);
}

static void test_progress_ends_near_its_total(void **state)
{
    (void)state;
    struct world w;
    struct backup_progress *p = calloc(1, sizeof *p);
    uint64_t total = 9;
    assert_non_null(p);
    world_init(&w);
    assert_int_equal(backup_progress_bytes(p, &total), 0);
    assert_int_equal(total, 0);
    struct backup_opts opts = {.data_dir = w.f.dir, .path = w.dir, .time_ms = 5, .progress = p};
    ok(backup_create(w.f.s, &opts, &w.m, w.detail));
    uint64_t store = w.m.file[w.m.file_count - 1].bytes;
    assert_int_equal(atomic_load(&p->hashed), store);
    uint64_t done = backup_progress_bytes(p, &total);
    assert_int_equal(done, total);                /* at its place: done */
    assert_in_range(total, 2 * store, 4 * store); /* free pages are not copied */
    free(p);
    fix_fini(&w.f);
}

static void test_keys_are_left_out_unless_asked_for(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    make_backup(&w, false);
    assert_false(w.m.has_keys);
    assert_false(is_there(w.dir, "identity.key"));
    assert_false(is_there(w.dir, "transport.key"));
    assert_true(is_there(w.dir, "charter"));
    assert_false(is_there(w.dir, "mark"));
    (void)snprintf(w.dir, sizeof w.dir, "%s/other", w.f.dir);
    make_backup(&w, true);
    assert_true(w.m.has_keys);
    assert_true(is_there(w.dir, "identity.key"));
    fix_fini(&w.f);
}

static void test_existing_backup_is_never_replaced(void **state)
{
    (void)state;
    struct world w;
    struct backup_manifest m;
    world_init(&w);
    make_backup(&w, false);
    struct backup_opts opts = {.data_dir = w.f.dir, .path = w.dir, .time_ms = 6};
    fails(TRIS_ERR_EXISTS, backup_create(w.f.s, &opts, &m, w.detail));
    assert_true(strlen(w.detail) > 0);
    ok(backup_check(w.dir, &m, NULL, NULL, w.detail));
    assert_int_equal(m.time_ms, 5);
    fix_fini(&w.f);
}

static void test_failed_backup_leaves_nothing(void **state)
{
    (void)state;
    struct world w;
    char path[400];
    world_init(&w);
    (void)snprintf(path, sizeof path, "%s/charter", w.f.dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/empty", w.f.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(w.dir, sizeof w.dir, "%s/empty/backup", w.f.dir);
    struct backup_opts opts = {.data_dir = w.f.dir, .path = w.dir};
    fails(TRIS_ERR_NOT_FOUND, backup_create(w.f.s, &opts, &w.m, w.detail));
    assert_int_equal(rmdir(path), 0); /* it is empty */
    fix_fini(&w.f);
}

static void test_every_flipped_byte_of_a_small_file_is_noticed(void **state)
{
    (void)state;
    struct world w;
    static const char *const names[] = {"manifest", "charter", "house.line"};
    char path[400];
    size_t len;
    world_init(&w);
    make_backup(&w, false);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        (void)snprintf(path, sizeof path, "%s/%s", w.dir, names[n]);
        char *bytes = test_file_read(path, &len);
        for (size_t i = 0; i <= len; i++) {
            FILE *file = fopen(path, "wb");
            bytes[i] = (char)(bytes[i] ^ 1); /* at the end: the file is cut by one byte instead */
            size_t size = i == len ? len - 1 : len;
            assert_int_equal(fwrite(bytes, 1, size, file), size);
            assert_int_equal(fclose(file), 0);
            bytes[i] = (char)(bytes[i] ^ 1);
            struct backup_manifest m;
            fails(TRIS_ERR_CORRUPT, backup_check(w.dir, &m, NULL, NULL, w.detail));
        }
        FILE *file = fopen(path, "wb");
        assert_int_equal(fwrite(bytes, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
        free(bytes);
    }
    ok(backup_check(w.dir, &w.m, NULL, NULL, w.detail));
    fix_fini(&w.f);
}

static void test_missing_file_and_flipped_bit_of_the_store_are_noticed(void **state)
{
    (void)state;
    struct world w;
    struct backup_manifest m;
    char path[400];
    world_init(&w);
    make_backup(&w, false);
    (void)snprintf(path, sizeof path, "%s/store/data.mdb", w.dir);
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseek(file, 9000, SEEK_SET), 0);
    int c = fgetc(file);
    assert_int_equal(fseek(file, 9000, SEEK_SET), 0);
    assert_true(fputc(c ^ 0x10, file) != EOF);
    assert_int_equal(fclose(file), 0);
    fails(TRIS_ERR_CORRUPT, backup_check(w.dir, &m, NULL, NULL, w.detail));
    assert_int_equal(unlink(path), 0);
    fails(TRIS_ERR_CORRUPT, backup_check(w.dir, &m, NULL, NULL, w.detail));
    (void)snprintf(path, sizeof path, "%s/manifest", w.dir);
    assert_int_equal(unlink(path), 0);
    fails(TRIS_ERR_NOT_FOUND, backup_check(w.dir, &m, NULL, NULL, w.detail));
    fix_fini(&w.f);
}

static void test_restored_store_has_no_valid_mark_until_the_loss_is_accepted(void **state)
{
    (void)state;
    struct world w;
    char detail[256];
    world_init(&w);
    make_backup(&w, true);
    char dir[sizeof w.f.dir];
    memcpy(dir, w.f.dir, sizeof dir);
    store_close(w.f.s);
    (void)snprintf(w.f.dir, sizeof w.f.dir, "%.200s/back", dir);
    ok(backup_restore(w.dir, &w.m, w.f.dir, "2026-11-23T15:00:00Z", w.detail));
    assert_true(is_there(w.f.dir, "identity.key"));
    struct store_opts opts = fix_opts(&w.f, false);
    ok(store_open(&opts, &w.f.s, detail, sizeof detail));
    fails(TRIS_ERR_MARK_MISSING, store_mark_check(w.f.s, detail, sizeof detail));
    assert_non_null(strstr(detail, "2026-11-23T15:00:00Z"));
    audit_clean(w.f.s);
    ok(store_mark_renew(w.f.s));
    ok(store_mark_check(w.f.s, detail, sizeof detail));
    fails(TRIS_ERR_EXISTS, backup_restore(w.dir, &w.m, w.f.dir, "x", w.detail));
    memcpy(w.f.dir, dir, sizeof dir);
    fix_fini(&w.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_holds_what_was_committed_and_nothing_later),
        cmocka_unit_test(test_progress_ends_near_its_total),
        cmocka_unit_test(test_keys_are_left_out_unless_asked_for),
        cmocka_unit_test(test_existing_backup_is_never_replaced),
        cmocka_unit_test(test_failed_backup_leaves_nothing),
        cmocka_unit_test(test_every_flipped_byte_of_a_small_file_is_noticed),
        cmocka_unit_test(test_missing_file_and_flipped_bit_of_the_store_are_noticed),
        cmocka_unit_test(test_restored_store_has_no_valid_mark_until_the_loss_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
