/* Who belongs, as a house finds it out: what daemon/writer_members.c, membership.c and conn_admit.c
 * do around the daemon's own member table. */
#include <stdlib.h>

#include "proto/assert.h"
#include "storage/members.h"
#include "tests/sim/house_batch.h"
#include "tests/sim/rotate.h"

bool house_is_member(const struct house *h)
{
    if (h->sim->plans == NULL) {
        return true;
    }
    uint32_t index = members_find(&h->members, &h->id);
    return index != UINT32_MAX && member_is_active(&h->members.list[index]);
}

/* ---- in the writer's transaction ---- */

static void note_log(struct house *h, struct store_view *v, uint32_t no)
{
    struct store_log log;
    if (store_log_get(v, no, &log) == TRIS_OK && log.ref.topic != TRIS_TOPIC_LOCAL) {
        tris_assert(no < HOUSE_LOGS_MAX);
        h->log_of[no] = house_log_at(h->sim, house_find(h->sim, &log.ref.house), log.ref.epoch,
                                     (enum tris_topic)log.ref.topic);
    }
}

static void on_change(void *ctx, const struct store_members_change *change)
{
    struct batch *b = ctx;
    struct store_log log;
    struct store_view *v = store_txn_view(b->t);
    note_log(b->h, v, change->log_no);
    (void)batch_touch(b, change->log_no, 0);
    if (change->cut && store_log_get(v, change->log_no, &log) == TRIS_OK && log.own) {
        b->own[log.ref.topic] = (struct own){0, 0}; /* nothing waits for a seal any more */
        b->own_sealed = true;                       /* the mark is to say what is left */
    }
}

static void no_change(void *ctx, const struct store_members_change *change)
{
    (void)ctx;
    (void)change;
}

enum tris_err batch_members(struct batch *b)
{
    if (b->h->sim->plans == NULL || !store_members_stale(b->t)) {
        return TRIS_OK;
    }
    struct store_members *m = calloc(1, sizeof *m);
    tris_assert(m != NULL);
    enum tris_err err = store_members_apply(b->t, &b->h->sim->charter, m, on_change, b);
    if (err != TRIS_OK) {
        free(m);
        return err;
    }
    b->members = m;
    return TRIS_OK;
}

/* ---- behind the commit ---- */

struct taking {
    struct house *h;
    bool rights_changed; /* of somebody */
};

static void on_told(void *ctx, uint32_t index, enum member_state before, bool is_new)
{
    struct taking *t = ctx;
    const struct member *m = &t->h->members.list[index];
    const uint32_t no = house_find(t->h->sim, &m->id);
    t->rights_changed = t->rights_changed || is_new || before != m->state;
    sim_trace(t->h->sim, "house %u: house %u is now %d", t->h->no, no, (int)m->state);
    if (!is_new && before != m->state) {
        house_greet_one(t->h, no);
    }
}

static void count_logs(struct house *h, struct store_view *v)
{
    if (store_log_count(v, &h->logs) != TRIS_OK) {
        sim_fail(h->sim, "house %u: its logs cannot be counted", h->no);
    }
    for (uint32_t no = 0; no < h->logs; no++) {
        note_log(h, v, no);
    }
}

void house_members_take(struct house *h, struct store_members *members, bool quiet)
{
    struct taking t = {.h = h};
    struct store_view *v;
    const bool was_in = house_is_member(h);
    if (store_view_begin(h->store, &v) != TRIS_OK) {
        sim_fail(h->sim, "house %u: its store cannot be read", h->no);
    }
    enum tris_err err = members_update(&h->members, members, v, quiet ? NULL : on_told, &t);
    if (err != TRIS_OK) {
        sim_fail(h->sim, "house %u: its evaluation is not taken: %s", h->no, tris_err_name(err));
    }
    count_logs(h, v);
    store_view_end(v);
    if (quiet) {
        return;
    }
    house_guard_members(h);
    if (house_is_member(h) && !was_in && h->may_seal) {
        house_confirmed(h); /* what was written as a candidate can be sealed */
    }
    if (house_is_member(h) != was_in) {
        house_greet_again(h); /* a session keeps the level of its handshake */
    }
    if (t.rights_changed) {
        house_ask_again(h);
    }
    rotate_look(h);
}

enum tris_err house_members_open(struct house *h)
{
    struct store_txn *t;
    struct store_members *m = calloc(1, sizeof *m);
    tris_assert(m != NULL);
    enum tris_err err = members_init(&h->members, &h->sim->charter);
    tris_assert(err == TRIS_OK);
    err = store_txn_begin(h->store, &t);
    if (err != TRIS_OK) {
        free(m);
        return err;
    }
    err = store_members_apply(t, &h->sim->charter, m, no_change, NULL);
    if (err != TRIS_OK) {
        store_abort(t);
        free(m);
        return err;
    }
    err = store_commit(t);
    if (err != TRIS_OK) {
        members_free(m);
        return err;
    }
    house_members_take(h, m, true);
    return TRIS_OK;
}

/* ---- sessions ---- */

enum tris_err house_members_admit(const struct house *h, const struct tris_house_id *house,
                                  const struct tris_dh_pub *transport, struct session_admit *admit)
{
    enum tris_err err = members_admit(&h->members, house, transport, admit);
    if (err != TRIS_OK) { /* whoever is no member yet has asked here, with its line */
        const uint32_t no = house_find(h->sim, house);
        admit->level = SESSION_GOV;
        if (no != SIM_NONE && tris_dh_pub_eq(&h->sim->house[no].transport.pub, transport)) {
            admit->role = TRIS_ROLE_HOUSE;
            err = TRIS_OK;
        }
    }
    if (!house_is_member(h)) {
        admit->level = SESSION_GOV;
    }
    return err;
}
