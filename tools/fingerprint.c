/* Digits that stand for keys; see fingerprint.h. */
#include "tools/fingerprint.h"

#include <stdio.h>

#include "proto/hash.h"

/* Eight groups of five digits: digits are the same on the phone in every language. 132 bits of
 * BLAKE2b, so that none of the keys can be exchanged unnoticed. */
static void fingerprint_of(const struct span *parts, size_t count, char out[FINGERPRINT_BYTES])
{
    struct tris_hash hash;
    hash_parts("tris-finger-v1", NULL, parts, count, &hash);
    for (size_t i = 0; i < FINGER_GROUPS; i++) {
        uint32_t n = (uint32_t)hash.b[4 * i] << 24 | (uint32_t)hash.b[4 * i + 1] << 16 |
                     (uint32_t)hash.b[4 * i + 2] << 8 | hash.b[4 * i + 3];
        (void)snprintf(out + 6 * i, 7, "%05u%s", (unsigned)(n % FINGER_GROUP_MAX),
                       i + 1 < FINGER_GROUPS ? " " : "");
    }
}

void fingerprint_line(const struct house_line *line, char out[FINGERPRINT_BYTES])
{
    const struct span parts[] = {span_of(line->id.b, sizeof line->id.b),
                                 span_of(line->transport.b, sizeof line->transport.b),
                                 span_of(line->key.b, sizeof line->key.b)};
    fingerprint_of(parts, line->epoch > 0 ? 3 : 2, out);
}

void fingerprint_hex(const char *id, const char *transport, const char *key,
                     char out[FINGERPRINT_BYTES])
{
    struct house_line line = {.epoch = key[0] != '\0' ? 1 : 0};
    out[0] = '\0';
    if (tris_unhex(span_str(id), line.id.b, sizeof line.id.b) &&
        tris_unhex(span_str(transport), line.transport.b, sizeof line.transport.b) &&
        (line.epoch == 0 || tris_unhex(span_str(key), line.key.b, sizeof line.key.b))) {
        fingerprint_line(&line, out);
    }
}
