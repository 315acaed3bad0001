/* The member table's own steps, shared by members.c (rows, looking) and members_update.c (what the
 * evaluation and cards say); for nobody else. */
#ifndef TRIS_DAEMON_MEMBERS_INT_H
#define TRIS_DAEMON_MEMBERS_INT_H

#include "daemon/members.h"

/* A row for a house that has none, with a copy of the line. */
TRIS_MUST_CHECK enum tris_err members_add(struct members *m, const struct house_line *line,
                                          uint32_t *index);
/* Which slugs are not unique: asked for with every record that is shown. */
TRIS_MUST_CHECK enum tris_err members_note_slugs(struct members *m);
void member_note_district(struct member *member);

#endif
