/* When a peer is dialled again and whether its own connections are taken: a back-off that doubles,
 * and penalties for offences that grow.
 *
 * Pure: time and chance come from the caller. A peer that cannot be reached costs one attempt in a
 * minute. One that offends time and again costs one session in an hour, whoever dials; a session
 * that lasts and ends without an offence clears it, and so does one that lasted an hour before. */
#ifndef TRIS_PROTO_PENALTY_H
#define TRIS_PROTO_PENALTY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

enum {
    PENALTY_BACKOFF_MS = 200,       /* after the first failure; doubles */
    PENALTY_BACKOFF_MS_MAX = 60000, /* default of `backoff_ms_max` */
    PENALTY_OFFENCE_MS = 4000,      /* least wait after one offence; doubles with each in a row */
    PENALTY_OFFENCE_MS_MAX = 3600000,
    PENALTY_OFFENCES_MAX = 3, /* in a row, after which it waits outside as well */
    PENALTY_GOOD_MS = 30000,  /* a session that lasted longer clears back-off and offences */
    PENALTY_OPENS_MAX = 60,   /* sessions that one peer dials in PENALTY_OPENS_MS */
    PENALTY_OPENS_MS = 60000,
};

/* Of one peer; zeros at first. */
struct penalty {
    uint32_t backoff_ms; /* of the last wait; 0: the next one is the shortest */
    uint32_t offences;   /* in a row */
    uint64_t dial_ms;    /* monotonic: not dialled before; 0 = not planned */
    uint64_t opens_ms;   /* start of the stretch in which `opens` sessions were dialled by it */
    uint32_t opens;
};

/* `chance` is a random number, uniform in all 32 bits; it spreads waits over their upper half. */

/* The first dial: soon, but not all peers at once. */
void penalty_plan(struct penalty *p, uint64_t now_ms, uint32_t chance);
/* A dial has failed or a session is over: the next dial, later each time. */
void penalty_later(struct penalty *p, uint64_t now_ms, uint32_t chance, uint32_t backoff_ms_max);
/* It is due now. */
void penalty_at_once(struct penalty *p, uint64_t now_ms);
/* The next failure waits as short as the first one. */
void penalty_shorten(struct penalty *p);
/* An address may work at once: to be planned anew. Offences stay. */
void penalty_replan(struct penalty *p);

/* A fault of the peer, not of the network and not ours; `by_peer`: it blames us. */
bool penalty_is_offence(enum tris_err reason, bool by_peer);
/* Any session that was open for so long is over. */
void penalty_lasted(struct penalty *p, uint64_t open_ms, bool offence);
/* A session ended with an offence. After penalty_lasted, before penalty_later. */
void penalty_offended(struct penalty *p);

/* The peer has dialled a session, which is open now; counted. */
void penalty_dialled_by(struct penalty *p, uint64_t now_ms);
/* Whether such a session is to be ended at once, TRIS_ERR_BUSY. */
bool penalty_refuses(const struct penalty *p, uint64_t now_ms);

#endif
