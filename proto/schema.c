/* The tables of schema.def as constants, and look-ups in them; see schema.h. */
#include "proto/schema.h"

#include "proto/assert.h"

#define CODES_BEGIN(list, name) static const struct code codes_##name[] = {
#define CODE(list, id, number, code, de, en, extra) {number, extra, code, de, en},
#define CODES_END(list, name)                                                                      \
    }                                                                                              \
    ;                                                                                              \
    static const struct code_list list_##name = {#name, codes_##name,                              \
                                                 sizeof codes_##name / sizeof codes_##name[0]};
#include "proto/schema.def"

#define NO_CODES NULL
#define CODES(name) &list_##name
#define KIND_BEGIN(kind, name, number, de, en, ceiling, scope)                                     \
    static const struct field fields_##name[] = {
#define FIELD(kind, id, number, name, type, limit, flags, codes, preset, de, en)                   \
    {number, type, limit, flags, name, de, en, codes, preset},
#define KIND_END(kind, name)                                                                       \
    }                                                                                              \
    ;
#include "proto/schema.def"
#undef NO_CODES
#undef CODES

static const struct code_list *const lists[] = {
#define CODES_BEGIN(list, name) &list_##name,
#include "proto/schema.def"
};

static const struct kind kinds[] = {
#define KIND_BEGIN(kind, name, number, de, en, ceiling, scope)                                     \
    {number,                                                                                       \
     #name,                                                                                        \
     de,                                                                                           \
     en,                                                                                           \
     ceiling,                                                                                      \
     scope,                                                                                        \
     fields_##name,                                                                                \
     sizeof fields_##name / sizeof fields_##name[0]},
#include "proto/schema.def"
};

struct scope_row {
    enum schema_scope scope;
    const char *name, *label_de, *label_en;
};

static const struct scope_row scopes[] = {
    {SCOPE_LOCAL, "local", "im Haus", "in the house"},
    {SCOPE_PARTIES, "parties", "nur Parteien", "parties"},
    {SCOPE_NATIONAL, "national", "bundesweit", "all member houses"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool name_is(struct span given, const char *name, bool dash)
{
    for (size_t i = 0; i < given.len; i++) {
        uint8_t c = dash && given.ptr[i] == '-' ? (uint8_t)'_' : given.ptr[i];
        if (name[i] == '\0' || ascii_lower(c) != ascii_lower((uint8_t)name[i])) {
            return false;
        }
    }
    return name[given.len] == '\0';
}

static bool name_is_any(struct span given, const char *name, const char *de, const char *en)
{
    return name_is(given, name, false) || name_is(given, de, false) || name_is(given, en, false);
}

size_t schema_kind_count(void)
{
    return COUNT_OF(kinds);
}

const struct kind *schema_kind_at(size_t index)
{
    tris_assert(index < COUNT_OF(kinds));
    return &kinds[index];
}

const struct kind *schema_kind(uint32_t number)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].number == number) {
            return &kinds[i];
        }
    }
    return NULL;
}

const struct kind *schema_kind_by_name(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (name_is_any(name, kinds[i].name, kinds[i].label_de, kinds[i].label_en)) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* Numbers ascend from 1 upwards, so a field is never behind the place that its number names. */
const struct field *schema_field(const struct kind *kind, uint32_t number)
{
    size_t index = number < kind->field_count ? number : kind->field_count;
    while (index > 0 && kind->fields[index - 1].number > number) {
        index--;
    }
    if (index == 0 || kind->fields[index - 1].number != number) {
        return NULL;
    }
    return &kind->fields[index - 1];
}

const struct field *schema_field_by_name(const struct kind *kind, struct span name)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *f = &kind->fields[i];
        if (name_is(name, f->name, true) || name_is(name, f->label_de, false) ||
            name_is(name, f->label_en, false)) {
            return f;
        }
    }
    return NULL;
}

const struct field *schema_title(const struct kind *kind)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        if ((kind->fields[i].flags & FIELD_TITLE) != 0) {
            return &kind->fields[i];
        }
    }
    return NULL;
}

const struct field *schema_key_of(const struct kind *kind, const struct field *ref)
{
    const struct field *end = kind->fields + kind->field_count;
    for (const struct field *f = ref + 1; f < end && f->type != FIELD_REF; f++) {
        if ((f->flags & FIELD_KEY_OF) != 0) {
            return f;
        }
    }
    return NULL;
}

const struct code *schema_code(const struct code_list *list, uint32_t number)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->codes[i].number == number) {
            return &list->codes[i];
        }
    }
    return NULL;
}

const struct code *schema_code_by_name(const struct code_list *list, struct span name)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct code *c = &list->codes[i];
        if (name_is_any(name, c->code, c->label_de, c->label_en)) {
            return c;
        }
    }
    return NULL;
}

const struct code_list *schema_code_list(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (name_is(name, lists[i]->name, true)) {
            return lists[i];
        }
    }
    return NULL;
}

size_t schema_code_list_count(void)
{
    return COUNT_OF(lists);
}

const struct code_list *schema_code_list_at(size_t index)
{
    tris_assert(index < COUNT_OF(lists));
    return lists[index];
}

const char *schema_type_name(enum field_type type)
{
    switch (type) {
    case FIELD_TEXT:
        return "text";
    case FIELD_LONG:
        return "long text";
    case FIELD_CODE:
        return "code";
    case FIELD_CODES:
        return "codes";
    case FIELD_BOOL:
        return "yes or no";
    case FIELD_UINT:
        return "number";
    case FIELD_DATE:
        return "date";
    case FIELD_REGION:
        return "district";
    case FIELD_REGIONS:
        return "districts";
    case FIELD_TEXTS:
        return "texts";
    case FIELD_POSTCODE:
        return "postcode";
    case FIELD_URL:
        return "URL";
    case FIELD_MAILBOX:
        return "mailbox";
    case FIELD_KEY:
        return "key";
    case FIELD_REF:
        return "record";
    }
    return "";
}

static const struct scope_row *scope_row(enum schema_scope scope)
{
    size_t index = (size_t)scope - SCOPE_LOCAL;
    tris_assert(index < COUNT_OF(scopes) && scopes[index].scope == scope);
    return &scopes[index];
}

const char *schema_scope_name(enum schema_scope scope)
{
    return scope_row(scope)->name;
}

const char *schema_scope_label(enum schema_scope scope, enum label_lang lang)
{
    return lang == LANG_DE ? scope_row(scope)->label_de : scope_row(scope)->label_en;
}

enum schema_scope schema_scope_by_name(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        const struct scope_row *s = &scopes[i];
        if (name_is_any(name, s->name, s->label_de, s->label_en)) {
            return s->scope;
        }
    }
    return (enum schema_scope)0;
}
