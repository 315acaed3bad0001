/* The network: TCP streams with latency, rate, cuts and partitions, and the session at each end.
 *
 * What conn.c is in the daemon: bytes to and from proto/session, ticks, the end of a connection.
 * Bytes of one direction arrive in order or not at all. */
#ifndef TRIS_TESTS_SIM_NET_H
#define TRIS_TESTS_SIM_NET_H

#include "proto/guard.h"
#include "proto/session.h"
#include "tests/sim/sim.h"

enum { NET_USER_TIMEOUT_MS = 60000 }; /* TCP gives up on bytes that nobody acknowledges */

struct piece; /* bytes on their way */

struct end {
    uint32_t house;
    uint32_t who;            /* whose key it has */
    struct session *session; /* NULL before TCP is there and after the end */
    uint64_t no;             /* of the session, unique in the run */
    bool peer_hostile;       /* the other end's house is */
    bool open;               /* authenticated */
    bool over;               /* this side is done with the connection */
    bool broken;             /* TCP has said so, the session was told nothing more */
    bool pumping;
    uint64_t tick_ms; /* of the tick that is in the queue; UINT64_MAX: none */
    struct piece *first, **tail;
    size_t flying;    /* bytes sent and not arrived */
    uint64_t last_ms; /* arrival of the newest piece */
    uint64_t sent;
    struct guard_peer guard; /* what the peer has said of this house's own logs */
    uint64_t cut_at;         /* the stream dies after so many sent bytes; UINT64_MAX: not */
};

struct conn {
    bool used, dead; /* dead: bytes go nowhere */
    uint64_t stamp;
    struct end end[2]; /* 0 dialled */
    uint64_t latency_ms, slow_until_ms;
    uint32_t slow_bytes_per_ms; /* while slow */
    uint32_t split;             /* so many deliveries to come are cut into small pieces */
    bool flip;                  /* the next delivery has a bit turned over */
    bool has_common;
    struct tris_short common;
};

struct net; /* opaque */

struct net *net_new(struct sim *sim);
void net_free(struct net *net);

/* `from` dials `to`: EVENT_CONNECT follows. Returns the number of the connection. */
uint32_t net_dial(struct sim *sim, uint32_t from, uint32_t to, const struct tris_short *common);
struct conn *net_conn(struct sim *sim, uint32_t no); /* NULL: not in use */
uint32_t net_count(const struct sim *sim);           /* numbers are below it */
/* Which end of the connection this house has, given its session's number; 2: none. */
uint32_t net_end_of(const struct conn *c, uint64_t session_no);

/* Handlers of events; each checks the event's stamp. */
void net_on_connect(struct sim *sim, const struct event *event);
void net_on_deliver(struct sim *sim, const struct event *event);
void net_on_tick(struct sim *sim, const struct event *event);
void net_on_notice(struct sim *sim, const struct event *event);

/* After any session_* call at this end: takes its events, sends its bytes, plans its tick. */
void net_pump(struct sim *sim, uint32_t no, uint32_t end);
/* Says goodbye with the reason. */
void net_goodbye(struct sim *sim, uint32_t no, uint32_t end, enum tris_err reason);
/* The process at this end is gone: the other one learns it by a reset, or not at all (silent). */
void net_drop(struct sim *sim, uint32_t no, uint32_t end, bool silent);

/* Bytes that the session at this end did not write. */
void net_inject(struct sim *sim, uint32_t no, uint32_t end, const uint8_t *bytes, size_t len);
/* A connection that brings `to` the first bytes that somebody once sent there; false: none. */
bool net_replay(struct sim *sim, uint32_t from, uint32_t to);

/* Faults. */
void net_reset(struct sim *sim, uint32_t no);
void net_swallow(struct sim *sim, uint32_t no);
/* A connection that lives, drawn; SIM_NONE if there is none. */
uint32_t net_any(struct sim *sim, struct rng *rng);
/* Who reaches whom: bit `to` of row `from`. Takes connections down that are affected. */
void net_block(struct sim *sim, uint32_t from, uint32_t to, bool blocked);
void net_block_none(struct sim *sim);
bool net_blocked(const struct sim *sim, uint32_t from, uint32_t to);

#endif
