/* Test tool: a member of the federation, with valid keys, that behaves badly towards a daemon.
 *
 *   e2e_hostile MODE PORT CHARTER KEY-DIR VICTIM-SLUG [SECONDS]
 *
 * Prints one line, "<mode> <what came of it>", where that is how the daemon ended the session
 * ("bye 8", "closed", "silent") or "open" if it still holds after the given time. Modes: the table
 * at the end. Only for tests, only against loopback. Not part of the product. */
#include "tests/e2e/run.h"

/* ---- lies about the frontier ---- */

static void lie_answer(struct peer *p, const struct msg *m)
{
    if (m->type == MSG_GET_CHANGED) {
        message_send(p, &(struct msg){.type = MSG_NOT_KNOWN});
    } else if (m->type == MSG_GET_DIGESTS) {
        static uint8_t digests[MSG_DIGESTS_BYTES];
        randombytes_buf(digests, sizeof digests);
        struct msg d = {.type = MSG_DIGESTS};
        d.digests.digests = span_of(digests, sizeof digests);
        message_send(p, &d);
    } else if (m->type == MSG_GET_BUCKETS) {
        /* thousands of unknown logs; logs of every member at impossible sizes and days */
        for (uint32_t chunk = 0; chunk < LIE_CHUNKS && !p->closed; chunk++) {
            static uint8_t rows[LIE_ITEMS * MSG_ITEM_BYTES_MAX];
            struct wbuf w = wbuf_of(rows, sizeof rows);
            for (uint32_t i = 0; i < LIE_ITEMS; i++) {
                struct msg_item item = {.whole = UINT64_MAX - i, .day = UINT32_MAX, .flags = 255};
                randombytes_buf(item.log.b, sizeof item.log.b);
                if (i < 2 * p->charter.founder_count) {
                    struct tris_log_ref ref = {.house = p->charter.member[i / 2].id,
                                               .topic = (enum tris_topic)(i % 2)};
                    struct tris_log_id id;
                    memcpy(ref.seal_key.b, ref.house.b, sizeof ref.house.b);
                    log_id_derive(&p->charter.fed, &ref, &id);
                    item.log = tris_short_of(id.b);
                }
                msg_row_put(&w, MSG_ROW_item, &item);
            }
            struct msg f = {.type = MSG_FRONTIER};
            f.frontier.more = 1;
            f.frontier.items = (struct msg_list){true, LIE_ITEMS, wbuf_span(&w)};
            message_send(p, &f);
            if (chunk % 50 == 49) {
                usleep(100000);
            }
        }
    }
}

static void mode_lie(struct peer *p)
{
    peer_open(p);
    message_send(p, &(struct msg){.type = MSG_ROOT, .root.root.b = {1}});
    peer_listen(p, patience(p), lie_answer);
}

/* Seals of the daemon's own log that it never made, and twins of it that do not live. */
static void forge_own(struct peer *p, const struct tris_log_id *id)
{
    for (uint64_t i = 0; i < 20 && !p->closed; i++) {
        struct msg seal = {.type = MSG_SEAL};
        seal.seal.log = tris_short_of(id->b);
        seal.seal.first = 1000000 + i;
        seal.seal.time_ms = i;
        memset(seal.seal.root.b, 7, sizeof seal.seal.root.b);
        memset(seal.seal.sig.b, 7, sizeof seal.seal.sig.b);
        message_send(p, &seal);
        struct msg twin = {.type = MSG_TWIN};
        twin.twin.about = i;
        twin.twin.nonce = i + 1;
        message_send(p, &twin);
    }
}

/* Bare claims of ever more of the daemon's own log. */
static void mode_claim(struct peer *p)
{
    peer_open(p);
    struct tris_log_ref ref = {.house = p->victim->id, .topic = TRIS_TOPIC_DATA};
    struct tris_log_id id;
    memcpy(ref.seal_key.b, ref.house.b, sizeof ref.house.b);
    log_id_derive(&p->charter.fed, &ref, &id);
    for (uint64_t i = 1; i <= 900 && !p->closed; i++) {
        uint8_t row[MSG_ITEM_BYTES_MAX];
        struct wbuf w = wbuf_of(row, sizeof row);
        struct msg_claim claim = {.log = tris_short_of(id.b), .size = 1000000 + i};
        msg_row_put(&w, MSG_ROW_claim, &claim);
        struct msg m = {.type = MSG_CLAIM};
        m.claim_own.claims = (struct msg_list){true, 1, wbuf_span(&w)};
        message_send(p, &m);
    }
    peer_listen(p, ANSWER_MS, NULL); /* its question for the proof */
    forge_own(p, &id);
    peer_listen(p, ANSWER_MS, NULL);
}

/* ---- entries ---- */

static void one_entry(struct peer *p, bool root_good, bool sign_good)
{
    static const uint8_t empty_map[] = {0x80};
    struct run r;
    peer_open(p);
    run_begin(&r, &p->data);
    run_put(&r, &plain_header, span_of(empty_map, 1));
    run_send(p, &r, root_good, sign_good);
    peer_listen(p, ANSWER_MS, NULL);
}

static void mode_bad_root(struct peer *p)
{
    one_entry(p, false, false);
}

static void mode_bad_signature(struct peer *p)
{
    one_entry(p, true, false);
}

static void mode_signed_fork(struct peer *p)
{
    one_entry(p, false, true);
}

/* A wire form by hand: header and payload of lengths that no encoder here writes. */
static void raw_entry(struct peer *p, uint8_t header_len, uint16_t payload_len)
{
    static uint8_t payload[UINT16_MAX];
    struct run r;
    peer_open(p);
    run_begin(&r, &p->data);
    wbuf_u8(&r.wire, 0);
    wbuf_u8(&r.wire, header_len);
    for (uint32_t i = 0; i < header_len; i++) {
        wbuf_u8(&r.wire, 0x90);
    }
    wbuf_bytes(&r.wire, payload, sizeof(struct tris_salt));
    wbuf_u16(&r.wire, payload_len);
    wbuf_bytes(&r.wire, payload, payload_len);
    run_leaf(&r, 0);
    run_send(p, &r, true, true);
    peer_listen(p, ANSWER_MS, NULL);
}

static void mode_long_header(struct peer *p)
{
    raw_entry(p, TRIS_HEADER_BYTES_MAX + 1, 1);
}

static void mode_long_payload(struct peer *p)
{
    raw_entry(p, 20, TRIS_PAYLOAD_BYTES_MAX + 1);
}

static void entries_send(struct peer *p, uint32_t pieces, bool listens)
{
    static uint8_t piece[PIECE_BYTES];
    peer_open(p);
    struct msg m = {.type = MSG_ENTRIES};
    m.entries.log = tris_short_of(p->data.b);
    m.entries.wire = span_of(piece, sizeof piece);
    for (uint32_t i = 0; i < pieces && !p->closed && !p->goodbye; i++) {
        message_send(p, &m);
        if (listens && i % 8 == 7) {
            peer_listen(p, 5, NULL);
        }
    }
    peer_listen(p, ANSWER_MS, NULL);
}

static void mode_endless_entries(struct peer *p)
{
    entries_send(p, 100000, true);
}

/* It looks for an answer long after the daemon has ended the session: the goodbye must be there. */
static void mode_deaf_entries(struct peer *p)
{
    entries_send(p, 256, false);
}

/* ---- records that are hostile to whoever prints them ---- */

/* HOSTILE in each name: the test looks for it. */
static void mode_records(struct peer *p)
{
    static const char *const names[] = {
        "HOSTILE escape \x1b[31mred\x1b]0;title\x07",
        "HOSTILE lines\r\nError: forged\n\ttab",
        "HOSTILE c1 \xc2\x9b"
        "31m del \x7f",
        "HOSTILE bidi \xe2\x80\xae"
        "drows\xe2\x80\xac \xe2\x81\xa6isolate\xe2\x81\xa9",
        "HOSTILE zero \xe2\x80\x8b\xef\xbb\xbf width \xe2\x80\xa8line separator",
        "HOSTILE tags \xf3\xa0\x80\x81 private \xee\x80\x80",
        "=HYPERLINK(\"http://HOSTILE\")",
        "HOSTILE plain",
    };
    struct run r;
    peer_open(p);
    run_begin(&r, &p->data);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        partner_put(&r, UINT64_MAX - i, names[i], "Ort");
    }
    partner_put(&r, 0, "HOSTILE city", "\x1b[2J\xe2\x80\xae");
    run_send(p, &r, true, true);
    peer_listen(p, patience(p), NULL);
}

/* ---- floods and silence ---- */

static void mode_junk(struct peer *p)
{
    static uint8_t junk[2000];
    peer_open(p);
    randombytes_buf(junk, sizeof junk);
    junk[0] = 0xc1;
    messages_send(p, span_of(junk, sizeof junk));
    peer_listen(p, ANSWER_MS, NULL);
}

/* Each time it comes again before the daemon has closed the connection of the former fault. */
static void mode_junk_beside(struct peer *p)
{
    for (int i = 0; i < 4; i++) {
        p->goodbye = false;
        mode_junk(p); /* the socket stays open */
    }
}

static void mode_range_flood(struct peer *p)
{
    peer_open(p);
    for (uint32_t i = 0; i < 1000 && !p->closed; i++) {
        static uint8_t plain[FRAME_PLAIN_BYTES_MAX];
        struct wbuf w = wbuf_of(plain, sizeof plain);
        struct msg m = {.type = MSG_GET_RANGE};
        m.get_range.until = UINT64_MAX;
        for (uint32_t k = 0; k < 500; k++) {
            randombytes_buf(m.get_range.log.b, sizeof m.get_range.log.b);
            msg_encode(&w, &m);
        }
        messages_send(p, wbuf_span(&w));
    }
    peer_listen(p, ANSWER_MS, NULL);
}

/* Asks for everything with all credit there is, again and again, and never reads. */
static void mode_never_read(struct peer *p)
{
    int small = 4096;
    peer_open(p);
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    uint64_t end = now_ms() + patience(p);
    while (!p->closed && now_ms() < end) {
        struct msg m = {.type = MSG_CREDIT};
        m.credit.bytes = m.credit.segments = UINT32_MAX;
        message_send(p, &m);
        for (uint32_t i = 0; i < 2 * p->charter.founder_count; i++) {
            struct tris_log_ref ref = {.house = p->charter.member[i / 2].id,
                                       .topic = (enum tris_topic)(i % 2)};
            struct tris_log_id id;
            memcpy(ref.seal_key.b, ref.house.b, sizeof ref.house.b);
            log_id_derive(&p->charter.fed, &ref, &id);
            m = (struct msg){.type = MSG_GET_RANGE};
            m.get_range.log = tris_short_of(id.b);
            m.get_range.until = UINT64_MAX;
            message_send(p, &m);
        }
        usleep(20000);
    }
}

static void mode_slow_bytes(struct peer *p)
{
    struct hello h;
    peer_connect(p);
    hello_make(p, &p->charter.fed, &p->own, &h);
    for (size_t i = 0; i < h.first_len && !p->closed; i++) {
        bytes_send(p, span_of(h.first + i, 1));
        bytes_read(p, 100);
    }
}

/* Opens sessions one after the other without ending the former ones. */
static void mode_sessions(struct peer *p)
{
    uint64_t end = now_ms() + patience(p);
    uint32_t opened = 0;
    for (struct hello h; now_ms() < end; opened++) {
        static uint8_t frame[TRIS_FRAME_BYTES_MAX];
        uint8_t payload[HELLO_BYTES];
        struct wbuf w = wbuf_of(payload, sizeof payload);
        peer_connect(p);
        hello_make(p, &p->charter.fed, &p->own, &h);
        bytes_send(p, span_of(h.first, h.first_len));
        struct span answer = frame_take(p, 1000, frame);
        if (answer.len > 0 && noise_read(&h.noise, answer, &w) == TRIS_OK) {
            noise_split(&h.noise, &p->noise);
            message_send(p, &(struct msg){.type = MSG_CLAIM});
        }
        if (p->fd > 500) {
            for (int fd = 10; fd <= p->fd; fd++) {
                close(fd);
            }
        }
    }
    printf("sessions opened %u\n", opened);
    exit(0);
}

/* ---- handshakes that must get no byte ---- */

static void first_only(struct peer *p, const struct hello *h)
{
    peer_connect(p);
    bytes_send(p, span_of(h->first, h->first_len));
    while (bytes_read(p, 1000)) {
    }
}

static void mode_own_key(struct peer *p) /* the daemon's own id, with our key */
{
    struct hello h;
    hello_make(p, &p->charter.fed, &p->victim->id, &h);
    first_only(p, &h);
}

static void mode_other_federation(struct peer *p)
{
    struct hello h;
    struct tris_fed_id fed = p->charter.fed;
    fed.b[0] ^= 1;
    hello_make(p, &fed, &p->own, &h);
    first_only(p, &h);
}

static void mode_reflect(struct peer *p) /* its own answer sent back to it */
{
    struct hello h;
    static uint8_t frame[TRIS_FRAME_BYTES_MAX];
    peer_connect(p);
    hello_make(p, &p->charter.fed, &p->own, &h);
    bytes_send(p, span_of(h.first, h.first_len));
    struct span answer = frame_take(p, 2000, frame);
    uint8_t length[2] = {(uint8_t)(answer.len >> 8), (uint8_t)answer.len};
    bytes_send(p, span_of(length, sizeof length));
    bytes_send(p, answer);
    while (bytes_read(p, 1000)) {
    }
}

/* Message 1 again, as a recorder would: answered, but it opens nothing. */
static void mode_replay(struct peer *p)
{
    struct hello h;
    hello_make(p, &p->charter.fed, &p->own, &h);
    for (uint32_t i = 0; i < 5; i++) {
        peer_connect(p);
        bytes_send(p, span_of(h.first, h.first_len));
        bytes_read(p, 1000);
        close(p->fd);
    }
    p->closed = true;
}

static const struct {
    const char *name;
    void (*run)(struct peer *p);
} modes[] = {
    {"lie", mode_lie},
    {"claim", mode_claim},
    {"bad-root", mode_bad_root},
    {"bad-signature", mode_bad_signature},
    {"signed-fork", mode_signed_fork},
    {"long-header", mode_long_header},
    {"long-payload", mode_long_payload},
    {"endless-entries", mode_endless_entries},
    {"deaf-entries", mode_deaf_entries},
    {"records", mode_records},
    {"junk", mode_junk},
    {"junk-beside", mode_junk_beside},
    {"range-flood", mode_range_flood},
    {"never-read", mode_never_read},
    {"slow-bytes", mode_slow_bytes},
    {"sessions", mode_sessions},
    {"own-key", mode_own_key},
    {"other-federation", mode_other_federation},
    {"reflect", mode_reflect},
    {"replay", mode_replay},
};

int main(int argc, char **argv)
{
    static struct peer p;
    if (argc < 6 || sodium_init() < 0) {
        fputs("usage: e2e_hostile MODE PORT CHARTER KEY-DIR VICTIM-SLUG [SECONDS]\n", stderr);
        return 2;
    }
    p.port = (uint16_t)strtoul(argv[2], NULL, 10);
    p.seconds = argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 2;
    peer_load(&p, argv[3], argv[4], argv[5]);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, argv[1]) != 0) {
            continue;
        }
        modes[i].run(&p);
        charter_fini(&p.charter);
        if (p.goodbye) {
            printf("%s bye %llu\n", argv[1], (unsigned long long)p.code);
        } else {
            printf("%s %s\n", argv[1],
                   p.closed ? (p.in_len == 0 && p.frames == 0 ? "silent" : "closed") : "open");
        }
        return 0;
    }
    die("no such mode");
}
