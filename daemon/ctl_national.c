/* Control methods national.*: figures of all houses from the counters, each with root and date. */
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/why.h"
#include "proto/district.h"

enum {
    REGIONS_MAX = 1024,
    CODES_MAX = 256, /* numbers of codes are below this */
};

/* Houses, how fresh they are, and the districts that they sit in. */
static void put_houses(struct out *o)
{
    struct daemon *d = o->d;
    bool covered[REGIONS_MAX] = {false};
    uint64_t now = clock_wall_ms(), houses = 0, stale = 0, oldest = UINT64_MAX, regions = 0;
    for (uint32_t i = 0; i < d->members.count; i++) {
        const struct member *member = &d->members.list[i];
        if (!member_is_house(member)) {
            continue;
        }
        houses++;
        size_t place = member->district;
        if (place < REGIONS_MAX && !covered[place]) {
            covered[place] = true;
            regions++;
        }
        if (i == d->own_index) {
            continue;
        }
        uint64_t arrived = overlay_last_heard(d->overlay, i);
        stale += arrived + WHY_SILENT_MS < now ? 1 : 0;
        oldest = arrived < oldest ? arrived : oldest;
    }
    out_uint(o, "houses", houses);
    out_uint(o, "fresh", houses - stale);
    out_uint(o, "stale", stale);
    out_uint(o, "oldest_heard_ms", oldest == UINT64_MAX ? now : oldest);
    out_uint(o, "regions_covered", regions);
    out_uint(o, "regions_total", district_count());
}

/* What every national answer carries. */
static void put_state(struct out *o)
{
    struct tris_hash root;
    char as_of[CLOCK_TEXT_BYTES];
    clock_text(clock_wall_ms(), as_of);
    frontier_root(o->d->frontier, &root);
    out_hash(o, "root", &root);
    out_text(o, "as_of", as_of);
    out_uint(o, "rules", o->d->charter.rules);
    put_houses(o);
}

static void finish(struct out *o, struct store_view *v, enum tris_err err)
{
    store_view_end(v);
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, "tris audit");
        return;
    }
    out_reply(o);
}

/* ---- overview ---- */

struct totals {
    int64_t all;
    int64_t by_a[CODES_MAX], by_b[CODES_MAX];
};

static bool add_totals(void *ctx, const struct cube_row *row)
{
    struct totals *t = ctx;
    t->all += row->count;
    if (row->a < CODES_MAX) {
        t->by_a[row->a] += row->count;
    }
    if (row->b < CODES_MAX) {
        t->by_b[row->b] += row->count;
    }
    return true;
}

/* A map of code to count; codes without any are shown as 0 if `zeros`. */
static void put_codes(struct out *o, const char *key, const char *list_name, const int64_t *counts,
                      bool zeros)
{
    const struct code_list *list = schema_code_list(span_str(list_name));
    out_map(o, key);
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        uint32_t number = list->codes[i].number;
        if (number < CODES_MAX && (zeros || counts[number] != 0)) {
            out_int(o, list->codes[i].code, counts[number]);
        }
    }
    out_end(o);
}

void ctl_national_overview(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct store_view *v = NULL;
    struct totals totals = {0};
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    enum tris_err err = store_cube_each(v, CUBE_SECTOR, 0, "", add_totals, &totals);
    put_state(o);
    out_int(o, "partners", totals.all);
    put_codes(o, "by_sector", "sector", totals.by_a, true);
    put_codes(o, "by_status", "partner_status", totals.by_b, true);
    out_uint(o, "records_inert", store_count_inert(v));
    finish(o, v, err);
}

/* ---- regions ---- */

struct region_row {
    char region[6];
    int64_t partners;
    int64_t sector[4]; /* by number: 1 W, 2 S, 3 Z */
};

struct regions {
    struct region_row row[REGIONS_MAX];
    size_t count;
};

/* Rows come region by region; a region that does not fit is left to the next page. */
static bool add_region(void *ctx, const struct cube_row *row)
{
    struct regions *r = ctx;
    size_t i = r->count;
    while (i > 0 && strcmp(r->row[i - 1].region, row->region) != 0) {
        i--;
    }
    if (i == 0) {
        if (r->count == REGIONS_MAX) {
            return false;
        }
        memset(&r->row[r->count], 0, sizeof r->row[0]);
        memcpy(r->row[r->count].region, row->region, sizeof row->region);
        i = ++r->count;
    }
    r->row[i - 1].partners += row->count;
    if (row->a < 4) {
        r->row[i - 1].sector[row->a] += row->count;
    }
    return true;
}

static const char *region_name(const char *region)
{
    const struct state *state = strlen(region) == 2 ? state_find(span_str(region)) : NULL;
    const struct district *district = state == NULL ? district_find(span_str(region)) : NULL;
    return state != NULL ? state->name : district != NULL ? district->name : "";
}

static int order_regions(const void *a, const void *b)
{
    const struct region_row *x = a, *y = b;
    return strcmp(x->region, y->region);
}

static void put_regions(struct out *o, struct regions *r, const char *after, uint64_t limit)
{
    size_t i = 0;
    qsort(r->row, r->count, sizeof r->row[0], order_regions);
    while (i < r->count && after[0] != '\0' && strcmp(r->row[i].region, after) <= 0) {
        i++;
    }
    out_list(o, "items");
    for (; i < r->count && limit > 0; i++, limit--) {
        out_map(o, NULL);
        out_text(o, "region", r->row[i].region);
        out_text(o, "name", region_name(r->row[i].region));
        out_int(o, "partners", r->row[i].partners);
        out_int(o, "W", r->row[i].sector[1]);
        out_int(o, "S", r->row[i].sector[2]);
        out_int(o, "Z", r->row[i].sector[3]);
        out_end(o);
    }
    out_end(o);
    if (i < r->count && i > 0) {
        out_text(o, "after", r->row[i - 1].region);
    }
}

void ctl_national_regions(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"level", "prefix", "after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span level = ctl_in_text(&in, "level", 16);
    struct span prefix_text = ctl_in_text(&in, "prefix", 5);
    struct span after_text = ctl_in_text(&in, "after", 5);
    uint64_t limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    const bool districts =
        span_eq(level, span_str("district")) || (level.len == 0 && prefix_text.len > 0);
    char prefix[6], after[6];
    struct store_view *v = NULL;
    if (level.len > 0 && !districts && !span_eq(level, span_str("state"))) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "level", "allowed: state, district");
    }
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    span_copy(prefix_text, prefix, sizeof prefix);
    span_copy(after_text, after, sizeof after);
    struct regions *regions = calloc(1, sizeof *regions);
    struct out *o = regions != NULL ? out_new_view(d, token, &v) : NULL;
    if (o == NULL) {
        if (regions == NULL) {
            ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        }
        free(regions);
        return;
    }
    enum tris_err err =
        store_cube_each(v, CUBE_SECTOR, districts ? 5 : 2, prefix, add_region, regions);
    put_state(o);
    put_regions(o, regions, after, limit);
    finish(o, v, err);
    free(regions);
}

/* ---- sectors ---- */

struct sectors {
    int64_t partners[CODES_MAX], active[CODES_MAX];
    int64_t form[CODES_MAX];
    int64_t topic[4][CODES_MAX]; /* [sector][topic] */
    uint32_t active_status;
};

static bool add_sector(void *ctx, const struct cube_row *row)
{
    struct sectors *s = ctx;
    if (row->a < CODES_MAX) {
        s->partners[row->a] += row->count;
        s->active[row->a] += row->b == s->active_status ? row->count : 0;
    }
    return true;
}

static bool add_form(void *ctx, const struct cube_row *row)
{
    struct sectors *s = ctx;
    if (row->a < CODES_MAX) {
        s->form[row->a] += row->count;
    }
    return true;
}

static bool add_topic(void *ctx, const struct cube_row *row)
{
    struct sectors *s = ctx;
    if (row->a < CODES_MAX && row->b < 4) {
        s->topic[row->b][row->a] += row->count;
    }
    return true;
}

void ctl_national_sectors(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const struct code_list *list = schema_code_list(span_str("sector"));
    const struct code_list *states = schema_code_list(span_str("partner_status"));
    const struct code *active =
        states != NULL ? schema_code_by_name(states, span_str("active")) : NULL;
    struct sectors s = {.active_status = active != NULL ? active->number : 0};
    struct store_view *v = NULL;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    enum tris_err err = store_cube_each(v, CUBE_SECTOR, 0, "", add_sector, &s);
    if (err == TRIS_OK) {
        err = store_cube_each(v, CUBE_FORM, 0, "", add_form, &s);
    }
    if (err == TRIS_OK) {
        err = store_cube_each(v, CUBE_TOPIC, 0, "", add_topic, &s);
    }
    put_state(o);
    out_list(o, "items");
    for (size_t i = 0; list != NULL && i < list->count && list->codes[i].number < 4; i++) {
        const struct code *code = &list->codes[i];
        out_map(o, NULL);
        out_text(o, "sector", code->code);
        out_text(o, "label", code->label_en);
        out_text(o, "label_de", code->label_de);
        out_int(o, "partners", s.partners[code->number]);
        out_int(o, "active", s.active[code->number]);
        put_codes(o, "topics", "topic", s.topic[code->number], false);
        out_end(o);
    }
    out_end(o);
    put_codes(o, "forms", "legal_form", s.form, false);
    finish(o, v, err);
}
