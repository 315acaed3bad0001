/* Seals and segments. The same bytes as a run of entries: a foreign seal never fits, the owner's
 * does if and only if each entry is a good one, and not once a bit of it has changed. */
#include "proto/pack.h"
#include "proto/seal.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 0;

static struct tris_sign_secret owner;
static struct tris_sign_pub owner_pub;
static const struct tris_log_id log_id = {{1, 2, 3}};

void fuzz_setup(void)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {5};
    REQUIRE(crypto_sign_seed_keypair(owner_pub.b, owner.b, seed) == 0);
}

static void read_seal(struct rbuf *in, struct seal *out)
{
    *out = (struct seal){.log = log_id};
    out->size = fuzz_u8(in) == 0 ? rbuf_u64(in) : fuzz_u8(in);
    out->time_ms = rbuf_u64(in);
    rbuf_copy(in, out->root.b, sizeof out->root.b);
    rbuf_copy(in, out->sig.b, sizeof out->sig.b);
}

static void check_body(const struct seal *seal)
{
    uint8_t bytes[128];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    seal_body_encode(&w, seal);
    REQUIRE(w.err == TRIS_OK && pack_check(wbuf_span(&w), PACK_CANONICAL) == TRIS_OK);
    struct rbuf r = rbuf_of(wbuf_span(&w));
    struct seal back = {.sig = seal->sig};
    REQUIRE(pack_read_array(&r, 6) == 6 && pack_read_uint(&r) == SEAL_VERSION &&
            pack_read_uint(&r) == SEAL_ALGORITHM_ED25519);
    pack_read_bin_exact(&r, back.log.b, sizeof back.log.b);
    back.size = pack_read_uint(&r);
    pack_read_bin_exact(&r, back.root.b, sizeof back.root.b);
    back.time_ms = pack_read_uint(&r);
    REQUIRE(rbuf_finish(&r) == TRIS_OK && seal_cmp(&back, seal) == 0);
    REQUIRE(seal_day(seal) <= UINT32_MAX);
}

/* The tree of a run, without segment_verify; false if an entry is none. */
static bool tree_of(struct span wire, struct tree *tree, uint32_t *count)
{
    struct rbuf run = rbuf_of(wire);
    for (*count = 0; rbuf_left(&run) > 0; (*count)++) {
        struct entry entry;
        struct entry_header header;
        struct tris_hash leaf;
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        if (entry_wire_next(&run, &entry) != TRIS_OK ||
            entry_open(&entry, &log_id, tree->size, &w, &header, &leaf) != TRIS_OK) {
            return false;
        }
        (void)tree_append(tree, &leaf, TREE_STORED_LEVEL, NULL);
    }
    return true;
}

static void check_good(struct seal *seal, const struct tree *before, struct span wire,
                       uint32_t count, uint8_t flip)
{
    static struct verified_segment out;
    seal->size = before->size + count;
    seal_make(seal, &owner);
    enum tris_err err = segment_verify(&log_id, &owner_pub, before, wire, count, seal, &out);
    if (count > TRIS_SEAL_SPACING_MAX) {
        REQUIRE(err == TRIS_ERR_SEAL_SPACING);
        return;
    }
    REQUIRE(err == TRIS_OK);
    REQUIRE(out.after.size == seal->size && out.first == before->size && out.count == count);
    REQUIRE(segment_verify(&log_id, &owner_pub, before, wire, count + 1, seal, &out) ==
            TRIS_ERR_NOT_NEXT);
    seal->root.b[flip % 32] ^= (uint8_t)(1 + flip / 32);
    REQUIRE(segment_verify(&log_id, &owner_pub, before, wire, count, seal, &out) ==
            TRIS_ERR_BAD_ROOT);
    seal_make(seal, &owner); /* its owner signed another root for the same size */
    REQUIRE(segment_verify(&log_id, &owner_pub, before, wire, count, seal, &out) == TRIS_ERR_FORK);
}

void fuzz_one(struct span input)
{
    static struct verified_segment out;
    struct rbuf in = rbuf_of(input);
    struct seal seal, other;
    struct tree before, after;
    uint8_t flip = fuzz_u8(&in);
    uint32_t start = fuzz_u8(&in), count = 0;
    read_seal(&in, &seal);
    read_seal(&in, &other);
    check_body(&seal);
    REQUIRE((seal_cmp(&seal, &other) > 0) == (seal_cmp(&other, &seal) < 0));
    REQUIRE(seal_verify(&seal, &owner_pub) != TRIS_OK);
    tree_init(&before);
    for (uint32_t i = 0; i < start; i++) {
        const struct tris_hash leaf = {{(uint8_t)i, 9}};
        (void)tree_append(&before, &leaf, TREE_STORED_LEVEL, NULL);
    }
    struct span wire = fuzz_rest(&in);
    after = before;
    bool good = tree_of(wire, &after, &count);
    REQUIRE(segment_verify(&log_id, &owner_pub, &before, wire, count, &seal, &out) != TRIS_OK);
    tree_root(&after, &seal.root);
    if (good && after.size > 0) {
        check_good(&seal, &before, wire, count, flip);
    } else if (!good) {
        seal.size = before.size + count + 1;
        seal_make(&seal, &owner);
        REQUIRE(segment_verify(&log_id, &owner_pub, &before, wire, count + 1, &seal, &out) !=
                TRIS_OK);
    }
}
