/* UTF-8 validity and length, RFC 3629; declared in pack.h. No Unicode tables: text.h has those. */
#include "proto/pack.h"

/* The longest run of plain ASCII from `i`, eight bytes at a time. */
static size_t skip_ascii(const uint8_t *p, size_t i, size_t len)
{
    while (len - i >= 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        i += 8;
    }
    while (i < len && p[i] < 0x80) {
        i++;
    }
    return i;
}

/* Bytes of the valid sequence at p (left >= 1), or 0. */
static size_t sequence_len(const uint8_t *p, size_t left)
{
    uint8_t first = p[0];
    size_t len = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (len == 0 || len > left) {
        return 0;
    }
    /* the second byte excludes overlong forms, surrogates and what is above U+10FFFF */
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool utf8_valid(struct span text)
{
    size_t i = 0;
    while ((i = skip_ascii(text.ptr, i, text.len)) < text.len) {
        size_t len = sequence_len(text.ptr + i, text.len - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

size_t utf8_chars(struct span text)
{
    size_t chars = 0;
    for (size_t i = 0; i < text.len; i++) {
        chars += (text.ptr[i] & 0xc0) != 0x80;
    }
    return chars;
}
