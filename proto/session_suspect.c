/* Logs of which the peer seems to hold another history: a short list, and what becomes of each. How
 * it is found out is in session_probe.c. */
#include "proto/session_int.h"

#include <stdlib.h>

struct suspect *suspect_find(struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->forks.suspects_count; i++) {
        if (s->forks.suspects[i].log_no == log_no) {
            return &s->forks.suspects[i];
        }
    }
    return NULL;
}

bool fork_suspected(const struct session *s, uint32_t log_no)
{
    for (uint32_t i = 0; i < s->forks.suspects_count; i++) {
        if (s->forks.suspects[i].log_no == log_no) {
            return true;
        }
    }
    return false;
}

void probe_free(struct session *s)
{
    free(s->forks.probe);
    s->forks.probe = NULL;
}

/* The log is not suspected any more. */
void suspect_remove(struct session *s, uint32_t log_no)
{
    struct forks *f = &s->forks;
    struct suspect *suspect = suspect_find(s, log_no);
    if (f->probe != NULL && f->probe->log_no == log_no) {
        probe_free(s);
    }
    if (suspect != NULL) {
        *suspect = f->suspects[--f->suspects_count];
    }
}

/* Nothing keeps the log any more: what the peer has more of it is wanted. */
void suspect_cleared(struct session *s, uint32_t log_no)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    const uint64_t more = item->own ? item->tail : position_get(s, log_no);
    suspect_remove(s, log_no);
    if (more != SESSION_POSITION_UNKNOWN) {
        pull_want(s, log_no, more);
    }
}

void suspect_leave(struct session *s, uint32_t log_no)
{
    struct suspect *suspect = suspect_find(s, log_no);
    if (s->forks.probe != NULL && s->forks.probe->log_no == log_no) {
        probe_free(s);
    }
    if (suspect != NULL) {
        suspect->state = SUSPECT_LEFT;
        suspect->until_ms = s->now_ms + SESSION_LADDER_LATE_MS;
    }
}
