/* What new gov entries come to; see writer_members.h. */
#include "daemon/writer_members.h"

#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/imports.h"
#include "daemon/writer_op.h"

void batch_own_is_cut(struct batch *b, uint32_t log_no)
{
    for (int i = 0; i < 3; i++) {
        if (b->own[i].no == log_no) {
            b->own[i].entries = 0; /* nothing waits for a seal any more */
            b->own[i].bytes = 0;
        }
    }
    b->own_sealed = true; /* the mark is to say what is left */
}

static enum tris_err evaluate(struct store_txn *t, const struct charter *charter,
                              void (*changed)(void *, const struct store_members_change *),
                              void *ctx, struct store_members **out)
{
    struct store_members *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = store_members_apply(t, charter, m, changed, ctx);
    if (err != TRIS_OK) {
        free(m);
        m = NULL;
    }
    *out = m;
    return err;
}

static void no_change(void *ctx, const struct store_members_change *change)
{
    (void)ctx;
    (void)change;
}

enum tris_err members_first(struct daemon *d, struct store_txn *t, struct store_members **out)
{
    return evaluate(t, &d->charter, no_change, NULL, out);
}

static void on_change(void *ctx, const struct store_members_change *change)
{
    struct batch *b = ctx;
    struct store_log log;
    if (!batch_know_log(b, change->log_no)) {
        return;
    }
    batch_touch(b, change->log_no, 0);
    b->heads[b->head_of[change->log_no] - 1].bound = change->cut;
    if (change->cut && store_log_get(store_txn_view(b->txn), change->log_no, &log) == TRIS_OK &&
        log.own) {
        batch_own_is_cut(b, change->log_no);
        if (log.ref.topic == TRIS_TOPIC_DATA) {
            imports_cut(b->txn, change->log_no, log.held);
        }
    }
}

enum tris_err members_apply(struct batch *b)
{
    if (!store_members_stale(b->txn)) {
        return TRIS_OK;
    }
    members_free(b->members);
    b->members = NULL;
    enum tris_err err = evaluate(b->txn, &b->d->charter, on_change, b, &b->members);
    if (err == TRIS_ERR_TOO_LARGE) { /* what was evaluated last stays; entries come and go on */
        LOG(&b->d->log, LOG_ERROR, "members_not_evaluated",
            log_text("reason",
                     "there are more endorsements and revocations than this version reads"),
            log_text("next", "tris member list, and revoke who writes them"));
        return TRIS_OK;
    }
    return err == TRIS_OK && b->no_room ? TRIS_ERR_NO_MEMORY : err;
}
