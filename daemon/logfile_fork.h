/* A fork proof out of two histories that are both at hand: one in the store, a run in a file. */
#ifndef TRIS_DAEMON_LOGFILE_FORK_H
#define TRIS_DAEMON_LOGFILE_FORK_H

#include "proto/logfile.h"
#include "storage/store.h"

/* The first entry of a run that is another one than is held, below `held`; *at = the smaller of
 * `held` and the end of the run if there is none. What is before the run must be the same. */
TRIS_MUST_CHECK enum tris_err logfile_fork_find(struct store_view *v, const struct store_log *log,
                                                uint64_t held,
                                                const struct logfile_segment *segment,
                                                uint64_t *at);
/* Writes the proof that they part at `at`, FORK_PROOF_BYTES_MAX. TRIS_ERR_NO_PROOF if one of both
 * has no seal behind it, or the one here is beyond `held`: it must not leave the house yet. */
TRIS_MUST_CHECK enum tris_err logfile_fork_make(struct store_view *v, const struct tris_fed_id *fed,
                                                const struct store_log *log, uint64_t held,
                                                const struct logfile_segment *segment, uint64_t at,
                                                struct wbuf *out);

#endif
