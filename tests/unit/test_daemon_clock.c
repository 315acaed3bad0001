/* daemon/clock: which day is today. */
#include "daemon/clock.h"

#include <stdlib.h>
#include <time.h>

#include "tests/lib/testlib.h"

static void test_today_is_germany_s_day_unless_tz_says_otherwise(void **state)
{
    (void)state;
    const uint64_t ms = UINT64_C(1767222000) * 1000; /* 2025-12-31T23:00:00Z */
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);
    tzset();
    assert_int_equal(clock_day(ms), 20251231);
    assert_int_equal(clock_hour(ms), 23);
    assert_int_equal(setenv("TZ", "", 1), 0);
    assert_int_equal(clock_day(ms), 20260101);
    assert_int_equal(unsetenv("TZ"), 0);
    assert_int_equal(clock_hour(ms), 0);
    assert_int_equal(clock_day(ms), 20260101);
    assert_in_range(clock_today(), 19700101, 99991231);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_today_is_germany_s_day_unless_tz_says_otherwise),
    };
    return cmocka_run_group_tests_name("daemon_clock", tests, NULL, NULL);
}
