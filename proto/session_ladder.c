/* The ladder: finds out which logs the peer has more of, from the cheapest question to the dearest.
 * What it finds becomes a want (session_pull.c). */
#include "proto/session_int.h"

static const uint8_t all_buckets[MSG_BUCKET_SET_BYTES] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

static void ladder_step_to(struct session *s, enum ladder_step step)
{
    s->pull.step = step;
    s->pull.step_send = step != LADDER_IDLE;
    s->pull.step_ms = s->now_ms;
}

void ladder_start(struct session *s)
{
    struct pull *p = &s->pull;
    p->learned = false;
    p->settled = false;
    p->items_count = 0;
    p->differ_beats = 0;
    p->started_ms = s->now_ms;
    p->next_ms = s->now_ms + SESSION_LADDER_SOON_MS;
    p->stamp = frontier_stamp(s->config.frontier);
    s->stats.ladders++;
    if (frontier_empty(s->config.frontier)) {
        memcpy(p->buckets, all_buckets, sizeof p->buckets);
        ladder_step_to(s, LADDER_BUCKETS);
    } else {
        ladder_step_to(s, s->level == SESSION_FULL ? LADDER_CHANGED : LADDER_DIGESTS);
    }
}

bool ladder_peer_is_behind(struct session *s)
{
    uint64_t stamp;
    if (!session_stamp_of(s, &s->stats.peer_root, &stamp)) {
        return false;
    }
    position_rest_equal(s, stamp, NULL);
    return true;
}

uint64_t ladder_deadline(const struct session *s)
{
    uint64_t step = s->pull.step_ms + SESSION_LADDER_ANSWER_MS;
    uint64_t whole = s->pull.started_ms + SESSION_LADDER_WHOLE_MS;
    return step < whole ? step : whole;
}

void ladder_abandon(struct session *s)
{
    ladder_step_to(s, LADDER_IDLE);
    s->pull.learned = false;
}

static void ladder_finish(struct session *s)
{
    ladder_step_to(s, LADDER_IDLE);
    pull_step(s);
}

void ladder_digests(struct session *s, const struct msg_digests *m)
{
    struct pull *p = &s->pull;
    if (p->step != LADDER_DIGESTS || p->step_send) {
        return; /* an answer that came after its time */
    }
    s->stats.round_trips++;
    s->stats.peer_root = m->root;
    if (m->digests.len != MSG_DIGESTS_BYTES) {
        session_fail(s, TRIS_ERR_BAD_VALUE);
        return;
    }
    memset(p->buckets, 0, sizeof p->buckets);
    p->stamp = frontier_stamp(s->config.frontier);
    uint32_t differ = 0;
    for (uint32_t i = 0; i < TRIS_FRONTIER_BUCKETS; i++) {
        struct tris_hash own;
        session_own_bucket(s, i, &own);
        if (memcmp(own.b, m->digests.ptr + (size_t)i * 16, 16) != 0) {
            p->buckets[i / 8] = (uint8_t)(p->buckets[i / 8] | 1u << (i % 8));
            differ++;
        }
    }
    if (differ == 0) {
        (void)session_roots_compare(s);
        ladder_finish(s);
        return;
    }
    if (differ > SESSION_BUCKETS_DIFFER_MAX) {
        memcpy(p->buckets, all_buckets, sizeof p->buckets);
    }
    ladder_step_to(s, LADDER_BUCKETS);
}

static bool end_root_is(const struct frontier_item *item, const struct tris_short *root)
{
    struct tris_short end_root = tris_short_of(item->end_root.b);
    return tris_short_eq(&end_root, root);
}

static void ladder_item(struct session *s, const struct msg_item *m)
{
    uint32_t log_no = session_find(s, &m->log);
    if (log_no == FRONTIER_NONE) {
        s->stats.unknown_logs++;
        return;
    }
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    struct tris_short root = tris_short_of(item->root.b);
    const bool ends = frontier_item_ends(item);
    const bool peer_forked = (m->flags & FRONTIER_FORKED) != 0;
    const bool peer_ends = (m->flags & (FRONTIER_FORKED | FRONTIER_ENDED)) != 0;
    const bool other_root = m->whole == item->whole && !tris_short_eq(&root, &m->root);
    const uint64_t ahead = ends && m->whole > item->end ? item->end : m->whole;
    position_set(s, log_no, m->whole);
    if (item->own) {
        own_claim(s, log_no, m->whole, &m->root);
    }
    const bool other_end = ends && m->whole == item->end && !end_root_is(item, &m->root);
    if (peer_forked && (!ends || m->day < item->day || other_root || other_end)) {
        fork_want(s, log_no, true);
    } else if (other_root) {
        fork_suspect(s, log_no, SUSPECT_ITEM, m->whole);
    } else if (!item->own && ahead > item->held) {
        frontier_lacks(s->config.frontier, log_no, s->now_ms);
        pull_want(s, log_no, ahead);
    } else if (item->whole < item->held && ahead > item->whole) {
        pull_want_holes(s, log_no, ahead);
    } else if (!ends && !peer_ends && m->whole == item->whole && m->whole == item->held &&
               m->day > item->day) {
        pull_want_seal(s, log_no); /* also a seal of our own that we do not have any more */
    }
}

void ladder_items(struct session *s, const struct msg_frontier *m)
{
    struct pull *p = &s->pull;
    bool expected = p->step == LADDER_CHANGED || p->step == LADDER_BUCKETS;
    if (!expected || p->step_send) {
        return;
    }
    p->step_ms = s->now_ms;
    p->items_count += m->items.count;
    if (p->items_count > SESSION_ITEMS_MAX) {
        session_fail(s, TRIS_ERR_FLOOD);
        return;
    }
    struct rbuf r = rbuf_of(m->items.rows);
    for (uint32_t i = 0; i < m->items.count; i++) {
        struct msg_item item;
        msg_row_get(&r, MSG_ROW_item, &item);
        tris_assert(r.err == TRIS_OK); /* checked when the list was decoded */
        ladder_item(s, &item);
    }
    if (m->more != 0) {
        return;
    }
    s->stats.round_trips++;
    s->stats.peer_root = m->root;
    uint64_t stamp;
    if (p->step == LADDER_BUCKETS) {
        position_rest_equal(s, p->stamp, p->buckets);
        s->serve.compared_all = true;
    } else if (m->since.has && session_stamp_of(s, &m->since.value, &stamp)) {
        position_rest_equal(s, stamp, NULL);
    }
    ladder_finish(s);
}

void ladder_not_known(struct session *s)
{
    if (s->pull.step == LADDER_CHANGED && !s->pull.step_send) {
        s->stats.round_trips++;
        ladder_step_to(s, LADDER_DIGESTS);
    }
}

void ladder_put(struct session *s, struct wbuf *w)
{
    struct pull *p = &s->pull;
    struct tris_short own = session_own_root(s);
    struct msg m = {.type = MSG_GET_BUCKETS};
    switch (p->step) {
    case LADDER_IDLE:
        return;
    case LADDER_CHANGED:
        m.type = MSG_GET_CHANGED;
        m.get_changed.root = own;
        m.get_changed.common = s->common;
        if (s->common.has && tris_short_eq(&own, &s->common.value)) {
            m.get_changed.common.has = false;
        }
        break;
    case LADDER_DIGESTS:
        m.type = MSG_GET_DIGESTS;
        m.get_digests.root = own;
        break;
    case LADDER_BUCKETS:
        m.get_buckets.root = own;
        m.get_buckets.buckets = span_of(p->buckets, sizeof p->buckets);
        break;
    }
    msg_encode(w, &m);
    p->step_send = false;
    p->step_ms = s->now_ms;
}
