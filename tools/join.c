/* The client that joins; see join.h. One proto/session over one blocking socket. */
#include "tools/join.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/assert.h"
#include "proto/plain.h"
#include "proto/session.h"
#include "tools/i18n.h"

enum { JOIN_OUT_BYTES = 128 * 1024, JOIN_IN_BYTES = 64 * 1024, JOIN_ALL_MS = 120000 };

/* One attempt. */
struct attempt {
    const struct invite *invite;
    struct session *session;
    int fd;
    uint64_t timeout_ms;
    bool opened, closed;
    enum tris_err reason;
    struct join_result *out;
    uint64_t total;
    bool charter_done;
    uint8_t buf[JOIN_OUT_BYTES];
};

static uint64_t mono_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the session's questions: nothing is held here ---- */

static enum tris_err io_member(void *ctx, const struct tris_house_id *house,
                               const struct tris_dh_pub *transport, struct session_admit *admit)
{
    const struct attempt *a = ctx;
    admit->role = TRIS_ROLE_HOUSE;
    admit->level = SESSION_GOV;
    if (!tris_house_id_eq(house, &a->invite->house)) {
        return TRIS_ERR_STRANGER;
    }
    return tris_dh_pub_eq(transport, &a->invite->transport) ? TRIS_OK : TRIS_ERR_WRONG_KEY;
}

static enum tris_err io_read(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                             uint32_t *count, struct seal *seal)
{
    (void)ctx, (void)log_no, (void)first, (void)out, (void)count, (void)seal;
    return TRIS_ERR_NOT_FOUND;
}

static void io_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static enum tris_err io_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    (void)ctx, (void)log_no, (void)nodes, (void)count;
    return TRIS_ERR_NOT_FOUND;
}

static enum tris_err io_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    (void)ctx, (void)log_no, (void)seal;
    return TRIS_ERR_NOT_FOUND;
}

static enum tris_err io_fork_proof(void *ctx, uint32_t log_no, struct wbuf *out)
{
    (void)ctx, (void)log_no, (void)out;
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

static const struct session_io join_io = {
    .member = io_member,
    .read_segment = io_read,
    .random = io_random,
    .nodes = io_nodes,
    .newest_seal = io_newest_seal,
    .holes = io_holes,
    .hole = io_hole,
    .fork_proof = io_fork_proof,
};

/* ---- events ---- */

static void on_charter(struct attempt *a, const struct session_event *event)
{
    struct join_result *out = a->out;
    bool first = out->charter == NULL;
    bool fits = event->charter.total > 0 && event->charter.total <= TRIS_CHARTER_BYTES_MAX &&
                event->charter.offset == out->charter_len &&
                (first || event->charter.total == a->total);
    if (fits && first) {
        a->total = event->charter.total;
        out->charter = malloc((size_t)a->total + 1);
    }
    if (!fits || out->charter == NULL) {
        a->reason = fits ? TRIS_ERR_NO_MEMORY : TRIS_ERR_BAD_VALUE;
        session_close(a->session, TRIS_ERR_GOODBYE);
        return;
    }
    memcpy(out->charter + out->charter_len, event->charter.bytes, event->charter.len);
    out->charter_len += event->charter.len;
    out->charter[out->charter_len] = '\0';
    if (out->charter_len < a->total) {
        session_get_charter(a->session, out->charter_len);
        return;
    }
    a->charter_done = true;
}

static void on_event(struct attempt *a, struct session_event *event)
{
    switch (event->type) {
    case SESSION_EV_OPEN:
        a->opened = true;
        session_get_charter(a->session, 0);
        break;
    case SESSION_EV_CARD:
        (void)snprintf(a->out->inviter, sizeof a->out->inviter, "%s", event->card.text);
        free(event->card.text);
        break;
    case SESSION_EV_CHARTER:
        on_charter(a, event);
        free(event->charter.bytes);
        break;
    case SESSION_EV_CLOSED:
        a->closed = true;
        a->reason = a->reason != TRIS_OK ? a->reason : event->closed.reason;
        break;
    case SESSION_EV_SEGMENT: /* no log is known here: cannot come */
        free(event->segment.bytes);
        break;
    case SESSION_EV_FORK:
        free(event->fork.bytes);
        break;
    case SESSION_EV_IN_SYNC:
    case SESSION_EV_PONG:
    case SESSION_EV_CLAIM:
    case SESSION_EV_TOLD:
    case SESSION_EV_OWN_SEAL:
    case SESSION_EV_REFER: /* who was invited is not refused for want of room */
    case SESSION_EV_TWIN:
        break;
    }
}

static void drain(struct attempt *a)
{
    struct session_event event;
    while (session_next_event(a->session, &event)) {
        on_event(a, &event);
    }
}

/* ---- socket ---- */

static bool wait_for(int fd, short events, uint64_t ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;
    do {
        rc = poll(&p, 1, ms > INT32_MAX ? INT32_MAX : (int)ms);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* Writes what the session has to say; a peer that does not read ends the attempt. */
static void send_out(struct attempt *a)
{
    while (!a->closed && session_has_output(a->session)) {
        size_t len = session_fill(a->session, a->buf, sizeof a->buf, mono_ms());
        for (size_t at = 0; at < len;) {
            ssize_t n = send(a->fd, a->buf + at, len - at, MSG_NOSIGNAL);
            if (n > 0) {
                at += (size_t)n;
            } else if (n < 0 && errno == EINTR) {
                continue;
            } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                if (!wait_for(a->fd, POLLOUT, a->timeout_ms)) {
                    a->reason = TRIS_ERR_TIMEOUT;
                    a->closed = true;
                    return;
                }
            } else {
                a->reason = a->reason != TRIS_OK ? a->reason : TRIS_ERR_CLOSED;
                a->closed = true;
                return;
            }
        }
        drain(a);
    }
}

static void receive(struct attempt *a)
{
    static uint8_t in[JOIN_IN_BYTES];
    uint64_t now = mono_ms(), deadline = session_deadline(a->session);
    uint64_t wait = deadline > now ? deadline - now : 0;
    if (wait_for(a->fd, POLLIN, wait < a->timeout_ms ? wait : a->timeout_ms)) {
        ssize_t n = recv(a->fd, in, sizeof in, 0);
        if (n > 0) {
            session_recv(a->session, span_of(in, (size_t)n), mono_ms());
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            a->reason = a->reason != TRIS_OK ? a->reason : TRIS_ERR_CLOSED;
            a->closed = true;
        }
    } else if (wait >= a->timeout_ms) {
        a->reason = TRIS_ERR_TIMEOUT;
        a->closed = true;
    } else {
        session_tick(a->session, mono_ms());
    }
    drain(a);
}

static int connect_one(const struct addrinfo *at, uint64_t timeout_ms)
{
    int error = 0;
    socklen_t size = sizeof error;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, at->ai_addr, at->ai_addrlen) != 0 && errno != EINPROGRESS) {
        error = errno;
    } else if (!wait_for(fd, POLLOUT, timeout_ms)) {
        error = ETIMEDOUT;
    } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* -1: `why` says what is wrong. The address is of the form that invite_parse accepts. */
static int connect_to(const char *address, uint64_t timeout_ms, char *why, size_t why_size)
{
    char host[TRIS_ADDRESS_BYTES_MAX];
    const char *colon = strrchr(address, ':');
    tris_assert(colon != NULL);
    const char *from = address[0] == '[' ? address + 1 : address;
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - from) - (address[0] == '[' ? 1 : 0),
                   from);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *list = NULL;
    int rc = getaddrinfo(host, colon + 1, &hints, &list);
    if (rc != 0) {
        (void)snprintf(why, why_size, "%s: %s", address, gai_strerror(rc));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = connect_one(at, timeout_ms);
    }
    if (fd < 0) {
        (void)snprintf(why, why_size, "%s: %s", address, strerror(errno));
    }
    freeaddrinfo(list);
    return fd;
}

/* ---- one attempt ---- */

static enum tris_err attempt_run(struct attempt *a)
{
    const uint64_t end = mono_ms() + JOIN_ALL_MS;
    drain(a);
    while (!a->closed) {
        send_out(a);
        if (a->closed || mono_ms() >= end) {
            break;
        }
        if (a->charter_done && a->out->inviter[0] != '\0') {
            session_close(a->session, TRIS_ERR_GOODBYE);
            send_out(a);
            return TRIS_OK;
        }
        receive(a);
    }
    if (a->charter_done) {
        return TRIS_OK; /* it told no line of its own */
    }
    if (!a->closed) {
        return TRIS_ERR_TIMEOUT;
    }
    return a->reason == TRIS_ERR_CLOSED && !a->opened ? TRIS_ERR_GATE : a->reason;
}

/* TRIS_ERR_GATE: somebody took the connection and closed it without a byte. */
static enum tris_err attempt_one(const struct invite *invite, const struct keys *keys,
                                 const char *line, int fd, bool invited, uint64_t timeout_ms,
                                 struct join_result *out)
{
    struct attempt *a = calloc(1, sizeof *a);
    struct frontier *frontier = NULL;
    struct house_line own;
    enum tris_err err = a != NULL ? frontier_new(&frontier) : TRIS_ERR_NO_MEMORY;
    err = err == TRIS_OK ? house_line_parse(span_str(line), &own) : err;
    if (err != TRIS_OK) {
        frontier_free(frontier);
        free(a);
        return err;
    }
    struct session_config config = {
        .initiator = true,
        .fed = invite->fed,
        .own_transport = keys->transport,
        .peer_id = invite->house,
        .peer_transport = invite->transport,
        .invited = invited,
        .card = span_str(line),
        .session_no = 1,
        .heartbeat_ms = 15000,
        .handshake_ms = timeout_ms,
        .idle_ms = timeout_ms,
        .credit_bytes = TRIS_CREDIT_INITIAL_BYTES,
        .frontier = frontier,
        .io = &join_io,
        .io_ctx = a,
    };
    *a = (struct attempt){.invite = invite, .fd = fd, .timeout_ms = timeout_ms, .out = out};
    config.own_id = own.id;
    randombytes_buf(&config.instance_nonce, sizeof config.instance_nonce);
    invite_psk(invite->secret, config.psk);
    err = session_new(&config, mono_ms(), &a->session);
    if (err == TRIS_OK) {
        err = attempt_run(a);
        session_free(a->session);
    }
    sodium_memzero(&config, sizeof config);
    frontier_free(frontier);
    free(a);
    return err;
}

static void result_clear(struct join_result *out)
{
    free(out->charter);
    *out = (struct join_result){0};
}

static enum tris_err fetch_at(const struct invite *invite, const struct keys *keys,
                              const char *line, uint64_t timeout_ms, const char *address,
                              struct join_result *out, char *why, size_t why_size)
{
    enum tris_err err = TRIS_ERR_CLOSED;
    for (int invited = 1; invited >= 0; invited--) {
        int fd = connect_to(address, timeout_ms, why, why_size);
        if (fd < 0) {
            return TRIS_ERR_CLOSED;
        }
        result_clear(out);
        err = attempt_one(invite, keys, line, fd, invited == 1, timeout_ms, out);
        (void)close(fd);
        if (err != TRIS_ERR_GATE) {
            break;
        }
    }
    if (err != TRIS_OK) {
        (void)snprintf(why, why_size, "%s: %s", address, _(tris_err_text(err)));
    }
    return err;
}

/* Before anything in it is parsed. */
static bool is_expected(const struct invite *invite, const struct join_result *got)
{
    struct tris_fed_id fed;
    charter_fed_id(span_of(got->charter, got->charter_len), &fed);
    return tris_fed_id_eq(&fed, &invite->fed);
}

enum tris_err join_fetch(const struct invite *invite, const struct keys *keys, const char *line,
                         uint64_t timeout_ms, struct join_result *out, char *why, size_t why_size)
{
    enum tris_err err = TRIS_ERR_CLOSED, worst = TRIS_ERR_CLOSED;
    *out = (struct join_result){0};
    for (uint32_t i = 0; i < invite->addr_count; i++) {
        err = fetch_at(invite, keys, line, timeout_ms, invite->addr[i], out, why, why_size);
        if (err == TRIS_OK && !is_expected(invite, out)) {
            (void)snprintf(why, why_size, "%s: %s", invite->addr[i],
                           _("the charter that came is of another federation"));
            err = TRIS_ERR_BAD_VALUE;
        }
        if (err == TRIS_OK) {
            out->address = i;
            return TRIS_OK;
        }
        worst = err != TRIS_ERR_CLOSED ? err : worst;
        result_clear(out);
    }
    return worst;
}
