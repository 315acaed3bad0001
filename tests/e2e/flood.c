/* Test tool: a house with valid keys, member or candidate, that keeps to the rules of messages and
 * floods a daemon with them.
 *
 *   e2e_flood MODE PORT CHARTER KEY-DIR VICTIM-SLUG [SECONDS]
 *
 * Prints "<mode> sent N <what came of it>", where that is "bye CODE", "closed" or "open", and N
 * counts entries or messages.
 * Modes: the table at the end. Only for tests and benches, only against loopback. */
#include "tests/e2e/run.h"

enum {
    CHATTER_MS = 10,
    CHATTER_MESSAGES = 9, /* in that time: a little less than a session may say */
    SEGMENT_ENTRIES = 500,
    BURST_MESSAGES = 1000,
};

static uint64_t sent;

/* ---- entries, as many as the credit lets through ---- */

static uint64_t bytes_left = TRIS_CREDIT_INITIAL_BYTES, seals_left = 1024;

static void take_credit(struct peer *p, const struct msg *m)
{
    (void)p;
    if (m->type == MSG_CREDIT) {
        bytes_left += m->credit.bytes;
        seals_left += m->credit.segments;
    }
}

static void write_entries(struct peer *p, uint32_t in_segment)
{
    const uint64_t end = now_ms() + patience(p);
    struct run r;
    char name[64];
    run_begin(&r, &p->data);
    while (!p->closed && !p->goodbye && now_ms() < end) {
        for (uint32_t i = 0; i < in_segment; i++) {
            (void)snprintf(name, sizeof name, "Flood %llu e. V.", (unsigned long long)r.count);
            partner_put(&r, 1 + r.count, name, "Ort");
        }
        while ((bytes_left < r.wire.len || seals_left == 0) && !p->closed && !p->goodbye &&
               now_ms() < end) {
            peer_listen(p, 1, take_credit);
        }
        if (bytes_left < r.wire.len || seals_left == 0) {
            return;
        }
        bytes_left -= r.wire.len;
        seals_left--;
        run_send(p, &r, true, true);
        sent = r.count;
    }
}

static void mode_writes(struct peer *p)
{
    write_entries(p, SEGMENT_ENTRIES);
}

/* A signature for each entry: what costs most to check. */
static void mode_slivers(struct peer *p)
{
    write_entries(p, 1);
}

/* ---- small messages ---- */

static void say_many(struct peer *p, const struct msg *m, uint32_t count)
{
    static uint8_t plain[FRAME_PLAIN_BYTES_MAX];
    struct wbuf w = wbuf_of(plain, sizeof plain);
    for (uint32_t i = 0; i < count; i++) {
        msg_encode(&w, m);
        sent++;
    }
    check(w.err, "messages");
    messages_send(p, wbuf_span(&w));
}

/* Without a pause; what the daemon says is read. */
static void say_without_end(struct peer *p, const struct msg *m)
{
    const uint64_t end = now_ms() + patience(p);
    while (!p->closed && !p->goodbye && now_ms() < end) {
        say_many(p, m, BURST_MESSAGES);
        struct pollfd poller = {.fd = p->fd, .events = POLLIN};
        if (poll(&poller, 1, 0) > 0) {
            peer_listen(p, 1, NULL);
        }
    }
}

static void mode_small(struct peer *p)
{
    say_without_end(p, &(struct msg){.type = MSG_PING, .ping.id = 1});
}

static void mode_chatter(struct peer *p)
{
    const uint64_t end = now_ms() + patience(p);
    while (!p->closed && !p->goodbye && now_ms() < end) {
        say_many(p, &(struct msg){.type = MSG_PING, .ping.id = 1}, CHATTER_MESSAGES);
        peer_listen(p, CHATTER_MS, NULL);
    }
}

/* ---- requests ---- */

static struct msg range_of(const struct tris_log_id *log)
{
    struct msg m = {.type = MSG_GET_RANGE};
    m.get_range.log = tris_short_of(log->b);
    m.get_range.until = UINT64_MAX;
    return m;
}

/* The same log again and again: one open request, which each takes the place of. */
static void mode_asks(struct peer *p)
{
    const struct msg m = range_of(&p->gov);
    say_without_end(p, &m);
}

static void ask_for_all(struct peer *p)
{
    struct msg m = {.type = MSG_CREDIT};
    m.credit.bytes = m.credit.segments = UINT32_MAX;
    message_send(p, &m);
    for (uint32_t i = 0; i < 2 * p->charter.founder_count && i < 60; i++) {
        struct tris_log_ref ref = {.house = p->charter.member[i / 2].id,
                                   .topic = i % 2 == 0 ? TRIS_TOPIC_GOV : TRIS_TOPIC_DATA};
        struct tris_log_id id;
        memcpy(ref.seal_key.b, ref.house.b, sizeof ref.house.b);
        log_id_derive(&p->charter.fed, &ref, &id);
        m = range_of(&id);
        message_send(p, &m);
        sent++;
    }
}

static void ask_on(struct peer *p, const struct msg *m)
{
    if (m->type == MSG_END && m->end.next > 0) { /* else it is no work */
        struct msg again = {.type = MSG_GET_RANGE};
        again.get_range.log = m->end.log;
        again.get_range.until = UINT64_MAX;
        message_send(p, &again);
        sent++;
    }
}

/* Everything that is held, and once it is there, everything again; all of it is read. */
static void mode_ranges(struct peer *p)
{
    const uint64_t end = now_ms() + patience(p);
    while (!p->closed && !p->goodbye && now_ms() < end) {
        ask_for_all(p);
        peer_listen(p, 500, ask_on);
    }
}

static const struct {
    const char *name;
    void (*run)(struct peer *p);
} modes[] = {
    {"writes", mode_writes},   {"slivers", mode_slivers}, {"small", mode_small},
    {"chatter", mode_chatter}, {"asks", mode_asks},       {"ranges", mode_ranges},
};

int main(int argc, char **argv)
{
    static struct peer p;
    if (argc < 6 || sodium_init() < 0) {
        fputs("usage: e2e_flood MODE PORT CHARTER KEY-DIR VICTIM-SLUG [SECONDS]\n", stderr);
        return 2;
    }
    p.port = (uint16_t)strtoul(argv[2], NULL, 10);
    p.seconds = argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 2;
    peer_load(&p, argv[3], argv[4], argv[5]);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, argv[1]) != 0) {
            continue;
        }
        peer_open(&p);
        modes[i].run(&p);
        p.closed = false; /* what it said before it stopped to read is still there */
        peer_listen(&p, ANSWER_MS, NULL);
        printf("%s sent %llu ", argv[1], (unsigned long long)sent);
        if (p.goodbye) {
            printf("bye %llu\n", (unsigned long long)p.code);
        } else {
            puts(p.closed ? "closed" : "open");
        }
        charter_fini(&p.charter);
        return 0;
    }
    die("no such mode");
}
