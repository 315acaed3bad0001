/* How news travels on this link: pushed as it comes, or announced and asked for only if nobody else
 * brings it. Links on which entries arrive twice turn lazy, so that what is pushed spreads along a
 * tree; one over which something had to be asked for becomes part of the tree. A wrong choice costs
 * a copy or a wait, never an entry: the heartbeat repairs whatever is missed. Referrals, too. */
#include "proto/session_int.h"

/* ---- push or announce ---- */

static void link_turn(struct session *s, bool lazy)
{
    struct gossip *g = &s->gossip;
    g->news_due = lazy && (g->news_due || s->serve.push_count > 0);
    g->lazy = lazy;
}

void gossip_duplicate(struct session *s)
{
    if (!s->gossip.lazy) {
        s->stats.prunes++;
    }
    link_turn(s, true);
    s->gossip.mode_due = true; /* once more if it pushes still: both may have spoken at once */
}

void gossip_flush(struct session *s)
{
    s->gossip.news_due = s->gossip.lazy && s->serve.push_count > 0;
}

bool gossip_has_control(const struct session *s)
{
    return s->gossip.mode_due || s->gossip.news_due;
}

/* Rows of what the peer lacks. It counts as told: the peer has it soon, or asks for the range. */
static void news_collect(struct session *s, struct wbuf *rows, struct msg_list *list)
{
    uint32_t log_no;
    while (list->count < TRIS_CONTAINER_ITEMS_MAX &&
           (log_no = serve_push_take(s)) != FRONTIER_NONE) {
        const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
        const struct msg_news news = {tris_short_of(item->id.b), item->held};
        msg_row_put(rows, MSG_ROW_news, &news);
        position_raise(s, log_no, item->held);
        list->count++;
    }
    list->rows = wbuf_span(rows);
}

void gossip_put_control(struct session *s, struct wbuf *w)
{
    struct gossip *g = &s->gossip;
    uint8_t bytes[MSG_ANNOUNCE_BYTES_MAX];
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    struct msg m = {.type = MSG_ANNOUNCE};
    if (!gossip_has_control(s) || session_room(w) < MSG_ANNOUNCE_BYTES_MAX) {
        return;
    }
    m.announce.push = g->lazy ? 0 : 1;
    if (g->news_due) {
        news_collect(s, &rows, &m.announce.news);
    }
    if (g->mode_due || m.announce.news.count > 0) {
        msg_encode(w, &m);
    }
    g->mode_due = g->news_due = false;
}

/* ---- what the peer announces ---- */

/* How far the log has come, by whatever way. */
static uint64_t come_so_far(const struct session *s, const struct heard *h)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, h->log_no);
    const uint64_t base = segment_base(s, h->log_no);
    return item->arriving > base ? item->arriving : base;
}

static void heard_add(struct session *s, uint32_t log_no, uint64_t size)
{
    struct gossip *g = &s->gossip;
    for (uint32_t i = 0; i < g->heard_count; i++) {
        if (g->heard[i].log_no == log_no) {
            g->heard[i].size = g->heard[i].size > size ? g->heard[i].size : size;
            return;
        }
    }
    if (g->heard_count < SESSION_HEARD_MAX) {
        struct heard *h = &g->heard[g->heard_count++];
        *h = (struct heard){log_no, size, 0, s->now_ms + SESSION_GRAFT_MS};
        h->seen = come_so_far(s, h);
    }
}

void gossip_on_announce(struct session *s, const struct msg *m)
{
    struct rbuf r = rbuf_of(m->announce.news.rows);
    link_turn(s, m->announce.push == 0);
    for (uint32_t i = 0; i < m->announce.news.count; i++) {
        struct msg_news news;
        msg_row_get(&r, MSG_ROW_news, &news);
        const uint32_t log_no = session_find(s, &news.log);
        const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
        if (item == NULL) {
            s->stats.unknown_logs++;
        } else if (frontier_item_fetched(item)) { /* what it has of our own it says in claims */
            position_raise(s, log_no, news.size);
            if (news.size > segment_base(s, log_no)) {
                heard_add(s, log_no, news.size);
            }
        }
    }
}

/* Somebody brings it: this link has time. */
static bool heard_comes(const struct session *s, const struct heard *h)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, h->log_no);
    return come_so_far(s, h) > h->seen || item->fetcher != 0;
}

void gossip_tick(struct session *s)
{
    struct gossip *g = &s->gossip;
    for (uint32_t i = 0; i < g->heard_count;) {
        struct heard *h = &g->heard[i];
        const bool met = segment_base(s, h->log_no) >= h->size;
        if (!met && s->now_ms < h->due_ms) {
            i++;
        } else if (!met && heard_comes(s, h)) {
            h->seen = come_so_far(s, h);
            h->due_ms = s->now_ms + SESSION_GRAFT_MS;
            i++;
        } else {
            if (!met) {
                s->stats.grafts++;
                g->mode_due = true;
                link_turn(s, false);
                pull_want(s, h->log_no, h->size);
            }
            *h = g->heard[--g->heard_count];
        }
    }
    pull_step(s);
}

uint64_t gossip_deadline(const struct session *s)
{
    uint64_t at = UINT64_MAX;
    for (uint32_t i = 0; i < s->gossip.heard_count; i++) {
        at = s->gossip.heard[i].due_ms < at ? s->gossip.heard[i].due_ms : at;
    }
    return at;
}

/* ---- referrals ---- */

void session_close_busy(struct session *s, const struct tris_house_id *houses, uint32_t count)
{
    tris_assert(count <= MSG_REFERS_MAX);
    if (s->state == SESSION_OPEN) {
        memcpy(s->refers, houses, count * sizeof *houses);
        s->refers_count = count;
    }
    session_close(s, TRIS_ERR_BUSY);
}

void gossip_put_refer(const struct session *s, struct wbuf *w)
{
    uint8_t bytes[MSG_SMALL_BYTES_MAX];
    struct wbuf rows = wbuf_of(bytes, sizeof bytes);
    struct msg m = {.type = MSG_REFER};
    for (uint32_t i = 0; i < s->refers_count; i++) {
        const struct msg_referral row = {s->refers[i]};
        msg_row_put(&rows, MSG_ROW_referral, &row);
    }
    m.refer.houses.count = s->refers_count;
    m.refer.houses.rows = wbuf_span(&rows);
    if (s->refers_count > 0) {
        msg_encode(w, &m);
    }
}

void gossip_on_refer(struct session *s, const struct msg *m)
{
    struct session_event event = {.type = SESSION_EV_REFER};
    struct rbuf r = rbuf_of(m->refer.houses.rows);
    if (s->referred) {
        return;
    }
    s->referred = true;
    event.refer.count = m->refer.houses.count;
    for (uint32_t i = 0; i < event.refer.count; i++) {
        struct msg_referral row;
        msg_row_get(&r, MSG_ROW_referral, &row);
        event.refer.houses[i] = row.house;
    }
    session_event_put(s, &event);
}
