/* tris national overview, regions, sectors: figures of all houses, from any node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/district.h"
#include "tools/grid.h"
#include "tools/lists.h"

/* n of all in per cent, rounded; 0 of 0 is 0. */
static long long percent(int64_t n, int64_t all)
{
    return all > 0 ? (long long)((n * 100 + all / 2) / all) : 0;
}

/* Under or above every answer: whose figures these are, and of when. */
static void print_state(const json_t *result)
{
    char age[SHOW_BYTES], root[SHOW_BYTES];
    uint64_t now = clock_wall_ms(), heard = (uint64_t)get_int(result, "oldest_heard_ms");
    const char *oldest =
        heard == 0 ? _("never heard from") : show_age(now > heard ? now - heard : 0, age);
    (void)printf(_("%lld houses (%lld fresh, %lld stale; oldest word %s)"),
                 (long long)get_int(result, "houses"), (long long)get_int(result, "fresh"),
                 (long long)get_int(result, "stale"), oldest);
    (void)printf("        %s %s, %s\n", _("root"), show_root(get_text(result, "root"), root),
                 get_text(result, "as_of"));
}

static int national_overview(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char a[SHOW_BYTES];
    (void)args;
    json_t *result = cli_call(cli, "national.overview", json_object(), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.national.overview.1") : code;
    }
    print_state(result);
    const json_t *sector = json_object_get(result, "by_sector");
    int64_t w = get_int(sector, "W"), s = get_int(sector, "S"), z = get_int(sector, "Z");
    (void)printf(_("Partners %s     business %lld %%  state %lld %%  civic %lld %%"),
                 show_count(get_int(result, "partners"), a), percent(w, w + s + z),
                 percent(s, w + s + z), percent(z, w + s + z));
    (void)printf("\n");
    (void)printf(_("Regions covered %lld of %lld"), (long long)get_int(result, "regions_covered"),
                 (long long)get_int(result, "regions_total"));
    (void)printf("\n");
    if (get_int(result, "records_inert") > 0) {
        (void)printf(_("Entries without effect: %s"),
                     show_count(get_int(result, "records_inert"), a));
        (void)printf("     tris log tail\n");
    }
    json_decref(result);
    return EXIT_OK;
}

/* The key of a state or district: its lost leading zero is put back, a name is looked up. */
static bool region_prefix(const char *text, char out[8])
{
    size_t len = strlen(text);
    const bool digits = len > 0 && strspn(text, "0123456789") == len && len <= 5;
    (void)snprintf(out, 8, "%s%.5s", digits && (len == 1 || len == 4) ? "0" : "",
                   digits ? text : "");
    for (size_t i = 0; !digits && state_at(i) != NULL; i++) {
        if (strcasecmp(state_at(i)->name, text) == 0) {
            (void)snprintf(out, 8, "%s", state_at(i)->code);
        }
    }
    if (!digits && district_find_slug(span_str(text)) != NULL) {
        (void)snprintf(out, 8, "%s", district_find_slug(span_str(text))->ags);
    }
    /* part of a key is a prefix as well */
    return strlen(out) == 2   ? state_find(span_str(out)) != NULL
           : strlen(out) == 5 ? district_find(span_str(out)) != NULL
                              : strlen(out) > 2 && state_find(span_of(out, 2)) != NULL;
}

static int national_regions(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    json_t *params = json_object();
    const char *level = args_value(args, "level");
    if (args->pos_count > 0) {
        char prefix[8];
        if (!region_prefix(args->pos[0], prefix)) {
            json_decref(params);
            return cli_error(cli, TRIS_ERR_NOT_FOUND, NULL, "tris national regions",
                             _("there is no state or district \"%s\""), args->pos[0]);
        }
        (void)json_object_set_new(params, "prefix", json_string(prefix));
    }
    if (level != NULL) {
        (void)json_object_set_new(params, "level", json_string(level));
    }
    json_t *result = cli_pages(cli, "national.regions", params, 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.national.regions.1") : code;
    }
    const char *titles[] = {_("Region"),   _("Name"),  _("Partners"),
                            _("business"), _("state"), _("civic")};
    const int flags[] = {0, GRID_TRUNCATE, GRID_RIGHT, GRID_RIGHT, GRID_RIGHT, GRID_RIGHT};
    struct grid *grid = grid_new(cli, titles, flags, 6);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        grid_row(grid);
        grid_text(grid, get_text(item, "region"));
        grid_text(grid, get_text(item, "name"));
        grid_count(grid, get_int(item, "partners"));
        grid_count(grid, get_int(item, "W"));
        grid_count(grid, get_int(item, "S"));
        grid_count(grid, get_int(item, "Z"));
    }
    grid_print(grid, _("No partners yet."));
    print_state(result);
    json_decref(result);
    return EXIT_OK;
}

/* "climate 12, diversity 8": the topics of a sector, most frequent first. */
static char *topics_text(const struct cli *cli, const json_t *topics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const char *key;
    json_t *value;
    json_t *left = json_deep_copy(topics);
    if (out == NULL) {
        abort();
    }
    for (bool first = true; json_object_size(left) > 0; first = false) {
        const char *best = NULL;
        json_int_t most = -1;
        json_object_foreach(left, key, value)
        {
            if (json_integer_value(value) > most) {
                best = key;
                most = json_integer_value(value);
            }
        }
        (void)fprintf(out, "%s%s %lld", first ? "" : ", ", code_label(cli, "topic", best),
                      (long long)most);
        (void)json_object_del(left, best);
    }
    json_decref(left);
    (void)fclose(out);
    return text;
}

static int national_sectors(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    const char *key;
    json_t *item;
    (void)args;
    json_t *result = cli_call(cli, "national.sectors", json_object(), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.national.sectors.1") : code;
    }
    const char *titles[] = {_("Sector"), _("Partners"), _("active"), _("Topics")};
    const int flags[] = {0, GRID_RIGHT, GRID_RIGHT, GRID_TRUNCATE};
    struct grid *grid = grid_new(cli, titles, flags, 4);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        char *topics = topics_text(cli, json_object_get(item, "topics"));
        grid_row(grid);
        grid_text(grid, code_label(cli, "sector", get_text(item, "sector")));
        grid_count(grid, get_int(item, "partners"));
        grid_count(grid, get_int(item, "active"));
        grid_text(grid, topics);
        free(topics);
    }
    grid_print(grid, NULL);
    const char *form_titles[] = {_("Legal form"), _("Partners")};
    const int form_flags[] = {0, GRID_RIGHT};
    grid = grid_new(cli, form_titles, form_flags, 2);
    json_object_foreach(json_object_get(result, "forms"), key, item)
    {
        grid_row(grid);
        grid_text(grid, code_label(cli, "legal_form", key));
        grid_count(grid, (int64_t)json_integer_value(item));
    }
    (void)puts("");
    grid_print(grid, _("No partners yet."));
    print_state(result);
    json_decref(result);
    return EXIT_OK;
}

static const struct cli_option region_options[] = {
    {"level", "LEVEL", N_("state or district; with a prefix district"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_national_rows[] = {
    {"national", "overview", NULL, N_("houses, partners and districts in one look"), NULL, 0, 0, 0,
     national_overview},
    {"national", "regions", "[PREFIX]", N_("partners by state or district"), region_options, 0, 1,
     0, national_regions},
    {"national", "sectors", NULL, N_("partners by sector, topic and legal form"), NULL, 0, 0, 0,
     national_sectors},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
