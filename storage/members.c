/* Membership: statements are loaded and evaluated, logs follow; see members.h. */
#include "storage/members.h"

#include <stdlib.h>

#include "storage/end.h"

/* ---- loading ---- */

enum { CHUNK_BYTES = 256 * 1024, STATEMENTS_FIRST = 64 };
_Static_assert((int)CHUNK_BYTES >= (int)TRIS_HOUSE_LINE_BYTES_MAX, "a card fits");

/* Chunks, so that what points into one stays good. */
struct members_bytes {
    struct members_bytes *next;
    size_t used;
    uint8_t b[CHUNK_BYTES];
};

void store_members_fini(struct store_members *m)
{
    member_set_fini(&m->set);
    free(m->statement);
    while (m->bytes != NULL) {
        struct members_bytes *next = m->bytes->next;
        free(m->bytes);
        m->bytes = next;
    }
    memset(m, 0, sizeof *m);
}

static enum tris_err keep_card(struct store_members *m, struct span *card)
{
    if (card->len == 0) {
        return TRIS_OK;
    }
    if (m->bytes == NULL || card->len > CHUNK_BYTES - m->bytes->used) {
        struct members_bytes *chunk = malloc(sizeof *chunk);
        if (chunk == NULL) {
            return TRIS_ERR_NO_MEMORY;
        }
        chunk->next = m->bytes;
        chunk->used = 0;
        m->bytes = chunk;
    }
    uint8_t *to = m->bytes->b + m->bytes->used;
    memcpy(to, card->ptr, card->len);
    m->bytes->used += card->len;
    *card = span_of(to, card->len);
    return TRIS_OK;
}

static enum tris_err make_room(struct store_members *m, uint32_t *room)
{
    if (m->count < *room) {
        return TRIS_OK;
    }
    if (m->count == MEMBER_STATEMENTS_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    const uint32_t more = *room == 0 ? STATEMENTS_FIRST : *room * 2;
    struct member_statement *grown = realloc(m->statement, more * sizeof *grown);
    if (grown == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    m->statement = grown;
    *room = more;
    return TRIS_OK;
}

/* Entries of the log that count: what others may hold too. */
static uint64_t settled_size(const struct store_log *log)
{
    return store_log_is_at_end(log) ? log->end : log->has_seal ? log->seal.size : 0;
}

static enum tris_err read_statement(struct store_view *v, struct record_ref at,
                                    const struct store_log *log, struct member_statement *out)
{
    struct entry entry;
    struct entry_header header = {0};
    enum tris_err err = store_entry_get(v, at.log_no, at.seq, &entry);
    if (err == TRIS_OK) {
        err = entry_peek_header(&entry, &header);
    }
    if (err == TRIS_OK) {
        err = statement_decode(header.verb, entry.payload, false, &out->what);
    }
    out->by = log->ref;
    out->seq = at.seq;
    out->time_ms = header.time_ms;
    return err == TRIS_OK ? TRIS_OK : TRIS_ERR_CORRUPT;
}

static enum tris_err load_row(struct store_view *v, struct span key, struct store_members *m,
                              uint32_t *room)
{
    struct tris_house_id about;
    struct record_ref at;
    struct store_log log;
    if (!key_read_target(key, &about, &at) || store_log_get(v, at.log_no, &log) != TRIS_OK) {
        return TRIS_ERR_CORRUPT;
    }
    if (at.seq >= settled_size(&log)) {
        return TRIS_OK;
    }
    enum tris_err err = make_room(m, room);
    if (err == TRIS_OK) {
        err = read_statement(v, at, &log, &m->statement[m->count]);
    }
    if (err == TRIS_OK) {
        err = keep_card(m, &m->statement[m->count].what.card);
    }
    m->count += err == TRIS_OK ? 1 : 0;
    return err;
}

static enum tris_err load(struct store_view *v, struct store_members *m)
{
    MDB_cursor *cursor = NULL;
    struct span key = {NULL, 0};
    struct span value;
    uint32_t room = 0;
    enum tris_err err = view_settle(v);
    if (err == TRIS_OK) {
        err = view_cursor(v, DB_TARGET, &cursor);
    }
    if (err != TRIS_OK) {
        return err;
    }
    err = cursor_get(cursor, MDB_FIRST, &key, &value);
    while (err == TRIS_OK) {
        err = load_row(v, key, m, &room);
        if (err == TRIS_OK) {
            err = cursor_get(cursor, MDB_NEXT, &key, &value);
        } else if (err == TRIS_ERR_NOT_FOUND) {
            err = TRIS_ERR_CORRUPT;
        }
    }
    mdb_cursor_close(cursor);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

enum tris_err store_members_evaluate(struct store_view *v, const struct charter *charter,
                                     struct store_members *out)
{
    memset(out, 0, sizeof *out);
    enum tris_err err = load(v, out);
    if (err == TRIS_OK) {
        err = member_evaluate(charter, out->statement, out->count, &out->set);
    }
    if (err != TRIS_OK) {
        memset(&out->set, 0, sizeof out->set);
        store_members_fini(out);
    }
    return err;
}

/* ---- applying ---- */

bool store_members_stale(const struct store_txn *t)
{
    return t->members_stale;
}

struct applying {
    struct store_txn *t;
    const struct member_set *set;
    void (*changed)(void *ctx, const struct store_members_change *change);
    void *ctx;
};

static bool has_logs(const struct member_opening *o)
{
    return o->ever && o->opening.role != TRIS_ROLE_OBSERVER;
}

static enum tris_err make_log(const struct applying *a, const struct opening *o,
                              enum tris_topic topic)
{
    struct tris_log_ref ref;
    uint32_t before = 0;
    uint32_t no = 0;
    opening_log_ref(o, topic, &ref);
    enum tris_err err = store_log_count(&a->t->view, &before);
    if (err == TRIS_OK) {
        err = store_log_ensure(a->t, &ref, &no);
    }
    if (err == TRIS_OK && no >= before) {
        a->changed(a->ctx, &(struct store_members_change){.log_no = no, .made = true});
    }
    return err;
}

static enum tris_err make_logs(const struct applying *a)
{
    enum tris_err err = TRIS_OK;
    for (uint32_t i = 0; i < a->set->opening_count && err == TRIS_OK; i++) {
        const struct member_opening *o = &a->set->opening[i];
        if (has_logs(o)) {
            err = make_log(a, &o->opening, TRIS_TOPIC_GOV);
        }
        if (has_logs(o) && err == TRIS_OK) {
            err = make_log(a, &o->opening, TRIS_TOPIC_DATA);
        }
    }
    return err;
}

/* Is it the only opening of its epoch that counts? Of a later epoch nothing else may change the
 * records of earlier ones. */
static bool is_the_one(const struct member_set *set, uint32_t i)
{
    const struct opening *o = &set->opening[i].opening;
    const struct member_house *h = &set->house[member_find(set, &o->house)];
    uint32_t count = 0;
    for (uint32_t k = h->opening_first; k < h->opening_first + h->opening_count; k++) {
        count += set->opening[k].opening.epoch == o->epoch && set->opening[k].counts ? 1 : 0;
    }
    return o->epoch == 0 || (count == 1 && set->opening[i].counts);
}

/* What membership says of a log. */
static enum store_end bound_of(const struct member_set *set, const struct tris_log_ref *ref,
                               struct log_cut *bounds)
{
    const uint32_t i = member_opening_of_log(set, ref);
    memset(bounds, 0, sizeof *bounds);
    if (i == UINT32_MAX || !has_logs(&set->opening[i])) {
        return STORE_END_OUTSIDE;
    }
    const struct member_opening *o = &set->opening[i];
    if (ref->topic == TRIS_TOPIC_DATA && !is_the_one(set, i)) {
        return STORE_END_OUTSIDE;
    }
    if (ref->topic != TRIS_TOPIC_DATA || o->data_end.size == UINT64_MAX) {
        return STORE_END_NONE;
    }
    *bounds = o->data_end;
    return o->closed ? STORE_END_CLOSED : STORE_END_CUT;
}

static enum tris_err bind_logs(const struct applying *a)
{
    uint32_t count = 0;
    enum tris_err err = store_log_count(&a->t->view, &count);
    for (uint32_t no = 0; no < count && err == TRIS_OK; no++) {
        struct log_cut bounds;
        struct log_row row;
        err = view_log_row(&a->t->view, no, &row);
        if (err != TRIS_OK || row.log.ref.topic == TRIS_TOPIC_LOCAL) {
            continue;
        }
        const enum store_end bound = bound_of(a->set, &row.log.ref, &bounds);
        if (!end_is_bound(&row, bound, &bounds)) {
            struct head *head = txn_head(a->t, no);
            if (head != NULL) {
                end_bind(a->t, head, bound, &bounds);
                a->changed(a->ctx, &(struct store_members_change){.log_no = no, .cut = true});
            }
            err = store_txn_err(a->t);
        }
    }
    return err;
}

enum tris_err
store_members_apply(struct store_txn *t, const struct charter *charter, struct store_members *out,
                    void (*changed)(void *ctx, const struct store_members_change *change),
                    void *ctx)
{
    const struct applying a = {.t = t, .set = &out->set, .changed = changed, .ctx = ctx};
    memset(out, 0, sizeof *out);
    if (!txn_ok(t)) {
        return t->err;
    }
    enum tris_err err = store_members_evaluate(&t->view, charter, out);
    if (err != TRIS_OK) {
        return err;
    }
    err = make_logs(&a);
    if (err == TRIS_OK) {
        err = bind_logs(&a);
    }
    t->members_stale = false; /* logs that are cut now had no say */
    if (err != TRIS_OK) {
        txn_fail(t, err); /* half of it is done */
        store_members_fini(out);
    }
    return err;
}
