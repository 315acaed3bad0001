/* msgpack-RPC over the daemon's Unix socket; see client.h. No retry, no hidden state. */
#include "tools/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/limits.h"

enum { REQUEST_BYTES_MAX = TRIS_CTL_BYTES_MAX, READ_BYTES = 64 * 1024 };

struct client {
    int fd;
    uint64_t timeout_ms;
    uint64_t last_id;
    uint8_t *out; /* REQUEST_BYTES_MAX */
    uint8_t *in;
    size_t in_cap, in_len;
    size_t in_used; /* bytes of the message handed out last */
};

static void fault_unreachable(struct fault *fault, const char *path, int error)
{
    fault_set(fault, TRIS_ERR_IO, _("Nothing was sent."),
              error == EACCES ? _("sudo usermod -aG tris \"$USER\"") : "trisd &", "%s: %s (%s)",
              _("the daemon is not reachable"), path, strerror(error));
    fault->exit = error == EACCES ? EXIT_PERMISSION : EXIT_NO_DAEMON;
    (void)snprintf(fault->code, sizeof fault->code, "no_daemon");
}

static void fault_lost(struct fault *fault, const char *what)
{
    fault_set(fault, TRIS_ERR_IO,
              _("What the daemon acknowledged is kept; the rest may or may not be."), "tris status",
              "%s", what);
    fault->exit = EXIT_NO_DAEMON;
    (void)snprintf(fault->code, sizeof fault->code, "no_daemon");
}

struct client *client_open(const char *path, uint64_t timeout_ms, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        fault_unreachable(fault, path, ENOMEM);
        return NULL;
    }
    c->timeout_ms = timeout_ms;
    c->in_cap = READ_BYTES;
    c->in = malloc(c->in_cap);
    c->out = malloc(REQUEST_BYTES_MAX);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = 0;
    if (c->in == NULL || c->out == NULL || c->fd < 0) {
        error = errno != 0 ? errno : ENOMEM;
    } else if (strlen(path) >= sizeof address.sun_path) {
        error = ENAMETOOLONG;
    } else {
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (connect(c->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
            error = errno;
        }
    }
    if (error != 0) {
        fault_unreachable(fault, path, error);
        client_close(c);
        return NULL;
    }
    return c;
}

void client_close(struct client *c)
{
    if (c == NULL) {
        return;
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    free(c->out);
    free(c->in);
    free(c);
}

void client_set_timeout(struct client *c, uint64_t timeout_ms)
{
    c->timeout_ms = timeout_ms;
}

/* Waits until the socket is ready for one of `events`; 0 and a fault otherwise. */
static short wait_ready(struct client *c, short events, struct fault *fault)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    int timeout = c->timeout_ms > INT32_MAX ? -1 : (int)c->timeout_ms;
    int n;
    do {
        n = poll(&p, 1, timeout);
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        fault_lost(fault, _("the daemon did not answer in time (--timeout)"));
        (void)snprintf(fault->code, sizeof fault->code, "timeout");
        return 0;
    }
    if (n < 0) {
        fault_lost(fault, _("the connection to the daemon broke"));
        return 0;
    }
    return p.revents;
}

static bool make_room(struct client *c)
{
    if (c->in_used > 0) {
        memmove(c->in, c->in + c->in_used, c->in_len - c->in_used);
        c->in_len -= c->in_used;
        c->in_used = 0;
    }
    if (c->in_cap - c->in_len >= READ_BYTES) {
        return true;
    }
    size_t cap = c->in_cap * 2;
    if (cap > 2 * (size_t)TRIS_CTL_BYTES_MAX + READ_BYTES) {
        return false;
    }
    uint8_t *in = realloc(c->in, cap);
    if (in == NULL) {
        return false;
    }
    c->in = in;
    c->in_cap = cap;
    return true;
}

/* Takes what has arrived into the buffer. */
static bool read_some(struct client *c, struct fault *fault)
{
    if (!make_room(c)) {
        fault_lost(fault, _("the daemon's answer is too large"));
        return false;
    }
    ssize_t n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (n <= 0) {
        fault_lost(fault, _("the daemon closed the connection"));
        return false;
    }
    c->in_len += (size_t)n;
    return true;
}

uint64_t client_send(struct client *c, const char *method, struct span params, struct fault *fault)
{
    struct wbuf w = wbuf_of(c->out, REQUEST_BYTES_MAX);
    ctl_write_request(&w, c->last_id + 1, method, params);
    if (w.err != TRIS_OK) {
        fault_set(fault, w.err, _("Nothing was sent."), NULL,
                  _("what you asked for does not fit into one message"));
        return 0;
    }
    c->last_id++;
    for (size_t sent = 0; sent < w.len;) {
        short ready = wait_ready(c, POLLOUT | POLLIN, fault);
        if (ready == 0 || ((ready & (POLLIN | POLLHUP)) != 0 && !read_some(c, fault))) {
            return 0;
        }
        if ((ready & POLLOUT) == 0) {
            continue;
        }
        ssize_t n = send(c->fd, w.ptr + sent, w.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            fault_lost(fault, _("the daemon closed the connection"));
            return 0;
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return c->last_id;
}

static void copy_text(struct span map, const char *key, char *out, size_t size)
{
    struct rbuf r = rbuf_of(ctl_map_get(map, key));
    struct span text = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

static void fault_of_answer(struct span error, struct fault *fault)
{
    memset(fault, 0, sizeof *fault);
    struct rbuf r = rbuf_of(ctl_map_get(error, "exit"));
    uint64_t code = pack_read_uint_max(&r, 255);
    fault->exit = r.err == TRIS_OK && code != 0 ? (int)code : EXIT_FAILED;
    copy_text(error, "code", fault->code, sizeof fault->code);
    copy_text(error, "message", fault->message, sizeof fault->message);
    copy_text(error, "unchanged", fault->unchanged, sizeof fault->unchanged);
    copy_text(error, "next", fault->next, sizeof fault->next);
    copy_text(error, "field", fault->field, sizeof fault->field);
}

bool client_receive(struct client *c, uint64_t *id, struct span *result, struct fault *fault)
{
    struct ctl_message m;
    *id = 0;
    for (;;) {
        struct span have = span_of(c->in + c->in_used, c->in_len - c->in_used);
        enum tris_err err = have.len > 0 ? ctl_message_read(have, &m) : TRIS_ERR_TRUNCATED;
        if (err == TRIS_OK && m.type == CTL_ANSWER) {
            c->in_used += m.size;
            break;
        }
        if (err == TRIS_OK) {
            c->in_used += m.size; /* notifications are for watchers */
            continue;
        }
        if (err != TRIS_ERR_TRUNCATED) {
            fault_lost(fault, _("the daemon's answer is not understood"));
            return false;
        }
        if (wait_ready(c, POLLIN, fault) == 0 || !read_some(c, fault)) {
            return false;
        }
    }
    *id = m.id;
    *result = m.result;
    struct rbuf e = rbuf_of(m.error);
    if (m.error.len > 0 && pack_peek(&e) != PACK_NIL) {
        fault_of_answer(m.error, fault);
        return false;
    }
    return true;
}

bool client_call(struct client *c, const char *method, struct span params, struct span *result,
                 struct fault *fault)
{
    uint64_t sent = client_send(c, method, params, fault);
    uint64_t id = 0;
    if (sent == 0 || !client_receive(c, &id, result, fault)) {
        return false;
    }
    if (id != sent) {
        fault_lost(fault, _("the daemon answered another question"));
        return false;
    }
    return true;
}
