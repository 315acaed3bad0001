/* Limits of single peers: read from the settings, changed, and looked after: a session outside its
 * hours ends, and one inside them is dialled for. */
#include <stdio.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/overlay_int.h"
#include "proto/assert.h"

enum { LIMITS_LOOK_MS = 15000 };

/* Asked for every member whenever dials are planned: the clock is read for the few with hours. */
enum tris_err overlay_limit(const struct overlay *o, uint32_t index)
{
    const struct limits *l = &o->peers[index].limits;
    return l->from == l->to && !l->paused ? TRIS_OK : limits_allow(l, clock_hour(clock_wall_ms()));
}

bool overlay_paced(const struct overlay *o, uint32_t index)
{
    const struct peer *p = &o->peers[index];
    return p->state == PEER_OPEN && conn_paced(p->conn);
}

/* Ends the sessions that may not be held now. */
static void limits_enforce(struct overlay *o)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        const uint32_t index = conn_peer(c);
        const enum tris_err limit = index != UINT32_MAX ? overlay_limit(o, index) : TRIS_OK;
        if (limit != TRIS_OK) {
            conn_goodbye(c, limit);
        }
    }
}

static void on_limits_timer(uv_timer_t *timer)
{
    struct overlay *o = timer->data;
    limits_enforce(o);
    overlay_plan_dials(o);
}

/* Somebody has hours: the clock has to be looked at. */
static void limits_watch(struct overlay *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->peers[i].limits.from != o->peers[i].limits.to) {
            uv_timer_start(&o->limits_timer, on_limits_timer, LIMITS_LOOK_MS, LIMITS_LOOK_MS);
            return;
        }
    }
    uv_timer_stop(&o->limits_timer);
}

void overlay_limits_open(struct overlay *o)
{
    int rc = uv_timer_init(&o->d->loop, &o->limits_timer);
    tris_assert(rc == 0);
    o->limits_timer.data = o;
    limits_watch(o);
}

void overlay_set_limits(struct overlay *o, uint32_t index, const struct limits *limits)
{
    char text[LIMITS_TEXT_BYTES];
    tris_assert(index < o->count);
    struct peer *p = &o->peers[index];
    p->limits = *limits;
    LOG(&o->d->log, LOG_INFO, "peer_limits", log_text("house", overlay_slug(o, index)),
        log_text("limits", limits_print(limits, text)));
    if (!o->started || o->stopping) {
        return;
    }
    if (p->state == PEER_OPEN) {
        conn_set_rate(p->conn, limits->rate);
    }
    if (p->conn == NULL) {
        p->state = PEER_IDLE;
        penalty_replan(&p->penalty);
    }
    limits_watch(o);
    limits_enforce(o);
    overlay_plan_dials(o);
}

enum tris_err overlay_limits_load(struct overlay *o)
{
    static const char prefix[] = "limit/";
    struct store_view *v;
    char key[256] = "limit/";
    struct span value;
    enum tris_err err = daemon_view(o->d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    while ((err = store_setting_next(v, prefix, key, sizeof key, &value)) == TRIS_OK) {
        struct tris_house_id house;
        struct span hex = span_str(key + sizeof prefix - 1);
        const uint32_t index = tris_unhex(hex, house.b, sizeof house.b)
                                   ? members_find(&o->d->members, &house)
                                   : UINT32_MAX;
        if (index != UINT32_MAX && limits_parse(value, &o->peers[index].limits) != TRIS_OK) {
            LOG(&o->d->log, LOG_WARN, "limits_unreadable",
                log_text("house", overlay_slug(o, index)));
        }
    }
    store_view_end(v);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}
