/* Control method listing.match: which needs an offer meets and which offers a need, nearest and
 * most alike first. Candidates come from the store's index, house by house from near to far, so
 * that a bound on what is read loses the farthest ones alone. */
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/near.h"

enum {
    MATCH_PRESET = 20,           /* matches of one record in an answer */
    MATCH_ROWS_MAX = 65536,      /* index rows and places looked at for one record */
    MATCH_CALL_ROWS = 16384,     /* a call begins no other record behind so many: about 5 ms */
    MATCH_HOUSE_ROWS_MAX = 8192, /* of one house: it cannot use up what is read of all */
    MATCH_LIST_STEPS_MAX = 4,    /* bounded steps of the store over one's own records */
    MATCH_OWN_MAX = 4096,        /* own records that a call looks at */
    MATCH_ITEM_BYTES = 8 * 1024, /* a listing and what is said of it */
    MATCH_TITLE_BYTES = 120 * 4 + 1,
    MATCH_WHY_BYTES = 160,
};

struct candidate {
    struct match_hit hit;
    struct place place;
    uint32_t shared; /* topics */
    bool same;       /* contribution */
};

struct matcher {
    struct out *o;
    struct store_view *v;
    /* the record that others are sought for */
    struct record_ref ref;
    uint32_t member, radius;
    struct match_query query; /* of the other type */
    uint32_t contribution;
    const struct code *type;
    char title[MATCH_TITLE_BYTES];
    struct place *place;  /* all members, nearest first; of `placed` */
    uint32_t placed;      /* member that they are seen from */
    struct place at;      /* the one that is read now */
    uint32_t rows, total; /* index rows read for this record, in this call */
    uint32_t cut;         /* records of this call for which not all was read */
    bool partial;         /* this record is one of them */
    uint32_t count, limit;
    struct candidate best[OUT_PAGE_ITEMS_MAX]; /* sorted */
};

/* ---- candidates ---- */

/* A radius of a later version reaches no other house. */
static bool reaches(uint32_t radius, uint8_t near)
{
    return radius == RADIUS_NATIONAL || near == NEAR_HOUSE ||
           (radius == RADIUS_NEIGHBOURS && near <= NEAR_NEIGHBOUR);
}

/* More topics shared, then the same contribution, then nearer; then by house and number. */
static int candidate_order(const struct candidate *a, const struct candidate *b)
{
    if (a->shared != b->shared) {
        return a->shared > b->shared ? -1 : 1;
    }
    if (a->same != b->same) {
        return a->same ? -1 : 1;
    }
    int order = near_order(&a->place, &b->place);
    if (order != 0) {
        return order;
    }
    if (a->hit.ref.log_no != b->hit.ref.log_no) {
        return a->hit.ref.log_no < b->hit.ref.log_no ? -1 : 1;
    }
    return (a->hit.ref.seq > b->hit.ref.seq) - (a->hit.ref.seq < b->hit.ref.seq);
}

static bool take_hit(void *ctx, const struct match_hit *hit)
{
    struct matcher *m = ctx;
    if (hit->valid_to < m->o->today || !reaches(hit->radius, m->at.near)) {
        return true;
    }
    struct candidate c = {
        .hit = *hit, .place = m->at, .same = hit->contribution == m->contribution};
    for (uint32_t i = 0; i < m->query.topic_count; i++) {
        c.shared += memchr(hit->topics, m->query.topics[i], sizeof hit->topics) != NULL;
    }
    uint32_t at = m->count;
    while (at > 0 && candidate_order(&c, &m->best[at - 1]) < 0) {
        at--;
    }
    if (at == m->limit) {
        return true;
    }
    m->count += m->count < m->limit;
    memmove(&m->best[at + 1], &m->best[at], (m->count - 1 - at) * sizeof c);
    m->best[at] = c;
    return true;
}

/* Reads what one log has; TRIS_ERR_NOT_READY if that is too much. */
static enum tris_err read_log(struct matcher *m, uint32_t log_no)
{
    uint32_t examined = 0;
    if (log_no == LOG_NO_NONE) {
        return TRIS_OK;
    }
    m->rows += m->query.topic_count; /* where there is nothing, it was looked for */
    if (m->rows >= MATCH_ROWS_MAX) {
        return TRIS_ERR_NOT_READY;
    }
    uint32_t max = MATCH_ROWS_MAX - m->rows;
    max = max < MATCH_HOUSE_ROWS_MAX ? max : MATCH_HOUSE_ROWS_MAX;
    m->query.log_no = log_no;
    enum tris_err err = store_match_each(m->v, &m->query, max, take_hit, m, &examined);
    m->rows += examined;
    return err;
}

static enum tris_err find_matches(struct matcher *m)
{
    const struct daemon *d = m->o->d;
    m->count = m->rows = 0;
    m->partial = false;
    if (m->placed != m->member) {
        near_places(&d->members, m->v, m->member, &m->o->record, m->place);
        m->placed = m->member;
    }
    for (uint32_t i = 0; i < d->members.count && reaches(m->radius, m->place[i].near); i++) {
        m->at = m->place[i];
        const struct member *member = &d->members.list[m->at.member];
        const uint32_t local = m->at.member == d->own_index ? d->local_no : LOG_NO_NONE;
        for (uint32_t k = 0; k <= member->epochs_count; k++) {
            enum tris_err err =
                read_log(m, k < member->epochs_count ? member->epochs[k].data_no : local);
            if (err != TRIS_OK && err != TRIS_ERR_NOT_READY) {
                return err;
            }
            m->partial = m->partial || err == TRIS_ERR_NOT_READY;
        }
    }
    m->total += m->rows;
    m->cut += m->partial;
    return TRIS_OK;
}

/* ---- the record that others are sought for ---- */

/* False if the record meets nobody today; `*status` is what it is then. */
static bool take_record(struct matcher *m, const struct store_record *r, bool any_contribution,
                        const struct code **status)
{
    struct record *record = &m->o->record;
    struct store_log log;
    const struct kind *kind = schema_kind(KIND_LISTING);
    *status = NULL;
    if (record_decode(kind, r->payload, record, NULL) != TRIS_OK ||
        store_log_get(m->v, r->ref.log_no, &log) != TRIS_OK) {
        return false;
    }
    record_derive(record, m->o->today);
    const uint32_t type = (uint32_t)record_number(record, LISTING_TYPE);
    const struct value *topics = record_value(record, LISTING_TOPICS);
    *status = schema_code(schema_field(kind, LISTING_STATUS)->codes,
                          (uint32_t)record_number(record, LISTING_STATUS));
    m->type = schema_code(schema_field(kind, LISTING_TYPE)->codes, type);
    m->member = members_find(&m->o->d->members, &log.ref.house);
    m->ref = r->ref;
    m->radius = (uint32_t)record_number(record, LISTING_RADIUS);
    m->contribution = (uint32_t)record_number(record, LISTING_CONTRIBUTION);
    span_copy(record_title(record), m->title, sizeof m->title);
    m->query = (struct match_query){
        .kind = KIND_LISTING,
        .type = type == LISTING_TYPE_OFFER ? LISTING_TYPE_NEED : LISTING_TYPE_OFFER,
        .contribution = any_contribution ? 0 : m->contribution,
    };
    while (m->query.topic_count < topics->count && m->query.topic_count < STORE_MATCH_TOPICS_MAX) {
        m->query.topics[m->query.topic_count] = (uint8_t)topics->codes[m->query.topic_count];
        m->query.topic_count++;
    }
    return m->type != NULL && m->member != UINT32_MAX && !r->ended &&
           record_number(record, LISTING_STATUS) == LISTING_STATE_OPEN;
}

/* ---- answers ---- */

static void put_shared(const struct matcher *m, const struct candidate *c)
{
    char text[128] = "";
    size_t len = 0;
    const struct code_list *topics = schema_field(schema_kind(KIND_LISTING), LISTING_TOPICS)->codes;
    for (uint32_t i = 0; i < m->query.topic_count; i++) {
        const struct code *topic = schema_code(topics, m->query.topics[i]);
        if (topic != NULL && len < sizeof text &&
            memchr(c->hit.topics, m->query.topics[i], sizeof c->hit.topics) != NULL) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? "|" : "",
                                    topic->code);
        }
    }
    out_text(m->o, "topics", text);
    out_uint(m->o, "topics_shared", c->shared);
}

static void put_near(struct out *o, uint8_t near)
{
    static const char *const names[] = {"house", "district", "neighbour", "steps"};
    if (near >= NEAR_STATE) {
        out_text(o, "near", near == NEAR_STATE ? "state" : "country");
        return;
    }
    out_text(o, "near", names[near < NEAR_STEPS ? near : NEAR_STEPS]);
    out_uint(o, "steps", near > NEAR_DISTRICT ? (uint64_t)(near - NEAR_DISTRICT) : 0);
}

static void put_matches(struct matcher *m)
{
    struct store_record r;
    struct out *o = m->o;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct candidate *c = &m->best[i];
        if (store_record_get(m->v, c->hit.ref, &r) != TRIS_OK) {
            continue;
        }
        out_map(o, NULL);
        out_id(o, "listing", m->v, m->ref);
        out_text(o, "type", m->type->code);
        out_text(o, "title", m->title);
        put_shared(m, c);
        out_bool(o, "contribution_same", c->same);
        put_near(o, c->place.near);
        out_bool(o, "partial", m->partial);
        out_map(o, "match");
        out_record(o, m->v, &r);
        out_end(o);
        out_end(o);
    }
}

struct match_params {
    struct span id;
    const struct code *type; /* NULL: any */
    bool any_contribution;
    uint64_t limit;
    struct record_ref cursor;
};

/* The record named by id; a sentence in *why if it meets nobody. */
static enum tris_err match_one(struct matcher *m, const struct match_params *p,
                               char why[MATCH_WHY_BYTES])
{
    struct store_record r = {.kind = KIND_NONE};
    struct record_ref ref;
    const struct code *status = NULL;
    enum tris_err err = resolve_record(m->o->d, p->id, &ref);
    if (err == TRIS_OK) {
        err = store_record_get(m->v, ref, &r);
    }
    if (err != TRIS_OK || r.kind != KIND_LISTING) {
        (void)snprintf(why, MATCH_WHY_BYTES, "%s",
                       err == TRIS_OK ? "this record is no offer and no need"
                                      : "there is no such record here");
        return err == TRIS_OK ? TRIS_ERR_INVALID : err;
    }
    bool open = take_record(m, &r, p->any_contribution, &status);
    if (p->type != NULL && m->type != NULL && p->type != m->type) {
        (void)snprintf(why, MATCH_WHY_BYTES, "%s",
                       p->type->number == LISTING_TYPE_OFFER ? "this is a need, not an offer"
                                                             : "this is an offer, not a need");
        return TRIS_ERR_INVALID;
    }
    if (!open) {
        (void)snprintf(why, MATCH_WHY_BYTES, "this record is %s: only an open one meets others",
                       r.ended          ? "ended"
                       : status != NULL ? status->code
                                        : "not readable");
        return TRIS_ERR_ENDED;
    }
    err = find_matches(m);
    if (err == TRIS_OK) {
        put_matches(m);
    }
    return err;
}

/* Own open records from the cursor on, as many as an answer holds; true if there are more. */
static bool match_own(struct matcher *m, struct match_params *p, enum tris_err *err)
{
    const struct record_filter filter = {
        .kind = KIND_LISTING, .by_house = true, .house = m->o->d->own};
    const struct code *status;
    struct store_record r;
    uint64_t items = 0;
    int steps = 0;
    uint32_t asked = 0;
    while (items + m->limit <= OUT_PAGE_ITEMS_MAX && m->total < MATCH_CALL_ROWS &&
           asked < MATCH_OWN_MAX && m->o->w.err == TRIS_OK &&
           m->o->w.cap - m->o->w.len > (size_t)m->limit * MATCH_ITEM_BYTES) {
        enum tris_err next = store_record_next(m->v, &filter, &p->cursor, &r);
        if (next != TRIS_OK) {
            if (next == TRIS_ERR_NOT_READY && ++steps < MATCH_LIST_STEPS_MAX) {
                continue;
            }
            *err = next == TRIS_ERR_NOT_READY || next == TRIS_ERR_NOT_FOUND ? TRIS_OK : next;
            return next == TRIS_ERR_NOT_READY;
        }
        asked++;
        if (!take_record(m, &r, p->any_contribution, &status) ||
            (p->type != NULL && p->type != m->type)) {
            continue;
        }
        *err = find_matches(m);
        if (*err != TRIS_OK) {
            return false;
        }
        put_matches(m);
        items += m->count;
    }
    return true;
}

static bool read_params(struct daemon *d, uint64_t token, struct ctl_in *in, struct match_params *p)
{
    const struct code_list *types = schema_field(schema_kind(KIND_LISTING), LISTING_TYPE)->codes;
    struct span type = ctl_in_text(in, "type", 64);
    struct span after = ctl_in_text(in, "after", 47);
    p->id = ctl_in_text(in, "id", 127);
    p->any_contribution = ctl_in_bool(in, "any_contribution");
    p->limit = ctl_in_uint(in, "limit", MATCH_PRESET, OUT_PAGE_ITEMS_MAX);
    p->type = type.len > 0 ? schema_code_by_name(types, type) : NULL;
    p->cursor = (struct record_ref){UINT32_MAX, 0};
    if (type.len > 0 && p->type == NULL) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "type", "allowed: offer, need");
    }
    if (p->limit == 0) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "limit", "1 to 200");
    }
    if (after.len > 0 && (p->id.len > 0 || !in_cursor(after, &p->cursor))) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "after", "this is no cursor of listing.match");
    }
    return ctl_in_ok(d, token, in);
}

static struct matcher *matcher_new(struct out *o, struct store_view *v, uint64_t limit)
{
    struct matcher *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->place = calloc(o->d->members.count + (size_t)1, sizeof *m->place);
    m->placed = UINT32_MAX;
    m->o = o;
    m->v = v;
    m->limit = (uint32_t)limit;
    if (m->place == NULL) {
        free(m);
        return NULL;
    }
    return m;
}

void ctl_listing_match(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"id", "type", "any_contribution", "limit", "after", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct match_params p;
    struct store_view *v = NULL;
    char why[MATCH_WHY_BYTES] = "";
    bool more = false;
    if (!read_params(d, token, &in, &p)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    struct matcher *m = matcher_new(o, v, p.limit);
    enum tris_err err = m != NULL ? TRIS_OK : TRIS_ERR_NO_MEMORY;
    if (err == TRIS_OK) {
        out_list(o, "items");
        if (p.id.len > 0) {
            err = match_one(m, &p, why);
        } else {
            more = match_own(m, &p, &err);
        }
        out_end(o);
        out_uint(o, "cut", m->cut);
        free(m->place);
    }
    free(m);
    store_view_end(v);
    if (err != TRIS_OK) {
        out_reply_error(o, err, why[0] != '\0' ? why : NULL, "tris offer list");
        return;
    }
    if (more) {
        out_cursor(o, p.cursor);
    }
    out_reply(o);
}
