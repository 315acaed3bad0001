/* Golden vectors of the Merkle tree, its proofs, seals and a segment: tree.json and seal.json. */
#include "proto/seal.h"
#include "tests/vectors/golden.h"

enum { TREE_LEAVES = 21, SEGMENT_ENTRIES = 5, WIRE_BYTES_MAX = 1024 };

static const struct tris_log_id vector_log = {{0x01, 0x02, 0x03, 0xff}};

static void vector_leaf(uint64_t i, struct tris_hash *out)
{
    memset(out->b, 0, sizeof out->b);
    out->b[0] = 0x1f;
    out->b[31] = (uint8_t)i;
}

/* Peaks of n vector leaves; nodes[level][index] of all complete nodes. */
static void vector_tree(uint64_t n, struct tree *t, struct tris_hash nodes[6][TREE_LEAVES])
{
    tree_init(t);
    for (uint64_t i = 0; i < n; i++) {
        struct tris_hash leaf;
        struct tree_node made[TREE_LEVELS_MAX];
        vector_leaf(i, &leaf);
        size_t count = tree_append(t, &leaf, 0, made);
        for (size_t k = 0; k < count; k++) {
            nodes[made[k].level][made[k].index] = made[k].hash;
        }
    }
}

static json_t *proof_json(const struct tree_node *nodes, size_t count,
                          struct tris_hash all[6][TREE_LEAVES])
{
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *node = json_object();
        set(node, "level", json_integer((json_int_t)nodes[i].level));
        set(node, "index", number_json(nodes[i].index));
        set(node, "hash", hex_json(all[nodes[i].level][nodes[i].index].b, 32));
        append(out, node);
    }
    return out;
}

static json_t *make_tree_file(void)
{
    static const struct {
        bool inclusion;
        uint64_t a, size;
    } proofs[] = {{true, 0, 1},    {true, 2, 3},    {true, 5, 21},  {true, 20, 21},
                  {true, 0, 16},   {false, 1, 1},   {false, 1, 21}, {false, 6, 21},
                  {false, 16, 21}, {false, 21, 21}, {false, 7, 13}};
    struct tree t;
    struct tris_hash all[6][TREE_LEAVES], root;
    json_t *out = json_object(), *trees = json_array(), *list = json_array();
    for (uint64_t n = 0; n <= TREE_LEAVES; n++) {
        uint8_t bytes[8 + 32 * TREE_LEVELS_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        json_t *v = json_object();
        vector_tree(n, &t, all);
        tree_root(&t, &root);
        tree_encode(&w, &t);
        set(v, "size", number_json(n));
        set(v, "root", hex_json(root.b, sizeof root.b));
        set(v, "peaks", hex_json(bytes, w.len));
        append(trees, v);
    }
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0]; i++) {
        struct tree_node nodes[TREE_PROOF_MAX];
        json_t *v = json_object();
        size_t count = proofs[i].inclusion
                           ? tree_inclusion_nodes(proofs[i].a, proofs[i].size, nodes)
                           : tree_consistency_nodes(proofs[i].a, proofs[i].size, nodes);
        set(v, "kind", json_string(proofs[i].inclusion ? "inclusion" : "consistency"));
        set(v, proofs[i].inclusion ? "index" : "old_size", number_json(proofs[i].a));
        set(v, "size", number_json(proofs[i].size));
        set(v, "nodes", proof_json(nodes, count, all));
        append(list, v);
    }
    set(out, "leaves", json_string("leaf i is 1f, 30 bytes 00, i as one byte"));
    set(out, "trees", trees);
    set(out, "proofs", list);
    return out;
}

static void root_of_size(const json_t *file, uint64_t size, struct tris_hash *out)
{
    const json_t *tree = json_array_get(json_object_get(file, "trees"), (size_t)size);
    hex_get_exact(tree, "root", out->b, sizeof out->b);
}

static void check_proof(struct check *check, const json_t *file, const json_t *v)
{
    struct tris_hash proof[TREE_PROOF_MAX], root, old_root, leaf;
    uint64_t size = number_get(v, "size");
    size_t count = 0, i;
    json_t *node;
    json_array_foreach(json_object_get(v, "nodes"), i, node)
    {
        tris_assert(count < TREE_PROOF_MAX);
        hex_get_exact(node, "hash", proof[count].b, sizeof proof[count].b);
        count++;
    }
    root_of_size(file, size, &root);
    if (json_object_get(v, "index") != NULL) {
        uint64_t index = number_get(v, "index");
        vector_leaf(index, &leaf);
        EXPECT(check, tree_inclusion_verify(index, size, &leaf, proof, count, &root) == TRIS_OK);
    } else {
        uint64_t old_size = number_get(v, "old_size");
        root_of_size(file, old_size, &old_root);
        EXPECT(check,
               tree_consistency_verify(old_size, size, proof, count, &old_root, &root) == TRIS_OK);
    }
}

static void check_tree_file(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "trees"), i, v)
    {
        uint8_t bytes[8 + 32 * TREE_LEVELS_MAX], again[sizeof bytes];
        struct tree t;
        struct tris_hash root;
        struct rbuf r = rbuf_of(hex_get(v, "peaks", bytes, sizeof bytes));
        struct wbuf w = wbuf_of(again, sizeof again);
        tree_decode(&r, &t);
        EXPECT(check, rbuf_finish(&r) == TRIS_OK);
        EXPECT(check, t.size == number_get(v, "size"));
        tree_root(&t, &root);
        EXPECT(check, hex_is(v, "root", span_of(root.b, sizeof root.b)));
        tree_encode(&w, &t);
        EXPECT(check, hex_is(v, "peaks", wbuf_span(&w)));
    }
    json_array_foreach(json_object_get(file, "proofs"), i, v) check_proof(check, file, v);
}

static json_t *seal_json(const struct seal *seal, const struct tris_sign_pub *pub)
{
    uint8_t body[128];
    struct wbuf w = wbuf_of(body, sizeof body);
    json_t *out = json_object();
    seal_body_encode(&w, seal);
    set(out, "public_key", hex_json(pub->b, sizeof pub->b));
    set(out, "log_id", hex_json(seal->log.b, sizeof seal->log.b));
    set(out, "size", number_json(seal->size));
    set(out, "root", hex_json(seal->root.b, sizeof seal->root.b));
    set(out, "time_ms", number_json(seal->time_ms));
    set(out, "body", hex_json(body, w.len));
    set(out, "signature", hex_json(seal->sig.b, sizeof seal->sig.b));
    return out;
}

/* Five entries behind seven vector leaves, as a run with its seal. */
static json_t *segment_json(const struct tris_sign_secret *key, const struct tris_sign_pub *pub)
{
    uint8_t wire[1024], peaks[8 + 32 * TREE_LEVELS_MAX];
    struct tris_hash all[6][TREE_LEAVES];
    struct tree t;
    struct wbuf w = wbuf_of(wire, sizeof wire), wp = wbuf_of(peaks, sizeof peaks);
    json_t *out = json_object();
    vector_tree(7, &t, all);
    tree_encode(&wp, &t);
    set(out, "before", hex_json(peaks, wp.len));
    for (uint32_t i = 0; i < SEGMENT_ENTRIES; i++) {
        uint8_t full[TRIS_HEADER_BYTES_MAX], payload[2] = {0x80, 0};
        struct wbuf wf = wbuf_of(full, sizeof full);
        struct tris_salt salt = {{(uint8_t)i}};
        struct entry_header h = {.version = 1, .verb = VERB_PUT, .kind = 1, .time_ms = i}, back;
        struct entry entry;
        struct tris_hash leaf;
        size_t start = w.len;
        entry_wire_encode(&w, &h, &salt, span_of(payload, 1));
        struct rbuf run = rbuf_of(span_of(wire + start, w.len - start));
        enum tris_err err = entry_wire_next(&run, &entry);
        tris_assert(err == TRIS_OK);
        err = entry_open(&entry, &vector_log, t.size, &wf, &back, &leaf);
        tris_assert(err == TRIS_OK);
        tree_append(&t, &leaf, TREE_LEVELS_MAX, NULL);
    }
    struct seal seal = {.log = vector_log, .size = t.size, .time_ms = 1763905200000};
    tree_root(&t, &seal.root);
    seal_make(&seal, key);
    wp.len = 0;
    tree_encode(&wp, &t);
    set(out, "count", json_integer(SEGMENT_ENTRIES));
    set(out, "wire", hex_json(wire, w.len));
    set(out, "seal", seal_json(&seal, pub));
    set(out, "after", hex_json(peaks, wp.len));
    return out;
}

static json_t *make_seal_file(void)
{
    struct tris_sign_secret key;
    struct tris_sign_pub pub;
    struct seal seals[3] = {
        {.log = vector_log, .size = 1, .time_ms = 0},
        {.log = vector_log, .size = 1024, .time_ms = 1763905200000},
        {.log = vector_log, .size = UINT64_MAX, .time_ms = UINT64_MAX},
    };
    json_t *out = json_object(), *list = json_array();
    key_from(1, &key, &pub);
    for (size_t i = 0; i < 3; i++) {
        vector_leaf(i, &seals[i].root);
        seal_make(&seals[i], &key);
        append(list, seal_json(&seals[i], &pub));
    }
    set(out, "seed", json_string("01, then 31 bytes 00"));
    set(out, "seals", list);
    set(out, "segment", segment_json(&key, &pub));
    return out;
}

static void seal_get(const json_t *v, struct seal *seal, struct tris_sign_pub *pub)
{
    hex_get_exact(v, "public_key", pub->b, sizeof pub->b);
    hex_get_exact(v, "log_id", seal->log.b, sizeof seal->log.b);
    hex_get_exact(v, "root", seal->root.b, sizeof seal->root.b);
    hex_get_exact(v, "signature", seal->sig.b, sizeof seal->sig.b);
    seal->size = number_get(v, "size");
    seal->time_ms = number_get(v, "time_ms");
}

static void check_seal_file(struct check *check, const json_t *file)
{
    uint8_t wire[WIRE_BYTES_MAX];
    struct verified_segment segment;
    uint8_t bytes[8 + 32 * TREE_LEVELS_MAX];
    size_t i;
    json_t *v;
    struct seal seal;
    struct tris_sign_pub pub;
    json_array_foreach(json_object_get(file, "seals"), i, v)
    {
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        seal_get(v, &seal, &pub);
        seal_body_encode(&w, &seal);
        EXPECT(check, hex_is(v, "body", wbuf_span(&w)));
        EXPECT(check, seal_verify(&seal, &pub) == TRIS_OK);
    }
    const json_t *s = json_object_get(file, "segment");
    struct tree before;
    struct rbuf r = rbuf_of(hex_get(s, "before", bytes, sizeof bytes));
    tree_decode(&r, &before);
    EXPECT(check, rbuf_finish(&r) == TRIS_OK);
    seal_get(json_object_get(s, "seal"), &seal, &pub);
    uint32_t count = (uint32_t)json_integer_value(json_object_get(s, "count"));
    enum tris_err err = segment_verify(
        &seal.log, &pub, &before, hex_get(s, "wire", wire, sizeof wire), count, &seal, &segment);
    EXPECT(check, err == TRIS_OK);
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    tree_encode(&w, &segment.after);
    EXPECT(check, hex_is(s, "after", wbuf_span(&w)));
}

static const struct golden_file files[] = {
    {"tree.json", make_tree_file, check_tree_file},
    {"seal.json", make_seal_file, check_seal_file},
};

int main(int argc, char **argv)
{
    return golden_main(argc, argv, files, sizeof files / sizeof files[0]);
}
