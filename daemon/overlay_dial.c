/* Who is dialled and when: configured peers always, and a few members out of all that are drawn,
 * replaced when they are gone and exchanged one by one; referrals, told and followed. */
#include <sodium.h>

#include "daemon/daemon.h"
#include "daemon/overlay_int.h"
#include "proto/assert.h"
#include "proto/neighbour.h"

enum {
    OVERLAY_ROTATE_MS = 600000, /* one drawn neighbour is exchanged; with eight, each in 80 min */
    OVERLAY_REDRAW_MS = 5000,   /* too few were found in one draw out of many members */
};

static const char *peer_address(const struct overlay *o, uint32_t index)
{
    const struct peer *p = &o->peers[index];
    if (p->configured) {
        return p->address;
    }
    const struct house_line *line = members_line(&o->d->members, index);
    return line->addr_count == 0 ? NULL : line->addr[p->address_turn % line->addr_count];
}

bool overlay_is_candidate(const struct overlay *o, uint32_t index)
{
    const struct peer *p = &o->peers[index];
    bool wanted =
        p->configured || (o->d->config.dial_auto && member_is_active(&o->d->members.list[index]));
    return !p->self && p->conn == NULL && wanted && peer_address(o, index) != NULL &&
           overlay_limit(o, index) == TRIS_OK;
}

void overlay_set_configured(struct overlay *o, uint32_t index, bool configured)
{
    struct peer *p = &o->peers[index];
    p->configured = configured;
    if (configured && !p->listed) {
        p->listed = true;
        p->configured_next = o->configured;
        o->configured = index;
    }
}

void overlay_wait_longer(const struct overlay *o, struct penalty *penalty)
{
    penalty_later(penalty, overlay_now(o), randombytes_random(), PENALTY_BACKOFF_MS_MAX);
}

void overlay_dial_later(struct overlay *o, struct peer *p, enum tris_err err)
{
    p->last_error = err;
    p->address_turn++;
    overlay_wait_longer(o, &p->penalty);
    p->state = PEER_WAITING;
}

static void dial(struct overlay *o, uint32_t index)
{
    struct peer *p = &o->peers[index];
    const struct house_line *line = members_line(&o->d->members, index);
    struct conn *c = NULL;
    const struct tris_short *common = p->has_common_root ? &p->common_root : NULL;
    /* all addresses in turn, then the next one of each name */
    uint32_t addresses = p->configured || line->addr_count == 0 ? 1 : line->addr_count;
    p->dial_at = p->address_turn % addresses;
    enum tris_err err = conn_dial(o->d, peer_address(o, index), p->address_turn / addresses,
                                  &line->id, &line->transport, common, o->next_session_no++, &c);
    if (err != TRIS_OK) {
        overlay_dial_later(o, p, err);
        return;
    }
    conn_set_peer(c, index);
    conn_set_next(c, o->conns);
    o->conns = c;
    p->conn = c;
    p->state = PEER_DIALLING;
}

/* ---- drawing ---- */

/* Whether the connection was dialled to a member that nobody configured. */
static bool is_drawn(const struct overlay *o, const struct conn *c)
{
    const uint32_t index = conn_peer(c);
    const struct peer *p = index != UINT32_MAX ? &o->peers[index] : NULL;
    return p != NULL && p->conn == c && !p->configured && !conn_inbound(c);
}

static uint32_t drawn_count(const struct overlay *o)
{
    uint32_t count = 0;
    for (const struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        count += is_drawn(o, c) ? 1 : 0;
    }
    return count;
}

static uint32_t draw_random(void *ctx, uint32_t below)
{
    (void)ctx;
    return randombytes_uniform(below);
}

/* Of few members all are planned at first, so that not everybody dials at once after a start. */
static void plan_first(struct overlay *o, struct peer *p)
{
    if (p->penalty.dial_ms == 0) {
        penalty_plan(&p->penalty, overlay_now(o), randombytes_random());
        p->state = PEER_WAITING;
    }
}

static enum neighbour_ready draw_ready(void *ctx, uint32_t index, uint64_t *at_ms)
{
    struct overlay *o = ctx;
    struct peer *p = &o->peers[index];
    if (p->configured || !overlay_is_candidate(o, index)) {
        return NEIGHBOUR_NEVER;
    }
    if (o->count <= NEIGHBOUR_STEPS) {
        plan_first(o, p);
    }
    *at_ms = p->penalty.dial_ms;
    return *at_ms > overlay_now(o) ? NEIGHBOUR_LATER : NEIGHBOUR_READY;
}

/* The same district, the same state, another one. */
static uint32_t draw_distance(void *ctx, uint32_t index)
{
    const struct overlay *o = ctx;
    if (o->d->own_index == UINT32_MAX) {
        return 0;
    }
    const char *own = members_line(&o->d->members, o->d->own_index)->region;
    const char *other = members_line(&o->d->members, index)->region;
    return strcmp(own, other) == 0 ? 0 : strncmp(own, other, 2) == 0 ? 1 : 2;
}

static const struct neighbour_io draw_io = {draw_random, draw_ready, draw_distance};

/* Somebody whom a refusal has named comes first. */
static uint32_t draw(struct overlay *o, bool near, uint64_t *next_ms)
{
    while (o->referred_count > 0) {
        const uint32_t index = o->referred[--o->referred_count];
        uint64_t at_ms;
        if (draw_ready(o, index, &at_ms) == NEIGHBOUR_READY) {
            return index;
        }
    }
    return neighbour_draw(&draw_io, o, o->count, near, next_ms);
}

static void dial_drawn(struct overlay *o, uint64_t *next_ms)
{
    const uint32_t most = o->d->config.dial_max;
    uint32_t drawn = drawn_count(o);
    /* an address that cannot be dialled at all costs a draw */
    for (uint32_t draws = 0; drawn < most && draws < 2 * most; draws++) {
        const uint32_t index = draw(o, neighbour_is_near(drawn), next_ms);
        if (index == NEIGHBOUR_NONE) {
            break;
        }
        dial(o, index);
        drawn += o->peers[index].conn != NULL ? 1 : 0;
    }
    if (drawn < most && o->count > NEIGHBOUR_STEPS) {
        const uint64_t again = overlay_now(o) + OVERLAY_REDRAW_MS;
        *next_ms = *next_ms < again ? *next_ms : again;
    }
}

static void dial_configured(struct overlay *o, uint64_t *next_ms)
{
    for (uint32_t i = o->configured; i != UINT32_MAX; i = o->peers[i].configured_next) {
        struct peer *p = &o->peers[i];
        if (!p->configured || !overlay_is_candidate(o, i)) {
            continue;
        }
        plan_first(o, p);
        if (p->penalty.dial_ms <= overlay_now(o)) {
            dial(o, i);
        }
        if (p->conn == NULL && p->penalty.dial_ms < *next_ms) {
            *next_ms = p->penalty.dial_ms;
        }
    }
}

static void on_dial_timer(uv_timer_t *timer)
{
    overlay_plan_dials(timer->data);
}

void overlay_plan_dials(struct overlay *o)
{
    const uint64_t now = overlay_now(o);
    uint64_t next = UINT64_MAX;
    if (o->stopping || !o->started || o->count == 0) {
        return;
    }
    dial_configured(o, &next);
    if (o->d->config.dial_auto) {
        dial_drawn(o, &next);
    }
    if (next == UINT64_MAX) {
        uv_timer_stop(&o->dial_timer);
    } else {
        uv_timer_start(&o->dial_timer, on_dial_timer, next > now ? next - now : 1, 0);
    }
}

/* ---- exchanging ---- */

/* The drawn neighbour that has been there longest; NULL while any place is not taken. */
static struct conn *oldest_drawn(const struct overlay *o)
{
    struct conn *oldest = NULL;
    uint32_t open = 0;
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (is_drawn(o, c) && conn_open(c)) {
            open++;
            oldest = c; /* the list begins with the newest */
        }
    }
    return open >= o->d->config.dial_max ? oldest : NULL;
}

/* Neighbours that are never exchanged grow together into islands. */
static void on_rotate_timer(uv_timer_t *timer)
{
    struct overlay *o = timer->data;
    struct conn *oldest = o->d->config.dial_auto ? oldest_drawn(o) : NULL;
    uint64_t next;
    if (o->stopping || oldest == NULL) {
        return;
    }
    const uint32_t index = draw(o, neighbour_is_near(randombytes_random()), &next);
    if (index != NEIGHBOUR_NONE) {
        dial(o, index);
        conn_goodbye(oldest, TRIS_ERR_GOODBYE);
    }
}

void overlay_dial_open(struct overlay *o)
{
    int rc = uv_timer_init(&o->d->loop, &o->dial_timer);
    tris_assert(rc == 0);
    o->dial_timer.data = o;
    rc = uv_timer_init(&o->d->loop, &o->rotate_timer);
    tris_assert(rc == 0);
    o->rotate_timer.data = o;
    uv_timer_start(&o->rotate_timer, on_rotate_timer, 1 + randombytes_uniform(OVERLAY_ROTATE_MS),
                   OVERLAY_ROTATE_MS);
}

/* ---- referrals ---- */

/* Whether another house could dial this member. */
static bool may_be_named(const struct overlay *o, uint32_t index, uint32_t refused)
{
    return index != refused && !o->peers[index].self &&
           member_is_active(&o->d->members.list[index]) &&
           members_line(&o->d->members, index)->addr_count > 0;
}

static void name(const struct overlay *o, uint32_t index, struct tris_house_id *houses,
                 uint32_t *count)
{
    const struct tris_house_id *id = &o->d->members.list[index].id;
    for (uint32_t i = 0; i < *count; i++) {
        if (tris_house_id_eq(&houses[i], id)) {
            return;
        }
    }
    houses[(*count)++] = *id;
}

void overlay_refer(struct overlay *o, struct conn *c)
{
    struct tris_house_id houses[MSG_REFERS_MAX];
    uint32_t count = 0;
    for (const struct conn *other = o->conns; other != NULL; other = conn_next(other)) {
        const bool open = overlay_open_peer(o, other) != NULL;
        if (open && count < MSG_REFERS_MAX && may_be_named(o, conn_peer(other), conn_peer(c))) {
            name(o, conn_peer(other), houses, &count);
        }
    }
    for (uint32_t i = 0; i < NEIGHBOUR_STEPS && count < MSG_REFERS_MAX; i++) {
        const uint32_t index = randombytes_uniform(o->count);
        if (may_be_named(o, index, conn_peer(c))) {
            name(o, index, houses, &count);
        }
    }
    session_close_busy(conn_session(c), houses, count);
    conn_pump(c);
}

void overlay_conn_refer(struct daemon *d, struct conn *c, const struct tris_house_id *houses,
                        uint32_t count)
{
    struct overlay *o = d->overlay;
    if (conn_inbound(c)) {
        return; /* nobody is refused who was dialled here */
    }
    o->referred_count = 0; /* the newest word counts */
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t index = members_find(&d->members, &houses[i]);
        if (index < o->count) { /* known, and its peer too */
            o->referred[o->referred_count++] = index;
        }
    }
    LOG(&d->log, LOG_INFO, "peer_refer", log_number("session", conn_session_no(c)),
        log_number("members", o->referred_count));
}
