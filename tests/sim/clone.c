/* A house and its clone, and the person who ends that; see clone.h. */
#include "tests/sim/clone.h"

#include <inttypes.h>

#include "proto/assert.h"
#include "tests/sim/check.h"
#include "tests/sim/net.h"
#include "tests/sim/operator.h"

enum {
    LOOK_MS_MAX = 6 * SIM_HOUR_MS,
    LOOK_CALM_MS = 10 * SIM_MINUTE_MS,
    WORK_MS_MAX = 3 * SIM_HOUR_MS,
    APART_MS_MAX = SIM_DAY_MS,
    NOTICE_MS_MAX = 3 * SIM_HOUR_MS, /* of calm; everybody dials at least every 30 minutes */
};

enum { CLONE_LOOK, CLONE_WORK }; /* EVENT_CLONE, b */

static struct house *place(struct sim *sim)
{
    return &sim->house[sim->places - 1];
}

static struct rng *chance(struct sim *sim)
{
    return &sim->rng[STREAM_FAULT];
}

/* People look now and then; once an event is in the queue it keeps itself there while needed. */
static void plan_look(struct house *original)
{
    uint64_t most = original->sim->calm ? LOOK_CALM_MS : LOOK_MS_MAX;
    if (!original->looked_for) {
        original->looked_for = true;
        sim_after(original->sim, SIM_SECOND_MS + rng_below(chance(original->sim), most),
                  EVENT_CLONE, original->no, CLONE_LOOK, 0);
    }
}

static void plan_work(struct house *clone)
{
    sim_after(clone->sim, SIM_SECOND_MS + rng_below(chance(clone->sim), WORK_MS_MAX), EVENT_CLONE,
              clone->no, CLONE_WORK, clone->life);
}

/* It dials whom the original dials, and who dials that: these know two processes soon. */
static void meet(struct house *h, struct house *clone)
{
    for (uint32_t i = 0; i < h->sim->houses; i++) {
        clone->peers[i].dials =
            i != h->no && (h->peers[i].dials || h->sim->house[i].peers[h->no].dials);
    }
}

/* Nobody reaches both, for a while: each is alone with some of the others, and seals. */
static void set_apart(struct house *h, struct house *clone)
{
    struct sim *sim = h->sim;
    uint64_t side = rng_next(chance(sim));
    for (uint32_t a = 0; a < sim->places; a++) {
        for (uint32_t b = 0; b < sim->places; b++) {
            bool with_clone = b != h->no && (b == clone->no || (side >> b % 64 & 1) != 0);
            bool with_h = a != clone->no && (a == h->no || (side >> a % 64 & 1) == 0);
            if (with_h && with_clone) {
                net_block(sim, a, b, true);
                net_block(sim, b, a, true);
            }
        }
    }
    sim_after(sim, SIM_HOUR_MS + rng_below(chance(sim), APART_MS_MAX), EVENT_HEAL, 0, 0, 0);
}

bool clone_begin(struct house *h)
{
    struct sim *sim = h->sim;
    struct house *clone = place(sim);
    if (sim->clone_of != SIM_NONE || (rng_below(chance(sim), 2) == 0 && !house_back_up(h)) ||
        !h->has_backup) {
        return false;
    }
    bool image = rng_below(chance(sim), 2) == 0;
    uint64_t life = clone->life; /* events for a former clone are void */
    house_fini(clone);
    house_init(clone, sim, sim->places - 1, h->no);
    clone->life = life;
    rng_bytes(chance(sim), &clone->rng, sizeof clone->rng); /* another stream than the last one's */
    house_put_clone(h, clone, image);
    meet(h, clone);
    clone->acked[TRIS_TOPIC_GOV] = h->acked[TRIS_TOPIC_GOV]; /* it has its card */
    sim->clone_of = h->no;
    sim_trace(sim, "house %u: a clone at place %u%s", h->no, clone->no,
              image ? ", an image of the machine" : "");
    check_doubled(h, clone);
    if (rng_below(chance(sim), 3) != 0) {
        set_apart(h, clone);
    }
    house_start(clone);
    tris_assert(clone->up);
    operator_recall(clone);
    plan_work(clone);
    plan_look(h);
    return true;
}

static void end(struct sim *sim)
{
    struct house *clone = place(sim);
    sim_trace(sim, "house %u: its clone is ended", sim->clone_of);
    house_down(clone, true, true);
    house_wipe(clone);
    sim->clone_of = SIM_NONE;
}

static bool alarmed(const struct house *h)
{
    return h->up && h->guard.alarm != GUARD_QUIET;
}

/* Both have noticed: the person ends the clone, and lets the original go on. */
static void look(struct house *h)
{
    struct sim *sim = h->sim;
    bool runs = sim->clone_of == h->no;
    if (runs && alarmed(h) && alarmed(place(sim))) {
        end(sim);
        runs = false;
    }
    if (!runs && alarmed(h)) {
        house_guard_end_alarm(h);
    }
    if (runs || h->guard.alarm != GUARD_QUIET) {
        plan_look(h);
    }
}

void clone_on_event(struct sim *sim, const struct event *event)
{
    struct house *h = &sim->house[event->a];
    if (event->b == CLONE_LOOK) {
        h->looked_for = false;
        look(h);
    } else if (h->up && event->stamp == h->life && !sim->calm) {
        operator_work(h, 1 + rng_below(chance(sim), 2 * (uint64_t)sim->profile.burst));
        plan_work(h);
    }
}

void clone_alarm(struct house *h)
{
    if (house_doubled(h)) {
        plan_look(&h->sim->house[h->who]);
    }
}

void clone_noticed(struct sim *sim, uint64_t calm_ms)
{
    if (sim->clone_of == SIM_NONE || calm_ms < NOTICE_MS_MAX) {
        return;
    }
    const struct house *h = &sim->house[sim->clone_of];
    const bool one = alarmed(h), two = alarmed(place(sim));
    if (!one || !two) {
        sim_fail(sim, "house %u and its clone: %s noticed the other after %" PRIu64 " min of calm",
                 h->no, one || two ? "only one" : "neither", calm_ms / SIM_MINUTE_MS);
    }
}
