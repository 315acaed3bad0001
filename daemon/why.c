/* The steps that can hold up a house's entries, in order; see why.h. */
#include "daemon/why.h"

#include "proto/assert.h"
#include "proto/ctlmsg.h"

/* ---- how a house stands ---- */

static bool is_withheld(const struct why_facts *f)
{
    const bool lacking = f->missing > 0 && f->lack_ms >= WHY_WITHHELD_MS;
    const bool sealless =
        f->has_logs && f->open && f->open_ms >= WHY_SEAL_TURN_MS && f->seal_age_ms > WHY_SILENT_MS;
    return lacking || sealless;
}

static bool is_silent(const struct why_facts *f)
{
    return !f->own && f->has_logs && !f->open && f->heard_age_ms > WHY_SILENT_MS;
}

static bool is_unreachable(const struct why_facts *f)
{
    return !f->own && !f->open && f->has_address && f->error != TRIS_OK && !f->refused &&
           !f->faulty;
}

enum standing why_standing(const struct why_facts *f)
{
    if (f->own) {
        return STANDING_OWN;
    }
    if (is_withheld(f)) {
        return STANDING_WITHHELD;
    }
    if (f->missing > 0) {
        return STANDING_BEHIND;
    }
    if (is_silent(f)) {
        return STANDING_SILENT;
    }
    if (is_unreachable(f)) {
        return STANDING_UNREACHABLE;
    }
    return f->alone ? STANDING_UNKNOWN : STANDING_EQUAL;
}

const char *standing_name(enum standing standing)
{
    static const char *const names[STANDING_COUNT] = {
        "own", "equal", "behind", "withheld", "silent", "unreachable", "unknown",
    };
    tris_assert(standing < STANDING_COUNT);
    return names[standing];
}

/* ---- the steps ---- */

static bool revoked(const struct why_facts *f)
{
    return f->revoked;
}

static bool not_admitted(const struct why_facts *f)
{
    return !f->member;
}

static bool disk(const struct why_facts *f)
{
    return f->trouble != TRIS_OK;
}

static bool forked(const struct why_facts *f)
{
    return f->forked;
}

static bool paused(const struct why_facts *f)
{
    return f->limit == TRIS_ERR_PAUSED;
}

static bool hours(const struct why_facts *f)
{
    return f->limit == TRIS_ERR_HOURS;
}

static bool refused(const struct why_facts *f)
{
    return !f->own && !f->open && f->refused;
}

static bool fault(const struct why_facts *f)
{
    return !f->own && !f->open && f->faulty;
}

static bool limit(const struct why_facts *f)
{
    return f->open && f->paced && f->missing > 0;
}

static bool behind(const struct why_facts *f)
{
    return f->missing > 0;
}

static bool hole(const struct why_facts *f)
{
    return f->hole > 0;
}

static bool clock_ahead(const struct why_facts *f)
{
    return f->seal_ahead_ms > WHY_CLOCK_MS;
}

static bool no_address(const struct why_facts *f)
{
    return is_silent(f) && !f->has_address;
}

static bool alone(const struct why_facts *f)
{
    return f->alone;
}

static bool seal(const struct why_facts *f)
{
    return f->unsealed > 0 && f->guard_waits;
}

static bool nothing(const struct why_facts *f)
{
    (void)f;
    return true;
}

static const struct why_row rows[WHY_STEP_COUNT] = {
    {WHY_REVOKED, "revoked", EXIT_REFUSED, revoked,
     "it was a member and has been revoked: what it writes since does not count",
     "tris member show HOUSE"},
    {WHY_NOT_ADMITTED, "not_admitted", EXIT_REFUSED, not_admitted,
     "the federation has not admitted this house", "tris member candidates"},
    {WHY_DISK, "disk", EXIT_FAILED, disk,
     "this node cannot store anything at the moment, of no house", "tris doctor"},
    {WHY_FORKED, "forked", EXIT_INTEGRITY, forked,
     "two histories of its log were signed: the log ends where they part, in every house",
     "tris log forks HOUSE"},
    {WHY_PAUSED, "paused", EXIT_DECISION, paused, "the exchange with it was paused here",
     "tris peer resume HOUSE"},
    {WHY_HOURS, "hours", EXIT_DECISION, hours, "it is outside the hours that were set here for it",
     "tris peer limits HOUSE --hours 0-24"},
    {WHY_REFUSED, "refused", EXIT_REFUSED, refused, "it has ended the connection with a reason",
     "tris peer show HOUSE"},
    {WHY_FAULT, "fault", EXIT_REFUSED, fault,
     "this node has ended the connection, for what came was not right", "tris peer show HOUSE"},
    {WHY_UNREACHABLE, "unreachable", EXIT_PEER, is_unreachable,
     "it is dialled and cannot be reached; what it writes may come through others",
     "tris peer show HOUSE"},
    {WHY_LIMIT, "limit", EXIT_PARTLY, limit,
     "its entries are on their way, as fast as the rate allows that was set here",
     "tris peer limits HOUSE --rate 0"},
    {WHY_WITHHELD, "withheld", EXIT_PARTLY, is_withheld,
     "connected houses say that there is more of it, or it is connected itself, but nothing comes",
     "tris sync compare HOUSE"},
    {WHY_BEHIND, "behind", EXIT_PARTLY, behind, "its entries are on their way",
     "tris sync status --wait 30s"},
    {WHY_HOLE, "hole", EXIT_PARTLY, hole,
     "an entry of its log is missing here, so that what follows is not passed on", "tris audit"},
    {WHY_CLOCK, "clock", EXIT_PARTLY, clock_ahead,
     "its newest seal lies in the future: its clock or the one here is wrong", "timedatectl"},
    {WHY_NO_ADDRESS, "no_address", EXIT_PEER, no_address,
     "nobody hears it, and no address of it is known here", "tris peer add HOUSE ADDRESS"},
    {WHY_SILENT, "silent", EXIT_PEER, is_silent,
     "nothing new of it comes by any way: nobody hears it", "tris peer ping HOUSE"},
    {WHY_ALONE, "alone", EXIT_PEER, alone, "this node is connected to no house", "tris peer list"},
    {WHY_SEAL, "seal", EXIT_PARTLY, seal,
     "what was written here waits to be sealed: nobody gets it before", "tris doctor"},
    {WHY_NOTHING, "nothing", EXIT_OK, nothing, "nothing blocks", ""},
};

const struct why_row *why_row(enum why_step step)
{
    tris_assert(step < WHY_STEP_COUNT && rows[step].step == step);
    return &rows[step];
}

const struct why_row *why_decide(const struct why_facts *f)
{
    const struct why_row *row = rows;
    while (!row->holds(f)) {
        row++;
    }
    return row;
}
