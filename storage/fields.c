/* Plans of kinds; see fields.h. */
#include "storage/fields.h"

#include "proto/assert.h"

static int field_index(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        if (strcmp(kind->fields[i].name, name) == 0) {
            return (int)i;
        }
    }
    return FIELDS_NONE;
}

/* A field by which records meet, FIELDS_NONE if the kind has none such. */
static int match_index(const struct kind *kind, const char *name, enum field_type type)
{
    int i = field_index(kind, name);
    bool good = i != FIELDS_NONE && kind->fields[i].type == type &&
                (kind->fields[i].flags & (type == FIELD_DATE ? FIELD_EXPIRES : FIELD_MATCH)) != 0;
    return good ? i : FIELDS_NONE;
}

static void plan_match(struct fields_plan *plan)
{
    plan->type = match_index(plan->kind, "type", FIELD_CODE);
    plan->topics = match_index(plan->kind, "topics", FIELD_CODES);
    plan->contribution = match_index(plan->kind, "contribution", FIELD_CODE);
    plan->status = match_index(plan->kind, "status", FIELD_CODE);
    plan->radius = match_index(plan->kind, "radius", FIELD_CODE);
    plan->until = match_index(plan->kind, "valid_to", FIELD_DATE);
    plan->matched = plan->type != FIELDS_NONE && plan->topics != FIELDS_NONE &&
                    plan->contribution != FIELDS_NONE && plan->status != FIELDS_NONE &&
                    plan->radius != FIELDS_NONE && plan->until != FIELDS_NONE;
    if (plan->matched) {
        const struct field *status = &plan->kind->fields[plan->status];
        tris_assert(status->preset != NULL);
        plan->open = schema_code_by_name(status->codes, span_str(status->preset))->number;
    }
}

void fields_init(struct fields_plans *plans)
{
    plans->count = schema_kind_count();
    tris_assert(plans->count <= FIELDS_KINDS_MAX);
    for (size_t i = 0; i < plans->count; i++) {
        const struct kind *kind = schema_kind_at(i);
        const struct field *title = schema_title(kind);
        tris_assert(kind->number <= UINT16_MAX && kind->field_count <= RECORD_FIELDS_MAX);
        plans->plan[i] = (struct fields_plan){
            .kind = kind,
            .name = title != NULL ? (int)(title - kind->fields) : FIELDS_NONE,
            .region = field_index(kind, "region"),
            .source = field_index(kind, "source"),
            .source_id = field_index(kind, "source_id"),
        };
        plan_match(&plans->plan[i]);
    }
}

const struct fields_plan *fields_find(const struct fields_plans *plans, uint32_t kind)
{
    for (size_t i = 0; i < plans->count; i++) {
        if (plans->plan[i].kind->number == kind) {
            return &plans->plan[i];
        }
    }
    return NULL;
}

struct span fields_text(const struct record *r, int index)
{
    if (index == FIELDS_NONE || !r->value[index].present) {
        return span_of(NULL, 0);
    }
    return r->value[index].text;
}

void fields_dims(const struct fields_plan *plan, const struct record *r, struct partner_dims *out)
{
    memset(out, 0, sizeof *out);
    if (plan->kind->number == KIND_PARTNER) {
        record_partner_dims(r, out);
        return;
    }
    struct span region = fields_text(r, plan->region);
    if (region.len != sizeof out->region - 1) {
        return;
    }
    for (size_t i = 0; i < region.len; i++) {
        if (region.ptr[i] < '0' || region.ptr[i] > '9') {
            return;
        }
    }
    memcpy(out->region, region.ptr, region.len);
}

bool fields_searchable(const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_TEXTS:
        return true;
    case FIELD_CODE:
    case FIELD_CODES:
    case FIELD_BOOL:
    case FIELD_UINT:
    case FIELD_DATE:
    case FIELD_REGION:
    case FIELD_REGIONS:
    case FIELD_POSTCODE:
    case FIELD_URL:
    case FIELD_MAILBOX:
    case FIELD_KEY:
    case FIELD_REF:
        return false;
    }
    return false;
}
