/* Where a log ends: the smallest of what fork proofs and revocations say, or what the opening of
 * the next epoch closes. Computed from what is known, never patched: the same in every house,
 * whatever came first. */
#include "storage/end.h"

#include "storage/epoch.h"

/* ---- what a row says ---- */

static bool cut_lower(const struct log_cut *a, const struct log_cut *b)
{
    return a->size != b->size ? a->size < b->size
                              : memcmp(a->root.b, b->root.b, sizeof a->root.b) < 0;
}

static void settle_end(struct log_row *row)
{
    struct store_log *log = &row->log;
    const struct log_cut nothing = {0};
    const struct log_cut *at = &nothing;
    log->ends = STORE_END_NONE;
    if (row->bound == STORE_END_OUTSIDE && !log->own) {
        log->ends = STORE_END_OUTSIDE;
    } else if (row->bound == STORE_END_CLOSED ||
               (row->bound == STORE_END_CUT &&
                !(log->forked && cut_lower(&row->fork, &row->bounds)))) {
        log->ends = row->bound;
        at = &row->bounds;
    } else if (log->forked) {
        log->ends = STORE_END_FORK;
        at = &row->fork;
    }
    log->outside = row->bound == STORE_END_OUTSIDE;
    log->end = at->size;
    log->end_root = at->root;
}

bool store_log_is_at_end(const struct store_log *log)
{
    struct tris_hash root;
    if (log->ends == STORE_END_NONE || log->held != log->end) {
        return false;
    }
    tree_root(&log->tree, &root);
    return tris_hash_eq(&root, &log->end_root);
}

void row_log_settle(struct log_row *row)
{
    struct store_log *log = &row->log;
    settle_end(row);
    log->whole = log->has_seal ? log->seal.size : 0;
    log->whole_root = log->seal.root;
    if (store_log_is_at_end(log)) {
        log->whole = log->end;
        log->whole_root = log->end_root;
    }
    if (row->first_hole < log->whole) {
        log->whole = row->first_hole;
        log->whole_root = row->hole_root;
    }
    if (log->whole == 0) {
        memset(&log->whole_root, 0, sizeof log->whole_root);
    }
}

/* ---- appending ---- */

/* The end that membership names has one root; below that of a fork proof there may be other
 * histories, until a lower proof comes. */
static bool end_is_exact(const struct store_log *log)
{
    return log->ends == STORE_END_CUT || log->ends == STORE_END_CLOSED;
}

bool end_allows(const struct store_log *log, const struct verified_segment *segment)
{
    struct tris_hash root;
    if (log->ends == STORE_END_NONE) {
        return !segment->cut;
    }
    if (segment->after.size > log->end) {
        return false;
    }
    if (!segment->cut && !(end_is_exact(log) && segment->after.size == log->end)) {
        return true;
    }
    tree_root(&segment->after, &root);
    return (segment->count > 0 || !segment->cut) && segment->after.size == log->end &&
           tris_hash_eq(&root, &log->end_root);
}

/* ---- cutting ---- */

/* How much of what is held is the beginning of what ends at the end, for all that is known. */
static enum tris_err part_to_keep(struct store_txn *t, const struct log_row *row, uint64_t *size)
{
    const struct store_log *log = &row->log;
    const uint64_t same = log->forked && row->fork.size < log->end ? row->fork.size : 0;
    struct tris_hash root;
    *size = log->held < log->end ? log->held : log->end;
    if (!end_is_exact(log) || *size == 0) {
        return TRIS_OK;
    }
    if (log->held < log->end) { /* which of both histories this is will be seen at the end only */
        *size = log->forked && same < log->held ? same : log->held;
        return TRIS_OK;
    }
    enum tris_err err = store_root_at(&t->view, log->no, log->end, &root);
    if (err == TRIS_OK && !tris_hash_eq(&root, &log->end_root)) {
        *size = same;
    }
    return err;
}

void end_changed(struct store_txn *t, struct head *head)
{
    struct store_log *log = &head->row.log;
    const bool was_at_end = store_log_is_at_end(log);
    uint64_t size = log->held;
    enum tris_err err = TRIS_OK;
    row_log_settle(&head->row);
    head->dirty = true;
    t->members_stale = t->members_stale || log->ref.topic == TRIS_TOPIC_GOV;
    if (log->ends != STORE_END_NONE) {
        err = part_to_keep(t, &head->row, &size);
    }
    if (err == TRIS_OK && was_at_end && size == log->held && !store_log_is_at_end(log)) {
        size = log->has_seal ? log->seal.size : 0;
    }
    if (err == TRIS_OK && size == log->held && !store_log_is_at_end(log)) {
        epoch_unfold(t, log); /* it may grow again: what was built on it waits */
        epoch_refold(t, log);
    }
    if (err == TRIS_OK) {
        err = store_log_cut(t, log->no, size, log->own ? STORE_TAIL_DRAFT : STORE_TAIL_DROP);
    }
    if (err != TRIS_OK && txn_ok(t)) {
        txn_fail(t, err);
    }
}

bool end_is_bound(const struct log_row *row, enum store_end bound, const struct log_cut *bounds)
{
    return row->bound == bound && row->bounds.size == bounds->size &&
           tris_hash_eq(&row->bounds.root, &bounds->root);
}

void end_bind(struct store_txn *t, struct head *head, enum store_end bound,
              const struct log_cut *bounds)
{
    head->row.bound = bound;
    head->row.bounds = *bounds;
    end_changed(t, head);
}

enum tris_err store_log_rewind(struct store_txn *t, uint32_t no, uint64_t at, bool *cut)
{
    struct head *head = txn_head(t, no);
    *cut = false;
    if (head == NULL) {
        return t->err;
    }
    const struct store_log *log = &head->row.log;
    if (!end_is_exact(log) || store_log_is_at_end(log) || at >= log->held) {
        return TRIS_OK;
    }
    *cut = true;
    return store_log_cut(t, no, at, log->own ? STORE_TAIL_DRAFT : STORE_TAIL_DROP);
}
