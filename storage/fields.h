/* Where in a kind's fields the ones stand that indexes and search need; and which are text. */
#ifndef TRIS_STORAGE_FIELDS_H
#define TRIS_STORAGE_FIELDS_H

#include "proto/record.h"

enum { FIELDS_NONE = -1, FIELDS_KINDS_MAX = 32 };

struct fields_plan {
    const struct kind *kind;
    /* index into kind->fields, or FIELDS_NONE; name: the one with FIELD_TITLE */
    int name, region, source, source_id;
    /* records of the kind meet each other (FIELD_MATCH); then these are indexes too */
    bool matched;
    int type, topics, contribution, status, radius, until;
    uint32_t open; /* preset of status: only such records meet */
};

/* One plan a kind of schema.def; filled once when a store is opened. */
struct fields_plans {
    struct fields_plan plan[FIELDS_KINDS_MAX];
    size_t count;
};

void fields_init(struct fields_plans *plans);
/* NULL if the kind is unknown. */
const struct fields_plan *fields_find(const struct fields_plans *plans, uint32_t kind);
/* The text of one field; empty if it is absent or `index` is FIELDS_NONE. */
struct span fields_text(const struct record *r, int index);
/* Counter dimensions: of a partner all, of other kinds the region alone. */
void fields_dims(const struct fields_plan *plan, const struct record *r, struct partner_dims *out);
/* True if words of this field are found by search. */
bool fields_searchable(const struct field *field);

#endif
