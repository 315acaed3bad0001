/* What can be asked about a session, without asking its peer. */
#include "proto/session_int.h"

enum session_state session_state(const struct session *s)
{
    return s->state;
}

enum session_level session_level(const struct session *s)
{
    return s->level;
}

const struct session_stats *session_stats(const struct session *s)
{
    return &s->stats;
}

bool session_position(const struct session *s, uint32_t log_no, uint64_t *size)
{
    *size = position_get(s, log_no);
    return *size != SESSION_POSITION_UNKNOWN;
}

bool session_suspects(const struct session *s, uint32_t log_no)
{
    return fork_suspected(s, log_no);
}

const char *session_bye_text(const struct session *s, uint32_t *code)
{
    *code = s->bye_code;
    return s->bye_text;
}
