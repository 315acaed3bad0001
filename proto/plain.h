/* Fields of the text formats (charter, house line): canonical decimal numbers, hex, percent-encoded
 * names; one value, one text. */
#ifndef TRIS_PROTO_PLAIN_H
#define TRIS_PROTO_PLAIN_H

#include "proto/buf.h"
#include "proto/limits.h"

enum { PLAIN_NAME_BYTES_MAX = TRIS_NAME_CHARS_MAX * 4 };

/* Consumes exactly this text, else TRIS_ERR_BAD_VALUE (TRIS_ERR_TRUNCATED if bytes are missing). */
void plain_expect(struct rbuf *r, const char *literal);
/* The bytes up to the next `stop` (which stays) or the end, in place. */
struct span plain_until(struct rbuf *r, uint8_t stop);

/* Digits without leading zeros, at most `max`. */
bool plain_decimal(struct span text, uint64_t max, uint64_t *out);
/* Exactly 2 * len lower-case hex digits. */
bool plain_hex(struct span text, uint8_t *out, size_t len);
/* Percent-encoded text to a C string that plain_name_ok accepts; `out` has
 * PLAIN_NAME_BYTES_MAX + 1 bytes. Encoded are exactly the bytes outside A-Z a-z 0-9 - . _ ~ */
bool plain_name(struct span text, char *out);
/* 1 to TRIS_NAME_CHARS_MAX characters of UTF-8 without control characters. */
bool plain_name_ok(struct span name);

void plain_put(struct wbuf *w, const char *text);
void plain_put_decimal(struct wbuf *w, uint64_t value);
void plain_put_hex(struct wbuf *w, const uint8_t *bytes, size_t len);
void plain_put_name(struct wbuf *w, const char *name);

#endif
