/* From the store's log heads to frontier items. */
#ifndef TRIS_DAEMON_HEADS_H
#define TRIS_DAEMON_HEADS_H

#include "proto/frontier.h"
#include "storage/store.h"

/* Fills an empty frontier from all heads of the store; local logs stay out. */
TRIS_MUST_CHECK enum tris_err heads_load(struct store *s, struct frontier *f);

#endif
