/* Fork proofs; see fork.h and FORMAT.md section "Fork proof". Walks the tree with tree.h only. */
#include "proto/fork.h"

#include "proto/assert.h"
#include "proto/pack.h"

enum { PROOF_ITEMS = 10, SIDE_ITEMS = 5, HASH_BYTES = sizeof(struct tris_hash) };

static const char proof_tag[] = "tris-fork-1";

static struct tris_hash hash_at(struct span hashes, size_t i)
{
    struct tris_hash out;
    memcpy(out.b, hashes.ptr + i * HASH_BYTES, HASH_BYTES);
    return out;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* The root over consecutive nodes that are the last peaks of a tree, and what is behind them. */
static struct tris_hash fold_back(const struct tree_node *nodes, size_t count, bool has_tail,
                                  const struct tris_hash *tail)
{
    tris_assert(count > 0 || has_tail);
    struct tris_hash up = has_tail ? *tail : nodes[count - 1].hash;
    for (size_t i = has_tail ? count : count - 1; i > 0; i--) {
        tree_node_hash(&nodes[i - 1].hash, &up, &up);
    }
    return up;
}

/* Hashes of the nodes right of `at` as they stand in the proof; *count of them. */
static enum tris_err side_right(struct fork_side *side, uint64_t at, struct tris_hash *out,
                                size_t *count)
{
    struct tree_node wanted[TREE_PROOF_MAX];
    const uint64_t peak_end = tree_peak_end(at, side->seal.size);
    const size_t near = tree_cover(at + 1, peak_end, wanted);
    side->nodes_count = tree_merge(side->nodes, side->nodes_count);
    if (side->nodes_count < near) {
        return TRIS_ERR_BAD_VALUE;
    }
    for (size_t i = 0; i < near; i++) {
        const struct tree_node *node = &side->nodes[i];
        if (node->level != wanted[i].level || node->index != wanted[i].index) {
            return TRIS_ERR_BAD_VALUE;
        }
        out[i] = node->hash;
    }
    *count = near;
    const size_t far = side->nodes_count - near;
    if ((far > 0 || side->has_tail) != (peak_end < side->seal.size)) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (peak_end < side->seal.size) {
        out[near] = fold_back(side->nodes + near, far, side->has_tail, &side->tail);
        *count = near + 1;
    }
    return TRIS_OK;
}

static enum tris_err side_put(struct wbuf *w, struct fork_side *side, uint64_t at)
{
    struct tris_hash right[TREE_PROOF_MAX];
    size_t count = 0;
    enum tris_err err = side_right(side, at, right, &count);
    if (err != TRIS_OK) {
        return err;
    }
    pack_write_array(w, SIDE_ITEMS);
    pack_write_uint(w, side->seal.size);
    pack_write_uint(w, side->seal.time_ms);
    pack_write_bin(w, side->seal.sig.b, sizeof side->seal.sig.b);
    pack_write_bin(w, side->leaf.b, sizeof side->leaf.b);
    pack_write_bin(w, right, count * HASH_BYTES);
    return TRIS_OK;
}

enum tris_err fork_proof_make(const struct tris_fed_id *fed, const struct tris_log_ref *ref,
                              uint64_t at, const struct tris_hash *left, struct fork_side sides[2],
                              struct wbuf *out)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    const int order = tris_hash_cmp(&sides[0].leaf, &sides[1].leaf);
    if (at >= sides[0].seal.size || at >= sides[1].seal.size || order == 0) {
        return TRIS_ERR_BAD_VALUE;
    }
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    pack_write_array(&w, PROOF_ITEMS);
    pack_write_cstr(&w, proof_tag);
    pack_write_bin(&w, fed->b, sizeof fed->b);
    pack_write_bin(&w, ref->house.b, sizeof ref->house.b);
    pack_write_uint(&w, ref->topic);
    pack_write_uint(&w, ref->epoch);
    if (ref->epoch == 0) { /* it is the house id */
        pack_write_nil(&w);
    } else {
        pack_write_bin(&w, ref->seal_key.b, sizeof ref->seal_key.b);
    }
    pack_write_uint(&w, at);
    pack_write_bin(&w, left, tree_cover(0, at, nodes) * HASH_BYTES);
    enum tris_err err = side_put(&w, &sides[order < 0 ? 0 : 1], at);
    if (err == TRIS_OK) {
        err = side_put(&w, &sides[order < 0 ? 1 : 0], at);
    }
    if (err == TRIS_OK && w.err != TRIS_OK) {
        err = TRIS_ERR_TOO_LARGE;
    }
    if (err == TRIS_OK) {
        wbuf_span_put(out, wbuf_span(&w));
        err = out->err;
    }
    return err;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void ref_read(struct rbuf *r, struct fork_proof *p)
{
    pack_read_bin_exact(r, p->fed.b, sizeof p->fed.b);
    pack_read_bin_exact(r, p->ref.house.b, sizeof p->ref.house.b);
    p->ref.topic = (enum tris_topic)pack_read_uint_max(r, TRIS_TOPIC_DATA); /* local has no seals */
    p->ref.epoch = (uint32_t)pack_read_uint_max(r, UINT32_MAX);
    if (p->ref.epoch == 0) {
        pack_read_nil(r);
        memcpy(p->ref.seal_key.b, p->ref.house.b, sizeof p->ref.seal_key.b);
    } else {
        pack_read_bin_exact(r, p->ref.seal_key.b, sizeof p->ref.seal_key.b);
    }
}

static void side_read(struct rbuf *r, struct fork_proof *p, size_t i)
{
    if (pack_read_array(r, SIDE_ITEMS) != SIDE_ITEMS) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    struct seal *seal = &p->sides[i].seal;
    seal->size = pack_read_uint(r);
    seal->time_ms = pack_read_uint(r);
    pack_read_bin_exact(r, seal->sig.b, sizeof seal->sig.b);
    pack_read_bin_exact(r, p->sides[i].leaf.b, HASH_BYTES);
    p->sides[i].right = pack_read_bin(r, FORK_PROOF_BYTES_MAX);
}

/* The root that the shared left side, this side's leaf and its nodes make. */
static enum tris_err side_root(const struct fork_proof *p, const struct tree *before, size_t i,
                               struct tris_hash *out)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    const struct span right = p->sides[i].right;
    const uint64_t size = p->sides[i].seal.size;
    if (p->at >= size) {
        return TRIS_ERR_BAD_VALUE;
    }
    const uint64_t peak_end = tree_peak_end(p->at, size);
    const size_t near = tree_cover(p->at + 1, peak_end, nodes);
    if (right.len != (near + (peak_end < size ? 1 : 0)) * HASH_BYTES) {
        return TRIS_ERR_BAD_VALUE;
    }
    struct tree tree = *before;
    tree_add(&tree, 0, &p->sides[i].leaf);
    for (size_t k = 0; k < near; k++) {
        const struct tris_hash hash = hash_at(right, k);
        tree_add(&tree, nodes[k].level, &hash);
    }
    tris_assert(tree.size == peak_end);
    if (peak_end == size) {
        tree_root(&tree, out);
        return TRIS_OK;
    }
    struct tris_hash up = hash_at(right, near);
    for (uint32_t level = 0; level < TREE_LEVELS_MAX; level++) {
        if ((peak_end >> level & 1) != 0) {
            tree_node_hash(&tree.peak[level], &up, &up);
        }
    }
    *out = up;
    return TRIS_OK;
}

static enum tris_err roots_compute(struct fork_proof *p)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    const size_t count = tree_cover(0, p->at, nodes);
    if (p->left.len != count * HASH_BYTES) {
        return TRIS_ERR_BAD_VALUE;
    }
    struct tree before;
    tree_init(&before);
    for (size_t i = 0; i < count; i++) {
        const struct tris_hash hash = hash_at(p->left, i);
        tree_add(&before, nodes[i].level, &hash);
    }
    tree_root(&before, &p->root_at);
    log_id_derive(&p->fed, &p->ref, &p->log);
    for (size_t i = 0; i < 2; i++) {
        p->sides[i].seal.log = p->log;
        enum tris_err err = side_root(p, &before, i, &p->sides[i].seal.root);
        if (err != TRIS_OK) {
            return err;
        }
    }
    return TRIS_OK;
}

enum tris_err fork_proof_decode(struct span bytes, struct fork_proof *out)
{
    memset(out, 0, sizeof *out);
    struct rbuf r = rbuf_of(bytes);
    if (bytes.len > FORK_PROOF_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (pack_read_array(&r, PROOF_ITEMS) != PROOF_ITEMS) {
        rbuf_fail(&r, TRIS_ERR_BAD_VALUE);
    }
    const struct span tag = pack_read_str(&r, sizeof proof_tag - 1);
    if (r.err == TRIS_OK && !span_eq(tag, span_str(proof_tag))) {
        rbuf_fail(&r, TRIS_ERR_BAD_VERSION);
    }
    ref_read(&r, out);
    out->at = pack_read_uint(&r);
    out->left = pack_read_bin(&r, FORK_PROOF_BYTES_MAX);
    side_read(&r, out, 0);
    side_read(&r, out, 1);
    enum tris_err err = rbuf_finish(&r);
    if (err != TRIS_OK) {
        return err;
    }
    const int order = tris_hash_cmp(&out->sides[0].leaf, &out->sides[1].leaf);
    if (order >= 0) {
        return order == 0 ? TRIS_ERR_BAD_VALUE : TRIS_ERR_NOT_CANONICAL;
    }
    return roots_compute(out);
}

enum tris_err fork_proof_verify(struct span bytes, struct fork_proof *out)
{
    enum tris_err err = fork_proof_decode(bytes, out);
    for (size_t i = 0; i < 2 && err == TRIS_OK; i++) {
        err = seal_verify(&out->sides[i].seal, &out->ref.seal_key);
    }
    return err;
}

void fork_proof_side(const struct fork_proof *proof, size_t which, struct fork_side *side)
{
    tris_assert(which < 2);
    const uint64_t size = proof->sides[which].seal.size;
    const uint64_t peak_end = tree_peak_end(proof->at, size);
    struct tree_node nodes[TREE_PROOF_MAX];
    const size_t near = tree_cover(proof->at + 1, peak_end, nodes);
    tris_assert(side->nodes_count + 1 + near <= sizeof side->nodes / sizeof side->nodes[0]);
    side->seal = proof->sides[which].seal;
    side->nodes[side->nodes_count++] = (struct tree_node){0, proof->at, proof->sides[which].leaf};
    for (size_t i = 0; i < near; i++) {
        nodes[i].hash = hash_at(proof->sides[which].right, i);
        side->nodes[side->nodes_count++] = nodes[i];
    }
    side->has_tail = peak_end < size;
    if (side->has_tail) {
        side->tail = hash_at(proof->sides[which].right, near);
    }
}
