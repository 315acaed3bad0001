/* Hex text of byte values; see types.h. */
#include "proto/types.h"

void tris_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

enum { NOT_A_DIGIT = 16 };

static unsigned hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - (unsigned)'0';
    }
    unsigned lower = c | 0x20u;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : NOT_A_DIGIT;
}

bool tris_unhex(struct span text, uint8_t *out, size_t len)
{
    if (text.len / 2 != len || text.len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (hex_digit(text.ptr[i]) == NOT_A_DIGIT) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(hex_digit(text.ptr[2 * i]) << 4 | hex_digit(text.ptr[2 * i + 1]));
    }
    return true;
}
