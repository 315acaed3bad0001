/* tris status: how this node is, on one screen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/client.h"
#include "tools/doctor.h"
#include "tools/grid.h"
#include "tools/lists.h"

enum {
    STALE_MS = 2 * 24 * 3600 * 1000, /* an unchanged log is sealed anew once a day */
    STALE_LINES_MAX = 5,
    WATCH_SECONDS = 2,
};

/* "WARN  rostock not heard from for 2 d 6 h", one line a silent house, and how many more. */
static unsigned print_stale(const json_t *houses)
{
    size_t index;
    json_t *item;
    unsigned count = 0;
    char age[SHOW_BYTES];
    uint64_t now = clock_wall_ms();
    json_array_foreach(json_object_get(houses, "items"), index, item)
    {
        uint64_t heard = (uint64_t)get_int(item, "heard_ms");
        if (get_bool(item, "own") || strcmp(get_text(item, "role"), "observer") == 0 ||
            (heard != 0 && heard + STALE_MS > now)) {
            continue;
        }
        if (++count > STALE_LINES_MAX) {
            continue;
        }
        char *slug = show_text(get_text(item, "slug"), 0);
        if (heard == 0) {
            (void)printf(_("          WARN  %s was never heard from\n"), slug);
        } else {
            (void)printf(_("          WARN  %s not heard from for %s\n"), slug,
                         show_age(now - heard, age));
        }
        free(slug);
    }
    if (count > STALE_LINES_MAX) {
        (void)printf(_("          WARN  and %u more houses\n"), count - STALE_LINES_MAX);
    }
    return count;
}

static void print_sync(const json_t *status)
{
    char root[SHOW_BYTES];
    const json_t *sync = json_object_get(status, "sync");
    long long connected = (long long)get_int(sync, "connected");
    long long equal = (long long)get_int(sync, "equal");
    const bool alone = get_int(sync, "members") <= 1;
    const char *word = alone                ? _("OK")
                       : connected == 0     ? _("WARN")
                       : equal == connected ? _("OK")
                                            : _("WAIT");
    (void)printf("%-9s %-5s %s %s  ", _("Sync"), word, _("root"),
                 show_root(get_text(status, "root"), root));
    if (alone) {
        (void)printf("%s\n", _("alone in the federation"));
    } else if (connected == 0) {
        (void)printf("%s\n", _("not connected to any house"));
    } else {
        (void)printf(_("equal with %lld of %lld connected houses\n"), equal, connected);
    }
}

static void print_head(const json_t *status)
{
    char age[SHOW_BYTES];
    const json_t *house = json_object_get(status, "house");
    const char *listen = get_text(status, "listen");
    char *name = show_text(get_text(house, "name"), 0);
    char *slug = show_text(get_text(house, "slug"), 0);
    (void)printf("%s (%s)     ", name, slug);
    (void)printf(_("running %s, version %s, "),
                 show_age((uint64_t)get_int(status, "uptime_ms"), age),
                 get_text(status, "version"));
    if (listen[0] != '\0') {
        (void)printf(_("peers on %s\n"), listen);
    } else {
        (void)printf("%s\n", _("dials only, accepts no peers"));
    }
    free(name);
    free(slug);
}

static void print_data(const json_t *status)
{
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES];
    const json_t *records = json_object_get(status, "records");
    (void)printf("%-9s ", _("Data"));
    (void)printf(_("%s partners listed   %s in the house only   %s listed by %lld houses\n"),
                 show_count(get_int(records, "partners"), a),
                 show_count(get_int(records, "partners_local"), b),
                 show_count(get_int(records, "partners_all"), c),
                 (long long)get_int(records, "houses"));
}

static void print_store(const json_t *status)
{
    size_t index;
    json_t *item;
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES];
    const json_t *store = json_object_get(status, "store");
    const json_t *warnings = json_object_get(status, "warnings");
    (void)printf("%-9s %-5s ", _("Store"), json_array_size(warnings) == 0 ? _("OK") : _("WARN"));
    (void)printf(_("%s of %s map, %s entries, "), show_bytes((uint64_t)get_int(store, "bytes"), a),
                 show_bytes((uint64_t)get_int(store, "map_bytes"), b),
                 show_count(get_int(store, "entries"), c));
    if (get_int(store, "backup_ms") != 0) {
        (void)printf(_("last backup %s\n"), show_time((uint64_t)get_int(store, "backup_ms"), a));
    } else {
        (void)printf("%s\n", _("no backup yet"));
    }
    json_array_foreach(warnings, index, item)
    {
        const char *text = json_string_value(item);
        char *safe = show_text(sentence(text != NULL ? text : ""), 0);
        (void)printf("          %s  %s\n", _("WARN"), safe);
        free(safe);
    }
}

/* A stream of documents has one on each line. */
static int print_status(struct cli *cli, bool watched)
{
    int code = EXIT_OK;
    json_t *status = cli_call(cli, "status", json_object(), &code);
    if (status == NULL || cli->json) {
        if (status != NULL && watched) {
            (void)json_object_set_new(status, "schema", json_string("tris.status.1"));
            cli_ndjson(status);
            json_decref(status);
            return EXIT_OK;
        }
        return status != NULL ? cli_json(status, "tris.status.1") : code;
    }
    json_t *houses = cli_pages(cli, "house.list", json_object(), 0, &code);
    print_head(status);
    print_data(status);
    print_sync(status);
    unsigned stale = houses != NULL ? print_stale(houses) : 0;
    print_store(status);
    const json_t *sync = json_object_get(status, "sync");
    if (get_int(sync, "connected") == 0 && get_int(sync, "members") > 1) {
        (void)printf("%s tris peer list\n", _("Next:"));
    } else if (stale > 0) {
        (void)printf("%s tris sync status\n", _("Next:"));
    }
    json_decref(houses);
    json_decref(status);
    return code;
}

static int status_run(struct cli *cli, const struct args *args)
{
    if (!args_flag(args, "watch")) {
        return print_status(cli, false);
    }
    for (;;) {
        if (cli->tty_out && !cli->json) {
            (void)fputs("\033[H\033[2J", stdout);
        }
        int code = print_status(cli, true);
        if (code != EXIT_OK || fflush(stdout) != 0) {
            return code;
        }
        struct timespec pause = {.tv_sec = WATCH_SECONDS};
        (void)nanosleep(&pause, NULL);
    }
}

static const struct cli_option status_options[] = {
    {"watch", NULL, N_("again every two seconds"), 'w'},
    {NULL, NULL, NULL, 0},
};
static const struct cli_option doctor_options[] = {
    {"accept-loss", NULL,
     N_("accept the store as it is, although its mark says that something may be missing"), 0},
    {"end-alarm", NULL, N_("no other process works with this house's key any more: seal again"), 0},
    {NULL, NULL, NULL, 0},
};
static const struct cli_option audit_options[] = {
    {"fast", NULL, N_("heads, newest seals and counters only"), 0},
    {"offline", NULL, N_("without the daemon, reading the store itself"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_status_rows[] = {
    {"status", NULL, NULL, N_("this node on one screen"), status_options, 0, 0, 0, status_run},
    {"doctor", NULL, NULL, N_("find out what is wrong and what to do"), doctor_options, 0, 0, 0,
     doctor_run},
    {"audit", NULL, NULL, N_("recompute chain, seals, views and counters"), audit_options, 0, 0, 0,
     audit_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
