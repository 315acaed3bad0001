/* sd_notify by hand; see notify.h. Protocol: sd_notify(3). */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"

static void notify_send(struct notify *n, const char *text)
{
    if (n->address_len == 0) {
        return;
    }
    /* the service manager is not waited for: a lost datagram is its to notice */
    ssize_t sent = sendto(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)&n->address, n->address_len);
    (void)sent;
}

static void on_watchdog(uv_timer_t *timer)
{
    notify_send((struct notify *)timer->data, "WATCHDOG=1");
}

static uint64_t env_number(const char *name)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0') {
        return 0;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' ? value : 0;
}

static void notify_watchdog_start(struct notify *n, uv_loop_t *loop)
{
    uint64_t usec = env_number("WATCHDOG_USEC");
    uint64_t pid = env_number("WATCHDOG_PID");
    if (usec == 0 || (pid != 0 && pid != (uint64_t)getpid())) {
        return;
    }
    uint64_t period_ms = usec / 2000 > 0 ? usec / 2000 : 1;
    if (uv_timer_init(loop, &n->watchdog) != 0) {
        return;
    }
    n->watchdog.data = n;
    n->watchdog_open = true;
    uv_timer_start(&n->watchdog, on_watchdog, period_ms, period_ms);
}

void notify_open(struct notify *n, uv_loop_t *loop)
{
    memset(n, 0, sizeof *n);
    n->fd = -1;
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof n->address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0) {
        return;
    }
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, path, len);
    if (path[0] == '@') {
        n->address.sun_path[0] = '\0'; /* abstract socket */
    }
    n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    notify_watchdog_start(n, loop);
}

void notify_ready(struct notify *n)
{
    notify_send(n, "READY=1");
}

void notify_stopping(struct notify *n)
{
    notify_send(n, "STOPPING=1");
}

void notify_reloading(struct notify *n)
{
    char text[64]; /* systemd wants to know which reload the next READY=1 answers */
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)clock_mono_ms() * 1000);
    notify_send(n, text);
}

void notify_close(struct notify *n)
{
    if (n->watchdog_open) {
        n->watchdog_open = false;
        uv_close((uv_handle_t *)&n->watchdog, NULL);
    }
    if (n->address_len > 0) {
        close(n->fd);
        n->fd = -1;
        n->address_len = 0;
    }
}
