/* Differences of history, the answering half: consistency of the newest seal, hashes of the tree,
 * fork proofs; and the news of a proof that lowered the end of a log.
 *
 * Proofs leave before any answer about the same log, so that a peer never waits for a history that
 * was cut away. What costs reading is bounded in number at once and a minute. */
#include "proto/session_int.h"

void fork_tell(struct session *s, uint32_t log_no)
{
    struct forks *f = &s->forks;
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    const struct tris_short log = tris_short_of(item->id.b);
    if ((item->flags & FRONTIER_FORKED) == 0) {
        return; /* it ends by what gov logs say, or not at all any more */
    }
    for (uint32_t i = 0; i < f->tells_count; i++) {
        if (tris_short_eq(&f->tells[i].log, &log)) {
            return; /* the proof is read when it leaves: the newest one */
        }
    }
    if (f->tells_count < SESSION_NEWS_MAX) { /* else the flag in the frontier says it */
        f->tells[f->tells_count++] = (struct tell){log, log_no};
    }
}

static void ask_add(struct session *s, const struct hash_ask *ask)
{
    struct forks *f = &s->forks;
    if (f->asks_count == SESSION_HASH_ASKS_MAX ||
        !budget_take(&f->hash_asks, s->now_ms, SESSION_HASH_ASKS_PER_MINUTE)) {
        session_fail(s, TRIS_ERR_FLOOD);
        return;
    }
    f->asks[f->asks_count++] = *ask;
}

/* Nodes that are all stored, or all below one stored node: at most 1,024 leaves to read. */
static bool nodes_are_cheap(const struct msg_get_nodes *m)
{
    if (m->count == 0 || m->index > (UINT64_MAX >> m->level) - (m->count - 1)) {
        return false;
    }
    const uint64_t first = m->index << m->level;
    const uint64_t last = (m->index + m->count - 1) << m->level;
    return m->level >= TREE_STORED_LEVEL || first >> TREE_STORED_LEVEL == last >> TREE_STORED_LEVEL;
}

void fork_on_get_fork(struct session *s, const struct msg *m)
{
    struct forks *f = &s->forks;
    const struct tris_short *log = &m->get_fork.log;
    for (uint32_t i = 0; i < f->tells_count; i++) {
        if (tris_short_eq(&f->tells[i].log, log)) {
            return; /* is on its way */
        }
    }
    if (f->tells_count == SESSION_TELLS_MAX ||
        !budget_take(&f->fork_asks, s->now_ms, SESSION_FORK_ASKS_PER_MINUTE)) {
        session_fail(s, TRIS_ERR_FLOOD);
        return;
    }
    f->tells[f->tells_count++] = (struct tell){*log, session_find(s, log)};
}

void fork_on_get_consistency(struct session *s, const struct msg *m)
{
    if (m->get_consistency.first == 0) {
        session_fail(s, TRIS_ERR_BAD_VALUE);
        return;
    }
    ask_add(s, &(struct hash_ask){.type = m->type,
                                  .log = m->get_consistency.log,
                                  .first = m->get_consistency.first});
}

void fork_on_get_nodes(struct session *s, const struct msg *m)
{
    if (!nodes_are_cheap(&m->get_nodes)) {
        session_fail(s, TRIS_ERR_BAD_VALUE);
        return;
    }
    ask_add(s, &(struct hash_ask){.type = m->type,
                                  .log = m->get_nodes.log,
                                  .level = (uint32_t)m->get_nodes.level,
                                  .count = (uint32_t)m->get_nodes.count,
                                  .index = m->get_nodes.index});
}

static void tell_put(struct session *s, struct wbuf *w, const struct tell *tell)
{
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct wbuf proof = wbuf_of(bytes, sizeof bytes);
    enum tris_err err = TRIS_ERR_NOT_FOUND;
    if (tell->log_no != FRONTIER_NONE) {
        err = s->config.io->fork_proof(s->config.io_ctx, tell->log_no, &proof);
    }
    struct msg m = {.type = MSG_FORK_PROOF};
    m.fork_proof.log = tell->log;
    m.fork_proof.proof =
        err == TRIS_OK && proof.err == TRIS_OK ? wbuf_span(&proof) : span_of(bytes, 0);
    msg_encode(w, &m);
    s->stats.fork_proofs_out++;
}

/* The hashes of `nodes` as bytes. */
static enum tris_err hashes_read(struct session *s, uint32_t log_no, struct tree_node *nodes,
                                 size_t count, uint8_t *out)
{
    enum tris_err err = s->config.io->nodes(s->config.io_ctx, log_no, nodes, count);
    for (size_t i = 0; i < count && err == TRIS_OK; i++) {
        memcpy(out + i * sizeof nodes[i].hash.b, nodes[i].hash.b, sizeof nodes[i].hash.b);
    }
    return err;
}

/* The newest seal; of a log that is held to its end, and not sealed there, the end without a
 * signature. */
static enum tris_err newest(struct session *s, uint32_t log_no, struct seal *seal)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    enum tris_err err = s->config.io->newest_seal(s->config.io_ctx, log_no, seal);
    if (frontier_item_ends(item) && item->held == item->end && item->held > 0 &&
        (err == TRIS_ERR_NOT_FOUND || (err == TRIS_OK && seal->size < item->held))) {
        *seal = (struct seal){.log = item->id, .size = item->end, .root = item->end_root};
        err = TRIS_OK;
    }
    return err;
}

/* TRIS_OK: an answer is written (which may say that there is none). */
static enum tris_err consistency_put(struct session *s, struct wbuf *w, const struct hash_ask *ask)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    uint8_t hashes[MSG_CONSISTENCY_HASHES_BYTES];
    uint32_t log_no = session_find(s, &ask->log);
    struct msg m = {.type = MSG_CONSISTENCY};
    m.consistency.log = ask->log;
    m.consistency.first = ask->first;
    m.consistency.hashes = span_of(hashes, 0);
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    if (item != NULL && item->held >= ask->first) {
        struct seal seal;
        enum tris_err err = newest(s, log_no, &seal);
        if (err != TRIS_OK || seal.size < ask->first) {
            return err == TRIS_OK ? TRIS_ERR_NOT_FOUND : err;
        }
        const size_t count = tree_consistency_nodes(ask->first, seal.size, nodes);
        err = hashes_read(s, log_no, nodes, count, hashes);
        if (err != TRIS_OK) {
            return err;
        }
        m.consistency.size = seal.size;
        m.consistency.time_ms = seal.time_ms;
        m.consistency.root = seal.root;
        m.consistency.sig = seal.sig;
        m.consistency.hashes = span_of(hashes, count * sizeof(struct tris_hash));
    } else if (item != NULL && (item->flags & FRONTIER_FORKED) != 0) {
        fork_tell(s, log_no); /* that is why */
        return TRIS_OK;
    } else if (item != NULL && frontier_item_ends(item)) {
        m.consistency.size = item->end;
        m.consistency.root = item->end_root;
    }
    msg_encode(w, &m);
    return TRIS_OK;
}

/* Whether a log of so many entries has the nodes that are asked for. */
static bool has_nodes(uint64_t size, const struct hash_ask *ask)
{
    return size >> ask->level >= ask->count && ask->index <= (size >> ask->level) - ask->count;
}

/* Empty: asked for something that is before the end, but not here. */
static enum tris_err nodes_put(struct session *s, struct wbuf *w, const struct hash_ask *ask)
{
    struct tree_node nodes[MSG_NODES_MAX];
    uint8_t hashes[MSG_NODES_HASHES_BYTES];
    uint32_t log_no = session_find(s, &ask->log);
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    struct msg m = {.type = MSG_NODES};
    m.nodes.log = ask->log;
    m.nodes.level = ask->level;
    m.nodes.index = ask->index;
    m.nodes.hashes = span_of(hashes, 0);
    if (item != NULL && has_nodes(item->held, ask)) {
        for (uint32_t i = 0; i < ask->count; i++) {
            nodes[i] = (struct tree_node){.level = ask->level, .index = ask->index + i};
        }
        enum tris_err err = hashes_read(s, log_no, nodes, ask->count, hashes);
        if (err != TRIS_OK) {
            return err;
        }
        m.nodes.hashes = span_of(hashes, ask->count * sizeof(struct tris_hash));
    } else if (item != NULL && (item->flags & FRONTIER_FORKED) != 0 && !has_nodes(item->end, ask)) {
        fork_tell(s, log_no);
        return TRIS_OK;
    }
    msg_encode(w, &m);
    return TRIS_OK;
}

static bool asks_due(const struct session *s)
{
    return s->forks.asks_count > 0 && s->now_ms >= s->forks.retry_ms;
}

bool fork_serve_has_control(const struct session *s)
{
    return s->forks.tells_count > 0 || asks_due(s);
}

void fork_serve_put_control(struct session *s, struct wbuf *w)
{
    struct forks *f = &s->forks;
    while (f->tells_count > 0 && session_room(w) >= MSG_FORK_PROOF_BYTES_MAX) {
        const struct tell tell = f->tells[0];
        f->tells_count--;
        memmove(&f->tells[0], &f->tells[1], f->tells_count * sizeof tell);
        tell_put(s, w, &tell);
    }
    while (f->tells_count == 0 && asks_due(s) && session_room(w) >= MSG_NODES_BYTES_MAX) {
        const struct hash_ask ask = f->asks[0];
        enum tris_err err =
            ask.type == MSG_GET_NODES ? nodes_put(s, w, &ask) : consistency_put(s, w, &ask);
        if (err != TRIS_OK) { /* the store is ahead of the frontier: the owner will tell */
            f->retry_ms = s->now_ms + SESSION_FORK_RETRY_MS;
            return;
        }
        f->asks_count--;
        memmove(&f->asks[0], &f->asks[1], f->asks_count * sizeof ask);
    }
}
