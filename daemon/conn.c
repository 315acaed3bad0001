/* TCP glue around a session: reading, writing, ticks, closing; see conn.h. */
#include "daemon/conn_int.h"

#include <sodium.h>
#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/served.h"
#include "proto/assert.h"

enum {
    CONN_GOODBYE_MS = 2000,       /* for the last bytes to leave, and for the peer to close */
    CONN_LINGER_BYTES = 16 << 20, /* more than both systems hold under way */
    CONN_IDLE_MS = 60000
};

struct session *conn_session(struct conn *c)
{
    return c->session;
}

uint64_t conn_session_no(const struct conn *c)
{
    return c->session_no;
}

bool conn_inbound(const struct conn *c)
{
    return c->inbound;
}

bool conn_open(const struct conn *c)
{
    return c->open && c->phase == CONN_RUNNING && session_state(c->session) == SESSION_OPEN;
}

bool conn_closing(const struct conn *c)
{
    return c->phase == CONN_CLOSING;
}

const struct conn_origin *conn_origin(const struct conn *c)
{
    return &c->origin;
}

uint32_t conn_peer(const struct conn *c)
{
    return c->peer;
}

void conn_set_peer(struct conn *c, uint32_t index)
{
    c->peer = index;
}

struct guard_peer *conn_guard(struct conn *c)
{
    return &c->guard;
}

uint64_t conn_instance(const struct conn *c)
{
    return c->instance;
}

bool conn_leaves(const struct conn *c)
{
    return c->leaves;
}

void conn_set_leaves(struct conn *c)
{
    c->leaves = true;
}

struct conn *conn_next(const struct conn *c)
{
    return c->next;
}

void conn_set_next(struct conn *c, struct conn *next)
{
    c->next = next;
}

/* ---- closing ---- */

void conn_release(struct conn *c)
{
    tris_assert(c->handles > 0);
    if (--c->handles > 0) {
        return;
    }
    overlay_conn_closed(c->d, c, c->reason, c->by_peer);
    if (c->session != NULL) {
        session_free(c->session);
    }
    free(c->write_buf);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    conn_release((struct conn *)handle->data);
}

void conn_close(struct conn *c, enum tris_err reason)
{
    if (c->phase == CONN_CLOSING) {
        return;
    }
    if (c->reason == TRIS_OK) {
        c->reason = reason;
    }
    c->phase = CONN_CLOSING;
    if (c->resolving) {
        uv_cancel((uv_req_t *)&c->resolve); /* its callback comes in any case */
    }
    uv_close((uv_handle_t *)&c->timer, on_closed);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* The session is over: the socket closes once its last bytes are written. */
static void conn_end(struct conn *c, enum tris_err reason, bool by_peer)
{
    c->reason = reason;
    c->by_peer = by_peer;
    c->open = false;
    c->phase = CONN_ENDING;
    overlay_conn_ended(c->d, c, reason, by_peer);
    if (!c->writing) {
        conn_close(c, reason);
    }
}

/* ---- the session's questions ---- */

static enum tris_err io_read_segment(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                                     uint32_t *count, struct seal *seal)
{
    struct conn *c = ctx;
    struct store_view *v;
    enum tris_err err = daemon_view(c->d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = served_segment(c->d, v, log_no, first, out, count, seal);
    store_view_end(v);
    return err;
}

static void io_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static enum tris_err io_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    struct conn *c = ctx;
    struct store_view *v;
    enum tris_err err = daemon_view(c->d, &v);
    if (err == TRIS_OK) {
        err = store_tree_nodes(v, log_no, nodes, count);
        store_view_end(v);
    }
    return err;
}

/* Of an own log no newer one than the frontier knows: the mark comes before the seal leaves. */
static enum tris_err io_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    struct conn *c = ctx;
    const struct frontier_item *item = frontier_item(c->d->frontier, log_no);
    struct store_log log;
    struct store_view *v;
    if (item == NULL || item->held == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    enum tris_err err = daemon_view(c->d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_log_get(v, log_no, &log);
    if (err == TRIS_OK && !log.has_seal) {
        err = TRIS_ERR_NOT_FOUND;
    } else if (err == TRIS_OK && log.seal.size > item->held) {
        err = store_seal_covering(v, log_no, item->held - 1, seal);
    } else if (err == TRIS_OK) {
        *seal = log.seal;
    }
    store_view_end(v);
    return err;
}

static enum tris_err io_holes(void *ctx, uint32_t log_no, uint64_t until, struct msg_run *runs,
                              size_t max, size_t *count)
{
    struct conn *c = ctx;
    struct store_view *v;
    enum tris_err err = daemon_view(c->d, &v);
    if (err == TRIS_OK) {
        err = store_holes(v, log_no, until, runs, max, count);
        store_view_end(v);
    }
    return err;
}

static enum tris_err io_hole(void *ctx, uint32_t log_no, uint64_t seq, struct wbuf *rows)
{
    struct conn *c = ctx;
    struct store_view *v;
    enum tris_err err = daemon_view(c->d, &v);
    if (err == TRIS_OK) {
        err = store_hole_row(v, log_no, seq, rows);
        store_view_end(v);
    }
    return err;
}

static enum tris_err io_fork_proof(void *ctx, uint32_t log_no, struct wbuf *out)
{
    struct conn *c = ctx;
    struct store_fork fork;
    struct store_view *v;
    enum tris_err err = daemon_view(c->d, &v);
    if (err == TRIS_OK) {
        err = store_fork_get(v, log_no, &fork);
        if (err == TRIS_OK) {
            wbuf_span_put(out, fork.proof);
        }
        store_view_end(v);
    }
    return err;
}

static const struct session_io conn_io = {
    conn_member, io_read_segment, io_random,     io_nodes,     io_newest_seal,
    io_holes,    io_hole,         io_fork_proof, conn_invites, conn_charter,
};

/* ---- pump: events out, bytes out, next tick ---- */

/* What is said about the own logs; with a candidate on either side it is not about all of them. */
static bool conn_confirms(const struct conn *c)
{
    return session_level(c->session) == SESSION_FULL;
}

static void conn_event(struct conn *c, struct session_event *event)
{
    switch (event->type) {
    case SESSION_EV_OPEN:
        c->open = true;
        c->instance = event->peer.instance_nonce;
        guard_peer_init(&c->guard, &event->peer.house);
        overlay_conn_open(c->d, c, event);
        return;
    case SESSION_EV_SEGMENT:
        writer_submit_segment(c->d->writer, c->session_no, &event->segment);
        return;
    case SESSION_EV_IN_SYNC:
        if (conn_confirms(c)) {
            confirm_equal(c->d, c);
        }
        overlay_conn_in_sync(c->d, c);
        return;
    case SESSION_EV_PONG:
        overlay_conn_pong(c->d, c, event->pong.id, event->pong.rtt_ms);
        return;
    case SESSION_EV_CLAIM:
        if (conn_confirms(c)) {
            confirm_claim(c->d, c, event->claim.log_no, event->claim.size, &event->claim.root);
        }
        return;
    case SESSION_EV_TOLD:
        if (conn_confirms(c)) {
            confirm_told(c->d, c);
        }
        return;
    case SESSION_EV_OWN_SEAL:
        confirm_seal(c->d, c, event->own_seal.log_no, &event->own_seal.seal);
        return;
    case SESSION_EV_TWIN:
        overlay_conn_twin(c->d, c, &event->twin);
        return;
    case SESSION_EV_CARD:
        overlay_conn_card(c->d, c, event->card.text);
        free(event->card.text);
        return;
    case SESSION_EV_CHARTER:
        free(event->charter.bytes); /* never asked for: it is in the data directory */
        return;
    case SESSION_EV_REFER:
        overlay_conn_refer(c->d, c, event->refer.houses, event->refer.count);
        return;
    case SESSION_EV_FORK:
        writer_submit_fork(c->d->writer, c->session_no, &event->fork);
        return;
    case SESSION_EV_CLOSED:
        conn_end(c, event->closed.reason, event->closed.by_peer);
        return;
    }
}

static void conn_drain(struct conn *c)
{
    struct session_event event;
    while (c->phase == CONN_RUNNING && session_next_event(c->session, &event)) {
        conn_event(c, &event);
    }
}

static void on_shut(uv_shutdown_t *req, int status)
{
    struct conn *c = req->data;
    if (status != 0) {
        conn_close(c, c->reason);
    }
}

/* After the session: once the last bytes are out and nothing of the peer is waited for. */
static bool conn_ended(struct conn *c)
{
    const bool ended = !c->writing && (c->by_peer || c->lingered > CONN_LINGER_BYTES);
    if (ended) {
        conn_close(c, c->reason);
    }
    return ended;
}

/* The goodbye is on its way. Closing a socket that holds unread bytes resets the connection, and
 * the peer would lose what it has not read yet: only the sending half closes, and what still
 * comes is read and dropped, until the peer closes or the time is over (RFC 1122, 4.2.2.13). */
static void conn_linger(struct conn *c)
{
    c->shut.data = c;
    if (conn_ended(c)) {
        return;
    }
    if (uv_shutdown(&c->shut, (uv_stream_t *)&c->tcp, on_shut) != 0) {
        conn_close(c, c->reason);
    } else if (c->held) {
        conn_read_on(c);
    }
}

static void on_written(uv_write_t *req, int status)
{
    struct conn *c = req->data;
    c->writing = false;
    if (c->phase == CONN_ENDING) {
        conn_linger(c);
    } else if (c->phase == CONN_RUNNING && status != 0) {
        conn_close(c, TRIS_ERR_CLOSED);
    } else if (c->phase == CONN_RUNNING) {
        conn_pump(c);
    }
}

static void conn_fill(struct conn *c)
{
    if (c->writing || !session_has_output(c->session) || conn_write_waits(c)) {
        return;
    }
    if (c->write_buf == NULL) {
        c->write_buf = malloc(CONN_WRITE_BYTES);
        if (c->write_buf == NULL) {
            conn_close(c, TRIS_ERR_NO_MEMORY);
            return;
        }
    }
    const size_t cap = c->rate != 0 ? CONN_PACED_BYTES : CONN_WRITE_BYTES;
    size_t len = session_fill(c->session, c->write_buf, cap, uv_now(&c->d->loop));
    if (len == 0) {
        return;
    }
    conn_wrote_paced(c, len);
    tris_assert(len <= CONN_WRITE_BYTES);
    uv_buf_t buf = uv_buf_init((char *)c->write_buf, (unsigned)len);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0) {
        conn_close(c, TRIS_ERR_CLOSED);
        return;
    }
    c->writing = true;
}

static void conn_schedule(struct conn *c)
{
    uint64_t now = uv_now(&c->d->loop), at = session_deadline(c->session);
    const uint64_t paced = conn_paced_until(c);
    at = paced < at ? paced : at;
    if (at == UINT64_MAX) {
        uv_timer_stop(&c->timer);
        return;
    }
    uint64_t wait = at > now ? at - now : 0;
    uv_timer_start(&c->timer, conn_on_tick, wait > 0 ? wait : 1, 0);
}

void conn_pump(struct conn *c)
{
    /* handlers of events may come back here; the outer call does the rest */
    if (c->phase != CONN_RUNNING || c->pumping) {
        return;
    }
    c->pumping = true;
    conn_drain(c);
    if (c->phase == CONN_RUNNING) {
        conn_fill(c);
    }
    conn_drain(c); /* sending a goodbye ends the session */
    c->pumping = false;
    if (c->phase == CONN_RUNNING) {
        conn_schedule(c);
    } else if (c->phase == CONN_ENDING) {
        uv_timer_start(&c->timer, conn_on_tick, CONN_GOODBYE_MS, 0);
    }
}

/* ---- reading ---- */

/* One buffer for all connections: libuv hands it back in the read callback that follows at once. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct conn *c = handle->data;
    *buf = uv_buf_init((char *)c->d->read_buf, CONN_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    if (c->phase != CONN_RUNNING) {
        c->lingered += len < 0 ? CONN_LINGER_BYTES + 1 : (size_t)len;
        if (c->lingered > CONN_LINGER_BYTES) {
            uv_read_stop(stream);
            (void)conn_ended(c);
        }
        return; /* what comes after the end of the session is dropped */
    }
    if (len < 0) {
        conn_close(c, TRIS_ERR_CLOSED);
        return;
    }
    if (len > 0) {
        conn_read_paced(c, (size_t)len);
        session_recv(c->session, span_of(buf->base, (size_t)len), uv_now(&c->d->loop));
        conn_pump(c);
    }
}

void conn_read_on(struct conn *c)
{
    c->held = false;
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
        conn_close(c, TRIS_ERR_CLOSED);
    }
}

void conn_on_tick(uv_timer_t *timer)
{
    struct conn *c = timer->data;
    switch (c->phase) {
    case CONN_CONNECTING:
        conn_close(c, TRIS_ERR_TIMEOUT);
        return;
    case CONN_RUNNING:
        conn_paced_tick(c);
        session_tick(c->session, uv_now(&c->d->loop));
        conn_pump(c);
        return;
    case CONN_ENDING:
        conn_close(c, c->reason);
        return;
    case CONN_CLOSING:
        return;
    }
}

void conn_goodbye(struct conn *c, enum tris_err reason)
{
    if (c->phase == CONN_CONNECTING) {
        conn_close(c, reason);
    } else if (c->phase == CONN_RUNNING) {
        session_close(c->session, reason);
        conn_pump(c);
    }
}

/* ---- beginning ---- */

/* TCP is there: the session begins. */
enum tris_err conn_begin(struct conn *c)
{
    struct daemon *d = c->d;
    struct session_config config = {
        .initiator = !c->inbound,
        .fed = d->charter.fed,
        .own_id = d->own,
        .own_transport = d->transport,
        .instance_nonce = d->instance_nonce,
        .peer_id = c->dial_house,
        .peer_transport = c->dial_transport,
        .session_no = c->session_no,
        .heartbeat_ms = d->config.heartbeat_ms,
        .handshake_ms = CONN_HANDSHAKE_MS,
        .idle_ms =
            CONN_IDLE_MS > 4 * d->config.heartbeat_ms ? CONN_IDLE_MS : 4 * d->config.heartbeat_ms,
        .credit_bytes = TRIS_CREDIT_INITIAL_BYTES,
        .card = span_str(d->own_line_text),
        .next_card = span_str(d->epoch.text),
        .has_common_root = c->has_common_root,
        .common_root = c->common_root,
        .frontier = d->frontier,
        .io = &conn_io,
        .io_ctx = c,
    };
    enum tris_err err = session_new(&config, uv_now(&d->loop), &c->session);
    sodium_memzero(&config.own_transport, sizeof config.own_transport);
    if (err != TRIS_OK) {
        return err;
    }
    c->phase = CONN_RUNNING;
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
        return TRIS_ERR_CLOSED;
    }
    return TRIS_OK;
}
