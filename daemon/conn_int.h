/* The state of one connection, shared by conn.c (running and closing) and conn_open.c (accepting
 * and dialling); for nobody else. */
#ifndef TRIS_DAEMON_CONN_INT_H
#define TRIS_DAEMON_CONN_INT_H

#include "daemon/conn.h"
#include "daemon/limits.h"
#include "proto/guard.h"

enum conn_phase {
    CONN_CONNECTING, /* resolving or connecting: no session yet */
    CONN_RUNNING,
    CONN_ENDING,  /* the session is closed: its last bytes go out, the peer is to close */
    CONN_CLOSING, /* handles are closing */
};

struct conn {
    struct daemon *d;
    enum conn_phase phase;
    uint64_t session_no;
    struct session *session;
    bool inbound, open, writing, pumping, by_peer, resolving;
    enum tris_err reason;
    uint32_t peer;
    struct guard_peer guard;
    uint64_t instance;
    bool leaves;
    uint64_t rate; /* bytes a second in each direction; 0 = as fast as it goes */
    struct pace in, out;
    bool held;       /* reading waits for its pace */
    size_t lingered; /* bytes that came after the end of the session */
    int dial_status; /* libuv's, of name resolution or connecting */
    bool guest;
    struct conn *next;
    struct conn_origin origin;
    struct tris_house_id dial_house;
    struct tris_dh_pub dial_transport;
    uint32_t dial_turn;   /* which address of a name */
    bool has_common_root; /* with the house that is dialled */
    struct tris_short common_root;
    int handles; /* open uv handles and a running name resolution */
    uint8_t *write_buf;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shut;
    uv_connect_t connect;
    uv_getaddrinfo_t resolve;
};

/* The turn-th address of a name, from the first again behind the last: one that does not answer,
 * such as IPv6 where only IPv4 gets through, must not hide the next one. NULL: the list is empty.
 */
const struct addrinfo *conn_pick_address(const struct addrinfo *list, uint32_t turn);
/* TCP is there: the session begins and reading starts. On failure the caller closes. */
TRIS_MUST_CHECK enum tris_err conn_begin(struct conn *c);
/* The connection's one timer: dial timeout, session tick, or end of the goodbye. */
void conn_on_tick(uv_timer_t *timer);
/* Reading goes on after a pause. */
void conn_read_on(struct conn *c);
/* conn_pace.c: nothing more may be written now; so much was read or written; when to look again
 * (UINT64_MAX: never); it is looked. */
bool conn_write_waits(const struct conn *c);
void conn_read_paced(struct conn *c, size_t bytes);
void conn_wrote_paced(struct conn *c, size_t bytes);
uint64_t conn_paced_until(const struct conn *c);
void conn_paced_tick(struct conn *c);
/* One handle has closed, or the name resolution has ended; the last one frees. */
void conn_release(struct conn *c);

/* What a session asks about who may come in (conn_admit.c): see struct session_io. */
TRIS_MUST_CHECK enum tris_err conn_member(void *ctx, const struct tris_house_id *house,
                                          const struct tris_dh_pub *transport,
                                          struct session_admit *admit);
const struct session_invite *conn_invites(void *ctx, uint32_t *count);
TRIS_MUST_CHECK enum tris_err conn_charter(void *ctx, struct span *text);

#endif
