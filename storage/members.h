/* Membership in the store: the statements of all gov logs, what they come to, and what follows for
 * the logs: which there are, and where data logs end.
 *
 * Nothing of it is kept but the rows of `target` and where logs end; whoever needs the members
 * evaluates. A statement counts once it is sealed (or its log is held to its end), so that what
 * this house has stated and not sealed counts nowhere yet. */
#ifndef TRIS_STORAGE_MEMBERS_H
#define TRIS_STORAGE_MEMBERS_H

#include "proto/member.h"
#include "storage/store.h"

struct members_bytes; /* cards, copied */

struct store_members {
    struct member_set set; /* indices into `statement`; cards point into `bytes` */
    struct member_statement *statement;
    uint32_t count;
    struct members_bytes *bytes;
};

/* Evaluates what the view holds. The result needs no view any more; the caller ends it with
 * store_members_fini. TRIS_ERR_TOO_LARGE: more than MEMBER_STATEMENTS_MAX; TRIS_ERR_NO_MEMORY,
 * TRIS_ERR_CORRUPT. */
TRIS_MUST_CHECK enum tris_err store_members_evaluate(struct store_view *v,
                                                     const struct charter *charter,
                                                     struct store_members *out);
void store_members_fini(struct store_members *m); /* also of one that is all zeros */

/* The next statement about a house in gov log `log_no`, sealed or not, from number *seq on, which
 * becomes its own. TRIS_ERR_NOT_FOUND: there is no more. */
TRIS_MUST_CHECK enum tris_err store_statement_next(struct store_view *v,
                                                   const struct tris_house_id *about,
                                                   uint32_t log_no, uint64_t *seq);

/* Whether the transaction has changed anything since it began, or since store_members_apply, that
 * an evaluation rests on: statements came, went or were sealed, gov logs end elsewhere. */
bool store_members_stale(const struct store_txn *t);

/* What an evaluation has done to a log. */
struct store_members_change {
    uint32_t log_no;
    bool made; /* it is new, and empty */
    bool cut;  /* it ends elsewhere than before (or not at all), which may have shortened it */
};

/* At the first start, and then whenever store_members_stale, in the writer's transaction: evaluates
 * with its state, makes the gov and data logs of all openings that were ever complete, and tells
 * every log where it ends: a data log where a revocation or the next epoch's opening says; of
 * openings that are not complete (any more) at 0. `changed` is called for each log that is new or
 * ends elsewhere. Nothing is to be repeated: logs that are new hold nothing. Errors as
 * store_members_evaluate, and those of the transaction. On success the caller ends `out`. */
TRIS_MUST_CHECK enum tris_err
store_members_apply(struct store_txn *t, const struct charter *charter, struct store_members *out,
                    void (*changed)(void *ctx, const struct store_members_change *change),
                    void *ctx);

#endif
