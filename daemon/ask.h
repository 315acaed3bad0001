/* Questions to peers that are answered later: pings, and waiting for equal roots. Part of the
 * overlay; bounded tables with one deadline timer. Loop thread only. */
#ifndef TRIS_DAEMON_ASK_H
#define TRIS_DAEMON_ASK_H

#include <uv.h>

#include "daemon/overlay.h"

enum { ASK_MAX = 256 };

struct ask {
    uint64_t id;         /* 0 = free */
    uint64_t session_no; /* ping */
    uint64_t deadline_ms;
    overlay_ping_fn *ping;
    overlay_wait_fn *wait; /* either of the two */
    void *ctx;
};

struct asks {
    struct daemon *d;
    struct ask list[ASK_MAX];
    uint64_t next_id;
    uv_timer_t timer;
    bool open;
};

void asks_open(struct asks *a, struct daemon *d);
/* Ends all questions with TRIS_ERR_STOPPING or "not equal" and closes the timer. */
void asks_close(struct asks *a);

/* *id names it in session_ping. TRIS_ERR_NO_SPACE. */
TRIS_MUST_CHECK enum tris_err asks_add_ping(struct asks *a, uint64_t session_no,
                                            uint64_t timeout_ms, overlay_ping_fn *done, void *ctx,
                                            uint64_t *id);
TRIS_MUST_CHECK enum tris_err asks_add_wait(struct asks *a, uint64_t timeout_ms,
                                            overlay_wait_fn *done, void *ctx);
void asks_pong(struct asks *a, uint64_t id, uint64_t rtt_ms);
void asks_session_closed(struct asks *a, uint64_t session_no);
void asks_equal(struct asks *a); /* all sessions are equal now */
bool asks_any_wait(const struct asks *a);

#endif
