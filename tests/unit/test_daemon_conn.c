/* Dialling: a name with several addresses is tried at each of them. */
#include "tests/lib/testlib.h"

#include <netdb.h>

#include "daemon/conn_int.h"

static void each_address_of_a_name_has_its_turn(void **state)
{
    struct addrinfo list[3] = {{.ai_family = 1}, {.ai_family = 2}, {.ai_family = 3}};
    (void)state;
    list[0].ai_next = &list[1];
    list[1].ai_next = &list[2];
    for (uint32_t turn = 0; turn < 7; turn++) {
        assert_ptr_equal(conn_pick_address(list, turn), &list[turn % 3]);
    }
    assert_ptr_equal(conn_pick_address(&list[2], UINT32_MAX), &list[2]);
    assert_null(conn_pick_address(NULL, 0));
    assert_null(conn_pick_address(NULL, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_address_of_a_name_has_its_turn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
