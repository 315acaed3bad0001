/* Invitation lines: what is printed is read back, nothing else is read, and a typo is told from an
 * old or foreign line. */
#include "tests/lib/testlib.h"

#include <stdio.h>

#include "proto/hash.h"
#include "proto/invite.h"

static void sample(struct invite *v, uint32_t addresses, const char *name)
{
    memset(v, 0, sizeof *v);
    memset(v->fed.b, 1, sizeof v->fed.b);
    memset(v->house.b, 2, sizeof v->house.b);
    memset(v->transport.b, 3, sizeof v->transport.b);
    memset(v->secret, 4, sizeof v->secret);
    v->expires_ms = 1763905200000;
    v->addr_count = addresses;
    for (uint32_t i = 0; i < addresses && i < INVITE_ADDRESSES_MAX; i++) {
        (void)snprintf(v->addr[i], sizeof v->addr[i], "haus%u.example:8747", (unsigned)i);
    }
    (void)snprintf(v->name, sizeof v->name, "%s", name);
}

static void assert_round(const struct invite *v)
{
    char text[INVITE_TEXT_BYTES_MAX + 1], again[INVITE_TEXT_BYTES_MAX + 1];
    struct invite read;
    assert_int_equal(invite_print(v, text, sizeof text), TRIS_OK);
    assert_int_equal(invite_parse(span_str(text), &read), TRIS_OK);
    assert_memory_equal(&read, v, sizeof read);
    assert_int_equal(invite_print(&read, again, sizeof again), TRIS_OK);
    assert_string_equal(again, text);
    assert_int_equal(invite_print(v, again, strlen(text)), TRIS_ERR_NO_SPACE);
}

static void a_line_is_read_as_it_was_printed(void **state)
{
    (void)state;
    struct invite v;
    for (uint32_t addresses = 1; addresses <= INVITE_ADDRESSES_MAX; addresses++) {
        sample(&v, addresses, "");
        assert_round(&v);
        sample(&v, addresses, "Häuser der Kooperation");
        assert_round(&v);
    }
}

/* 53 x 53 modules and a quiet zone of four: 61 columns and 31 lines of a terminal. */
static void a_usual_line_is_a_qr_code_of_version_nine(void **state)
{
    (void)state;
    struct invite v;
    char text[INVITE_TEXT_BYTES_MAX + 1];
    sample(&v, 1, "Häuser der Kooperation");
    assert_int_equal(invite_print(&v, text, sizeof text), TRIS_OK);
    assert_true(strlen(text) <= 335); /* alphanumeric characters at error correction L */
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-"), strlen(text));
}

static void limits_hold_at_the_limit_and_above(void **state)
{
    (void)state;
    struct invite v;
    char text[INVITE_TEXT_BYTES_MAX + 1];
    sample(&v, INVITE_ADDRESSES_MAX, "");
    for (uint32_t i = 0; i < v.addr_count; i++) { /* the longest address and name */
        memset(v.addr[i], 'a', 253);
        (void)snprintf(v.addr[i] + 253, sizeof v.addr[i] - 253, ":65535");
    }
    for (size_t i = 0; i < TRIS_NAME_CHARS_MAX; i++) {
        memcpy(v.name + 4 * i, "\xf0\x9f\x8f\xa0", 4);
    }
    assert_round(&v);
    v.addr_count = INVITE_ADDRESSES_MAX + 1;
    assert_int_equal(invite_print(&v, text, sizeof text), TRIS_ERR_INVALID);
    v.addr_count = 0;
    assert_int_equal(invite_print(&v, text, sizeof text), TRIS_ERR_INVALID);
    sample(&v, 1, "");
    (void)snprintf(v.addr[0], sizeof v.addr[0], "haus.example");
    assert_int_equal(invite_print(&v, text, sizeof text), TRIS_ERR_INVALID);
    sample(&v, 1, "zwei\nZeilen");
    assert_int_equal(invite_print(&v, text, sizeof text), TRIS_ERR_INVALID);
}

static void a_typo_a_cut_and_an_addition_are_found(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct invite v, read;
    char text[INVITE_TEXT_BYTES_MAX + 2];
    sample(&v, 1, "Haus");
    assert_int_equal(invite_print(&v, text, INVITE_TEXT_BYTES_MAX + 1), TRIS_OK);
    size_t len = strlen(text);
    for (size_t cut = INVITE_WORD_BYTES; cut < len; cut++) {
        assert_int_equal(invite_parse(span_of(text, cut), &read), TRIS_ERR_BAD_VALUE);
    }
    for (size_t at = INVITE_WORD_BYTES; at < len; at++) {
        char right = text[at];
        for (size_t i = 0; i < sizeof letters - 1; i++) {
            text[at] = letters[i];
            if (letters[i] != right) {
                assert_int_equal(invite_parse(span_str(text), &read), TRIS_ERR_BAD_VALUE);
                assert_int_equal(read.addr_count, 0);
            }
        }
        text[at] = right == 'A' ? 'a' : (char)(right | 0x20); /* lower case; digits become junk */
        if (text[at] != right) {
            assert_int_equal(invite_parse(span_str(text), &read), TRIS_ERR_BAD_VALUE);
        }
        text[at] = right;
    }
    for (const char *more = "A \n"; *more != '\0'; more++) {
        text[len] = *more;
        assert_int_equal(invite_parse(span_of(text, len + 1), &read), TRIS_ERR_BAD_VALUE);
    }
    assert_int_equal(invite_parse(span_of(text, len), &read), TRIS_OK);
    text[12] = '2';
    assert_int_equal(invite_parse(span_of(text, len), &read), TRIS_ERR_BAD_VERSION);
    assert_int_equal(invite_parse(span_str("tris-house-1"), &read), TRIS_ERR_BAD_VALUE);
    assert_int_equal(invite_parse(span_str(""), &read), TRIS_ERR_BAD_VALUE);
}

static void what_follows_from_the_secret_does_not_show_it(void **state)
{
    (void)state;
    uint8_t one[INVITE_SECRET_BYTES] = {1}, two[INVITE_SECRET_BYTES] = {2};
    uint8_t psk_one[32], psk_two[32];
    invite_psk(one, psk_one);
    invite_psk(two, psk_two);
    assert_memory_not_equal(psk_one, psk_two, 32);
    assert_true(invite_id(one) != invite_id(two) && invite_id(one) != 0);
    uint8_t id[8];
    struct wbuf w = wbuf_of(id, sizeof id);
    wbuf_u64(&w, invite_id(one));
    assert_memory_not_equal(id, psk_one, sizeof id);
    assert_memory_not_equal(id, one, sizeof id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_as_it_was_printed),
        cmocka_unit_test(a_usual_line_is_a_qr_code_of_version_nine),
        cmocka_unit_test(limits_hold_at_the_limit_and_above),
        cmocka_unit_test(a_typo_a_cut_and_an_addition_are_found),
        cmocka_unit_test(what_follows_from_the_secret_does_not_show_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
