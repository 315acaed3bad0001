/* tris match, tris offer match, tris need match: offers beside the needs that they meet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/grid.h"
#include "tools/lists.h"

enum { MATCH_LIMIT_MAX = 200, TEXT_BYTES = 512 };

/* How far it is, nearest first, as the daemon says it. */
static const struct {
    const char *near, *label;
} distances[] = {
    {"house", N_("own house")},  {"district", N_("same district")}, {"neighbour", N_("neighbour")},
    {"steps", N_("%d borders")}, {"state", N_("same state")},       {"country", N_("elsewhere")},
};

static const char *distance_of(const json_t *item, char out[TEXT_BYTES])
{
    for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
        if (strcmp(get_text(item, "near"), distances[i].near) != 0) {
            continue;
        }
        if (strcmp(distances[i].near, "steps") != 0) {
            return _(distances[i].label);
        }
        (void)snprintf(out, TEXT_BYTES, _("%d borders"), (int)get_int(item, "steps"));
        return out;
    }
    return "";
}

/* "education, other" for "lifelong_learning|other". */
static char *topics_of(const struct cli *cli, const json_t *item)
{
    const struct kind *kind = schema_kind(KIND_LISTING);
    return field_shown(cli, schema_field(kind, LISTING_TOPICS), get_text(item, "topics"));
}

static void print_matches(struct cli *cli, const json_t *items)
{
    size_t index;
    const json_t *item;
    char text[TEXT_BYTES];
    const char *titles[] = {_("Record"), _("Title"),        _("Meets"),   _("Title"),
                            _("Topics"), _("Contribution"), _("Distance")};
    const int flags[] = {0, GRID_TRUNCATE, 0, GRID_TRUNCATE, GRID_TRUNCATE, GRID_TRUNCATE, 0};
    struct grid *grid = grid_new(cli, titles, flags, 7);
    json_array_foreach(items, index, item)
    {
        const json_t *match = json_object_get(item, "match");
        const json_t *fields = json_object_get(match, "fields");
        char *topics = topics_of(cli, item);
        grid_row(grid);
        grid_text(grid, get_text(item, "listing"));
        grid_text(grid, get_text(item, "title"));
        grid_text(grid, get_text(match, "id"));
        grid_text(grid, get_text(fields, "title"));
        grid_text(grid, topics);
        grid_text(grid, code_label(cli, "contribution", get_text(fields, "contribution")));
        grid_text(grid, distance_of(item, text));
        free(topics);
    }
    grid_print(grid, _("Nothing meets them."));
}

/* True if there were more candidates than are looked at. */
static bool is_partial(const json_t *result)
{
    size_t index;
    const json_t *item;
    bool partial = get_int(result, "cut") > 0;
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        partial = partial || get_bool(item, "partial");
    }
    return partial;
}

int listing_match(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    uint64_t limit = 0;
    char schema[64];
    const bool all = strcmp(args->command->noun, "match") == 0;
    if (!args_number(cli, args, "limit", MATCH_LIMIT_MAX, &limit)) {
        return EXIT_USAGE;
    }
    json_t *params = json_object();
    if (!all) {
        (void)json_object_set_new(params, "type", json_string(args->command->noun));
    }
    if (args->pos_count > 0) {
        (void)json_object_set_new(params, "id", json_string(args->pos[0]));
    }
    if (limit > 0) {
        (void)json_object_set_new(params, "limit", json_integer((json_int_t)limit));
    }
    if (args_flag(args, "any-contribution")) {
        (void)json_object_set_new(params, "any_contribution", json_true());
    }
    json_t *result = cli_pages(cli, "listing.match", params, 0, &code);
    if (result == NULL) {
        return code;
    }
    if (cli->json) {
        (void)snprintf(schema, sizeof schema, "tris.%s%smatch.1", all ? "" : args->command->noun,
                       all ? "" : ".");
        return cli_json(result, schema);
    }
    print_matches(cli, json_object_get(result, "items"));
    if (is_partial(result)) {
        cli_note(cli, "%s", _("There were too many candidates: only the nearest were looked at."));
    }
    json_decref(result);
    return EXIT_OK;
}

const struct cli_option match_options[] = {
    {"any-contribution", NULL, N_("also where another contribution is offered than needed"), 0},
    {"limit", "N", N_("at most so many for each record, preset 20"), 0},
    {NULL, NULL, NULL, 0},
};
