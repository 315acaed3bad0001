/* Outer framing of a session: what travels on TCP, incremental, refusing lengths before buffering.
 *
 * initiator's first frame:  pattern u8 | gate 16 | length u16 | Noise message 1
 * responder's first frame:  length u16 | Noise message 2
 * every later frame:        length u16 (17 to 65,535) | ciphertext with tag */
#ifndef TRIS_PROTO_FRAME_H
#define TRIS_PROTO_FRAME_H

#include "proto/buf.h"
#include "proto/limits.h"
#include "proto/noise.h"

enum frame_stage {
    FRAME_FIRST_OF_INITIATOR, /* read by a responder */
    FRAME_FIRST_OF_RESPONDER, /* read by an initiator */
    FRAME_TRANSPORT,
};

enum { FRAME_LENGTH_BYTES = 2, FRAME_PLAIN_BYTES_MAX = TRIS_FRAME_BYTES_MAX - TRIS_AEAD_TAG_BYTES };

/* Reader. The buffer grows to what the stage may need: 1 KiB before authentication, then one
 * frame. Owns `buf` (allocated on first need, wiped when it goes: frames are decrypted in it). */
struct frame_reader {
    enum frame_stage stage;
    uint8_t *buf;
    size_t cap, len;
};

void frame_reader_init(struct frame_reader *f, enum frame_stage stage);
void frame_reader_fini(struct frame_reader *f);
void frame_reader_stage(struct frame_reader *f, enum frame_stage stage);

/* Takes bytes from `in` (advancing it) until one frame is complete. TRIS_OK and *complete: `frame`
 * is in place, valid until the next call; for FRAME_FIRST_OF_INITIATOR, `prefix` is the 17 bytes of
 * pattern and gate. TRIS_ERR_BAD_FRAME for a length of 0, under the tag's, or over the stage's
 * limit, as soon as the length is known. TRIS_ERR_NO_MEMORY. */
TRIS_MUST_CHECK enum tris_err frame_read(struct frame_reader *f, struct span *in, bool *complete,
                                         struct span *prefix, struct span *frame);

/* The frame that frame_read completed last, to be decrypted where it stands; valid as long. */
uint8_t *frame_bytes(struct frame_reader *f);

/* Bytes that are held for an incomplete frame. */
size_t frame_pending(const struct frame_reader *f);

#endif
