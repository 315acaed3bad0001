/* One batch of a house: apply, seal, commit, as daemon/writer_batch.c does. For house_*.c only. */
#ifndef TRIS_TESTS_SIM_HOUSE_BATCH_H
#define TRIS_TESTS_SIM_HOUSE_BATCH_H

#include "tests/sim/house.h"

struct own {
    uint64_t entries, bytes; /* behind the newest seal */
};

struct batch {
    struct house *h;
    struct store_txn *t;
    uint64_t now_ms; /* by the house's clock */
    struct own own[HOUSE_TOPICS];
    bool own_sealed, by_us[HOUSE_TOPICS];
    struct work *culprit;
    uint32_t logs[HOUSE_LOGS_MAX];
    uint64_t source[HOUSE_LOGS_MAX];
    bool cut[HOUSE_LOGS_MAX];  /* a fork proof has lowered its end */
    bool anew[HOUSE_LOGS_MAX]; /* one of a former epoch changed: sessions look at it again */
    uint32_t logs_count;
    uint64_t written, delivered;
    struct store_members *members; /* a new evaluation, or NULL */
};

/* Runs what is not decided in one transaction and sets the verdicts; TRIS_OK, or an error of this
 * machine: then nothing is applied. */
TRIS_MUST_CHECK enum tris_err batch_run(struct batch *b, struct house *h, struct work *list);
/* Notes that a log has changed; its place in b->logs. */
uint32_t batch_touch(struct batch *b, uint32_t log_no, uint64_t source);
TRIS_MUST_CHECK enum tris_err batch_append(struct batch *b, enum tris_topic topic,
                                           enum entry_verb verb, uint32_t kind,
                                           const struct record_ref *record, struct span payload,
                                           uint64_t *seq);

/* ---- house_member.c ---- */

/* Evaluates anew if gov entries came, went or were sealed in this transaction. */
TRIS_MUST_CHECK enum tris_err batch_members(struct batch *b);

/* ---- house_fork.c ---- */

TRIS_MUST_CHECK enum tris_err fork_apply(struct batch *b, const struct work *w);

/* ---- house_draft.c ---- */

/* Writes waiting drafts again, or leaves them to a person. */
TRIS_MUST_CHECK enum tris_err draft_write_all(struct batch *b);

#endif
