/* The restore guard at work in a house: what daemon/ does around proto/guard. See house.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/clone.h"
#include "tests/sim/house.h"
#include "tests/sim/net.h"

static const char key_accepted[] = "guard/accepted";
static const char key_alarm[] = "guard/alarm";
static const char *const key_proven[GUARD_LOGS] = {"guard/proven/gov", "guard/proven/data"};

enum { PERSON_MS_MAX = 6 * SIM_HOUR_MS, PERSON_CALM_MS = 10 * SIM_MINUTE_MS };

enum { GUARD_BY_TIME, GUARD_BY_PERSON }; /* EVENT_GUARD, b */

static bool is_guarded(const struct house *h, uint32_t log_no, enum guard_log *log)
{
    *log = log_no == h->own_no[TRIS_TOPIC_GOV] ? GUARD_GOV : GUARD_DATA;
    return log_no == h->own_no[TRIS_TOPIC_GOV] || log_no == h->own_no[TRIS_TOPIC_DATA];
}

static uint32_t log_no_of(const struct house *h, int log)
{
    return h->own_no[log == GUARD_GOV ? TRIS_TOPIC_GOV : TRIS_TOPIC_DATA];
}

/* ---- what outlives the process ---- */

static void setting_put(struct house *h, const char *key, const char *value)
{
    struct op *op = calloc(1, sizeof *op);
    tris_assert(op != NULL);
    op->type = OP_SETTING;
    op->key = key;
    op->len = strlen(value);
    op->payload = malloc(op->len + 1);
    tris_assert(op->payload != NULL);
    memcpy(op->payload, value, op->len + 1);
    house_submit(h, op, 1);
}

static enum guard_doubt doubt_of(enum tris_err mark)
{
    if (mark == TRIS_OK) {
        return GUARD_SURE;
    }
    if (mark == TRIS_ERR_MARK_AHEAD) {
        return GUARD_MARK_AHEAD;
    }
    return mark == TRIS_ERR_MARK_FOREIGN ? GUARD_MARK_FOREIGN : GUARD_MARK_MISSING;
}

enum tris_err house_guard_load(struct house *h, enum tris_err mark)
{
    struct store_view *v;
    struct span value;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    struct guard_config config = {.others = h->sim->plans != NULL ? h->sim->profile.founders
                                                                  : h->sim->houses - 1,
                                  .wait_ms = GUARD_WAIT_MS,
                                  .doubt = doubt_of(mark)};
    config.accepted = store_setting_get(v, key_accepted, &value) == TRIS_OK;
    if (store_setting_get(v, key_alarm, &value) == TRIS_OK && value.len > 0) {
        config.alarm = span_eq(value, span_str("fork")) ? GUARD_FORK : GUARD_CLONE;
    }
    for (int i = 0; i < GUARD_LOGS; i++) {
        if (store_setting_get(v, key_proven[i], &value) == TRIS_OK) {
            char text[48] = "", *end = text;
            (void)snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.ptr);
            uint64_t size = strtoull(text, &end, 10);
            /* with a new key the claims about the former one are over */
            config.proven[i] = strtoull(end, NULL, 10) == h->epoch ? size : 0;
        }
    }
    store_view_end(v);
    guard_init(&h->guard, &config, h->sim->now_ms);
    guard_rotates(&h->guard, h->rotates);
    h->may_seal = guard_may_seal(&h->guard);
    h->mark_doubtful = config.doubt != GUARD_SURE;
    h->tail_open = false;
    h->guard_told = GUARD_READY;
    h->guard_ms = UINT64_MAX;
    return TRIS_OK;
}

/* ---- what follows from a change ---- */

static void open_tails(struct house *h)
{
    bool any = false;
    if (h->hostile) {
        return;
    }
    for (int i = 0; i < GUARD_LOGS; i++) {
        uint64_t until = guard_want_tail(&h->guard, (enum guard_log)i);
        uint32_t log_no = log_no_of(h, i);
        struct frontier_item *item = frontier_item_mut(h->frontier, log_no);
        any = any || until > 0;
        if (item->tail != until) {
            item->tail = until;
            h->tail_open = true; /* before entries can come */
            house_own_tail(h, log_no);
        }
    }
    h->tail_open = any;
}

static void schedule(struct house *h)
{
    uint64_t at = guard_deadline(&h->guard);
    if (at == UINT64_MAX || (h->guard_ms <= at && h->guard_ms != UINT64_MAX)) {
        return;
    }
    at = at > h->sim->now_ms ? at : h->sim->now_ms + 1;
    h->guard_ms = at;
    sim_after(h->sim, at - h->sim->now_ms, EVENT_GUARD, h->no, GUARD_BY_TIME, h->life);
}

/* People see a state that waits for them, sooner or later. */
static void tell(struct house *h, enum guard_why why)
{
    uint64_t most = h->sim->calm ? PERSON_CALM_MS : PERSON_MS_MAX;
    if (why == h->guard_told) {
        return;
    }
    h->guard_told = why;
    sim_trace(h->sim, "house %u: guard state %d", h->no, (int)why);
    if (why == GUARD_WHY_CLONE || why == GUARD_WHY_FORK) {
        check_alarm(h, why);
        setting_put(h, key_alarm, why == GUARD_WHY_FORK ? "fork" : "clone");
        clone_alarm(h);
    }
    if (why == GUARD_WHY_ACCEPT) {
        sim_after(h->sim, SIM_SECOND_MS + rng_below(&h->rng, most), EVENT_GUARD, h->no,
                  GUARD_BY_PERSON, h->life);
    }
}

static void update(struct house *h)
{
    open_tails(h);
    enum guard_why why = guard_why(&h->guard);
    bool ready = why == GUARD_READY || h->hostile;
    if (ready != h->may_seal) {
        h->may_seal = ready;
        if (ready) {
            h->mark_doubtful = false;
            check_confirmed(h);
            house_confirmed(h);
        }
    }
    tell(h, why);
    schedule(h);
}

void house_guard_open(struct house *h)
{
    for (int i = 0; i < GUARD_LOGS; i++) {
        const struct frontier_item *item = frontier_item(h->frontier, log_no_of(h, i));
        guard_advanced(&h->guard, (enum guard_log)i, item->whole, false);
        if ((item->flags & FRONTIER_FORKED) != 0) {
            guard_ends(&h->guard, (enum guard_log)i, item->end);
        }
    }
    if (h->may_seal) { /* alone in its federation */
        h->mark_doubtful = false;
        house_confirmed(h);
    }
    update(h);
}

void house_on_guard(struct house *h, const struct event *event)
{
    if (!h->up || event->stamp != h->life) {
        return;
    }
    if (event->b == GUARD_BY_TIME) {
        if (event->at_ms != h->guard_ms) {
            return;
        }
        h->guard_ms = UINT64_MAX;
        guard_tick(&h->guard, h->sim->now_ms);
    } else if (guard_doubtful(&h->guard)) {
        setting_put(h, key_accepted, "1");
        guard_accept_loss(&h->guard);
    }
    update(h);
}

/* ---- what sessions tell ---- */

static enum guard_relation relation_of(struct house *h, uint32_t log_no, uint64_t size,
                                       const struct tris_short *root)
{
    const struct frontier_item *item = frontier_item(h->frontier, log_no);
    struct tris_hash ours = item->root;
    struct store_view *v;
    if (size > item->whole) {
        return GUARD_LARGER;
    }
    if (size == 0) {
        return GUARD_SAME;
    }
    if (size != item->whole) {
        enum tris_err err = store_view_begin(h->store, &v);
        if (err == TRIS_OK) {
            err = store_root_at(v, log_no, size, &ours);
            store_view_end(v);
        }
        if (err != TRIS_OK) {
            return GUARD_OTHER; /* not known to agree: it is asked for its seal */
        }
    }
    struct tris_short cut = tris_short_of(ours.b);
    return tris_short_eq(&cut, root) ? GUARD_SAME : GUARD_OTHER;
}

void house_guard_event(struct house *h, struct end *e, const struct session_event *event)
{
    enum guard_log log;
    uint64_t now = h->sim->now_ms;
    if (event->type != SESSION_EV_OPEN && session_level(e->session) != SESSION_FULL) {
        return; /* with a candidate on either side it is not about all own logs */
    }
    switch (event->type) {
    case SESSION_EV_OPEN:
        guard_peer_init(&e->guard, &event->peer.house);
        return;
    case SESSION_EV_CLAIM:
        if (is_guarded(h, event->claim.log_no, &log)) {
            enum guard_relation relation =
                relation_of(h, event->claim.log_no, event->claim.size, &event->claim.root);
            if (!e->peer_hostile) {
                check_claim(h, event->claim.log_no, event->claim.size, relation);
            }
            if (guard_claim(&h->guard, &e->guard, log, relation, now)) {
                session_own_probe(e->session, event->claim.log_no, event->claim.size);
            }
        }
        break;
    case SESSION_EV_TOLD:
        guard_told(&h->guard, &e->guard, now);
        break;
    case SESSION_EV_IN_SYNC:
        guard_equal(&h->guard, &e->guard, now);
        break;
    case SESSION_EV_OWN_SEAL: {
        const struct seal *seal = &event->own_seal.seal;
        const struct frontier_item *item = frontier_item(h->frontier, event->own_seal.log_no);
        if (!is_guarded(h, event->own_seal.log_no, &log) ||
            seal_verify(seal, &item->ref.seal_key) != TRIS_OK) {
            return;
        }
        struct tris_short root = tris_short_of(seal->root.b);
        uint64_t before = h->guard.proven[log];
        guard_proof(&h->guard, &e->guard, log, seal->size,
                    relation_of(h, event->own_seal.log_no, seal->size, &root), now);
        if (h->guard.proven[log] > before) {
            char text[48];
            (void)snprintf(text, sizeof text, "%" PRIu64 " %u", h->guard.proven[log], h->epoch);
            setting_put(h, key_proven[log], text);
        }
        break;
    }
    case SESSION_EV_SEGMENT:
    case SESSION_EV_FORK:
    case SESSION_EV_TWIN:
    case SESSION_EV_CARD:
    case SESSION_EV_CHARTER:
    case SESSION_EV_PONG:
    case SESSION_EV_REFER:
    case SESSION_EV_CLOSED:
        return;
    }
    update(h);
}

void house_guard_fork(struct house *h, uint32_t log_no)
{
    enum guard_log log;
    guard_fork(&h->guard);
    if (is_guarded(h, log_no, &log)) {
        guard_ends(&h->guard, log, frontier_item(h->frontier, log_no)->end);
    }
    update(h);
}

void house_guard_members(struct house *h)
{
    if (h->sim->plans == NULL) {
        return;
    }
    for (int i = 0; i < GUARD_LOGS; i++) {
        const struct frontier_item *item = frontier_item(h->frontier, log_no_of(h, i));
        if (item != NULL && frontier_item_ends(item)) {
            guard_ends(&h->guard, (enum guard_log)i, item->end);
        }
    }
    guard_others(&h->guard, h->members.active - (house_is_member(h) ? 1 : 0));
    guard_rotates(&h->guard, h->rotates);
    update(h);
}

void house_guard_clone(struct house *h)
{
    guard_clone(&h->guard);
    update(h);
}

void house_guard_end_alarm(struct house *h)
{
    setting_put(h, key_alarm, "");
    guard_end_alarm(&h->guard, h->sim->now_ms);
    update(h);
    house_greet_again(h);
}

void house_guard_advanced(struct house *h, uint32_t log_no, uint64_t size, bool by_us)
{
    char detail[256];
    enum guard_log log;
    if (!is_guarded(h, log_no, &log)) {
        return;
    }
    guard_advanced(&h->guard, log, size, by_us);
    if (!by_us && h->guard.config.doubt == GUARD_MARK_AHEAD && !h->guard.mark_back &&
        store_mark_check(h->store, detail, sizeof detail) == TRIS_OK) {
        guard_mark_is_back(&h->guard);
        h->mark_doubtful = false;
    }
    update(h);
}
