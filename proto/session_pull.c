/* The pulling half of a session: decides when to compare frontiers with the peer, keeps the list of
 * logs that it has more of, and asks for them range by range. */
#include "proto/session_int.h"

#include <stdlib.h>

void pull_init(struct session *s)
{
    struct pull *p = &s->pull;
    p->window = s->config.credit_bytes;
    p->credit_left = TRIS_CREDIT_INITIAL_BYTES;
    p->segments_left = SESSION_SEGMENTS_MAX;
    p->settled = true;
}

void pull_fini(struct session *s)
{
    pull_release_all(s);
    segment_fini(s);
    for (size_t i = 0; i < sizeof s->pull.wants / sizeof s->pull.wants[0]; i++) {
        free(s->pull.wants[i].list);
        s->pull.wants[i] = (struct want_list){0};
    }
}

void pull_opened(struct session *s)
{
    if (!s->stats.equal) {
        s->pull.due = true;
        s->pull.next_ms = s->now_ms;
        pull_step(s);
    }
}

/* ---- wants and fetches ----------------------------------------------------------------------- */

struct fetch *pull_fetch(struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->pull.fetches_count; i++) {
        if (s->pull.fetches[i].log_no == log_no) {
            return &s->pull.fetches[i];
        }
    }
    return NULL;
}

/* The log has come so far that the want is met. */
static bool want_met(const struct session *s, const struct want *want)
{
    uint64_t base = segment_base(s, want->log_no);
    switch (want->kind) {
    case WANT_ENTRIES:
        return base >= want->until;
    case WANT_SEAL:
        return base > want->until;
    case WANT_HOLES:
        break;
    }
    const struct frontier_item *item = frontier_item(s->config.frontier, want->log_no);
    return item == NULL || item->whole >= item->held || item->whole >= want->until;
}

static void want_add(struct session *s, uint32_t log_no, uint64_t until, enum want_kind kind)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    if (item != NULL && frontier_item_ends(item) && until > item->end) {
        until = item->end;
    }
    if (item != NULL && kind == WANT_ENTRIES && hole_is_far(item, segment_base(s, log_no))) {
        kind = WANT_HOLES;
    }
    const struct want want = {.log_no = log_no, .kind = kind, .until = until};
    if (item == NULL || !(kind != WANT_ENTRIES || frontier_item_fetched(item)) ||
        want_met(s, &want) || fork_suspected(s, log_no)) {
        return;
    }
    struct fetch *fetch = pull_fetch(s, log_no);
    if (fetch != NULL && fetch->kind != WANT_HOLES && kind != WANT_HOLES) {
        fetch->until = fetch->until > until ? fetch->until : until;
        return;
    }
    struct want_list *list = &s->pull.wants[item->ref.topic == TRIS_TOPIC_GOV ? 0 : 1];
    uint32_t look = list->count < SESSION_WANT_STEPS ? list->count : SESSION_WANT_STEPS;
    for (uint32_t i = list->count - look; i < list->count; i++) {
        if (list->list[i].log_no == log_no) {
            /* holes are for the end of a log */
            list->list[i] = kind == WANT_HOLES ? list->list[i] : want;
            return;
        }
    }
    if (list->count >= frontier_count(s->config.frontier)) {
        return; /* each log once is enough: the peer repeats itself */
    }
    if (list->count == list->cap) {
        uint32_t cap = list->cap > 0 ? list->cap * 2 : 16;
        struct want *grown = realloc(list->list, cap * sizeof *grown);
        if (grown == NULL) {
            return; /* a later ladder finds it again */
        }
        list->list = grown;
        list->cap = cap;
    }
    list->list[list->count++] = want;
}

void pull_want(struct session *s, uint32_t log_no, uint64_t until)
{
    want_add(s, log_no, until, WANT_ENTRIES);
}

void pull_want_seal(struct session *s, uint32_t log_no)
{
    want_add(s, log_no, segment_base(s, log_no), WANT_SEAL);
}

void pull_want_holes(struct session *s, uint32_t log_no, uint64_t until)
{
    want_add(s, log_no, until, WANT_HOLES);
}

static void want_remove(struct want_list *list, uint32_t at)
{
    list->list[at] = list->list[--list->count];
    if (list->count == 0) {
        free(list->list);
        *list = (struct want_list){0};
    }
}

static bool is_fetching(const struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->pull.fetches_count; i++) {
        if (s->pull.fetches[i].log_no == log_no) {
            return true;
        }
    }
    return false;
}

/* Somebody else is fetching the log, or something else of it is under way here. */
static bool want_waits(const struct session *s, const struct want *want,
                       const struct frontier_item *item)
{
    return (item->fetcher != 0 && item->fetcher != s->config.session_no) ||
           own_probed(s, want->log_no) || is_fetching(s, want->log_no) ||
           (want->kind == WANT_HOLES &&
            (hole_ask_is_open(s) || segment_in_flight(s, want->log_no)));
}

/* The next wanted log that no other session is fetching; false if there is none now. */
static bool want_take(struct session *s, struct want_list *list, struct want *out)
{
    for (uint32_t steps = 0; steps < SESSION_WANT_STEPS && list->count > 0; steps++) {
        uint32_t at = list->cursor % list->count;
        struct want want = list->list[at];
        struct frontier_item *item = frontier_item_mut(s->config.frontier, want.log_no);
        tris_assert(item != NULL);
        if (want_met(s, &want)) {
            want_remove(list, at);
        } else if (want_waits(s, &want, item)) {
            list->cursor = at + 1;
        } else if (want.kind == WANT_HOLES && !hole_ask_begin(s, want.log_no, want.until)) {
            want_remove(list, at);
        } else {
            item->fetcher = s->config.session_no;
            want_remove(list, at);
            *out = want;
            return true;
        }
    }
    return false;
}

static void fetches_start(struct session *s)
{
    struct pull *p = &s->pull;
    for (size_t topic = 0; topic < sizeof p->wants / sizeof p->wants[0]; topic++) {
        struct want want;
        while (p->fetches_count < SESSION_RANGES_MAX && want_take(s, &p->wants[topic], &want)) {
            p->fetches[p->fetches_count++] = (struct fetch){
                .log_no = want.log_no,
                .kind = want.kind,
                .until = want.until,
                .first = segment_base(s, want.log_no),
                .stall_ms = s->now_ms + SESSION_FETCH_STALL_MS,
            };
            p->fetched_ms = s->now_ms;
            p->receives = true;
        }
    }
    bool waiting = p->wants[0].count + p->wants[1].count > 0;
    p->poll_ms = waiting && p->fetches_count < SESSION_RANGES_MAX ? s->now_ms + SESSION_POLL_MS : 0;
}

/* Time is earned by bytes, so that no drip and no trickle keeps a log from other sessions. */
void pull_progress(struct session *s, struct fetch *fetch, size_t bytes)
{
    uint64_t latest = s->now_ms + SESSION_FETCH_STALL_MS;
    uint64_t earned = fetch->stall_ms + bytes * 1000 / SESSION_FETCH_BYTES_PER_SECOND;
    fetch->stall_ms = earned < latest ? earned : latest;
    s->pull.fetched_ms = s->now_ms;
}

bool pull_writer_behind(const struct session *s)
{
    const struct pull *p = &s->pull;
    return p->bytes_waiting >= p->window / 4 || p->segments_waiting >= SESSION_SEGMENTS_MAX / 4;
}

void pull_caught_up(struct session *s)
{
    for (uint32_t i = 0; i < s->pull.fetches_count; i++) {
        s->pull.fetches[i].stall_ms = s->now_ms + SESSION_FETCH_STALL_MS;
    }
    s->pull.fetched_ms = s->now_ms;
}

/* Other sessions may fetch the log. The place stays taken until the peer says END: it still has the
 * request, and one too many would be our fault. */
static void fetch_leave(struct session *s, struct fetch *fetch)
{
    struct frontier_item *item = frontier_item_mut(s->config.frontier, fetch->log_no);
    if (item != NULL && item->fetcher == s->config.session_no) {
        item->fetcher = 0;
    }
    fetch->left = true;
}

static void fetch_release(struct session *s, uint32_t at)
{
    struct pull *p = &s->pull;
    fetch_leave(s, &p->fetches[at]);
    if (p->fetches[at].kind == WANT_HOLES) {
        hole_ask_end(s);
    }
    p->fetches[at] = p->fetches[--p->fetches_count];
}

static bool fetch_may_stall(const struct session *s, const struct fetch *fetch)
{
    return !fetch->left && !fetch->ended && !pull_writer_behind(s);
}

static bool fetches_any(const struct session *s, bool left)
{
    for (uint32_t i = 0; i < s->pull.fetches_count; i++) {
        if (s->pull.fetches[i].left == left) {
            return true;
        }
    }
    return false;
}

void pull_release_all(struct session *s)
{
    while (s->pull.fetches_count > 0) {
        fetch_release(s, 0);
    }
}

/* Fetches that the peer has ended and the writer has confirmed. */
static void fetches_retire(struct session *s)
{
    struct pull *p = &s->pull;
    for (uint32_t i = 0; i < p->fetches_count;) {
        struct fetch fetch = p->fetches[i];
        if (!fetch.ended || segment_in_flight(s, fetch.log_no)) {
            i++;
            continue;
        }
        fetch_release(s, i);
        uint64_t base = segment_base(s, fetch.log_no);
        if (fetch.kind == WANT_HOLES) {
            if (hole_ask_was_met(s)) {
                pull_want_holes(s, fetch.log_no, fetch.until); /* the next ones, if there are any */
            }
        } else if (base > fetch.first && base < fetch.until) {
            pull_want(s, fetch.log_no, fetch.until); /* it got on, but not to the end */
        } else {
            pull_want_holes(s, fetch.log_no, fetch.until);
        }
    }
}

void pull_step(struct session *s)
{
    struct pull *p = &s->pull;
    if (s->state != SESSION_OPEN) {
        return;
    }
    fetches_retire(s);
    if (p->step == LADDER_IDLE) {
        fetches_start(s);
    }
    bool quiet = p->step == LADDER_IDLE && !fetches_any(s, false) &&
                 p->wants[0].count + p->wants[1].count == 0;
    if (!quiet) {
        return;
    }
    bool equal = session_roots_compare(s);
    if (!p->settled) { /* first moment of rest after a ladder */
        p->settled = true;
        /* that root may be of a time before one of both lost data: then all is compared */
        const bool doubt = !equal && !p->learned && s->common.has;
        s->common.has = s->common.has && !doubt;
        if (!p->learned && !doubt) {
            p->next_ms = p->started_ms + SESSION_LADDER_LATE_MS;
        }
        if (!equal && (p->learned || doubt)) {
            p->due = true;
        }
    }
    if (equal) {
        p->due = false;
    } else if (p->due && s->now_ms >= p->next_ms) {
        p->due = false;
        if (!ladder_peer_is_behind(s)) {
            ladder_start(s);
        }
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

void pull_beat(struct session *s)
{
    struct pull *p = &s->pull;
    if (session_roots_compare(s)) {
        p->differ_beats = 0;
    } else if (++p->differ_beats >= 2) {
        p->due = true;
    }
}

void pull_tick(struct session *s)
{
    struct pull *p = &s->pull;
    if (p->step != LADDER_IDLE && s->now_ms >= ladder_deadline(s)) {
        ladder_abandon(s);
    }
    for (uint32_t i = 0; i < p->fetches_count;) {
        struct fetch *fetch = &p->fetches[i];
        bool stalled = fetch_may_stall(s, fetch) && s->now_ms >= fetch->stall_ms;
        if (stalled && !fetch->requested) {
            fetch_release(s, i);
            continue;
        }
        if (stalled) {
            fetch_leave(s, fetch);
        }
        i++;
    }
    if (fetches_any(s, true) && s->now_ms - p->fetched_ms >= SESSION_FETCH_DEAD_MS) {
        session_fail(s, TRIS_ERR_TIMEOUT);
        return;
    }
    pull_step(s);
}

uint64_t pull_deadline(const struct session *s)
{
    const struct pull *p = &s->pull;
    uint64_t at = UINT64_MAX;
    if (p->step != LADDER_IDLE) {
        at = ladder_deadline(s);
    } else if (p->due && !fetches_any(s, false) && p->wants[0].count + p->wants[1].count == 0) {
        at = p->next_ms;
    }
    for (uint32_t i = 0; i < p->fetches_count; i++) {
        if (fetch_may_stall(s, &p->fetches[i])) {
            at = p->fetches[i].stall_ms < at ? p->fetches[i].stall_ms : at;
        }
    }
    if (fetches_any(s, true)) {
        uint64_t dead = p->fetched_ms + SESSION_FETCH_DEAD_MS;
        at = dead < at ? dead : at;
    }
    if (p->poll_ms != 0 && p->poll_ms < at && p->step == LADDER_IDLE) {
        at = p->poll_ms;
    }
    return at;
}

void session_sync_now(struct session *s)
{
    s->pull.due = true;
    s->pull.next_ms = s->now_ms;
    pull_step(s);
}

/* ---- messages -------------------------------------------------------------------------------- */

bool pull_has_control(const struct session *s)
{
    const struct pull *p = &s->pull;
    if (p->step_send) {
        return true;
    }
    for (uint32_t i = 0; i < p->fetches_count; i++) {
        if (!p->fetches[i].requested) {
            return true;
        }
    }
    return false;
}

void pull_put_control(struct session *s, struct wbuf *w)
{
    struct pull *p = &s->pull;
    if (p->step_send && session_room(w) >= MSG_SMALL_BYTES_MAX) {
        ladder_put(s, w);
    }
    for (uint32_t i = 0; i < p->fetches_count && session_room(w) >= MSG_SMALL_BYTES_MAX; i++) {
        struct fetch *fetch = &p->fetches[i];
        if (fetch->requested) {
            continue;
        }
        fetch->requested = true;
        fetch->first = segment_base(s, fetch->log_no);
        fetch->stall_ms = s->now_ms + SESSION_FETCH_STALL_MS;
        p->fetched_ms = s->now_ms;
        if (fetch->kind == WANT_HOLES) {
            hole_ask_put(s, w);
            continue;
        }
        struct msg m = {.type = MSG_GET_RANGE};
        m.get_range.log = tris_short_of(frontier_item(s->config.frontier, fetch->log_no)->id.b);
        m.get_range.first = fetch->first;
        m.get_range.until = fetch->kind == WANT_SEAL ? fetch->first : fetch->until;
        msg_encode(w, &m);
    }
}

static void range_ended(struct session *s, const struct msg_end *m)
{
    uint32_t log_no = session_find(s, &m->log);
    struct fetch *fetch = log_no != FRONTIER_NONE ? pull_fetch(s, log_no) : NULL;
    if (log_no != FRONTIER_NONE && own_ended(s, log_no)) {
        return;
    }
    if (fetch != NULL && fetch->kind != WANT_HOLES && fetch->requested) {
        fetch->ended = true;
        s->pull.fetched_ms = s->now_ms;
        s->stats.round_trips++;
        pull_step(s);
    } else {
        (void)session_count_control(s); /* nobody waits for it */
    }
}

void pull_message(struct session *s, const struct msg *m)
{
    switch (m->type) {
    case MSG_NOT_KNOWN:
        ladder_not_known(s);
        break;
    case MSG_DIGESTS:
        ladder_digests(s, &m->digests);
        break;
    case MSG_FRONTIER:
        ladder_items(s, &m->frontier);
        break;
    case MSG_END:
        range_ended(s, &m->end);
        break;
    case MSG_ENTRIES:
        segment_entries(s, &m->entries);
        break;
    case MSG_SEAL:
        segment_seal(s, &m->seal);
        break;
    case MSG_UNKNOWN:
    case MSG_PING:
    case MSG_PONG:
    case MSG_BYE:
    case MSG_ROOT:
    case MSG_CREDIT:
    case MSG_CLAIM:
    case MSG_GET_CHANGED:
    case MSG_GET_DIGESTS:
    case MSG_GET_BUCKETS:
    case MSG_GET_RANGE:
    case MSG_GET_CONSISTENCY:
    case MSG_CONSISTENCY:
    case MSG_FORK_PROOF:
    case MSG_TWIN:
    case MSG_GET_NODES:
    case MSG_NODES:
    case MSG_GET_FORK:
    case MSG_GET_CHARTER:
    case MSG_CHARTER:
    case MSG_CARD:
    case MSG_GET_HOLES:
    case MSG_HOLES:
    case MSG_ANNOUNCE:
    case MSG_REFER:
        tris_assert(m->type == MSG_END); /* session.c sends nothing else here */
        break;
    }
}
