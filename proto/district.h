/* The districts (Kreise) of Germany and the federal states: keys, names, slugs, populations.
 *
 * Constant tables, generated at build time from tools/data/districts.csv. Keys are text. */
#ifndef TRIS_PROTO_DISTRICT_H
#define TRIS_PROTO_DISTRICT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/types.h"

struct district {
    const char *ags;     /* 5 digits */
    const char *name;    /* unique display name, e.g. "Köln, Stadt" */
    const char *slug;    /* "koeln"; with "-ags" where the short name repeats */
    uint32_t population; /* 31.12.2018 */
};

struct state {
    const char *code; /* "05" */
    const char *name;
    const char *iso; /* "DE-NW" */
};

size_t district_count(void);                      /* 400 */
const struct district *district_at(size_t index); /* sorted by ags */
/* NULL if there is no such key. */
const struct district *district_find(struct span ags);
const struct district *district_find_slug(struct span slug);
const struct state *state_find(struct span code);
const struct state *state_at(size_t index); /* 16, sorted by code; NULL behind the last */

#endif
