/* What the evaluation of gov logs and the houses' cards say, taken over into the member table. */
#include <stdlib.h>

#include "daemon/members_int.h"
#include "proto/assert.h"

/* ---- lines ---- */

static bool line_is_newer(const struct house_line *line, struct span text,
                          const struct house_line *now)
{
    char old[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    return house_line_print(now, old, sizeof old) == TRIS_OK &&
           house_line_newer(line->time_ms, text, now->time_ms, span_str(old));
}

/* The newest of: the charter's line, the card beside an endorsement, the card in the house's own
 * gov log. All of one epoch and key; a card that does not parse or has another role has no effect.
 */
static enum tris_err newest_line(const struct members *m, const struct opening *opening,
                                 struct span beside, struct store_view *v,
                                 struct house_line *scratch, struct house_line *out, bool *found)
{
    const struct house_line *founder =
        opening->epoch == 0 ? charter_find(m->charter, &opening->house) : NULL;
    struct span cards[] = {beside, {NULL, 0}};
    *found = founder != NULL;
    if (founder != NULL) {
        *out = *founder;
    }
    struct tris_log_ref gov;
    opening_log_ref(opening, TRIS_TOPIC_GOV, &gov);
    enum tris_err err = store_house_card(v, &gov, &cards[1]);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        if (cards[i].len == 0 || house_line_parse(cards[i], scratch) != TRIS_OK ||
            !tris_house_id_eq(&scratch->id, &opening->house) || scratch->epoch != opening->epoch ||
            !tris_sign_pub_eq(&scratch->key, &opening->key) || scratch->role != opening->role) {
            continue;
        }
        if (!*found || line_is_newer(scratch, cards[i], out)) {
            *out = *scratch;
            *found = true;
        }
    }
    return TRIS_OK;
}

/* Puts the line in its row; *changed is false if it is the one that is there. */
static enum tris_err line_take(struct member *row, const struct house_line *line, bool *changed)
{
    char now[TRIS_HOUSE_LINE_BYTES_MAX + 1], next[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    if (house_line_print(row->line, now, sizeof now) == TRIS_OK &&
        house_line_print(line, next, sizeof next) == TRIS_OK && strcmp(now, next) == 0) {
        *changed = false;
        return TRIS_OK;
    }
    const struct tris_dh_pub before = row->line->transport;
    enum tris_err err = member_keep_line(row, line);
    *changed = err == TRIS_OK;
    if (err != TRIS_OK) {
        return err;
    }
    if (!tris_dh_pub_eq(&before, &line->transport)) {
        row->former = before; /* the house may still use it */
    }
    if (row->line_epoch != line->epoch) {
        row->former = line->transport; /* whoever has the key of a former epoch is somebody else */
    }
    row->line_epoch = line->epoch;
    member_note_district(row);
    return TRIS_OK;
}

/* ---- logs ---- */

static enum tris_err find_log(const struct members *m, const struct opening *opening,
                              enum tris_topic topic, struct store_view *v, uint32_t *no)
{
    struct tris_log_ref ref;
    struct tris_log_id id;
    opening_log_ref(opening, topic, &ref);
    log_id_derive(&m->charter->fed, &ref, &id);
    enum tris_err err = store_log_find(v, &id, no);
    if (err == TRIS_ERR_NOT_FOUND) {
        *no = UINT32_MAX;
        return TRIS_OK;
    }
    return err;
}

/* The openings whose logs exist: those that were ever complete, of a role that has logs. */
static enum tris_err epochs_update(const struct members *m, struct member *row,
                                   const struct member_set *set, const struct member_house *house,
                                   struct store_view *v)
{
    struct member_epoch *epochs = calloc(house->opening_count + (size_t)1, sizeof *epochs);
    uint32_t count = 0;
    if (epochs == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = TRIS_OK;
    row->gov_no = row->data_no = UINT32_MAX;
    for (uint32_t i = 0; i < house->opening_count && err == TRIS_OK; i++) {
        const struct member_opening *o = &set->opening[house->opening_first + i];
        if (!o->ever || o->opening.role == TRIS_ROLE_OBSERVER) {
            continue;
        }
        struct member_epoch *at = &epochs[count++];
        *at = (struct member_epoch){.epoch = o->opening.epoch, .key = o->opening.key};
        err = find_log(m, &o->opening, TRIS_TOPIC_GOV, v, &at->gov_no);
        if (err == TRIS_OK) {
            err = find_log(m, &o->opening, TRIS_TOPIC_DATA, v, &at->data_no);
        }
        row->gov_no = at->gov_no;
        row->data_no = at->data_no;
    }
    free(row->epochs);
    row->epochs = epochs;
    row->epochs_count = count;
    return err;
}

/* ---- rows ---- */

/* Whose line the house is known by: its current opening; else the last one that was complete; else
 * the first that somebody endorsed. */
static const struct member_opening *speaking_opening(const struct member_set *set,
                                                     const struct member_house *house)
{
    if (house->current != UINT32_MAX) {
        return &set->opening[house->current];
    }
    const struct member_opening *best = NULL;
    for (uint32_t i = 0; i < house->opening_count; i++) {
        const struct member_opening *o = &set->opening[house->opening_first + i];
        best = best == NULL || (o->ever && (!best->ever || o->opening.epoch >= best->opening.epoch))
                   ? o
                   : best;
    }
    return best;
}

/* The row of a house, made if it is new; UINT32_MAX if no line of it is known. */
static enum tris_err row_for(struct members *m, const struct member_house *house,
                             const struct house_line *line, bool found, uint32_t *index,
                             bool *is_new)
{
    *index = members_find(m, &house->id);
    *is_new = *index == UINT32_MAX && found;
    return *is_new ? members_add(m, line, true, index) : TRIS_OK;
}

/* Whether two evaluations say the same of a house, so that nothing has to be read again. */
static bool house_is_same(const struct member_set *a, const struct member_set *b,
                          const struct member_house *house)
{
    uint32_t index = member_find(a, &house->id);
    if (index == UINT32_MAX) {
        return false;
    }
    const struct member_house *was = &a->house[index];
    if (was->state != house->state || was->disputed != house->disputed ||
        was->brittle != house->brittle || was->opening_count != house->opening_count) {
        return false;
    }
    for (uint32_t i = 0; i < house->opening_count; i++) {
        const struct member_opening *x = &a->opening[was->opening_first + i];
        const struct member_opening *y = &b->opening[house->opening_first + i];
        if (!tris_hash_eq(&x->id, &y->id) || x->ever != y->ever || x->counts != y->counts ||
            !span_eq(x->card, y->card)) {
            return false;
        }
    }
    return (was->current == UINT32_MAX) == (house->current == UINT32_MAX) &&
           (was->current == UINT32_MAX ||
            was->current - was->opening_first == house->current - house->opening_first);
}

static enum tris_err house_update(struct members *m, const struct member_set *set,
                                  const struct member_house *house, struct store_view *v,
                                  struct house_line lines[2], members_told_fn *told, void *ctx)
{
    bool found = false, is_new = false;
    uint32_t index = UINT32_MAX;
    const struct member_opening *o = speaking_opening(set, house);
    if (o == NULL || (m->now != NULL && house_is_same(&m->now->set, set, house))) {
        return TRIS_OK; /* named in a revocation alone, or as before */
    }
    enum tris_err err = newest_line(m, &o->opening, o->card, v, &lines[0], &lines[1], &found);
    if (err == TRIS_OK) {
        err = row_for(m, house, &lines[1], found, &index, &is_new);
    }
    if (err != TRIS_OK || index == UINT32_MAX) {
        return err;
    }
    struct member *row = &m->list[index];
    const enum member_state before = row->state;
    const uint32_t epochs = row->epochs_count;
    bool changed = false;
    err = found ? line_take(row, &lines[1], &changed) : TRIS_OK;
    if (err != TRIS_OK) {
        return err;
    }
    row->state = house->state;
    row->role = o->opening.role;
    row->has_logs = row->role != TRIS_ROLE_OBSERVER;
    row->disputed = house->disputed;
    row->brittle = house->brittle;
    err = epochs_update(m, row, set, house, v);
    if (err == TRIS_OK && row->arrived_ms == 0) {
        uint64_t sealed_ms;
        err = store_house_heard(v, &row->id, &sealed_ms, &row->arrived_ms);
    }
    changed = changed || is_new || before != row->state || epochs != row->epochs_count;
    if (err == TRIS_OK && changed && told != NULL) {
        told(ctx, index, before, is_new);
    }
    return err;
}

enum tris_err members_update(struct members *m, struct store_members *now, struct store_view *v,
                             members_told_fn *told, void *ctx)
{
    struct house_line *lines = malloc(2 * sizeof *lines);
    enum tris_err err = lines == NULL ? TRIS_ERR_NO_MEMORY : TRIS_OK;
    for (uint32_t i = 0; i < now->set.house_count && err == TRIS_OK; i++) {
        err = house_update(m, &now->set, &now->set.house[i], v, lines, told, ctx);
    }
    free(lines);
    m->active = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        m->active += member_is_active(&m->list[i]) ? 1 : 0;
    }
    members_free(m->now);
    m->now = now;
    if (err != TRIS_OK) { /* rows were left out: the next one is compared with nothing */
        members_free(now);
        m->now = NULL;
        return err;
    }
    return members_note_slugs(m);
}

enum tris_err members_refresh(struct members *m, uint32_t index, struct store_view *v,
                              bool *changed)
{
    tris_assert(index < m->count);
    struct member *row = &m->list[index];
    uint32_t house = m->now != NULL ? member_find(&m->now->set, &row->id) : UINT32_MAX;
    *changed = false;
    if (house == UINT32_MAX) {
        return TRIS_OK;
    }
    const struct member_opening *o = speaking_opening(&m->now->set, &m->now->set.house[house]);
    struct house_line *lines = malloc(2 * sizeof *lines);
    bool found = false;
    if (lines == NULL || o == NULL) {
        free(lines);
        return o == NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = newest_line(m, &o->opening, o->card, v, &lines[0], &lines[1], &found);
    err = err == TRIS_OK && found ? line_take(row, &lines[1], changed) : err;
    free(lines);
    return err == TRIS_OK && *changed ? members_note_slugs(m) : err;
}
