/* Control methods draft.*: own entries that a tail from other houses has pushed aside, where they
 * are now, and what a person decides about those that could not just be written again. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_member.h"
#include "daemon/ctl_out.h"
#include "proto/statement.h"

static const char *state_name(enum draft_state state)
{
    static const char *const names[] = {
        [DRAFT_WAITING] = "waiting",
        [DRAFT_WRITTEN] = "written",
        [DRAFT_DECISION] = "decision",
        [DRAFT_DROPPED] = "dropped",
    };
    return names[state];
}

/* Why nothing can be written to the own log of this topic any more, and what is left to do; NULL if
 * it goes on. A draft that waits for such a log goes into the next one, if there is ever one. */
static const char *ended_text(const struct daemon *d, struct store_view *v, enum tris_topic topic)
{
    static const char *const texts[] = {
        [STORE_END_FORK] = "the log has ended where two histories of it part: it is written again "
                           "once this house has a new key (tris key rotate)",
        [STORE_END_CUT] = "this house was revoked and its log has ended: it is written again only "
                          "if the house is admitted anew, with a new key; read it with tris draft "
                          "show, give it up with tris draft drop",
        [STORE_END_CLOSED] = "this house has a newer key, and the log of this one has ended: it is "
                             "written again once the newer key is in this directory; read it with "
                             "tris draft show, give it up with tris draft drop",
        [STORE_END_OUTSIDE] = NULL, /* never of an own log */
    };
    struct store_log log;
    const uint32_t no = topic == TRIS_TOPIC_GOV ? d->gov_no : d->data_no;
    return store_log_get(v, no, &log) == TRIS_OK ? texts[log.ends] : NULL;
}

/* What the reason of a draft means for it, for people. */
static const char *reason_text(const struct daemon *d, struct store_view *v,
                               const struct store_draft *draft)
{
    static const struct {
        enum tris_err err;
        const char *text;
    } rows[] = {
        {TRIS_ERR_EXISTS, "the log that came back has such a record already"},
        {TRIS_ERR_ENDED, "the record was ended"},
        {TRIS_ERR_NOT_READY, "the record was changed, or another draft has to be written first"},
        {TRIS_ERR_NOT_FOUND, "the record is not there"},
    };
    const char *ended = draft->state == DRAFT_WAITING ? ended_text(d, v, draft->topic) : NULL;
    if (ended != NULL || draft->reason == TRIS_OK) {
        return ended != NULL ? ended : "";
    }
    if (draft->topic == TRIS_TOPIC_GOV && draft->reason == TRIS_ERR_EXISTS) {
        return "the log that came back says the same already, or something else about this house";
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].err == draft->reason) {
            return rows[i].text;
        }
    }
    return tris_err_text(draft->reason);
}

/* The record that a written draft belongs to now. */
static struct record_ref record_now(struct store_view *v, struct record_ref ref)
{
    struct entry entry;
    struct entry_header h;
    struct record_ref record;
    if (store_entry_get(v, ref.log_no, ref.seq, &entry) == TRIS_OK &&
        entry_peek_header(&entry, &h) == TRIS_OK &&
        resolve_entry_record(v, ref, &h, &record) == TRIS_OK) {
        return record;
    }
    return ref;
}

/* Where it stands now: written, and moved again since, if that is so. */
static bool place_of(struct store_view *v, const struct store_draft *draft, struct record_ref *now)
{
    const struct record_ref former = {draft->log_no, draft->seq};
    if (draft->state != DRAFT_WRITTEN) {
        return false;
    }
    if (store_alias_get(v, former, now, NULL) != TRIS_OK) {
        *now = (struct record_ref){draft->new_log, draft->new_seq};
    }
    return true;
}

static void out_draft(struct out *o, struct store_view *v, const struct store_draft *draft)
{
    const struct entry_header *h = &draft->header;
    char buffer[24];
    struct record_ref was, now;
    struct statement statement;
    out_uint(o, "draft", draft->no);
    out_text(o, "state", state_name(draft->state));
    out_text(o, "verb", out_verb_name(h->verb, buffer));
    out_text(o, "kind", out_kind_name(h->kind, buffer));
    out_uint(o, "time_ms", h->time_ms);
    const struct record_ref former = {draft->log_no, draft->seq};
    if (draft->topic != TRIS_TOPIC_GOV && resolve_entry_record(v, former, h, &was) == TRIS_OK) {
        out_id(o, "was", v, was);
    }
    if (draft->payload.len > 0 &&
        statement_decode(h->verb, draft->payload, false, &statement) == TRIS_OK) {
        out_house(o, "about",
                  statement.revoke ? &statement.revocation.house : &statement.opening.house);
    }
    if (draft->topic != TRIS_TOPIC_GOV && place_of(v, draft, &now)) {
        out_id(o, "id", v, record_now(v, now));
    }
    out_text(o, "reason", draft->reason != TRIS_OK ? tris_err_name(draft->reason) : "");
    out_text(o, "text", reason_text(o->d, v, draft));
    out_bool(o, "ended",
             draft->state == DRAFT_WAITING && ended_text(o->d, v, draft->topic) != NULL);
}

void ctl_draft_list(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", "state", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t no = ctl_in_uint(&in, "after", 0, UINT64_MAX);
    struct span state = ctl_in_text(&in, "state", 31);
    struct store_view *v;
    struct store_draft draft;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    enum tris_err err = TRIS_OK;
    out_list(o, "items");
    for (uint32_t i = 0; i < OUT_PAGE_ITEMS_MAX && out_has_room(o) && err == TRIS_OK;) {
        err = store_draft_next(v, &no, &draft);
        if (err == TRIS_OK &&
            (state.len == 0 || span_eq(state, span_str(state_name(draft.state))))) {
            out_map(o, NULL);
            out_draft(o, v, &draft);
            out_end(o);
            i++;
        }
    }
    out_end(o);
    if (err == TRIS_OK) {
        out_uint(o, "after", no);
    }
    store_view_end(v);
    out_reply(o);
}

void ctl_draft_show(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"draft", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t no = ctl_in_uint(&in, "draft", 0, UINT64_MAX);
    struct store_view *v;
    struct store_draft draft;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    enum tris_err err = store_draft_get(v, no, &draft);
    if (err != TRIS_OK) {
        store_view_end(v);
        out_reply_error(o, err, "there is no such draft", "tris draft list");
        return;
    }
    out_draft(o, v, &draft);
    if (draft.header.verb == VERB_PUT && draft.payload.len > 0) {
        out_fields(o, draft.header.kind, draft.payload);
    }
    store_view_end(v);
    out_reply(o);
}

/* ---- decisions ---- */

struct decision {
    uint64_t token, no;
};

static void decision_done(struct daemon *d, void *ctx, enum tris_err err,
                          const struct writer_result *results, size_t count)
{
    struct decision *x = ctx;
    struct store_view *v;
    struct store_draft draft;
    if (err == TRIS_OK && count == 1 && results[0].change == WRITER_REJECTED) {
        err = results[0].err;
    }
    if (err != TRIS_OK) {
        const char *text = err == TRIS_ERR_INVALID     ? "this draft is settled already"
                           : err == TRIS_ERR_FORK      ? "the log that it would go into has ended"
                           : err == TRIS_ERR_NOT_FOUND ? "there is no such draft, or its record is "
                                                         "not there"
                           : err == TRIS_ERR_NOT_READY
                               ? "another draft has to be written first, or "
                                 "what it says is lost"
                               : NULL;
        ctl_reply_error(d, x->token, err, text, "Nothing was written.", "tris draft list", NULL);
        free(x);
        return;
    }
    struct out *o = out_new_view(d, x->token, &v);
    if (o != NULL) {
        if (store_draft_get(v, x->no, &draft) == TRIS_OK) {
            out_draft(o, v, &draft);
        }
        store_view_end(v);
        out_reply(o);
    }
    free(x);
}

static void decide(struct daemon *d, uint64_t token, struct span params, enum writer_op_type type)
{
    static const char *const keys[] = {"draft", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t no = ctl_in_uint(&in, "draft", 0, UINT64_MAX);
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct decision *x = malloc(sizeof *x);
    if (x == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, "Nothing was written.", NULL, NULL);
        return;
    }
    *x = (struct decision){token, no};
    struct writer_op op = {.type = type, .base_seq = no};
    struct writer_group group = {.ops = &op, .count = 1, .done = decision_done, .ctx = x};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        ctl_reply_error(d, token, err, NULL, "Nothing was written.", "tris status", NULL);
        free(x);
    }
}

void ctl_draft_apply(struct daemon *d, uint64_t token, struct span params)
{
    decide(d, token, params, WRITER_DRAFT_APPLY);
}

void ctl_draft_drop(struct daemon *d, uint64_t token, struct span params)
{
    decide(d, token, params, WRITER_DRAFT_DROP);
}
