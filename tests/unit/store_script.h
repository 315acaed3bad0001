/* Logs as their houses wrote them, held in memory by a test: drawn from a seed with entries of
 * every sort, delivered in any pieces, and the comparison of two stores row by row. */
#ifndef TRIS_TESTS_UNIT_STORE_SCRIPT_H
#define TRIS_TESTS_UNIT_STORE_SCRIPT_H

#include "storage/log.h"
#include "tests/unit/store_fixture.h"

enum { SCRIPT_RECORDS_MAX = 64 };

struct script_record {
    uint64_t seq, named;
    uint32_t kind;
    bool ended;
};

struct script_log {
    struct writer w; /* key and ids alone */
    struct span *wire, *payload;
    struct entry_header *header;
    struct tris_hash *leaf;
    struct tree *tree; /* tree[i]: peaks over the first i entries */
    uint32_t count, room;
    struct script_record record[SCRIPT_RECORDS_MAX];
    uint32_t records;
};

static inline struct span script_copy(struct span bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);
    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    return span_of(copy, bytes.len);
}

static inline void script_init(struct script_log *l, const struct fix *f, uint8_t house,
                               enum tris_topic topic, uint32_t epoch, uint32_t room)
{
    memset(l, 0, sizeof *l);
    writer_init(&l->w, f, house, topic);
    l->w.ref.epoch = epoch;
    log_id_derive(&f->fed, &l->w.ref, &l->w.id);
    l->room = room;
    l->wire = calloc(room, sizeof *l->wire);
    l->payload = calloc(room, sizeof *l->payload);
    l->header = calloc(room, sizeof *l->header);
    l->tree = calloc((size_t)room + 1, sizeof *l->tree);
    l->leaf = calloc(room, sizeof *l->leaf);
    assert_true(l->wire != NULL && l->payload != NULL && l->header != NULL && l->tree != NULL &&
                l->leaf != NULL);
}

static inline void script_fini(struct script_log *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        free((void *)(uintptr_t)l->wire[i].ptr);
        free((void *)(uintptr_t)l->payload[i].ptr);
    }
    free(l->wire);
    free(l->payload);
    free(l->header);
    free(l->tree);
    free(l->leaf);
    writer_fini(&l->w);
}

/* Adds one entry; returns its seq. */
static inline uint64_t script_add(struct script_log *l, const struct entry_header *header,
                                  struct span payload, bool erased)
{
    static uint8_t bytes[TRIS_ENTRY_WIRE_BYTES_MAX];
    static uint8_t bare[TRIS_ENTRY_WIRE_BYTES_MAX];
    uint8_t head[TRIS_HEADER_BYTES_MAX];
    struct wbuf out = wbuf_of(bytes, sizeof bytes);
    struct wbuf w = wbuf_of(head, sizeof head);
    struct tris_salt salt;
    struct entry entry;
    struct entry_header full = *header;
    struct tris_hash leaf;
    const uint32_t seq = l->count++;
    assert_true(seq < l->room);
    memset(salt.b, (int)(seq & 0xff), sizeof salt.b);
    entry_commit(payload, &salt, &full.commit);
    entry_wire_encode(&out, &full, &salt, payload);
    struct rbuf run = rbuf_of(wbuf_span(&out));
    ok(entry_wire_next(&run, &entry));
    if (erased) {
        out = wbuf_of(bare, sizeof bare);
        entry_wire_encode_erased(&out, &entry);
        run = rbuf_of(wbuf_span(&out));
        ok(entry_wire_next(&run, &entry));
    }
    ok(entry_open(&entry, &l->w.id, seq, &w, &full, &leaf));
    l->wire[seq] = script_copy(wbuf_span(&out));
    l->payload[seq] = script_copy(payload);
    l->header[seq] = full;
    l->leaf[seq] = leaf;
    l->tree[seq + 1] = l->tree[seq];
    (void)tree_append(&l->tree[seq + 1], &leaf, TREE_LEVELS_MAX, NULL);
    return seq;
}

/* The salt that script_add gives an entry. */
static inline struct tris_salt script_salt(uint64_t seq)
{
    struct tris_salt salt;
    memset(salt.b, (int)(seq & 0xff), sizeof salt.b);
    return salt;
}

static inline void script_take_wire(struct script_log *l, uint64_t seq, struct span wire)
{
    struct span copy = script_copy(wire);
    free((void *)(uintptr_t)l->wire[seq].ptr);
    l->wire[seq] = copy;
}

/* An entry as it travels, with its payload or without. */
static inline void script_form(struct script_log *l, uint64_t seq, bool whole)
{
    static uint8_t bytes[TRIS_ENTRY_WIRE_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct rbuf run = rbuf_of(l->wire[seq]);
    struct entry entry;
    ok(entry_wire_next(&run, &entry));
    if (!whole) {
        entry_wire_encode_erased(&w, &entry);
    } else if (!entry.whole) {
        const struct tris_salt salt = script_salt(seq);
        ok(entry_wire_fill(&w, &entry, &salt, l->payload[seq]));
    } else {
        return;
    }
    ok(w.err);
    script_take_wire(l, seq, wbuf_span(&w));
}

/* A second history: the first `at` entries of `from`, to go on differently. */
static inline void script_branch(struct script_log *l, const struct fix *f,
                                 const struct script_log *from, uint32_t at)
{
    const struct writer *w = &from->w;
    script_init(l, f, 1, w->ref.topic, w->ref.epoch, from->room);
    l->w.ref = w->ref;
    l->w.key = w->key;
    l->w.id = w->id;
    for (uint32_t i = 0; i < at; i++) {
        l->wire[i] = script_copy(from->wire[i]);
        l->payload[i] = script_copy(from->payload[i]);
        l->header[i] = from->header[i];
        l->leaf[i] = from->leaf[i];
        l->tree[i + 1] = from->tree[i + 1];
    }
    l->count = at;
}

/* Commits without waiting for the disk: what is compared is read by the same process. */
static inline void script_no_sync(struct store *s)
{
    assert_int_equal(mdb_env_set_flags(s->env, MDB_NOSYNC, 1), 0);
}

/* ---- delivering ---- */

static inline uint32_t script_no(struct script_log *l, struct store_txn *t)
{
    uint32_t no;
    ok(store_log_ensure(t, &l->w.ref, &no));
    return no;
}

static inline void script_seal(struct script_log *l, uint64_t size, struct seal *seal)
{
    *seal = (struct seal){.log = l->w.id, .size = size, .time_ms = FIX_TIME_MS + size};
    tree_root(&l->tree[size], &seal->root);
    seal_make(seal, &l->w.key);
}

/* Entries [first, end) as one verified segment; valid until the next one is made. */
static inline void script_segment(struct script_log *l, uint64_t first, uint64_t end,
                                  struct verified_segment *out)
{
    struct wbuf w = wbuf_of(l->w.wire, FIX_WIRE_BYTES);
    struct seal seal;
    for (uint64_t i = first; i < end; i++) {
        wbuf_span_put(&w, l->wire[i]);
    }
    ok(w.err);
    script_seal(l, end, &seal);
    ok(segment_verify(&l->w.id, &l->w.ref.seal_key, &l->tree[first], wbuf_span(&w),
                      (uint32_t)(end - first), &seal, out));
}

/* The same without a seal, as the last run of a log that ends at `end`. */
static inline void script_cut_segment(struct script_log *l, uint64_t first, uint64_t end,
                                      struct verified_segment *out)
{
    struct wbuf w = wbuf_of(l->w.wire, FIX_WIRE_BYTES);
    struct tris_hash root;
    for (uint64_t i = first; i < end; i++) {
        wbuf_span_put(&w, l->wire[i]);
    }
    ok(w.err);
    tree_root(&l->tree[end], &root);
    ok(segment_verify_cut(&l->w.id, &l->tree[first], wbuf_span(&w), (uint32_t)(end - first), end,
                          &root, out));
}

/* Complete nodes over [begin, end), all below level 1: whoever makes a proof may split them anyhow.
 */
static inline void script_side(struct script_log *l, uint64_t at, uint64_t size,
                               struct fork_side *out)
{
    memset(out, 0, sizeof *out);
    script_seal(l, size, &out->seal);
    out->leaf = l->leaf[at];
    for (uint64_t i = at + 1; i < size; i++) {
        out->nodes[out->nodes_count++] = (struct tree_node){0, i, l->leaf[i]};
    }
}

/* The proof that two histories differ from entry `at` on, each sealed at its size. */
static inline struct span script_proof(const struct fix *f, struct script_log *a, uint64_t a_size,
                                       struct script_log *b, uint64_t b_size, uint64_t at,
                                       uint8_t bytes[FORK_PROOF_BYTES_MAX])
{
    static struct fork_side sides[2];
    struct tree_node cover[TREE_PROOF_MAX];
    struct tris_hash left[TREE_PROOF_MAX];
    struct wbuf w = wbuf_of(bytes, FORK_PROOF_BYTES_MAX);
    struct fork_proof proof;
    size_t count = tree_cover(0, at, cover);
    for (size_t i = 0; i < count; i++) {
        struct tree tree;
        tree_init(&tree);
        for (uint64_t k = cover[i].index << cover[i].level;
             k < (cover[i].index + 1) << cover[i].level; k++) {
            (void)tree_append(&tree, &a->leaf[k], TREE_LEVELS_MAX, NULL);
        }
        tree_root(&tree, &left[i]);
    }
    script_side(a, at, a_size, &sides[0]);
    script_side(b, at, b_size, &sides[1]);
    ok(fork_proof_make(&f->fed, &a->w.ref, at, left, sides, &w));
    ok(fork_proof_verify(wbuf_span(&w), &proof));
    assert_int_equal(proof.at, at);
    return wbuf_span(&w);
}

/* Keeps a proof as the daemon does once it has verified it; was the end lowered? */
static inline bool script_fork(struct script_log *l, struct store_txn *t, struct span bytes)
{
    struct fork_proof proof;
    bool lowered;
    ok(fork_proof_verify(bytes, &proof));
    assert_true(tris_log_id_eq(&proof.log, &l->w.id));
    ok(store_fork_put(t, script_no(l, t), proof.at, &proof.root_at, bytes, &lowered));
    return lowered;
}

/* Entries from what is held up to `end`: a segment, or own writes if the log is local. */
static inline void script_deliver(struct script_log *l, struct store_txn *t, uint64_t end)
{
    static struct verified_segment segment;
    struct store_log log;
    uint32_t no = script_no(l, t);
    ok(store_log_get(store_txn_view(t), no, &log));
    assert_true(log.held <= end && end <= l->count);
    if (log.held == end) {
        return;
    }
    if (l->w.ref.topic != TRIS_TOPIC_LOCAL) {
        script_segment(l, log.held, end, &segment);
        ok(store_append_segment(t, no, &segment, 5));
        return;
    }
    for (uint64_t seq = log.held; seq < end; seq++) {
        struct tris_salt salt;
        struct entry_header header = l->header[seq];
        uint64_t got = 0;
        memset(salt.b, (int)(seq & 0xff), sizeof salt.b);
        ok(store_append_own(t, no, &header, &salt, l->payload[seq], 9, &got));
        assert_int_equal(got, seq);
    }
}

static inline void script_follow(struct store *s, uint32_t max)
{
    struct store_txn *t;
    uint64_t behind;
    ok(store_txn_begin(s, &t));
    ok(store_word_follow(t, max, &behind));
    ok(store_commit(t));
}

/* ---- comparing ---- */

/* Rows of a log without what speaks of arrival: time of arrival, and which seals came. */
static inline struct span script_log_row(struct span value, struct wbuf *w)
{
    static struct log_row row;
    ok(row_log_decode(value, &row));
    row.arrived_ms = 0;
    row.log.has_seal = false;
    row.open_bytes = 0;
    row_log_encode(w, &row);
    ok(w->err);
    return wbuf_span(w);
}

static inline void script_same_table(struct store_view *a, struct store_view *b,
                                     enum db_table table)
{
    static uint8_t bytes[2][ROW_LOG_BYTES_MAX];
    MDB_cursor *cursor[2] = {NULL, NULL};
    struct span key[2] = {{NULL, 0}, {NULL, 0}};
    struct span value[2];
    enum tris_err err[2];
    ok(view_cursor(a, table, &cursor[0]));
    ok(view_cursor(b, table, &cursor[1]));
    MDB_cursor_op op = MDB_FIRST;
    for (;;) {
        for (int i = 0; i < 2; i++) {
            err[i] = cursor_get(cursor[i], op, &key[i], &value[i]);
        }
        if (err[0] != err[1]) {
            print_message("table %s: one store has more rows\n", db_table_name(table));
        }
        assert_int_equal(err[0], err[1]);
        if (err[0] != TRIS_OK) {
            assert_int_equal(err[0], TRIS_ERR_NOT_FOUND);
            break;
        }
        for (int i = 0; i < 2 && table == DB_LOG; i++) {
            struct wbuf w = wbuf_of(bytes[i], sizeof bytes[i]);
            value[i] = script_log_row(value[i], &w);
        }
        if (!span_eq(key[0], key[1]) || !span_eq(value[0], value[1])) {
            char hex[2 * KEY_BYTES_MAX + 1];
            tris_hex(key[0].ptr, key[0].len, hex);
            print_message("table %s differs at row %s\n", db_table_name(table), hex);
        }
        assert_true(span_eq(key[0], key[1]));
        assert_true(span_eq(value[0], value[1]));
        op = MDB_NEXT;
    }
    mdb_cursor_close(cursor[0]);
    mdb_cursor_close(cursor[1]);
}

/* Everything but arrival numbers, times of arrival and the choice of seals. */
static inline void script_same(struct store *a, struct store *b)
{
    static const enum db_table tables[] = {
        DB_SETTING, DB_LOG,   DB_LOG_ID,     DB_HOUSE,  DB_CARD,   DB_ENTRY,  DB_TREE,
        DB_RECORD,  DB_INERT, DB_HOLE,       DB_REGION, DB_SOURCE, DB_NAME,   DB_CUBE,
        DB_COUNT,   DB_MATCH, DB_NAME_FRESH, DB_FORK,   DB_WORD,   DB_TARGET, DB_CROSS};
    struct store_view *v[2];
    ok(store_view_begin(a, &v[0]));
    ok(store_view_begin(b, &v[1]));
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        script_same_table(v[0], v[1], tables[i]);
    }
    store_view_end(v[0]);
    store_view_end(v[1]);
}

#endif
