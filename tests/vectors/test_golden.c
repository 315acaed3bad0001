/* Golden vectors of the log formats: recomputes every value of tests/vectors/{entry,tree,seal,
 * charter}.json, or writes these files anew.
 *
 * usage: test_golden [DIR]          checks; DIR is tests/vectors
 *        test_golden --write DIR    writes; then a change of format shows as a diff
 * Keys come from fixed seeds. Numbers of 64 bits are decimal texts, bytes are hex. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/charter.h"
#include "proto/entry.h"
#include "proto/plain.h"
#include "proto/seal.h"

enum { BYTES_MAX = 64 * 1024, TREE_LEAVES = 21, SEGMENT_ENTRIES = 5 };

/* What the check of one file works with. */
struct check {
    const char *file;
    unsigned failed, passed;
};

#define EXPECT(check, condition)                                                                   \
    ((condition) ? (void)(check)->passed++ : expect_failed((check), #condition, __LINE__))

static void expect_failed(struct check *check, const char *condition, int line)
{
    check->failed++;
    printf("FAILED %s: %s (test_golden.c:%d)\n", check->file, condition, line);
}

/* ---- JSON helpers ---- */

static json_t *hex_json(const void *bytes, size_t len)
{
    char *text = malloc(2 * len + 1);
    tris_assert(text != NULL);
    tris_hex(bytes, len, text);
    json_t *out = json_string(text);
    free(text);
    return out;
}

static json_t *number_json(uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string(text);
}

/* Bytes of a hex member, in `bytes`; a missing member gives no bytes, which no check accepts. */
static struct span hex_get(const json_t *object, const char *key, uint8_t *bytes, size_t max)
{
    const char *text = json_string_value(json_object_get(object, key));
    size_t len = text == NULL ? 0 : strlen(text) / 2;
    if (text == NULL || len > max || !tris_unhex(span_str(text), bytes, len)) {
        return span_of(NULL, 0);
    }
    return span_of(bytes, len);
}

/* Exactly `len` bytes; zeros if they are not there. */
static void hex_get_exact(const json_t *object, const char *key, uint8_t *out, size_t len)
{
    memset(out, 0, len);
    const char *text = json_string_value(json_object_get(object, key));
    if (text != NULL) {
        (void)tris_unhex(span_str(text), out, len);
    }
}

static uint64_t number_get(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    uint64_t value = 0;
    if (text != NULL) {
        (void)plain_decimal(span_str(text), UINT64_MAX, &value);
    }
    return value;
}

static bool hex_is(const json_t *object, const char *key, struct span bytes)
{
    json_t *want = hex_json(bytes.ptr, bytes.len);
    bool same = json_equal(want, json_object_get(object, key)) != 0;
    json_decref(want);
    return same;
}

static void set(json_t *object, const char *key, json_t *value)
{
    int rc = json_object_set_new(object, key, value);
    tris_assert(rc == 0);
}

static void append(json_t *array, json_t *value)
{
    int rc = json_array_append_new(array, value);
    tris_assert(rc == 0);
}

static void key_from(uint8_t first, struct tris_sign_secret *secret, struct tris_sign_pub *pub)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {first};
    (void)crypto_sign_seed_keypair(pub->b, secret->b, seed);
}

static const struct tris_log_id vector_log = {{0x01, 0x02, 0x03, 0xff}};

/* ---- entry.json ---- */

struct entry_sample {
    const char *name;
    struct entry_header header;
    uint64_t seq;
    const char *payload_hex;
    const char *unknown_hex; /* one trailing element, or NULL */
};

static const struct entry_sample entry_samples[] = {
    {"creates a record",
     {.version = 1, .verb = VERB_PUT, .kind = 2, .time_ms = 1763905200000},
     0,
     "8101a54bc3b66c6e",
     NULL},
    {"changes it",
     {.version = 1,
      .verb = VERB_PUT,
      .kind = 2,
      .time_ms = 1763905200001,
      .has_record = true,
      .has_prev = true},
     1,
     "80",
     NULL},
    {"ends a record of an earlier epoch",
     {.version = 1,
      .verb = VERB_END,
      .kind = 2,
      .time_ms = 1,
      .has_record = true,
      .has_record_epoch = true,
      .record_epoch = 3,
      .record_seq = 70000},
     255,
     "810103",
     NULL},
    {"largest numbers",
     {.version = 1,
      .verb = UINT32_MAX,
      .kind = UINT32_MAX,
      .time_ms = UINT64_MAX,
      .has_record = true,
      .has_record_epoch = true,
      .record_epoch = UINT32_MAX,
      .record_seq = UINT64_MAX,
      .has_prev = true,
      .prev = UINT64_MAX},
     UINT64_MAX,
     "",
     NULL},
    {"unknown trailing element",
     {.version = 1, .verb = VERB_CARD, .kind = 0, .time_ms = 128},
     65536,
     "81a0c0",
     "a3787878"},
};

/* A wire form with one more element than our encoder writes. */
static size_t with_unknown(const struct entry_sample *s, uint8_t *wire, size_t len)
{
    uint8_t extra[64], out[512];
    size_t extra_len = strlen(s->unknown_hex) / 2;
    bool good = tris_unhex(span_str(s->unknown_hex), extra, extra_len);
    tris_assert(good);
    struct wbuf w = wbuf_of(out, sizeof out);
    size_t head = 2 + (size_t)wire[1];
    wbuf_u8(&w, wire[0]);
    wbuf_u8(&w, (uint8_t)(wire[1] + extra_len));
    wbuf_u8(&w, wire[2] + 1);
    wbuf_bytes(&w, wire + 3, head - 3);
    wbuf_bytes(&w, extra, extra_len);
    wbuf_bytes(&w, wire + head, len - head);
    tris_assert(w.err == TRIS_OK);
    memcpy(wire, out, w.len);
    return w.len;
}

static json_t *header_json(const struct entry_header *h)
{
    json_t *out = json_object();
    set(out, "version", json_integer(h->version));
    set(out, "verb", json_integer(h->verb));
    set(out, "kind", json_integer(h->kind));
    set(out, "time_ms", number_json(h->time_ms));
    set(out, "record_epoch", h->has_record_epoch ? json_integer(h->record_epoch) : json_null());
    set(out, "record_seq", h->has_record ? number_json(h->record_seq) : json_null());
    set(out, "prev", h->has_prev ? number_json(h->prev) : json_null());
    set(out, "commit", hex_json(h->commit.b, sizeof h->commit.b));
    return out;
}

/* Everything that follows from a wire form, or NULL if it does not open. */
static json_t *entry_json(const struct tris_log_id *log, uint64_t seq, struct span wire)
{
    uint8_t full[TRIS_HEADER_BYTES_MAX], erased[256];
    struct wbuf w = wbuf_of(full, sizeof full), we = wbuf_of(erased, sizeof erased);
    struct entry entry;
    struct entry_header header;
    struct tris_hash leaf;
    struct rbuf run = rbuf_of(wire);
    if (entry_wire_next(&run, &entry) != TRIS_OK || rbuf_finish(&run) != TRIS_OK ||
        entry_open(&entry, log, seq, &w, &header, &leaf) != TRIS_OK) {
        return NULL;
    }
    entry_wire_encode_erased(&we, &entry);
    json_t *out = json_object();
    set(out, "log_id", hex_json(log->b, sizeof log->b));
    set(out, "seq", number_json(seq));
    set(out, "wire", hex_json(wire.ptr, wire.len));
    set(out, "salt", hex_json(entry.salt.ptr, entry.salt.len));
    set(out, "payload", hex_json(entry.payload.ptr, entry.payload.len));
    set(out, "header", hex_json(full, w.len));
    set(out, "fields", header_json(&header));
    set(out, "leaf", hex_json(leaf.b, sizeof leaf.b));
    set(out, "erased", hex_json(erased, we.len));
    return out;
}

static json_t *entry_sample_json(const struct entry_sample *s)
{
    uint8_t wire[512], payload[64];
    struct wbuf w = wbuf_of(wire, sizeof wire);
    struct tris_salt salt;
    size_t payload_len = strlen(s->payload_hex) / 2;
    bool good = tris_unhex(span_str(s->payload_hex), payload, payload_len);
    tris_assert(good);
    for (size_t i = 0; i < sizeof salt.b; i++) {
        salt.b[i] = (uint8_t)(0xa0 + i);
    }
    entry_wire_encode(&w, &s->header, &salt, span_of(payload, payload_len));
    tris_assert(w.err == TRIS_OK);
    size_t len = s->unknown_hex == NULL ? w.len : with_unknown(s, wire, w.len);
    json_t *out = entry_json(&vector_log, s->seq, span_of(wire, len));
    tris_assert(out != NULL);
    set(out, "name", json_string(s->name));
    return out;
}

static const char *const refused_wires[] = {
    "",                                                                   /* nothing */
    "02079701000000c0c0",                                                 /* form 2 */
    "00079701000000c0c0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0001",             /* payload cut */
    "00069601000000c0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",             /* 6 elements */
    "000997cc0101000000c0c0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",       /* 1 not minimal */
    "00079701000000c0c3a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",           /* prev true */
    "00089701000000c0c000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180",         /* trailing element */
    "000c9801000000c0c0ca00000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf000180", /* a float */
    "01079701000000c0c0",                                                 /* no commitment */
};

static json_t *log_id_json(uint8_t topic, uint32_t epoch, uint8_t seal_key)
{
    struct tris_sign_secret secret;
    struct tris_sign_pub house, seal;
    struct tris_fed_id fed;
    struct tris_log_id id;
    struct tris_log_ref ref = {.topic = (enum tris_topic)topic, .epoch = epoch};
    memset(fed.b, 0xfe, sizeof fed.b);
    key_from(1, &secret, &house);
    key_from(seal_key, &secret, &seal);
    memcpy(ref.house.b, house.b, sizeof house.b);
    ref.seal_key = seal;
    log_id_derive(&fed, &ref, &id);
    json_t *out = json_object();
    set(out, "federation", hex_json(fed.b, sizeof fed.b));
    set(out, "house", hex_json(ref.house.b, sizeof ref.house.b));
    set(out, "topic", json_integer(topic));
    set(out, "epoch", json_integer(epoch));
    set(out, "seal_key", hex_json(ref.seal_key.b, sizeof ref.seal_key.b));
    set(out, "log_id", hex_json(id.b, sizeof id.b));
    return out;
}

static json_t *make_entry_file(void)
{
    json_t *out = json_object(), *ids = json_array(), *entries = json_array();
    json_t *refused = json_array();
    append(ids, log_id_json(TRIS_TOPIC_GOV, 0, 1));
    append(ids, log_id_json(TRIS_TOPIC_DATA, 0, 1));
    append(ids, log_id_json(TRIS_TOPIC_LOCAL, 0, 1));
    append(ids, log_id_json(TRIS_TOPIC_DATA, 0x01020304, 2));
    for (size_t i = 0; i < sizeof entry_samples / sizeof entry_samples[0]; i++) {
        append(entries, entry_sample_json(&entry_samples[i]));
    }
    for (size_t i = 0; i < sizeof refused_wires / sizeof refused_wires[0]; i++) {
        append(refused, json_string(refused_wires[i]));
    }
    set(out, "log_ids", ids);
    set(out, "entries", entries);
    set(out, "refused_wires", refused);
    return out;
}

static void check_log_id(struct check *check, const json_t *v)
{
    struct tris_fed_id fed;
    struct tris_log_id id;
    struct tris_log_ref ref = {0};
    hex_get_exact(v, "federation", fed.b, sizeof fed.b);
    hex_get_exact(v, "house", ref.house.b, sizeof ref.house.b);
    hex_get_exact(v, "seal_key", ref.seal_key.b, sizeof ref.seal_key.b);
    ref.topic = (enum tris_topic)json_integer_value(json_object_get(v, "topic"));
    ref.epoch = (uint32_t)json_integer_value(json_object_get(v, "epoch"));
    log_id_derive(&fed, &ref, &id);
    EXPECT(check, hex_is(v, "log_id", span_of(id.b, sizeof id.b)));
}

static void check_entry(struct check *check, const json_t *v)
{
    static uint8_t wire[BYTES_MAX], erased[512];
    struct tris_log_id log;
    uint64_t seq = number_get(v, "seq");
    hex_get_exact(v, "log_id", log.b, sizeof log.b);
    json_t *whole = entry_json(&log, seq, hex_get(v, "wire", wire, sizeof wire));
    EXPECT(check, whole != NULL);
    json_t *again = entry_json(&log, seq, hex_get(v, "erased", erased, sizeof erased));
    EXPECT(check, again != NULL);
    const char *const same_in_both[] = {"header", "fields", "leaf", "erased"};
    for (size_t i = 0; i < sizeof same_in_both / sizeof same_in_both[0]; i++) {
        const json_t *want = json_object_get(v, same_in_both[i]);
        EXPECT(check, json_equal(want, json_object_get(whole, same_in_both[i])));
        EXPECT(check, json_equal(want, json_object_get(again, same_in_both[i])));
    }
    EXPECT(check, json_equal(json_object_get(v, "payload"), json_object_get(whole, "payload")));
    EXPECT(check, json_equal(json_object_get(v, "salt"), json_object_get(whole, "salt")));
    json_decref(whole);
    json_decref(again);
}

static void check_entry_file(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "log_ids"), i, v) check_log_id(check, v);
    json_array_foreach(json_object_get(file, "entries"), i, v) check_entry(check, v);
    json_array_foreach(json_object_get(file, "refused_wires"), i, v)
    {
        uint8_t wire[512];
        const char *text = json_string_value(v);
        size_t len = strlen(text) / 2;
        EXPECT(check, len <= sizeof wire && tris_unhex(span_str(text), wire, len));
        json_t *opened = entry_json(&vector_log, 0, span_of(wire, len));
        EXPECT(check, opened == NULL);
        json_decref(opened);
    }
}

/* ---- tree.json ---- */

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

/* ---- seal.json ---- */

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
    static uint8_t wire[BYTES_MAX];
    static struct verified_segment segment;
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

/* ---- charter.json ---- */

static const struct {
    uint8_t seed;
    enum tris_role role;
    const char *region, *slug, *name, *addr;
    uint64_t time_ms;
} people[] = {
    {1, TRIS_ROLE_HOUSE, "05315", "koeln", "Haus Köln", "127.0.0.1:8747", 1763905200000},
    {2, TRIS_ROLE_HOUSE, "14713", "leipzig", "Haus der Kooperation Leipzig", "[::1]:8748", 1},
    {3, TRIS_ROLE_COORDINATION, "DE", "bund", "100 % – ~ok_.-", "", UINT64_MAX},
    {4, TRIS_ROLE_OBSERVER, "DE", "blick", "Überblick", "blick.example:1", 0},
};
enum { PEOPLE = sizeof people / sizeof people[0] };

static json_t *line_json(const struct house_line *line, const char *text)
{
    static const char *const roles[] = {"", "house", "observer", "coordination"};
    json_t *out = json_object(), *addr = json_array();
    for (uint32_t i = 0; i < line->addr_count; i++) {
        append(addr, json_string(line->addr[i]));
    }
    set(out, "text", json_string(text));
    set(out, "role", json_string(roles[line->role]));
    set(out, "region", json_string(line->region));
    set(out, "slug", json_string(line->slug));
    set(out, "name", json_string(line->name));
    set(out, "id", hex_json(line->id.b, sizeof line->id.b));
    set(out, "noise", hex_json(line->transport.b, sizeof line->transport.b));
    set(out, "addr", addr);
    set(out, "time_ms", number_json(line->time_ms));
    return out;
}

static void make_person(size_t i, struct house_line *line, struct tris_sign_secret *key,
                        char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    struct tris_sign_pub pub;
    memset(line, 0, sizeof *line);
    line->role = people[i].role;
    (void)snprintf(line->region, sizeof line->region, "%s", people[i].region);
    (void)snprintf(line->slug, sizeof line->slug, "%s", people[i].slug);
    (void)snprintf(line->name, sizeof line->name, "%s", people[i].name);
    if (people[i].addr[0] != '\0') {
        (void)snprintf(line->addr[0], sizeof line->addr[0], "%s", people[i].addr);
        line->addr_count = 1;
    }
    memset(line->transport.b, 0x30 + (int)i, sizeof line->transport.b);
    line->time_ms = people[i].time_ms;
    key_from(people[i].seed, key, &pub);
    enum tris_err err = house_line_make(line, key, text, TRIS_HOUSE_LINE_BYTES_MAX + 1);
    tris_assert(err == TRIS_OK);
}

static json_t *charter_json(const struct charter *c)
{
    char *text;
    size_t len;
    enum tris_err err = charter_print(c, &text, &len);
    tris_assert(err == TRIS_OK);
    json_t *out = json_object();
    set(out, "text", json_string(text));
    set(out, "name", json_string(c->name));
    set(out, "federation", hex_json(c->fed.b, sizeof c->fed.b));
    set(out, "admit", json_integer(c->admit));
    set(out, "revoke", json_integer(c->revoke));
    set(out, "members", json_integer(c->member_count));
    set(out, "founders", json_integer(c->founder_count));
    set(out, "signatures", json_integer(c->sig_count));
    set(out, "complete", json_boolean(charter_complete(c)));
    free(text);
    return out;
}

static json_t *make_charter_file(void)
{
    static const uint8_t nonce[32] = {0x0c, 0xff};
    struct house_line lines[PEOPLE];
    struct tris_sign_secret keys[PEOPLE];
    struct charter c;
    json_t *out = json_object(), *list = json_array(), *charters = json_array();
    for (size_t i = 0; i < PEOPLE; i++) {
        char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
        make_person(i, &lines[i], &keys[i], text);
        append(list, line_json(&lines[i], text));
    }
    enum tris_err err = charter_new("Verbund Süd & Nord", nonce, lines, PEOPLE, 1, 2, &c);
    tris_assert(err == TRIS_OK);
    for (size_t i = 0; i < 4; i++) {
        append(charters, charter_json(&c));
        if (i < 3) {
            err = charter_sign(&c, &keys[i]);
            tris_assert(err == TRIS_OK);
        }
    }
    charter_fini(&c);
    set(out, "lines", list);
    set(out, "charters", charters);
    return out;
}

static void check_charter_file(struct check *check, const json_t *file)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(file, "lines"), i, v)
    {
        struct house_line line;
        char again[TRIS_HOUSE_LINE_BYTES_MAX + 1] = "";
        const char *text = json_string_value(json_object_get(v, "text"));
        EXPECT(check, house_line_parse(span_str(text), &line) == TRIS_OK);
        EXPECT(check, house_line_print(&line, again, sizeof again) == TRIS_OK);
        json_t *fields = line_json(&line, again);
        EXPECT(check, json_equal(fields, v));
        json_decref(fields);
    }
    json_array_foreach(json_object_get(file, "charters"), i, v)
    {
        struct charter c;
        uint32_t line_no;
        const char *text = json_string_value(json_object_get(v, "text"));
        enum tris_err err = charter_parse(span_str(text), &c, &line_no);
        EXPECT(check, err == TRIS_OK);
        if (err == TRIS_OK) {
            json_t *fields = charter_json(&c);
            EXPECT(check, json_equal(fields, v));
            json_decref(fields);
            charter_fini(&c);
        }
    }
}

/* ---- files ---- */

static const struct {
    const char *name;
    json_t *(*make)(void);
    void (*check)(struct check *check, const json_t *file);
} files[] = {
    {"entry.json", make_entry_file, check_entry_file},
    {"tree.json", make_tree_file, check_tree_file},
    {"seal.json", make_seal_file, check_seal_file},
    {"charter.json", make_charter_file, check_charter_file},
};

static int run_file(size_t i, const char *dir, bool write)
{
    char path[4096];
    json_error_t error;
    struct check check = {files[i].name, 0, 0};
    (void)snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
    json_t *made = files[i].make();
    if (write) {
        int rc = json_dump_file(made, path, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
        json_decref(made);
        printf("%s %s\n", rc == 0 ? "written" : "CANNOT WRITE", path);
        return rc == 0 ? 0 : 1;
    }
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (file == NULL) {
        printf("FAILED %s: %s\n", path, error.text);
        check.failed++;
    } else {
        files[i].check(&check, file);
        EXPECT(&check, json_equal(file, made)); /* no case is missing */
    }
    printf("%s %s: %u checks passed, %u failed\n", check.failed == 0 ? "ok" : "FAILED",
           files[i].name, check.passed, check.failed);
    json_decref(file);
    json_decref(made);
    return check.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
    const char *dir = write ? argv[2] : argc == 2 ? argv[1] : "tests/vectors";
    int rc = 0;
    if (sodium_init() < 0 || (argc > 2 && !write)) {
        fprintf(stderr, "usage: test_golden [DIR] | test_golden --write DIR\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        rc |= run_file(i, dir, write);
    }
    return rc;
}
