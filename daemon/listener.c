/* Listening sockets; see listener.h. */
#include "daemon/listener.h"

#include <netinet/in.h>
#include <stdio.h>

#include "daemon/daemon.h"
#include "proto/assert.h"

/* What the kernel bound: port 0 has become a real one. */
static void real_address(const uv_tcp_t *tcp, char *out, size_t size)
{
    struct sockaddr_storage name;
    char host[64] = "";
    int len = sizeof name;
    out[0] = '\0';
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&name, &len) != 0) {
        return;
    }
    if (name.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &name, sizeof v4);
        uv_ip4_name(&v4, host, sizeof host);
        snprintf(out, size, "%s:%u", host, (unsigned)ntohs(v4.sin_port));
    } else {
        struct sockaddr_in6 v6;
        memcpy(&v6, &name, sizeof v6);
        uv_ip6_name(&v6, host, sizeof host);
        snprintf(out, size, "[%s]:%u", host, (unsigned)ntohs(v6.sin6_port));
    }
}

static int bind_to(uv_tcp_t *tcp, const char *address)
{
    char host[TRIS_ADDRESS_BYTES_MAX];
    uint16_t port;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (!config_address_split(address, host, sizeof host, &port)) {
        return UV_EINVAL;
    }
    if (uv_ip4_addr(host, port, &v4) == 0) {
        return uv_tcp_bind(tcp, (const struct sockaddr *)&v4, 0);
    }
    int rc = uv_ip6_addr(host, port, &v6);
    return rc != 0 ? rc : uv_tcp_bind(tcp, (const struct sockaddr *)&v6, 0);
}

enum tris_err listener_open(struct listener *l, struct daemon *d, uv_connection_cb on_connection)
{
    l->count = 0;
    for (size_t i = 0; i < d->config.listen_count; i++) {
        uv_tcp_t *tcp = &l->tcp[i];
        int rc = uv_tcp_init(&d->loop, tcp);
        tris_assert(rc == 0);
        tcp->data = d;
        l->count++;
        rc = bind_to(tcp, d->config.listen[i]);
        if (rc == 0) {
            rc = uv_listen((uv_stream_t *)tcp, LISTENER_BACKLOG, on_connection);
        }
        if (rc != 0) {
            LOG(&d->log, LOG_ERROR, "listen_failed", log_text("address", d->config.listen[i]),
                log_text("reason", uv_strerror(rc)));
            listener_close(l);
            return TRIS_ERR_IO;
        }
        real_address(tcp, l->address[i], sizeof l->address[i]);
        LOG(&d->log, LOG_INFO, "listening", log_text("address", l->address[i]));
    }
    return TRIS_OK;
}

void listener_close(struct listener *l)
{
    for (size_t i = 0; i < l->count; i++) {
        uv_close((uv_handle_t *)&l->tcp[i], NULL);
    }
    l->count = 0;
}
