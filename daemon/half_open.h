/* Connections that came in and have not authenticated: how many may wait, and who goes when there
 * are more.
 *
 * Two kinds have places of their own. Silent ones have not said a first message that passes the
 * gate: anybody can open them, they cost a few KiB. Answered ones have, but so has a recorded
 * message that somebody plays again: it never goes on. In each kind the oldest goes. An honest peer
 * sends its first message at once and goes on after one round trip, so that neither kind keeps
 * newcomers out for longer than they need. */
#ifndef TRIS_DAEMON_HALF_OPEN_H
#define TRIS_DAEMON_HALF_OPEN_H

#include "daemon/conn.h"
#include "daemon/listener.h"

enum {
    /* what the kernel hands over at once: nobody of one burst goes before he was heard */
    HALF_OPEN_SILENT_MAX = LISTENER_BACKLOG,
    HALF_OPEN_ANSWERED_MAX = 32,
    /* of one network address, which may be that of many houses; loopback has no limit of its own */
    HALF_OPEN_SILENT_ORIGIN = 16,
    HALF_OPEN_ANSWERED_ORIGIN = 4,
    HALF_OPEN_FEW_MAX = 16, /* of each kind, if the process may open few files */
};

/* The connection in the list `conns` (newest first) that has to go because `newest` has come, NULL
 * if none has: of too many of its address, or of all. To be asked until nobody is left to go. */
struct conn *half_open_victim(struct conn *conns, const struct conn *newest, bool few_files);

#endif
