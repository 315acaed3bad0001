/* proto/day: which day it is in Germany. */
#include "proto/day.h"

#include <stdlib.h>
#include <time.h>

#include "tests/lib/testlib.h"

static uint32_t at(uint64_t seconds)
{
    return day_berlin(seconds * 1000);
}

static void test_a_day_ends_an_hour_or_two_before_utc(void **state)
{
    (void)state;
    assert_int_equal(at(0), 19700101);
    assert_int_equal(at(1767221999), 20251231); /* 2025-12-31T22:59:59Z */
    assert_int_equal(at(1767222000), 20260101);
    assert_int_equal(at(1782856799), 20260630); /* 2026-06-30T21:59:59Z */
    assert_int_equal(at(1782856800), 20260701);
    assert_int_equal(at(1709247600), 20240301); /* 2024-02-29T23:00:00Z */
    assert_int_equal(at(1709247599), 20240229);
}

/* Every hour of 45 years, against the C library's table of the same rule. */
static void test_summer_time_is_that_of_the_posix_rule(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
    tzset();
    for (uint64_t hour = 0; hour < (uint64_t)24 * 366 * 45; hour++) {
        const time_t seconds = (time_t)(UINT64_C(820454400) + hour * 3600); /* from 1996 on */
        struct tm tm;
        assert_non_null(localtime_r(&seconds, &tm));
        const int day = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
        assert_int_equal(hour_berlin((uint64_t)seconds * 1000), tm.tm_hour);
        if (at((uint64_t)seconds) != (uint32_t)day) {
            fail_msg("%lld: %u, not %d", (long long)seconds, (unsigned)at((uint64_t)seconds), day);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_ends_an_hour_or_two_before_utc),
        cmocka_unit_test(test_summer_time_is_that_of_the_posix_rule),
    };
    return cmocka_run_group_tests_name("day", tests, NULL, NULL);
}
