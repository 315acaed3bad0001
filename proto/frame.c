/* Reassembles the frames of a session from bytes as they come; see frame.h. */
#include "proto/frame.h"

#include <stdlib.h>

#include <sodium.h>

#include "proto/assert.h"

enum {
    PREFIX_BYTES = 1 + NOISE_GATE_BYTES, /* pattern and gate of the first frame */
    LENGTH_MIN = TRIS_AEAD_TAG_BYTES + 1,
};

struct stage_row {
    size_t prefix_bytes;
    size_t length_max;
};

static const struct stage_row stages[] = {
    [FRAME_FIRST_OF_INITIATOR] = {PREFIX_BYTES, NOISE_HANDSHAKE_BYTES_MAX},
    [FRAME_FIRST_OF_RESPONDER] = {0, NOISE_HANDSHAKE_BYTES_MAX},
    [FRAME_TRANSPORT] = {0, TRIS_FRAME_BYTES_MAX},
};

static size_t header_bytes(const struct frame_reader *f)
{
    return stages[f->stage].prefix_bytes + FRAME_LENGTH_BYTES;
}

/* The declared length; only once the header is there. */
static size_t declared_length(const struct frame_reader *f)
{
    const uint8_t *at = f->buf + stages[f->stage].prefix_bytes;
    return (size_t)at[0] << 8 | at[1];
}

static bool frame_whole(const struct frame_reader *f)
{
    size_t header = header_bytes(f);
    return f->len >= header && f->len - header == declared_length(f);
}

void frame_reader_init(struct frame_reader *f, enum frame_stage stage)
{
    *f = (struct frame_reader){.stage = stage};
}

static void buf_free(struct frame_reader *f)
{
    if (f->buf != NULL) {
        sodium_memzero(f->buf, f->cap);
        free(f->buf);
    }
}

void frame_reader_fini(struct frame_reader *f)
{
    buf_free(f);
    *f = (struct frame_reader){.stage = f->stage};
}

void frame_reader_stage(struct frame_reader *f, enum frame_stage stage)
{
    tris_assert(frame_pending(f) == 0);
    f->stage = stage;
    f->len = 0;
}

/* One allocation before authentication, one after it: small frames share the small buffer. */
static enum tris_err reserve(struct frame_reader *f, size_t bytes)
{
    const size_t small = PREFIX_BYTES + FRAME_LENGTH_BYTES + NOISE_HANDSHAKE_BYTES_MAX;
    if (bytes <= f->cap) {
        return TRIS_OK;
    }
    size_t cap = bytes <= small ? small : FRAME_LENGTH_BYTES + TRIS_FRAME_BYTES_MAX;
    tris_assert(bytes <= cap);
    uint8_t *grown = malloc(cap); /* not realloc, which leaves the old bytes behind */
    if (grown == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    if (f->len > 0) {
        memcpy(grown, f->buf, f->len);
    }
    buf_free(f);
    f->buf = grown;
    f->cap = cap;
    return TRIS_OK;
}

/* Moves bytes from `in` until `f` holds `bytes`; true if it does. */
static bool collect(struct frame_reader *f, struct span *in, size_t bytes)
{
    size_t missing = bytes - f->len;
    size_t take = missing < in->len ? missing : in->len;
    if (take > 0) {
        memcpy(f->buf + f->len, in->ptr, take);
        f->len += take;
        *in = span_of(in->ptr + take, in->len - take);
    }
    return f->len == bytes;
}

enum tris_err frame_read(struct frame_reader *f, struct span *in, bool *complete,
                         struct span *prefix, struct span *frame)
{
    const struct stage_row *row = &stages[f->stage];
    size_t header = header_bytes(f);
    *complete = false;
    if (frame_whole(f)) {
        f->len = 0; /* it was given out by the last call */
    }
    enum tris_err err = reserve(f, header);
    if (err != TRIS_OK) {
        return err;
    }
    if (f->len < header && !collect(f, in, header)) {
        return TRIS_OK;
    }
    size_t length = declared_length(f);
    if (length < LENGTH_MIN || length > row->length_max) {
        return TRIS_ERR_BAD_FRAME;
    }
    err = reserve(f, header + length);
    if (err != TRIS_OK) {
        return err;
    }
    if (collect(f, in, header + length)) {
        *complete = true;
        *prefix = span_of(f->buf, row->prefix_bytes);
        *frame = span_of(f->buf + header, length);
    }
    return TRIS_OK;
}

uint8_t *frame_bytes(struct frame_reader *f)
{
    tris_assert(f->buf != NULL && frame_whole(f));
    return f->buf + header_bytes(f);
}

size_t frame_pending(const struct frame_reader *f)
{
    return frame_whole(f) ? 0 : f->len;
}
