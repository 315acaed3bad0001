/* Faults of the mapped file: pages that the disk cannot give or that a truncated file lacks raise
 * SIGBUS, a damaged page may lead LMDB astray (SIGSEGV). Whoever runs the node shall read why. */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "storage/db.h"

enum { EXIT_INTEGRITY = 14 };

static const char bus_text[] =
    "Error: the store's file data.mdb ends too early, or the disk cannot read it\n"
    "  unchanged: what was acknowledged; this process wrote nothing more\n"
    "  next: check the disk (dmesg), then tris audit --offline, or restore the data directory\n";
static const char segv_text[] =
    "Error: a memory fault: the store's file data.mdb is damaged, or this is a bug of tris\n"
    "  unchanged: what was acknowledged; this process wrote nothing more\n"
    "  next: tris audit --offline; if it ends like this too: restore the data directory\n";

/* Only write and _exit: nothing else is allowed here. */
static void on_bus(int number)
{
    (void)number;
    ssize_t written = write(STDERR_FILENO, bus_text, sizeof bus_text - 1);
    (void)written;
    _exit(EXIT_INTEGRITY);
}

static void on_segv(int number)
{
    (void)number; /* the default action is back: returning leaves a core where cores are wanted */
    ssize_t written = write(STDERR_FILENO, segv_text, sizeof segv_text - 1);
    (void)written;
}

void db_trap_faults(void)
{
    struct sigaction act = {.sa_handler = on_bus}, old;
    (void)sigemptyset(&act.sa_mask);
    (void)sigaction(SIGBUS, &act, NULL);
    act.sa_handler = on_segv;
    act.sa_flags = (int)SA_RESETHAND;
    if (sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
        (void)sigaction(SIGSEGV, &act, NULL); /* a sanitizer's says more */
    }
}
