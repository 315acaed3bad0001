/* Entries by position, and the tree nodes that proofs need: stored from TREE_STORED_LEVEL up,
 * below that computed from the entries. */
#include "proto/assert.h"
#include "storage/log.h"

enum tris_err store_entry_get(struct store_view *v, uint32_t no, uint64_t seq, struct entry *out)
{
    struct key key;
    struct span wire;
    if (v->s->replay_of != NULL) {
        v = v->s->replay_of;
    }
    key_log_seq(&key, no, seq);
    enum tris_err err = view_get(v, DB_ENTRY, key_span(&key), &wire);
    if (err != TRIS_OK) {
        return err;
    }
    struct rbuf run = rbuf_of(wire);
    err = entry_wire_next(&run, out);
    return err == TRIS_OK && rbuf_finish(&run) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

enum tris_err log_entry_open(struct span wire, const struct tris_log_id *id, uint64_t seq,
                             struct entry *entry, struct entry_header *header,
                             struct tris_hash *leaf)
{
    uint8_t bytes[TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct rbuf run = rbuf_of(wire);
    enum tris_err err = entry_wire_next(&run, entry);
    if (err == TRIS_OK) {
        err = rbuf_finish(&run);
    }
    if (err == TRIS_OK) {
        err = entry_open(entry, id, seq, &w, header, leaf);
    }
    return err == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

/* A node below the stored levels: a small tree over its own leaves has it as its only peak. */
static enum tris_err node_compute(struct store_view *v, const struct log_row *log,
                                  struct tree_node *node)
{
    struct tree tree;
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(v, DB_ENTRY, &cursor);
    const uint64_t first = node->index << node->level;
    const uint64_t end = first + (UINT64_C(1) << node->level);
    tree_init(&tree);
    for (uint64_t seq = first; seq < end && err == TRIS_OK; seq++) {
        struct key wanted;
        struct span wire;
        struct entry entry;
        struct entry_header header;
        struct tris_hash leaf;
        key_log_seq(&wanted, log->log.no, seq);
        struct span key = key_span(&wanted);
        err = cursor_get(cursor, seq == first ? MDB_SET_RANGE : MDB_NEXT, &key, &wire);
        if (err == TRIS_OK && !span_eq(key, key_span(&wanted))) {
            err = TRIS_ERR_CORRUPT;
        }
        if (err == TRIS_OK) {
            err = log_entry_open(wire, &log->log.id, seq, &entry, &header, &leaf);
        }
        if (err == TRIS_OK) {
            (void)tree_append(&tree, &leaf, TREE_LEVELS_MAX, NULL);
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    if (err == TRIS_OK) {
        tree_root(&tree, &node->hash);
    }
    return err;
}

static enum tris_err node_get(struct store_view *v, const struct log_row *log,
                              struct tree_node *node)
{
    if (node->level >= TREE_LEVELS_MAX || node->index >= log->log.held >> node->level) {
        return TRIS_ERR_NOT_FOUND;
    }
    if (node->level < TREE_STORED_LEVEL) {
        return node_compute(v, log, node);
    }
    struct key key;
    struct span value;
    key_tree(&key, log->log.no, node->level, node->index);
    enum tris_err err = view_get(v, DB_TREE, key_span(&key), &value);
    if (err != TRIS_OK || value.len != sizeof node->hash.b) {
        return err != TRIS_OK && err != TRIS_ERR_NOT_FOUND ? err : TRIS_ERR_CORRUPT;
    }
    memcpy(node->hash.b, value.ptr, sizeof node->hash.b);
    return TRIS_OK;
}

enum tris_err store_tree_nodes(struct store_view *v, uint32_t no, struct tree_node *nodes,
                               size_t count)
{
    struct log_row log;
    enum tris_err err = view_log_row(v, no, &log);
    for (size_t i = 0; i < count && err == TRIS_OK; i++) {
        err = node_get(v, &log, &nodes[i]);
    }
    return err;
}

enum tris_err store_tree_at(struct store_view *v, uint32_t no, uint64_t size, struct tree *out)
{
    struct log_row log;
    tree_init(out);
    enum tris_err err = view_log_row(v, no, &log);
    if (err != TRIS_OK || size > log.log.held) {
        return err == TRIS_OK ? TRIS_ERR_NOT_FOUND : err;
    }
    if (size == log.log.held) {
        *out = log.log.tree;
        return TRIS_OK;
    }
    uint64_t first = 0;
    for (uint32_t left = TREE_LEVELS_MAX; left > 0; left--) {
        const uint32_t level = left - 1;
        if ((size >> level & 1) == 0) {
            continue;
        }
        struct tree_node node = {.level = level, .index = first >> level};
        err = node_get(v, &log, &node);
        if (err != TRIS_OK) {
            return err;
        }
        out->peak[level] = node.hash;
        first += UINT64_C(1) << level;
    }
    out->size = size;
    return TRIS_OK;
}

enum tris_err store_root_at(struct store_view *v, uint32_t no, uint64_t size, struct tris_hash *out)
{
    struct tree tree;
    enum tris_err err = store_tree_at(v, no, size, &tree);
    tree_root(&tree, out);
    return err;
}
