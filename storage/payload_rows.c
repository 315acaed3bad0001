/* Index rows of a record's payload; see payload_rows.h. */
#include "storage/payload_rows.h"

bool payload_rows_any(const struct head *head, const struct fields_plan *plan)
{
    return head->row.log.own || plan->matched;
}

void payload_rows_of(const struct head *head, const struct fields_plan *plan,
                     const struct record *record, struct record_ref ref, struct payload_rows *out)
{
    if (head->row.log.own) {
        dup_keys_of(plan, record, ref, &out->dup);
    }
    match_rows_of(plan, record, ref, &out->match);
}

void payload_rows_update(struct store_txn *t, const struct head *head,
                         const struct payload_rows *before, const struct payload_rows *after)
{
    if (head->row.log.own) {
        dup_update(t, before != NULL ? &before->dup : NULL, after != NULL ? &after->dup : NULL);
    }
    match_update(t, before != NULL ? &before->match : NULL, after != NULL ? &after->match : NULL);
}
