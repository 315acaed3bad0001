/* tris peer add, list, show, remove, ping, limits, pause, resume: whom this node talks to;
 * invitations are in invite.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/grid.h"
#include "tools/invite.h"
#include "tools/lists.h"

enum { PING_COUNT_MAX = 1000, RATE_MAX = 1 << 30 };

static const char *state_label(const char *state)
{
    static const char *const rows[][2] = {
        {"idle", N_("idle")},
        {"waiting", N_("waiting")},
        {"dialling", N_("dialling")},
        {"open", N_("connected")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], state) == 0) {
            return _(rows[i][1]);
        }
    }
    return state;
}

/* "OK equal", "OK in flight", "WARN ...": words first, never colour alone. */
static const char *sync_word(const json_t *peer)
{
    if (strcmp(get_text(peer, "state"), "open") != 0) {
        return "-";
    }
    return get_bool(peer, "equal") ? _("equal") : _("in flight");
}

/* "paused" and "outside hours" are this node's own will, before any state of the connection. */
static const char *peer_word(const json_t *peer)
{
    const bool open = strcmp(get_text(peer, "state"), "open") == 0;
    if (get_bool(json_object_get(peer, "limits"), "paused")) {
        return _("paused");
    }
    return open || get_text(peer, "limited")[0] == '\0' ? state_label(get_text(peer, "state"))
                                                        : _("outside hours");
}

static int peer_add(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    if (cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *result =
        cli_call(cli, "peer.add",
                 json_pack("{s:s, s:s}", "house", args->pos[0], "address", args->pos[1]), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.peer.add.1") : code;
    }
    char *slug = show_text(get_text(result, "slug"), 0);
    (void)printf(get_bool(result, "added") ? _("%s will be dialled at %s\n")
                                           : _("%s is dialled at %s already\n"),
                 slug, args->pos[1]);
    free(slug);
    json_decref(result);
    return EXIT_OK;
}

/* "1" or, with features, "1/3"; "-" if it is not connected. */
static const char *version_text(const json_t *peer, char out[SHOW_BYTES])
{
    const long long version = (long long)get_int(peer, "version");
    const long long features = (long long)get_int(peer, "features");
    if (version == 0) {
        return "-";
    }
    (void)snprintf(out, SHOW_BYTES, features != 0 ? "%lld/%llx" : "%lld", version,
                   (unsigned long long)features);
    return out;
}

static int peer_list(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char buffer[SHOW_BYTES];
    (void)args;
    json_t *result = cli_pages(cli, "peer.list", json_object(), 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.peer.list.1") : code;
    }
    const char *titles[] = {_("House"), _("Address"), _("State"), _("Sync"),    _("RTT"),
                            _("Heard"), _("Behind"),  _("Ahead"), _("Version"), _("Last error")};
    const int flags[] = {0,          0,          0,          0,          GRID_RIGHT,
                         GRID_RIGHT, GRID_RIGHT, GRID_RIGHT, GRID_RIGHT, GRID_TRUNCATE};
    struct grid *grid = grid_new(cli, titles, flags, 10);
    uint64_t now = clock_wall_ms();
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        const bool open = strcmp(get_text(item, "state"), "open") == 0;
        uint64_t heard = (uint64_t)get_int(item, "last_heard_ms");
        grid_row(grid);
        grid_text(grid, get_text(item, "slug"));
        grid_text(grid,
                  open && get_bool(item, "inbound") ? _("(inbound)") : get_text(item, "address"));
        grid_text(grid, peer_word(item));
        grid_text(grid, sync_word(item));
        (void)snprintf(buffer, sizeof buffer, "%lld ms", (long long)get_int(item, "rtt_ms"));
        grid_text(grid, open && get_int(item, "rtt_ms") > 0 ? buffer : "-");
        grid_text(grid, heard != 0 ? show_age(now > heard ? now - heard : 0, buffer) : "-");
        grid_count(grid, get_int(item, "behind"));
        grid_count(grid, get_int(item, "ahead"));
        grid_text(grid, version_text(item, buffer));
        grid_text(grid, sentence(get_text(item, "last_error")));
    }
    grid_print(grid, _("No peers. Next: tris peer add HOUSE ADDRESS"));
    json_decref(result);
    return EXIT_OK;
}

static int peer_show(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char buffer[SHOW_BYTES];
    json_t *result = cli_call(cli, "peer.show", json_pack("{s:s}", "house", args->pos[0]), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.peer.show.1") : code;
    }
    uint64_t dial = (uint64_t)get_int(result, "next_dial_ms");
    show_pair(_("House"), get_text(result, "slug"));
    show_pair(_("Id"), get_text(result, "house"));
    show_pair(_("Role"), role_label(get_text(result, "role")));
    show_pair(_("Address"), get_text(result, "address"));
    show_pair(_("Configured here"), get_bool(result, "configured") ? _("yes") : _("no"));
    show_pair(_("State"), peer_word(result));
    show_pair(_("Inbound"), get_bool(result, "inbound") ? _("yes") : _("no"));
    show_pair(_("Sync"), sync_word(result));
    show_pair(_("Last heard"), show_time((uint64_t)get_int(result, "last_heard_ms"), buffer));
    show_pair(_("Last error"), sentence(get_text(result, "last_error")));
    show_pair(_("Version"), version_text(result, buffer));
    show_pair(_("Next dial"), dial != 0 ? show_time(dial, buffer) : "-");
    show_pair(_("Bytes received"), show_bytes((uint64_t)get_int(result, "bytes_in"), buffer));
    show_pair(_("Bytes sent"), show_bytes((uint64_t)get_int(result, "bytes_out"), buffer));
    show_pair(_("Entries received"), show_count(get_int(result, "entries_in"), buffer));
    show_pair(_("Entries sent"), show_count(get_int(result, "entries_out"), buffer));
    json_array_foreach(json_object_get(result, "frontier"), index, item)
    {
        char line[160], root[SHOW_BYTES];
        (void)snprintf(line, sizeof line, "%s  %s %s", show_count(get_int(item, "whole"), buffer),
                       _("root"), show_root(get_text(item, "root"), root));
        char label[64];
        (void)snprintf(label, sizeof label, _("Its log %s here"), get_text(item, "topic"));
        show_pair(label, line);
    }
    json_decref(result);
    return EXIT_OK;
}

static int peer_remove(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    if (cli->dry_run) {
        cli_note(cli, "%s", _("Dry run, nothing written."));
        return EXIT_OK;
    }
    if (!cli_ask(cli, _("Forget the configured address of this house?"))) {
        cli_note(cli, "%s", _("Nothing written. Without a question: -y"));
        return EXIT_DECISION;
    }
    json_t *result = cli_call(cli, "peer.remove", json_pack("{s:s}", "house", args->pos[0]), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.peer.remove.1") : code;
    }
    char *slug = show_text(get_text(result, "slug"), 0);
    (void)printf(get_bool(result, "removed") ? _("%s is no longer dialled at a fixed address\n")
                                             : _("%s had no fixed address\n"),
                 slug);
    free(slug);
    json_decref(result);
    return EXIT_OK;
}

static int peer_ping(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    uint64_t count = 1;
    if (!args_number(cli, args, "count", PING_COUNT_MAX, &count)) {
        return EXIT_USAGE;
    }
    if (cli_client(cli, &code) == NULL) {
        return code;
    }
    /* the daemon waits for the peer; this side a little longer for the daemon */
    client_set_timeout(cli->client, cli->timeout_ms + 2000);
    for (uint64_t i = 0; i < count; i++) {
        json_t *result = cli_call(cli, "peer.ping",
                                  json_pack("{s:s, s:I}", "house", args->pos[0], "timeout_ms",
                                            (json_int_t)cli->timeout_ms),
                                  &code);
        if (result == NULL) {
            return code;
        }
        if (cli->json) {
            (void)json_object_set_new(result, "schema", json_string("tris.peer.ping.1"));
            cli_ndjson(result);
        } else {
            (void)printf(get_bool(result, "inbound")
                             ? _("%s %lld ms, over the connection it made\n")
                             : _("%s %lld ms, over the connection made here\n"),
                         get_text(result, "slug"), (long long)get_int(result, "rtt_ms"));
        }
        json_decref(result);
    }
    return EXIT_OK;
}

/* ---- limits ---- */

static int limits_print(json_t *result)
{
    char bytes[SHOW_BYTES], rate[SHOW_BYTES];
    const json_t *limits = json_object_get(result, "limits");
    const char *hours = get_text(limits, "hours");
    (void)snprintf(rate, sizeof rate, _("%s a second"),
                   show_bytes((uint64_t)get_int(limits, "rate"), bytes));
    show_pair(_("House"), get_text(result, "slug"));
    show_pair(_("Rate"), get_int(limits, "rate") != 0 ? rate : _("no limit"));
    show_pair(_("Hours"), hours[0] != '\0' ? hours : _("always"));
    show_pair(_("Paused"), get_bool(limits, "paused") ? _("yes") : _("no"));
    json_decref(result);
    return EXIT_OK;
}

/* "65536", "64k", "2M": bytes a second. */
static bool parse_rate(const char *text, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t bytes;
    } units[] = {{"", 1}, {"k", 1024}, {"M", 1024 * 1024}};
    char *end = NULL;
    unsigned long long n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    for (size_t i = 0; end != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0 && n <= RATE_MAX / units[i].bytes) {
            *out = n * units[i].bytes;
            return true;
        }
    }
    return false;
}

static int limits_call(struct cli *cli, json_t *params, const char *schema)
{
    int code = EXIT_OK;
    json_t *result = cli_call(cli, "peer.limits", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, schema) : code;
    }
    return limits_print(result);
}

static int peer_limits(struct cli *cli, const struct args *args)
{
    const char *rate = args_value(args, "rate"), *hours = args_value(args, "hours");
    uint64_t bytes = 0;
    if (rate != NULL && !parse_rate(rate, &bytes)) {
        return cli_usage(cli, "tris help peer limits",
                         _("--rate %s: bytes a second, such as 65536, 64k or 2M; 0: no limit"),
                         rate);
    }
    if ((rate != NULL || hours != NULL) && cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *params = json_pack("{s:s}", "house", args->pos[0]);
    if (rate != NULL) {
        (void)json_object_set_new(params, "rate", json_integer((json_int_t)bytes));
    }
    if (hours != NULL) {
        (void)json_object_set_new(params, "hours", json_string(hours));
    }
    return limits_call(cli, params, "tris.peer.limits.1");
}

static int set_paused(struct cli *cli, const struct args *args, bool paused, const char *schema)
{
    if (cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *params = json_pack("{s:s}", "house", args->pos[0]);
    (void)json_object_set_new(params, "paused", json_boolean(paused));
    return limits_call(cli, params, schema);
}

static int peer_pause(struct cli *cli, const struct args *args)
{
    return set_paused(cli, args, true, "tris.peer.pause.1");
}

static int peer_resume(struct cli *cli, const struct args *args)
{
    return set_paused(cli, args, false, "tris.peer.resume.1");
}

static const struct cli_option ping_options[] = {
    {"count", "N", N_("so many times"), 0},
    {NULL, NULL, NULL, 0},
};

static const struct cli_option limits_options[] = {
    {"rate", "BYTES", N_("bytes a second in each direction, such as 64k; 0: no limit"), 0},
    {"hours", N_("HOURS"), N_("only at these hours, local time, such as 20-6; 0-24: always"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_peer_rows[] = {
    {"peer", "add", "HOUSE ADDRESS", N_("dial a house at HOST:PORT"), NULL, 2, 2, 0, peer_add},
    {"peer", "invite", NULL, N_("a line that lets another house in"), invite_options, 0, 0, 0,
     peer_invite},
    {"peer", "join", "INVITE", N_("come in by an invitation, with keys that are there; - reads it"),
     NULL, 1, 1, 0, peer_join},
    {"peer", "list", NULL, N_("connections: state, last contact, what is behind and ahead"), NULL,
     0, 0, 0, peer_list},
    {"peer", "show", "HOUSE", N_("one connection in detail"), NULL, 1, 1, 0, peer_show},
    {"peer", "remove", "HOUSE", N_("forget a configured address"), NULL, 1, 1, 0, peer_remove},
    {"peer", "ping", "HOUSE", N_("round-trip time of the open session"), ping_options, 1, 1, 0,
     peer_ping},
    {"peer", "limits", "HOUSE", N_("how fast and when to talk to a house"), limits_options, 1, 1, 0,
     peer_limits},
    {"peer", "pause", "HOUSE", N_("no exchange with a house until it is resumed"), NULL, 1, 1, 0,
     peer_pause},
    {"peer", "resume", "HOUSE", N_("exchange with a paused house again"), NULL, 1, 1, 0,
     peer_resume},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
