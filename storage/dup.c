/* Duplicate indexes; see dup.h. */
#include "storage/dup.h"

#include "proto/text.h"

enum {
    FOLDED_BYTES_MAX = 1024,
    CANDIDATES_MAX = 64, /* of one name and district: a list of namesakes stays linear */
};

void dup_keys_of(const struct fields_plan *plan, const struct record *r, struct record_ref ref,
                 struct dup_keys *out)
{
    struct span source_id = fields_text(r, plan->source_id);
    struct span name = fields_text(r, plan->name);
    uint8_t within[RECORD_WITHIN_BYTES_MAX];
    struct wbuf place = wbuf_of(within, sizeof within);
    out->has_source = source_id.len > 0;
    if (out->has_source) {
        key_source_prefix(&out->source, plan->kind->number, fields_text(r, plan->source),
                          source_id);
        key_add_ref(&out->source, ref);
    }
    out->has_name = name.len > 0;
    if (out->has_name) {
        uint8_t folded[FOLDED_BYTES_MAX];
        struct wbuf w = wbuf_of(folded, sizeof folded);
        text_fold_name(name, &w);
        key_name_prefix(&out->name, plan->kind->number, record_within(r, &place), wbuf_span(&w));
        key_add_ref(&out->name, ref);
    }
}

static void update(struct store_txn *t, enum db_table table, const struct key *before,
                   const struct key *after)
{
    if (before != NULL && after != NULL && span_eq(key_span(before), key_span(after))) {
        return;
    }
    if (before != NULL) {
        txn_del(t, table, key_span(before));
    }
    if (after != NULL) {
        txn_append(t, table, after, span_of(NULL, 0));
    }
}

void dup_update(struct store_txn *t, const struct dup_keys *before, const struct dup_keys *after)
{
    update(t, DB_SOURCE, before != NULL && before->has_source ? &before->source : NULL,
           after != NULL && after->has_source ? &after->source : NULL);
    update(t, DB_NAME, before != NULL && before->has_name ? &before->name : NULL,
           after != NULL && after->has_name ? &after->name : NULL);
}

/* What a candidate must equal in its real texts. */
struct dup_wanted {
    bool by_source;
    bool unsourced; /* by name: only records without a source id of `source` */
    struct span source, source_id;
    struct span folded, within;
};

static bool matches(const struct fields_plan *plan, const struct record *r,
                    const struct dup_wanted *wanted)
{
    if (wanted->by_source) {
        return span_eq(fields_text(r, plan->source), wanted->source) &&
               span_eq(fields_text(r, plan->source_id), wanted->source_id);
    }
    if (wanted->unsourced && fields_text(r, plan->source_id).len > 0 &&
        span_eq(fields_text(r, plan->source), wanted->source)) {
        return false;
    }
    uint8_t folded[FOLDED_BYTES_MAX];
    struct wbuf w = wbuf_of(folded, sizeof folded);
    text_fold_name(fields_text(r, plan->name), &w);
    uint8_t within[RECORD_WITHIN_BYTES_MAX];
    struct wbuf place = wbuf_of(within, sizeof within);
    return span_eq(wbuf_span(&w), wanted->folded) &&
           span_eq(record_within(r, &place), wanted->within);
}

static enum tris_err check(struct store_view *v, const struct fields_plan *plan,
                           struct record_ref ref, const struct dup_wanted *wanted, bool *equal)
{
    struct store_record found;
    struct record *r = view_record(v);
    if (r == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    enum tris_err err = store_record_get(v, ref, &found);
    if (err == TRIS_OK) {
        err = record_decode(plan->kind, found.payload, r, NULL);
    }
    if (err != TRIS_OK) {
        return TRIS_ERR_CORRUPT;
    }
    *equal = matches(plan, r, wanted);
    return TRIS_OK;
}

/* In a write transaction the cursor that writes: what was not found is put where it then stands,
 * without another walk from the root. */
static enum tris_err open_cursor(struct store_view *v, enum db_table table, MDB_cursor **out)
{
    if (v->txn == NULL) {
        return view_cursor(v, table, out);
    }
    *out = txn_cursor(v->txn, table);
    return *out != NULL ? TRIS_OK : store_txn_err(v->txn);
}

static enum tris_err find(struct store_view *v, enum db_table table, const struct key *prefix,
                          const struct fields_plan *plan, const struct dup_wanted *wanted,
                          struct record_ref *out)
{
    MDB_cursor *cursor = NULL;
    enum tris_err err = open_cursor(v, table, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    uint32_t found = 0;
    uint32_t seen = 0;
    struct span key = key_span(prefix);
    struct span value;
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && found < 2 && seen < CANDIDATES_MAX && key_starts_with(key, prefix)) {
        struct record_ref ref;
        bool equal = false;
        if (key.len != prefix->len + (size_t)KEY_LOG_SEQ_BYTES) {
            /* a longer source id that begins like this one, with a zero byte behind it */
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
            continue;
        }
        seen++;
        err = key_tail_ref(key, &ref) ? check(v, plan, ref, wanted, &equal) : TRIS_ERR_CORRUPT;
        if (err == TRIS_OK && equal) {
            if (found == 0) {
                *out = ref;
            }
            found++;
        }
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    if (v->txn == NULL) {
        mdb_cursor_close(cursor);
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    return found == 0 ? TRIS_ERR_NOT_FOUND : found == 1 ? TRIS_OK : TRIS_ERR_AMBIGUOUS;
}

enum tris_err store_find_source(struct store_view *v, uint32_t kind, struct span source,
                                struct span source_id, struct record_ref *out)
{
    const struct fields_plan *plan = fields_find(&v->s->plans, kind);
    if (plan == NULL || plan->source_id == FIELDS_NONE || source_id.len == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    struct key prefix;
    struct dup_wanted wanted = {.by_source = true, .source = source, .source_id = source_id};
    key_source_prefix(&prefix, kind, source, source_id);
    return find(v, DB_SOURCE, &prefix, plan, &wanted, out);
}

enum tris_err store_count_source(struct store_view *v, uint32_t kind, struct span source,
                                 uint64_t max, uint64_t *count)
{
    MDB_cursor *cursor = NULL;
    struct key prefix;
    struct span value;
    *count = 0;
    enum tris_err err = open_cursor(v, DB_SOURCE, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    key_source_list(&prefix, kind, source);
    struct span key = key_span(&prefix);
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && *count < max && key_starts_with(key, &prefix)) {
        (*count)++;
        err = cursor_get(cursor, MDB_NEXT, &key, &value);
    }
    if (v->txn == NULL) {
        mdb_cursor_close(cursor);
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

static enum tris_err find_name(struct store_view *v, uint32_t kind, struct span name,
                               struct span within, struct dup_wanted *wanted,
                               struct record_ref *out)
{
    const struct fields_plan *plan = fields_find(&v->s->plans, kind);
    if (plan == NULL || plan->name == FIELDS_NONE || name.len == 0) {
        return TRIS_ERR_NOT_FOUND;
    }
    struct key prefix;
    uint8_t folded[FOLDED_BYTES_MAX];
    struct wbuf w = wbuf_of(folded, sizeof folded);
    text_fold_name(name, &w);
    wanted->folded = wbuf_span(&w);
    wanted->within = within;
    key_name_prefix(&prefix, kind, within, wanted->folded);
    return find(v, DB_NAME, &prefix, plan, wanted, out);
}

enum tris_err store_find_name(struct store_view *v, uint32_t kind, struct span name,
                              struct span within, struct record_ref *out)
{
    struct dup_wanted wanted = {.by_source = false};
    return find_name(v, kind, name, within, &wanted, out);
}

enum tris_err store_find_unsourced(struct store_view *v, uint32_t kind, struct span name,
                                   struct span within, struct span source, struct record_ref *out)
{
    struct dup_wanted wanted = {.unsourced = true, .source = source};
    return find_name(v, kind, name, within, &wanted, out);
}
