/* The restore guard: decides when a house may seal, so that a store which was put back from a copy
 * never says a second thing at a position where it has said one already.
 *
 * Pure: no clock, no store, no signature. The owner tells what peers claim to hold of the own logs
 * and which of these claims an own seal has proven; the guard says whether sealing may go on, which
 * tail is to be fetched first, and what a person has to decide. Rules: FORMAT.md "Restore guard".
 *
 * What one peer can do with lies: a claim counts only if it agrees with the own log, or once an own
 * seal proves it; until then it is as if the peer had said nothing. So a liar can neither stop a
 * house nor make it wait: it can only fail to be one of the two that confirm. */
#ifndef TRIS_PROTO_GUARD_H
#define TRIS_PROTO_GUARD_H

#include "proto/err.h"
#include "proto/types.h"

/* The own logs whose seals leave the house. */
enum guard_log { GUARD_GOV, GUARD_DATA, GUARD_LOGS };

enum {
    GUARD_WAIT_MS = 60000, /* default of wait_ms */
    GUARD_CLAIMS_NEEDED = 2,
};

/* What the mark file says about the store. */
enum guard_doubt {
    GUARD_SURE,
    GUARD_MARK_MISSING, /* or damaged, or put back from a backup */
    GUARD_MARK_FOREIGN, /* written beside another copy, or over other entries */
    GUARD_MARK_AHEAD,   /* knows more than the store holds: over once that exact tip is back */
};

enum guard_alarm {
    GUARD_QUIET,
    GUARD_CLONE, /* another process seals, or answers, with this house's key */
    GUARD_FORK,  /* an own seal over other entries than those held at its size */
};

/* How a claim, or the seal that proves it, lies to the own log. */
enum guard_relation {
    GUARD_SAME,   /* not larger than the own log, and its root is ours at that size */
    GUARD_LARGER, /* more entries than are held sealed */
    GUARD_OTHER,  /* not larger, and the root is not ours */
};

/* Why nothing is sealed; the first that holds. */
enum guard_why {
    GUARD_READY,
    GUARD_WHY_CLONE,
    GUARD_WHY_FORK,
    GUARD_WHY_TAIL,   /* a proven larger claim is open: the tail is being fetched */
    GUARD_WHY_CLAIMS, /* peers have not said what they hold of the own logs */
    GUARD_WHY_SECOND, /* one has; waits for another or for the end of wait_ms */
    GUARD_WHY_ACCEPT, /* doubtful, peers have claimed: a person decides */
    GUARD_WHY_EPOCH,  /* a new key waits for endorsements: nothing more under this one */
};

struct guard_config {
    uint64_t others;   /* houses and observers besides this one */
    uint64_t wait_ms;  /* from the first claim that counts until one is enough */
    uint64_t alone_ms; /* from the start until none is needed; 0 = never (the default) */
    enum guard_doubt doubt;
    bool accepted; /* a person has accepted what the mark says may be lost */
    enum guard_alarm alarm;
    uint64_t size[GUARD_LOGS];   /* sealed entries held */
    uint64_t proven[GUARD_LOGS]; /* the largest own seal known of before the start; 0 = none */
};

struct guard {
    struct guard_config config;
    uint64_t size[GUARD_LOGS], proven[GUARD_LOGS];
    uint64_t end[GUARD_LOGS]; /* of a log with a known fork; else UINT64_MAX */
    enum guard_alarm alarm;
    bool accepted, mark_back;
    bool rotating;
    bool sealed_here; /* an own log has grown by own seals since the start */
    struct tris_house_id counted[GUARD_CLAIMS_NEEDED]; /* distinct houses whose claims count */
    uint32_t counted_count;
    uint64_t first_ms; /* when the first of them came */
    uint64_t since_ms; /* the start, or when a person ended an alarm */
    uint64_t now_ms;
};

/* What one connected peer has said; lives in its connection, owned by the caller. */
struct guard_peer {
    struct tris_house_id house;
    bool told;             /* it has said all that it claims */
    bool open[GUARD_LOGS]; /* its newest claim is neither the same nor proven */
};

/* `now_ms`, here and below: monotonic, any origin. */
void guard_init(struct guard *g, const struct guard_config *config, uint64_t now_ms);
void guard_peer_init(struct guard_peer *p, const struct tris_house_id *house);

/* One claim of a peer. True: ask it for its newest own seal, as proof. */
TRIS_MUST_CHECK bool guard_claim(struct guard *g, struct guard_peer *p, enum guard_log log,
                                 enum guard_relation relation, uint64_t now_ms);
/* The peer has said all that it claims; logs that it did not name it does not hold. */
void guard_told(struct guard *g, struct guard_peer *p, uint64_t now_ms);
/* The peer's frontier equals the own one: it holds the own logs exactly as this house does. */
void guard_equal(struct guard *g, struct guard_peer *p, uint64_t now_ms);
/* A seal of an own log, whose signature and log id the caller has verified, from this peer. With
 * GUARD_OTHER this is two signatures at one position: an alarm. A larger one opens its tail; if
 * this process has sealed already, somebody else does too: an alarm. */
void guard_proof(struct guard *g, struct guard_peer *p, enum guard_log log, uint64_t size,
                 enum guard_relation relation, uint64_t now_ms);
/* A fork proof of an own log. (Entries that miss an own seal are none: the peer may lie.) */
void guard_fork(struct guard *g);
/* Such a proof says where an own log ends: what was proven behind it is not waited for. */
void guard_ends(struct guard *g, enum guard_log log, uint64_t end);
/* Another process has proven that it lives and has this house's key. */
void guard_clone(struct guard *g);

/* The own log is sealed up to `size` now: by an own seal, or by a tail that came back. */
void guard_advanced(struct guard *g, enum guard_log log, uint64_t size, bool by_us);
/* The exact tip that the mark knows is in the store again. */
void guard_mark_is_back(struct guard *g);
/* A person accepts that what the mark knew of may be lost. */
void guard_accept_loss(struct guard *g);
/* A person has seen to it that no other process has this key: claims are asked for anew. */
void guard_end_alarm(struct guard *g, uint64_t now_ms);
void guard_tick(struct guard *g, uint64_t now_ms);
/* How many houses and observers there are besides this one, since members come and go. */
void guard_others(struct guard *g, uint64_t others);
/* A next epoch is asked for, or is not any more: what is sealed meanwhile would be cut away. */
void guard_rotates(struct guard *g, bool rotating);

/* ---- what follows from all that ---- */

enum guard_why guard_why(const struct guard *g);
/* Seals may be made; the start is confirmed. */
bool guard_may_seal(const struct guard *g);
/* The mark was doubtful, and neither its tip is back nor a person's decision in force. */
bool guard_doubtful(const struct guard *g);
/* Up to which size the own log is to be fetched from peers; 0 = not at all. */
uint64_t guard_want_tail(const struct guard *g, enum guard_log log);
uint32_t guard_claims_needed(const struct guard *g);
/* When guard_tick may change the answer; UINT64_MAX = never by time alone. */
uint64_t guard_deadline(const struct guard *g);

#endif
