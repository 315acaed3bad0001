/* daemon/limits: what a setting means, and that a paced stream keeps to its rate. */
#include "daemon/limits.h"

#include "tests/lib/testlib.h"

static void printed_limits_are_read_again(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "paused",
                                        "rate=8192",
                                        "hours=20-6",
                                        "rate=1073741824 hours=0-1 paused",
                                        "hours=6-24 paused",
                                        "rate=8192 paused",
                                        "rate=65536 hours=23-22"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct limits l;
        char out[LIMITS_TEXT_BYTES];
        assert_int_equal(limits_parse(span_str(texts[i]), &l), TRIS_OK);
        assert_string_equal(limits_print(&l, out), texts[i]);
    }
}

static void other_texts_limit_nothing_and_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "rate=",      "rate=8191",      "rate=1073741825",  "rate=99999999999999999999",
        "hours=24-6", "hours=6-25",     "hours=6-6",        "hours=6",
        "hours=-6",   "hours=006-7",    "paused ",          " paused",
        "pause",      "paused paused2", "rate=8192,paused", "hours=6-7x",
        "rate=-8192",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct limits l = {.rate = 1, .from = 1, .to = 2, .paused = true};
        if (limits_parse(span_str(texts[i]), &l) != TRIS_ERR_INVALID) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
        assert_true(l.rate == 0 && l.from == 0 && l.to == 0 && !l.paused);
    }
}

static void hours_may_go_over_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *hours;
        uint32_t inside[3], outside[3];
    } rows[] = {
        {"20-6", {20, 0, 5}, {6, 12, 19}},
        {"6-20", {6, 12, 19}, {20, 0, 5}},
        {"20-24", {20, 22, 23}, {0, 1, 19}},
        {"20-0", {20, 22, 23}, {0, 1, 19}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limits l = {0};
        assert_int_equal(limits_hours_parse(span_str(rows[i].hours), &l), TRIS_OK);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(limits_allow(&l, rows[i].inside[k]), TRIS_OK);
            assert_int_equal(limits_allow(&l, rows[i].outside[k]), TRIS_ERR_HOURS);
        }
        l.paused = true;
        assert_int_equal(limits_allow(&l, rows[i].inside[0]), TRIS_ERR_PAUSED);
    }
    struct limits always = {.from = 5, .to = 6};
    char text[LIMITS_TEXT_BYTES];
    assert_int_equal(limits_hours_parse(span_str("0-24"), &always), TRIS_OK);
    for (uint32_t hour = 0; hour < 24; hour++) {
        assert_int_equal(limits_allow(&always, hour), TRIS_OK);
    }
    assert_string_equal(limits_hours_text(&always, text), "");
    struct limits kept = {.from = 5, .to = 6};
    assert_int_equal(limits_hours_parse(span_str("7-"), &kept), TRIS_ERR_INVALID);
    assert_true(kept.from == 5 && kept.to == 6);
}

/* Whatever is moved in whatever pieces: never more than the rate, the burst and one piece. */
static void a_paced_stream_keeps_to_its_rate(void **state)
{
    (void)state;
    const uint64_t rate = 100000, start = 5000000;
    for (size_t piece = 1; piece <= 262144; piece *= 8) {
        struct pace p = {0};
        uint64_t moved = 0, now = start;
        while (now < start + 60000) {
            uint64_t wait = pace_wait(&p, now);
            if (wait > 0) {
                now += wait;
                continue;
            }
            uint64_t allowed = (now - start + LIMITS_BURST_MS) * rate / 1000 + piece;
            pace_spend(&p, rate, piece, now);
            moved += piece;
            assert_true(moved <= allowed);
        }
        assert_true(piece < 512 || moved >= 60 * rate - piece); /* and no less: a piece a ms */
    }
}

static void what_was_not_used_is_not_kept_for_long(void **state)
{
    (void)state;
    struct pace p = {0};
    pace_spend(&p, 8192, 8192, 0);
    assert_int_equal(pace_wait(&p, 0), 1000);
    assert_int_equal(pace_wait(&p, 999), 1);
    assert_int_equal(pace_wait(&p, 1000), 0);
    pace_spend(&p, 8192, 16384, 100000000); /* after a long rest: a second of it */
    assert_int_equal(pace_wait(&p, 100000000), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_limits_are_read_again),
        cmocka_unit_test(other_texts_limit_nothing_and_are_refused),
        cmocka_unit_test(hours_may_go_over_midnight),
        cmocka_unit_test(a_paced_stream_keeps_to_its_rate),
        cmocka_unit_test(what_was_not_used_is_not_kept_for_long),
    };
    return cmocka_run_group_tests_name("daemon_limits", tests, NULL, NULL);
}
