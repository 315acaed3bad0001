/* The strict msgpack reader and the writer: canonical forms only, no belief in counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/limits.h"
#include "proto/pack.h"

struct form {
    const char *hex;
    enum tris_err err;
};

static struct span unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t len = strlen(hex) / 2;
    assert_true(len <= cap);
    assert_true(tris_unhex(span_str(hex), out, len));
    return span_of(out, len);
}

static void each_form_is_judged(void **state)
{
    (void)state;
    static const struct form forms[] = {
        {"00", TRIS_OK},
        {"7f", TRIS_OK},
        {"cc80", TRIS_OK},
        {"cc7f", TRIS_ERR_NOT_CANONICAL},
        {"cd00ff", TRIS_ERR_NOT_CANONICAL},
        {"cd0100", TRIS_OK},
        {"ce0000ffff", TRIS_ERR_NOT_CANONICAL},
        {"cf00000000ffffffff", TRIS_ERR_NOT_CANONICAL},
        {"cf0000000100000000", TRIS_OK},
        {"ff", TRIS_OK},
        {"d0df", TRIS_OK},
        {"d0e0", TRIS_ERR_NOT_CANONICAL},
        {"d001", TRIS_ERR_NOT_CANONICAL},
        {"d1ff7f", TRIS_OK},
        {"d1ff80", TRIS_ERR_NOT_CANONICAL},
        {"d38000000000000000", TRIS_OK},
        {"c0", TRIS_OK},
        {"c1", TRIS_ERR_BAD_TYPE},
        {"c2", TRIS_OK},
        {"ca00000000", TRIS_ERR_BAD_TYPE},
        {"cb0000000000000000", TRIS_ERR_BAD_TYPE},
        {"d40000", TRIS_ERR_BAD_TYPE},
        {"c70000", TRIS_ERR_BAD_TYPE},
        {"a161", TRIS_OK},
        {"d90161", TRIS_ERR_NOT_CANONICAL},
        {"a2c328", TRIS_ERR_BAD_UTF8},
        {"c40161", TRIS_OK},
        {"c5000161", TRIS_ERR_NOT_CANONICAL},
        {"80", TRIS_OK},
        {"8201000200", TRIS_OK},
        {"8202000100", TRIS_ERR_NOT_CANONICAL},
        {"8201000100", TRIS_ERR_NOT_CANONICAL},
        {"82a16100a2616200", TRIS_OK},
        {"82a2616200a16100", TRIS_ERR_NOT_CANONICAL},
        {"820100a16100", TRIS_ERR_NOT_CANONICAL},
        {"81c000", TRIS_ERR_BAD_TYPE},
        {"9000", TRIS_ERR_TRAILING},
        {"91", TRIS_ERR_TRUNCATED},
        {"dd00000001", TRIS_ERR_NOT_CANONICAL},
        {"ddff000000", TRIS_ERR_TOO_LARGE},
        {"df00ffffff", TRIS_ERR_TOO_LARGE},
        {"dc00ff00", TRIS_ERR_TRUNCATED},
        {"", TRIS_ERR_TRUNCATED},
        {"919191919191919190", TRIS_ERR_TOO_DEEP},
        {"9191919191919190", TRIS_OK},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t bytes[64];
        enum tris_err err = pack_check(unhex(forms[i].hex, bytes, sizeof bytes), PACK_CANONICAL);
        if (err != forms[i].err) {
            fail_msg("%s: %s", forms[i].hex, tris_err_name(err));
        }
    }
}

static void key_order_can_be_waived_for_the_control_socket(void **state)
{
    (void)state;
    uint8_t bytes[16];
    assert_int_equal(pack_check(unhex("82a2616200a16100", bytes, 16), PACK_ANY_KEY_ORDER), TRIS_OK);
}

static void integers_come_back_in_their_shortest_form(void **state)
{
    (void)state;
    for (int shift = 0; shift < 64; shift++) {
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t value = (UINT64_C(1) << shift) + (uint64_t)delta;
            uint8_t bytes[16];
            struct wbuf w = wbuf_of(bytes, sizeof bytes);
            pack_write_uint(&w, value);
            assert_int_equal(pack_check(wbuf_span(&w), PACK_CANONICAL), TRIS_OK);
            struct rbuf r = rbuf_of(wbuf_span(&w));
            assert_true(pack_read_uint(&r) == value);
            int64_t negative = -(int64_t)(value >> 1) - 1;
            w = wbuf_of(bytes, sizeof bytes);
            pack_write_int(&w, negative);
            assert_int_equal(pack_check(wbuf_span(&w), PACK_CANONICAL), TRIS_OK);
            r = rbuf_of(wbuf_span(&w));
            assert_true(pack_read_int(&r) == negative);
        }
    }
}

/* Fills `bytes` with one of everything and returns what was written. */
static struct span write_sample(uint8_t *bytes, size_t cap)
{
    struct wbuf w = wbuf_of(bytes, cap);
    pack_write_map(&w, 3);
    pack_write_uint(&w, 1);
    pack_write_str(&w, span_str("K\xc3\xb6ln"));
    pack_write_uint(&w, 2);
    pack_write_array(&w, 3);
    pack_write_bool(&w, true);
    pack_write_nil(&w);
    pack_write_int(&w, -77);
    pack_write_uint(&w, 300);
    pack_write_bin(&w, "\x00\xff", 2);
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static void every_truncation_and_a_trailing_byte_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct span sample = write_sample(bytes, sizeof bytes);
    assert_int_equal(pack_check(sample, PACK_CANONICAL), TRIS_OK);
    for (size_t len = 0; len < sample.len; len++) {
        assert_int_not_equal(pack_check(span_of(bytes, len), PACK_CANONICAL), TRIS_OK);
    }
    assert_int_equal(pack_check(span_of(bytes, sample.len + 1), PACK_CANONICAL), TRIS_ERR_TRAILING);
}

static void a_full_writer_fails_and_stays_where_it_was(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct span sample = write_sample(bytes, sizeof bytes);
    for (size_t cap = 0; cap < sample.len; cap++) {
        uint8_t small[64];
        struct wbuf w = wbuf_of(small, cap);
        pack_write_str(&w, span_str("0123456789012345678901234567890123456789012345678901234"));
        pack_write_uint(&w, UINT64_MAX);
        assert_int_equal(w.err, TRIS_ERR_NO_SPACE);
        assert_true(w.len <= cap);
    }
}

static void counts_and_lengths_have_their_limits(void **state)
{
    (void)state;
    uint8_t bytes[2 * TRIS_CONTAINER_ITEMS_MAX + 16];
    for (uint32_t items = TRIS_CONTAINER_ITEMS_MAX; items <= TRIS_CONTAINER_ITEMS_MAX + 1;
         items++) {
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        pack_write_array(&w, items);
        for (uint32_t i = 0; i < items; i++) {
            pack_write_uint(&w, 0);
        }
        assert_int_equal(pack_check(wbuf_span(&w), PACK_CANONICAL),
                         items > TRIS_CONTAINER_ITEMS_MAX ? TRIS_ERR_TOO_LARGE : TRIS_OK);
    }
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    pack_write_str(&w, span_str("four"));
    struct rbuf r = rbuf_of(wbuf_span(&w));
    assert_int_equal(pack_read_str(&r, 4).len, 4);
    r = rbuf_of(wbuf_span(&w));
    assert_int_equal(pack_read_str(&r, 3).len, 0);
    assert_int_equal(r.err, TRIS_ERR_TOO_LARGE);
}

static void random_bytes_never_crash_and_what_passes_is_walked_whole(void **state)
{
    (void)state;
    uint8_t seed[randombytes_SEEDBYTES] = {7};
    uint8_t bytes[48];
    for (uint32_t round = 0; round < 200000; round++) {
        memcpy(seed, &round, sizeof round);
        randombytes_buf_deterministic(bytes, sizeof bytes, seed);
        bytes[0] = (uint8_t)(0x80 + bytes[0] % 32);
        struct rbuf r = rbuf_of(span_of(bytes, sizeof bytes));
        struct span value = pack_read_any(&r, PACK_CANONICAL);
        if (r.err == TRIS_OK) {
            assert_int_equal(pack_check(value, PACK_CANONICAL), TRIS_OK);
            assert_int_equal(value.len, r.pos);
        }
    }
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_judged),
        cmocka_unit_test(key_order_can_be_waived_for_the_control_socket),
        cmocka_unit_test(integers_come_back_in_their_shortest_form),
        cmocka_unit_test(every_truncation_and_a_trailing_byte_are_refused),
        cmocka_unit_test(a_full_writer_fails_and_stays_where_it_was),
        cmocka_unit_test(counts_and_lengths_have_their_limits),
        cmocka_unit_test(random_bytes_never_crash_and_what_passes_is_walked_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
