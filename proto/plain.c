/* Fields of the text formats; see plain.h. */
#include "proto/plain.h"

#include "proto/pack.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "Unreserved" of RFC 3986, section 2.3. */
static bool is_unreserved(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void plain_expect(struct rbuf *r, const char *literal)
{
    struct span want = span_str(literal);
    struct span have = rbuf_take(r, want.len);
    if (r->err == TRIS_OK && !span_eq(want, have)) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
}

struct span plain_until(struct rbuf *r, uint8_t stop)
{
    size_t len = rbuf_left(r);
    if (r->err != TRIS_OK || len == 0) {
        return span_of(NULL, 0);
    }
    const uint8_t *at = r->ptr + r->pos;
    const uint8_t *end = memchr(at, stop, len);
    return rbuf_take(r, end == NULL ? len : (size_t)(end - at));
}

bool plain_decimal(struct span text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(text.ptr[i] - '0');
        if (value > max / 10 || value * 10 > max - digit) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool plain_hex(struct span text, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'F') {
            return false;
        }
    }
    return tris_unhex(text, out, len);
}

bool plain_name_ok(struct span name)
{
    if (name.len == 0 || name.len > PLAIN_NAME_BYTES_MAX || !utf8_valid(name) ||
        utf8_chars(name) > TRIS_NAME_CHARS_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool c0 = c < 0x20 || c == 0x7f;
        bool c1 = c == 0xc2 && name.ptr[i + 1] < 0xa0; /* U+0080 to U+009F; valid, so complete */
        if (c0 || c1) {
            return false;
        }
    }
    return true;
}

/* Value of one upper-case hex digit, -1 if it is none. */
static int upper_digit(uint8_t c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool plain_name(struct span text, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '%') {
            int high = text.len - i > 2 ? upper_digit(text.ptr[i + 1]) : -1;
            int low = text.len - i > 2 ? upper_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (uint8_t)(high << 4 | low);
            i += 2;
            if (is_unreserved(c)) {
                return false;
            }
        } else if (!is_unreserved(c)) {
            return false;
        }
        if (len == PLAIN_NAME_BYTES_MAX) {
            return false;
        }
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return plain_name_ok(span_of(out, len));
}

void plain_put(struct wbuf *w, const char *text)
{
    wbuf_span_put(w, span_str(text));
}

void plain_put_decimal(struct wbuf *w, uint64_t value)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    wbuf_bytes(w, digits + at, sizeof digits - at);
}

void plain_put_hex(struct wbuf *w, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char pair[3];
        tris_hex(bytes + i, 1, pair);
        wbuf_bytes(w, pair, 2);
    }
}

void plain_put_name(struct wbuf *w, const char *name)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const uint8_t *c = (const uint8_t *)name; *c != '\0'; c++) {
        if (is_unreserved(*c)) {
            wbuf_u8(w, *c);
        } else {
            const char code[3] = {'%', digits[*c >> 4], digits[*c & 15]};
            wbuf_bytes(w, code, sizeof code);
        }
    }
}
