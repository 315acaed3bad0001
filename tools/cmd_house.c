/* tris house list, show, edit: the members of the federation and this house's own card. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/address.h"
#include "tools/fields.h"
#include "tools/grid.h"
#include "tools/lists.h"

static int house_list(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char buffer[SHOW_BYTES];
    size_t index;
    json_t *item;
    (void)args;
    json_t *result = cli_pages(cli, "house.list", json_object(), 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.house.list.1") : code;
    }
    const char *titles[] = {_("House"),    _("Name"),    _("District"), _("Role"),
                            _("Partners"), _("Entries"), _("Heard"),    _("Connected")};
    const int flags[] = {0, GRID_TRUNCATE, GRID_TRUNCATE, 0, GRID_RIGHT, GRID_RIGHT, GRID_RIGHT, 0};
    struct grid *grid = grid_new(cli, titles, flags, 8);
    uint64_t now = clock_wall_ms();
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        uint64_t heard = (uint64_t)get_int(item, "heard_ms");
        grid_row(grid);
        grid_text(grid, get_text(item, "slug"));
        grid_text(grid, get_text(item, "name"));
        grid_text(grid, region_name(get_text(item, "region")));
        grid_text(grid, role_label(get_text(item, "role")));
        grid_count(grid, get_int(item, "partners"));
        grid_count(grid, get_int(item, "gov") + get_int(item, "data"));
        grid_text(grid, get_bool(item, "own") ? _("this house")
                        : heard == 0          ? _("never")
                                              : show_age(now > heard ? now - heard : 0, buffer));
        grid_bool(grid, get_bool(item, "connected"));
    }
    grid_print(grid, _("No houses."));
    json_decref(result);
    return EXIT_OK;
}

static void print_time(const char *label, const json_t *map, const char *key)
{
    char buffer[SHOW_BYTES];
    uint64_t ms = (uint64_t)get_int(map, key);
    show_pair(label, ms != 0 ? show_time(ms, buffer) : "-");
}

static void show_region(const char *key)
{
    char text[160];
    (void)snprintf(text, sizeof text, "%s %s", key, region_name(key));
    show_pair(_("District"), text);
}

static int house_show(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char buffer[SHOW_BYTES];
    json_t *params = json_object();
    json_t *status = NULL;
    const char *house = args->pos_count > 0 ? args->pos[0] : NULL;
    if (house == NULL) {
        status = cli_call(cli, "status", json_object(), &code);
        if (status == NULL) {
            json_decref(params);
            return code;
        }
        house = get_text(json_object_get(status, "house"), "id");
    }
    (void)json_object_set_new(params, "house", json_string(house));
    json_decref(status);
    json_t *result = cli_call(cli, "house.show", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.house.show.1") : code;
    }
    show_pair(_("House"), get_text(result, "slug"));
    show_pair(_("Name"), get_text(result, "name"));
    show_region(get_text(result, "region"));
    show_pair(_("Role"), role_label(get_text(result, "role")));
    show_pair(_("Id"), get_text(result, "id"));
    show_pair(_("Transport key"), get_text(result, "transport"));
    json_array_foreach(json_object_get(result, "addresses"), index, item)
    {
        show_pair(_("Address"), json_string_value(item) != NULL ? json_string_value(item) : "");
    }
    show_pair(_("Connected"), get_bool(result, "own")         ? _("this house")
                              : get_bool(result, "connected") ? _("yes")
                                                              : _("no"));
    print_time(_("Last seal"), result, "sealed_ms");
    print_time(_("Last heard"), result, "heard_ms");
    show_pair(_("Entries (gov)"), show_count(get_int(result, "gov"), buffer));
    show_pair(_("Entries (data)"), show_count(get_int(result, "data"), buffer));
    show_pair(_("Partners"), show_count(get_int(result, "partners"), buffer));
    const json_t *record = json_object_get(result, "record");
    if (record != NULL) {
        (void)puts("");
        show_record(cli, record);
    }
    json_decref(result);
    return EXIT_OK;
}

/* The own house's record is created by the first edit. */
static int house_edit(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    if (address_is_asked(args)) {
        return address_edit(cli, args);
    }
    json_t *status = cli_call(cli, "status", json_object(), &code);
    if (status == NULL) {
        return code;
    }
    const json_t *own = json_object_get(status, "house");
    json_t *shown =
        cli_call(cli, "house.show", json_pack("{s:s}", "house", get_text(own, "id")), &code);
    json_t *fields = fields_of_args(args);
    if (shown == NULL || json_object_size(fields) == 0) {
        if (shown != NULL) {
            code = cli_usage(cli, "tris help house edit",
                             _("say what to change, for example --web https://..."));
        }
        goto out;
    }
    struct fault fault;
    if (!fields_check(cli, schema_kind(KIND_HOUSE), fields, &fault)) {
        code = cli_fail(cli, &fault);
        goto out;
    }
    const json_t *record = json_object_get(shown, "record");
    json_t *params = json_pack("{s:s}", "kind", "house");
    if (record != NULL) {
        (void)json_object_set_new(params, "id", json_string(get_text(record, "id")));
    } else {
        static const char *const preset[][2] = {
            {"name", "name"}, {"region", "region"}, {"covers", "region"}};
        (void)json_object_set_new(params, "scope", json_string("national"));
        for (size_t i = 0; i < 3; i++) {
            if (json_object_get(fields, preset[i][0]) == NULL) {
                (void)json_object_set_new(fields, preset[i][0],
                                          json_string(get_text(own, preset[i][1])));
            }
        }
    }
    (void)json_object_set(params, "fields", fields);
    code = print_change(cli, params, "tris.house.edit.1");
out:
    json_decref(fields);
    json_decref(shown);
    json_decref(status);
    return code;
}

const struct command cmd_house_rows[] = {
    {"house", "list", NULL, N_("the houses of the federation"), NULL, 0, 0, 0, house_list},
    {"house", "show", "[HOUSE]", N_("one house; without a name this one"), NULL, 0, 1, 0,
     house_show},
    {"house", "edit", NULL, N_("change what this house says of itself"), address_edit_options, 0, 0,
     KIND_HOUSE, house_edit},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
