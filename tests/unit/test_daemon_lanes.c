/* What waits for the writer: alone a session may fill a batch, beside others each has its turn. */
#include "tests/lib/testlib.h"

#include "daemon/writer_lanes.h"

enum { ROOM = 4096, ENTRIES = 100, BYTES = 1000, NOW = 1000 };

struct fixture {
    struct lanes lanes;
    struct work_list to;
    struct work works[ROOM];
    uint32_t made;
};

static struct fixture *fixture(void)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    lanes_init(&f.lanes);
    work_list_init(&f.to);
    return &f;
}

static struct work *come(struct fixture *f, uint64_t session, size_t entries)
{
    assert_true(f->made < ROOM);
    struct work *w = &f->works[f->made++];
    w->type = WORK_SEGMENT;
    w->session_no = session;
    w->entries = entries;
    w->bytes = BYTES;
    lanes_push(&f->lanes, w, NOW);
    return w;
}

static uint32_t taken(struct fixture *f, uint64_t session)
{
    uint32_t count = 0;
    const struct work *before = NULL;
    for (const struct work *w = f->to.first; w != NULL; w = w->next) {
        if (w->session_no == session) {
            assert_true(before == NULL || before < w); /* in the order in which they came */
            before = w;
            count++;
        }
    }
    return count;
}

static void who_is_alone_fills_a_batch(void **state)
{
    (void)state;
    struct fixture *f = fixture();
    for (uint32_t i = 0; i < 400; i++) {
        come(f, 7, ENTRIES);
    }
    lanes_take(&f->lanes, &f->to, 30000, NOW);
    assert_int_equal(taken(f, 7), 300);
    assert_int_equal(f->lanes.bytes, 100 * BYTES);
    work_list_init(&f->to);
    lanes_take(&f->lanes, &f->to, 30000, NOW);
    assert_int_equal(taken(f, 7), 100);
    assert_int_equal(f->lanes.bytes, 0);
}

static void who_brings_little_has_his_turn_in_the_next_batch(void **state)
{
    (void)state;
    struct fixture *f = fixture();
    for (uint32_t i = 0; i < 400; i++) {
        come(f, 7, ENTRIES);
    }
    come(f, 8, 1);
    lanes_take(&f->lanes, &f->to, 30000, NOW);
    assert_int_equal(taken(f, 8), 1);
    assert_int_equal(taken(f, 7), 10); /* 10 x (100 + 10) is the first above a turn */
    assert_true(10 * (ENTRIES + LANES_SEAL_COST) >= LANES_TURN);
}

static void signatures_count_as_entries(void **state)
{
    (void)state;
    struct fixture *f = fixture();
    for (uint32_t i = 0; i < 1000; i++) {
        come(f, 7, 1);
    }
    come(f, 8, 1);
    lanes_take(&f->lanes, &f->to, 30000, NOW);
    assert_int_equal(taken(f, 7), 94); /* 94 x 11 is the first above 1,024 */
    assert_int_equal(taken(f, 8), 1);
}

static void after_a_while_alone_a_batch_is_filled_again(void **state)
{
    (void)state;
    struct fixture *f = fixture();
    for (uint32_t i = 0; i < 400; i++) {
        come(f, 7, ENTRIES);
    }
    lanes_share(&f->lanes, NOW); /* an own write */
    lanes_take(&f->lanes, &f->to, 30000, NOW + LANES_SHARED_MS - 1);
    assert_int_equal(taken(f, 7), 10);
    work_list_init(&f->to);
    lanes_take(&f->lanes, &f->to, 30000, NOW + LANES_SHARED_MS);
    assert_int_equal(taken(f, 7), 300);
}

static void nobody_is_passed_over_when_a_batch_is_full(void **state)
{
    (void)state;
    struct fixture *f = fixture();
    for (uint32_t i = 0; i < 1200; i++) {
        come(f, i % 3, ENTRIES);
    }
    uint32_t all[3] = {0};
    for (uint32_t round = 0; round < 30; round++) {
        work_list_init(&f->to);
        lanes_take(&f->lanes, &f->to, 1500, NOW); /* less than two turns */
        assert_int_equal(f->to.entries, 1500);
        for (uint64_t s = 0; s < 3; s++) {
            all[s] += taken(f, s);
        }
    }
    for (uint32_t s = 0; s < 3; s++) {
        assert_true(all[s] >= 120); /* 450 in all */
    }
}

static void a_work_larger_than_a_batch_is_taken_alone(void **state)
{
    (void)state;
    struct fixture *f = fixture();
    come(f, 1, 500);
    come(f, 2, 500);
    lanes_take(&f->lanes, &f->to, 100, NOW);
    assert_int_equal(taken(f, 1) + taken(f, 2), 1);
    assert_non_null(lanes_pop(&f->lanes));
    assert_null(lanes_pop(&f->lanes));
    assert_int_equal(f->lanes.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_fills_a_batch),
        cmocka_unit_test(who_brings_little_has_his_turn_in_the_next_batch),
        cmocka_unit_test(signatures_count_as_entries),
        cmocka_unit_test(after_a_while_alone_a_batch_is_filled_again),
        cmocka_unit_test(nobody_is_passed_over_when_a_batch_is_full),
        cmocka_unit_test(a_work_larger_than_a_batch_is_taken_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
