/* Nodes for the session tests: a fake store of really sealed and verified entries, links that cut,
 * flip and drip bytes, and a clock of their own. */
#ifndef TRIS_TESTS_SESSION_WORLD_H
#define TRIS_TESTS_SESSION_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sodium.h>

#include "proto/assert.h"
#include "proto/frame.h"
#include "proto/msg.h"
#include "proto/session.h"

enum {
    PENDING_MAX = 4096,
    NODES_MAX = 4,
    LOGS_MAX = 12,
    ENTRIES_MAX = 36000,
    LINKS_MAX = 4,
    OUT_BYTES = 128 * 1024,
    HEARTBEAT_MS = 15000,
    HANDSHAKE_MS = 5000,
    IDLE_MS = 60000,
};
struct fake_entry {
    uint8_t *bytes;
    size_t len;
    struct tris_hash leaf;
    bool sealed; /* seal covers entries up to and with this one */
    bool hole;   /* came in erased form */
    struct seal seal;
};

struct fake_log {
    struct tris_log_id id;
    struct tris_log_ref ref;
    struct tris_sign_secret key; /* in the owner's copy */
    bool own;
    struct tree tree;
    struct fake_entry *entries;
    uint64_t count;
    bool forked; /* ends at `end` by the proof */
    bool closed; /* ends at `end`, whatever forks there are, because membership says so */
    uint64_t end;
    struct tris_hash end_root;
    uint8_t proof[FORK_PROOF_BYTES_MAX];
    size_t proof_len;
};

struct world;

struct node {
    struct world *world;
    uint32_t number;
    struct tris_house_id id;
    struct tris_sign_secret sign;
    struct noise_keypair transport;
    uint64_t instance_nonce;
    struct frontier *frontier;
    struct fake_log logs[LOGS_MAX];
    bool stranger_refused;  /* io->member says no */
    bool member[NODES_MAX]; /* of the nodes: these may hold a session without an invitation ... */
    enum session_level level[NODES_MAX];                /* ... of this level */
    struct session_invite invites[SESSION_INVITES_MAX]; /* open ones */
    uint32_t invites_count;
    struct span charter;
    enum tris_err write_result; /* instead of verifying, if not TRIS_OK */
    uint64_t rejected;
    uint32_t cuts;            /* fork proofs that lowered an end */
    uint32_t nodes_calls;     /* questions for hashes that were answered */
    uint8_t nodes_xor;        /* liar: turned over in each hash that is told ... */
    uint32_t nodes_xor_after; /* ... after so many questions */
    uint8_t newest_xor;       /* liar: turned over in the signature of its newest seals */
    bool store_ahead;         /* nodes cannot be read now */
    uint64_t erases_every;    /* liar: each so manieth entry leaves in erased form; 0 = none */
    uint8_t hole_xor;         /* liar: turned over in each payload that is told */
    uint64_t lacks_every;     /* has no payload of each so manieth entry to give; 0 = of none */
    uint64_t filled;          /* payloads that came later */
};

struct end {
    struct node *node;
    struct session *session;
    bool opened, in_sync, closed;
    uint32_t in_sync_count, own_ahead_count, told_count, own_seal_count, found_count;
    uint32_t twin_count;
    struct twin twin; /* the last one */
    struct session_event refer;
    uint64_t invite; /* that the peer came with */
    uint32_t card_count;
    char card[TRIS_HOUSE_LINE_BYTES_MAX + 1]; /* the last one */
    uint8_t *charter;                         /* all parts so far; freed by link_close */
    size_t charter_len;
    uint32_t charter_parts;
    struct seal own_seal; /* the last one that a peer answered */
    struct session_event close;
    uint64_t rtt_id;
};

/* A segment that waits for a slow writer. */
struct pending {
    struct node *node;
    uint64_t session_no; /* who brought it; may be gone */
    bool is_fork;
    struct session_segment segment;
    struct session_fork fork;
};

struct link {
    bool used;
    uint64_t session_no[2];
    struct end end[2];
    size_t chunk;       /* bytes a delivery; 0 = all */
    uint64_t cut_after; /* bytes in all until the link is dead; 0 = never */
    uint64_t carried;
    uint64_t flip_bit[2]; /* of the bytes from end i: this bit is turned over; 0 = none */
    uint64_t sent[2];
    bool stuck[2]; /* end i is never asked for bytes */
};

struct world {
    struct tris_fed_id fed;
    struct node nodes[NODES_MAX];
    uint32_t nodes_count;
    uint32_t logs_count;
    struct link links[LINKS_MAX];
    uint64_t now_ms;
    uint64_t random;
    uint64_t session_no;
    uint64_t credit_bytes;
    bool slow_writer; /* verdicts come when pending_run is called */
    struct pending pending[PENDING_MAX];
    uint32_t pending_count;
};

static inline void fake_random(void *ctx, void *out, size_t len)
{
    struct node *n = ctx;
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    uint64_t value = ++n->world->random;
    memcpy(seed, &value, sizeof value);
    randombytes_buf_deterministic(out, len, seed);
}

static inline enum tris_err fake_member(void *ctx, const struct tris_house_id *house,
                                        const struct tris_dh_pub *transport,
                                        struct session_admit *admit)
{
    struct node *n = ctx;
    if (n->stranger_refused) {
        return TRIS_ERR_STRANGER;
    }
    for (uint32_t i = 0; i < n->world->nodes_count; i++) {
        const struct node *other = &n->world->nodes[i];
        if (tris_house_id_eq(&other->id, house)) {
            if (!n->member[i] && !admit->invited) {
                return TRIS_ERR_STRANGER;
            }
            admit->role = TRIS_ROLE_HOUSE;
            admit->level = n->member[i] ? n->level[i] : SESSION_GOV;
            return memcmp(other->transport.pub.b, transport->b, 32) == 0 ? TRIS_OK
                                                                         : TRIS_ERR_WRONG_KEY;
        }
    }
    return TRIS_ERR_STRANGER;
}

static inline struct entry fake_entry_of(const struct fake_entry *e)
{
    struct entry entry;
    struct rbuf r = rbuf_of(span_of(e->bytes, e->len));
    assert_int_equal(entry_wire_next(&r, &entry), TRIS_OK);
    return entry;
}

/* The first hole of a log from `seq` on; log->count if there is none. */
static inline uint64_t fake_next_hole(const struct fake_log *log, uint64_t seq)
{
    while (seq < log->count && !log->entries[seq].hole) {
        seq++;
    }
    return seq < log->count ? seq : log->count;
}

static inline enum tris_err fake_holes(void *ctx, uint32_t log_no, uint64_t until,
                                       struct msg_run *runs, size_t max, size_t *count)
{
    const struct node *n = ctx;
    const struct fake_log *log = &n->logs[log_no];
    uint64_t entries = 0;
    *count = 0;
    for (uint64_t seq = fake_next_hole(log, 0); seq < log->count && seq < until;
         seq = fake_next_hole(log, seq + 1)) {
        if (++entries > TRIS_SEAL_SPACING_MAX) {
            break;
        }
        if (*count > 0 && runs[*count - 1].first + runs[*count - 1].count == seq) {
            runs[*count - 1].count++;
        } else if (*count == max) {
            break;
        } else {
            runs[(*count)++] = (struct msg_run){seq, 1};
        }
    }
    return TRIS_OK;
}

static inline enum tris_err fake_hole(void *ctx, uint32_t log_no, uint64_t seq, struct wbuf *rows)
{
    const struct node *n = ctx;
    const struct fake_log *log = &n->logs[log_no];
    if (seq >= log->count || log->entries[seq].hole ||
        (n->lacks_every > 0 && seq % n->lacks_every == 0)) {
        return TRIS_ERR_NOT_FOUND;
    }
    const struct entry entry = fake_entry_of(&log->entries[seq]);
    if (rows->cap - rows->len < entry.payload.len + 40) {
        return TRIS_ERR_NO_SPACE;
    }
    struct msg_hole row = {.seq = seq, .payload = entry.payload};
    memcpy(row.salt.b, entry.salt.ptr, sizeof row.salt.b);
    row.salt.b[3] ^= n->hole_xor;
    msg_row_put(rows, MSG_ROW_hole, &row);
    assert_int_equal(rows->err, TRIS_OK);
    return TRIS_OK;
}

/* An entry as it leaves. */
static inline void fake_put(const struct node *n, const struct fake_log *log, uint64_t seq,
                            struct wbuf *out)
{
    if (n->erases_every > 0 && seq % n->erases_every == 0) {
        const struct entry entry = fake_entry_of(&log->entries[seq]);
        entry_wire_encode_erased(out, &entry);
    } else {
        wbuf_bytes(out, log->entries[seq].bytes, log->entries[seq].len);
    }
}

static inline enum tris_err fake_read(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                                      uint32_t *count, struct seal *seal)
{
    struct node *n = ctx;
    const struct fake_log *log = &n->logs[log_no];
    const size_t start = out->len;
    size_t best_len = start;
    uint64_t best = first;
    if (first > 0 && first == log->count) {
        *count = 0;
        *seal = log->entries[first - 1].seal;
        return TRIS_OK;
    }
    for (uint64_t seq = first; seq < log->count && seq - first < TRIS_SEAL_SPACING_MAX; seq++) {
        fake_put(n, log, seq, out);
        if (out->err != TRIS_OK || out->len - start > TRIS_SEGMENT_BYTES_MAX) {
            break;
        }
        if (log->entries[seq].sealed) {
            best = seq + 1;
            best_len = out->len;
            *seal = log->entries[seq].seal;
        } else if ((log->forked || log->closed) && log->count == log->end && seq + 1 == log->end &&
                   best == first) {
            best = log->end; /* the last run of a cut log */
            best_len = out->len;
            *seal = (struct seal){.log = log->id, .size = log->end, .root = log->end_root};
        }
    }
    out->err = TRIS_OK; /* what did not fit is taken back */
    out->len = best_len;
    *count = (uint32_t)(best - first);
    return best == first ? TRIS_ERR_NOT_FOUND : TRIS_OK;
}

static inline enum tris_err fake_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes,
                                       size_t count)
{
    struct node *n = ctx;
    const struct fake_log *log = &n->logs[log_no];
    bool lie = n->nodes_xor != 0 && n->nodes_calls >= n->nodes_xor_after;
    assert_true(count <= MSG_NODES_MAX);
    n->nodes_calls++;
    for (size_t i = 0; i < count; i++) {
        if (n->store_ahead || nodes[i].index >= log->count >> nodes[i].level) {
            return TRIS_ERR_NOT_FOUND;
        }
        struct tree tree;
        tree_init(&tree);
        for (uint64_t k = 0; k < UINT64_C(1) << nodes[i].level; k++) {
            uint64_t seq = (nodes[i].index << nodes[i].level) + k;
            (void)tree_append(&tree, &log->entries[seq].leaf, TREE_LEVELS_MAX, NULL);
        }
        tree_root(&tree, &nodes[i].hash);
        nodes[i].hash.b[5] ^= lie ? n->nodes_xor : 0;
    }
    return TRIS_OK;
}

static inline enum tris_err fake_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    const struct node *n = ctx;
    const struct fake_log *log = &n->logs[log_no];
    for (uint64_t i = log->count; i > 0; i--) {
        if (log->entries[i - 1].sealed) {
            *seal = log->entries[i - 1].seal;
            seal->sig.b[7] ^= n->newest_xor;
            return TRIS_OK;
        }
    }
    return TRIS_ERR_NOT_FOUND;
}

static inline enum tris_err fake_fork_proof(void *ctx, uint32_t log_no, struct wbuf *out)
{
    const struct node *n = ctx;
    const struct fake_log *log = &n->logs[log_no];
    wbuf_bytes(out, log->proof, log->proof_len);
    return log->proof_len > 0 ? TRIS_OK : TRIS_ERR_NOT_FOUND;
}

static inline const struct session_invite *fake_invites(void *ctx, uint32_t *count)
{
    const struct node *n = ctx;
    *count = n->invites_count;
    return n->invites;
}

static inline enum tris_err fake_charter(void *ctx, struct span *text)
{
    const struct node *n = ctx;
    *text = n->charter;
    return n->charter.len > 0 ? TRIS_OK : TRIS_ERR_IO;
}

static const struct session_io fake_io = {
    fake_member, fake_read, fake_random,     fake_nodes,   fake_newest_seal,
    fake_holes,  fake_hole, fake_fork_proof, fake_invites, fake_charter,
};

static inline void node_publish(struct node *n, uint32_t log_no)
{
    const struct fake_log *log = &n->logs[log_no];
    struct frontier_item item = {.id = log->id, .ref = log->ref, .own = log->own};
    item.held = log->count;
    item.whole = fake_next_hole(log, 0);
    if (log->count > 0) {
        struct tree tree;
        tree_init(&tree);
        for (uint64_t i = 0; i < item.whole; i++) {
            (void)tree_append(&tree, &log->entries[i].leaf, TREE_LEVELS_MAX, NULL);
        }
        tree_root(&tree, &item.root);
        item.day = seal_day(&log->entries[log->count - 1].seal);
    }
    if (log->forked || log->closed) {
        item.flags = log->closed ? FRONTIER_ENDED : FRONTIER_FORKED;
        item.end = log->end;
        item.end_root = log->end_root;
        item.day = frontier_end_day(log->end);
    }
    assert_int_equal(frontier_set(n->frontier, log_no, &item), TRIS_OK);
}

static inline struct end *node_end(struct node *n, size_t link)
{
    struct link *l = &n->world->links[link];
    for (size_t i = 0; i < 2 && l->used; i++) {
        if (l->end[i].node == n && l->end[i].session != NULL) {
            return &l->end[i];
        }
    }
    return NULL;
}

static inline void log_cut(struct fake_log *log, uint64_t size)
{
    while (log->count > size) {
        free(log->entries[--log->count].bytes);
    }
    tree_init(&log->tree);
    for (uint64_t i = 0; i < log->count; i++) {
        (void)tree_append(&log->tree, &log->entries[i].leaf, TREE_LEVELS_MAX, NULL);
    }
}

static inline void log_copy(struct node *from, struct node *to, uint32_t log_no)
{
    struct fake_log *a = &from->logs[log_no], *b = &to->logs[log_no];
    log_cut(b, 0);
    for (uint64_t i = 0; i < a->count; i++) {
        b->entries[i] = a->entries[i];
        b->entries[i].bytes = malloc(a->entries[i].len);
        memcpy(b->entries[i].bytes, a->entries[i].bytes, a->entries[i].len);
    }
    b->count = a->count;
    log_cut(b, b->count);
    node_publish(to, log_no);
}

static inline void node_advanced(struct node *n, uint32_t log_no)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct end *e = node_end(n, i);
        if (e != NULL) {
            session_log_advanced(e->session, log_no);
            session_root_changed(e->session);
        }
    }
}

/* One sealed run of `count` entries with payloads of `bytes` bytes, by whoever has the key. */
static inline void node_write_as(struct node *n, uint32_t log_no, uint32_t count, size_t bytes)
{
    struct fake_log *log = &n->logs[log_no];
    assert_true(log->count + count <= ENTRIES_MAX);
    uint8_t *payload = malloc(bytes);
    uint8_t *wire = malloc(TRIS_ENTRY_WIRE_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct tris_salt salt;
        fake_random(n, salt.b, sizeof salt.b);
        fake_random(n, payload, bytes);
        struct entry_header header = {.version = 1, .verb = VERB_PUT, .kind = 1, .time_ms = 1000};
        struct wbuf w = wbuf_of(wire, TRIS_ENTRY_WIRE_BYTES_MAX);
        entry_wire_encode(&w, &header, &salt, span_of(payload, bytes));
        assert_int_equal(w.err, TRIS_OK);
        struct rbuf run = rbuf_of(wbuf_span(&w));
        struct entry entry;
        assert_int_equal(entry_wire_next(&run, &entry), TRIS_OK);
        uint8_t head[TRIS_HEADER_BYTES_MAX];
        struct wbuf hw = wbuf_of(head, sizeof head);
        struct tris_hash leaf;
        assert_int_equal(entry_open(&entry, &log->id, log->count, &hw, &header, &leaf), TRIS_OK);
        (void)tree_append(&log->tree, &leaf, TREE_STORED_LEVEL, NULL);
        struct fake_entry *e = &log->entries[log->count++];
        *e = (struct fake_entry){.bytes = malloc(w.len), .len = w.len, .leaf = leaf};
        memcpy(e->bytes, wire, w.len);
    }
    struct fake_entry *last = &log->entries[log->count - 1];
    last->sealed = true;
    last->seal = (struct seal){.log = log->id, .size = log->count, .time_ms = 1700000000000};
    tree_root(&log->tree, &last->seal.root);
    seal_make(&last->seal, &log->key);
    free(payload);
    free(wire);
    node_publish(n, log_no);
    node_advanced(n, log_no);
}

static inline void node_write(struct node *n, uint32_t log_no, uint32_t count, size_t bytes)
{
    assert_true(n->logs[log_no].own);
    node_write_as(n, log_no, count, bytes);
}

/* Seals an unchanged log anew, `days` after its newest seal. */
static inline void node_reseal(struct node *n, uint32_t log_no, uint32_t days)
{
    struct fake_log *log = &n->logs[log_no];
    struct seal *seal = &log->entries[log->count - 1].seal;
    seal->time_ms += (uint64_t)days * 86400000;
    seal_make(seal, &log->key);
    node_publish(n, log_no);
    node_advanced(n, log_no);
}

/* A node forgets a payload, as if the entry had come without. */
static inline void node_make_hole(struct node *n, uint32_t log_no, uint64_t seq)
{
    struct fake_entry *e = &n->logs[log_no].entries[seq];
    const struct entry entry = fake_entry_of(e);
    uint8_t *bare = malloc(TRIS_HEADER_BYTES_MAX + 2);
    struct wbuf w = wbuf_of(bare, TRIS_HEADER_BYTES_MAX + 2);
    assert_true(seq < n->logs[log_no].count && entry.whole);
    entry_wire_encode_erased(&w, &entry);
    assert_int_equal(w.err, TRIS_OK);
    free(e->bytes);
    e->bytes = bare;
    e->len = w.len;
    e->hole = true;
    node_publish(n, log_no);
}

/* ... with payloads of holes. */
static inline enum tris_err node_fill(struct node *n, const struct session_segment *segment)
{
    struct fake_log *log = &n->logs[segment->log_no];
    struct rbuf r = rbuf_of(span_of(segment->bytes, segment->len));
    for (uint32_t i = 0; i < segment->count; i++) {
        struct msg_hole row;
        struct tris_salt salt;
        msg_row_get(&r, MSG_ROW_hole, &row);
        assert_int_equal(r.err, TRIS_OK);
        if (row.seq >= log->count || !log->entries[row.seq].hole) {
            continue;
        }
        struct fake_entry *e = &log->entries[row.seq];
        const struct entry entry = fake_entry_of(e);
        uint8_t *wire = malloc(TRIS_ENTRY_WIRE_BYTES_MAX);
        struct wbuf w = wbuf_of(wire, TRIS_ENTRY_WIRE_BYTES_MAX);
        memcpy(salt.b, row.salt.b, sizeof salt.b);
        enum tris_err err = entry_wire_fill(&w, &entry, &salt, row.payload);
        if (err != TRIS_OK) {
            free(wire);
            n->rejected++;
            return err;
        }
        free(e->bytes);
        e->bytes = wire;
        e->len = w.len;
        e->hole = false;
        n->filled++;
    }
    assert_int_equal(rbuf_finish(&r), TRIS_OK);
    node_publish(n, segment->log_no);
    return TRIS_OK;
}

/* What the writer of a daemon does with a segment, ... */
static inline enum tris_err node_apply(struct node *n, const struct session_segment *segment)
{
    struct fake_log *log = &n->logs[segment->log_no];
    if (n->write_result != TRIS_OK) {
        return n->write_result;
    }
    if (segment->filling) {
        return node_fill(n, segment);
    }
    if (segment->count > 0 && segment->first + segment->count <= log->count) {
        return TRIS_OK;
    }
    if (segment->first != log->count) {
        return TRIS_ERR_NOT_NEXT;
    }
    static struct verified_segment verified;
    struct tris_sign_pub key = log->ref.seal_key;
    struct span wire = span_of(segment->bytes, segment->len);
    enum tris_err err = TRIS_ERR_NOT_READY;
    if ((log->forked || log->closed) && segment->count > 0 &&
        segment->first + segment->count >= log->end) {
        err = segment_verify_cut(&log->id, &log->tree, wire, segment->count, log->end,
                                 &log->end_root, &verified);
    } else if (!seal_is_cut(&segment->seal)) {
        err = segment_verify(&log->id, &key, &log->tree, wire, segment->count, &segment->seal,
                             &verified);
    }
    if (err != TRIS_OK) {
        n->rejected++;
        return err;
    }
    if (segment->count == 0 && seal_cmp(&segment->seal, &log->entries[log->count - 1].seal) <= 0) {
        return TRIS_OK;
    }
    struct rbuf run = rbuf_of(verified.wire);
    for (uint32_t i = 0; i < verified.count; i++) {
        struct entry entry;
        struct entry_header header;
        uint8_t head[TRIS_HEADER_BYTES_MAX];
        struct wbuf hw = wbuf_of(head, sizeof head);
        assert_int_equal(entry_wire_next(&run, &entry), TRIS_OK);
        struct fake_entry *e = &log->entries[log->count];
        *e = (struct fake_entry){.bytes = malloc(entry.wire.len), .len = entry.wire.len};
        memcpy(e->bytes, entry.wire.ptr, entry.wire.len);
        e->hole = !entry.whole;
        assert_int_equal(entry_open(&entry, &log->id, log->count++, &hw, &header, &e->leaf),
                         TRIS_OK);
    }
    log->entries[log->count - 1].sealed = !verified.cut;
    log->entries[log->count - 1].seal = verified.seal;
    log->tree = verified.after;
    node_publish(n, segment->log_no);
    return TRIS_OK;
}

/* Back to where another history, which counts, is the same. */
static inline enum tris_err node_rewind(struct node *n, uint32_t log_no, uint64_t at)
{
    struct fake_log *log = &n->logs[log_no];
    if (log->closed && at < log->count && log->count < log->end) {
        log_cut(log, at);
        n->cuts++;
        node_publish(n, log_no);
    }
    return TRIS_OK;
}

/* What the owner of a store does with a fork proof. */
static inline enum tris_err node_fork(struct node *n, uint32_t log_no, struct span bytes)
{
    struct fake_log *log = &n->logs[log_no];
    struct fork_proof proof;
    enum tris_err err = fork_proof_verify(bytes, &proof);
    if (err != TRIS_OK || !tris_log_id_eq(&proof.log, &log->id)) {
        n->rejected++;
        return err != TRIS_OK ? err : TRIS_ERR_BAD_VALUE;
    }
    if (log->closed) {
        return node_rewind(n, log_no, proof.at);
    }
    if (log->forked && proof.at >= log->end) {
        return TRIS_OK;
    }
    if (proof.at <= log->count) {
        struct tree before;
        struct tris_hash root;
        tree_init(&before);
        for (uint64_t i = 0; i < proof.at; i++) {
            (void)tree_append(&before, &log->entries[i].leaf, TREE_LEVELS_MAX, NULL);
        }
        tree_root(&before, &root);
        if (!tris_hash_eq(&root, &proof.root_at)) {
            return TRIS_ERR_FORK;
        }
    }
    log->forked = true;
    log->end = proof.at;
    log->end_root = proof.root_at;
    memcpy(log->proof, bytes.ptr, bytes.len);
    log->proof_len = bytes.len;
    log_cut(log, proof.at);
    n->cuts++;
    node_publish(n, log_no);
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct end *e = node_end(n, i);
        if (e != NULL) {
            session_fork_known(e->session, log_no);
            session_root_changed(e->session);
        }
    }
    return TRIS_OK;
}

static inline struct world *world_new(uint32_t nodes, uint32_t logs_each)
{
    struct world *w = calloc(1, sizeof *w);
    memset(w->fed.b, 7, sizeof w->fed.b);
    w->now_ms = 1000000;
    w->credit_bytes = TRIS_CREDIT_INITIAL_BYTES;
    w->nodes_count = nodes;
    w->logs_count = nodes * logs_each;
    assert_true(nodes <= NODES_MAX && w->logs_count <= LOGS_MAX);
    for (uint32_t i = 0; i < nodes; i++) {
        struct node *n = &w->nodes[i];
        n->world = w;
        n->number = i;
        n->instance_nonce = UINT64_MAX - i;
        memset(n->member, true, sizeof n->member);
        uint8_t seed[32];
        memset(seed, (int)i + 1, sizeof seed);
        crypto_sign_seed_keypair(n->id.b, n->sign.b, seed);
        struct tris_dh_secret secret;
        memset(secret.b, (int)i + 101, sizeof secret.b);
        noise_keypair_from_secret(&secret, &n->transport);
        assert_int_equal(frontier_new(&n->frontier), TRIS_OK);
    }
    for (uint32_t i = 0; i < nodes; i++) {
        for (uint32_t k = 0; k < w->logs_count; k++) {
            const struct node *owner = &w->nodes[k / logs_each];
            struct fake_log *log = &w->nodes[i].logs[k];
            log->ref = (struct tris_log_ref){.house = owner->id,
                                             .topic = k % logs_each == 0 ? TRIS_TOPIC_GOV
                                                                         : TRIS_TOPIC_DATA,
                                             .epoch = k % logs_each};
            memcpy(log->ref.seal_key.b, owner->id.b, sizeof owner->id.b);
            log_id_derive(&w->fed, &log->ref, &log->id);
            log->key = owner->sign;
            log->own = owner == &w->nodes[i];
            tree_init(&log->tree);
            log->entries = calloc(ENTRIES_MAX, sizeof *log->entries);
            node_publish(&w->nodes[i], k);
        }
    }
    return w;
}

static inline void link_close(struct link *l)
{
    for (size_t i = 0; i < 2; i++) {
        session_free(l->end[i].session);
        l->end[i].session = NULL;
        free(l->end[i].charter);
        l->end[i].charter = NULL;
    }
    l->used = false;
}

static inline void world_free(struct world *w)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        link_close(&w->links[i]);
    }
    for (uint32_t i = 0; i < w->pending_count; i++) {
        free(w->pending[i].segment.bytes);
        free(w->pending[i].fork.bytes);
    }
    for (uint32_t i = 0; i < w->nodes_count; i++) {
        for (uint32_t k = 0; k < w->logs_count; k++) {
            for (uint64_t e = 0; e < w->nodes[i].logs[k].count; e++) {
                free(w->nodes[i].logs[k].entries[e].bytes);
            }
            free(w->nodes[i].logs[k].entries);
        }
        frontier_free(w->nodes[i].frontier);
    }
    free(w);
}

static inline struct session_config config_of(struct node *n, struct node *peer, bool initiator)
{
    return (struct session_config){
        .initiator = initiator,
        .fed = n->world->fed,
        .own_id = n->id,
        .own_transport = n->transport,
        .instance_nonce = n->instance_nonce,
        .peer_id = peer->id,
        .peer_transport = peer->transport.pub,
        .session_no = ++n->world->session_no,
        .heartbeat_ms = HEARTBEAT_MS,
        .handshake_ms = HANDSHAKE_MS,
        .idle_ms = IDLE_MS,
        .credit_bytes = n->world->credit_bytes,
        .frontier = n->frontier,
        .io = &fake_io,
        .io_ctx = n,
    };
}

static inline struct link *link_with(struct world *w, size_t at, const struct session_config *a,
                                     struct node *from, const struct session_config *b,
                                     struct node *to)
{
    struct link *l = &w->links[at];
    assert_false(l->used);
    *l = (struct link){.used = true, .session_no = {a->session_no, b->session_no}};
    l->end[0].node = from;
    l->end[1].node = to;
    assert_int_equal(session_new(a, w->now_ms, &l->end[0].session), TRIS_OK);
    assert_int_equal(session_new(b, w->now_ms, &l->end[1].session), TRIS_OK);
    return l;
}

static inline struct link *link_open(struct world *w, size_t at, uint32_t from, uint32_t to)
{
    struct session_config a = config_of(&w->nodes[from], &w->nodes[to], true);
    struct session_config b = config_of(&w->nodes[to], &w->nodes[from], false);
    return link_with(w, at, &a, &w->nodes[from], &b, &w->nodes[to]);
}

/* NULL: that session is gone. */
static inline struct end *end_of_session(struct world *w, uint64_t session_no)
{
    for (size_t i = 0; i < LINKS_MAX * 2; i++) {
        struct link *l = &w->links[i / 2];
        if (l->used && l->session_no[i % 2] == session_no) {
            return &l->end[i % 2];
        }
    }
    return NULL;
}

/* The verdict on the oldest segment or proof of a node picked by `which`. */
static inline void pending_run(struct world *w, uint32_t which)
{
    struct node *n = &w->nodes[which % w->nodes_count];
    uint32_t at = 0;
    while (at < w->pending_count && w->pending[at].node != n) {
        at++;
    }
    if (at == w->pending_count) {
        return;
    }
    struct pending p = w->pending[at];
    w->pending_count--;
    memmove(&w->pending[at], &w->pending[at + 1], (w->pending_count - at) * sizeof p);
    if (p.is_fork) {
        enum tris_err verdict =
            p.fork.len == 0 ? node_rewind(n, p.fork.log_no, p.fork.at)
                            : node_fork(n, p.fork.log_no, span_of(p.fork.bytes, p.fork.len));
        struct end *e = end_of_session(w, p.session_no);
        if (e != NULL) {
            session_fork_done(e->session, p.fork.log_no, verdict);
        }
        free(p.fork.bytes);
        return;
    }
    uint64_t before = n->logs[p.segment.log_no].count + n->filled;
    enum tris_err err = node_apply(n, &p.segment);
    free(p.segment.bytes);
    struct end *bringer = end_of_session(w, p.session_no);
    if (bringer != NULL) {
        session_segment_done(bringer->session, p.segment.log_no, p.segment.len, err);
    }
    if (n->logs[p.segment.log_no].count + n->filled > before) {
        node_advanced(n, p.segment.log_no);
    }
}

static inline struct pending *pending_add(struct end *e)
{
    struct world *w = e->node->world;
    assert_true(w->pending_count < PENDING_MAX);
    struct pending *p = &w->pending[w->pending_count++];
    *p = (struct pending){.node = e->node};
    for (size_t i = 0; i < LINKS_MAX * 2; i++) {
        if (&w->links[i / 2].end[i % 2] == e) {
            p->session_no = w->links[i / 2].session_no[i % 2];
        }
    }
    return p;
}

static inline void end_segment(struct end *e, const struct session_segment *segment)
{
    struct world *w = e->node->world;
    if (w->slow_writer) {
        pending_add(e)->segment = *segment;
        return;
    }
    enum tris_err err = node_apply(e->node, segment);
    session_segment_done(e->session, segment->log_no, segment->len, err);
    if (err == TRIS_OK) {
        node_advanced(e->node, segment->log_no);
    }
    free(segment->bytes);
}

static inline void end_fork(struct end *e, const struct session_fork *fork)
{
    struct fork_proof proof;
    struct span bytes = span_of(fork->bytes, fork->len);
    if (fork->found_here && fork->len > 0) { /* it must be good, whatever the peer did */
        assert_int_equal(fork_proof_verify(bytes, &proof), TRIS_OK);
        assert_true(proof.at == fork->at);
        e->found_count++;
    }
    if (e->node->world->slow_writer) {
        struct pending *p = pending_add(e);
        p->is_fork = true;
        p->fork = *fork;
        return;
    }
    enum tris_err err = fork->len == 0 ? node_rewind(e->node, fork->log_no, fork->at)
                                       : node_fork(e->node, fork->log_no, bytes);
    session_fork_done(e->session, fork->log_no, err);
    free(fork->bytes);
}

/* Whoever claims more of an own log than is held is asked for the seal. */
static inline void end_claim(struct end *e, const struct session_event *event)
{
    const struct frontier_item *item = frontier_item(e->node->frontier, event->claim.log_no);
    if (event->claim.size > item->held) {
        e->own_ahead_count++;
        session_own_probe(e->session, event->claim.log_no, event->claim.size);
    }
}

/* Puts the charter together and asks for the rest. */
static inline void end_charter(struct end *e, const struct session_event *event)
{
    assert_true(event->charter.offset == e->charter_len);
    assert_true(event->charter.len <= event->charter.total - event->charter.offset);
    e->charter_parts++;
    if (event->charter.len > 0) {
        e->charter = realloc(e->charter, e->charter_len + event->charter.len);
        memcpy(e->charter + e->charter_len, event->charter.bytes, event->charter.len);
        e->charter_len += event->charter.len;
    }
    free(event->charter.bytes);
    if (e->charter_len < event->charter.total) {
        session_get_charter(e->session, e->charter_len);
    }
}

static inline void end_events(struct end *e)
{
    struct session_event event;
    while (session_next_event(e->session, &event)) {
        assert_false(e->closed);
        switch (event.type) {
        case SESSION_EV_OPEN:
            assert_false(e->opened);
            e->opened = true;
            e->invite = event.peer.invite;
            break;
        case SESSION_EV_SEGMENT:
            end_segment(e, &event.segment);
            break;
        case SESSION_EV_IN_SYNC:
            e->in_sync = true;
            e->in_sync_count++;
            break;
        case SESSION_EV_PONG:
            e->rtt_id = event.pong.id;
            break;
        case SESSION_EV_CLAIM:
            end_claim(e, &event);
            break;
        case SESSION_EV_TOLD:
            e->told_count++;
            break;
        case SESSION_EV_OWN_SEAL:
            e->own_seal_count++;
            e->own_seal = event.own_seal.seal;
            break;
        case SESSION_EV_FORK:
            end_fork(e, &event.fork);
            break;
        case SESSION_EV_TWIN:
            e->twin_count++;
            e->twin = event.twin;
            break;
        case SESSION_EV_CARD:
            e->card_count++;
            (void)snprintf(e->card, sizeof e->card, "%s", event.card.text);
            free(event.card.text);
            break;
        case SESSION_EV_CHARTER:
            end_charter(e, &event);
            break;
        case SESSION_EV_REFER:
            e->refer = event;
            break;
        case SESSION_EV_CLOSED:
            e->closed = true;
            e->close = event;
            break;
        }
    }
}

static inline void link_deliver(struct link *l, size_t from, uint8_t *bytes, size_t len)
{
    struct end *to = &l->end[1 - from];
    size_t step = l->chunk > 0 ? l->chunk : len;
    for (size_t at = 0; at < len; at += step) {
        size_t part = len - at < step ? len - at : step;
        if (l->cut_after > 0 && part > l->cut_after - l->carried) {
            part = (size_t)(l->cut_after - l->carried);
        }
        for (size_t i = 0; i < part && l->flip_bit[from] > 0; i++) {
            uint64_t bit = (l->sent[from] + i) * 8;
            if (l->flip_bit[from] >= bit && l->flip_bit[from] < bit + 8) {
                bytes[at + i] = (uint8_t)(bytes[at + i] ^ 1u << (l->flip_bit[from] - bit));
            }
        }
        l->sent[from] += part;
        l->carried += part;
        session_recv(to->session, span_of(bytes + at, part), to->node->world->now_ms);
        end_events(to);
    }
}

/* Lets both ends talk until nobody has anything to say. Returns the bytes carried. */
static inline uint64_t link_run(struct link *l)
{
    static uint8_t out[OUT_BYTES];
    uint64_t before = l->carried;
    for (size_t from = 0, quiet = 0; quiet < 2; from = 1 - from) {
        struct end *e = &l->end[from];
        end_events(e);
        size_t len = 0;
        if (!l->stuck[from] && session_has_output(e->session)) {
            len = session_fill(e->session, out, sizeof out, e->node->world->now_ms);
        }
        end_events(e);
        if (len > 0) {
            link_deliver(l, from, out, len);
        }
        quiet = len > 0 ? 0 : quiet + 1;
        if (l->cut_after > 0 && l->carried >= l->cut_after) {
            break;
        }
    }
    return l->carried - before;
}

static inline void world_run(struct world *w)
{
    uint64_t moved = 1;
    while (moved > 0) {
        moved = 0;
        for (size_t i = 0; i < LINKS_MAX; i++) {
            moved += w->links[i].used ? link_run(&w->links[i]) : 0;
        }
    }
}

/* Time passes; every session ticks whenever it asked for it. */
static inline void world_pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;
    for (uint32_t steps = 0; steps < 10000; steps++) {
        uint64_t next = end;
        for (size_t i = 0; i < LINKS_MAX * 2; i++) {
            const struct link *l = &w->links[i / 2];
            if (l->used && session_deadline(l->end[i % 2].session) < next) {
                next = session_deadline(l->end[i % 2].session);
            }
        }
        w->now_ms = next > w->now_ms ? next : w->now_ms;
        for (size_t i = 0; i < LINKS_MAX * 2; i++) {
            struct link *l = &w->links[i / 2];
            if (l->used && session_deadline(l->end[i % 2].session) <= w->now_ms) {
                session_tick(l->end[i % 2].session, w->now_ms);
                end_events(&l->end[i % 2]);
                if (w->now_ms < end) {
                    assert_true(session_deadline(l->end[i % 2].session) > w->now_ms);
                }
            }
        }
        world_run(w);
        if (w->now_ms >= end) {
            return;
        }
    }
    fail_msg("the sessions never come to rest");
}

static inline bool nodes_equal(const struct world *w, uint32_t a, uint32_t b)
{
    struct tris_hash x, y;
    frontier_root(w->nodes[a].frontier, &x);
    frontier_root(w->nodes[b].frontier, &y);
    return tris_hash_eq(&x, &y);
}

static inline void assert_alive(const struct link *l)
{
    for (size_t i = 0; i < 2; i++) {
        assert_false(l->end[i].closed);
        assert_int_equal(session_state(l->end[i].session), SESSION_OPEN);
    }
}

static inline void fill_node(struct world *w, uint32_t node, uint32_t runs, uint32_t count,
                             size_t bytes)
{
    uint32_t each = w->logs_count / w->nodes_count;
    for (uint32_t k = node * each; k < (node + 1) * each; k++) {
        for (uint32_t r = 0; r < runs; r++) {
            node_write(&w->nodes[node], k, count, bytes);
        }
    }
}

#endif
