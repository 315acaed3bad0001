/* The network half of joining: dials the house that gave an invitation, tells it the own line and
 * asks for the charter. Blocking, with deadlines; knows no file. */
#ifndef TRIS_TOOLS_JOIN_H
#define TRIS_TOOLS_JOIN_H

#include "proto/invite.h"
#include "tools/keys.h"

struct join_result {
    char *charter; /* malloc'ed text as received: hashes to the federation id; the caller frees */
    size_t charter_len;
    char inviter[TRIS_HOUSE_LINE_BYTES_MAX + 1]; /* its own line, signed by it; "" = none told */
    uint32_t address;                            /* which one answered */
};

/* Tries the addresses in turn, each first by the invitation, then as a candidate that is known
 * already: an attempt that broke off may be repeated. `timeout_ms` bounds each connect and each
 * silence. Errors: TRIS_ERR_CLOSED (no address was reached; `why` says what the last one said),
 * TRIS_ERR_TIMEOUT, TRIS_ERR_GATE (reached, but the invitation is not open there), or what went
 * wrong with the answer. On failure the result is empty. */
TRIS_MUST_CHECK enum tris_err join_fetch(const struct invite *invite, const struct keys *keys,
                                         const char *line, uint64_t timeout_ms,
                                         struct join_result *out, char *why, size_t why_size);

#endif
