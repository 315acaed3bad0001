/* Back-off and penalties of one peer; see penalty.h. */
#include "proto/penalty.h"

#include <stddef.h>

/* A moment between half and the whole of `ms` from now. */
static uint64_t spread(uint64_t now_ms, uint32_t ms, uint32_t chance)
{
    return now_ms + ms / 2 + chance % (ms / 2 + 1) + 1;
}

void penalty_plan(struct penalty *p, uint64_t now_ms, uint32_t chance)
{
    p->dial_ms = spread(now_ms, PENALTY_BACKOFF_MS / 2, chance);
}

static uint32_t doubled(uint32_t ms, uint32_t most)
{
    return ms > most / 2 ? most : 2 * ms;
}

/* What the offences alone ask for. */
static uint32_t offence_ms(const struct penalty *p)
{
    uint32_t ms = p->offences > 0 ? PENALTY_OFFENCE_MS : 0;
    for (uint32_t i = 1; i < p->offences && ms < PENALTY_OFFENCE_MS_MAX; i++) {
        ms = doubled(ms, PENALTY_OFFENCE_MS_MAX);
    }
    return ms;
}

void penalty_later(struct penalty *p, uint64_t now_ms, uint32_t chance, uint32_t backoff_ms_max)
{
    uint32_t offence = offence_ms(p);
    p->backoff_ms =
        p->backoff_ms == 0 ? PENALTY_BACKOFF_MS : doubled(p->backoff_ms, backoff_ms_max);
    p->dial_ms = spread(now_ms, p->backoff_ms > offence ? p->backoff_ms : offence, chance);
}

void penalty_at_once(struct penalty *p, uint64_t now_ms)
{
    p->dial_ms = now_ms;
}

void penalty_shorten(struct penalty *p)
{
    p->backoff_ms = 0;
}

void penalty_replan(struct penalty *p)
{
    p->backoff_ms = 0;
    p->dial_ms = 0;
}

bool penalty_is_offence(enum tris_err reason, bool by_peer)
{
    static const enum tris_err innocent[] = {TRIS_ERR_CLOSED, TRIS_ERR_TIMEOUT, TRIS_ERR_DUPLICATE,
                                             TRIS_ERR_BUSY,   TRIS_ERR_GOODBYE, TRIS_ERR_SELF,
                                             TRIS_ERR_PAUSED, TRIS_ERR_HOURS};
    for (size_t i = 0; i < sizeof innocent / sizeof innocent[0]; i++) {
        if (reason == innocent[i]) {
            return false;
        }
    }
    return !by_peer && tris_err_class(reason) == TRIS_CLASS_PEER;
}

void penalty_offended(struct penalty *p)
{
    p->offences += p->offences < UINT32_MAX ? 1 : 0;
}

void penalty_lasted(struct penalty *p, uint64_t open_ms, bool offence)
{
    if (open_ms <= PENALTY_GOOD_MS) {
        return;
    }
    p->backoff_ms = 0;
    /* who behaves for half a minute and offends then is not better for it */
    if (!offence || open_ms > PENALTY_OFFENCE_MS_MAX) {
        p->offences = 0;
    }
}

void penalty_dialled_by(struct penalty *p, uint64_t now_ms)
{
    if (p->opens == 0 || now_ms - p->opens_ms >= PENALTY_OPENS_MS) {
        p->opens_ms = now_ms;
        p->opens = 0;
    }
    p->opens++;
}

bool penalty_refuses(const struct penalty *p, uint64_t now_ms)
{
    bool punished = p->offences >= PENALTY_OFFENCES_MAX && p->dial_ms > now_ms;
    return punished || p->opens > PENALTY_OPENS_MAX;
}
