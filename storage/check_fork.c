/* The audit's fifth part: fork proofs and ends. Each proof must prove what is kept with it, and no
 * log be longer than its end. */
#include "storage/check.h"

static void check_row(struct audit *a, const struct store_fork *fork)
{
    struct log_row log;
    struct fork_proof proof;
    if (view_log_row(a->v, fork->log_no, &log) != TRIS_OK || !log.log.forked ||
        log.fork.size != fork->end || !tris_hash_eq(&log.fork.root, &fork->root)) {
        check_problem(a, "log %u does not know of its fork", fork->log_no);
        return;
    }
    if (fork_proof_verify(fork->proof, &proof) != TRIS_OK ||
        !tris_log_id_eq(&proof.log, &log.log.id) || proof.at != fork->end ||
        !tris_hash_eq(&proof.root_at, &fork->root)) {
        check_problem(a, "the fork proof of log %u does not prove its end", fork->log_no);
    }
}

static void check_end(struct audit *a, const struct store_log *log)
{
    if (log->ends != STORE_END_NONE && log->held > log->end) {
        check_problem(a, "log %u holds %llu entries, but ends at %llu", log->no,
                      (unsigned long long)log->held, (unsigned long long)log->end);
    }
}

enum tris_err check_forks(struct audit *a)
{
    struct store_fork fork;
    uint64_t forks = 0;
    uint64_t forked = 0;
    uint32_t no = UINT32_MAX;
    enum tris_err err;
    while ((err = store_fork_next(a->v, &no, &fork)) == TRIS_OK) {
        forks++;
        check_row(a, &fork);
    }
    if (err == TRIS_ERR_CORRUPT) {
        check_problem(a, "a row of table fork is damaged");
        return TRIS_OK;
    }
    uint32_t logs = 0;
    err = err == TRIS_ERR_NOT_FOUND ? store_log_count(a->v, &logs) : err;
    for (no = 0; no < logs && err == TRIS_OK; no++) {
        struct log_row log;
        if (view_log_row(a->v, no, &log) == TRIS_OK) {
            forked += log.log.forked ? 1 : 0;
            check_end(a, &log.log);
        }
        err = check_goes_on(a);
    }
    if (err == TRIS_OK && forks != forked) {
        check_problem(a, "%llu logs know of a fork, %llu fork proofs are kept",
                      (unsigned long long)forked, (unsigned long long)forks);
    }
    return err;
}
