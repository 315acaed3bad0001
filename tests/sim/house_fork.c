/* Forks in a house: proofs that are kept and cut logs, as daemon/writer_fork.c and heads.c do. */
#include "proto/fork.h"
#include "tests/sim/house_batch.h"

/* Whether what is held up to the proof's end is what both of its histories begin with. */
static enum tris_err beginning_fits(struct batch *b, uint32_t log_no, const struct store_log *log,
                                    const struct fork_proof *proof)
{
    struct tris_hash root;
    if (proof->at == 0 || proof->at > log->held) {
        return TRIS_OK;
    }
    enum tris_err err = store_root_at(store_txn_view(b->t), log_no, proof->at, &root);
    return err == TRIS_OK && !tris_hash_eq(&root, &proof->root_at) ? TRIS_ERR_FORK : err;
}

/* Own entries that no seal covers are no history: they become drafts. */
static enum tris_err unsealed_take_back(struct batch *b, uint32_t log_no, struct store_log *log,
                                        const struct fork_proof *proof)
{
    const uint64_t sealed = log->has_seal ? log->seal.size : 0;
    if (!log->current || log->ends != STORE_END_NONE || proof->at <= sealed ||
        log->held == sealed) {
        return TRIS_OK;
    }
    enum tris_err err = store_log_cut(b->t, log_no, sealed, STORE_TAIL_DRAFT);
    return err == TRIS_OK ? store_log_get(store_txn_view(b->t), log_no, log) : err;
}

/* The session has seen that another history than this one ends where membership says. */
static enum tris_err rewind_apply(struct batch *b, const struct work *w)
{
    const uint32_t log_no = w->fork.log_no;
    struct store_log log;
    bool cut = false;
    enum tris_err err = store_log_get(store_txn_view(b->t), log_no, &log);
    if (err == TRIS_OK) {
        err = store_log_rewind(b->t, log_no, w->fork.at, &cut);
    }
    if (err != TRIS_OK || !cut) {
        return err;
    }
    if (log.own) {
        b->own[log.ref.topic] = (struct own){0, 0};
        b->own_sealed = true;
    }
    b->cut[batch_touch(b, log_no, 0)] = true;
    return TRIS_OK;
}

enum tris_err fork_apply(struct batch *b, const struct work *w)
{
    const uint32_t log_no = w->fork.log_no;
    const struct span bytes = span_of(w->fork.bytes, w->fork.len);
    struct fork_proof proof;
    struct store_log log;
    bool lowered = false;
    if (bytes.len == 0) {
        return rewind_apply(b, w);
    }
    enum tris_err err = fork_proof_verify(bytes, &proof);
    if (err == TRIS_OK) {
        err = store_log_get(store_txn_view(b->t), log_no, &log);
    }
    if (err == TRIS_OK && !tris_log_id_eq(&proof.log, &log.id)) {
        err = TRIS_ERR_BAD_PROOF;
    }
    if (err == TRIS_OK) {
        err = unsealed_take_back(b, log_no, &log, &proof);
    }
    if (err == TRIS_OK) {
        err = beginning_fits(b, log_no, &log, &proof);
    }
    if (err == TRIS_OK) {
        err = store_fork_put(b->t, log_no, proof.at, &proof.root_at, bytes, &lowered);
    }
    if (err != TRIS_OK || !lowered) {
        return err;
    }
    if (log.own) {
        b->own[log.ref.topic] = (struct own){0, 0}; /* nothing waits for a seal any more */
        b->own_sealed = true;                       /* the mark is to say what is left */
    }
    b->cut[batch_touch(b, log_no, 0)] = true;
    return TRIS_OK;
}
