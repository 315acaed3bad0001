/* Indexes over own records that find duplicates: by (source, source id), by folded name and what
 * tells namesakes apart (record_within). Hashes and prefixes only narrow the search; whoever finds
 * compares the real texts. */
#ifndef TRIS_STORAGE_DUP_H
#define TRIS_STORAGE_DUP_H

#include "storage/txn.h"

struct dup_keys {
    bool has_source, has_name;
    struct key source, name;
};

void dup_keys_of(const struct fields_plan *plan, const struct record *r, struct record_ref ref,
                 struct dup_keys *out);
/* Replaces the rows of a record; either may be NULL (none before, none after). */
void dup_update(struct store_txn *t, const struct dup_keys *before, const struct dup_keys *after);

#endif
