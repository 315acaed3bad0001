/* proto/fork: proofs that a log was sealed with two histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/fork.h"
#include "proto/pack.h"

enum { LEAVES_MAX = 200, SMALL = 40 };

struct fixture {
    struct tris_fed_id fed;
    struct tris_log_ref ref;
    struct tris_sign_secret secret, other;
    struct tris_hash leaves[3][LEAVES_MAX]; /* three histories; made equal by branch() */
    struct fork_side sides[2];
    uint8_t bytes[2][FORK_PROOF_BYTES_MAX];
};

static int setup(void **state)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {3}, seed_other[crypto_sign_SEEDBYTES] = {4};
    struct fixture *f = calloc(1, sizeof *f);
    struct tris_sign_pub pub;
    if (f == NULL) {
        return -1;
    }
    crypto_sign_seed_keypair(pub.b, f->other.b, seed_other);
    crypto_sign_seed_keypair(pub.b, f->secret.b, seed);
    f->fed.b[0] = 0x77;
    f->ref.topic = TRIS_TOPIC_DATA;
    memcpy(f->ref.house.b, pub.b, sizeof pub.b);
    f->ref.seal_key = pub;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* History `which` is that of `from` before entry `at`, and its own from there on. */
static void branch(struct fixture *f, size_t which, size_t from, uint64_t at)
{
    for (uint32_t i = 0; i < LEAVES_MAX; i++) {
        const uint32_t own[2] = {(uint32_t)which, i};
        crypto_generichash(f->leaves[which][i].b, 32, (const uint8_t *)own, sizeof own, NULL, 0);
        if (i < at) {
            f->leaves[which][i] = f->leaves[from][i];
        }
    }
}

static struct tris_hash node_of(const struct tris_hash *leaves, const struct tree_node *node)
{
    struct tree t;
    struct tris_hash out;
    tree_init(&t);
    const uint64_t first = node->index << node->level;
    for (uint64_t i = 0; i < UINT64_C(1) << node->level; i++) {
        (void)tree_append(&t, &leaves[first + i], TREE_LEVELS_MAX, NULL);
    }
    tree_root(&t, &out);
    return out;
}

static size_t nodes_of(const struct tris_hash *leaves, uint64_t begin, uint64_t end,
                       struct tree_node *out)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    const size_t count = tree_cover(begin, end, nodes);
    for (size_t i = 0; i < count; i++) {
        nodes[i].hash = node_of(leaves, &nodes[i]);
        out[i] = nodes[i];
    }
    return count;
}

static struct tris_hash root_of(const struct tris_hash *leaves, uint64_t size)
{
    struct tree t;
    struct tris_hash out;
    tree_init(&t);
    for (uint64_t i = 0; i < size; i++) {
        (void)tree_append(&t, &leaves[i], TREE_LEVELS_MAX, NULL);
    }
    tree_root(&t, &out);
    return out;
}

static struct seal seal_of(const struct fixture *f, size_t which, uint64_t size)
{
    struct seal seal = {.size = size, .time_ms = 1000 + which};
    log_id_derive(&f->fed, &f->ref, &seal.log);
    seal.root = root_of(f->leaves[which], size);
    seal_make(&seal, &f->secret);
    return seal;
}

/* The nodes right of `at` split at `split`. */
static void side_fill(struct fixture *f, struct fork_side *side, size_t which, uint64_t at,
                      uint64_t split, uint64_t size)
{
    *side = (struct fork_side){.seal = seal_of(f, which, size), .leaf = f->leaves[which][at]};
    side->nodes_count = nodes_of(f->leaves[which], at + 1, split, side->nodes);
    side->nodes_count += nodes_of(f->leaves[which], split, size, side->nodes + side->nodes_count);
}

static enum tris_err make(struct fixture *f, const struct tris_hash *leaves, uint64_t at,
                          struct wbuf *out)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash left[TREE_PROOF_MAX];
    const size_t count = nodes_of(leaves, 0, at, nodes);
    for (size_t i = 0; i < count; i++) {
        left[i] = nodes[i].hash;
    }
    return fork_proof_make(&f->fed, &f->ref, at, left, f->sides, out);
}

/* Histories 0 and 1 fork at `at`; sealed at sizes a and b. */
static struct span proof_of(struct fixture *f, uint64_t at, uint64_t a, uint64_t b)
{
    branch(f, 0, 0, 0);
    branch(f, 1, 0, at);
    side_fill(f, &f->sides[0], 0, at, at + 1, a);
    side_fill(f, &f->sides[1], 1, at, at + 1, b);
    struct wbuf w = wbuf_of(f->bytes[0], sizeof f->bytes[0]);
    assert_int_equal(make(f, f->leaves[0], at, &w), TRIS_OK);
    return wbuf_span(&w);
}

static void test_every_fork_point_of_small_logs_is_proven(void **state)
{
    struct fixture *f = *state;
    struct tris_log_id log;
    log_id_derive(&f->fed, &f->ref, &log);
    for (uint64_t a = 1; a <= SMALL; a += a < 18 ? 1 : 5) {
        for (uint64_t at = 0; at < a; at++) {
            for (uint64_t b = at + 1; b <= SMALL; b += b < 18 ? 1 : 7) {
                struct fork_proof out;
                struct span proof = proof_of(f, at, a, b);
                assert_int_equal(fork_proof_verify(proof, &out), TRIS_OK);
                assert_true(out.at == at);
                struct tris_hash root = root_of(f->leaves[0], at);
                assert_memory_equal(&out.root_at, &root, sizeof root);
                assert_memory_equal(&out.log, &log, sizeof log);
                assert_memory_equal(&out.ref, &f->ref, sizeof f->ref);
            }
        }
    }
}

static void test_order_of_the_seals_and_split_of_the_nodes_do_not_matter(void **state)
{
    struct fixture *f = *state;
    for (uint64_t at = 0; at < 30; at++) {
        struct span proof = proof_of(f, at, 33, 30 + at);
        for (uint64_t split = at + 1; split <= 30; split++) {
            side_fill(f, &f->sides[1], 0, at, split, 33);
            side_fill(f, &f->sides[0], 1, at, split, 30 + at);
            struct wbuf w = wbuf_of(f->bytes[1], sizeof f->bytes[1]);
            assert_int_equal(make(f, f->leaves[1], at, &w), TRIS_OK);
            assert_true(span_eq(proof, wbuf_span(&w)));
        }
    }
}

static void test_any_flipped_bit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fork_proof out;
    struct span proof = proof_of(f, 11, 23, 31);
    for (size_t bit = 0; bit < proof.len * 8; bit++) {
        f->bytes[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(fork_proof_verify(proof, &out), TRIS_OK);
        f->bytes[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(fork_proof_verify(proof, &out), TRIS_OK);
}

static void test_cut_at_any_byte_or_with_one_more_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fork_proof out;
    struct span proof = proof_of(f, 11, 23, 31);
    for (size_t len = 0; len < proof.len; len++) {
        assert_int_equal(fork_proof_decode(span_of(proof.ptr, len), &out), TRIS_ERR_TRUNCATED);
    }
    f->bytes[0][proof.len] = 0;
    assert_int_equal(fork_proof_decode(span_of(proof.ptr, proof.len + 1), &out), TRIS_ERR_TRAILING);
}

/* Signs what the proof in sides[] comes to, without knowing the leaves of a huge log. */
static struct span sign_huge(struct fixture *f, uint64_t at, uint64_t size, enum tris_err expected)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash left[TREE_PROOF_MAX] = {{{9}}};
    for (size_t i = 0; i < 2; i++) {
        f->sides[i] = (struct fork_side){.seal.size = size, .leaf.b = {(uint8_t)(i + 1)}};
        f->sides[i].nodes_count = tree_cover(at + 1, size, nodes);
        memcpy(f->sides[i].nodes, nodes, f->sides[i].nodes_count * sizeof nodes[0]);
    }
    struct wbuf w = wbuf_of(f->bytes[0], sizeof f->bytes[0]);
    struct fork_proof out;
    assert_int_equal(fork_proof_make(&f->fed, &f->ref, at, left, f->sides, &w), expected);
    if (expected != TRIS_OK) {
        return span_of(NULL, 0);
    }
    assert_int_equal(fork_proof_decode(wbuf_span(&w), &out), TRIS_OK);
    for (size_t i = 0; i < 2; i++) {
        f->sides[i].seal = out.sides[i].seal;
        seal_make(&f->sides[i].seal, &f->secret);
    }
    w.len = 0;
    assert_int_equal(fork_proof_make(&f->fed, &f->ref, at, left, f->sides, &w), TRIS_OK);
    return wbuf_span(&w);
}

static void test_proofs_of_the_largest_logs_fit(void **state)
{
    struct fixture *f = *state;
    struct fork_proof out;
    const uint64_t most = (UINT64_C(1) << 57) - 1;
    const uint64_t points[] = {0, 1, 12345, most / 2, most / 3, most - 1};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct span proof = sign_huge(f, points[i], most, TRIS_OK);
        assert_true(proof.len <= FORK_PROOF_BYTES_MAX);
        assert_int_equal(fork_proof_verify(proof, &out), TRIS_OK);
    }
    struct span proof = sign_huge(f, 0, UINT32_MAX, TRIS_OK);
    assert_true(proof.len < 2500);
    (void)sign_huge(f, UINT64_MAX - 1, UINT64_MAX, TRIS_OK); /* nearly all of it is to the left */
    (void)sign_huge(f, 0, UINT64_MAX, TRIS_ERR_TOO_LARGE);
    static uint8_t bytes[FORK_PROOF_BYTES_MAX + 1];
    assert_int_equal(fork_proof_decode(span_of(bytes, sizeof bytes), &out), TRIS_ERR_TOO_LARGE);
}

static void test_what_is_no_fork_gives_no_proof(void **state)
{
    struct fixture *f = *state;
    struct wbuf w = wbuf_of(f->bytes[0], sizeof f->bytes[0]);
    struct fork_proof out;
    (void)proof_of(f, 5, 9, 12);
    f->sides[1].leaf = f->sides[0].leaf;
    assert_int_equal(make(f, f->leaves[0], 5, &w), TRIS_ERR_BAD_VALUE);
    (void)proof_of(f, 5, 9, 12);
    assert_int_equal(make(f, f->leaves[0], 9, &w), TRIS_ERR_BAD_VALUE); /* behind a size */
    assert_int_equal(make(f, f->leaves[0], 6, &w), TRIS_ERR_BAD_VALUE); /* other nodes */
    f->sides[0].nodes_count--;
    assert_int_equal(make(f, f->leaves[0], 5, &w), TRIS_ERR_BAD_VALUE);
    /* a real difference, but not the first one: nothing makes the part before it equal */
    branch(f, 0, 0, 0);
    branch(f, 1, 0, 5);
    side_fill(f, &f->sides[0], 0, 7, 8, 9);
    side_fill(f, &f->sides[1], 1, 7, 8, 12);
    w = wbuf_of(f->bytes[0], sizeof f->bytes[0]);
    assert_int_equal(make(f, f->leaves[0], 7, &w), TRIS_OK);
    assert_int_equal(fork_proof_verify(wbuf_span(&w), &out), TRIS_ERR_BAD_SIGNATURE);
    /* one history is the beginning of the other */
    branch(f, 1, 0, LEAVES_MAX);
    side_fill(f, &f->sides[0], 0, 5, 6, 9);
    side_fill(f, &f->sides[1], 1, 5, 6, 12);
    assert_int_equal(make(f, f->leaves[0], 5, &w), TRIS_ERR_BAD_VALUE);
}

/* The proof of proof_of(5, 9, 12) with one thing changed, encoded by hand. */
struct edit {
    bool swap, same_leaf, key_in_epoch_0, no_key_in_epoch_1;
    uint64_t topic, at, size;
    const char *tag;
    enum tris_err err;
};

static struct span encode(struct fixture *f, const struct fork_proof *p, const struct edit *e)
{
    struct wbuf w = wbuf_of(f->bytes[1], sizeof f->bytes[1]);
    const uint64_t epoch = e->no_key_in_epoch_1 ? 1 : 0;
    pack_write_array(&w, 10);
    pack_write_cstr(&w, e->tag != NULL ? e->tag : "tris-fork-1");
    pack_write_bin(&w, p->fed.b, 32);
    pack_write_bin(&w, p->ref.house.b, 32);
    pack_write_uint(&w, e->topic);
    pack_write_uint(&w, epoch);
    if (e->key_in_epoch_0) {
        pack_write_bin(&w, p->ref.seal_key.b, 32);
    } else {
        pack_write_nil(&w);
    }
    pack_write_uint(&w, e->at);
    pack_write_bin(&w, p->left.ptr, p->left.len);
    for (size_t i = 0; i < 2; i++) {
        const size_t side = e->swap ? 1 - i : i;
        const size_t leaf = e->same_leaf ? 0 : side;
        pack_write_array(&w, 5);
        pack_write_uint(&w, side == 0 && e->size > 0 ? e->size : p->sides[side].seal.size);
        pack_write_uint(&w, p->sides[side].seal.time_ms);
        pack_write_bin(&w, p->sides[side].seal.sig.b, 64);
        pack_write_bin(&w, p->sides[leaf].leaf.b, 32);
        pack_write_bin(&w, p->sides[side].right.ptr, p->sides[side].right.len);
    }
    assert_int_equal(w.err, TRIS_OK);
    return wbuf_span(&w);
}

static void test_every_rule_of_the_format_is_kept(void **state)
{
    static const struct edit edits[] = {
        {.topic = 1, .at = 5, .err = TRIS_OK},
        {.topic = 0, .at = 5, .err = TRIS_ERR_BAD_SIGNATURE}, /* another log */
        {.topic = 2, .at = 5, .err = TRIS_ERR_BAD_VALUE},     /* local logs have no seals */
        {.topic = 1, .at = 5, .swap = true, .err = TRIS_ERR_NOT_CANONICAL},
        {.topic = 1, .at = 5, .same_leaf = true, .err = TRIS_ERR_BAD_VALUE},
        {.topic = 1, .at = 9, .err = TRIS_ERR_BAD_VALUE},
        {.topic = 1, .at = 4, .err = TRIS_ERR_BAD_VALUE},
        {.topic = 1, .at = UINT64_MAX, .err = TRIS_ERR_BAD_VALUE},
        {.topic = 1, .at = 5, .size = 5, .err = TRIS_ERR_BAD_VALUE},
        {.topic = 1, .at = 5, .size = UINT64_MAX, .err = TRIS_ERR_BAD_VALUE},
        {.topic = 1, .at = 5, .key_in_epoch_0 = true, .err = TRIS_ERR_BAD_TYPE},
        {.topic = 1, .at = 5, .no_key_in_epoch_1 = true, .err = TRIS_ERR_BAD_TYPE},
        {.topic = 1, .at = 5, .tag = "tris-fork-2", .err = TRIS_ERR_BAD_VERSION},
    };
    struct fixture *f = *state;
    struct fork_proof p, out;
    struct span proof = proof_of(f, 5, 9, 12);
    assert_int_equal(fork_proof_decode(proof, &p), TRIS_OK);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct span edited = encode(f, &p, &edits[i]);
        assert_int_equal(fork_proof_verify(edited, &out), edits[i].err);
        assert_int_equal(span_eq(edited, proof), edits[i].err == TRIS_OK);
    }
}

static void test_seals_of_another_key_prove_nothing(void **state)
{
    struct fixture *f = *state;
    struct fork_proof out;
    for (size_t i = 0; i < 2; i++) {
        (void)proof_of(f, 5, 9, 12);
        seal_make(&f->sides[i].seal, &f->other);
        struct wbuf w = wbuf_of(f->bytes[0], sizeof f->bytes[0]);
        assert_int_equal(make(f, f->leaves[0], 5, &w), TRIS_OK);
        assert_int_equal(fork_proof_verify(wbuf_span(&w), &out), TRIS_ERR_BAD_SIGNATURE);
    }
    /* a later epoch has a key of its own, and another log id */
    f->ref.epoch = 1;
    memcpy(f->ref.seal_key.b, f->other.b + 32, 32);
    (void)proof_of(f, 5, 9, 12);
    seal_make(&f->sides[0].seal, &f->other);
    seal_make(&f->sides[1].seal, &f->other);
    struct wbuf w = wbuf_of(f->bytes[0], sizeof f->bytes[0]);
    assert_int_equal(make(f, f->leaves[0], 5, &w), TRIS_OK);
    assert_int_equal(fork_proof_verify(wbuf_span(&w), &out), TRIS_OK);
    assert_memory_equal(&out.ref, &f->ref, sizeof f->ref);
}

static void test_a_proof_helps_to_prove_a_smaller_fork_point(void **state)
{
    struct fixture *f = *state;
    for (uint64_t at = 1; at < 20; at++) {
        for (uint64_t lower = 0; lower < at; lower++) {
            struct fork_proof first, out;
            assert_int_equal(fork_proof_decode(proof_of(f, at, 21, 37), &first), TRIS_OK);
            branch(f, 2, 0, lower);
            side_fill(f, &f->sides[1], 2, lower, lower + 1, 40);
            for (size_t which = 0; which < 2; which++) {
                struct fork_side *side = &f->sides[0];
                *side = (struct fork_side){.leaf = f->leaves[0][lower]};
                side->nodes_count = nodes_of(f->leaves[0], lower + 1, at, side->nodes);
                fork_proof_side(&first, which, side);
                struct wbuf w = wbuf_of(f->bytes[1], sizeof f->bytes[1]);
                assert_int_equal(make(f, f->leaves[2], lower, &w), TRIS_OK);
                assert_int_equal(fork_proof_verify(wbuf_span(&w), &out), TRIS_OK);
                assert_true(out.at == lower);
            }
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_fork_point_of_small_logs_is_proven),
        TEST(test_order_of_the_seals_and_split_of_the_nodes_do_not_matter),
        TEST(test_any_flipped_bit_is_refused),
        TEST(test_cut_at_any_byte_or_with_one_more_is_refused),
        TEST(test_proofs_of_the_largest_logs_fit),
        TEST(test_what_is_no_fork_gives_no_proof),
        TEST(test_every_rule_of_the_format_is_kept),
        TEST(test_seals_of_another_key_prove_nothing),
        TEST(test_a_proof_helps_to_prove_a_smaller_fork_point),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
