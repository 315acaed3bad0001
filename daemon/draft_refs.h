/* References in local records to records of the own data log that were written again. Local logs
 * never leave the house and are not taken back, but what they name may have moved. Writer thread
 * only. */
#ifndef TRIS_DAEMON_DRAFT_REFS_H
#define TRIS_DAEMON_DRAFT_REFS_H

#include "daemon/writer_op.h"

/* Setting: number of the last draft whose new place local records know of. */
#define DRAFT_FOLLOWED "draft/followed"

/* Lets local records name the new places of all drafts that were written since the last call; to be
 * called when none waits any more. At once, since a new place of one draft may be the former place
 * of another. A broken transaction or no memory are errors; a record that cannot be changed stays
 * as it is. */
TRIS_MUST_CHECK enum tris_err draft_refs_follow(struct batch *b);

#endif
