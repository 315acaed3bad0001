/* The audit's fifth part: fork proofs. Each must prove what is kept with it, and its log must end
 * where it says. */
#include "storage/check.h"

static void check_row(struct audit *a, const struct store_fork *fork)
{
    struct log_row log;
    struct fork_proof proof;
    if (view_log_row(a->v, fork->log_no, &log) != TRIS_OK || !log.log.forked ||
        log.log.end != fork->end || !tris_hash_eq(&log.log.end_root, &fork->root)) {
        check_problem(a, "log %u does not know of its fork", fork->log_no);
        return;
    }
    if (log.log.held > fork->end) {
        check_problem(a, "log %u holds %llu entries, but its fork ends it at %llu", fork->log_no,
                      (unsigned long long)log.log.held, (unsigned long long)fork->end);
    }
    if (fork_proof_verify(fork->proof, &proof) != TRIS_OK ||
        !tris_log_id_eq(&proof.log, &log.log.id) || proof.at != fork->end ||
        !tris_hash_eq(&proof.root_at, &fork->root)) {
        check_problem(a, "the fork proof of log %u does not prove its end", fork->log_no);
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
        forked += view_log_row(a->v, no, &log) == TRIS_OK && log.log.forked ? 1 : 0;
        err = check_goes_on(a);
    }
    if (err == TRIS_OK && forks != forked) {
        check_problem(a, "%llu logs end at a fork, %llu fork proofs are kept",
                      (unsigned long long)forked, (unsigned long long)forks);
    }
    return err;
}
