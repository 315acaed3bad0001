/* Runs of entries as test tools make them: wire forms, their tree, a seal with a true or false root
 * and signature. */
#ifndef TRIS_TESTS_E2E_RUN_H
#define TRIS_TESTS_E2E_RUN_H

#include "tests/e2e/peer.h"

struct run {
    struct wbuf wire;
    struct tree tree;
    uint64_t first, count; /* where what waits begins, and where the log ends */
    const struct tris_log_id *log;
};

static inline void run_begin(struct run *r, const struct tris_log_id *log)
{
    static uint8_t bytes[TRIS_CREDIT_INITIAL_BYTES];
    *r = (struct run){.wire = wbuf_of(bytes, sizeof bytes), .log = log};
    tree_init(&r->tree);
}

/* Takes the wire form that was written from `start` on into the tree, if it is one. */
static inline void run_leaf(struct run *r, size_t start)
{
    struct rbuf in = rbuf_of(span_of(r->wire.ptr + start, r->wire.len - start));
    struct entry entry;
    struct entry_header header;
    struct tris_hash leaf;
    uint8_t bytes[TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    if (entry_wire_next(&in, &entry) == TRIS_OK &&
        entry_open(&entry, r->log, r->count, &w, &header, &leaf) == TRIS_OK) {
        tree_append(&r->tree, &leaf, TREE_STORED_LEVEL, NULL);
    }
    r->count++;
}

static inline void run_put(struct run *r, const struct entry_header *header, struct span payload)
{
    struct tris_salt salt;
    size_t start = r->wire.len;
    randombytes_buf(salt.b, sizeof salt.b);
    entry_wire_encode(&r->wire, header, &salt, payload);
    check(r->wire.err, "entry");
    run_leaf(r, start);
}

static inline void run_send(struct peer *p, struct run *r, bool root_good, bool sign_good)
{
    struct tris_short log = tris_short_of(r->log->b);
    for (size_t at = 0; at < r->wire.len; at += PIECE_BYTES) {
        size_t left = r->wire.len - at;
        struct msg m = {.type = MSG_ENTRIES};
        m.entries.log = log;
        m.entries.first = r->first;
        m.entries.wire = span_of(r->wire.ptr + at, left < PIECE_BYTES ? left : PIECE_BYTES);
        message_send(p, &m);
    }
    struct seal seal = {.log = *r->log, .size = r->count, .time_ms = UINT64_MAX};
    tree_root(&r->tree, &seal.root);
    seal.root.b[0] ^= root_good ? 0 : 1;
    seal_make(&seal, &p->sign);
    seal.sig.b[0] ^= sign_good ? 0 : 1;
    struct msg m = {.type = MSG_SEAL};
    m.seal.log = log;
    m.seal.first = r->first;
    m.seal.count = r->count - r->first;
    m.seal.time_ms = seal.time_ms;
    m.seal.root = seal.root;
    m.seal.sig = seal.sig;
    message_send(p, &m);
    r->wire.len = 0;
    r->first = r->count;
}

static const struct entry_header plain_header = {
    .version = ENTRY_VERSION, .verb = VERB_PUT, .kind = KIND_PARTNER, .time_ms = UINT64_MAX};

static inline void partner_put(struct run *r, uint64_t time_ms, const char *name, const char *extra)
{
    uint8_t bytes[4096];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    pack_write_map(&w, 7);
    pack_write_uint(&w, PARTNER_NAME);
    pack_write_str(&w, span_str(name));
    pack_write_uint(&w, PARTNER_SECTOR);
    pack_write_uint(&w, 1);
    pack_write_uint(&w, PARTNER_LEGAL_FORM);
    pack_write_uint(&w, 1);
    pack_write_uint(&w, PARTNER_INTERMEDIARY);
    pack_write_bool(&w, false);
    pack_write_uint(&w, PARTNER_REGION);
    pack_write_str(&w, span_str("05315"));
    pack_write_uint(&w, PARTNER_CITY);
    pack_write_str(&w, span_str(extra));
    pack_write_uint(&w, PARTNER_STATUS);
    pack_write_uint(&w, 1);
    struct entry_header header = plain_header;
    header.time_ms = time_ms;
    run_put(r, &header, wbuf_span(&w));
}

#endif
