/* Key files: what is printed is read back, and nothing else is read. */
#include "tests/lib/testlib.h"

#include <sodium.h>

#include "proto/keyfile.h"

/* RFC 8032 section 7.1, test 1 */
static const char identity_line[] =
    "tris-identity-1 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60 "
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\n";
/* any secret; its public half was computed with a ladder of RFC 7748 written in Python */
static const char transport_line[] =
    "tris-transport-1 77076d0a7318a57d3c16c17251b26645c6c2f92f9a0b7c1f3f6e7a8d5e4b3c2a "
    "df8c503bfd478a35e89aadcfb6549f10fb0264155c12d050f3d180c178984155\n";

static enum tris_err parse(bool identity, const char *text, size_t len)
{
    struct tris_sign_secret sign;
    struct noise_keypair dh;
    return identity ? keyfile_identity_parse(span_of(text, len), &sign)
                    : keyfile_transport_parse(span_of(text, len), &dh);
}

static void a_line_is_read_and_printed_alike(void **state)
{
    (void)state;
    struct tris_sign_secret sign;
    struct noise_keypair dh;
    char line[KEYFILE_BYTES_MAX];
    assert_int_equal(keyfile_identity_parse(span_str(identity_line), &sign), TRIS_OK);
    assert_int_equal(keyfile_identity_print(&sign, line, sizeof line), TRIS_OK);
    assert_string_equal(line, identity_line);
    assert_int_equal(keyfile_transport_parse(span_str(transport_line), &dh), TRIS_OK);
    assert_int_equal(keyfile_transport_print(&dh, line, sizeof line), TRIS_OK);
    assert_string_equal(line, transport_line);
}

static void check_damage(bool identity, const char *good)
{
    char text[KEYFILE_BYTES_MAX + 1];
    size_t len = strlen(good);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(parse(identity, good, cut), TRIS_ERR_BAD_KEY);
    }
    memcpy(text, good, len);
    text[len] = '\n';
    assert_int_equal(parse(identity, text, len + 1), TRIS_ERR_BAD_KEY);
    for (size_t bit = 0; bit < len * 8; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        if (parse(identity, text, len) == TRIS_OK) {
            /* X25519 ignores five bits of a secret (RFC 7748 section 5): the same key */
            size_t digit = bit / 8 - strlen("tris-transport-1 ");
            assert_true(!identity && (digit == 1 || digit == 62 || digit == 0));
        }
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    assert_int_equal(parse(identity, text, len), TRIS_OK);
}

static void a_truncated_longer_or_flipped_line_is_refused(void **state)
{
    (void)state;
    check_damage(true, identity_line);
    check_damage(false, transport_line);
}

static void one_kind_of_key_is_not_read_as_the_other(void **state)
{
    (void)state;
    assert_int_equal(parse(true, transport_line, strlen(transport_line)), TRIS_ERR_BAD_KEY);
    assert_int_equal(parse(false, identity_line, strlen(identity_line)), TRIS_ERR_BAD_KEY);
}

static void a_refused_line_leaves_no_secret_behind(void **state)
{
    (void)state;
    struct tris_sign_secret sign;
    char text[KEYFILE_BYTES_MAX];
    memcpy(text, identity_line, sizeof identity_line);
    text[sizeof identity_line - 3] = 'b'; /* in the public half */
    memset(&sign, 0xff, sizeof sign);
    assert_int_equal(keyfile_identity_parse(span_str(text), &sign), TRIS_ERR_BAD_KEY);
    assert_true(sodium_is_zero(sign.b, sizeof sign.b));
}

static void printing_needs_room_for_the_line_and_its_nul(void **state)
{
    (void)state;
    struct tris_sign_secret sign;
    char line[sizeof identity_line];
    assert_int_equal(keyfile_identity_parse(span_str(identity_line), &sign), TRIS_OK);
    assert_int_equal(keyfile_identity_print(&sign, line, sizeof line - 1), TRIS_ERR_NO_SPACE);
    assert_int_equal(keyfile_identity_print(&sign, line, sizeof line), TRIS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_and_printed_alike),
        cmocka_unit_test(a_truncated_longer_or_flipped_line_is_refused),
        cmocka_unit_test(one_kind_of_key_is_not_read_as_the_other),
        cmocka_unit_test(a_refused_line_leaves_no_secret_behind),
        cmocka_unit_test(printing_needs_room_for_the_line_and_its_nul),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
