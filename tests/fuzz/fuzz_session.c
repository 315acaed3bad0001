/* A whole conversation. The input says what happens to one session: frames of a peer that has the
 * right keys and speaks well or badly, raw bytes, time, verdicts of a writer, growth of the own
 * log, a full socket. What the session sends is decrypted and must be messages in canonical form;
 * what it hands out stays within the credit that it granted; after its end nothing happens. */
#include "proto/msg.h"
#include "proto/session_int.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pick.h"

const size_t fuzz_heap_bytes_max = 16 * 1024 * 1024;

enum {
    LOGS = 6, /* 0 and 1 are own, 2 and 3 the peer's, 4 and 5 of a third house */
    STEPS_MAX = 400,
    PENDING_MAX = SESSION_SEGMENTS_MAX + 1,
    OUT_BYTES = 128 * 1024,
    ENTRY_BYTES = 24, /* of one entry that io_read makes up */
};

/* A segment that the writer has not judged. */
struct waiting {
    uint32_t log_no;
    size_t len;
    uint32_t count;
    bool filling; /* payloads of holes */
};

struct run {
    struct rbuf in;
    struct session *session;
    struct frontier *frontier;
    uint64_t now_ms;
    bool initiator, connected, closed, member;
    bool invited; /* the peer calls, or is called, with the second invitation */
    bool opened, card;
    enum session_level level;
    uint64_t random;
    struct noise_handshake handshake; /* the peer's */
    struct noise_transport transport;
    struct waiting pending[PENDING_MAX];
    size_t pending_count, waiting_bytes;
    size_t chunk;
    bool filled; /* no log has holes any more */
    uint8_t first[1 + NOISE_GATE_BYTES + FRAME_LENGTH_BYTES + NOISE_HANDSHAKE_BYTES_MAX];
    size_t first_len;
};

static struct noise_keypair own_key, peer_key, peer_ephemeral;
static struct tris_sign_secret owner_key; /* of all logs, and the peer's */
static struct tris_sign_pub owner_pub;
static const struct tris_fed_id fed = {{7}};
static struct tris_house_id house_ids[PICK_HOUSES];
static uint8_t out[OUT_BYTES], plain[TRIS_FRAME_BYTES_MAX];
static struct session_invite invites[2];
/* of the peer, of another house, with another transport key, and none */
static char cards[4][TRIS_HOUSE_LINE_BYTES_MAX + 1];

enum { CHARTER_BYTES = MSG_CHARTER_TEXT_BYTES + 9 };
static uint8_t charter_bytes[CHARTER_BYTES];

static void card_make(uint8_t seed, const struct noise_keypair *transport, char *text)
{
    struct house_line line = {.role = TRIS_ROLE_OBSERVER, .region = "DE", .slug = "b", .name = "B"};
    const uint8_t bytes[crypto_sign_SEEDBYTES] = {seed};
    struct tris_sign_secret key;
    struct tris_sign_pub pub;
    line.transport = transport->pub;
    REQUIRE(crypto_sign_seed_keypair(pub.b, key.b, bytes) == 0);
    REQUIRE(house_line_make(&line, &key, text, TRIS_HOUSE_LINE_BYTES_MAX + 1) == TRIS_OK);
}

void fuzz_setup(void)
{
    static const struct tris_dh_secret secrets[3] = {{{1}}, {{2}}, {{3}}};
    for (uint32_t i = 0; i < PICK_HOUSES; i++) {
        house_ids[i] = pick_house(i);
    }
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {9};
    REQUIRE(crypto_sign_seed_keypair(owner_pub.b, owner_key.b, seed) == 0);
    noise_keypair_from_secret(&secrets[0], &own_key);
    noise_keypair_from_secret(&secrets[1], &peer_key);
    noise_keypair_from_secret(&secrets[2], &peer_ephemeral);
    REQUIRE(memcmp(house_ids[1].b, owner_pub.b, sizeof owner_pub.b) == 0);
    card_make(9, &peer_key, cards[0]);
    card_make(8, &peer_key, cards[1]);
    card_make(9, &own_key, cards[2]);
    memcpy(cards[3], "because", sizeof "because");
    for (uint8_t i = 0; i < 2; i++) {
        invites[i].id = 1u + i;
        invites[i].psk[0] = i;
        noise_gate_key(invites[i].psk, invites[i].gate_key);
    }
}

/* ---- the owner of the session ---- */

static enum tris_err io_member(void *ctx, const struct tris_house_id *house,
                               const struct tris_dh_pub *transport, struct session_admit *admit)
{
    const struct run *r = ctx;
    if (!r->member || !tris_house_id_eq(house, &house_ids[1])) {
        return TRIS_ERR_STRANGER;
    }
    REQUIRE(admit->invited == (r->invited && !r->initiator));
    admit->role = TRIS_ROLE_HOUSE;
    admit->level = r->level;
    return memcmp(transport->b, peer_key.pub.b, 32) == 0 ? TRIS_OK : TRIS_ERR_WRONG_KEY;
}

/* Segments of eight entries; the tree is not looked at by a session. */
static enum tris_err io_read(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *w,
                             uint32_t *count, struct seal *seal)
{
    struct run *r = ctx;
    const struct frontier_item *item = frontier_item(r->frontier, log_no);
    REQUIRE(item != NULL);
    if (first > item->held || item->held == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    uint64_t left = item->held - first;
    *count = left > 8 ? 8 : (uint32_t)left;
    for (uint32_t i = 0; i < *count * ENTRY_BYTES; i++) {
        wbuf_u8(w, (uint8_t)i);
    }
    *seal = (struct seal){.log = item->id, .size = first + *count, .time_ms = 86400000};
    return TRIS_OK;
}

static void io_random(void *ctx, void *bytes, size_t len)
{
    struct run *r = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = {1};
    r->random++;
    memcpy(seed, &r->random, sizeof r->random);
    randombytes_buf_deterministic(bytes, len, seed);
}

/* Hashes that nobody could make up; now and then the store cannot answer. */
static enum tris_err io_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    struct run *r = ctx;
    const struct frontier_item *item = frontier_item(r->frontier, log_no);
    REQUIRE(item != NULL && count <= MSG_NODES_MAX);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(nodes[i].level < TREE_LEVELS_MAX);
        if (nodes[i].index >= item->held >> nodes[i].level) {
            return TRIS_ERR_NOT_FOUND;
        }
        nodes[i].hash = (struct tris_hash){{(uint8_t)nodes[i].level, (uint8_t)nodes[i].index}};
    }
    return ++r->random % 16 == 0 ? TRIS_ERR_IO : TRIS_OK;
}

static enum tris_err io_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    struct run *r = ctx;
    const struct frontier_item *item = frontier_item(r->frontier, log_no);
    REQUIRE(item != NULL);
    *seal = (struct seal){.log = item->id, .size = item->held, .time_ms = 86400000};
    return item->held > 0 ? TRIS_OK : TRIS_ERR_NOT_FOUND;
}

/* Every seventh entry of a log with holes, until the owner has filled it. */
static enum tris_err io_holes(void *ctx, uint32_t log_no, uint64_t until, struct msg_run *runs,
                              size_t max, size_t *count)
{
    struct run *r = ctx;
    const struct frontier_item *item = frontier_item(r->frontier, log_no);
    REQUIRE(item != NULL && max >= 2);
    *count = 0;
    for (uint64_t seq = item->whole; seq < until && seq < item->held && *count < max; seq += 7) {
        runs[(*count)++] = (struct msg_run){seq, 1};
    }
    return ++r->random % 16 == 0 ? TRIS_ERR_IO : TRIS_OK;
}

static enum tris_err io_hole(void *ctx, uint32_t log_no, uint64_t seq, struct wbuf *rows)
{
    static const uint8_t payload[TRIS_PAYLOAD_BYTES_MAX];
    const struct run *r = ctx;
    const struct frontier_item *item = frontier_item(r->frontier, log_no);
    struct msg_hole row = {.seq = seq, .payload = span_of(payload, seq * 100 % sizeof payload)};
    REQUIRE(item != NULL && seq < item->held);
    if (seq % 5 == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    if (rows->cap - rows->len < row.payload.len + MSG_HOLE_BYTES_MAX - TRIS_PAYLOAD_BYTES_MAX) {
        return TRIS_ERR_NO_SPACE;
    }
    msg_row_put(rows, MSG_ROW_hole, &row);
    REQUIRE(rows->err == TRIS_OK);
    return TRIS_OK;
}

static enum tris_err io_fork_proof(void *ctx, uint32_t log_no, struct wbuf *w)
{
    (void)ctx;
    wbuf_u8(w, (uint8_t)log_no);
    return log_no % 2 == 0 ? TRIS_OK : TRIS_ERR_NOT_FOUND;
}

static const struct session_invite *io_invites(void *ctx, uint32_t *count)
{
    (void)ctx;
    *count = 2;
    return invites;
}

static enum tris_err io_charter(void *ctx, struct span *text)
{
    struct run *r = ctx;
    *text = span_of(charter_bytes, sizeof charter_bytes);
    return ++r->random % 16 == 0 ? TRIS_ERR_IO : TRIS_OK;
}

static const struct session_io io = {
    io_member, io_read, io_random,     io_nodes,   io_newest_seal,
    io_holes,  io_hole, io_fork_proof, io_invites, io_charter,
};

/* Half of the last log lacks payloads at first. */
static void log_set(struct run *r, uint32_t log_no, uint64_t size)
{
    struct frontier_item item = {.held = size, .whole = size, .own = log_no < 2, .day = 20000};
    item.whole = log_no == LOGS - 1 && !r->filled ? size / 2 : size;
    memset(item.id.b, 0x11 * ((int)log_no + 1), sizeof item.id.b);
    item.ref.house = house_ids[log_no / 2];
    item.ref.seal_key = owner_pub;
    item.ref.topic = log_no % 2 == 0 ? TRIS_TOPIC_GOV : TRIS_TOPIC_DATA;
    item.root.b[0] = (uint8_t)size;
    item.root.b[1] = (uint8_t)log_no;
    REQUIRE(frontier_set(r->frontier, log_no, &item) == TRIS_OK);
}

/* ---- what comes out ---- */

static void take_events(struct run *r)
{
    struct session_event e;
    while (session_next_event(r->session, &e)) {
        REQUIRE(!r->closed); /* CLOSED is the last one */
        switch (e.type) {
        case SESSION_EV_OPEN:
            REQUIRE(tris_house_id_eq(&e.peer.house, &house_ids[1]) && r->member && !r->opened);
            REQUIRE(e.peer.invite == (r->invited && !r->initiator ? invites[1].id : 0));
            REQUIRE(session_level(r->session) == r->level);
            r->opened = true;
            break;
        case SESSION_EV_SEGMENT:
            REQUIRE(e.segment.log_no < LOGS);
            REQUIRE(r->level == SESSION_FULL || e.segment.log_no % 2 == 0);
            REQUIRE(frontier_item_fetched(frontier_item(r->frontier, e.segment.log_no)) ||
                    e.segment.count == 0 || e.segment.filling);
            REQUIRE(e.segment.len <= SESSION_SEGMENT_BYTES_MAX);
            REQUIRE(e.segment.count <= TRIS_SEAL_SPACING_MAX);
            REQUIRE(e.segment.filling || e.segment.seal.size == e.segment.first + e.segment.count);
            REQUIRE(r->pending_count < PENDING_MAX);
            r->pending[r->pending_count++] = (struct waiting){e.segment.log_no, e.segment.len,
                                                              e.segment.count, e.segment.filling};
            r->waiting_bytes += e.segment.len;
            REQUIRE(r->waiting_bytes <= 2 * (size_t)TRIS_CREDIT_INITIAL_BYTES);
            free(e.segment.bytes);
            break;
        case SESSION_EV_CLAIM:
            REQUIRE(e.claim.log_no < (r->level == SESSION_FULL ? 2 : 1));
            break;
        case SESSION_EV_OWN_SEAL:
            REQUIRE(e.own_seal.log_no < 2);
            break;
        case SESSION_EV_FORK: /* a fuzzer has no key: what it proves never holds */
            REQUIRE(e.fork.log_no < LOGS && e.fork.len <= FORK_PROOF_BYTES_MAX);
            free(e.fork.bytes);
            session_fork_done(r->session, e.fork.log_no, TRIS_ERR_NOT_READY);
            break;
        case SESSION_EV_TOLD:
        case SESSION_EV_IN_SYNC:
        case SESSION_EV_TWIN:
        case SESSION_EV_PONG:
        case SESSION_EV_REFER:
            break;
        case SESSION_EV_CARD:
            REQUIRE(r->level == SESSION_GOV && !r->card && strcmp(e.card.text, cards[0]) == 0);
            r->card = true;
            free(e.card.text);
            break;
        case SESSION_EV_CHARTER:
            REQUIRE(e.charter.len <= e.charter.total - e.charter.offset);
            free(e.charter.bytes);
            break;
        case SESSION_EV_CLOSED:
            REQUIRE(e.closed.reason != TRIS_OK || e.closed.by_peer);
            r->closed = true;
            break;
        }
    }
    if (r->closed) {
        REQUIRE(session_state(r->session) == SESSION_CLOSED);
        REQUIRE(!session_has_output(r->session));
        REQUIRE(session_deadline(r->session) == UINT64_MAX);
    }
}

/* Of data logs nothing is told, nor asked for, where only gov logs travel. */
static void check_level(const struct run *r, const struct msg *m)
{
    const struct tris_short *log = m->type == MSG_ENTRIES     ? &m->entries.log
                                   : m->type == MSG_SEAL      ? &m->seal.log
                                   : m->type == MSG_GET_RANGE ? &m->get_range.log
                                                              : NULL;
    if (r->level == SESSION_GOV && log != NULL) {
        REQUIRE(frontier_find(r->frontier, log) % 2 == 0);
    }
}

static void check_messages(const struct run *r, struct span frame)
{
    struct rbuf f = rbuf_of(frame);
    while (rbuf_left(&f) > 0) {
        struct msg m;
        size_t start = f.pos;
        REQUIRE(msg_decode(&f, &m) == TRIS_OK && m.type != MSG_UNKNOWN);
        check_level(r, &m);
        static uint8_t again[TRIS_FRAME_BYTES_MAX];
        struct wbuf w = wbuf_of(again, sizeof again);
        msg_encode(&w, &m);
        REQUIRE(w.err == TRIS_OK && span_eq(wbuf_span(&w), span_of(f.ptr + start, f.pos - start)));
    }
}

/* The session's frames as the peer reads them. */
static void read_frames(struct run *r, struct span bytes)
{
    while (bytes.len > 0) {
        REQUIRE(bytes.len >= FRAME_LENGTH_BYTES);
        size_t len = (size_t)bytes.ptr[0] << 8 | bytes.ptr[1];
        REQUIRE(len > TRIS_AEAD_TAG_BYTES && len <= bytes.len - FRAME_LENGTH_BYTES);
        REQUIRE(noise_decrypt(&r->transport.recv, span_of(bytes.ptr + 2, len), plain) == TRIS_OK);
        check_messages(r, span_of(plain, len - TRIS_AEAD_TAG_BYTES));
        bytes = span_of(bytes.ptr + 2 + len, bytes.len - 2 - len);
    }
}

static void fill(struct run *r)
{
    bool had = session_has_output(r->session);
    size_t len = session_fill(r->session, out, sizeof out, r->now_ms);
    REQUIRE(len <= sizeof out && (had || len == 0));
    if (r->connected) {
        read_frames(r, span_of(out, len));
    } else if (len > 0 && r->first_len == 0) {
        REQUIRE(len <= sizeof r->first);
        memcpy(r->first, out, len);
        r->first_len = len;
    }
    take_events(r);
}

/* ---- what goes in ---- */

static void deliver(struct run *r, struct span bytes)
{
    while (bytes.len > 0) {
        size_t len = r->chunk > 0 && r->chunk < bytes.len ? r->chunk : bytes.len;
        session_recv(r->session, span_of(bytes.ptr, len), r->now_ms);
        take_events(r);
        bytes = span_of(bytes.ptr + len, bytes.len - len);
    }
}

static void deliver_plain(struct run *r, struct span text)
{
    if (!r->connected || text.len == 0) {
        return;
    }
    struct wbuf w = wbuf_of(out, sizeof out);
    wbuf_u16(&w, (uint16_t)(text.len + TRIS_AEAD_TAG_BYTES));
    REQUIRE(noise_encrypt(&r->transport.send, text, out + 2) == TRIS_OK);
    deliver(r, span_of(out, 2 + text.len + TRIS_AEAD_TAG_BYTES));
}

/* One frame of one to four messages of the peer's. */
static void send_messages(struct run *r, uint32_t count)
{
    static uint8_t frame[TRIS_FRAME_BYTES_MAX - TRIS_AEAD_TAG_BYTES], rows[4096];
    struct wbuf w = wbuf_of(frame, sizeof frame);
    struct picker picker = {&r->in, r->frontier};
    for (uint32_t i = 0; i < count; i++) {
        struct wbuf list = wbuf_of(rows, sizeof rows), before = w;
        struct msg m;
        pick_message(&picker, &m, &list);
        pick_sign(&picker, &owner_key, &m);
        if (m.type == MSG_CARD) {
            m.card.line = span_str(cards[fuzz_u8(&r->in) % 4]);
        }
        msg_encode(&w, &m);
        if (w.err != TRIS_OK) {
            w = before;
            break;
        }
    }
    deliver_plain(r, wbuf_span(&w));
}

/* ---- the handshake ---- */

static struct span prologue(uint8_t bytes[33])
{
    bytes[0] = SESSION_MAJOR_VERSION;
    memcpy(bytes + 1, fed.b, sizeof fed.b);
    return span_of(bytes, 33);
}

static void peer_start(struct run *r)
{
    uint8_t bytes[33];
    REQUIRE(noise_init(&r->handshake, r->invited ? NOISE_IKPSK1 : NOISE_IK, !r->initiator,
                       prologue(bytes), &peer_key, &peer_ephemeral,
                       r->initiator ? NULL : &own_key.pub,
                       r->invited ? invites[1].psk : NULL) == TRIS_OK);
}

/* The peer's payload: right, or whatever the input says. */
static void hello_payload(struct run *r, struct wbuf *p, bool right)
{
    static uint8_t list[1024];
    struct wbuf rows = wbuf_of(list, sizeof list);
    struct tris_hash root;
    frontier_root(r->frontier, &root);
    struct msg_hello hello = {.version = 1, .house = house_ids[1], .root = tris_short_of(root.b)};
    struct msg_welcome welcome = {.house = house_ids[1], .root = tris_short_of(root.b)};
    if (!right) {
        struct picker picker = {&r->in, r->frontier};
        pick_payloads(&picker, &hello, &welcome, &rows);
    }
    if (r->initiator) {
        msg_row_put(p, MSG_ROW_welcome, &welcome);
    } else {
        msg_row_put(p, MSG_ROW_hello, &hello);
    }
    if (!right && fuzz_u8(&r->in) % 8 == 7) {
        *p = wbuf_of(p->ptr, p->cap);
        wbuf_span_put(p, fuzz_take(&r->in, fuzz_u8(&r->in)));
    }
    REQUIRE(p->err == TRIS_OK);
}

static void call_responder(struct run *r, bool right)
{
    uint8_t payload[900], bytes[19 + NOISE_HANDSHAKE_BYTES_MAX];
    struct wbuf p = wbuf_of(payload, sizeof payload);
    struct wbuf message = wbuf_of(bytes + 19, NOISE_HANDSHAKE_BYTES_MAX);
    peer_start(r);
    hello_payload(r, &p, right);
    REQUIRE(noise_write(&r->handshake, wbuf_span(&p), &message) == TRIS_OK);
    bytes[0] = r->invited ? NOISE_IKPSK1 : NOISE_IK;
    noise_gate(bytes[0], wbuf_span(&message), r->invited ? invites[1].psk : own_key.pub.b,
               bytes + 1);
    bytes[17] = (uint8_t)(message.len >> 8);
    bytes[18] = (uint8_t)message.len;
    deliver(r, span_of(bytes, 19 + message.len));
    fill(r);
    if (r->first_len == 0) {
        return; /* not admitted: not one byte is answered */
    }
    struct wbuf got = wbuf_of(plain, sizeof plain);
    REQUIRE(r->member && r->first_len > 2);
    size_t len = (size_t)r->first[0] << 8 | r->first[1];
    REQUIRE(len <= r->first_len - 2);
    REQUIRE(noise_read(&r->handshake, span_of(r->first + 2, len), &got) == TRIS_OK);
    noise_split(&r->handshake, &r->transport);
    r->connected = true;
    read_frames(r, span_of(r->first + 2 + len, r->first_len - 2 - len));
}

static void answer_initiator(struct run *r, bool right)
{
    uint8_t payload[900], bytes[2 + NOISE_HANDSHAKE_BYTES_MAX];
    struct wbuf p = wbuf_of(payload, sizeof payload), got = wbuf_of(plain, sizeof plain);
    struct wbuf message = wbuf_of(bytes + 2, NOISE_HANDSHAKE_BYTES_MAX);
    fill(r);
    if (r->first_len == 0) {
        return;
    }
    peer_start(r);
    REQUIRE(noise_read(&r->handshake, span_of(r->first + 19, r->first_len - 19), &got) == TRIS_OK);
    hello_payload(r, &p, right);
    REQUIRE(noise_write(&r->handshake, wbuf_span(&p), &message) == TRIS_OK);
    bytes[0] = (uint8_t)(message.len >> 8);
    bytes[1] = (uint8_t)message.len;
    noise_split(&r->handshake, &r->transport);
    r->connected = true;
    deliver(r, span_of(bytes, 2 + message.len));
}

/* ---- steps ---- */

static void verdict(struct run *r)
{
    static const enum tris_err results[] = {
        TRIS_OK,
        TRIS_OK,
        TRIS_OK,
        TRIS_ERR_NOT_NEXT,
        TRIS_ERR_FORK,
        TRIS_ERR_NO_MEMORY,
        TRIS_ERR_DISK_FULL,
        TRIS_ERR_BAD_ROOT,
        TRIS_ERR_STOPPING,
        TRIS_ERR_BAD_SIGNATURE,
        TRIS_ERR_BAD_COMMIT,
    };
    enum tris_err result = results[fuzz_u8(&r->in) % (sizeof results / sizeof results[0])];
    if (r->pending_count == 0) {
        return;
    }
    struct waiting p = r->pending[0];
    r->pending_count--;
    memmove(&r->pending[0], &r->pending[1], r->pending_count * sizeof p);
    r->waiting_bytes -= p.len;
    if (result == TRIS_OK) {
        const uint64_t held = frontier_item(r->frontier, p.log_no)->held;
        r->filled = r->filled || p.filling;
        log_set(r, p.log_no, p.filling ? held : held + p.count);
    }
    session_segment_done(r->session, p.log_no, p.len, result);
}

static void owner_asks(struct run *r)
{
    uint8_t what = fuzz_u8(&r->in);
    uint32_t log_no = what / 8 % LOGS;
    switch (what % 8) {
    case 0:
        session_ping(r->session, what, r->now_ms);
        break;
    case 1:
        session_sync_now(r->session);
        break;
    case 2:
        session_root_changed(r->session);
        break;
    case 3:
        session_credit_window(r->session, TRIS_CREDIT_INITIAL_BYTES);
        session_get_charter(r->session, what);
        break;
    case 4:
        session_close(r->session, what % 16 < 8 ? TRIS_ERR_DUPLICATE : TRIS_ERR_STOPPING);
        break;
    case 5: { /* the own log is longer elsewhere: a backup was restored */
        uint32_t own = log_no % 2;
        frontier_item_mut(r->frontier, own)->tail = what < 128 ? 0 : what;
        session_own_probe(r->session, own, what / 16);
        session_own_tail(r->session, own);
        break;
    }
    default: /* a log has grown, by another way than this session */
        log_set(r, log_no, frontier_item(r->frontier, log_no)->held + what % 8);
        session_log_advanced(r->session, log_no);
        break;
    }
}

static void step(struct run *r)
{
    uint8_t op = fuzz_u8(&r->in);
    switch (op % 8) {
    case 0:
    case 1:
        send_messages(r, 1 + op / 8 % 4);
        break;
    case 2: /* any bytes as messages */
        deliver_plain(r, fuzz_take(&r->in, fuzz_u8(&r->in)));
        break;
    case 3:
        r->now_ms += (uint64_t)fuzz_u8(&r->in) << (op / 8 % 12);
        session_tick(r->session, r->now_ms);
        break;
    case 4:
        verdict(r);
        break;
    case 5:
        owner_asks(r);
        break;
    case 6:
        fill(r);
        break;
    default:
        if (op < 0xf8) {
            r->chunk = op / 8; /* how the next bytes arrive */
        } else {
            deliver(r, fuzz_take(&r->in, fuzz_u8(&r->in))); /* nothing that decrypts */
        }
        break;
    }
    take_events(r);
}

static void begin(struct run *r, uint8_t flags)
{
    REQUIRE(frontier_new(&r->frontier) == TRIS_OK);
    for (uint32_t i = 0; i < LOGS; i++) {
        log_set(r, i, (flags & 8) != 0 ? i * 5 : 0);
    }
    const struct session_config config = {
        .initiator = r->initiator,
        .fed = fed,
        .own_id = house_ids[0],
        .own_transport = own_key,
        .instance_nonce = 1,
        .peer_id = house_ids[(flags & 0xc0) == 0xc0 ? 2 : 1],
        .peer_transport = peer_key.pub,
        .invited = r->initiator && r->invited,
        .psk = {1},
        .card = span_str(cards[1]),
        .session_no = 1,
        .heartbeat_ms = 15000,
        .handshake_ms = 5000,
        .idle_ms = 60000,
        .credit_bytes = TRIS_CREDIT_INITIAL_BYTES,
        .has_common_root = (flags & 32) != 0,
        .common_root = pick_log(0),
        .frontier = r->frontier,
        .io = &io,
        .io_ctx = r,
    };
    REQUIRE(session_new(&config, r->now_ms, &r->session) == TRIS_OK);
}

void fuzz_one(struct span input)
{
    static struct run r;
    r = (struct run){.in = rbuf_of(input), .now_ms = 1000000};
    uint8_t flags = fuzz_u8(&r.in);
    r.initiator = (flags & 1) != 0;
    r.member = (flags & 16) == 0;
    r.invited = (flags & 0xc0) == 0x80;
    r.level = (flags & 0xc0) == 0x80 || (flags & 0xc0) == 0x40 ? SESSION_GOV : SESSION_FULL;
    begin(&r, flags);
    if ((flags & 2) == 0 && r.initiator) {
        answer_initiator(&r, (flags & 4) == 0);
    } else if ((flags & 2) == 0) {
        call_responder(&r, (flags & 4) == 0);
    }
    for (uint32_t i = 0; i < STEPS_MAX && rbuf_left(&r.in) > 0; i++) {
        step(&r);
    }
    fill(&r);
    session_free(r.session);
    frontier_free(r.frontier);
    noise_handshake_fini(&r.handshake);
    noise_transport_fini(&r.transport);
}
