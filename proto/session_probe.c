/* Differences of history: who is to blame when entries miss a genuine seal, and where two histories
 * part, by descent in the peer's tree.
 *
 * One difference is looked into at a time. The peer has to show that its newest seal continues what
 * is held here: if it does, the peer has altered the entries; if its tree is another one, hashes
 * are asked for from the first node that differs down to the leaf, and a proof is made. Whatever
 * the peer says is checked against its signed root, so that a wrong answer is its own fault. */
#include "proto/session_int.h"

#include <stdlib.h>

enum { RIGHT_MAX = 2 * TREE_PROOF_MAX, DESCENT_LEVELS = 8 };

_Static_assert(1 << DESCENT_LEVELS == MSG_NODES_MAX, "one round trip is one descent");
_Static_assert((int)MSG_FORK_PROOF_BYTES == (int)FORK_PROOF_BYTES_MAX, "a proof fits its message");
_Static_assert(MSG_CONSISTENCY_HASHES_BYTES >= (TREE_PROOF_MAX - 1) * 32, "so does consistency");

static struct fork_probe *probe_new(struct session *s, struct suspect *suspect, uint64_t size)
{
    struct fork_probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL) {
        suspect_leave(s, suspect->log_no);
        return NULL;
    }
    probe->log_no = suspect->log_no;
    probe->kind = suspect->kind;
    probe->size = size;
    probe->right_head = RIGHT_MAX;
    s->forks.probe = probe;
    s->stats.fork_probes++;
    return probe;
}

/* The next suspect's turn, if none is being probed. */
void probe_next(struct session *s)
{
    struct forks *f = &s->forks;
    for (uint32_t i = 0; i < f->suspects_count && f->probe == NULL && s->state == SESSION_OPEN;) {
        struct suspect *suspect = &f->suspects[i];
        const struct frontier_item *item = frontier_item(s->config.frontier, suspect->log_no);
        if (suspect->state != SUSPECT_WAITS) {
            i++;
        } else if (suspect->kind == SUSPECT_SEGMENT && item->held == 0 &&
                   (item->flags & FRONTIER_FORKED) != 0) {
            fork_want(s, suspect->log_no, false); /* it may know of another end */
            suspect_leave(s, suspect->log_no);
            i++;
        } else if (suspect->kind == SUSPECT_SEGMENT && item->held == 0 &&
                   frontier_item_ends(item)) {
            suspect_leave(s, suspect->log_no); /* it may not know yet which history counts */
            i++;
        } else if (suspect->kind == SUSPECT_SEGMENT && item->held == 0) {
            session_fail(s, TRIS_ERR_BAD_ROOT); /* nothing of ours that could be another history */
        } else if (item->held == 0 || item->held < suspect->size) {
            suspect_remove(s, suspect->log_no); /* it was cut in the meantime */
        } else {
            (void)probe_new(s, suspect, suspect->size > 0 ? suspect->size : item->held);
            i++;
        }
    }
}

void fork_suspect(struct session *s, uint32_t log_no, enum suspect_kind kind, uint64_t size)
{
    struct forks *f = &s->forks;
    if (suspect_find(s, log_no) == NULL && f->suspects_count < SESSION_PROBES_MAX) {
        s->stats.other_roots += kind == SUSPECT_CLAIM ? 0 : 1;
        f->suspects[f->suspects_count++] =
            (struct suspect){.log_no = log_no, .kind = kind, .size = size};
        probe_next(s);
    }
}

/* ---- the descent ----------------------------------------------------------------------------- */

static struct tris_hash hash_at(struct span hashes, size_t i)
{
    struct tris_hash out;
    memcpy(out.b, hashes.ptr + i * sizeof out.b, sizeof out.b);
    return out;
}

static void hashes_take(struct tree_node *nodes, size_t count, struct span hashes)
{
    for (size_t i = 0; i < count; i++) {
        nodes[i].hash = hash_at(hashes, i);
    }
}

/* The hashes of these nodes in the own log. */
static bool own_nodes(struct session *s, uint32_t log_no, struct tree_node *nodes, size_t count)
{
    return s->config.io->nodes(s->config.io_ctx, log_no, nodes, count) == TRIS_OK;
}

/* The first of the peer's nodes that is another one here; `count` if none is, more if the own log
 * cannot be read now. */
static size_t first_other(struct session *s, uint32_t log_no, const struct tree_node *nodes,
                          size_t count)
{
    struct tree_node own[MSG_NODES_MAX];
    tris_assert(count <= MSG_NODES_MAX);
    memcpy(own, nodes, count * sizeof own[0]);
    if (!own_nodes(s, log_no, own, count)) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < count; i++) {
        if (!tris_hash_eq(&own[i].hash, &nodes[i].hash)) {
            return i;
        }
    }
    return count;
}

/* nodes[0] is where the histories part; the others are right of it. */
static void probe_part(struct fork_probe *probe, struct tree_node *nodes, size_t count)
{
    probe->at = nodes[0];
    count = tree_merge(nodes + 1, count - 1);
    tris_assert(count <= probe->right_head);
    probe->right_head -= count;
    memcpy(probe->right + probe->right_head, nodes + 1, count * sizeof nodes[0]);
    probe->descending = true;
    probe->sent = false;
}

/* What to ask for below `at`: not so many levels that the peer has to read more than 1,024 entries.
 */
uint32_t probe_level(const struct fork_probe *probe)
{
    const uint32_t level = probe->at.level;
    const uint32_t below = level > DESCENT_LEVELS ? level - DESCENT_LEVELS : 0;
    return level > TREE_STORED_LEVEL && below < TREE_STORED_LEVEL ? TREE_STORED_LEVEL : below;
}

/* ---- the proof ------------------------------------------------------------------------------- */

static size_t held_proof(struct session *s, uint32_t log_no, uint8_t bytes[FORK_PROOF_BYTES_MAX])
{
    struct wbuf w = wbuf_of(bytes, FORK_PROOF_BYTES_MAX);
    enum tris_err err = s->config.io->fork_proof(s->config.io_ctx, log_no, &w);
    return err == TRIS_OK && w.err == TRIS_OK ? w.len : 0;
}

/* Nodes of the own log right of `at`, up to `end`. */
static bool own_right(struct session *s, uint32_t log_no, uint64_t at, uint64_t end,
                      struct fork_side *side)
{
    struct tree_node nodes[TREE_PROOF_MAX];
    side->nodes_count = tree_cover(at + 1, end, nodes);
    memcpy(side->nodes, nodes, side->nodes_count * sizeof nodes[0]);
    return own_nodes(s, log_no, side->nodes, side->nodes_count);
}

/* The own history, under the newest seal or, behind that, under a seal of the proof that is held:
 * what is held up to the log's end is the beginning of both of its histories. */
static bool own_side(struct session *s, uint32_t log_no, uint64_t at, struct fork_side *side)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    struct tree_node leaf = {.index = at};
    if (!own_nodes(s, log_no, &leaf, 1)) {
        return false;
    }
    *side = (struct fork_side){.leaf = leaf.hash};
    if (s->config.io->newest_seal(s->config.io_ctx, log_no, &side->seal) == TRIS_OK &&
        side->seal.size > at) {
        return own_right(s, log_no, at, side->seal.size, side);
    }
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct fork_proof proof;
    if ((item->flags & FRONTIER_FORKED) == 0 || item->held != item->end || at >= item->end) {
        return false;
    }
    const size_t len = held_proof(s, log_no, bytes);
    if (fork_proof_decode(span_of(bytes, len), &proof) != TRIS_OK || proof.at != item->end ||
        !own_right(s, log_no, at, proof.at, side)) {
        return false;
    }
    fork_proof_side(&proof, 0, side);
    return true;
}

static bool peer_side(const struct fork_probe *probe, struct fork_side *side)
{
    *side = (struct fork_side){.seal = probe->seal, .leaf = probe->at.hash};
    side->nodes_count = RIGHT_MAX - probe->right_head;
    memcpy(side->nodes, probe->right + probe->right_head,
           side->nodes_count * sizeof side->nodes[0]);
    if (probe->proof_len == 0) {
        return true;
    }
    struct fork_proof proof;
    if (fork_proof_decode(span_of(probe->proof, probe->proof_len), &proof) != TRIS_OK) {
        return false;
    }
    side->nodes_count = tree_merge(side->nodes, side->nodes_count);
    fork_proof_side(&proof, 0, side);
    return true;
}

/* The leaf is found. */
static bool proof_make(struct session *s, const struct fork_probe *probe)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, probe->log_no);
    const uint64_t at = probe->at.index;
    struct tree_node nodes[TREE_PROOF_MAX];
    struct tris_hash left[TREE_PROOF_MAX];
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    const size_t count = tree_cover(0, at, nodes);
    struct fork_side *sides = malloc(2 * sizeof *sides);
    bool made = sides != NULL && own_nodes(s, probe->log_no, nodes, count) &&
                own_side(s, probe->log_no, at, &sides[0]) && peer_side(probe, &sides[1]);
    for (size_t i = 0; i < count; i++) {
        left[i] = nodes[i].hash;
    }
    made = made && fork_proof_make(&s->config.fed, &item->ref, at, left, sides, &w) == TRIS_OK &&
           fork_emit(s, probe->log_no, at, wbuf_span(&w), true);
    free(sides);
    return made;
}

/* Asks for the next nodes, or makes the proof if the leaf is reached. */
static void probe_go_on(struct session *s)
{
    struct fork_probe *probe = s->forks.probe;
    const uint32_t log_no = probe->log_no;
    if (probe->at.level > 0) {
        return; /* the request is written when there is room */
    }
    if (seal_is_cut(&probe->seal) && probe->proof_len == 0) {
        (void)fork_emit(s, log_no, probe->at.index, span_of(NULL, 0), true);
        suspect_leave(s, log_no);
    } else if (!proof_make(s, probe)) {
        suspect_leave(s, log_no);
    } else {
        probe_free(s);
        suspect_find(s, log_no)->state = SUSPECT_PROVEN;
    }
    probe_next(s);
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct fork_probe *probe_waiting(struct session *s, const struct tris_short *log, bool nodes)
{
    struct fork_probe *probe = s->forks.probe;
    if (probe == NULL || !probe->sent || probe->descending != nodes ||
        session_find(s, log) != probe->log_no) {
        return NULL; /* nobody waits for it any more */
    }
    return probe;
}

/* The peer's seal, or the end of a cut log, which the proof that is held confirms. False: closed or
 * left alone. */
static bool consistency_seal(struct session *s, struct fork_probe *probe,
                             const struct msg_consistency *m)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, probe->log_no);
    probe->seal = (struct seal){
        .log = item->id, .size = m->size, .root = m->root, .time_ms = m->time_ms, .sig = m->sig};
    if (seal_is_cut(&probe->seal)) {
        struct fork_proof proof;
        probe->proof_len = held_proof(s, probe->log_no, probe->proof);
        if ((item->flags & FRONTIER_FORKED) != 0 && m->size == item->end &&
            tris_hash_eq(&m->root, &item->end_root) &&
            fork_proof_decode(span_of(probe->proof, probe->proof_len), &proof) == TRIS_OK &&
            proof.at == item->end) {
            return true;
        }
        if ((item->flags & FRONTIER_ENDED) != 0 && m->size == item->end &&
            tris_hash_eq(&m->root, &item->end_root)) {
            probe->proof_len = 0; /* membership says so: this is the history that counts */
            return true;
        }
        const uint32_t log_no = probe->log_no; /* what ends it there is still to come */
        suspect_leave(s, log_no);
        fork_want(s, log_no, false);
        return false;
    }
    enum tris_err err = seal_verify(&probe->seal, &item->ref.seal_key);
    if (err != TRIS_OK) {
        session_fail(s, err);
    }
    return err == TRIS_OK;
}

static void consistency_read(struct session *s, const struct msg_consistency *m)
{
    struct fork_probe *probe = probe_waiting(s, &m->log, false);
    if (probe == NULL || m->first != probe->size) {
        return;
    }
    s->stats.fork_trips++;
    struct tree_node nodes[TREE_PROOF_MAX];
    const struct seal seal = {.sig = m->sig};
    if (m->size > 0 && m->size < probe->size && m->hashes.len == 0 && seal_is_cut(&seal)) {
        suspect_leave(s,
                      probe->log_no); /* it has cut the log, for what gov logs will say here too */
        probe_next(s);
        return;
    }
    size_t count = m->size >= probe->size ? tree_consistency_nodes(probe->size, m->size, nodes) : 0;
    if (count == 0 || m->hashes.len != count * sizeof(struct tris_hash)) {
        session_fail(s, TRIS_ERR_NO_PROOF);
        return;
    }
    hashes_take(nodes, count, m->hashes);
    struct tree tree;
    struct tris_hash root;
    size_t before = 0; /* nodes of the first probe->size leaves */
    tree_init(&tree);
    for (size_t i = 0; i < count; i++) {
        before += tree.size < probe->size ? 1 : 0;
        tree_add(&tree, nodes[i].level, &nodes[i].hash);
    }
    tree_root(&tree, &root);
    if (!tris_hash_eq(&root, &m->root)) {
        session_fail(s, TRIS_ERR_NO_PROOF);
        return;
    }
    if (!consistency_seal(s, probe, m)) {
        probe_next(s);
        return;
    }
    const size_t other = first_other(s, probe->log_no, nodes, before);
    if (other == before && probe->kind == SUSPECT_CLAIM) {
        suspect_cleared(s, probe->log_no);
        probe_next(s);
    } else if (other == before && fork_end_open(s, probe->log_no)) {
        fork_tell(s, probe->log_no); /* it may hold a third history, and looks into it */
        suspect_leave(s, probe->log_no);
        probe_next(s);
    } else if (other == before) { /* its seal continues ours: what it sent is not what was sealed */
        session_fail(s, probe->kind == SUSPECT_HOLE ? TRIS_ERR_BAD_COMMIT : TRIS_ERR_BAD_ROOT);
    } else if (other > before) {
        suspect_leave(s, probe->log_no);
        probe_next(s);
    } else {
        probe_part(probe, nodes + other, count - other);
        probe_go_on(s);
    }
}

static void nodes_read(struct session *s, const struct msg_nodes *m)
{
    struct fork_probe *probe = probe_waiting(s, &m->log, true);
    if (probe == NULL) {
        return;
    }
    const uint32_t level = probe_level(probe);
    const size_t count = (size_t)1 << (probe->at.level - level);
    if (m->level != level || m->index != probe->at.index << (probe->at.level - level)) {
        return;
    }
    s->stats.fork_trips++;
    struct tree_node nodes[MSG_NODES_MAX], up[MSG_NODES_MAX];
    if (m->hashes.len == 0 && probe->proof_len > 0) { /* it has the proof, not all before its end */
        suspect_leave(s, probe->log_no);
        probe_next(s);
        return;
    }
    if (m->hashes.len != count * sizeof(struct tris_hash)) {
        session_fail(s, TRIS_ERR_BAD_NODES);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        nodes[i] = (struct tree_node){.level = level, .index = m->index + i};
    }
    hashes_take(nodes, count, m->hashes);
    memcpy(up, nodes, count * sizeof up[0]);
    if (tree_merge(up, count) != 1 || !tris_hash_eq(&up[0].hash, &probe->at.hash)) {
        session_fail(s, TRIS_ERR_BAD_NODES);
        return;
    }
    const size_t other = first_other(s, probe->log_no, nodes, count);
    if (other >= count) { /* the own log has changed */
        suspect_leave(s, probe->log_no);
        probe_next(s);
        return;
    }
    probe_part(probe, nodes + other, count - other);
    probe_go_on(s);
}

void fork_on_consistency(struct session *s, const struct msg *m)
{
    consistency_read(s, &m->consistency);
    pull_step(s);
}

void fork_on_nodes(struct session *s, const struct msg *m)
{
    nodes_read(s, &m->nodes);
    pull_step(s);
}

/* ---- proofs that do not fit what is held ------------------------------------------------------
 */

/* What is held is of a third history: a smaller fork point is looked for below the proof's nodes.
 * The proof is not kept, so that no evidence is cut away for it. */
static void probe_below(struct session *s, uint32_t log_no, struct span bytes,
                        const struct fork_proof *proof, struct tree_node *left, size_t count,
                        size_t other)
{
    struct forks *f = &s->forks;
    if (f->probe != NULL && f->probe->log_no != log_no) {
        return; /* the next comparison comes back to it */
    }
    struct fork_proof verified;
    suspect_remove(s, log_no);
    if (fork_proof_verify(bytes, &verified) != TRIS_OK) {
        session_fail(s, TRIS_ERR_BAD_PROOF);
        return;
    }
    if (f->suspects_count == SESSION_PROBES_MAX) {
        return;
    }
    struct suspect *suspect = &f->suspects[f->suspects_count++];
    *suspect = (struct suspect){.log_no = log_no, .size = proof->at};
    struct fork_probe *probe = probe_new(s, suspect, proof->at);
    if (probe == NULL) {
        return;
    }
    memcpy(probe->proof, bytes.ptr, bytes.len);
    probe->proof_len = bytes.len;
    probe_part(probe, left + other, count - other);
    probe_go_on(s);
}

/* Whether the proof's beginning is what is held; if not, the difference is looked into. */
bool probe_proof_fits(struct session *s, uint32_t log_no, struct span bytes,
                      const struct fork_proof *proof)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    struct tree_node left[TREE_PROOF_MAX];
    if (proof->at > item->held) {
        return true; /* what is missing will be checked against its end */
    }
    const size_t count = tree_cover(0, proof->at, left);
    hashes_take(left, count, proof->left);
    const size_t other = first_other(s, log_no, left, count);
    if (other < count) {
        probe_below(s, log_no, bytes, proof, left, count, other);
        return false;
    }
    return true; /* or it cannot be read now: the owner looks again */
}
