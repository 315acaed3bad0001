/* What an administrator allows one peer: bytes a second, hours of the day, or nothing at all; and
 * the pacing of a stream to a rate. Pure: times are parameters. */
#ifndef TRIS_DAEMON_LIMITS_H
#define TRIS_DAEMON_LIMITS_H

#include "proto/err.h"
#include "proto/types.h"

enum {
    /* below it a session would look dead: its least write at once is 128 KiB, which has to be over
     * before a minute without a frame ends it, and a range that brings less than 4 KiB a second is
     * left to others */
    LIMITS_RATE_MIN = 8192,
    LIMITS_RATE_MAX = 1024 * 1024 * 1024,
    LIMITS_TEXT_BYTES = 64,
    LIMITS_BURST_MS = 1000, /* what was not used for so long may be made up for */
};

struct limits {
    uint64_t rate;    /* bytes a second in each direction; 0 = as fast as it goes */
    uint8_t from, to; /* hours of the day, from 0..23, to 1..24 or less than `from` over midnight;
                         both 0 = always */
    bool paused;
};

/* "20-6": from 20:00 until before 6:00; "0-24" is always. TRIS_ERR_INVALID. */
TRIS_MUST_CHECK enum tris_err limits_hours_parse(struct span text, struct limits *out);
/* "20-6"; "" for always. Returns `out`. */
const char *limits_hours_text(const struct limits *l, char out[LIMITS_TEXT_BYTES]);
bool limits_rate_valid(uint64_t rate); /* 0 is */
/* The text of the setting: "rate=65536 hours=20-6 paused"; "" if nothing is limited. Returns `out`.
 */
const char *limits_print(const struct limits *l, char out[LIMITS_TEXT_BYTES]);
/* TRIS_ERR_INVALID: it is none; then nothing is limited. */
TRIS_MUST_CHECK enum tris_err limits_parse(struct span text, struct limits *out);

/* Whether a session may be held at this hour (0..23): TRIS_OK, TRIS_ERR_PAUSED, TRIS_ERR_HOURS. */
enum tris_err limits_allow(const struct limits *l, uint32_t hour);

/* One direction of a stream. Zeroed, it has not been used. */
struct pace {
    uint64_t free_us; /* monotonic: when what was moved is paid for */
};
/* Milliseconds until more may be moved; 0 = now. */
uint64_t pace_wait(const struct pace *p, uint64_t now_ms);
/* `bytes` were moved at this rate (not 0). */
void pace_spend(struct pace *p, uint64_t rate, size_t bytes, uint64_t now_ms);

#endif
