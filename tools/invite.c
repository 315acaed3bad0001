/* tris peer invite, join: letting another house in, and coming in with keys that are there. */
#include "tools/invite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/grid.h"
#include "tools/init.h"
#include "tools/qr.h"

/* "7d", "12h", "30m", "2w": false if it is none of these. */
static bool parse_age(const char *text, uint64_t *out_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 7 * 86400000ULL}};
    char *end = NULL;
    unsigned long long n = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    for (size_t i = 0; end != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0 && n > 0 && n <= UINT32_MAX) {
            *out_ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}

static const char *state_label(const char *state)
{
    static const char *const rows[][2] = {
        {"open", N_("open")}, {"used", N_("used")}, {"expired", N_("expired")}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], state) == 0) {
            return _(rows[i][1]);
        }
    }
    return state;
}

static int invite_list(struct cli *cli)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char text[SHOW_BYTES];
    json_t *result = cli_call(cli, "invite.list", json_object(), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.peer.invite.list.1") : code;
    }
    const char *titles[] = {_("Invitation"), _("State"), _("Made"), _("Expires"), _("Used by")};
    const int flags[] = {0, 0, 0, 0, GRID_TRUNCATE};
    struct grid *grid = grid_new(cli, titles, flags, sizeof titles / sizeof titles[0]);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        const char *slug = get_text(item, "slug");
        grid_row(grid);
        grid_text(grid, get_text(item, "invite"));
        grid_text(grid, state_label(get_text(item, "state")));
        grid_text(grid, show_time((uint64_t)get_int(item, "made_ms"), text));
        grid_text(grid, show_time((uint64_t)get_int(item, "expires_ms"), text));
        grid_text(grid, slug[0] != '\0' ? slug : get_text(item, "used_by"));
    }
    grid_print(grid, _("No invitations. Next: tris peer invite"));
    json_decref(result);
    return EXIT_OK;
}

static int invite_cancel(struct cli *cli, const char *id)
{
    int code = EXIT_OK;
    if (cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *result = cli_call(cli, "invite.cancel", json_pack("{s:s}", "invite", id), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.peer.invite.cancel.1") : code;
    }
    (void)printf(_("Invitation %s is cancelled.\n"), get_text(result, "invite"));
    json_decref(result);
    return EXIT_OK;
}

/* The addresses of all --address options, joined; NULL without any (or memory). */
static char *addresses_given(const struct args *args)
{
    size_t size = 1, used = 0;
    for (int i = 0; i < args->opt_count; i++) {
        size += strlen(args->opt[i].value) + 1;
    }
    char *out = calloc(1, size);
    for (int i = 0; out != NULL && i < args->opt_count; i++) {
        if (strcmp(args->opt[i].name, "address") == 0) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? "," : "",
                                     args->opt[i].value);
        }
    }
    return out;
}

static int invite_print_new(struct cli *cli, const struct args *args, json_t *result)
{
    char text[SHOW_BYTES];
    const char *line = get_text(result, "line");
    if (args_flag(args, "qr") && !qr_print(cli, line)) {
        cli_note(cli, "%s", _("The line is too long for a QR code."));
    }
    (void)printf("%s\n", line);
    cli_note(cli, _("Invitation %s lets one house in, until %s. Whoever has the line can use it."),
             get_text(result, "invite"), show_time((uint64_t)get_int(result, "expires_ms"), text));
    cli_note(cli, "%s", _("There: tris init --join INVITE --region AGS --name NAME"));
    json_decref(result);
    return EXIT_OK;
}

int peer_invite(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    uint64_t expires_ms = 0;
    const char *expires = args_value(args, "expires"), *cancel = args_value(args, "cancel");
    if (args_flag(args, "list")) {
        return invite_list(cli);
    }
    if (cancel != NULL) {
        return invite_cancel(cli, cancel);
    }
    if (expires != NULL && !parse_age(expires, &expires_ms)) {
        return cli_usage(cli, "tris help peer invite",
                         _("--expires %s: a time such as 12h, 7d or 2w"), expires);
    }
    if (cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *params = json_object();
    char *addresses = addresses_given(args);
    if (expires != NULL) {
        (void)json_object_set_new(params, "expires_ms", json_integer((json_int_t)expires_ms));
    }
    if (args_value(args, "house") != NULL) {
        (void)json_object_set_new(params, "house", json_string(args_value(args, "house")));
    }
    if (addresses != NULL && addresses[0] != '\0') {
        (void)json_object_set_new(params, "address", json_string(addresses));
    }
    free(addresses);
    json_t *result = cli_call(cli, "invite.create", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.peer.invite.1") : code;
    }
    return invite_print_new(cli, args, result);
}

int peer_join(struct cli *cli, const struct args *args)
{
    return init_with_invitation(cli, args, args->pos[0]);
}

const struct cli_option invite_options[] = {
    {"qr", NULL, N_("show it as a QR code too"), 0},
    {"expires", "7d", N_("how long it can be used: 12h, 7d (as without), 2w"), 0},
    {"address", N_("HOST:PORT"),
     N_("where this house is reached, if not as its line says; may be repeated"), 0},
    {"house", N_("HOUSE"), N_("for a house that has lost its keys or was revoked: it comes back"),
     0},
    {"list", NULL, N_("the invitations that were made, and who came by them"), 0},
    {"cancel", "ID", N_("close one"), 0},
    {NULL, NULL, NULL, 0},
};
