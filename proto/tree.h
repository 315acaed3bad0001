/* The Merkle tree of one log: appending, root, inclusion and consistency proofs.
 *
 * Shape of RFC 6962 section 2.1 without its 0x00/0x01 prefixes; domains are separated by BLAKE2b
 * personal parameters. node = BLAKE2b-256(left, right; "tris-node-v1"); one leaf is its own root;
 * the empty root is 32 zero bytes and never sealed. */
#ifndef TRIS_PROTO_TREE_H
#define TRIS_PROTO_TREE_H

#include "proto/buf.h"

enum { TREE_LEVELS_MAX = 64, TREE_PROOF_MAX = 128 };

/* A tree of `size` leaves by its peaks: peak[k] is valid iff bit k of size is set. 2,056 bytes. */
struct tree {
    uint64_t size;
    struct tris_hash peak[TREE_LEVELS_MAX];
};

/* A complete inner node: it covers leaves [index << level, (index + 1) << level). */
struct tree_node {
    uint32_t level;
    uint64_t index;
    struct tris_hash hash;
};

void tree_init(struct tree *t);

/* Appends one leaf. Complete nodes of level >= `report_level` that this creates go to `nodes`
 * (room for TREE_LEVELS_MAX; may be NULL), their number is returned. */
size_t tree_append(struct tree *t, const struct tris_hash *leaf, uint32_t report_level,
                   struct tree_node *nodes);

void tree_root(const struct tree *t, struct tris_hash *out);

void tree_node_hash(const struct tris_hash *left, const struct tris_hash *right,
                    struct tris_hash *out);

/* Appends a complete node of `level`: the size must be a multiple of the leaves that it covers and
 * stay within 64 bits (asserted). */
void tree_add(struct tree *t, uint32_t level, const struct tris_hash *hash);

/* The coordinates (hash unset) of the fewest complete nodes that cover leaves [begin, end), left to
 * right; their number, at most 126. */
size_t tree_cover(uint64_t begin, uint64_t end, struct tree_node out[TREE_PROOF_MAX]);

/* Joins neighbours that are the halves of a complete node, in place, until none are left: nodes
 * that cover [begin, end) without gaps, left to right, become those of tree_cover(begin, end). */
size_t tree_merge(struct tree_node *nodes, size_t count);

/* The first leaf behind the peak that leaf `index` lies under, in a tree of `size`; index < size.
 */
uint64_t tree_peak_end(uint64_t index, uint64_t size);

/* The coordinates (hash unset) of the complete nodes that prove leaf `index` in a tree of `size`,
 * or that old_size is a prefix of size; folded subtrees at the right edge are given by the several
 * complete nodes that they consist of, left to right. Return their number (<= TREE_PROOF_MAX). The
 * caller fills in the hashes. index < size; 0 < old_size <= size. */
size_t tree_inclusion_nodes(uint64_t index, uint64_t size, struct tree_node out[TREE_PROOF_MAX]);
size_t tree_consistency_nodes(uint64_t old_size, uint64_t size,
                              struct tree_node out[TREE_PROOF_MAX]);

/* Verify with nodes in exactly the order above; TRIS_ERR_BAD_ROOT if they do not prove it. */
TRIS_MUST_CHECK enum tris_err tree_inclusion_verify(uint64_t index, uint64_t size,
                                                    const struct tris_hash *leaf,
                                                    const struct tris_hash *proof, size_t count,
                                                    const struct tris_hash *root);
TRIS_MUST_CHECK enum tris_err tree_consistency_verify(uint64_t old_size, uint64_t size,
                                                      const struct tris_hash *proof, size_t count,
                                                      const struct tris_hash *old_root,
                                                      const struct tris_hash *root);

/* Storage and wire form of the peaks: size u64, then the valid peaks from the highest level down.
 */
void tree_encode(struct wbuf *w, const struct tree *t);
void tree_decode(struct rbuf *r, struct tree *out);

#endif
