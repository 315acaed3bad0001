/* The restore guard; see guard.h. Every answer is computed from what has been told, so that there
 * is no state that could be forgotten to be left. */
#include "proto/guard.h"

#include "proto/assert.h"

void guard_init(struct guard *g, const struct guard_config *config, uint64_t now_ms)
{
    memset(g, 0, sizeof *g);
    g->config = *config;
    memcpy(g->size, config->size, sizeof g->size);
    memcpy(g->proven, config->proven, sizeof g->proven);
    g->end[GUARD_GOV] = g->end[GUARD_DATA] = UINT64_MAX;
    g->alarm = config->alarm;
    g->accepted = config->accepted;
    g->since_ms = g->now_ms = now_ms;
}

void guard_peer_init(struct guard_peer *p, const struct tris_house_id *house)
{
    memset(p, 0, sizeof *p);
    p->house = *house;
}

uint32_t guard_claims_needed(const struct guard *g)
{
    return g->config.others < GUARD_CLAIMS_NEEDED ? (uint32_t)g->config.others
                                                  : GUARD_CLAIMS_NEEDED;
}

/* ---- what is told ---- */

/* A house counts once all that it has said agrees with the own logs or is proven. */
static void count(struct guard *g, const struct guard_peer *p)
{
    if (!p->told || p->open[GUARD_GOV] || p->open[GUARD_DATA]) {
        return;
    }
    for (uint32_t i = 0; i < g->counted_count; i++) {
        if (tris_house_id_eq(&g->counted[i], &p->house)) {
            return;
        }
    }
    if (g->counted_count < GUARD_CLAIMS_NEEDED) {
        g->first_ms = g->counted_count == 0 ? g->now_ms : g->first_ms;
        g->counted[g->counted_count++] = p->house;
    }
}

bool guard_claim(struct guard *g, struct guard_peer *p, enum guard_log log,
                 enum guard_relation relation, uint64_t now_ms)
{
    tris_assert(log < GUARD_LOGS);
    guard_tick(g, now_ms);
    p->open[log] = relation != GUARD_SAME;
    count(g, p);
    return p->open[log];
}

void guard_told(struct guard *g, struct guard_peer *p, uint64_t now_ms)
{
    guard_tick(g, now_ms);
    p->told = true;
    count(g, p);
}

void guard_equal(struct guard *g, struct guard_peer *p, uint64_t now_ms)
{
    guard_tick(g, now_ms);
    p->told = true;
    p->open[GUARD_GOV] = p->open[GUARD_DATA] = false;
    count(g, p);
}

void guard_proof(struct guard *g, struct guard_peer *p, enum guard_log log, uint64_t size,
                 enum guard_relation relation, uint64_t now_ms)
{
    tris_assert(log < GUARD_LOGS);
    guard_tick(g, now_ms);
    switch (relation) {
    case GUARD_SAME: /* it was larger when it was asked for */
        break;
    case GUARD_LARGER:
        g->proven[log] = size > g->proven[log] ? size : g->proven[log];
        if (g->sealed_here && size > g->size[log] && g->end[log] == UINT64_MAX) {
            guard_clone(g);
        }
        break;
    case GUARD_OTHER:
        guard_fork(g);
        return; /* what stands against the own log does not confirm it */
    }
    p->open[log] = false;
    count(g, p);
}

void guard_fork(struct guard *g)
{
    g->alarm = GUARD_FORK; /* the worse of the two: it has happened */
}

void guard_ends(struct guard *g, enum guard_log log, uint64_t end)
{
    tris_assert(log < GUARD_LOGS);
    g->end[log] = end < g->end[log] ? end : g->end[log];
}

void guard_clone(struct guard *g)
{
    g->alarm = g->alarm == GUARD_FORK ? GUARD_FORK : GUARD_CLONE;
}

void guard_advanced(struct guard *g, enum guard_log log, uint64_t size, bool by_us)
{
    tris_assert(log < GUARD_LOGS);
    g->sealed_here = g->sealed_here || (by_us && size > g->size[log]);
    g->size[log] = size;
}

void guard_mark_is_back(struct guard *g)
{
    g->mark_back = true;
}

void guard_accept_loss(struct guard *g)
{
    g->accepted = true;
}

void guard_end_alarm(struct guard *g, uint64_t now_ms)
{
    guard_tick(g, now_ms);
    g->alarm = GUARD_QUIET;
    g->sealed_here = false;
    g->counted_count = 0;
    g->since_ms = g->now_ms;
}

void guard_tick(struct guard *g, uint64_t now_ms)
{
    g->now_ms = now_ms > g->now_ms ? now_ms : g->now_ms;
}

/* ---- what follows ---- */

uint64_t guard_want_tail(const struct guard *g, enum guard_log log)
{
    tris_assert(log < GUARD_LOGS);
    uint64_t until = g->proven[log] < g->end[log] ? g->proven[log] : g->end[log];
    return until > g->size[log] ? until : 0;
}

static bool mark_doubtful(const struct guard *g)
{
    switch (g->config.doubt) {
    case GUARD_SURE:
        return false;
    case GUARD_MARK_AHEAD:
        return !g->mark_back;
    case GUARD_MARK_MISSING:
    case GUARD_MARK_FOREIGN:
        return true;
    }
    return true;
}

bool guard_doubtful(const struct guard *g)
{
    return mark_doubtful(g) && !g->accepted;
}

/* From the first claim that counts; a doubtful mark waits for as many as there can be. */
static bool waited(const struct guard *g)
{
    bool first = g->counted_count > 0 && g->now_ms - g->first_ms >= g->config.wait_ms;
    bool alone = g->config.alone_ms > 0 && g->now_ms - g->since_ms >= g->config.alone_ms;
    return !mark_doubtful(g) && (first || alone);
}

enum guard_why guard_why(const struct guard *g)
{
    if (g->alarm != GUARD_QUIET) {
        return g->alarm == GUARD_FORK ? GUARD_WHY_FORK : GUARD_WHY_CLONE;
    }
    if (guard_want_tail(g, GUARD_GOV) > 0 || guard_want_tail(g, GUARD_DATA) > 0) {
        return GUARD_WHY_TAIL;
    }
    if (g->counted_count < guard_claims_needed(g) && !waited(g)) {
        return g->counted_count > 0 ? GUARD_WHY_SECOND : GUARD_WHY_CLAIMS;
    }
    if (guard_doubtful(g)) {
        return GUARD_WHY_ACCEPT;
    }
    return g->rotating ? GUARD_WHY_EPOCH : GUARD_READY;
}

void guard_others(struct guard *g, uint64_t others)
{
    g->config.others = others;
}

void guard_rotates(struct guard *g, bool rotating)
{
    g->rotating = rotating;
}

bool guard_may_seal(const struct guard *g)
{
    return guard_why(g) == GUARD_READY;
}

static uint64_t later(uint64_t at, uint64_t ms)
{
    return ms < UINT64_MAX - at ? at + ms : UINT64_MAX;
}

uint64_t guard_deadline(const struct guard *g)
{
    uint64_t at = UINT64_MAX;
    enum guard_why why = guard_why(g);
    if ((why != GUARD_WHY_CLAIMS && why != GUARD_WHY_SECOND) || mark_doubtful(g)) {
        return at;
    }
    if (g->config.alone_ms > 0) {
        at = later(g->since_ms, g->config.alone_ms);
    }
    if (g->counted_count > 0) {
        uint64_t first = later(g->first_ms, g->config.wait_ms);
        at = first < at ? first : at;
    }
    return at;
}
