/* Log files: logs of one federation in a file, with the proofs that a session gives, for where
 * there is no line. Layout: FORMAT.md section "Log file".
 *
 * The reader takes a file piece by piece and lets nothing pass that does not prove itself: runs
 * against their seals, fork proofs against their signatures, the whole against its checksum. Memory
 * is bounded whatever the file says. The same reader, fed with what is written, keeps the totals
 * and the checksum for whoever makes a file. */
#ifndef TRIS_PROTO_LOGFILE_H
#define TRIS_PROTO_LOGFILE_H

#include "proto/fork.h"

#define LOGFILE_MAGIC "tris-logs-1\n"

enum {
    LOGFILE_MAGIC_BYTES = sizeof LOGFILE_MAGIC - 1,
    LOGFILE_LEAD_BYTES = 5, /* type and length of an item */
    LOGFILE_ROWS_MAX = 256, /* format: of one STATE item, as many as a container holds */
    /* format: logs of one file, rows of its state; a federation of 20,000 houses has three each */
    LOGFILE_LOGS_MAX = 65536,
    /* format: the body of an item; a run of TRIS_SEGMENT_BYTES_MAX with its seal */
    LOGFILE_BODY_BYTES_MAX = TRIS_SEGMENT_BYTES_MAX + 256,
    LOGFILE_ITEM_BYTES_MAX = LOGFILE_LEAD_BYTES + LOGFILE_BODY_BYTES_MAX,
};
/* format: where a log may begin in a file; as for records that are named */
#define LOGFILE_FIRST_MAX (UINT64_C(1) << 53)

enum logfile_type {
    LOGFILE_NOTHING, /* magic, or type and length of the next item */
    LOGFILE_HEAD,
    LOGFILE_STATE,
    LOGFILE_LOG,
    LOGFILE_FORK,
    LOGFILE_SEGMENT,
    LOGFILE_END,
};

/* What the writer of the file holds of one log, as in its frontier. */
struct logfile_row {
    struct tris_log_id id;
    uint64_t size; /* `whole` */
    struct tris_hash root;
    uint32_t day;
    uint8_t flags;
};

struct logfile_head {
    struct tris_fed_id fed;
    struct tris_house_id house; /* who wrote it: nobody signs that */
    uint64_t time_ms;
};

/* Where a log begins in the file. */
struct logfile_log {
    struct tris_log_ref ref;
    struct tris_log_id id;
    uint64_t first;        /* entries before those in the file */
    struct tris_hash root; /* over them; zeros if there are none */
};

struct logfile_segment {
    uint64_t first;
    uint32_t count;
    struct seal seal; /* log and size filled in */
    struct span wire;
};

/* One item. Spans point into the bytes that were given. */
struct logfile_item {
    enum logfile_type type;
    uint64_t at; /* byte of the file where it begins */
    union {
        struct logfile_head head;
        struct {
            struct logfile_row row[LOGFILE_ROWS_MAX];
            uint32_t count;
        } state;
        struct logfile_log log;
        struct {
            struct span bytes;
            struct fork_proof proof;
        } fork;
        struct logfile_segment segment;
        struct {
            uint64_t logs, segments, entries;
        } end;
    };
};

struct logfile_reader {
    enum tris_err err;      /* the first one; it stays */
    uint64_t pos;           /* bytes taken: behind an error where the item begins that has it */
    enum logfile_type last; /* the item before; LOGFILE_NOTHING before the head */
    enum logfile_type next; /* the item whose body comes; LOGFILE_NOTHING: type and length come */
    uint32_t wants;         /* bytes of the next step */
    struct logfile_head head;
    bool has_row; /* a row of the state has been read: row_id is the last one's log */
    struct tris_log_id row_id;
    uint64_t rows, logs, segments, entries;
    struct tris_log_ref ref; /* of the log that is being read */
    struct tris_log_id id;
    bool closed; /* nothing more may follow in this log */
    bool forked; /* a proof came: the log ends at `end` */
    uint64_t end;
    struct tris_hash end_root;
    struct tree tree; /* behind what was read of the log */
    uint8_t lead[LOGFILE_LEAD_BYTES];
    struct tris_hash sum; /* of the items so far */
    struct verified_segment scratch;
};

void logfile_reader_init(struct logfile_reader *r);
/* How many bytes the next step takes, at most LOGFILE_BODY_BYTES_MAX; 0 behind the last item, where
 * the file must end. */
size_t logfile_wants(const struct logfile_reader *r);
/* Takes exactly logfile_wants bytes. TRIS_ERR_BAD_VERSION if they are no log file of this version;
 * errors of segment_verify, fork_proof_verify and of decoding; TRIS_ERR_TOO_LARGE over a limit;
 * TRIS_ERR_BAD_VALUE if an item is not where it may be, or the checksum is another one. After an
 * error r->pos is the byte where the item begins, and nothing more is taken. */
TRIS_MUST_CHECK enum tris_err logfile_step(struct logfile_reader *r, struct span bytes,
                                           struct logfile_item *out);
/* The file is over, with `left` bytes (0, or at least 1) that no step took: TRIS_ERR_TRUNCATED,
 * _TRAILING, or the error that there was. */
TRIS_MUST_CHECK enum tris_err logfile_finish(const struct logfile_reader *r, size_t left);

/* ---- making one: each appends a whole item, type and length in front ---- */

void logfile_put_magic(struct wbuf *w);
void logfile_put_head(struct wbuf *w, const struct logfile_head *head);
/* `count`: 1 to LOGFILE_ROWS_MAX, by log id. */
void logfile_put_state(struct wbuf *w, const struct logfile_row *rows, uint32_t count);
/* `peaks`: of the entries before those that follow. */
void logfile_put_log(struct wbuf *w, const struct tris_log_ref *ref, const struct tree *peaks);
void logfile_put_fork(struct wbuf *w, struct span proof);
void logfile_put_segment(struct wbuf *w, uint32_t count, const struct seal *seal, struct span wire);
/* `r` has been fed with everything before. */
void logfile_put_end(struct wbuf *w, const struct logfile_reader *r);

/* The order of logs in a file: topic, house, epoch, seal key. */
int logfile_order(const struct tris_log_ref *a, const struct tris_log_ref *b);

#endif
