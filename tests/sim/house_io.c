/* What sessions ask of a house: members, entries, nodes, seals, proofs. As daemon/conn.c answers.
 */
#include "tests/sim/hostile.h"

uint32_t house_find(const struct sim *sim, const struct tris_house_id *id)
{
    for (uint32_t i = 0; i < sim->houses; i++) {
        if (tris_house_id_eq(&sim->house[i].id, id)) {
            return i;
        }
    }
    return SIM_NONE;
}

static enum tris_err io_member(void *ctx, const struct tris_house_id *house,
                               const struct tris_dh_pub *transport, struct session_admit *admit)
{
    const struct house *h = ctx;
    if (h->sim->plans != NULL) {
        return house_members_admit(h, house, transport, admit);
    }
    uint32_t no = house_find(h->sim, house);
    if (no == SIM_NONE) {
        return TRIS_ERR_STRANGER;
    }
    admit->role = TRIS_ROLE_HOUSE;
    return tris_dh_pub_eq(&h->sim->house[no].transport.pub, transport) ? TRIS_OK
                                                                       : TRIS_ERR_WRONG_KEY;
}

static enum tris_err read_marked_run(struct store_view *v, uint32_t log_no, uint64_t first,
                                     uint64_t held, struct wbuf *out, uint32_t *count,
                                     struct seal *seal)
{
    enum tris_err err = store_seal_covering(v, log_no, first, seal);
    if (err != TRIS_OK || seal->size > held) {
        return err != TRIS_OK ? err : TRIS_ERR_NOT_FOUND;
    }
    *count = (uint32_t)(seal->size - first);
    for (uint64_t seq = first; seq < seal->size && err == TRIS_OK; seq++) {
        struct entry entry;
        err = store_entry_get(v, log_no, seq, &entry);
        if (err == TRIS_OK) {
            wbuf_span_put(out, entry.wire);
            err = out->err;
        }
    }
    return err;
}

static enum tris_err io_read_segment(void *ctx, uint32_t log_no, uint64_t first, struct wbuf *out,
                                     uint32_t *count, struct seal *seal)
{
    struct house *h = ctx;
    const struct frontier_item *item = frontier_item(h->frontier, log_no);
    struct store_view *v;
    if (item == NULL) {
        return TRIS_ERR_NOT_FOUND;
    }
    enum tris_err err = store_view_begin(h->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    size_t start = out->len;
    err = store_segment_read(v, log_no, first, out, count, seal);
    /* an own seal leaves only after the mark: the frontier knows no more than that */
    if (err == TRIS_OK && item->own && seal->size > item->held) {
        out->len = start;
        err = read_marked_run(v, log_no, first, item->held, out, count, seal);
    }
    store_view_end(v);
    if (h->hostile && err == TRIS_OK) {
        err = hostile_bend(h, log_no, start, out, *count, seal);
    }
    return err;
}

static void io_random(void *ctx, void *out, size_t len)
{
    struct house *h = ctx;
    rng_bytes(&h->rng, out, len);
}

static enum tris_err io_nodes(void *ctx, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    struct house *h = ctx;
    struct store_view *v;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err == TRIS_OK) {
        err = store_tree_nodes(v, log_no, nodes, count);
        store_view_end(v);
    }
    return err;
}

/* Of an own log no newer one than the frontier knows: the mark comes before the seal leaves. */
static enum tris_err io_newest_seal(void *ctx, uint32_t log_no, struct seal *seal)
{
    struct house *h = ctx;
    const struct frontier_item *item = frontier_item(h->frontier, log_no);
    struct store_log log;
    struct store_view *v;
    if (item == NULL || item->held == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    enum tris_err err = store_view_begin(h->store, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_log_get(v, log_no, &log);
    if (err == TRIS_OK && !log.has_seal) {
        err = TRIS_ERR_NOT_FOUND;
    } else if (err == TRIS_OK && log.seal.size > item->held) {
        err = store_seal_covering(v, log_no, item->held - 1, seal);
    } else if (err == TRIS_OK) {
        *seal = log.seal;
    }
    store_view_end(v);
    return err;
}

static enum tris_err io_holes(void *ctx, uint32_t log_no, uint64_t until, struct msg_run *runs,
                              size_t max, size_t *count)
{
    struct house *h = ctx;
    struct store_view *v;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err == TRIS_OK) {
        err = store_holes(v, log_no, until, runs, max, count);
        store_view_end(v);
    }
    return err;
}

static enum tris_err io_hole(void *ctx, uint32_t log_no, uint64_t seq, struct wbuf *rows)
{
    struct house *h = ctx;
    struct store_view *v;
    const size_t start = rows->len;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err == TRIS_OK) {
        err = store_hole_row(v, log_no, seq, rows);
        store_view_end(v);
    }
    if (h->hostile && err == TRIS_OK) {
        err = hostile_bend_hole(h, log_no, start, rows);
    }
    return err;
}

static enum tris_err io_fork_proof(void *ctx, uint32_t log_no, struct wbuf *out)
{
    struct house *h = ctx;
    struct store_fork fork;
    struct store_view *v;
    enum tris_err err = store_view_begin(h->store, &v);
    if (err == TRIS_OK) {
        err = store_fork_get(v, log_no, &fork);
        if (err == TRIS_OK) {
            wbuf_span_put(out, fork.proof);
        }
        store_view_end(v);
    }
    return err;
}

const struct session_io house_io = {
    io_member, io_read_segment, io_random,     io_nodes, io_newest_seal,
    io_holes,  io_hole,         io_fork_proof, NULL,     NULL,
};
