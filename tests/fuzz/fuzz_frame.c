/* The frame reader gives the same frames however the bytes are cut, and the frames are the bytes.
 */
#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 4 * 66 * 1024;

void fuzz_setup(void)
{
}

enum { FRAMES_MAX = 64 };

struct result {
    enum tris_err err;
    size_t count, bytes;
    size_t end[FRAMES_MAX]; /* behind each frame, in the input */
    uint64_t sum;
};

static uint64_t mix(uint64_t sum, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        sum = (sum ^ bytes.ptr[i]) * 1099511628211ULL;
    }
    return sum;
}

/* Reads all of `bytes` in pieces of `piece` bytes (0: at once). */
static void read_all(enum frame_stage stage, struct span bytes, size_t piece, struct result *out)
{
    struct frame_reader reader;
    frame_reader_init(&reader, stage);
    *out = (struct result){.err = TRIS_OK, .sum = 14695981039346656037ULL};
    size_t given = 0;
    while (given < bytes.len && out->err == TRIS_OK && out->count < FRAMES_MAX) {
        size_t len = piece == 0 || piece > bytes.len - given ? bytes.len - given : piece;
        struct span in = span_of(bytes.ptr + given, len);
        while (in.len > 0 && out->err == TRIS_OK && out->count < FRAMES_MAX) {
            bool complete = false;
            struct span prefix, frame;
            out->err = frame_read(&reader, &in, &complete, &prefix, &frame);
            if (out->err != TRIS_OK || !complete) {
                continue;
            }
            size_t end = given + len - in.len;
            REQUIRE(frame_bytes(&reader) == frame.ptr && frame_pending(&reader) == 0);
            REQUIRE(prefix.len + FRAME_LENGTH_BYTES + frame.len == end - out->bytes);
            REQUIRE(memcmp(bytes.ptr + end - frame.len, frame.ptr, frame.len) == 0);
            REQUIRE(prefix.len == 0 || memcmp(bytes.ptr + out->bytes, prefix.ptr, prefix.len) == 0);
            REQUIRE(stage == FRAME_TRANSPORT || frame.len <= NOISE_HANDSHAKE_BYTES_MAX);
            out->bytes = end;
            out->end[out->count++] = end;
            out->sum = mix(mix(out->sum, prefix), frame);
        }
        given += len;
    }
    frame_reader_fini(&reader);
}

void fuzz_one(struct span input)
{
    static struct result whole, cut;
    struct rbuf in = rbuf_of(input);
    uint8_t first = fuzz_u8(&in);
    size_t piece = 1 + fuzz_u8(&in);
    enum frame_stage stage = (enum frame_stage)(first % 3);
    struct span bytes = fuzz_rest(&in);
    read_all(stage, bytes, 0, &whole);
    read_all(stage, bytes, piece, &cut);
    REQUIRE(whole.err == cut.err && whole.count == cut.count && whole.sum == cut.sum);
    REQUIRE(whole.bytes == cut.bytes);
    for (size_t i = 0; i < whole.count; i++) {
        REQUIRE(whole.end[i] == cut.end[i]);
    }
    struct frame_reader reader; /* another stage afterwards: the session does this once */
    bool complete = false;
    struct span prefix, frame, rest = bytes;
    frame_reader_init(&reader, FRAME_FIRST_OF_RESPONDER);
    if (frame_read(&reader, &rest, &complete, &prefix, &frame) == TRIS_OK && complete) {
        frame_reader_stage(&reader, FRAME_TRANSPORT);
        REQUIRE(frame_read(&reader, &rest, &complete, &prefix, &frame) != TRIS_ERR_NO_MEMORY);
    }
    frame_reader_fini(&reader);
}
