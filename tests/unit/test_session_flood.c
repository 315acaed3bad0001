/* Requests that nothing answers and answers that nobody waits for cost as little as any small
 * message: so many a second, more is a flood. Honest requests are as many as there are logs. */
#include "tests/lib/testlib.h"

#include "tests/unit/session_hostile.h"

enum { A_SECOND = 1000 };

static struct msg range_of(const struct hostile *h, uint32_t log, uint64_t first)
{
    struct msg m = {.type = MSG_GET_RANGE};
    m.get_range.log = tris_short_of(h->w->nodes[1].logs[log].id.b);
    m.get_range.first = first;
    m.get_range.until = UINT64_MAX;
    return m;
}

/* At the limit nothing happens, in each of several seconds; one more ends the session. */
static void assert_counted(const struct msg *m, bool drained)
{
    struct hostile *h = hostile_new();
    if (!drained) {
        hostile_send(h, m); /* the first one opens the range */
    }
    for (uint32_t second = 0; second < 3; second++) {
        h->w->now_ms += 1000;
        for (uint32_t i = 0; i < A_SECOND; i++) {
            hostile_send(h, m);
            if (drained) {
                hostile_drain(h);
            }
        }
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    hostile_send(h, m);
    hostile_drain(h);
    assert_true(h->end.closed);
    assert_int_equal(h->end.close.closed.reason, TRIS_ERR_FLOOD);
    hostile_free(h);
}

static void a_log_that_is_asked_for_again_and_again(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    const struct msg m = range_of(h, 2, 0);
    hostile_free(h);
    assert_counted(&m, false);
}

static void requests_that_nothing_answers(void **state)
{
    (void)state;
    struct msg m = {.type = MSG_GET_RANGE, .get_range.log = {{9}}, .get_range.until = 5};
    assert_counted(&m, true); /* nobody's log */
    struct hostile *h = hostile_new();
    m = range_of(h, 2, UINT64_MAX - 1);
    hostile_free(h);
    assert_counted(&m, true); /* behind its end */
}

static void ends_that_nobody_waits_for(void **state)
{
    (void)state;
    const struct msg m = {.type = MSG_END, .end.log = {{9}}};
    assert_counted(&m, true);
}

static void requests_that_are_answered_are_as_many_as_one_likes(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    const struct msg m = range_of(h, 2, 0);
    for (uint32_t i = 0; i < 3 * A_SECOND; i++) {
        struct msg credit = {.type = MSG_CREDIT, .credit = {.bytes = 1000000, .segments = 1000}};
        if (i % 100 == 0) {
            hostile_send(h, &credit);
        }
        hostile_send(h, &m);
        hostile_drain(h);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    hostile_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_is_asked_for_again_and_again),
        cmocka_unit_test(requests_that_nothing_answers),
        cmocka_unit_test(ends_that_nobody_waits_for),
        cmocka_unit_test(requests_that_are_answered_are_as_many_as_one_likes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
