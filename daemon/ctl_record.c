/* Control methods record.list, record.show, record.history: reading records. */
#include "daemon/ctl_filter.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_out.h"
#include "daemon/releases.h"

/* One call examines so many bounded steps of the store; a page may then be short but not the end,
 * which its cursor says. */
enum { LIST_STEPS_MAX = 4, LIST_ASKED_MAX = 2048, SEARCH_BATCH = 64 };

struct list_query {
    struct record_filter filter; /* what the store's own order of records answers */
    struct filter asked;         /* what is asked of each record */
    const struct kind *kind;     /* NULL: of every kind, only with `match` */
    struct span match;
    struct record_ref cursor;
    uint64_t limit;
    struct releases releases; /* what the coordination says of them */
};

/* A word search knows nothing of the other conditions; they are asked of each hit. */
static bool passes(struct store_view *v, const struct list_query *q, const struct store_record *r)
{
    struct store_log log;
    const struct record_filter *f = &q->filter;
    const struct kind *kind = schema_kind(r->kind);
    if (kind == NULL || (q->kind != NULL && kind != q->kind) || (r->ended && !f->with_ended) ||
        (f->local != f->national && (r->scope == SCOPE_LOCAL) != f->local)) {
        return false;
    }
    if (f->by_house && (store_log_get(v, r->ref.log_no, &log) != TRIS_OK ||
                        !tris_house_id_eq(&log.ref.house, &f->house))) {
        return false;
    }
    return true;
}

static void put_record(struct out *o, struct store_view *v, const struct list_query *q,
                       const struct store_record *r)
{
    out_map(o, NULL);
    out_record(o, v, r);
    releases_put(&q->releases, o, r);
    out_end(o);
}

/* Both return TRIS_OK if there may be more behind q->cursor, TRIS_ERR_NOT_FOUND at the end. */
static enum tris_err list_in_order(struct out *o, struct store_view *v, struct list_query *q)
{
    struct store_record r;
    int steps = 0;
    uint32_t asked = 0;
    for (uint64_t n = 0; n < q->limit && asked < LIST_ASKED_MAX && out_has_room(o); asked++) {
        enum tris_err err = store_record_next(v, &q->filter, &q->cursor, &r);
        if (err == TRIS_OK) {
            if (filter_passes(&q->asked, o->d, v, &r, o->today, &o->record)) {
                put_record(o, v, q, &r);
                n++;
            }
        } else if (err != TRIS_ERR_NOT_READY || ++steps == LIST_STEPS_MAX) {
            return err == TRIS_ERR_NOT_READY ? TRIS_OK : err;
        }
    }
    return TRIS_OK;
}

static enum tris_err list_by_words(struct out *o, struct store_view *v, struct list_query *q)
{
    struct record_ref hits[SEARCH_BATCH];
    struct store_record r;
    uint64_t n = 0;
    for (int steps = 0; steps < LIST_STEPS_MAX; steps++) {
        struct record_ref cursor = q->cursor;
        size_t count = 0;
        enum tris_err err = store_word_search(v, q->match, &cursor, hits, SEARCH_BATCH, &count);
        for (size_t i = 0; i < count; i++) {
            if (n == q->limit || !out_has_room(o)) {
                return TRIS_OK;
            }
            q->cursor = hits[i];
            if (store_record_get(v, hits[i], &r) == TRIS_OK && passes(v, q, &r) &&
                filter_passes(&q->asked, o->d, v, &r, o->today, &o->record)) {
                put_record(o, v, q, &r);
                n++;
            }
        }
        q->cursor = cursor;
        if (err != TRIS_ERR_NOT_READY && (err != TRIS_OK || count < SEARCH_BATCH)) {
            return err == TRIS_OK ? TRIS_ERR_NOT_FOUND : err;
        }
    }
    return TRIS_OK;
}

/* Fills the query from the parameters; false if the token was answered. */
static bool read_query(struct daemon *d, uint64_t token, struct ctl_in *in, struct list_query *q)
{
    memset(q, 0, sizeof *q);
    q->match = ctl_in_text(in, "match", 256);
    q->kind = ctl_in_has(in, "kind") || q->match.len == 0 ? ctl_in_kind(in, "kind") : NULL;
    enum schema_scope scope = ctl_in_scope(in, "scope");
    struct span region = ctl_in_text(in, "region", 5);
    struct span after = ctl_in_text(in, "after", 47);
    q->limit = ctl_in_uint(in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    q->filter.with_ended = ctl_in_bool(in, "ended");
    q->filter.local = scope == SCOPE_LOCAL;
    q->filter.national = scope == SCOPE_NATIONAL;
    q->cursor = (struct record_ref){UINT32_MAX, 0};
    if (region.len != 0 && region.len != 2 && region.len != 5) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "region", "2 digits (a state) or 5 (a district)");
    }
    if (after.len > 0 && !in_cursor(after, &q->cursor)) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "after", "this is no cursor of record.list");
    }
    if (q->limit == 0) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "limit", "1 to 200");
    }
    filter_read(in, q->kind, &q->asked);
    /* the store knows the district of records that have one; a word search knows none */
    const bool by_store = q->match.len == 0 && q->kind != NULL &&
                          schema_field_by_name(q->kind, span_str("region")) != NULL;
    span_copy(region, by_store ? q->filter.region : q->asked.region, sizeof q->filter.region);
    if (ctl_in_has(in, "house")) {
        uint32_t index = 0;
        if (!in_house(d, token, in, "house", &index)) {
            return false;
        }
        q->filter.by_house = true;
        q->filter.house = members_line(&d->members, index)->id;
    } else if (!ctl_in_ok(d, token, in)) {
        return false;
    }
    q->filter.kind = q->kind != NULL ? q->kind->number : KIND_NONE;
    return true;
}

void ctl_record_list(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"kind",  "scope", "house", "region", "ended",
                                       "match", "where", "after", "limit",  NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct list_query q;
    struct store_view *v = NULL;
    if (!read_query(d, token, &in, &q)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    if (releases_ask(q.filter.kind)) {
        releases_load(d, v, &o->record, &q.releases);
    }
    out_list(o, "items");
    enum tris_err err = q.match.len > 0 ? list_by_words(o, v, &q) : list_in_order(o, v, &q);
    out_end(o);
    if (q.match.len > 0) {
        out_uint(o, "word_behind", store_word_behind(v));
    }
    store_view_end(v);
    releases_free(&q.releases);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        out_reply_error(o, err, NULL, "tris audit"); /* not to be taken for the end */
        return;
    }
    if (err == TRIS_OK) {
        out_cursor(o, q.cursor);
    }
    out_reply(o);
}

/* Begins an answer about the record named by "id": view and record; NULL if answered. */
static struct out *open_record(struct daemon *d, uint64_t token, struct ctl_in *in,
                               struct store_view **v, struct store_record *record)
{
    struct span id = ctl_in_need_text(in, "id", 127);
    struct record_ref ref;
    *v = NULL;
    if (!ctl_in_ok(d, token, in)) {
        return NULL;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return NULL;
    }
    enum tris_err err = daemon_view(d, v);
    if (err == TRIS_OK) {
        err = resolve_record(d, id, &ref);
    }
    if (err == TRIS_OK) {
        err = store_record_get(*v, ref, record);
    }
    if (err == TRIS_OK) {
        return o;
    }
    if (*v != NULL) {
        store_view_end(*v);
    }
    out_reply_error(o, err, err == TRIS_ERR_NOT_FOUND ? "there is no such record here" : NULL,
                    "tris partner list");
    return NULL;
}

void ctl_record_show(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"id", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct store_view *v;
    struct store_record record;
    struct out *o = open_record(d, token, &in, &v, &record);
    if (o == NULL) {
        return;
    }
    out_record(o, v, &record);
    struct releases releases = {NULL, 0};
    if (releases_ask(record.kind)) {
        releases_load(d, v, &o->record, &releases);
        releases_put(&releases, o, &record);
        releases_free(&releases);
    }
    out_bin(o, "payload", record.payload);
    store_view_end(v);
    out_reply(o);
}

/* One entry of a record's history; the fields only if the payload is still there. */
static void put_change(struct out *o, struct store_view *v, const struct store_log *log,
                       uint64_t seq, uint32_t kind)
{
    struct entry entry;
    struct entry_header h;
    enum tris_err effect = TRIS_OK;
    char buffer[24];
    if (store_entry_get(v, log->no, seq, &entry) != TRIS_OK ||
        entry_peek_header(&entry, &h) != TRIS_OK) {
        return;
    }
    if (store_entry_effect(v, log->no, seq, &effect) != TRIS_OK) {
        effect = TRIS_ERR_CORRUPT;
    }
    out_map(o, NULL);
    out_uint(o, "seq", seq);
    out_text(o, "verb", out_verb_name(h.verb, buffer));
    out_uint(o, "time_ms", h.time_ms);
    out_text(o, "effect", effect == TRIS_OK ? "ok" : tris_err_name(effect));
    out_bool(o, "sealed", log->has_seal && seq < log->seal.size);
    out_fields(o, h.verb == VERB_PUT && entry.whole ? kind : KIND_NONE, entry.payload);
    out_end(o);
}

void ctl_record_history(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"id", "after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const uint64_t after = ctl_in_uint(&in, "after", UINT64_MAX, UINT64_MAX);
    uint64_t limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    struct store_view *v;
    struct store_record record;
    struct store_log log;
    struct out *o = open_record(d, token, &in, &v, &record);
    if (o == NULL) {
        return;
    }
    struct record_ref at = {record.ref.log_no, after};
    enum tris_err err = TRIS_OK;
    out_list(o, "items");
    for (; err == TRIS_OK && limit > 0 && out_has_room(o); limit--) {
        err = store_record_history(v, record.ref, &at);
        if (err == TRIS_OK) {
            err = store_log_get(v, at.log_no, &log);
        }
        if (err == TRIS_OK) {
            put_change(o, v, &log, at.seq, record.kind);
        }
    }
    out_end(o);
    if (err == TRIS_OK) {
        out_uint(o, "after", at.seq);
    }
    store_view_end(v);
    out_reply(o);
}
