/* Log lines: one event, one line, whatever a value holds. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/log.h"

struct fixture {
    struct log log;
    int pipe[2];
    char text[8192];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(pipe(f->pipe), 0);
    log_init(&f->log, LOG_INFO, LOG_JOURNAL);
    f->log.fd = f->pipe[1];
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->pipe[0]);
    close(f->pipe[1]);
    free(f);
    return 0;
}

/* What has been logged; a mark shows that nothing is left unread. */
static const char *logged(struct fixture *f)
{
    assert_int_equal(write(f->pipe[1], "!", 1), 1);
    ssize_t len = read(f->pipe[0], f->text, sizeof f->text - 1);
    assert_true(len >= 1);
    f->text[len - 1] = '\0';
    return f->text;
}

static void fields_are_written_with_the_journals_priority(void **state)
{
    struct fixture *f = *state;
    LOG(&f->log, LOG_WARN, "peer_open", log_text("house", "koeln"), log_number("session", 7));
    assert_string_equal(logged(f), "<4>peer_open house=koeln session=7\n");
}

static void events_are_kept_without_what_somebody_wrote(void **state)
{
    struct fixture *f = *state;
    static struct log_recent recent[LOG_RECENT_MAX];
    log_set_level(&f->log, LOG_ERROR); /* what is written does not matter */
    assert_int_equal(log_recent_copy(&f->log, recent), 0);
    LOG(&f->log, LOG_DEBUG, "too_fine", log_text("reason", "closed"));
    LOG(&f->log, LOG_WARN, "peer_closed", log_text("house", "koeln"), log_text("reason", "closed"));
    LOG(&f->log, LOG_INFO, "opened", log_text("path", "/srv/tris/secret"));
    assert_int_equal(log_recent_copy(&f->log, recent), 2);
    assert_string_equal(recent[0].event, "peer_closed");
    assert_string_equal(recent[0].reason, "closed");
    assert_int_equal(recent[0].level, LOG_WARN);
    assert_string_equal(recent[1].event, "opened");
    assert_string_equal(recent[1].reason, "");
    for (int i = 0; i < LOG_RECENT_MAX; i++) {
        LOG(&f->log, LOG_INFO, i == 0 ? "oldest" : "newer", log_number("i", 1));
    }
    assert_int_equal(log_recent_copy(&f->log, recent), LOG_RECENT_MAX);
    assert_string_equal(recent[0].event, "oldest");
    assert_string_equal(recent[LOG_RECENT_MAX - 1].event, "newer");
    LOG(&f->log, LOG_INFO, "one_more", log_number("i", 1));
    assert_int_equal(log_recent_copy(&f->log, recent), LOG_RECENT_MAX);
    assert_string_equal(recent[0].event, "newer");
    assert_string_equal(recent[LOG_RECENT_MAX - 1].event, "one_more");
}

static void a_reader_that_has_stopped_does_not_stop_the_daemon(void **state)
{
    struct fixture *f = *state;
    alarm(20); /* without the check this would wait for ever */
    for (int i = 0; i < 5000; i++) {
        LOG(&f->log, LOG_INFO, "an_event_of_some_length", log_number("i", (uint64_t)i));
    }
    alarm(0);
}

static void levels_below_the_set_one_are_silent(void **state)
{
    struct fixture *f = *state;
    LOG(&f->log, LOG_DEBUG, "a", log_number("n", 1));
    assert_string_equal(logged(f), "");
    log_set_level(&f->log, LOG_DEBUG);
    LOG(&f->log, LOG_DEBUG, "a", log_number("n", 1));
    assert_string_equal(logged(f), "<7>a n=1\n");
}

static void a_value_cannot_forge_a_line_or_a_field(void **state)
{
    struct fixture *f = *state;
    LOG(&f->log, LOG_INFO, "a", log_text("v", "x\n<0>forged key=1"));
    const char *text = logged(f);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_true(strncmp(text, "<6>a v=\"", 8) == 0);
    LOG(&f->log, LOG_INFO, "a", log_text("v", "\" w=\"1"));
    assert_string_equal(logged(f), "<6>a v=\"\\\" w=\\\"1\"\n");
    LOG(&f->log, LOG_INFO, "a", log_text("v", ""));
    assert_string_equal(logged(f), "<6>a v=\"\"\n");
}

static void json_lines_are_one_object(void **state)
{
    struct fixture *f = *state;
    atomic_store(&f->log.format, LOG_JSON);
    LOG(&f->log, LOG_ERROR, "a", log_text("v", "\"\\\x01"), log_number("n", UINT64_MAX));
    const char *text = logged(f);
    assert_non_null(strstr(text, "\"level\":\"error\",\"event\":\"a\",\"v\":\"\\\""));
    assert_non_null(strstr(text, ",\"n\":18446744073709551615}\n"));
    for (const char *p = text; *p != '\n'; p++) {
        assert_true((uint8_t)*p >= ' ');
    }
}

static void a_line_that_is_too_long_is_cut_at_a_field(void **state)
{
    struct fixture *f = *state;
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    LOG(&f->log, LOG_INFO, "a", log_text("first", "1"), log_text("big", big));
    assert_string_equal(logged(f), "<6>a first=1\n");
}

static void times_are_rfc_3339_in_utc(void **state)
{
    char text[CLOCK_TEXT_BYTES];
    (void)state;
    clock_text(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_text(UINT64_C(1582979696789), text);
    assert_string_equal(text, "2020-02-29T12:34:56.789Z");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(fields_are_written_with_the_journals_priority),
        CASE(events_are_kept_without_what_somebody_wrote),
        CASE(a_reader_that_has_stopped_does_not_stop_the_daemon),
        CASE(levels_below_the_set_one_are_silent),
        CASE(a_value_cannot_forge_a_line_or_a_field),
        CASE(json_lines_are_one_object),
        CASE(a_line_that_is_too_long_is_cut_at_a_field),
        CASE(times_are_rfc_3339_in_utc),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
