/* Distances between houses; see near.h. */
#include "daemon/near.h"

#include <stdlib.h>

#include "proto/district.h"

enum {
    SAME_DISTRICT_MAX = 16,
    AREA_MAX = RECORD_LIST_MAX + 1,
    /* Germany has 400 districts. Of federations beyond this the records are not read: looking for
     * them takes some us each. */
    COVERS_MEMBERS_MAX = 1024,
};

/* Districts that a house stands in or is responsible for. */
struct area {
    const struct district *district[AREA_MAX];
    uint32_t count;
};

bool near_house_record(struct store_view *v, const struct house_line *line,
                       struct store_record *out)
{
    struct record_filter filter = {.kind = KIND_HOUSE, .national = true};
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_log log;
    memcpy(filter.region, line->region, strnlen(line->region, sizeof filter.region - 1));
    for (int i = 0; i < SAME_DISTRICT_MAX && strlen(line->region) == 5; i++) {
        if (store_record_next(v, &filter, &cursor, out) != TRIS_OK) {
            return false;
        }
        if (store_log_get(v, out->ref.log_no, &log) == TRIS_OK &&
            tris_house_id_eq(&log.ref.house, &line->id)) {
            return true;
        }
    }
    return false;
}

static void area_add(struct area *area, struct span ags)
{
    const struct district *d = district_find(ags);
    if (d != NULL && area->count < AREA_MAX) {
        area->district[area->count++] = d;
    }
}

/* `v` NULL: of its line alone. */
static void area_of(const struct house_line *line, struct store_view *v, struct record *scratch,
                    struct area *out)
{
    struct store_record r;
    out->count = 0;
    area_add(out, span_str(line->region));
    if (v == NULL || !near_house_record(v, line, &r) ||
        record_decode(schema_kind(KIND_HOUSE), r.payload, scratch, NULL) != TRIS_OK) {
        return;
    }
    const struct value *covers = record_value(scratch, HOUSE_COVERS);
    for (uint32_t i = 0; covers->present && i < covers->count; i++) {
        area_add(out, covers->texts[i]);
    }
}

/* Steps from the nearest district of the area. */
static void area_steps(const struct area *area, uint8_t steps[DISTRICTS])
{
    uint8_t one[DISTRICTS];
    memset(steps, DISTRICT_FAR, DISTRICTS);
    for (uint32_t i = 0; i < area->count; i++) {
        district_steps_from(span_str(area->district[i]->ags), NEAR_STEPS_MAX, one);
        for (size_t k = 0; k < DISTRICTS; k++) {
            steps[k] = one[k] < steps[k] ? one[k] : steps[k];
        }
    }
}

static bool same_state(const struct area *a, const struct area *b)
{
    for (uint32_t i = 0; i < a->count * b->count; i++) {
        if (memcmp(a->district[i / b->count]->ags, b->district[i % b->count]->ags, 2) == 0) {
            return true;
        }
    }
    return false;
}

static uint8_t near_of(const struct area *from, const struct area *to,
                       const uint8_t steps[DISTRICTS])
{
    uint8_t least = DISTRICT_FAR;
    for (uint32_t i = 0; i < to->count; i++) {
        const uint8_t n = steps[district_place(to->district[i])];
        least = n < least ? n : least;
    }
    if (least != DISTRICT_FAR) {
        return (uint8_t)(NEAR_DISTRICT + least);
    }
    return same_state(from, to) ? NEAR_STATE : NEAR_COUNTRY;
}

int near_order(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = (x->near > y->near) - (x->near < y->near);
    return order != 0 ? order : (x->member > y->member) - (x->member < y->member);
}

void near_places(const struct members *members, struct store_view *v, uint32_t from,
                 struct record *scratch, struct place *out)
{
    struct area here, there;
    uint8_t steps[DISTRICTS];
    struct store_view *read = members->count <= COVERS_MEMBERS_MAX ? v : NULL;
    area_of(members_line(members, from), read, scratch, &here);
    area_steps(&here, steps);
    for (uint32_t i = 0; i < members->count; i++) {
        out[i] = (struct place){i, NEAR_HOUSE};
        if (i != from) {
            area_of(members_line(members, i), read, scratch, &there);
            out[i].near = near_of(&here, &there, steps);
        }
    }
    qsort(out, members->count, sizeof *out, near_order);
}
