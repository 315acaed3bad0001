/* The shared table of logs: what each owner has written and sealed; see world.h. */
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/scale/world.h"

enum { PAYLOAD_BYTES = 24, DAY_ZERO_MS = 1798761600 };

static const struct run *newest(const struct log *log)
{
    return log->runs_count > 0 ? &log->runs[log->runs_count - 1] : NULL;
}

const struct run *table_run(const struct log *log, uint64_t first)
{
    for (uint32_t i = 0; i < log->runs_count; i++) {
        if (log->runs[i].first == first) {
            return &log->runs[i];
        }
    }
    return NULL;
}

/* The seal over exactly `size` entries. */
static const struct seal *seal_at(const struct log *log, uint64_t size)
{
    for (uint32_t i = 0; i < log->runs_count; i++) {
        if (log->runs[i].seal.size == size) {
            return &log->runs[i].seal;
        }
    }
    return NULL;
}

void table_write(struct world *w, uint32_t log_no)
{
    struct log *log = &w->logs[log_no];
    uint8_t payload[PAYLOAD_BYTES], head[TRIS_HEADER_BYTES_MAX], wire[512];
    struct tris_salt salt;
    struct tree tree;
    struct tris_hash leaf;
    struct entry entry;
    const struct run *last = newest(log);
    if (log->runs_count == LOG_RUNS_MAX) {
        world_fail("log %u is full", log_no);
    }
    tree_init(&tree);
    for (uint64_t at = 0; last != NULL && at < last->seal.size; at++) { /* tiny: built anew */
        const struct run *run = table_run(log, at);
        struct rbuf r = rbuf_of(span_of(run->wire, run->len));
        struct entry_header header;
        struct wbuf hw = wbuf_of(head, sizeof head);
        enum tris_err err = entry_wire_next(&r, &entry);
        err = err == TRIS_OK ? entry_open(&entry, &log->id, at, &hw, &header, &leaf) : err;
        tris_assert(err == TRIS_OK);
        (void)tree_append(&tree, &leaf, TREE_LEVELS_MAX, NULL);
    }
    struct run *run = &log->runs[log->runs_count];
    run->before = malloc(sizeof *run->before);
    rng_bytes(&w->rng, payload, sizeof payload);
    rng_bytes(&w->rng, salt.b, sizeof salt.b);
    struct entry_header header = {
        .version = 1, .verb = VERB_PUT, .kind = 1, .time_ms = DAY_ZERO_MS * UINT64_C(1000)};
    struct wbuf out = wbuf_of(wire, sizeof wire), hw = wbuf_of(head, sizeof head);
    entry_wire_encode(&out, &header, &salt, span_of(payload, sizeof payload));
    struct rbuf r = rbuf_of(wbuf_span(&out));
    enum tris_err err = entry_wire_next(&r, &entry);
    err = err == TRIS_OK ? entry_open(&entry, &log->id, tree.size, &hw, &header, &leaf) : err;
    run->wire = malloc(out.len);
    tris_assert(err == TRIS_OK && out.err == TRIS_OK && run->before != NULL && run->wire != NULL);
    memcpy(run->wire, wire, out.len);
    run->len = out.len;
    run->first = tree.size;
    run->count = 1;
    *run->before = tree;
    if (tree.size == 0) { /* most logs have one run: its 2 KiB are not worth keeping */
        free(run->before);
        run->before = NULL;
    }
    (void)tree_append(&tree, &leaf, TREE_LEVELS_MAX, NULL);
    run->seal =
        (struct seal){.log = log->id, .size = tree.size, .time_ms = DAY_ZERO_MS * UINT64_C(1000)};
    tree_root(&tree, &run->seal.root);
    seal_make(&run->seal, &w->houses[log_no / HOUSE_LOGS].secret);
    log->runs_count++;
}

void table_fill(struct world *w)
{
    for (uint32_t no = 0; no < w->logs_count; no++) {
        struct log *log = &w->logs[no];
        log->ref = (struct tris_log_ref){.house = w->houses[no / HOUSE_LOGS].id,
                                         .topic = (enum tris_topic)(no % HOUSE_LOGS)};
        memcpy(log->ref.seal_key.b, log->ref.house.b, sizeof log->ref.seal_key.b);
        log_id_derive(&w->fed, &log->ref, &log->id);
        table_write(w, no);
    }
}

void table_item(const struct log *log, uint64_t size, struct frontier_item *out)
{
    const struct seal *seal = seal_at(log, size);
    *out = (struct frontier_item){.id = log->id, .ref = log->ref, .held = size, .whole = size};
    if (seal != NULL) {
        out->root = seal->root;
        out->day = seal_day(seal);
    }
}

/* ---- what sessions ask ---- */

static enum tris_err io_member(void *ctx, const struct tris_house_id *house,
                               const struct tris_dh_pub *transport, struct session_admit *admit)
{
    const struct house *h = ctx;
    const struct world *w = h->world;
    uint32_t at;
    memcpy(&at, house->b, sizeof at);
    for (at %= w->by_id_size; w->by_id[at] != 0; at = (at + 1) % w->by_id_size) {
        const struct house *other = &w->houses[w->by_id[at] - 1];
        if (tris_house_id_eq(&other->id, house)) {
            admit->role = TRIS_ROLE_HOUSE;
            return tris_dh_pub_eq(&other->transport.pub, transport) ? TRIS_OK : TRIS_ERR_WRONG_KEY;
        }
    }
    return TRIS_ERR_STRANGER;
}

static enum tris_err io_read_segment(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                                     uint32_t *count, struct seal *seal)
{
    const struct house *h = ctx;
    const struct log *log = &h->world->logs[log_no];
    const struct frontier_item *item = frontier_item(h->frontier, log_no);
    const struct run *run = table_run(log, first);
    if (first == item->held && first > 0) {
        *count = 0;
        *seal = *seal_at(log, first);
        return TRIS_OK;
    }
    if (run == NULL || run->seal.size > item->held) {
        return TRIS_ERR_NOT_FOUND;
    }
    wbuf_bytes(out, run->wire, run->len);
    *count = run->count;
    *seal = run->seal;
    return out->err;
}

static void io_random(void *ctx, void *out, size_t len)
{
    const struct house *h = ctx;
    rng_bytes(&h->world->rng, out, len);
}

static enum tris_err io_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    (void)ctx, (void)log_no, (void)nodes, (void)count; /* nobody forks here */
    return TRIS_ERR_NOT_FOUND;
}

static enum tris_err io_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    const struct house *h = ctx;
    const struct seal *held =
        seal_at(&h->world->logs[log_no], frontier_item(h->frontier, log_no)->held);
    if (held == NULL) {
        return TRIS_ERR_NOT_FOUND;
    }
    *seal = *held;
    return TRIS_OK;
}

static enum tris_err io_holes(void *ctx, uint32_t log_no, uint64_t until, struct msg_run *runs,
                              size_t max, size_t *count)
{
    (void)ctx, (void)log_no, (void)until, (void)runs, (void)max;
    *count = 0;
    return TRIS_OK;
}

static enum tris_err io_hole(void *ctx, uint32_t log_no, uint64_t seq, struct wbuf *rows)
{
    (void)ctx, (void)log_no, (void)seq, (void)rows;
    return TRIS_ERR_NOT_FOUND;
}

static enum tris_err io_fork_proof(void *ctx, uint32_t log_no, struct wbuf *out)
{
    (void)ctx, (void)log_no, (void)out;
    return TRIS_ERR_NOT_FOUND;
}

const struct session_io table_io = {
    io_member, io_read_segment, io_random,     io_nodes, io_newest_seal,
    io_holes,  io_hole,         io_fork_proof, NULL,     NULL,
};
