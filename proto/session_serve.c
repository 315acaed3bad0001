/* The serving half of a session: segments out within the peer's credit, and live push; answers
 * about the own frontier are in session_answer.c. Everything is produced when the owner asks for
 * bytes, never before. */
#include "proto/session_int.h"

#include <stdlib.h>

void serve_init(struct session *s)
{
    s->serve.credit = TRIS_CREDIT_INITIAL_BYTES;
    s->serve.segments = SESSION_SEGMENTS_MAX;
}

void serve_fini(struct session *s)
{
    free(s->serve.out.buf);
    free(s->serve.positions);
    s->serve.out = (struct outgoing){0};
    s->serve.positions = NULL;
    s->serve.positions_count = 0;
}

/* ---- ranges and push ------------------------------------------------------------------------- */

static bool range_finished(const struct session *s, const struct range *range)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, range->log_no);
    if (item != NULL && range->seal) {
        /* the end of a cut log has no seal that could be given */
        return frontier_item_ends(item); /* else the newest one, however far it has grown since */
    }
    return item == NULL || range->next >= range->until || range->next >= item->held;
}

/* Requests that bring segments are bounded by what they cost the peer to take; others count. */
static void range_add(struct session *s, const struct msg_get_range *m)
{
    struct serve *v = &s->serve;
    struct range range = {
        .log = m->log, .log_no = session_find(s, &m->log), .next = m->first, .until = m->until};
    const struct frontier_item *item = frontier_item(s->config.frontier, range.log_no);
    if (item != NULL) {
        range.gov = item->ref.topic == TRIS_TOPIC_GOV;
        range.seal = m->first == m->until && m->first <= item->held && m->first > 0;
        if (!range.seal || !tris_house_id_eq(&item->ref.house, &s->peer)) {
            position_set(s, range.log_no, m->first); /* else it asks what we hold of its own */
        }
    }
    uint32_t at = 0; /* asked again: the newer request takes the place of the other */
    while (at < v->ranges_count && !tris_short_eq(&v->ranges[at].log, &m->log)) {
        at++;
    }
    const bool idle = at < v->ranges_count || range_finished(s, &range);
    if (idle && !session_count_control(s)) {
        return;
    }
    if (at == SESSION_RANGES_MAX) {
        session_fail(s, TRIS_ERR_FLOOD);
        return;
    }
    v->ranges[at] = range;
    v->ranges_count += at == v->ranges_count ? 1 : 0;
}

static uint32_t range_of(const struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->serve.ranges_count; i++) {
        if (s->serve.ranges[i].log_no == log_no) {
            return i;
        }
    }
    return UINT32_MAX;
}

void serve_push(struct session *s, uint32_t log_no)
{
    struct serve *v = &s->serve;
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    uint64_t position = position_get(s, log_no);
    if (!session_sees(s, log_no) || position == SESSION_POSITION_UNKNOWN ||
        position >= item->held || range_of(s, log_no) != UINT32_MAX ||
        (v->out.active && v->out.log_no == log_no) || v->push_count == SESSION_PUSH_MAX) {
        return;
    }
    for (uint32_t i = 0; i < v->push_count; i++) {
        if (v->push[(v->push_head + i) % SESSION_PUSH_MAX] == log_no) {
            return;
        }
    }
    v->push[(v->push_head + v->push_count) % SESSION_PUSH_MAX] = log_no;
    v->push_count++;
}

uint32_t serve_push_take(struct session *s)
{
    struct serve *v = &s->serve;
    while (v->push_count > 0) {
        uint32_t log_no = v->push[v->push_head];
        v->push_head = (v->push_head + 1) % SESSION_PUSH_MAX;
        v->push_count--;
        const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
        uint64_t position = position_get(s, log_no);
        if (item != NULL && position != SESSION_POSITION_UNKNOWN && position < item->held &&
            range_of(s, log_no) == UINT32_MAX) {
            return log_no;
        }
    }
    return FRONTIER_NONE;
}

/* Answers END for the ranges that are done. */
static void ranges_retire(struct session *s, struct wbuf *w)
{
    struct serve *v = &s->serve;
    for (uint32_t i = 0; i < v->ranges_count && session_room(w) >= MSG_SMALL_BYTES_MAX;) {
        struct range range = v->ranges[i];
        bool sending = v->out.active && v->out.log_no == range.log_no;
        if (sending || !range_finished(s, &range)) {
            i++;
            continue;
        }
        struct msg m = {.type = MSG_END};
        m.end.log = range.log;
        m.end.next = range.next;
        msg_encode(w, &m);
        v->ranges[i] = v->ranges[--v->ranges_count];
        serve_push(s, range.log_no); /* what came in the meantime */
    }
}

/* Gov before data, and within a topic each range a segment in turn. */
static struct range *range_pick(struct session *s)
{
    struct serve *v = &s->serve;
    struct range *found = NULL;
    for (uint32_t i = 0; i < v->ranges_count; i++) {
        struct range *range = &v->ranges[(v->turn + i) % v->ranges_count];
        if (!range_finished(s, range) && (found == NULL || (range->gov && !found->gov))) {
            found = range;
        }
    }
    if (found != NULL) {
        v->turn = (uint32_t)(found - v->ranges) + 1;
    }
    return found;
}

/* Reads the next segment of a log into the outgoing buffer. */
static bool outgoing_read(struct session *s, uint32_t log_no, uint64_t first)
{
    struct outgoing *o = &s->serve.out;
    if (o->buf == NULL) {
        o->buf = malloc(SESSION_SEGMENT_BYTES_MAX);
        if (o->buf == NULL) {
            return false;
        }
    }
    struct wbuf w = wbuf_of(o->buf, SESSION_SEGMENT_BYTES_MAX);
    o->count = 0;
    enum tris_err err =
        s->config.io->read_segment(s->config.io_ctx, log_no, first, &w, &o->count, &o->seal);
    if (err != TRIS_OK) {
        return false;
    }
    tris_assert(w.err == TRIS_OK && (w.len > 0) == (o->count > 0));
    tris_assert(o->seal.size == first + o->count);
    o->log = tris_short_of(frontier_item(s->config.frontier, log_no)->id.b);
    o->log_no = log_no;
    o->first = first;
    o->len = w.len;
    o->sent = 0;
    o->active = true;
    return true;
}

static bool push_start(struct session *s)
{
    struct serve *v = &s->serve;
    uint32_t log_no;
    while (!s->gossip.lazy && (log_no = serve_push_take(s)) != FRONTIER_NONE) {
        if (outgoing_read(s, log_no, position_get(s, log_no))) {
            v->pushed_last = true;
            return true;
        }
    }
    return false;
}

static bool range_start(struct session *s)
{
    struct range *range = range_pick(s);
    if (range == NULL) {
        return false;
    }
    s->serve.pushed_last = false;
    if (range->seal) {
        range->next = range->until = frontier_item(s->config.frontier, range->log_no)->held;
    }
    if (!outgoing_read(s, range->log_no, range->next)) {
        range->until = range->next; /* cannot be read now: END, the peer comes again */
        range->seal = false;
        return false;
    }
    return true;
}

/* News and answers take turns, so that neither waits behind the other. */
static bool outgoing_start(struct session *s)
{
    if (s->serve.segments == 0 || s->serve.credit == 0) {
        return false;
    }
    if (s->serve.pushed_last) {
        return range_start(s) || push_start(s);
    }
    return push_start(s) || range_start(s);
}

static void outgoing_sealed(struct session *s, struct wbuf *w)
{
    struct outgoing *o = &s->serve.out;
    struct msg m = {.type = MSG_SEAL};
    m.seal.log = o->log;
    m.seal.first = o->first;
    m.seal.count = o->count;
    m.seal.time_ms = o->seal.time_ms;
    m.seal.root = o->seal.root;
    m.seal.sig = o->seal.sig;
    msg_encode(w, &m);
    o->active = false;
    s->serve.segments--;
    s->stats.entries_out += o->count;
    s->stats.segments_out++;
    uint64_t end = o->first + o->count;
    if (o->count > 0) {
        position_raise(s, o->log_no, end);
    }
    uint32_t at = range_of(s, o->log_no);
    if (at == UINT32_MAX) {
        serve_push(s, o->log_no);
    } else if (s->serve.ranges[at].next == o->first) {
        s->serve.ranges[at].next = end;
        s->serve.ranges[at].seal = false;
    }
}

/* A piece of the outgoing segment, or its seal. False if the frame or the credit is full. */
static bool outgoing_put(struct session *s, struct wbuf *w)
{
    struct outgoing *o = &s->serve.out;
    if (o->sent == o->len) {
        if (session_room(w) < MSG_SEAL_BYTES_MAX) {
            return false;
        }
        outgoing_sealed(s, w);
        return true;
    }
    size_t room = session_room(w);
    if (room < MSG_SMALL_BYTES_MAX || s->serve.credit == 0) {
        return false;
    }
    room -= MSG_ENTRIES_OVERHEAD_MAX;
    size_t len = o->len - o->sent;
    len = len < room ? len : room;
    len = len < s->serve.credit ? len : (size_t)s->serve.credit;
    struct msg m = {.type = MSG_ENTRIES};
    m.entries.log = o->log;
    m.entries.first = o->first;
    m.entries.wire = span_of(o->buf + o->sent, len);
    msg_encode(w, &m);
    o->sent += len;
    s->serve.credit -= len;
    return true;
}

bool serve_has_data(const struct session *s)
{
    const struct serve *v = &s->serve;
    if (v->out.active) {
        return v->out.sent == v->out.len || v->credit > 0;
    }
    if (v->segments > 0 && v->credit > 0 && v->push_count > 0 && !s->gossip.lazy) {
        return true;
    }
    for (uint32_t i = 0; i < v->ranges_count; i++) {
        if (range_finished(s, &v->ranges[i]) || (v->segments > 0 && v->credit > 0)) {
            return true;
        }
    }
    return false;
}

void serve_put_data(struct session *s, struct wbuf *w)
{
    for (;;) {
        ranges_retire(s, w);
        bool going = s->serve.out.active || outgoing_start(s);
        if (!going) {
            ranges_retire(s, w); /* those that could not be read */
            return;
        }
        if (!outgoing_put(s, w)) {
            return;
        }
    }
}

void serve_tick(struct session *s)
{
    struct serve *v = &s->serve;
    if (v->out.buf != NULL && !v->out.active && v->ranges_count == 0 && v->push_count == 0) {
        free(v->out.buf);
        v->out.buf = NULL;
    }
}

void serve_message(struct session *s, const struct msg *m)
{
    switch (m->type) {
    case MSG_GET_RANGE:
        range_add(s, &m->get_range);
        break;
    case MSG_CREDIT:
        if (m->credit.bytes > UINT64_MAX - s->serve.credit ||
            m->credit.segments > UINT64_MAX - s->serve.segments) {
            session_fail(s, TRIS_ERR_BAD_VALUE);
            return;
        }
        s->serve.credit += m->credit.bytes;
        s->serve.segments += m->credit.segments;
        break;
    case MSG_GET_CHANGED:
    case MSG_GET_DIGESTS:
    case MSG_GET_BUCKETS:
    case MSG_UNKNOWN:
    case MSG_PING:
    case MSG_PONG:
    case MSG_BYE:
    case MSG_ROOT:
    case MSG_CLAIM:
    case MSG_NOT_KNOWN:
    case MSG_DIGESTS:
    case MSG_FRONTIER:
    case MSG_ENTRIES:
    case MSG_SEAL:
    case MSG_END:
    case MSG_GET_CONSISTENCY:
    case MSG_CONSISTENCY:
    case MSG_FORK_PROOF:
    case MSG_TWIN:
    case MSG_GET_NODES:
    case MSG_NODES:
    case MSG_GET_FORK:
    case MSG_GET_CHARTER:
    case MSG_CHARTER:
    case MSG_CARD:
    case MSG_GET_HOLES:
    case MSG_HOLES:
    case MSG_ANNOUNCE:
    case MSG_REFER:
        tris_assert(m->type == MSG_GET_RANGE); /* session.c sends nothing else here */
        break;
    }
}
