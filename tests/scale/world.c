/* Houses, connections and the loop of events; see world.h. */
#include "tests/scale/world.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"

enum {
    FILL_BYTES = 128 * 1024,
    COMMIT_MS = 2,
    HEARTBEAT_MS = 15 * 1000,
    HANDSHAKE_MS = 5000,
    IDLE_MS = 60 * 1000,
};

void world_fail(const char *format, ...)
{
    va_list args;
    fputs("FAIL  ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL) {
        world_fail("no memory");
    }
    return memory;
}

/* ---- houses ---- */

static void make_house(struct world *w, uint32_t no)
{
    struct house *h = &w->houses[no];
    struct tris_dh_secret secret;
    uint8_t seed[crypto_sign_SEEDBYTES];
    uint32_t at;
    h->world = w;
    h->no = no;
    rng_bytes(&w->rng, seed, sizeof seed);
    (void)crypto_sign_seed_keypair(h->id.b, h->secret.b, seed);
    rng_bytes(&w->rng, secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &h->transport);
    memcpy(&at, h->id.b, sizeof at);
    for (at %= w->by_id_size; w->by_id[at] != 0;) {
        at = (at + 1) % w->by_id_size;
    }
    w->by_id[at] = no + 1;
}

void world_hold(const struct world *w, struct frontier *f, uint32_t log_no, uint64_t size)
{
    struct frontier_item item;
    table_item(&w->logs[log_no], size, &item);
    if (frontier_item(f, log_no) != NULL) {
        item.own = frontier_item(f, log_no)->own;
    }
    if (frontier_set(f, log_no, &item) != TRIS_OK) {
        world_fail("no memory");
    }
}

struct frontier *world_frontier(const struct world *w, bool filled)
{
    struct frontier *f = NULL;
    if (frontier_new(&f) != TRIS_OK) {
        world_fail("no memory");
    }
    for (uint32_t no = 0; no < w->logs_count; no++) {
        world_hold(w, f, no, filled ? 1 : 0);
    }
    return f;
}

struct tris_short world_root(struct frontier *f)
{
    struct tris_hash root;
    frontier_root(f, &root);
    return tris_short_of(root.b);
}

struct world *world_new(uint32_t houses, uint64_t seed)
{
    struct world *w = need(calloc(1, sizeof *w));
    w->latency_min_ms = LATENCY_MS_MIN;
    w->latency_max_ms = LATENCY_MS_MAX;
    w->rng = rng_of(seed, 0);
    rng_bytes(&w->rng, w->fed.b, sizeof w->fed.b);
    w->houses_count = houses;
    w->logs_count = houses * HOUSE_LOGS;
    w->by_id_size = houses * 2 + 1;
    w->by_id = need(calloc(w->by_id_size, sizeof *w->by_id));
    w->houses = need(calloc(houses, sizeof *w->houses));
    w->logs = need(calloc(w->logs_count, sizeof *w->logs));
    w->fill = need(malloc(FILL_BYTES));
    queue_init(&w->queue);
    for (uint32_t no = 0; no < houses; no++) {
        make_house(w, no);
    }
    table_fill(w);
    w->heads = need(heads_new(world_frontier(w, true)));
    for (uint32_t no = 0; no < houses; no++) {
        struct house *h = &w->houses[no];
        h->frontier = need(heads_frontier(w->heads));
        for (uint32_t k = 0; k < HOUSE_LOGS; k++) {
            struct frontier_item item = *frontier_item(h->frontier, no * HOUSE_LOGS + k);
            item.own = true;
            if (frontier_set(h->frontier, no * HOUSE_LOGS + k, &item) != TRIS_OK) {
                world_fail("no memory");
            }
        }
    }
    return w;
}

static void pieces_free(struct end *e)
{
    while (e->first != NULL) {
        struct piece *piece = e->first;
        e->first = piece->next;
        free(piece);
    }
}

void world_forget(struct house *h)
{
    while (h->pending != NULL) {
        struct pending *p = h->pending;
        h->pending = p->next;
        free(p->segment.bytes);
        free(p);
    }
}

static uint64_t session_arrived(const struct session *session)
{
    const struct session_stats *s = session_stats(session);
    return s->segments_in + s->duplicate_segments + s->gap_segments;
}

uint64_t world_arrived(const struct world *w)
{
    uint64_t sum = w->arrived;
    for (uint32_t no = 0; no < w->conns_count; no++) {
        for (int k = 0; k < 2 && !w->conns[no].dead; k++) {
            sum += session_arrived(w->conns[no].end[k].session);
        }
    }
    return sum;
}

void world_hang_up(struct world *w, uint32_t no)
{
    struct conn *c = &w->conns[no];
    for (int k = 0; k < 2; k++) {
        struct house *h = &w->houses[c->end[k].house];
        w->arrived += session_arrived(c->end[k].session);
        session_free(c->end[k].session);
        c->end[k].session = NULL;
        pieces_free(&c->end[k]);
        for (uint32_t i = 0; i < h->conns_count; i++) {
            if (h->conns[i] == no) {
                h->conns[i] = h->conns[--h->conns_count];
                break;
            }
        }
    }
    c->dead = true;
}

void world_free(struct world *w)
{
    for (uint32_t no = 0; no < w->conns_count; no++) {
        for (int k = 0; k < 2; k++) {
            session_free(w->conns[no].end[k].session);
            pieces_free(&w->conns[no].end[k]);
        }
    }
    for (uint32_t no = 0; no < w->houses_count; no++) {
        struct house *h = &w->houses[no];
        world_forget(h);
        heads_frontier_free(w->heads, h->frontier);
        free(h->conns);
    }
    for (uint32_t no = 0; no < w->logs_count; no++) {
        for (uint32_t i = 0; i < w->logs[no].runs_count; i++) {
            free(w->logs[no].runs[i].wire);
            free(w->logs[no].runs[i].before);
        }
    }
    heads_free(w->heads);
    queue_fini(&w->queue);
    free(w->conns);
    free(w->logs);
    free(w->houses);
    free(w->by_id);
    free(w->fill);
    free(w);
}

/* ---- connections ---- */

static void after(struct world *w, uint64_t wait_ms, enum event_type type, uint32_t a, uint32_t b)
{
    queue_put(&w->queue,
              (struct event){.at_ms = w->now_ms + wait_ms, .type = type, .a = a, .b = b});
}

static void pump(struct world *w, uint32_t no, uint32_t k);

static void add_conn(struct house *h, uint32_t no)
{
    h->conns = need(realloc(h->conns, (h->conns_count + 1) * sizeof *h->conns));
    h->conns[h->conns_count++] = no;
}

static void begin_end(struct world *w, struct conn *c, uint32_t k, const struct tris_short *common)
{
    struct end *e = &c->end[k];
    struct house *own = &w->houses[e->house];
    const struct house *peer = &w->houses[c->end[1 - k].house];
    struct session_config config = {
        .initiator = k == 0,
        .fed = w->fed,
        .own_id = own->id,
        .own_transport = own->transport,
        .instance_nonce = own->no + 1,
        .peer_id = peer->id,
        .peer_transport = peer->transport.pub,
        .session_no = ++w->sessions,
        .heartbeat_ms = HEARTBEAT_MS,
        .handshake_ms = HANDSHAKE_MS,
        .idle_ms = IDLE_MS,
        .credit_bytes = TRIS_CREDIT_INITIAL_BYTES,
        .has_common_root = k == 0 && common != NULL,
        .frontier = own->frontier,
        .io = &table_io,
        .io_ctx = own,
    };
    if (config.has_common_root) {
        config.common_root = *common;
    }
    e->no = config.session_no;
    if (session_new(&config, w->now_ms, &e->session) != TRIS_OK) {
        world_fail("a session does not begin");
    }
}

uint32_t world_dial(struct world *w, uint32_t from, uint32_t to, const struct tris_short *common)
{
    uint32_t no = w->conns_count++;
    if ((no & (no + 1)) == 0) { /* no + 1 is a power of two: room for as many again */
        w->conns = need(realloc(w->conns, (2 * ((size_t)no + 1)) * sizeof *w->conns));
        for (uint32_t i = 0; i < no; i++) {
            for (int k = 0; k < 2; k++) { /* an empty list ends in its own head */
                struct end *e = &w->conns[i].end[k];
                e->tail = e->first == NULL ? &e->first : e->tail;
            }
        }
    }
    struct conn *c = &w->conns[no];
    *c = (struct conn){.latency_ms = rng_between(&w->rng, w->latency_min_ms, w->latency_max_ms)};
    for (uint32_t k = 0; k < 2; k++) {
        c->end[k].house = k == 0 ? from : to;
        c->end[k].tail = &c->end[k].first;
        c->end[k].tick_ms = UINT64_MAX;
        add_conn(&w->houses[c->end[k].house], no);
    }
    begin_end(w, c, 0, common);
    begin_end(w, c, 1, common);
    pump(w, no, 0);
    return no;
}

void world_connect(struct world *w, uint32_t chords)
{
    for (uint32_t i = 0; i < w->houses_count; i++) {
        (void)world_dial(w, i, (i + 1) % w->houses_count, NULL);
        for (uint32_t k = 0; k < chords; k++) {
            uint32_t far = 2 + (uint32_t)rng_below(&w->rng, w->houses_count - 3);
            (void)world_dial(w, i, (i + far) % w->houses_count, NULL);
        }
    }
}

bool world_equal(struct world *w)
{
    struct tris_short first = world_root(w->houses[0].frontier);
    for (uint32_t i = 1; i < w->houses_count; i++) {
        struct tris_short root = world_root(w->houses[i].frontier);
        if (!tris_short_eq(&first, &root)) {
            return false;
        }
    }
    return true;
}

uint64_t world_bytes(const struct conn *c)
{
    return session_stats(c->end[0].session)->bytes_out +
           session_stats(c->end[1].session)->bytes_out;
}

/* ---- segments ---- */

static void take(struct world *w, uint32_t no, uint32_t k, const struct session_segment *segment)
{
    struct house *h = &w->houses[w->conns[no].end[k].house];
    struct pending *p = need(calloc(1, sizeof *p));
    *p = (struct pending){.conn = no, .end = k, .segment = *segment};
    struct pending **at = &h->pending;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = p;
    after(w, COMMIT_MS, EVENT_COMMIT, h->no, 0);
}

static void tell(struct world *w, struct house *h, uint32_t log_no, uint32_t source)
{
    for (uint32_t i = 0; i < h->conns_count; i++) {
        struct conn *c = &w->conns[h->conns[i]];
        uint32_t k = c->end[0].house == h->no ? 0 : 1;
        if (h->conns[i] != source) {
            session_log_advanced(c->end[k].session, log_no);
        }
        session_root_changed(c->end[k].session);
        pump(w, h->conns[i], k);
    }
}

static enum tris_err apply(struct world *w, struct house *h, const struct pending *p)
{
    const struct session_segment *s = &p->segment;
    const struct log *log = &w->logs[s->log_no];
    const struct run *run = table_run(log, s->first);
    struct verified_segment verified;
    struct tree none;
    tree_init(&none);
    if (s->first + s->count <= frontier_item(h->frontier, s->log_no)->held) {
        return TRIS_OK;
    }
    if (s->first != frontier_item(h->frontier, s->log_no)->held || run == NULL) {
        return TRIS_ERR_NOT_NEXT;
    }
    enum tris_err err =
        segment_verify(&log->id, &log->ref.seal_key, run->before != NULL ? run->before : &none,
                       span_of(s->bytes, s->len), s->count, &s->seal, &verified);
    if (err != TRIS_OK) {
        world_fail("house %u refuses a segment of log %u: %s", h->no, s->log_no,
                   tris_err_name(err));
    }
    world_hold(w, h->frontier, s->log_no, s->first + s->count);
    h->hops = w->houses[w->conns[p->conn].end[1 - p->end].house].hops + 1;
    h->got_ms = w->now_ms;
    return TRIS_OK;
}

static void commit(struct world *w, struct house *h)
{
    struct pending *p = h->pending;
    if (p == NULL) {
        return; /* forgotten */
    }
    h->pending = p->next;
    uint64_t held = frontier_item(h->frontier, p->segment.log_no)->held;
    enum tris_err err = apply(w, h, p);
    if (!w->conns[p->conn].dead) {
        session_segment_done(w->conns[p->conn].end[p->end].session, p->segment.log_no,
                             p->segment.len, err);
        pump(w, p->conn, p->end);
    }
    if (frontier_item(h->frontier, p->segment.log_no)->held > held) {
        tell(w, h, p->segment.log_no, p->conn);
    }
    free(p->segment.bytes);
    free(p);
}

void world_write(struct world *w, uint32_t no)
{
    struct house *h = &w->houses[no];
    uint32_t log_no = no * HOUSE_LOGS + TRIS_TOPIC_DATA;
    table_write(w, log_no);
    world_hold(w, h->frontier, log_no, frontier_item(h->frontier, log_no)->held + 1);
    h->hops = 0;
    h->got_ms = w->now_ms;
    tell(w, h, log_no, UINT32_MAX);
}

/* ---- the loop ---- */

static void drain(struct world *w, uint32_t no, uint32_t k)
{
    struct session_event event;
    while (session_next_event(w->conns[no].end[k].session, &event)) {
        if (event.type == SESSION_EV_CLOSED) {
            world_fail("the session of house %u ends: %s", w->conns[no].end[k].house,
                       tris_err_name(event.closed.reason));
        }
        if (event.type == SESSION_EV_SEGMENT) {
            take(w, no, k, &event.segment);
        }
    }
}

static void pump(struct world *w, uint32_t no, uint32_t k)
{
    struct conn *c = &w->conns[no];
    struct end *e = &c->end[k];
    if (e->pumping) {
        return;
    }
    e->pumping = true;
    drain(w, no, k);
    while (session_has_output(e->session)) {
        size_t len = session_fill(e->session, w->fill, FILL_BYTES, w->now_ms);
        if (len == 0) {
            break;
        }
        struct piece *piece = need(malloc(sizeof *piece + len));
        piece->next = NULL;
        piece->len = len;
        memcpy(piece->bytes, w->fill, len);
        *e->tail = piece;
        e->tail = &piece->next;
        w->bytes += len;
        after(w, c->latency_ms, EVENT_DELIVER, no, k);
    }
    drain(w, no, k);
    e->pumping = false;
    uint64_t at = session_deadline(e->session);
    if (at < e->tick_ms) {
        at = at > w->now_ms ? at : w->now_ms + 1;
        e->tick_ms = at;
        after(w, at - w->now_ms, EVENT_TICK, no, k);
    }
}

static void deliver(struct world *w, uint32_t no, uint32_t k)
{
    struct end *from = &w->conns[no].end[k], *to = &w->conns[no].end[1 - k];
    struct piece *piece = from->first;
    tris_assert(piece != NULL);
    from->first = piece->next;
    from->tail = from->first == NULL ? &from->first : from->tail;
    session_recv(to->session, span_of(piece->bytes, piece->len), w->now_ms);
    free(piece);
    pump(w, no, 1 - k);
}

static void tick(struct world *w, const struct event *event)
{
    struct end *e = &w->conns[event->a].end[event->b];
    if (e->tick_ms != event->at_ms) {
        return;
    }
    e->tick_ms = UINT64_MAX;
    if (session_deadline(e->session) <= w->now_ms) {
        session_tick(e->session, w->now_ms);
    }
    pump(w, event->a, event->b);
}

void world_run(struct world *w, uint64_t end_ms)
{
    struct event event;
    while (queue_next_ms(&w->queue) <= end_ms && queue_take(&w->queue, &event)) {
        w->now_ms = event.at_ms;
        w->events++;
        const bool of_conn = event.type != EVENT_COMMIT;
        if (of_conn && w->conns[event.a].dead) {
            continue;
        }
        if (event.type == EVENT_DELIVER) {
            deliver(w, event.a, event.b);
        } else if (event.type == EVENT_TICK) {
            tick(w, &event);
        } else {
            commit(w, &w->houses[event.a]);
        }
    }
    w->now_ms = end_ms;
}
