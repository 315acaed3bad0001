/* Drafts of a house: own entries that a tail has pushed aside are written again behind it, in the
 * way of daemon/draft_write.c, less the rules that simulated people do not break. */
#include <stdlib.h>

#include "proto/assert.h"
#include "tests/sim/house_batch.h"

static enum tris_err epoch_of(struct store_view *v, uint32_t log_no, uint32_t *epoch)
{
    struct store_log log;
    enum tris_err err = store_log_get(v, log_no, &log);
    *epoch = err == TRIS_OK ? log.ref.epoch : 0;
    return err;
}

/* Is `newest` the last entry about its record that the draft knew of? */
static enum tris_err is_newest(struct store_view *v, const struct store_draft *draft,
                               struct record_ref newest, bool *is)
{
    struct record_ref prev;
    uint32_t epoch = 0, drafts = 0;
    enum tris_err err;
    if (draft->header.has_prev) {
        err = store_draft_place(v, draft, draft->header.prev, &prev);
        *is = err == TRIS_OK && newest.log_no == prev.log_no && newest.seq == prev.seq;
        return err;
    }
    err = epoch_of(v, newest.log_no, &epoch);
    if (err == TRIS_OK) {
        err = epoch_of(v, draft->log_no, &drafts);
    }
    *is = err == TRIS_OK && draft->header.has_record_epoch && epoch < drafts;
    return err;
}

/* Where the record is now that the draft changes. */
static enum tris_err find_record(struct batch *b, const struct store_draft *draft,
                                 struct record_ref *ref)
{
    const struct entry_header *header = &draft->header;
    struct store_view *v = store_txn_view(b->t);
    return header->has_record_epoch
               ? store_record_find(v, &b->h->id, header->record_epoch, header->record_seq, ref)
               : store_draft_place(v, draft, header->record_seq, ref);
}

/* Is the record as it was when the draft was written? */
static enum tris_err look_at_record(struct batch *b, const struct store_draft *draft,
                                    struct record_ref ref)
{
    struct store_view *v = store_txn_view(b->t);
    struct store_record record;
    struct record_ref newest = {0, UINT64_MAX};
    bool is = false;
    enum tris_err err = store_record_get(v, ref, &record);
    if (err != TRIS_OK || record.ended) {
        return err != TRIS_OK ? err : TRIS_ERR_ENDED;
    }
    err = store_record_history(v, ref, &newest);
    if (err == TRIS_OK) {
        err = is_newest(v, draft, newest, &is);
    }
    return err == TRIS_OK && !is ? TRIS_ERR_NOT_READY : err;
}

static enum tris_err write_again(struct batch *b, const struct store_draft *draft, uint64_t *seq)
{
    const struct entry_header *header = &draft->header;
    struct record_ref record = {0, 0};
    enum tris_err err = draft->payload.len == 0 ? TRIS_ERR_NOT_READY : TRIS_OK;
    if (err == TRIS_OK && header->has_record) {
        err = find_record(b, draft, &record);
        err = err == TRIS_OK ? look_at_record(b, draft, record) : err;
    }
    if (err != TRIS_OK) {
        return err;
    }
    uint8_t *copy = malloc(draft->payload.len); /* writing ends spans into the map */
    tris_assert(copy != NULL);
    memcpy(copy, draft->payload.ptr, draft->payload.len);
    err = batch_append(b, draft->topic, (enum entry_verb)header->verb, header->kind,
                       header->has_record ? &record : NULL, span_of(copy, draft->payload.len), seq);
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
