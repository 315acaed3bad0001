/* The control socket: accepts clients, finds message ends, dispatches by a table, sends answers.
 *
 * What a method does lives in ctl_*.c; the table of them in ctl_table.c. A handler answers at once
 * or later (after a commit, a ping): it keeps the token. Loop thread only. */
#ifndef TRIS_DAEMON_CTL_H
#define TRIS_DAEMON_CTL_H

#include "proto/ctlmsg.h"

struct daemon;
struct ctl_server; /* opaque */

enum {
    CTL_CLIENTS_MAX = 64,
    CTL_INFLIGHT_MAX = 128,                  /* requests of one client without an answer */
    CTL_OUTPUT_BYTES_MAX = 16 * 1024 * 1024, /* answers that a client does not read: closed */
    CTL_SLOW_MS = 30000,                     /* no byte taken for so long: closed */
};

/* Must lead to exactly one ctl_reply or ctl_reply_error for `token`, now or later. `params` is a
 * strict msgpack map with str keys (any order), valid during the call only. */
typedef void ctl_handler(struct daemon *d, uint64_t token, struct span params);

struct ctl_method {
    const char *name; /* "record.list" */
    ctl_handler *run;
};

/* Defined in ctl_table.c. */
extern const struct ctl_method ctl_methods[];
extern const size_t ctl_methods_count;

/* Answers: the client may have gone, then nothing happens. `result` is one encoded map. */
void ctl_reply(struct daemon *d, uint64_t token, struct span result);
/* `message` NULL: the error's own sentence; `unchanged`, `next`, `field` may be NULL. */
void ctl_reply_error(struct daemon *d, uint64_t token, enum tris_err err, const char *message,
                     const char *unchanged, const char *next, const char *field);
/* False once the answer was sent or the client has gone: long work may stop. */
bool ctl_token_alive(struct daemon *d, uint64_t token);
/* An output buffer of TRIS_CTL_BYTES_MAX for building one result; the same memory at each call, so
 * it is used and replied within one callback. */
struct wbuf ctl_scratch(struct daemon *d);

/* Life cycle, for daemon.c. */
TRIS_MUST_CHECK enum tris_err ctl_open(struct daemon *d, const char *path, struct ctl_server **out);
/* Stops accepting; answers what is pending with TRIS_ERR_STOPPING; closes all handles after their
 * output or `flush_ms`. */
void ctl_stop(struct ctl_server *s, uint64_t flush_ms);
void ctl_free(struct ctl_server *s); /* after uv_run has returned; removes the socket file */

#endif
