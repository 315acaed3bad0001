/* The restore guard in the daemon: feeds proto/guard with what peers claim and prove of the own
 * logs, and carries out what it decides: sealing begins or ends, a tail is fetched, an alarm is
 * kept across restarts, people are told. Loop thread only, but for the atomics. */
#ifndef TRIS_DAEMON_CONFIRM_H
#define TRIS_DAEMON_CONFIRM_H

#include <stdatomic.h>
#include <uv.h>

#include "proto/guard.h"
#include "proto/session.h"

struct daemon;
struct conn;

/* Settings in which decisions outlive the process, but not the key whose seals they are about: the
 * first start with another one forgets them (writer_first.h). */
#define CONFIRM_KEY "guard/key" /* the seal key meant, 32 bytes; none: that of epoch 0 */
/* what is wrong with the mark, as a person has accepted it: of this mark, not of a later one */
#define CONFIRM_ACCEPTED "guard/accepted"
#define CONFIRM_ALARM "guard/alarm"    /* "clone" or "fork" */
#define CONFIRM_PROVEN "guard/proven/" /* + topic: size of an own seal that others hold */

enum { CONFIRM_DETAIL_BYTES = 256 };

struct confirm {
    struct guard guard;
    bool open;  /* the timer is */
    bool ready; /* guard_may_seal at the last look */
    enum guard_why told;
    bool drafts_due; /* own entries may have been taken back and not written again */
    char detail[CONFIRM_DETAIL_BYTES]; /* what is wrong with the mark; "" = nothing */
    uv_timer_t timer;
    /* read by the writer thread */
    atomic_bool may_seal;
    atomic_bool mark_doubtful; /* the mark says more than the store: it is not written over */
    atomic_bool tail_open;     /* entries of own logs are taken from peers */
};

/* The verdict of store_mark_check and what former processes have left in the settings; before the
 * writer is opened, after the loop is. What is wrong with the mark is `detail`. */
TRIS_MUST_CHECK enum tris_err confirm_load(struct daemon *d, enum tris_err mark,
                                           const char *detail);
/* After the frontier is loaded. */
void confirm_open(struct daemon *d);
void confirm_close(struct daemon *d);

/* What a session tells. */
void confirm_claim(struct daemon *d, struct conn *c, uint32_t log_no, uint64_t size,
                   const struct tris_short *root);
void confirm_told(struct daemon *d, struct conn *c);
void confirm_equal(struct daemon *d, struct conn *c);
void confirm_seal(struct daemon *d, struct conn *c, uint32_t log_no, const struct seal *seal);
/* The same out of a file: proves what a peer's proves, but nobody counts as having spoken. */
void confirm_file_seal(struct daemon *d, uint32_t log_no, const struct seal *seal);
/* A commit has sealed an own log up to `size`, or brought its tail; the frontier knows. */
void confirm_advanced(struct daemon *d, uint32_t log_no, uint64_t size, bool by_us);
/* A verified proof that this house has signed two things at one position of an own log, which now
 * ends there; the frontier knows. */
void confirm_fork(struct daemon *d, uint32_t log_no);
/* Membership lets an own log end; the frontier knows. */
void confirm_ends(struct daemon *d, uint32_t log_no);
/* Another process with this house's key has proven itself. */
void confirm_clone(struct daemon *d);
/* Members have come or gone, or a next epoch of this house is asked for, or not any more. */
void confirm_members(struct daemon *d);

/* A person's decisions. TRIS_ERR_EXISTS if there is nothing to decide. */
TRIS_MUST_CHECK enum tris_err confirm_accept_loss(struct daemon *d);
TRIS_MUST_CHECK enum tris_err confirm_end_alarm(struct daemon *d);

/* The start is confirmed; own entries are sealed as they are written. */
bool confirm_ready(const struct daemon *d);
/* A record of the own data log that may still get another number: it is not sealed, and what
 * others hold of the log is not known yet. */
bool confirm_is_open(const struct daemon *d, uint32_t log_no, uint64_t seq);
/* For people: what is waited for, and what to do; "" if nothing. */
const char *confirm_name(enum guard_why why); /* "ready", "clone", ... never translated */
const char *confirm_text(const struct daemon *d);
const char *confirm_next(const struct daemon *d);

#endif
