/* tris sync status, now, compare, and tris why: how every house stands, and what holds it up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/grid.h"
#include "tools/lists.h"

enum { WAIT_SECONDS_MAX = 600, SLACK_MS = 2000 };

/* "30s", "500ms", "2m" or seconds. */
static bool parse_wait(const char *text, uint64_t *out_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}};
    char *end = NULL;
    unsigned long long n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    for (size_t i = 0; end != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0 && n <= WAIT_SECONDS_MAX * 1000ULL / units[i].ms) {
            *out_ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}

static int sync_wait(struct cli *cli, uint64_t wait_ms, bool *equal)
{
    int code = EXIT_OK;
    if (cli_client(cli, &code) == NULL) {
        return code;
    }
    client_set_timeout(cli->client, wait_ms + SLACK_MS + cli->timeout_ms);
    json_t *result =
        cli_call(cli, "sync.wait", json_pack("{s:I}", "timeout_ms", (json_int_t)wait_ms), &code);
    *equal = result != NULL && get_bool(result, "equal");
    json_decref(result);
    return code;
}

/* "OK equal", "WAIT behind", "WARN silent": words first, never colour alone. */
static const char *standing_label(const char *standing)
{
    static const char *const rows[][2] = {
        {"equal", N_("OK equal")},
        {"behind", N_("WAIT behind")},
        {"withheld", N_("WARN withheld")},
        {"silent", N_("WARN silent")},
        {"unreachable", N_("WARN unreachable")},
        {"unknown", N_("WAIT nobody to compare with")},
        {"own", N_("this house")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], standing) == 0) {
            return _(rows[i][1]);
        }
    }
    return standing;
}

static void grid_age(struct grid *grid, const json_t *item, const char *key, uint64_t now)
{
    char buffer[SHOW_BYTES];
    uint64_t then = (uint64_t)get_int(item, key);
    grid_text(grid, then != 0 ? show_age(now > then ? now - then : 0, buffer) : "-");
}

static int print_sync_status(struct cli *cli)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char buffer[SHOW_BYTES];
    json_t *result = cli_pages(cli, "sync.status", json_object(), 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.sync.status.1") : code;
    }
    const char *titles[] = {_("House"), _("Standing"),     _("Behind"),     _("Connected"),
                            _("Heard"), _("Newest entry"), _("Newest seal")};
    const int flags[] = {0, 0, GRID_RIGHT, 0, GRID_RIGHT, GRID_RIGHT, GRID_RIGHT};
    struct grid *grid = grid_new(cli, titles, flags, 7);
    uint64_t now = clock_wall_ms();
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        grid_row(grid);
        grid_text(grid, get_text(item, "slug"));
        grid_text(grid, standing_label(get_text(item, "standing")));
        grid_count(grid, get_int(item, "behind"));
        grid_text(grid, !get_bool(item, "connected") ? "-"
                        : get_bool(item, "equal")    ? _("equal")
                                                     : _("in flight"));
        grid_age(grid, item, "last_heard_ms", now);
        grid_age(grid, item, "entry_ms", now);
        grid_age(grid, item, "sealed_ms", now);
    }
    (void)printf("%s  %s %s\n", get_bool(result, "equal_all") ? _("OK equal") : _("WAIT"),
                 _("root"), show_root(get_text(result, "root"), buffer));
    grid_print(grid, _("No other houses. Next: tris charter show"));
    json_decref(result);
    return EXIT_OK;
}

static int sync_status_run(struct cli *cli, const struct args *args)
{
    const char *wait = args_value(args, "wait");
    uint64_t wait_ms = 0;
    bool equal = true;
    if (wait == NULL) {
        return print_sync_status(cli);
    }
    if (!parse_wait(wait, &wait_ms)) {
        return cli_usage(cli, "tris help sync status",
                         _("--wait %s: a time up to 10m, such as 30s"), wait);
    }
    int code = sync_wait(cli, wait_ms, &equal);
    if (code != EXIT_OK) {
        return code;
    }
    code = print_sync_status(cli);
    return code == EXIT_OK && !equal ? EXIT_PEER : code;
}

static int sync_now_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    json_t *params = json_object();
    if (args->pos_count > 0) {
        (void)json_object_set_new(params, "house", json_string(args->pos[0]));
    }
    json_t *result = cli_call(cli, "sync.now", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.sync.now.1") : code;
    }
    (void)printf(_("asked %lld houses\n"), (long long)get_int(result, "asked"));
    json_decref(result);
    return EXIT_OK;
}

/* ---- compare ---- */

static const char *compare_label(const char *state)
{
    static const char *const rows[][2] = {
        {"equal", N_("equal")},
        {"behind", N_("they have more")},
        {"ahead", N_("this node has more")},
        {"other_history", N_("another history")},
        {"unknown", N_("not said yet")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], state) == 0) {
            return _(rows[i][1]);
        }
    }
    return state;
}

static void grid_known(struct grid *grid, const json_t *item, const char *key)
{
    if (json_object_get(item, key) != NULL) {
        grid_count(grid, get_int(item, key));
    } else {
        grid_text(grid, "-");
    }
}

static int sync_compare_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char own[SHOW_BYTES], theirs[SHOW_BYTES];
    json_t *params = json_pack("{s:s}", "house", args->pos[0]);
    (void)json_object_set_new(params, "all", json_boolean(args_flag(args, "all")));
    json_t *result = cli_pages(cli, "sync.compare", params, 0, &code);
    if (result == NULL) {
        return code;
    }
    code = get_bool(result, "equal") ? EXIT_OK : EXIT_PARTLY;
    if (cli->json) {
        int printed = cli_json(result, "tris.sync.compare.1");
        return printed != EXIT_OK ? printed : code;
    }
    (void)printf("%s  %s %s  %s %s\n", code == EXIT_OK ? _("OK equal") : _("WAIT"), _("root"),
                 show_root(get_text(result, "root"), own), _("theirs"),
                 show_root(get_text(result, "peer_root"), theirs));
    const char *titles[] = {
        _("House"), _("Log"), _("State"), _("Here"), _("There"), _("First difference"), _("Root")};
    const int flags[] = {0, 0, 0, GRID_RIGHT, GRID_RIGHT, GRID_RIGHT, 0};
    struct grid *grid = grid_new(cli, titles, flags, 7);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        grid_row(grid);
        grid_text(grid, get_text(item, "house"));
        grid_text(grid, get_text(item, "topic"));
        grid_text(grid, compare_label(get_text(item, "state")));
        grid_count(grid, get_int(item, "held"));
        grid_known(grid, item, "theirs");
        grid_known(grid, item, "first");
        grid_text(grid, show_root(get_text(item, "root"), own));
    }
    grid_print(grid, _("No log differs, as far as it has said."));
    json_decref(result);
    return code;
}

/* ---- why ---- */

static void print_addresses(const json_t *result)
{
    size_t index;
    json_t *item;
    char line[512], age[SHOW_BYTES];
    uint64_t now = clock_wall_ms();
    json_array_foreach(json_object_get(result, "addresses"), index, item)
    {
        const char *error = get_text(item, "error"), *detail = get_text(item, "detail");
        uint64_t at = (uint64_t)get_int(item, "at_ms");
        if (error[0] == '\0') {
            (void)snprintf(line, sizeof line, "%s", get_text(item, "address"));
        } else {
            (void)snprintf(line, sizeof line, _("%s: %s%s%s, %s ago"), get_text(item, "address"),
                           sentence(error), detail[0] != '\0' ? ": " : "", detail,
                           show_age(now > at ? now - at : 0, age));
        }
        show_pair(_("Address"), line);
    }
    const json_t *refused = json_object_get(result, "refused");
    if (refused != NULL) {
        (void)snprintf(line, sizeof line, _("\"%s\" (code %lld)"), get_text(refused, "text"),
                       (long long)get_int(refused, "code"));
        show_pair(_("It said"), line);
    }
}

static void print_limits(const json_t *result)
{
    const json_t *limits = json_object_get(result, "limits");
    char line[SHOW_BYTES], bytes[SHOW_BYTES];
    if (get_int(limits, "rate") != 0) {
        (void)snprintf(line, sizeof line, _("%s a second"),
                       show_bytes((uint64_t)get_int(limits, "rate"), bytes));
        show_pair(_("Rate"), line);
    }
    if (get_text(limits, "hours")[0] != '\0') {
        show_pair(_("Hours"), get_text(limits, "hours"));
    }
    if (get_bool(limits, "paused")) {
        show_pair(_("Paused"), _("yes"));
    }
}

static void print_times(const json_t *result)
{
    static const char *const rows[][2] = {
        {"last_heard_ms", N_("Last heard")},       {"entry_ms", N_("Newest entry")},
        {"sealed_ms", N_("Newest seal")},          {"equal_since_ms", N_("Equal since")},
        {"differs_since_ms", N_("Differs since")},
    };
    char buffer[SHOW_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t at = (uint64_t)get_int(result, rows[i][0]);
        if (at != 0) {
            show_pair(_(rows[i][1]), show_time(at, buffer));
        }
    }
}

/* Who has stated that the house is revoked; several revocations may be complete. */
static void print_revocations(const json_t *result)
{
    size_t i, k;
    json_t *revocation, *by;
    char line[512], when[SHOW_BYTES];
    json_array_foreach(json_object_get(result, "revocations"), i, revocation)
    {
        if (!get_bool(revocation, "complete")) {
            continue;
        }
        json_array_foreach(json_object_get(revocation, "by"), k, by)
        {
            if (get_bool(by, "counts")) {
                (void)snprintf(line, sizeof line, _("%s on %s by its own clock"),
                               get_text(by, "house"),
                               show_time((uint64_t)get_int(by, "time_ms"), when));
                show_pair(_("Revoked by"), line);
            }
        }
    }
}

static int why_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char buffer[SHOW_BYTES], line[256];
    json_t *result = cli_call(cli, "why", json_pack("{s:s}", "house", args->pos[0]), &code);
    if (result == NULL) {
        return code;
    }
    code = (int)get_int(result, "exit");
    if (cli->json) {
        int printed = cli_json(result, "tris.why.1");
        return printed != EXIT_OK ? printed : code;
    }
    (void)printf("%s  %s\n", code == EXIT_OK ? _("OK") : _("WARN"),
                 sentence(get_text(result, "text")));
    if (get_text(result, "slug")[0] != '\0') {
        show_pair(_("House"), get_text(result, "slug"));
        show_pair(_("Standing"), standing_label(get_text(result, "standing")));
        show_pair(_("Entries here"), show_count(get_int(result, "held"), buffer));
        if (get_int(result, "behind") > 0) {
            (void)snprintf(line, sizeof line, _("%s more, as %lld connected houses say"),
                           show_count(get_int(result, "behind"), buffer),
                           (long long)get_int(result, "claimants"));
            show_pair(_("Missing"), line);
        }
        print_revocations(result);
        print_times(result);
        print_addresses(result);
        print_limits(result);
    }
    if (get_int(result, "unsealed") > 0) {
        show_pair(_("Not sealed yet"), show_count(get_int(result, "unsealed"), buffer));
    }
    if (get_text(result, "trouble")[0] != '\0') {
        show_pair(_("Trouble"), sentence(get_text(result, "trouble")));
    }
    if (get_text(result, "next")[0] != '\0') {
        char *next = show_text(get_text(result, "next"), 0);
        (void)printf("%s %s\n", _("Next:"), next);
        free(next);
    }
    json_decref(result);
    return code;
}

static const struct cli_option sync_options[] = {
    {"wait", "TIME", N_("wait until all connected houses are equal, for example 30s"), 0},
    {NULL, NULL, NULL, 0},
};
static const struct cli_option compare_options[] = {
    {"all", NULL, N_("logs that do not differ too"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_sync_rows[] = {
    {"sync", "status", NULL, N_("how every house stands: equal, behind, silent, withheld"),
     sync_options, 0, 0, 0, sync_status_run},
    {"sync", "now", "[HOUSE]", N_("ask a house, or all, for news at once"), NULL, 0, 1, 0,
     sync_now_run},
    {"sync", "compare", "HOUSE", N_("which logs differ between this node and a connected one"),
     compare_options, 1, 1, 0, sync_compare_run},
    {"why", NULL, "HOUSE", N_("what holds up the entries of a house, and what to do"), NULL, 1, 1,
     0, why_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
