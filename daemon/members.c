/* The member table: charter lines overlaid by cards; see members.h. */
#include "daemon/members.h"

#include <stdlib.h>

#include "proto/assert.h"
#include "proto/entry.h"

static int member_cmp(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return tris_house_id_cmp(&x->charter_line->id, &y->charter_line->id);
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
    }
    qsort(m->list, m->count, sizeof *m->list, member_cmp);
    return TRIS_OK;
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

enum tris_err members_load(struct members *m, struct store_view *v)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (!member_has_logs(&m->list[i])) {
            continue;
        }
        bool changed;
        enum tris_err err = member_find_logs(m, &m->list[i], v);
        if (err == TRIS_OK) {
            err = members_refresh(m, i, v, &changed);
        }
        if (err != TRIS_OK) {
            return err;
        }
    }
    return TRIS_OK;
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

enum tris_err members_refresh(struct members *m, uint32_t index, struct store_view *v,
                              bool *changed)
{
    tris_assert(index < m->count);
    struct member *member = &m->list[index];
    const struct house_line *now = members_line(m, index);
    *changed = false;
    struct span text;
    enum tris_err err = store_house_card(v, &now->id, &text);
    if (err == TRIS_ERR_NOT_FOUND) {
        return TRIS_OK;
    }
    if (err != TRIS_OK) {
        return err;
    }
    struct house_line *card = malloc(sizeof *card);
    if (card == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    /* a card that does not parse was signed by its house all the same: it has no effect */
    if (house_line_parse(text, card) != TRIS_OK || !card_counts(card, text, now)) {
        free(card);
        return TRIS_OK;
    }
    member->former = now->transport;
    free(member->card);
    member->card = card;
    *changed = true;
    return TRIS_OK;
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
    const struct member *member = &m->list[index];
    return member->card != NULL ? member->card : member->charter_line;
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
