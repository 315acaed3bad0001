/* One TCP stream that drives one proto/session. Loop thread only.
 *
 * Life cycle: conn_accept or conn_dial makes it and holds the handles; conn_close may be called at
 * any time; the memory goes in the last close callback, after overlay_conn_closed. Nobody frees a
 * conn directly. */
#ifndef TRIS_DAEMON_CONN_H
#define TRIS_DAEMON_CONN_H

#include <uv.h>

#include "proto/session.h"

enum {
    CONN_READ_BYTES = 64 * 1024,
    CONN_WRITE_BYTES = 256 * 1024,
    CONN_PACED_BYTES = 128 * 1024, /* the least that a session takes: shorter pauses between two */
    CONN_HANDSHAKE_MS = 5000,
    CONN_USER_TIMEOUT_MS = 60000, /* the kernel gives up on data that nobody acknowledges */
};

struct daemon;
struct conn; /* opaque */

/* The remote network address: an IPv4 address, or the first 64 bits of an IPv6 one. */
struct conn_origin {
    uint8_t bytes[16];
    bool loopback;
};

/* Takes a waiting connection from `listener`. TRIS_ERR_NO_MEMORY, TRIS_ERR_IO. */
TRIS_MUST_CHECK enum tris_err conn_accept(struct daemon *d, uv_stream_t *listener,
                                          uint64_t session_no, struct conn **out);
/* Starts to dial "host:port" (a number or a DNS name, of whose addresses `turn` chooses one).
 * `common` is the last root that was equal with this house, NULL if none is known. All are copied.
 * TRIS_ERR_INVALID, _NO_MEMORY, _IO. */
TRIS_MUST_CHECK enum tris_err conn_dial(struct daemon *d, const char *address, uint32_t turn,
                                        const struct tris_house_id *house,
                                        const struct tris_dh_pub *transport,
                                        const struct tris_short *common, uint64_t session_no,
                                        struct conn **out);

/* Closes the socket at once. */
void conn_close(struct conn *c, enum tris_err reason);
/* Says goodbye with the reason first; the socket closes when that is sent or after 2 s. */
void conn_goodbye(struct conn *c, enum tris_err reason);
/* Call after any session_* call that may have made output or events. */
void conn_pump(struct conn *c);

struct session *conn_session(struct conn *c); /* NULL while TCP connects */
uint64_t conn_session_no(const struct conn *c);
bool conn_inbound(const struct conn *c);
bool conn_open(const struct conn *c); /* authenticated and not closing */
bool conn_closing(const struct conn *c);
/* Something was said to it: it knows our transport key, nobody else gets a byte. */
bool conn_answered(const struct conn *c);
const struct conn_origin *conn_origin(const struct conn *c);
/* For the owner: the peer's index in members, UINT32_MAX = not known yet. */
uint32_t conn_peer(const struct conn *c);
void conn_set_peer(struct conn *c, uint32_t index);
struct guard_peer *conn_guard(struct conn *c); /* what the peer has said of the own logs */
uint64_t conn_instance(const struct conn *c); /* nonce of the peer's process; 0 before it is open */
/* Another session with its house is kept; this one stays open for a moment. */
bool conn_leaves(const struct conn *c);
void conn_set_leaves(struct conn *c);
/* Bytes a second in each direction from now on; 0 = as fast as it goes. */
void conn_set_rate(struct conn *c, uint64_t rate);
bool conn_paced(const struct conn *c); /* bytes wait for the rate at this moment */
/* Why nobody was reached: libuv's error (negative), or 0. */
int conn_dial_status(const struct conn *c);
/* An open session with a house that is no member: it has no peer. */
bool conn_guest(const struct conn *c);
void conn_set_guest(struct conn *c);
struct conn *conn_next(const struct conn *c); /* the owner's list */
void conn_set_next(struct conn *c, struct conn *next);

/* What conn tells its owner; implemented by overlay.c. */
void overlay_conn_open(struct daemon *d, struct conn *c, const struct session_event *event);
void overlay_conn_in_sync(struct daemon *d, struct conn *c);
void overlay_conn_twin(struct daemon *d, struct conn *c, const struct twin *twin);
/* The house line that the peer has told, signed by it and with its static key. */
void overlay_conn_card(struct daemon *d, struct conn *c, const char *text);
/* It has no room and names others. */
void overlay_conn_refer(struct daemon *d, struct conn *c, const struct tris_house_id *houses,
                        uint32_t count);
void overlay_conn_pong(struct daemon *d, struct conn *c, uint64_t id, uint64_t rtt_ms);
/* The session is over, the socket may stay for a while: a fault counts from now on, whatever else
 * the peer has opened. */
void overlay_conn_ended(struct daemon *d, struct conn *c, enum tris_err reason, bool by_peer);
/* Last word: the memory goes when this returns. Session and its stats are still there. */
void overlay_conn_closed(struct daemon *d, struct conn *c, enum tris_err reason, bool by_peer);

#endif
