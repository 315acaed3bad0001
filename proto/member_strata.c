/* The strata of membership: least fixpoints over sorted statements; see member.h and FORMAT.md
 * section "Membership". */
#include "proto/assert.h"
#include "proto/member_int.h"

bool member_before_cut(const struct member_work *w, const struct member_item *item)
{
    return item->by->seq < w->opening[w->log[item->log].opening].gov_cut.size;
}

/* ---- strata 1 and 3 ---- */

static bool is_complete(const struct member_work *w, const struct member_work_opening *o)
{
    return o->target.houses >= w->charter->admit ||
           (!o->founder && o->target.founders == w->charter->founder_count);
}

static void enter(struct member_work *w, uint32_t opening, uint32_t *waiting)
{
    w->opening[opening].in = true;
    w->stack[(*waiting)++] = opening;
    tris_assert(*waiting <= w->opening_count);
}

/* Every endorsement in a log that has just come to count. */
static void count_log(struct member_work *w, struct member_work_log *log, bool cuts,
                      uint32_t *waiting)
{
    log->live = true;
    for (uint32_t i = log->item_first; i != MEMBER_NO_ITEM; i = w->endorse[i].next) {
        const struct member_item *item = &w->endorse[i];
        struct member_work_opening *o = &w->opening[item->target];
        if (tris_house_id_eq(&o->what->house, &log->what->house) || w->group_seen[item->group] ||
            (cuts && !member_before_cut(w, item))) {
            continue;
        }
        w->group_seen[item->group] = 1;
        o->target.houses++;
        o->target.founders += log->founder;
        if (!o->in && is_complete(w, o)) {
            enter(w, item->target, waiting);
        }
    }
}

/* The least set of openings that holds the charter's and all that it makes complete. Each opening
 * enters once and each endorsement is looked at once. */
static void fixpoint(struct member_work *w, bool cuts)
{
    uint32_t waiting = 0;
    memset(w->group_seen, 0, w->group_count * sizeof w->group_seen[0]);
    for (uint32_t i = 0; i < w->log_count; i++) {
        w->log[i].live = false;
    }
    for (uint32_t i = 0; i < w->opening_count; i++) {
        struct member_work_opening *o = &w->opening[i];
        o->target.houses = 0;
        o->target.founders = 0;
        o->in = false;
        if (o->by_charter) {
            enter(w, i, &waiting);
        }
    }
    while (waiting > 0) {
        uint32_t log = w->opening[w->stack[--waiting]].log;
        if (log != MEMBER_NO_LOG && !w->log[log].live) {
            count_log(w, &w->log[log], cuts, &waiting);
        }
    }
}

/* ---- stratum 2 ---- */

static void count_revocation(struct member_work *w, struct member_work_revocation *r)
{
    const struct member_item *last = NULL;
    struct member_target *t = &r->target;
    for (uint32_t i = t->item_first; i < t->item_first + t->item_count; i++) {
        const struct member_item *item = &w->revoke[i];
        const struct tris_house_id *house = &item->by->by.house;
        if (!member_item_ever(w, item) || tris_house_id_eq(house, &r->what->house) ||
            (last != NULL && tris_house_id_eq(house, &last->by->by.house))) {
            continue;
        }
        last = item;
        t->houses++;
    }
    r->complete = t->houses >= w->charter->revoke;
}

static void lower(struct log_cut *cut, const struct log_cut *other)
{
    if (other->size < cut->size ||
        (other->size == cut->size && tris_hash_cmp(&other->root, &cut->root) < 0)) {
        *cut = *other;
    }
}

/* The complete revocations of an opening's epoch, which begin at `from`. */
static void cut_opening(const struct member_work *w, struct member_work_opening *o, uint32_t from)
{
    for (uint32_t i = from; i < w->revocation_count; i++) {
        const struct member_work_revocation *r = &w->revocation[i];
        if (member_epoch_cmp(&r->what->house, r->what->epoch, &o->what->house, o->what->epoch) !=
            0) {
            return;
        }
        if (r->complete) {
            o->revoked = true;
            lower(&o->gov_cut, &r->what->gov);
            lower(&o->data_cut, &r->what->data);
        }
    }
}

static bool same_epoch(const struct opening *a, const struct opening *b)
{
    return member_epoch_cmp(&a->house, a->epoch, &b->house, b->epoch) == 0;
}

/* Openings and revocations are both sorted by house and epoch; each epoch is looked up once. */
static void cut_all(struct member_work *w)
{
    uint32_t from = 0;
    for (uint32_t i = 0; i < w->revocation_count; i++) {
        count_revocation(w, &w->revocation[i]);
    }
    for (uint32_t i = 0; i < w->opening_count; i++) {
        struct member_work_opening *o = &w->opening[i];
        if (i > 0 && same_epoch(o[-1].what, o->what)) {
            o->revoked = o[-1].revoked;
            o->gov_cut = o[-1].gov_cut;
            o->data_cut = o[-1].data_cut;
            continue;
        }
        while (from < w->revocation_count &&
               member_epoch_cmp(&w->revocation[from].what->house, w->revocation[from].what->epoch,
                                &o->what->house, o->what->epoch) < 0) {
            from++;
        }
        cut_opening(w, o, from);
    }
}

void member_work_strata(struct member_work *w)
{
    fixpoint(w, false);
    for (uint32_t i = 0; i < w->opening_count; i++) {
        w->opening[i].ever = w->opening[i].in;
    }
    for (uint32_t i = 0; i < w->log_count; i++) {
        w->log[i].ever = w->log[i].live;
    }
    cut_all(w);
    fixpoint(w, true);
}
