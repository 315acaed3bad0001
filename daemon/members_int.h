/* The member table's own steps, shared by members.c (rows, looking) and members_update.c (what the
 * evaluation and cards say); for nobody else. */
#ifndef TRIS_DAEMON_MEMBERS_INT_H
#define TRIS_DAEMON_MEMBERS_INT_H

#include "daemon/members.h"

/* The row's line is a copy of this one from now on; TRIS_ERR_NO_MEMORY: it is what it was. */
TRIS_MUST_CHECK enum tris_err member_keep_line(struct member *row, const struct house_line *line);
void member_drop_line(struct member *row); /* frees what is owned */
/* A row for a house that has none. Not `copy`: the line is the charter's, and stays there. */
TRIS_MUST_CHECK enum tris_err members_add(struct members *m, const struct house_line *line,
                                          bool copy, uint32_t *index);
/* Which slugs are not unique: asked for with every record that is shown. */
TRIS_MUST_CHECK enum tris_err members_note_slugs(struct members *m);
void member_note_district(struct member *member);

#endif
