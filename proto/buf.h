/* Bounded byte reader and writer over the caller's memory, with a sticky error.
 *
 * The only place that moves byte cursors. After the first failure every further call is a no-op
 * that returns zero; the caller checks `err` once, at the end, and must do so.
 * Integers are big-endian. Neither object owns memory. */
#ifndef TRIS_PROTO_BUF_H
#define TRIS_PROTO_BUF_H

#include "proto/err.h"
#include "proto/types.h"

struct rbuf {
    const uint8_t *ptr;
    size_t len;
    size_t pos;
    enum tris_err err;
};

struct wbuf {
    uint8_t *ptr;
    size_t cap;
    size_t len;
    enum tris_err err;
};

static inline struct rbuf rbuf_of(struct span bytes)
{
    return (struct rbuf){bytes.ptr, bytes.len, 0, TRIS_OK};
}

static inline struct wbuf wbuf_of(void *ptr, size_t cap)
{
    return (struct wbuf){(uint8_t *)ptr, cap, 0, TRIS_OK};
}

static inline size_t rbuf_left(const struct rbuf *r)
{
    return r->len - r->pos;
}

static inline struct span wbuf_span(const struct wbuf *w)
{
    return (struct span){w->ptr, w->len};
}

/* Marks the reader as failed; the first error wins. */
void rbuf_fail(struct rbuf *r, enum tris_err err);
void wbuf_fail(struct wbuf *w, enum tris_err err);

uint8_t rbuf_u8(struct rbuf *r);
uint16_t rbuf_u16(struct rbuf *r);
uint32_t rbuf_u32(struct rbuf *r);
uint64_t rbuf_u64(struct rbuf *r);

/* The next `len` bytes in place (valid as long as the input), or an empty span and
 * TRIS_ERR_TRUNCATED. */
struct span rbuf_take(struct rbuf *r, size_t len);

/* Copies exactly `len` bytes to `out`; zeros them on failure. */
void rbuf_copy(struct rbuf *r, void *out, size_t len);

/* TRIS_OK only if no error occurred and nothing is left; TRIS_ERR_TRAILING otherwise. */
enum tris_err rbuf_finish(struct rbuf *r);

/* Writers fail with TRIS_ERR_NO_SPACE and leave `len` where it was. */
void wbuf_u8(struct wbuf *w, uint8_t value);
void wbuf_u16(struct wbuf *w, uint16_t value);
void wbuf_u32(struct wbuf *w, uint32_t value);
void wbuf_u64(struct wbuf *w, uint64_t value);
void wbuf_bytes(struct wbuf *w, const void *bytes, size_t len);
void wbuf_span_put(struct wbuf *w, struct span bytes);

#endif
