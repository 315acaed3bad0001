/* What this node knows of one house at this moment: the facts that why.h decides from, and the
 * times that people see. Memory and a bounded number of reads, whatever the size of the logs. */
#ifndef TRIS_DAEMON_FACTS_H
#define TRIS_DAEMON_FACTS_H

#include "daemon/daemon.h"
#include "daemon/why.h"

struct facts {
    struct why_facts why;
    uint64_t heard_ms;  /* wall time of the last that came of it, by whatever way; 0 = never */
    uint64_t sealed_ms; /* its newest seal, by its clock; 0 = none */
    uint64_t entry_ms;  /* its newest entry here, by its clock; 0 = none */
    uint32_t claimants; /* connected peers that say there is more of it */
};

/* Facts of a member. The view is the caller's. */
void facts_of(struct daemon *d, struct store_view *v, uint32_t index, struct facts *out);
/* Of a key that is no member's. */
void facts_of_stranger(struct daemon *d, struct facts *out);

#endif
