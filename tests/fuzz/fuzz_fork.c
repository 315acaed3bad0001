/* Fork proofs: nobody's bytes prove anything; what decodes is made again to the same bytes; with
 * the signatures of the log's owner it proves, and with one bit changed it does not. */
#include "proto/fork.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 0;

static struct tris_sign_secret owner;
static struct tris_sign_pub owner_pub;

void fuzz_setup(void)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {6};
    REQUIRE(crypto_sign_seed_keypair(owner_pub.b, owner.b, seed) == 0);
}

/* The proof once more, for this log and with these seals, out of what was decoded. */
static struct span make_again(const struct fork_proof *p, const struct tris_log_ref *ref,
                              const struct seal seals[2], uint8_t *bytes)
{
    static struct fork_side sides[2];
    struct tris_hash left[TREE_PROOF_MAX];
    struct wbuf w = wbuf_of(bytes, FORK_PROOF_BYTES_MAX);
    memset(sides, 0, sizeof sides);
    for (size_t i = 0; i < 2; i++) {
        fork_proof_side(p, i, &sides[i]);
        sides[i].leaf = sides[i].nodes[0].hash; /* the first node is entry `at` itself */
        sides[i].nodes_count--;
        memmove(&sides[i].nodes[0], &sides[i].nodes[1],
                sides[i].nodes_count * sizeof sides[i].nodes[0]);
        sides[i].seal = seals[i];
    }
    REQUIRE(p->left.len <= sizeof left);
    if (p->left.len > 0) {
        memcpy(left, p->left.ptr, p->left.len);
    }
    REQUIRE(fork_proof_make(&p->fed, ref, p->at, left, sides, &w) == TRIS_OK);
    return wbuf_span(&w);
}

/* The same proof as one of a log of ours, which we sign. */
static void prove(const struct fork_proof *p, uint16_t flip)
{
    static uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct tris_log_ref ref = {.topic = p->ref.topic, .epoch = 0, .seal_key = owner_pub};
    struct seal seals[2] = {p->sides[0].seal, p->sides[1].seal};
    struct fork_proof mine;
    memcpy(ref.house.b, owner_pub.b, sizeof ref.house.b);
    REQUIRE(fork_proof_decode(make_again(p, &ref, seals, bytes), &mine) == TRIS_OK);
    for (size_t i = 0; i < 2; i++) {
        REQUIRE(tris_hash_eq(&mine.sides[i].seal.root, &p->sides[i].seal.root));
        seals[i] = mine.sides[i].seal;
        seal_make(&seals[i], &owner);
    }
    struct span proof = make_again(p, &ref, seals, bytes);
    REQUIRE(fork_proof_verify(proof, &mine) == TRIS_OK);
    REQUIRE(tris_hash_eq(&mine.root_at, &p->root_at) && mine.at == p->at);
    bytes[flip / 8 % proof.len] ^= (uint8_t)(1U << flip % 8);
    REQUIRE(fork_proof_verify(proof, &mine) != TRIS_OK);
}

void fuzz_one(struct span input)
{
    static uint8_t again[FORK_PROOF_BYTES_MAX];
    struct rbuf in = rbuf_of(input);
    uint16_t flip = fuzz_u16(&in);
    struct span bytes = fuzz_rest(&in);
    struct fork_proof p;
    if (fork_proof_decode(bytes, &p) != TRIS_OK) {
        return;
    }
    const struct seal seals[2] = {p.sides[0].seal, p.sides[1].seal};
    struct fork_proof verified;
    REQUIRE(fork_proof_verify(bytes, &verified) != TRIS_OK);
    REQUIRE(span_eq(make_again(&p, &p.ref, seals, again), bytes));
    prove(&p, flip);
}
