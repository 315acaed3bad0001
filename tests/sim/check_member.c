/* The invariants of membership; see check_member.h. */
#include "tests/sim/check_member.h"

#include <stdlib.h>

#include "proto/assert.h"
#include "proto/hash.h"
#include "tests/lib/member_simple.h"
#include "tests/sim/check.h"
#include "tests/sim/member.h"

/* ---- an evaluation as one hash ---- */

static void mix(crypto_generichash_blake2b_state *state, const void *bytes, size_t len)
{
    crypto_generichash_blake2b_update(state, bytes, len);
}

static void mix_number(crypto_generichash_blake2b_state *state, uint64_t number)
{
    uint8_t bytes[8];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    wbuf_u64(&w, number);
    mix(state, bytes, sizeof bytes);
}

static void mix_cut(crypto_generichash_blake2b_state *state, const struct log_cut *cut)
{
    mix_number(state, cut->size);
    if (cut->size != UINT64_MAX) {
        mix(state, cut->root.b, sizeof cut->root.b);
    }
}

static void digest(const struct member_set *set, struct tris_hash *out)
{
    crypto_generichash_blake2b_state state = hash_begin("sim-members", NULL);
    for (uint32_t i = 0; i < set->house_count; i++) {
        const struct member_house *h = &set->house[i];
        const uint64_t numbers[] = {h->state, h->role,     h->current, h->opening_count,
                                    h->ever,  h->disputed, h->brittle, h->revocation_count};
        mix(&state, h->id.b, sizeof h->id.b);
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            mix_number(&state, numbers[k]);
        }
    }
    for (uint32_t i = 0; i < set->opening_count; i++) {
        const struct member_opening *o = &set->opening[i];
        const uint64_t numbers[] = {o->ever,    o->counts,           o->revoked,
                                    o->counted, o->counted_founders, o->closed};
        mix(&state, o->id.b, sizeof o->id.b);
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            mix_number(&state, numbers[k]);
        }
        mix_cut(&state, &o->data_end);
        mix_cut(&state, &o->gov_end);
    }
    for (uint32_t i = 0; i < set->revocation_count; i++) {
        const struct member_revocation *r = &set->revocation[i];
        mix(&state, r->id.b, sizeof r->id.b);
        mix_number(&state, r->counted);
        mix_number(&state, r->complete);
    }
    crypto_generichash_blake2b_final(&state, out->b, sizeof out->b);
}

/* ---- while the houses come to the same ---- */

static const struct member_house *find(const struct member_set *set,
                                       const struct tris_house_id *house)
{
    uint32_t index = member_find(set, house);
    return index != UINT32_MAX ? &set->house[index] : NULL;
}

static bool is_active(const struct member_set *set, const struct tris_house_id *house)
{
    const struct member_house *h = find(set, house);
    return h != NULL && h->state == MEMBER_ACTIVE;
}

struct house *check_first_member(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->honest; i++) {
        if (house_is_member(&sim->house[i])) {
            return &sim->house[i];
        }
    }
    sim_fail(sim, "no honest house is a member");
}

/* At and above the thresholds the charter lets hostile members do it. */
static bool strong_got_its_way(struct sim *sim, const struct member_set *set)
{
    const struct profile *p = &sim->profile;
    const struct tris_house_id *stranger = &sim->house[sim->honest + p->coalition].id;
    if (p->coalition >= p->admit && member_coalition_stated(sim, false) &&
        !is_active(set, stranger)) {
        return false;
    }
    return !(p->coalition >= p->revoke && member_coalition_stated(sim, true)) ||
           !is_active(set, &sim->house[MEMBER_OUSTED].id);
}

bool check_members_converged(struct sim *sim)
{
    struct tris_hash first, other;
    if (!member_settled(sim)) {
        return false;
    }
    for (uint32_t i = 0; i < sim->honest; i++) {
        const struct house *h = &sim->house[i];
        if (h->members.now == NULL) {
            return false;
        }
        digest(&h->members.now->set, i == 0 ? &first : &other);
        if (i > 0 && !tris_hash_eq(&first, &other)) {
            return false;
        }
    }
    return strong_got_its_way(sim, &check_first_member(sim)->members.now->set);
}

/* ---- the simple rules ---- */

/* Letters: founders first, as the world of the simple rules has them. */
static uint8_t letter_at(const struct sim *sim, uint32_t house)
{
    const uint32_t honest = member_honest_founders(sim);
    const struct profile *p = &sim->profile;
    if (house < honest) {
        return (uint8_t)house;
    }
    if (house < sim->honest) {
        return (uint8_t)(house + p->coalition);
    }
    return (uint8_t)(house - sim->honest +
                     (house - sim->honest < p->coalition ? honest : sim->honest));
}

static struct tris_house_id renamed(const struct sim *sim, const struct tris_house_id *house)
{
    return house_of(letter_at(sim, house_find(sim, house)));
}

/* Each epoch of an honest house has one key; hostile houses have one epoch. */
static struct tris_sign_pub renamed_key(const struct tris_house_id *renamed, uint32_t epoch)
{
    return key_of((struct party){.letter = letter_of(renamed), .epoch = (uint8_t)epoch});
}

static bool is_there(const struct world *w, const struct member_statement *s)
{
    for (uint32_t i = 0; i < w->count; i++) {
        const struct member_statement *t = &w->statement[i];
        struct tris_hash x, y;
        if (t->what.revoke != s->what.revoke || !tris_house_id_eq(&t->by.house, &s->by.house) ||
            t->by.epoch != s->by.epoch) {
            continue;
        }
        if (s->what.revoke) {
            revocation_id(&s->what.revocation, &x);
            revocation_id(&t->what.revocation, &y);
        } else {
            opening_id(&s->what.opening, &x);
            opening_id(&t->what.opening, &y);
        }
        if (tris_hash_eq(&x, &y)) {
            return true;
        }
    }
    return false;
}

/* The statements with houses as letters, of each log the first of several identical ones: the
 * loaded ones come by house and position. */
static void world_of(const struct sim *sim, const struct store_members *m, struct world *w)
{
    world_init(w, sim->profile.founders, 0, sim->profile.admit, sim->profile.revoke);
    for (uint32_t i = 0; i < m->count; i++) {
        struct member_statement s = m->statement[i];
        struct tris_house_id *about =
            s.what.revoke ? &s.what.revocation.house : &s.what.opening.house;
        s.by.house = renamed(sim, &s.by.house);
        s.by.seal_key = renamed_key(&s.by.house, s.by.epoch);
        *about = renamed(sim, about);
        if (!s.what.revoke) {
            s.what.opening.key = renamed_key(about, s.what.opening.epoch);
        }
        if (!is_there(w, &s)) {
            tris_assert(w->count < SIMPLE_STATEMENTS_MAX);
            w->statement[w->count++] = s;
        }
    }
}

static void result_of(const struct sim *sim, const struct member_set *set, struct result *r)
{
    *r = (struct result){.len = 0};
    for (uint32_t letter = 0; letter < sim->houses; letter++) {
        for (uint32_t i = 0; i < sim->houses; i++) {
            const struct member_house *h = find(set, &sim->house[i].id);
            if (letter_at(sim, i) == letter && h != NULL) {
                struct member_house named = *h;
                named.id = house_of((uint8_t)letter);
                put_house(r, set, &named);
            }
        }
    }
}

static void check_simple(const struct sim *sim, const struct house *h,
                         const struct store_members *m)
{
    static struct world world;
    static struct result simple, real;
    world_of(sim, m, &world);
    simple_result(&world, &simple);
    result_of(sim, &m->set, &real);
    if (strcmp(simple.text, real.text) != 0) {
        sim_fail(sim, "house %u evaluates to \"%s\", the rules say \"%s\"", h->no, real.text,
                 simple.text);
    }
}

/* ---- what a weak coalition has changed ---- */

static bool same_opening_state(const struct member_opening *o, const struct member_opening *p)
{
    return o->counts == p->counts && o->revoked == p->revoked && o->closed == p->closed &&
           o->data_end.size == p->data_end.size &&
           (o->data_end.size == UINT64_MAX || tris_hash_eq(&o->data_end.root, &p->data_end.root)) &&
           o->gov_end.size == p->gov_end.size;
}

static bool same_house(const struct member_set *a, const struct member_set *b,
                       const struct tris_house_id *id)
{
    const struct member_house *x = find(a, id), *y = find(b, id);
    const bool was[] = {x != NULL && x->state != MEMBER_CANDIDATE,
                        y != NULL && y->state != MEMBER_CANDIDATE};
    if (!was[0] || !was[1]) {
        return was[0] == was[1];
    }
    bool same =
        x->state == y->state && x->disputed == y->disputed && x->opening_count == y->opening_count;
    for (uint32_t i = 0; i < x->opening_count && same; i++) {
        same = same_opening_state(&a->opening[x->opening_first + i],
                                  &b->opening[y->opening_first + i]);
    }
    return same;
}

/* As if hostile houses had stated nothing. */
static void check_weak(struct sim *sim, const struct house *h, const struct store_members *m)
{
    struct member_set set;
    uint32_t count = 0;
    struct member_statement *honest = calloc(m->count + (size_t)1, sizeof *honest);
    tris_assert(honest != NULL);
    for (uint32_t i = 0; i < m->count; i++) {
        if (!sim->house[house_find(sim, &m->statement[i].by.house)].hostile) {
            honest[count++] = m->statement[i];
        }
    }
    enum tris_err err = member_evaluate(&sim->charter, honest, count, &set);
    tris_assert(err == TRIS_OK);
    for (uint32_t i = 0; i < sim->houses; i++) {
        if (!same_house(&m->set, &set, &sim->house[i].id)) {
            sim_fail(sim, "house %u: %u hostile members, too few to admit, have changed house %u",
                     h->no, sim->profile.coalition, i);
        }
    }
    member_set_fini(&set);
    free(honest);
}

/* ---- the end ---- */

/* Logs are there for whoever was ever a member, and data logs end where the evaluation says. */
static void check_logs(struct sim *sim, const struct house *h, const struct member_set *set,
                       struct store_view *v)
{
    for (uint32_t i = 0; i < set->opening_count; i++) {
        const struct member_opening *o = &set->opening[i];
        struct tris_log_ref ref;
        struct tris_log_id id;
        struct store_log log;
        uint32_t no;
        opening_log_ref(&o->opening, TRIS_TOPIC_DATA, &ref);
        log_id_derive(&sim->fed, &ref, &id);
        const bool there =
            store_log_find(v, &id, &no) == TRIS_OK && store_log_get(v, no, &log) == TRIS_OK;
        const uint64_t end = there && log.ends != STORE_END_NONE ? log.end : UINT64_MAX;
        /* a fork may end it before the cut */
        const bool good = there && (log.forked ? end <= o->data_end.size : end == o->data_end.size);
        if (o->ever && (!good || log.held > o->data_end.size)) {
            sim_fail(sim, "house %u: the data log of house %u is not cut where it was revoked",
                     h->no, house_find(sim, &o->opening.house));
        }
    }
}

static void check_house(struct sim *sim, struct house *h)
{
    struct store_members m;
    struct store_view *v;
    struct tris_hash now, anew;
    uint32_t plan, author;
    if (store_view_begin(h->store, &v) != TRIS_OK ||
        store_members_evaluate(v, &sim->charter, &m) != TRIS_OK) {
        sim_fail(sim, "house %u: its members cannot be evaluated", h->no);
    }
    check_logs(sim, h, &m.set, v);
    store_view_end(v);
    digest(&h->members.now->set, &now);
    digest(&m.set, &anew);
    if (!tris_hash_eq(&now, &anew)) {
        sim_fail(sim, "house %u goes by an evaluation that is not that of its store", h->no);
    }
    if (member_lacks(sim, &m, &plan, &author)) {
        sim_fail(sim, "I1: house %u: what house %u has stated (plan %u) is not there", h->no,
                 author, plan);
    }
    check_simple(sim, h, &m);
    if (member_coalition_is_weak(sim)) {
        check_weak(sim, h, &m);
    }
    sim_note_bytes(sim, anew.b, sizeof anew.b);
    store_members_fini(&m);
}

void check_members_end(struct sim *sim)
{
    for (uint32_t i = 0; sim->plans != NULL && i < sim->honest; i++) {
        check_house(sim, &sim->house[i]);
    }
}

void check_members_explain(struct sim *sim)
{
    fprintf(stderr, "  plans are %scarried out\n", member_settled(sim) ? "" : "not ");
    for (uint32_t i = 0; i < sim->honest; i++) {
        static struct result r;
        const struct house *h = &sim->house[i];
        if (h->members.now != NULL) {
            result_of(sim, &h->members.now->set, &r);
            fprintf(stderr, "  house %u (%c), of %u statements: %s\n", i, 'a' + letter_at(sim, i),
                    h->members.now->count, r.text);
        }
    }
}
