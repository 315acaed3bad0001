/* What one batch of work does to the store: apply, seal, commit, mark. Writer thread only (or
 * before that thread exists). Knows no inbox and no loop. */
#ifndef TRIS_DAEMON_WRITER_BATCH_H
#define TRIS_DAEMON_WRITER_BATCH_H

#include "daemon/writer.h"

enum work_type { WORK_GROUP, WORK_SEGMENT, WORK_FORK };

/* One thing in the inbox, in one heap block. `err` is the verdict. */
struct work {
    struct work *next;
    enum work_type type;
    size_t bytes, entries; /* for the bounds of inbox and batch */
    enum tris_err err;
    bool decided; /* the verdict stands, whatever becomes of the batch */
    /* group */
    struct writer_op *ops;
    struct writer_result *results;
    size_t count;
    struct writer_import import;
    bool dry_run;
    writer_done_fn *done;
    void *ctx;
    /* segment, fork */
    uint64_t session_no;    /* 0: out of a file */
    writer_taken_fn *taken; /* then this is told, with ctx */
    struct session_segment segment;
    struct session_fork fork;
};

struct work_list {
    struct work *first, **tail;
    size_t bytes, entries;
};

void work_list_init(struct work_list *l);
void work_list_push(struct work_list *l, struct work *w);
struct work *work_list_pop(struct work_list *l); /* NULL if empty */
/* Puts all of `from` before what is in `l`; `from` is empty then. */
void work_list_prepend(struct work_list *l, struct work_list *from);

/* A log that a commit changed. */
struct batch_head {
    uint32_t log_no;
    uint64_t source; /* session that brought it; 0 = own write, or several */
    bool by_us;      /* sealed here */
    bool cut;        /* a fork proof lowered its end, or its other history was taken back */
    bool anew;       /* a log of a former epoch changed: sessions look at this one again */
    bool bound;      /* membership lets it end elsewhere than before */
    struct frontier_item item;
};

/* An own log and what it has behind its newest seal. */
struct batch_own {
    uint32_t no; /* UINT32_MAX: an observer has none */
    bool sealed_log;
    uint64_t entries, bytes;
};

enum { BATCH_SALTS = 256 };

struct batch {
    struct daemon *d;
    struct store_txn *txn;
    uint64_t now_ms;         /* wall time of this batch */
    struct batch_own own[3]; /* by topic */
    bool counts_only;        /* a dry run */
    bool may_seal;           /* as the guard said when the batch began */
    bool own_sealed;
    struct work *culprit; /* whose append broke the transaction */
    uint32_t *head_of;    /* by log number: index in heads + 1, 0 = untouched */
    uint32_t head_of_count;
    struct batch_head *heads; /* room for as many as there are logs */
    uint32_t heads_count;
    bool no_room;                  /* there was no memory for a log that is new */
    struct store_members *members; /* a new evaluation, until somebody takes it; else NULL */
    uint64_t entries_written;
    struct tris_salt salt[BATCH_SALTS]; /* random, each used once: asking for one costs a call */
    uint32_t salts_left;
    struct verified_segment verified; /* scratch */
    struct op_merge *merge;           /* scratch of writer_op.c; NULL until it is needed */
};

/* After the own log numbers in `d` are known. */
TRIS_MUST_CHECK enum tris_err batch_init(struct batch *b, struct daemon *d);
void batch_fini(struct batch *b);

/* Runs all work that is not decided in one transaction and sets the verdicts; `heads` are the logs
 * changed. RESOURCE errors: nothing applied, all undecided work has that error. Other errors of
 * single works are dealt with inside; what is returned is TRIS_OK, RESOURCE or CORRUPT. */
TRIS_MUST_CHECK enum tris_err batch_run(struct batch *b, struct work_list *work);
/* A group that only counts: its own transaction, aborted. */
void batch_dry_run(struct batch *b, struct work *group);
/* Room for a log that was made in this transaction; false without memory. */
TRIS_MUST_CHECK bool batch_know_log(struct batch *b, uint32_t log_no);
/* Own entries behind the newest seals of gov and data, as the last run left them. */
uint64_t batch_unsealed(const struct batch *b);

#endif
