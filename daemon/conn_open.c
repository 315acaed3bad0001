/* How a connection comes to be: accepting, name resolution, dialling. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "daemon/conn_int.h"
#include "daemon/daemon.h"
#include "proto/assert.h"

enum { CONN_DIAL_MS = 10000 }; /* name resolution and TCP connect */

static void conn_tune(struct conn *c)
{
    uv_tcp_nodelay(&c->tcp, 1);
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0) {
        unsigned timeout_ms = CONN_USER_TIMEOUT_MS;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    }
}

static void conn_note_origin(struct conn *c)
{
    struct sockaddr_storage name;
    int len = sizeof name;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&name, &len) != 0) {
        return;
    }
    if (name.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &name, sizeof v4);
        memcpy(c->origin.bytes, &v4.sin_addr, 4);
        c->origin.loopback = c->origin.bytes[0] == 127;
        return;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, &name, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        memcpy(c->origin.bytes, (const uint8_t *)&v6.sin6_addr + 12, 4);
        c->origin.loopback = c->origin.bytes[0] == 127;
        return;
    }
    memcpy(c->origin.bytes, &v6.sin6_addr, 8); /* one network, one origin */
    c->origin.bytes[15] = 6;
    c->origin.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

static enum tris_err conn_new(struct daemon *d, uint64_t session_no, struct conn **out)
{
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    c->d = d;
    c->session_no = session_no;
    c->peer = UINT32_MAX;
    int rc = uv_tcp_init(&d->loop, &c->tcp);
    tris_assert(rc == 0); /* without a family it opens no socket and cannot fail */
    rc = uv_timer_init(&d->loop, &c->timer);
    tris_assert(rc == 0);
    c->tcp.data = c;
    c->timer.data = c;
    c->handles = 2;
    *out = c;
    return TRIS_OK;
}

enum tris_err conn_accept(struct daemon *d, uv_stream_t *listener, uint64_t session_no,
                          struct conn **out)
{
    struct conn *c;
    enum tris_err err = conn_new(d, session_no, &c);
    if (err != TRIS_OK) {
        return err;
    }
    c->inbound = true;
    *out = c; /* from here on it ends through its close callbacks */
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        conn_close(c, TRIS_ERR_IO);
        return TRIS_OK;
    }
    conn_tune(c);
    conn_note_origin(c);
    err = conn_begin(c);
    if (err != TRIS_OK) {
        conn_close(c, err);
        return TRIS_OK;
    }
    conn_pump(c);
    return TRIS_OK;
}

static void on_connected(uv_connect_t *req, int status)
{
    struct conn *c = req->data;
    if (c->phase != CONN_CONNECTING) {
        return; /* closed meanwhile */
    }
    enum tris_err err = TRIS_ERR_CLOSED;
    c->dial_status = status;
    if (status == 0) {
        conn_tune(c);
        conn_note_origin(c);
        err = conn_begin(c);
    }
    if (err != TRIS_OK) {
        conn_close(c, err);
        return;
    }
    conn_pump(c);
}

static void conn_connect(struct conn *c, const struct sockaddr *address)
{
    c->connect.data = c;
    c->dial_status = uv_tcp_connect(&c->connect, &c->tcp, address, on_connected);
    if (c->dial_status != 0) {
        conn_close(c, TRIS_ERR_CLOSED);
    }
}

const struct addrinfo *conn_pick_address(const struct addrinfo *list, uint32_t turn)
{
    uint32_t count = 0;
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        count++;
    }
    for (uint32_t left = count > 0 ? turn % count : 0; left > 0; left--) {
        list = list->ai_next;
    }
    return list;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct conn *c = req->data;
    c->resolving = false;
    if (c->phase == CONN_CONNECTING) {
        const struct addrinfo *found = conn_pick_address(list, c->dial_turn);
        if (status != 0 || found == NULL) {
            c->dial_status = status;
            conn_close(c, TRIS_ERR_CLOSED);
        } else {
            conn_connect(c, found->ai_addr);
        }
    }
    uv_freeaddrinfo(list);
    conn_release(c);
}

static enum tris_err conn_resolve(struct conn *c, const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    c->resolve.data = c;
    if (uv_getaddrinfo(&c->d->loop, &c->resolve, on_resolved, host, service, &hints) != 0) {
        return TRIS_ERR_IO;
    }
    c->resolving = true;
    c->handles++;
    return TRIS_OK;
}

enum tris_err conn_dial(struct daemon *d, const char *address, uint32_t turn,
                        const struct tris_house_id *house, const struct tris_dh_pub *transport,
                        const struct tris_short *common, uint64_t session_no, struct conn **out)
{
    char host[TRIS_ADDRESS_BYTES_MAX];
    uint16_t port;
    if (!config_address_split(address, host, sizeof host, &port) || port == 0) {
        return TRIS_ERR_INVALID;
    }
    struct conn *c;
    enum tris_err err = conn_new(d, session_no, &c);
    if (err != TRIS_OK) {
        return err;
    }
    *out = c;
    c->dial_turn = turn;
    c->dial_house = *house;
    c->dial_transport = *transport;
    if (common != NULL) {
        c->has_common_root = true;
        c->common_root = *common;
    }
    uv_timer_start(&c->timer, conn_on_tick, CONN_DIAL_MS, 0);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(host, port, &v4) == 0) {
        conn_connect(c, (const struct sockaddr *)&v4);
    } else if (uv_ip6_addr(host, port, &v6) == 0) {
        conn_connect(c, (const struct sockaddr *)&v6);
    } else if (conn_resolve(c, host, port) != TRIS_OK) {
        conn_close(c, TRIS_ERR_IO);
    }
    return TRIS_OK;
}

int conn_dial_status(const struct conn *c)
{
    return c->dial_status;
}
