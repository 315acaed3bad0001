/* Control method why: which step holds up the entries of a house, with what is known of it. */
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_member.h"
#include "daemon/ctl_peer.h"
#include "daemon/facts.h"

enum { NEXT_BYTES = OUT_ID_BYTES + 64 };

/* The row's next command with the house in the place of HOUSE. */
static void put_next(struct out *o, const struct why_row *row, const char *call)
{
    char next[NEXT_BYTES];
    const char *at = strstr(row->next, "HOUSE");
    if (at == NULL) {
        out_text(o, "next", row->next);
        return;
    }
    (void)snprintf(next, sizeof next, "%.*s%s%s", (int)(at - row->next), row->next, call,
                   at + strlen("HOUSE"));
    out_text(o, "next", next);
}

static void put_step(struct out *o, const struct facts *facts, const char *call)
{
    const struct why_row *row = why_decide(&facts->why);
    out_text(o, "step", row->name);
    out_int(o, "exit", row->exit);
    out_text(o, "text", row->text);
    put_next(o, row, call);
    out_text(o, "standing", standing_name(why_standing(&facts->why)));
    out_uint(o, "unsealed", facts->why.unsealed);
    if (facts->why.trouble != TRIS_OK) {
        out_text(o, "trouble", tris_err_text(facts->why.trouble));
    }
}

static void put_facts(struct out *o, const struct facts *facts)
{
    out_uint(o, "held", facts->why.held);
    out_uint(o, "hole", facts->why.hole);
    out_uint(o, "behind", facts->why.missing);
    out_uint(o, "claimants", facts->claimants);
    out_uint(o, "lack_ms", facts->why.lack_ms);
    out_uint(o, "last_heard_ms", facts->heard_ms);
    out_uint(o, "entry_ms", facts->entry_ms);
    out_uint(o, "sealed_ms", facts->sealed_ms);
    out_uint(o, "seal_ahead_ms", facts->why.seal_ahead_ms);
}

static void put_connection(struct out *o, uint32_t index)
{
    struct daemon *d = o->d;
    const struct peer *peer = overlay_peer(d->overlay, index);
    const struct session_stats *s = overlay_session_stats(d->overlay, index);
    const uint64_t now = uv_now(&d->loop);
    out_text(o, "state", peer_state_name(peer->state));
    out_text(o, "last_error", peer->last_error != TRIS_OK ? tris_err_text(peer->last_error) : "");
    if (s != NULL) {
        out_text(o, "dialled_by", peer->inbound ? "them" : "us");
        out_bool(o, "equal", s->equal);
        out_uint(o, s->equal ? "equal_since_ms" : "differs_since_ms",
                 clock_wall_ms() - (now > s->turned_ms ? now - s->turned_ms : 0));
    }
    out_limits(o, index);
    out_ends(o, index);
}

static bool is_whole_id(struct span text)
{
    struct tris_house_id id;
    return tris_unhex(text, id.b, sizeof id.b);
}

void ctl_why(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const struct span text = ctl_in_text(&in, "house", OUT_ID_BYTES);
    struct store_view *v = NULL;
    struct facts facts;
    uint32_t index = UINT32_MAX;
    char call[OUT_ID_BYTES];
    /* a name that nobody has is a typo; a whole key is one that was not admitted */
    const bool stranger =
        is_whole_id(text) && resolve_house(&d->members, text, &index) == TRIS_ERR_NOT_FOUND;
    if (stranger ? !ctl_in_ok(d, token, &in) : !in_house(d, token, &in, "house", &index)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    if (stranger) {
        span_copy(text, call, sizeof call);
        facts_of_stranger(d, &facts);
        out_span(o, "house", text);
        put_step(o, &facts, call);
    } else {
        const struct house_line *line = members_line(&d->members, index);
        house_call(&d->members, index, call);
        facts_of(d, v, index, &facts);
        out_hex(o, "house", line->id.b, sizeof line->id.b);
        out_text(o, "slug", call);
        put_step(o, &facts, call);
        put_facts(o, &facts);
        if (facts.why.revoked) {
            out_revocations(o, index);
        }
        if (index != d->own_index) {
            put_connection(o, index);
        }
    }
    store_view_end(v);
    out_reply(o);
}
