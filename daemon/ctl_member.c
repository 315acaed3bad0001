/* Control methods member.list, .show and .candidates: who belongs, who vouched for whom, what is
 * missing; and epoch.look, keys of this house that wait for their endorsements. */
#include "daemon/ctl_member.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/invites.h"

enum { MEMBER_BY_MAX = 64 }; /* endorsements that one answer shows of one opening */

const char *member_state_name(enum member_state state)
{
    static const char *const names[] = {
        [MEMBER_CANDIDATE] = "candidate", [MEMBER_ACTIVE] = "active", [MEMBER_REVOKED] = "revoked"};
    return names[state];
}

void out_house(struct out *o, const char *key, const struct tris_house_id *house)
{
    char call[OUT_ID_BYTES];
    uint32_t index = members_find(&o->d->members, house);
    if (index != UINT32_MAX) {
        house_call(&o->d->members, index, call);
        out_text(o, key, call);
    } else {
        out_hex(o, key, house->b, sizeof house->b);
    }
}

/* Who stated it, when by the own word, and whether it counts. */
static void put_by(struct out *o, const struct store_members *now, uint32_t first, uint32_t count)
{
    out_list(o, "by");
    for (uint32_t i = 0; i < count && i < MEMBER_BY_MAX; i++) {
        const struct member_by *by = &now->set.by[first + i];
        const struct member_statement *s = &now->statement[by->statement];
        out_map(o, NULL);
        out_house(o, "house", &s->by.house);
        out_uint(o, "epoch", s->by.epoch);
        out_uint(o, "seq", s->seq);
        out_uint(o, "time_ms", s->time_ms);
        out_bool(o, "counts", by->counts);
        out_end(o);
    }
    out_end(o);
}

static void put_cut(struct out *o, const char *key, const struct log_cut *cut)
{
    out_map(o, key);
    out_uint(o, "size", cut->size);
    out_hash(o, "root", &cut->root);
    out_end(o);
}

static void put_opening(struct out *o, const struct store_members *now,
                        const struct member_opening *x)
{
    out_map(o, NULL);
    out_hex(o, "opening", x->id.b, sizeof x->id.b);
    out_uint(o, "epoch", x->opening.epoch);
    out_hex(o, "key", x->opening.key.b, sizeof x->opening.key.b);
    out_text(o, "role", tris_role_name(x->opening.role));
    out_text(o, "region", x->opening.region);
    out_bool(o, "charter", x->by_charter);
    out_bool(o, "complete", x->counts);
    out_bool(o, "revoked", x->revoked);
    out_uint(o, "missing", member_missing(&o->d->charter, x));
    if (x->opening.has_closes) {
        put_cut(o, "closes", &x->opening.closes);
    }
    put_by(o, now, x->by_first, x->by_count);
    out_end(o);
}

static void put_revocation(struct out *o, const struct store_members *now,
                           const struct member_revocation *x)
{
    out_map(o, NULL);
    out_hex(o, "revocation", x->id.b, sizeof x->id.b);
    out_uint(o, "epoch", x->revocation.epoch);
    put_cut(o, "gov", &x->revocation.gov);
    put_cut(o, "data", &x->revocation.data);
    out_bool(o, "complete", x->complete);
    out_uint(o, "missing", x->complete ? 0 : o->d->charter.revoke - x->counted);
    if (x->revocation.has_successor) {
        out_house(o, "successor", &x->revocation.successor);
    }
    put_by(o, now, x->by_first, x->by_count);
    out_end(o);
}

void out_revocations(struct out *o, uint32_t index)
{
    const struct store_members *now = o->d->members.now;
    const struct tris_house_id *id = &o->d->members.list[index].id;
    uint32_t at = now != NULL ? member_find(&now->set, id) : UINT32_MAX;
    out_list(o, "revocations");
    if (at != UINT32_MAX) {
        const struct member_house *house = &now->set.house[at];
        for (uint32_t i = 0; i < house->revocation_count; i++) {
            put_revocation(o, now, &now->set.revocation[house->revocation_first + i]);
        }
    }
    out_end(o);
}

/* When its membership became complete, as far as the statements say: the time of the latest one
 * that it needed. 0: by the charter. */
static uint64_t since_ms(const struct store_members *now, const struct member_opening *x,
                         uint32_t needed)
{
    uint64_t last = 0;
    uint32_t counted = 0;
    for (uint32_t i = 0; i < x->by_count && counted < needed; i++) {
        const struct member_by *by = &now->set.by[x->by_first + i];
        if (by->counts) {
            counted++;
            last = now->statement[by->statement].time_ms > last
                       ? now->statement[by->statement].time_ms
                       : last;
        }
    }
    return last;
}

/* An opening that somebody has to vouch for still: of a new house, or a new key of one. */
static bool is_incomplete(const struct member *m, const struct member_opening *x)
{
    return !x->counts && !x->revoked && x->opening.epoch >= m->line->epoch;
}

/* The last such one of a member, or NULL. */
static const struct member_opening *incomplete_opening(const struct daemon *d,
                                                       const struct member *m)
{
    const struct store_members *now = d->members.now;
    uint32_t at = now != NULL ? member_find(&now->set, &m->id) : UINT32_MAX;
    const struct member_opening *last = NULL;
    for (uint32_t i = 0; at != UINT32_MAX && i < now->set.house[at].opening_count; i++) {
        const struct member_opening *x = &now->set.opening[now->set.house[at].opening_first + i];
        last = is_incomplete(m, x) ? x : last;
    }
    return last;
}

/* What a member is. `waits`: the opening of it that the row is about; NULL: the member as it is. */
static void put_who(struct out *o, uint32_t index, const struct member_opening *waits)
{
    struct daemon *d = o->d;
    const struct member *m = &d->members.list[index];
    char call[OUT_ID_BYTES];
    house_call(&d->members, index, call);
    out_hex(o, "id", m->id.b, sizeof m->id.b);
    out_text(o, "slug", call);
    out_text(o, "name", m->line->name);
    out_text(o, "region", waits != NULL ? waits->opening.region : m->line->region);
    out_text(o, "role", tris_role_name(waits != NULL ? waits->opening.role : m->role));
    out_text(o, "state", member_state_name(waits != NULL ? MEMBER_CANDIDATE : m->state));
    out_bool(o, "own", index == d->own_index);
    out_uint(o, "epoch", waits != NULL ? waits->opening.epoch : m->line->epoch);
    out_bool(o, "brittle", m->brittle);
    out_bool(o, "disputed", m->disputed);
}

enum row_kind {
    ROW_LIST,      /* the opening that counts, and those that are not complete */
    ROW_SHOW,      /* all of them */
    ROW_CANDIDATE, /* those that somebody has to vouch for still: there is one */
};

static bool opening_shows(const struct member_house *house, const struct member *m,
                          const struct store_members *now, uint32_t opening, enum row_kind kind)
{
    const struct member_opening *x = &now->set.opening[opening];
    if (kind == ROW_CANDIDATE) {
        return is_incomplete(m, x);
    }
    return kind == ROW_SHOW || opening == house->current || m->state != MEMBER_ACTIVE || !x->counts;
}

static void put_member(struct out *o, uint32_t index, enum row_kind kind)
{
    struct daemon *d = o->d;
    const struct member *m = &d->members.list[index];
    const struct store_members *now = d->members.now;
    uint32_t at = now != NULL ? member_find(&now->set, &m->id) : UINT32_MAX;
    put_who(o, index, kind == ROW_CANDIDATE ? incomplete_opening(d, m) : NULL);
    if (at == UINT32_MAX) {
        return;
    }
    const struct member_house *house = &now->set.house[at];
    if (house->current != UINT32_MAX && kind != ROW_CANDIDATE) {
        const struct member_opening *x = &now->set.opening[house->current];
        out_bool(o, "founder", x->by_charter);
        if (!x->by_charter) {
            out_uint(o, "since_ms", since_ms(now, x, d->charter.admit));
        }
    }
    out_list(o, "openings");
    for (uint32_t i = 0; i < house->opening_count; i++) {
        uint32_t opening = house->opening_first + i;
        if (opening_shows(house, m, now, opening, kind)) {
            put_opening(o, now, &now->set.opening[opening]);
        }
    }
    out_end(o);
    out_revocations(o, index);
}

static bool wanted(const struct member *m, struct span state)
{
    return state.len == 0 || span_eq(state, span_str(member_state_name(m->state)));
}

void ctl_member_list(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"state", "after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span state = ctl_in_text(&in, "state", 16);
    uint64_t at = ctl_in_uint(&in, "after", 0, UINT32_MAX);
    uint64_t limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    out_uint(o, "admit", d->charter.admit);
    out_uint(o, "revoke", d->charter.revoke);
    out_uint(o, "active", d->members.active);
    out_list(o, "items");
    for (; at < d->members.count && limit > 0 && out_has_room(o); at++) {
        uint32_t index = d->members.by_id[at];
        if (wanted(&d->members.list[index], state)) {
            out_map(o, NULL);
            put_member(o, index, ROW_LIST);
            out_end(o);
            limit--;
        }
    }
    out_end(o);
    if (at < d->members.count) {
        out_uint(o, "after", at);
    }
    out_reply(o);
}

/* A house that has asked here and that nobody has endorsed yet. */
static void put_asked(struct out *o, const struct candidate_house *x)
{
    out_map(o, NULL);
    out_hex(o, "id", x->line.id.b, sizeof x->line.id.b);
    out_text(o, "slug", x->line.slug);
    out_text(o, "name", x->line.name);
    out_text(o, "region", x->line.region);
    out_text(o, "role", tris_role_name(x->line.role));
    out_text(o, "state", member_state_name(MEMBER_CANDIDATE));
    out_uint(o, "epoch", x->line.epoch);
    out_bool(o, "asked", true);
    out_uint(o, "heard_ms", x->heard_ms);
    out_end(o);
}

/* Whether somebody has endorsed just this key. */
static bool is_endorsed(const struct daemon *d, const struct house_line *line)
{
    const struct store_members *now = d->members.now;
    uint32_t at = now != NULL ? member_find(&now->set, &line->id) : UINT32_MAX;
    for (uint32_t i = 0; at != UINT32_MAX && i < now->set.house[at].opening_count; i++) {
        const struct opening *o = &now->set.opening[now->set.house[at].opening_first + i].opening;
        if (o->epoch == line->epoch && tris_sign_pub_eq(&o->key, &line->key)) {
            return true;
        }
    }
    return false;
}

void ctl_member_candidates(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const struct candidate_house *asked;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    out_uint(o, "admit", d->charter.admit);
    out_list(o, "items");
    for (uint32_t i = 0; i < d->members.count && out_has_room(o); i++) {
        uint32_t index = d->members.by_id[i];
        if (incomplete_opening(d, &d->members.list[index]) != NULL) {
            out_map(o, NULL);
            put_member(o, index, ROW_CANDIDATE);
            out_end(o);
        }
    }
    for (uint32_t i = 0; (asked = candidates_at(d, i)) != NULL && out_has_room(o); i++) {
        if (!is_endorsed(d, &asked->line)) {
            put_asked(o, asked);
        }
    }
    out_end(o);
    out_reply(o);
}

void ctl_epoch_look(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    if (epoch_load(d)) {
        confirm_members(d);
        overlay_greet_again(d->overlay); /* every new session is told of the new key */
    }
    struct out *o = out_new(d, token);
    if (o != NULL) {
        out_bool(o, "waits", d->epoch.waits);
        out_uint(o, "epoch", d->epoch.waits ? d->epoch.line.epoch : d->own_line.epoch);
        out_reply(o);
    }
}

void ctl_member_show(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint32_t index = 0;
    if (!in_house(d, token, &in, "house", &index)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    put_member(o, index, ROW_SHOW);
    const struct house_line *line = d->members.list[index].line;
    out_hex(o, "transport", line->transport.b, sizeof line->transport.b);
    out_list(o, "addresses");
    for (uint32_t i = 0; i < line->addr_count; i++) {
        out_text(o, NULL, line->addr[i]);
    }
    out_end(o);
    out_reply(o);
}
