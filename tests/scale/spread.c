/* How single writes spread; see spread.h. */
#include "tests/scale/spread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/assert.h"

enum {
    SETTLE_MS = 10000,
    LINK_MS = 30,
    LAST_P99_MS = 500, /* until everybody has a write */
};

static const double COPIES_MOST = 1.5;

struct sums {
    uint64_t hops, copies, bytes, houses; /* houses: that have got a write */
    uint32_t hops_most;
    uint32_t *ms, *last_ms; /* until a house has it, until the last one has */
    uint32_t ms_count, last_count;
    double seconds; /* of the processor */
};

static void row(const char *what, double value, const char *unit)
{
    printf("  %-58s %12.1f %s\n", what, value, unit);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int u32_cmp(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The smallest of `count` sorted values that `percent` of them do not exceed. */
static uint32_t quantile(const uint32_t *sorted, uint32_t count, uint32_t percent)
{
    const uint64_t rank = ((uint64_t)count * percent + 99) / 100;
    return sorted[rank > 0 ? rank - 1 : 0];
}

/* A house whose log has room in the table. */
static uint32_t draw_author(struct world *w)
{
    const uint32_t from = (uint32_t)rng_below(&w->rng, w->houses_count);
    for (uint32_t i = 0; i < w->houses_count; i++) {
        const uint32_t no = (from + i) % w->houses_count;
        if (w->logs[no * HOUSE_LOGS + TRIS_TOPIC_DATA].runs_count < LOG_RUNS_MAX) {
            return no;
        }
    }
    world_fail("the logs of all houses are full");
}

/* One write by a drawn house and all that follows within ten seconds. */
static void one_write(struct world *w, struct sums *s)
{
    const uint64_t start_ms = w->now_ms, copies = world_arrived(w), bytes = w->bytes;
    const uint32_t author = draw_author(w);
    const double begun = now_s();
    uint32_t last = 0;
    for (uint32_t no = 0; no < w->houses_count; no++) {
        w->houses[no].got_ms = UINT64_MAX;
    }
    world_write(w, author);
    world_run(w, w->now_ms + SETTLE_MS);
    for (uint32_t no = 0; no < w->houses_count; no++) {
        const struct house *h = &w->houses[no];
        if (h->got_ms == UINT64_MAX) {
            world_fail("house %u did not get the entry of house %u within %d s", no, author,
                       SETTLE_MS / 1000);
        }
        if (no != author) {
            const uint32_t ms = (uint32_t)(h->got_ms - start_ms);
            s->ms[s->ms_count++] = ms;
            last = ms > last ? ms : last;
            s->hops += h->hops;
            s->hops_most = h->hops > s->hops_most ? h->hops : s->hops_most;
        }
    }
    s->last_ms[s->last_count++] = last;
    s->houses += w->houses_count - 1;
    s->copies += world_arrived(w) - copies;
    s->bytes += w->bytes - bytes;
    s->seconds += now_s() - begun;
}

static struct sums many_writes(struct world *w, uint32_t writes)
{
    struct sums s = {0};
    s.ms = malloc((size_t)writes * w->houses_count * sizeof *s.ms);
    s.last_ms = malloc(writes * sizeof *s.last_ms);
    if (s.ms == NULL || s.last_ms == NULL) {
        world_fail("no memory");
    }
    for (uint32_t i = 0; i < writes; i++) {
        one_write(w, &s);
    }
    if (!world_equal(w)) {
        world_fail("frontiers differ after the writes");
    }
    qsort(s.ms, s.ms_count, sizeof *s.ms, u32_cmp);
    qsort(s.last_ms, s.last_count, sizeof *s.last_ms, u32_cmp);
    return s;
}

static void print(const struct sums *s, const char *unit)
{
    row("hops to a house, mean", (double)s->hops / (double)s->houses, "");
    row("hops, most", s->hops_most, "");
    row("until a house has it, half of them", quantile(s->ms, s->ms_count, 50), unit);
    row("until a house has it, 99 of 100", quantile(s->ms, s->ms_count, 99), unit);
    row("until the last house has it, half of the writes", quantile(s->last_ms, s->last_count, 50),
        unit);
    row("until the last house has it, 99 of 100 writes", quantile(s->last_ms, s->last_count, 99),
        unit);
    row("until the last house has it, most", s->last_ms[s->last_count - 1], unit);
    row("copies that arrive at a house, mean", (double)s->copies / (double)s->houses, "");
    row("bytes of all links within 10 s, per house and write", (double)s->bytes / (double)s->houses,
        "bytes");
    row("processor time per write, all houses", s->seconds / s->last_count * 1000, "ms");
}

static void sums_free(struct sums *s)
{
    free(s->ms);
    free(s->last_ms);
}

/* The first write goes over every link: what came twice is not pushed again. */
static struct sums print_all(struct world *w, uint32_t writes)
{
    struct sums first = many_writes(w, 1);
    row("first write: copies that arrive at a house, mean",
        (double)first.copies / (double)first.houses, "");
    row("first write: until the last house has it", first.last_ms[0], "ms of virtual time");
    sums_free(&first);
    struct sums s = many_writes(w, writes);
    print(&s, "ms of virtual time");
    return s;
}

void spread_print(struct world *w, uint32_t writes, uint32_t dialled)
{
    printf("one write, %u times (neighbours dialled by each: %u, links of %" PRIu64 " to %" PRIu64
           " ms)\n",
           writes, dialled, w->latency_min_ms, w->latency_max_ms);
    struct sums s = print_all(w, writes);
    sums_free(&s);
}

static bool verdict(const char *what, double value, double most)
{
    printf("  %-58s %12.1f, at most %.1f  %s\n", what, value, most,
           value <= most ? "MEETS" : "FAILS");
    return value <= most;
}

bool spread_fixed(uint32_t houses, uint32_t dialled, uint32_t writes)
{
    struct world *w = world_new(houses, 2);
    const uint32_t room = houses * (LOG_RUNS_MAX - 2); /* a run is there, one more is the first */
    writes = writes < room ? writes : room;
    w->latency_min_ms = w->latency_max_ms = LINK_MS;
    tris_assert(dialled > 0);
    world_connect(w, dialled - 1);
    world_run(w, SETTLE_MS);
    printf("one write, %u times (%u houses, neighbours dialled by each: %u, links of %d ms)\n",
           writes, houses, dialled, LINK_MS);
    struct sums s = print_all(w, writes);
    bool good = verdict("99 of 100 writes are everywhere after ms",
                        quantile(s.last_ms, s.last_count, 99), LAST_P99_MS);
    good &= verdict("copies of an entry that arrive at a house",
                    (double)s.copies / (double)s.houses, COPIES_MOST);
    sums_free(&s);
    world_free(w);
    return good;
}
