/* The writer: one thread that owns every store transaction.
 *
 * Inbox -> verify -> one transaction -> commit -> mark -> results to the loop. Own writes and
 * received segments go through the same batch: many clients, one fsync. An own write is answered
 * after the commit returned; a seal leaves the house only after the mark was written, because the
 * frontier learns of it behind that.
 *
 * All functions here are called on the loop thread, and all callbacks come on the loop thread. */
#ifndef TRIS_DAEMON_WRITER_H
#define TRIS_DAEMON_WRITER_H

#include "proto/session.h"
#include "storage/store.h"

struct daemon;
struct writer; /* opaque */

enum {
    /* what waits: apart, so that peers cannot fill the room that own writes need */
    WRITER_SEGMENTS_BYTES_MAX = 64 * 1024 * 1024,
    WRITER_GROUPS_BYTES_MAX = 32 * 1024 * 1024,
    WRITER_BATCH_ENTRIES_MAX = 32768,
    WRITER_BATCH_BYTES_MAX = 64 * 1024 * 1024,
    WRITER_BATCH_MS_MAX = 1000,
    WRITER_GROUP_OPS_MAX = 256,
};

enum writer_op_type {
    /* Creates a record of `kind` in the own log of `topic`, or, with has_record, replaces the state
     * of `record`. Same payload as now: WRITER_UNCHANGED and no entry. */
    WRITER_PUT,
    /* Ends `record`; `end_reason` is the code, 0 = none. */
    WRITER_END,
    /* Looks for a duplicate inside the transaction: by source and source_id if source_id is not
     * empty, then (or without one) by name and record_within, where a record with a source id of
     * the same source is none. Same payload = unchanged, other payload = put on that record, none =
     * create. A duplicate of the other scope is refused with TRIS_ERR_EXISTS. */
    WRITER_IMPORT,
    /* Creates a record with `payload` in topic data and ends the local `record` with published_as =
     * the new seq, both or none. */
    WRITER_PUBLISH,
    /* Stores `payload` under the setting `key` (empty payload = delete). */
    WRITER_SETTING,
    /* Internal: a card in the own gov log. */
    WRITER_CARD,
    /* Endorses or revokes: an entry with verb `kind` and this payload in the own gov log. */
    WRITER_STATEMENT,
    /* Own entries that were taken back, by draft number in base_seq: see draft_write.h. */
    WRITER_DRAFTS,
    WRITER_DRAFT_APPLY,
    WRITER_DRAFT_DROP,
};

/* One own write. Spans are copied by writer_submit. Payloads must be OWN-valid already. */
struct writer_op {
    enum writer_op_type type;
    enum tris_topic topic; /* PUT that creates, IMPORT: TRIS_TOPIC_DATA or _LOCAL */
    uint32_t kind;
    bool has_record;
    struct record_ref record;
    /* PUT, END, PUBLISH with has_record: refused with TRIS_ERR_NOT_READY if the record's last_log
     * and last_seq are others (somebody wrote in between: read again and submit again). */
    bool has_base;
    uint32_t base_log;
    uint64_t base_seq;
    /* PUT that creates: refused with TRIS_ERR_EXISTS if an own record has this name and
     * record_within; the result's record is that one. */
    bool refuse_duplicate;
    uint32_t end_reason;
    /* IMPORT of a record that is there: bit i set = the list speaks of the kind's field i; all
     * other fields stay as they are. 0: the payload is the whole new state. */
    uint64_t fields;
    struct span payload;
    struct span source, source_id, name;
    struct span within; /* record_within: what tells namesakes apart */
    struct span key;    /* SETTING */
};

enum writer_change { WRITER_NEW, WRITER_CHANGED, WRITER_UNCHANGED, WRITER_REJECTED };

struct writer_result {
    enum writer_change change;
    enum tris_err err;        /* REJECTED: why; else TRIS_OK */
    struct record_ref record; /* REJECTED with EXISTS or CONFLICT: the other one */
    uint64_t seq;             /* of the entry written, in record.log_no (NEW, CHANGED, END) */
    /* dry run of an IMPORT, NEW: a record that has the same name and record_within */
    bool has_similar;
    /* dry run of an IMPORT, CHANGED: fields that were empty get a value, all others stay */
    bool fills;
    struct record_ref similar;
};

/* Which import a group of rows belongs to; id 0: none. The spans are copied. */
struct writer_import {
    uint64_t id;
    uint32_t kind;
    struct span file, source;
};

/* Called exactly once for each accepted group, after the commit (also at shutdown). err != TRIS_OK:
 * nothing of the group is applied and `results` is NULL; else one result an op, valid during the
 * call. `ctx` is the submitter's to free. */
typedef void writer_done_fn(struct daemon *d, void *ctx, enum tris_err err,
                            const struct writer_result *results, size_t count);

struct writer_group {
    const struct writer_op *ops; /* copied */
    size_t count;                /* 1 to WRITER_GROUP_OPS_MAX */
    struct writer_import import; /* what is written is noted under its id, for undo */
    bool dry_run;                /* counts only; ops see what former ops of the group would do */
    writer_done_fn *done;
    void *ctx;
};

/* TRIS_ERR_STOPPING, TRIS_ERR_NO_MEMORY, TRIS_ERR_NO_SPACE (inbox full: try again later),
 * TRIS_ERR_OBSERVER (an observer writes local records and settings only). On failure `done` is not
 * called. */
TRIS_MUST_CHECK enum tris_err writer_submit(struct writer *w, const struct writer_group *group);

/* A received segment; takes over segment->bytes in every case. The session with this number gets
 * session_segment_done later, if it still lives. */
void writer_submit_segment(struct writer *w, uint64_t session_no,
                           const struct session_segment *segment);

/* A fork proof that a session has brought or made; takes over fork->bytes in every case. It is
 * verified, kept if it lowers the log's end, and the log is cut there. The session gets
 * session_fork_done later, if it still lives; all sessions are told of a lower end. */
void writer_submit_fork(struct writer *w, uint64_t session_no, const struct session_fork *fork);

/* The same for what comes out of a file: nobody's session is told, `done` is called exactly once
 * with the verdict (perhaps before the call returns), and every peer is offered what is new. `ctx`
 * is the submitter's to free. */
typedef void writer_taken_fn(struct daemon *d, void *ctx, enum tris_err err);
void writer_take_segment(struct writer *w, const struct session_segment *segment,
                         writer_taken_fn *done, void *ctx);
void writer_take_fork(struct writer *w, const struct session_fork *fork, writer_taken_fn *done,
                      void *ctx);

/* Own entries may be sealed now (confirm.h): seals those that wait and writes the mark anew. */
void writer_confirmed(struct writer *w);
/* Own entries of gov and data that are acknowledged and have not left the house as sealed. */
uint64_t writer_unsealed(const struct writer *w);

/* What is wrong with this machine at the moment, for status; TRIS_OK if nothing. */
enum tris_err writer_trouble(const struct writer *w);

struct writer_stats {
    uint64_t commits, entries, segments, rejected, inbox_bytes;
    uint64_t last_commit_ms; /* how long the last commit took */
};
void writer_stats(const struct writer *w, struct writer_stats *out);

/* Life cycle, for daemon.c. writer_open writes card and house record on the caller's thread, before
 * the thread exists, behind first_logs; writer_start begins the thread. */
TRIS_MUST_CHECK enum tris_err writer_open(struct daemon *d, struct writer **out);
/* What the entries of writer_open have made of the membership, or NULL; the caller's. */
struct store_members *writer_take_members(struct writer *w);
TRIS_MUST_CHECK enum tris_err writer_start(struct writer *w);
/* Refuses new work, commits what is in the inbox, ends the thread, delivers all results, then
 * closes its loop handle. writer_free after uv_run has returned. */
void writer_stop(struct writer *w);
void writer_free(struct writer *w);

#endif
