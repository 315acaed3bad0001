/* What a new evaluation means for this node; see membership.h. */
#include "daemon/membership.h"

#include "daemon/daemon.h"
#include "daemon/writer_first.h"

/* Houses come, go, and get new keys: one line each, with what to do. */
static void tell(struct daemon *d, uint32_t index, enum member_state before, bool is_new)
{
    static const struct {
        const char *event, *next;
    } rows[] = {
        [MEMBER_CANDIDATE] = {"member_candidate", "tris member show, then tris member endorse"},
        [MEMBER_ACTIVE] = {"member_admitted", "none"},
        [MEMBER_REVOKED] = {"member_revoked", "none; to take it back: a new key and endorsements"},
    };
    const struct member *m = &d->members.list[index];
    const bool same = before == m->state && !is_new;
    const char *event = same ? "member_changed" : rows[m->state].event;
    const bool own = index == d->own_index;
    LOG(&d->log, own && m->state == MEMBER_REVOKED ? LOG_ERROR : LOG_INFO, event,
        log_text("house", m->line->slug), log_number("epoch", m->line->epoch),
        log_text("own", own ? "true" : "false"),
        log_text("next", same ? "none" : rows[m->state].next));
}

struct taking {
    struct daemon *d;
    bool rights_changed; /* of somebody */
};

/* Rows of the overlay must be there before it is told of their houses. */
static void on_told(void *ctx, uint32_t index, enum member_state before, bool is_new)
{
    struct taking *t = ctx;
    struct daemon *d = t->d;
    const struct member *m = &d->members.list[index];
    const struct candidate_house *asked = candidates_find(d, &m->id);
    if (asked != NULL && member_is_active(m) && m->line->epoch >= asked->line.epoch) {
        candidates_remove(d, &m->id); /* it has got what it asked for */
    }
    t->rights_changed = t->rights_changed || is_new || before != d->members.list[index].state;
    tell(d, index, before, is_new);
    if (overlay_members_grown(d->overlay) == TRIS_OK) {
        overlay_member_changed(d->overlay, index);
        if (!is_new && before != d->members.list[index].state) {
            overlay_greet_one(d->overlay, index); /* it may fetch more now, or less */
        }
        if (member_is_active(m)) {
            overlay_greet_guests(d->overlay, &m->id); /* perhaps with the key of a new epoch */
        }
    }
}

static enum tris_err take(struct daemon *d, struct store_members *members, members_told_fn *told,
                          void *ctx)
{
    struct store_view *v;
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        members_free(members);
        return err;
    }
    err = members_update(&d->members, members, v, told, ctx);
    store_view_end(v);
    d->own_index = members_find(&d->members, &d->own);
    return err;
}

enum tris_err membership_first(struct daemon *d, struct store_members *members)
{
    return take(d, members, NULL, NULL);
}

enum tris_err membership_open(struct daemon *d)
{
    struct store_members *members = NULL;
    enum tris_err err = members_init(&d->members, &d->charter);
    if (err == TRIS_OK) {
        err = first_logs(d, &members);
    }
    return err == TRIS_OK ? membership_first(d, members) : err;
}

/* The joining client has stored its address and its line; at a member there is no such pair. */
enum tris_err membership_inviter(struct daemon *d)
{
    struct store_view *v;
    char key[256] = OVERLAY_ADDRESS_PREFIX;
    struct span value;
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    while ((err = store_setting_next(v, OVERLAY_ADDRESS_PREFIX, key, sizeof key, &value)) ==
           TRIS_OK) {
        struct tris_house_id house;
        struct span hex = span_str(key + sizeof OVERLAY_ADDRESS_PREFIX - 1);
        const struct candidate_house *told =
            tris_unhex(hex, house.b, sizeof house.b) ? candidates_find(d, &house) : NULL;
        err = told != NULL ? members_note_inviter(&d->members, &told->line) : TRIS_OK;
        if (err != TRIS_OK) {
            break;
        }
    }
    store_view_end(v);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

void membership_take(struct daemon *d, struct store_members *members)
{
    struct taking t = {.d = d};
    const bool was_in = daemon_is_member(d);
    enum tris_err err = take(d, members, on_told, &t);
    if (err == TRIS_OK) {
        err = overlay_members_grown(d->overlay);
    }
    if (err != TRIS_OK) { /* the next change of a gov log, or the next start, brings it */
        LOG(&d->log, LOG_WARN, "members_not_taken", log_text("error", tris_err_name(err)));
        return;
    }
    confirm_members(d);
    epoch_look(d);
    if (daemon_is_member(d) && !was_in) {
        writer_confirmed(d->writer); /* what was written as a candidate can be sealed */
    }
    if (daemon_is_member(d) != was_in && !atomic_load(&d->stopping)) {
        overlay_greet_again(d->overlay); /* a session keeps the level of its handshake */
    }
    if (t.rights_changed && !atomic_load(&d->stopping)) {
        overlay_ask_again(d->overlay);
    }
}

void membership_log_ends(struct daemon *d, uint32_t log_no, const struct frontier_item *item)
{
    uint32_t index = members_find(&d->members, &item->ref.house);
    if (!frontier_item_ends(item)) {
        return; /* a log that is new, or whose end was lifted */
    }
    LOG(&d->log, item->own ? LOG_WARN : LOG_INFO, "log_ends",
        log_text("house", index != UINT32_MAX ? d->members.list[index].line->slug : ""),
        log_text("topic", item->ref.topic == TRIS_TOPIC_GOV ? "gov" : "data"),
        log_number("epoch", item->ref.epoch), log_number("ends_at", item->end),
        log_text("next", item->own ? "tris draft list" : "none"));
    if (item->own) {
        confirm_ends(d, log_no);
    }
}
