/* Who states what about whom; see member.h. */
#include "tests/sim/member.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/net.h"
#include "tests/sim/rotate.h"

enum {
    PLANS_MAX = 24,
    OUSTS_MAX = 2,
    PAYLOAD_BYTES = 4096,
    PEOPLE_MS_MAX = 6 * SIM_HOUR_MS, /* until the people of a house get to it */
    AGAIN_MS = 10 * SIM_MINUTE_MS,
    AGAIN_CALM_MS = SIM_MINUTE_MS,
    APART_MS_MAX = 12 * SIM_HOUR_MS,
};

struct plan {
    bool revoke;
    uint32_t about; /* a house */
    uint8_t payload[PAYLOAD_BYTES];
    size_t len;
    uint64_t by, stated; /* houses, as bits */
};

struct member_plans {
    struct plan list[PLANS_MAX];
    uint32_t count;
    uint32_t joined, vouched, ousts; /* so many were planned */
    struct house_line *line;         /* by house */
};

static struct rng *chance(struct sim *sim)
{
    return &sim->rng[STREAM_FAULT];
}

uint32_t member_honest_founders(const struct sim *sim)
{
    return sim->profile.founders - sim->profile.coalition;
}

bool member_coalition_is_weak(const struct sim *sim)
{
    return sim->profile.coalition < sim->profile.admit;
}

static bool is_founder(const struct sim *sim, uint32_t house)
{
    return house < sim->honest ? house < member_honest_founders(sim)
                               : house - sim->honest < sim->profile.coalition;
}

static uint64_t bits_from(uint32_t first, uint32_t until)
{
    return ((UINT64_C(1) << until) - 1) & ~((UINT64_C(1) << first) - 1);
}

/* ---- the charter ---- */

static void make_line(const struct house *h, uint32_t epoch, uint64_t time_ms,
                      struct house_line *line, char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    struct tris_sign_pub key;
    struct tris_sign_secret secret;
    *line = (struct house_line){
        .role = TRIS_ROLE_HOUSE, .region = "05315", .id = h->id, .epoch = epoch};
    (void)snprintf(line->slug, sizeof line->slug, "haus-%u", h->who);
    (void)snprintf(line->name, sizeof line->name, "Haus %u", h->who);
    line->transport = h->transport.pub;
    line->time_ms = time_ms;
    house_key(h, epoch, &key, &secret);
    enum tris_err err = house_line_make(line, &secret, text, TRIS_HOUSE_LINE_BYTES_MAX + 1);
    tris_assert(err == TRIS_OK);
}

/* A house that comes in knows some founders. */
static void draw_contacts(struct sim *sim)
{
    const uint32_t founders = member_honest_founders(sim);
    for (uint32_t i = founders; i < sim->honest; i++) {
        uint32_t first = (uint32_t)rng_below(&sim->rng[STREAM_OVERLAY], founders);
        sim->house[i].peers[first].dials = true;
        sim->house[i].peers[(first + 1) % founders].dials = true;
    }
}

void member_begin(struct sim *sim)
{
    uint8_t nonce[32];
    uint32_t count = 0;
    struct member_plans *plans = calloc(1, sizeof *plans);
    tris_assert(plans != NULL && sim->houses < 64);
    plans->line = calloc(sim->houses, sizeof *plans->line);
    struct house_line *founders = calloc(sim->profile.founders, sizeof *founders);
    tris_assert(plans->line != NULL && founders != NULL);
    for (uint32_t i = 0; i < sim->houses; i++) {
        make_line(&sim->house[i], 0, SIM_EPOCH_MS - 1, &plans->line[i], sim->house[i].card);
        if (is_founder(sim, i)) {
            founders[count++] = plans->line[i];
        }
    }
    tris_assert(count == sim->profile.founders);
    rng_bytes(&sim->rng[STREAM_KEYS], nonce, sizeof nonce);
    enum tris_err err = charter_new("Verbund", nonce, founders, count, sim->profile.admit,
                                    sim->profile.revoke, &sim->charter);
    tris_assert(err == TRIS_OK);
    free(founders);
    sim->fed = sim->charter.fed;
    sim->plans = plans;
    draw_contacts(sim);
}

void member_end(struct sim *sim)
{
    if (sim->plans != NULL) {
        free(sim->plans->line);
        charter_fini(&sim->charter);
    }
    free(sim->plans);
    sim->plans = NULL;
}

/* ---- plans ---- */

static void submit(struct house *h, uint32_t no)
{
    const struct plan *plan = &h->sim->plans->list[no];
    struct op *op = calloc(1, sizeof *op);
    tris_assert(op != NULL);
    op->type = OP_STATE;
    op->topic = TRIS_TOPIC_GOV;
    op->plan = no;
    op->revoke = plan->revoke;
    op->payload = malloc(plan->len);
    tris_assert(op->payload != NULL);
    memcpy(op->payload, plan->payload, plan->len);
    op->len = plan->len;
    house_submit(h, op, 1);
}

/* False: there is no room for another one. */
static bool plan_new(struct sim *sim, const struct statement *what, uint32_t about, uint64_t by)
{
    struct member_plans *plans = sim->plans;
    if (plans->count == PLANS_MAX) {
        return false;
    }
    struct plan *plan = &plans->list[plans->count];
    struct wbuf w = wbuf_of(plan->payload, sizeof plan->payload);
    statement_encode(&w, what);
    tris_assert(w.err == TRIS_OK);
    plan->revoke = what->revoke;
    plan->about = about;
    plan->len = w.len;
    plan->by = by;
    sim->house[about].accused = sim->house[about].accused || what->revoke;
    for (uint32_t i = 0; i < sim->houses; i++) {
        if ((by >> i & 1) != 0) {
            sim_after(sim, 1 + rng_below(chance(sim), PEOPLE_MS_MAX), EVENT_STATE, i, plans->count,
                      0);
        }
    }
    sim_trace(sim, "plan %u: house %u is to be %s", plans->count, about,
              what->revoke ? "revoked" : "endorsed");
    plans->count++;
    return true;
}

/* People look after a while whether it has worked: a process may end before it has answered. */
void member_on_state(struct sim *sim, const struct event *event)
{
    const struct plan *plan = &sim->plans->list[event->b];
    struct house *h = &sim->house[event->a];
    if ((plan->stated >> h->no & 1) != 0) {
        return;
    }
    if (h->up) {
        submit(h, event->b);
    }
    sim_after(sim, sim->calm ? (uint64_t)AGAIN_CALM_MS : (uint64_t)AGAIN_MS, EVENT_STATE, event->a,
              event->b, 0);
}

void member_stated(struct house *h, uint32_t plan)
{
    h->sim->plans->list[plan].stated |= UINT64_C(1) << h->no;
    sim_trace(h->sim, "house %u has stated plan %u", h->no, plan);
}

bool member_settled(const struct sim *sim)
{
    for (uint32_t i = 0; sim->plans != NULL && i < sim->plans->count; i++) {
        const struct plan *plan = &sim->plans->list[i];
        if ((plan->by & ~plan->stated & bits_from(0, sim->honest)) != 0) {
            return false;
        }
    }
    return rotate_settled(sim);
}

static bool same_statement(const struct statement *a, const struct statement *b)
{
    struct tris_hash x, y;
    if (a->revoke != b->revoke) {
        return false;
    }
    if (a->revoke) {
        revocation_id(&a->revocation, &x);
        revocation_id(&b->revocation, &y);
    } else {
        opening_id(&a->opening, &x);
        opening_id(&b->opening, &y);
    }
    return tris_hash_eq(&x, &y);
}

bool member_lacks(const struct sim *sim, const struct store_members *m, uint32_t *plan,
                  uint32_t *house)
{
    for (*plan = 0; *plan < sim->plans->count; ++*plan) {
        const struct plan *p = &sim->plans->list[*plan];
        struct statement what;
        enum tris_err err = statement_decode(p->revoke ? VERB_REVOKE : VERB_ENDORSE,
                                             span_of(p->payload, p->len), false, &what);
        tris_assert(err == TRIS_OK);
        for (*house = 0; *house < member_honest_founders(sim); ++*house) {
            /* whoever is out may wait for ever for others to say what he has sealed */
            bool there = (p->stated >> *house & 1) == 0 || sim->house[*house].accused;
            for (uint32_t i = 0; i < m->count && !there; i++) {
                there = tris_house_id_eq(&m->statement[i].by.house, &sim->house[*house].id) &&
                        same_statement(&m->statement[i].what, &what);
            }
            if (!there) {
                return true;
            }
        }
    }
    return false;
}

bool member_coalition_stated(const struct sim *sim, bool revoke)
{
    const uint64_t all = bits_from(sim->honest, sim->honest + sim->profile.coalition);
    for (uint32_t i = 0; i < sim->plans->count; i++) {
        const struct plan *plan = &sim->plans->list[i];
        if (plan->revoke == revoke && (plan->by & all) == all &&
            plan->about ==
                (revoke ? (uint32_t)MEMBER_OUSTED : sim->honest + sim->profile.coalition)) {
            return true;
        }
    }
    return false;
}

static struct statement endorsement(struct sim *sim, uint32_t about)
{
    struct statement s = {.card = span_str(sim->house[about].card)};
    opening_of_line(&sim->plans->line[about], &s.opening);
    return s;
}

/* ---- honest members ---- */

static bool knows_as_member(const struct house *h, uint32_t about)
{
    uint32_t index = members_find(&h->members, &h->sim->house[about].id);
    return index != UINT32_MAX && member_is_active(&h->members.list[index]);
}

/* A founder of good will who can do it now, another one than `about`. */
static struct house *any_author(struct sim *sim, uint32_t about)
{
    const uint32_t founders = member_honest_founders(sim);
    const uint32_t first = (uint32_t)rng_below(chance(sim), founders);
    for (uint32_t i = 0; i < founders; i++) {
        struct house *h = &sim->house[(first + i) % founders];
        if (h->no != about && h->up && house_is_member(h)) {
            return h;
        }
    }
    return NULL;
}

/* One founder more than it takes, for one may be ousted; perhaps houses that came in before. */
static bool admit(struct sim *sim)
{
    const uint32_t founders = member_honest_founders(sim);
    const uint32_t about = founders + sim->plans->joined;
    if (about >= sim->honest) {
        return false;
    }
    uint64_t by = 0;
    const uint32_t first = (uint32_t)rng_below(chance(sim), founders);
    for (uint32_t i = 0; i <= sim->profile.admit; i++) {
        by |= UINT64_C(1) << (first + i) % founders;
    }
    for (uint32_t i = founders; i < about; i++) {
        by |= rng_below(chance(sim), 2) << i;
    }
    const struct statement s = endorsement(sim, about);
    sim->plans->joined++;
    return plan_new(sim, &s, about, by);
}

/* What the author holds of a log of the present epoch. */
static bool cut_here(struct house *h, uint32_t about, enum tris_topic topic, struct log_cut *cut)
{
    const struct house *of = &h->sim->house[about];
    struct tris_log_ref ref = {
        .house = of->id, .topic = topic, .epoch = of->epoch, .seal_key = of->seal_key};
    struct tris_log_id id;
    struct store_view *v;
    struct store_log log;
    uint32_t no;
    log_id_derive(&h->sim->fed, &ref, &id);
    memset(cut, 0, sizeof *cut);
    if (store_view_begin(h->store, &v) != TRIS_OK) {
        return false;
    }
    bool good = store_log_find(v, &id, &no) == TRIS_OK && store_log_get(v, no, &log) == TRIS_OK;
    if (good && log.has_seal) {
        cut->size = store_log_is_at_end(&log) ? log.end : log.seal.size;
        good = cut->size == 0 || store_root_at(v, no, cut->size, &cut->root) == TRIS_OK;
    }
    store_view_end(v);
    return good;
}

/* A house that came in, or a hostile founder; where the hostile ones are to get their way they
 * stay.
 */
static uint32_t any_accused(struct house *author)
{
    struct sim *sim = author->sim;
    const uint32_t first = (uint32_t)rng_below(chance(sim), sim->houses);
    for (uint32_t i = 0; i < sim->houses; i++) {
        const uint32_t no = (first + i) % sim->houses;
        const struct house *h = &sim->house[no];
        bool fits = no < sim->honest ? no >= member_honest_founders(sim)
                                     : is_founder(sim, no) && member_coalition_is_weak(sim);
        if (fits && !h->accused && !h->rotates && knows_as_member(author, no)) {
            return no;
        }
    }
    return SIM_NONE;
}

static void cut_off(struct sim *sim, uint32_t no)
{
    for (uint32_t i = 0; i < sim->houses; i++) {
        if (i != no) {
            net_block(sim, i, no, true);
            net_block(sim, no, i, true);
        }
    }
    sim_after(sim, SIM_HOUR_MS + rng_below(chance(sim), APART_MS_MAX), EVENT_HEAL, 0, 0, 0);
}

static bool revoke(struct sim *sim, bool apart)
{
    struct house *author = any_author(sim, SIM_NONE);
    const uint32_t about = author != NULL ? any_accused(author) : (uint32_t)SIM_NONE;
    struct statement s = {.revoke = true};
    if (about == SIM_NONE || !cut_here(author, about, TRIS_TOPIC_GOV, &s.revocation.gov) ||
        !cut_here(author, about, TRIS_TOPIC_DATA, &s.revocation.data)) {
        return false;
    }
    s.revocation.house = sim->house[about].id;
    s.revocation.epoch = sim->house[about].epoch;
    if (apart) {
        cut_off(sim, about);
    }
    return plan_new(sim, &s, about, bits_from(0, member_honest_founders(sim)));
}

bool member_plan_next(struct house *h)
{
    struct sim *sim = h->sim;
    struct house_line line;
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    struct statement s = {.revoke = false};
    struct house *author = any_author(sim, h->no);
    struct log_cut closes;
    if (author == NULL || !cut_here(author, h->no, TRIS_TOPIC_DATA, &closes)) {
        return false;
    }
    make_line(h, h->epoch + 1, SIM_EPOCH_MS + sim->now_ms, &line, card);
    s.card = span_str(card);
    s.opening = (struct opening){.house = line.id,
                                 .epoch = line.epoch,
                                 .key = line.key,
                                 .role = line.role,
                                 .has_closes = true,
                                 .closes = closes};
    memcpy(s.opening.region, line.region, sizeof s.opening.region);
    return plan_new(sim, &s, h->no,
                    bits_from(0, member_honest_founders(sim)) & ~(UINT64_C(1) << h->no));
}

bool member_strike(struct sim *sim, enum fault fault)
{
    if (fault == FAULT_ADMIT) {
        return admit(sim);
    }
    /* once each, so that some who came in are left */
    return sim->census.struck[fault] == 0 && revoke(sim, fault == FAULT_APART);
}

/* ---- hostile members ---- */

static uint64_t all_hostile(const struct sim *sim)
{
    return bits_from(sim->honest, sim->houses);
}

static bool vouch(struct sim *sim)
{
    const uint32_t about = sim->honest + sim->profile.coalition + sim->plans->vouched;
    if (about >= sim->houses) {
        return false;
    }
    const struct statement s = endorsement(sim, about);
    sim->plans->vouched++;
    return plan_new(sim, &s, about, all_hostile(sim));
}

static void absurd_cut(struct rng *rng, struct log_cut *cut)
{
    static const uint64_t sizes[] = {0, 1, 7, 100000, LOG_CUT_SIZE_MAX};
    memset(cut, 0, sizeof *cut);
    cut->size = sizes[rng_below(rng, sizeof sizes / sizeof sizes[0])];
    if (cut->size > 0) {
        rng_bytes(rng, cut->root.b, sizeof cut->root.b);
    }
}

/* A founder, then the last of those who come in. */
static bool oust(struct house *h)
{
    struct sim *sim = h->sim;
    struct statement s = {.revoke = true};
    const uint32_t about = sim->plans->ousts == 0 ? (uint32_t)MEMBER_OUSTED : sim->honest - 1;
    if (sim->plans->ousts == OUSTS_MAX) {
        return false;
    }
    const bool true_cut = rng_below(chance(sim), 2) == 0 &&
                          cut_here(h, about, TRIS_TOPIC_GOV, &s.revocation.gov) &&
                          cut_here(h, about, TRIS_TOPIC_DATA, &s.revocation.data);
    if (!true_cut) {
        absurd_cut(chance(sim), &s.revocation.gov);
        absurd_cut(chance(sim), &s.revocation.data);
    }
    s.revocation.house = sim->house[about].id;
    s.revocation.epoch = sim->house[about].epoch;
    sim->plans->ousts++;
    /* without those whom they may have let in they may be one too few */
    const bool alone = rng_below(chance(sim), 2) == 0;
    return plan_new(sim, &s, about,
                    alone ? bits_from(sim->honest, sim->honest + sim->profile.coalition)
                          : all_hostile(sim));
}

/* What counted before, or never, is stated again as if it were old. */
static bool backdate(struct house *h)
{
    struct sim *sim = h->sim;
    if (sim->plans->vouched == 0) {
        return false;
    }
    h->clock.offset_ms -= (int64_t)(UINT64_C(1) << rng_between(chance(sim), 30, 38));
    for (uint32_t i = 0; i < sim->plans->count; i++) {
        if (sim->plans->list[i].about >= sim->honest && !sim->plans->list[i].revoke) {
            submit(h, i);
        }
    }
    return true;
}

bool member_act(struct house *h, enum fault fault)
{
    switch ((int)fault) {
    case FAULT_VOUCH:
        return vouch(h->sim);
    case FAULT_OUST:
        return oust(h);
    default:
        tris_assert(fault == FAULT_BACKDATE);
        return backdate(h);
    }
}
