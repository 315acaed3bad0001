/* The change feed for watchers: requests that wait until something arrives. Loop thread only. */
#ifndef TRIS_DAEMON_CTL_FEED_H
#define TRIS_DAEMON_CTL_FEED_H

#include <stdint.h>
#include <uv.h>

#include "proto/schema.h"

struct daemon;

enum { FEED_WAITS_MAX = 256, FEED_WAIT_MS_MAX = 60000 };

struct feed_query {
    uint64_t token; /* 0: free */
    uint64_t after, limit, until_ms;
    const struct kind *kind; /* NULL: every kind */
};

struct feed_waits {
    uv_timer_t timer;
    bool timer_open;
    uint32_t count;
    struct feed_query wait[FEED_WAITS_MAX];
};

void feed_open(struct daemon *d);
/* Something was committed. */
void feed_wake(struct daemon *d);
/* Closes the timer; the control socket answers whoever still waits. */
void feed_close(struct daemon *d);

#endif
