/* What the mark says of the store, as the restore guard asks for it. */
#include <unistd.h>

#include "tests/unit/store_draw.h"

enum { ROOM = 40 };

struct marked {
    struct fix f;
    struct script_log data;
    uint32_t no;
};

/* An own data log with `sealed` entries, and a mark that covers `known` of them. */
static void marked_init(struct marked *w, uint64_t sealed, uint64_t known)
{
    struct store_txn *t;
    struct test_rng rng = {5};
    fix_init(&w->f);
    script_init(&w->data, &w->f, 1, TRIS_TOPIC_DATA, 0, ROOM);
    script_draw(&w->data, &w->f, &rng, ROOM, true);
    ok(store_txn_begin(w->f.s, &t));
    w->no = script_no(&w->data, t);
    script_deliver(&w->data, t, sealed);
    ok(store_commit(t));
    struct store_mark mark = {.data_size = known};
    tree_root(&w->data.tree[known], &mark.data_root);
    ok(store_mark_write(w->f.s, &mark));
}

static void marked_fini(struct marked *w)
{
    script_fini(&w->data);
    fix_fini(&w->f);
}

static struct store_mark_state look(struct marked *w)
{
    struct store_mark_state state;
    char detail[256];
    ok(store_mark_look(w->f.s, &state, detail, sizeof detail));
    assert_int_equal(state.verdict, store_mark_check(w->f.s, detail, sizeof detail));
    assert_int_equal(state.verdict == TRIS_OK, detail[0] == '\0');
    return state;
}

static void test_a_mark_of_this_store_is_good(void **state)
{
    (void)state;
    static struct marked w;
    marked_init(&w, 20, 18); /* behind: killed before the mark of the last seal */
    struct store_mark_state s = look(&w);
    assert_int_equal(s.verdict, TRIS_OK);
    assert_true(s.has_tip && s.tip_is_here);
    assert_int_equal(s.tip.data_size, 18);
    assert_int_equal(s.own.data_size, 20);
    marked_fini(&w);
}

static void test_a_mark_that_is_ahead_names_the_exact_tip(void **state)
{
    (void)state;
    static struct marked w;
    struct store_txn *t;
    uint64_t seq;
    marked_init(&w, 20, 30);
    struct store_mark_state s = look(&w);
    assert_int_equal(s.verdict, TRIS_ERR_MARK_AHEAD);
    assert_true(s.has_tip && !s.tip_is_here);
    assert_int_equal(s.tip.data_size, 30);
    assert_int_equal(s.own.data_size, 20);
    /* entries that wait for a seal stand where the mark knows others: it is as far ahead as before
     */
    ok(store_txn_begin(w.f.s, &t));
    for (int i = 0; i < 15; i++) {
        ok(own_append(t, w.no, header_create(KIND_PARTNER),
                      fix_partner(&w.f, "Neu", "W", "05315", NULL), &seq));
    }
    ok(store_commit(t));
    assert_int_equal(look(&w).verdict, TRIS_ERR_MARK_AHEAD);
    /* the tail comes back, what waited becomes drafts: over */
    ok(store_txn_begin(w.f.s, &t));
    ok(store_log_cut(t, w.no, 20, STORE_TAIL_DRAFT));
    script_deliver(&w.data, t, 30);
    ok(store_commit(t));
    s = look(&w);
    assert_int_equal(s.verdict, TRIS_OK);
    assert_true(s.tip_is_here);
    audit_clean(w.f.s);
    marked_fini(&w);
}

static void test_one_entry_is_enough_to_be_ahead(void **state)
{
    (void)state;
    static struct marked w;
    marked_init(&w, 20, 21);
    assert_int_equal(look(&w).verdict, TRIS_ERR_MARK_AHEAD);
    marked_fini(&w);
}

static void test_a_mark_over_other_entries_is_foreign(void **state)
{
    (void)state;
    static struct marked w;
    marked_init(&w, 20, 18);
    struct store_mark mark = {.data_size = 18, .data_root = {{9}}};
    ok(store_mark_write(w.f.s, &mark));
    struct store_mark_state s = look(&w);
    assert_int_equal(s.verdict, TRIS_ERR_MARK_FOREIGN);
    assert_true(s.has_tip && !s.tip_is_here);
    marked_fini(&w);
}

static void test_without_a_mark_there_is_no_tip(void **state)
{
    (void)state;
    static struct marked w;
    char path[300];
    marked_init(&w, 20, 20);
    (void)snprintf(path, sizeof path, "%s/mark", w.f.dir);
    assert_int_equal(unlink(path), 0);
    struct store_mark_state s = look(&w);
    assert_int_equal(s.verdict, TRIS_ERR_MARK_MISSING);
    assert_false(s.has_tip);
    assert_int_equal(s.own.data_size, 20);
    ok(store_mark_put_back(w.f.dir, "2026-11-02"));
    s = look(&w);
    assert_int_equal(s.verdict, TRIS_ERR_MARK_MISSING);
    assert_false(s.has_tip);
    assert_string_equal(s.made, "2026-11-02");
    marked_fini(&w);
}

static void test_the_mark_of_a_copied_store_still_names_its_tip(void **state)
{
    (void)state;
    static struct marked w;
    char path[300];
    char temp[300];
    marked_init(&w, 20, 20);
    store_close(w.f.s);
    (void)snprintf(path, sizeof path, "%s/store/data.mdb", w.f.dir);
    (void)snprintf(temp, sizeof temp, "%s/store/copy", w.f.dir);
    size_t len = 0;
    char *bytes = test_file_read(path, &len);
    assert_non_null(bytes);
    FILE *file = fopen(temp, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    free(bytes);
    assert_int_equal(rename(temp, path), 0); /* another inode */
    fix_open(&w.f);
    struct store_mark_state s = look(&w);
    assert_int_equal(s.verdict, TRIS_ERR_MARK_FOREIGN);
    assert_true(s.has_tip && s.tip_is_here);
    assert_int_equal(s.tip.data_size, 20);
    marked_fini(&w);
}

static void open_epoch(struct marked *w, uint32_t epoch, uint8_t number)
{
    char detail[256];
    struct tris_sign_secret key;
    struct store_opts opts = fix_opts(&w->f, false);
    struct tris_house_id pub = fix_key(number, &key);
    opts.own_epoch = epoch;
    memcpy(opts.own_key.b, pub.b, sizeof opts.own_key.b);
    store_close(w->f.s);
    ok(store_open(&opts, &w->f.s, detail, sizeof detail));
}

static void test_a_mark_speaks_of_the_logs_of_one_epoch(void **state)
{
    (void)state;
    static struct marked w;
    struct store_txn *t;
    struct store_log log;
    struct entry_header header = header_create(KIND_PARTNER);
    const struct tris_salt salt = {{0}};
    uint64_t seq = 0;
    marked_init(&w, 20, 20);
    open_epoch(&w, 1, 91);
    struct store_mark_state s = look(&w); /* of the former epoch: nothing to look for */
    assert_int_equal(s.verdict, TRIS_OK);
    assert_false(s.has_tip);
    assert_int_equal(s.own.data_size, 0);
    ok(store_txn_begin(w.f.s, &t));
    ok(store_log_get(store_txn_view(t), w.no, &log));
    assert_true(log.own && !log.current);
    fails(TRIS_ERR_NOT_OWNER,
          store_append_own(t, w.no, &header, &salt, fix_partner(&w.f, "A", "Z", "05315", NULL), 9,
                           &seq));
    struct seal seal = log.seal;
    seal.time_ms++;
    fails(TRIS_ERR_NOT_OWNER, store_seal_own(t, w.no, &seal));
    store_abort(t);
    ok(store_mark_renew(w.f.s));
    s = look(&w);
    assert_int_equal(s.verdict, TRIS_OK);
    assert_true(s.has_tip && s.tip_is_here);
    assert_int_equal(s.tip.epoch, 1);
    open_epoch(&w, 0, 1); /* the keys were put back, not the store */
    assert_int_equal(look(&w).verdict, TRIS_ERR_MARK_FOREIGN);
    open_epoch(&w, 1, 92);
    assert_int_equal(look(&w).verdict, TRIS_ERR_MARK_FOREIGN);
    open_epoch(&w, 2, 92);
    assert_int_equal(look(&w).verdict, TRIS_OK);
    marked_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mark_speaks_of_the_logs_of_one_epoch),
        cmocka_unit_test(test_a_mark_of_this_store_is_good),
        cmocka_unit_test(test_a_mark_that_is_ahead_names_the_exact_tip),
        cmocka_unit_test(test_one_entry_is_enough_to_be_ahead),
        cmocka_unit_test(test_a_mark_over_other_entries_is_foreign),
        cmocka_unit_test(test_without_a_mark_there_is_no_tip),
        cmocka_unit_test(test_the_mark_of_a_copied_store_still_names_its_tip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
