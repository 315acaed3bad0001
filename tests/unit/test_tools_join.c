/* The client that joins, against houses that answer well, badly, or not at all: each is a process
 * of its own on a loopback port. */
#include "tests/lib/testlib.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/session.h"
#include "tools/join.h"

enum { TIMEOUT_MS = 5000, SILENCE_MS = 200, BUF_BYTES = 128 * 1024 };

enum answer {
    ANSWER_WELL,
    ANSWER_OTHER_CHARTER, /* of another federation */
    ANSWER_KNOWN,         /* only a candidate that it knows, the invitation is used */
    ANSWER_CLOSE,         /* without a byte */
    ANSWER_SILENCE,
};

struct inviter {
    enum answer answer;
    struct tris_house_id id;
    struct noise_keypair transport;
    char line[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    char *charter[2]; /* the federation's, another one */
    size_t charter_len[2];
    struct tris_fed_id fed;
    struct session_invite invite;
    struct invite paper;
    int listener;
    pid_t pid;
};

static struct keys joiner;
static char joiner_line[TRIS_HOUSE_LINE_BYTES_MAX + 1];

/* ---- the inviter's session ---- */

static enum tris_err io_member(void *ctx, const struct tris_house_id *house,
                               const struct tris_dh_pub *transport, struct session_admit *admit)
{
    const struct inviter *v = ctx;
    (void)house, (void)transport;
    admit->level = SESSION_GOV;
    return admit->invited || v->answer == ANSWER_KNOWN ? TRIS_OK : TRIS_ERR_STRANGER;
}

static void io_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static const struct session_invite *io_invites(void *ctx, uint32_t *count)
{
    const struct inviter *v = ctx;
    *count = v->answer == ANSWER_KNOWN ? 0 : 1;
    return &v->invite;
}

static enum tris_err io_charter(void *ctx, struct span *text)
{
    const struct inviter *v = ctx;
    int which = v->answer == ANSWER_OTHER_CHARTER ? 1 : 0;
    *text = span_of(v->charter[which], v->charter_len[which]);
    return TRIS_OK;
}

static const struct session_io io = {
    .member = io_member, .random = io_random, .invites = io_invites, .charter = io_charter};

/* No log is here: nothing else is asked. */
static void serve(struct inviter *v, int fd)
{
    static uint8_t buf[BUF_BYTES];
    struct session_config config = {.fed = v->fed,
                                    .own_id = v->id,
                                    .own_transport = v->transport,
                                    .instance_nonce = 5,
                                    .card = span_str(v->line),
                                    .session_no = 1,
                                    .heartbeat_ms = 15000,
                                    .handshake_ms = 5000,
                                    .idle_ms = 60000,
                                    .credit_bytes = TRIS_CREDIT_INITIAL_BYTES,
                                    .io = &io,
                                    .io_ctx = v};
    struct session *s;
    struct session_event event;
    if (frontier_new(&config.frontier) != TRIS_OK || session_new(&config, 1, &s) != TRIS_OK) {
        _exit(3);
    }
    while (session_state(s) != SESSION_CLOSED) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n <= 0) {
            break;
        }
        session_recv(s, span_of(buf, (size_t)n), 1);
        while (session_next_event(s, &event)) {
            if (event.type == SESSION_EV_CARD) {
                bool same = strcmp(event.card.text, joiner_line) == 0;
                free(event.card.text);
                if (!same) {
                    _exit(4);
                }
            }
        }
        while (session_has_output(s)) {
            size_t len = session_fill(s, buf, sizeof buf, 1);
            if (write(fd, buf, len) != (ssize_t)len) {
                break;
            }
        }
    }
    session_free(s);
    frontier_free(config.frontier);
}

static void inviter_run(struct inviter *v)
{
    for (;;) {
        int fd = accept(v->listener, NULL, NULL);
        if (fd < 0) {
            _exit(0);
        }
        if (v->answer == ANSWER_SILENCE) {
            (void)pause();
        } else if (v->answer != ANSWER_CLOSE) {
            serve(v, fd);
        }
        (void)close(fd);
    }
}

/* ---- both sides ---- */

static void make_line(struct house_line *line, const char *slug, struct tris_sign_secret *key,
                      const struct noise_keypair *transport, char *text)
{
    struct tris_sign_pub pub;
    memset(line, 0, sizeof *line);
    line->role = TRIS_ROLE_HOUSE;
    (void)snprintf(line->region, sizeof line->region, "05315");
    (void)snprintf(line->slug, sizeof line->slug, "%s", slug);
    (void)snprintf(line->name, sizeof line->name, "%s", slug);
    line->transport = transport->pub;
    assert_int_equal(crypto_sign_keypair(pub.b, key->b), 0);
    assert_int_equal(house_line_make(line, key, text, TRIS_HOUSE_LINE_BYTES_MAX + 1), TRIS_OK);
}

static void make_transport(struct noise_keypair *out)
{
    struct tris_dh_secret secret;
    randombytes_buf(secret.b, sizeof secret.b);
    noise_keypair_from_secret(&secret, out);
}

static void inviter_start(struct inviter *v, enum answer answer)
{
    struct house_line line;
    struct tris_sign_secret key;
    memset(v, 0, sizeof *v);
    v->answer = answer;
    make_transport(&v->transport);
    make_line(&line, "koeln", &key, &v->transport, v->line);
    v->id = line.id;
    for (uint8_t i = 0; i < 2; i++) {
        struct charter c;
        const uint8_t nonce[32] = {i};
        assert_int_equal(charter_new("Fed", nonce, &line, 1, 1, 2, &c), TRIS_OK);
        assert_int_equal(charter_sign(&c, &key), TRIS_OK);
        assert_int_equal(charter_print(&c, &v->charter[i], &v->charter_len[i]), TRIS_OK);
        v->fed = i == 0 ? c.fed : v->fed;
        charter_fini(&c);
    }
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    v->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(v->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(v->listener, 4), 0);
    assert_int_equal(getsockname(v->listener, (struct sockaddr *)&at, &size), 0);
    v->paper = (struct invite){.fed = v->fed, .house = v->id, .transport = v->transport.pub};
    v->paper.addr_count = 1;
    (void)snprintf(v->paper.addr[0], sizeof v->paper.addr[0], "127.0.0.1:%u",
                   (unsigned)ntohs(at.sin_port));
    randombytes_buf(v->paper.secret, sizeof v->paper.secret);
    v->invite.id = 1;
    invite_psk(v->paper.secret, v->invite.psk);
    noise_gate_key(v->invite.psk, v->invite.gate_key);
    v->pid = fork();
    assert_true(v->pid >= 0);
    if (v->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        inviter_run(v);
    }
    (void)close(v->listener);
}

static void inviter_stop(struct inviter *v)
{
    int status = 0;
    assert_int_equal(kill(v->pid, SIGKILL), 0);
    assert_int_equal(waitpid(v->pid, &status, 0), v->pid);
    assert_true(WIFSIGNALED(status)); /* it did not end by itself: the card was right */
    free(v->charter[0]);
    free(v->charter[1]);
}

static enum tris_err fetch(const struct inviter *v, uint64_t timeout_ms, struct join_result *out)
{
    char why[256] = "";
    enum tris_err err =
        join_fetch(&v->paper, &joiner, joiner_line, timeout_ms, out, why, sizeof why);
    assert_true((err == TRIS_OK) == (out->charter != NULL));
    assert_true(err == TRIS_OK || why[0] != '\0');
    return err;
}

static void the_charter_comes_with_the_inviters_line(void **state)
{
    (void)state;
    static const enum answer answers[] = {ANSWER_WELL, ANSWER_KNOWN};
    for (size_t i = 0; i < 2; i++) {
        struct inviter v;
        struct join_result got;
        inviter_start(&v, answers[i]);
        assert_int_equal(fetch(&v, TIMEOUT_MS, &got), TRIS_OK);
        assert_int_equal(got.charter_len, v.charter_len[0]);
        assert_memory_equal(got.charter, v.charter[0], got.charter_len);
        assert_string_equal(got.inviter, v.line);
        free(got.charter);
        inviter_stop(&v);
    }
}

static void what_is_wrong_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        enum answer answer;
        enum tris_err err;
    } cases[] = {{ANSWER_OTHER_CHARTER, TRIS_ERR_BAD_VALUE},
                 {ANSWER_CLOSE, TRIS_ERR_GATE},
                 {ANSWER_SILENCE, TRIS_ERR_TIMEOUT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct inviter v;
        struct join_result got;
        bool silent = cases[i].answer == ANSWER_SILENCE;
        inviter_start(&v, cases[i].answer);
        assert_int_equal(fetch(&v, silent ? SILENCE_MS : TIMEOUT_MS, &got), cases[i].err);
        inviter_stop(&v);
    }
}

/* Nobody listens at the first address: the second one is tried. */
static void addresses_are_tried_in_turn(void **state)
{
    (void)state;
    struct inviter v, gone;
    struct join_result got;
    inviter_start(&gone, ANSWER_WELL);
    inviter_stop(&gone);
    assert_int_equal(
        join_fetch(&gone.paper, &joiner, joiner_line, TIMEOUT_MS, &got, (char[64]){0}, 64),
        TRIS_ERR_CLOSED);
    inviter_start(&v, ANSWER_WELL);
    memcpy(v.paper.addr[1], v.paper.addr[0], sizeof v.paper.addr[0]);
    memcpy(v.paper.addr[0], gone.paper.addr[0], sizeof gone.paper.addr[0]);
    v.paper.addr_count = 2;
    assert_int_equal(fetch(&v, TIMEOUT_MS, &got), TRIS_OK);
    assert_int_equal(got.address, 1);
    free(got.charter);
    inviter_stop(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_charter_comes_with_the_inviters_line),
        cmocka_unit_test(what_is_wrong_is_told_apart),
        cmocka_unit_test(addresses_are_tried_in_turn),
    };
    struct house_line line;
    if (sodium_init() < 0) {
        return 1;
    }
    make_transport(&joiner.transport);
    make_line(&line, "rostock", &joiner.identity, &joiner.transport, joiner_line);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
