/* Datagrams to the service manager (sd_notify protocol): READY=1, STOPPING=1, RELOADING=1 and
 * WATCHDOG=1 at half of WATCHDOG_USEC. Written by hand, so that the daemon does not link
 * libsystemd. Without NOTIFY_SOCKET everything here does nothing. */
#ifndef TRIS_DAEMON_NOTIFY_H
#define TRIS_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct notify {
    struct sockaddr_un address;
    socklen_t address_len; /* 0 = nobody listens */
    int fd;
    uv_timer_t watchdog;
    bool watchdog_open;
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and starts the watchdog timer on the loop. */
void notify_open(struct notify *n, uv_loop_t *loop);
void notify_ready(struct notify *n);
void notify_stopping(struct notify *n);
void notify_reloading(struct notify *n); /* followed by notify_ready */
/* Closes the timer handle (the loop must still run once) and the socket. */
void notify_close(struct notify *n);

#endif
