/* What the files record*.c share: list storage, ordering, digits. Not for anybody else. */
#ifndef TRIS_PROTO_RECORD_INT_H
#define TRIS_PROTO_RECORD_INT_H

#include "proto/assert.h"
#include "proto/record.h"

static inline bool is_code_list(enum field_type type)
{
    return type == FIELD_CODES;
}

static inline bool is_text_list(enum field_type type)
{
    return type == FIELD_REGIONS || type == FIELD_TEXTS;
}

/* Where in the record's list storage a field's items stand: behind those of the fields before. */
struct list_place {
    uint32_t codes, texts;
};

static inline void place_skip(struct list_place *place, const struct field *field)
{
    if (is_code_list(field->type)) {
        place->codes += field->limit;
    } else if (is_text_list(field->type)) {
        place->texts += field->limit;
    }
}

static inline size_t field_index(const struct record *r, const struct field *field)
{
    size_t index = (size_t)(field - r->kind->fields);
    tris_assert(index < r->kind->field_count);
    return index;
}

static inline struct list_place place_of(const struct record *r, const struct field *field)
{
    struct list_place place = {0, 0};
    for (const struct field *f = r->kind->fields; f < field; f++) {
        place_skip(&place, f);
    }
    return place;
}

static inline bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

#endif
