/* The overlay of a house: whom it dials, what sessions tell; see house.h. */
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/hostile.h"
#include "tests/sim/house.h"
#include "tests/sim/net.h"

enum { RELAY_MS_MAX = 20 * 60 * 1000 };

/* ---- dialling ---- */

void house_plan_dials(struct house *h)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        const struct peer *p = &h->peers[i];
        if (p->dials && p->conn == SIM_NONE && p->penalty.dial_ms < next) {
            next = p->penalty.dial_ms;
        }
    }
    if (next == UINT64_MAX || (h->dial_ms <= next && h->dial_ms != UINT64_MAX)) {
        return;
    }
    h->dial_ms = next > h->sim->now_ms ? next : h->sim->now_ms + 1;
    sim_after(h->sim, h->dial_ms - h->sim->now_ms, EVENT_DIAL, h->no, 0, h->life);
}

void house_on_dial(struct house *h, const struct event *event)
{
    if (!h->up || event->stamp != h->life || event->at_ms != h->dial_ms) {
        return;
    }
    h->dial_ms = UINT64_MAX;
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        struct peer *p = &h->peers[i];
        if (p->dials && p->conn == SIM_NONE && p->penalty.dial_ms <= h->sim->now_ms) {
            p->conn = net_dial(h->sim, h->no, i, p->has_common ? &p->common : NULL);
            p->open = false;
        }
    }
    house_plan_dials(h);
}

static void dial_later(struct house *h, struct peer *p)
{
    penalty_later(&p->penalty, h->sim->now_ms, (uint32_t)rng_next(&h->sim->rng[STREAM_OVERLAY]),
                  h->sim->profile.backoff_max_ms);
    house_plan_dials(h);
}

void house_redial(struct house *h)
{
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        penalty_shorten(&h->peers[i].penalty);
        penalty_at_once(&h->peers[i].penalty, h->sim->now_ms);
    }
    house_plan_dials(h);
}

/* ---- what connections tell ---- */

void house_conn_begins(struct house *h, uint32_t conn, uint32_t end)
{
    (void)conn;
    tris_assert(h->up && end < 2);
}

/* Of two sessions with one house the one stays that the smaller id dialled; see the daemon's
 * overlay. */
static bool newer_wins(const struct house *h, const struct peer *p, uint32_t peer, uint32_t end,
                       uint64_t instance)
{
    const struct conn *older = net_conn(h->sim, p->conn);
    bool newer_by_us = end == 0, older_by_us = older->end[0].house == h->no;
    uint32_t k = older_by_us ? 0 : 1;
    const struct session_stats *stats = session_stats(older->end[k].session);
    uint64_t now = h->sim->now_ms;
    bool silent =
        now > stats->last_recv_ms && now - stats->last_recv_ms > 2 * h->sim->profile.heartbeat_ms;
    if (newer_by_us == older_by_us || instance != p->instance || silent) {
        return true;
    }
    return newer_by_us == (tris_house_id_cmp(&h->id, &h->sim->house[peer].id) < 0);
}

static uint32_t own_end(const struct house *h, const struct conn *c)
{
    return c->end[0].house == h->no ? 0 : 1;
}

/* Its session, if it is open; NULL. */
static struct session *open_session(struct house *h, uint32_t conn, uint32_t *end)
{
    struct conn *c = net_conn(h->sim, conn);
    if (c == NULL || (c->end[0].house != h->no && c->end[1].house != h->no)) {
        return NULL;
    }
    *end = own_end(h, c);
    const struct end *e = &c->end[*end];
    bool open = !e->over && e->session != NULL && session_state(e->session) == SESSION_OPEN;
    return open ? e->session : NULL;
}

/* Two processes of one house: each is asked about the other, as daemon/twins.c does. */
static bool twins_ask(struct house *h, struct peer *p, uint32_t older, uint32_t newer,
                      uint64_t instance)
{
    uint32_t end[2];
    struct session *session[2] = {open_session(h, older, &end[0]), open_session(h, newer, &end[1])};
    if (session[0] == NULL || session[1] == NULL ||
        !twin_due(&p->twins_ms, h->sim->now_ms, p->instance, instance)) {
        return false;
    }
    const struct twin about_newer = {.about = instance}, about_older = {.about = p->instance};
    session_twin(session[0], &about_newer);
    session_twin(session[1], &about_older);
    sim_after(h->sim, TWIN_WAIT_MS, EVENT_TWIN, older, end[0], net_conn(h->sim, older)->stamp);
    net_pump(h->sim, older, end[0]);
    net_pump(h->sim, newer, end[1]);
    return true;
}

void house_on_twin(struct sim *sim, const struct event *event)
{
    const struct conn *c = net_conn(sim, event->a);
    if (c != NULL && c->stamp == event->stamp) {
        net_goodbye(sim, event->a, event->b, TRIS_ERR_DUPLICATE);
    }
}

static void on_twin(struct house *h, uint32_t conn, uint32_t end, const struct twin *twin)
{
    struct twin answer;
    uint32_t peer = net_conn(h->sim, conn)->end[1 - end].who;
    switch (twin_judge(&h->sim->fed, &h->key, h->instance, twin, &answer)) {
    case TWIN_ANSWER:
        session_twin(net_conn(h->sim, conn)->end[end].session, &answer);
        return;
    case TWIN_PASS_ON:
        for (uint32_t no = 0; no < net_count(h->sim); no++) {
            uint32_t k;
            struct session *s = no != conn ? open_session(h, no, &k) : NULL;
            struct conn *c = net_conn(h->sim, no);
            if (s != NULL && c->end[1 - k].who == peer &&
                h->sim->house[c->end[1 - k].house].instance == twin->about) {
                session_twin(s, twin);
                net_pump(h->sim, no, k);
            }
        }
        return;
    case TWIN_PROVEN:
        house_guard_clone(h);
        return;
    case TWIN_NOTHING:
        return;
    }
}

static void on_open(struct house *h, uint32_t conn, uint32_t end, uint64_t instance)
{
    struct conn *c = net_conn(h->sim, conn);
    uint32_t peer = c->end[1 - end].who;
    struct peer *p = &h->peers[peer];
    if (end == 1) {
        penalty_dialled_by(&p->penalty, h->sim->now_ms);
        if (penalty_refuses(&p->penalty, h->sim->now_ms)) {
            net_goodbye(h->sim, conn, end, TRIS_ERR_BUSY);
            return;
        }
    }
    uint32_t older = p->open && p->conn != conn ? p->conn : SIM_NONE;
    if (older != SIM_NONE && !newer_wins(h, p, peer, end, instance)) {
        net_goodbye(h->sim, conn, end, TRIS_ERR_DUPLICATE);
        return;
    }
    bool asked = older != SIM_NONE && twins_ask(h, p, older, conn, instance);
    p->conn = conn;
    p->open = true;
    p->instance = instance;
    if (older != SIM_NONE && !asked) {
        net_goodbye(h->sim, older, own_end(h, net_conn(h->sim, older)), TRIS_ERR_DUPLICATE);
    }
}

static void on_segment(struct house *h, uint32_t conn, uint32_t end, struct session_segment *s)
{
    struct work *w = calloc(1, sizeof *w);
    tris_assert(w != NULL);
    w->is_segment = true;
    w->conn = conn;
    w->session_no = net_conn(h->sim, conn)->end[end].no;
    w->from_hostile = net_conn(h->sim, conn)->end[end].peer_hostile;
    w->segment = *s;
    house_take_work(h, w);
}

static void on_fork(struct house *h, uint32_t conn, uint32_t end, const struct session_fork *fork)
{
    struct work *w = calloc(1, sizeof *w);
    tris_assert(w != NULL);
    w->conn = conn;
    w->session_no = net_conn(h->sim, conn)->end[end].no;
    w->fork = *fork;
    w->is_fork = true;
    house_take_work(h, w);
}

void house_fork_verdict(struct house *h, const struct work *w)
{
    struct conn *c = net_conn(h->sim, w->conn);
    uint32_t end = c != NULL ? net_end_of(c, w->session_no) : 2;
    if (end < 2 && !c->end[end].over && c->end[end].session != NULL) {
        sim_trace(h->sim, "house %u: fork proof for log %u from %u, end %llu: %s", h->no,
                  h->log_of[w->fork.log_no], c->end[1 - end].house, (unsigned long long)w->fork.at,
                  tris_err_name(w->err));
        session_fork_done(c->end[end].session, w->fork.log_no, w->err);
        net_pump(h->sim, w->conn, end);
    }
}

void house_conn_event(struct house *h, uint32_t conn, uint32_t end, struct session_event *event)
{
    house_guard_event(h, &net_conn(h->sim, conn)->end[end], event);
    switch (event->type) {
    case SESSION_EV_OPEN:
        on_open(h, conn, end, event->peer.instance_nonce);
        hostile_opened(h);
        return;
    case SESSION_EV_SEGMENT:
        on_segment(h, conn, end, &event->segment);
        return;
    case SESSION_EV_FORK:
        on_fork(h, conn, end, &event->fork);
        return;
    case SESSION_EV_TWIN:
        on_twin(h, conn, end, &event->twin);
        return;
    case SESSION_EV_CARD: /* people know all houses */
        free(event->card.text);
        return;
    case SESSION_EV_CLAIM:
    case SESSION_EV_TOLD:
    case SESSION_EV_OWN_SEAL:
    case SESSION_EV_IN_SYNC:
    case SESSION_EV_CHARTER:
    case SESSION_EV_REFER: /* and all have room */
    case SESSION_EV_PONG:
    case SESSION_EV_CLOSED:
        return;
    }
}

void house_conn_ended(struct house *h, uint32_t conn, uint32_t end, enum tris_err reason,
                      bool by_peer)
{
    struct conn *c = net_conn(h->sim, conn);
    struct peer *p = &h->peers[c->end[1 - end].who];
    sim_trace(h->sim, "house %u: connection with %u ends: %s%s", h->no, c->end[1 - end].house,
              tris_err_name(reason), by_peer ? " (by peer)" : "");
    check_end_reason(h, c, end, reason, by_peer);
    bool offence = penalty_is_offence(reason, by_peer);
    if (c->end[end].session != NULL) {
        const struct session_stats *s = session_stats(c->end[end].session);
        if (s->has_common_root) {
            p->has_common = true;
            p->common = s->common_root;
        }
        if (s->opened_ms != 0) {
            penalty_lasted(&p->penalty, h->sim->now_ms - s->opened_ms, offence);
        }
    }
    if (p->conn != conn) {
        return; /* the loser of two */
    }
    p->conn = SIM_NONE;
    p->open = false;
    if (offence) {
        penalty_offended(&p->penalty);
    }
    dial_later(h, p);
}

void house_peers_stop(struct house *h, bool silent)
{
    for (uint32_t no = 0; no < net_count(h->sim); no++) {
        for (uint32_t k = 0; k < 2; k++) {
            const struct conn *c = net_conn(h->sim, no);
            if (c != NULL && c->end[k].house == h->no) {
                net_drop(h->sim, no, k, silent);
            }
        }
    }
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        struct peer *p = &h->peers[i];
        *p = (struct peer){.dials = p->dials, .conn = SIM_NONE};
    }
    h->dial_ms = UINT64_MAX;
    h->held_back_count = 0;
}

/* ---- what the writer tells ---- */

void house_segment_verdict(struct house *h, const struct work *w)
{
    struct conn *c = net_conn(h->sim, w->conn);
    uint32_t end = c != NULL ? net_end_of(c, w->session_no) : 2;
    if (end < 2 && !c->end[end].over && c->end[end].session != NULL) {
        if (w->err != TRIS_OK) {
            sim_trace(h->sim, "house %u: segment of log %u from %u refused: %s", h->no,
                      h->log_of[w->segment.log_no], c->end[1 - end].house, tris_err_name(w->err));
        }
        session_segment_done(c->end[end].session, w->segment.log_no, w->segment.len, w->err);
        net_pump(h->sim, w->conn, end);
    }
}

/* The connection that counts with this peer, if its session is open; `end` is ours. */
static struct conn *open_conn(struct house *h, uint32_t peer, uint32_t *end)
{
    const struct peer *p = &h->peers[peer];
    return p->open && open_session(h, p->conn, end) != NULL ? net_conn(h->sim, p->conn) : NULL;
}

void house_greet_again(struct house *h)
{
    for (uint32_t no = 0; no < net_count(h->sim); no++) {
        const struct conn *c = net_conn(h->sim, no);
        if (c != NULL && (c->end[0].house == h->no || c->end[1].house == h->no)) {
            net_goodbye(h->sim, no, own_end(h, c), TRIS_ERR_GOODBYE);
        }
    }
    house_redial(h);
}

void house_greet_one(struct house *h, uint32_t peer)
{
    for (uint32_t no = 0; no < net_count(h->sim); no++) {
        const struct conn *c = net_conn(h->sim, no);
        if (c != NULL && (c->end[0].house == h->no || c->end[1].house == h->no) &&
            c->end[1 - own_end(h, c)].who == peer) {
            net_goodbye(h->sim, no, own_end(h, c), TRIS_ERR_GOODBYE);
        }
    }
    penalty_replan(&h->peers[peer].penalty);
    house_plan_dials(h);
}

void house_ask_again(struct house *h)
{
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        uint32_t end;
        struct conn *c = open_conn(h, i, &end);
        if (c != NULL) {
            session_sync_now(c->end[end].session);
            net_pump(h->sim, h->peers[i].conn, end);
        }
    }
}

void house_fork_known(struct house *h, uint32_t log_no)
{
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        uint32_t end;
        struct conn *c = open_conn(h, i, &end);
        if (c != NULL) {
            session_fork_known(c->end[end].session, log_no);
            net_pump(h->sim, h->peers[i].conn, end);
        }
    }
}

void house_own_tail(struct house *h, uint32_t log_no)
{
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        uint32_t end;
        struct conn *c = open_conn(h, i, &end);
        if (c != NULL) {
            session_own_tail(c->end[end].session, log_no);
            net_pump(h->sim, h->peers[i].conn, end);
        }
    }
}

static void tell_all(struct house *h, const uint32_t *logs, const uint64_t *source, uint32_t count)
{
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        uint32_t end;
        struct conn *c = open_conn(h, i, &end);
        if (c == NULL) {
            continue;
        }
        struct end *e = &c->end[end];
        for (uint32_t k = 0; k < count; k++) {
            if (source == NULL || source[k] != e->no) {
                session_log_advanced(e->session, logs[k]);
            }
        }
        session_root_changed(e->session);
        net_pump(h->sim, h->peers[i].conn, end);
    }
}

/* A relay that reorders keeps logs back for minutes and passes them on in drawn order. */
static void hold_back(struct house *h, const uint32_t *logs, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        uint32_t at = 0;
        while (at < h->held_back_count && h->held_back[at] != logs[k]) {
            at++;
        }
        if (at == h->held_back_count && at < HOUSE_LOGS_MAX) {
            h->held_back[h->held_back_count++] = logs[k];
        }
    }
    sim_after(h->sim, 1 + rng_below(&h->sim->rng[STREAM_NET], RELAY_MS_MAX), EVENT_RELAY, h->no, 0,
              h->life);
}

void house_on_relay(struct house *h, const struct event *event)
{
    if (!h->up || event->stamp != h->life || h->held_back_count == 0) {
        return;
    }
    uint32_t at = (uint32_t)rng_below(&h->sim->rng[STREAM_NET], h->held_back_count);
    uint32_t log = h->held_back[at];
    h->held_back[at] = h->held_back[--h->held_back_count];
    tell_all(h, &log, NULL, 1);
    if (h->held_back_count > 0) {
        sim_after(h->sim, 1 + rng_below(&h->sim->rng[STREAM_NET], RELAY_MS_MAX), EVENT_RELAY, h->no,
                  0, h->life);
    }
}

void house_advanced(struct house *h, const uint32_t *logs, const uint64_t *source, uint32_t count)
{
    if (h->sim->now_ms < h->reorder_until_ms) {
        hold_back(h, logs, count);
        return;
    }
    tell_all(h, logs, source, count);
}
