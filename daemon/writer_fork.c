/* Fork proofs inside a batch; see writer_fork.h. */
#include "daemon/writer_fork.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/daemon.h"
#include "daemon/imports.h"
#include "daemon/writer_members.h"
#include "daemon/writer_op.h"

void fork_found_key(char key[FORK_FOUND_KEY_BYTES], uint32_t log_no)
{
    (void)snprintf(key, FORK_FOUND_KEY_BYTES, FORK_FOUND "%010" PRIu32, log_no);
}

/* Whether what is held up to the proof's end is what both of its histories begin with. */
static enum tris_err beginning_fits(struct batch *b, uint32_t log_no, const struct store_log *log,
                                    const struct fork_proof *proof)
{
    struct tris_hash root;
    if (proof->at == 0 || proof->at > log->held) {
        return TRIS_OK;
    }
    enum tris_err err = store_root_at(store_txn_view(b->txn), log_no, proof->at, &root);
    if (err == TRIS_OK && !tris_hash_eq(&root, &proof->root_at)) {
        err = TRIS_ERR_FORK;
    }
    return err;
}

/* Own entries that no seal covers are no history: they become drafts, and what the others hold up
 * to the end is fetched. */
static enum tris_err unsealed_take_back(struct batch *b, uint32_t log_no, struct store_log *log,
                                        const struct fork_proof *proof)
{
    const uint64_t sealed = log->has_seal ? log->seal.size : 0;
    if (!log->current || log->ends != STORE_END_NONE || proof->at <= sealed ||
        log->held == sealed) {
        return TRIS_OK;
    }
    enum tris_err err = store_log_cut(b->txn, log_no, sealed, STORE_TAIL_DRAFT);
    if (err == TRIS_OK && log->ref.topic == TRIS_TOPIC_DATA) {
        imports_cut(b->txn, log_no, sealed);
    }
    return err == TRIS_OK ? store_log_get(store_txn_view(b->txn), log_no, log) : err;
}

/* The session has seen that another history than this one ends where membership says. */
static enum tris_err rewind_apply(struct batch *b, const struct work *w)
{
    const uint32_t log_no = w->fork.log_no;
    struct store_log log;
    bool cut = false;
    if (log_no >= b->head_of_count) {
        return TRIS_ERR_UNKNOWN_LOG;
    }
    enum tris_err err = store_log_get(store_txn_view(b->txn), log_no, &log);
    if (err == TRIS_OK) {
        err = store_log_rewind(b->txn, log_no, w->fork.at, &cut);
    }
    if (err != TRIS_OK || !cut) {
        return err;
    }
    if (log.own) {
        batch_own_is_cut(b, log_no);
        if (log.ref.topic == TRIS_TOPIC_DATA) {
            imports_cut(b->txn, log_no, w->fork.at);
        }
    }
    batch_touch(b, log_no, 0);
    b->heads[b->head_of[log_no] - 1].cut = true;
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
    if (err == TRIS_OK && log_no >= b->head_of_count) {
        err = TRIS_ERR_UNKNOWN_LOG;
    }
    if (err == TRIS_OK) {
        err = store_log_get(store_txn_view(b->txn), log_no, &log);
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
        err = store_fork_put(b->txn, log_no, proof.at, &proof.root_at, bytes, &lowered);
    }
    if (err != TRIS_OK || !lowered) {
        return err;
    }
    char key[FORK_FOUND_KEY_BYTES], found[24];
    fork_found_key(key, log_no);
    (void)snprintf(found, sizeof found, "%" PRIu64, b->now_ms);
    if (log.own) {
        batch_own_is_cut(b, log_no);
        if (log.ref.topic == TRIS_TOPIC_DATA) {
            imports_cut(b->txn, log_no, proof.at);
        }
    }
    batch_touch(b, log_no, 0);
    b->heads[b->head_of[log_no] - 1].cut = true;
    return store_setting_put(b->txn, key, span_str(found));
}
