/* Fork proofs inside a batch: verified, kept, and the log cut where they say. Writer thread only.
 */
#ifndef TRIS_DAEMON_WRITER_FORK_H
#define TRIS_DAEMON_WRITER_FORK_H

#include "daemon/writer_batch.h"

/* When a fork of a log was found: setting FORK_FOUND + log number (10 digits) = milliseconds,
 * decimal text. */
#define FORK_FOUND "fork-found/"
enum { FORK_FOUND_KEY_BYTES = sizeof FORK_FOUND + 10 };
void fork_found_key(char key[FORK_FOUND_KEY_BYTES], uint32_t log_no);

/* The verdict on one proof. TRIS_OK: it is genuine, and kept if it lowers the end. TRIS_ERR_FORK:
 * genuine, but what is held below its end is of a third history; nothing is changed, so that the
 * smaller fork point can be proven. Else why it is no proof. */
TRIS_MUST_CHECK enum tris_err fork_apply(struct batch *b, const struct work *w);

#endif
