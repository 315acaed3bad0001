/* What peers say about this house's own logs: claims in both directions, the seal that proves one,
 * and the tail of an own log that is missing here. What it means is the owner's to decide
 * (proto/guard.h); here it is bounded, so that a peer that talks nonsense costs nothing. */
#include "proto/session_int.h"

enum { CLAIM_WINDOW_MS = 60000 };

/* ---- what we hold of theirs ------------------------------------------------------------------ */

/* What we hold of the peer's logs, of the newest epochs if there are many. */
size_t claims_encode(const struct session *s, uint8_t *out, size_t cap, struct msg_list *list)
{
    const struct frontier *f = s->config.frontier;
    const struct frontier_item *found[MSG_CLAIMS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < frontier_count(f); i++) {
        const struct frontier_item *item = frontier_item(f, i);
        if (item == NULL || !tris_house_id_eq(&item->ref.house, &s->peer) ||
            !frontier_item_counts(item) || !session_sees(s, i)) {
            continue;
        }
        if (count < MSG_CLAIMS_MAX) {
            found[count++] = item;
            continue;
        }
        uint32_t oldest = 0;
        for (uint32_t k = 1; k < count; k++) {
            oldest = found[k]->ref.epoch < found[oldest]->ref.epoch ? k : oldest;
        }
        if (found[oldest]->ref.epoch < item->ref.epoch) {
            found[oldest] = item;
        }
    }
    struct wbuf w = wbuf_of(out, cap);
    for (uint32_t k = 0; k < count; k++) {
        struct msg_claim claim = {.log = tris_short_of(found[k]->id.b),
                                  .size = found[k]->whole,
                                  .root = tris_short_of(found[k]->root.b)};
        msg_row_put(&w, MSG_ROW_claim, &claim);
    }
    tris_assert(w.err == TRIS_OK);
    *list = (struct msg_list){.present = true, .count = count, .rows = wbuf_span(&w)};
    return w.len;
}

/* ---- what they hold of ours ------------------------------------------------------------------ */

static struct own_log *own_log(struct session *s, uint32_t log_no)
{
    struct own *o = &s->own;
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->log[i].log_no == log_no) {
            return &o->log[i];
        }
    }
    if (o->count == SESSION_OWN_LOGS_MAX) {
        return NULL;
    }
    o->log[o->count] = (struct own_log){.log_no = log_no};
    return &o->log[o->count++];
}

static bool claim_allowed(struct session *s)
{
    struct own *o = &s->own;
    if (s->now_ms - o->window_ms >= CLAIM_WINDOW_MS) {
        o->window_ms = s->now_ms;
        o->in_window = 0;
    }
    return ++o->in_window <= SESSION_CLAIMS_PER_MINUTE;
}

void own_claim(struct session *s, uint32_t log_no, uint64_t size, const struct tris_short *root)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    struct own_log *own = own_log(s, log_no);
    tris_assert(item != NULL && item->own);
    if (own == NULL) {
        return;
    }
    bool said = own->claimed && own->size == size && tris_short_eq(&own->root, root);
    if (!said && claim_allowed(s)) {
        own->claimed = true;
        own->size = size;
        own->root = *root;
        struct session_event event = {.type = SESSION_EV_CLAIM};
        event.claim.log_no = log_no;
        event.claim.size = size;
        event.claim.root = *root;
        session_event_put(s, &event);
        struct tris_short held = tris_short_of(item->root.b);
        if (size > item->held && !frontier_item_ends(item)) {
            fork_suspect(s, log_no, SUSPECT_CLAIM,
                         0); /* a tail that is missing here, or a clone's */
        } else if (size == item->whole && !tris_short_eq(&held, root)) {
            fork_suspect(s, log_no, SUSPECT_ITEM, size);
        }
    }
    if (size > item->held) {
        pull_want(s, log_no, size); /* only if the owner has opened the tail */
    }
}

void claims_read(struct session *s, const struct msg_list *list)
{
    struct rbuf r = rbuf_of(list->rows);
    for (uint32_t i = 0; i < list->count; i++) {
        struct msg_claim claim;
        msg_row_get(&r, MSG_ROW_claim, &claim);
        tris_assert(r.err == TRIS_OK); /* checked when the list was decoded */
        uint32_t log_no = session_find(s, &claim.log);
        if (log_no == FRONTIER_NONE) {
            s->stats.unknown_logs++;
            continue;
        }
        const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
        if (!item->own) {
            continue;
        }
        own_claim(s, log_no, claim.size, &claim.root);
        position_set(s, log_no, claim.size < item->held ? claim.size : item->held);
    }
    if (!s->stats.claimed) {
        s->stats.claimed = true;
        session_event_put(s, &(struct session_event){.type = SESSION_EV_TOLD});
    }
}

/* ---- proof ----------------------------------------------------------------------------------- */

void session_own_probe(struct session *s, uint32_t log_no, uint64_t size)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    tris_assert(item != NULL && item->own);
    struct own_log *own = own_log(s, log_no);
    if (s->state != SESSION_OPEN || own == NULL || !session_sees(s, log_no) ||
        own->probe != PROBE_NONE || size == 0 ||
        pull_fetch(s, log_no) != NULL) { /* its segments bring seals anyway */
        return;
    }
    own->probe = PROBE_DUE;
    own->probe_size = size;
}

void session_own_tail(struct session *s, uint32_t log_no)
{
    const struct own_log *own = own_log(s, log_no);
    if (s->state == SESSION_OPEN && own != NULL && own->claimed) {
        pull_want(s, log_no, own->size);
        pull_step(s);
    }
}

bool own_probed(const struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->own.count; i++) {
        if (s->own.log[i].log_no == log_no) {
            return s->own.log[i].probe != PROBE_NONE;
        }
    }
    return false;
}

bool own_has_control(const struct session *s)
{
    for (uint32_t i = 0; i < s->own.count; i++) {
        if (s->own.log[i].probe == PROBE_DUE) {
            return true;
        }
    }
    return false;
}

void own_put_control(struct session *s, struct wbuf *w)
{
    for (uint32_t i = 0; i < s->own.count && session_room(w) >= MSG_SMALL_BYTES_MAX; i++) {
        struct own_log *own = &s->own.log[i];
        if (own->probe != PROBE_DUE) {
            continue;
        }
        struct msg m = {.type = MSG_GET_RANGE};
        m.get_range.log = tris_short_of(frontier_item(s->config.frontier, own->log_no)->id.b);
        m.get_range.first = m.get_range.until = own->probe_size;
        msg_encode(w, &m);
        own->probe = PROBE_OPEN;
        s->pull.receives = true;
    }
}

bool own_sealed(struct session *s, uint32_t log_no, const struct msg_seal *m)
{
    for (uint32_t i = 0; i < s->own.count; i++) {
        struct own_log *own = &s->own.log[i];
        if (own->log_no != log_no || own->probe != PROBE_OPEN) {
            continue;
        }
        own->probe = PROBE_ANSWERED; /* one answer is worth one signature check */
        struct session_event event = {.type = SESSION_EV_OWN_SEAL};
        event.own_seal.log_no = log_no;
        event.own_seal.seal = (struct seal){.log = frontier_item(s->config.frontier, log_no)->id,
                                            .size = m->first,
                                            .root = m->root,
                                            .time_ms = m->time_ms,
                                            .sig = m->sig};
        session_event_put(s, &event);
        return true;
    }
    return false;
}

bool own_ended(struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->own.count; i++) {
        struct own_log *own = &s->own.log[i];
        if (own->log_no == log_no && (own->probe == PROBE_OPEN || own->probe == PROBE_ANSWERED)) {
            own->claimed = own->probe == PROBE_ANSWERED; /* not proven: told again when repeated */
            own->probe = PROBE_NONE;
            s->stats.round_trips++;
            pull_step(s); /* the tail may have waited for it */
            return true;
        }
    }
    return false;
}
