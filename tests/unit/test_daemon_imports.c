/* What an import calls its own when the log that it wrote to is cut, and written again. */
#include "daemon/imports.h"
#include "tests/unit/store_fixture.h"

enum { BEFORE = 5, ROWS = 6, OTHERS = 2 };

struct imported {
    struct fix f;
    struct store_txn *t;
    uint32_t no;
    uint64_t first; /* of the rows in one piece */
};

static uint64_t append(struct imported *w)
{
    uint64_t seq;
    ok(own_append(w->t, w->no, header_create(KIND_PARTNER),
                  fix_partner(&w->f, "A", "W", "05315", NULL), &seq));
    return seq;
}

/* `count` rows of import `id`. */
static void import_rows(struct imported *w, uint64_t id, uint32_t count)
{
    struct writer_import import = {
        .id = id, .kind = KIND_PARTNER, .file = span_str("liste.csv"), .source = span_str("liste")};
    for (uint32_t i = 0; i < count; i++) {
        struct writer_result r = {.change = WRITER_NEW, .seq = append(w)};
        r.record = (struct record_ref){w->no, r.seq};
        imports_note(w->t, &import, UINT32_MAX, w->no, &r, 1, 5);
    }
}

/* Entries of others, rows 1 and 2, others, rows 3 to 8 of import 1; one row of import 2 before all.
 */
static void imported_init(struct imported *w)
{
    fix_init(&w->f);
    ok(store_txn_begin(w->f.s, &w->t));
    w->no = own_log(&w->f, w->t, TRIS_TOPIC_DATA);
    import_rows(w, 2, 1);
    for (int i = 1; i < BEFORE; i++) {
        (void)append(w);
    }
    import_rows(w, 1, 2);
    for (int i = 0; i < OTHERS; i++) {
        (void)append(w);
    }
    w->first = BEFORE + 2 + OTHERS;
    import_rows(w, 1, ROWS);
}

static void imported_fini(struct imported *w)
{
    ok(store_commit(w->t));
    audit_clean(w->f.s);
    fix_fini(&w->f);
}

static uint64_t rows_of(struct imported *w, uint64_t id, uint64_t from, uint64_t to)
{
    struct import_head head;
    struct import_runs runs;
    uint64_t count = 0;
    ok(imports_get(store_txn_view(w->t), id, &head));
    assert_true(span_eq(head.source, span_str("liste")));
    ok(imports_runs(store_txn_view(w->t), id, &head, &runs));
    for (uint64_t seq = from; seq < to; seq++) {
        count += imports_has(&runs, w->no, seq) ? 1 : 0;
    }
    free(runs.run);
    return count;
}

static void cut(struct imported *w, uint64_t size)
{
    ok(store_log_cut(w->t, w->no, size, STORE_TAIL_DRAFT));
    imports_cut(w->t, w->no, size);
}

static void test_no_import_owns_what_stands_where_its_rows_stood(void **state)
{
    (void)state;
    static struct imported w;
    imported_init(&w);
    assert_int_equal(rows_of(&w, 1, 0, 100), 2 + ROWS);
    cut(&w, w.first + 2);
    assert_int_equal(rows_of(&w, 1, 0, 100), 2 + 2);
    cut(&w, BEFORE + 1); /* in the middle of the first run */
    assert_int_equal(rows_of(&w, 1, 0, 100), 1);
    assert_int_equal(rows_of(&w, 1, BEFORE, BEFORE + 1), 1);
    assert_int_equal(rows_of(&w, 2, 0, 1), 1);
    for (int i = 0; i < 9; i++) {
        (void)append(&w); /* the tail that was lost comes back */
    }
    assert_int_equal(rows_of(&w, 1, BEFORE + 1, 100), 0);
    cut(&w, 0);
    assert_int_equal(rows_of(&w, 1, 0, 100), 0);
    assert_int_equal(rows_of(&w, 2, 0, 100), 0);
    imported_fini(&w);
}

static void test_rows_that_are_written_again_are_of_their_import(void **state)
{
    (void)state;
    static struct imported w;
    imported_init(&w);
    const uint64_t rows = w.first + ROWS;
    cut(&w, BEFORE);
    for (int i = 0; i < 3; i++) {
        (void)append(&w);
    }
    uint64_t drafts = 0;
    struct store_draft draft;
    uint64_t no = 0;
    while (store_draft_next(store_txn_view(w.t), &no, &draft) == TRIS_OK) {
        uint64_t seq = append(&w);
        assert_int_equal(seq, draft.seq + 3);
        imports_written(w.t, no, w.no, seq);
        ok(store_draft_settle(w.t, no, DRAFT_WRITTEN, TRIS_OK, seq));
        drafts++;
    }
    assert_int_equal(drafts, rows - BEFORE);
    assert_int_equal(rows_of(&w, 1, 0, 100), 2 + ROWS);
    assert_int_equal(rows_of(&w, 1, BEFORE + 3, BEFORE + 5), 2);
    assert_int_equal(rows_of(&w, 1, w.first + 3, rows + 3), ROWS);
    cut(&w, w.first + 3); /* and once more */
    assert_int_equal(rows_of(&w, 1, 0, 100), 2);
    while (store_draft_next(store_txn_view(w.t), &no, &draft) == TRIS_OK) {
        uint64_t seq = append(&w);
        imports_written(w.t, no, w.no, seq);
        ok(store_draft_settle(w.t, no, DRAFT_WRITTEN, TRIS_OK, seq));
    }
    assert_int_equal(rows_of(&w, 1, 0, 100), 2 + ROWS);
    imported_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_import_owns_what_stands_where_its_rows_stood),
        cmocka_unit_test(test_rows_that_are_written_again_are_of_their_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
