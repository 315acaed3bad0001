/* Byte cursors; see buf.h. */
#include "proto/buf.h"

#include "proto/assert.h"

void rbuf_fail(struct rbuf *r, enum tris_err err)
{
    tris_assert(err != TRIS_OK);
    if (r->err == TRIS_OK) {
        r->err = err;
    }
}

void wbuf_fail(struct wbuf *w, enum tris_err err)
{
    tris_assert(err != TRIS_OK);
    if (w->err == TRIS_OK) {
        w->err = err;
    }
}

struct span rbuf_take(struct rbuf *r, size_t len)
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

void rbuf_copy(struct rbuf *r, void *out, size_t len)
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

static uint64_t rbuf_be(struct rbuf *r, size_t len)
{
    struct span bytes = rbuf_take(r, len);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | bytes.ptr[i];
    }
    return value;
}

uint8_t rbuf_u8(struct rbuf *r)
{
    return (uint8_t)rbuf_be(r, 1);
}

uint16_t rbuf_u16(struct rbuf *r)
{
    return (uint16_t)rbuf_be(r, 2);
}

uint32_t rbuf_u32(struct rbuf *r)
{
    return (uint32_t)rbuf_be(r, 4);
}

uint64_t rbuf_u64(struct rbuf *r)
{
    return rbuf_be(r, 8);
}

enum tris_err rbuf_finish(struct rbuf *r)
{
    if (r->err == TRIS_OK && rbuf_left(r) != 0) {
        rbuf_fail(r, TRIS_ERR_TRAILING);
    }
    return r->err;
}

void wbuf_bytes(struct wbuf *w, const void *bytes, size_t len)
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

void wbuf_span_put(struct wbuf *w, struct span bytes)
{
    wbuf_bytes(w, bytes.ptr, bytes.len);
}

static void wbuf_be(struct wbuf *w, uint64_t value, size_t len)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
    wbuf_bytes(w, bytes, len);
}

void wbuf_u8(struct wbuf *w, uint8_t value)
{
    wbuf_be(w, value, 1);
}

void wbuf_u16(struct wbuf *w, uint16_t value)
{
    wbuf_be(w, value, 2);
}

void wbuf_u32(struct wbuf *w, uint32_t value)
{
    wbuf_be(w, value, 4);
}

void wbuf_u64(struct wbuf *w, uint64_t value)
{
    wbuf_be(w, value, 8);
}
