/* tris member list, show, candidates, endorse, revoke: who belongs, and who vouches for whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/fingerprint.h"
#include "tools/grid.h"
#include "tools/lists.h"

enum { VOUCHERS_BYTES = 512 };

static const char *state_label(const char *state)
{
    static const char *const rows[][2] = {
        {"active", N_("member")},
        {"candidate", N_("candidate")},
        {"revoked", N_("revoked")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], state) == 0) {
            return _(rows[i][1]);
        }
    }
    return state;
}

/* "leipzig, dresden (does not count)": who has stated it. */
static const char *vouchers(const json_t *statement, char out[VOUCHERS_BYTES])
{
    size_t index, len = 0;
    json_t *by;
    out[0] = '\0';
    json_array_foreach(json_object_get(statement, "by"), index, by)
    {
        char *name = show_text(get_text(by, "house"), 0);
        int n = snprintf(out + len, VOUCHERS_BYTES - len, "%s%s%s", len > 0 ? ", " : "", name,
                         get_bool(by, "counts") ? "" : _(" (does not count)"));
        free(name);
        if (n < 0 || (size_t)n >= VOUCHERS_BYTES - len) {
            break;
        }
        len += (size_t)n;
    }
    return out;
}

/* The opening that a list shows of a house: the last one. */
static json_t *newest_opening(const json_t *member)
{
    json_t *openings = json_object_get(member, "openings");
    size_t count = json_array_size(openings);
    return count > 0 ? json_array_get(openings, count - 1) : NULL;
}

/* What of a house needs a person's eye, or "". */
static const char *remark(const json_t *member, char out[SHOW_BYTES])
{
    const json_t *opening = newest_opening(member);
    out[0] = '\0';
    if (get_bool(member, "disputed")) {
        return _("two keys of one epoch");
    }
    if (json_array_size(json_object_get(member, "revocations")) > 0 &&
        strcmp(get_text(member, "state"), "active") == 0) {
        return _("revocation stated");
    }
    if (opening != NULL && get_int(opening, "missing") > 0 && !get_bool(opening, "charter")) {
        (void)snprintf(out, SHOW_BYTES, _("%lld more needed"),
                       (long long)get_int(opening, "missing"));
        return out;
    }
    return get_bool(member, "brittle") ? _("stands on the last endorsement") : "";
}

static const char *name_with_epoch(const json_t *member, char out[SHOW_BYTES])
{
    if (get_int(member, "epoch") == 0) {
        return get_text(member, "slug");
    }
    (void)snprintf(out, SHOW_BYTES, "%.40s.%lld", get_text(member, "slug"),
                   (long long)get_int(member, "epoch"));
    return out;
}

static void member_grid(struct cli *cli, const json_t *result, const char *empty)
{
    size_t index;
    json_t *item;
    char name[SHOW_BYTES], when[SHOW_BYTES], note[SHOW_BYTES], by[VOUCHERS_BYTES];
    const char *titles[] = {_("House"), _("Role"),           _("District"), _("State"),
                            _("Since"), _("Vouched for by"), _("Remark")};
    const int flags[] = {0, 0, GRID_TRUNCATE, 0, 0, GRID_TRUNCATE, 0};
    struct grid *grid = grid_new(cli, titles, flags, sizeof titles / sizeof titles[0]);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        const json_t *opening = newest_opening(item);
        uint64_t since = (uint64_t)get_int(item, "since_ms");
        grid_row(grid);
        grid_text(grid, name_with_epoch(item, name));
        grid_text(grid, role_label(get_text(item, "role")));
        grid_text(grid, region_name(get_text(item, "region")));
        grid_text(grid, state_label(get_text(item, "state")));
        grid_text(grid, since > 0                   ? show_time(since, when)
                        : get_bool(item, "founder") ? _("the beginning")
                                                    : "-");
        grid_text(grid, get_bool(item, "founder") ? _("the charter")
                        : opening != NULL         ? vouchers(opening, by)
                        : get_bool(item, "asked") ? _("nobody; it has asked here")
                                                  : "-");
        grid_text(grid, remark(item, note));
    }
    grid_print(grid, empty);
}

static int member_list(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    json_t *params = json_object();
    if (args_value(args, "state") != NULL) {
        (void)json_object_set_new(params, "state", json_string(args_value(args, "state")));
    }
    json_t *result = cli_pages(cli, "member.list", params, 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.member.list.1") : code;
    }
    member_grid(cli, result, _("Nobody in this state."));
    (void)printf(_("A new house needs %lld endorsements, a revocation %lld.\n"),
                 (long long)get_int(result, "admit"), (long long)get_int(result, "revoke"));
    json_decref(result);
    return EXIT_OK;
}

static int member_candidates(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    (void)args;
    json_t *result = cli_call(cli, "member.candidates", json_object(), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.member.candidates.1") : code;
    }
    member_grid(cli, result,
                _("No candidates. A new house comes with an invitation: tris peer invite"));
    json_decref(result);
    return EXIT_OK;
}

/* `revocation`: of those, not of openings */
static void show_statements(const json_t *list, bool revocation)
{
    size_t index;
    json_t *x;
    char by[VOUCHERS_BYTES], title[SHOW_BYTES], text[VOUCHERS_BYTES + 128], root[SHOW_BYTES];
    json_array_foreach(list, index, x)
    {
        const char *id = get_text(x, revocation ? "revocation" : "opening");
        (void)snprintf(title, sizeof title,
                       revocation ? _("Revocation of epoch %lld") : _("Key of epoch %lld"),
                       (long long)get_int(x, "epoch"));
        if (get_bool(x, "charter")) {
            show_pair(title, _("by the charter"));
            continue;
        }
        (void)snprintf(text, sizeof text, "%s: %s%s%s", show_root(id, root), vouchers(x, by),
                       get_int(x, "missing") > 0 ? _(", incomplete") : _(", complete"),
                       get_bool(x, "revoked") ? _(", revoked") : "");
        show_pair(title, text);
    }
}

static int member_show(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char finger[FINGERPRINT_BYTES], note[SHOW_BYTES];
    json_t *result = cli_call(cli, "member.show", json_pack("{s:s}", "house", args->pos[0]), &code);
    if (result == NULL) {
        return code;
    }
    fingerprint_hex(get_text(result, "id"), get_text(result, "transport"),
                    get_int(result, "epoch") > 0 ? get_text(result, "key") : "", finger);
    if (cli->json) {
        (void)json_object_set_new(result, "fingerprint", json_string(finger));
        return cli_json(result, "tris.member.show.1");
    }
    show_pair(_("House"), get_text(result, "slug"));
    show_pair(_("Name"), get_text(result, "name"));
    show_pair(_("Id"), get_text(result, "id"));
    show_pair(_("Fingerprint"), finger);
    show_pair(_("District"), region_name(get_text(result, "region")));
    show_pair(_("Role"), role_label(get_text(result, "role")));
    show_pair(_("State"), state_label(get_text(result, "state")));
    show_pair(_("Remark"), remark(result, note));
    show_statements(json_object_get(result, "openings"), false);
    show_statements(json_object_get(result, "revocations"), true);
    json_decref(result);
    return EXIT_OK;
}

/* ---- statements ---- */

static void explain_endorse(const json_t *x, const char *finger)
{
    show_pair(_("House"), get_text(x, "slug"));
    show_pair(_("Name"), get_text(x, "name"));
    show_pair(_("District"), region_name(get_text(x, "region")));
    show_pair(_("Role"), role_label(get_text(x, "role")));
    show_pair(_("Fingerprint"), finger);
    if (get_int(x, "epoch") > 0) {
        char text[SHOW_BYTES], n[SHOW_BYTES];
        (void)snprintf(text, sizeof text, _("the former one ends with %s entries"),
                       show_count(get_int(x, "closes"), n));
        show_pair(_("New key"), text);
    }
}

static void explain_missing(const json_t *x)
{
    long long missing = (long long)get_int(x, "missing");
    if (missing > 0) {
        (void)printf(_("%lld more houses have to state the same.\n"), missing);
    } else {
        (void)printf("%s\n", _("It is complete."));
    }
}

/* Asks the daemon what would be stated, the person whether to, and then states exactly that. */
static json_t *ask_and_state(struct cli *cli, const char *method, json_t *params,
                             const char *question, void (*explain)(const json_t *, const char *),
                             int *code)
{
    char finger[FINGERPRINT_BYTES];
    (void)json_object_set_new(params, "dry_run", json_true());
    json_t *plan = cli_call(cli, method, json_incref(params), code);
    if (plan == NULL) {
        json_decref(params);
        return NULL;
    }
    fingerprint_hex(get_text(plan, "id"), get_text(plan, "transport"),
                    get_int(plan, "epoch") > 0 ? get_text(plan, "key") : "", finger);
    if (!cli->json) {
        explain(plan, finger);
    }
    if (cli->dry_run || !cli_ask(cli, question)) {
        cli_note(cli, "%s", _("Nothing stated. Without a question: -y"));
        json_decref(params);
        *code = cli->dry_run ? EXIT_OK : EXIT_DECISION;
        if (cli->json) {
            return plan;
        }
        json_decref(plan);
        return NULL;
    }
    (void)json_object_del(params, "dry_run");
    if (get_bool(plan, "repeated") && get_text(plan, "opening")[0] != '\0') {
        (void)json_object_set(params, "opening", json_object_get(plan, "opening"));
    }
    json_decref(plan);
    return cli_call(cli, method, params, code);
}

static int member_endorse(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    json_t *params = json_pack("{s:s}", "house", args->pos[0]);
    if (args_value(args, "opening") != NULL) {
        (void)json_object_set_new(params, "opening", json_string(args_value(args, "opening")));
    }
    json_t *result = ask_and_state(
        cli, "member.endorse", params,
        _("Have you compared the fingerprint with this house, by voice? Vouch for it?"),
        explain_endorse, &code);
    if (result == NULL) {
        return code;
    }
    if (cli->json) {
        (void)cli_json(result, "tris.member.endorse.1");
        return code;
    }
    explain_missing(result);
    json_decref(result);
    return EXIT_OK;
}

static void explain_revoke(const json_t *x, const char *finger)
{
    char n[SHOW_BYTES];
    (void)finger;
    show_pair(_("House"), get_text(x, "slug"));
    show_pair(_("Entries that stay"), show_count(get_int(x, "data"), n));
    show_pair(_("Stated by others"), get_bool(x, "repeated") ? _("yes") : _("no"));
}

static int member_revoke(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    json_t *result = ask_and_state(
        cli, "member.revoke", json_pack("{s:s}", "house", args->pos[0]),
        _("Its entries up to now stay, later ones will not count, and it will get no data any "
          "more. Revoke it?"),
        explain_revoke, &code);
    if (result == NULL) {
        return code;
    }
    if (cli->json) {
        (void)cli_json(result, "tris.member.revoke.1");
        return code;
    }
    explain_missing(result);
    json_decref(result);
    return EXIT_OK;
}

static const struct cli_option list_options[] = {
    {"state", "STATE", N_("only these: active, candidate, revoked"), 0},
    {NULL, NULL, NULL, 0},
};

static const struct cli_option endorse_options[] = {
    {"opening", "ID", N_("which key, if the house has several: as tris member show says"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_member_rows[] = {
    {"member", "list", NULL, N_("who belongs to the federation, who vouched for whom, since when"),
     list_options, 0, 0, 0, member_list},
    {"member", "show", "HOUSE", N_("keys, endorsements and revocations of one house"), NULL, 1, 1,
     0, member_show},
    {"member", "candidates", NULL, N_("houses that wait to be vouched for"), NULL, 0, 0, 0,
     member_candidates},
    {"member", "endorse", "HOUSE", N_("vouch for a house, or for its new key"), endorse_options, 1,
     1, 0, member_endorse},
    {"member", "revoke", "HOUSE",
     N_("state that a house is no member any more, or that its key was stolen"), NULL, 1, 1, 0,
     member_revoke},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
