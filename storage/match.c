/* Records that can meet others: their index, and reading it; see match.h and SCHEMA.md. */
#include "storage/match.h"

#include "proto/assert.h"

_Static_assert(ROW_MATCH_BYTES == 4 + 1 + MATCH_TOPICS_MAX, "valid_to, radius, topics");

static uint32_t code_of(const struct record *r, int index)
{
    return r->value[index].present ? (uint32_t)r->value[index].number : 0;
}

void match_rows_of(const struct fields_plan *plan, const struct record *r, struct record_ref ref,
                   struct match_rows *out)
{
    out->topics = 0;
    if (!plan->matched || code_of(r, plan->status) != plan->open) {
        return;
    }
    const struct value *topics = &r->value[plan->topics];
    const uint32_t type = code_of(r, plan->type);
    const uint32_t contribution = code_of(r, plan->contribution);
    const uint32_t count = topics->present ? topics->count : 0;
    tris_assert(count <= MATCH_TOPICS_MAX && contribution != 0); /* limits and codes: FOLD */
    struct wbuf w = wbuf_of(out->value, sizeof out->value);
    wbuf_u32(&w, (uint32_t)r->value[plan->until].number);
    wbuf_u8(&w, (uint8_t)code_of(r, plan->radius));
    for (uint32_t i = 0; i < MATCH_TOPICS_MAX; i++) {
        wbuf_u8(&w, (uint8_t)(i < count ? topics->codes[i] : 0));
    }
    for (uint32_t i = 0; i < count; i++) {
        key_match(&out->key[i], plan->kind->number, type, topics->codes[i], ref, contribution);
    }
    out->topics = count;
}

static bool has_key(const struct match_rows *rows, const struct key *key)
{
    for (uint32_t i = 0; rows != NULL && i < rows->topics; i++) {
        if (span_eq(key_span(&rows->key[i]), key_span(key))) {
            return true;
        }
    }
    return false;
}

void match_update(struct store_txn *t, const struct match_rows *before,
                  const struct match_rows *after)
{
    for (uint32_t i = 0; before != NULL && i < before->topics; i++) {
        if (!has_key(after, &before->key[i])) {
            txn_del(t, DB_MATCH, key_span(&before->key[i]));
        }
    }
    for (uint32_t i = 0; after != NULL && i < after->topics; i++) {
        if (has_key(before, &after->key[i]) &&
            memcmp(before->value, after->value, sizeof after->value) == 0) {
            continue;
        }
        txn_put(t, DB_MATCH, key_span(&after->key[i]), span_of(after->value, sizeof after->value));
    }
}

/* ---- reading ---- */

static bool read_hit(struct span key, struct span value, struct match_hit *out)
{
    if (!key_read_match(key, &out->ref, &out->contribution)) {
        return false;
    }
    struct rbuf r = rbuf_of(value);
    out->valid_to = rbuf_u32(&r);
    out->radius = rbuf_u8(&r);
    rbuf_copy(&r, out->topics, sizeof out->topics);
    return rbuf_finish(&r) == TRIS_OK;
}

/* The place of the first wanted topic that the record has: a record is met there alone. */
static uint32_t first_shared(const struct match_query *q, const struct match_hit *hit)
{
    for (uint32_t i = 0; i < q->topic_count; i++) {
        if (memchr(hit->topics, q->topics[i], sizeof hit->topics) != NULL) {
            return i;
        }
    }
    return q->topic_count;
}

enum tris_err store_match_each(struct store_view *v, const struct match_query *q, uint32_t max,
                               bool (*each)(void *ctx, const struct match_hit *hit), void *ctx,
                               uint32_t *examined)
{
    MDB_cursor *cursor = NULL;
    enum tris_err err = view_cursor(v, DB_MATCH, &cursor);
    *examined = 0;
    for (uint32_t i = 0; i < q->topic_count && err == TRIS_OK; i++) {
        struct key prefix;
        struct span value;
        key_match_prefix(&prefix, q->kind, q->type, q->topics[i], q->log_no, q->contribution);
        struct span key = key_span(&prefix);
        err = cursor_get(cursor, MDB_SET_RANGE, &key, &value);
        while (err == TRIS_OK && key_starts_with(key, &prefix)) {
            struct match_hit hit;
            if (*examined == max) {
                err = TRIS_ERR_NOT_READY;
                break;
            }
            (*examined)++;
            if (!read_hit(key, value, &hit)) {
                err = TRIS_ERR_CORRUPT;
            } else if (first_shared(q, &hit) == i && !each(ctx, &hit)) {
                err = TRIS_ERR_STOPPING;
            } else {
                err = cursor_get(cursor, MDB_NEXT, &key, &value);
            }
        }
        err = err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return err == TRIS_ERR_STOPPING ? TRIS_OK : err;
}
