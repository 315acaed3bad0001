/* proto/penalty: back-off doubles to its limit, penalties grow and end, storms are refused. */
#include "tests/lib/testlib.h"

#include "proto/penalty.h"

enum { NOW = 1000000, MOST = PENALTY_BACKOFF_MS_MAX };

/* The least and the greatest wait that chance can give. */
static void assert_waits(const struct penalty *before, uint32_t whole_ms)
{
    static const uint32_t chances[] = {0, 1, 77, UINT32_MAX / 2, UINT32_MAX};
    for (size_t i = 0; i < sizeof chances / sizeof chances[0]; i++) {
        struct penalty p = *before;
        penalty_later(&p, NOW, chances[i], MOST);
        assert_in_range(p.dial_ms, NOW + whole_ms / 2 + 1, NOW + whole_ms + 1);
    }
    struct penalty p = *before;
    penalty_later(&p, NOW, whole_ms / 2, MOST);
    assert_int_equal(p.dial_ms, NOW + whole_ms + 1);
}

static void failures_wait_twice_as_long_each_time(void **state)
{
    (void)state;
    struct penalty p = {0};
    uint32_t ms = PENALTY_BACKOFF_MS;
    for (int i = 0; i < 40; i++) {
        assert_waits(&p, ms);
        penalty_later(&p, NOW, 5, MOST);
        ms = ms > MOST / 2 ? (uint32_t)MOST : 2 * ms;
    }
    assert_int_equal(ms, MOST);
    penalty_shorten(&p);
    assert_waits(&p, PENALTY_BACKOFF_MS);
}

static void first_dials_are_spread(void **state)
{
    (void)state;
    struct penalty p = {0};
    penalty_plan(&p, NOW, 0);
    assert_int_equal(p.dial_ms, NOW + PENALTY_BACKOFF_MS / 4 + 1);
    penalty_plan(&p, NOW, PENALTY_BACKOFF_MS / 4);
    assert_int_equal(p.dial_ms, NOW + PENALTY_BACKOFF_MS / 2 + 1);
    penalty_plan(&p, 0, 0);
    assert_true(p.dial_ms > 0); /* 0 would say: not planned */
    penalty_at_once(&p, NOW);
    assert_int_equal(p.dial_ms, NOW);
    penalty_later(&p, NOW, 0, MOST);
    penalty_offended(&p);
    penalty_replan(&p);
    assert_int_equal(p.dial_ms, 0);
    assert_int_equal(p.backoff_ms, 0);
    assert_int_equal(p.offences, 1);
}

static void offences_in_a_row_cost_up_to_an_hour(void **state)
{
    (void)state;
    struct penalty p = {0};
    uint32_t ms = PENALTY_OFFENCE_MS;
    for (int i = 0; i < 40; i++) {
        penalty_shorten(&p);
        penalty_offended(&p);
        assert_waits(&p, ms);
        ms = ms > PENALTY_OFFENCE_MS_MAX / 2 ? (uint32_t)PENALTY_OFFENCE_MS_MAX : 2 * ms;
    }
    assert_int_equal(ms, PENALTY_OFFENCE_MS_MAX);
    p.offences = UINT32_MAX;
    penalty_offended(&p);
    assert_waits(&p, PENALTY_OFFENCE_MS_MAX);
    penalty_lasted(&p, PENALTY_GOOD_MS + 1, false);
    assert_waits(&p, PENALTY_BACKOFF_MS);
}

static void a_long_failure_is_not_shortened_by_an_offence(void **state)
{
    (void)state;
    struct penalty p = {.backoff_ms = MOST};
    penalty_offended(&p);
    assert_waits(&p, MOST);
}

static void only_good_sessions_that_last_clear(void **state)
{
    (void)state;
    const struct penalty bad = {.backoff_ms = 800, .offences = 5};
    struct penalty p = bad;
    penalty_lasted(&p, PENALTY_GOOD_MS, false);
    assert_int_equal(p.backoff_ms, 800);
    assert_int_equal(p.offences, 5);
    penalty_lasted(&p, PENALTY_GOOD_MS + 1, true);
    assert_int_equal(p.backoff_ms, 0);
    assert_int_equal(p.offences, 5);
    penalty_lasted(&p, PENALTY_OFFENCE_MS_MAX, true);
    assert_int_equal(p.offences, 5);
    p = bad;
    penalty_lasted(&p, PENALTY_OFFENCE_MS_MAX + 1, true);
    assert_int_equal(p.offences, 0);
    p = bad;
    penalty_lasted(&p, PENALTY_GOOD_MS + 1, false);
    assert_int_equal(p.backoff_ms, 0);
    assert_int_equal(p.offences, 0);
}

static void offenders_wait_outside_as_long_as_they_are_not_dialled(void **state)
{
    (void)state;
    struct penalty p = {0};
    for (int i = 1; i <= PENALTY_OFFENCES_MAX; i++) {
        penalty_offended(&p);
        penalty_later(&p, NOW, 0, MOST);
        assert_int_equal(penalty_refuses(&p, NOW), i == PENALTY_OFFENCES_MAX);
    }
    assert_true(penalty_refuses(&p, p.dial_ms - 1));
    assert_false(penalty_refuses(&p, p.dial_ms));
    penalty_at_once(&p, NOW); /* a person wants to talk to it */
    assert_false(penalty_refuses(&p, NOW));
}

static void storms_of_sessions_are_refused_for_a_minute(void **state)
{
    (void)state;
    struct penalty p = {0};
    for (int i = 0; i < PENALTY_OPENS_MAX; i++) {
        penalty_dialled_by(&p, NOW + (uint64_t)i);
        assert_false(penalty_refuses(&p, NOW));
    }
    penalty_dialled_by(&p, NOW + PENALTY_OPENS_MS - 1);
    assert_true(penalty_refuses(&p, NOW));
    penalty_dialled_by(&p, NOW + PENALTY_OPENS_MS);
    assert_false(penalty_refuses(&p, NOW));
}

static void ends_that_blame_nobody_are_no_offence(void **state)
{
    (void)state;
    static const enum tris_err innocent[] = {
        TRIS_OK,          TRIS_ERR_CLOSED, TRIS_ERR_TIMEOUT,  TRIS_ERR_DUPLICATE, TRIS_ERR_BUSY,
        TRIS_ERR_GOODBYE, TRIS_ERR_SELF,   TRIS_ERR_STOPPING, TRIS_ERR_DISK_FULL};
    static const enum tris_err bad[] = {TRIS_ERR_BAD_ROOT, TRIS_ERR_DECRYPT, TRIS_ERR_FLOOD,
                                        TRIS_ERR_CREDIT, TRIS_ERR_WRONG_KEY};
    for (size_t i = 0; i < sizeof innocent / sizeof innocent[0]; i++) {
        assert_false(penalty_is_offence(innocent[i], false));
        assert_false(penalty_is_offence(innocent[i], true));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(penalty_is_offence(bad[i], false));
        assert_false(penalty_is_offence(bad[i], true)); /* it blames us */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_wait_twice_as_long_each_time),
        cmocka_unit_test(first_dials_are_spread),
        cmocka_unit_test(offences_in_a_row_cost_up_to_an_hour),
        cmocka_unit_test(a_long_failure_is_not_shortened_by_an_offence),
        cmocka_unit_test(only_good_sessions_that_last_clear),
        cmocka_unit_test(offenders_wait_outside_as_long_as_they_are_not_dialled),
        cmocka_unit_test(storms_of_sessions_are_refused_for_a_minute),
        cmocka_unit_test(ends_that_blame_nobody_are_no_offence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
