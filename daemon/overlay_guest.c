/* Guests: sessions of houses that are no members. They came by an invitation, or are candidates
 * that are known here; what travels is up to the level of their session. */
#include "daemon/daemon.h"
#include "daemon/overlay_int.h"

enum { OVERLAY_GUESTS_MAX = 16 }; /* open at once; beside the members' places */

static uint32_t guest_count(const struct overlay *o)
{
    uint32_t count = 0;
    for (const struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        count += conn_guest(c) && conn_open(c) ? 1 : 0;
    }
    return count;
}

/* The open session of the same house, if there is one beside this. */
static struct conn *guest_other(const struct overlay *o, struct conn *c)
{
    for (struct conn *at = o->conns; at != NULL; at = conn_next(at)) {
        if (at != c && conn_guest(at) && conn_open(at) &&
            tris_house_id_eq(&conn_guard(at)->house, &conn_guard(c)->house)) {
            return at;
        }
    }
    return NULL;
}

/* Candidates keep to the same limits as members: so many sessions a minute, and after some faults
 * in a row they wait outside. */
static bool guest_refused(struct overlay *o, const struct tris_house_id *house)
{
    struct penalty *penalty = candidates_penalty(o->d, house);
    if (penalty == NULL) {
        return false; /* it comes by an invitation, which opens nothing a second time */
    }
    penalty_dialled_by(penalty, overlay_now(o));
    return penalty_refuses(penalty, overlay_now(o));
}

void overlay_guest_open(struct overlay *o, struct conn *c, const struct session_event *event)
{
    const struct tris_house_id *house = &event->peer.house;
    bool invited = event->peer.invite != 0 && invites_consume(o->d, event->peer.invite, house);
    if (!invited && candidates_find(o->d, house) == NULL) {
        conn_goodbye(c, TRIS_ERR_STRANGER); /* another one was faster with the same invitation */
        return;
    }
    struct conn *older = guest_other(o, c);
    const bool full = older == NULL && guest_count(o) >= OVERLAY_GUESTS_MAX;
    if (o->stopping || guest_refused(o, house) || full) {
        conn_goodbye(c, o->stopping ? TRIS_ERR_STOPPING : TRIS_ERR_BUSY);
        return;
    }
    if (older != NULL) {
        conn_goodbye(older, TRIS_ERR_DUPLICATE);
    }
    conn_set_guest(c);
    char hex[65];
    tris_hex(house->b, sizeof house->b, hex);
    LOG(&o->d->log, LOG_INFO, "guest_open", log_text("house", hex),
        log_number("session", conn_session_no(c)), log_text("invited", invited ? "true" : "false"));
}

void overlay_guest_closed(struct overlay *o, struct conn *c, enum tris_err reason, bool by_peer)
{
    const bool offence = penalty_is_offence(reason, by_peer);
    const uint64_t now = overlay_now(o), opened = session_stats(conn_session(c))->opened_ms;
    struct penalty *penalty = candidates_penalty(o->d, &conn_guard(c)->house);
    if (penalty != NULL) {
        penalty_lasted(penalty, now > opened ? now - opened : 0, offence);
    }
    if (penalty != NULL && offence) {
        penalty_offended(penalty);
        overlay_wait_longer(o, penalty);
    }
    LOG(&o->d->log, offence ? LOG_WARN : LOG_INFO, "guest_closed",
        log_number("session", conn_session_no(c)), log_text("reason", tris_err_name(reason)),
        log_text("by_peer", by_peer ? "true" : "false"));
}

void overlay_greet_guests(struct overlay *o, const struct tris_house_id *house)
{
    for (struct conn *c = o->conns; c != NULL; c = conn_next(c)) {
        if (conn_guest(c) && tris_house_id_eq(&conn_guard(c)->house, house)) {
            conn_goodbye(c, TRIS_ERR_GOODBYE);
        }
    }
}

void overlay_conn_card(struct daemon *d, struct conn *c, const char *text)
{
    /* of a member: the line of a next epoch, which waits here for people like any other */
    const bool asks = conn_guest(c) || session_level(conn_session(c)) == SESSION_FULL;
    if (asks && candidates_put(d, text) != TRIS_OK) {
        conn_goodbye(c, TRIS_ERR_NO_MEMORY);
    }
}
