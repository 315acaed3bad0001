/* Seals: the signed statement "this log has n entries and this Merkle root"; and the check that
 * turns received bytes into a verified segment, the only thing that storage accepts from others.
 *
 * seal body = msgpack [version 1, algorithm 1, log_id bin32, size, root bin32, time_ms]
 * signature = Ed25519 over ("tris-seal-v1" zero-padded to 16 bytes, seal body) */
#ifndef TRIS_PROTO_SEAL_H
#define TRIS_PROTO_SEAL_H

#include "proto/entry.h"
#include "proto/tree.h"

enum { SEAL_VERSION = 1, SEAL_ALGORITHM_ED25519 = 1, TREE_STORED_LEVEL = 10 };

struct seal {
    struct tris_log_id log;
    uint64_t size; /* >= 1 */
    struct tris_hash root;
    uint64_t time_ms;
    struct tris_sig sig;
};

void seal_make(struct seal *seal, const struct tris_sign_secret *key); /* fills sig */
TRIS_MUST_CHECK enum tris_err seal_verify(const struct seal *seal, const struct tris_sign_pub *key);
/* The msgpack body that is signed (for vectors and proofs). */
void seal_body_encode(struct wbuf *w, const struct seal *seal);

/* Which of two seals of one log is newer: larger size, then later time, then smaller body bytes.
 * Returns < 0, 0, > 0 as a is older, the same, newer. */
int seal_cmp(const struct seal *a, const struct seal *b);

/* The day of a frontier item: whole days since 1970-01-01 UTC, at most UINT32_MAX. */
uint32_t seal_day(const struct seal *seal);

/* What one verified run of entries does to a log. Points into the caller's wire bytes. */
struct verified_segment {
    struct tris_log_id log;
    uint64_t first; /* seq of its first entry */
    uint32_t count; /* 0 (sealed anew) to TRIS_SEAL_SPACING_MAX */
    bool cut; /* the last run of a cut log: the root is known otherwise, the seal is unsigned */
    struct span wire;                        /* `count` wire forms, one after the other */
    struct tree after;                       /* peaks once these entries are in */
    struct seal seal;                        /* seal.size == first + count */
    struct tree_node nodes[TREE_LEVELS_MAX]; /* complete nodes of level >= TREE_STORED_LEVEL */
    size_t nodes_count;
};

/* No entries at all (count 0): the log was sealed anew, `seal` is over what is held.
 * Hashes `count` entries onto `before`, compares the root with the seal's and verifies the seal.
 * TRIS_ERR_BAD_VALUE if the seal is of another log, _NOT_NEXT if seal->size != before->size +
 * count, _SEAL_SPACING, _BAD_ROOT (and the seal's signature is bad), _FORK (the entries miss the
 * sealed root but the signature is good: the owner did sign something else), _BAD_SIGNATURE, or a
 * decoding error. `out` is about 6 KiB. */
TRIS_MUST_CHECK enum tris_err segment_verify(const struct tris_log_id *log,
                                             const struct tris_sign_pub *key,
                                             const struct tree *before, struct span wire,
                                             uint32_t count, const struct seal *seal,
                                             struct verified_segment *out);

/* The last run of a log that is known to end at `end` with the root `end_root` (a verified fork
 * proof says so): no signature is needed, out->seal has size, root, time 0 and a signature of
 * zeros. The run is taken up to `end`; entries behind it are neither read nor kept.
 * TRIS_ERR_NOT_NEXT if it does not reach `end` from before->size, _SEAL_SPACING if it has too many
 * entries, _FORK if it misses the root (the sender's fault, or what is held is another history: a
 * consistency proof tells), or a decoding error. */
TRIS_MUST_CHECK enum tris_err segment_verify_cut(const struct tris_log_id *log,
                                                 const struct tree *before, struct span wire,
                                                 uint32_t count, uint64_t end,
                                                 const struct tris_hash *end_root,
                                                 struct verified_segment *out);
/* Whether a seal is that of a cut log: all zeros where a signature would be. */
bool seal_is_cut(const struct seal *seal);

#endif
