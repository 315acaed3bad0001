/* Which records the rows of a list mean, so that a second row for the same one is found: keyed
 * hashes in an open table. Knows nothing of the store. */
#ifndef TRIS_TOOLS_IMPORT_SEEN_H
#define TRIS_TOOLS_IMPORT_SEEN_H

#include "proto/record.h"

enum { SEEN_ROWS_MAX = 1572864 }; /* 32 MiB; rows behind are not compared with each other */

enum seen_key { SEEN_SOURCE = 1, SEEN_NAME = 2 };

struct seen; /* opaque */

struct seen *seen_new(void); /* NULL: no memory */
void seen_free(struct seen *s);
/* The line that had this key first, 0 if this one is the first (it is remembered). *same: the
 * payload was the same. A name is folded here, with its legal form taken off. */
uint64_t seen_add(struct seen *s, enum seen_key type, struct span a, struct span b,
                  struct span payload, uint64_t line, bool *same);

#endif
