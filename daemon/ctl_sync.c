/* Control methods sync.*: how every house stands, whether connected ones hold the same, and where
 * two nodes differ. */
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_peer.h"
#include "daemon/facts.h"

enum { WAIT_MS = 30000, WAIT_MS_MAX = 600000, COMPARE_STEPS = 4096 };

static void put_root(struct out *o)
{
    struct tris_hash root;
    frontier_root(o->d->frontier, &root);
    out_hash(o, "root", &root);
}

static void put_standing(struct out *o, struct store_view *v, uint32_t index)
{
    struct daemon *d = o->d;
    const struct house_line *line = members_line(&d->members, index);
    const struct session_stats *s = overlay_session_stats(d->overlay, index);
    struct facts facts;
    char call[OUT_ID_BYTES];
    facts_of(d, v, index, &facts);
    house_call(&d->members, index, call);
    out_map(o, NULL);
    out_hex(o, "house", line->id.b, sizeof line->id.b);
    out_text(o, "slug", call);
    out_text(o, "standing", standing_name(why_standing(&facts.why)));
    out_text(o, "step", why_decide(&facts.why)->name);
    out_bool(o, "connected", s != NULL);
    out_bool(o, "equal", s != NULL && s->equal);
    if (s != NULL) {
        out_hex(o, "peer_root", s->peer_root.b, sizeof s->peer_root.b);
    }
    out_uint(o, "held", facts.why.held);
    out_uint(o, "behind", facts.why.missing);
    out_uint(o, "last_heard_ms", facts.heard_ms);
    out_uint(o, "entry_ms", facts.entry_ms);
    out_uint(o, "sealed_ms", facts.sealed_ms);
    out_end(o);
}

void ctl_sync_status(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t index = ctl_in_uint(&in, "after", 0, UINT32_MAX);
    uint64_t limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    struct store_view *v = NULL;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    put_root(o);
    out_bool(o, "equal_all", overlay_all_equal(d->overlay));
    out_list(o, "items");
    for (; index < d->members.count && limit > 0; index++) {
        if (index != d->own_index) {
            put_standing(o, v, (uint32_t)index);
            limit--;
        }
    }
    out_end(o);
    if (index < d->members.count) {
        out_uint(o, "after", index);
    }
    store_view_end(v);
    out_reply(o);
}

/* ---- two nodes ---- */

/* One log on both sides; true if it was put. The first difference is known where one side holds
 * more; of two histories the fork proof says it (log.forks). */
static bool put_log(struct out *o, uint32_t peer, uint32_t index, const char *topic,
                    uint32_t log_no, bool all)
{
    struct daemon *d = o->d;
    const struct frontier_item *item =
        log_no != LOG_NO_NONE ? frontier_item(d->frontier, log_no) : NULL;
    const struct session_stats *s = overlay_session_stats(d->overlay, peer);
    uint64_t size = 0;
    bool suspected = false;
    char call[OUT_ID_BYTES];
    if (item == NULL) {
        return false;
    }
    bool known = overlay_position(d->overlay, peer, log_no, &size, &suspected);
    if (s != NULL && s->equal) {
        known = true;
        size = item->held;
    }
    const bool same = known && !suspected && size == item->held;
    if (same && !all) {
        return false;
    }
    house_call(&d->members, index, call);
    out_map(o, NULL);
    out_text(o, "house", call);
    out_text(o, "topic", topic);
    out_text(o, "state",
             suspected           ? "other_history"
             : !known            ? "unknown"
             : same              ? "equal"
             : size > item->held ? "behind"
                                 : "ahead");
    out_uint(o, "held", item->held);
    out_hash(o, "root", &item->root);
    if (known) {
        out_uint(o, "theirs", size);
    }
    if (known && !same && !suspected) {
        out_uint(o, "first", size < item->held ? size : item->held);
    }
    out_end(o);
    return true;
}

void ctl_sync_compare(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", "all", "after", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const bool all = ctl_in_bool(&in, "all");
    uint64_t index = ctl_in_uint(&in, "after", 0, UINT32_MAX);
    uint32_t peer = 0, put = 0;
    if (!ctl_in_peer(d, token, &in, &peer)) {
        return;
    }
    const struct session_stats *s = overlay_session_stats(d->overlay, peer);
    if (s == NULL) {
        ctl_reply_no_session(d, token, peer);
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    put_root(o);
    out_hex(o, "peer_root", s->peer_root.b, sizeof s->peer_root.b);
    out_bool(o, "equal", s->equal);
    out_list(o, "items");
    for (uint32_t steps = 0;
         index < d->members.count && steps < COMPARE_STEPS && put + 2 <= OUT_PAGE_ITEMS_MAX;
         index++, steps++) {
        const struct member *m = &d->members.list[index];
        put += put_log(o, peer, (uint32_t)index, "gov", m->gov_no, all) ? 1 : 0;
        put += put_log(o, peer, (uint32_t)index, "data", m->data_no, all) ? 1 : 0;
    }
    out_end(o);
    if (index < d->members.count) {
        out_uint(o, "after", index);
    }
    out_reply(o);
}

void ctl_sync_now(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint32_t index = UINT32_MAX;
    if (ctl_in_has(&in, "house") ? !ctl_in_peer(d, token, &in, &index)
                                 : !ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o != NULL) {
        out_uint(o, "asked", overlay_sync_now(d->overlay, index));
        out_reply(o);
    }
}

static void wait_done(struct daemon *d, void *ctx, bool equal)
{
    uint64_t *token = ctx;
    struct out *o = out_new(d, *token);
    if (o != NULL) {
        out_bool(o, "equal", equal);
        put_root(o);
        out_reply(o);
    }
    free(token);
}

void ctl_sync_wait(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"timeout_ms", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t timeout_ms = ctl_in_uint(&in, "timeout_ms", WAIT_MS, WAIT_MS_MAX);
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    uint64_t *kept = malloc(sizeof *kept);
    enum tris_err err = TRIS_ERR_NO_MEMORY;
    if (kept != NULL) {
        *kept = token;
        err = overlay_wait_equal(d->overlay, timeout_ms, wait_done, kept);
    }
    if (err != TRIS_OK) {
        ctl_reply_error(d, token, err, NULL, NULL, "tris peer list", NULL);
        free(kept);
    }
}
