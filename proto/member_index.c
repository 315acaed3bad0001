/* Sorting of statements by what they state and by whom, for the strata; see member_int.h. */
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/member_int.h"

/* ---- order ---- */

static int uint_cmp(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int member_epoch_cmp(const struct tris_house_id *a, uint32_t a_epoch, const struct tris_house_id *b,
                     uint32_t b_epoch)
{
    int cmp = tris_house_id_cmp(a, b);
    return cmp != 0 ? cmp : uint_cmp(a_epoch, b_epoch);
}

static int cut_cmp(const struct log_cut *a, const struct log_cut *b)
{
    int cmp = uint_cmp(a->size, b->size);
    return cmp != 0 ? cmp : tris_hash_cmp(&a->root, &b->root);
}

/* House, epoch, key. */
static int log_cmp(const struct opening *a, const struct opening *b)
{
    int cmp = member_epoch_cmp(&a->house, a->epoch, &b->house, b->epoch);
    return cmp != 0 ? cmp : tris_sign_pub_cmp(&a->key, &b->key);
}

/* 0 exactly for openings of one id. */
static int opening_cmp(const struct opening *a, const struct opening *b)
{
    int cmp = log_cmp(a, b);
    cmp = cmp != 0 ? cmp : uint_cmp(a->role, b->role);
    cmp = cmp != 0 ? cmp : strcmp(a->region, b->region);
    cmp = cmp != 0 ? cmp : uint_cmp(a->has_closes, b->has_closes);
    return cmp != 0 || !a->has_closes ? cmp : cut_cmp(&a->closes, &b->closes);
}

static int revocation_cmp(const struct revocation *a, const struct revocation *b)
{
    int cmp = member_epoch_cmp(&a->house, a->epoch, &b->house, b->epoch);
    cmp = cmp != 0 ? cmp : cut_cmp(&a->gov, &b->gov);
    cmp = cmp != 0 ? cmp : cut_cmp(&a->data, &b->data);
    cmp = cmp != 0 ? cmp : uint_cmp(a->has_successor, b->has_successor);
    return cmp != 0 || !a->has_successor ? cmp : tris_house_id_cmp(&a->successor, &b->successor);
}

/* By house, epoch, key and position of who states it; the charter comes first. */
static int by_cmp(const struct member_item *a, const struct member_item *b)
{
    if (a->by == NULL || b->by == NULL) {
        return (a->by != NULL) - (b->by != NULL);
    }
    const struct tris_log_ref *x = &a->by->by;
    const struct tris_log_ref *y = &b->by->by;
    int cmp = member_epoch_cmp(&x->house, x->epoch, &y->house, y->epoch);
    cmp = cmp != 0 ? cmp : tris_sign_pub_cmp(&x->seal_key, &y->seal_key);
    return cmp != 0 ? cmp : uint_cmp(a->by->seq, b->by->seq);
}

static int endorse_qsort(const void *a, const void *b)
{
    const struct member_item *x = a;
    const struct member_item *y = b;
    int cmp = opening_cmp(x->opening, y->opening);
    return cmp != 0 ? cmp : by_cmp(x, y);
}

static int revoke_qsort(const void *a, const void *b)
{
    const struct member_item *x = a;
    const struct member_item *y = b;
    int cmp = revocation_cmp(&x->by->what.revocation, &y->by->what.revocation);
    return cmp != 0 ? cmp : by_cmp(x, y);
}

static int opening_qsort(const void *a, const void *b)
{
    const struct member_work_opening *x = a;
    const struct member_work_opening *y = b;
    int cmp = member_epoch_cmp(&x->what->house, x->what->epoch, &y->what->house, y->what->epoch);
    return cmp != 0 ? cmp : tris_hash_cmp(&x->id, &y->id);
}

static int revocation_qsort(const void *a, const void *b)
{
    const struct member_work_revocation *x = a;
    const struct member_work_revocation *y = b;
    int cmp = member_epoch_cmp(&x->what->house, x->what->epoch, &y->what->house, y->what->epoch);
    return cmp != 0 ? cmp : tris_hash_cmp(&x->id, &y->id);
}

static int log_qsort(const void *a, const void *b)
{
    const struct member_work_log *x = a;
    const struct member_work_log *y = b;
    return log_cmp(x->what, y->what);
}

/* ---- statements to items ---- */

static void *array_of(uint32_t count, size_t size)
{
    return calloc((size_t)count + 1, size); /* never of none */
}

static bool is_founder(const struct charter *c, const struct tris_house_id *house)
{
    const struct house_line *line = charter_find(c, house);
    return line != NULL && line->role != TRIS_ROLE_OBSERVER;
}

static void collect(struct member_work *w, const struct member_statement *statements,
                    uint32_t count)
{
    for (uint32_t i = 0; i < w->charter->member_count; i++) {
        opening_of_line(&w->charter->member[i], &w->line[i]);
        w->endorse[w->endorse_count++] = (struct member_item){.opening = &w->line[i]};
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct member_statement *s = &statements[i];
        if (s->what.revoke) {
            w->revoke[w->revoke_count++] = (struct member_item){.by = s};
        } else {
            w->endorse[w->endorse_count++] =
                (struct member_item){.by = s, .opening = &s->what.opening};
        }
    }
    qsort(w->endorse, w->endorse_count, sizeof w->endorse[0], endorse_qsort);
    qsort(w->revoke, w->revoke_count, sizeof w->revoke[0], revoke_qsort);
}

/* ---- items to targets ---- */

static void add_opening(struct member_work *w, uint32_t first)
{
    const struct member_item *item = &w->endorse[first];
    struct member_work_opening *o = &w->opening[w->opening_count++];
    *o = (struct member_work_opening){.what = item->opening,
                                      .target = {.item_first = first},
                                      .log = MEMBER_NO_LOG,
                                      .by_charter = item->by == NULL,
                                      .data_cut = {.size = UINT64_MAX},
                                      .gov_cut = {.size = UINT64_MAX}};
    o->founder = is_founder(w->charter, &o->what->house);
    opening_id(o->what, &o->id);
}

static void group_openings(struct member_work *w)
{
    for (uint32_t i = 0; i < w->endorse_count; i++) {
        if (i == 0 || opening_cmp(w->endorse[i - 1].opening, w->endorse[i].opening) != 0) {
            add_opening(w, i);
        }
        w->opening[w->opening_count - 1].target.item_count++;
    }
    qsort(w->opening, w->opening_count, sizeof w->opening[0], opening_qsort);
}

static void group_revocations(struct member_work *w)
{
    for (uint32_t i = 0; i < w->revoke_count; i++) {
        const struct revocation *what = &w->revoke[i].by->what.revocation;
        if (i == 0 || revocation_cmp(&w->revoke[i - 1].by->what.revocation, what) != 0) {
            struct member_work_revocation *r = &w->revocation[w->revocation_count++];
            *r = (struct member_work_revocation){.what = what, .target = {.item_first = i}};
            revocation_id(what, &r->id);
        }
        w->revocation[w->revocation_count - 1].target.item_count++;
    }
    qsort(w->revocation, w->revocation_count, sizeof w->revocation[0], revocation_qsort);
}

/* ---- logs ---- */

/* Openings of one key that differ in other fields share a log. */
static void group_logs(struct member_work *w)
{
    uint32_t named = 0;
    for (uint32_t i = 0; i < w->opening_count; i++) {
        const struct member_work_opening *o = &w->opening[i];
        if (o->what->role != TRIS_ROLE_OBSERVER) {
            w->log[named++] = (struct member_work_log){.what = o->what, .opening = i};
        }
    }
    qsort(w->log, named, sizeof w->log[0], log_qsort);
    for (uint32_t i = 0; i < named; i++) {
        uint32_t opening = w->log[i].opening;
        if (i == 0 || log_cmp(w->log[w->log_count - 1].what, w->log[i].what) != 0) {
            struct member_work_log *log = &w->log[w->log_count++];
            *log = w->log[i];
            log->item_first = MEMBER_NO_ITEM;
            log->founder = w->opening[opening].founder;
        }
        w->opening[opening].log = w->log_count - 1;
    }
}

static uint32_t find_log(const struct member_work *w, const struct tris_log_ref *ref)
{
    const struct opening what = {.house = ref->house, .epoch = ref->epoch, .key = ref->seal_key};
    uint32_t low = 0;
    uint32_t high = ref->topic == TRIS_TOPIC_GOV ? w->log_count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int cmp = log_cmp(&what, w->log[middle].what);
        if (cmp == 0) {
            return middle;
        }
        if (cmp < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return MEMBER_NO_LOG;
}

/* Of two neighbours of one opening; the charter's comes first and is the only one. */
static bool same_house(const struct member_item *a, const struct member_item *b)
{
    return a->by != NULL && tris_house_id_eq(&a->by->by.house, &b->by->by.house);
}

static void place_endorsements(struct member_work *w)
{
    for (uint32_t k = 0; k < w->opening_count; k++) {
        const struct member_target *t = &w->opening[k].target;
        for (uint32_t i = t->item_first; i < t->item_first + t->item_count; i++) {
            struct member_item *item = &w->endorse[i];
            if (i == t->item_first || !same_house(item - 1, item)) {
                w->group_count++;
            }
            item->target = k;
            item->group = w->group_count - 1;
            item->log = item->by != NULL ? find_log(w, &item->by->by) : MEMBER_NO_LOG;
            item->next = MEMBER_NO_ITEM;
            if (item->log != MEMBER_NO_LOG) {
                item->next = w->log[item->log].item_first;
                w->log[item->log].item_first = i;
            }
        }
    }
}

static void place_revocations(struct member_work *w)
{
    for (uint32_t k = 0; k < w->revocation_count; k++) {
        const struct member_target *t = &w->revocation[k].target;
        for (uint32_t i = t->item_first; i < t->item_first + t->item_count; i++) {
            w->revoke[i].target = k;
            w->revoke[i].log = find_log(w, &w->revoke[i].by->by);
        }
    }
}

/* ---- all of it ---- */

enum tris_err member_work_init(const struct charter *charter,
                               const struct member_statement *statements, uint32_t count,
                               struct member_work *out)
{
    struct member_work *w = out;
    tris_assert(count <= MEMBER_STATEMENTS_MAX);
    *w = (struct member_work){.charter = charter};
    uint32_t revokes = 0;
    for (uint32_t i = 0; i < count; i++) {
        revokes += statements[i].what.revoke;
    }
    const uint32_t endorses = count - revokes + charter->member_count;
    w->line = array_of(charter->member_count, sizeof w->line[0]);
    w->endorse = array_of(endorses, sizeof w->endorse[0]);
    w->revoke = array_of(revokes, sizeof w->revoke[0]);
    w->opening = array_of(endorses, sizeof w->opening[0]);
    w->revocation = array_of(revokes, sizeof w->revocation[0]);
    w->log = array_of(endorses, sizeof w->log[0]);
    w->group_seen = array_of(endorses, sizeof w->group_seen[0]);
    w->stack = array_of(endorses, sizeof w->stack[0]);
    if (w->line == NULL || w->endorse == NULL || w->revoke == NULL || w->opening == NULL ||
        w->revocation == NULL || w->log == NULL || w->group_seen == NULL || w->stack == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    collect(w, statements, count);
    group_openings(w);
    group_revocations(w);
    group_logs(w);
    place_endorsements(w);
    place_revocations(w);
    return TRIS_OK;
}

void member_work_fini(struct member_work *w)
{
    free(w->line);
    free(w->endorse);
    free(w->revoke);
    free(w->opening);
    free(w->revocation);
    free(w->log);
    free(w->group_seen);
    free(w->stack);
    *w = (struct member_work){0};
}
