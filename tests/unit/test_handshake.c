/* Noise handshakes, transport ciphers and the gate: what must fail, fails; see also test_noise. */
#include "tests/lib/testlib.h"

#include <sodium.h>

#include "proto/noise.h"

struct pair {
    struct noise_keypair s[2], e[2];
    uint8_t psk[32];
    struct noise_handshake hs[2];
    struct noise_transport t[2];
};

static const char prologue[] = "prologue";

static void make_keypair(struct test_rng *rng, struct noise_keypair *out)
{
    struct tris_dh_secret secret;
    test_rng_bytes(rng, secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, out);
}

static void start(struct pair *p, enum noise_pattern pattern, uint64_t seed)
{
    struct test_rng rng = {seed};
    const uint8_t *psk = pattern == NOISE_IKPSK1 ? p->psk : NULL;
    memset(p, 0, sizeof *p);
    test_rng_bytes(&rng, p->psk, sizeof p->psk);
    for (int i = 0; i < 2; i++) {
        make_keypair(&rng, &p->s[i]);
        make_keypair(&rng, &p->e[i]);
    }
    for (int i = 0; i < 2; i++) {
        const struct tris_dh_pub *rs = i == 0 && pattern != NOISE_XX ? &p->s[1].pub : NULL;
        assert_int_equal(
            noise_init(&p->hs[i], pattern, i == 0, span_str(prologue), &p->s[i], &p->e[i], rs, psk),
            TRIS_OK);
    }
}

/* Writes the next message of the side whose turn it is. */
static struct span write_next(struct pair *p, int from, const char *payload, uint8_t *buf,
                              size_t cap)
{
    struct wbuf out = wbuf_of(buf, cap);
    assert_int_equal(noise_write(&p->hs[from], span_str(payload), &out), TRIS_OK);
    return wbuf_span(&out);
}

static enum tris_err read_next(struct pair *p, int to, struct span message, const char *expected)
{
    uint8_t buf[512];
    struct wbuf out = wbuf_of(buf, sizeof buf);
    enum tris_err err = noise_read(&p->hs[to], message, &out);
    if (err == TRIS_OK) {
        assert_true(span_eq(wbuf_span(&out), span_str(expected)));
    }
    return err;
}

static void run(struct pair *p, enum noise_pattern pattern)
{
    uint8_t buf[512];
    int messages = pattern == NOISE_XX ? 3 : 2;
    start(p, pattern, 7);
    for (int i = 0; i < messages; i++) {
        assert_false(noise_done(&p->hs[0]));
        struct span m = write_next(p, i % 2, "hello", buf, sizeof buf);
        assert_int_equal(read_next(p, 1 - i % 2, m, "hello"), TRIS_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(noise_done(&p->hs[i]));
    }
    assert_memory_equal(p->hs[1].rs.b, p->s[0].pub.b, 32);
    noise_split(&p->hs[0], &p->t[0]);
    noise_split(&p->hs[1], &p->t[1]);
}

static void every_pattern_ends_with_equal_hashes_and_crossed_keys(void **state)
{
    (void)state;
    for (int pattern = NOISE_IK; pattern <= NOISE_XX; pattern++) {
        struct pair p;
        run(&p, (enum noise_pattern)pattern);
        assert_memory_equal(p.t[0].handshake_hash, p.t[1].handshake_hash, 64);
        assert_memory_equal(p.t[0].send.key, p.t[1].recv.key, 32);
        assert_memory_equal(p.t[0].recv.key, p.t[1].send.key, 32);
        assert_memory_not_equal(p.t[0].recv.key, p.t[0].send.key, 32);
    }
}

static void split_wipes_the_handshake(void **state)
{
    (void)state;
    struct pair p;
    run(&p, NOISE_IKPSK1);
    assert_true(sodium_is_zero((const uint8_t *)&p.hs[0], sizeof p.hs[0]));
    assert_true(sodium_is_zero((const uint8_t *)&p.hs[1], sizeof p.hs[1]));
}

static void message_1_is_refused_when_truncated_at_any_byte(void **state)
{
    (void)state;
    struct pair p;
    uint8_t buf[512];
    start(&p, NOISE_IK, 1);
    struct span m = write_next(&p, 0, "", buf, sizeof buf);
    assert_int_equal(m.len, 32 + 48 + 16);
    for (size_t len = 0; len < m.len; len++) {
        struct pair q;
        start(&q, NOISE_IK, 1);
        enum tris_err err = read_next(&q, 1, span_of(buf, len), "");
        assert_true(err == TRIS_ERR_TRUNCATED || err == TRIS_ERR_DECRYPT);
        assert_true(sodium_is_zero((const uint8_t *)&q.hs[1], sizeof q.hs[1]));
    }
}

/* Each read starts anew: the ephemeral key's top bit is ignored by X25519, but it is hashed. */
static void a_flipped_bit_in_any_byte_ends_the_handshake(void **state)
{
    (void)state;
    for (int pattern = NOISE_IK; pattern <= NOISE_IKPSK1; pattern++) {
        for (int message = 0; message < 2; message++) {
            size_t len = 1;
            for (size_t at = 0; at < len; at++) {
                struct pair p;
                uint8_t buf[512];
                start(&p, (enum noise_pattern)pattern, 2);
                struct span m = write_next(&p, 0, "data", buf, sizeof buf);
                if (message == 1) {
                    assert_int_equal(read_next(&p, 1, m, "data"), TRIS_OK);
                    m = write_next(&p, 1, "data", buf, sizeof buf);
                }
                len = m.len;
                buf[at] = (uint8_t)(buf[at] ^ (1U << (at % 7 + 1)));
                assert_int_equal(read_next(&p, 1 - message, m, "data"), TRIS_ERR_DECRYPT);
            }
        }
    }
}

static void another_prologue_key_or_psk_does_not_decrypt(void **state)
{
    (void)state;
    uint8_t buf[512], psk[32] = {1};
    struct pair p;
    start(&p, NOISE_IK, 3);
    struct span m = write_next(&p, 0, "", buf, sizeof buf);
    assert_int_equal(
        noise_init(&p.hs[1], NOISE_IK, false, span_str("Prologue"), &p.s[1], &p.e[1], NULL, NULL),
        TRIS_OK);
    assert_int_equal(read_next(&p, 1, m, ""), TRIS_ERR_DECRYPT);
    assert_int_equal(
        noise_init(&p.hs[1], NOISE_IK, false, span_str(prologue), &p.s[0], &p.e[1], NULL, NULL),
        TRIS_OK);
    assert_int_equal(read_next(&p, 1, m, ""), TRIS_ERR_DECRYPT);
    start(&p, NOISE_IKPSK1, 3);
    m = write_next(&p, 0, "", buf, sizeof buf);
    assert_int_equal(
        noise_init(&p.hs[1], NOISE_IKPSK1, false, span_str(prologue), &p.s[1], &p.e[1], NULL, psk),
        TRIS_OK);
    assert_int_equal(read_next(&p, 1, m, ""), TRIS_ERR_DECRYPT);
}

static void a_key_of_low_order_ends_the_handshake(void **state)
{
    (void)state;
    struct pair p;
    uint8_t message[96] = {0}; /* the all-zero ephemeral key */
    start(&p, NOISE_IK, 4);
    assert_int_equal(read_next(&p, 1, span_of(message, sizeof message), ""), TRIS_ERR_HANDSHAKE);
    assert_false(noise_done(&p.hs[1]));
}

static void nothing_is_read_or_written_out_of_turn_or_after_an_error(void **state)
{
    (void)state;
    struct pair p;
    uint8_t buf[512];
    struct wbuf out = wbuf_of(buf, sizeof buf);
    start(&p, NOISE_IK, 5);
    assert_int_equal(noise_write(&p.hs[1], span_str(""), &out), TRIS_ERR_NOT_READY);
    assert_int_equal(noise_write(&p.hs[1], span_str(""), &out), TRIS_ERR_NOT_READY);
    assert_int_equal(out.len, 0);
    start(&p, NOISE_IK, 5);
    (void)write_next(&p, 0, "", buf, sizeof buf);
    out = wbuf_of(buf, sizeof buf);
    assert_int_equal(noise_write(&p.hs[0], span_str(""), &out), TRIS_ERR_NOT_READY);
}

static void a_missing_or_surplus_key_is_refused(void **state)
{
    (void)state;
    struct pair p;
    start(&p, NOISE_IK, 6);
    struct noise_handshake hs;
    assert_int_equal(noise_init(&hs, NOISE_IK, true, span_str(""), &p.s[0], &p.e[0], NULL, NULL),
                     TRIS_ERR_REQUIRED);
    assert_int_equal(
        noise_init(&hs, NOISE_IKPSK1, false, span_str(""), &p.s[0], &p.e[0], NULL, NULL),
        TRIS_ERR_REQUIRED);
    assert_int_equal(
        noise_init(&hs, (enum noise_pattern)9, false, span_str(""), &p.s[0], &p.e[0], NULL, NULL),
        TRIS_ERR_HANDSHAKE);
    assert_int_equal(
        noise_init(&hs, (enum noise_pattern)0, false, span_str(""), &p.s[0], &p.e[0], NULL, NULL),
        TRIS_ERR_HANDSHAKE);
}

static void a_buffer_one_byte_short_is_refused(void **state)
{
    (void)state;
    struct pair p;
    uint8_t buf[96];
    start(&p, NOISE_IK, 8);
    struct wbuf out = wbuf_of(buf, sizeof buf - 1);
    assert_int_equal(noise_write(&p.hs[0], span_str(""), &out), TRIS_ERR_NO_SPACE);
    start(&p, NOISE_IK, 8);
    out = wbuf_of(buf, sizeof buf);
    assert_int_equal(noise_write(&p.hs[0], span_str(""), &out), TRIS_OK);
}

static void transport_messages_open_once_and_in_order(void **state)
{
    (void)state;
    struct pair p;
    uint8_t a[32], b[32], plain[32];
    run(&p, NOISE_IK);
    assert_int_equal(noise_encrypt(&p.t[0].send, span_str("one"), a), TRIS_OK);
    assert_int_equal(noise_encrypt(&p.t[0].send, span_str("two"), b), TRIS_OK);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(b, 19), plain), TRIS_ERR_DECRYPT);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(a, 19), plain), TRIS_OK);
    assert_memory_equal(plain, "one", 3);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(a, 19), plain), TRIS_ERR_DECRYPT);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(b, 15), plain), TRIS_ERR_TRUNCATED);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(b, 19), b), TRIS_OK); /* in place */
    assert_memory_equal(b, "two", 3);
}

static void the_last_nonce_is_never_used(void **state)
{
    (void)state;
    struct pair p;
    uint8_t sealed[32], plain[32];
    run(&p, NOISE_IK);
    p.t[0].send.nonce = p.t[1].recv.nonce = UINT64_MAX - 1;
    assert_int_equal(noise_encrypt(&p.t[0].send, span_str("x"), sealed), TRIS_OK);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(sealed, 17), plain), TRIS_OK);
    assert_int_equal(noise_encrypt(&p.t[0].send, span_str("x"), sealed), TRIS_ERR_NOT_READY);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(sealed, 17), plain), TRIS_ERR_DECRYPT);
}

static void a_message_is_at_most_65535_bytes(void **state)
{
    (void)state;
    static uint8_t plain[TRIS_FRAME_BYTES_MAX], sealed[TRIS_FRAME_BYTES_MAX + 1];
    const size_t max = TRIS_FRAME_BYTES_MAX - TRIS_AEAD_TAG_BYTES;
    struct pair p;
    run(&p, NOISE_IK);
    assert_int_equal(noise_encrypt(&p.t[0].send, span_of(plain, max + 1), sealed),
                     TRIS_ERR_TOO_LARGE);
    assert_int_equal(noise_encrypt(&p.t[0].send, span_of(plain, max), sealed), TRIS_OK);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(sealed, sizeof sealed), plain),
                     TRIS_ERR_TOO_LARGE);
    assert_int_equal(noise_decrypt(&p.t[1].recv, span_of(sealed, TRIS_FRAME_BYTES_MAX), plain),
                     TRIS_OK);
}

static void the_gate_depends_on_pattern_message_and_key(void **state)
{
    (void)state;
    uint8_t key[32] = {1}, other[32] = {2}, a[16], b[16], expected[16];
    noise_gate(1, span_str("message"), key, a);
    noise_gate(1, span_str("message"), key, b);
    assert_memory_equal(a, b, 16);
    noise_gate(2, span_str("message"), key, b);
    assert_memory_not_equal(a, b, 16);
    noise_gate(1, span_str("messagf"), key, b);
    assert_memory_not_equal(a, b, 16);
    noise_gate(1, span_str("message"), other, b);
    assert_memory_not_equal(a, b, 16);
    /* computed with Python's hashlib.blake2b(key=, person=) */
    assert_int_equal(test_unhex("ed7c64bc0ed297583c8c36f34eb2b070", expected, 16), 16);
    assert_memory_equal(a, expected, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pattern_ends_with_equal_hashes_and_crossed_keys),
        cmocka_unit_test(split_wipes_the_handshake),
        cmocka_unit_test(message_1_is_refused_when_truncated_at_any_byte),
        cmocka_unit_test(a_flipped_bit_in_any_byte_ends_the_handshake),
        cmocka_unit_test(another_prologue_key_or_psk_does_not_decrypt),
        cmocka_unit_test(a_key_of_low_order_ends_the_handshake),
        cmocka_unit_test(nothing_is_read_or_written_out_of_turn_or_after_an_error),
        cmocka_unit_test(a_missing_or_surplus_key_is_refused),
        cmocka_unit_test(a_buffer_one_byte_short_is_refused),
        cmocka_unit_test(transport_messages_open_once_and_in_order),
        cmocka_unit_test(the_last_nonce_is_never_used),
        cmocka_unit_test(a_message_is_at_most_65535_bytes),
        cmocka_unit_test(the_gate_depends_on_pattern_message_and_key),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
