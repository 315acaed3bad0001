/* Segments and proofs that wait for the writer, in lanes by the session that brought them: who
 * brings very much does not hold up what others bring.
 *
 * While one session alone brings something, batches are as large as they may be. Once somebody else
 * wants to write, too, each lane has its turn in every batch and batches stay short, until nobody
 * else has come for a while. Within a lane the order stays. No lock: the owner has one. */
#ifndef TRIS_DAEMON_WRITER_LANES_H
#define TRIS_DAEMON_WRITER_LANES_H

#include "daemon/writer_batch.h"

enum {
    LANES = 64, /* sessions beyond that share */
    /* of one lane in a batch that is shared, in entries; about as long as a durable commit takes,
     * so that short batches cost little */
    LANES_TURN = 1024,
    LANES_SEAL_COST = 10,    /* a signature takes as long to check as so many entries */
    LANES_SHARED_MS = 10000, /* after the last time that somebody else came */
};

struct lanes {
    struct work_list lane[LANES];
    size_t bytes;             /* of all */
    uint32_t last;            /* lane of the newest work; LANES: none has come */
    uint32_t turn;            /* lane that is asked first by the next batch */
    uint64_t shared_until_ms; /* monotonic */
};

void lanes_init(struct lanes *l);
/* Appends; the lane is that of work->session_no. */
void lanes_push(struct lanes *l, struct work *work, uint64_t now_ms);
/* Somebody else than a session wants to write. */
void lanes_share(struct lanes *l, uint64_t now_ms);
/* Moves what the next batch may take behind what is in `to`: never more than `entries_max` or
 * WRITER_BATCH_BYTES_MAX in all, unless `to` is empty and a single work is larger. */
void lanes_take(struct lanes *l, struct work_list *to, size_t entries_max, uint64_t now_ms);
struct work *lanes_pop(struct lanes *l); /* any; NULL if there is none */

#endif
