/* Drafts of a house: own entries that a tail has pushed aside are written again behind it, in the
 * way of daemon/draft_write.c, less the rules that simulated people do not break. */
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/house_batch.h"

/* Is the record as it was when the draft was written? */
static enum tris_err look_at_record(struct batch *b, const struct store_draft *draft, uint64_t seq)
{
    struct store_view *v = store_txn_view(b->t);
    struct record_ref ref = {b->h->own_no[draft->topic], seq};
    struct store_record record;
    struct record_ref newest = {0, UINT64_MAX};
    struct record_ref prev = {0, 0};
    enum tris_err err = store_record_get(v, ref, &record);
    if (err != TRIS_OK || record.ended) {
        return err != TRIS_OK ? err : TRIS_ERR_ENDED;
    }
    err = store_record_history(v, ref, &newest);
    if (err == TRIS_OK && draft->header.has_prev) {
        err = store_draft_place(v, draft, draft->header.prev, &prev);
    }
    if (err != TRIS_OK) {
        return err;
    }
    return !draft->header.has_prev || newest.seq != prev.seq ? TRIS_ERR_NOT_READY : TRIS_OK;
}

static enum tris_err write_again(struct batch *b, const struct store_draft *draft, uint64_t *seq)
{
    const struct entry_header *header = &draft->header;
    struct record_ref record = {0, 0};
    enum tris_err err = draft->payload.len == 0 ? TRIS_ERR_NOT_READY : TRIS_OK;
    if (err == TRIS_OK && header->has_record) {
        err = store_draft_place(store_txn_view(b->t), draft, header->record_seq, &record);
        err = err == TRIS_OK ? look_at_record(b, draft, record.seq) : err;
    }
    if (err != TRIS_OK) {
        return err;
    }
    uint8_t *copy = malloc(draft->payload.len); /* writing ends spans into the map */
    tris_assert(copy != NULL);
    memcpy(copy, draft->payload.ptr, draft->payload.len);
    err = batch_append(b, draft->topic, (enum entry_verb)header->verb, header->kind,
                       header->has_record ? &record.seq : NULL, span_of(copy, draft->payload.len),
                       seq);
    free(copy);
    return err;
}

enum tris_err draft_write_all(struct batch *b)
{
    uint64_t no = 0;
    for (;;) {
        struct store_draft draft;
        uint64_t seq = 0;
        enum tris_err err = store_draft_next(store_txn_view(b->t), &no, &draft);
        if (err == TRIS_ERR_NOT_FOUND) {
            return TRIS_OK;
        }
        if (err == TRIS_OK && draft.state != DRAFT_WAITING) {
            continue;
        }
        if (err == TRIS_OK) {
            enum tris_err why = write_again(b, &draft, &seq);
            b->h->sim->census.drafts[why == TRIS_OK ? 0 : 1]++;
            err = store_txn_err(b->t);
            if (err == TRIS_OK) {
                err = store_draft_settle(b->t, no, why == TRIS_OK ? DRAFT_WRITTEN : DRAFT_DECISION,
                                         why, seq);
            }
        }
        if (err != TRIS_OK) {
            return err;
        }
    }
}
