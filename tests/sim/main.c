/* tris_sim: runs seeds of the simulated federation. Options: see usage. */
#include <inttypes.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/testlib.h"
#include "tests/sim/run.h"

static const char usage[] =
    "usage: tris_sim [--seed N] [--runs N] [--houses N] [--days N] [--changes N]\n"
    "                [--profile calm|small|dense|sparse|members] [--twice] [--trace] [--seconds "
    "N]\n"
    "  --runs N     seeds N, N+1, ...\n"
    "  --twice      each seed twice: both runs must be the same, event for event\n"
    "  --seconds N  no new seed after so long\n"
    "  --trace      what happens, on standard error\n";

/* LMDB asks for 2 MB of zeros at each start: fresh pages are, and most are never touched. */
enum { FRESH_BYTES = 1 << 20, KEPT_BYTES = 1 << 28 };

struct wish {
    struct options options;
    uint64_t runs, seconds;
    bool twice;
};

static char work_dir[256];

static void remove_work_dir(void)
{
    if (work_dir[0] != '\0') {
        test_dir_remove(work_dir);
    }
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool parse(int argc, char **argv, struct wish *w)
{
    struct options *o = &w->options;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--trace") == 0) {
            o->trace = true;
            continue;
        }
        if (strcmp(name, "--twice") == 0) {
            w->twice = true;
            continue;
        }
        const char *value = i + 1 < argc ? argv[++i] : NULL;
        char *end = NULL;
        uint64_t number = value != NULL ? strtoull(value, &end, 10) : 0;
        if (value != NULL && strcmp(name, "--profile") == 0) {
            o->profile = value;
            continue;
        }
        if (value == NULL || *value == '\0' || *end != '\0') {
            return false;
        }
        if (strcmp(name, "--seed") == 0) {
            o->seed = number;
        } else if (strcmp(name, "--runs") == 0) {
            w->runs = number;
        } else if (strcmp(name, "--seconds") == 0) {
            w->seconds = number;
        } else if (strcmp(name, "--houses") == 0) {
            o->houses = (uint32_t)number;
        } else if (strcmp(name, "--days") == 0) {
            o->days = (uint32_t)number;
        } else if (strcmp(name, "--changes") == 0) {
            o->changes = (uint32_t)number;
        } else {
            return false;
        }
    }
    return o->houses <= 60;
}

static bool run_once(struct options *o, struct run_result *r)
{
    test_dir_make(work_dir, sizeof work_dir);
    o->dir = work_dir;
    bool known = run_seed(o, r);
    remove_work_dir();
    work_dir[0] = '\0';
    return known;
}

static void print_run(const struct options *o, const struct run_result *r, double took)
{
    printf("seed %" PRIu64 " %s: %u houses, %" PRIu64
           " days in %.2f s of processor (%.0f x real time), "
           "%" PRIu64 " events, %" PRIu64 " sessions, %" PRIu64 " commits, %" PRIu64
           " written, %" PRIu64 " delivered, %.1f MB, hash %016" PRIx64 "\n",
           o->seed, r->profile.name, r->profile.houses, r->virtual_ms / SIM_DAY_MS, took,
           (double)r->virtual_ms / 1000 / took, r->events, r->sessions, r->commits,
           r->entries_written, r->entries_delivered, (double)r->bytes_carried / 1e6, r->hash);
    (void)fflush(stdout);
}

static void print_census(const struct census *c)
{
    for (enum fault f = 0; f < FAULTS; f++) {
        printf("  %-12s %8" PRIu64 "  %s\n", fault_name(f), c->struck[f], fault_text(f));
    }
    printf("  crashes in: writes %" PRIu64 ", durable writes %" PRIu64 ", syncs %" PRIu64
           ", syncs of names %" PRIu64 ", names %" PRIu64 "; sectors lost %" PRIu64
           "; batches refused by full disks %" PRIu64 "\n",
           c->crashed_at[0], c->crashed_at[1], c->crashed_at[2], c->crashed_at[3], c->crashed_at[4],
           c->sectors_lost, c->disk_refused);
}

static void print_rest(const struct census *c)
{
    printf("  drafts written again %" PRIu64 ", left to people %" PRIu64
           "; fork proofs kept %" PRIu64 "; logs that parted %" PRIu64 "\n",
           c->drafts[0], c->drafts[1], c->forks, c->parted);
}

static void add_census(struct census *sum, const struct census *c)
{
    for (enum fault f = 0; f < FAULTS; f++) {
        sum->struck[f] += c->struck[f];
    }
    for (int i = 0; i < 5; i++) {
        sum->crashed_at[i] += c->crashed_at[i];
    }
    sum->sectors_lost += c->sectors_lost;
    sum->disk_refused += c->disk_refused;
    sum->drafts[0] += c->drafts[0];
    sum->drafts[1] += c->drafts[1];
    sum->forks += c->forks;
    sum->parted += c->parted;
}

int main(int argc, char **argv)
{
    struct wish wish = {.options = {.seed = 1, .profile = "small"}, .runs = 1};
    struct census sum = {0};
    double begun = seconds_of(CLOCK_MONOTONIC), days = 0;
    uint64_t done = 0;
    if (sodium_init() < 0 || !parse(argc, argv, &wish)) {
        fputs(usage, stderr);
        return 2;
    }
    (void)mallopt(M_MMAP_THRESHOLD, FRESH_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    if (setenv("TMPDIR", "/dev/shm", 0) != 0 || atexit(remove_work_dir) != 0) {
        return 1;
    }
    for (uint64_t i = 0; i < wish.runs; i++) {
        struct run_result first, second;
        double start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        if (wish.seconds > 0 && seconds_of(CLOCK_MONOTONIC) - begun > (double)wish.seconds) {
            break;
        }
        if (!run_once(&wish.options, &first)) {
            fputs(usage, stderr);
            return 2;
        }
        print_run(&wish.options, &first, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start);
        if (wish.twice && (!run_once(&wish.options, &second) || second.hash != first.hash)) {
            fprintf(stderr, "VIOLATION: seed %" PRIu64 " gives two different runs\n  replay: ",
                    wish.options.seed);
            run_replay(&wish.options, stderr);
            return 1;
        }
        add_census(&sum, &first.census);
        days += (double)first.virtual_ms / SIM_DAY_MS;
        done++;
        wish.options.seed++;
    }
    print_census(&sum);
    print_rest(&sum);
    printf("%" PRIu64 " runs, %.0f federation-days, %.1f s\n", done, days,
           seconds_of(CLOCK_MONOTONIC) - begun);
    printf("%" PRIu64 " passed, 0 failed, 0 skipped\n", done);
    return 0;
}
