/* What the bench programs of the store share: houses with keys that follow from a number, and runs
 * of entries that they seal and a receiver has verified. */
#ifndef TRIS_TOOLS_BENCH_LOG_H
#define TRIS_TOOLS_BENCH_LOG_H

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/store.h"

/* Somebody else's log. */
struct bench_house {
    struct tris_sign_secret key;
    struct tris_log_ref ref;
    struct tris_log_id id;
    struct tree tree;
};

static inline void bench_must(enum tris_err err, const char *what)
{
    if (err != TRIS_OK) {
        fprintf(stderr, "bench: %s: %s\n", what, tris_err_text(err));
        exit(1);
    }
}

static inline void *bench_memory(size_t bytes)
{
    void *out = malloc(bytes);
    if (out == NULL) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    return out;
}

static inline struct tris_log_ref bench_ref(const struct tris_house_id *house)
{
    struct tris_log_ref ref = {.house = *house, .topic = TRIS_TOPIC_DATA};
    memcpy(ref.seal_key.b, house->b, sizeof ref.seal_key.b);
    return ref;
}

static inline void bench_house_init(const struct tris_fed_id *fed, struct bench_house *h,
                                    uint32_t number)
{
    uint8_t seed[32] = {2};
    struct tris_house_id house;
    memcpy(seed + 1, &number, sizeof number);
    (void)crypto_sign_seed_keypair(house.b, h->key.b, seed);
    h->ref = bench_ref(&house);
    log_id_derive(fed, &h->ref, &h->id);
    tree_init(&h->tree);
}

static inline struct entry_header bench_header(void)
{
    return (struct entry_header){
        .version = ENTRY_VERSION, .verb = VERB_PUT, .kind = KIND_PARTNER, .time_ms = 1700000000000};
}

/* One run of wire forms into `wire`, sealed and verified; payloads take turns. */
static inline void bench_segment(struct bench_house *h, const struct span *payload, size_t payloads,
                                 uint32_t count, struct wbuf *wire, struct verified_segment *out)
{
    struct tree tree = h->tree;
    size_t start = wire->len;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        struct tris_hash leaf;
        struct tris_salt salt;
        struct entry_header header = bench_header();
        uint64_t seq = tree.size;
        memset(salt.b, (int)(seq & 0xff), sizeof salt.b);
        entry_commit(payload[seq % payloads], &salt, &header.commit);
        entry_header_encode(&w, &header);
        entry_leaf(&h->id, seq, wbuf_span(&w), &leaf);
        (void)tree_append(&tree, &leaf, TREE_LEVELS_MAX, NULL);
        entry_wire_encode(wire, &header, &salt, payload[seq % payloads]);
    }
    bench_must(wire->err, "wire");
    struct seal seal = {.log = h->id, .size = tree.size, .time_ms = 1};
    tree_root(&tree, &seal.root);
    seal_make(&seal, &h->key);
    bench_must(segment_verify(&h->id, &h->ref.seal_key, &h->tree,
                              span_of(wire->ptr + start, wire->len - start), count, &seal, out),
               "verify");
    h->tree = out->after;
}

#endif
