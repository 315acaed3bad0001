/* tris_scale: what a federation of HOUSES houses costs; a table of figures beside their targets.
 * tris_scale [HOUSES [CHORDS]]; exit 1 if a house missed an entry or a target is missed. */
#include <inttypes.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "tests/scale/churn.h"
#include "tests/scale/spread.h"
#include "tests/scale/world.h"
#include "tests/sim/crypto.h"

enum {
    HOUSES_DEFAULT = 400,
    HOUSES_MIN = 8,
    HOUSES_MAX = 10000,
    WRITES = 5,
    WRITES_FIXED = 50,
    WRITES_MANY = 10,
    CHURN_ROUNDS = 10,
    DIALLED = 8, /* as peers.dial_max */
    MANY_HOUSES = 1000,
    SETTLE_MS = 10000,
    IN_SYNC_BYTES = 400,
    ONE_CHANGED_BYTES = 1024,
    FIRST_CONTACT_BYTES = 1100000,
};

static unsigned failed;

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Anonymous memory of this process, in bytes; 0 if the kernel does not say. */
static double memory(void)
{
    char line[128];
    double kib = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0) {
            kib = strtod(line + 8, NULL);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kib * 1024;
}

static void row(const char *what, double value, const char *unit)
{
    printf("  %-58s %12.1f %s\n", what, value, unit);
}

static void target(const char *what, uint64_t value, uint64_t most)
{
    printf("  %-58s %12" PRIu64 " bytes, at most %" PRIu64 "%s\n", what, value, most,
           value <= most ? "" : "  MISSED");
    failed += value > most;
}

/* ---- pairs: what comparing costs ---- */

/* Gives two houses these frontiers, lets them talk alone for two seconds, and takes them back. */
static uint64_t pair(struct world *w, struct frontier *a, struct frontier *b,
                     const struct tris_short *common, bool equal_after)
{
    struct world small = *w; /* the table is the same, the network is empty */
    struct house houses[2] = {w->houses[0], w->houses[w->houses_count / 2]};
    small.conns = NULL;
    small.conns_count = 0;
    small.now_ms = 1;
    queue_init(&small.queue);
    for (uint32_t i = 0; i < 2; i++) {
        struct house *h = &w->houses[i == 0 ? 0 : w->houses_count / 2];
        h->world = &small;
        h->frontier = i == 0 ? a : b;
        h->conns = NULL;
        h->conns_count = 0;
    }
    uint32_t no = world_dial(&small, 0, w->houses_count / 2, common);
    world_run(&small, 2000);
    uint64_t bytes = world_bytes(&small.conns[no]);
    bool equal = session_stats(small.conns[no].end[0].session)->equal;
    if (equal != equal_after) {
        world_fail("a pair is %s in the end", equal ? "equal" : "not equal");
    }
    session_free(small.conns[no].end[0].session);
    session_free(small.conns[no].end[1].session);
    queue_fini(&small.queue);
    free(small.conns);
    for (uint32_t i = 0; i < 2; i++) {
        struct house *h = &w->houses[i == 0 ? 0 : w->houses_count / 2];
        free(h->conns);
        *h = houses[i];
    }
    w->sessions = small.sessions;
    return bytes;
}

/* What two houses say to each other when nothing, one log, or everything is new to one of them. */
static void compare(struct world *w)
{
    uint32_t changed = 2 * (w->houses_count / 4) + TRIS_TOPIC_DATA; /* of neither of the two */
    uint64_t size = w->logs[changed].runs[w->logs[changed].runs_count - 1].seal.size;
    struct frontier *full = world_frontier(w, true), *other = world_frontier(w, true);
    struct frontier *empty = world_frontier(w, false);
    struct tris_short common = world_root(full);
    (void)world_root(other);
    printf("comparing two frontiers of %u logs, handshake included\n", w->logs_count);
    target("in sync", pair(w, full, other, NULL, true), IN_SYNC_BYTES);
    if (size == 1) {
        table_write(w, changed);
        size = 2;
    }
    for (uint64_t at = 2; at <= size; at++) {
        world_hold(w, full, changed, at);
    }
    target("one house changed, its entry included", pair(w, full, other, &common, true),
           ONE_CHANGED_BYTES);
    for (uint32_t no = 0; no < w->logs_count; no++) {
        frontier_item_mut(empty, no)->fetcher = UINT64_MAX; /* somebody else brings the entries */
    }
    target("first contact, frontier alone", pair(w, empty, full, NULL, false), FIRST_CONTACT_BYTES);
    frontier_free(full);
    frontier_free(other);
    frontier_free(empty);
}

int main(int argc, char **argv)
{
    uint32_t houses = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : HOUSES_DEFAULT;
    uint32_t chords = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
    if (sodium_init() < 0 || argc > 3 || houses < HOUSES_MIN || houses > HOUSES_MAX || chords > 8) {
        fputs("usage: tris_scale [HOUSES [CHORDS]], 8 to 10000 houses, 0 to 8 chords\n", stderr);
        return 2;
    }
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* untouched pages cost nothing */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30); /* each house has a mapping already, they are few */
    crypto_use(false);
    double begun = now_s();
    struct world *w = world_new(houses, 1);
    double heads = memory(), made = now_s();
    world_connect(w, chords);
    world_run(w, SETTLE_MS);
    double all = memory(), connected = now_s();
    printf("%u houses, %u logs, %u connections\n", houses, w->logs_count, w->conns_count);
    row("processor time to make keys, logs and seals", made - begun, "s");
    row("processor time to connect all", connected - made, "s");
    row("a connection until its ends are equal, both directions", (double)w->bytes / w->conns_count,
        "bytes");
    row("memory before connecting, table of logs included", heads / houses, "bytes a house");
    row("memory connected", all / houses, "bytes a house");
    row("an end of a connection", (all - heads) / w->conns_count / 2, "bytes");
    row("heads that all share", (double)heads_bytes(w->heads) / 1e6, "MB");
    row("memory in all", all / 1e6, "MB");
    if (!world_equal(w)) {
        world_fail("frontiers differ before any write");
    }
    spread_print(w, WRITES, chords + 1);
    compare(w);
    world_free(w);
    const bool many = houses > MANY_HOUSES;
    if (many) { /* memory has no room for more than two links each: shown, and not a target */
        (void)spread_fixed(houses, chords + 1, WRITES_MANY);
    }
    failed += spread_fixed(many ? HOUSES_DEFAULT : houses, DIALLED, WRITES_FIXED) ? 0 : 1;
    failed += churn_run(many ? HOUSES_DEFAULT : houses, CHURN_ROUNDS) ? 0 : 1;
    row("processor time in all", now_s() - begun, "s");
    printf("%u passed, %u failed, 0 skipped\n", 6 - failed, failed);
    return failed > 0;
}
