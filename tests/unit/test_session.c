/* Sessions back to back in memory: nodes with a fake store of really sealed and verified entries,
 * links that cut, flip and drip bytes, and a clock of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sodium.h>

#include "proto/assert.h"
#include "proto/frame.h"
#include "proto/msg.h"
#include "proto/session.h"

enum {
    PENDING_MAX = 4096,
    NODES_MAX = 4,
    LOGS_MAX = 12,
    ENTRIES_MAX = 6000,
    LINKS_MAX = 4,
    OUT_BYTES = 128 * 1024,
    HEARTBEAT_MS = 15000,
    HANDSHAKE_MS = 5000,
    IDLE_MS = 60000,
};

/* ---- world ----------------------------------------------------------------------------------- */

struct fake_entry {
    uint8_t *bytes;
    size_t len;
    bool sealed; /* seal covers entries up to and with this one */
    struct seal seal;
};

struct fake_log {
    struct tris_log_id id;
    struct tris_log_ref ref;
    struct tris_sign_secret key; /* in the owner's copy */
    bool own;
    struct tree tree;
    struct fake_entry *entries;
    uint64_t count;
};

struct world;

struct node {
    struct world *world;
    uint32_t number;
    struct tris_house_id id;
    struct tris_sign_secret sign;
    struct noise_keypair transport;
    uint64_t instance_nonce;
    struct frontier *frontier;
    struct fake_log logs[LOGS_MAX];
    bool stranger_refused;      /* io->member says no */
    enum tris_err write_result; /* instead of verifying, if not TRIS_OK */
    uint64_t rejected;
};

struct end {
    struct node *node;
    struct session *session;
    bool opened, in_sync, closed;
    uint32_t in_sync_count, own_ahead_count;
    struct session_event close;
    uint64_t rtt_id;
};

/* A segment that waits for a slow writer. */
struct pending {
    struct node *node;
    uint64_t session_no; /* who brought it; may be gone */
    struct session_segment segment;
};

struct link {
    bool used;
    uint64_t session_no[2];
    struct end end[2];
    size_t chunk;       /* bytes a delivery; 0 = all */
    uint64_t cut_after; /* bytes in all until the link is dead; 0 = never */
    uint64_t carried;
    uint64_t flip_bit[2]; /* of the bytes from end i: this bit is turned over; 0 = none */
    uint64_t sent[2];
    bool stuck[2]; /* end i is never asked for bytes */
};

struct world {
    struct tris_fed_id fed;
    struct node nodes[NODES_MAX];
    uint32_t nodes_count;
    uint32_t logs_count;
    struct link links[LINKS_MAX];
    uint64_t now_ms;
    uint64_t random;
    uint64_t session_no;
    uint64_t credit_bytes;
    bool slow_writer; /* verdicts come when pending_run is called */
    struct pending pending[PENDING_MAX];
    uint32_t pending_count;
};

static void fake_random(void *ctx, void *out, size_t len)
{
    struct node *n = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    uint64_t value = ++n->world->random;
    memcpy(seed, &value, sizeof value);
    randombytes_buf_deterministic(out, len, seed);
}

static enum tris_err fake_member(void *ctx, const struct tris_house_id *house,
                                 const struct tris_dh_pub *transport, enum tris_role *role)
{
    struct node *n = ctx;
    if (n->stranger_refused) {
        return TRIS_ERR_STRANGER;
    }
    for (uint32_t i = 0; i < n->world->nodes_count; i++) {
        const struct node *other = &n->world->nodes[i];
        if (tris_house_id_eq(&other->id, house)) {
            *role = TRIS_ROLE_HOUSE;
            return memcmp(other->transport.pub.b, transport->b, 32) == 0 ? TRIS_OK
                                                                         : TRIS_ERR_WRONG_KEY;
        }
    }
    return TRIS_ERR_STRANGER;
}

static enum tris_err fake_read(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                               uint32_t *count, struct seal *seal)
{
    struct node *n = ctx;
    const struct fake_log *log = &n->logs[log_no];
    size_t bytes = 0, best_bytes = 0;
    uint64_t best = first;
    if (first > 0 && first == log->count) {
        *count = 0;
        *seal = log->entries[first - 1].seal;
        return TRIS_OK;
    }
    for (uint64_t seq = first; seq < log->count && seq - first < TRIS_SEAL_SPACING_MAX; seq++) {
        bytes += log->entries[seq].len;
        if (bytes > TRIS_SEGMENT_BYTES_MAX) {
            break;
        }
        if (log->entries[seq].sealed) {
            best = seq + 1;
            best_bytes = bytes;
            *seal = log->entries[seq].seal;
        }
    }
    if (best == first) {
        return TRIS_ERR_NOT_FOUND;
    }
    for (uint64_t seq = first; seq < best; seq++) {
        wbuf_bytes(out, log->entries[seq].bytes, log->entries[seq].len);
    }
    assert_int_equal(out->err, TRIS_OK);
    assert_int_equal(out->len, best_bytes);
    *count = (uint32_t)(best - first);
    return TRIS_OK;
}

static const struct session_io fake_io = {fake_member, fake_read, fake_random};

static void node_publish(struct node *n, uint32_t log_no)
{
    const struct fake_log *log = &n->logs[log_no];
    struct frontier_item item = {.id = log->id, .ref = log->ref, .own = log->own};
    item.held = item.whole = log->count;
    if (log->count > 0) {
        tree_root(&log->tree, &item.root);
        item.day = seal_day(&log->entries[log->count - 1].seal);
    }
    assert_int_equal(frontier_set(n->frontier, log_no, &item), TRIS_OK);
}

static struct end *node_end(struct node *n, size_t link)
{
    struct link *l = &n->world->links[link];
    for (size_t i = 0; i < 2 && l->used; i++) {
        if (l->end[i].node == n && l->end[i].session != NULL) {
            return &l->end[i];
        }
    }
    return NULL;
}

static void node_advanced(struct node *n, uint32_t log_no)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct end *e = node_end(n, i);
        if (e != NULL) {
            session_log_advanced(e->session, log_no);
            session_root_changed(e->session);
        }
    }
}

/* One sealed run of `count` entries with payloads of `bytes` bytes into an own log. */
static void node_write(struct node *n, uint32_t log_no, uint32_t count, size_t bytes)
{
    struct fake_log *log = &n->logs[log_no];
    assert_true(log->own && log->count + count <= ENTRIES_MAX);
    uint8_t *payload = malloc(bytes);
    uint8_t *wire = malloc(TRIS_ENTRY_WIRE_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct tris_salt salt;
        fake_random(n, salt.b, sizeof salt.b);
        fake_random(n, payload, bytes);
        struct entry_header header = {.version = 1, .verb = VERB_PUT, .kind = 1, .time_ms = 1000};
        struct wbuf w = wbuf_of(wire, TRIS_ENTRY_WIRE_BYTES_MAX);
        entry_wire_encode(&w, &header, &salt, span_of(payload, bytes));
        assert_int_equal(w.err, TRIS_OK);
        struct rbuf run = rbuf_of(wbuf_span(&w));
        struct entry entry;
        assert_int_equal(entry_wire_next(&run, &entry), TRIS_OK);
        uint8_t head[TRIS_HEADER_BYTES_MAX];
        struct wbuf hw = wbuf_of(head, sizeof head);
        struct tris_hash leaf;
        assert_int_equal(entry_open(&entry, &log->id, log->count, &hw, &header, &leaf), TRIS_OK);
        (void)tree_append(&log->tree, &leaf, TREE_STORED_LEVEL, NULL);
        struct fake_entry *e = &log->entries[log->count++];
        *e = (struct fake_entry){.bytes = malloc(w.len), .len = w.len};
        memcpy(e->bytes, wire, w.len);
    }
    struct fake_entry *last = &log->entries[log->count - 1];
    last->sealed = true;
    last->seal = (struct seal){.log = log->id, .size = log->count, .time_ms = 1700000000000};
    tree_root(&log->tree, &last->seal.root);
    seal_make(&last->seal, &log->key);
    free(payload);
    free(wire);
    node_publish(n, log_no);
    node_advanced(n, log_no);
}

/* Seals an unchanged log anew, `days` after its newest seal. */
static void node_reseal(struct node *n, uint32_t log_no, uint32_t days)
{
    struct fake_log *log = &n->logs[log_no];
    struct seal *seal = &log->entries[log->count - 1].seal;
    seal->time_ms += (uint64_t)days * 86400000;
    seal_make(seal, &log->key);
    node_publish(n, log_no);
    node_advanced(n, log_no);
}

/* What the writer of a daemon does with a segment. */
static enum tris_err node_apply(struct node *n, const struct session_segment *segment)
{
    struct fake_log *log = &n->logs[segment->log_no];
    if (n->write_result != TRIS_OK) {
        return n->write_result;
    }
    if (segment->count > 0 && segment->first + segment->count <= log->count) {
        return TRIS_OK;
    }
    if (segment->first != log->count) {
        return TRIS_ERR_NOT_NEXT;
    }
    static struct verified_segment verified;
    struct tris_sign_pub key = log->ref.seal_key;
    enum tris_err err =
        segment_verify(&log->id, &key, &log->tree, span_of(segment->bytes, segment->len),
                       segment->count, &segment->seal, &verified);
    if (err != TRIS_OK) {
        n->rejected++;
        return err;
    }
    if (segment->count == 0 && seal_cmp(&segment->seal, &log->entries[log->count - 1].seal) <= 0) {
        return TRIS_OK;
    }
    struct rbuf run = rbuf_of(verified.wire);
    for (uint32_t i = 0; i < segment->count; i++) {
        struct entry entry;
        assert_int_equal(entry_wire_next(&run, &entry), TRIS_OK);
        struct fake_entry *e = &log->entries[log->count++];
        *e = (struct fake_entry){.bytes = malloc(entry.wire.len), .len = entry.wire.len};
        memcpy(e->bytes, entry.wire.ptr, entry.wire.len);
    }
    log->entries[log->count - 1].sealed = true;
    log->entries[log->count - 1].seal = segment->seal;
    log->tree = verified.after;
    node_publish(n, segment->log_no);
    return TRIS_OK;
}

static struct world *world_new(uint32_t nodes, uint32_t logs_each)
{
    struct world *w = calloc(1, sizeof *w);
    memset(w->fed.b, 7, sizeof w->fed.b);
    w->now_ms = 1000000;
    w->credit_bytes = TRIS_CREDIT_INITIAL_BYTES;
    w->nodes_count = nodes;
    w->logs_count = nodes * logs_each;
    assert_true(nodes <= NODES_MAX && w->logs_count <= LOGS_MAX);
    for (uint32_t i = 0; i < nodes; i++) {
        struct node *n = &w->nodes[i];
        n->world = w;
        n->number = i;
        n->instance_nonce = UINT64_MAX - i;
        uint8_t seed[32];
        memset(seed, (int)i + 1, sizeof seed);
        crypto_sign_seed_keypair(n->id.b, n->sign.b, seed);
        struct tris_dh_secret secret;
        memset(secret.b, (int)i + 101, sizeof secret.b);
        noise_keypair_from_secret(&secret, &n->transport);
        assert_int_equal(frontier_new(&n->frontier), TRIS_OK);
    }
    for (uint32_t i = 0; i < nodes; i++) {
        for (uint32_t k = 0; k < w->logs_count; k++) {
            const struct node *owner = &w->nodes[k / logs_each];
            struct fake_log *log = &w->nodes[i].logs[k];
            log->ref = (struct tris_log_ref){.house = owner->id,
                                             .topic = k % logs_each == 0 ? TRIS_TOPIC_GOV
                                                                         : TRIS_TOPIC_DATA,
                                             .epoch = k % logs_each};
            memcpy(log->ref.seal_key.b, owner->id.b, sizeof owner->id.b);
            log_id_derive(&w->fed, &log->ref, &log->id);
            log->key = owner->sign;
            log->own = owner == &w->nodes[i];
            tree_init(&log->tree);
            log->entries = calloc(ENTRIES_MAX, sizeof *log->entries);
            node_publish(&w->nodes[i], k);
        }
    }
    return w;
}

static void link_close(struct link *l)
{
    for (size_t i = 0; i < 2; i++) {
        session_free(l->end[i].session);
        l->end[i].session = NULL;
    }
    l->used = false;
}

static void world_free(struct world *w)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        link_close(&w->links[i]);
    }
    for (uint32_t i = 0; i < w->pending_count; i++) {
        free(w->pending[i].segment.bytes);
    }
    for (uint32_t i = 0; i < w->nodes_count; i++) {
        for (uint32_t k = 0; k < w->logs_count; k++) {
            for (uint64_t e = 0; e < w->nodes[i].logs[k].count; e++) {
                free(w->nodes[i].logs[k].entries[e].bytes);
            }
            free(w->nodes[i].logs[k].entries);
        }
        frontier_free(w->nodes[i].frontier);
    }
    free(w);
}

static struct session_config config_of(struct node *n, struct node *peer, bool initiator)
{
    return (struct session_config){
        .initiator = initiator,
        .fed = n->world->fed,
        .own_id = n->id,
        .own_transport = n->transport,
        .instance_nonce = n->instance_nonce,
        .peer_id = peer->id,
        .peer_transport = peer->transport.pub,
        .session_no = ++n->world->session_no,
        .heartbeat_ms = HEARTBEAT_MS,
        .handshake_ms = HANDSHAKE_MS,
        .idle_ms = IDLE_MS,
        .credit_bytes = n->world->credit_bytes,
        .frontier = n->frontier,
        .io = &fake_io,
        .io_ctx = n,
    };
}

static struct link *link_with(struct world *w, size_t at, const struct session_config *a,
                              struct node *from, const struct session_config *b, struct node *to)
{
    struct link *l = &w->links[at];
    assert_false(l->used);
    *l = (struct link){.used = true, .session_no = {a->session_no, b->session_no}};
    l->end[0].node = from;
    l->end[1].node = to;
    assert_int_equal(session_new(a, w->now_ms, &l->end[0].session), TRIS_OK);
    assert_int_equal(session_new(b, w->now_ms, &l->end[1].session), TRIS_OK);
    return l;
}

static struct link *link_open(struct world *w, size_t at, uint32_t from, uint32_t to)
{
    struct session_config a = config_of(&w->nodes[from], &w->nodes[to], true);
    struct session_config b = config_of(&w->nodes[to], &w->nodes[from], false);
    return link_with(w, at, &a, &w->nodes[from], &b, &w->nodes[to]);
}

/* The verdicts of the oldest segment of a node picked by `which`. */
static void pending_run(struct world *w, uint32_t which)
{
    struct node *n = &w->nodes[which % w->nodes_count];
    uint32_t at = 0;
    while (at < w->pending_count && w->pending[at].node != n) {
        at++;
    }
    if (at == w->pending_count) {
        return;
    }
    struct pending p = w->pending[at];
    w->pending_count--;
    memmove(&w->pending[at], &w->pending[at + 1], (w->pending_count - at) * sizeof p);
    uint64_t before = n->logs[p.segment.log_no].count;
    enum tris_err err = node_apply(n, &p.segment);
    free(p.segment.bytes);
    for (size_t i = 0; i < LINKS_MAX * 2; i++) {
        struct link *l = &w->links[i / 2];
        if (l->used && l->session_no[i % 2] == p.session_no) {
            session_segment_done(l->end[i % 2].session, p.segment.log_no, p.segment.len, err);
        }
    }
    if (n->logs[p.segment.log_no].count > before) {
        node_advanced(n, p.segment.log_no);
    }
}

static void end_segment(struct end *e, const struct session_segment *segment)
{
    struct world *w = e->node->world;
    if (w->slow_writer) {
        assert_true(w->pending_count < PENDING_MAX);
        struct pending *p = &w->pending[w->pending_count++];
        *p = (struct pending){.node = e->node, .segment = *segment};
        for (size_t i = 0; i < LINKS_MAX * 2; i++) {
            if (&w->links[i / 2].end[i % 2] == e) {
                p->session_no = w->links[i / 2].session_no[i % 2];
            }
        }
        return;
    }
    enum tris_err err = node_apply(e->node, segment);
    session_segment_done(e->session, segment->log_no, segment->len, err);
    if (err == TRIS_OK) {
        node_advanced(e->node, segment->log_no);
    }
    free(segment->bytes);
}

static void end_events(struct end *e)
{
    struct session_event event;
    while (session_next_event(e->session, &event)) {
        assert_false(e->closed);
        switch (event.type) {
        case SESSION_EV_OPEN:
            assert_false(e->opened);
            e->opened = true;
            break;
        case SESSION_EV_SEGMENT:
            end_segment(e, &event.segment);
            break;
        case SESSION_EV_IN_SYNC:
            e->in_sync = true;
            e->in_sync_count++;
            break;
        case SESSION_EV_PONG:
            e->rtt_id = event.pong.id;
            break;
        case SESSION_EV_OWN_AHEAD:
            e->own_ahead_count++;
            break;
        case SESSION_EV_CLOSED:
            e->closed = true;
            e->close = event;
            break;
        }
    }
}

static void link_deliver(struct link *l, size_t from, uint8_t *bytes, size_t len)
{
    struct end *to = &l->end[1 - from];
    size_t step = l->chunk > 0 ? l->chunk : len;
    for (size_t at = 0; at < len; at += step) {
        size_t part = len - at < step ? len - at : step;
        if (l->cut_after > 0 && part > l->cut_after - l->carried) {
            part = (size_t)(l->cut_after - l->carried);
        }
        for (size_t i = 0; i < part && l->flip_bit[from] > 0; i++) {
            uint64_t bit = (l->sent[from] + i) * 8;
            if (l->flip_bit[from] >= bit && l->flip_bit[from] < bit + 8) {
                bytes[at + i] = (uint8_t)(bytes[at + i] ^ 1u << (l->flip_bit[from] - bit));
            }
        }
        l->sent[from] += part;
        l->carried += part;
        session_recv(to->session, span_of(bytes + at, part), to->node->world->now_ms);
        end_events(to);
    }
}

/* Lets both ends talk until nobody has anything to say. Returns the bytes carried. */
static uint64_t link_run(struct link *l)
{
    static uint8_t out[OUT_BYTES];
    uint64_t before = l->carried;
    for (size_t from = 0, quiet = 0; quiet < 2; from = 1 - from) {
        struct end *e = &l->end[from];
        end_events(e);
        size_t len = 0;
        if (!l->stuck[from] && session_has_output(e->session)) {
            len = session_fill(e->session, out, sizeof out, e->node->world->now_ms);
        }
        end_events(e);
        if (len > 0) {
            link_deliver(l, from, out, len);
        }
        quiet = len > 0 ? 0 : quiet + 1;
        if (l->cut_after > 0 && l->carried >= l->cut_after) {
            break;
        }
    }
    return l->carried - before;
}

static void world_run(struct world *w)
{
    uint64_t moved = 1;
    while (moved > 0) {
        moved = 0;
        for (size_t i = 0; i < LINKS_MAX; i++) {
            moved += w->links[i].used ? link_run(&w->links[i]) : 0;
        }
    }
}

/* Time passes; every session ticks whenever it asked for it. */
static void world_pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;
    for (uint32_t steps = 0; steps < 10000; steps++) {
        uint64_t next = end;
        for (size_t i = 0; i < LINKS_MAX * 2; i++) {
            const struct link *l = &w->links[i / 2];
            if (l->used && session_deadline(l->end[i % 2].session) < next) {
                next = session_deadline(l->end[i % 2].session);
            }
        }
        w->now_ms = next > w->now_ms ? next : w->now_ms;
        for (size_t i = 0; i < LINKS_MAX * 2; i++) {
            struct link *l = &w->links[i / 2];
            if (l->used && session_deadline(l->end[i % 2].session) <= w->now_ms) {
                session_tick(l->end[i % 2].session, w->now_ms);
                end_events(&l->end[i % 2]);
                if (w->now_ms < end) {
                    assert_true(session_deadline(l->end[i % 2].session) > w->now_ms);
                }
            }
        }
        world_run(w);
        if (w->now_ms >= end) {
            return;
        }
    }
    fail_msg("the sessions never come to rest");
}

static bool nodes_equal(const struct world *w, uint32_t a, uint32_t b)
{
    struct tris_hash x, y;
    frontier_root(w->nodes[a].frontier, &x);
    frontier_root(w->nodes[b].frontier, &y);
    return tris_hash_eq(&x, &y);
}

static void assert_alive(const struct link *l)
{
    for (size_t i = 0; i < 2; i++) {
        assert_false(l->end[i].closed);
        assert_int_equal(session_state(l->end[i].session), SESSION_OPEN);
    }
}

/* ---- handshake ------------------------------------------------------------------------------- */

static void in_sync_costs_one_round_trip(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_alive(l);
    assert_true(l->end[0].opened && l->end[1].opened);
    assert_true(l->end[0].in_sync && l->end[1].in_sync);
    /* 19 + (32 + 48 + 16) + 65, an empty CLAIM, and 2 + (32 + 16) + 64: FORMAT.md "Session" */
    assert_int_equal(l->sent[0], 19 + 96 + 65 + 2 + 3 + 16);
    assert_int_equal(l->sent[1], 2 + 48 + 64);
    assert_true(l->carried <= 400);
    assert_int_equal(session_stats(l->end[0].session)->bytes_out, l->sent[0]);
    assert_int_equal(session_stats(l->end[0].session)->bytes_in, l->sent[1]);
    assert_int_equal(session_stats(l->end[0].session)->round_trips, 1);
    uint64_t before = l->carried;
    world_pass(w, HEARTBEAT_MS - 1);
    assert_int_equal(l->carried, before); /* silent until the heartbeat */
    world_pass(w, 2);
    assert_true(l->carried > before);
    assert_true(l->carried <= before + 2 * 40);
    assert_int_equal(l->end[0].in_sync_count, 1);
    world_free(w);
}

static void assert_no_answer(struct link *l, enum tris_err reason)
{
    static uint8_t out[OUT_BYTES];
    assert_true(l->end[1].closed);
    assert_int_equal(l->end[1].close.closed.reason, reason);
    assert_false(l->end[1].opened);
    assert_int_equal(l->sent[1], 0);
    assert_false(session_has_output(l->end[1].session));
    assert_int_equal(session_fill(l->end[1].session, out, sizeof out, 0), 0);
}

static void strangers_get_no_byte(void **state)
{
    (void)state;
    static const enum tris_err expected[] = {TRIS_ERR_GATE,      TRIS_ERR_HANDSHAKE,
                                             TRIS_ERR_WRONG_KEY, TRIS_ERR_STRANGER,
                                             TRIS_ERR_SELF,      TRIS_ERR_SELF};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct world *w = world_new(3, 1);
        struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
        struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
        switch (i) {
        case 0: /* does not know the transport key */
            a.peer_transport = w->nodes[2].transport.pub;
            break;
        case 1:
            a.fed.b[0] ^= 1;
            break;
        case 2: /* a member's name with another's key */
            a.own_transport = w->nodes[2].transport;
            break;
        case 3:
            w->nodes[1].stranger_refused = true;
            break;
        default: /* itself: the same process, and a copy of it */
            a.own_id = w->nodes[1].id;
            a.peer_id = w->nodes[2].id;
            a.instance_nonce = b.instance_nonce - (i == 4 ? 0 : 1);
            break;
        }
        struct link *l = link_with(w, 0, &a, &w->nodes[0], &b, &w->nodes[1]);
        world_run(w);
        assert_no_answer(l, expected[i]);
        assert_int_equal(l->end[1].close.closed.clone, i == 5);
        world_pass(w, HANDSHAKE_MS + 1);
        assert_true(l->end[0].closed);
        assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_TIMEOUT);
        world_free(w);
    }
}

static void a_replayed_first_message_opens_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    static uint8_t recorded[OUT_BYTES], answer[OUT_BYTES];
    struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    struct session *caller, *victim;
    struct session_event event;
    assert_int_equal(session_new(&a, 0, &caller), TRIS_OK);
    size_t len = session_fill(caller, recorded, sizeof recorded, 0);
    session_free(caller);
    for (uint32_t round = 0; round < 2; round++) {
        assert_int_equal(session_new(&b, 0, &victim), TRIS_OK);
        session_recv(victim, span_of(recorded, len), 0);
        assert_int_equal(session_fill(victim, answer, sizeof answer, 0), 2 + 48 + 64);
        if (round == 1) { /* and makes up a frame */
            session_recv(victim, span_of(answer, sizeof answer), 0);
        }
        session_tick(victim, HANDSHAKE_MS);
        assert_true(session_next_event(victim, &event)); /* no OPEN before it, no goodbye after */
        assert_int_equal(event.type, SESSION_EV_CLOSED);
        assert_int_equal(session_fill(victim, answer, sizeof answer, 0), 0);
        session_free(victim);
    }
    world_free(w);
}

static void dialling_itself_is_refused(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct session_config a = config_of(&w->nodes[0], &w->nodes[0], true);
    struct session *s;
    struct session_event event;
    assert_int_equal(session_new(&a, 0, &s), TRIS_OK);
    assert_false(session_has_output(s));
    assert_true(session_next_event(s, &event));
    assert_int_equal(event.type, SESSION_EV_CLOSED);
    assert_int_equal(event.closed.reason, TRIS_ERR_SELF);
    assert_false(session_next_event(s, &event));
    session_free(s);
    world_free(w);
}

static void garbage_gets_no_byte(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    for (uint32_t round = 0; round < 500; round++) {
        uint8_t bytes[1500];
        fake_random(&w->nodes[0], bytes, sizeof bytes);
        if (round % 2 == 0) { /* looks right up to the gate */
            bytes[0] = NOISE_IK;
            bytes[1 + NOISE_GATE_BYTES] = 0;
            bytes[2 + NOISE_GATE_BYTES] = 200;
        }
        struct session *s;
        assert_int_equal(session_new(&b, 0, &s), TRIS_OK);
        session_recv(s, span_of(bytes, sizeof bytes), 0);
        assert_false(session_has_output(s));
        session_tick(s, HANDSHAKE_MS);
        assert_int_equal(session_state(s), SESSION_CLOSED);
        session_free(s);
    }
    world_free(w);
}

static void flipped_handshake_bits_never_open(void **state)
{
    (void)state;
    for (uint64_t bit = 1; bit < 180 * 8; bit += 7) {
        struct world *w = world_new(2, 1);
        struct link *l = link_open(w, 0, 0, 1);
        l->flip_bit[0] = bit;
        world_run(w);
        world_pass(w, HANDSHAKE_MS + 1);
        assert_false(l->end[1].opened);
        assert_int_equal(l->sent[1], 0);
        assert_true(l->end[1].closed);
        world_free(w);
    }
}

/* ---- transfer -------------------------------------------------------------------------------- */

static void fill_node(struct world *w, uint32_t node, uint32_t runs, uint32_t count, size_t bytes)
{
    uint32_t each = w->logs_count / w->nodes_count;
    for (uint32_t k = node * each; k < (node + 1) * each; k++) {
        for (uint32_t r = 0; r < runs; r++) {
            node_write(&w->nodes[node], k, count, bytes);
        }
    }
}

static void empty_node_gets_everything(void **state)
{
    (void)state;
    struct world *w = world_new(2, 3);
    fill_node(w, 0, 3, 200, 300);
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_int_equal(session_stats(l->end[0].session)->entries_in, 3 * 3 * 200);
    assert_int_equal(session_stats(l->end[0].session)->ladders, 1);
    world_pass(w, 100); /* the announced root */
    assert_true(l->end[0].in_sync && l->end[1].in_sync);
    world_free(w);
}

static void both_directions_converge(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 2, 1000, 100);
    fill_node(w, 1, 5, 30, 2000);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_pass(w, 100);
    assert_true(l->end[0].in_sync && l->end[1].in_sync);
    world_free(w);
}

static void single_bytes_give_the_same(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 2, 20, 100);
    fill_node(w, 1, 2, 20, 100);
    struct link *l = link_open(w, 0, 0, 1);
    l->chunk = 1;
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void bulk_stays_within_45_bytes_an_entry(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    for (uint32_t r = 0; r < 6; r++) {
        node_write(&w->nodes[0], 0, 900, 200);
    }
    w->credit_bytes = 16 * 1024 * 1024;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(l->carried <= 5400 * (200 + 45));
    world_free(w);
}

static void cut_connections_resume(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 8, 60, 400);
    fill_node(w, 1, 8, 60, 400);
    uint32_t cuts = 0;
    while (!nodes_equal(w, 0, 1)) {
        assert_true(++cuts < 500);
        struct link *l = link_open(w, 0, cuts % 2, 1 - cuts % 2);
        uint32_t random;
        fake_random(&w->nodes[0], &random, sizeof random);
        l->cut_after = 1 + random % 600000;
        l->chunk = 1 + random % 9000;
        world_run(w);
        link_close(l);
        w->now_ms += 10;
    }
    assert_true(cuts > 2);
    for (uint32_t k = 0; k < w->logs_count; k++) { /* nobody is left marked as fetching */
        assert_int_equal(frontier_item(w->nodes[0].frontier, k)->fetcher, 0);
        assert_int_equal(frontier_item(w->nodes[1].frontier, k)->fetcher, 0);
    }
    world_free(w);
}

static void flipped_bits_close_and_apply_nothing(void **state)
{
    (void)state;
    uint32_t broken = 0;
    for (uint64_t byte = 130; byte < 12000; byte += 331) {
        struct world *w = world_new(2, 1);
        node_write(&w->nodes[0], 0, 20, 500);
        struct link *l = link_open(w, 0, 1, 0);
        l->flip_bit[1] = byte * 8 + byte % 8;
        world_run(w);
        uint64_t held = frontier_item(w->nodes[1].frontier, 0)->held;
        assert_true(held == 0 || held == 20);
        if (l->end[0].closed && l->sent[1] > 130) {
            assert_int_equal(held, 0);
            assert_true(l->end[0].close.closed.reason == TRIS_ERR_DECRYPT ||
                        l->end[0].close.closed.reason == TRIS_ERR_BAD_FRAME);
            assert_true(l->end[1].closed && l->end[1].close.closed.by_peer);
            broken++;
        }
        assert_int_equal(w->nodes[1].rejected, 0);
        world_free(w);
    }
    assert_true(broken > 10);
}

static void reconnect_with_one_record_is_short(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 3, 100, 100);
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 100);
    assert_true(l->end[0].in_sync);
    link_close(l);
    node_write(&w->nodes[0], 1, 1, 200);
    l = link_open(w, 0, 1, 0);
    uint64_t bytes = link_run(l);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(bytes <= 1000); /* handshake, claims, one item, one range, the entry and its seal */
    world_free(w);
}

/* ---- live ------------------------------------------------------------------------------------ */

static void writes_travel_through_a_chain(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    struct link *ab = link_open(w, 0, 0, 1);
    struct link *bc = link_open(w, 1, 1, 2);
    world_run(w);
    assert_true(ab->end[0].in_sync && bc->end[0].in_sync);
    node_write(&w->nodes[0], 1, 1, 200);
    uint64_t before = ab->sent[1];
    uint64_t bytes = ab->carried;
    world_run(w); /* no time passes: pushed, not asked for */
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    assert_int_equal(ab->sent[1], before); /* no echo */
    assert_true(ab->carried - bytes <= 500 + 200);
    world_pass(w, 200);
    assert_int_equal(ab->end[0].in_sync_count, 2);
    assert_int_equal(bc->end[1].in_sync_count, 2);
    for (uint32_t i = 0; i < 20; i++) {
        node_write(&w->nodes[i % 3], (i % 3) * 2 + 1, 1 + i, 100);
        world_run(w);
    }
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    assert_int_equal(session_stats(ab->end[0].session)->ladders, 0);
    assert_alive(ab);
    assert_alive(bc);
    world_free(w);
}

static void a_ring_does_not_echo_for_ever(void **state)
{
    (void)state;
    struct world *w = world_new(3, 1);
    struct link *ab = link_open(w, 0, 0, 1);
    struct link *bc = link_open(w, 1, 1, 2);
    struct link *ca = link_open(w, 2, 2, 0);
    world_run(w);
    for (uint32_t i = 0; i < 30; i++) {
        node_write(&w->nodes[i % 3], i % 3, 3, 100);
        world_run(w);
    }
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    world_pass(w, 3 * HEARTBEAT_MS);
    assert_alive(ab);
    assert_alive(bc);
    assert_alive(ca);
    assert_true(session_stats(ab->end[0].session)->equal);
    world_free(w);
}

static void a_lost_push_is_repaired_by_heartbeats(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    struct end *hidden = &l->end[0];
    struct session *kept = hidden->session;
    hidden->session = NULL; /* the write is not told to the session */
    node_write(&w->nodes[0], 0, 5, 100);
    hidden->session = kept;
    world_pass(w, 4 * HEARTBEAT_MS);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void full_disk_is_retried(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    node_write(&w->nodes[0], 0, 50, 100);
    w->nodes[1].write_result = TRIS_ERR_DISK_FULL;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 60000);
    assert_alive(l);
    assert_false(nodes_equal(w, 0, 1));
    w->nodes[1].write_result = TRIS_OK;
    world_pass(w, 70000);
    assert_alive(l);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void an_unchanged_log_sealed_anew_spreads_without_entries(void **state)
{
    (void)state;
    struct world *w = world_new(3, 2);
    node_write(&w->nodes[0], 0, 20, 100);
    struct link *ab = link_open(w, 0, 0, 1);
    struct link *bc = link_open(w, 1, 1, 2);
    world_run(w);
    uint64_t entries = session_stats(ab->end[1].session)->entries_in;
    node_reseal(&w->nodes[0], 0, 1);
    world_pass(w, 100000);
    assert_alive(ab);
    assert_alive(bc);
    for (size_t i = 1; i < 3; i++) {
        const struct fake_log *log = &w->nodes[i].logs[0];
        assert_true(log->entries[19].seal.time_ms == 1700000000000 + 86400000);
    }
    assert_true(session_stats(ab->end[1].session)->equal);
    assert_true(session_stats(bc->end[1].session)->equal);
    assert_true(session_stats(ab->end[1].session)->entries_in == entries);
    world_free(w);
}

static void bad_seals_close_the_session(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    node_write(&w->nodes[0], 0, 50, 100);
    w->nodes[0].logs[0].entries[49].seal.sig.b[3] ^= 1;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    assert_true(l->end[0].closed && l->end[1].closed);
    assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_BAD_SIGNATURE);
    assert_true(l->end[1].close.closed.by_peer);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_BAD_SIGNATURE);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 0);
    world_free(w);
}

static void a_log_that_misses_its_seal_is_left_alone(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 1, 50, 100);
    w->nodes[0].logs[0].entries[20].bytes[60] ^= 1;
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 3 * 60000);
    assert_alive(l); /* the other logs go on */
    assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 0);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 1)->held, 50);
    assert_int_equal(w->nodes[1].rejected, 1);
    world_free(w);
}

static void own_log_ahead_is_told_and_not_fetched(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 2, 10, 100);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    link_close(l);
    struct fake_log *log = &w->nodes[0].logs[1]; /* a backup was restored */
    for (uint64_t i = 10; i < 20; i++) {
        free(log->entries[i].bytes);
    }
    log->count = 10;
    tree_init(&log->tree);
    struct frontier_item item = *frontier_item(w->nodes[0].frontier, 1);
    item.held = item.whole = 10;
    memset(item.root.b, 9, sizeof item.root.b);
    assert_int_equal(frontier_set(w->nodes[0].frontier, 1, &item), TRIS_OK);
    for (uint32_t from = 0; from < 2; from++) {
        l = link_open(w, 0, from, 1 - from);
        world_run(w);
        assert_alive(l);
        assert_int_equal(l->end[from].own_ahead_count, 1);
        assert_int_equal(l->end[1 - from].own_ahead_count, 0);
        assert_int_equal(frontier_item(w->nodes[0].frontier, 1)->held, 10);
        link_close(l);
    }
    world_free(w);
}

static void first_entry_of_a_new_log_is_pushed(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    struct frontier *bare;
    frontier_free(w->nodes[0].frontier); /* knows of no log at all until it writes */
    assert_int_equal(frontier_new(&bare), TRIS_OK);
    w->nodes[0].frontier = bare;
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_true(l->end[0].in_sync);
    node_write(&w->nodes[0], 1, 1, 100);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    assert_int_equal(session_stats(l->end[1].session)->ladders, 0);
    world_free(w);
}

static void a_withheld_log_is_given_back(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    node_write(&w->nodes[0], 0, 20, 100);
    struct link *l = link_open(w, 0, 1, 0);
    static uint8_t out[OUT_BYTES];
    for (size_t i = 0; frontier_item(w->nodes[1].frontier, 0)->fetcher == 0; i++) {
        assert_true(i < 20);
        size_t len = session_fill(l->end[i % 2].session, out, sizeof out, w->now_ms);
        link_deliver(l, i % 2, out, len);
    }
    l->stuck[1] = true;
    world_run(w); /* the range is asked for, and nothing comes */
    world_pass(w, 31000);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->fetcher, 0);
    l->stuck[1] = false; /* it thinks better of it: taken all the same */
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

static void logs_fetched_by_others_are_waited_for(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    fill_node(w, 0, 1, 20, 100);
    frontier_item_mut(w->nodes[1].frontier, 1)->fetcher = 99999; /* a session that never ends it */
    struct link *l = link_open(w, 0, 1, 0);
    world_run(w);
    world_pass(w, 40000);
    assert_alive(l);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 20);
    assert_int_equal(frontier_item(w->nodes[1].frontier, 1)->held, 0);
    frontier_item_mut(w->nodes[1].frontier, 1)->fetcher = 0;
    world_pass(w, 2000);
    assert_true(nodes_equal(w, 0, 1));
    world_free(w);
}

/* Logs that both hold alike, so that only the comparison costs something. */
static void add_common_logs(struct world *w, uint32_t count, uint32_t only_first)
{
    for (uint32_t i = 0; i < count + only_first; i++) {
        struct frontier_item item = {.held = 5, .whole = 5, .day = 20000};
        crypto_generichash(item.id.b, sizeof item.id.b, (const uint8_t *)&i, sizeof i, NULL, 0);
        item.root = (struct tris_hash){{1}};
        item.ref.topic = TRIS_TOPIC_DATA;
        for (uint32_t n = 0; n < (i < count ? 2 : 1); n++) {
            assert_int_equal(frontier_set(w->nodes[n].frontier, w->logs_count + i, &item), TRIS_OK);
        }
    }
}

static void ladder_costs_what_differs(void **state)
{
    (void)state;
    static const struct {
        uint32_t common, only_first;
        uint64_t bytes_max;
    } cases[] = {
        {20000, 0, 26000},    /* 80 logs a bucket: two digest lists and the buckets that differ */
        {3000, 2000, 420000}, /* most buckets differ: everything, in chunks */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = world_new(2, 1);
        add_common_logs(w, cases[i].common, cases[i].only_first);
        node_write(&w->nodes[0], 0, 3, 100);
        node_write(&w->nodes[1], 1, 3, 100);
        struct link *l = link_open(w, 0, 0, 1);
        world_run(w);
        assert_alive(l);
        assert_int_equal(frontier_item(w->nodes[0].frontier, 1)->held, 3);
        assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 3);
        assert_true(l->carried <= cases[i].bytes_max);
        assert_int_equal(nodes_equal(w, 0, 1), cases[i].only_first == 0);
        uint64_t before = l->carried;
        world_pass(w, 10 * 60000);
        assert_alive(l); /* logs that nobody can fetch cost one ladder a minute at most */
        assert_true(session_stats(l->end[1].session)->ladders <= 12);
        if (cases[i].only_first == 0) {
            assert_true(l->carried - before < 40 * 2 * 42 + 100);
        }
        node_write(&w->nodes[0], 0, 1, 100);
        world_run(w);
        assert_int_equal(frontier_item(w->nodes[1].frontier, 0)->held, 4); /* pushed all the same */
        world_free(w);
    }
}

static void common_root_saves_the_digests(void **state)
{
    (void)state;
    struct world *w = world_new(2, 2);
    add_common_logs(w, 1000, 0);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    assert_true(session_stats(l->end[0].session)->has_common_root);
    struct tris_short common = session_stats(l->end[0].session)->common_root;
    link_close(l);
    node_write(&w->nodes[0], 1, 1, 200); /* both have something new: neither root is known */
    node_write(&w->nodes[1], 3, 1, 200);
    struct session_config a = config_of(&w->nodes[0], &w->nodes[1], true);
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    a.has_common_root = true;
    a.common_root = common;
    l = link_with(w, 0, &a, &w->nodes[0], &b, &w->nodes[1]);
    world_run(w);
    assert_true(nodes_equal(w, 0, 1));
    assert_true(l->carried <= 2200);
    world_free(w);
}

static uint32_t dice(struct world *w, uint32_t sides)
{
    uint32_t value;
    fake_random(&w->nodes[0], &value, sizeof value);
    return value % sides;
}

static const uint8_t chaos_links[LINKS_MAX][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 0}};

/* One thing happens: a write, a cut, a full disk, a newer seal, a verdict, some time, some bytes.
 */
static void chaos_step(struct world *w)
{
    size_t at = dice(w, LINKS_MAX);
    struct link *l = &w->links[at];
    if (!l->used) {
        bool turned = dice(w, 2) == 1;
        l = link_open(w, at, chaos_links[at][turned ? 1 : 0], chaos_links[at][turned ? 0 : 1]);
        l->chunk = dice(w, 4) == 0 ? 1 + dice(w, 5000) : 0;
    }
    switch (dice(w, 16)) {
    case 0:
        if (dice(w, 4) == 0) {
            link_close(l);
        }
        break;
    case 1: {
        uint32_t node = dice(w, w->nodes_count);
        uint32_t log_no = node * 3 + dice(w, 3);
        if (w->nodes[node].logs[log_no].count < ENTRIES_MAX - 200) {
            node_write(&w->nodes[node], log_no, 1 + dice(w, 60), 20 + dice(w, 900));
        }
        break;
    }
    case 2:
        world_pass(w, dice(w, 300));
        break;
    case 3: { /* a disk is full for a while */
        struct node *n = &w->nodes[dice(w, w->nodes_count)];
        n->write_result = dice(w, 3) == 0 ? TRIS_ERR_DISK_FULL : TRIS_OK;
        break;
    }
    case 4:
    case 5:
    case 6:
        (void)link_run(l);
        break;
    case 7: {
        uint32_t node = dice(w, w->nodes_count);
        if (w->nodes[node].logs[node * 3].count > 0 && dice(w, 3) == 0) {
            node_reseal(&w->nodes[node], node * 3, 1);
        }
        break;
    }
    default:
        pending_run(w, dice(w, w->nodes_count));
        break;
    }
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (w->links[i].used) {
            assert_false(w->links[i].end[0].closed || w->links[i].end[1].closed);
        }
    }
}

static void chaos_ends_in_agreement(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct world *w = world_new(4, 3);
        w->random = (uint64_t)seed << 40;
        w->slow_writer = true;
        w->credit_bytes = seed % 2 == 0 ? TRIS_CREDIT_INITIAL_BYTES : 4 * 1024 * 1024;
        for (uint32_t step = 0; step < 1500; step++) {
            chaos_step(w);
        }
        for (uint32_t i = 0; i < w->nodes_count; i++) {
            w->nodes[i].write_result = TRIS_OK;
        }
        for (uint32_t i = 0; i < 3 * PENDING_MAX && w->pending_count > 0; i++) {
            pending_run(w, i);
        }
        w->slow_writer = false;
        for (size_t i = 0; i < LINKS_MAX; i++) {
            if (!w->links[i].used) {
                (void)link_open(w, i, chaos_links[i][0], chaos_links[i][1]);
            }
        }
        world_run(w);
        world_pass(w, 5 * 60000);
        for (uint32_t i = 1; i < w->nodes_count; i++) {
            assert_true(nodes_equal(w, 0, i));
        }
        for (size_t i = 0; i < LINKS_MAX; i++) {
            assert_alive(&w->links[i]);
            assert_true(session_stats(w->links[i].end[0].session)->equal);
            assert_true(session_stats(w->links[i].end[1].session)->equal);
        }
        for (uint32_t i = 0; i < w->nodes_count; i++) {
            assert_int_equal(w->nodes[i].rejected, 0);
        }
        world_free(w);
    }
}

static void several_peers_share_the_work(void **state)
{
    (void)state;
    struct world *w = world_new(4, 3);
    for (uint32_t n = 0; n < 3; n++) {
        fill_node(w, n, 2, 300, 300);
    }
    (void)link_open(w, 0, 0, 1);
    (void)link_open(w, 1, 1, 2);
    world_run(w);
    world_pass(w, 3000);
    assert_true(nodes_equal(w, 0, 1) && nodes_equal(w, 1, 2));
    w->slow_writer = true;
    struct link *x = link_open(w, 2, 3, 0);
    struct link *y = link_open(w, 3, 3, 2);
    for (uint32_t i = 0; i < 2000 && !nodes_equal(w, 0, 3); i++) {
        (void)link_run(i % 2 == 0 ? x : y);
        pending_run(w, 3);
    }
    assert_true(nodes_equal(w, 0, 3));
    uint64_t in =
        session_stats(x->end[0].session)->entries_in + session_stats(y->end[0].session)->entries_in;
    assert_int_equal(in, 9 * 600); /* each entry came once */
    assert_true(session_stats(x->end[0].session)->duplicate_segments == 0);
    world_free(w);
}

static void ping_is_answered(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    session_ping(l->end[0].session, 77, w->now_ms);
    world_run(w);
    assert_int_equal(l->end[0].rtt_id, 77);
    world_free(w);
}

static void goodbye_carries_the_reason(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    session_close(l->end[0].session, TRIS_ERR_DUPLICATE);
    assert_int_equal(session_state(l->end[0].session), SESSION_CLOSING);
    world_run(w);
    assert_true(l->end[0].closed && l->end[1].closed);
    assert_int_equal(l->end[1].close.closed.reason, TRIS_ERR_DUPLICATE);
    assert_true(l->end[1].close.closed.by_peer);
    assert_false(l->end[0].close.closed.by_peer);
    assert_int_equal(session_deadline(l->end[0].session), UINT64_MAX);
    world_free(w);
}

static void silence_closes(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    struct link *l = link_open(w, 0, 0, 1);
    world_run(w);
    l->stuck[1] = true;
    world_pass(w, IDLE_MS + 1);
    assert_true(l->end[0].closed);
    assert_int_equal(l->end[0].close.closed.reason, TRIS_ERR_TIMEOUT);
    world_free(w);
}

/* ---- hostile peers --------------------------------------------------------------------------- */

/* A peer that speaks frames by hand: handshake by a real session, then its keys are continued. */
struct hostile {
    struct world *w;
    struct session *victim;
    struct end end;
    struct noise_transport transport;
    uint8_t out[OUT_BYTES];
};

static void hostile_handshake(struct hostile *h)
{
    struct node *own = &h->w->nodes[0];
    struct node *target = &h->w->nodes[1];
    uint8_t prologue[33] = {SESSION_MAJOR_VERSION};
    memcpy(prologue + 1, h->w->fed.b, 32);
    struct noise_keypair ephemeral;
    struct tris_dh_secret secret;
    fake_random(own, secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &ephemeral);
    struct noise_handshake hs;
    assert_int_equal(noise_init(&hs, NOISE_IK, true, span_of(prologue, sizeof prologue),
                                &own->transport, &ephemeral, &target->transport.pub, NULL),
                     TRIS_OK);
    uint8_t payload[200], message[512];
    struct wbuf p = wbuf_of(payload, sizeof payload);
    struct msg_hello hello = {.version = 1, .house = own->id, .nonce = 5};
    msg_row_put(&p, MSG_ROW_hello, &hello);
    struct wbuf m = wbuf_of(message, sizeof message);
    assert_int_equal(noise_write(&hs, wbuf_span(&p), &m), TRIS_OK);
    struct wbuf first = wbuf_of(h->out, sizeof h->out);
    uint8_t gate[NOISE_GATE_BYTES];
    noise_gate(NOISE_IK, wbuf_span(&m), target->transport.pub.b, gate);
    wbuf_u8(&first, NOISE_IK);
    wbuf_bytes(&first, gate, sizeof gate);
    wbuf_u16(&first, (uint16_t)m.len);
    wbuf_span_put(&first, wbuf_span(&m));
    session_recv(h->victim, wbuf_span(&first), h->w->now_ms);
    size_t len = session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
    assert_true(len > 2);
    size_t message_len = (size_t)h->out[0] << 8 | h->out[1];
    p = wbuf_of(payload, sizeof payload);
    assert_int_equal(noise_read(&hs, span_of(h->out + 2, message_len), &p), TRIS_OK);
    noise_split(&hs, &h->transport);
}

static void hostile_free(struct hostile *h)
{
    session_free(h->victim);
    world_free(h->w);
    free(h);
}

static void hostile_send_bytes(struct hostile *h, struct span plain)
{
    static uint8_t frame[2 + TRIS_FRAME_BYTES_MAX];
    assert_true(plain.len <= FRAME_PLAIN_BYTES_MAX);
    frame[0] = (uint8_t)((plain.len + 16) >> 8);
    frame[1] = (uint8_t)((plain.len + 16) & 0xff);
    assert_int_equal(noise_encrypt(&h->transport.send, plain, frame + 2), TRIS_OK);
    session_recv(h->victim, span_of(frame, 2 + plain.len + 16), h->w->now_ms);
    end_events(&h->end);
}

static void hostile_send(struct hostile *h, const struct msg *m)
{
    static uint8_t plain[FRAME_PLAIN_BYTES_MAX];
    struct wbuf w = wbuf_of(plain, sizeof plain);
    msg_encode(&w, m);
    assert_int_equal(w.err, TRIS_OK);
    hostile_send_bytes(h, wbuf_span(&w));
}

static struct hostile *hostile_new(void)
{
    struct hostile *h = calloc(1, sizeof *h);
    h->w = world_new(2, 2);
    node_write(&h->w->nodes[1], 2, 3, 100);
    struct session_config b = config_of(&h->w->nodes[1], &h->w->nodes[0], false);
    assert_int_equal(session_new(&b, h->w->now_ms, &h->victim), TRIS_OK);
    h->end = (struct end){.node = &h->w->nodes[1], .session = h->victim};
    hostile_handshake(h);
    end_events(&h->end);
    assert_false(h->end.opened);
    struct msg m = {.type = MSG_CLAIM};
    hostile_send(h, &m);
    assert_true(h->end.opened);
    return h;
}

static void assert_thrown_out(struct hostile *h, enum tris_err reason)
{
    assert_int_equal(session_state(h->victim), SESSION_CLOSING);
    assert_true(session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms) > 0); /* told why */
    end_events(&h->end);
    assert_true(h->end.closed);
    assert_int_equal(h->end.close.closed.reason, reason);
}

static void over_credit_is_closed(void **state)
{
    (void)state;
    static uint8_t bytes[32 * 1024];
    for (uint32_t known = 0; known < 2; known++) {
        struct hostile *h = hostile_new();
        struct msg m = {.type = MSG_ENTRIES};
        if (known == 1) {
            m.entries.log = tris_short_of(h->w->nodes[1].logs[0].id.b);
        }
        m.entries.wire = span_of(bytes, sizeof bytes);
        uint32_t sent = 0;
        while (!h->end.closed && session_state(h->victim) == SESSION_OPEN) {
            assert_true(++sent <= TRIS_CREDIT_INITIAL_BYTES / sizeof bytes + 1);
            hostile_send(h, &m);
        }
        assert_int_equal(sent, TRIS_CREDIT_INITIAL_BYTES / sizeof bytes + 1);
        assert_thrown_out(h, TRIS_ERR_CREDIT);
        hostile_free(h);
    }
}

static void floods_are_closed(void **state)
{
    (void)state;
    struct msg kinds[4] = {
        {.type = MSG_PING}, {.type = MSG_GET_CHANGED}, {.type = MSG_GET_RANGE}, {.type = MSG_ROOT}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct hostile *h = hostile_new();
        uint32_t sent = 0;
        while (session_state(h->victim) == SESSION_OPEN) {
            assert_true(++sent < 2000);
            if (kinds[i].type == MSG_GET_RANGE) {
                memcpy(kinds[i].get_range.log.b, &sent, sizeof sent);
            }
            hostile_send(h, &kinds[i]);
        }
        assert_thrown_out(h, TRIS_ERR_FLOOD);
        hostile_free(h);
    }
}

static void unknown_messages_are_skipped(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    static const uint8_t later[] = {0x93, 0x20, 0x01, 0xc4, 0x01, 0x00, /* reserved */
                                    0x92, 0xcd, 0x12, 0x34, 0x91, 0x80, /* not even reserved */
                                    0x93, 0x01, 0x05, 0xc0};            /* PING 5 and a new field */
    hostile_send_bytes(h, span_of(later, sizeof later));
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    assert_int_equal(session_stats(h->victim)->unknown_messages, 2);
    assert_true(session_has_output(h->victim));
    hostile_free(h);
}

static void malformed_messages_are_closed(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[8];
        size_t len;
        enum tris_err err;
    } bad[] = {
        {{0x90}, 1, TRIS_ERR_BAD_VALUE},       /* no number */
        {{0x91, 0x01}, 2, TRIS_ERR_BAD_VALUE}, /* PING without id */
        {{0x92, 0x01, 0xcc, 0x05}, 4, TRIS_ERR_NOT_CANONICAL},
        {{0x92, 0x01, 0xc0}, 3, TRIS_ERR_BAD_TYPE},
        {{0x92, 0x01}, 2, TRIS_ERR_TRUNCATED},
        {{0x92, 0x01, 0x05, 0x92}, 4, TRIS_ERR_TRUNCATED}, /* after a good one */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hostile *h = hostile_new();
        hostile_send_bytes(h, span_of(bad[i].bytes, bad[i].len));
        assert_int_not_equal(session_state(h->victim), SESSION_OPEN);
        (void)session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
        end_events(&h->end);
        assert_true(h->end.closed);
        hostile_free(h);
    }
}

static void random_frames_never_break(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 2000; round++) {
        struct hostile *h = hostile_new();
        h->w->random = 1000000 + (uint64_t)round * 1000;
        for (uint32_t i = 0; i < 4 && session_state(h->victim) == SESSION_OPEN; i++) {
            uint8_t bytes[64];
            fake_random(&h->w->nodes[0], bytes, sizeof bytes);
            bytes[0] = (uint8_t)(0x90 | (bytes[0] & 7));
            bytes[1] = bytes[1] & 31;
            hostile_send_bytes(h, span_of(bytes, 2 + bytes[2] % 62));
            (void)session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms);
        }
        hostile_free(h);
        round += 19;
    }
}

static void stray_seals_are_closed(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    struct msg m = {.type = MSG_SEAL};
    m.seal.count = 1; /* and below: none */
    hostile_send(h, &m);
    assert_thrown_out(h, TRIS_ERR_UNEXPECTED);
    hostile_free(h);
}

static void hostile_drain(struct hostile *h)
{
    while (session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms) > 0) {
    }
    end_events(&h->end);
}

/* Time passes at the victim; the peer shows every ten seconds that it lives. */
static void hostile_pass(struct hostile *h, uint64_t ms, const struct msg *sign)
{
    for (uint64_t end = h->w->now_ms + ms; h->w->now_ms < end && !h->end.closed;) {
        uint64_t next = h->w->now_ms + 10000;
        while (session_deadline(h->victim) < next && !h->end.closed) {
            h->w->now_ms = session_deadline(h->victim);
            session_tick(h->victim, h->w->now_ms);
            hostile_drain(h);
        }
        h->w->now_ms = next;
        if (session_state(h->victim) == SESSION_OPEN) {
            hostile_send(h, sign);
            hostile_drain(h);
        }
    }
}

/* The victim has compared frontiers and asked for 50 entries of log 0. */
static void hostile_be_asked(struct hostile *h)
{
    uint8_t row[MSG_ITEM_BYTES_MAX];
    struct wbuf w = wbuf_of(row, sizeof row);
    struct msg_item item = {.log = tris_short_of(h->w->nodes[1].logs[0].id.b), .whole = 50};
    msg_row_put(&w, MSG_ROW_item, &item);
    struct msg m = {.type = MSG_FRONTIER};
    m.frontier.items = (struct msg_list){true, 1, wbuf_span(&w)};
    hostile_drain(h);
    hostile_send(h, &m);
    hostile_drain(h);
    assert_int_not_equal(frontier_item(h->w->nodes[1].frontier, 0)->fetcher, 0);
}

static void dripping_bytes_do_not_keep_a_log_from_others(void **state)
{
    (void)state;
    static const uint8_t byte[1] = {0};
    for (uint32_t discarded = 0; discarded < 2; discarded++) {
        struct hostile *h = hostile_new();
        hostile_be_asked(h);
        struct msg drip = {.type = MSG_ENTRIES};
        drip.entries.log = tris_short_of(h->w->nodes[1].logs[0].id.b);
        drip.entries.first = discarded; /* 1: does not follow what is held */
        drip.entries.wire = span_of(byte, sizeof byte);
        hostile_pass(h, 50000, &drip);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
        assert_int_equal(frontier_item(h->w->nodes[1].frontier, 0)->fetcher, 0);
        hostile_free(h);
    }
}

static void a_range_that_never_ends_reconnects(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    hostile_be_asked(h);
    struct msg ping = {.type = MSG_PING};
    hostile_pass(h, 40000, &ping);
    assert_int_equal(frontier_item(h->w->nodes[1].frontier, 0)->fetcher, 0);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    hostile_pass(h, 300000, &ping);
    assert_true(h->end.closed);
    assert_int_equal(h->end.close.closed.reason, TRIS_ERR_TIMEOUT);
    hostile_free(h);
}

static void an_endless_frontier_is_given_up(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    hostile_drain(h);
    struct msg more = {.type = MSG_FRONTIER};
    more.frontier.more = 1;
    more.frontier.items.present = true;
    assert_int_equal(session_stats(h->victim)->ladders, 1);
    hostile_pass(h, 400000, &more);
    assert_int_equal(session_state(h->victim), SESSION_OPEN);
    assert_int_equal(session_stats(h->victim)->ladders, 2);
    hostile_free(h);
}

static void seals_nobody_waits_for_cost_credit_only(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    struct msg m = {.type = MSG_SEAL};
    for (uint32_t i = 0; i < 2; i++) { /* an unknown log, and one that is not asked for any more */
        hostile_send(h, &m);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
        assert_int_equal(session_stats(h->victim)->segments_in, 0);
        m.seal.log = tris_short_of(h->w->nodes[1].logs[0].id.b);
    }
    uint32_t sent = 2;
    while (session_state(h->victim) == SESSION_OPEN) {
        hostile_send(h, &m);
        assert_true(++sent < 2000);
    }
    assert_thrown_out(h, TRIS_ERR_CREDIT);
    hostile_free(h);
}

static void a_peer_that_never_reads_costs_little(void **state)
{
    (void)state;
    struct hostile *h = hostile_new();
    struct msg range = {.type = MSG_GET_RANGE};
    range.get_range.log = tris_short_of(h->w->nodes[1].logs[2].id.b);
    range.get_range.until = UINT64_MAX;
    struct msg all = {.type = MSG_GET_DIGESTS};
    for (uint32_t i = 0; i < 200; i++) { /* asks and asks, reads nothing */
        hostile_send(h, &range);
        hostile_send(h, &all);
        session_log_advanced(h->victim, 2);
        assert_int_equal(session_state(h->victim), SESSION_OPEN);
    }
    /* all of it is one range, one answer: what comes out at last is bounded */
    size_t total = 0, len;
    while ((len = session_fill(h->victim, h->out, sizeof h->out, h->w->now_ms)) > 0) {
        total += len;
    }
    assert_true(total < 16 * 1024);
    hostile_free(h);
}

static void segments_without_credit_wait(void **state)
{
    (void)state;
    struct world *w = world_new(2, 1);
    for (uint32_t r = 0; r < 5; r++) {
        node_write(&w->nodes[1], 1, 1000, 250);
    }
    struct hostile *h = calloc(1, sizeof *h);
    h->w = w;
    struct session_config b = config_of(&w->nodes[1], &w->nodes[0], false);
    assert_int_equal(session_new(&b, w->now_ms, &h->victim), TRIS_OK);
    h->end = (struct end){.node = &w->nodes[1], .session = h->victim};
    hostile_handshake(h);
    struct msg range = {.type = MSG_GET_RANGE};
    range.get_range.log = tris_short_of(w->nodes[1].logs[1].id.b);
    range.get_range.until = UINT64_MAX;
    hostile_send(h, &range);
    size_t total = 0, len;
    while ((len = session_fill(h->victim, h->out, sizeof h->out, w->now_ms)) > 0) {
        total += len;
    }
    assert_false(session_has_output(h->victim));
    assert_true(total >= TRIS_CREDIT_INITIAL_BYTES && total < TRIS_CREDIT_INITIAL_BYTES + 2048);
    struct msg credit = {.type = MSG_CREDIT};
    credit.credit.bytes = 1000;
    hostile_send(h, &credit);
    assert_true(session_has_output(h->victim));
    len = session_fill(h->victim, h->out, sizeof h->out, w->now_ms);
    assert_true(len >= 1000 && len < 1100);
    hostile_free(h);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_sync_costs_one_round_trip),
        cmocka_unit_test(strangers_get_no_byte),
        cmocka_unit_test(a_replayed_first_message_opens_nothing),
        cmocka_unit_test(dialling_itself_is_refused),
        cmocka_unit_test(garbage_gets_no_byte),
        cmocka_unit_test(flipped_handshake_bits_never_open),
        cmocka_unit_test(empty_node_gets_everything),
        cmocka_unit_test(both_directions_converge),
        cmocka_unit_test(single_bytes_give_the_same),
        cmocka_unit_test(bulk_stays_within_45_bytes_an_entry),
        cmocka_unit_test(cut_connections_resume),
        cmocka_unit_test(flipped_bits_close_and_apply_nothing),
        cmocka_unit_test(reconnect_with_one_record_is_short),
        cmocka_unit_test(writes_travel_through_a_chain),
        cmocka_unit_test(a_ring_does_not_echo_for_ever),
        cmocka_unit_test(a_lost_push_is_repaired_by_heartbeats),
        cmocka_unit_test(full_disk_is_retried),
        cmocka_unit_test(an_unchanged_log_sealed_anew_spreads_without_entries),
        cmocka_unit_test(bad_seals_close_the_session),
        cmocka_unit_test(a_log_that_misses_its_seal_is_left_alone),
        cmocka_unit_test(own_log_ahead_is_told_and_not_fetched),
        cmocka_unit_test(first_entry_of_a_new_log_is_pushed),
        cmocka_unit_test(a_withheld_log_is_given_back),
        cmocka_unit_test(logs_fetched_by_others_are_waited_for),
        cmocka_unit_test(ladder_costs_what_differs),
        cmocka_unit_test(common_root_saves_the_digests),
        cmocka_unit_test(chaos_ends_in_agreement),
        cmocka_unit_test(several_peers_share_the_work),
        cmocka_unit_test(ping_is_answered),
        cmocka_unit_test(goodbye_carries_the_reason),
        cmocka_unit_test(silence_closes),
        cmocka_unit_test(over_credit_is_closed),
        cmocka_unit_test(floods_are_closed),
        cmocka_unit_test(unknown_messages_are_skipped),
        cmocka_unit_test(malformed_messages_are_closed),
        cmocka_unit_test(random_frames_never_break),
        cmocka_unit_test(stray_seals_are_closed),
        cmocka_unit_test(dripping_bytes_do_not_keep_a_log_from_others),
        cmocka_unit_test(a_range_that_never_ends_reconnects),
        cmocka_unit_test(an_endless_frontier_is_given_up),
        cmocka_unit_test(seals_nobody_waits_for_cost_credit_only),
        cmocka_unit_test(a_peer_that_never_reads_costs_little),
        cmocka_unit_test(segments_without_credit_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
