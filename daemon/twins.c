/* Two processes of one house: as a third house, lets them prove it to each other; as one of them,
 * answers and believes only what is proven. FORMAT.md "Twins". */
#include "daemon/daemon.h"
#include "daemon/overlay_int.h"
#include "proto/assert.h"

static void on_twins_timer(uv_timer_t *timer)
{
    struct overlay *o = timer->data;
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (conn_leaves(c)) {
            conn_goodbye(c, TRIS_ERR_DUPLICATE);
        }
    }
}

void overlay_twins_open(struct overlay *o)
{
    int rc = uv_timer_init(&o->d->loop, &o->twins_timer);
    tris_assert(rc == 0);
    o->twins_timer.data = o;
}

static void ask(struct conn *c, uint64_t about)
{
    const struct twin question = {.about = about};
    session_twin(conn_session(c), &question);
    conn_pump(c);
}

bool overlay_twins_ask(struct overlay *o, struct peer *p, struct conn *older, struct conn *newer)
{
    if (!conn_open(older) || !conn_open(newer) ||
        !twin_due(&p->twins_ms, overlay_now(o), conn_instance(older), conn_instance(newer))) {
        return false;
    }
    LOG(&o->d->log, LOG_INFO, "two_processes", log_text("house", overlay_slug(o, conn_peer(newer))),
        log_text("next", "none, if it has just started anew; it is told either way"));
    conn_set_leaves(older);
    ask(older, conn_instance(newer));
    ask(newer, conn_instance(older));
    uv_timer_start(&o->twins_timer, on_twins_timer, TWIN_WAIT_MS, 0);
    return true;
}

/* Somebody else's answer, for the process that it is about. */
static void pass_on(struct overlay *o, struct conn *from, const struct twin *twin)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (c != from && conn_peer(c) != UINT32_MAX && conn_peer(c) == conn_peer(from) &&
            conn_open(c) && conn_instance(c) == twin->about) {
            session_twin(conn_session(c), twin);
            conn_pump(c);
        }
    }
}

void overlay_conn_twin(struct daemon *d, struct conn *c, const struct twin *twin)
{
    struct twin answer;
    switch (twin_judge(&d->charter.fed, &d->identity, d->instance_nonce, twin, &answer)) {
    case TWIN_ANSWER:
        session_twin(conn_session(c), &answer);
        return;
    case TWIN_PASS_ON:
        pass_on(d->overlay, c, twin);
        return;
    case TWIN_PROVEN:
        LOG(&d->log, LOG_ERROR, "clone", log_number("session", conn_session_no(c)),
            log_text("next", "another process with this house's key lives: end one of the two"));
        confirm_clone(d);
        return;
    case TWIN_NOTHING:
        return;
    }
}
