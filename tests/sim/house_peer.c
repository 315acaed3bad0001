/* The overlay of a house: whom it dials, what sessions ask and tell; see house.h. */
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/house.h"
#include "tests/sim/net.h"

enum { BACKOFF_FIRST_MS = 200, GOOD_MS = 30000, RELAY_MS_MAX = 20 * 60 * 1000 };

/* ---- the session's questions ---- */

static uint32_t house_find(const struct sim *sim, const struct tris_house_id *id)
{
    for (uint32_t i = 0; i < sim->houses; i++) {
        if (tris_house_id_eq(&sim->house[i].id, id)) {
            return i;
        }
    }
    return SIM_NONE;
}

static enum tris_err io_member(void *ctx, const struct tris_house_id *house,
                               const struct tris_dh_pub *transport, enum tris_role *role)
{
    const struct house *h = ctx;
    uint32_t no = house_find(h->sim, house);
    if (no == SIM_NONE) {
        return TRIS_ERR_STRANGER;
    }
    *role = TRIS_ROLE_HOUSE;
    return tris_dh_pub_eq(&h->sim->house[no].transport.pub, transport) ? TRIS_OK
                                                                       : TRIS_ERR_WRONG_KEY;
}

static enum tris_err read_marked_run(struct store_view *v, uint32_t log_no, uint64_t first,
                                     uint64_t held, struct wbuf *out, uint32_t *count,
                                     struct seal *seal)
{
    enum tris_err err = store_seal_covering(v, log_no, first, seal);
    if (err != TRIS_OK || seal->size > held) {
        return err != TRIS_OK ? err : TRIS_ERR_NOT_FOUND;
    }
    *count = (uint32_t)(seal->size - first);
    for (uint64_t seq = first; seq < seal->size && err == TRIS_OK; seq++) {
        struct entry entry;
        err = store_entry_get(v, log_no, seq, &entry);
        if (err == TRIS_OK) {
            wbuf_span_put(out, entry.wire);
            err = out->err;
        }
    }
    return err;
}

static enum tris_err io_read_segment(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                                     uint32_t *count, struct seal *seal)
{
    struct house *h = ctx;
    const struct frontier_item *item = frontier_item(h->frontier, log_no);
    struct store_view *v;
    if (item == NULL) {
        return TRIS_ERR_NOT_FOUND;
    }
    enum tris_err err = store_view_begin(h->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    size_t start = out->len;
    err = store_segment_read(v, log_no, first, out, count, seal);
    /* an own seal leaves only after the mark: the frontier knows no more than that */
    if (err == TRIS_OK && item->own && seal->size > item->held) {
        out->len = start;
        err = read_marked_run(v, log_no, first, item->held, out, count, seal);
    }
    store_view_end(v);
    return err;
}

static void io_random(void *ctx, void *out, size_t len)
{
    struct house *h = ctx;
    rng_bytes(&h->rng, out, len);
}

static enum tris_err io_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    struct house *h = ctx;
    struct store_view *v;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err == TRIS_OK) {
        err = store_tree_nodes(v, log_no, nodes, count);
        store_view_end(v);
    }
    return err;
}

static enum tris_err io_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    struct house *h = ctx;
    const struct frontier_item *item = frontier_item(h->frontier, log_no);
    struct store_view *v;
    if (item == NULL || item->held == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    enum tris_err err = store_view_begin(h->store, &v);
    if (err == TRIS_OK) {
        err = store_seal_covering(v, log_no, item->held - 1, seal);
        store_view_end(v);
    }
    return err;
}

static enum tris_err io_fork_proof(void *ctx, uint32_t log_no, struct wbuf *out)
{
    (void)ctx;
    (void)log_no;
    (void)out;
    return TRIS_ERR_NOT_FOUND;
}

const struct session_io house_io = {
    io_member, io_read_segment, io_random, io_nodes, io_newest_seal, io_fork_proof,
};

/* ---- dialling ---- */

void house_plan_dials(struct house *h)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        const struct peer *p = &h->peers[i];
        if (p->dials && p->conn == SIM_NONE && p->next_dial_ms < next) {
            next = p->next_dial_ms;
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
        if (p->dials && p->conn == SIM_NONE && p->next_dial_ms <= h->sim->now_ms) {
            p->conn = net_dial(h->sim, h->no, i, p->has_common ? &p->common : NULL);
            p->open = false;
        }
    }
    house_plan_dials(h);
}

static void dial_later(struct house *h, struct peer *p)
{
    uint64_t most = h->sim->profile.backoff_max_ms;
    p->backoff_ms = p->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * p->backoff_ms;
    p->backoff_ms = p->backoff_ms < most ? p->backoff_ms : most;
    p->next_dial_ms = h->sim->now_ms + p->backoff_ms / 2 +
                      rng_below(&h->sim->rng[STREAM_OVERLAY], p->backoff_ms / 2 + 1) + 1;
    house_plan_dials(h);
}

void house_redial(struct house *h)
{
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        h->peers[i].backoff_ms = 0;
        h->peers[i].next_dial_ms = h->sim->now_ms;
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

static void on_open(struct house *h, uint32_t conn, uint32_t end, uint64_t instance)
{
    struct conn *c = net_conn(h->sim, conn);
    uint32_t peer = c->end[1 - end].house;
    struct peer *p = &h->peers[peer];
    uint32_t older = p->open && p->conn != conn ? p->conn : SIM_NONE;
    if (older != SIM_NONE && !newer_wins(h, p, peer, end, instance)) {
        net_goodbye(h->sim, conn, end, TRIS_ERR_DUPLICATE);
        return;
    }
    p->conn = conn;
    p->open = true;
    p->instance = instance;
    if (older != SIM_NONE) {
        const struct conn *o = net_conn(h->sim, older);
        net_goodbye(h->sim, older, o->end[0].house == h->no ? 0 : 1, TRIS_ERR_DUPLICATE);
    }
}

static void on_segment(struct house *h, uint32_t conn, uint32_t end, struct session_segment *s)
{
    struct work *w = calloc(1, sizeof *w);
    tris_assert(w != NULL);
    w->is_segment = true;
    w->conn = conn;
    w->session_no = net_conn(h->sim, conn)->end[end].no;
    w->segment = *s;
    house_take_work(h, w);
}

void house_conn_event(struct house *h, uint32_t conn, uint32_t end, struct session_event *event)
{
    house_guard_event(h, &net_conn(h->sim, conn)->end[end], event);
    switch (event->type) {
    case SESSION_EV_OPEN:
        on_open(h, conn, end, event->peer.instance_nonce);
        return;
    case SESSION_EV_SEGMENT:
        on_segment(h, conn, end, &event->segment);
        return;
    case SESSION_EV_FORK: /* nobody forks yet, and no proof is kept */
        free(event->fork.bytes);
        session_fork_done(net_conn(h->sim, conn)->end[end].session, event->fork.log_no,
                          TRIS_ERR_NOT_READY);
        return;
    case SESSION_EV_CLAIM:
    case SESSION_EV_TOLD:
    case SESSION_EV_OWN_SEAL:
    case SESSION_EV_IN_SYNC:
    case SESSION_EV_TWIN:
    case SESSION_EV_PONG:
    case SESSION_EV_CLOSED:
        return;
    }
}

void house_conn_ended(struct house *h, uint32_t conn, uint32_t end, enum tris_err reason,
                      bool by_peer)
{
    struct conn *c = net_conn(h->sim, conn);
    struct peer *p = &h->peers[c->end[1 - end].house];
    sim_trace(h->sim, "house %u: connection with %u ends: %s%s", h->no, c->end[1 - end].house,
              tris_err_name(reason), by_peer ? " (by peer)" : "");
    check_end_reason(h, c, end, reason, by_peer);
    if (c->end[end].session != NULL) {
        const struct session_stats *s = session_stats(c->end[end].session);
        if (s->has_common_root) {
            p->has_common = true;
            p->common = s->common_root;
        }
        if (s->opened_ms != 0 && h->sim->now_ms - s->opened_ms > GOOD_MS) {
            p->backoff_ms = 0;
        }
    }
    if (p->conn != conn) {
        return; /* the loser of two */
    }
    p->conn = SIM_NONE;
    p->open = false;
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
        session_segment_done(c->end[end].session, w->segment.log_no, w->segment.len, w->err);
        net_pump(h->sim, w->conn, end);
    }
}

/* The connection that counts with this peer, if its session is open; `end` is ours. */
static struct conn *open_conn(struct house *h, uint32_t peer, uint32_t *end)
{
    const struct peer *p = &h->peers[peer];
    struct conn *c = p->open ? net_conn(h->sim, p->conn) : NULL;
    if (c == NULL) {
        return NULL;
    }
    *end = c->end[0].house == h->no ? 0 : 1;
    const struct end *e = &c->end[*end];
    return !e->over && e->session != NULL && session_state(e->session) == SESSION_OPEN ? c : NULL;
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
