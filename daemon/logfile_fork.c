/* Where a run out of a file and the store part, and the proof of it; see logfile_fork.h. */
#include "daemon/logfile_fork.h"

static enum tris_err leaf_of(const struct entry *entry, const struct tris_log_id *id, uint64_t seq,
                             struct tris_hash *leaf)
{
    uint8_t bytes[TRIS_HEADER_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    struct entry_header header;
    return entry_open(entry, id, seq, &w, &header, leaf);
}

static enum tris_err next_leaf(struct rbuf *run, const struct tris_log_id *id, uint64_t seq,
                               struct tris_hash *leaf)
{
    struct entry entry;
    enum tris_err err = entry_wire_next(run, &entry);
    return err == TRIS_OK ? leaf_of(&entry, id, seq, leaf) : err;
}

static enum tris_err leaf_here(struct store_view *v, const struct store_log *log, uint64_t seq,
                               struct tris_hash *leaf)
{
    struct entry entry;
    enum tris_err err = store_entry_get(v, log->no, seq, &entry);
    return err == TRIS_OK ? leaf_of(&entry, &log->id, seq, leaf) : err;
}

enum tris_err logfile_fork_find(struct store_view *v, const struct store_log *log, uint64_t held,
                                const struct logfile_segment *segment, uint64_t *at)
{
    const uint64_t size = segment->seal.size, until = held < size ? held : size;
    struct rbuf run = rbuf_of(segment->wire);
    for (*at = segment->first; *at < until; (*at)++) {
        struct tris_hash here, there;
        enum tris_err err = leaf_here(v, log, *at, &here);
        if (err == TRIS_OK) {
            err = next_leaf(&run, &log->id, *at, &there);
        }
        if (err != TRIS_OK || !tris_hash_eq(&here, &there)) {
            return err;
        }
    }
    return TRIS_OK;
}

/* How the history of the store goes on from entry `at`, up to a seal. */
static enum tris_err side_here(struct store_view *v, const struct store_log *log, uint64_t held,
                               uint64_t at, struct fork_side *side)
{
    enum tris_err err = store_seal_covering(v, log->no, at, &side->seal);
    if (err == TRIS_ERR_NOT_FOUND || (err == TRIS_OK && side->seal.size > held)) {
        return TRIS_ERR_NO_PROOF;
    }
    if (err == TRIS_OK) {
        err = leaf_here(v, log, at, &side->leaf);
    }
    if (err != TRIS_OK) {
        return err;
    }
    side->nodes_count = tree_cover(at + 1, side->seal.size, side->nodes);
    return store_tree_nodes(v, log->no, side->nodes, side->nodes_count);
}

/* The same of the run, leaf by leaf. */
static enum tris_err side_there(const struct store_log *log, const struct logfile_segment *segment,
                                uint64_t at, struct fork_side *side)
{
    struct rbuf run = rbuf_of(segment->wire);
    side->seal = segment->seal;
    for (uint64_t seq = segment->first; seq < segment->seal.size; seq++) {
        struct tree_node node = {.level = 0, .index = seq};
        enum tris_err err = next_leaf(&run, &log->id, seq, &node.hash);
        if (err != TRIS_OK) {
            return err;
        }
        if (seq == at) {
            side->leaf = node.hash;
        } else if (seq > at) {
            side->nodes[side->nodes_count] = node;
            side->nodes_count = tree_merge(side->nodes, side->nodes_count + 1);
        }
    }
    return TRIS_OK;
}

enum tris_err logfile_fork_make(struct store_view *v, const struct tris_fed_id *fed,
                                const struct store_log *log, uint64_t held,
                                const struct logfile_segment *segment, uint64_t at,
                                struct wbuf *out)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash left[TREE_PROOF_MAX];
    struct fork_side sides[2];
    memset(sides, 0, sizeof sides);
    if (seal_is_cut(&segment->seal)) {
        return TRIS_ERR_NO_PROOF;
    }
    enum tris_err err = side_here(v, log, held, at, &sides[0]);
    if (err == TRIS_OK) {
        err = side_there(log, segment, at, &sides[1]);
    }
    const size_t count = tree_cover(0, at, nodes);
    if (err == TRIS_OK) {
        err = store_tree_nodes(v, log->no, nodes, count);
    }
    if (err != TRIS_OK) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        left[i] = nodes[i].hash;
    }
    return fork_proof_make(fed, &log->ref, at, left, sides, out);
}
