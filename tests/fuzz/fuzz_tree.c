/* Stored peaks and Merkle proofs: peaks are written again alike; the right nodes prove a leaf or an
 * older size, any other nodes do not. */
#include "proto/tree.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;
enum { LEAVES_MAX = 128 };

static struct tris_hash node[9][LEAVES_MAX]; /* [level][index] of complete nodes */
static struct tris_hash root[LEAVES_MAX + 1];

void fuzz_setup(void)
{
    struct tree tree;
    tree_init(&tree);
    for (size_t i = 0; i < LEAVES_MAX; i++) {
        struct tree_node made[TREE_LEVELS_MAX];
        node[0][i] = (struct tris_hash){{(uint8_t)i, 3}};
        size_t count = tree_append(&tree, &node[0][i], 1, made);
        for (size_t k = 0; k < count; k++) {
            node[made[k].level][made[k].index] = made[k].hash;
        }
        tree_root(&tree, &root[i + 1]);
    }
}

static void check_peaks(struct span bytes)
{
    struct tree tree;
    static uint8_t out[8 + TREE_LEVELS_MAX * 32];
    struct rbuf r = rbuf_of(bytes);
    struct wbuf w = wbuf_of(out, sizeof out);
    struct tris_hash hash;
    tree_decode(&r, &tree);
    if (r.err != TRIS_OK) {
        return;
    }
    tree_encode(&w, &tree);
    REQUIRE(w.err == TRIS_OK && span_eq(wbuf_span(&w), span_of(bytes.ptr, r.pos)));
    tree_root(&tree, &hash);
    if (tree.size < UINT64_MAX) {
        (void)tree_append(&tree, &hash, TREE_LEVELS_MAX, NULL);
    }
}

/* Fills in the hashes; changes one if `change` is not 0. */
static size_t proof_of(struct tree_node *nodes, size_t count, uint8_t change, uint8_t at,
                       struct tris_hash *proof)
{
    for (size_t i = 0; i < count; i++) {
        proof[i] = node[nodes[i].level][nodes[i].index];
    }
    if (count > 0) {
        proof[at % count].b[at / 8] ^= change;
    }
    return count;
}

static void check_proofs(struct rbuf *in)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash proof[TREE_PROOF_MAX];
    uint64_t size = 1 + fuzz_u8(in) % LEAVES_MAX, index = fuzz_u8(in) % size;
    uint8_t change = fuzz_u8(in), at = fuzz_u8(in);
    size_t count = proof_of(nodes, tree_inclusion_nodes(index, size, nodes), change, at, proof);
    bool good = change == 0 || count == 0;
    REQUIRE((tree_inclusion_verify(index, size, &node[0][index], proof, count, &root[size]) ==
             TRIS_OK) == good);
    count = proof_of(nodes, tree_consistency_nodes(index + 1, size, nodes), change, at, proof);
    good = change == 0 || count == 0;
    REQUIRE((tree_consistency_verify(index + 1, size, proof, count, &root[index + 1],
                                     &root[size]) == TRIS_OK) == good);
}

/* Sizes, positions and nodes of nobody. */
static void check_garbage(struct rbuf *in)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash proof[TREE_PROOF_MAX], leaf = {{1}}, top = {{2}};
    uint64_t a = rbuf_u64(in), b = rbuf_u64(in);
    uint64_t size = a > b ? a : b, index = a > b ? b : a;
    size_t count = rbuf_u8(in) % (TREE_PROOF_MAX + 1);
    memset(proof, 0, sizeof proof);
    rbuf_copy(in, proof, rbuf_left(in) < sizeof proof ? rbuf_left(in) : sizeof proof);
    if (index < size) {
        REQUIRE(tree_inclusion_nodes(index, size, nodes) <= TREE_PROOF_MAX);
        REQUIRE(tree_inclusion_verify(index, size, &leaf, proof, count, &top) != TRIS_OK);
        REQUIRE(tree_consistency_nodes(index + 1, size, nodes) <= TREE_PROOF_MAX);
        REQUIRE(tree_consistency_verify(index + 1, size, proof, count, &leaf, &top) != TRIS_OK);
    }
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    uint8_t what = fuzz_u8(&in);
    check_peaks(input);
    if (what % 2 == 0) {
        check_proofs(&in);
    } else {
        check_garbage(&in);
    }
}
