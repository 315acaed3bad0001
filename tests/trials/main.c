/* tris_trials: put back an old copy of a house, very many times. Options: see usage. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/lib/testlib.h"
#include "tests/trials/trial.h"

static const char usage[] = "usage: tris_trials [--seed N] [--runs N] [--trace]\n"
                            "  --runs N  seeds N, N+1, ...; default 100\n"
                            "  --trace   what happens, on standard error\n";

static char work_dir[256];

static void remove_work_dir(void)
{
    if (work_dir[0] != '\0') {
        test_dir_remove(work_dir);
    }
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool parse(int argc, char **argv, uint64_t *seed, uint64_t *runs, bool *trace)
{
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        uint64_t *number = strcmp(argv[i], "--seed") == 0   ? seed
                           : strcmp(argv[i], "--runs") == 0 ? runs
                                                            : NULL;
        if (strcmp(argv[i], "--trace") == 0) {
            *trace = true;
            continue;
        }
        if (number == NULL || ++i == argc) {
            return false;
        }
        *number = strtoull(argv[i], &end, 10);
        if (end == argv[i] || *end != '\0') {
            return false;
        }
    }
    return true;
}

/* One figure a line, for trials.sh to add up. */
static void print(const struct trial_figures *f, double took)
{
    const struct {
        const char *what;
        uint64_t count;
    } rows[] = {
        {"trials", f->trials},
        {"copies put back without the mark", f->restores[PUT_BACK_BACKUP]},
        {"copies put back beside the newer mark", f->restores[PUT_BACK_DATA_ONLY]},
        {"machines put back with their mark", f->restores[PUT_BACK_MACHINE]},
        {"copies that lacked what had left the house", f->behind},
        {"of these: people wrote before a peer was met", f->early},
        {"entries that had left and were fetched back", f->lost_tail},
        {"a peer that lacked them too was there", f->stale},
        {"killed while recovering", f->killed},
        {"acts of people", f->acts},
        {"drafts written again", f->drafts},
        {"drafts left to a person, with the reason", f->decisions},
        {"aliases followed to the new entry", f->aliases},
        {"alarms", f->alarms},
        {"positions compared between houses", f->positions},
        {"two things sealed at one position", f->two},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        printf("%12" PRIu64 "  %s\n", rows[i].count, rows[i].what);
    }
    printf("%12.1f  seconds\n", took);
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, runs = 100;
    bool trace = false;
    struct trial_figures sum = {0};
    double begun = now_s();
    if (sodium_init() < 0 || !parse(argc, argv, &seed, &runs, &trace)) {
        fputs(usage, stderr);
        return 2;
    }
    if (setenv("TMPDIR", "/dev/shm", 0) != 0 || atexit(remove_work_dir) != 0) {
        return 1;
    }
    for (uint64_t i = 0; i < runs; i++) {
        test_dir_make(work_dir, sizeof work_dir);
        trial_run(seed + i, work_dir, trace, &sum);
        remove_work_dir();
        work_dir[0] = '\0';
    }
    print(&sum, now_s() - begun);
    return 0;
}
