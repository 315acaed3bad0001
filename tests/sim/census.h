/* Which faults struck, and how often: a fault that was enabled and never struck fails the run. */
#ifndef TRIS_TESTS_SIM_CENSUS_H
#define TRIS_TESTS_SIM_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define FAULT_TABLE(X)                                                                             \
    X(CUT,        "cut",        "a connection is reset")                                           \
    X(CUT_BYTE,   "cut-byte",   "a connection ends after a drawn number of bytes")                 \
    X(SILENT,     "silent",     "a connection swallows its bytes (half-open TCP)")                 \
    X(FLIP,       "flip",       "a bit is turned over on the way")                                 \
    X(SPLIT,      "split",      "bytes arrive in small pieces")                                    \
    X(SLOW,       "slow",       "a slow link with long delays")                                    \
    X(PARTITION,  "partition",  "two halves cannot reach each other")                              \
    X(ONE_WAY,    "one-way",    "bytes pass in one direction only")                                \
    X(ISOLATE,    "isolate",    "one house is offline")                                            \
    X(REORDER,    "reorder",    "a house passes logs on late and in another order")                \
    X(KILL,       "kill",       "a process ends at once, the disk keeps all")                      \
    X(CRASH,      "crash",      "power fails between two storage calls")                           \
    X(POWER,      "power",      "power fails while nothing is written")                            \
    X(DISK_FULL,  "disk-full",  "files cannot grow for a while")                                   \
    X(DISK_SLOW,  "disk-slow",  "commits take seconds")                                            \
    X(CLOCK_JUMP, "clock-jump", "a clock jumps, by minutes to ten years")                          \
    X(CLOCK_RATE, "clock-rate", "a clock runs too fast or too slow")                               \
    X(RESTART,    "restart",    "an orderly stop and start")                                       \
    X(BACKUP,     "backup",     "a house is copied")                                               \
    X(RESTORE,    "restore",    "an older copy of a house is put back: data, perhaps mark, machine") \
    X(LOSS,       "loss",       "a house loses all but its keys")                                  \
    X(CLONE,      "clone",      "a copy of a house runs beside it, with its key")                  \
    X(ALONE,      "alone",      "data is lost while nobody in reach holds what is missing")        \
    X(ADMIT,      "admit",      "members endorse a house")                                         \
    X(REVOKE,     "revoke",     "members revoke a house")                                          \
    X(APART,      "revoke-apart", "members revoke a house that nobody reaches meanwhile")          \
    X(ROTATE,     "rotate",     "a house takes a new key, for which members endorse its next epoch") \
    /* what hostile houses do */                                                                   \
    X(GARBAGE,    "garbage",    "hostile: bytes that are no frame")                                \
    X(MESSAGES,   "messages",   "hostile: frames of any content, floods of them")                  \
    X(REPLAY,     "replay",     "hostile: a recorded handshake again")                             \
    X(LIE,        "lie",        "hostile: a frontier that says more, less or something else")      \
    X(JUNK_SEALS, "junk-seals", "hostile: seals with another root, time or signature")             \
    X(BENT,       "bent",       "hostile: entries with a byte turned over")                        \
    X(WITHHOLD,   "withhold",   "hostile: a log is not passed on")                                 \
    X(BARE,       "bare",       "hostile: entries are passed on without payloads")                \
    X(FAR_TIME,   "far-time",   "hostile: times up to 139 years ahead")                            \
    X(FLOOD,      "flood",      "hostile: very many entries at once")                              \
    X(FORK,       "fork",       "hostile: two histories of one log are signed")                    \
    /* what hostile members state, all of them together */                                         \
    X(VOUCH,      "vouch",      "hostile members endorse a stranger")                              \
    X(OUST,       "oust",       "hostile members revoke an honest house, perhaps with absurd cuts") \
    X(BACKDATE,   "backdate",   "hostile members endorse again, with times of long ago")
/* clang-format on */

#define FAULT_ENUM(name, word, text) FAULT_##name,
enum fault { FAULT_TABLE(FAULT_ENUM) FAULTS };
#define FAULT_HOSTILE_FIRST FAULT_GARBAGE
#define FAULT_HOSTILE_LAST FAULT_FORK
#undef FAULT_ENUM

struct census {
    uint64_t struck[FAULTS];
    uint64_t sectors_lost, crashed_at[5]; /* by enum disk_op */
    uint64_t drafts[2];                   /* written again, left to a person */
    uint64_t forks;                       /* proofs kept, all houses */
    uint64_t parted;       /* logs of doubled houses of which both histories went on */
    uint64_t disk_refused; /* batches that a full disk refused */
};

const char *fault_name(enum fault fault);
const char *fault_text(enum fault fault);
/* FAULTS if there is none of this name. */
enum fault fault_by_name(const char *name);

#endif
