/* Membership as callers see it: one evaluation, its result, questions to it; see member.h. The
 * strata are in member_strata.c. */
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/member_int.h"

/* What the result is built from. */
struct build {
    const struct member_work *w;
    const struct member_statement *statements;
    struct member_set *set;
};

/* ---- who states it ---- */

/* One in each log, the first: items of one target are sorted by log, then by position. */
static void add_by(struct build *b, const struct member_item *items,
                   const struct member_target *target, const struct tris_house_id *about)
{
    const struct member_work *w = b->w;
    uint32_t last_log = MEMBER_NO_LOG;
    for (uint32_t i = target->item_first; i < target->item_first + target->item_count; i++) {
        const struct member_item *item = &items[i];
        if (!member_item_ever(w, item) || item->log == last_log) {
            continue;
        }
        last_log = item->log;
        bool counts = !tris_house_id_eq(&item->by->by.house, about);
        if (item->opening != NULL) {
            counts = counts && w->log[item->log].live && member_before_cut(w, item);
        }
        b->set->by[b->set->by_count++] =
            (struct member_by){.statement = (uint32_t)(item->by - b->statements), .counts = counts};
    }
}

/* The newest of the cards that came with endorsements, whoever made them: it is the house's own
 * signature that makes a card. */
static struct span pick_card(const struct build *b, const struct member_target *target)
{
    struct span best = {0};
    uint64_t best_ms = 0;
    for (uint32_t i = target->item_first; i < target->item_first + target->item_count; i++) {
        const struct member_item *item = &b->w->endorse[i];
        if (!member_item_ever(b->w, item)) {
            continue;
        }
        struct span card = item->by->what.card;
        uint64_t time_ms = house_line_time(card);
        if (best.len == 0 || house_line_newer(time_ms, card, best_ms, best)) {
            best = card;
            best_ms = time_ms;
        }
    }
    return best;
}

/* ---- openings and revocations ---- */

static void add_opening(struct build *b, const struct member_work_opening *from)
{
    struct member_set *set = b->set;
    const uint32_t by_first = set->by_count;
    add_by(b, b->w->endorse, &from->target, &from->what->house);
    if (!from->by_charter && set->by_count == by_first) {
        return; /* only strangers name it */
    }
    struct member_opening *o = &set->opening[set->opening_count++];
    *o = (struct member_opening){
        .opening = *from->what,
        .id = from->id,
        .by_charter = from->by_charter,
        .ever = from->ever,
        .counts = from->in,
        .revoked = from->revoked,
        .by_first = by_first,
        .by_count = set->by_count - by_first,
        .counted = from->target.houses,
        .counted_founders = from->target.founders,
        .card = pick_card(b, &from->target),
        .data_end = from->data_cut,
        .gov_end = from->gov_cut,
    };
}

static void add_revocation(struct build *b, const struct member_work_revocation *from)
{
    struct member_set *set = b->set;
    const uint32_t by_first = set->by_count;
    add_by(b, b->w->revoke, &from->target, &from->what->house);
    if (set->by_count == by_first) {
        return;
    }
    set->revocation[set->revocation_count++] = (struct member_revocation){
        .revocation = *from->what,
        .id = from->id,
        .by_first = by_first,
        .by_count = set->by_count - by_first,
        .counted = from->target.houses,
        .complete = from->complete,
    };
}

/* ---- houses ---- */

/* Openings of one epoch of one house: those that count, and where the epoch ends. */
struct epoch {
    uint32_t first, count;
    uint32_t counting; /* how many of them count */
    uint32_t chosen;   /* the one that counts, if one does */
};

static struct epoch epoch_at(const struct member_set *set, uint32_t first, uint32_t end)
{
    struct epoch e = {.first = first};
    for (uint32_t i = first; i < end; i++) {
        if (set->opening[i].opening.epoch != set->opening[first].opening.epoch) {
            break;
        }
        e.count++;
        if (set->opening[i].counts) {
            e.counting++;
            e.chosen = i;
        }
    }
    return e;
}

/* The one opening of the next epoch says where the former data log ends. */
static void close_epoch(struct member_set *set, const struct epoch *e, const struct epoch *next)
{
    const struct member_opening *by = &set->opening[next->chosen];
    if (e->count == 0 || next->counting != 1 || !by->opening.has_closes ||
        set->opening[e->first].opening.epoch != by->opening.epoch - 1) {
        return;
    }
    for (uint32_t i = e->first; i < e->first + e->count; i++) {
        set->opening[i].closed = true;
        set->opening[i].data_end = by->opening.closes;
    }
}

/* Stratum 4. `disputed`: a lower epoch has two openings. */
static bool is_current(const struct charter *c, const struct member_opening *o, bool disputed)
{
    return !o->revoked && (!disputed || o->counted >= c->revoke);
}

/* By what a house is called that is no active one: an opening that counts, else one that did. */
static int opening_rank(const struct member_opening *o)
{
    return o->counts ? 2 : o->ever ? 1 : 0;
}

static void judge_house(const struct charter *c, struct member_set *set, struct member_house *h)
{
    const uint32_t end = h->opening_first + h->opening_count;
    struct epoch before = {0};
    uint32_t last = h->opening_first;
    for (uint32_t i = h->opening_first; i < end; i += before.count) {
        struct epoch e = epoch_at(set, i, end);
        if (e.counting == 1 && is_current(c, &set->opening[e.chosen], h->disputed)) {
            h->current = e.chosen;
        }
        h->disputed = h->disputed || e.counting > 1;
        close_epoch(set, &before, &e);
        before = e;
    }
    for (uint32_t i = h->opening_first; i < end; i++) {
        h->ever = h->ever || set->opening[i].ever;
        if (opening_rank(&set->opening[i]) >= opening_rank(&set->opening[last])) {
            last = i;
        }
    }
    const struct member_opening *o = &set->opening[h->current != UINT32_MAX ? h->current : last];
    h->role = o->opening.role;
    h->state = h->current != UINT32_MAX ? MEMBER_ACTIVE
               : h->ever                ? MEMBER_REVOKED
                                        : MEMBER_CANDIDATE;
    h->brittle = h->current != UINT32_MAX && !o->by_charter && o->counted <= c->admit;
}

/* Both arrays are sorted by house. */
static void add_houses(const struct charter *c, struct member_set *set)
{
    uint32_t revocation = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->opening_count;) {
        const struct tris_house_id id = set->opening[i].opening.house;
        struct member_house *h = &set->house[set->house_count++];
        *h = (struct member_house){.id = id, .opening_first = i, .current = UINT32_MAX};
        while (i < set->opening_count && tris_house_id_eq(&set->opening[i].opening.house, &id)) {
            i++;
        }
        h->opening_count = i - h->opening_first;
        while (revocation < set->revocation_count &&
               tris_house_id_cmp(&set->revocation[revocation].revocation.house, &id) < 0) {
            revocation++; /* of a house that nobody has endorsed */
        }
        h->revocation_first = kept;
        while (revocation < set->revocation_count &&
               tris_house_id_eq(&set->revocation[revocation].revocation.house, &id)) {
            set->revocation[kept++] = set->revocation[revocation++];
        }
        h->revocation_count = kept - h->revocation_first;
        judge_house(c, set, h);
    }
    set->revocation_count = kept;
}

/* ---- the face ---- */

static enum tris_err build_set(struct build *b)
{
    const struct member_work *w = b->w;
    struct member_set *set = b->set;
    const size_t openings = (size_t)w->opening_count + 1; /* never of none */
    set->house = calloc(openings, sizeof set->house[0]);
    set->opening = calloc(openings, sizeof set->opening[0]);
    set->revocation = calloc((size_t)w->revocation_count + 1, sizeof set->revocation[0]);
    set->by = calloc((size_t)w->endorse_count + w->revoke_count + 1, sizeof set->by[0]);
    if (set->house == NULL || set->opening == NULL || set->revocation == NULL || set->by == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < w->opening_count; i++) {
        add_opening(b, &w->opening[i]);
    }
    for (uint32_t i = 0; i < w->revocation_count; i++) {
        add_revocation(b, &w->revocation[i]);
    }
    add_houses(w->charter, set);
    return TRIS_OK;
}

enum tris_err member_evaluate(const struct charter *charter,
                              const struct member_statement *statements, uint32_t count,
                              struct member_set *out)
{
    struct member_work w;
    *out = (struct member_set){0};
    if (count > MEMBER_STATEMENTS_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    enum tris_err err = member_work_init(charter, statements, count, &w);
    if (err == TRIS_OK) {
        struct build b = {.w = &w, .statements = statements, .set = out};
        member_work_strata(&w);
        err = build_set(&b);
    }
    member_work_fini(&w);
    if (err != TRIS_OK) {
        member_set_fini(out);
    }
    return err;
}

void member_set_fini(struct member_set *set)
{
    free(set->house);
    free(set->opening);
    free(set->revocation);
    free(set->by);
    *set = (struct member_set){0};
}

uint32_t member_find(const struct member_set *set, const struct tris_house_id *house)
{
    uint32_t low = 0;
    uint32_t high = set->house_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int cmp = tris_house_id_cmp(house, &set->house[middle].id);
        if (cmp == 0) {
            return middle;
        }
        if (cmp < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return UINT32_MAX;
}

uint32_t member_opening_of_log(const struct member_set *set, const struct tris_log_ref *ref)
{
    uint32_t found = UINT32_MAX;
    uint32_t house = member_find(set, &ref->house);
    if (house == UINT32_MAX) {
        return found;
    }
    const struct member_house *h = &set->house[house];
    for (uint32_t i = h->opening_first; i < h->opening_first + h->opening_count; i++) {
        const struct member_opening *o = &set->opening[i];
        if (o->opening.epoch == ref->epoch && o->opening.role != TRIS_ROLE_OBSERVER &&
            tris_sign_pub_eq(&o->opening.key, &ref->seal_key) &&
            (found == UINT32_MAX || opening_rank(o) > opening_rank(&set->opening[found]))) {
            found = i;
        }
    }
    return found;
}

uint32_t member_missing(const struct charter *charter, const struct member_opening *opening)
{
    if (opening->counts) {
        return 0;
    }
    const struct house_line *line = charter_find(charter, &opening->opening.house);
    const uint32_t houses = charter->admit - opening->counted;
    const uint32_t founders = charter->founder_count - opening->counted_founders;
    bool founder = line != NULL && line->role != TRIS_ROLE_OBSERVER;
    return founder || houses < founders ? houses : founders;
}
