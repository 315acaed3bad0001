/* The member table: rows that stay where they are, found by id or name; see members.h. */
#include "daemon/members.h"

#include <stdlib.h>

#include "daemon/members_int.h"
#include "proto/assert.h"
#include "proto/district.h"

enum { MEMBERS_ROOM = 16 };

struct slug_row {
    const char *slug;
    uint32_t index;
};

static int slug_cmp(const void *a, const void *b)
{
    const struct slug_row *x = a, *y = b;
    return strcmp(x->slug, y->slug);
}

enum tris_err members_note_slugs(struct members *m)
{
    struct slug_row *rows = malloc((m->count + (size_t)1) * sizeof *rows);
    if (rows == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        rows[i] = (struct slug_row){m->list[i].line->slug, i};
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
void member_note_district(struct member *member)
{
    const struct district *found = district_find(span_str(member->line->region));
    member->district = found != NULL ? (uint16_t)(found - district_at(0)) : MEMBER_DISTRICT_NONE;
}

/* Where in by_id the house is, or would be. */
static uint32_t place_of(const struct members *m, const struct tris_house_id *house, bool *found)
{
    uint32_t low = 0, high = m->count;
    *found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int cmp = tris_house_id_cmp(&m->list[m->by_id[middle]].id, house);
        if (cmp == 0) {
            *found = true;
            return middle;
        }
        if (cmp < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum tris_err members_grow(struct members *m)
{
    uint32_t room = m->room == 0 ? MEMBERS_ROOM : 2 * m->room;
    struct member *list = realloc(m->list, room * sizeof *list);
    if (list == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    m->list = list;
    uint32_t *by_id = realloc(m->by_id, room * sizeof *by_id);
    if (by_id == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    m->by_id = by_id;
    m->room = room;
    return TRIS_OK;
}

enum tris_err member_keep_line(struct member *row, const struct house_line *line)
{
    const size_t size = house_line_size(line);
    struct house_line *copy = malloc(size);
    if (copy == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    memcpy(copy, line, size);
    member_drop_line(row);
    row->line = copy;
    row->line_owned = true;
    return TRIS_OK;
}

void member_drop_line(struct member *row)
{
    if (row->line_owned) {
        free((void *)(uintptr_t)row->line);
    }
    row->line = NULL;
    row->line_owned = false;
}

enum tris_err members_add(struct members *m, const struct house_line *line, bool copy,
                          uint32_t *index)
{
    struct member row = {.id = line->id, .role = line->role, .line = line};
    bool found;
    enum tris_err err = m->count == m->room ? members_grow(m) : TRIS_OK;
    if (err == TRIS_OK && copy) {
        err = member_keep_line(&row, line);
    }
    if (err != TRIS_OK) {
        return err;
    }
    uint32_t place = place_of(m, &line->id, &found);
    tris_assert(!found);
    memmove(&m->by_id[place + 1], &m->by_id[place], (m->count - place) * sizeof *m->by_id);
    m->by_id[place] = m->count;
    row.line_epoch = line->epoch;
    row.former = line->transport;
    row.gov_no = row.data_no = UINT32_MAX;
    row.has_logs = line->role != TRIS_ROLE_OBSERVER;
    member_note_district(&row);
    m->list[m->count] = row;
    *index = m->count++;
    return TRIS_OK;
}

struct line_of {
    const struct house_line *line;
};

static int line_cmp(const void *a, const void *b)
{
    const struct line_of *x = a, *y = b;
    return tris_house_id_cmp(&x->line->id, &y->line->id);
}

enum tris_err members_init(struct members *m, const struct charter *charter)
{
    memset(m, 0, sizeof *m);
    m->charter = charter;
    struct line_of *lines = malloc((charter->member_count + (size_t)1) * sizeof *lines);
    if (lines == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < charter->member_count; i++) {
        lines[i].line = &charter->member[i];
    }
    qsort(lines, charter->member_count, sizeof *lines, line_cmp);
    enum tris_err err = TRIS_OK;
    for (uint32_t i = 0; i < charter->member_count && err == TRIS_OK; i++) {
        uint32_t index;
        err = members_add(m, lines[i].line, false, &index);
        if (err == TRIS_OK) {
            m->list[index].state = MEMBER_ACTIVE;
            m->active++;
        }
    }
    free(lines);
    return err == TRIS_OK ? members_note_slugs(m) : err;
}

void members_free(struct store_members *m)
{
    if (m != NULL) {
        store_members_fini(m);
        free(m);
    }
}

void members_fini(struct members *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        member_drop_line(&m->list[i]);
        free(m->list[i].epochs);
    }
    free(m->list);
    free(m->by_id);
    members_free(m->now);
    memset(m, 0, sizeof *m);
}

enum tris_err members_note_inviter(struct members *m, const struct house_line *line)
{
    uint32_t index = members_find(m, &line->id);
    enum tris_err err = index == UINT32_MAX ? members_add(m, line, true, &index) : TRIS_OK;
    return err == TRIS_OK ? members_note_slugs(m) : err;
}

/* ---- looking ---- */

uint32_t members_find(const struct members *m, const struct tris_house_id *house)
{
    bool found;
    uint32_t place = place_of(m, house, &found);
    return found ? m->by_id[place] : UINT32_MAX;
}

static bool has_prefix(const char *text, struct span prefix)
{
    return prefix.len <= strlen(text) && memcmp(text, prefix.ptr, prefix.len) == 0;
}

/* How well a name fits a row: the better kind of match decides, whatever fits worse. */
enum fit { FIT_NONE, FIT_PREFIX, FIT_PREFIX_ACTIVE, FIT_SLUG, FIT_SLUG_ACTIVE, FIT_KINDS };

static enum fit fit_of(const struct member *member, struct span text)
{
    char hex[2 * sizeof(struct tris_house_id) + 1];
    const bool active = member_is_active(member);
    tris_hex(member->id.b, sizeof member->id.b, hex);
    if (span_eq(text, span_str(member->line->slug))) {
        return active ? FIT_SLUG_ACTIVE : FIT_SLUG;
    }
    if (has_prefix(member->line->slug, text) || has_prefix(hex, text)) {
        return active ? FIT_PREFIX_ACTIVE : FIT_PREFIX;
    }
    return FIT_NONE;
}

enum tris_err members_resolve(const struct members *m, struct span text, uint32_t *index)
{
    uint32_t found[FIT_KINDS] = {0}, count[FIT_KINDS] = {0};
    if (text.len == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        enum fit fit = fit_of(&m->list[i], text);
        found[fit] = i;
        count[fit]++;
    }
    for (int fit = FIT_KINDS - 1; fit > FIT_NONE; fit--) {
        if (count[fit] > 0) {
            *index = found[fit];
            return count[fit] == 1 ? TRIS_OK : TRIS_ERR_AMBIGUOUS;
        }
    }
    return TRIS_ERR_NOT_FOUND;
}

const struct house_line *members_line(const struct members *m, uint32_t index)
{
    tris_assert(index < m->count);
    return m->list[index].line;
}

uint32_t members_data_log(const struct members *m, uint32_t index, uint64_t epoch)
{
    tris_assert(index < m->count);
    const struct member *member = &m->list[index];
    for (uint32_t i = 0; i < member->epochs_count; i++) {
        if (member->epochs[i].epoch == epoch) {
            return member->epochs[i].data_no;
        }
    }
    return UINT32_MAX;
}

uint64_t members_count_kind(const struct members *m, uint32_t index, struct store_view *v,
                            uint32_t kind)
{
    tris_assert(index < m->count);
    const struct member *member = &m->list[index];
    uint64_t all = 0;
    for (uint32_t i = 0; i < member->epochs_count; i++) {
        uint64_t count = 0;
        if (member->epochs[i].data_no != UINT32_MAX &&
            store_count_kind(v, member->epochs[i].data_no, kind, &count) == TRIS_OK) {
            all += count;
        }
    }
    return all;
}

enum tris_err members_admit(const struct members *m, const struct tris_house_id *house,
                            const struct tris_dh_pub *transport, struct session_admit *admit)
{
    uint32_t index = members_find(m, house);
    if (index == UINT32_MAX) {
        return TRIS_ERR_STRANGER;
    }
    const struct member *member = &m->list[index];
    if (!tris_dh_pub_eq(&member->line->transport, transport) &&
        !tris_dh_pub_eq(&member->former, transport)) {
        return TRIS_ERR_WRONG_KEY;
    }
    admit->role = member->role;
    admit->level = member_is_active(member) ? SESSION_FULL : SESSION_GOV;
    return TRIS_OK;
}
