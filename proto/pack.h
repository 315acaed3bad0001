/* The canonical msgpack subset: strict reader over rbuf, writer over wbuf.
 *
 * Subset: nil, bool, unsigned and negative integers, str (UTF-8), bin, array, map. No floats, no
 * ext. Canonical: shortest form of every integer and length; map keys all unsigned or all str,
 * strictly ascending (str bytewise). Limits: limits.h. Spec: msgpack.org, version of 2017.
 * The reader never allocates; counts are compared with the bytes left before they are believed.
 * All readers are sticky (buf.h): after a failure they return zero or an empty span. */
#ifndef TRIS_PROTO_PACK_H
#define TRIS_PROTO_PACK_H

#include "proto/buf.h"

enum pack_type {
    PACK_NIL,
    PACK_BOOL,
    PACK_UINT,
    PACK_NEGATIVE, /* an integer below zero */
    PACK_STR,
    PACK_BIN,
    PACK_ARRAY,
    PACK_MAP,
    PACK_INVALID, /* float, ext, reserved byte, or nothing left */
};

enum pack_rules {
    PACK_CANONICAL = 0,
    /* map keys in any order (still all of one type, duplicates not looked for): control socket
     * only, where any msgpack-RPC client may talk */
    PACK_ANY_KEY_ORDER = 1,
};

/* Walks exactly one value that fills `bytes`: TRIS_OK, or why it is not canonical. */
TRIS_MUST_CHECK enum tris_err pack_check(struct span bytes, enum pack_rules rules);

/* Type of the next value; consumes nothing. */
enum pack_type pack_peek(const struct rbuf *r);

void pack_read_nil(struct rbuf *r);
bool pack_read_bool(struct rbuf *r);
uint64_t pack_read_uint(struct rbuf *r);
/* An unsigned integer of at most `max`, else TRIS_ERR_BAD_VALUE. */
uint64_t pack_read_uint_max(struct rbuf *r, uint64_t max);
int64_t pack_read_int(struct rbuf *r);
/* At most `bytes_max` bytes, in place; str is checked to be UTF-8. */
struct span pack_read_str(struct rbuf *r, size_t bytes_max);
struct span pack_read_bin(struct rbuf *r, size_t bytes_max);
/* A bin of exactly `len` bytes, copied. */
void pack_read_bin_exact(struct rbuf *r, void *out, size_t len);
/* Number of items (of pairs in a map), at most `items_max`; each item needs at least one byte of
 * what is left, so a huge count fails here. */
uint32_t pack_read_array(struct rbuf *r, uint32_t items_max);
uint32_t pack_read_map(struct rbuf *r, uint32_t pairs_max);
/* Skips one value, checking it as pack_check does, and returns its bytes in place. */
struct span pack_read_any(struct rbuf *r, enum pack_rules rules);

void pack_write_nil(struct wbuf *w);
void pack_write_bool(struct wbuf *w, bool value);
void pack_write_uint(struct wbuf *w, uint64_t value);
void pack_write_int(struct wbuf *w, int64_t value);
void pack_write_str(struct wbuf *w, struct span text);
void pack_write_cstr(struct wbuf *w, const char *text);
void pack_write_bin(struct wbuf *w, const void *bytes, size_t len);
void pack_write_array(struct wbuf *w, uint32_t items);
void pack_write_map(struct wbuf *w, uint32_t pairs);

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(struct span text);
/* Number of code points of a valid UTF-8 text. */
size_t utf8_chars(struct span text);

#endif
