/* Peers; what writer and handlers tell the overlay; see overlay.h. */
#include "daemon/overlay.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/overlay_int.h"
#include "proto/assert.h"

uint64_t overlay_now(const struct overlay *o)
{
    return uv_now(&o->d->loop);
}

void overlay_check_waits(struct overlay *o)
{
    if (asks_any_wait(&o->asks) && overlay_all_equal(o)) {
        asks_equal(&o->asks);
    }
}

/* ---- configured addresses ---- */

/* Reads the configured addresses from the store's settings. */
static enum tris_err load_settings(struct overlay *o)
{
    static const char prefix[] = OVERLAY_ADDRESS_PREFIX;
    struct store_view *v;
    char key[256] = OVERLAY_ADDRESS_PREFIX;
    struct span value;
    enum tris_err err = daemon_view(o->d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    while ((err = store_setting_next(v, prefix, key, sizeof key, &value)) == TRIS_OK) {
        struct tris_house_id house;
        struct span hex = span_str(key + sizeof prefix - 1);
        uint32_t index = tris_unhex(hex, house.b, sizeof house.b)
                             ? members_find(&o->d->members, &house)
                             : UINT32_MAX;
        if (index == UINT32_MAX || o->peers[index].self || value.len == 0 ||
            value.len >= TRIS_ADDRESS_BYTES_MAX) {
            continue;
        }
        struct peer *p = &o->peers[index];
        memcpy(p->address, value.ptr, value.len);
        p->address[value.len] = '\0';
        overlay_set_configured(o, index, true);
    }
    store_view_end(v);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* ---- what the writer and handlers tell ---- */

void overlay_advanced(struct overlay *o, const struct overlay_advance *list, size_t count)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (!overlay_takes_part(o, c)) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            if (list[k].source != conn_session_no(c)) {
                session_log_advanced(conn_session(c), list[k].log_no);
            }
        }
        session_root_changed(conn_session(c));
        conn_pump(c);
    }
    overlay_check_waits(o);
}

void overlay_segment_done(struct overlay *o, uint64_t session_no, uint32_t log_no, size_t len,
                          enum tris_err result)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (conn_session_no(c) == session_no) {
            if (conn_session(c) != NULL && !conn_closing(c)) {
                session_segment_done(conn_session(c), log_no, len, result);
                conn_pump(c);
            }
            return;
        }
    }
}

void overlay_fork_done(struct overlay *o, uint64_t session_no, uint32_t log_no,
                       enum tris_err result)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (conn_session_no(c) == session_no) {
            if (conn_session(c) != NULL && !conn_closing(c)) {
                session_fork_done(conn_session(c), log_no, result);
                conn_pump(c);
            }
            return;
        }
    }
}

void overlay_fork_known(struct overlay *o, uint32_t log_no)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (overlay_takes_part(o, c)) {
            session_fork_known(conn_session(c), log_no);
            conn_pump(c);
        }
    }
}

void overlay_own_tail(struct overlay *o, uint32_t log_no)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (overlay_open_peer(o, c) != NULL && conn_open(c)) {
            session_own_tail(conn_session(c), log_no);
            conn_pump(c);
        }
    }
}

void overlay_greet_again(struct overlay *o)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (conn_peer(c) != UINT32_MAX) {
            penalty_shorten(&o->peers[conn_peer(c)].penalty);
        }
        conn_goodbye(c, TRIS_ERR_GOODBYE);
    }
}

void overlay_ask_again(struct overlay *o)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (overlay_open_peer(o, c) != NULL && conn_open(c)) {
            session_sync_now(conn_session(c));
            conn_pump(c);
        }
    }
}

void overlay_greet_one(struct overlay *o, uint32_t index)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (conn_peer(c) == index) {
            conn_goodbye(c, TRIS_ERR_GOODBYE);
        }
    }
    penalty_replan(&o->peers[index].penalty);
}

enum tris_err overlay_members_grown(struct overlay *o)
{
    const uint32_t count = o->d->members.count;
    if (count == o->count) {
        return TRIS_OK;
    }
    struct peer *peers = realloc(o->peers, (count + (size_t)1) * sizeof *peers);
    if (peers == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    memset(peers + o->count, 0, (count + (size_t)1 - o->count) * sizeof *peers);
    o->peers = peers;
    o->count = count;
    if (o->d->own_index != UINT32_MAX) {
        o->peers[o->d->own_index].self = true;
    }
    enum tris_err err = load_settings(o);
    return err == TRIS_OK ? overlay_limits_load(o) : err;
}

void overlay_member_changed(struct overlay *o, uint32_t index)
{
    penalty_replan(&o->peers[index].penalty); /* the new address may work at once */
    overlay_note_addresses(&o->peers[index]);
    overlay_plan_dials(o);
}

void overlay_configure(struct overlay *o, uint32_t index, const char *address)
{
    tris_assert(index < o->count);
    struct peer *p = &o->peers[index];
    overlay_set_configured(o, index, address[0] != '\0' && !p->self);
    snprintf(p->address, sizeof p->address, "%s", address);
    overlay_note_addresses(p);
    penalty_replan(&p->penalty);
    if (p->conn == NULL) {
        p->state = PEER_IDLE;
    }
    overlay_plan_dials(o);
}

uint32_t overlay_sync_now(struct overlay *o, uint32_t index)
{
    uint32_t asked = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        struct peer *p = &o->peers[i];
        if (index != UINT32_MAX && index != i) {
            continue;
        }
        if (p->state == PEER_OPEN && conn_open(p->conn)) {
            session_sync_now(conn_session(p->conn));
            conn_pump(p->conn);
            asked++;
        } else if (p->state == PEER_WAITING) {
            penalty_at_once(&p->penalty, overlay_now(o));
        }
    }
    overlay_plan_dials(o);
    return asked;
}

enum tris_err overlay_ping(struct overlay *o, uint32_t index, uint64_t timeout_ms,
                           overlay_ping_fn *done, void *ctx)
{
    tris_assert(index < o->count);
    struct peer *p = &o->peers[index];
    uint64_t id;
    if (p->state != PEER_OPEN || !conn_open(p->conn)) {
        return TRIS_ERR_NOT_READY;
    }
    enum tris_err err =
        asks_add_ping(&o->asks, conn_session_no(p->conn), timeout_ms, done, ctx, &id);
    if (err != TRIS_OK) {
        return err;
    }
    session_ping(conn_session(p->conn), id, overlay_now(o));
    conn_pump(p->conn);
    return TRIS_OK;
}

enum tris_err overlay_wait_equal(struct overlay *o, uint64_t timeout_ms, overlay_wait_fn *done,
                                 void *ctx)
{
    enum tris_err err = asks_add_wait(&o->asks, timeout_ms, done, ctx);
    if (err == TRIS_OK) {
        overlay_check_waits(o);
    }
    return err;
}

/* ---- life ---- */

enum tris_err overlay_open(struct daemon *d, struct overlay **out)
{
    struct overlay *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    o->d = d;
    o->count = d->members.count;
    o->next_session_no = 1;
    o->configured = UINT32_MAX;
    o->peers = calloc(o->count + 1, sizeof *o->peers);
    if (o->peers == NULL) {
        free(o);
        return TRIS_ERR_NO_MEMORY;
    }
    if (d->own_index != UINT32_MAX) {
        o->peers[d->own_index].self = true;
    }
    enum tris_err err = load_settings(o);
    err = err == TRIS_OK ? overlay_limits_load(o) : err;
    if (err != TRIS_OK) {
        overlay_free(o);
        return err;
    }
    *out = o;
    return TRIS_OK;
}

enum tris_err overlay_start(struct overlay *o)
{
    enum tris_err err = listener_open(&o->listener, o->d, overlay_on_connection);
    if (err != TRIS_OK) {
        return err;
    }
    overlay_dial_open(o);
    int rc = uv_timer_init(&o->d->loop, &o->stop_timer);
    tris_assert(rc == 0);
    o->stop_timer.data = o;
    rc = uv_timer_init(&o->d->loop, &o->accept_timer);
    tris_assert(rc == 0);
    o->accept_timer.data = o;
    o->stop_timer_open = true;
    overlay_twins_open(o);
    overlay_limits_open(o);
    asks_open(&o->asks, o->d);
    o->started = true;
    overlay_plan_dials(o);
    return TRIS_OK;
}

void overlay_reload(struct overlay *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        struct peer *p = &o->peers[i];
        if (p->conn == NULL) {
            penalty_replan(&p->penalty);
            p->state = PEER_IDLE;
        }
    }
    overlay_plan_dials(o);
}

static void on_stop_timer(uv_timer_t *timer)
{
    struct overlay *o = timer->data;
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        conn_close(c, TRIS_ERR_STOPPING);
    }
}

void overlay_stop(struct overlay *o, uint64_t flush_ms)
{
    if (!o->started || o->stopping) {
        return;
    }
    o->stopping = true;
    listener_close(&o->listener);
    asks_close(&o->asks);
    uv_close((uv_handle_t *)&o->dial_timer, NULL);
    uv_close((uv_handle_t *)&o->rotate_timer, NULL);
    uv_close((uv_handle_t *)&o->accept_timer, NULL);
    uv_close((uv_handle_t *)&o->twins_timer, NULL);
    uv_close((uv_handle_t *)&o->limits_timer, NULL);
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        conn_goodbye(c, TRIS_ERR_GOODBYE);
    }
    if (o->conns == NULL) {
        o->stop_timer_open = false;
        uv_close((uv_handle_t *)&o->stop_timer, NULL);
    } else {
        uv_timer_start(&o->stop_timer, on_stop_timer, flush_ms, 0);
    }
}

void overlay_free(struct overlay *o)
{
    if (o == NULL) {
        return;
    }
    tris_assert(o->conns == NULL && !o->stop_timer_open);
    free(o->peers);
    free(o);
}
