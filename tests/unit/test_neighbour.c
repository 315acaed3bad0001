/* proto/neighbour: draws are bounded, fair, and reach whoever may be dialled. */
#include "tests/lib/testlib.h"

#include <stdlib.h>

#include "proto/neighbour.h"

enum { MEMBERS_MAX = 10000, STATES = 16 };

struct world {
    uint64_t seed;
    uint32_t looks;
    enum neighbour_ready ready[MEMBERS_MAX];
    uint64_t at_ms[MEMBERS_MAX];
    uint32_t drawn[MEMBERS_MAX];
};

static uint32_t random_below(void *ctx, uint32_t below)
{
    struct world *w = ctx;
    w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((w->seed >> 33) % below);
}

static enum neighbour_ready ready(void *ctx, uint32_t index, uint64_t *at_ms)
{
    struct world *w = ctx;
    w->looks++;
    *at_ms = w->at_ms[index];
    return w->ready[index];
}

static uint32_t distance(void *ctx, uint32_t index)
{
    (void)ctx;
    return index % STATES;
}

static const struct neighbour_io io = {random_below, ready, distance};

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->seed = 7;
    return w;
}

static void a_draw_is_bounded_at_any_size(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 2, NEIGHBOUR_STEPS, NEIGHBOUR_STEPS + 1, MEMBERS_MAX};
    struct world *w = world_new();
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        w->ready[i] = NEIGHBOUR_NEVER;
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t next = UINT64_MAX;
        w->looks = 0;
        assert_int_equal(neighbour_draw(&io, w, counts[i], i % 2 == 0, &next), NEIGHBOUR_NONE);
        assert_int_equal(w->looks, counts[i] < NEIGHBOUR_STEPS ? counts[i] : NEIGHBOUR_STEPS);
        assert_true(next == UINT64_MAX);
    }
    free(w);
}

static void of_few_members_each_is_looked_at(void **state)
{
    (void)state;
    struct world *w = world_new();
    for (uint32_t only = 0; only < NEIGHBOUR_STEPS; only++) {
        for (uint32_t i = 0; i < NEIGHBOUR_STEPS; i++) {
            w->ready[i] = i == only ? NEIGHBOUR_READY : NEIGHBOUR_NEVER;
        }
        uint64_t next = UINT64_MAX;
        assert_int_equal(neighbour_draw(&io, w, NEIGHBOUR_STEPS, only % 2 == 0, &next), only);
    }
    free(w);
}

static void the_earliest_who_waits_is_told(void **state)
{
    (void)state;
    struct world *w = world_new();
    for (uint32_t i = 0; i < 10; i++) {
        w->ready[i] = NEIGHBOUR_LATER;
        w->at_ms[i] = 1000 - i;
    }
    uint64_t next = UINT64_MAX;
    assert_int_equal(neighbour_draw(&io, w, 10, false, &next), NEIGHBOUR_NONE);
    assert_int_equal(next, 991);
    next = 5; /* something else is due before */
    assert_int_equal(neighbour_draw(&io, w, 10, false, &next), NEIGHBOUR_NONE);
    assert_int_equal(next, 5);
    free(w);
}

/* Nobody is drawn much more often than others: 20 times each on the average. */
static void draws_are_spread_over_all(void **state)
{
    (void)state;
    static const uint32_t counts[] = {40, 2000};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct world *w = world_new();
        uint64_t next = UINT64_MAX;
        for (uint32_t i = 0; i < 20 * counts[c]; i++) {
            w->drawn[neighbour_draw(&io, w, counts[c], false, &next)]++;
        }
        for (uint32_t i = 0; i < counts[c]; i++) {
            assert_in_range(w->drawn[i], 1, 60);
        }
        free(w);
    }
}

/* The nearest sixteenth of the members is found by most draws, at random it would be one in 16. */
static void near_ones_are_near(void **state)
{
    (void)state;
    struct world *w = world_new();
    uint64_t next = UINT64_MAX;
    uint32_t near = 0, far = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        near += neighbour_draw(&io, w, MEMBERS_MAX, true, &next) % STATES == 0 ? 1 : 0;
        far += neighbour_draw(&io, w, MEMBERS_MAX, false, &next) % STATES == 0 ? 1 : 0;
    }
    assert_in_range(near, 500, 1000);
    assert_in_range(far, 30, 120);
    assert_false(neighbour_is_near(0)); /* with one neighbour, a far one */
    assert_true(neighbour_is_near(1));
    assert_false(neighbour_is_near(2));
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_draw_is_bounded_at_any_size),
        cmocka_unit_test(of_few_members_each_is_looked_at),
        cmocka_unit_test(the_earliest_who_waits_is_told),
        cmocka_unit_test(draws_are_spread_over_all),
        cmocka_unit_test(near_ones_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
