/* The writer's own state, shared by the loop side (writer.c) and the thread (writer_thread.c); for
 * nobody else. */
#ifndef TRIS_DAEMON_WRITER_INT_H
#define TRIS_DAEMON_WRITER_INT_H

#include <uv.h>

#include "daemon/writer_held.h"
#include "daemon/writer_lanes.h"

/* What a batch tells the loop thread. */
struct outcome {
    struct outcome *next;
    struct work_list work;
    struct batch_head *heads;
    uint32_t heads_count;
    struct store_members *members; /* a new evaluation, or NULL */
    bool ran;                      /* a batch, not a dry run alone: `unsealed` is said */
    uint64_t unsealed;             /* own entries that have not left as sealed */
};

struct writer {
    struct daemon *d;
    struct batch batch;
    uv_thread_t thread;
    bool started, joined, async_open;
    uv_async_t async;
    uv_mutex_t mutex;
    uv_cond_t cond;
    /* under the mutex */
    struct work_list groups;
    struct lanes lanes; /* what sessions bring */
    struct outcome *outcomes, **outcomes_tail;
    bool stop, ended;
    bool confirm_due; /* writer_confirmed was called */
    struct writer_stats stats;
    enum tris_err trouble;
    /* loop thread only */
    uint64_t unsealed;
    /* writer thread only */
    size_t entries_limit; /* adapts so that a batch takes about a second at most */
    uint64_t retry_at, backoff_ms, readers_at;
    uint64_t word_at, word_late; /* the next step of the search index: when idle; in any case */
    bool word_done, mark_pending, seal_now;
    uint64_t mark_at;
    uint64_t sealed_day; /* the last day on which unchanged own logs were sealed anew */
    struct held_heads held;
};

/* Body of the thread: runs until `stop` is set and the inbox is empty. `arg` is the writer. */
void writer_main(void *arg);

#endif
