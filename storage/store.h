/* The store: one LMDB environment that holds logs, views, counters, search and the change feed.
 *
 * One writer: exactly one thread begins store_txns. Readers (struct store_view) may run in any
 * thread, short: never across a loop iteration or a socket wait. Spans returned from a view point
 * into the map and are valid until that view ends (in a store_txn: until the next write).
 * Layouts: SCHEMA.md. No clock, no socket, no thread in here: times are parameters.
 * A store_txn remembers its first error: later calls are no-ops, store_commit reports it and
 * nothing of the batch is applied. */
#ifndef TRIS_STORAGE_STORE_H
#define TRIS_STORAGE_STORE_H

#include "proto/charter.h"
#include "proto/frontier.h"
#include "proto/msg.h"
#include "proto/record.h"
#include "proto/seal.h"

struct store;
struct store_txn;
struct store_view;

struct store_opts {
    const char *dir;          /* data directory; the environment is DIR/store/ */
    uint64_t map_bytes;       /* sparse; default 64 GiB */
    bool create;              /* make what is not there; an existing store is compared as without */
    bool read_only;           /* offline tools; takes a shared lock */
    struct tris_fed_id fed;   /* create: written; open: compared, TRIS_ERR_INVALID if another */
    struct tris_house_id own; /* likewise */
    uint32_t own_epoch;       /* which own logs are written and sealed: those of this epoch, */
    struct tris_sign_pub own_key; /* sealed with this key (epoch 0: the house id, not looked at) */
};

/* Refuses network file systems (TRIS_ERR_BAD_FS), a directory in use (TRIS_ERR_IN_USE, detail names
 * the holder's pid), unknown schema versions. `detail` (>= 256 bytes) gets a sentence on failure.
 */
TRIS_MUST_CHECK enum tris_err store_open(const struct store_opts *opts, struct store **out,
                                         char *detail, size_t detail_size);
void store_close(struct store *s); /* no view or txn may be open */
/* federation and house of an existing store without opening it for writing */
TRIS_MUST_CHECK enum tris_err store_identify(const char *dir, struct tris_fed_id *fed,
                                             struct tris_house_id *own);

/* Frees the reader slots of processes that were killed: such a reader keeps pages from being used
 * again. At the open and now and then; how many there were. */
uint32_t store_drop_dead_readers(struct store *s);

/* ---- mark file (DIR/mark): the tip of the own gov and data log, outside the store ---- */

struct store_mark {
    uint64_t gov_size, data_size;
    struct tris_hash gov_root, data_root;
    uint32_t epoch; /* of these logs; when written always the store's own, here and below */
    struct tris_sign_pub key;
};
/* temp file, fsync, rename, fsync of the directory. After a commit that sealed own entries and
 * before such a seal leaves the house. */
TRIS_MUST_CHECK enum tris_err store_mark_write(struct store *s, const struct store_mark *mark);
/* Compares the mark with the store: TRIS_OK, or TRIS_ERR_BAD_MARK / _MARK_AHEAD (it speaks of more
 * than is sealed here; entries that wait for a seal do not count) / _MARK_MISSING / _MARK_FOREIGN.
 * A store without own sealed entries needs no mark. One of a former epoch says nothing of this one:
 * then there is no tip to look for; one of a later epoch is foreign. */
TRIS_MUST_CHECK enum tris_err store_mark_check(struct store *s, char *detail, size_t detail_size);
/* The same, with what the guard needs to know: whether the mark could be read, the exact tip that
 * it speaks of, and that of the store. TRIS_OK means that `out` is filled in, whatever its verdict.
 */
struct store_mark_state {
    enum tris_err verdict; /* as store_mark_check */
    bool has_tip;          /* `tip` is what the mark says; its root is to come back at its size */
    bool tip_is_here;      /* everything that the mark speaks of is sealed in this store */
    struct store_mark tip;
    struct store_mark own; /* newest own seals in the store */
    char made[65];         /* date of the backup that the store was put back from; else "" */
};
TRIS_MUST_CHECK enum tris_err store_mark_look(struct store *s, struct store_mark_state *out,
                                              char *detail, size_t detail_size);
/* Writes a mark of what is sealed in the store now. */
TRIS_MUST_CHECK enum tris_err store_mark_renew(struct store *s);

/* ---- views and transactions ---- */

TRIS_MUST_CHECK enum tris_err store_view_begin(struct store *s, struct store_view **out);
void store_view_end(struct store_view *v);
TRIS_MUST_CHECK enum tris_err store_txn_begin(struct store *s, struct store_txn **out);
/* The transaction's own uncommitted state, for reading; ends with the transaction. */
struct store_view *store_txn_view(struct store_txn *t);
void store_abort(struct store_txn *t);
/* Frees the transaction in every case. TRIS_ERR_MAP_FULL and _DISK_FULL: nothing applied, store
 * good. TRIS_ERR_UNKNOWN_STATE: stop the process. */
TRIS_MUST_CHECK enum tris_err store_commit(struct store_txn *t);
enum tris_err store_txn_err(const struct store_txn *t);

/* A place in a log; of a record: of the entry that created it. */
struct record_ref {
    uint32_t log_no;
    uint64_t seq;
};

/* ---- logs ---- */

/* Why a log ends. */
enum store_end {
    STORE_END_NONE,
    STORE_END_FORK,    /* at the smallest position of all fork proofs */
    STORE_END_CUT,     /* where a revocation cuts it, which is lower than any fork */
    STORE_END_CLOSED,  /* where the opening of the next epoch closes it, whatever forks there are */
    STORE_END_OUTSIDE, /* at 0: its opening is not complete (any more). An own log stays as it is,
                        * but has no place in the frontier and is not sealed */
};

struct store_log {
    uint32_t no; /* compact number, dense from 0, in order of arrival */
    struct tris_log_ref ref;
    struct tris_log_id id;
    bool own;     /* of this house, in any epoch */
    bool current; /* own and of the epoch and key given at the open, or local: may be written */
    bool waits; /* a data log of a later epoch, and an earlier one of that house is not whole up to
                 * where it ends: nothing can be appended (TRIS_ERR_NOT_READY) */
    uint64_t held;  /* entries stored (own log: unsealed ones included) */
    uint64_t whole; /* longest sealed prefix without an unjustified hole */
    struct tris_hash whole_root;
    bool forked;         /* a fork proof is held (store_fork_get); whether it ends the log says: */
    enum store_end ends; /* if at all, at `end`, with this root there; it does not grow beyond.
                          * Held to there with that root, `whole` is `end`. */
    uint64_t end;
    struct tris_hash end_root;
    bool outside;     /* STORE_END_OUTSIDE is said of it, be it own or not */
    struct tree tree; /* at `held` */
    bool has_seal;
    struct seal seal; /* newest; seal.size <= held */
};

/* Finds or creates the log of `ref` (creation only in a transaction). */
TRIS_MUST_CHECK enum tris_err store_log_ensure(struct store_txn *t, const struct tris_log_ref *ref,
                                               uint32_t *no);
TRIS_MUST_CHECK enum tris_err store_log_get(struct store_view *v, uint32_t no,
                                            struct store_log *out);
TRIS_MUST_CHECK enum tris_err store_log_find(struct store_view *v, const struct tris_log_id *id,
                                             uint32_t *no);
TRIS_MUST_CHECK enum tris_err store_log_count(struct store_view *v, uint32_t *count);

/* Held to its end, with the entries that are meant. */
bool store_log_is_at_end(const struct store_log *log);
/* What the frontier says of a log: sealed entries only, or where it ends. */
void store_head_item(const struct store_log *log, struct frontier_item *out);

/* Judges a run from a peer, `count` entries from `first` on: those that are held already are passed
 * over, the others have to fit the seal, or the root at the end where they reach the end of a log
 * that has one. `out`: what is new, for store_append_segment; it points into `wire`.
 * TRIS_ERR_NOT_NEXT if nothing of it can follow what is held, _NOT_READY for a run up to an
 * end that is not known here, else as segment_verify and segment_verify_cut. */
TRIS_MUST_CHECK enum tris_err store_segment_judge(const struct store_log *log, uint64_t first,
                                                  uint32_t count, struct span wire,
                                                  const struct seal *seal,
                                                  struct verified_segment *out);
/* Appends what segment_verify accepted: entries, head, seal, views, counters, feed. The segment
 * must start at held (TRIS_ERR_NOT_NEXT), be of this log (TRIS_ERR_UNKNOWN_LOG) and, if the log
 * has an end, not go beyond it, a cut segment exactly to it (TRIS_ERR_FORK; so does what reaches an
 * end given by membership with another root); these do not poison the transaction. `now_ms` is for
 * last-heard only. */
TRIS_MUST_CHECK enum tris_err store_append_segment(struct store_txn *t, uint32_t no,
                                                   const struct verified_segment *segment,
                                                   uint64_t now_ms);

/* One own entry through the same door, unsealed. `header->prev` and `commit` are filled in. For a
 * put, the payload must be OWN-valid already. Returns its seq. TRIS_ERR_FORK if the log has an
 * end; _INCOMPLETE while it has a hole or an earlier epoch of the house is not whole; _NOT_OWNER if
 * it is not a current own one; TRIS_ERR_NOT_FOUND, _NOT_OWNER, _ENDED if the record cannot be
 * changed, or why the entry would have no effect: such own entries are not written (none of these
 * poisons the transaction). Any number of entries may wait for a seal. */
TRIS_MUST_CHECK enum tris_err store_append_own(struct store_txn *t, uint32_t no,
                                               struct entry_header *header,
                                               const struct tris_salt *salt, struct span payload,
                                               uint64_t now_ms, uint64_t *seq);
/* Entries and wire bytes behind the newest seal of an own log; 0 if it has an end, where nothing
 * can be sealed any more. */
TRIS_MUST_CHECK enum tris_err store_unsealed(struct store_view *v, uint32_t no, uint64_t *entries,
                                             uint64_t *bytes);
/* The next size at which an own log is to be sealed, if it is sealed up to `after`: at most
 * TRIS_SEAL_SPACING_MAX entries and, unless a single one is larger, TRIS_SEAL_BYTES of wire bytes
 * further. `at`: in, the peaks at `after` if at->size == after (else they are looked up); out, the
 * peaks at *size. TRIS_ERR_NOT_FOUND if nothing is held behind `after` (or it has an end). A
 * backlog is sealed in a loop that starts at the newest seal; entries are read once, from `after`
 * on. */
TRIS_MUST_CHECK enum tris_err store_unsealed_step(struct store_view *v, uint32_t no, uint64_t after,
                                                  uint64_t *size, struct tree *at);
/* Stores a seal over the first seal->size entries of an own log: behind the newest seal and at most
 * TRIS_SEAL_SPACING_MAX entries further (TRIS_ERR_SEAL_SPACING), or at its size (sealed anew).
 * TRIS_ERR_INVALID if it is not over what is held, _FORK if the log has an end, _NOT_READY if it is
 * outside. */
TRIS_MUST_CHECK enum tris_err store_seal_own(struct store_txn *t, uint32_t no,
                                             const struct seal *seal);

/* Takes the entries [size, held) of a log back, newest first, at the cost of that tail: entries,
 * tree, seals over more than `size` entries, what they did to records, indexes, counters, words and
 * feed. Afterwards the store equals one that never held them, except that their arrival numbers are
 * not given again (and that seals may have been thinned out on their account). Views of the log
 * begun before see them until they end. STORE_TAIL_DRAFT keeps each as a draft, in their order.
 * TRIS_ERR_INVALID (not poisoning) if fewer than `size` are held, _NOT_OWNER for drafts of a log
 * that is not own. */
enum store_tail { STORE_TAIL_DROP, STORE_TAIL_DRAFT };
TRIS_MUST_CHECK enum tris_err store_log_cut(struct store_txn *t, uint32_t no, uint64_t size,
                                            enum store_tail tail);
/* Entries of own gov logs of former epochs that no seal covers become drafts: their key seals
 * nothing any more. (Data logs are closed.) For a start; without any it costs a look at each log.
 */
TRIS_MUST_CHECK enum tris_err store_former_take_back(struct store_txn *t);

/* Wire form of one entry; TRIS_ERR_NOT_FOUND. */
TRIS_MUST_CHECK enum tris_err store_entry_get(struct store_view *v, uint32_t no, uint64_t seq,
                                              struct entry *out);
/* As session_io.read_segment. The last run of a log that has an end, from its newest seal to there,
 * comes alone and with a seal of zeros (seal_is_cut). */
TRIS_MUST_CHECK enum tris_err store_segment_read(struct store_view *v, uint32_t no, uint64_t first,
                                                 struct wbuf *out, uint32_t *count,
                                                 struct seal *seal);
/* The smallest seal whose size is > seq; TRIS_ERR_NOT_FOUND if the entry is unsealed. */
TRIS_MUST_CHECK enum tris_err store_seal_covering(struct store_view *v, uint32_t no, uint64_t seq,
                                                  struct seal *out);
/* Hashes of complete tree nodes, for proofs; the caller gives level and index. */
TRIS_MUST_CHECK enum tris_err store_tree_nodes(struct store_view *v, uint32_t no,
                                               struct tree_node *nodes, size_t count);
/* Peaks and root over the first `size` entries; TRIS_ERR_NOT_FOUND if fewer are held. Costs the
 * stored nodes and at most 1,023 leaves. */
TRIS_MUST_CHECK enum tris_err store_tree_at(struct store_view *v, uint32_t no, uint64_t size,
                                            struct tree *out);
TRIS_MUST_CHECK enum tris_err store_root_at(struct store_view *v, uint32_t no, uint64_t size,
                                            struct tris_hash *out);
/* The next data log of a later epoch of the same house, whose head may change with that of data log
 * `no`: *later starts as UINT32_MAX. TRIS_ERR_NOT_FOUND at the end. */
TRIS_MUST_CHECK enum tris_err store_log_later(struct store_view *v, uint32_t no, uint32_t *later);
/* The own log of a topic that is written now: of the epoch given at the open. TRIS_ERR_NOT_FOUND.
 */
TRIS_MUST_CHECK enum tris_err store_own_log(struct store_view *v, enum tris_topic topic,
                                            uint32_t *no);
/* ---- forks: logs of which two histories were signed ---- */

struct store_fork {
    uint32_t log_no;
    uint64_t end;          /* the two histories are the same up to there */
    struct tris_hash root; /* over those entries; zeros if there are none */
    struct span proof;     /* into the map */
};

/* Keeps a proof that the caller has verified (fork_proof_verify), if it is the log's first one or
 * lower than the one that is held (of two with the same end, the one with the smaller root stays):
 * *lowered. Then the log is cut to where it ends now, at the cost of what goes; of an own log that
 * becomes drafts. What is held below the end may still be of another history: then the root
 * differs, and `whole` is what a seal covers. TRIS_ERR_INVALID (not poisoning): a local log, or no
 * proof. */
TRIS_MUST_CHECK enum tris_err store_fork_put(struct store_txn *t, uint32_t no, uint64_t end,
                                             const struct tris_hash *root, struct span proof,
                                             bool *lowered);
/* For a log that ends by membership and is not held to there: what is held behind `at` was seen to
 * be of another history than the one that ends there, and goes; *cut: something has gone. Of other
 * logs nothing goes. */
TRIS_MUST_CHECK enum tris_err store_log_rewind(struct store_txn *t, uint32_t no, uint64_t at,
                                               bool *cut);
TRIS_MUST_CHECK enum tris_err store_fork_get(struct store_view *v, uint32_t no,
                                             struct store_fork *out); /* TRIS_ERR_NOT_FOUND */
/* The next one after log *log_no (UINT32_MAX: the first), which becomes *log_no. */
TRIS_MUST_CHECK enum tris_err store_fork_next(struct store_view *v, uint32_t *log_no,
                                              struct store_fork *out);

/* ---- holes: entries that came without their payload ---- */

enum {
    HOLES_MAX = TRIS_SEAL_SPACING_MAX, /* of one question: as many as one run may have */
    /* entries that are taken from a hole on: all of them may be folded when it is filled, which
     * costs as much as the largest batch */
    HOLE_BEHIND_MAX = 32768,
};

/* The first holes of a log below `until` that nothing justifies, in order, as at most `max` ranges
 * and HOLES_MAX entries. Reads as much as it gives. */
TRIS_MUST_CHECK enum tris_err store_holes(struct store_view *v, uint32_t no, uint64_t until,
                                          struct msg_run *out, size_t max, size_t *count);
/* Appends the row (MSG_ROW_hole) of an entry whose payload is here; else TRIS_ERR_NOT_FOUND.
 * TRIS_ERR_NO_SPACE, and nothing, if it does not fit. */
TRIS_MUST_CHECK enum tris_err store_hole_row(struct store_view *v, uint32_t no, uint64_t seq,
                                             struct wbuf *rows);
/* Payloads that have come later: `count` rows of a HOLES message. Entries become whole, views
 * go on to the next hole, `whole` grows; *filled of them were holes. Not poisoning, nothing is
 * changed: TRIS_ERR_BAD_COMMIT if a payload is not what its entry commits to. */
TRIS_MUST_CHECK enum tris_err store_holes_fill(struct store_txn *t, uint32_t no, struct span rows,
                                               uint32_t count, uint32_t *filled);

/* Why an entry has no effect on views: TRIS_OK if it has. */
TRIS_MUST_CHECK enum tris_err store_entry_effect(struct store_view *v, uint32_t no, uint64_t seq,
                                                 enum tris_err *reason);

/* ---- drafts: own entries that were taken back, and what became of them ---- */

enum draft_state {
    DRAFT_WAITING,  /* to be written again */
    DRAFT_WRITTEN,  /* is the entry new_seq of new_log now */
    DRAFT_DECISION, /* a person decides: `reason` says why it cannot just be written */
    DRAFT_DROPPED,  /* somebody decided against it, or its new entry was dropped */
};

struct store_draft {
    uint64_t no; /* from 1, in the order of the entries; never given again */
    enum tris_topic topic;
    uint32_t log_no;
    uint64_t seq; /* where it stood, in that own log */
    uint64_t cut; /* entries that were left when it was taken back */
    struct entry_header header;
    struct span payload; /* into the map; empty if it was not here (then DRAFT_DECISION from the
                          * start, reason TRIS_ERR_NOT_READY), and once it is settled */
    enum draft_state state;
    enum tris_err reason;
    uint32_t new_log; /* DRAFT_WRITTEN: where it stands now */
    uint64_t new_seq;
};

/* So many drafts are kept, more only if some of them still wait: an alias is there as long as
 * people may ask by a number of before a restore. About 3 MiB. */
enum { STORE_DRAFTS_MAX = 16384 };

TRIS_MUST_CHECK enum tris_err store_draft_get(struct store_view *v, uint64_t no,
                                              struct store_draft *out);
/* The next one after *no (0: the first), which becomes *no. TRIS_ERR_NOT_FOUND at the end. */
TRIS_MUST_CHECK enum tris_err store_draft_next(struct store_view *v, uint64_t *no,
                                               struct store_draft *out);
/* DRAFT_WRITTEN: the entry `new_seq` of the own current log of its topic is in this transaction
 * already.
 * Not poisoning: TRIS_ERR_NOT_FOUND, _INVALID if it is written or dropped, or no such entry is
 * there. */
TRIS_MUST_CHECK enum tris_err store_draft_settle(struct store_txn *t, uint64_t no,
                                                 enum draft_state state, enum tris_err reason,
                                                 uint64_t new_seq);
/* Where the own entry that a draft calls `seq` stands now: one that was left when the draft was
 * taken back is still there; one that was taken back with it stands where its own draft was
 * written, however often that has moved since, and whatever else has stood at `seq`; that may be in
 * the log of a later epoch. _INVALID:
 * entries name earlier ones only; _NOT_READY: it is not written. */
TRIS_MUST_CHECK enum tris_err store_draft_place(struct store_view *v,
                                                const struct store_draft *draft, uint64_t seq,
                                                struct record_ref *now);
/* Where the own entry that stood at `former` before it was taken back (the last time something was,
 * there) stands now. TRIS_ERR_NOT_FOUND: nothing was taken back there; _NOT_READY: it is a draft,
 * whose number is in *draft (may be NULL). */
TRIS_MUST_CHECK enum tris_err store_alias_get(struct store_view *v, struct record_ref former,
                                              struct record_ref *now, uint64_t *draft);

/* ---- records ---- */

struct store_record {
    struct record_ref ref;
    uint32_t kind;
    enum schema_scope scope;
    bool ended;
    uint32_t end_reason; /* code, 0 = none */
    uint64_t created_ms, updated_ms;
    uint64_t last_seq; /* last effective put, in log last_log */
    uint32_t last_log;
    uint32_t changes;    /* effective entries */
    bool unsealed;       /* own and not yet sealed */
    struct span payload; /* of the last effective put; into the map */
};

TRIS_MUST_CHECK enum tris_err store_record_get(struct store_view *v, struct record_ref ref,
                                               struct store_record *out);

struct record_filter {
    uint32_t kind;        /* required */
    bool local, national; /* which scopes; both false = both */
    bool with_ended;
    bool by_house; /* only records of logs of `house` */
    struct tris_house_id house;
    char region[6]; /* "" = any; 2 characters = a state; 5 = a district */
};
/* Records in key order after `*cursor` ({UINT32_MAX, 0} = from the start; updated to the last one
 * returned). TRIS_ERR_NOT_FOUND at the end. Bounded: examines at most 4,096 rows a call and
 * returns TRIS_ERR_NOT_READY with the cursor advanced if none of them matched. */
TRIS_MUST_CHECK enum tris_err store_record_next(struct store_view *v,
                                                const struct record_filter *filter,
                                                struct record_ref *cursor,
                                                struct store_record *out);
/* Entries that name a record, newest first: at->seq starts at UINT64_MAX. They are in the log of
 * the record or in those of later epochs. */
TRIS_MUST_CHECK enum tris_err store_record_history(struct store_view *v, struct record_ref ref,
                                                   struct record_ref *at);
/* The record of a house's topic data that was created at `seq` of an epoch; TRIS_ERR_NOT_FOUND. */
TRIS_MUST_CHECK enum tris_err store_record_find(struct store_view *v,
                                                const struct tris_house_id *house, uint32_t epoch,
                                                uint64_t seq, struct record_ref *out);

/* Duplicates among own records: by (source, source_id), or by folded name and record_within.
 * TRIS_ERR_NOT_FOUND; TRIS_ERR_AMBIGUOUS if several: `out` is the first by source id, any by name
 * (which table a name stands in follows from nothing). */
TRIS_MUST_CHECK enum tris_err store_find_source(struct store_view *v, uint32_t kind,
                                                struct span source, struct span source_id,
                                                struct record_ref *out);
TRIS_MUST_CHECK enum tris_err store_find_name(struct store_view *v, uint32_t kind, struct span name,
                                              struct span within, struct record_ref *out);
/* Own records of a kind that came from `source`, counted up to `max`. By the hash of its name: two
 * sources in 4 billion are taken for one. */
TRIS_MUST_CHECK enum tris_err store_count_source(struct store_view *v, uint32_t kind,
                                                 struct span source, uint64_t max, uint64_t *count);
/* By folded name and record_within, but only records that have no source id of `source`: a row of
 * that source whose id is new may be such a record, and never one that another row of the list is.
 * Looks at no more than 64 namesakes. */
TRIS_MUST_CHECK enum tris_err store_find_unsourced(struct store_view *v, uint32_t kind,
                                                   struct span name, struct span within,
                                                   struct span source, struct record_ref *out);

/* ---- records that meet: offers and needs ---- */

enum { STORE_MATCH_TOPICS_MAX = 3 };

struct match_hit {
    struct record_ref ref;
    uint32_t contribution, radius;          /* codes */
    uint32_t valid_to;                      /* YYYYMMDD */
    uint8_t topics[STORE_MATCH_TOPICS_MAX]; /* codes, 0 where there are fewer */
};
struct match_query {
    uint32_t kind, type; /* type: the wanted one */
    uint32_t topic_count;
    uint8_t topics[STORE_MATCH_TOPICS_MAX];
    uint32_t contribution; /* 0: any */
    uint32_t log_no;
};
/* Records of one log that are not ended, still have their preset status (expired or not), are of
 * the wanted type and share a topic; each once, until `each` returns false. TRIS_ERR_NOT_READY if
 * there are more than `max` rows; *examined: how many were read. */
TRIS_MUST_CHECK enum tris_err store_match_each(struct store_view *v, const struct match_query *q,
                                               uint32_t max,
                                               bool (*each)(void *ctx, const struct match_hit *hit),
                                               void *ctx, uint32_t *examined);

/* ---- search: words follow the feed outside the batch ---- */

/* Indexes up to `max` feed items; *behind = how many are left. In a transaction of its own. */
TRIS_MUST_CHECK enum tris_err store_word_follow(struct store_txn *t, uint32_t max,
                                                uint64_t *behind);
uint64_t store_word_behind(struct store_view *v);
/* Records in which every word of `text` occurs (as a prefix of a word, folded), at most `max` after
 * *cursor, which moves to the last one examined. TRIS_OK with fewer than `max`: there are no more.
 * Bounded: reads at most 4,096 records a call, then TRIS_ERR_NOT_READY with what was found. */
TRIS_MUST_CHECK enum tris_err store_word_search(struct store_view *v, struct span text,
                                                struct record_ref *cursor, struct record_ref *out,
                                                size_t max, size_t *found);

/* ---- counters ---- */

enum cube_rollup {
    CUBE_SECTOR = 1, /* a = sector, b = status */
    CUBE_FORM = 2,   /* a = legal form, b = status */
    CUBE_TOPIC = 3,  /* a = topic, b = sector */
};
struct cube_row {
    char region[6]; /* "" = the whole country, 2 = state, 5 = district */
    uint32_t a, b;
    int64_t count;
};
/* Rows of one roll-up of partners in topic data, not ended, at one level (0 = country, 2 = states,
 * 5 = districts) below `prefix`; `each` returns false to stop. Cost = size of the answer. */
TRIS_MUST_CHECK enum tris_err store_cube_each(struct store_view *v, enum cube_rollup rollup,
                                              int level, const char *prefix,
                                              bool (*each)(void *ctx, const struct cube_row *row),
                                              void *ctx);
/* Records of one log by kind, not ended; and entries without effect. */
TRIS_MUST_CHECK enum tris_err store_count_kind(struct store_view *v, uint32_t log_no, uint32_t kind,
                                               uint64_t *count);
uint64_t store_count_inert(struct store_view *v);

/* ---- feed, house facts, settings ---- */

struct feed_item {
    uint64_t arrival; /* from 1 */
    uint32_t log_no;
    uint64_t seq;
};
TRIS_MUST_CHECK enum tris_err store_feed_next(struct store_view *v, uint64_t after,
                                              struct feed_item *out);
/* A log was cut: its entries from `end` on were taken back. Of cuts the newest ones are known. */
struct feed_cut {
    uint64_t arrival; /* from the same numbers as entries have */
    uint32_t log_no;
    uint64_t end;
};
enum { STORE_FEED_CUTS_MAX = 1024 };
/* The first one behind `after`; TRIS_ERR_NOT_FOUND if there is none. */
TRIS_MUST_CHECK enum tris_err store_feed_cut(struct store_view *v, uint64_t after,
                                             struct feed_cut *out);

/* When the newest seal of a house's logs was made (its clock) and when it arrived (ours); 0=never*/
TRIS_MUST_CHECK enum tris_err store_house_heard(struct store_view *v,
                                                const struct tris_house_id *house,
                                                uint64_t *sealed_ms, uint64_t *arrived_ms);
/* The newest card (house line text) in a house's gov log of one epoch; cards of other epochs do not
 * count, however new they are. TRIS_ERR_NOT_FOUND. */
TRIS_MUST_CHECK enum tris_err store_house_card(struct store_view *v, const struct tris_log_ref *gov,
                                               struct span *line);

/* Small settings of this node ("peer/<id>" -> address and flags ...): key <= 255 bytes. */
TRIS_MUST_CHECK enum tris_err store_setting_put(struct store_txn *t, const char *key,
                                                struct span value); /* empty = delete */
TRIS_MUST_CHECK enum tris_err store_setting_get(struct store_view *v, const char *key,
                                                struct span *value);
/* Next key with this prefix after `*key` (in/out, `size` bytes; starts as the prefix). */
TRIS_MUST_CHECK enum tris_err store_setting_next(struct store_view *v, const char *prefix,
                                                 char *key, size_t size, struct span *value);

struct store_info {
    uint64_t used_bytes, map_bytes, entries, records;
    uint64_t feed; /* the greatest arrival number given; a cut may have taken its entry away */
    uint64_t disk_bytes, disk_free_bytes; /* of the file system; 0, 0 = not known */
    uint32_t logs;
};
TRIS_MUST_CHECK enum tris_err store_info(struct store_view *v, struct store_info *out);

/* ---- audit ---- */

struct audit_report {
    uint64_t entries, seals, records, counters;
    uint64_t problems;
    char first_problem[256];
};
/* Recomputes chain, seals, views and counters from the entries and compares. `fast`: heads, newest
 * seals and counters only. Reads in bounded views? No: one view, so run it off the loop, and not
 * for hours. `progress` may be NULL; it returns false to stop (TRIS_ERR_STOPPING). TRIS_OK means
 * the report is complete; problems may be > 0. */
TRIS_MUST_CHECK enum tris_err
store_audit(struct store *s, bool fast, bool (*progress)(void *ctx, uint64_t done, uint64_t total),
            void *ctx, struct audit_report *out);

#endif
