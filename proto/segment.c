/* Turns received bytes into a verified segment, the only thing that storage accepts from others;
 * see seal.h and FORMAT.md section "Seal". */
#include "proto/assert.h"
#include "proto/seal.h"

/* Hashes `count` entries onto out->after; fills nodes. */
static enum tris_err append_run(const struct tris_log_id *log, struct rbuf *run, uint32_t count,
                                struct verified_segment *out)
{
    for (uint32_t i = 0; i < count; i++) {
        struct entry entry;
        struct entry_header header;
        struct tris_hash leaf;
        uint8_t bytes[TRIS_HEADER_BYTES_MAX];
        struct wbuf w = wbuf_of(bytes, sizeof bytes);
        enum tris_err err = entry_wire_next(run, &entry);
        if (err == TRIS_OK) {
            err = entry_open(&entry, log, out->after.size, &w, &header, &leaf);
        }
        if (err != TRIS_OK) {
            return err;
        }
        struct tree_node *nodes = out->nodes + out->nodes_count;
        size_t added = tree_append(&out->after, &leaf, TREE_STORED_LEVEL, nodes);
        /* A run is no longer than one node of the stored level covers, so that only one append
         * completes such nodes: the room for one is enough. */
        tris_assert(added == 0 || out->nodes_count == 0);
        out->nodes_count += added;
    }
    return TRIS_OK;
}

_Static_assert(TRIS_SEAL_SPACING_MAX <= 1 << TREE_STORED_LEVEL, "one append reports nodes");

enum tris_err segment_verify(const struct tris_log_id *log, const struct tris_sign_pub *key,
                             const struct tree *before, struct span wire, uint32_t count,
                             const struct seal *seal, struct verified_segment *out)
{
    if (!tris_log_id_eq(&seal->log, log)) {
        return TRIS_ERR_BAD_VALUE;
    }
    if (seal->size < before->size || seal->size - before->size != count) {
        return TRIS_ERR_NOT_NEXT;
    }
    if (count > TRIS_SEAL_SPACING_MAX) {
        return TRIS_ERR_SEAL_SPACING;
    }
    out->log = *log;
    out->first = before->size;
    out->count = count;
    out->cut = false;
    out->wire = wire;
    out->after = *before;
    out->seal = *seal;
    out->nodes_count = 0;
    struct rbuf run = rbuf_of(wire);
    enum tris_err err = append_run(log, &run, count, out);
    if (err == TRIS_OK) {
        err = rbuf_finish(&run);
    }
    if (err != TRIS_OK) {
        return err;
    }
    struct tris_hash root;
    tree_root(&out->after, &root);
    bool root_good = tris_hash_eq(&root, &seal->root);
    err = seal_verify(seal, key);
    if (!root_good) {
        return err == TRIS_OK ? TRIS_ERR_FORK : TRIS_ERR_BAD_ROOT;
    }
    return err;
}

enum tris_err segment_verify_cut(const struct tris_log_id *log, const struct tree *before,
                                 struct span wire, uint32_t count, uint64_t end,
                                 const struct tris_hash *end_root, struct verified_segment *out)
{
    if (end <= before->size || count < end - before->size) {
        return TRIS_ERR_NOT_NEXT;
    }
    if (count > TRIS_SEAL_SPACING_MAX) {
        return TRIS_ERR_SEAL_SPACING;
    }
    out->log = *log;
    out->first = before->size;
    out->count = (uint32_t)(end - before->size);
    out->cut = true;
    out->after = *before;
    out->seal = (struct seal){.log = *log, .size = end, .root = *end_root};
    out->nodes_count = 0;
    struct rbuf run = rbuf_of(wire);
    enum tris_err err = append_run(log, &run, out->count, out);
    if (err == TRIS_OK && out->count == count) {
        err = rbuf_finish(&run);
    }
    if (err != TRIS_OK) {
        return err;
    }
    out->wire = span_of(wire.ptr, run.pos);
    struct tris_hash root;
    tree_root(&out->after, &root);
    return tris_hash_eq(&root, end_root) ? TRIS_OK : TRIS_ERR_FORK;
}
