/* The listening TCP sockets: binds what the configuration names and hands every waiting connection
 * to one callback. Loop thread only. */
#ifndef TRIS_DAEMON_LISTENER_H
#define TRIS_DAEMON_LISTENER_H

#include <uv.h>

#include "daemon/config.h"

struct daemon;

enum { LISTENER_BACKLOG = 128 }; /* connections that the kernel keeps until they are taken */

struct listener {
    uv_tcp_t tcp[CONFIG_LISTEN_MAX];
    char address[CONFIG_LISTEN_MAX][TRIS_ADDRESS_BYTES_MAX]; /* with the real port */
    size_t count;
};

/* Binds and listens on all; on failure nothing stays open once the loop has run, the reason is
 * logged. `on_connection` finds the daemon in stream->data. */
TRIS_MUST_CHECK enum tris_err listener_open(struct listener *l, struct daemon *d,
                                            uv_connection_cb on_connection);
void listener_close(struct listener *l);

#endif
