/* The run: setting up, the loop of events, the calm at the end; see sim.h. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/alone.h"
#include "tests/sim/check.h"
#include "tests/sim/clone.h"
#include "tests/sim/crypto.h"
#include "tests/sim/fault.h"
#include "tests/sim/hostile.h"
#include "tests/sim/member.h"
#include "tests/sim/operator.h"
#include "tests/sim/rotate.h"
#include "tests/sim/run.h"
#include "tests/sim/verify.h"

enum {
    CALM_MS_MAX = 24 * SIM_HOUR_MS,
    CALM_LOOK_MS = SIM_MINUTE_MS,
    EXTRA_MAX = 20, /* a fault that never struck gets so many more chances ... */
    EXTRA_MS = 4 * SIM_HOUR_MS,
};

void sim_after(struct sim *sim, uint64_t wait_ms, enum event_type type, uint32_t a, uint32_t b,
               uint64_t stamp)
{
    queue_put(&sim->queue,
              (struct event){
                  .at_ms = sim->now_ms + wait_ms, .type = type, .a = a, .b = b, .stamp = stamp});
}

void sim_note(struct sim *sim, uint64_t number)
{
    sim->hash = (sim->hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
    sim->hash ^= sim->hash >> 29;
}

void sim_note_bytes(struct sim *sim, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, at + i, len - i < 8 ? len - i : 8);
        sim_note(sim, word);
    }
    sim_note(sim, len);
}

void sim_trace(const struct sim *sim, const char *format, ...)
{
    va_list args;
    if (!sim->options.trace) {
        return;
    }
    fprintf(stderr, "%10" PRIu64 ".%03" PRIu64 " ", sim->now_ms / 1000, sim->now_ms % 1000);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void run_replay(const struct options *o, FILE *out)
{
    if (o->replay != NULL) {
        fprintf(out, "%s%" PRIu64 "\n", o->replay, o->seed);
        return;
    }
    fprintf(out, "make sim SEED=%" PRIu64 " PROFILE=%s", o->seed, o->profile);
    if (o->houses != 0) {
        fprintf(out, " HOUSES=%u", o->houses);
    }
    if (o->days != 0) {
        fprintf(out, " DAYS=%u", o->days);
    }
    if (o->changes != 0) {
        fprintf(out, " CHANGES=%u", o->changes);
    }
    fputc('\n', out);
}

void sim_fail(const struct sim *sim, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "VIOLATION on day %" PRIu64 ", event %" PRIu64 ": ", sim->now_ms / SIM_DAY_MS,
            sim->events);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n  replay: ");
    run_replay(&sim->options, stderr);
    exit(1);
}

/* ---- setting up ---- */

/* A ring, so that everybody is reached, and chords. */
static void draw_neighbours(struct sim *sim)
{
    struct rng *rng = &sim->rng[STREAM_OVERLAY];
    for (uint32_t i = 0; i < sim->houses; i++) {
        struct house *h = &sim->house[i];
        h->peers[(i + 1) % sim->houses].dials = sim->houses > 1;
        for (uint32_t k = 1; k < sim->profile.dials; k++) {
            uint32_t other = (uint32_t)rng_below(rng, sim->houses);
            h->peers[other].dials = h->peers[other].dials || other != i;
        }
        h->peers[i].dials = false;
    }
}

void run_begin(struct sim *sim)
{
    for (int i = 0; i < STREAMS; i++) {
        sim->rng[i] = rng_of(sim->options.seed, (uint64_t)i);
    }
    crypto_use(sim->profile.real_crypto);
    verify_forget();
    queue_init(&sim->queue);
    sim->houses = sim->profile.houses;
    sim->honest = sim->houses - sim->profile.hostile;
    rng_bytes(&sim->rng[STREAM_KEYS], sim->fed.b, sizeof sim->fed.b);
    sim->places = sim->houses + 1;
    sim->clone_of = SIM_NONE;
    sim->house = calloc(sim->places, sizeof *sim->house);
    sim->check = check_new(sim);
    sim->net = net_new(sim);
    for (uint32_t i = 0; i < sim->houses; i++) {
        house_init(&sim->house[i], sim, i, i);
        sim->house[i].hostile = i >= sim->honest;
    }
    draw_neighbours(sim);
    if (sim->profile.founders > 0) {
        member_begin(sim);
    }
    for (uint32_t i = 0; i < sim->houses; i++) {
        house_start(&sim->house[i]);
        operator_begin(&sim->house[i]);
        hostile_begin(&sim->house[i]);
    }
    fault_begin(sim);
}

void run_end(struct sim *sim)
{
    net_free(sim->net);
    for (uint32_t i = 0; i < sim->places; i++) {
        house_fini(&sim->house[i]);
    }
    check_free(sim->check);
    member_end(sim);
    queue_fini(&sim->queue);
    free(sim->house);
}

/* ---- the loop ---- */

static void start_event(struct sim *sim, const struct event *event)
{
    struct house *h = &sim->house[event->a];
    if (!h->up && h->starting && event->stamp == h->life) {
        house_start(h);
    }
}

static void dispatch(struct sim *sim, const struct event *event)
{
    switch (event->type) {
    case EVENT_CONNECT:
        net_on_connect(sim, event);
        return;
    case EVENT_DELIVER:
        net_on_deliver(sim, event);
        return;
    case EVENT_TICK:
        net_on_tick(sim, event);
        return;
    case EVENT_NOTICE:
        net_on_notice(sim, event);
        return;
    case EVENT_DIAL:
        house_on_dial(&sim->house[event->a], event);
        return;
    case EVENT_COMMIT:
        house_on_commit(&sim->house[event->a], event);
        return;
    case EVENT_OPERATOR:
        operator_on_event(&sim->house[event->a], event);
        return;
    case EVENT_DAY:
        house_on_day(&sim->house[event->a], event);
        return;
    case EVENT_GUARD:
        house_on_guard(&sim->house[event->a], event);
        return;
    case EVENT_RELAY:
        house_on_relay(&sim->house[event->a], event);
        return;
    case EVENT_START:
        start_event(sim, event);
        return;
    case EVENT_CLOCK:
        fault_on_clock(sim, event);
        return;
    case EVENT_HEAL:
        fault_on_heal(sim, event);
        return;
    case EVENT_FAULT:
        fault_on_event(sim, event);
        return;
    case EVENT_HOSTILE:
        hostile_on_event(&sim->house[event->a], event);
        return;
    case EVENT_TWIN:
        house_on_twin(sim, event);
        return;
    case EVENT_ALONE:
        alone_on_event(sim, event);
        return;
    case EVENT_STATE:
        member_on_state(sim, event);
        return;
    case EVENT_KEY:
        rotate_on_key(sim, event);
        return;
    case EVENT_CLONE:
        clone_on_event(sim, event);
        return;
    case EVENT_TYPES:
        return;
    }
}

void run_until(struct sim *sim, uint64_t end_ms)
{
    struct event event;
    while (queue_next_ms(&sim->queue) <= end_ms && queue_take(&sim->queue, &event)) {
        sim->now_ms = event.at_ms;
        sim->events++;
        sim_note(sim, event.at_ms * EVENT_TYPES + event.type);
        sim_note(sim, (uint64_t)event.a << 32 | event.b);
        dispatch(sim, &event);
    }
    sim->now_ms = end_ms;
}

void run_calm(struct sim *sim)
{
    sim->calm = true;
    fault_end(sim);
    for (uint32_t i = 0; i < sim->houses; i++) {
        if (sim->house[i].up) {
            house_redial(&sim->house[i]);
        }
    }
    uint64_t begun = sim->now_ms;
    while (!check_converged(sim)) {
        clone_noticed(sim, sim->now_ms - begun);
        if (sim->now_ms - begun > CALM_MS_MAX + 6 * sim->profile.heartbeat_ms) {
            check_explain(sim);
            sim_fail(sim, "I2: the houses do not come to the same within %d hours without faults",
                     CALM_MS_MAX / SIM_HOUR_MS);
        }
        run_until(sim, sim->now_ms + CALM_LOOK_MS);
    }
    sim_trace(sim, "converged after %" PRIu64 " s of calm", (sim->now_ms - begun) / 1000);
}

static void check_census(const struct sim *sim)
{
    for (enum fault f = 0; f < FAULTS; f++) {
        if (sim->profile.every_ms[f] != 0 && sim->census.struck[f] == 0) {
            sim_fail(sim, "the fault '%s' was on and never struck", fault_name(f));
        }
    }
}

bool run_seed(const struct options *options, struct run_result *out)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL) {
        return false;
    }
    sim->options = *options;
    struct rng draw = rng_of(options->seed, STREAM_PROFILE);
    if (!profile_draw(options->profile, options->houses, options->days, options->changes, &draw,
                      &sim->profile)) {
        free(sim);
        return false;
    }
    run_begin(sim);
    run_until(sim, (uint64_t)sim->profile.days * SIM_DAY_MS);
    for (int more = 0; more < EXTRA_MAX && fault_hurry(sim); more++) {
        run_until(sim, sim->now_ms + EXTRA_MS);
    }
    out->virtual_ms = sim->now_ms;
    run_calm(sim);
    check_end(sim);
    check_census(sim);
    out->hash = sim->hash;
    out->events = sim->events;
    out->entries_written = sim->entries_written;
    out->entries_delivered = sim->entries_delivered;
    out->commits = sim->commits;
    out->sessions = sim->sessions;
    out->bytes_carried = sim->bytes_carried;
    out->census = sim->census;
    out->profile = sim->profile;
    run_end(sim);
    free(sim);
    return true;
}
