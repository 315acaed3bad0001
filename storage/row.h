/* Values of the tables that are more than raw bytes: rows of logs, seals, records, inert entries,
 * feed runs. Layouts: SCHEMA.md. Rows are read with a sticky reader: a short row is
 * TRIS_ERR_CORRUPT, never a crash. */
#ifndef TRIS_STORAGE_ROW_H
#define TRIS_STORAGE_ROW_H

#include "proto/fork.h"
#include "proto/statement.h"
#include "storage/store.h"

enum {
    ROW_LOG_BYTES_MAX = 1024 + 32 * TREE_LEVELS_MAX,
    ROW_SEAL_BYTES = 32 + 8 + 64 + 8,
    ROW_RECORD_BYTES_MAX = 66 + 12,
    ROW_INERT_BYTES_MAX = 18 + 8,
    ROW_CROSS_BYTES = 24,
    ROW_FEED_BYTES = 16,
};

#define SEQ_NONE UINT64_MAX

/* A log as stored; where it ends, `log.whole` and `log.whole_root` follow from the rest. */
struct log_row {
    struct store_log log;
    struct log_cut fork;        /* log.forked: by the proof that is held */
    enum store_end bound;       /* what membership says: _NONE, _CUT, _CLOSED or _OUTSIDE */
    struct log_cut bounds;      /* _CUT, _CLOSED */
    uint64_t bytes;             /* wire bytes of all entries held */
    uint64_t open_bytes;        /* of them behind the newest seal */
    uint64_t arrived_ms;        /* when the newest seal came or was made (our clock) */
    uint64_t first_hole;        /* the first that nothing justifies; SEQ_NONE: there is none */
    struct tris_hash hole_root; /* root of the tree before the first hole */
};

void row_log_encode(struct wbuf *w, const struct log_row *row);
TRIS_MUST_CHECK enum tris_err row_log_decode(struct span bytes, struct log_row *out);
/* Sets where the log ends, whole and whole_root. */
void row_log_settle(struct log_row *row);
/* How many entries of a log views know: those before its first hole. */
static inline uint64_t row_log_folded(const struct log_row *row)
{
    return row->first_hole < row->log.held ? row->first_hole : row->log.held;
}

struct fork_row {
    uint64_t end;
    struct tris_hash root; /* over the first `end` entries; zeros if there are none */
    struct span proof;
};
enum { ROW_FORK_BYTES_MAX = 8 + 32 + FORK_PROOF_BYTES_MAX };
void row_fork_encode(struct wbuf *w, const struct fork_row *row);
TRIS_MUST_CHECK enum tris_err row_fork_decode(struct span bytes, struct fork_row *out);

struct seal_row {
    struct seal seal;
    uint64_t
        bytes; /* wire bytes of the entries behind the stored seal before it, or the log's start */
};
void row_seal_encode(struct wbuf *w, const struct seal_row *row);
/* `log_id` and `size` come from the key. */
TRIS_MUST_CHECK enum tris_err row_seal_decode(struct span bytes, const struct tris_log_id *id,
                                              uint64_t size, struct seal_row *out);

struct record_row {
    uint32_t kind;
    enum schema_scope scope;
    bool ended;
    uint32_t end_reason;
    /* entries of the log that the record is in, or of a later epoch's: */
    struct record_ref put;       /* last effective put */
    struct record_ref effective; /* last effective entry of either verb */
    struct record_ref named;     /* last entry that names the record, effective or not */
    uint64_t created_ms, updated_ms;
    uint32_t changes;
    struct partner_dims dims; /* other kinds: only region */
};
/* `log_no`: the log that the record is in. */
void row_record_encode(struct wbuf *w, uint32_t log_no, const struct record_row *row);
TRIS_MUST_CHECK enum tris_err row_record_decode(struct span bytes, uint32_t log_no,
                                                struct record_row *out);

/* Why an entry has no effect, and which entry named its record before it (SEQ_NONE: none). The
 * header's own `prev` may be wrong, so the chain of a record goes through here. */
struct inert_row {
    enum tris_err reason;
    bool names; /* it names a record that exists */
    struct record_ref prev;
    struct record_ref put; /* last effective put of that record before it; seq SEQ_NONE if it names
                            * none */
};
/* `log_no`: the log of the entry. */
void row_inert_encode(struct wbuf *w, uint32_t log_no, const struct inert_row *row);
TRIS_MUST_CHECK enum tris_err row_inert_decode(struct span bytes, uint32_t log_no,
                                               struct inert_row *out);

/* An effective change that is the first of its log to name a record of an earlier epoch: what named
 * the record before it, and the effective put before it. */
struct cross_row {
    struct record_ref prev, put;
};
void row_cross_encode(struct wbuf *w, const struct cross_row *row);
TRIS_MUST_CHECK enum tris_err row_cross_decode(struct span bytes, struct cross_row *out);

/* Consecutive arrivals that are consecutive entries of one log; the key is the last arrival. */
struct feed_row {
    uint32_t log_no;
    uint64_t first_seq;
    uint32_t count;
};
void row_feed_encode(struct wbuf *w, const struct feed_row *row);
TRIS_MUST_CHECK enum tris_err row_feed_decode(struct span bytes, struct feed_row *out);

/* An own entry that was taken back; `later`: the draft that it became again after it was written
 * (0: it did not). Spans point into the bytes or to what is encoded. */
struct draft_row {
    enum tris_topic topic;
    struct record_ref at; /* where it stood */
    enum draft_state state;
    enum tris_err reason;
    struct record_ref now; /* where it stands; zeros: nowhere */
    uint64_t later;
    uint64_t cut;        /* size that the log was cut to: the drafts of one cut begin there */
    struct span header;  /* complete */
    struct span salt;    /* of the payload; empty: there is none here, or the draft is settled */
    struct span payload; /* empty without salt */
};
enum {
    ROW_DRAFT_BYTES_MAX =
        44 + TRIS_HEADER_BYTES_MAX + sizeof(struct tris_salt) + TRIS_PAYLOAD_BYTES_MAX
};
void row_draft_encode(struct wbuf *w, const struct draft_row *row);
TRIS_MUST_CHECK enum tris_err row_draft_decode(struct span bytes, struct draft_row *out);

/* Which of the 64 records of a block have a word: bit i is record block * 64 + i. */
enum { WORD_BLOCK_BITS = 6 };
void row_word_encode(uint8_t out[8], uint64_t bits);
TRIS_MUST_CHECK enum tris_err row_word_decode(struct span bytes, uint64_t *bits);

/* Counters: i64 as two's complement, big-endian. */
void row_count_encode(uint8_t out[8], int64_t value);
TRIS_MUST_CHECK enum tris_err row_count_decode(struct span bytes, int64_t *out);

#endif
