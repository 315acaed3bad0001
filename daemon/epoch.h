/* The next epoch of this house: keys that wait in DIR/next until enough houses vouch for them.
 *
 * `tris key rotate` puts them there. Until the opening is complete this node asks every member that
 * it meets, and seals nothing more under the present key; then it takes them and begins anew.
 * Loop thread only. */
#ifndef TRIS_DAEMON_EPOCH_H
#define TRIS_DAEMON_EPOCH_H

#include "proto/charter.h"

struct daemon;

struct epoch {
    bool waits;
    struct house_line line; /* of the next epoch, if `waits` */
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
};

/* Reads DIR/next. At the start, and when somebody has changed it; false if that made no
 * difference. What does not fit this house is ignored, with a line in the log. */
bool epoch_load(struct daemon *d);
/* The member table has changed: if the next epoch is current, takes its keys and ends the loop, to
 * begin anew with them. */
void epoch_look(struct daemon *d);

#endif
