/* Fork proofs: two seals of one log whose trees are equal before entry `at` and differ in it.
 *
 * A proof needs no log to be checked: it names the log with everything that its id is made from, so
 * that a file alone convinces anybody that the holder of that key signed two histories. The roots
 * are not part of it but follow from its nodes, so that no comparison can be forgotten: only what
 * hashes to a signed root passes. Layout: FORMAT.md "Fork proof". */
#ifndef TRIS_PROTO_FORK_H
#define TRIS_PROTO_FORK_H

#include "proto/seal.h"

enum {
    /* format: two seals, leaves and the log's name take at most 420 bytes, the nodes at most 3,648:
     * enough for sizes below 2^57 */
    FORK_PROOF_BYTES_MAX = 4096,
};

/* One of the two histories, for making a proof. `nodes` are complete nodes that cover the leaves
 * from at + 1 on without gaps, left to right, split anyhow; `tail` is the root over the leaves
 * behind them up to the seal's size, where has_tail says that there are any and that they begin at
 * the end of a peak. */
struct fork_side {
    struct seal seal;
    struct tris_hash leaf;
    struct tree_node nodes[2 * TREE_PROOF_MAX];
    size_t nodes_count;
    bool has_tail;
    struct tris_hash tail;
};

/* What a proof says. Spans point into its bytes. */
struct fork_proof {
    struct tris_fed_id fed;
    struct tris_log_ref ref;
    struct tris_log_id log;   /* derived from the two above */
    uint64_t at;              /* entries before it are the same in both: where the log ends */
    struct tris_hash root_at; /* over those; zeros if there are none */
    struct span left;         /* hashes of tree_cover(0, at) */
    struct {
        struct seal seal; /* root computed */
        struct tris_hash leaf;
        struct span
            right; /* hashes of tree_cover(at + 1, end of the peak above it), then the tail */
    } sides[2];    /* by leaf ascending */
};

/* Writes the proof; `left` has the hashes of tree_cover(0, at). The order of the sides does not
 * matter (the nodes of both are merged in place). TRIS_ERR_BAD_VALUE if `at` is not below both
 * sizes, both leaves are equal, or nodes do not cover what they should; TRIS_ERR_TOO_LARGE over
 * FORK_PROOF_BYTES_MAX. Whether it proves anything is for fork_proof_verify to say. */
TRIS_MUST_CHECK enum tris_err fork_proof_make(const struct tris_fed_id *fed,
                                              const struct tris_log_ref *ref, uint64_t at,
                                              const struct tris_hash *left,
                                              struct fork_side sides[2], struct wbuf *out);

/* Everything but the signatures: cheap, at most 200 hashes. */
TRIS_MUST_CHECK enum tris_err fork_proof_decode(struct span bytes, struct fork_proof *out);
/* Both signatures too: TRIS_ERR_BAD_SIGNATURE also where a node, leaf or number is wrong. `out` may
 * be used only after TRIS_OK; whether `log` is one of this federation is for the caller to compare.
 */
TRIS_MUST_CHECK enum tris_err fork_proof_verify(struct span bytes, struct fork_proof *out);

/* Adds to `side` how history `which` of a proof goes on behind its entry `at`: that entry's leaf,
 * the nodes to its right, the tail; and its seal. For a proof of a smaller fork point. */
void fork_proof_side(const struct fork_proof *proof, size_t which, struct fork_side *side);

#endif
