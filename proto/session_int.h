/* What the session_*.c files share; nobody else includes this. */
#ifndef TRIS_PROTO_SESSION_INT_H
#define TRIS_PROTO_SESSION_INT_H

#include "proto/assert.h"
#include "proto/frame.h"
#include "proto/msg.h"
#include "proto/session.h"

enum {
    /* range requests open at once in one direction: hides the round trip of many small logs */
    SESSION_RANGES_MAX = 64,
    /* segments that may be unconfirmed in one direction: bounds events and verification queues */
    SESSION_SEGMENTS_MAX = 1024,
    /* logs waiting to be pushed; what does not fit is left to the frontier */
    SESSION_PUSH_MAX = 256,
    /* announced logs that are waited for; what does not fit is left to the frontier */
    SESSION_HEARD_MAX = 32,
    SESSION_PONGS_MAX = 8,
    SESSION_TWINS_WAITING = 2,
    SESSION_TWINS_MAX = 4, /* of a peer that are looked at in one session */
    /* control messages a second: a ladder at 10,000 houses has 80 chunks */
    SESSION_CONTROL_PER_SECOND = 1000,
    /* frontier requests a minute: two or three a second while a transfer runs */
    SESSION_LADDERS_PER_MINUTE = 240,
    /* items of one answer: 10,000 houses with two topics and three epochs */
    SESSION_ITEMS_MAX = 65536,
    /* an answer with more differing buckets than this is not smaller than everything */
    SESSION_BUCKETS_DIFFER_MAX = 128,
    /* own logs that a peer may speak of: gov and data of the newest epochs */
    SESSION_OWN_LOGS_MAX = 4,
    /* claims of own logs that are told to the owner; the others are repeated by a later ladder */
    SESSION_CLAIMS_PER_MINUTE = 60,
    /* SEALs without entries that nobody has asked for: an honest peer sends none */
    SESSION_STRAY_SEALS_PER_MINUTE = 64,
    /* logs whose difference waits to be looked into; one at a time is */
    SESSION_PROBES_MAX = 64,
    /* fork proofs to be told, of them unasked; to be asked for */
    SESSION_TELLS_MAX = 64,
    SESSION_NEWS_MAX = 48, /* the news must not take the place of what the peer asks for */
    SESSION_FORK_WANTS_MAX = 64,
    /* ... asked for at once, and waiting for the owner's verdict */
    SESSION_FORK_OPEN_MAX = 8,
    /* proofs that came unasked, a minute: what is more is learned from the frontier's flags */
    SESSION_FORK_NEWS_PER_MINUTE = 64,
    /* requests for hashes that wait at once, and a minute: each costs up to 1,024 leaves. An asker
     * keeps to less than half of it, since its minutes are others than ours. */
    SESSION_HASH_ASKS_MAX = 16,
    SESSION_HASH_ASKS_PER_MINUTE = 100,
    SESSION_HASH_ASKED_PER_MINUTE = 45,
    /* requests for proofs a minute, likewise */
    SESSION_FORK_ASKS_PER_MINUTE = 600,
    SESSION_FORK_ASKED_PER_MINUTE = 250,
    SESSION_FORK_HEARD_MAX = 16,
    /* parts of a charter a minute: the largest one twice */
    SESSION_CHARTERS_PER_MINUTE = 2 * (TRIS_CHARTER_BYTES_MAX / MSG_CHARTER_TEXT_BYTES),
    /* requests for payloads of holes a minute, likewise: each costs up to 1,024 reads */
    SESSION_HOLE_ASKS_PER_MINUTE = 600,
    SESSION_HOLE_ASKED_PER_MINUTE = 250,
    /* entries behind a hole from which on no more are fetched: a store takes some more than that */
    SESSION_HOLE_BEHIND_MAX = 31 * TRIS_SEAL_SPACING_MAX,
    /* bytes collected for one segment before its seal comes */
    SESSION_SEGMENT_BYTES_MAX = TRIS_SEGMENT_BYTES_MAX + TRIS_ENTRY_WIRE_BYTES_MAX,

    /* what was announced comes by another way within so long, or is asked for: half a dozen hops
     * over links of 30 ms */
    SESSION_GRAFT_MS = 200,
    SESSION_ROOT_DELAY_MS = 50,     /* changes that come together are announced together */
    SESSION_LADDER_SOON_MS = 1000,  /* between two ladders while something is learned */
    SESSION_LADDER_LATE_MS = 60000, /* and while nothing is */
    SESSION_LADDER_ANSWER_MS = 15000,
    SESSION_LADDER_WHOLE_MS = 300000, /* all steps and chunks of one comparison */
    SESSION_RESOURCE_RETRY_MS = 5000,
    /* a range that brings less than the rate for so long is left to other sessions ... */
    SESSION_FETCH_STALL_MS = 30000,
    SESSION_FETCH_BYTES_PER_SECOND = 4096,
    /* ... and a peer that leaves its answers open for so long is reconnected */
    SESSION_FETCH_DEAD_MS = 300000,
    SESSION_POLL_MS = 1000,   /* look again for logs that other sessions were fetching */
    SESSION_SCAN_MS = 1000,   /* between two passes over a large frontier */
    SESSION_SCAN_FREE = 1024, /* logs of a frontier that is small enough to pass any time */
    SESSION_WANT_STEPS = 256, /* wanted logs looked at in one go */
    SESSION_MINUTE_MS = 60000,
    SESSION_FORK_ANSWER_MS = 60000, /* no consistency proof, no nodes for so long: closed */
    SESSION_FORK_RETRY_MS = 250,    /* the store is being changed: look again */
};

_Static_assert(TRIS_SEGMENT_BYTES_MAX <= TRIS_CREDIT_INITIAL_BYTES, "a segment passes at once");
_Static_assert((int)MSG_FRONTIER_BYTES_MAX <= (int)FRAME_PLAIN_BYTES_MAX,
               "a chunk fits into a frame");

#define SESSION_POSITION_UNKNOWN UINT64_MAX

/* At most `limit` of something in each stretch of a minute. */
struct budget {
    uint64_t since_ms;
    uint32_t count;
};

enum want_kind {
    WANT_ENTRIES,
    WANT_SEAL,  /* the newer seal over what is held already */
    WANT_HOLES, /* payloads of entries that are held */
};

/* A log that is wanted up to a size, and one that is being fetched. */
struct want {
    uint32_t log_no;
    enum want_kind kind;
    uint64_t until;
};

struct want_list {
    struct want *list;
    uint32_t count, cap, cursor;
};

struct fetch {
    uint32_t log_no;
    uint64_t until;
    uint64_t first;    /* where the request began */
    uint64_t stall_ms; /* other sessions may have the log from then on */
    enum want_kind kind;
    bool sealed;    /* the seal alone has come */
    bool requested; /* GET_RANGE or GET_HOLES is sent */
    bool ended;     /* the peer said END, or that no more payloads follow */
    bool left;      /* to other sessions; what still comes is taken like a push */
};

/* A log of which segments wait for the writer: where the next one has to begin. */
struct flight {
    uint32_t log_no;
    uint32_t segments;
    uint64_t assumed;
    bool failed; /* a verdict was bad: what was behind it is void, nothing more is taken */
    bool again;  /* and the log is to be wanted at once when the others are back */
};

/* The segment whose pieces are arriving. */
struct assembly {
    bool active;
    bool discard; /* counted, not kept */
    uint32_t log_no;
    struct tris_short log;
    uint64_t first;
    uint8_t *buf;
    size_t len, cap;
};

enum ladder_step { LADDER_IDLE, LADDER_CHANGED, LADDER_DIGESTS, LADDER_BUCKETS };

struct pull {
    enum ladder_step step;
    bool step_send; /* the request of this step is not written yet */
    bool due;       /* a ladder is wanted */
    bool learned;   /* a segment was accepted since the last ladder began */
    bool settled;   /* the end of the last run has been looked at */
    uint64_t step_ms, started_ms, next_ms, poll_ms;
    uint64_t stamp; /* own frontier when the ladder compared */
    uint32_t items_count;
    uint32_t differ_beats; /* heartbeats at which the roots differed */
    uint8_t buckets[MSG_BUCKET_SET_BYTES];
    struct want_list wants[2]; /* gov, data */
    struct fetch fetches[SESSION_RANGES_MAX];
    uint32_t fetches_count;
    uint64_t fetched_ms; /* the last request or answer of any of them */
    struct flight *flights;
    uint32_t flights_count, flights_cap;
    struct assembly assembly;
    /* credit given: left to the peer, and waiting for the writer */
    bool receives; /* something was asked for or came: the window is opened */
    uint64_t window, credit_left, bytes_waiting;
    uint32_t segments_left, segments_waiting;
    struct budget strays; /* SEALs without entries that nobody has asked for */
};

enum probe { PROBE_NONE, PROBE_DUE, PROBE_OPEN, PROBE_ANSWERED };

/* What the peer has said of an own log, so that one claim is one event, and the question for its
 * seal. */
struct own_log {
    uint32_t log_no;
    bool claimed;
    uint64_t size;
    struct tris_short root;
    enum probe probe;
    uint64_t probe_size;
};

struct own {
    struct own_log log[SESSION_OWN_LOGS_MAX];
    uint32_t count, in_window;
    uint64_t window_ms;
};

enum answer_kind { ANSWER_NONE, ANSWER_NOT_KNOWN, ANSWER_DIGESTS, ANSWER_CHANGED, ANSWER_BUCKETS };

struct answer {
    enum answer_kind kind;
    struct tris_short since; /* CHANGED */
    uint64_t stamp;          /* CHANGED: items with a later one */
    uint32_t log_no;         /* CHANGED: next to look at; BUCKETS: last given */
    uint32_t bucket;         /* BUCKETS */
    uint8_t buckets[MSG_BUCKET_SET_BYTES];
};

struct range {
    struct tris_short log;
    uint32_t log_no; /* FRONTIER_NONE: we do not have it */
    bool gov;
    bool seal; /* the newest seal alone was asked for (next == until) and is still to be sent */
    uint64_t next, until;
};

struct outgoing { /* the segment that is being sent */
    bool active;
    struct tris_short log;
    uint32_t log_no;
    uint64_t first;
    uint32_t count;
    struct seal seal;
    uint8_t *buf;
    size_t len, sent;
};

struct serve {
    struct answer answer;
    struct range ranges[SESSION_RANGES_MAX];
    uint32_t ranges_count, turn;
    uint32_t push[SESSION_PUSH_MAX]; /* ring */
    uint32_t push_head, push_count;
    bool pushed_last;
    struct outgoing out;
    uint64_t credit;
    uint64_t segments;
    /* what the peer holds, by log number; SESSION_POSITION_UNKNOWN */
    uint64_t *positions;
    uint32_t positions_count;
    bool compared_all; /* every log was looked at once: unknown ones came later */
    uint64_t scan_ms;
    uint64_t ladder_window_ms;
    uint32_t ladders_in_window;
};

/* ---- forks ---- */

enum suspect_state {
    SUSPECT_WAITS,  /* for its probe, or is being probed */
    SUSPECT_PROVEN, /* a proof is at the owner */
    SUSPECT_LEFT,   /* could not be found out; looked at again after a while */
};

/* Why a log is suspected. */
enum suspect_kind {
    SUSPECT_ITEM,    /* an item has the own size and another root */
    SUSPECT_SEGMENT, /* entries missed a genuine seal, or the end of a cut log */
    SUSPECT_HOLE,    /* a payload missed its commitment */
    SUSPECT_CLAIM,   /* the peer holds more of an own log: its beginning should be ours */
};

/* A log whose history differs from the peer's, or whose entries miss their seal. */
struct suspect {
    uint32_t log_no;
    enum suspect_state state;
    enum suspect_kind kind;
    uint64_t size; /* ITEM, HOLE: where both are compared; else at the newest seal held */
    uint64_t until_ms;
};

struct tell { /* FORK_PROOF to be sent */
    struct tris_short log;
    uint32_t log_no;
};

struct hash_ask { /* GET_CONSISTENCY or GET_NODES to be answered */
    enum msg_type type;
    struct tris_short log;
    uint64_t first; /* of consistency */
    uint32_t level, count;
    uint64_t index;
};

/* A fork proof that the peer has, because it has said so, or may have. */
struct fork_want {
    uint32_t log_no;
    bool said;
};

struct fork_open {
    struct fork_want want;
    uint64_t asked_ms;
};

struct fork_probe {
    uint32_t log_no;
    enum suspect_kind kind;
    bool sent;       /* the request is written */
    bool descending; /* nodes are asked for, else consistency */
    uint64_t asked_ms;
    uint64_t size;       /* where both are compared */
    struct tree_node at; /* of the peer: the first node that differs */
    /* of the peer: what is right of `at`, in right[right_head ...] */
    struct tree_node right[2 * TREE_PROOF_MAX];
    size_t right_head;
    struct seal seal; /* of the peer, verified, unless its history is one of a known proof: */
    uint8_t proof[FORK_PROOF_BYTES_MAX];
    size_t proof_len;
};

struct forks {
    /* asking: session_fork.c */
    struct suspect suspects[SESSION_PROBES_MAX];
    uint32_t suspects_count;
    struct fork_probe *probe;
    struct fork_want wants[SESSION_FORK_WANTS_MAX];
    uint32_t wants_count;
    struct fork_open open[SESSION_FORK_OPEN_MAX];
    uint32_t open_count;
    uint32_t waiting; /* FORK events without verdict */
    struct {
        uint32_t log_no;
        uint64_t at;
    } heard[SESSION_FORK_HEARD_MAX]; /* what the peer has proven: it need not be told */
    uint32_t heard_count;
    struct budget news, forks_asked, hashes_asked;
    /* serving: session_fork_serve.c */
    struct tell tells[SESSION_TELLS_MAX];
    uint32_t tells_count;
    struct hash_ask asks[SESSION_HASH_ASKS_MAX];
    uint32_t asks_count;
    uint64_t retry_ms; /* the store could not answer: not before */
    struct budget fork_asks, hash_asks;
};

/* Charter and cards: session_join.c */
struct join {
    bool card_due, card_in;             /* own line is to be sent; the peer's has come */
    bool charter_ask_due, charter_open; /* own question */
    uint64_t charter_ask;
    bool charter_due; /* the peer's */
    uint64_t charter_offset;
    struct budget asks;
};

/* ---- holes ---- */

struct hole_ask { /* GET_HOLES; one at a time, in a fetch of kind WANT_HOLES */
    bool open;
    uint32_t log_no;
    struct msg_run runs[MSG_RUNS_MAX];
    uint32_t count;
    uint32_t run; /* what has come: up to before `at`, which lies in or behind this run */
    uint64_t at;
    uint64_t wanted, got; /* entries */
};

struct hole_serve {
    bool open;
    struct tris_short log;
    uint32_t log_no;
    struct msg_run runs[MSG_RUNS_MAX];
    uint32_t count;
    uint32_t run; /* the next one to give is `at` of this run */
    uint64_t at;
};

struct holes {
    struct hole_ask ask;
    struct hole_serve serve;
    bool turn; /* payloads go first in the next frame, else segments */
    struct budget asked, asks;
};

/* ---- gossip ---- */

/* A log that the peer has announced and nobody has brought yet. */
struct heard {
    uint32_t log_no;
    uint64_t size;
    uint64_t seen; /* how far it had come when it was looked at last */
    uint64_t due_ms;
};

struct gossip {
    bool lazy;     /* what waits in serve.push is announced, not pushed */
    bool news_due; /* now */
    bool mode_due; /* and the peer is told what it shall do itself */
    struct heard heard[SESSION_HEARD_MAX];
    uint32_t heard_count;
};

struct event_queue {
    struct session_event *list; /* ring */
    uint32_t head, count, cap;
};

struct session {
    struct session_config config;
    enum session_state state;
    uint64_t now_ms, state_ms; /* last time heard of; when the state was entered */
    struct session_stats stats;

    struct noise_handshake handshake;
    struct noise_transport transport;
    struct frame_reader reader;
    uint8_t hello[1 + NOISE_GATE_BYTES + FRAME_LENGTH_BYTES + NOISE_HANDSHAKE_BYTES_MAX];
    size_t hello_len;

    struct tris_house_id peer;
    struct tris_dh_pub peer_transport; /* its static key */
    enum tris_role peer_role;
    enum session_level level;
    uint64_t invite; /* responder: which one it came with; 0 = none */
    uint64_t peer_nonce;
    struct msg_maybe common; /* last common root that both may remember */

    struct event_queue events;
    bool closed_pending, closed_told;
    struct session_event closed_event;
    enum tris_err bye;
    uint32_t bye_code; /* of the peer's goodbye */
    char bye_text[MSG_BYE_TEXT_BYTES_MAX + 1];

    /* control messages that wait to be written */
    bool claim_due, root_send, ping_due;
    bool root_due;
    uint64_t root_due_ms, root_sent_ms, heartbeat_ms;
    struct tris_short root_sent;
    uint64_t ping_id, ping_ms;
    bool ping_open;
    uint64_t pongs[SESSION_PONGS_MAX];
    uint32_t pongs_count;
    struct twin twins[SESSION_TWINS_WAITING]; /* to be sent */
    uint32_t twins_count, twins_in;
    uint64_t control_window_ms;
    uint32_t control_in_window;

    struct pull pull;
    struct serve serve;
    struct own own;
    struct forks forks;
    struct join join;
    struct holes holes;
    struct gossip gossip;
    struct tris_house_id refers[MSG_REFERS_MAX]; /* said before a goodbye */
    uint32_t refers_count;
    bool referred; /* by the peer, once */
};

/* session.c */
void session_fail(struct session *s, enum tris_err reason); /* goodbye if authenticated */
void session_end(struct session *s, enum tris_err reason, bool by_peer);
/* One more small message in this second; false: it is one too many, and the session has failed. */
bool session_count_control(struct session *s);
void session_event_put(struct session *s, const struct session_event *event);
void session_opened(struct session *s);
/* Compares own and peer root; tells the owner when they become equal. Returns equality. */
bool session_roots_compare(struct session *s);
struct tris_short session_own_root(const struct session *s);
size_t session_room(const struct wbuf *w);

/* session_level.c: what of the frontier a session of this level is about */
bool session_sees(const struct session *s, uint32_t log_no);
/* As frontier_find; a log that the session does not see is not found. */
uint32_t session_find(const struct session *s, const struct tris_short *id);
void session_own_bucket(const struct session *s, uint32_t bucket, struct tris_hash *out);
bool session_stamp_of(const struct session *s, const struct tris_short *root, uint64_t *stamp);

/* session_join.c: charter and cards */
void join_on_card(struct session *s, const struct msg *m);
void join_on_get_charter(struct session *s, const struct msg *m);
void join_on_charter(struct session *s, const struct msg *m);
bool join_has_control(const struct session *s);
void join_put_control(struct session *s, struct wbuf *w);

/* session_hello.c: the handshake */
TRIS_MUST_CHECK enum tris_err hello_start(struct session *s); /* initiator: writes message 1 */
void hello_read_first(struct session *s, struct span prefix, struct span frame);
void hello_read_second(struct session *s, struct span frame);

/* session_own.c: claims of own logs, and their proofs */
size_t claims_encode(const struct session *s, uint8_t *out, size_t cap, struct msg_list *list);
void claims_read(struct session *s, const struct msg_list *list);
void own_claim(struct session *s, uint32_t log_no, uint64_t size, const struct tris_short *root);
bool own_has_control(const struct session *s);
void own_put_control(struct session *s, struct wbuf *w);
/* A SEAL without entries, an END of an own log: false if nobody has asked for it. */
bool own_sealed(struct session *s, uint32_t log_no, const struct msg_seal *m);
bool own_ended(struct session *s, uint32_t log_no);
/* The question for its seal is open: both would be one range to the peer. */
bool own_probed(const struct session *s, uint32_t log_no);

/* session_ladder.c: comparing frontiers */
void ladder_start(struct session *s);
/* A root that once was ours belongs to a peer that has nothing we lack: it will ask, not we. */
bool ladder_peer_is_behind(struct session *s);
void ladder_abandon(struct session *s);
uint64_t ladder_deadline(const struct session *s); /* until when the answer has to be there */
void ladder_put(struct session *s, struct wbuf *w);
void ladder_digests(struct session *s, const struct msg_digests *m);
void ladder_items(struct session *s, const struct msg_frontier *m);
void ladder_not_known(struct session *s);

/* session_pull.c: wants and fetches, and when to compare */
void pull_init(struct session *s);
void pull_fini(struct session *s);
void pull_opened(struct session *s);
void pull_release_all(struct session *s); /* fetchers, on close */
void pull_tick(struct session *s);
void pull_beat(struct session *s); /* at each own heartbeat */
uint64_t pull_deadline(const struct session *s);
bool pull_has_control(const struct session *s);
void pull_put_control(struct session *s, struct wbuf *w);
void pull_message(struct session *s, const struct msg *m);
void pull_want(struct session *s, uint32_t log_no, uint64_t until);
/* The peer has a newer seal over what is held already. */
void pull_want_seal(struct session *s, uint32_t log_no);
/* ... and payloads before `until` that are missing here. */
void pull_want_holes(struct session *s, uint32_t log_no, uint64_t until);
void pull_step(struct session *s); /* starts what can be started, finishes what is done */
struct fetch *pull_fetch(struct session *s, uint32_t log_no);
/* `bytes` of this fetch have come. */
void pull_progress(struct session *s, struct fetch *fetch, size_t bytes);
/* While our own writer is behind, no peer is to blame; called when it has caught up. */
bool pull_writer_behind(const struct session *s);
void pull_caught_up(struct session *s);

/* session_recv.c: segments in, credit given */
void segment_entries(struct session *s, const struct msg_entries *m);
void segment_seal(struct session *s, const struct msg_seal *m);
/* Hands over payloads of holes. False without memory: closed. */
bool segment_emit_filling(struct session *s, uint32_t log_no, const struct msg_list *rows);
/* Where the next segment of this log has to begin. */
uint64_t segment_base(const struct session *s, uint32_t log_no);
bool segment_in_flight(const struct session *s, uint32_t log_no);
/* Nothing that is under way for this log fits any more: it is to be wanted again. */
void segment_void(struct session *s, uint32_t log_no);
void segment_fini(struct session *s);
bool credit_due(const struct session *s);
void credit_put(struct session *s, struct wbuf *w);

/* session_answer.c: answers about the own frontier */
void answer_message(struct session *s, const struct msg *m);
bool answer_has_control(const struct session *s);
void answer_put_control(struct session *s, struct wbuf *w);

/* session_serve.c: segments out, push */
void serve_init(struct session *s);
void serve_fini(struct session *s);
void serve_tick(struct session *s);
void serve_message(struct session *s, const struct msg *m);
bool serve_has_data(const struct session *s);
void serve_put_data(struct session *s, struct wbuf *w);
void serve_push(struct session *s, uint32_t log_no);
/* The next log that waits to be pushed and of which the peer lacks entries; FRONTIER_NONE. */
uint32_t serve_push_take(struct session *s);

/* session_gossip.c: whether news is pushed or announced on this link */
void gossip_on_announce(struct session *s, const struct msg *m);
/* The peer has pushed what came, or is coming, by another way. */
void gossip_duplicate(struct session *s);
/* News that waits may be announced now. */
void gossip_flush(struct session *s);
void gossip_tick(struct session *s);
uint64_t gossip_deadline(const struct session *s);
bool gossip_has_control(const struct session *s);
void gossip_put_control(struct session *s, struct wbuf *w);
void gossip_on_refer(struct session *s, const struct msg *m);
void gossip_put_refer(const struct session *s, struct wbuf *w);

/* session_hole.c: payloads of holes, in and out */
/* Draws up a request; false: there is none to be made now. */
bool hole_ask_begin(struct session *s, uint32_t log_no, uint64_t until);
void hole_ask_put(struct session *s, struct wbuf *w);
void hole_ask_end(struct session *s);
bool hole_ask_is_open(const struct session *s);
/* So much lies behind a hole of a log of `size` entries that nothing more of it is taken before
 * that is filled. */
bool hole_is_far(const struct frontier_item *item, uint64_t size);
bool hole_ask_was_met(const struct session *s); /* of the last one: everything has come */
void hole_on_holes(struct session *s, const struct msg *m);
void hole_on_get_holes(struct session *s, const struct msg *m);
bool hole_has_data(const struct session *s);
void hole_put_data(struct session *s, struct wbuf *w);

/* session_position.c: what the peer is known to hold */
uint64_t position_get(const struct session *s, uint32_t log_no);
void position_set(struct session *s, uint32_t log_no, uint64_t size);
void position_raise(struct session *s, uint32_t log_no, uint64_t size);
void position_all_equal(struct session *s);
/* Logs with unknown position, unchanged since `stamp`, outside `buckets` (NULL: all): as held. */
void position_rest_equal(struct session *s, uint64_t stamp, const uint8_t *buckets);

/* session_probe.c: differences of history */
/* Something is wrong with a log; nothing is fetched of it until it is known who is to blame. */
void fork_suspect(struct session *s, uint32_t log_no, enum suspect_kind kind, uint64_t size);
/* The log has an end that is not reached: what misses it may be sealed, and part from both
 * histories of the proof behind what is held here. */
bool fork_end_open(const struct session *s, uint32_t log_no);
/* session_suspect.c. _remove: the log is not suspected any more; _cleared: and what the peer has
 * more of it is wanted; _leave: nobody is to blame, it is left alone for a while. */
bool fork_suspected(const struct session *s, uint32_t log_no);
struct suspect *suspect_find(struct session *s, uint32_t log_no);
void suspect_leave(struct session *s, uint32_t log_no);
void suspect_remove(struct session *s, uint32_t log_no);
void suspect_cleared(struct session *s, uint32_t log_no);
void probe_next(struct session *s); /* the next suspect's turn, if none is being probed */
void probe_free(struct session *s);
/* What to ask for below `at`: not so many levels that the peer has to read over 1,024 entries. */
uint32_t probe_level(const struct fork_probe *probe);
/* Whether the proof's beginning is what is held; if not, the difference is looked into. */
bool probe_proof_fits(struct session *s, uint32_t log_no, struct span bytes,
                      const struct fork_proof *proof);
void fork_on_consistency(struct session *s, const struct msg *m);
void fork_on_nodes(struct session *s, const struct msg *m);

/* session_fork.c: fork proofs in, and requests about forks */
/* Hands a proof to the owner. False without memory. */
bool fork_emit(struct session *s, uint32_t log_no, uint64_t at, struct span proof, bool here);
/* The peer's item says that it knows a proof which we do not. */
void fork_want(struct session *s, uint32_t log_no, bool said);
void fork_on_proof(struct session *s, const struct msg *m);
void fork_tick(struct session *s);
uint64_t fork_deadline(const struct session *s);
bool fork_has_control(const struct session *s);
void fork_put_control(struct session *s, struct wbuf *w);
/* One more within this minute? Counts it if so. */
bool budget_take(struct budget *budget, uint64_t now_ms, uint32_t limit);
bool budget_left(const struct budget *budget, uint64_t now_ms, uint32_t limit);

/* session_fork_serve.c: proofs, consistency and nodes out */
void fork_on_get_consistency(struct session *s, const struct msg *m);
void fork_on_get_nodes(struct session *s, const struct msg *m);
void fork_on_get_fork(struct session *s, const struct msg *m);
bool fork_serve_has_control(const struct session *s);
void fork_serve_put_control(struct session *s, struct wbuf *w);
void fork_tell(struct session *s, uint32_t log_no);

#endif
