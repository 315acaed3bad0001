/* One peer connection: life cycle, events, time, frames in. The rest is in the other session_*.c
 * files: hello (handshake), level, out (frames out), pull, recv, serve, position, own, join, probe,
 * fork, fork_serve, look. */
#include "proto/session_int.h"

#include <stdlib.h>

#include <sodium.h>

enum { CONTROL_WINDOW_MS = 1000 };

/* Idle, it also holds one frame buffer and 8 bytes a log: 233 KiB at 10,000 houses, 83 at 400. */
_Static_assert(sizeof(struct session) <= 18 * 1024, "an idle session is small");

/* Bit n of a row: state n may follow. */
static const uint8_t state_next[] = {
    [SESSION_HANDSHAKE] = 1 << SESSION_OPEN | 1 << SESSION_CLOSING | 1 << SESSION_CLOSED,
    [SESSION_OPEN] = 1 << SESSION_CLOSING | 1 << SESSION_CLOSED,
    [SESSION_CLOSING] = 1 << SESSION_CLOSED,
    [SESSION_CLOSED] = 0,
};

static void session_invariant(const struct session *s)
{
    const struct pull *p = &s->pull;
    tris_assert((s->state == SESSION_CLOSED) == s->closed_pending);
    tris_assert(s->state == SESSION_HANDSHAKE || s->state == SESSION_CLOSED ||
                s->transport.send.has_key);
    tris_assert(s->state == SESSION_OPEN || p->fetches_count == 0);
    tris_assert(p->fetches_count <= SESSION_RANGES_MAX);
    tris_assert(s->serve.ranges_count <= SESSION_RANGES_MAX);
    tris_assert(p->segments_waiting <= SESSION_SEGMENTS_MAX);
}

static void state_move(struct session *s, enum session_state next)
{
    tris_assert((state_next[s->state] >> next & 1) != 0);
    s->state = next;
    s->state_ms = s->now_ms;
    session_invariant(s);
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool events_grow(struct event_queue *q)
{
    uint32_t cap = q->cap > 0 ? q->cap * 2 : 8;
    struct session_event *list = malloc(cap * sizeof *list);
    if (list == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < q->count; i++) {
        list[i] = q->list[(q->head + i) % q->cap];
    }
    free(q->list);
    *q = (struct event_queue){list, 0, q->count, cap};
    return true;
}

static void event_bytes_free(const struct session_event *event)
{
    if (event->type == SESSION_EV_SEGMENT) {
        free(event->segment.bytes);
    } else if (event->type == SESSION_EV_FORK) {
        free(event->fork.bytes);
    } else if (event->type == SESSION_EV_CARD) {
        free(event->card.text);
    } else if (event->type == SESSION_EV_CHARTER) {
        free(event->charter.bytes);
    }
}

void session_event_put(struct session *s, const struct session_event *event)
{
    struct event_queue *q = &s->events;
    if (q->count == q->cap && !events_grow(q)) {
        event_bytes_free(event);
        session_fail(s, TRIS_ERR_NO_MEMORY);
        return;
    }
    q->list[(q->head + q->count) % q->cap] = *event;
    q->count++;
}

bool session_next_event(struct session *s, struct session_event *out)
{
    struct event_queue *q = &s->events;
    if (q->count > 0) {
        *out = q->list[q->head];
        q->head = (q->head + 1) % q->cap;
        q->count--;
        return true;
    }
    if (s->closed_pending && !s->closed_told) {
        s->closed_told = true;
        *out = s->closed_event;
        return true;
    }
    return false;
}

/* ---- life cycle ------------------------------------------------------------------------------ */

enum tris_err session_new(const struct session_config *config, uint64_t now_ms,
                          struct session **out)
{
    tris_assert(config->session_no != 0 && config->frontier != NULL && config->io != NULL);
    tris_assert(config->credit_bytes >= TRIS_CREDIT_INITIAL_BYTES);
    tris_assert(config->heartbeat_ms > 0 && config->handshake_ms > 0 && config->idle_ms > 0);
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    s->config = *config;
    s->now_ms = s->state_ms = now_ms;
    s->stats.last_recv_ms = now_ms;
    s->state = SESSION_HANDSHAKE;
    frame_reader_init(&s->reader,
                      config->initiator ? FRAME_FIRST_OF_RESPONDER : FRAME_FIRST_OF_INITIATOR);
    pull_init(s);
    serve_init(s);
    if (config->initiator && tris_house_id_eq(&config->peer_id, &config->own_id)) {
        s->peer_nonce = config->instance_nonce;
        session_end(s, TRIS_ERR_SELF, false);
    } else if (config->initiator) {
        enum tris_err err = hello_start(s);
        if (err != TRIS_OK) {
            session_free(s);
            return err;
        }
    }
    *out = s;
    return TRIS_OK;
}

void session_free(struct session *s)
{
    if (s == NULL) {
        return;
    }
    struct session_event event;
    while (session_next_event(s, &event)) {
        event_bytes_free(&event);
    }
    free(s->events.list);
    pull_fini(s);
    serve_fini(s);
    probe_free(s);
    frame_reader_fini(&s->reader);
    noise_handshake_fini(&s->handshake);
    noise_transport_fini(&s->transport);
    sodium_memzero(s, sizeof *s);
    free(s);
}

void session_end(struct session *s, enum tris_err reason, bool by_peer)
{
    if (s->state == SESSION_CLOSED) {
        return;
    }
    pull_release_all(s);
    s->closed_pending = true;
    s->closed_event = (struct session_event){.type = SESSION_EV_CLOSED};
    s->closed_event.closed.reason = reason;
    s->closed_event.closed.by_peer = by_peer;
    s->closed_event.closed.clone =
        reason == TRIS_ERR_SELF && s->peer_nonce != s->config.instance_nonce;
    s->hello_len = 0;
    state_move(s, SESSION_CLOSED);
}

void session_fail(struct session *s, enum tris_err reason)
{
    if (s->state == SESSION_CLOSED || s->state == SESSION_CLOSING) {
        return;
    }
    bool unproven = !s->config.initiator && s->state == SESSION_HANDSHAKE;
    if (unproven || !s->transport.send.has_key) { /* not authenticated: not a byte */
        session_end(s, reason, false);
        return;
    }
    pull_release_all(s);
    s->bye = reason;
    state_move(s, SESSION_CLOSING);
}

void session_close(struct session *s, enum tris_err reason)
{
    session_fail(s, reason);
}

bool session_roots_compare(struct session *s)
{
    struct tris_short own = session_own_root(s);
    bool equal = tris_short_eq(&own, &s->stats.peer_root);
    if (equal && (!s->stats.equal || !tris_short_eq(&own, &s->stats.common_root))) {
        if (!s->stats.equal) {
            session_event_put(s, &(struct session_event){.type = SESSION_EV_IN_SYNC});
        }
        s->stats.has_common_root = true;
        s->stats.common_root = own;
        s->stats.claimed = true;
        s->common = (struct msg_maybe){true, own};
        position_all_equal(s);
    }
    s->stats.turned_ms = s->stats.equal == equal ? s->stats.turned_ms : s->now_ms;
    s->stats.equal = equal;
    return equal;
}

void session_opened(struct session *s)
{
    s->stats.opened_ms = s->stats.turned_ms = s->now_ms;
    s->stats.round_trips = 1;
    s->heartbeat_ms = s->now_ms + s->config.heartbeat_ms;
    s->root_sent = session_own_root(s); /* the handshake carries it */
    s->join.card_due = s->level == SESSION_GOV ? s->config.initiator : s->config.next_card.len > 0;
    state_move(s, SESSION_OPEN);
    struct session_event event = {.type = SESSION_EV_OPEN};
    event.peer.house = s->peer;
    event.peer.role = s->peer_role;
    event.peer.transport = s->peer_transport;
    event.peer.instance_nonce = s->peer_nonce;
    event.peer.invite = s->invite;
    session_event_put(s, &event);
    (void)session_roots_compare(s);
    pull_opened(s);
}

/* ---- messages in ----------------------------------------------------------------------------- */

static void on_ping(struct session *s, const struct msg *m)
{
    if (s->pongs_count < SESSION_PONGS_MAX) { /* who asks faster than it reads goes without */
        s->pongs[s->pongs_count++] = m->ping.id;
    }
}

static void on_pong(struct session *s, const struct msg *m)
{
    if (!s->ping_open || m->pong.id != s->ping_id) {
        return;
    }
    s->ping_open = false;
    s->stats.rtt_ms = s->now_ms - s->ping_ms;
    s->stats.round_trips++;
    struct session_event event = {.type = SESSION_EV_PONG};
    event.pong.id = m->pong.id;
    event.pong.rtt_ms = s->stats.rtt_ms;
    session_event_put(s, &event);
}

static void on_bye(struct session *s, const struct msg *m)
{
    tris_assert(m->bye.text.len < sizeof s->bye_text);
    memcpy(s->bye_text, m->bye.text.ptr, m->bye.text.len);
    s->bye_text[m->bye.text.len] = '\0';
    s->bye_code = (uint32_t)m->bye.code;
    session_end(s, msg_bye_err(m->bye.code), true);
}

static void on_root(struct session *s, const struct msg *m)
{
    s->stats.peer_root = m->root.root;
    (void)session_roots_compare(s);
    pull_step(s);
}

static void on_claim(struct session *s, const struct msg *m)
{
    claims_read(s, &m->claim_own.claims);
}

static void on_twin(struct session *s, const struct msg *m)
{
    if (s->twins_in < SESSION_TWINS_MAX) { /* a signature each; a session needs two */
        s->twins_in++;
        struct session_event event = {.type = SESSION_EV_TWIN};
        event.twin = (struct twin){m->twin.about, m->twin.nonce, m->twin.sig};
        session_event_put(s, &event);
    }
}

void session_twin(struct session *s, const struct twin *twin)
{
    if (s->state == SESSION_OPEN && s->twins_count < SESSION_TWINS_WAITING) {
        s->twins[s->twins_count++] = *twin;
    }
}

static void on_unknown(struct session *s, const struct msg *m)
{
    (void)m;
    s->stats.unknown_messages++;
}

/* counted: small messages that cost the receiver more than the sender; the others are bounded by
 * credit or by open requests, and count where they are not. */
static const struct {
    void (*handle)(struct session *s, const struct msg *m);
    bool counted;
} handlers[] = {
    [MSG_UNKNOWN] = {on_unknown, true},
    [MSG_PING] = {on_ping, true},
    [MSG_PONG] = {on_pong, true},
    [MSG_BYE] = {on_bye, true},
    [MSG_ROOT] = {on_root, true},
    [MSG_CREDIT] = {serve_message, true},
    [MSG_CLAIM] = {on_claim, true},
    [MSG_GET_CHANGED] = {answer_message, true},
    [MSG_NOT_KNOWN] = {pull_message, true},
    [MSG_GET_DIGESTS] = {answer_message, true},
    [MSG_DIGESTS] = {pull_message, true},
    [MSG_GET_BUCKETS] = {answer_message, true},
    [MSG_FRONTIER] = {pull_message, true},
    [MSG_GET_RANGE] = {serve_message, false},
    [MSG_ENTRIES] = {pull_message, false},
    [MSG_SEAL] = {pull_message, false},
    [MSG_END] = {pull_message, false},
    [MSG_GET_HOLES] = {hole_on_get_holes, true},
    [MSG_HOLES] = {hole_on_holes, false},
    [MSG_GET_CONSISTENCY] = {fork_on_get_consistency, true},
    [MSG_CONSISTENCY] = {fork_on_consistency, true},
    [MSG_FORK_PROOF] = {fork_on_proof, true},
    [MSG_GET_NODES] = {fork_on_get_nodes, true},
    [MSG_NODES] = {fork_on_nodes, true},
    [MSG_GET_FORK] = {fork_on_get_fork, true},
    [MSG_ANNOUNCE] = {gossip_on_announce, true},
    [MSG_REFER] = {gossip_on_refer, true},
    [MSG_TWIN] = {on_twin, true},
    [MSG_GET_CHARTER] = {join_on_get_charter, true},
    [MSG_CHARTER] = {join_on_charter, true},
    [MSG_CARD] = {join_on_card, true},
};

bool session_count_control(struct session *s)
{
    if (s->now_ms - s->control_window_ms >= CONTROL_WINDOW_MS) {
        s->control_window_ms = s->now_ms;
        s->control_in_window = 0;
    }
    if (++s->control_in_window > SESSION_CONTROL_PER_SECOND) {
        session_fail(s, TRIS_ERR_FLOOD);
        return false;
    }
    return true;
}

static void frame_process(struct session *s, struct span frame)
{
    tris_assert(frame.len >= TRIS_AEAD_TAG_BYTES && frame.len <= TRIS_FRAME_BYTES_MAX);
    uint8_t *plain = frame_bytes(&s->reader);
    enum tris_err err = noise_decrypt(&s->transport.recv, frame, plain);
    if (err != TRIS_OK) {
        session_fail(s, err);
        return;
    }
    s->stats.frames_in++;
    if (s->state == SESSION_HANDSHAKE) { /* the initiator has the keys: no replay */
        session_opened(s);
    }
    struct rbuf r = rbuf_of(span_of(plain, frame.len - TRIS_AEAD_TAG_BYTES));
    while (s->state == SESSION_OPEN && rbuf_left(&r) > 0) {
        struct msg m;
        err = msg_decode(&r, &m);
        if (err != TRIS_OK) {
            session_fail(s, err);
        } else if (!handlers[m.type].counted || session_count_control(s)) {
            handlers[m.type].handle(s, &m);
        }
    }
}

void session_recv(struct session *s, struct span bytes, uint64_t now_ms)
{
    s->now_ms = now_ms;
    s->stats.bytes_in += bytes.len;
    while (s->state == SESSION_HANDSHAKE || s->state == SESSION_OPEN) {
        bool complete = false;
        struct span prefix, frame;
        enum tris_err err = frame_read(&s->reader, &bytes, &complete, &prefix, &frame);
        if (err != TRIS_OK) {
            session_fail(s, err);
            return;
        }
        if (!complete) {
            return;
        }
        s->stats.last_recv_ms = now_ms; /* whole frames only: dripping bytes is no life sign */
        if (s->transport.recv.has_key) {
            frame_process(s, frame);
        } else if (s->config.initiator) {
            hello_read_second(s, frame);
        } else {
            hello_read_first(s, prefix, frame);
        }
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static void open_tick(struct session *s)
{
    if (s->now_ms - s->stats.last_recv_ms >= s->config.idle_ms) {
        session_fail(s, TRIS_ERR_TIMEOUT);
        return;
    }
    if (s->now_ms >= s->heartbeat_ms) {
        s->heartbeat_ms = s->now_ms + s->config.heartbeat_ms;
        s->root_send = true;
        gossip_flush(s);
        pull_beat(s);
    }
    if (s->root_due && s->now_ms >= s->root_due_ms) {
        struct tris_short own = session_own_root(s);
        s->root_due = false;
        s->root_send = s->root_send || !tris_short_eq(&own, &s->root_sent);
        gossip_flush(s);
    }
    pull_tick(s);
    serve_tick(s);
    fork_tick(s);
    gossip_tick(s);
}

void session_tick(struct session *s, uint64_t now_ms)
{
    s->now_ms = now_ms;
    bool late = now_ms - s->state_ms >= s->config.handshake_ms;
    switch (s->state) {
    case SESSION_HANDSHAKE:
        if (late) {
            session_end(s, TRIS_ERR_TIMEOUT, false);
        }
        break;
    case SESSION_OPEN:
        open_tick(s);
        break;
    case SESSION_CLOSING:
        if (late) {
            session_end(s, s->bye, false); /* it does not even take the goodbye */
        }
        break;
    case SESSION_CLOSED:
        break;
    }
}

uint64_t session_deadline(const struct session *s)
{
    uint64_t at = UINT64_MAX;
    switch (s->state) {
    case SESSION_HANDSHAKE:
    case SESSION_CLOSING:
        at = s->state_ms + s->config.handshake_ms;
        break;
    case SESSION_OPEN: {
        uint64_t idle = s->stats.last_recv_ms + s->config.idle_ms;
        uint64_t pull = pull_deadline(s);
        uint64_t fork = fork_deadline(s);
        uint64_t gossip = gossip_deadline(s);
        at = s->heartbeat_ms < idle ? s->heartbeat_ms : idle;
        at = pull < at ? pull : at;
        at = fork < at ? fork : at;
        at = gossip < at ? gossip : at;
        at = s->root_due && s->root_due_ms < at ? s->root_due_ms : at;
        break;
    }
    case SESSION_CLOSED:
        break;
    }
    return at;
}

void session_log_advanced(struct session *s, uint32_t log_no)
{
    if (s->state == SESSION_OPEN) {
        serve_push(s, log_no);
    }
}

void session_root_changed(struct session *s)
{
    if (s->state != SESSION_OPEN) {
        return;
    }
    if (!s->root_due) {
        uint64_t from = s->now_ms > s->root_sent_ms ? s->now_ms : s->root_sent_ms;
        s->root_due = true;
        s->root_due_ms = from + SESSION_ROOT_DELAY_MS;
    }
    (void)session_roots_compare(s);
    pull_step(s);
}

void session_ping(struct session *s, uint64_t id, uint64_t now_ms)
{
    s->now_ms = now_ms;
    s->ping_due = true;
    s->ping_open = true;
    s->ping_id = id;
    s->ping_ms = now_ms;
}
