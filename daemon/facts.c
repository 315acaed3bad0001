/* Collects what is known of one house; see facts.h. */
#include "daemon/facts.h"

#include "daemon/clock.h"
#include "proto/entry.h"

static uint64_t since(uint64_t then_ms, uint64_t now_ms)
{
    return then_ms == 0 ? WHY_NEVER : now_ms > then_ms ? now_ms - then_ms : 0;
}

/* This node alone: the same for every house. */
static void note_node(const struct daemon *d, struct why_facts *why)
{
    why->trouble = writer_trouble(d->writer);
    why->alone = d->members.count > 1 && overlay_open_count(d->overlay) == 0;
    why->unsealed = writer_unsealed(d->writer);
    why->guard_waits = !confirm_ready(d);
}

static void note_connection(const struct daemon *d, uint32_t index, struct why_facts *why)
{
    const struct peer *p = overlay_peer(d->overlay, index);
    const struct session_stats *s = overlay_session_stats(d->overlay, index);
    const uint64_t now = uv_now(&d->loop);
    const struct peer_end *end;
    why->limit = overlay_limit(d->overlay, index);
    why->open = s != NULL;
    why->open_ms = s != NULL && now > s->opened_ms ? now - s->opened_ms : 0;
    why->paced = overlay_paced(d->overlay, index);
    why->has_address = overlay_address(d->overlay, index, 0, &end)[0] != '\0';
    why->refused = p->refused;
    why->faulty = p->faulty;
    /* one that was never dialled from here has just gone */
    why->error = end != NULL ? end->err : TRIS_OK;
    for (uint32_t i = 1; why->error == TRIS_OK && end != NULL; i++) {
        (void)overlay_address(d->overlay, index, i, &end);
        why->error = end != NULL ? end->err : TRIS_OK;
    }
}

static uint64_t newest_entry_ms(struct store_view *v, uint32_t log_no, uint64_t held)
{
    struct entry entry;
    struct entry_header h;
    return held > 0 && store_entry_get(v, log_no, held - 1, &entry) == TRIS_OK &&
                   entry_peek_header(&entry, &h) == TRIS_OK
               ? h.time_ms
               : 0;
}

static void note_log(struct daemon *d, struct store_view *v, uint32_t log_no, struct facts *out)
{
    const struct frontier_item *item =
        log_no != LOG_NO_NONE ? frontier_item(d->frontier, log_no) : NULL;
    struct why_facts *why = &out->why;
    uint64_t missing;
    uint32_t claimants;
    if (item == NULL) {
        return;
    }
    const uint64_t entry_ms = newest_entry_ms(v, log_no, item->held);
    const bool forked = (item->flags & FRONTIER_FORKED) != 0;
    out->entry_ms = entry_ms > out->entry_ms ? entry_ms : out->entry_ms;
    why->forked = why->forked || forked;
    why->held += item->held;
    why->hole += forked ? 0 : item->held - item->whole;
    if (why->own || (forked && item->held == item->end)) {
        return;
    }
    overlay_claims(d->overlay, log_no, item->held, &missing, &claimants);
    out->claimants = claimants > out->claimants ? claimants : out->claimants;
    why->missing += missing;
    if (claimants > 0 && item->lack_ms != 0) {
        const uint64_t now = uv_now(&d->loop);
        const uint64_t age = now > item->lack_ms ? now - item->lack_ms : 0;
        why->lack_ms = age > why->lack_ms ? age : why->lack_ms;
    }
}

void facts_of(struct daemon *d, struct store_view *v, uint32_t index, struct facts *out)
{
    const struct member *m = &d->members.list[index];
    const uint64_t now = clock_wall_ms();
    uint64_t arrived;
    memset(out, 0, sizeof *out);
    struct why_facts *why = &out->why;
    why->member = member_is_active(m);
    why->revoked = m->state == MEMBER_REVOKED;
    why->own = index == d->own_index;
    why->has_logs = member_is_house(m);
    note_node(d, why);
    if (store_house_heard(v, &members_line(&d->members, index)->id, &out->sealed_ms, &arrived) !=
        TRIS_OK) {
        out->sealed_ms = 0;
    }
    if (!why->own) {
        note_connection(d, index, why);
        out->heard_ms = overlay_last_heard(d->overlay, index);
    }
    note_log(d, v, m->gov_no, out);
    note_log(d, v, m->data_no, out);
    why->heard_age_ms = since(out->heard_ms, now);
    why->seal_age_ms = since(out->sealed_ms, now);
    why->seal_ahead_ms = out->sealed_ms > now ? out->sealed_ms - now : 0;
}

void facts_of_stranger(struct daemon *d, struct facts *out)
{
    memset(out, 0, sizeof *out);
    note_node(d, &out->why);
}
