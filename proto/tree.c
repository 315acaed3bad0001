/* The Merkle tree of one log; see tree.h and FORMAT.md sections "Tree" and "Proofs".
 *
 * Proofs are runs of complete nodes that cover the leaves from left to right; a verifier pushes
 * them onto an empty tree just as leaves are appended, so one routine does all of it. */
#include "proto/tree.h"

#include <sodium.h>

#include "proto/assert.h"

static const uint8_t node_personal[crypto_generichash_blake2b_PERSONALBYTES] = "tris-node-v1";

void tree_init(struct tree *t)
{
    memset(t, 0, sizeof *t);
}

void tree_node_hash(const struct tris_hash *left, const struct tris_hash *right,
                    struct tris_hash *out)
{
    uint8_t block[sizeof left->b + sizeof right->b];
    memcpy(block, left->b, sizeof left->b);
    memcpy(block + sizeof left->b, right->b, sizeof right->b);
    (void)crypto_generichash_blake2b_salt_personal(out->b, sizeof out->b, block, sizeof block, NULL,
                                                   0, NULL, node_personal);
}

/* Appends a complete node of `level`; the size must be a multiple of the leaves that it covers. */
static size_t tree_push(struct tree *t, uint32_t level, const struct tris_hash *hash,
                        uint32_t report_level, struct tree_node *nodes)
{
    uint64_t leaves = UINT64_C(1) << level;
    tris_assert((t->size & (leaves - 1)) == 0);
    tris_assert(t->size <= UINT64_MAX - leaves);
    struct tris_hash up = *hash;
    uint32_t k = level;
    size_t count = 0;
    for (;;) {
        if (nodes != NULL && k >= report_level) {
            nodes[count++] = (struct tree_node){k, t->size >> k, up};
        }
        if ((t->size >> k & 1) == 0) {
            break;
        }
        tree_node_hash(&t->peak[k], &up, &up);
        k++;
        tris_assert(k < TREE_LEVELS_MAX);
    }
    t->peak[k] = up;
    t->size += leaves;
    return count;
}

size_t tree_append(struct tree *t, const struct tris_hash *leaf, uint32_t report_level,
                   struct tree_node *nodes)
{
    return tree_push(t, 0, leaf, report_level, nodes);
}

void tree_root(const struct tree *t, struct tris_hash *out)
{
    bool any = false;
    struct tris_hash up = {{0}};
    for (uint32_t k = 0; k < TREE_LEVELS_MAX; k++) {
        if ((t->size >> k & 1) == 0) {
            continue;
        }
        if (any) {
            tree_node_hash(&t->peak[k], &up, &up);
        } else {
            up = t->peak[k];
            any = true;
        }
    }
    *out = up;
}

static uint32_t floor_log2(uint64_t n)
{
    uint32_t log = 0;
    while (n >>= 1) {
        log++;
    }
    return log;
}

void tree_add(struct tree *t, uint32_t level, const struct tris_hash *hash)
{
    tris_assert(level < TREE_LEVELS_MAX);
    (void)tree_push(t, level, hash, 0, NULL);
}

static size_t cover(uint64_t begin, uint64_t end, struct tree_node *out, size_t out_max)
{
    size_t count = 0;
    for (uint64_t pos = begin; pos < end;) {
        uint32_t level = floor_log2(end - pos);
        while ((pos & ((UINT64_C(1) << level) - 1)) != 0) {
            level--;
        }
        tris_assert(count < out_max);
        out[count++] = (struct tree_node){level, pos >> level, {{0}}};
        pos += UINT64_C(1) << level;
    }
    return count;
}

size_t tree_cover(uint64_t begin, uint64_t end, struct tree_node out[TREE_PROOF_MAX])
{
    tris_assert(begin <= end);
    return cover(begin, end, out, TREE_PROOF_MAX);
}

size_t tree_merge(struct tree_node *nodes, size_t count)
{
    size_t top = 0;
    for (size_t i = 0; i < count; i++) {
        struct tree_node node = nodes[i];
        while (top > 0 && nodes[top - 1].level == node.level && node.index % 2 == 1 &&
               nodes[top - 1].index + 1 == node.index) {
            top--;
            tree_node_hash(&nodes[top].hash, &node.hash, &node.hash);
            node.level++;
            node.index /= 2;
        }
        nodes[top++] = node;
    }
    return top;
}

uint64_t tree_peak_end(uint64_t index, uint64_t size)
{
    tris_assert(index < size);
    uint64_t end = 0;
    while (end <= index) {
        end += UINT64_C(1) << floor_log2(size - end);
    }
    return end;
}

size_t tree_inclusion_nodes(uint64_t index, uint64_t size, struct tree_node out[TREE_PROOF_MAX])
{
    tris_assert(index < size);
    size_t left = cover(0, index, out, TREE_PROOF_MAX);
    return left + cover(index + 1, size, out + left, TREE_PROOF_MAX - left);
}

size_t tree_consistency_nodes(uint64_t old_size, uint64_t size,
                              struct tree_node out[TREE_PROOF_MAX])
{
    tris_assert(old_size > 0);
    tris_assert(old_size <= size);
    size_t left = cover(0, old_size, out, TREE_PROOF_MAX);
    return left + cover(old_size, size, out + left, TREE_PROOF_MAX - left);
}

/* Nodes `from` to `to` - 1 of a proof. */
static void push_range(struct tree *t, const struct tree_node *nodes, const struct tris_hash *proof,
                       size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        tree_push(t, nodes[i].level, &proof[i], 0, NULL);
    }
}

static enum tris_err root_is(const struct tree *t, const struct tris_hash *root)
{
    struct tris_hash computed;
    tree_root(t, &computed);
    return tris_hash_eq(&computed, root) ? TRIS_OK : TRIS_ERR_BAD_ROOT;
}

enum tris_err tree_inclusion_verify(uint64_t index, uint64_t size, const struct tris_hash *leaf,
                                    const struct tris_hash *proof, size_t count,
                                    const struct tris_hash *root)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tree t;
    if (index >= size || count != tree_inclusion_nodes(index, size, nodes)) {
        return TRIS_ERR_BAD_ROOT;
    }
    size_t left = 0;
    while (left < count && nodes[left].index << nodes[left].level < index) {
        left++;
    }
    tree_init(&t);
    push_range(&t, nodes, proof, 0, left);
    tree_push(&t, 0, leaf, 0, NULL);
    push_range(&t, nodes, proof, left, count);
    tris_assert(t.size == size);
    return root_is(&t, root);
}

enum tris_err tree_consistency_verify(uint64_t old_size, uint64_t size,
                                      const struct tris_hash *proof, size_t count,
                                      const struct tris_hash *old_root,
                                      const struct tris_hash *root)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tree t;
    if (old_size == 0 || old_size > size ||
        count != tree_consistency_nodes(old_size, size, nodes)) {
        return TRIS_ERR_BAD_ROOT;
    }
    size_t left = 0;
    while (left < count && nodes[left].index << nodes[left].level < old_size) {
        left++;
    }
    tree_init(&t);
    push_range(&t, nodes, proof, 0, left);
    tris_assert(t.size == old_size);
    enum tris_err err = root_is(&t, old_root);
    if (err != TRIS_OK) {
        return err;
    }
    push_range(&t, nodes, proof, left, count);
    tris_assert(t.size == size);
    return root_is(&t, root);
}

void tree_encode(struct wbuf *w, const struct tree *t)
{
    wbuf_u64(w, t->size);
    for (uint32_t k = TREE_LEVELS_MAX; k-- > 0;) {
        if ((t->size >> k & 1) != 0) {
            wbuf_bytes(w, t->peak[k].b, sizeof t->peak[k].b);
        }
    }
}

void tree_decode(struct rbuf *r, struct tree *out)
{
    tree_init(out);
    uint64_t size = rbuf_u64(r);
    for (uint32_t k = TREE_LEVELS_MAX; k-- > 0;) {
        if ((size >> k & 1) != 0) {
            rbuf_copy(r, out->peak[k].b, sizeof out->peak[k].b);
        }
    }
    if (r->err != TRIS_OK) {
        tree_init(out);
        return;
    }
    out->size = size;
}
