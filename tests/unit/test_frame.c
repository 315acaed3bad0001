/* Frames arrive in pieces of any size, and a bad length is refused as soon as it is known. */
#include "tests/lib/testlib.h"

#include "proto/frame.h"

enum { PREFIX = 17 };

/* prefix | length | `length` bytes counting up; returns the bytes of all */
static size_t make_frame(uint8_t *out, size_t prefix, size_t length)
{
    memset(out, 0xa5, prefix);
    out[prefix] = (uint8_t)(length >> 8);
    out[prefix + 1] = (uint8_t)length;
    for (size_t i = 0; i < length; i++) {
        out[prefix + 2 + i] = (uint8_t)i;
    }
    return prefix + 2 + length;
}

static void frames_come_out_whole_for_every_size_of_piece(void **state)
{
    (void)state;
    uint8_t bytes[256];
    size_t len = 0;
    static const size_t lengths[] = {17, 40, 18};
    for (size_t i = 0; i < 3; i++) {
        len += make_frame(bytes + len, 0, lengths[i]);
    }
    for (size_t piece = 1; piece <= len; piece++) {
        struct frame_reader f;
        size_t got = 0, at = 0;
        frame_reader_init(&f, FRAME_TRANSPORT);
        while (at < len) {
            struct span in = span_of(bytes + at, piece < len - at ? piece : len - at), prefix,
                        frame;
            at += in.len;
            while (in.len > 0) {
                bool complete;
                assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), TRIS_OK);
                if (complete) {
                    assert_int_equal(prefix.len, 0);
                    assert_int_equal(frame.len, lengths[got]);
                    assert_int_equal(frame.ptr[16], 16);
                    assert_int_equal(frame_pending(&f), 0);
                    got++;
                }
            }
        }
        assert_int_equal(got, 3);
        frame_reader_fini(&f);
    }
}

static void the_first_frame_of_the_initiator_has_its_prefix(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct frame_reader f;
    bool complete;
    struct span prefix, frame;
    size_t len = make_frame(bytes, PREFIX, 96);
    len += make_frame(bytes + len, 0, 20);
    struct span in = span_of(bytes, len);
    frame_reader_init(&f, FRAME_FIRST_OF_INITIATOR);
    assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), TRIS_OK);
    assert_true(complete);
    assert_int_equal(prefix.len, PREFIX);
    assert_int_equal(prefix.ptr[0], 0xa5);
    assert_int_equal(frame.len, 96);
    assert_int_equal(in.len, 22);
    frame_reader_stage(&f, FRAME_TRANSPORT);
    assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), TRIS_OK);
    assert_true(complete);
    assert_int_equal(frame.len, 20);
    frame_reader_fini(&f);
}

static void an_incomplete_frame_is_held_and_counted(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t len = make_frame(bytes, 0, 30);
    for (size_t cut = 0; cut < len; cut++) {
        struct frame_reader f;
        bool complete;
        struct span prefix, frame, in = span_of(bytes, cut);
        frame_reader_init(&f, FRAME_TRANSPORT);
        assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), TRIS_OK);
        assert_false(complete);
        assert_int_equal(in.len, 0);
        assert_int_equal(frame_pending(&f), cut);
        frame_reader_fini(&f);
    }
}

static void check_length(enum frame_stage stage, size_t prefix_len, size_t length,
                         enum tris_err expected)
{
    static uint8_t bytes[PREFIX + 2 + TRIS_FRAME_BYTES_MAX];
    struct frame_reader f;
    bool complete;
    struct span prefix, frame;
    (void)make_frame(bytes, prefix_len, length);
    struct span in = span_of(bytes, prefix_len + 2); /* nothing behind the length */
    frame_reader_init(&f, stage);
    assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), expected);
    assert_false(complete);
    if (expected == TRIS_OK) {
        in = span_of(bytes + prefix_len + 2, length);
        assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), TRIS_OK);
        assert_true(complete);
        assert_int_equal(frame.len, length);
        assert_memory_equal(frame.ptr, bytes + prefix_len + 2, length);
        assert_ptr_equal(frame_bytes(&f), frame.ptr);
    }
    frame_reader_fini(&f);
}

static void lengths_are_checked_against_the_limits_of_the_stage(void **state)
{
    (void)state;
    static const size_t prefix[] = {PREFIX, 0, 0};
    for (int s = FRAME_FIRST_OF_INITIATOR; s <= FRAME_TRANSPORT; s++) {
        enum frame_stage stage = (enum frame_stage)s;
        check_length(stage, prefix[s], 0, TRIS_ERR_BAD_FRAME);
        check_length(stage, prefix[s], TRIS_AEAD_TAG_BYTES, TRIS_ERR_BAD_FRAME);
        check_length(stage, prefix[s], TRIS_AEAD_TAG_BYTES + 1, TRIS_OK);
    }
    check_length(FRAME_FIRST_OF_INITIATOR, PREFIX, NOISE_HANDSHAKE_BYTES_MAX, TRIS_OK);
    check_length(FRAME_FIRST_OF_INITIATOR, PREFIX, NOISE_HANDSHAKE_BYTES_MAX + 1,
                 TRIS_ERR_BAD_FRAME);
    check_length(FRAME_FIRST_OF_RESPONDER, 0, NOISE_HANDSHAKE_BYTES_MAX, TRIS_OK);
    check_length(FRAME_FIRST_OF_RESPONDER, 0, NOISE_HANDSHAKE_BYTES_MAX + 1, TRIS_ERR_BAD_FRAME);
    check_length(FRAME_TRANSPORT, 0, TRIS_FRAME_BYTES_MAX, TRIS_OK);
}

static void little_is_held_before_authentication(void **state)
{
    (void)state;
    uint8_t bytes[PREFIX + 2 + NOISE_HANDSHAKE_BYTES_MAX];
    struct frame_reader f;
    bool complete;
    struct span prefix, frame, in = span_of(bytes, make_frame(bytes, PREFIX, 1024));
    frame_reader_init(&f, FRAME_FIRST_OF_INITIATOR);
    assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), TRIS_OK);
    assert_true(complete);
    assert_true(f.cap <= sizeof bytes);
    frame_reader_fini(&f);
}

static void what_is_written_over_a_frame_does_not_reach_the_next(void **state)
{
    (void)state;
    static uint8_t bytes[4096];
    struct frame_reader f;
    bool complete;
    struct span prefix, frame;
    size_t len = 0;
    for (size_t i = 0; i < 3; i++) { /* the last one outgrows the first buffer */
        len += make_frame(bytes + len, 0, i == 2 ? 3000 : 17 + i);
    }
    struct span in = span_of(bytes, len);
    frame_reader_init(&f, FRAME_TRANSPORT);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(frame_read(&f, &in, &complete, &prefix, &frame), TRIS_OK);
        assert_true(complete);
        assert_int_equal(frame.len, i == 2 ? 3000 : 17 + i);
        memset(frame_bytes(&f), 0xff, frame.len); /* as decrypting in place does */
    }
    assert_int_equal(in.len, 0);
    frame_reader_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_whole_for_every_size_of_piece),
        cmocka_unit_test(the_first_frame_of_the_initiator_has_its_prefix),
        cmocka_unit_test(an_incomplete_frame_is_held_and_counted),
        cmocka_unit_test(lengths_are_checked_against_the_limits_of_the_stage),
        cmocka_unit_test(little_is_held_before_authentication),
        cmocka_unit_test(what_is_written_over_a_frame_does_not_reach_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
