/* The overlay: which houses are dialled and when, one session per house, what is known of each.
 *
 * Candidates are configured peers (setting "peer/<hex id>" -> address) always and, with peers.dial
 * = auto, up to peers.dial_max members with an address, drawn (proto/neighbour.h) and exchanged one
 * by one. What an event costs does not grow with the members. Loop thread only. */
#ifndef TRIS_DAEMON_OVERLAY_H
#define TRIS_DAEMON_OVERLAY_H

#include "daemon/limits.h"
#include "daemon/members.h"
#include "proto/msg.h"
#include "proto/penalty.h"
#include "proto/session.h"

struct daemon;
struct conn;
struct overlay; /* opaque */

/* Setting of a configured address, before the house's id in hex. */
#define OVERLAY_ADDRESS_PREFIX "peer/"

enum peer_state {
    PEER_IDLE,    /* no address, or not chosen */
    PEER_WAITING, /* will be dialled at penalty.dial_ms */
    PEER_DIALLING,
    PEER_OPEN,
};

/* How the last attempt at one address failed. */
struct peer_end {
    enum tris_err err; /* TRIS_OK: none yet, or it was reached since */
    int status;        /* libuv's, if nobody was reached; else 0 */
    uint64_t wall_ms;
};

/* One for each row of members.list, this house's included; same index. */
struct peer {
    enum peer_state state;
    bool self;       /* the row of this house: never used */
    bool configured; /* `address` was set by peer.add */
    bool listed;     /* is or was configured: part of the list that goes on at */
    uint32_t configured_next;
    bool inbound;                         /* the open session was dialled by them */
    char address[TRIS_ADDRESS_BYTES_MAX]; /* configured one; "" = the member's own addresses */
    struct conn *conn;                    /* open or dialling; NULL */
    uint32_t address_turn;                /* which of the member's addresses is next */
    struct penalty penalty;               /* when it is dialled, whether its sessions are taken */
    uint64_t heard_wall_ms;               /* when their last byte came; 0 = never since the start */
    uint64_t instance;                    /* nonce of their process in the open session */
    uint64_t twins_ms;                    /* when two processes of it were asked last; 0 = never */
    enum tris_err last_error;
    struct limits limits;
    uint32_t dial_at;                         /* which address was dialled last */
    struct peer_end ends[TRIS_ADDRESSES_MAX]; /* by address; a configured one is the first */
    bool faulty;  /* this node has ended the last session for a fault of its */
    bool refused; /* it has ended the last session with a reason, which is */
    uint32_t bye_code;
    char bye_text[MSG_BYE_TEXT_BYTES_MAX + 1]; /* text of others */
    bool has_common_root;          /* the last root that was equal, of former sessions; */
    struct tris_short common_root; /* shortens the comparison when we dial again */
    /* sums over former sessions of this process; add session_stats of the open one */
    uint64_t bytes_in, bytes_out, entries_in, entries_out;
};

const char *peer_state_name(enum peer_state state);

uint32_t overlay_peer_count(const struct overlay *o);
/* Up to date at the call; valid until the callback returns. */
const struct peer *overlay_peer(const struct overlay *o, uint32_t index);
/* NULL unless the session is open. */
const struct session_stats *overlay_session_stats(const struct overlay *o, uint32_t index);
/* The open session's last known root is ours. */
bool overlay_peer_equal(const struct overlay *o, uint32_t index);
uint32_t overlay_open_count(const struct overlay *o);
uint32_t overlay_inbound_count(const struct overlay *o); /* of these, those that they dialled */
uint32_t overlay_equal_count(const struct overlay *o);   /* of these, those that have our root */
/* Wall time of the last that came of a house, by whatever way: in its session, or its newest seal
 * through others. 0 = never. */
uint64_t overlay_last_heard(const struct overlay *o, uint32_t index);
/* Entries of one log that a peer may say it has more of: what is beyond it is shown as this many.
 */
#define OVERLAY_MORE_MAX (UINT64_C(1) << 40)
/* What connected peers say of a log that is held up to `held`: how many entries there are more, and
 * how many of them say that there are any. Nothing of it is proven. */
void overlay_claims(const struct overlay *o, uint32_t log_no, uint64_t held, uint64_t *missing,
                    uint32_t *claimants);
/* What an open session shows of the difference, in entries that are known of. */
struct overlay_difference {
    uint64_t behind, ahead; /* that it has and we have not, and the other way round */
};
struct overlay_difference overlay_differ(const struct overlay *o, uint32_t index);
/* How much the open session's peer holds of a log; false: it is not known. */
bool overlay_position(const struct overlay *o, uint32_t index, uint32_t log_no, uint64_t *size,
                      bool *suspected);
/* Every open session has our root (and there is at least one), and nothing of this house waits to
 * be sealed. */
bool overlay_all_equal(const struct overlay *o);
/* Addresses that this process listens on ("127.0.0.1:8747"), with real ports. */
size_t overlay_listen_count(const struct overlay *o);
const char *overlay_listen(const struct overlay *o, size_t index);

/* Sets or (address "") removes a configured address and dials anew. The caller stores the setting
 * through the writer. */
void overlay_configure(struct overlay *o, uint32_t index, const char *address);
/* Limits of one peer from now on. The caller stores the setting through the writer. */
void overlay_set_limits(struct overlay *o, uint32_t index, const struct limits *limits);
/* Whether a session may be held with it now: TRIS_OK, TRIS_ERR_PAUSED, TRIS_ERR_HOURS. */
enum tris_err overlay_limit(const struct overlay *o, uint32_t index);
bool overlay_paced(const struct overlay *o, uint32_t index); /* bytes wait for its rate */
/* The index-th address that it is dialled at ("" behind the last), and how that ended last. */
const char *overlay_address(const struct overlay *o, uint32_t peer, uint32_t index,
                            const struct peer_end **end);
/* Asks one peer (or all: UINT32_MAX) for its frontier now; the number asked. Peers that wait for
 * their back-off are dialled at once. */
uint32_t overlay_sync_now(struct overlay *o, uint32_t index);

/* `err` TRIS_OK and the round-trip time, or TRIS_ERR_TIMEOUT, _CLOSED, _NO_SPACE. Called exactly
 * once; `ctx` is the caller's. TRIS_ERR_NOT_READY at once if there is no open session; then it is
 * not called. */
typedef void overlay_ping_fn(struct daemon *d, void *ctx, enum tris_err err, uint64_t rtt_ms);
TRIS_MUST_CHECK enum tris_err overlay_ping(struct overlay *o, uint32_t index, uint64_t timeout_ms,
                                           overlay_ping_fn *done, void *ctx);
/* Calls back as soon as overlay_all_equal, or with equal = false at the timeout. Exactly once. */
typedef void overlay_wait_fn(struct daemon *d, void *ctx, bool equal);
TRIS_MUST_CHECK enum tris_err overlay_wait_equal(struct overlay *o, uint64_t timeout_ms,
                                                 overlay_wait_fn *done, void *ctx);

/* ---- for daemon.c, writer.c and conn.c ---- */

TRIS_MUST_CHECK enum tris_err overlay_open(struct daemon *d, struct overlay **out);
TRIS_MUST_CHECK enum tris_err overlay_start(struct overlay *o); /* listens and dials */
void overlay_reload(struct overlay *o);                         /* configuration changed */
/* Says goodbye to all; what is left after `flush_ms` is closed hard. */
void overlay_stop(struct overlay *o, uint64_t flush_ms);
void overlay_free(struct overlay *o); /* after uv_run has returned */

/* The frontier was updated for these logs by a commit; `source` (0 = an own write) knows them. */
struct overlay_advance {
    uint32_t log_no;
    uint64_t source;
};
void overlay_advanced(struct overlay *o, const struct overlay_advance *list, size_t count);
void overlay_segment_done(struct overlay *o, uint64_t session_no, uint32_t log_no, size_t len,
                          enum tris_err result);
/* The verdict on a fork proof, for the session that brought it; and a lower end, for all. */
void overlay_fork_done(struct overlay *o, uint64_t session_no, uint32_t log_no,
                       enum tris_err result);
void overlay_fork_known(struct overlay *o, uint32_t log_no);
/* An own log is to be fetched from whoever has claimed more of it: its tail in the frontier. */
void overlay_own_tail(struct overlay *o, uint32_t log_no);
/* Asks every open session for its frontier: there may be logs now that nobody was asked for. */
void overlay_ask_again(struct overlay *o);
/* Ends all sessions, so that new ones say anew what they hold. */
void overlay_greet_again(struct overlay *o);
/* Ends those with one house, so that the next one has the rights that it has now. */
void overlay_greet_one(struct overlay *o, uint32_t index);
/* Ends the guest sessions of a house that is a member now: the next one is a member's. */
void overlay_greet_guests(struct overlay *o, const struct tris_house_id *house);
/* Rows were added to the member table: so are peers. On failure the next call tries again. */
TRIS_MUST_CHECK enum tris_err overlay_members_grown(struct overlay *o);
/* A member's card or state changed: address or key may be others, or it is none any more. */
void overlay_member_changed(struct overlay *o, uint32_t index);

#endif
