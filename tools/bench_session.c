/* What a session costs at the size of a continent: two state machines in memory, no socket. How
 * many bytes and round trips until both know that they are in sync, and how many bytes the whole
 * frontier takes for one who has nothing yet. Two sealed logs a house, gov and data.
 *
 * bench_session [houses]     prints "name<TAB>value<TAB>unit" lines */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/session.h"

enum {
    HOUSES = 10000,
    LOGS_A_HOUSE = 2,
    OUT_BYTES = 1024 * 1024,
    EXCHANGES_MAX = 1000,
    CREDIT_BYTES = 1024 * 1024,
    ENTRIES = 1000, /* of each log */
    DAY = 20000,
};

static const uint64_t now_ms = 1000000;

struct node {
    struct tris_sign_secret sign;
    struct noise_keypair transport;
    struct tris_house_id id;
    struct frontier *frontier;
    struct session *session;
    const struct node *other;
    bool in_sync, asked; /* asked: the other side wants entries: it has the frontier */
};

static void must(enum tris_err err, const char *what)
{
    if (err != TRIS_OK) {
        fprintf(stderr, "bench_session: %s: %s\n", what, tris_err_text(err));
        exit(1);
    }
}

/* ---- what a session asks of its owner ---- */

static enum tris_err io_member(void *ctx, const struct tris_house_id *house,
                               const struct tris_dh_pub *transport, struct session_admit *admit)
{
    const struct node *n = ctx;
    (void)transport;
    admit->role = TRIS_ROLE_HOUSE;
    return tris_house_id_eq(house, &n->other->id) ? TRIS_OK : TRIS_ERR_STRANGER;
}

static enum tris_err io_read(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                             uint32_t *count, struct seal *seal)
{
    struct node *n = ctx;
    (void)log_no;
    (void)first;
    (void)out;
    (void)count;
    (void)seal;
    n->asked = true;
    return TRIS_ERR_NOT_FOUND;
}

static void io_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static enum tris_err io_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    (void)ctx;
    (void)log_no;
    (void)nodes;
    (void)count;
    return TRIS_ERR_NOT_FOUND;
}

static enum tris_err io_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    (void)ctx;
    (void)log_no;
    (void)seal;
    return TRIS_ERR_NOT_FOUND;
}

static enum tris_err io_holes(void *ctx, uint32_t log_no, uint64_t until, struct msg_run *runs,
                              size_t max, size_t *count)
{
    (void)ctx, (void)log_no, (void)until, (void)runs, (void)max;
    *count = 0;
    return TRIS_OK;
}

static enum tris_err io_hole(void *ctx, uint32_t log_no, uint64_t seq, struct wbuf *rows)
{
    (void)ctx, (void)log_no, (void)seq, (void)rows;
    return TRIS_ERR_NOT_FOUND;
}

static enum tris_err io_fork_proof(void *ctx, uint32_t log_no, struct wbuf *out)
{
    (void)ctx;
    (void)log_no;
    (void)out;
    return TRIS_ERR_NOT_FOUND;
}

static const struct session_io io = {
    io_member, io_read, io_random,     io_nodes, io_newest_seal,
    io_holes,  io_hole, io_fork_proof, NULL,     NULL,
};

/* ---- two nodes ---- */

static void node_init(struct node *n, const struct node *other)
{
    struct tris_dh_secret secret;
    randombytes_buf(secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &n->transport);
    (void)crypto_sign_keypair(n->id.b, n->sign.b);
    must(frontier_new(&n->frontier), "frontier");
    n->other = other;
}

/* The logs of all houses, `held` or only known. */
static void node_logs(struct node *n, uint32_t houses, bool held)
{
    const struct tris_fed_id fed = {{7}};
    for (uint32_t i = 0; i < houses * LOGS_A_HOUSE; i++) {
        uint32_t house = i / LOGS_A_HOUSE;
        struct frontier_item item = {0};
        item.ref.topic = i % LOGS_A_HOUSE == 0 ? TRIS_TOPIC_GOV : TRIS_TOPIC_DATA;
        memcpy(item.ref.house.b, &house, sizeof house);
        memcpy(item.ref.seal_key.b, item.ref.house.b, sizeof item.ref.seal_key.b);
        log_id_derive(&fed, &item.ref, &item.id);
        if (held) {
            item.held = item.whole = ENTRIES + i;
            item.day = DAY;
            memcpy(item.root.b, item.id.b, sizeof item.root.b);
        }
        must(frontier_set(n->frontier, i, &item), "log");
    }
}

static void node_session(struct node *n, bool initiator)
{
    const struct session_config config = {.initiator = initiator,
                                          .fed = {{7}},
                                          .own_id = n->id,
                                          .own_transport = n->transport,
                                          .instance_nonce = initiator ? 1 : 2,
                                          .peer_id = n->other->id,
                                          .peer_transport = n->other->transport.pub,
                                          .session_no = 1,
                                          .heartbeat_ms = 15000,
                                          .handshake_ms = 5000,
                                          .idle_ms = 60000,
                                          .credit_bytes = CREDIT_BYTES,
                                          .frontier = n->frontier,
                                          .io = &io,
                                          .io_ctx = n};
    must(session_new(&config, now_ms, &n->session), "session");
}

static void node_events(struct node *n)
{
    struct session_event e;
    while (session_next_event(n->session, &e)) {
        n->in_sync = n->in_sync || e.type == SESSION_EV_IN_SYNC;
        if (e.type == SESSION_EV_CLOSED) {
            must(e.closed.reason, "a session ended");
        }
    }
}

/* Carries what `from` has to say; the bytes. */
static size_t carry(struct node *from, struct node *to)
{
    static uint8_t bytes[OUT_BYTES];
    size_t all = 0;
    while (session_has_output(from->session)) {
        size_t len = session_fill(from->session, bytes, sizeof bytes, now_ms);
        if (len == 0) {
            break;
        }
        session_recv(to->session, span_of(bytes, len), now_ms);
        all += len;
        node_events(from);
        node_events(to);
        if (to->asked || from->asked) {
            break;
        }
    }
    return all;
}

static void row(const char *name, double value, const char *unit)
{
    printf("%s\t%.0f\t%s\n", name, value, unit);
}

/* `a` dials `b`. */
static void run(uint32_t houses, bool empty)
{
    static struct node a, b;
    size_t up = 0, down = 0;
    uint32_t flights = 0;
    node_init(&a, &b);
    node_init(&b, &a);
    node_logs(&a, houses, !empty);
    node_logs(&b, houses, true);
    node_session(&a, true);
    node_session(&b, false);
    uint32_t known = 0; /* flights until the dialler knows */
    for (; flights < EXCHANGES_MAX; flights++) {
        size_t len = flights % 2 == 0 ? carry(&a, &b) : carry(&b, &a);
        up += flights % 2 == 0 ? len : 0;
        down += flights % 2 == 0 ? 0 : len;
        if (!empty && known == 0 && a.in_sync) {
            known = flights + 1;
        }
        if (empty ? b.asked : a.in_sync && b.in_sync) {
            break;
        }
    }
    tris_assert(flights < EXCHANGES_MAX);
    if (empty) {
        row("first contact: frontier, both ways", (double)(up + down), "bytes");
        row("first contact: frontier, a log", (double)down / (houses * LOGS_A_HOUSE), "bytes");
    } else {
        row("in sync: bytes, both ways", (double)(up + down), "bytes");
        const uint32_t trips = known / 2; /* up, down: one */
        row("in sync: round trips until the dialler knows", trips, "");
    }
    session_free(a.session);
    session_free(b.session);
    frontier_free(a.frontier);
    frontier_free(b.frontier);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
}

int main(int argc, char **argv)
{
    uint32_t houses = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : HOUSES;
    if (houses == 0 || sodium_init() < 0) {
        fprintf(stderr, "usage: bench_session [houses]\n");
        return 2;
    }
    run(houses, false);
    run(houses, true);
    return 0;
}
