/* Pages of logs out of a file, read and held against what is in the store.
 *
 * A page is the beginning of a log file without its END: magic, HEAD, one LOG with the peaks where
 * the page begins, FORK if there is one, SEGMENTs. The reader of log files verifies it as a whole,
 * so that what fits at its end fits everywhere in it. */
#ifndef TRIS_DAEMON_LOGPAGE_H
#define TRIS_DAEMON_LOGPAGE_H

#include "proto/logfile.h"
#include "storage/store.h"

struct daemon;

enum { LOGPAGE_SEGMENTS_MAX = 256 };

/* As it was read; spans point into its bytes. About 80 KiB: heap. */
struct logpage {
    struct tris_fed_id fed;
    struct logfile_log log;
    bool has_fork;
    struct fork_proof proof;
    struct span proof_bytes;
    struct logfile_segment segment[LOGPAGE_SEGMENTS_MAX];
    size_t count;
    uint64_t size; /* of the log at its end */
    struct logfile_reader reader;
    struct logfile_item item; /* scratch */
};

/* Errors as logfile_step; TRIS_ERR_TOO_LARGE: more than one log, or too many segments. */
TRIS_MUST_CHECK enum tris_err logpage_read(struct logpage *p, struct span bytes);

/* Entries of a log that count as held: of an own one those that are sealed, as far as the mark
 * covers them. */
uint64_t logpage_held(struct daemon *d, const struct store_log *log);

/* Whether the first `size` entries that are held have another root. */
TRIS_MUST_CHECK enum tris_err logpage_differs(struct store_view *v, uint32_t log_no, uint64_t size,
                                              const struct tris_hash *root, bool *out);

/* Where a page says another thing than what is held; before the page both are the same. */
struct logpage_contradiction {
    bool found;
    size_t segment;
    uint64_t at; /* the first entry that is another one */
};
TRIS_MUST_CHECK enum tris_err logpage_contradicts(struct store_view *v, const struct logpage *p,
                                                  const struct store_log *log, uint64_t held,
                                                  struct logpage_contradiction *out);

#endif
