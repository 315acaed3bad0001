/* The control socket; see ctl.h. */
#include "daemon/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "proto/assert.h"

enum {
    CTL_PENDING_MAX = CTL_CLIENTS_MAX * CTL_INFLIGHT_MAX, /* a power of two: see token_make */
    CTL_READ_BYTES = 64 * 1024,
    CTL_ENVELOPE_BYTES = 64, /* of an answer, around its result */
    CTL_ERROR_BYTES = 4096,
    CTL_SWEEP_MS = 5000,
    CTL_BACKLOG = 64,
};

struct ctl_client {
    struct ctl_client *next;
    struct ctl_server *server;
    uv_pipe_t pipe;
    uint8_t *in;
    size_t in_len, in_cap;
    uint32_t inflight;
    bool closing, reading, processing;
    bool finishing; /* closes as soon as its answers are written */
    size_t out_bytes;
    size_t queue_seen; /* of the last sweep: a queue that does not move is a slow client */
    uint64_t moved_ms;
};

/* A request without an answer. token 0 = free. */
struct ctl_pending {
    uint64_t token, id;
    struct ctl_client *client;
};

struct ctl_server {
    struct daemon *d;
    uv_pipe_t listener;
    uv_timer_t timer;
    bool stopping, timer_open;
    struct ctl_client *clients;
    uint32_t clients_count;
    struct ctl_pending pending[CTL_PENDING_MAX];
    uint64_t next_serial;
    uint8_t *scratch;
};

struct ctl_write {
    uv_write_t req;
    struct ctl_client *client;
    size_t len;
    uint8_t bytes[];
};

/* ---- tokens ---- */

static uint64_t token_make(struct ctl_server *s, struct ctl_client *c, uint64_t id)
{
    for (size_t i = 0; i < CTL_PENDING_MAX; i++) {
        if (s->pending[i].token == 0) {
            uint64_t token = s->next_serial++ * CTL_PENDING_MAX + i;
            s->pending[i] = (struct ctl_pending){token, id, c};
            c->inflight++;
            return token;
        }
    }
    tris_assert(false); /* clients times their bound is the size of the table */
    return 0;
}

static struct ctl_pending *token_find(struct daemon *d, uint64_t token)
{
    struct ctl_pending *p = &d->ctl->pending[token % CTL_PENDING_MAX];
    return token != 0 && p->token == token ? p : NULL;
}

bool ctl_token_alive(struct daemon *d, uint64_t token)
{
    return d->ctl != NULL && token_find(d, token) != NULL;
}

/* ---- closing ---- */

static void server_check_end(struct ctl_server *s)
{
    if (s->stopping && s->clients == NULL && s->timer_open) {
        s->timer_open = false;
        uv_close((uv_handle_t *)&s->timer, NULL);
    }
}

static void on_client_closed(uv_handle_t *handle)
{
    struct ctl_client *c = handle->data;
    struct ctl_server *s = c->server;
    struct ctl_client **at = &s->clients;
    while (*at != c) {
        tris_assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = c->next;
    s->clients_count--;
    free(c->in);
    free(c);
    server_check_end(s);
}

static void client_close(struct ctl_client *c)
{
    if (c->closing) {
        return;
    }
    c->closing = true;
    for (size_t i = 0; i < CTL_PENDING_MAX; i++) {
        if (c->server->pending[i].client == c) {
            c->server->pending[i] = (struct ctl_pending){0};
        }
    }
    uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* ---- answers ---- */

static void on_ctl_written(uv_write_t *req, int status)
{
    struct ctl_write *w = req->data;
    struct ctl_client *c = w->client;
    c->out_bytes -= w->len;
    free(w);
    if (status != 0 || (c->finishing && c->out_bytes == 0 && c->inflight == 0)) {
        client_close(c);
    }
}

static void client_process(struct ctl_client *c);

/* Sends what was encoded and frees the token. Takes over `w`. */
static void answer_send(struct ctl_pending *p, struct ctl_write *w, size_t len)
{
    struct ctl_client *c = p->client;
    *p = (struct ctl_pending){0};
    c->inflight--;
    w->client = c;
    w->len = len;
    w->req.data = w;
    uv_buf_t buf = uv_buf_init((char *)w->bytes, (unsigned)len);
    if (len > CTL_OUTPUT_BYTES_MAX - c->out_bytes || c->out_bytes > CTL_OUTPUT_BYTES_MAX ||
        uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, on_ctl_written) != 0) {
        free(w);
        client_close(c);
        return;
    }
    c->out_bytes += len;
    client_process(c); /* it may have waited for room */
}

void ctl_reply(struct daemon *d, uint64_t token, struct span result)
{
    struct ctl_pending *p = token_find(d, token);
    if (p == NULL) {
        return;
    }
    struct ctl_write *w = malloc(sizeof *w + result.len + CTL_ENVELOPE_BYTES);
    if (w == NULL) {
        client_close(p->client);
        return;
    }
    struct wbuf out = wbuf_of(w->bytes, result.len + CTL_ENVELOPE_BYTES);
    ctl_write_result(&out, p->id, result);
    tris_assert(out.err == TRIS_OK);
    answer_send(p, w, out.len);
}

static size_t text_len(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

void ctl_reply_error(struct daemon *d, uint64_t token, enum tris_err err, const char *message,
                     const char *unchanged, const char *next, const char *field)
{
    struct ctl_pending *p = token_find(d, token);
    tris_assert(err != TRIS_OK);
    if (p == NULL) {
        return;
    }
    const char *text = message != NULL ? message : tris_err_text(err);
    size_t cap =
        CTL_ERROR_BYTES + text_len(text) + text_len(unchanged) + text_len(next) + text_len(field);
    struct ctl_write *w = malloc(sizeof *w + cap);
    if (w == NULL) {
        client_close(p->client);
        return;
    }
    struct wbuf out = wbuf_of(w->bytes, cap);
    ctl_write_error(&out, p->id, err, ctl_exit_code(err), text, unchanged, next, field);
    tris_assert(out.err == TRIS_OK);
    answer_send(p, w, out.len);
}

struct wbuf ctl_scratch(struct daemon *d)
{
    return wbuf_of(d->ctl->scratch, TRIS_CTL_BYTES_MAX - CTL_ENVELOPE_BYTES);
}

/* ---- requests ---- */

static void dispatch(struct ctl_client *c, const struct ctl_message *m)
{
    struct daemon *d = c->server->d;
    uint64_t token = token_make(c->server, c, m->id);
    if (c->server->stopping || atomic_load(&d->stopping)) {
        ctl_reply_error(d, token, TRIS_ERR_STOPPING, NULL, "nothing was changed", NULL, NULL);
        return;
    }
    for (size_t i = 0; i < ctl_methods_count; i++) {
        if (span_eq(m->method, span_str(ctl_methods[i].name))) {
            ctl_methods[i].run(d, token, m->params);
            return;
        }
    }
    ctl_reply_error(d, token, TRIS_ERR_NOT_FOUND, "this daemon does not know the method",
                    "nothing was changed", "compare `tris version` with `trisd --version`", NULL);
}

static void on_client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct ctl_client *c = handle->data;
    size_t want = c->in_cap;
    if (c->in_cap - c->in_len < CTL_READ_BYTES) {
        want = c->in_cap == 0 ? CTL_READ_BYTES : 2 * c->in_cap;
        want = want > TRIS_CTL_BYTES_MAX ? TRIS_CTL_BYTES_MAX : want;
    }
    if (want > c->in_cap) {
        uint8_t *grown = realloc(c->in, want);
        if (grown != NULL) {
            c->in = grown;
            c->in_cap = want;
        }
    }
    /* no room left arrives as ENOBUFS in the read callback, which closes */
    *buf = uv_buf_init((char *)c->in + c->in_len, (unsigned)(c->in_cap - c->in_len));
}

static void on_client_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct ctl_client *c = stream->data;
    (void)buf;
    if (c->closing) {
        return;
    }
    if (len == UV_EOF && (c->inflight > 0 || c->out_bytes > 0)) {
        /* it finished asking and still listens */
        c->finishing = true;
        c->reading = false;
        uv_read_stop(stream);
        return;
    }
    if (len < 0) {
        client_close(c);
        return;
    }
    c->in_len += (size_t)len;
    client_process(c);
}

static void client_flow(struct ctl_client *c)
{
    bool want = !c->closing && !c->finishing && c->inflight < CTL_INFLIGHT_MAX;
    if (want && !c->reading) {
        c->reading = uv_read_start((uv_stream_t *)&c->pipe, on_client_alloc, on_client_read) == 0;
    } else if (!want && c->reading && !c->closing) {
        uv_read_stop((uv_stream_t *)&c->pipe);
        c->reading = false;
    }
}

/* Dispatches the complete messages that are there, up to the bound of what may be in flight. */
static void client_process(struct ctl_client *c)
{
    if (c->processing || c->closing) {
        return;
    }
    c->processing = true;
    size_t pos = 0;
    while (!c->closing && pos < c->in_len && c->inflight < CTL_INFLIGHT_MAX) {
        struct ctl_message m;
        enum tris_err err = ctl_message_read(span_of(c->in + pos, c->in_len - pos), &m);
        if (err == TRIS_ERR_TRUNCATED) {
            break;
        }
        if (err != TRIS_OK || m.type == CTL_ANSWER) {
            LOG(&c->server->d->log, LOG_WARN, "ctl_bad_message",
                log_text("reason", tris_err_name(err != TRIS_OK ? err : TRIS_ERR_UNEXPECTED)));
            client_close(c);
            break;
        }
        pos += m.size;
        if (m.type == CTL_REQUEST) {
            dispatch(c, &m);
        }
    }
    if (pos > 0) {
        memmove(c->in, c->in + pos, c->in_len - pos);
        c->in_len -= pos;
    }
    c->processing = false;
    if (!c->closing && c->in_len == TRIS_CTL_BYTES_MAX && c->inflight < CTL_INFLIGHT_MAX) {
        client_close(c); /* one message larger than the limit */
    }
    client_flow(c);
}

/* ---- accepting ---- */

static void on_ctl_connection(uv_stream_t *listener, int status)
{
    struct ctl_server *s = listener->data;
    struct ctl_client *c = status == 0 ? calloc(1, sizeof *c) : NULL;
    if (c == NULL) {
        return;
    }
    int rc = uv_pipe_init(&s->d->loop, &c->pipe, 0);
    tris_assert(rc == 0);
    c->server = s;
    c->pipe.data = c;
    c->next = s->clients;
    s->clients = c;
    s->clients_count++;
    bool full = s->clients_count > CTL_CLIENTS_MAX;
    if (full) {
        LOG(&s->d->log, LOG_WARN, "ctl_clients_limit", log_number("limit", CTL_CLIENTS_MAX));
    }
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 || full || s->stopping) {
        client_close(c);
        return;
    }
    client_flow(c);
}

static void on_sweep(uv_timer_t *timer)
{
    struct ctl_server *s = timer->data;
    uint64_t now = uv_now(&s->d->loop);
    for (struct ctl_client *c = s->clients; c != NULL; c = c->next) {
        size_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
        if (queued == 0 || queued != c->queue_seen) {
            c->moved_ms = now;
        } else if (now - c->moved_ms > CTL_SLOW_MS) {
            LOG(&s->d->log, LOG_WARN, "ctl_slow_client", log_number("queued", queued));
            client_close(c);
        }
        c->queue_seen = queued;
    }
}

/* ---- life ---- */

/* A socket file of a process that has gone is removed; a living one is left alone. */
static enum tris_err remove_stale(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? TRIS_OK : TRIS_ERR_PERMISSION;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return TRIS_ERR_EXISTS;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return TRIS_ERR_IO;
    }
    int rc = connect(fd, (const struct sockaddr *)&address, sizeof address);
    close(fd);
    if (rc == 0) {
        return TRIS_ERR_IN_USE;
    }
    return unlink(path) == 0 ? TRIS_OK : TRIS_ERR_PERMISSION;
}

/* Lets the configured group connect. The owner of a file that has this group already is not
 * changed: a service may be forbidden to change owners at all. */
static bool share_socket(const char *path, gid_t gid)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_gid == gid || chown(path, (uid_t)-1, gid) == 0) &&
           chmod(path, 0660) == 0;
}

static enum tris_err server_listen(struct ctl_server *s, const char *path)
{
    enum tris_err err = remove_stale(path);
    if (err != TRIS_OK) {
        return err;
    }
    /* only this user may connect, from the first moment on; no other thread runs yet */
    mode_t before = umask(0177);
    int rc = uv_pipe_bind(&s->listener, path);
    umask(before);
    const struct config *config = &s->d->config;
    if (rc == 0 && config->socket_shared && !share_socket(path, config->socket_gid)) {
        return TRIS_ERR_PERMISSION;
    }
    if (rc == 0) {
        rc = uv_listen((uv_stream_t *)&s->listener, CTL_BACKLOG, on_ctl_connection);
    }
    if (rc == 0) {
        return TRIS_OK;
    }
    return rc == UV_EACCES || rc == UV_EROFS ? TRIS_ERR_PERMISSION : TRIS_ERR_IO;
}

enum tris_err ctl_open(struct daemon *d, const char *path, struct ctl_server **out)
{
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        return TRIS_ERR_TOO_LARGE; /* libuv would cut it */
    }
    struct ctl_server *s = calloc(1, sizeof *s);
    uint8_t *scratch = malloc(TRIS_CTL_BYTES_MAX);
    if (s == NULL || scratch == NULL) {
        free(s);
        free(scratch);
        return TRIS_ERR_NO_MEMORY;
    }
    s->d = d;
    s->scratch = scratch;
    s->next_serial = 1;
    int rc = uv_pipe_init(&d->loop, &s->listener, 0);
    tris_assert(rc == 0);
    s->listener.data = s;
    rc = uv_timer_init(&d->loop, &s->timer);
    tris_assert(rc == 0);
    s->timer.data = s;
    s->timer_open = true;
    *out = s; /* also on failure: ctl_stop closes the handles */
    enum tris_err err = server_listen(s, path);
    if (err == TRIS_OK) {
        uv_timer_start(&s->timer, on_sweep, CTL_SWEEP_MS, CTL_SWEEP_MS);
    }
    return err;
}

static void on_flush_end(uv_timer_t *timer)
{
    struct ctl_server *s = timer->data;
    for (struct ctl_client *c = s->clients; c != NULL; c = c->next) {
        client_close(c);
    }
}

void ctl_stop(struct ctl_server *s, uint64_t flush_ms)
{
    if (s->stopping) {
        return;
    }
    s->stopping = true;
    uv_close((uv_handle_t *)&s->listener, NULL); /* removes the socket file, too */
    for (size_t i = 0; i < CTL_PENDING_MAX; i++) {
        if (s->pending[i].token != 0) {
            ctl_reply_error(s->d, s->pending[i].token, TRIS_ERR_STOPPING, NULL,
                            "what was not acknowledged may or may not be done", NULL, NULL);
        }
    }
    for (struct ctl_client *c = s->clients; c != NULL; c = c->next) {
        c->finishing = true;
        if (c->out_bytes == 0) {
            client_close(c);
        } else {
            client_flow(c);
        }
    }
    uv_timer_stop(&s->timer);
    uv_timer_start(&s->timer, on_flush_end, flush_ms, 0);
    server_check_end(s);
}

void ctl_free(struct ctl_server *s)
{
    if (s == NULL) {
        return;
    }
    tris_assert(s->clients == NULL && !s->timer_open);
    free(s->scratch);
    free(s);
}
