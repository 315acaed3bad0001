/* The districts (Kreise) of Germany and the federal states: keys, names, slugs, populations, and
 * which districts share a border.
 *
 * Constant tables, generated at build time from tools/data/districts.csv and neighbours.csv. Keys
 * are text. */
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

enum {
    DISTRICTS = 400,
    DISTRICT_NEAR_MAX = 16, /* no district has more neighbours */
    DISTRICT_FAR = 255,     /* steps: farther than asked, or no district */
};

/* The districts that share a border with `ags`, ascending by key; how many (0: no such key). */
size_t district_neighbours(struct span ags, const struct district *out[DISTRICT_NEAR_MAX]);
/* How many borders the shortest way from `ags` crosses, to every district by its place in
 * district_at: 0 for itself, 1 for a neighbour, at most `steps_max` (below DISTRICT_FAR), else
 * DISTRICT_FAR. */
void district_steps_from(struct span ags, uint32_t steps_max, uint8_t steps[DISTRICTS]);
/* The same between two districts. */
uint32_t district_steps(struct span a, struct span b, uint32_t steps_max);
/* Place in district_at of a district's row. */
size_t district_place(const struct district *d);

#endif
