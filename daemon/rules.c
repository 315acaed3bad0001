/* Rules between records; see rules.h. */
#include "daemon/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/ctl_in.h"

enum { RULES_STEPS_MAX = 64 }; /* of 4,096 rows each: no list of regions is longer */

/* The next record of the filter; TRIS_ERR_NOT_FOUND at the end. */
static enum tris_err next(struct store_view *v, const struct record_filter *filter,
                          struct record_ref *cursor, struct store_record *out)
{
    enum tris_err err = TRIS_ERR_NOT_READY;
    for (int i = 0; i < RULES_STEPS_MAX && err == TRIS_ERR_NOT_READY; i++) {
        err = store_record_next(v, filter, cursor, out);
    }
    return err;
}

/* Rollouts of one district; of keys that no index has, all. */
static struct record_filter of_region(struct span region)
{
    struct record_filter filter = {.kind = KIND_ROLLOUT};
    bool digits = region.len == sizeof filter.region - 1;
    for (size_t i = 0; i < region.len; i++) {
        digits = digits && region.ptr[i] >= '0' && region.ptr[i] <= '9';
    }
    if (digits) {
        memcpy(filter.region, region.ptr, region.len);
    }
    return filter;
}

struct rollouts {
    struct record mine, other;
};

/* One region is not running in two steps at once, whoever says so. */
static enum tris_err check_rollout(struct store_view *v, struct rollouts *r,
                                   const struct record_ref *self, struct record_ref *other)
{
    struct store_record found;
    struct record_ref cursor = {UINT32_MAX, 0};
    struct span region = record_value(&r->mine, ROLLOUT_REGION)->text;
    if (record_number(&r->mine, ROLLOUT_STATUS) != ROLLOUT_STATE_RUNNING) {
        return TRIS_OK;
    }
    const struct record_filter filter = of_region(region);
    enum tris_err err;
    while ((err = next(v, &filter, &cursor, &found)) == TRIS_OK) {
        bool same = self != NULL && found.ref.log_no == self->log_no && found.ref.seq == self->seq;
        if (same || record_decode(r->mine.kind, found.payload, &r->other, NULL) != TRIS_OK) {
            continue;
        }
        if (span_eq(record_value(&r->other, ROLLOUT_REGION)->text, region) &&
            record_number(&r->other, ROLLOUT_STATUS) == ROLLOUT_STATE_RUNNING &&
            record_number(&r->other, ROLLOUT_STEP) != record_number(&r->mine, ROLLOUT_STEP)) {
            *other = found.ref;
            return TRIS_ERR_CONFLICT;
        }
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err rules_check(struct store_view *v, enum tris_role role, uint32_t kind,
                          struct span payload, const struct record_ref *self,
                          struct record_ref *other)
{
    if (kind == KIND_RELEASE && role != TRIS_ROLE_COORDINATION) {
        return TRIS_ERR_ROLE;
    }
    if (kind != KIND_ROLLOUT) {
        return TRIS_OK;
    }
    struct rollouts *r = malloc(sizeof *r);
    if (r == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = record_decode(schema_kind(kind), payload, &r->mine, NULL);
    if (err == TRIS_OK) {
        err = check_rollout(v, r, self, other);
    }
    free(r);
    return err;
}

/* ---- warnings ---- */

/* True if the evaluation is of this region's rollout in this step. */
static bool is_of_step(struct daemon *d, struct store_view *v, const struct value *subject,
                       struct span region, uint64_t step, struct record *scratch)
{
    struct tris_house_id house;
    struct store_record found;
    struct record_ref ref = {0, subject->number};
    memcpy(house.b, subject->text.ptr, sizeof house.b);
    return resolve_log(d, &house, subject->count, &ref.log_no) == TRIS_OK &&
           store_record_get(v, ref, &found) == TRIS_OK && found.kind == KIND_ROLLOUT &&
           record_decode(schema_kind(KIND_ROLLOUT), found.payload, scratch, NULL) == TRIS_OK &&
           span_eq(record_value(scratch, ROLLOUT_REGION)->text, region) &&
           record_number(scratch, ROLLOUT_STEP) == step;
}

static bool is_evaluated(struct daemon *d, struct store_view *v, struct span region, uint64_t step)
{
    struct store_record found;
    struct record_ref cursor = {UINT32_MAX, 0};
    const struct record_filter filter = {.kind = KIND_EVALUATION};
    struct record *scratch = malloc(2 * sizeof *scratch);
    bool evaluated = scratch == NULL; /* without memory nobody is warned */
    while (!evaluated && next(v, &filter, &cursor, &found) == TRIS_OK) {
        evaluated = record_decode(schema_kind(KIND_EVALUATION), found.payload, &scratch[0], NULL) ==
                        TRIS_OK &&
                    is_of_step(d, v, record_value(&scratch[0], EVALUATION_SUBJECT), region, step,
                               &scratch[1]);
    }
    free(scratch);
    return evaluated;
}

void rules_warn(struct daemon *d, struct store_view *v, const struct record *r,
                char text[RULES_TEXT_BYTES])
{
    text[0] = '\0';
    if (r->kind->number != KIND_ROLLOUT) {
        return;
    }
    const uint64_t step = record_number(r, ROLLOUT_STEP);
    if (step >= ROLLOUT_STEP_PILOT &&
        !is_evaluated(d, v, record_value(r, ROLLOUT_REGION)->text, step - 1)) {
        (void)snprintf(text, RULES_TEXT_BYTES, "%s",
                       "the step before has no evaluation in this region");
    }
}
