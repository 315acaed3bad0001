/* Golden vectors of fork proofs: fork.json. */
#include "proto/fork.h"
#include "tests/vectors/golden.h"

enum { LEAVES_MAX = 64 };

static const struct proof_case {
    const char *what;
    uint64_t at, sizes[2];
    enum tris_topic topic;
    uint32_t epoch;
} cases[] = {
    {"the first entry, both logs of one", 0, {1, 1}, TRIS_TOPIC_DATA, 0},
    {"the first entry, right edges of several peaks", 0, {23, 31}, TRIS_TOPIC_DATA, 0},
    {"the last entry of the shorter one", 8, {9, 40}, TRIS_TOPIC_DATA, 0},
    {"in the middle, logs of equal size", 11, {23, 23}, TRIS_TOPIC_GOV, 0},
    {"in a small peak of one, in a large one of the other", 21, {22, 64}, TRIS_TOPIC_DATA, 0},
    {"a later epoch with a key of its own", 5, {6, 7}, TRIS_TOPIC_DATA, 3},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static void vector_leaf(uint64_t i, bool second, struct tris_hash *out)
{
    memset(out->b, 0, sizeof out->b);
    out->b[0] = second ? 0x2f : 0x1f;
    out->b[31] = (uint8_t)i;
}

/* Complete nodes over [begin, end) of history 0 or 1, which part at `at`. */
static size_t vector_nodes(uint64_t begin, uint64_t end, uint64_t at, bool second,
                           struct tree_node *out)
{
    for (uint64_t i = begin; i < end; i++) {
        out[i - begin] = (struct tree_node){.level = 0, .index = i};
        vector_leaf(i, second && i >= at, &out[i - begin].hash);
    }
    return tree_merge(out, (size_t)(end - begin));
}

static void vector_root(uint64_t size, uint64_t at, bool second, struct tris_hash *out)
{
    struct tree tree;
    tree_init(&tree);
    for (uint64_t i = 0; i < size; i++) {
        struct tris_hash leaf;
        vector_leaf(i, second && i >= at, &leaf);
        (void)tree_append(&tree, &leaf, TREE_LEVELS_MAX, NULL);
    }
    tree_root(&tree, out);
}

static json_t *case_json(const struct proof_case *c)
{
    static const struct tris_fed_id fed = {{0xfe, 0xd0}};
    struct tris_sign_secret key;
    struct tris_sign_pub house;
    struct tris_log_ref ref = {.topic = c->topic, .epoch = c->epoch};
    struct tris_log_id log;
    key_from(1, &key, &house);
    memcpy(ref.house.b, house.b, sizeof house.b);
    key_from(c->epoch == 0 ? 1 : 2, &key, &ref.seal_key);
    log_id_derive(&fed, &ref, &log);
    struct fork_side sides[2];
    for (size_t i = 0; i < 2; i++) {
        sides[i] = (struct fork_side){
            .seal = {.log = log, .size = c->sizes[i], .time_ms = 1763905200000 + i}};
        vector_root(c->sizes[i], c->at, i == 1, &sides[i].seal.root);
        seal_make(&sides[i].seal, &key);
        vector_leaf(c->at, i == 1, &sides[i].leaf);
        sides[i].nodes_count = vector_nodes(c->at + 1, c->sizes[i], c->at, i == 1, sides[i].nodes);
    }
    struct tree_node nodes[LEAVES_MAX];
    struct tris_hash left[LEAVES_MAX], root;
    const size_t count = vector_nodes(0, c->at, c->at, false, nodes);
    for (size_t i = 0; i < count; i++) {
        left[i] = nodes[i].hash;
    }
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    enum tris_err err = fork_proof_make(&fed, &ref, c->at, left, sides, &w);
    tris_assert(err == TRIS_OK);
    vector_root(c->at, c->at, false, &root);
    json_t *out = json_object();
    set(out, "what", json_string(c->what));
    set(out, "log_id", hex_json(log.b, sizeof log.b));
    set(out, "seal_key", hex_json(ref.seal_key.b, sizeof ref.seal_key.b));
    set(out, "at", number_json(c->at));
    set(out, "root_at", hex_json(root.b, sizeof root.b));
    set(out, "sizes", json_pack("[o,o]", number_json(c->sizes[0]), number_json(c->sizes[1])));
    set(out, "proof", hex_json(bytes, w.len));
    return out;
}

static json_t *make_file(void)
{
    json_t *out = json_object(), *list = json_array();
    for (size_t i = 0; i < CASES; i++) {
        append(list, case_json(&cases[i]));
    }
    set(out, "seed", json_string("01, then 31 bytes 00; of a later epoch 02, then 31 bytes 00"));
    set(out, "leaves",
        json_string("leaf i is 1f, 30 bytes 00, i as one byte; of the second history 2f ... from "
                    "entry `at` on"));
    set(out, "proofs", list);
    return out;
}

static void check_file(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "proofs"), i, v)
    {
        uint8_t bytes[FORK_PROOF_BYTES_MAX];
        struct fork_proof proof;
        struct span span = hex_get(v, "proof", bytes, sizeof bytes);
        EXPECT(check, fork_proof_verify(span, &proof) == TRIS_OK);
        EXPECT(check, proof.at == number_get(v, "at"));
        EXPECT(check, hex_is(v, "log_id", span_of(proof.log.b, sizeof proof.log.b)));
        EXPECT(check, hex_is(v, "root_at", span_of(proof.root_at.b, sizeof proof.root_at.b)));
        EXPECT(check,
               hex_is(v, "seal_key", span_of(proof.ref.seal_key.b, sizeof proof.ref.seal_key.b)));
    }
}

static const struct golden_file files[] = {{"fork.json", make_file, check_file}};

int main(int argc, char **argv)
{
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
