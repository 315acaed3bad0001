/* Rules between records, which the schema of one kind cannot say. */
#ifndef TRIS_DAEMON_RULES_H
#define TRIS_DAEMON_RULES_H

#include "daemon/daemon.h"
#include "proto/record.h"

enum { RULES_TEXT_BYTES = 160 };

/* Whether a house of this role may write a record with this OWN-valid payload, and whether it may
 * stand beside those that are here. `self` is the record that it replaces, NULL if it is new.
 * TRIS_ERR_ROLE; TRIS_ERR_CONFLICT: `*other` stands in the way.
 * Any thread; in the writer's transaction nothing comes in between. */
TRIS_MUST_CHECK enum tris_err rules_check(struct store_view *v, enum tris_role role, uint32_t kind,
                                          struct span payload, const struct record_ref *self,
                                          struct record_ref *other);
/* What people should think of before they write this record: English, "" if nothing. Loop thread.
 */
void rules_warn(struct daemon *d, struct store_view *v, const struct record *r,
                char text[RULES_TEXT_BYTES]);

#endif
