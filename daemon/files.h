/* How many files and sockets this process may open, beside how many its settings may need. */
#ifndef TRIS_DAEMON_FILES_H
#define TRIS_DAEMON_FILES_H

#include "daemon/config.h"

/* With all sessions, clients and strangers that are taken at once. */
uint64_t files_needed(const struct config *c);
/* If the soft limit is below `needed`, raises it to that, or to the hard limit if that is lower.
 * How many may be open then; UINT64_MAX: no limit. */
uint64_t files_raise(uint64_t needed);

#endif
