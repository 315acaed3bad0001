/* How fast entries from elsewhere are verified on one core, beside what hashing alone costs here.
 *
 * Builds entries in memory, then times segment_verify over full segments, and in the same run the
 * three hashes that every entry needs (commitment, leaf, node), of the same lengths, with nothing
 * else. Best of several rounds each, interleaved. usage: bench_verify [--json] */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/assert.h"
#include "proto/seal.h"

enum {
    ENTRIES = 200 * 1024,
    SEGMENTS = ENTRIES / TRIS_SEAL_SPACING_MAX,
    PAYLOAD_BYTES = 200,
    ENTRY_ROOM = 320, /* wire bytes of one such entry, rounded up */
    ROUNDS = 5,
    TARGET_PER_S = 700000,
    TARGET_PERCENT = 65,
};

struct bench {
    struct tris_log_id log;
    struct tris_sign_pub pub;
    struct tris_sign_secret secret;
    uint8_t *wire;
    struct span segment[SEGMENTS];
    struct seal seal[SEGMENTS];
    size_t wire_bytes;
    size_t header_bytes; /* of the last entry */
};

/* Processor time: what one core does, whatever else the machine does meanwhile. */
static double now_s(void)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    tris_assert(rc == 0);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* A list of payloads that differ, records that are changed every fourth time. */
static void build_entry(struct bench *b, uint64_t seq, struct wbuf *w, struct tree *tree)
{
    uint8_t payload[PAYLOAD_BYTES], bytes[TRIS_HEADER_BYTES_MAX];
    struct tris_salt salt;
    struct entry entry;
    struct entry_header decoded;
    struct tris_hash leaf;
    memset(payload, (int)(seq & 0x7f), sizeof payload);
    memset(salt.b, (int)(seq % 251), sizeof salt.b);
    struct entry_header header = {
        .version = ENTRY_VERSION, .verb = VERB_PUT, .kind = 2, .time_ms = 1700000000000 + seq};
    if (seq % 4 == 3) {
        header.has_record = header.has_prev = true;
        header.record_seq = header.prev = seq - 3;
    }
    size_t start = w->len;
    entry_wire_encode(w, &header, &salt, span_of(payload, sizeof payload));
    struct rbuf r = rbuf_of(span_of(w->ptr + start, w->len - start));
    struct wbuf full = wbuf_of(bytes, sizeof bytes);
    enum tris_err err = entry_wire_next(&r, &entry);
    tris_assert(err == TRIS_OK);
    err = entry_open(&entry, &b->log, seq, &full, &decoded, &leaf);
    tris_assert(err == TRIS_OK);
    b->header_bytes = full.len;
    tree_append(tree, &leaf, TREE_LEVELS_MAX, NULL);
}

static void build(struct bench *b)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {1};
    struct tree tree;
    (void)crypto_sign_seed_keypair(b->pub.b, b->secret.b, seed);
    memset(b->log.b, 0x5a, sizeof b->log.b);
    b->wire = malloc((size_t)ENTRIES * ENTRY_ROOM);
    tris_assert(b->wire != NULL);
    struct wbuf w = wbuf_of(b->wire, (size_t)ENTRIES * ENTRY_ROOM);
    tree_init(&tree);
    for (size_t s = 0; s < SEGMENTS; s++) {
        size_t start = w.len;
        for (uint32_t i = 0; i < TRIS_SEAL_SPACING_MAX; i++) {
            build_entry(b, tree.size, &w, &tree);
        }
        tris_assert(w.err == TRIS_OK);
        b->segment[s] = span_of(w.ptr + start, w.len - start);
        b->seal[s] = (struct seal){.log = b->log, .size = tree.size, .time_ms = 1700000000000};
        tree_root(&tree, &b->seal[s].root);
        seal_make(&b->seal[s], &b->secret);
    }
    b->wire_bytes = w.len;
}

/* Entries per second of segment_verify. */
static double time_verify(const struct bench *b, struct verified_segment *out)
{
    struct tree tree;
    tree_init(&tree);
    double start = now_s();
    for (size_t s = 0; s < SEGMENTS; s++) {
        enum tris_err err = segment_verify(&b->log, &b->pub, &tree, b->segment[s],
                                           TRIS_SEAL_SPACING_MAX, &b->seal[s], out);
        tris_assert(err == TRIS_OK);
        tree = out->after;
    }
    return ENTRIES / (now_s() - start);
}

/* Entries per second if hashing were all: the payloads are read where they lie, as above. */
static double time_hashes(const struct bench *b)
{
    static const uint8_t domain[crypto_generichash_blake2b_PERSONALBYTES] = "bench";
    static const uint8_t salt[crypto_generichash_blake2b_SALTBYTES] = {7};
    uint8_t leaf[40 + TRIS_HEADER_BYTES_MAX] = {0};
    uint8_t node[64] = {0};
    size_t stride = b->wire_bytes / ENTRIES;
    double start = now_s();
    for (size_t i = 0; i < ENTRIES; i++) {
        (void)crypto_generichash_blake2b_salt_personal(leaf + 40, 32, b->wire + i * stride,
                                                       PAYLOAD_BYTES, NULL, 0, salt, domain);
        (void)crypto_generichash_blake2b_salt_personal(node, 32, leaf, 40 + b->header_bytes, NULL,
                                                       0, NULL, domain);
        (void)crypto_generichash_blake2b_salt_personal(node + 32, 32, node, sizeof node, NULL, 0,
                                                       NULL, domain);
    }
    return ENTRIES / (now_s() - start);
}

int main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        fprintf(stderr, "usage: bench_verify [--json]\n");
        return 2;
    }
    struct bench *b = calloc(1, sizeof *b);
    struct verified_segment *out = malloc(sizeof *out);
    if (sodium_init() < 0 || b == NULL || out == NULL) {
        fprintf(stderr, "bench_verify: cannot start\n");
        free(b);
        free(out);
        return 1;
    }
    build(b);
    double verify = 0, hashes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double v = time_verify(b, out);
        double h = time_hashes(b);
        verify = v > verify ? v : verify;
        hashes = h > hashes ? h : hashes;
    }
    double percent = 100 * verify / hashes;
    bool meets = verify >= TARGET_PER_S && percent >= TARGET_PERCENT;
    if (json) {
        printf("{\"bench\":\"verify\",\"entries\":%d,\"payload_bytes\":%d,"
               "\"entries_per_s\":%.0f,\"hash_ceiling_per_s\":%.0f,\"percent_of_ceiling\":%.1f,"
               "\"wire_overhead_bytes\":%.1f,\"meets\":%s}\n",
               ENTRIES, PAYLOAD_BYTES, verify, hashes, percent,
               (double)b->wire_bytes / ENTRIES - PAYLOAD_BYTES, meets ? "true" : "false");
    } else {
        printf("verify-only: %.0f entries/s, hash ceiling %.0f/s, ratio %.1f %%; wire form adds "
               "%.1f bytes an entry\n%s (target: %d entries/s and %d %%)\n",
               verify, hashes, percent, (double)b->wire_bytes / ENTRIES - PAYLOAD_BYTES,
               meets ? "MEETS" : "FAILS", TARGET_PER_S, TARGET_PERCENT);
    }
    free(b->wire);
    free(b);
    free(out);
    return 0;
}
