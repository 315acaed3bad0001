/* The level of a session: which logs it is about, and the frontier that it compares.
 *
 * With a candidate or a revoked house only gov logs travel, in either direction. Both sides then
 * compare the frontier of the gov logs alone, so that equal roots mean the same as in any session.
 */
#include "proto/session_int.h"

bool session_sees(const struct session *s, uint32_t log_no)
{
    const struct frontier_item *item = frontier_item(s->config.frontier, log_no);
    return item != NULL && (s->level == SESSION_FULL || item->ref.topic == TRIS_TOPIC_GOV);
}

uint32_t session_find(const struct session *s, const struct tris_short *id)
{
    uint32_t log_no = frontier_find(s->config.frontier, id);
    return log_no != FRONTIER_NONE && session_sees(s, log_no) ? log_no : FRONTIER_NONE;
}

struct tris_short session_own_root(const struct session *s)
{
    struct tris_hash root;
    if (s->level == SESSION_FULL) {
        frontier_root(s->config.frontier, &root);
    } else {
        frontier_gov_root(s->config.frontier, &root);
    }
    return tris_short_of(root.b);
}

void session_own_bucket(const struct session *s, uint32_t bucket, struct tris_hash *out)
{
    if (s->level == SESSION_FULL) {
        frontier_bucket(s->config.frontier, bucket, out);
    } else {
        frontier_gov_bucket(s->config.frontier, bucket, out);
    }
}

/* Roots of gov logs alone are not remembered. */
bool session_stamp_of(const struct session *s, const struct tris_short *root, uint64_t *stamp)
{
    return s->level == SESSION_FULL && frontier_stamp_of(s->config.frontier, root, stamp);
}
