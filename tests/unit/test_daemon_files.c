/* The limit of open files: raised as far as is needed and allowed, never lowered. */
#include "tests/lib/testlib.h"

#include <sys/resource.h>

#include "daemon/files.h"

enum { HARD = 900 }; /* as low as these tests make it */

static struct rlimit limits(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit;
}

static int lower(void **state)
{
    (void)state;
    const struct rlimit limit = {100, HARD};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return 0;
}

static void the_soft_limit_is_raised_to_what_is_needed(void **state)
{
    (void)state;
    assert_int_equal(files_raise(99), 100);
    assert_int_equal(files_raise(100), 100);
    assert_int_equal(limits().rlim_cur, 100);
    assert_int_equal(files_raise(101), 101);
    assert_int_equal(limits().rlim_cur, 101);
    assert_int_equal(limits().rlim_max, HARD);
}

static void the_hard_limit_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(files_raise(HARD + 1), HARD);
    assert_int_equal(limits().rlim_cur, HARD);
    assert_int_equal(limits().rlim_max, HARD);
    assert_int_equal(files_raise(UINT64_MAX), HARD);
    assert_int_equal(files_raise(1), HARD);
    assert_int_equal(limits().rlim_cur, HARD);
}

static void more_peers_need_more_files(void **state)
{
    (void)state;
    static const struct config none;
    static struct config some;
    some.inbound_max = 512;
    some.dial_max = 64;
    assert_int_equal(files_needed(&some), files_needed(&none) + 576);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_soft_limit_is_raised_to_what_is_needed, lower),
        cmocka_unit_test_setup(the_hard_limit_is_the_end, lower),
        cmocka_unit_test(more_peers_need_more_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
