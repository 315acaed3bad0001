/* The control connection to trisd: msgpack-RPC over a Unix socket, blocking, with a timeout.
 *
 * Several requests may be in flight: client_send, client_send, ..., client_receive, ...
 * While a send waits for room, answers that arrive are kept, so neither side can block the other.*/
#ifndef TRIS_TOOLS_CLIENT_H
#define TRIS_TOOLS_CLIENT_H

#include "proto/ctlmsg.h"
#include "tools/tris.h"

/* Connects. `timeout_ms` bounds each wait for progress. On failure `fault` says exit 11 and how to
 * start the daemon. */
struct client *client_open(const char *path, uint64_t timeout_ms, struct fault *fault);
void client_close(struct client *c); /* NULL is allowed */
void client_set_timeout(struct client *c, uint64_t timeout_ms);

/* Sends one request with an encoded parameter map and returns its id (> 0), or 0 with `fault`. */
uint64_t client_send(struct client *c, const char *method, struct span params, struct fault *fault);

/* Waits for the next answer. `result` points into the client's buffer until the next call on it.
 * An error answer gives *id and false with the daemon's words in `fault`; a broken connection
 * gives *id == 0 and false. */
bool client_receive(struct client *c, uint64_t *id, struct span *result, struct fault *fault);

/* One request and its answer; nothing else may be in flight. */
bool client_call(struct client *c, const char *method, struct span params, struct span *result,
                 struct fault *fault);

#endif
