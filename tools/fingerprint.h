/* What people compare by voice: digits that stand for a house's keys. FORMAT.md "Key files". */
#ifndef TRIS_TOOLS_FINGERPRINT_H
#define TRIS_TOOLS_FINGERPRINT_H

#include "proto/charter.h"

enum {
    FINGER_GROUPS = 8,
    FINGER_GROUP_MAX = 100000, /* five digits */
    FINGERPRINT_BYTES = FINGER_GROUPS * 6,
};

/* Of house id and transport key; of a later epoch also of its signing key, which the id does not
 * say. Always NUL-terminated. */
void fingerprint_line(const struct house_line *line, char out[FINGERPRINT_BYTES]);
/* The same of hex texts; `key` "" in epoch 0. Empty if one of them is no key. */
void fingerprint_hex(const char *id, const char *transport, const char *key,
                     char out[FINGERPRINT_BYTES]);

#endif
