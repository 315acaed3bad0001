/* proto/tree against a plain recursive definition of RFC 6962's shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/tree.h"

enum { SIZE_MAX_FULL = 300, LEAVES_MAX = 5000, PROOFS_RANDOM = 400 };

static struct tris_hash leaves[LEAVES_MAX];

static int make_leaves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LEAVES_MAX; i++) {
        crypto_generichash(leaves[i].b, 32, (const uint8_t *)&i, sizeof i, NULL, 0);
    }
    return 0;
}

/* The definition, O(n) a call; depth is the logarithm of the count. */
static struct tris_hash naive_root(uint64_t begin, uint64_t end)
{
    struct tris_hash out = {{0}};
    if (end - begin == 1) {
        return leaves[begin];
    }
    if (end > begin) {
        uint64_t k = 1;
        while (k * 2 < end - begin) {
            k *= 2;
        }
        struct tris_hash left = naive_root(begin, begin + k);
        struct tris_hash right = naive_root(begin + k, end);
        uint8_t block[64];
        memcpy(block, left.b, 32);
        memcpy(block + 32, right.b, 32);
        crypto_generichash_blake2b_salt_personal(out.b, 32, block, 64, NULL, 0, NULL,
                                                 (const uint8_t *)"tris-node-v1\0\0\0");
    }
    return out;
}

static struct tris_hash naive_node(const struct tree_node *node)
{
    return naive_root(node->index << node->level, (node->index + 1) << node->level);
}

static void assert_hash_equal(const struct tris_hash *a, const struct tris_hash *b)
{
    assert_memory_equal(a->b, b->b, sizeof a->b);
}

static void test_root_is_that_of_the_definition_at_every_size(void **state)
{
    (void)state;
    struct tree t;
    struct tris_hash root;
    tree_init(&t);
    for (uint64_t n = 0; n <= SIZE_MAX_FULL; n++) {
        struct tris_hash expected = naive_root(0, n);
        tree_root(&t, &root);
        assert_hash_equal(&root, &expected);
        tree_append(&t, &leaves[n], 0, NULL);
    }
}

static void test_append_reports_each_complete_node_once_with_its_hash(void **state)
{
    (void)state;
    for (uint32_t report = 0; report < 5; report++) {
        struct tree t;
        size_t total = 0;
        tree_init(&t);
        for (uint64_t n = 0; n < SIZE_MAX_FULL; n++) {
            struct tree_node nodes[TREE_LEVELS_MAX];
            size_t count = tree_append(&t, &leaves[n], report, nodes);
            for (size_t i = 0; i < count; i++) {
                struct tris_hash expected = naive_node(&nodes[i]);
                assert_hash_equal(&nodes[i].hash, &expected);
                assert_int_equal((nodes[i].index + 1) << nodes[i].level, n + 1);
            }
            total += count;
        }
        size_t expected_total = 0;
        for (uint32_t k = report; SIZE_MAX_FULL >> k > 0; k++) {
            expected_total += (size_t)SIZE_MAX_FULL >> k;
        }
        assert_int_equal(total, expected_total);
    }
}

static size_t proof_hashes(const struct tree_node *nodes, size_t count, struct tris_hash *proof)
{
    for (size_t i = 0; i < count; i++) {
        proof[i] = naive_node(&nodes[i]);
    }
    return count;
}

static void check_inclusion(uint64_t index, uint64_t size)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash proof[TREE_PROOF_MAX];
    size_t count = proof_hashes(nodes, tree_inclusion_nodes(index, size, nodes), proof);
    struct tris_hash root = naive_root(0, size);
    uint64_t covered = 1;
    for (size_t i = 0; i < count; i++) {
        covered += UINT64_C(1) << nodes[i].level;
        if (i > 0) {
            assert_true(nodes[i - 1].index << nodes[i - 1].level < nodes[i].index
                                                                       << nodes[i].level);
        }
    }
    assert_int_equal(covered, size);
    assert_int_equal(tree_inclusion_verify(index, size, &leaves[index], proof, count, &root),
                     TRIS_OK);
    const struct tris_hash *other = &leaves[LEAVES_MAX - 1];
    assert_int_equal(tree_inclusion_verify(index, size, other, proof, count, &root),
                     TRIS_ERR_BAD_ROOT);
    if (count > 0) {
        proof[count / 2].b[7] ^= 1;
        assert_int_equal(tree_inclusion_verify(index, size, &leaves[index], proof, count, &root),
                         TRIS_ERR_BAD_ROOT);
        proof[count / 2].b[7] ^= 1;
        assert_int_equal(
            tree_inclusion_verify(index, size, &leaves[index], proof, count - 1, &root),
            TRIS_ERR_BAD_ROOT);
    }
}

static void check_consistency(uint64_t old_size, uint64_t size)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash proof[TREE_PROOF_MAX];
    size_t count = proof_hashes(nodes, tree_consistency_nodes(old_size, size, nodes), proof);
    struct tris_hash old_root = naive_root(0, old_size);
    struct tris_hash root = naive_root(0, size);
    assert_int_equal(tree_consistency_verify(old_size, size, proof, count, &old_root, &root),
                     TRIS_OK);
    proof[count - 1].b[0] ^= 0x80;
    assert_int_equal(tree_consistency_verify(old_size, size, proof, count, &old_root, &root),
                     TRIS_ERR_BAD_ROOT);
    proof[count - 1].b[0] ^= 0x80;
    struct tris_hash wrong = old_root;
    wrong.b[31] ^= 1;
    assert_int_equal(tree_consistency_verify(old_size, size, proof, count, &wrong, &root),
                     TRIS_ERR_BAD_ROOT);
    wrong = root;
    wrong.b[31] ^= 1;
    assert_int_equal(tree_consistency_verify(old_size, size, proof, count, &old_root, &wrong),
                     TRIS_ERR_BAD_ROOT);
}

static void test_every_leaf_of_every_small_tree_is_proved(void **state)
{
    (void)state;
    /* all sizes, all leaves up to 64; beyond that every seventh leaf and both ends */
    for (uint64_t size = 1; size <= SIZE_MAX_FULL; size++) {
        for (uint64_t index = 0; index < size; index++) {
            if (size <= 64 || index % 7 == size % 7 || index == 0 || index == size - 1) {
                check_inclusion(index, size);
            }
        }
    }
}

static void test_every_prefix_of_every_small_tree_is_proved(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= SIZE_MAX_FULL; size++) {
        for (uint64_t old_size = 1; old_size <= size; old_size++) {
            if (size <= 64 || old_size % 7 == size % 7 || old_size == size) {
                check_consistency(old_size, size);
            }
        }
    }
}

static void test_random_larger_trees_are_proved(void **state)
{
    (void)state;
    uint8_t seed[randombytes_SEEDBYTES] = {42};
    uint32_t numbers[3 * PROOFS_RANDOM / 10];
    randombytes_buf_deterministic(numbers, sizeof numbers, seed);
    for (size_t i = 0; i + 2 < sizeof numbers / sizeof numbers[0]; i += 3) {
        uint64_t size = SIZE_MAX_FULL + numbers[i] % (LEAVES_MAX - 1 - SIZE_MAX_FULL);
        check_inclusion(numbers[i + 1] % size, size);
        check_consistency(1 + numbers[i + 2] % size, size);
    }
}

static void test_proofs_of_the_largest_sizes_keep_their_bound(void **state)
{
    (void)state;
    struct tree_node nodes[TREE_PROOF_MAX];
    const uint64_t max = UINT64_MAX;
    const uint64_t sizes[] = {max, max - 1, max / 2, max / 2 + 1, max / 3, max / 3 * 2};
    const size_t n = sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            uint64_t a = sizes[i] < sizes[k] ? sizes[i] : sizes[k];
            uint64_t b = sizes[i] < sizes[k] ? sizes[k] : sizes[i];
            assert_true(tree_consistency_nodes(a, b, nodes) < TREE_PROOF_MAX);
            if (a < b) {
                assert_true(tree_inclusion_nodes(a, b, nodes) < TREE_PROOF_MAX);
            }
        }
        assert_true(tree_consistency_nodes(1, sizes[i], nodes) < TREE_PROOF_MAX);
        assert_true(tree_inclusion_nodes(0, sizes[i], nodes) < TREE_PROOF_MAX);
    }
}

static void test_impossible_numbers_from_a_peer_are_refused(void **state)
{
    (void)state;
    struct tris_hash any = {{1}};
    assert_int_equal(tree_inclusion_verify(1, 1, &any, NULL, 0, &any), TRIS_ERR_BAD_ROOT);
    assert_int_equal(tree_inclusion_verify(0, 0, &any, NULL, 0, &any), TRIS_ERR_BAD_ROOT);
    assert_int_equal(tree_inclusion_verify(UINT64_MAX, UINT64_MAX, &any, &any, 1, &any),
                     TRIS_ERR_BAD_ROOT);
    assert_int_equal(tree_consistency_verify(0, 1, &any, 1, &any, &any), TRIS_ERR_BAD_ROOT);
    assert_int_equal(tree_consistency_verify(2, 1, &any, 1, &any, &any), TRIS_ERR_BAD_ROOT);
    assert_int_equal(tree_inclusion_verify(0, 1, &any, NULL, 0, &any), TRIS_OK);
}

static void test_peaks_survive_encoding_and_truncation_is_noticed(void **state)
{
    (void)state;
    struct tree t;
    tree_init(&t);
    for (uint64_t n = 0; n < 200; n++) {
        uint8_t bytes[8 + 32 * TREE_LEVELS_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        struct tree back;
        tree_encode(&w, &t);
        struct rbuf r = rbuf_of(wbuf_span(&w));
        tree_decode(&r, &back);
        assert_int_equal(rbuf_finish(&r), TRIS_OK);
        struct tris_hash root, again;
        tree_root(&t, &root);
        tree_root(&back, &again);
        assert_int_equal(back.size, t.size);
        assert_hash_equal(&root, &again);
        for (size_t len = 0; len < w.len; len++) {
            struct rbuf cut = rbuf_of(span_of(bytes, len));
            tree_decode(&cut, &back);
            assert_int_equal(cut.err, TRIS_ERR_TRUNCATED);
            assert_int_equal(back.size, 0);
        }
        tree_append(&t, &leaves[n], 0, NULL);
    }
    uint8_t full[8 + 32 * TREE_LEVELS_MAX];
    memset(full, 0xff, sizeof full);
    struct rbuf r = rbuf_of(span_of(full, sizeof full));
    tree_decode(&r, &t);
    assert_int_equal(rbuf_finish(&r), TRIS_OK);
    assert_true(t.size == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_is_that_of_the_definition_at_every_size),
        cmocka_unit_test(test_append_reports_each_complete_node_once_with_its_hash),
        cmocka_unit_test(test_every_leaf_of_every_small_tree_is_proved),
        cmocka_unit_test(test_every_prefix_of_every_small_tree_is_proved),
        cmocka_unit_test(test_random_larger_trees_are_proved),
        cmocka_unit_test(test_proofs_of_the_largest_sizes_keep_their_bound),
        cmocka_unit_test(test_impossible_numbers_from_a_peer_are_refused),
        cmocka_unit_test(test_peaks_survive_encoding_and_truncation_is_noticed),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("tree", tests, make_leaves, NULL);
}
