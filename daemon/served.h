/* What this node gives of a log to others: over the line, and in files. Loop thread only. */
#ifndef TRIS_DAEMON_SERVED_H
#define TRIS_DAEMON_SERVED_H

#include "storage/store.h"

struct daemon;

/* As store_segment_read, but of an own log no seal that the mark does not cover, and
 * TRIS_ERR_NOT_FOUND for logs that never leave the house. */
TRIS_MUST_CHECK enum tris_err served_segment(struct daemon *d, struct store_view *v,
                                             uint32_t log_no, uint64_t first, struct wbuf *out,
                                             uint32_t *count, struct seal *seal);

#endif
