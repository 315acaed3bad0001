/* Connections that have not authenticated: who goes, at the limits and one above. */
#include "tests/lib/testlib.h"

#include "daemon/conn_int.h"
#include "daemon/half_open.h"

enum { ROOM = 400 };

struct line {
    struct conn conn[ROOM]; /* by age */
    struct conn *newest;
    uint32_t count;
};

static uint8_t said; /* what an answered one was told */

static struct conn *come(struct line *l, uint8_t origin, bool answered)
{
    assert_true(l->count < ROOM);
    struct conn *c = &l->conn[l->count++];
    c->phase = CONN_RUNNING;
    c->inbound = true;
    c->origin.bytes[0] = origin;
    c->origin.loopback = origin == 127;
    c->write_buf = answered ? &said : NULL;
    c->next = l->newest;
    l->newest = c;
    return c;
}

static struct conn *victim(struct line *l)
{
    return half_open_victim(l->newest, l->newest, false);
}

static struct line *line_new(void **state)
{
    static struct line l;
    (void)state;
    memset(&l, 0, sizeof l);
    return &l;
}

static void the_oldest_silent_one_goes_above_the_limit(void **state)
{
    struct line *l = line_new(state);
    for (uint32_t i = 0; i < HALF_OPEN_SILENT_MAX; i++) {
        come(l, 127, false);
    }
    assert_null(victim(l));
    come(l, 127, false);
    assert_ptr_equal(victim(l), &l->conn[0]);
    l->conn[0].phase = CONN_CLOSING; /* it counts no more */
    assert_null(victim(l));
}

static void replayed_first_messages_keep_no_newcomer_out(void **state)
{
    struct line *l = line_new(state);
    for (uint32_t i = 0; i < HALF_OPEN_ANSWERED_MAX; i++) {
        come(l, 127, true);
    }
    struct conn *newcomer = come(l, 127, false);
    assert_null(victim(l));
    newcomer->write_buf = &said; /* its first message has passed the gate */
    come(l, 127, false);
    assert_ptr_equal(victim(l), &l->conn[0]);
    for (uint32_t i = 1; i < HALF_OPEN_ANSWERED_MAX; i++) { /* it outlasts all that came before */
        l->conn[i - 1].phase = CONN_CLOSING;
        come(l, 127, true);
        assert_ptr_equal(victim(l), &l->conn[i]);
    }
}

static void nobody_of_one_burst_goes_before_he_was_heard(void **state)
{
    struct line *l = line_new(state);
    for (uint32_t i = 0; i < HALF_OPEN_SILENT_MAX; i++) { /* as many as the kernel keeps */
        come(l, 127, false);
        assert_null(victim(l));
    }
    l = line_new(state);
    for (uint32_t i = 0; i < HALF_OPEN_SILENT_ORIGIN; i++) { /* houses behind one address */
        come(l, 9, false);
        assert_null(victim(l));
    }
}

static void one_address_has_few_places_and_takes_none_of_others(void **state)
{
    struct line *l = line_new(state);
    come(l, 8, true);
    come(l, 8, false);
    for (uint32_t i = 0; i < HALF_OPEN_ANSWERED_ORIGIN; i++) {
        come(l, 9, true);
    }
    come(l, 9, false);
    assert_null(victim(l));
    come(l, 9, true);
    assert_ptr_equal(victim(l), &l->conn[2]);
    l->conn[2].phase = CONN_CLOSING;
    for (uint32_t i = 1; i < HALF_OPEN_SILENT_ORIGIN; i++) {
        come(l, 9, false);
        assert_null(victim(l));
    }
    struct conn *other = come(l, 7, false);
    assert_null(victim(l)); /* of others nobody goes */
    other->origin.bytes[0] = 9;
    assert_ptr_equal(victim(l), &l->conn[2 + HALF_OPEN_ANSWERED_ORIGIN]);
}

static void sessions_and_own_dials_do_not_count(void **state)
{
    struct line *l = line_new(state);
    for (uint32_t i = 0; i < HALF_OPEN_SILENT_MAX; i++) {
        come(l, 127, false)->inbound = false;
        come(l, 127, true)->phase = CONN_CLOSING;
    }
    come(l, 127, false);
    assert_null(victim(l));
}

static void with_few_files_there_are_fewer(void **state)
{
    struct line *l = line_new(state);
    for (uint32_t i = 0; i < HALF_OPEN_FEW_MAX; i++) {
        come(l, 127, true);
        come(l, 127, false);
    }
    assert_null(half_open_victim(l->newest, l->newest, true));
    come(l, 127, false);
    assert_ptr_equal(half_open_victim(l->newest, l->newest, true), &l->conn[1]);
    l->conn[1].phase = CONN_CLOSING;
    come(l, 127, true);
    assert_ptr_equal(half_open_victim(l->newest, l->newest, true), &l->conn[0]);
    assert_null(victim(l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_silent_one_goes_above_the_limit),
        cmocka_unit_test(replayed_first_messages_keep_no_newcomer_out),
        cmocka_unit_test(nobody_of_one_burst_goes_before_he_was_heard),
        cmocka_unit_test(one_address_has_few_places_and_takes_none_of_others),
        cmocka_unit_test(sessions_and_own_dials_do_not_count),
        cmocka_unit_test(with_few_files_there_are_fewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
