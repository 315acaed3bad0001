/* Bounded byte reader and writer over the caller's memory, with a sticky error.
 *
 * The only place that moves byte cursors. After the first failure every further call is a no-op
 * that returns zero; the caller checks `err` once, at the end, and must do so.
 * Integers are big-endian. Neither object owns memory. What every row, entry and message calls many
 * times stands here, so that the compiler can see how much is asked for. */
#ifndef TRIS_PROTO_BUF_H
#define TRIS_PROTO_BUF_H

#include <endian.h>

#include "proto/assert.h"
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

/* The next `len` bytes in place (valid as long as the input), or an empty span and
 * TRIS_ERR_TRUNCATED. */
static inline struct span rbuf_take(struct rbuf *r, size_t len)
{
    tris_assert(r->pos <= r->len);
    if (r->err == TRIS_OK && len > rbuf_left(r)) {
        rbuf_fail(r, TRIS_ERR_TRUNCATED);
    }
    if (r->err != TRIS_OK) {
        return span_of(NULL, 0);
    }
    struct span out = span_of(r->ptr + r->pos, len);
    r->pos += len;
    return out;
}

/* Copies exactly `len` bytes to `out`; zeros them on failure. */
static inline void rbuf_copy(struct rbuf *r, void *out, size_t len)
{
    struct span bytes = rbuf_take(r, len);
    if (r->err != TRIS_OK) {
        memset(out, 0, len);
        return;
    }
    if (len > 0) {
        memcpy(out, bytes.ptr, len);
    }
}

static inline uint8_t rbuf_u8(struct rbuf *r)
{
    uint8_t value;
    rbuf_copy(r, &value, sizeof value);
    return value;
}

static inline uint16_t rbuf_u16(struct rbuf *r)
{
    uint16_t value;
    rbuf_copy(r, &value, sizeof value);
    return be16toh(value);
}

static inline uint32_t rbuf_u32(struct rbuf *r)
{
    uint32_t value;
    rbuf_copy(r, &value, sizeof value);
    return be32toh(value);
}

static inline uint64_t rbuf_u64(struct rbuf *r)
{
    uint64_t value;
    rbuf_copy(r, &value, sizeof value);
    return be64toh(value);
}

/* TRIS_OK only if no error occurred and nothing is left; TRIS_ERR_TRAILING otherwise. */
enum tris_err rbuf_finish(struct rbuf *r);

/* Writers fail with TRIS_ERR_NO_SPACE and leave `len` where it was. */
static inline void wbuf_bytes(struct wbuf *w, const void *bytes, size_t len)
{
    tris_assert(w->len <= w->cap);
    if (w->err == TRIS_OK && len > w->cap - w->len) {
        wbuf_fail(w, TRIS_ERR_NO_SPACE);
    }
    if (w->err != TRIS_OK || len == 0) {
        return;
    }
    memcpy(w->ptr + w->len, bytes, len);
    w->len += len;
}

static inline void wbuf_span_put(struct wbuf *w, struct span bytes)
{
    wbuf_bytes(w, bytes.ptr, bytes.len);
}

static inline void wbuf_u8(struct wbuf *w, uint8_t value)
{
    wbuf_bytes(w, &value, sizeof value);
}

static inline void wbuf_u16(struct wbuf *w, uint16_t value)
{
    uint16_t bytes = htobe16(value);
    wbuf_bytes(w, &bytes, sizeof bytes);
}

static inline void wbuf_u32(struct wbuf *w, uint32_t value)
{
    uint32_t bytes = htobe32(value);
    wbuf_bytes(w, &bytes, sizeof bytes);
}

static inline void wbuf_u64(struct wbuf *w, uint64_t value)
{
    uint64_t bytes = htobe64(value);
    wbuf_bytes(w, &bytes, sizeof bytes);
}

#endif
