/* Envelopes of the control socket. */
#include "proto/ctlmsg.h"

#include <sodium.h>
#include <stdlib.h>

#include "tests/lib/testlib.h"

static struct span sample_params(struct wbuf *w)
{
    pack_write_map(w, 3);
    pack_write_cstr(w, "scope");
    pack_write_cstr(w, "local");
    pack_write_cstr(w, "kind");
    pack_write_cstr(w, "partner");
    pack_write_cstr(w, "limit");
    pack_write_uint(w, 20);
    assert_int_equal(w->err, TRIS_OK);
    return wbuf_span(w);
}

static void a_request_reads_back(void **state)
{
    (void)state;
    uint8_t params[128], bytes[256];
    struct wbuf p = wbuf_of(params, sizeof params), w = wbuf_of(bytes, sizeof bytes);
    struct span map = sample_params(&p);
    ctl_write_request(&w, 7, "record.list", map);
    struct ctl_message m;
    assert_int_equal(ctl_message_read(wbuf_span(&w), &m), TRIS_OK);
    assert_int_equal(m.type, CTL_REQUEST);
    assert_int_equal(m.id, 7);
    assert_int_equal(m.size, w.len);
    assert_true(span_eq(m.method, span_str("record.list")));
    assert_true(span_eq(m.params, map));
}

static void cut_anywhere_a_message_waits_for_more(void **state)
{
    (void)state;
    uint8_t params[128], bytes[256];
    struct wbuf p = wbuf_of(params, sizeof params), w = wbuf_of(bytes, sizeof bytes);
    ctl_write_request(&w, 70000, "record.list", sample_params(&p));
    struct ctl_message m;
    struct ctl_scan scan = {0};
    size_t size = 0;
    for (size_t len = 0; len < w.len; len++) {
        uint8_t *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        assert_int_equal(ctl_message_read(span_of(copy, len), &m), TRIS_ERR_TRUNCATED);
        assert_int_equal(ctl_scan_next(&scan, span_of(copy, len), &size), TRIS_ERR_TRUNCATED);
        free(copy);
    }
    assert_int_equal(ctl_scan_next(&scan, wbuf_span(&w), &size), TRIS_OK);
    assert_int_equal(size, w.len);
}

static void a_second_message_behind_the_first_is_left_alone(void **state)
{
    (void)state;
    uint8_t bytes[256], map[1] = {0x80};
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    ctl_write_result(&w, 1, span_of(map, 1));
    size_t first = w.len;
    ctl_write_error(&w, 2, TRIS_ERR_EXISTS, ctl_exit_code(TRIS_ERR_EXISTS), "there is one", NULL,
                    "tris partner show koeln-1", "name");
    struct ctl_message m;
    assert_int_equal(ctl_message_read(wbuf_span(&w), &m), TRIS_OK);
    assert_int_equal(m.size, first);
    assert_int_equal(m.type, CTL_ANSWER);
    assert_true(m.error.len == 1 && m.error.ptr[0] == 0xc0);
    assert_true(m.result.len == 1 && m.result.ptr[0] == 0x80);
    assert_int_equal(ctl_message_read(span_of(bytes + first, w.len - first), &m), TRIS_OK);
    assert_int_equal(m.id, 2);
    struct span text;
    uint64_t number = 0;
    assert_int_equal(pack_check(m.error, PACK_CANONICAL), TRIS_OK);
    assert_true(ctl_get_text(m.error, "code", &text));
    assert_true(span_eq(text, span_str(tris_err_name(TRIS_ERR_EXISTS))));
    assert_true(ctl_get_uint(m.error, "exit", &number) && number == 5);
    assert_true(ctl_get_text(m.error, "field", &text) && span_eq(text, span_str("name")));
    assert_int_equal(ctl_map_get(m.error, "unchanged").len, 0);
    assert_false(ctl_get_text(m.error, "exit", &text));
    assert_true(m.result.len == 1 && m.result.ptr[0] == 0xc0);
}

struct bytes_case {
    const char *hex;
    enum tris_err err;
};

static void malformed_envelopes_are_refused(void **state)
{
    (void)state;
    static const struct bytes_case cases[] = {
        {"94 00 01 a1 61 90", TRIS_OK},                    /* no params */
        {"93 02 a1 61 91 80", TRIS_OK},                    /* notification */
        {"94 00 01 a1 61 91 82 a162 01 a161 02", TRIS_OK}, /* keys in any order */
        {"94 01 01 c0 80", TRIS_OK},
        {"c0", TRIS_ERR_BAD_TYPE},
        {"80", TRIS_ERR_BAD_TYPE},
        {"90", TRIS_ERR_BAD_VALUE},
        {"91 00", TRIS_ERR_BAD_VALUE},
        {"94 03 01 a1 61 90", TRIS_ERR_BAD_VALUE},
        {"93 00 01 a1 61", TRIS_ERR_BAD_VALUE},
        {"94 02 a1 61 90 c0", TRIS_ERR_BAD_VALUE},
        {"95 00 01 a1 61 90 c0", TRIS_ERR_TOO_LARGE},
        {"94 00 a1 61 a1 61 90", TRIS_ERR_BAD_TYPE},
        {"94 00 01 01 90", TRIS_ERR_BAD_TYPE},
        {"94 00 01 a1 61 80", TRIS_ERR_BAD_TYPE},    /* params no array */
        {"94 00 01 a1 61 91 90", TRIS_ERR_BAD_TYPE}, /* of no map */
        {"94 00 01 a1 61 92 80 80", TRIS_ERR_TOO_LARGE},
        {"94 00 01 a1 ff 90", TRIS_ERR_BAD_UTF8},
        {"94 00 01 a1 61 91 81 a161 cb0000000000000000", TRIS_ERR_BAD_TYPE}, /* float */
        {"c1", TRIS_ERR_BAD_TYPE},
        {"c6 ffffffff", TRIS_ERR_TOO_LARGE},
        {"dd ffffffff", TRIS_ERR_TOO_LARGE},
        {"91 91 91 91 91 91 91 91 91 c0", TRIS_ERR_TOO_DEEP},
        {"94 01 00 91 91 91 91 91 91 91 90 c0", TRIS_ERR_TOO_DEEP}, /* empty, and one too deep */
        {"", TRIS_ERR_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[64];
        size_t len = test_unhex(cases[i].hex, bytes, sizeof bytes);
        struct ctl_message m;
        enum tris_err err = ctl_message_read(span_of(bytes, len), &m);
        if (err != cases[i].err) {
            fail_msg("%s: %s", cases[i].hex, tris_err_text(err));
        }
        assert_int_equal(m.size, err == TRIS_OK ? len : 0);
    }
}

/* A message that can no longer end within the limit is refused, not waited for. */
static void what_exceeds_the_limit_is_not_waited_for(void **state)
{
    (void)state;
    uint8_t *bytes = calloc(1, TRIS_CTL_BYTES_MAX);
    assert_non_null(bytes);
    struct wbuf w = wbuf_of(bytes, TRIS_CTL_BYTES_MAX);
    pack_write_array(&w, 4);
    pack_write_uint(&w, 0);
    pack_write_uint(&w, 1);
    pack_write_cstr(&w, "a");
    wbuf_u8(&w, 0xc6);
    wbuf_u32(&w, TRIS_CTL_BYTES_MAX);
    struct ctl_scan scan = {0};
    size_t size = 0;
    assert_int_equal(ctl_scan_next(&scan, wbuf_span(&w), &size), TRIS_ERR_TRUNCATED);
    assert_int_equal(ctl_scan_next(&scan, span_of(bytes, TRIS_CTL_BYTES_MAX), &size),
                     TRIS_ERR_TOO_LARGE);
    free(bytes);
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    struct test_rng rng = {5};
    uint8_t params[128], good[256];
    struct wbuf p = wbuf_of(params, sizeof params), w = wbuf_of(good, sizeof good);
    ctl_write_request(&w, 1, "record.list", sample_params(&p));
    for (int i = 0; i < 50000; i++) {
        uint8_t *bytes = malloc(w.len);
        assert_non_null(bytes);
        memcpy(bytes, good, w.len);
        for (int n = 0; n < 3; n++) {
            bytes[test_rng_below(&rng, w.len)] = (uint8_t)test_rng_next(&rng);
        }
        struct ctl_message m;
        if (ctl_message_read(span_of(bytes, w.len), &m) == TRIS_OK) {
            assert_true(m.size <= w.len);
            (void)ctl_map_get(m.params, "limit");
        }
        free(bytes);
    }
}

static void maps_are_looked_up_by_key(void **state)
{
    (void)state;
    static const char *const all[] = {"kind", "limit", "scope", NULL};
    static const char *const some[] = {"kind", "limit", NULL};
    uint8_t params[128];
    struct wbuf p = wbuf_of(params, sizeof params);
    struct span map = sample_params(&p), unknown = span_of(NULL, 0), text;
    uint64_t number = 0;
    bool flag = false;
    assert_int_equal(ctl_map_only(map, all, &unknown), TRIS_OK);
    assert_int_equal(ctl_map_only(map, some, &unknown), TRIS_ERR_INVALID);
    assert_true(span_eq(unknown, span_str("scope")));
    assert_true(ctl_get_text(map, "kind", &text) && span_eq(text, span_str("partner")));
    assert_true(ctl_get_uint(map, "limit", &number) && number == 20);
    assert_false(ctl_get_bool(map, "limit", &flag));
    assert_false(ctl_get_uint(map, "lim", &number));
    assert_int_equal(ctl_map_get(map, "").len, 0);
    assert_int_equal(ctl_map_get(span_of(NULL, 0), "kind").len, 0);
    static const uint8_t no_map[] = {0x91, 0x01};
    assert_int_equal(ctl_map_get(span_of(no_map, 2), "kind").len, 0);
}

static void every_error_has_an_exit_code(void **state)
{
    (void)state;
    assert_int_equal(ctl_exit_code(TRIS_OK), 0);
    for (int err = 1; err < TRIS_ERR_COUNT; err++) {
        int code = ctl_exit_code((enum tris_err)err);
        assert_in_range(code, 1, 21);
    }
    assert_int_equal(ctl_exit_code(TRIS_ERR_INVALID), 2);
    assert_int_equal(ctl_exit_code(TRIS_ERR_NOT_FOUND), 4);
    assert_int_equal(ctl_exit_code(TRIS_ERR_AMBIGUOUS), 5);
    assert_int_equal(ctl_exit_code(TRIS_ERR_NOT_INIT), 10);
    assert_int_equal(ctl_exit_code(TRIS_ERR_IN_USE), 12);
    assert_int_equal(ctl_exit_code(TRIS_ERR_CORRUPT), 14);
    assert_int_equal(ctl_exit_code(TRIS_ERR_TIMEOUT), 20);
    assert_int_equal(ctl_exit_code(TRIS_ERR_WRONG_KEY), 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reads_back),
        cmocka_unit_test(cut_anywhere_a_message_waits_for_more),
        cmocka_unit_test(a_second_message_behind_the_first_is_left_alone),
        cmocka_unit_test(malformed_envelopes_are_refused),
        cmocka_unit_test(what_exceeds_the_limit_is_not_waited_for),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(maps_are_looked_up_by_key),
        cmocka_unit_test(every_error_has_an_exit_code),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
