/* trisd: command line, then the daemon. */
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/datadir.h"
#include "daemon/passphrase.h"

enum { MMAP_BYTES = 256 * 1024 }; /* allocations above it are given back when they are freed */

static int usage(const struct config_error *error)
{
    fprintf(stderr, "trisd: %s\n  unchanged: nothing was started\n  next: trisd --help\n",
            error->text);
    return EXIT_USAGE;
}

/* --check: configuration and data directory, without touching either. */
static int check(const struct config *config, struct passphrase *passphrase)
{
    struct refusal why;
    struct datadir *dir = malloc(sizeof *dir);
    if (dir == NULL) {
        return EXIT_FAILED;
    }
    enum tris_err err = datadir_load(config->data, passphrase, dir, &why);
    if (err != TRIS_OK) {
        refusal_print(&why);
        free(dir);
        return why.exit_code;
    }
    struct tris_fed_id fed;
    struct tris_house_id own;
    err = store_identify(config->data, &fed, &own);
    if (err == TRIS_OK &&
        (!tris_fed_id_eq(&fed, &dir->charter.fed) || !tris_house_id_eq(&own, &dir->line.id))) {
        err = TRIS_ERR_INVALID;
    }
    if (err != TRIS_OK) {
        (void)refuse(&why, err, "tris doctor", "%s/store does not fit house line and charter: %s",
                     config->data, tris_err_text(err));
        refusal_print(&why);
    } else {
        printf("configuration and data directory are good: %s, house %s, federation %s\n",
               config->data, dir->line.slug, dir->charter.name);
    }
    charter_fini(&dir->charter);
    sodium_memzero(dir, sizeof *dir);
    free(dir);
    return err == TRIS_OK ? 0 : why.exit_code;
}

static int run(struct daemon *d, int argc, char **argv)
{
    struct config_error error;
    if (config_args_parse(argc, argv, &d->args, &error) != TRIS_OK) {
        return usage(&error);
    }
    if (d->args.help) {
        config_help(STDOUT_FILENO);
        return 0;
    }
    if (d->args.version) {
        printf("trisd %s\n", TRIS_VERSION);
        return 0;
    }
    if (config_load(&d->args, &d->config, &error) != TRIS_OK) {
        return usage(&error);
    }
    if (d->args.check) {
        return check(&d->config, d->passphrase);
    }
    int code = daemon_open(d);
    if (code != 0) {
        return code;
    }
    /* the first start makes all logs of the charter in one transaction, and their heads lie free
     * below pages that LMDB keeps for its next one: 44 MiB with 10,000 houses */
    (void)malloc_trim(0);
    code = daemon_run(d);
    LOG(&d->log, LOG_INFO, "stopped", log_number("exit", (uint64_t)code));
    daemon_close(d);
    return code;
}

/* Once, and again whenever the house has got new keys: nobody is asked for the passphrase then. */
static int run_on(struct daemon *d, struct passphrase *passphrase, int argc, char **argv)
{
    int code;
    do {
        memset(d, 0, sizeof *d);
        d->passphrase = passphrase;
        code = run(d, argc, argv);
    } while (code == 0 && d->again);
    return code;
}

int main(int argc, char **argv)
{
    /* a peer or client that has gone shows as an error of the write, not as a signal */
    signal(SIGPIPE, SIG_IGN);
    /* else the limit grows with what a start needs for a moment, and that is never given back */
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, MMAP_BYTES);
    if (sodium_init() < 0) {
        fprintf(stderr, "trisd: libsodium did not start\n");
        return EXIT_FAILED;
    }
    struct daemon *d = calloc(1, sizeof *d);
    struct passphrase *passphrase = passphrase_new();
    int code = EXIT_FAILED;
    if (d != NULL && passphrase != NULL) {
        code = run_on(d, passphrase, argc, argv);
    } else {
        fprintf(stderr, "trisd: not enough memory\n");
    }
    passphrase_free(passphrase);
    free(d);
    return code;
}
