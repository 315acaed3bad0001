/* Connections: dialling, pieces of bytes under way, ends; see net.h. */
#include "tests/sim/net.h"

#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/house.h"

enum {
    CONNS_FIRST = 256,
    FILL_BYTES = 128 * 1024,
    HANDSHAKE_MS = 5000,
    IDLE_MS = 60000,
    DIAL_TIMEOUT_MS = 10000,
    SPLIT_PIECES = 64,
    FIRST_BYTES = 1024,
};

struct piece {
    struct piece *next;
    size_t len;
    uint8_t bytes[];
};

struct first {
    size_t len;
    uint8_t bytes[FIRST_BYTES];
};

struct net {
    struct conn *conn;
    uint32_t count, cap;
    uint64_t next_stamp, next_session;
    uint8_t *blocked;     /* places x places */
    struct first *firsts; /* by house: how a handshake with it began */
    uint8_t fill[FILL_BYTES];
};

struct net *net_new(struct sim *sim)
{
    struct net *net = calloc(1, sizeof *net);
    tris_assert(net != NULL);
    net->blocked = calloc((size_t)sim->places * sim->places, 1);
    net->firsts = calloc(sim->places, sizeof *net->firsts);
    tris_assert(net->blocked != NULL && net->firsts != NULL);
    net->next_session = 1;
    net->next_stamp = 1;
    return net;
}

static void pieces_free(struct end *e)
{
    while (e->first != NULL) {
        struct piece *piece = e->first;
        e->first = piece->next;
        free(piece);
    }
    e->tail = &e->first;
    e->flying = 0;
}

void net_free(struct net *net)
{
    for (uint32_t i = 0; net != NULL && i < net->count; i++) {
        for (int k = 0; k < 2 && net->conn[i].used; k++) {
            session_free(net->conn[i].end[k].session);
            pieces_free(&net->conn[i].end[k]);
        }
    }
    if (net != NULL) {
        free(net->conn);
        free(net->blocked);
        free(net->firsts);
    }
    free(net);
}

struct conn *net_conn(struct sim *sim, uint32_t no)
{
    return no < sim->net->count && sim->net->conn[no].used ? &sim->net->conn[no] : NULL;
}

uint32_t net_count(const struct sim *sim)
{
    return sim->net->count;
}

uint32_t net_end_of(const struct conn *c, uint64_t session_no)
{
    return c->end[0].no == session_no ? 0 : c->end[1].no == session_no ? 1 : 2;
}

static uint32_t conn_no(const struct sim *sim, const struct conn *c)
{
    return (uint32_t)(c - sim->net->conn);
}

static struct conn *conn_of(struct sim *sim, const struct event *event)
{
    struct conn *c = net_conn(sim, event->a);
    return c != NULL && c->stamp == event->stamp ? c : NULL;
}

bool net_blocked(const struct sim *sim, uint32_t from, uint32_t to)
{
    return sim->net->blocked[(size_t)from * sim->places + to] != 0;
}

/* ---- dialling ---- */

static uint32_t conn_slot(struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        if (!net->conn[i].used) {
            return i;
        }
    }
    if (net->count == net->cap) {
        net->cap = net->cap == 0 ? CONNS_FIRST : 2 * net->cap;
        struct conn *list = calloc(net->cap, sizeof *list);
        tris_assert(list != NULL);
        for (uint32_t i = 0; i < net->count; i++) {
            list[i] = net->conn[i];
            for (int k = 0; k < 2; k++) { /* an empty list ends in its own head */
                struct end *e = &list[i].end[k];
                e->tail = e->first == NULL ? &e->first : e->tail;
            }
        }
        free(net->conn);
        net->conn = list;
    }
    return net->count++;
}

static uint32_t conn_new(struct sim *sim, uint32_t from, uint32_t to)
{
    struct net *net = sim->net;
    uint32_t no = conn_slot(net);
    struct conn *c = &net->conn[no];
    *c = (struct conn){.used = true, .stamp = net->next_stamp++};
    c->latency_ms =
        1 + (uint64_t)(from * 7919 + to * 104729) % 40 + rng_below(&sim->rng[STREAM_NET], 10);
    for (uint32_t k = 0; k < 2; k++) {
        c->end[k].house = k == 0 ? from : to;
        c->end[k].who = sim->house[c->end[k].house].who;
        c->end[k].no = net->next_session++;
        c->end[k].tail = &c->end[k].first;
        c->end[k].tick_ms = UINT64_MAX;
        c->end[k].cut_at = UINT64_MAX;
    }
    return no;
}

uint32_t net_dial(struct sim *sim, uint32_t from, uint32_t to, const struct tris_short *common)
{
    uint32_t no = conn_new(sim, from, to);
    struct conn *c = net_conn(sim, no);
    if (common != NULL) {
        c->has_common = true;
        c->common = *common;
    }
    bool reached = !net_blocked(sim, from, to) && !net_blocked(sim, to, from);
    sim_after(sim, reached ? 2 * c->latency_ms : DIAL_TIMEOUT_MS, EVENT_CONNECT, no, reached,
              c->stamp);
    return no;
}

static void end_begin(struct sim *sim, struct conn *c, uint32_t k)
{
    struct end *e = &c->end[k];
    struct house *own = &sim->house[e->house], *peer = &sim->house[c->end[1 - k].house];
    uint64_t heartbeat_ms = sim->profile.heartbeat_ms;
    struct session_config config = {
        .initiator = k == 0,
        .fed = sim->fed,
        .own_id = own->id,
        .own_transport = own->transport,
        .instance_nonce = own->instance,
        .peer_id = peer->id,
        .peer_transport = peer->transport.pub,
        .session_no = e->no,
        .heartbeat_ms = heartbeat_ms,
        .handshake_ms = HANDSHAKE_MS,
        .idle_ms = IDLE_MS > 4 * heartbeat_ms ? IDLE_MS : 4 * heartbeat_ms,
        .credit_bytes = TRIS_CREDIT_INITIAL_BYTES,
        .has_common_root = k == 0 && c->has_common,
        .common_root = c->common,
        .card = span_str(own->card), /* empty if membership is fixed */
        .frontier = own->frontier,
        .io = &house_io,
        .io_ctx = own,
    };
    e->peer_hostile = peer->hostile;
    enum tris_err err = session_new(&config, sim->now_ms, &e->session);
    tris_assert(err == TRIS_OK);
    house_conn_begins(own, conn_no(sim, c), k);
    sim->sessions++;
}

static void conn_end(struct sim *sim, uint32_t no, uint32_t k, enum tris_err reason, bool by_peer);

void net_on_connect(struct sim *sim, const struct event *event)
{
    struct conn *c = conn_of(sim, event);
    if (c == NULL || c->end[0].over) {
        return;
    }
    struct house *to = &sim->house[c->end[1].house];
    if (event->b == 0 || !to->up) {
        c->end[1].over = true;
        conn_end(sim, event->a, 0, TRIS_ERR_CLOSED, false);
        return;
    }
    end_begin(sim, c, 0);
    end_begin(sim, c, 1);
    net_pump(sim, event->a, 0);
}

/* ---- the end ---- */

/* Both sides are done: the slot is free. */
static void conn_release(struct conn *c)
{
    if (c->end[0].over && c->end[1].over) {
        pieces_free(&c->end[0]);
        pieces_free(&c->end[1]);
        c->used = false;
    }
}

/* This end's session is over; the other end hears of it after what was sent. */
static void conn_end(struct sim *sim, uint32_t no, uint32_t k, enum tris_err reason, bool by_peer)
{
    struct conn *c = net_conn(sim, no);
    struct end *e = &c->end[k];
    tris_assert(!e->over);
    e->over = true;
    if (!c->end[1 - k].over && !c->dead) {
        uint64_t at = e->last_ms > sim->now_ms ? e->last_ms : sim->now_ms;
        sim_after(sim, at - sim->now_ms + c->latency_ms, EVENT_NOTICE, no, 1 - k, c->stamp);
    }
    struct session *session = e->session;
    if (sim->house[e->house].up) {
        house_conn_ended(&sim->house[e->house], no, k, reason, by_peer);
    }
    e->session = NULL;
    session_free(session);
    conn_release(c);
}

void net_on_notice(struct sim *sim, const struct event *event)
{
    struct conn *c = conn_of(sim, event);
    if (c != NULL && !c->end[event->b].over) {
        conn_end(sim, event->a, event->b, TRIS_ERR_CLOSED, false);
    }
}

void net_drop(struct sim *sim, uint32_t no, uint32_t k, bool silent)
{
    struct conn *c = net_conn(sim, no);
    if (c == NULL || c->end[k].over) {
        return;
    }
    c->dead = c->dead || silent;
    conn_end(sim, no, k, TRIS_ERR_CLOSED, false);
}

void net_block(struct sim *sim, uint32_t from, uint32_t to, bool blocked)
{
    struct net *net = sim->net;
    net->blocked[(size_t)from * sim->places + to] = blocked;
    for (uint32_t i = 0; blocked && i < net->count; i++) {
        const struct conn *c = &net->conn[i];
        bool there = c->end[0].house == from && c->end[1].house == to;
        bool back = c->end[1].house == from && c->end[0].house == to;
        if (c->used && !c->dead && (there || back)) {
            net_swallow(sim, i);
        }
    }
}

void net_block_none(struct sim *sim)
{
    memset(sim->net->blocked, 0, (size_t)sim->places * sim->places);
}

/* ---- bytes ---- */

/* One piece on its way; the stream may die with it. */
static void send_piece(struct sim *sim, uint32_t no, uint32_t k, const uint8_t *bytes, size_t len)
{
    struct conn *c = net_conn(sim, no);
    struct end *e = &c->end[k];
    struct rng *rng = &sim->rng[STREAM_NET];
    bool cut = e->sent + len >= e->cut_at;
    len = cut ? (size_t)(e->cut_at - e->sent) : len;
    e->sent += len;
    struct piece *piece = malloc(sizeof *piece + len);
    tris_assert(piece != NULL);
    piece->next = NULL;
    piece->len = len;
    memcpy(piece->bytes, bytes, len);
    if (c->flip && len > 0) {
        piece->bytes[rng_below(rng, len)] ^= (uint8_t)(1u << rng_below(rng, 8));
        c->flip = false;
    }
    *e->tail = piece;
    e->tail = &piece->next;
    e->flying += len;
    uint64_t at = sim->now_ms + c->latency_ms;
    if (c->slow_until_ms > sim->now_ms) {
        at += 2000 + len / c->slow_bytes_per_ms;
    }
    at = at < e->last_ms ? e->last_ms : at;
    e->last_ms = at;
    sim_after(sim, at - sim->now_ms, EVENT_DELIVER, no, k, c->stamp);
    if (cut) {
        c->dead = true; /* for what follows; what is under way still arrives */
        e->cut_at = UINT64_MAX;
        for (uint32_t i = 0; i < 2; i++) {
            sim_after(sim, at - sim->now_ms + 1, EVENT_NOTICE, no, i, c->stamp);
        }
    }
}

static void note_first(struct sim *sim, const struct conn *c, const uint8_t *bytes, size_t len)
{
    struct first *first = &sim->net->firsts[c->end[1].house];
    if (len <= sizeof first->bytes) {
        memcpy(first->bytes, bytes, len);
        first->len = len;
    }
}

static void send(struct sim *sim, uint32_t no, uint32_t k, const uint8_t *bytes, size_t len)
{
    struct conn *c = net_conn(sim, no);
    struct rng *rng = &sim->rng[STREAM_NET];
    sim->bytes_carried += len;
    if (c->dead) {
        if (!c->end[k].broken) {
            c->end[k].broken = true;
            sim_after(sim, rng_between(rng, 1000, NET_USER_TIMEOUT_MS), EVENT_NOTICE, no, k,
                      c->stamp);
        }
        return;
    }
    if (k == 0 && c->end[k].sent == 0) {
        note_first(sim, c, bytes, len);
    }
    size_t most = len;
    if (c->split > 0) {
        c->split--;
        most = len / SPLIT_PIECES + 1 + rng_below(rng, 3);
    }
    for (size_t at = 0; at < len && !c->dead; at += most) {
        send_piece(sim, no, k, bytes + at, len - at < most ? len - at : most);
    }
}

void net_inject(struct sim *sim, uint32_t no, uint32_t k, const uint8_t *bytes, size_t len)
{
    send(sim, no, k, bytes, len);
}

bool net_replay(struct sim *sim, uint32_t from, uint32_t to)
{
    const struct first *first = &sim->net->firsts[to];
    if (first->len == 0 || !sim->house[to].up) {
        return false;
    }
    uint32_t no = conn_new(sim, from, to);
    struct conn *c = net_conn(sim, no);
    end_begin(sim, c, 1);
    c->end[1].peer_hostile = true;
    send(sim, no, 0, first->bytes, first->len);
    net_conn(sim, no)->end[0].over = true; /* nobody reads the answer */
    return true;
}

void net_on_deliver(struct sim *sim, const struct event *event)
{
    struct conn *c = conn_of(sim, event);
    if (c == NULL) {
        return;
    }
    struct end *from = &c->end[event->b], *to = &c->end[1 - event->b];
    struct piece *piece = from->first;
    if (piece == NULL) {
        return;
    }
    from->first = piece->next;
    from->tail = from->first == NULL ? &from->first : from->tail;
    from->flying -= piece->len;
    sim_note_bytes(sim, piece->bytes, piece->len < 64 ? piece->len : 64);
    if (to->session != NULL && !to->over) {
        session_recv(to->session, span_of(piece->bytes, piece->len), sim->now_ms);
        net_pump(sim, event->a, 1 - event->b);
    }
    free(piece);
    c = conn_of(sim, event);
    if (c != NULL && c->end[event->b].session != NULL && !c->end[event->b].over) {
        net_pump(sim, event->a, event->b); /* its socket has room again */
    }
}

/* ---- sessions ---- */

static void plan_tick(struct sim *sim, uint32_t no, uint32_t k)
{
    struct conn *c = net_conn(sim, no);
    struct end *e = &c->end[k];
    uint64_t at = session_deadline(e->session);
    if (at == UINT64_MAX || (e->tick_ms <= at && e->tick_ms != UINT64_MAX)) {
        return; /* the one in the queue comes early enough and looks again */
    }
    at = at > sim->now_ms ? at : sim->now_ms + 1;
    e->tick_ms = at;
    sim_after(sim, at - sim->now_ms, EVENT_TICK, no, k, c->stamp);
}

void net_on_tick(struct sim *sim, const struct event *event)
{
    struct conn *c = conn_of(sim, event);
    if (c == NULL) {
        return;
    }
    struct end *e = &c->end[event->b];
    if (e->over || e->session == NULL || e->tick_ms != event->at_ms) {
        return;
    }
    e->tick_ms = UINT64_MAX;
    if (session_deadline(e->session) <= sim->now_ms) {
        session_tick(e->session, sim->now_ms);
    }
    net_pump(sim, event->a, event->b);
}

/* Hands the session's events to the house. True if the session has ended. */
static bool drain(struct sim *sim, uint32_t no, uint32_t k, enum tris_err *reason, bool *by_peer)
{
    struct session_event event;
    struct conn *c = net_conn(sim, no);
    while (session_next_event(c->end[k].session, &event)) {
        if (event.type == SESSION_EV_CLOSED) {
            *reason = event.closed.reason;
            *by_peer = event.closed.by_peer;
            return true;
        }
        if (event.type == SESSION_EV_OPEN) {
            c->end[k].open = true;
        }
        house_conn_event(&sim->house[c->end[k].house], no, k, &event);
        c = net_conn(sim, no); /* the list may have moved */
    }
    return false;
}

void net_pump(struct sim *sim, uint32_t no, uint32_t k)
{
    struct conn *c = net_conn(sim, no);
    enum tris_err reason = TRIS_OK;
    bool by_peer = false;
    if (c == NULL || c->end[k].over || c->end[k].session == NULL || c->end[k].pumping) {
        return; /* handlers of events may come back here: the outer call does the rest */
    }
    c->end[k].pumping = true;
    bool ended = drain(sim, no, k, &reason, &by_peer);
    c = net_conn(sim, no);
    struct end *e = &c->end[k];
    while (!ended && e->flying < sim->profile.socket_bytes && session_has_output(e->session)) {
        size_t len = session_fill(e->session, sim->net->fill, FILL_BYTES, sim->now_ms);
        if (len == 0) {
            break;
        }
        send(sim, no, k, sim->net->fill, len);
        if (c->dead) {
            break;
        }
    }
    ended = ended || drain(sim, no, k, &reason, &by_peer);
    c = net_conn(sim, no);
    c->end[k].pumping = false;
    if (ended) {
        conn_end(sim, no, k, reason, by_peer);
    } else {
        plan_tick(sim, no, k);
    }
}

void net_goodbye(struct sim *sim, uint32_t no, uint32_t k, enum tris_err reason)
{
    struct conn *c = net_conn(sim, no);
    if (c == NULL || c->end[k].over) {
        return;
    }
    if (c->end[k].session == NULL) {
        conn_end(sim, no, k, reason, false);
        return;
    }
    session_close(c->end[k].session, reason);
    net_pump(sim, no, k);
}
