/* Answers about the own frontier: digests, buckets, what has changed. One at a time; produced when
 * the owner asks for bytes, in as many messages as it takes. */
#include "proto/session_int.h"

static bool ladder_allowed(struct session *s)
{
    struct serve *v = &s->serve;
    if (s->now_ms - v->ladder_window_ms >= 60000) {
        v->ladder_window_ms = s->now_ms;
        v->ladders_in_window = 0;
    }
    if (++v->ladders_in_window > SESSION_LADDERS_PER_MINUTE) {
        session_fail(s, TRIS_ERR_FLOOD);
        return false;
    }
    return true;
}

static void answer_changed(struct session *s, const struct msg_get_changed *m)
{
    struct answer *a = &s->serve.answer;
    uint64_t stamp;
    *a = (struct answer){.kind = ANSWER_CHANGED};
    if (session_stamp_of(s, &m->root, &stamp)) {
        a->since = m->root;
    } else if (m->common.has && session_stamp_of(s, &m->common.value, &stamp)) {
        a->since = m->common.value;
    } else {
        a->kind = ANSWER_NOT_KNOWN;
        return;
    }
    a->stamp = stamp;
}

static bool bucket_wanted(const struct answer *a, uint32_t bucket)
{
    return (a->buckets[bucket / 8] >> (bucket % 8) & 1) != 0;
}

/* The next item of the answer, FRONTIER_NONE at its end. Advances the answer's place. */
static uint32_t answer_next(const struct session *s, struct answer *a)
{
    const struct frontier *f = s->config.frontier;
    if (a->kind == ANSWER_CHANGED) {
        while (a->log_no < frontier_count(f)) {
            uint32_t log_no = a->log_no++;
            const struct frontier_item *item = frontier_item(f, log_no);
            if (item != NULL && frontier_item_counts(item) && item->stamp > a->stamp) {
                return log_no;
            }
        }
        return FRONTIER_NONE;
    }
    while (a->bucket < TRIS_FRONTIER_BUCKETS) {
        uint32_t log_no = FRONTIER_NONE;
        if (bucket_wanted(a, a->bucket)) {
            log_no = frontier_bucket_next(f, a->bucket, a->log_no);
        }
        a->log_no = log_no;
        if (log_no == FRONTIER_NONE) {
            a->bucket++;
        } else if (frontier_item_counts(frontier_item(f, log_no)) && session_sees(s, log_no)) {
            return log_no;
        }
    }
    return FRONTIER_NONE;
}

static void frontier_put(struct session *s, struct wbuf *w)
{
    struct answer *a = &s->serve.answer;
    const struct frontier *f = s->config.frontier;
    uint8_t rows[TRIS_CONTAINER_ITEMS_MAX * MSG_ITEM_BYTES_MAX];
    struct wbuf list = wbuf_of(rows, sizeof rows);
    struct msg m = {.type = MSG_FRONTIER};
    m.frontier.root = session_own_root(s);
    m.frontier.since = (struct msg_maybe){a->kind == ANSWER_CHANGED, a->since};
    uint32_t count = 0;
    uint32_t log_no = FRONTIER_NONE;
    while (count < TRIS_CONTAINER_ITEMS_MAX && (log_no = answer_next(s, a)) != FRONTIER_NONE) {
        const struct frontier_item *item = frontier_item(f, log_no);
        struct msg_item row = {.log = tris_short_of(item->id.b),
                               .whole = item->whole,
                               .root = tris_short_of(item->root.b),
                               .day = item->day,
                               .flags = item->flags};
        msg_row_put(&list, MSG_ROW_item, &row);
        count++;
    }
    tris_assert(list.err == TRIS_OK);
    struct answer ahead = *a; /* a look at whether there is more, without moving */
    m.frontier.more =
        count == TRIS_CONTAINER_ITEMS_MAX && answer_next(s, &ahead) != FRONTIER_NONE ? 1 : 0;
    m.frontier.items = (struct msg_list){true, count, wbuf_span(&list)};
    msg_encode(w, &m);
    if (m.frontier.more == 0) {
        a->kind = ANSWER_NONE;
    }
}

static void digests_put(struct session *s, struct wbuf *w)
{
    uint8_t bytes[MSG_DIGESTS_BYTES];
    for (uint32_t i = 0; i < TRIS_FRONTIER_BUCKETS; i++) {
        struct tris_hash digest;
        session_own_bucket(s, i, &digest);
        memcpy(bytes + (size_t)i * 16, digest.b, 16);
    }
    struct msg m = {.type = MSG_DIGESTS};
    m.digests.root = session_own_root(s);
    m.digests.digests = span_of(bytes, sizeof bytes);
    msg_encode(w, &m);
    s->serve.answer.kind = ANSWER_NONE;
}

bool answer_has_control(const struct session *s)
{
    return s->serve.answer.kind != ANSWER_NONE;
}

void answer_put_control(struct session *s, struct wbuf *w)
{
    switch (s->serve.answer.kind) {
    case ANSWER_NONE:
        break;
    case ANSWER_NOT_KNOWN:
        if (session_room(w) >= MSG_SMALL_BYTES_MAX) {
            struct msg m = {.type = MSG_NOT_KNOWN};
            m.not_known.root = session_own_root(s);
            msg_encode(w, &m);
            s->serve.answer.kind = ANSWER_NONE;
        }
        break;
    case ANSWER_DIGESTS:
        if (session_room(w) >= MSG_DIGESTS_BYTES_MAX) {
            digests_put(s, w);
        }
        break;
    case ANSWER_CHANGED:
    case ANSWER_BUCKETS:
        if (session_room(w) >= MSG_FRONTIER_BYTES_MAX) {
            frontier_put(s, w);
        }
        break;
    }
}

void answer_message(struct session *s, const struct msg *m)
{
    struct answer *a = &s->serve.answer;
    if (m->type == MSG_GET_BUCKETS && m->get_buckets.buckets.len != MSG_BUCKET_SET_BYTES) {
        session_fail(s, TRIS_ERR_BAD_VALUE);
    } else if (!ladder_allowed(s)) {
        return;
    } else if (m->type == MSG_GET_CHANGED) {
        answer_changed(s, &m->get_changed);
    } else if (m->type == MSG_GET_DIGESTS) {
        *a = (struct answer){.kind = ANSWER_DIGESTS};
    } else {
        tris_assert(m->type == MSG_GET_BUCKETS);
        *a = (struct answer){.kind = ANSWER_BUCKETS, .log_no = FRONTIER_NONE};
        memcpy(a->buckets, m->get_buckets.buckets.ptr, sizeof a->buckets);
    }
}
