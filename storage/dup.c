/* Duplicate indexes; see dup.h. */
#include "storage/dup.h"

#include "proto/text.h"
#include "storage/levels.h"

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

static bool same(const struct key *before, const struct key *after)
{
    return before != NULL && after != NULL && span_eq(key_span(before), key_span(after));
}

static void update_source(struct store_txn *t, const struct key *before, const struct key *after)
{
    if (before != NULL) {
        txn_del(t, DB_SOURCE, key_span(before));
    }
    if (after != NULL) {
        txn_append(t, DB_SOURCE, after, span_of(NULL, 0));
    }
}

static void update_name(struct store_txn *t, const struct key *before, const struct key *after)
{
    if (before != NULL) {
        levels_del(t, DB_NAME, before);
    }
    if (after != NULL) {
        levels_put(t, DB_NAME, after);
    }
}

void dup_update(struct store_txn *t, const struct dup_keys *before, const struct dup_keys *after)
{
    const struct key *old = before != NULL && before->has_source ? &before->source : NULL;
    const struct key *now = after != NULL && after->has_source ? &after->source : NULL;
    if (!same(old, now)) {
        update_source(t, old, now);
    }
    old = before != NULL && before->has_name ? &before->name : NULL;
    now = after != NULL && after->has_name ? &after->name : NULL;
    if (!same(old, now)) {
        update_name(t, old, now);
    }
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

/* What a search over one table or two has seen. */
struct dup_search {
    const struct key *prefix;
    const struct fields_plan *plan;
    const struct dup_wanted *wanted;
    uint32_t found, seen;
    struct record_ref first;
};

static bool is_before(struct record_ref a, struct record_ref b)
{
    return a.log_no != b.log_no ? a.log_no < b.log_no : a.seq < b.seq;
}

static enum tris_err look_at(struct store_view *v, struct dup_search *search, struct span key)
{
    struct record_ref ref;
    bool equal = false;
    if (key.len != search->prefix->len + (size_t)KEY_LOG_SEQ_BYTES) {
        return TRIS_OK; /* a longer source id that begins like this one, a zero byte behind it */
    }
    search->seen++;
    enum tris_err err = key_tail_ref(key, &ref)
                            ? check(v, search->plan, ref, search->wanted, &equal)
                            : TRIS_ERR_CORRUPT;
    if (err == TRIS_OK && equal) {
        search->first = search->found == 0 || is_before(ref, search->first) ? ref : search->first;
        search->found++;
    }
    return err;
}

static enum tris_err search_table(struct store_view *v, enum db_table table,
                                  struct dup_search *search)
{
    MDB_cursor *cursor = NULL;
    enum tris_err err = open_cursor(v, table, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    struct span key = key_span(search->prefix);
    struct span value;
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && search->found < 2 && search->seen < CANDIDATES_MAX &&
           key_starts_with(key, search->prefix)) {
        err = look_at(v, search, key);
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        }
    }
    if (v->txn == NULL) {
        mdb_cursor_close(cursor);
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* What this transaction has added and not yet written. */
static enum tris_err search_pending(struct store_view *v, enum db_table table,
                                    struct dup_search *search)
{
    uint32_t at = 0;
    const struct key *key;
    enum tris_err err = TRIS_OK;
    while (err == TRIS_OK && search->found < 2 && search->seen < CANDIDATES_MAX &&
           (key = levels_pending(v->txn, table, search->prefix, &at)) != NULL) {
        err = look_at(v, search, key_span(key));
    }
    return err;
}

static enum tris_err search_result(const struct dup_search *search, enum tris_err err,
                                   struct record_ref *out)
{
    if (err != TRIS_OK) {
        return err;
    }
    if (search->found > 0) {
        *out = search->first;
    }
    return search->found == 0   ? TRIS_ERR_NOT_FOUND
           : search->found == 1 ? TRIS_OK
                                : TRIS_ERR_AMBIGUOUS;
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
    struct dup_search search = {.prefix = &prefix, .plan = plan, .wanted = &wanted};
    return search_result(&search, search_table(v, DB_SOURCE, &search), out);
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
    struct dup_search search = {.prefix = &prefix, .plan = plan, .wanted = wanted};
    enum tris_err err = v->txn != NULL ? search_pending(v, DB_NAME, &search) : TRIS_OK;
    if (v->txn == NULL || levels_maybe(v->txn, DB_NAME, &prefix)) {
        err = err == TRIS_OK ? search_table(v, DB_NAME, &search) : err;
        err = err == TRIS_OK ? search_table(v, levels_fresh(DB_NAME), &search) : err;
    }
    return search_result(&search, err, out);
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
