/* One peer connection as a pure state machine: bytes and ticks in, bytes and events out.
 *
 * Knows no socket, clock, thread or store: time and randomness are passed in, the store is read
 * through `struct session_io`, effects leave as events. Daemon, simulator and fuzzers run this same
 * code. Hashing and signature checks of received entries happen behind the SEGMENT event, off the
 * loop. Design: FORMAT.md "Session". Threading: one thread.
 *
 * Reading never stops; what a peer may send is bounded by the credit that it was granted. Writing
 * is pull: the owner calls session_fill when its socket has room, so a slow peer costs nothing. */
#ifndef TRIS_PROTO_SESSION_H
#define TRIS_PROTO_SESSION_H

#include "proto/charter.h"
#include "proto/fork.h"
#include "proto/frontier.h"
#include "proto/msg.h"
#include "proto/noise.h"
#include "proto/seal.h"
#include "proto/twin.h"

enum { SESSION_MAJOR_VERSION = 1 };

/* How much travels in a session, in both directions. It never changes while the session is open:
 * the owner closes it when the membership has changed, and the next one has the other level. */
enum session_level {
    SESSION_FULL, /* members: all logs */
    SESSION_GOV,  /* a candidate or revoked house on either side: charter, cards and gov logs */
};

enum { SESSION_INVITES_MAX = 8 }; /* open invitations that the gate tries */

/* An open invitation, as the gate and the handshake need it. */
struct session_invite {
    uint64_t id; /* the owner's, never 0 */
    uint8_t psk[32];
    uint8_t gate_key[32]; /* noise_gate_key of the psk */
};

struct session_admit {
    bool invited; /* in: it knows the secret of an open invitation */
    enum tris_role role;
    enum session_level level; /* SESSION_FULL unless the owner says otherwise */
};

/* What a session asks of its owner; called synchronously, `ctx` first. */
struct session_io {
    /* Is `house` an identity that may hold a session, and is `transport` its newest (or former)
     * static key? TRIS_OK (role and level filled in), TRIS_ERR_STRANGER, TRIS_ERR_WRONG_KEY. */
    enum tris_err (*member)(void *ctx, const struct tris_house_id *house,
                            const struct tris_dh_pub *transport, struct session_admit *admit);
    /* Appends wire forms of consecutive entries from `first` to `out`, ending at a seal: the
     * largest run of at most TRIS_SEAL_SPACING_MAX entries and TRIS_SEGMENT_BYTES_MAX bytes (if the
     * first sealed run is larger: all of it in erased form). At `first` == size of the
     * newest seal: no entries (*count 0) and that seal. TRIS_ERR_NOT_FOUND behind it. */
    enum tris_err (*read_segment)(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                                  uint32_t *count, struct seal *seal);
    void (*random)(void *ctx, void *out, size_t len);
    /* Fills in the hashes of complete nodes (level, index given) within the entries held:
     * TRIS_ERR_NOT_FOUND outside. A call costs at most 1,024 leaves beside what is stored. */
    enum tris_err (*nodes)(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count);
    /* The newest seal at or below the frontier item's `held`; TRIS_ERR_NOT_FOUND if there is none.
     */
    enum tris_err (*newest_seal)(void *ctx, uint32_t log_no, struct seal *seal);
    /* The first holes below `until`, as at most `max` runs of together at most
     * TRIS_SEAL_SPACING_MAX entries. */
    enum tris_err (*holes)(void *ctx, uint32_t log_no, uint64_t until, struct msg_run *runs,
                           size_t max, size_t *count);
    /* Appends the row (MSG_ROW_hole) of an entry whose payload is here; else TRIS_ERR_NOT_FOUND.
     * TRIS_ERR_NO_SPACE, and nothing, if it does not fit. */
    enum tris_err (*hole)(void *ctx, uint32_t log_no, uint64_t seq, struct wbuf *rows);
    /* Appends the fork proof that is held for a log; TRIS_ERR_NOT_FOUND. */
    enum tris_err (*fork_proof)(void *ctx, uint32_t log_no, struct wbuf *out);
    /* The open invitations, at most SESSION_INVITES_MAX; read before the call returns to the
     * session's caller. NULL: there are never any. */
    const struct session_invite *(*invites)(void *ctx, uint32_t *count);
    /* The charter's text, valid until the session's caller gets control back. NULL, or an error: it
     * cannot be told, and the peer is told that it is empty. */
    enum tris_err (*charter)(void *ctx, struct span *text);
};

struct session_config {
    bool initiator;
    struct tris_fed_id fed;
    struct tris_house_id own_id;
    struct noise_keypair own_transport;
    uint64_t instance_nonce;           /* random per process start */
    struct tris_house_id peer_id;      /* initiator: whom it wants to reach */
    struct tris_dh_pub peer_transport; /* initiator */
    bool invited;                      /* initiator: by an invitation with this */
    uint8_t psk[32];
    struct span card; /* own house line that a session of level GOV tells; outlives the session */
    /* The own line of a next epoch that asks for endorsements: told at level FULL. Empty: none;
     * outlives the session. */
    struct span next_card;
    uint64_t session_no;           /* unique in this process, never 0 */
    uint64_t heartbeat_ms;         /* root announcement; default 15,000 */
    uint64_t handshake_ms;         /* whole handshake; default 5,000 */
    uint64_t idle_ms;              /* nothing received: closed; default 60,000 */
    uint64_t credit_bytes;         /* window granted to the peer, >= initial */
    bool has_common_root;          /* the last root that was equal with this peer, if known: */
    struct tris_short common_root; /* initiator, optional (stats of the former session) */
    struct frontier *frontier;     /* the owner's; outlives the session */
    const struct session_io *io;
    void *io_ctx;
};

enum session_state {
    SESSION_HANDSHAKE,
    SESSION_OPEN,
    SESSION_CLOSING, /* a goodbye waits to be sent */
    SESSION_CLOSED,
};

enum session_event_type {
    SESSION_EV_OPEN, /* peer authenticated, for a responder by its first frame: peer.house, role */
    SESSION_EV_SEGMENT,  /* entries to verify and write; answered by session_segment_done */
    SESSION_EV_IN_SYNC,  /* own and the peer's root became equal */
    SESSION_EV_PONG,     /* pong.id, pong.rtt_ms */
    SESSION_EV_CLAIM,    /* the peer says what it holds of an own log: claim; nothing is proven */
    SESSION_EV_TOLD,     /* and that was all of it */
    SESSION_EV_OWN_SEAL, /* answer to session_own_probe: own_seal, not verified */
    SESSION_EV_FORK, /* a fork proof that would lower a log's end; answered by session_fork_done */
    SESSION_EV_TWIN, /* about two processes of one house: twin, not verified */
    SESSION_EV_CARD, /* the peer's house line: card; once. Level FULL: of an epoch above 0, which it
                      * asks to be endorsed */
    SESSION_EV_CHARTER, /* answer to session_get_charter: charter, not verified */
    SESSION_EV_REFER,  /* the peer has no room and names others: refer; SESSION_EV_CLOSED follows */
    SESSION_EV_CLOSED, /* closed.reason; last event */
};

/* A complete run of entries as received, or payloads of holes. The consumer owns `bytes` (free)
 * from the event on. */
struct session_segment {
    uint32_t log_no;
    bool filling; /* `bytes` are `count` rows of HOLES (store_holes_fill); no seal */
    uint64_t first;
    uint32_t count;
    uint8_t *bytes;
    size_t len;
    struct seal seal; /* log filled in */
};

/* A proof that the log ends at `at`; without bytes: the log has an end by membership, and what is
 * held is another history than the one that ends there; both are the same up to `at`, to which it
 * is cut back (store_log_rewind). Signatures of a proof are not checked yet if it came from the
 * peer. The consumer owns `bytes` (free) from the event on. */
struct session_fork {
    uint32_t log_no;
    uint64_t at;
    uint8_t *bytes;
    size_t len;
    bool found_here; /* made in this session from two histories */
};

struct session_event {
    enum session_event_type type;
    union {
        struct {
            struct tris_house_id house;
            enum tris_role role;
            struct tris_dh_pub transport; /* its static key */
            uint64_t instance_nonce;
            uint64_t invite; /* responder: id of the invitation that it came with, to be closed; or
                                0 */
        } peer;
        struct session_segment segment;
        struct session_fork fork;
        struct {
            uint64_t id, rtt_ms;
        } pong;
        struct {
            uint32_t log_no;
            uint64_t size;
            struct tris_short root;
        } claim;
        struct {
            uint32_t log_no;
            struct seal seal; /* log filled in */
        } own_seal;
        struct twin twin;
        /* The peer's own, with its static key, signature checked. The consumer owns `text`. */
        struct {
            char *text; /* NUL-terminated, without LF */
        } card;
        /* Part of a charter; the consumer owns `bytes` (NULL if len is 0). */
        struct {
            uint64_t offset, total;
            uint8_t *bytes;
            size_t len;
        } charter;
        struct {
            struct tris_house_id houses[MSG_REFERS_MAX];
            uint32_t count;
        } refer;
        struct {
            enum tris_err reason;
            bool by_peer; /* it said goodbye with this reason */
            bool clone;   /* TRIS_ERR_SELF: another process with this house's identity */
        } closed;
    };
};

struct session_stats {
    uint64_t bytes_in, bytes_out; /* on TCP, handshake included */
    uint64_t frames_in, frames_out;
    uint64_t entries_in, entries_out;
    uint64_t round_trips; /* request-answer pairs since the start, handshake = 1 */
    uint64_t opened_ms, last_recv_ms;
    uint64_t rtt_ms; /* of the last ping; 0 = unknown */
    struct tris_short peer_root;
    bool equal;
    uint64_t turned_ms;    /* since when `equal` is what it is */
    uint64_t peer_version; /* as its first message says; 0: it dialled nobody here */
    uint64_t peer_features;
    bool has_common_root;          /* roots were equal at some moment, */
    struct tris_short common_root; /* last at this one: keep it for the next session's config */
    bool confirmed;                /* a frame decrypted: no replayed first message */
    bool claimed; /* the peer has said what it holds of our own log (or roots were equal) */
    uint64_t unknown_messages, unknown_logs, other_roots; /* skipped: number, log, same size */
    uint64_t duplicate_segments, gap_segments;            /* received and not used */
    uint64_t segments_in, segments_out, ladders;
    uint64_t prunes, grafts;      /* how often this side has asked for announcements, for a push */
    uint64_t holes_in, holes_out; /* payloads that came, or went, after their entries */
    uint64_t fork_probes, fork_trips; /* differences looked into; round trips that they took */
    uint64_t fork_proofs_in, fork_proofs_out;
};

struct session; /* opaque, heap: < 256 KiB with its buffers while idle */

/* Heap object of the caller's. TRIS_ERR_NO_MEMORY, or an error of the handshake's first message. An
 * initiator that is sent to its own house is closed from the start (TRIS_ERR_SELF). The frontier
 * must know the logs of all members, the empty ones too: what it does not know is not taken. */
TRIS_MUST_CHECK enum tris_err session_new(const struct session_config *config, uint64_t now_ms,
                                          struct session **out);
void session_free(struct session *s); /* wipes keys; any time */

/* Received bytes. Never fails: faults show as SESSION_EV_CLOSED. */
void session_recv(struct session *s, struct span bytes, uint64_t now_ms);
/* Call at or after session_deadline. */
void session_tick(struct session *s, uint64_t now_ms);
uint64_t session_deadline(const struct session *s); /* monotonic ms of the next needed tick */

/* Next event, oldest first; false if there is none. */
bool session_next_event(struct session *s, struct session_event *out);

/* True if session_fill would produce bytes now. */
bool session_has_output(const struct session *s);
/* Writes as many complete frames as fit into `out` (cap >= 128 KiB) and returns the bytes. */
size_t session_fill(struct session *s, uint8_t *out, size_t cap, uint64_t now_ms);

/* A log has grown (commit returned): push to this peer, or announce it soon, if its position is
 * known, else leave it to the heartbeat. Call after the frontier was updated. */
void session_log_advanced(struct session *s, uint32_t log_no);
/* Several logs advanced or the root changed: announce the root soon. */
void session_root_changed(struct session *s);

/* The writer's verdict on a SEGMENT event of this log, with the event's `len`, after the frontier
 * was updated: bytes are credited back. An error of class PEER closes the session with it, except
 * TRIS_ERR_NOT_NEXT (another session was faster with other segment borders: fetched again) and
 * TRIS_ERR_FORK (the entries miss a genuine seal, or the known end of a cut log: the session finds
 * out whether the peer altered them or the owner sealed two histories), and of payloads of holes
 * TRIS_ERR_BAD_COMMIT (likewise: of another history other payloads are right). A RESOURCE or STATE
 * error leaves the log to be fetched again later. Duplicates of what is held already are TRIS_OK.
 */
void session_segment_done(struct session *s, uint32_t log_no, size_t len, enum tris_err result);

/* Asks the peer for the newest seal that it holds of an own log, if that is `size` or larger: the
 * proof of its claim. Answered by SESSION_EV_OWN_SEAL or not at all. Nothing happens while one is
 * open for this log, or while the log is fetched from this peer. */
void session_own_probe(struct session *s, uint32_t log_no, uint64_t size);
/* The owner has set the tail of an own log in the frontier: fetches what this peer has claimed. */
void session_own_tail(struct session *s, uint32_t log_no);
/* The verdict on a FORK event, after the frontier was updated. TRIS_OK: the proof is verified, and
 * kept if it lowers the end. TRIS_ERR_FORK: it is genuine, but what is held is of a third history
 * and was left as it is: the smaller fork point is looked for. Another error of class PEER closes
 * the session with TRIS_ERR_BAD_PROOF. */
void session_fork_done(struct session *s, uint32_t log_no, enum tris_err result);
/* A proof was kept that lowers the end of a log; the frontier is updated and the log is cut. Call
 * on every session: the peer is told, unless it said so itself. */
void session_fork_known(struct session *s, uint32_t log_no);

/* Sends a question, an answer or somebody else's answer; at most two wait, more are dropped. */
void session_twin(struct session *s, const struct twin *twin);

/* Asks for the charter's text from `offset` on: SESSION_EV_CHARTER. One question at a time. */
void session_get_charter(struct session *s, uint64_t offset);

void session_credit_window(struct session *s, uint64_t bytes); /* change the window, >= initial */
/* Answered by SESSION_EV_PONG; a newer ping replaces one that waits. */
void session_ping(struct session *s, uint64_t id, uint64_t now_ms);
/* Ask the peer for its frontier now instead of at the next heartbeat. */
void session_sync_now(struct session *s);
/* Says goodbye with the reason and closes once that is sent (SESSION_EV_CLOSED). */
void session_close(struct session *s, enum tris_err reason);
/* The same with TRIS_ERR_BUSY, naming at most MSG_REFERS_MAX other members to be dialled. */
void session_close_busy(struct session *s, const struct tris_house_id *houses, uint32_t count);

enum session_state session_state(const struct session *s);
enum session_level session_level(const struct session *s); /* meaningful once it is open */
const struct session_stats *session_stats(const struct session *s);
/* How much of a log the peer is known to hold, by what it has said and sent: nothing of it is
 * proven. False: it is not known. */
bool session_position(const struct session *s, uint32_t log_no, uint64_t *size);
/* The peer seems to hold another history of the log; it is being looked into. */
bool session_suspects(const struct session *s, uint32_t log_no);
/* The sentence of the peer's goodbye (text of others) and its code; "" if it said none. */
const char *session_bye_text(const struct session *s, uint32_t *code);

#endif
