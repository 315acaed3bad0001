/* Control method guard.decide: what only a person can say about this house's own log. */
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"

enum { DRAFTS_LOOK_MAX = 65536 };

static void out_drafts(struct out *o, struct store_view *v)
{
    struct store_draft draft;
    uint64_t no = 0, waiting = 0, decision = 0, written = 0;
    for (uint32_t i = 0; i < DRAFTS_LOOK_MAX && store_draft_next(v, &no, &draft) == TRIS_OK; i++) {
        waiting += draft.state == DRAFT_WAITING ? 1 : 0;
        decision += draft.state == DRAFT_DECISION ? 1 : 0;
        written += draft.state == DRAFT_WRITTEN ? 1 : 0;
    }
    out_map(o, "drafts");
    out_uint(o, "waiting", waiting);
    out_uint(o, "decision", decision);
    out_uint(o, "written", written);
    out_end(o);
}

void out_guard(struct out *o, struct store_view *v)
{
    const struct confirm *f = &o->d->confirm;
    out_bool(o, "confirmed", confirm_ready(o->d));
    out_uint(o, "unsealed", writer_unsealed(o->d->writer));
    out_text(o, "state", confirm_name(guard_why(&f->guard)));
    out_text(o, "text", confirm_text(o->d));
    out_text(o, "next", confirm_next(o->d));
    out_text(o, "mark", f->detail);
    out_uint(o, "claims", f->guard.counted_count);
    out_uint(o, "claims_needed", guard_claims_needed(&f->guard));
    if (v != NULL) {
        out_drafts(o, v);
    }
}

static const struct {
    const char *what;
    enum tris_err (*decide)(struct daemon *d);
    const char *none;
} decisions[] = {
    {"loss", confirm_accept_loss, "there is nothing to accept: the mark fits the store"},
    {"alarm", confirm_end_alarm, "there is no alarm"},
};

void ctl_guard_decide(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"what", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span what = ctl_in_need_text(&in, "what", 31);
    size_t row = 0, count = sizeof decisions / sizeof decisions[0];
    while (row < count && !span_eq(what, span_str(decisions[row].what))) {
        row++;
    }
    if (row == count) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "what", "allowed: loss, alarm");
    }
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    enum tris_err err = decisions[row].decide(d);
    if (err != TRIS_OK) {
        ctl_reply_error(d, token, err, decisions[row].none, "Nothing was changed.", "tris status",
                        NULL);
        return;
    }
    struct out *o = out_new(d, token);
    if (o != NULL) {
        out_guard(o, NULL);
        out_reply(o);
    }
}
