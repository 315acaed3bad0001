/* Small sealed logs and a log file of them; see logsample.h. */
#include "tests/lib/logsample.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/assert.h"

enum { RUN_BYTES = 4096, ITEM_BYTES = RUN_BYTES + 1024, LEAVES = SAMPLE_FORK_AT + 2 };

static const uint64_t sample_ms = 1763905200000;

void sample_fed(struct tris_fed_id *out)
{
    *out = (struct tris_fed_id){{0xfe, 0xd0}};
}

static void key_of(uint8_t first, struct tris_sign_secret *secret, struct tris_sign_pub *pub)
{
    const uint8_t seed[crypto_sign_SEEDBYTES] = {first};
    (void)crypto_sign_seed_keypair(pub->b, secret->b, seed);
}

void sample_log_init(struct sample_log *l, uint8_t house_seed, enum tris_topic topic,
                     uint32_t epoch, uint8_t key_seed)
{
    struct tris_fed_id fed;
    struct tris_sign_pub house;
    memset(l, 0, sizeof *l);
    sample_fed(&fed);
    key_of(house_seed, &l->key, &house);
    memcpy(l->ref.house.b, house.b, sizeof house.b);
    key_of(epoch == 0 ? house_seed : key_seed, &l->key, &l->ref.seal_key);
    l->ref.topic = topic;
    l->ref.epoch = epoch;
    log_id_derive(&fed, &l->ref, &l->id);
    tree_init(&l->tree);
}

void sample_entries(struct sample_log *l, uint8_t history, uint32_t count, size_t payload_bytes,
                    struct wbuf *wire, struct tris_hash *leaves)
{
    uint8_t *payload = calloc(1, payload_bytes + 1);
    tris_assert(payload != NULL);
    for (uint32_t i = 0; i < count; i++) {
        const struct tris_salt salt = {{history, (uint8_t)l->tree.size}};
        struct entry_header header = {.version = ENTRY_VERSION, .verb = VERB_PUT, .kind = 2};
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf complete = wbuf_of(bytes, sizeof bytes);
        struct tris_hash leaf;
        struct entry entry;
        header.time_ms = sample_ms + l->tree.size;
        const size_t start = wire->len;
        entry_wire_encode(wire, &header, &salt, span_of(payload, payload_bytes));
        tris_assert(wire->err == TRIS_OK);
        struct rbuf run = rbuf_of(span_of(wire->ptr + start, wire->len - start));
        enum tris_err err = entry_wire_next(&run, &entry);
        tris_assert(err == TRIS_OK);
        err = entry_open(&entry, &l->id, l->tree.size, &complete, &header, &leaf);
        tris_assert(err == TRIS_OK);
        (void)tree_append(&l->tree, &leaf, TREE_LEVELS_MAX, NULL);
        if (leaves != NULL) {
            leaves[i] = leaf;
        }
    }
    free(payload);
}

struct seal sample_seal(const struct sample_log *l, uint64_t time_ms)
{
    struct seal seal = {.log = l->id, .size = l->tree.size, .time_ms = time_ms};
    tree_root(&l->tree, &seal.root);
    seal_make(&seal, &l->key);
    return seal;
}

struct span sample_proof(uint8_t house_seed, uint8_t *bytes)
{
    uint8_t run[RUN_BYTES];
    struct tris_hash leaves[2][LEAVES], left[TREE_PROOF_MAX];
    struct fork_side sides[2];
    struct tris_fed_id fed;
    struct sample_log l;
    memset(sides, 0, sizeof sides);
    for (uint8_t i = 0; i < 2; i++) {
        struct wbuf w = wbuf_of(run, sizeof run);
        const uint32_t more = i + 1U;
        sample_log_init(&l, house_seed, TRIS_TOPIC_DATA, 0, 0);
        sample_entries(&l, 0, SAMPLE_FORK_AT, 4, &w, leaves[i]);
        sample_entries(&l, i, more, 4, &w, leaves[i] + SAMPLE_FORK_AT);
        sides[i].seal = sample_seal(&l, sample_ms + i);
        sides[i].leaf = leaves[i][SAMPLE_FORK_AT];
        for (uint32_t k = 1; k < more; k++) {
            sides[i].nodes[sides[i].nodes_count++] =
                (struct tree_node){0, SAMPLE_FORK_AT + k, leaves[i][SAMPLE_FORK_AT + k]};
        }
    }
    tree_node_hash(&leaves[0][0], &leaves[0][1], &left[0]);
    left[1] = leaves[0][2];
    struct wbuf proof = wbuf_of(bytes, FORK_PROOF_BYTES_MAX);
    sample_fed(&fed);
    enum tris_err err = fork_proof_make(&fed, &l.ref, SAMPLE_FORK_AT, left, sides, &proof);
    tris_assert(err == TRIS_OK);
    return wbuf_span(&proof);
}

/* ---- the file ---- */

void sample_put(struct wbuf *file, struct logfile_reader *r, const struct wbuf *item)
{
    struct logfile_item out;
    tris_assert(item->err == TRIS_OK);
    for (size_t pos = 0; pos < item->len;) {
        const size_t step = logfile_wants(r);
        enum tris_err err = logfile_step(r, span_of(item->ptr + pos, step), &out);
        tris_assert(err == TRIS_OK);
        pos += step;
    }
    wbuf_bytes(file, item->ptr, item->len);
    tris_assert(file->err == TRIS_OK);
}

struct maker {
    struct wbuf *file;
    struct logfile_reader reader;
    uint8_t bytes[ITEM_BYTES], run[RUN_BYTES];
    struct wbuf item;
};

static struct wbuf *item_new(struct maker *m)
{
    m->item = wbuf_of(m->bytes, sizeof m->bytes);
    return &m->item;
}

static void item_put(struct maker *m)
{
    sample_put(m->file, &m->reader, &m->item);
}

static void put_log(struct maker *m, const struct sample_log *l)
{
    logfile_put_log(item_new(m), &l->ref, &l->tree);
    item_put(m);
}

/* The next `count` entries, with a seal of their own or that of a cut log. */
static void put_run(struct maker *m, struct sample_log *l, uint32_t count, bool cut)
{
    struct wbuf run = wbuf_of(m->run, sizeof m->run);
    sample_entries(l, 0, count, 4, &run, NULL);
    struct seal seal = sample_seal(l, sample_ms + l->tree.size);
    if (cut) {
        memset(&seal.sig, 0, sizeof seal.sig);
        seal.time_ms = 0;
    }
    logfile_put_segment(item_new(m), count, &seal, wbuf_span(&run));
    item_put(m);
}

/* Log `which` of the file, in no particular order. */
static void sample_log_of(uint32_t which, struct sample_log *l)
{
    static const struct {
        uint8_t house;
        enum tris_topic topic;
        uint32_t epoch;
    } logs[SAMPLE_LOGS] = {{1, TRIS_TOPIC_GOV, 0},
                           {2, TRIS_TOPIC_GOV, 3},
                           {1, TRIS_TOPIC_DATA, 0},
                           {2, TRIS_TOPIC_DATA, 0},
                           {3, TRIS_TOPIC_DATA, 0}};
    sample_log_init(l, logs[which].house, logs[which].topic, logs[which].epoch, 4);
}

static void put_one(struct maker *m, uint32_t which)
{
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct wbuf run = wbuf_of(m->run, sizeof m->run);
    struct sample_log l;
    sample_log_of(which, &l);
    if (which == 2) { /* begins behind five entries */
        sample_entries(&l, 0, 5, 4, &run, NULL);
    } else if (which == 4) { /* sealed anew */
        sample_entries(&l, 0, 4, 4, &run, NULL);
    }
    put_log(m, &l);
    if (which == 3) { /* cut */
        logfile_put_fork(item_new(m), sample_proof(2, bytes));
        item_put(m);
        put_run(m, &l, 2, false);
        put_run(m, &l, SAMPLE_FORK_AT - 2, true);
    } else if (which == 4) {
        put_run(m, &l, 0, false);
    } else {
        put_run(m, &l, 3, false);
        put_run(m, &l, which + 1, false);
    }
}

static int by_order(const void *a, const void *b)
{
    struct sample_log x, y;
    sample_log_of(*(const uint32_t *)a, &x);
    sample_log_of(*(const uint32_t *)b, &y);
    return logfile_order(&x.ref, &y.ref);
}

static int by_id(const void *a, const void *b)
{
    return tris_log_id_cmp(&((const struct logfile_row *)a)->id,
                           &((const struct logfile_row *)b)->id);
}

void sample_file(struct wbuf *file)
{
    struct maker *m = calloc(1, sizeof *m);
    struct logfile_row rows[SAMPLE_LOGS];
    uint32_t order[SAMPLE_LOGS];
    tris_assert(m != NULL);
    m->file = file;
    logfile_reader_init(&m->reader);
    logfile_put_magic(item_new(m));
    item_put(m);
    struct logfile_head head = {.time_ms = sample_ms};
    struct sample_log l;
    sample_log_of(0, &l);
    sample_fed(&head.fed);
    head.house = l.ref.house;
    logfile_put_head(item_new(m), &head);
    item_put(m);
    memset(rows, 0, sizeof rows);
    for (uint32_t i = 0; i < SAMPLE_LOGS; i++) {
        sample_log_of(i, &l);
        order[i] = i;
        rows[i] = (struct logfile_row){.id = l.id, .size = i + 4, .day = 20415 + i};
        rows[i].root.b[0] = (uint8_t)i;
    }
    qsort(rows, SAMPLE_LOGS, sizeof rows[0], by_id);
    qsort(order, SAMPLE_LOGS, sizeof order[0], by_order);
    logfile_put_state(item_new(m), rows, SAMPLE_LOGS);
    item_put(m);
    for (uint32_t i = 0; i < SAMPLE_LOGS; i++) {
        put_one(m, order[i]);
    }
    logfile_put_end(item_new(m), &m->reader);
    item_put(m);
    free(m);
}
