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

enum tris_err rbuf_finish(struct rbuf *r)
{
    if (r->err == TRIS_OK && rbuf_left(r) != 0) {
        rbuf_fail(r, TRIS_ERR_TRAILING);
    }
    return r->err;
}
