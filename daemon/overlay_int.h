/* The overlay's own state, shared by overlay.c (peers), overlay_dial.c (dialling), overlay_conn.c
 * (what connections tell) and overlay_look.c (what can be asked); for nobody else. */
#ifndef TRIS_DAEMON_OVERLAY_INT_H
#define TRIS_DAEMON_OVERLAY_INT_H

#include "daemon/ask.h"
#include "daemon/conn.h"
#include "daemon/listener.h"

struct overlay {
    struct daemon *d;
    struct peer *peers;
    uint32_t count;
    struct conn *conns; /* all that have a handle open */
    uint64_t next_session_no;
    struct listener listener;
    struct asks asks;
    uint32_t configured;               /* first of those that were configured, by configured_next */
    uint32_t referred[MSG_REFERS_MAX]; /* members that a refusal has named, to be dialled next */
    uint32_t referred_count;
    uv_timer_t dial_timer, rotate_timer, stop_timer, twins_timer, limits_timer, accept_timer;
    uint64_t accepts_ms; /* the turn of the loop in which `accepts` connections were taken */
    uint32_t accepts;
    bool accept_waits[CONFIG_LISTEN_MAX]; /* a connection waits at this listener */
    bool started, stopping, stop_timer_open;
    uint64_t refused, refused_logged_ms; /* connections that did not become sessions */
};

/* The peer whose open session this connection is; NULL if it is none. */
struct peer *overlay_open_peer(const struct overlay *o, const struct conn *c);
uint64_t overlay_now(const struct overlay *o); /* the loop's monotonic time */
/* Wall time of the last byte of a session. */
uint64_t overlay_heard(const struct overlay *o, const struct session_stats *stats);
const char *overlay_slug(const struct overlay *o, uint32_t index);
/* Answers those who wait for equal roots, if they are. */
void overlay_check_waits(struct overlay *o);
/* Divides what may be on its way to the writer among the open sessions. */
void overlay_share_windows(struct overlay *o);
/* An open session that takes part in the exchange of entries: a peer's, or a guest's. */
bool overlay_takes_part(const struct overlay *o, const struct conn *c);
/* A session with a house that is no member has opened: takes it as a guest, or says goodbye. */
void overlay_guest_open(struct overlay *o, struct conn *c, const struct session_event *event);
/* overlay_dial.c: timers; an address was set by hand, or taken away. */
void overlay_dial_open(struct overlay *o);
void overlay_set_configured(struct overlay *o, uint32_t index, bool configured);
/* Ends the session of a house for which there is no room, and names others. */
void overlay_refer(struct overlay *o, struct conn *c);
/* The session of a guest is over. */
void overlay_guest_closed(struct overlay *o, struct conn *c, enum tris_err reason, bool by_peer);
/* Not connected, has an address, and may be dialled. */
bool overlay_is_candidate(const struct overlay *o, uint32_t index);
/* A session or a dial has failed: each time it takes longer until the next one. */
void overlay_wait_longer(const struct overlay *o, struct penalty *penalty);
/* The same, and the peer's next address is tried then. */
void overlay_dial_later(struct overlay *o, struct peer *p, enum tris_err err);
/* Dials whoever is due and sets the timer for who is next. */
void overlay_plan_dials(struct overlay *o);
void overlay_twins_open(struct overlay *o);
/* Two processes of one house are connected: lets them prove it to each other. True: `older` is
 * closed later. */
bool overlay_twins_ask(struct overlay *o, struct peer *p, struct conn *older, struct conn *newer);
/* overlay_limits.c: settings read at the start; the timer that looks at the hours. */
TRIS_MUST_CHECK enum tris_err overlay_limits_load(struct overlay *o);
void overlay_limits_open(struct overlay *o);
/* overlay_look.c: how a connection of the peer ended; that one is open; that addresses changed. */
void overlay_note_end(struct peer *p, struct conn *c, enum tris_err reason, bool by_peer,
                      bool offence);
void overlay_note_open(struct peer *p);
void overlay_note_addresses(struct peer *p);
void overlay_on_connection(uv_stream_t *listener, int status);
/* The next turn: takes what waits. */
void overlay_on_accept_timer(uv_timer_t *timer);

#endif
