/* Why the entries of a house are not here, or ours not there: one decision from facts, as a table
 * of steps in order; and how a house stands. Pure: no socket, clock or store. FORMAT.md, control
 * protocol, "How a house stands", says the same in prose. */
#ifndef TRIS_DAEMON_WHY_H
#define TRIS_DAEMON_WHY_H

#include "proto/err.h"
#include "proto/types.h"

enum {
    /* a house of which nothing came for so long, by any way, is silent: it seals its logs anew once
     * a day, changed or not, and may miss one */
    WHY_SILENT_MS = 2 * 86400000,
    /* peers claim more and not one entry has come for so long: two comparisons a minute were made
     */
    WHY_WITHHELD_MS = 600000,
    /* connected for so long, it had the time to show a seal of this day */
    WHY_SEAL_TURN_MS = 86400000,
    /* a seal so far in the future is not the few minutes that clocks differ by */
    WHY_CLOCK_MS = 600000,
};

#define WHY_NEVER UINT64_MAX

struct why_facts {
    bool member;   /* the federation has admitted it */
    bool revoked;  /* it had, and has revoked it since */
    bool own;      /* this house itself */
    bool has_logs; /* no observer */
    /* this node */
    enum tris_err trouble; /* of the store or its disk; TRIS_OK: none */
    bool alone;            /* no session is open with anybody */
    uint64_t unsealed;     /* own entries that wait to be sealed */
    bool guard_waits;      /* and may not be sealed yet */
    /* the connection with it */
    enum tris_err limit; /* TRIS_ERR_PAUSED, TRIS_ERR_HOURS: set here; TRIS_OK */
    bool open;           /* a session is, */
    uint64_t open_ms;    /* for so long */
    bool paced;          /* its bytes wait for the rate that was set here */
    bool has_address;
    bool refused;        /* it said goodbye with a reason */
    bool faulty;         /* this node ended the session for a fault of its */
    enum tris_err error; /* of the last session or attempt; TRIS_OK: none */
    /* its logs */
    bool forked;            /* a fork proof ends one */
    uint64_t held;          /* entries of both */
    uint64_t hole;          /* of these, behind one that is missing */
    uint64_t missing;       /* more than held, as connected peers say */
    uint64_t lack_ms;       /* for so long nothing of it came; 0: it was not asked for yet */
    uint64_t heard_age_ms;  /* since anything of it came by any way; WHY_NEVER */
    uint64_t seal_age_ms;   /* since its newest seal, by its clock; WHY_NEVER */
    uint64_t seal_ahead_ms; /* its newest seal lies so far in the future */
};

/* How a house stands. */
enum standing {
    STANDING_OWN,
    STANDING_EQUAL,       /* nobody connected shows more of it than is here */
    STANDING_BEHIND,      /* somebody does, and it is on its way */
    STANDING_WITHHELD,    /* more is claimed than delivered, or it is connected and shows no seal */
    STANDING_SILENT,      /* nothing new of it comes by any way: nobody hears it */
    STANDING_UNREACHABLE, /* it is dialled and does not answer; others bring what it writes */
    STANDING_UNKNOWN,     /* there is nobody to compare with */
    STANDING_COUNT,
};
enum standing why_standing(const struct why_facts *f);
const char *standing_name(enum standing standing); /* "equal", ...: never translated */

/* The steps in the order in which they are looked at. */
enum why_step {
    WHY_REVOKED,
    WHY_NOT_ADMITTED,
    WHY_DISK,
    WHY_FORKED,
    WHY_PAUSED,
    WHY_HOURS,
    WHY_REFUSED,
    WHY_FAULT,
    WHY_UNREACHABLE,
    WHY_LIMIT,
    WHY_WITHHELD,
    WHY_BEHIND,
    WHY_HOLE,
    WHY_CLOCK,
    WHY_NO_ADDRESS,
    WHY_SILENT,
    WHY_ALONE,
    WHY_SEAL,
    WHY_NOTHING,
    WHY_STEP_COUNT,
};

struct why_row {
    enum why_step step;
    const char *name; /* never translated */
    int exit;         /* of `tris why`, ctlmsg.h */
    bool (*holds)(const struct why_facts *f);
    const char *text; /* a sentence without full stop */
    const char *next; /* the next command; "" only for WHY_NOTHING */
};

/* The first step that holds; never NULL. */
const struct why_row *why_decide(const struct why_facts *f);
const struct why_row *why_row(enum why_step step);

#endif
