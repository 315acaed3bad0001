/* The member table: charter lines overlaid by cards; see members.h. */
#include "daemon/members.h"

#include <stdlib.h>

#include "proto/assert.h"
#include "proto/district.h"
#include "proto/entry.h"

static const struct house_line *member_line(const struct member *member)
{
    return member->card != NULL ? member->card : member->charter_line;
}

static int member_cmp(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return tris_house_id_cmp(&x->charter_line->id, &y->charter_line->id);
}

struct slug_row {
    const char *slug;
    uint32_t index;
};

static int slug_cmp(const void *a, const void *b)
{
    const struct slug_row *x = a, *y = b;
    return strcmp(x->slug, y->slug);
}

/* Which slugs are not unique: asked for with every record that is shown. */
static enum tris_err note_shared_slugs(struct members *m)
{
    struct slug_row *rows = malloc((m->count + 1) * sizeof *rows);
    if (rows == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        rows[i] = (struct slug_row){member_line(&m->list[i])->slug, i};
        m->list[i].slug_shared = false;
    }
    qsort(rows, m->count, sizeof *rows, slug_cmp);
    for (uint32_t i = 1; i < m->count; i++) {
        if (slug_cmp(&rows[i - 1], &rows[i]) == 0) {
            m->list[rows[i - 1].index].slug_shared = true;
            m->list[rows[i].index].slug_shared = true;
        }
    }
    free(rows);
    return TRIS_OK;
}

/* Figures ask it of ten thousand members at once. */
static void note_district(struct member *member)
{
    const struct district *found = district_find(span_str(member_line(member)->region));
    member->district = found != NULL ? (uint16_t)(found - district_at(0)) : MEMBER_DISTRICT_NONE;
}

enum tris_err members_init(struct members *m, const struct charter *charter)
{
    memset(m, 0, sizeof *m);
    m->charter = charter;
    if (charter->member_count == 0) {
        return TRIS_OK;
    }
    m->list = calloc(charter->member_count, sizeof *m->list);
    if (m->list == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    m->count = charter->member_count;
    for (uint32_t i = 0; i < m->count; i++) {
        m->list[i].charter_line = &charter->member[i];
        m->list[i].former = charter->member[i].transport;
        m->list[i].gov_no = UINT32_MAX;
        m->list[i].data_no = UINT32_MAX;
        m->list[i].has_logs = charter->member[i].role != TRIS_ROLE_OBSERVER;
        note_district(&m->list[i]);
    }
    qsort(m->list, m->count, sizeof *m->list, member_cmp);
    return note_shared_slugs(m);
}

void members_fini(struct members *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        free(m->list[i].card);
    }
    free(m->list);
    memset(m, 0, sizeof *m);
}

static void member_log_id(const struct members *m, const struct member *member,
                          enum tris_topic topic, struct tris_log_id *out)
{
    struct tris_log_ref ref = {.house = member->charter_line->id, .topic = topic, .epoch = 0};
    memcpy(ref.seal_key.b, ref.house.b, sizeof ref.seal_key.b);
    log_id_derive(&m->charter->fed, &ref, out);
}

static enum tris_err member_find_logs(const struct members *m, struct member *member,
                                      struct store_view *v)
{
    struct tris_log_id id;
    member_log_id(m, member, TRIS_TOPIC_GOV, &id);
    enum tris_err err = store_log_find(v, &id, &member->gov_no);
    if (err != TRIS_OK) {
        return err;
    }
    member_log_id(m, member, TRIS_TOPIC_DATA, &id);
    return store_log_find(v, &id, &member->data_no);
}

/* A card counts if it is the house's own signed line and newer than the one in use. */
static bool card_counts(const struct house_line *card, struct span text,
                        const struct house_line *now)
{
    char old[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    return tris_house_id_eq(&card->id, &now->id) && card->role == now->role &&
           house_line_print(now, old, sizeof old) == TRIS_OK &&
           house_line_newer(card->time_ms, text, now->time_ms, span_str(old));
}

/* The card in use was cut away with the end of a forked log: what counts now is what a start would
 * read. */
static bool card_is_gone(const struct member *member, bool found, struct span newest)
{
    struct house_line line;
    char used[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    if (member->card == NULL || !found) {
        return member->card != NULL;
    }
    return house_line_parse(newest, &line) == TRIS_OK &&
           house_line_print(member->card, used, sizeof used) == TRIS_OK &&
           card_counts(member->card, span_str(used), &line);
}

static enum tris_err card_refresh(struct member *member, struct store_view *v, bool *changed)
{
    *changed = false;
    struct span text;
    enum tris_err err = store_house_card(v, &member->charter_line->id, &text);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    const bool gone = card_is_gone(member, err == TRIS_OK, text);
    if (gone) {
        member->former = member->card->transport; /* the house may still use it */
        free(member->card);
        member->card = NULL;
        note_district(member);
        *changed = true;
    }
    if (err == TRIS_ERR_NOT_FOUND) {
        return TRIS_OK;
    }
    const struct house_line *now = member_line(member);
    struct house_line *card = malloc(sizeof *card);
    if (card == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    /* a card that does not parse was signed by its house all the same: it has no effect */
    if (house_line_parse(text, card) != TRIS_OK || !card_counts(card, text, now)) {
        free(card);
        return TRIS_OK;
    }
    member->former = gone ? member->former : now->transport;
    free(member->card);
    member->card = card;
    note_district(member);
    *changed = true;
    return TRIS_OK;
}

enum tris_err members_load(struct members *m, struct store_view *v)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (!member_has_logs(&m->list[i])) {
            continue;
        }
        bool changed;
        uint64_t sealed_ms;
        struct member *member = &m->list[i];
        enum tris_err err = member_find_logs(m, member, v);
        if (err == TRIS_OK) {
            err = card_refresh(member, v, &changed);
        }
        if (err == TRIS_OK) {
            err = store_house_heard(v, &member->charter_line->id, &sealed_ms, &member->arrived_ms);
        }
        if (err != TRIS_OK) {
            return err;
        }
    }
    return note_shared_slugs(m);
}

enum tris_err members_refresh(struct members *m, uint32_t index, struct store_view *v,
                              bool *changed)
{
    tris_assert(index < m->count);
    enum tris_err err = card_refresh(&m->list[index], v, changed);
    return err == TRIS_OK && *changed ? note_shared_slugs(m) : err;
}

uint32_t members_find(const struct members *m, const struct tris_house_id *house)
{
    uint32_t low = 0, high = m->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int cmp = tris_house_id_cmp(&m->list[middle].charter_line->id, house);
        if (cmp == 0) {
            return middle;
        }
        if (cmp < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return UINT32_MAX;
}

static bool has_prefix(const char *text, struct span prefix)
{
    return prefix.len <= strlen(text) && memcmp(text, prefix.ptr, prefix.len) == 0;
}

enum tris_err members_resolve(const struct members *m, struct span text, uint32_t *index)
{
    uint32_t found = UINT32_MAX, exact = UINT32_MAX, found_count = 0, exact_count = 0;
    if (text.len == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        char hex[2 * sizeof(struct tris_house_id) + 1];
        const struct house_line *line = members_line(m, i);
        tris_hex(line->id.b, sizeof line->id.b, hex);
        if (span_eq(text, span_str(line->slug))) {
            exact = i;
            exact_count++;
        }
        if (has_prefix(line->slug, text) || has_prefix(hex, text)) {
            found = i;
            found_count++;
        }
    }
    if (exact_count == 1) {
        *index = exact;
        return TRIS_OK;
    }
    if (found_count == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    *index = found;
    return found_count == 1 ? TRIS_OK : TRIS_ERR_AMBIGUOUS;
}

const struct house_line *members_line(const struct members *m, uint32_t index)
{
    tris_assert(index < m->count);
    return member_line(&m->list[index]);
}

enum tris_err members_admit(const struct members *m, const struct tris_house_id *house,
                            const struct tris_dh_pub *transport, enum tris_role *role)
{
    uint32_t index = members_find(m, house);
    if (index == UINT32_MAX) {
        return TRIS_ERR_STRANGER;
    }
    const struct house_line *line = members_line(m, index);
    if (!tris_dh_pub_eq(&line->transport, transport) &&
        !tris_dh_pub_eq(&m->list[index].former, transport)) {
        return TRIS_ERR_WRONG_KEY;
    }
    *role = line->role;
    return TRIS_OK;
}
