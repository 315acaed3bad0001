/* Pings and waits; see ask.h. */
#include "daemon/ask.h"

#include "daemon/daemon.h"
#include "proto/assert.h"

/* Frees the slot first: the callback may ask anew. */
static void ask_end(struct asks *a, struct ask *ask, enum tris_err err, uint64_t rtt_ms, bool equal)
{
    struct ask was = *ask;
    memset(ask, 0, sizeof *ask);
    if (was.ping != NULL) {
        was.ping(a->d, was.ctx, err, rtt_ms);
    } else {
        was.wait(a->d, was.ctx, equal);
    }
}

static void asks_schedule(struct asks *a);

static void on_deadline(uv_timer_t *timer)
{
    struct asks *a = timer->data;
    uint64_t now = uv_now(&a->d->loop);
    for (size_t i = 0; i < ASK_MAX; i++) {
        if (a->list[i].id != 0 && a->list[i].deadline_ms <= now) {
            ask_end(a, &a->list[i], TRIS_ERR_TIMEOUT, 0, false);
        }
    }
    asks_schedule(a);
}

static void asks_schedule(struct asks *a)
{
    uint64_t now = uv_now(&a->d->loop), next = UINT64_MAX;
    if (!a->open) {
        return;
    }
    for (size_t i = 0; i < ASK_MAX; i++) {
        if (a->list[i].id != 0 && a->list[i].deadline_ms < next) {
            next = a->list[i].deadline_ms;
        }
    }
    if (next == UINT64_MAX) {
        uv_timer_stop(&a->timer);
    } else {
        uv_timer_start(&a->timer, on_deadline, next > now ? next - now : 1, 0);
    }
}

void asks_open(struct asks *a, struct daemon *d)
{
    memset(a, 0, sizeof *a);
    a->d = d;
    a->next_id = 1;
    int rc = uv_timer_init(&d->loop, &a->timer);
    tris_assert(rc == 0);
    a->timer.data = a;
    a->open = true;
}

void asks_close(struct asks *a)
{
    if (!a->open) {
        return;
    }
    a->open = false;
    for (size_t i = 0; i < ASK_MAX; i++) {
        if (a->list[i].id != 0) {
            ask_end(a, &a->list[i], TRIS_ERR_STOPPING, 0, false);
        }
    }
    uv_close((uv_handle_t *)&a->timer, NULL);
}

static struct ask *ask_new(struct asks *a, uint64_t timeout_ms, void *ctx)
{
    for (size_t i = 0; a->open && i < ASK_MAX; i++) {
        struct ask *ask = &a->list[i];
        if (ask->id == 0) {
            uint64_t now = uv_now(&a->d->loop);
            memset(ask, 0, sizeof *ask);
            ask->id = a->next_id++;
            ask->deadline_ms = timeout_ms < UINT64_MAX - now ? now + timeout_ms : UINT64_MAX;
            ask->ctx = ctx;
            return ask;
        }
    }
    return NULL;
}

enum tris_err asks_add_ping(struct asks *a, uint64_t session_no, uint64_t timeout_ms,
                            overlay_ping_fn *done, void *ctx, uint64_t *id)
{
    struct ask *ask = ask_new(a, timeout_ms, ctx);
    if (ask == NULL) {
        return TRIS_ERR_NO_SPACE;
    }
    ask->ping = done;
    ask->session_no = session_no;
    *id = ask->id;
    asks_schedule(a);
    return TRIS_OK;
}

enum tris_err asks_add_wait(struct asks *a, uint64_t timeout_ms, overlay_wait_fn *done, void *ctx)
{
    struct ask *ask = ask_new(a, timeout_ms, ctx);
    if (ask == NULL) {
        return TRIS_ERR_NO_SPACE;
    }
    ask->wait = done;
    asks_schedule(a);
    return TRIS_OK;
}

void asks_pong(struct asks *a, uint64_t id, uint64_t rtt_ms)
{
    for (size_t i = 0; id != 0 && i < ASK_MAX; i++) {
        if (a->list[i].id == id && a->list[i].ping != NULL) {
            ask_end(a, &a->list[i], TRIS_OK, rtt_ms, false);
            return;
        }
    }
}

void asks_session_closed(struct asks *a, uint64_t session_no)
{
    for (size_t i = 0; i < ASK_MAX; i++) {
        struct ask *ask = &a->list[i];
        if (ask->id != 0 && ask->ping != NULL && ask->session_no == session_no) {
            ask_end(a, ask, TRIS_ERR_CLOSED, 0, false);
        }
    }
}

void asks_equal(struct asks *a)
{
    for (size_t i = 0; i < ASK_MAX; i++) {
        if (a->list[i].id != 0 && a->list[i].wait != NULL) {
            ask_end(a, &a->list[i], TRIS_OK, 0, true);
        }
    }
}

bool asks_any_wait(const struct asks *a)
{
    for (size_t i = 0; i < ASK_MAX; i++) {
        if (a->list[i].id != 0 && a->list[i].wait != NULL) {
            return true;
        }
    }
    return false;
}
