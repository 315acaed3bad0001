/* References in local records to records of the own data log that were written again. Local logs
 * never leave the house and are not taken back, but what they name may have moved. Writer thread
 * only. */
#ifndef TRIS_DAEMON_DRAFT_REFS_H
#define TRIS_DAEMON_DRAFT_REFS_H

#include "daemon/writer_op.h"

struct draft_move {
    uint64_t was, now; /* seq of a record of the own data log */
};

/* Lets local records name the new places; looks at all that can name records. A broken transaction
 * or no memory are errors; a record that cannot be changed stays as it is. */
TRIS_MUST_CHECK enum tris_err draft_refs_follow(struct batch *b, const struct draft_move *moves,
                                                size_t count);

#endif
