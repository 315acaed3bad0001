/* Messages on the control socket: msgpack-RPC (the published spec), one value after the other.
 *
 * request [0, id, method, params], answer [1, id, error, result], notification [2, method, params].
 * params is an array of one map with str keys; result and error are maps with str keys. No outer
 * length: the reader finds the end of a value itself. Any msgpack-RPC client may talk.
 * Methods, parameters, results: FORMAT.md, "Control protocol". */
#ifndef TRIS_PROTO_CTLMSG_H
#define TRIS_PROTO_CTLMSG_H

#include "proto/limits.h"
#include "proto/pack.h"

enum ctl_type { CTL_REQUEST = 0, CTL_ANSWER = 1, CTL_NOTIFY = 2 };

struct ctl_message {
    enum ctl_type type;
    uint64_t id;
    struct span method; /* request, notification */
    struct span params; /* request: the one map, encoded; empty map if none was given */
    struct span error;  /* answer: encoded; one byte nil if none */
    struct span result; /* answer: encoded */
    size_t size;        /* bytes that the message took */
};

/* Finds the end of a message that arrives in pieces, looking at each byte once. Starts as {0};
 * reset to that after each message. */
struct ctl_scan {
    size_t pos;     /* bytes that were walked */
    uint32_t depth; /* open containers */
    uint32_t left[TRIS_PACK_DEPTH_MAX];
};

/* `bytes` = what was given before, and more behind it. TRIS_OK: `*size` is what the message takes.
 * TRIS_ERR_TRUNCATED: wait for more. TRIS_ERR_TOO_LARGE over TRIS_CTL_BYTES_MAX, as soon as that is
 * known; other errors: close. */
TRIS_MUST_CHECK enum tris_err ctl_scan_next(struct ctl_scan *s, struct span bytes, size_t *size);

/* Takes one message off the front of `bytes`. TRIS_ERR_TRUNCATED: wait for more (the caller bounds
 * what it holds by TRIS_CTL_BYTES_MAX). Other errors: close. Spans point into `bytes`. */
TRIS_MUST_CHECK enum tris_err ctl_message_read(struct span bytes, struct ctl_message *out);

/* `params`: one encoded map. */
void ctl_write_request(struct wbuf *w, uint64_t id, const char *method, struct span params);
void ctl_write_result(struct wbuf *w, uint64_t id, struct span result);
/* `unchanged`, `next` and `field` may be NULL. */
void ctl_write_error(struct wbuf *w, uint64_t id, enum tris_err err, int exit_code,
                     const char *message, const char *unchanged, const char *next,
                     const char *field);

/* Lookup in an encoded map with str keys: the encoded value, or an empty span. */
struct span ctl_map_get(struct span map, const char *key);
/* TRIS_ERR_INVALID if the map has a key that is not in the NULL-terminated list; *unknown is it. */
TRIS_MUST_CHECK enum tris_err ctl_map_only(struct span map, const char *const *keys,
                                           struct span *unknown);

/* For an encoded value out of ctl_map_get; false and `*out` untouched if it is missing or of
 * another type. */
bool ctl_get_text(struct span map, const char *key, struct span *out);
bool ctl_get_uint(struct span map, const char *key, uint64_t *out);
bool ctl_get_bool(struct span map, const char *key, bool *out);

/* Exit codes of `tris`; a daemon sends the one that belongs to an error along with it. */
enum ctl_exit {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,  /* a value is not allowed or missing */
    EXIT_PARTLY = 3, /* some of it is done */
    EXIT_NOT_FOUND = 4,
    EXIT_DECISION = 5, /* ambiguous, exists, ended, personal data */
    EXIT_NOT_INIT = 10,
    EXIT_NO_DAEMON = 11,
    EXIT_IN_USE = 12,
    EXIT_PERMISSION = 13,
    EXIT_INTEGRITY = 14,
    EXIT_PEER = 20,    /* not reachable */
    EXIT_REFUSED = 21, /* by the peer, or incompatible */
    EXIT_INTERRUPTED = 130,
};

/* The enum ctl_exit that belongs to an error; what has none of its own is EXIT_FAILED. */
int ctl_exit_code(enum tris_err err);

#endif
