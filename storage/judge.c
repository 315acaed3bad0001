/* A run of entries from a peer against the head of its log: what is new in it, and is it true? */
#include "storage/store.h"

/* Cuts off the first `skip` wire forms: entries that are held already. */
static enum tris_err skip_held(struct span *wire, uint64_t skip)
{
    struct rbuf run = rbuf_of(*wire);
    struct entry entry;
    for (uint64_t i = 0; i < skip; i++) {
        enum tris_err err = entry_wire_next(&run, &entry);
        if (err != TRIS_OK) {
            return err;
        }
    }
    *wire = span_of(wire->ptr + run.pos, run.len - run.pos);
    return TRIS_OK;
}

enum tris_err store_segment_judge(const struct store_log *log, uint64_t first, uint32_t count,
                                  struct span wire, const struct seal *seal,
                                  struct verified_segment *out)
{
    if (first > log->held || log->held - first > count) {
        return TRIS_ERR_NOT_NEXT;
    }
    const uint64_t skip = log->held - first;
    const uint32_t fresh = count - (uint32_t)skip;
    enum tris_err err = skip_held(&wire, skip);
    if (err != TRIS_OK) {
        return err;
    }
    if (log->ends != STORE_END_NONE && fresh > 0 && fresh >= log->end - log->held) {
        return segment_verify_cut(&log->id, &log->tree, wire, fresh, log->end, &log->end_root, out);
    }
    if (seal_is_cut(seal)) {
        return TRIS_ERR_NOT_READY; /* what says so is still to come */
    }
    return segment_verify(&log->id, &log->ref.seal_key, &log->tree, wire, fresh, seal, out);
}
