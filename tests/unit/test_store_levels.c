/* The index by name in two tables and memory: every row is found wherever it lies, whatever was
 * moved, changed, ended or taken back meanwhile. */
#include "storage/levels.h"
#include "tests/unit/store_fixture.h"

enum { FRESH_MAX = 64, RECORDS = 6000, BATCH = 1500 };

static const uint8_t empty_map[] = {0x80};

static struct fix *world(void)
{
    static struct fix f;
    fix_init(&f);
    f.s->fresh_max = FRESH_MAX;
    return &f;
}

static const char *name_of(uint32_t number, char name[32])
{
    (void)snprintf(name, 32, "Verein %u", number);
    return name;
}

static enum tris_err find(struct store_view *v, uint32_t number, struct record_ref *ref)
{
    char name[32];
    return store_find_name(v, KIND_PARTNER, span_str(name_of(number, name)), span_str("05315"),
                           ref);
}

static void create(struct fix *f, struct store_txn *t, uint32_t no, uint32_t number)
{
    uint64_t seq;
    char name[32];
    ok(own_append(t, no, header_create(KIND_PARTNER),
                  fix_partner(f, name_of(number, name), "Z", "05315", NULL), &seq));
}

/* Records 0 to `count` - 1 of the local log, several commits. */
static uint32_t fill(struct fix *f, uint32_t count)
{
    uint32_t no = 0;
    for (uint32_t i = 0; i < count;) {
        struct store_txn *t;
        ok(store_txn_begin(f->s, &t));
        no = own_log(f, t, TRIS_TOPIC_LOCAL);
        for (uint32_t end = i + BATCH; i < end && i < count; i++) {
            create(f, t, no, i);
        }
        ok(store_commit(t));
    }
    return no;
}

static void all_are_found(struct store_view *v, uint32_t from, uint32_t to)
{
    struct record_ref ref;
    for (uint32_t i = from; i < to; i++) {
        ok(find(v, i, &ref));
        assert_int_equal(ref.seq, i);
    }
}

static uint64_t rows(struct store_view *v, enum db_table table)
{
    uint64_t count;
    ok(view_rows(v, table, &count));
    return count;
}

static void end(struct store_txn *t, uint32_t no, uint64_t record)
{
    uint64_t seq;
    ok(own_append(t, no, header_change(VERB_END, KIND_PARTNER, record, record),
                  span_of(empty_map, 1), &seq));
}

static void test_names_are_found_in_memory_and_in_both_tables(void **state)
{
    (void)state;
    struct fix *f = world();
    struct store_txn *t;
    struct store_view *v;
    struct record_ref ref;
    uint32_t no = fill(f, RECORDS);
    ok(store_view_begin(f->s, &v));
    assert_int_equal(rows(v, DB_NAME) + rows(v, DB_NAME_FRESH), RECORDS);
    assert_true(rows(v, DB_NAME) >= LEVELS_MOVE_MIN);
    assert_true(rows(v, DB_NAME_FRESH) > 0);
    all_are_found(v, 0, RECORDS);
    store_view_end(v);
    ok(store_txn_begin(f->s, &t));
    create(f, t, no, RECORDS);
    all_are_found(store_txn_view(t), 0, RECORDS + 1);
    for (uint32_t i = RECORDS + 1; i < 2 * RECORDS; i++) {
        fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), i, &ref));
    }
    /* the filter is whole by now */
    all_are_found(store_txn_view(t), 0, RECORDS + 1);
    ok(store_commit(t));
    audit_clean(f->s);
    fix_fini(f);
}

static void test_namesakes_in_memory_and_table_are_counted_together(void **state)
{
    (void)state;
    struct fix *f = world();
    struct store_txn *t;
    struct record_ref ref;
    uint32_t no = fill(f, 10);
    ok(store_txn_begin(f->s, &t));
    create(f, t, no, 3);
    fails(TRIS_ERR_AMBIGUOUS, find(store_txn_view(t), 3, &ref));
    assert_int_equal(ref.seq, 3);
    end(t, no, 3);
    ok(find(store_txn_view(t), 3, &ref));
    assert_int_equal(ref.seq, 10);
    end(t, no, 10); /* one that is in memory only */
    fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), 3, &ref));
    create(f, t, no, 3);
    ok(find(store_txn_view(t), 3, &ref));
    ok(store_commit(t));
    audit_clean(f->s);
    fix_fini(f);
}

static void test_what_an_aborted_batch_deleted_is_found_again(void **state)
{
    (void)state;
    struct fix *f = world();
    struct store_txn *t;
    struct record_ref ref;
    uint32_t no = fill(f, RECORDS);
    /* the filter is filled while the rows are away */
    ok(store_txn_begin(f->s, &t));
    for (uint32_t i = 0; i < RECORDS; i += 2) {
        end(t, no, i);
    }
    for (uint32_t i = 0; i < 10; i++) {
        fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), RECORDS + i, &ref));
    }
    create(f, t, no, RECORDS);
    store_abort(t);
    ok(store_txn_begin(f->s, &t));
    for (int round = 0; round < 2; round++) {
        all_are_found(store_txn_view(t), 0, RECORDS);
    }
    fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), RECORDS, &ref));
    ok(store_commit(t));
    audit_clean(f->s);
    fix_fini(f);
}

static void test_changes_find_their_row_after_it_moved(void **state)
{
    (void)state;
    struct fix *f = world();
    struct store_txn *t;
    struct record_ref ref;
    uint64_t seq;
    char name[32];
    uint32_t no = fill(f, RECORDS);
    ok(store_txn_begin(f->s, &t));
    for (uint32_t i = 0; i < RECORDS; i += 3) {
        ok(own_append(t, no, header_change(VERB_PUT, KIND_PARTNER, i, i),
                      fix_partner(f, name_of(RECORDS + i, name), "Z", "05315", NULL), &seq));
        fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), i, &ref));
        ok(find(store_txn_view(t), RECORDS + i, &ref));
        assert_int_equal(ref.seq, i);
    }
    ok(store_commit(t));
    audit_clean(f->s);
    /* another process goes on */
    store_close(f->s);
    fix_open(f);
    f->s->fresh_max = FRESH_MAX;
    ok(store_txn_begin(f->s, &t));
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < RECORDS; i++) {
            ok(find(store_txn_view(t), i % 3 == 0 ? RECORDS + i : i, &ref));
            assert_int_equal(ref.seq, i);
        }
    }
    ok(store_commit(t));
    fix_fini(f);
}

/* A process that has just begun takes the tables into its filter, some rows with each look-up; what
 * a commit moves meanwhile to where it has passed by is in it all the same. */
static void test_rows_that_move_while_the_filter_fills_are_found(void **state)
{
    enum { MORE = 3000, HALF = 4, MOST = 16 };
    (void)state;
    for (int looks = HALF; looks <= MOST; looks += MOST - HALF) {
        struct fix *f = world();
        struct store_txn *t;
        struct record_ref ref;
        uint64_t before = 0;
        uint32_t no = fill(f, RECORDS);
        store_close(f->s);
        fix_open(f);
        f->s->fresh_max = FRESH_MAX;
        const struct level *level = &f->s->level[0];
        ok(store_txn_begin(f->s, &t));
        before = rows(store_txn_view(t), DB_NAME);
        for (int i = 0; i < looks && level->filling == 0; i++) {
            fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), 2 * RECORDS, &ref));
        }
        assert_false(level->whole);
        assert_int_equal(level->filling, looks == HALF ? 0 : 1); /* half of the large table, all */
        for (uint32_t i = RECORDS; i < RECORDS + MORE; i++) {
            create(f, t, no, i);
        }
        ok(store_commit(t));
        ok(store_txn_begin(f->s, &t));
        assert_true(rows(store_txn_view(t), DB_NAME) > before);
        while (!level->whole) {
            fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), 2 * RECORDS, &ref));
        }
        all_are_found(store_txn_view(t), 0, RECORDS + MORE);
        ok(store_commit(t));
        fix_fini(f);
    }
}

/* Gives every record its name of this round, in one commit. */
static void rename_all(struct fix *f, uint32_t no, uint32_t round, uint64_t last[RECORDS])
{
    struct store_txn *t;
    char name[32];
    ok(store_txn_begin(f->s, &t));
    for (uint32_t i = 0; i < RECORDS; i++) {
        ok(own_append(t, no, header_change(VERB_PUT, KIND_PARTNER, i, last[i]),
                      fix_partner(f, name_of(round * RECORDS + i, name), "Z", "05315", NULL),
                      &last[i]));
    }
    ok(store_commit(t));
}

static void test_a_full_filter_is_made_anew_and_misses_nothing(void **state)
{
    static uint64_t last[RECORDS];
    enum { ROUNDS = 15 }; /* 96,000 rows: more than the first filter is good for */
    (void)state;
    struct fix *f = world();
    struct store_txn *t;
    struct record_ref ref;
    const struct level *level = &f->s->level[0];
    uint32_t no = fill(f, RECORDS);
    ok(store_txn_begin(f->s, &t));
    all_are_found(store_txn_view(t), 0, RECORDS);
    assert_true(level->whole);
    ok(store_commit(t));
    for (uint32_t i = 0; i < RECORDS; i++) {
        last[i] = i;
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        rename_all(f, no, round, last);
    }
    assert_true(filter_is_full(&level->filter));
    ok(store_txn_begin(f->s, &t));
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < RECORDS; i++) {
            ok(find(store_txn_view(t), ROUNDS * RECORDS + i, &ref));
            assert_int_equal(ref.seq, i);
            fails(TRIS_ERR_NOT_FOUND, find(store_txn_view(t), i, &ref));
        }
    }
    assert_true(level->whole);
    assert_false(filter_is_full(&level->filter));
    ok(store_commit(t));
    fix_fini(f);
}

static void test_a_row_in_both_tables_is_a_problem(void **state)
{
    (void)state;
    struct fix *f = world();
    struct store_txn *t;
    struct audit_report report;
    struct key key;
    struct record_ref ref = {fill(f, 1), 0};
    ok(store_txn_begin(f->s, &t));
    key_name_prefix(&key, KIND_PARTNER, span_str("05315"), span_str("verein 0"));
    key_add_ref(&key, ref);
    txn_put(t, DB_NAME, key_span(&key), span_of(NULL, 0));
    ok(store_commit(t));
    ok(store_audit(f->s, false, NULL, NULL, &report));
    assert_int_equal(report.problems, 1);
    assert_non_null(strstr(report.first_problem, "table name"));
    fix_fini(f);
}

static void test_the_filter_never_denies_what_is_in(void **state)
{
    (void)state;
    struct filter filter = {0};
    uint32_t wrong = 0;
    assert_true(filter_make(&filter, FILTER_ROWS_MIN));
    for (uint64_t i = 0; i < FILTER_ROWS_MIN; i++) {
        filter_enter(&filter, filter_hash(span_of(&i, sizeof i)));
    }
    assert_false(filter_is_full(&filter));
    for (uint64_t i = 0; i < 2 * FILTER_ROWS_MIN; i++) {
        bool maybe = filter_maybe(&filter, filter_hash(span_of(&i, sizeof i)));
        assert_true(maybe || i >= FILTER_ROWS_MIN);
        wrong += maybe && i >= FILTER_ROWS_MIN;
    }
    assert_true(wrong < FILTER_ROWS_MIN / 20);
    filter_drop(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_found_in_memory_and_in_both_tables),
        cmocka_unit_test(test_namesakes_in_memory_and_table_are_counted_together),
        cmocka_unit_test(test_what_an_aborted_batch_deleted_is_found_again),
        cmocka_unit_test(test_changes_find_their_row_after_it_moved),
        cmocka_unit_test(test_rows_that_move_while_the_filter_fills_are_found),
        cmocka_unit_test(test_a_full_filter_is_made_anew_and_misses_nothing),
        cmocka_unit_test(test_a_row_in_both_tables_is_a_problem),
        cmocka_unit_test(test_the_filter_never_denies_what_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
