/* What a first message costs that does not pass the gate: a session is made, reads it, refuses it
 * and is freed, without a socket. Processor time of this thread; the best of some rounds, since
 * whatever else runs makes it longer and nothing makes it shorter.
 *
 * bench_gate [MESSAGES]     prints "name<TAB>value<TAB>unit" lines */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/frame.h"
#include "proto/session.h"

enum {
    MESSAGES = 20000, /* in a round */
    ROUNDS = 7,
    SHORT_BYTES = 160,      /* a first message as it is in truth */
    GUESS_BYTES = 178,      /* one with an invitation */
    GUESS_LONG_BYTES = 256, /* the longest that is tried with invitations */
    LONG_BYTES = NOISE_HANDSHAKE_BYTES_MAX,
    FIRST_BYTES_MAX = 2048,
    NOW_MS = 1000000,
};

struct first {
    uint8_t bytes[FIRST_BYTES_MAX];
    size_t len;
};

static struct session_invite open_invites[SESSION_INVITES_MAX];

static const struct session_invite *io_invites(void *ctx, uint32_t *count)
{
    (void)ctx;
    *count = SESSION_INVITES_MAX;
    return open_invites;
}

static const struct session_io io = {.invites =
                                         io_invites}; /* nothing else is asked before the gate */

static void first_make(struct first *f, uint8_t pattern, size_t len)
{
    struct wbuf w = wbuf_of(f->bytes, sizeof f->bytes);
    uint8_t junk[LONG_BYTES];
    randombytes_buf(junk, sizeof junk);
    wbuf_u8(&w, pattern);
    wbuf_bytes(&w, junk, NOISE_GATE_BYTES);
    wbuf_u16(&w, (uint16_t)len);
    wbuf_bytes(&w, junk, len);
    if (w.err != TRIS_OK) {
        fputs("bench_gate: the message is too long\n", stderr);
        exit(1);
    }
    f->len = w.len;
}

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* One connection's worth; with no message only the session that every connection has. */
static void refuse(const struct session_config *config, const struct first *f)
{
    struct session *s;
    struct session_event event;
    if (session_new(config, NOW_MS, &s) != TRIS_OK) {
        fputs("bench_gate: no session\n", stderr);
        exit(1);
    }
    if (f != NULL) {
        session_recv(s, span_of(f->bytes, f->len), NOW_MS);
        if (!session_next_event(s, &event) || event.type != SESSION_EV_CLOSED ||
            event.closed.reason != TRIS_ERR_GATE || session_has_output(s)) {
            fputs("bench_gate: the message was not refused by the gate\n", stderr);
            exit(1);
        }
    }
    session_free(s);
}

static void row(const char *name, const struct session_config *config, const struct first *f,
                uint32_t messages)
{
    double best = 1e9;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const double began = cpu_us();
        for (uint32_t i = 0; i < messages; i++) {
            refuse(config, f);
        }
        const double took = (cpu_us() - began) / messages;
        best = took < best ? took : best;
    }
    printf("%s\t%.3f\tus\n", name, best);
}

int main(int argc, char **argv)
{
    const uint32_t messages = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : MESSAGES;
    struct session_config config = {.session_no = 1,
                                    .heartbeat_ms = 15000,
                                    .handshake_ms = 5000,
                                    .idle_ms = 60000,
                                    .credit_bytes = TRIS_CREDIT_INITIAL_BYTES,
                                    .io = &io};
    struct tris_dh_secret secret;
    struct first f;
    if (messages == 0 || sodium_init() < 0 || frontier_new(&config.frontier) != TRIS_OK) {
        fputs("usage: bench_gate [MESSAGES]\n", stderr);
        return 2;
    }
    randombytes_buf(secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, &config.own_transport);
    for (size_t i = 0; i < SESSION_INVITES_MAX; i++) {
        open_invites[i].id = i + 1;
        randombytes_buf(open_invites[i].psk, sizeof open_invites[i].psk);
        noise_gate_key(open_invites[i].psk, open_invites[i].gate_key);
    }
    row("a session made and freed, no message", &config, NULL, messages);
    first_make(&f, NOISE_IK, SHORT_BYTES);
    row("bad first message", &config, &f, messages);
    first_make(&f, NOISE_IK, LONG_BYTES);
    row("bad first message of the greatest length", &config, &f, messages);
    first_make(&f, NOISE_IKPSK1, GUESS_BYTES);
    row("bad first message, 8 open invitations tried", &config, &f, messages);
    first_make(&f, NOISE_IKPSK1, GUESS_LONG_BYTES);
    row("bad first message, as long as is tried with 8 invitations", &config, &f, messages);
    frontier_free(config.frontier);
    return 0;
}
