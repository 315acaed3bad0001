/* Keeping one connection to the rate that its house is allowed. A session takes pauses without
 * harm: what waits is put together later, and the least rate (limits.h) keeps them short. */
#include "daemon/conn_int.h"
#include "daemon/daemon.h"

static uint64_t now_of(const struct conn *c)
{
    return uv_now(&c->d->loop);
}

void conn_set_rate(struct conn *c, uint64_t rate)
{
    c->rate = rate;
    c->in = c->out = (struct pace){0};
    if (c->phase == CONN_RUNNING && c->held) {
        conn_read_on(c);
        conn_pump(c);
    }
}

/* A goodbye is not paced: the connection is to end. */
bool conn_write_waits(const struct conn *c)
{
    return c->rate != 0 && session_state(c->session) == SESSION_OPEN &&
           pace_wait(&c->out, now_of(c)) > 0;
}

bool conn_paced(const struct conn *c)
{
    return c->phase == CONN_RUNNING &&
           (c->held || (session_has_output(c->session) && conn_write_waits(c)));
}

void conn_read_paced(struct conn *c, size_t bytes)
{
    if (c->rate == 0) {
        return;
    }
    pace_spend(&c->in, c->rate, bytes, now_of(c));
    if (pace_wait(&c->in, now_of(c)) > 0) {
        c->held = uv_read_stop((uv_stream_t *)&c->tcp) == 0;
    }
}

void conn_wrote_paced(struct conn *c, size_t bytes)
{
    if (c->rate != 0) {
        pace_spend(&c->out, c->rate, bytes, now_of(c));
    }
}

uint64_t conn_paced_until(const struct conn *c)
{
    uint64_t at = UINT64_MAX;
    if (c->held) {
        at = now_of(c) + pace_wait(&c->in, now_of(c));
    }
    if (!c->writing && session_has_output(c->session) && conn_write_waits(c)) {
        const uint64_t out = now_of(c) + pace_wait(&c->out, now_of(c));
        at = out < at ? out : at;
    }
    return at;
}

void conn_paced_tick(struct conn *c)
{
    if (c->held && pace_wait(&c->in, now_of(c)) == 0) {
        conn_read_on(c);
    }
}
