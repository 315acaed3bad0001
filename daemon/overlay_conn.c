/* What connections tell the overlay: accepted, opened, in sync, closed; which of two sessions with
 * one house stays. */
#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/half_open.h"
#include "daemon/overlay_int.h"
#include "proto/assert.h"

enum {
    OVERLAY_WINDOW_MIN = 512 * 1024,
    OVERLAY_WINDOW_MAX = 16 * 1024 * 1024,
    OVERLAY_WINDOW_ALL = 48 * 1024 * 1024, /* below the writer's inbox */
    OVERLAY_REFUSAL_LOG_MS = 5000, /* strangers must not fill the log: one line in so long */
    OVERLAY_ACCEPTS_TURN = 16,     /* connections in a turn of the loop: less than a millisecond */
    OVERLAY_HOUSE_CONNS_MAX = 4,   /* of one house, those that are ending included */
};

_Static_assert((int)OVERLAY_WINDOW_MIN >= (int)TRIS_CREDIT_INITIAL_BYTES, "never below credit");
_Static_assert((int)OVERLAY_WINDOW_ALL < (int)WRITER_SEGMENTS_BYTES_MAX, "it fits the inbox");

/* ---- accepting ---- */

/* Makes room for the newest connection if too many have not authenticated. */
static void limit_half_open(struct overlay *o, const struct conn *newest)
{
    struct conn *c;
    while ((c = half_open_victim(o->conns, newest, o->d->few_files)) != NULL) {
        conn_close(c, TRIS_ERR_BUSY);
    }
}

/* Every refusal is counted; the line says how many there were. */
static void note_refusal(struct overlay *o, const struct conn *c, enum tris_err reason)
{
    uint64_t now = overlay_now(o);
    o->refused++;
    if (o->refused_logged_ms != 0 && now - o->refused_logged_ms < OVERLAY_REFUSAL_LOG_MS) {
        return;
    }
    o->refused_logged_ms = now;
    LOG(&o->d->log, LOG_WARN, "connection_refused", log_number("session", conn_session_no(c)),
        log_text("reason", tris_err_name(reason)), log_number("refused_in_all", o->refused));
}

/* Whether one more may be taken in this turn of the loop; else it waits for the next one: libuv
 * takes no more from a listener of which one waits. */
static bool may_accept(struct overlay *o, uv_stream_t *listener)
{
    const uint64_t now = overlay_now(o);
    if (now != o->accepts_ms) {
        o->accepts_ms = now;
        o->accepts = 0;
    }
    if (o->accepts < OVERLAY_ACCEPTS_TURN) {
        o->accepts++;
        return true;
    }
    o->accept_waits[(uv_tcp_t *)listener - o->listener.tcp] = true;
    uv_timer_start(&o->accept_timer, overlay_on_accept_timer, 1, 0);
    return false;
}

void overlay_on_accept_timer(uv_timer_t *timer)
{
    struct overlay *o = timer->data;
    for (size_t i = 0; i < o->listener.count; i++) {
        if (o->accept_waits[i]) {
            o->accept_waits[i] = false;
            overlay_on_connection((uv_stream_t *)&o->listener.tcp[i], 0);
        }
    }
}

void overlay_on_connection(uv_stream_t *listener, int status)
{
    struct daemon *d = listener->data;
    struct overlay *o = d->overlay;
    struct conn *c;
    if (status != 0 || o->stopping || !may_accept(o, listener)) {
        return;
    }
    if (conn_accept(d, listener, o->next_session_no++, &c) != TRIS_OK) {
        return;
    }
    conn_set_next(c, o->conns);
    o->conns = c;
    limit_half_open(o, c);
}

/* ---- events of connections ---- */

void overlay_share_windows(struct overlay *o)
{
    uint64_t open = overlay_open_count(o);
    uint64_t window = OVERLAY_WINDOW_ALL / (open > 0 ? open : 1);
    window = window < OVERLAY_WINDOW_MIN ? OVERLAY_WINDOW_MIN : window;
    window = window > OVERLAY_WINDOW_MAX ? OVERLAY_WINDOW_MAX : window;
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (overlay_open_peer(o, c) != NULL) {
            session_credit_window(conn_session(c), window);
        }
    }
}

const char *overlay_slug(const struct overlay *o, uint32_t index)
{
    return members_line(&o->d->members, index)->slug;
}

/* Of two sessions with one house the one stays that the house with the smaller id dialled, so that
 * both sides choose the same; the newer one if one side dialled both, if the other process is
 * another one than before, or if the old session has gone silent. */
static bool newer_wins(const struct overlay *o, const struct peer *p, struct conn *newer,
                       uint32_t index, uint64_t instance)
{
    bool newer_by_us = !conn_inbound(newer), older_by_us = !conn_inbound(p->conn);
    const struct session_stats *older = session_stats(conn_session(p->conn));
    uint64_t now = overlay_now(o);
    bool silent =
        now > older->last_recv_ms && now - older->last_recv_ms > 2 * o->d->config.heartbeat_ms;
    if (newer_by_us == older_by_us || instance != p->instance || silent) {
        return true;
    }
    const struct house_line *line = members_line(&o->d->members, index);
    bool we_are_smaller = tris_house_id_cmp(&o->d->own, &line->id) < 0;
    return newer_by_us == we_are_smaller;
}

static enum tris_err refuse_reason(const struct overlay *o, const struct conn *c, uint32_t index)
{
    const struct peer *p = &o->peers[index];
    if (o->stopping) {
        return TRIS_ERR_STOPPING;
    }
    const enum tris_err limit = overlay_limit(o, index);
    if (limit != TRIS_OK || !conn_inbound(c)) {
        return limit;
    }
    return penalty_refuses(&p->penalty, overlay_now(o)) ? TRIS_ERR_BUSY : TRIS_OK;
}

/* No room for one more that has dialled. */
static bool is_full(const struct overlay *o, const struct conn *c, uint32_t index)
{
    const struct peer *p = &o->peers[index];
    return conn_inbound(c) && p->state != PEER_OPEN && !p->configured &&
           overlay_inbound_count(o) >= o->d->config.inbound_max;
}

static uint32_t house_conns(const struct overlay *o, uint32_t index)
{
    uint32_t count = 0;
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        count += conn_peer(c) == index && !conn_closing(c) ? 1 : 0;
    }
    return count;
}

void overlay_conn_open(struct daemon *d, struct conn *c, const struct session_event *event)
{
    struct overlay *o = d->overlay;
    uint32_t index = members_find(&d->members, &event->peer.house);
    struct session_admit admit;
    if (event->peer.invite != 0 ||
        members_admit(&d->members, &event->peer.house, &event->peer.transport, &admit) != TRIS_OK) {
        overlay_guest_open(o, c, event); /* also a member's new key, which nobody knows yet */
        return;
    }
    if (o->peers[index].self) {
        conn_goodbye(c, TRIS_ERR_SELF);
        return;
    }
    struct peer *p = &o->peers[index];
    conn_set_peer(c, index);
    if (house_conns(o, index) > OVERLAY_HOUSE_CONNS_MAX) {
        conn_close(c, TRIS_ERR_BUSY); /* it does not even take the goodbyes of the others */
        return;
    }
    if (conn_inbound(c)) {
        penalty_dialled_by(&p->penalty, overlay_now(o));
    }
    enum tris_err refused = refuse_reason(o, c, index);
    if (refused != TRIS_OK) {
        conn_goodbye(c, refused);
        return;
    }
    if (is_full(o, c, index)) {
        overlay_refer(o, c);
        return;
    }
    struct conn *older = p->state == PEER_OPEN && p->conn != c ? p->conn : NULL;
    if (older != NULL && !newer_wins(o, p, c, index, event->peer.instance_nonce)) {
        conn_goodbye(c, TRIS_ERR_DUPLICATE);
        return;
    }
    p->conn = c;
    p->state = PEER_OPEN;
    p->inbound = conn_inbound(c);
    p->instance = event->peer.instance_nonce;
    p->last_error = TRIS_OK;
    overlay_note_open(p);
    conn_set_rate(c, p->limits.rate);
    LOG(&d->log, LOG_INFO, "peer_open", log_text("house", overlay_slug(o, index)),
        log_number("session", conn_session_no(c)),
        log_text("inbound", p->inbound ? "true" : "false"));
    if (older != NULL && !overlay_twins_ask(o, p, older, c)) {
        conn_goodbye(older, TRIS_ERR_DUPLICATE);
    }
    overlay_share_windows(o);
    overlay_plan_dials(o);
}

void overlay_conn_in_sync(struct daemon *d, struct conn *c)
{
    if (conn_peer(c) != UINT32_MAX) {
        LOG(&d->log, LOG_DEBUG, "in_sync",
            log_text("house", overlay_slug(d->overlay, conn_peer(c))));
    }
    overlay_check_waits(d->overlay);
}

void overlay_conn_pong(struct daemon *d, struct conn *c, uint64_t id, uint64_t rtt_ms)
{
    (void)c;
    asks_pong(&d->overlay->asks, id, rtt_ms);
}

static void note_stats(struct overlay *o, struct peer *p, struct conn *c, bool offence)
{
    const struct session_stats *s = session_stats(conn_session(c));
    uint64_t now = overlay_now(o);
    p->bytes_in += s->bytes_in;
    p->bytes_out += s->bytes_out;
    p->entries_in += s->entries_in;
    p->entries_out += s->entries_out;
    if (s->has_common_root) {
        p->has_common_root = true;
        p->common_root = s->common_root;
    }
    if (s->opened_ms == 0) {
        return;
    }
    p->heard_wall_ms = overlay_heard(o, s);
    if (!offence) {
        penalty_lasted(&p->penalty, now > s->opened_ms ? now - s->opened_ms : 0, false);
    }
}

void overlay_conn_ended(struct daemon *d, struct conn *c, enum tris_err reason, bool by_peer)
{
    struct overlay *o = d->overlay;
    if (conn_peer(c) == UINT32_MAX || !penalty_is_offence(reason, by_peer)) {
        return;
    }
    struct penalty *penalty = &o->peers[conn_peer(c)].penalty;
    const uint64_t opened = session_stats(conn_session(c))->opened_ms, now = overlay_now(o);
    if (opened != 0) {
        penalty_lasted(penalty, now > opened ? now - opened : 0, true);
    }
    penalty_offended(penalty);
    overlay_wait_longer(o, penalty);
}

static void conns_remove(struct overlay *o, struct conn *c)
{
    if (o->conns == c) {
        o->conns = conn_next(c);
        return;
    }
    struct conn *at = o->conns;
    while (conn_next(at) != c) {
        at = conn_next(at);
        tris_assert(at != NULL);
    }
    conn_set_next(at, conn_next(c));
}

static void peer_closed(struct overlay *o, struct conn *c, enum tris_err reason, bool by_peer)
{
    uint32_t index = conn_peer(c);
    struct peer *p = &o->peers[index];
    bool offence = penalty_is_offence(reason, by_peer);
    if (conn_session(c) != NULL) {
        note_stats(o, p, c, offence);
    }
    enum log_level level = p->state == PEER_OPEN && p->conn == c ? LOG_INFO : LOG_DEBUG;
    if (offence) {
        level = LOG_WARN;
    }
    LOG(&o->d->log, level, "peer_closed", log_text("house", overlay_slug(o, index)),
        log_number("session", conn_session_no(c)), log_text("reason", tris_err_name(reason)),
        log_text("by_peer", by_peer ? "true" : "false"));
    if (p->conn != c) {
        return; /* the loser of two, or one that opened beside a newer one */
    }
    p->conn = NULL;
    p->instance = 0;
    overlay_note_end(p, c, reason, by_peer, offence);
    overlay_dial_later(o, p, reason);
    if (!overlay_is_candidate(o, index)) {
        p->state = PEER_IDLE;
    }
}

void overlay_conn_closed(struct daemon *d, struct conn *c, enum tris_err reason, bool by_peer)
{
    struct overlay *o = d->overlay;
    conns_remove(o, c);
    asks_session_closed(&o->asks, conn_session_no(c));
    if (conn_peer(c) != UINT32_MAX) {
        peer_closed(o, c, reason, by_peer);
    } else if (conn_guest(c)) {
        overlay_guest_closed(o, c, reason, by_peer);
    } else if (!o->stopping) {
        note_refusal(o, c, reason);
    }
    if (o->stopping) {
        if (o->conns == NULL && o->stop_timer_open) {
            o->stop_timer_open = false;
            uv_close((uv_handle_t *)&o->stop_timer, NULL);
        }
        return;
    }
    overlay_share_windows(o);
    overlay_check_waits(o);
    overlay_plan_dials(o);
}
