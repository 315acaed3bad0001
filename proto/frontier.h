/* The frontier: what this node holds of every log of the federation, as items, bucket digests and
 * one root; and the difference to a peer's.
 *
 * In memory, owned by the loop thread; loaded from the store's heads at start (no scan of entries)
 * and updated after each commit. Items are addressed by their compact log number.
 * item hashed: log_id 32, whole u64, root 32, day u32, flags u8
 * bucket digest = BLAKE2b-256 over its items by log id ("tris-bucket-v1"); empty = 32 zero bytes
 * root = BLAKE2b-256 over the 256 digests ("tris-front-v1"); bucket = first byte of the log id.
 * No item at size 0 unless forked: empty logs are added, so that they can be fetched, but do not
 * count. Local logs are never added. */
#ifndef TRIS_PROTO_FRONTIER_H
#define TRIS_PROTO_FRONTIER_H

#include "proto/buf.h"
#include "proto/limits.h"

/* Where a log ends: by a fork proof, or by membership (a revocation, the next epoch's opening). At
 * most one of both; an item with either has an end. */
enum { FRONTIER_FORKED = 1, FRONTIER_ENDED = 2 };
/* A claim that was not repeated for so long is another one when it comes again: whoever differs
 * compares once a minute. */
enum { FRONTIER_LACK_PAUSE_MS = 600000 };
#define FRONTIER_NONE UINT32_MAX

struct frontier_item {
    struct tris_log_id id;
    struct tris_log_ref ref;
    uint64_t held;         /* sealed, verified entries: where a transfer resumes */
    uint64_t whole;        /* longest prefix without an unjustified hole: what is announced */
    struct tris_hash root; /* at `whole` */
    uint32_t day; /* of the newest seal, since 1970-01-01 UTC; with an end: frontier_end_day */
    uint8_t flags;
    uint64_t end;              /* where the log ends, if it does, */
    struct tris_hash end_root; /* and the root there; both not hashed */
    bool own;                  /* this house's own log: never fetched from others, unless */
    uint64_t tail;     /* an own seal of this size shows that they hold more; 0 = none does */
    uint64_t stamp;    /* change counter at its last change */
    uint64_t fetcher;  /* session that is fetching it now, 0 = none */
    uint64_t arriving; /* the most that a session has handed to the writer; may have been refused */
    uint64_t lack_ms;  /* since when peers claim more of it while nothing comes; 0 = none does */
    uint64_t lack_told_ms; /* when one said so last; both in the sessions' monotonic time */
};

/* Whether it is known where the log ends. */
static inline bool frontier_item_ends(const struct frontier_item *item)
{
    return (item->flags & (FRONTIER_FORKED | FRONTIER_ENDED)) != 0;
}

/* Whether the item is part of digests and answers. */
static inline bool frontier_item_counts(const struct frontier_item *item)
{
    return item->whole > 0 || (item->flags & FRONTIER_FORKED) != 0;
}

/* What stands for the day of a log with an end: whoever holds only a part of it knows another end
 * than who holds as much and knows that it ends there. */
static inline uint32_t frontier_end_day(uint64_t end)
{
    return end < UINT32_MAX ? (uint32_t)end : UINT32_MAX;
}

/* Whether entries of the log are taken from peers. */
static inline bool frontier_item_fetched(const struct frontier_item *item)
{
    return !item->own || item->tail > item->held ||
           (frontier_item_ends(item) && item->end > item->held);
}

struct frontier; /* opaque, heap */

TRIS_MUST_CHECK enum tris_err frontier_new(struct frontier **out);
void frontier_free(struct frontier *f);

/* Adds a log under its compact number (dense, ascending from 0; numbers of local logs may be
 * skipped) or updates held, whole, root, day, flags, end, end_root of one that is there. Marks its
 * bucket dirty. TRIS_ERR_NO_MEMORY. */
TRIS_MUST_CHECK enum tris_err frontier_set(struct frontier *f, uint32_t log_no,
                                           const struct frontier_item *item);
/* NULL if the number is not in use. Valid until the next frontier_set. */
const struct frontier_item *frontier_item(const struct frontier *f, uint32_t log_no);
/* for fetcher, arriving and tail only: these stay as they are in frontier_set */
struct frontier_item *frontier_item_mut(struct frontier *f, uint32_t log_no);
/* A peer has claimed more of the log than is held; frontier_set ends it when `held` changes. */
void frontier_lacks(struct frontier *f, uint32_t log_no, uint64_t now_ms);
uint32_t frontier_find(const struct frontier *f, const struct tris_short *id);
uint32_t frontier_count(const struct frontier *f); /* highest number + 1 */

/* Recomputes dirty buckets; a changed root enters the ring with the current stamp. */
void frontier_root(struct frontier *f, struct tris_hash *out);
void frontier_bucket(struct frontier *f, uint32_t bucket, struct tris_hash *out);
/* The same over the gov logs alone, as if there were no others: what two nodes compare of which one
 * may see no more. It has no ring. */
void frontier_gov_root(struct frontier *f, struct tris_hash *out);
void frontier_gov_bucket(struct frontier *f, uint32_t bucket, struct tris_hash *out);
/* The next log of this bucket in order of log id after `after` (FRONTIER_NONE: the first). */
uint32_t frontier_bucket_next(const struct frontier *f, uint32_t bucket, uint32_t after);

/* The stamp at which the own root was `root`, if the ring still remembers it. */
bool frontier_stamp_of(const struct frontier *f, const struct tris_short *root, uint64_t *stamp);
uint64_t frontier_stamp(const struct frontier *f);
/* No item counts: everything is to be asked for. */
bool frontier_empty(const struct frontier *f);

#endif
