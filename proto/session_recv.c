/* Segments in: pieces are put together, each complete segment leaves as an event, and the credit
 * that the peer may use is counted and given back. Nothing is verified here. */
#include "proto/session_int.h"

#include <stdlib.h>

static struct flight *flight_find(const struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->pull.flights_count; i++) {
        if (s->pull.flights[i].log_no == log_no) {
            return &s->pull.flights[i];
        }
    }
    return NULL;
}

static struct flight *flight_add(struct session *s, uint32_t log_no)
{
    struct pull *p = &s->pull;
    struct flight *old = flight_find(s, log_no);
    if (old != NULL) {
        return old;
    }
    if (p->flights_count == p->flights_cap) {
        uint32_t cap = p->flights_cap > 0 ? p->flights_cap * 2 : 8;
        struct flight *grown = realloc(p->flights, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        p->flights = grown;
        p->flights_cap = cap;
    }
    struct flight *f = &p->flights[p->flights_count++];
    *f = (struct flight){.log_no = log_no};
    return f;
}

uint64_t segment_base(const struct session *s, uint32_t log_no)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    const struct flight *f = flight_find(s, log_no);
    uint64_t held = item != NULL ? item->held : 0;
    return f != NULL && !f->failed && f->assumed > held ? f->assumed : held;
}

bool segment_in_flight(const struct session *s, uint32_t log_no)
{
    return flight_find(s, log_no) != NULL;
}

void segment_fini(struct session *s)
{
    free(s->pull.assembly.buf);
    free(s->pull.flights);
    s->pull.assembly = (struct assembly){0};
    s->pull.flights = NULL;
    s->pull.flights_count = s->pull.flights_cap = 0;
}

void segment_void(struct session *s, uint32_t log_no)
{
    struct flight *f = flight_find(s, log_no);
    if (f != NULL) {
        f->failed = true;
        f->again = true;
    }
}

/* Whether what begins at `first` continues the log. */
static bool segment_continues(const struct session *s, uint32_t log_no, uint64_t first)
{
    const struct flight *f = flight_find(s, log_no);
    return !fork_suspected(s, log_no) && (f == NULL || !f->failed) &&
           first == segment_base(s, log_no);
}

/* Whether a segment of this log that begins at `first` can be used as it stands. */
static bool segment_fits(const struct session *s, uint32_t log_no, uint64_t first)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    return item != NULL && frontier_item_fetched(item) && !hole_is_far(item, first) &&
           segment_continues(s, log_no, first);
}

static void assembly_begin(struct session *s, const struct msg_entries *m)
{
    struct assembly *a = &s->pull.assembly;
    a->active = true;
    a->log = m->log;
    a->first = m->first;
    a->len = 0;
    a->log_no = session_find(s, &m->log);
    if (a->log_no == FRONTIER_NONE) {
        s->stats.unknown_logs++;
    }
    a->discard = a->log_no == FRONTIER_NONE || !segment_fits(s, a->log_no, m->first);
}

static enum tris_err assembly_append(struct assembly *a, struct span piece)
{
    if (piece.len > SESSION_SEGMENT_BYTES_MAX - a->len) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (!a->discard && piece.len > a->cap - a->len) {
        size_t cap = a->cap * 2 > a->len + piece.len ? a->cap * 2 : a->len + piece.len;
        cap = cap < SESSION_SEGMENT_BYTES_MAX ? cap : SESSION_SEGMENT_BYTES_MAX;
        uint8_t *grown = realloc(a->buf, cap);
        if (grown == NULL) {
            return TRIS_ERR_NO_MEMORY;
        }
        a->buf = grown;
        a->cap = cap;
    }
    if (!a->discard && piece.len > 0) {
        memcpy(a->buf + a->len, piece.ptr, piece.len);
    }
    a->len += piece.len;
    return TRIS_OK;
}

void segment_entries(struct session *s, const struct msg_entries *m)
{
    struct pull *p = &s->pull;
    struct assembly *a = &p->assembly;
    if (m->wire.len > p->credit_left) {
        session_fail(s, TRIS_ERR_CREDIT);
        return;
    }
    if (m->wire.len == 0) {
        session_fail(s, TRIS_ERR_BAD_VALUE); /* would be free of charge */
        return;
    }
    p->receives = true;
    p->credit_left -= m->wire.len;
    if (!a->active) {
        assembly_begin(s, m);
    } else if (!tris_short_eq(&a->log, &m->log) || a->first != m->first) {
        session_fail(s, TRIS_ERR_UNEXPECTED); /* segments are not interleaved */
        return;
    }
    if (a->log_no != FRONTIER_NONE && !a->discard) {
        struct fetch *fetch = pull_fetch(s, a->log_no);
        if (fetch != NULL) {
            pull_progress(s, fetch, m->wire.len);
        }
    }
    enum tris_err err = assembly_append(a, m->wire);
    if (err != TRIS_OK) {
        session_fail(s, err);
    }
}

/* Hands the assembled bytes, if any, to the owner. */
static void segment_emit(struct session *s, uint32_t log_no, const struct msg_seal *m)
{
    struct pull *p = &s->pull;
    struct assembly *a = &p->assembly;
    struct flight *f = flight_add(s, log_no);
    if (f == NULL) {
        session_fail(s, TRIS_ERR_NO_MEMORY);
        return;
    }
    const size_t len = m->count > 0 ? a->len : 0;
    if (len > 0 && a->cap > len + len / 8) { /* it may wait for the writer for a while */
        uint8_t *shrunk = realloc(a->buf, len);
        if (shrunk != NULL) {
            a->buf = shrunk;
        }
    }
    struct session_event event = {.type = SESSION_EV_SEGMENT};
    event.segment = (struct session_segment){
        .log_no = log_no,
        .first = m->first,
        .count = (uint32_t)m->count,
        .bytes = len > 0 ? a->buf : NULL,
        .len = len,
        .seal = {.log = frontier_item(s->config.frontier, log_no)->id,
                 .size = m->first + m->count,
                 .root = m->root,
                 .time_ms = m->time_ms,
                 .sig = m->sig},
    };
    if (len > 0) {
        a->buf = NULL;
        a->cap = 0;
    }
    if (m->count > 0) {
        struct frontier_item *item = frontier_item_mut(s->config.frontier, log_no);
        const uint64_t end = m->first + m->count;
        item->arriving = item->arriving > end ? item->arriving : end;
    }
    f->segments++;
    f->assumed = m->first + m->count;
    p->bytes_waiting += len;
    p->segments_waiting++;
    /* a seal of our own changes nothing here while entries wait to be sealed behind it */
    p->learned = p->learned || m->count > 0 || !frontier_item(s->config.frontier, log_no)->own;
    s->stats.entries_in += m->count;
    s->stats.segments_in++;
    session_event_put(s, &event);
}

bool segment_emit_filling(struct session *s, uint32_t log_no, const struct msg_list *rows)
{
    struct pull *p = &s->pull;
    struct flight *f = flight_add(s, log_no);
    uint8_t *bytes = f != NULL ? malloc(rows->rows.len) : NULL;
    if (bytes == NULL) {
        session_fail(s, TRIS_ERR_NO_MEMORY);
        return false;
    }
    memcpy(bytes, rows->rows.ptr, rows->rows.len);
    struct session_event event = {.type = SESSION_EV_SEGMENT};
    event.segment = (struct session_segment){.log_no = log_no,
                                             .filling = true,
                                             .count = rows->count,
                                             .bytes = bytes,
                                             .len = rows->rows.len};
    f->segments++;
    p->bytes_waiting += rows->rows.len;
    p->segments_waiting++;
    p->learned = true;
    s->stats.holes_in += rows->count;
    session_event_put(s, &event);
    return true;
}

/* An item may name a day that no seal shows: then there is nothing to be learned from the peer. */
static bool seal_is_newer(const struct session *s, uint32_t log_no, const struct msg_seal *m)
{
    const struct seal seal = {.time_ms = m->time_ms};
    return seal_day(&seal) > frontier_item(s->config.frontier, log_no)->day;
}

/* Nobody has asked for this seal; a request is open until its END, which comes behind the answer.
 */
static void seal_stray(struct session *s)
{
    s->stats.duplicate_segments++;
    if (!budget_take(&s->pull.strays, s->now_ms, SESSION_STRAY_SEALS_PER_MINUTE)) {
        session_fail(s, TRIS_ERR_FLOOD);
    }
}

/* A newer seal over what is held: an event without bytes, answered like any other. */
static void seal_alone(struct session *s, const struct msg_seal *m)
{
    struct pull *p = &s->pull;
    uint32_t log_no = session_find(s, &m->log);
    struct fetch *fetch = log_no != FRONTIER_NONE ? pull_fetch(s, log_no) : NULL;
    if (p->assembly.active) {
        session_fail(s, TRIS_ERR_UNEXPECTED); /* segments are not interleaved */
        return;
    }
    if (p->segments_left == 0) {
        session_fail(s, TRIS_ERR_CREDIT);
        return;
    }
    p->segments_left--;
    p->receives = true;
    if (log_no != FRONTIER_NONE && own_sealed(s, log_no, m)) {
        return;
    }
    /* Only what is asked for is worth a signature check, and once; late answers are no fault. */
    if (fetch == NULL || fetch->kind == WANT_HOLES || !fetch->requested || fetch->ended ||
        fetch->sealed) {
        seal_stray(s);
        return;
    }
    fetch->sealed = true;
    if (!seal_is_newer(s, log_no, m) || !segment_continues(s, log_no, m->first)) {
        s->stats.duplicate_segments++; /* or the log has grown, and the seal with it */
        return;
    }
    segment_emit(s, log_no, m);
}

void segment_seal(struct session *s, const struct msg_seal *m)
{
    struct pull *p = &s->pull;
    struct assembly *a = &p->assembly;
    if (m->count == 0) {
        seal_alone(s, m);
        return;
    }
    if (!a->active || !tris_short_eq(&a->log, &m->log) || a->first != m->first) {
        session_fail(s, TRIS_ERR_UNEXPECTED);
        return;
    }
    if (p->segments_left == 0) {
        session_fail(s, TRIS_ERR_CREDIT);
        return;
    }
    if (m->first > UINT64_MAX - m->count) {
        session_fail(s, TRIS_ERR_BAD_VALUE);
        return;
    }
    p->segments_left--;
    a->active = false;
    if (a->log_no == FRONTIER_NONE) {
        return;
    }
    uint64_t end = m->first + m->count;
    const struct frontier_item *item = frontier_item(s->config.frontier, a->log_no);
    if (!frontier_item_fetched(item)) { /* nobody teaches us our own log unasked */
        struct tris_short root = tris_short_of(m->root.b);
        if (end > item->held) {
            own_claim(s, a->log_no, end, &root);
        }
        return;
    }
    position_raise(s, a->log_no, end);
    if (pull_fetch(s, a->log_no) == NULL && (end <= item->held || end <= item->arriving)) {
        gossip_duplicate(s); /* of what this session or another one was quicker with */
    }
    if (end <= segment_base(s, a->log_no)) {
        s->stats.duplicate_segments++;
    } else if (!a->discard && segment_fits(s, a->log_no, m->first)) {
        segment_emit(s, a->log_no, m);
    } else { /* a gap before it, or it overlaps what came by another way */
        s->stats.gap_segments++;
        pull_want(s, a->log_no, end);
        pull_step(s);
    }
}

/* True: the session goes on. */
static bool verdict_apply(struct session *s, struct flight *f, enum tris_err result)
{
    if (result == TRIS_OK) {
        return true;
    }
    if (result == TRIS_ERR_NOT_NEXT) {
        f->failed = true;
        f->again = true;
        return true;
    }
    if (result == TRIS_ERR_FORK) {
        f->failed = true;
        if (!f->again) { /* else the log was cut in the meantime, and it is about what was there */
            fork_suspect(s, f->log_no, SUSPECT_SEGMENT, 0);
        }
        return s->state == SESSION_OPEN;
    }
    if (result == TRIS_ERR_BAD_COMMIT) {
        const struct frontier_item *item = frontier_item(s->config.frontier, f->log_no);
        const struct fetch *fetch = pull_fetch(s, f->log_no);
        const bool less = fetch != NULL && fetch->until < item->held;
        f->failed = true;
        fork_suspect(s, f->log_no, SUSPECT_HOLE, less ? fetch->until : item->held);
        return s->state == SESSION_OPEN;
    }
    enum tris_err_class class = tris_err_class(result);
    if (class == TRIS_CLASS_RESOURCE || class == TRIS_CLASS_STATE) {
        f->failed = true;
        s->pull.due = true;
        s->pull.next_ms = s->now_ms + SESSION_RESOURCE_RETRY_MS;
        return true;
    }
    session_fail(s, result);
    return false;
}

void session_segment_done(struct session *s, uint32_t log_no, size_t len, enum tris_err result)
{
    struct pull *p = &s->pull;
    if (s->state != SESSION_OPEN) {
        return; /* everything of it is forgotten already */
    }
    struct flight *f = flight_find(s, log_no);
    tris_assert(f != NULL && f->segments > 0);
    tris_assert(len <= p->bytes_waiting && p->segments_waiting > 0);
    bool behind = pull_writer_behind(s);
    p->bytes_waiting -= len;
    p->segments_waiting--;
    if (behind && !pull_writer_behind(s)) {
        pull_caught_up(s);
    }
    if (!verdict_apply(s, f, result)) {
        return;
    }
    if (--f->segments == 0) {
        bool again = f->again;
        uint64_t end = f->assumed;
        *f = p->flights[--p->flights_count];
        if (again) {
            pull_want(s, log_no, end);
        }
        pull_step(s);
    }
}

/* How much the peer may be given so that what it may send and what waits fill the window. */
static uint64_t credit_missing(const struct session *s)
{
    const struct pull *p = &s->pull;
    uint64_t used = p->credit_left + p->bytes_waiting +
                    (p->assembly.active && !p->assembly.discard ? p->assembly.len : 0);
    return used < p->window ? p->window - used : 0;
}

static uint32_t segments_missing(const struct session *s)
{
    uint32_t used = s->pull.segments_left + s->pull.segments_waiting;
    return used < SESSION_SEGMENTS_MAX ? SESSION_SEGMENTS_MAX - used : 0;
}

bool credit_due(const struct session *s)
{
    const struct pull *p = &s->pull;
    if (!p->receives) {
        return false;
    }
    uint64_t missing = credit_missing(s);
    return missing >= p->window / 4 || (missing > 0 && p->credit_left < p->window / 2) ||
           segments_missing(s) >= SESSION_SEGMENTS_MAX / 2;
}

void credit_put(struct session *s, struct wbuf *w)
{
    struct pull *p = &s->pull;
    uint64_t missing = credit_missing(s);
    struct msg m = {.type = MSG_CREDIT};
    m.credit.bytes = missing < UINT32_MAX ? missing : UINT32_MAX;
    m.credit.segments = segments_missing(s);
    p->credit_left += m.credit.bytes;
    p->segments_left += (uint32_t)m.credit.segments;
    msg_encode(w, &m);
}

void session_credit_window(struct session *s, uint64_t bytes)
{
    tris_assert(bytes >= TRIS_CREDIT_INITIAL_BYTES);
    s->pull.window = bytes;
}
