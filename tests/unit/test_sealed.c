/* Text sealed with a passphrase: opens with that one only, and nothing else is read. */
#include "tests/lib/testlib.h"

#include <sodium.h>
#include <stdio.h>

#include "proto/sealed.h"

#define SALT "00112233445566778899aabbccddeeff"
#define NONCE "000102030405060708090a0b0c0d0e0f1011121314151617"
#define TAG "000102030405060708090a0b0c0d0e0f"

enum { TEXT_BYTES = 1024 };

/* The least that Argon2id takes: these tests are about the text. */
static struct sealed cheap(void)
{
    struct sealed head = {.ops = 1, .mem = SEALED_MEM_MIN};
    memset(head.salt, 1, sizeof head.salt);
    memset(head.nonce, 2, sizeof head.nonce);
    return head;
}

static enum tris_err open_text(struct span text, const char *passphrase, char out[TEXT_BYTES])
{
    struct sealed sealed;
    size_t len = 0;
    memset(out, 'x', TEXT_BYTES);
    enum tris_err err = sealed_parse(text, &sealed);
    if (err == TRIS_OK) {
        err = sealed_open(&sealed, passphrase, (uint8_t *)out, TEXT_BYTES - 1, &len);
    }
    if (err == TRIS_OK) {
        out[len] = '\0';
    }
    return err;
}

static void what_was_sealed_opens_with_its_passphrase_only(void **state)
{
    (void)state;
    struct sealed head = cheap();
    char text[TEXT_BYTES], plain[TEXT_BYTES];
    assert_int_equal(sealed_print(&head, "correct horse", span_str("secret\n"), text, sizeof text),
                     TRIS_OK);
    assert_true(sealed_is(span_str(text)));
    assert_null(strstr(text, "secret"));
    assert_int_equal(open_text(span_str(text), "correct horse", plain), TRIS_OK);
    assert_string_equal(plain, "secret\n");
    static const char *const wrong[] = {"", "correct hors", "correct horse ", "Correct horse"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(open_text(span_str(text), wrong[i], plain), TRIS_ERR_DECRYPT);
        assert_true(sodium_is_zero((const uint8_t *)plain, 7 + SEALED_TAG_BYTES));
    }
}

/* Salt, nonce and ciphertext, each digit; and the costs, which are authenticated by the key. */
static void no_digit_can_be_changed(void **state)
{
    (void)state;
    struct sealed head = cheap();
    char text[TEXT_BYTES], plain[TEXT_BYTES];
    assert_int_equal(sealed_print(&head, "correct horse", span_str("secret"), text, sizeof text),
                     TRIS_OK);
    for (size_t i = 0; i + 1 < strlen(text); i++) {
        char was = text[i];
        text[i] = was == '1' ? '2' : '1';
        assert_int_not_equal(open_text(span_str(text), "correct horse", plain), TRIS_OK);
        text[i] = was;
    }
    assert_int_equal(open_text(span_str(text), "correct horse", plain), TRIS_OK);
}

/* The costs are not paid here: a line is judged before anything is derived. */
static void a_malformed_line_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "tris-sealed-1 argon2id ",
        "tris-sealed-1 argon2id \n",
        "tris-sealed-2 argon2id 3 1048576 " SALT " " NONCE " " TAG "\n",
        "tris-sealed-1 argon2i 3 1048576 " SALT " " NONCE " " TAG "\n",
        "tris-sealed-1 argon2id 03 1048576 " SALT " " NONCE " " TAG "\n",
        "tris-sealed-1 argon2id 3  1048576 " SALT " " NONCE " " TAG "\n",
        "tris-sealed-1 argon2id -3 1048576 " SALT " " NONCE " " TAG "\n",
        "tris-sealed-1 argon2id 3 0x100000 " SALT " " NONCE " " TAG "\n",
        "tris-sealed-1 argon2id 3 99999999999999999999999 " SALT " " NONCE " " TAG "\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT "00 " NONCE " " TAG "\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " TAG "\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " 0001\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "0\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "xx\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "AA\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG,
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "\r\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "\n\n",
        "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "\nx",
        " tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "\n",
    };
    struct sealed sealed;
    assert_int_equal(
        sealed_parse(span_str("tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " " TAG "\n"),
                     &sealed),
        TRIS_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (sealed_parse(span_str(bad[i]), &sealed) != TRIS_ERR_BAD_VALUE) {
            fail_msg("read: %s", bad[i]);
        }
    }
}

static enum tris_err parse_costs(unsigned long long ops, unsigned long long mem)
{
    char text[TEXT_BYTES];
    struct sealed sealed;
    (void)snprintf(text, sizeof text, "tris-sealed-1 argon2id %llu %llu %s %s %s\n", ops, mem, SALT,
                   NONCE, TAG);
    enum tris_err err = sealed_parse(span_str(text), &sealed);
    if (err == TRIS_OK) {
        assert_true(sealed.ops == ops && sealed.mem == mem);
    }
    return err;
}

static void the_costs_have_bounds(void **state)
{
    (void)state;
    const unsigned long long least = SEALED_MEM_MIN, most = SEALED_MEM_MAX;
    assert_int_equal(parse_costs(1, least), TRIS_OK);
    assert_int_equal(parse_costs(SEALED_OPS_MAX, most), TRIS_OK);
    assert_int_equal(parse_costs(0, least), TRIS_ERR_BAD_VALUE);
    assert_int_equal(parse_costs(SEALED_OPS_MAX + 1, least), TRIS_ERR_BAD_VALUE);
    assert_int_equal(parse_costs(1, least - 1024), TRIS_ERR_BAD_VALUE);
    assert_int_equal(parse_costs(1, most + 1024), TRIS_ERR_BAD_VALUE);
    assert_int_equal(parse_costs(1, least + 1), TRIS_ERR_BAD_VALUE);
    char out[TEXT_BYTES];
    struct sealed head = cheap();
    head.ops = SEALED_OPS_MAX + 1;
    assert_int_equal(sealed_print(&head, "x", span_str("y"), out, sizeof out), TRIS_ERR_BAD_VALUE);
    head = cheap();
    head.mem = SEALED_MEM_MIN - 1024;
    assert_int_equal(sealed_print(&head, "x", span_str("y"), out, sizeof out), TRIS_ERR_BAD_VALUE);
    assert_int_equal(parse_costs(SEALED_OPS, SEALED_MEM), TRIS_OK);
}

/* A line of exactly the greatest length, and one digit pair more. */
static void the_length_has_a_bound(void **state)
{
    (void)state;
    static const char head[] = "tris-sealed-1 argon2id 3 1048576 " SALT " " NONCE " ";
    static char text[SEALED_BYTES_MAX + 3];
    struct sealed sealed;
    size_t at = sizeof head - 1;
    memcpy(text, head, at);
    memset(text + at, '0', sizeof text - at);
    size_t len = SEALED_BYTES_MAX - (SEALED_BYTES_MAX - at - 1) % 2;
    text[len - 1] = '\n';
    assert_int_equal(sealed_parse(span_of(text, len), &sealed), TRIS_OK);
    text[len - 1] = '0';
    text[len + 1] = '\n';
    assert_int_equal(sealed_parse(span_of(text, len + 2), &sealed), TRIS_ERR_TOO_LARGE);
}

static void no_byte_is_written_behind_the_room(void **state)
{
    (void)state;
    struct sealed head = cheap(), sealed;
    char text[TEXT_BYTES], plain[TEXT_BYTES];
    size_t need = SEALED_HEAD_BYTES_MAX + 2 * (6 + SEALED_TAG_BYTES) + 2, len;
    assert_int_equal(sealed_print(&head, "x", span_str("secret"), text, need - 1),
                     TRIS_ERR_NO_SPACE);
    assert_int_equal(sealed_print(&head, "x", span_str("secret"), text, need), TRIS_OK);
    assert_true(strlen(text) < need);
    assert_int_equal(sealed_parse(span_str(text), &sealed), TRIS_OK);
    assert_int_equal(sealed_open(&sealed, "x", (uint8_t *)plain, sealed_room(&sealed) - 1, &len),
                     TRIS_ERR_NO_SPACE);
    assert_int_equal(sealed_open(&sealed, "x", (uint8_t *)plain, sealed_room(&sealed), &len),
                     TRIS_OK);
    assert_int_equal(len, 6);
}

static void an_identity_key_comes_back_and_nothing_else_is_one(void **state)
{
    (void)state;
    struct sealed head = cheap();
    struct tris_sign_secret key, back;
    struct tris_sign_pub pub;
    char text[SEALED_KEY_BYTES_MAX], other[TEXT_BYTES];
    assert_int_equal(crypto_sign_keypair(pub.b, key.b), 0);
    assert_int_equal(sealed_identity_print(&head, "correct horse", &key, text), TRIS_OK);
    assert_int_equal(sealed_identity_open(span_str(text), "correct horse", &back), TRIS_OK);
    assert_memory_equal(&back, &key, sizeof key);
    assert_int_equal(sealed_identity_open(span_str(text), "x", &back), TRIS_ERR_DECRYPT);
    assert_true(sodium_is_zero(back.b, sizeof back.b));
    /* a backup, which is longer, and a text of no kind */
    static char large[KEYFILE_BYTES_MAX + 2];
    memset(large, 'k', sizeof large - 1);
    const char *const not_keys[] = {"", "tris-identity-1 00 00\n", large};
    for (size_t i = 0; i < sizeof not_keys / sizeof not_keys[0]; i++) {
        assert_int_equal(
            sealed_print(&head, "correct horse", span_str(not_keys[i]), other, sizeof other),
            TRIS_OK);
        assert_int_equal(sealed_identity_open(span_str(other), "correct horse", &back),
                         TRIS_ERR_BAD_KEY);
        assert_true(sodium_is_zero(back.b, sizeof back.b));
    }
}

/* Argon2id with 1 pass and 8 KiB over "password" and the salt 01..01, XSalsa20-Poly1305 with the
 * nonce 02..02: a text of this format opens for ever. */
static void an_old_text_still_opens(void **state)
{
    (void)state;
    static const char text[] =
        "tris-sealed-1 argon2id 1 8192 01010101010101010101010101010101 "
        "020202020202020202020202020202020202020202020202 "
        "6d23f9c1f7847be88acf51d029eebaf413f28b6bba629f1396fa38b44dd3587098234110bbea7e\n";
    char plain[TEXT_BYTES];
    assert_int_equal(open_text(span_str(text), "password", plain), TRIS_OK);
    assert_string_equal(plain, "a text that was sealed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_with_its_passphrase_only),
        cmocka_unit_test(no_digit_can_be_changed),
        cmocka_unit_test(a_malformed_line_is_refused),
        cmocka_unit_test(the_costs_have_bounds),
        cmocka_unit_test(the_length_has_a_bound),
        cmocka_unit_test(no_byte_is_written_behind_the_room),
        cmocka_unit_test(an_identity_key_comes_back_and_nothing_else_is_one),
        cmocka_unit_test(an_old_text_still_opens),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
