/* Reading records: one by reference, lists in key order, the entries that made one. */
#include "proto/assert.h"
#include "storage/txn.h"

enum { EXAMINE_MAX = 4096, HOUSE_LOGS_MAX = 64 };

enum tris_err view_record_row(struct store_view *v, struct record_ref ref, struct record_row *out)
{
    struct key key;
    struct span value;
    key_log_seq(&key, ref.log_no, ref.seq);
    enum tris_err err = view_get(v, DB_RECORD, key_span(&key), &value);
    return err == TRIS_OK ? row_record_decode(value, ref.log_no, out) : err;
}

static enum tris_err record_fill(struct store_view *v, struct record_ref ref,
                                 const struct record_row *row, struct store_record *out)
{
    struct entry entry;
    struct log_row log;
    enum tris_err err = store_entry_get(v, row->put.log_no, row->put.seq, &entry);
    if (err == TRIS_OK) {
        err = view_log_row(v, row->effective.log_no, &log);
    }
    if (err != TRIS_OK) {
        return TRIS_ERR_CORRUPT;
    }
    *out = (struct store_record){
        .ref = ref,
        .kind = row->kind,
        .scope = row->scope,
        .ended = row->ended,
        .end_reason = row->end_reason,
        .created_ms = row->created_ms,
        .updated_ms = row->updated_ms,
        .last_seq = row->put.seq,
        .last_log = row->put.log_no,
        .changes = row->changes,
        .unsealed = log.log.own && log.log.ref.topic != TRIS_TOPIC_LOCAL &&
                    row->effective.seq >= (log.log.has_seal ? log.log.seal.size : 0) &&
                    row->effective.seq >= log.log.whole,
        .payload = entry.payload,
    };
    return TRIS_OK;
}

enum tris_err store_record_get(struct store_view *v, struct record_ref ref,
                               struct store_record *out)
{
    struct record_row row;
    enum tris_err err = view_record_row(v, ref, &row);
    return err == TRIS_OK ? record_fill(v, ref, &row, out) : err;
}

/* ---- lists ---- */

static bool scope_wanted(const struct record_filter *f, enum schema_scope scope)
{
    if (f->local == f->national) {
        return true;
    }
    return f->local ? scope == SCOPE_LOCAL : scope != SCOPE_LOCAL;
}

static bool row_wanted(const struct record_filter *f, const struct record_row *row)
{
    return row->kind == f->kind && scope_wanted(f, row->scope) && (f->with_ended || !row->ended) &&
           strncmp(row->dims.region, f->region, strlen(f->region)) == 0;
}

/* One walk over a table whose keys end in a record reference. */
struct record_walk {
    struct store_view *v;
    const struct record_filter *filter;
    MDB_cursor *cursor;
    uint32_t examined;
    struct record_ref *at; /* the caller's cursor */
};

/* From `start` on, as long as keys have this prefix. TRIS_ERR_NOT_FOUND: none left there. */
static enum tris_err walk(struct record_walk *w, const struct key *start, const struct key *prefix,
                          bool rows_in_value, struct store_record *out)
{
    const struct record_ref after = *w->at;
    struct span key = key_span(start);
    struct span value;
    enum tris_err err = cursor_get(w->cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && key_starts_with(key, prefix)) {
        struct record_ref ref;
        struct record_row row;
        if (!key_tail_ref(key, &ref)) {
            return TRIS_ERR_CORRUPT;
        }
        if (ref.log_no == after.log_no && ref.seq == after.seq) {
            err = cursor_get(w->cursor, MDB_NEXT, &key, &value);
            continue;
        }
        if (w->examined == EXAMINE_MAX) {
            return TRIS_ERR_NOT_READY;
        }
        w->examined++;
        err = rows_in_value ? row_record_decode(value, ref.log_no, &row)
                            : view_record_row(w->v, ref, &row);
        if (err != TRIS_OK) {
            return TRIS_ERR_CORRUPT;
        }
        *w->at = ref;
        if (row_wanted(w->filter, &row)) {
            return record_fill(w->v, ref, &row, out);
        }
        err = cursor_get(w->cursor, MDB_NEXT, &key, &value);
    }
    return err == TRIS_OK ? TRIS_ERR_NOT_FOUND : err;
}

/* Numbers of the house's logs that hold records of the wanted scopes, ascending. */
static enum tris_err house_logs(struct store_view *v, const struct tris_house_id *house,
                                const struct record_filter *f, uint32_t nos[HOUSE_LOGS_MAX],
                                size_t *count)
{
    MDB_cursor *cursor = NULL;
    struct key prefix;
    struct span value;
    key_house(&prefix, house);
    struct span key = key_span(&prefix);
    enum tris_err err = view_cursor(v, DB_HOUSE, &cursor);
    if (err != TRIS_OK) {
        return err;
    }
    *count = 0;
    err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
    while (err == TRIS_OK && key_starts_with(key, &prefix) && *count < HOUSE_LOGS_MAX) {
        enum tris_topic topic;
        uint32_t no;
        if (!key_read_house_log(key, &topic, &no)) {
            err = TRIS_ERR_CORRUPT;
            break;
        }
        bool wanted = topic == TRIS_TOPIC_LOCAL  ? scope_wanted(f, SCOPE_LOCAL)
                      : topic == TRIS_TOPIC_DATA ? scope_wanted(f, SCOPE_NATIONAL)
                                                 : false;
        if (wanted) {
            size_t i = (*count)++;
            while (i > 0 && nos[i - 1] > no) {
                nos[i] = nos[i - 1];
                i--;
            }
            nos[i] = no;
        }
        err = cursor_get(cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* `by_region`: the kind has no district, so its records of one log stand together in `region`. */
static enum tris_err next_of_house(struct record_walk *w, const struct tris_house_id *house,
                                   bool by_region, struct store_record *out)
{
    uint32_t nos[HOUSE_LOGS_MAX];
    size_t count = 0;
    const bool fresh = w->at->log_no == UINT32_MAX;
    const struct record_ref after = *w->at;
    enum tris_err err = house_logs(w->v, house, w->filter, nos, &count);
    for (size_t i = 0; i < count && err == TRIS_OK; i++) {
        if (!fresh && nos[i] < after.log_no) {
            continue;
        }
        struct key start;
        struct key prefix;
        const struct record_ref from = {nos[i], !fresh && nos[i] == after.log_no ? after.seq : 0};
        if (by_region) {
            key_region(&start, w->filter->kind, "", from);
            prefix = start;
            prefix.len = (uint8_t)(prefix.len - sizeof from.seq);
        } else {
            key_log(&prefix, nos[i]);
            key_log_seq(&start, nos[i], from.seq);
        }
        err = walk(w, &start, &prefix, !by_region, out);
        if (err != TRIS_ERR_NOT_FOUND) {
            return err;
        }
        err = TRIS_OK;
    }
    return err == TRIS_OK ? TRIS_ERR_NOT_FOUND : err;
}

static enum tris_err next_of_region(struct record_walk *w, struct store_record *out)
{
    struct key prefix;
    key_region_prefix(&prefix, w->filter->kind, w->filter->region);
    struct key start = prefix;
    if (w->at->log_no != UINT32_MAX) {
        struct record_row row;
        enum tris_err err = view_record_row(w->v, *w->at, &row);
        if (err != TRIS_OK) {
            return err;
        }
        /* if it moved to another region meanwhile, the list goes on behind its new place */
        key_region(&start, w->filter->kind, row.dims.region, *w->at);
        if (memcmp(start.b, prefix.b, prefix.len) < 0) {
            start = prefix;
        }
    }
    return walk(w, &start, &prefix, false, out);
}

enum tris_err store_record_next(struct store_view *v, const struct record_filter *filter,
                                struct record_ref *cursor, struct store_record *out)
{
    const struct fields_plan *plan = fields_find(&v->s->plans, filter->kind);
    if (plan == NULL) {
        return TRIS_ERR_NOT_FOUND;
    }
    tris_assert(memchr(filter->region, '\0', sizeof filter->region) != NULL);
    struct record_walk w = {.v = v, .filter = filter, .at = cursor};
    const bool local_only = filter->local && !filter->national;
    const bool by_log = filter->by_house || local_only;
    const bool by_region = !by_log || plan->region == FIELDS_NONE;
    enum tris_err err = view_cursor(v, by_region ? DB_REGION : DB_RECORD, &w.cursor);
    if (err != TRIS_OK) {
        return err;
    }
    if (by_log) {
        /* local records exist of the own house only */
        err = next_of_house(&w, filter->by_house ? &filter->house : &v->s->own, by_region, out);
    } else {
        err = next_of_region(&w, out);
    }
    mdb_cursor_close(w.cursor);
    return err;
}

/* ---- entries of a record ---- */

enum tris_err view_inert(const struct store_view *v, uint32_t no, uint64_t seq,
                         struct inert_row *out)
{
    struct key key;
    struct span value;
    key_log_seq(&key, no, seq);
    enum tris_err err = view_get(v, DB_INERT, key_span(&key), &value);
    return err == TRIS_OK ? row_inert_decode(value, no, out) : err;
}

/* What is noted of an effective change that is the first one of its log. */
static enum tris_err view_cross(const struct store_view *v, uint32_t no, uint64_t seq,
                                struct cross_row *out)
{
    struct key key;
    struct span value;
    key_log_seq(&key, no, seq);
    enum tris_err err = view_get(v, DB_CROSS, key_span(&key), &value);
    err = err == TRIS_OK ? row_cross_decode(value, out) : err;
    return err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
}

/* Of an effective entry. */
static enum tris_err effective_prev(struct store_view *v, uint32_t no, uint64_t seq,
                                    struct record_ref *prev)
{
    struct entry entry;
    struct entry_header header;
    struct cross_row cross;
    enum tris_err err = store_entry_get(v, no, seq, &entry);
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &header) == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
    }
    if (err != TRIS_OK) {
        return err;
    }
    *prev = (struct record_ref){no, header.has_prev ? header.prev : SEQ_NONE};
    if (header.has_record && !header.has_prev) {
        err = view_cross(v, no, seq, &cross);
        *prev = cross.prev;
        return err;
    }
    return header.has_prev && header.prev >= seq ? TRIS_ERR_CORRUPT : TRIS_OK;
}

enum tris_err view_entry_prev(struct store_view *v, uint32_t no, uint64_t seq,
                              struct record_ref *prev)
{
    struct inert_row inert;
    enum tris_err err = view_inert(v, no, seq, &inert);
    if (err == TRIS_OK) {
        *prev = inert.prev;
        return inert.names ? TRIS_OK : TRIS_ERR_NOT_FOUND;
    }
    return err == TRIS_ERR_NOT_FOUND ? effective_prev(v, no, seq, prev) : err;
}

enum tris_err view_put_before(struct store_view *v, uint32_t no, uint64_t seq,
                              struct record_ref *prev, struct record_ref *put)
{
    struct inert_row inert = {0};
    struct cross_row cross;
    enum tris_err err = view_entry_prev(v, no, seq, prev);
    if (err != TRIS_OK || prev->seq == SEQ_NONE) {
        return err == TRIS_OK || err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_CORRUPT : err;
    }
    if (prev->log_no != no) { /* both are noted */
        err = view_cross(v, no, seq, &cross);
        *put = cross.put;
        return err;
    }
    err = view_inert(v, no, prev->seq, &inert);
    /* no end can be before an effective change: an effective entry is the put itself */
    *put = err == TRIS_OK ? inert.put : *prev;
    if (err == TRIS_OK &&
        (!inert.names || (inert.put.log_no == no && inert.put.seq >= prev->seq))) {
        return TRIS_ERR_CORRUPT;
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_record_history(struct store_view *v, struct record_ref ref,
                                   struct record_ref *at)
{
    if (at->seq == UINT64_MAX) {
        struct record_row row;
        enum tris_err err = view_record_row(v, ref, &row);
        if (err == TRIS_OK) {
            *at = row.named;
        }
        return err;
    }
    struct record_ref prev;
    enum tris_err err = view_entry_prev(v, at->log_no, at->seq, &prev);
    if (err != TRIS_OK) {
        return err;
    }
    if (prev.seq == SEQ_NONE) {
        return TRIS_ERR_NOT_FOUND;
    }
    *at = prev;
    return TRIS_OK;
}

enum tris_err store_entry_effect(struct store_view *v, uint32_t no, uint64_t seq,
                                 enum tris_err *reason)
{
    struct entry entry;
    struct inert_row inert = {.reason = TRIS_ERR_NOT_READY};
    struct log_row log;
    enum tris_err err = store_entry_get(v, no, seq, &entry);
    if (err == TRIS_OK) {
        err = view_log_row(v, no, &log);
    }
    if (err != TRIS_OK) {
        return err;
    }
    if (seq < log.first_hole) {
        err = view_inert(v, no, seq, &inert);
    }
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    *reason = err == TRIS_OK ? inert.reason : TRIS_OK;
    return TRIS_OK;
}
