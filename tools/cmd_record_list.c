/* Lists of records, and what the nouns partner, offer, need, instrument, rollout, evaluation mean.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fields.h"
#include "tools/grid.h"
#include "tools/lists.h"
#include "tools/records.h"

enum { LIST_MAX = 1000000, STATE_BYTES = 1200 };

static const struct record_noun nouns[] = {
    {"partner", KIND_PARTNER, NULL}, {"offer", KIND_LISTING, "offer"},
    {"need", KIND_LISTING, "need"},  {"instrument", KIND_INSTRUMENT, NULL},
    {"rollout", KIND_ROLLOUT, NULL}, {"evaluation", KIND_EVALUATION, NULL},
};

const struct record_noun *record_noun_of(const struct args *args)
{
    size_t i = 0;
    while (i + 1 < sizeof nouns / sizeof nouns[0] &&
           strcmp(nouns[i].noun, args->command->noun) != 0) {
        i++;
    }
    return &nouns[i];
}

const struct kind *record_kind_of(const struct args *args)
{
    return schema_kind(record_noun_of(args)->kind);
}

const char *record_schema_of(const struct args *args, char out[RECORD_SCHEMA_BYTES])
{
    (void)snprintf(out, RECORD_SCHEMA_BYTES, "tris.%s.%s.1", args->command->noun,
                   args->command->verb);
    return out;
}

char *record_called(const struct cli *cli, const struct kind *kind, const json_t *fields)
{
    const struct field *title = schema_title(kind);
    char *text = NULL, *shown;
    size_t size = 0, said = 0;
    if (title != NULL) {
        return strdup(get_text(fields, title->name));
    }
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out != NULL && i < kind->field_count && said < 2; i++) {
        const struct field *field = &kind->fields[i];
        if ((field->flags & FIELD_REQUIRED) != 0) {
            shown = field_shown(cli, field, get_text(fields, field->name));
            (void)fprintf(out, "%s%s", said++ > 0 ? ": " : "", shown);
            free(shown);
        }
    }
    if (out == NULL || fclose(out) != 0 || text == NULL) {
        abort();
    }
    return text;
}

/* What the column "Status" says: the status, else the last code that a record must have. */
static const struct field *state_field(const struct kind *kind)
{
    const struct field *found = schema_field_by_name(kind, span_str("status"));
    for (size_t i = kind->field_count; i > 0 && found == NULL; i--) {
        const struct field *field = &kind->fields[i - 1];
        found = field->type == FIELD_CODE && (field->flags & FIELD_REQUIRED) != 0 ? field : NULL;
    }
    return found;
}

/* What the daemon asks of each record: the noun's type, and options that name fields with codes.
 * NULL after saying what is wrong. */
static json_t *where_of(struct cli *cli, const struct args *args)
{
    static const struct {
        const char *option, *field;
    } rows[] = {{"topic", "topics"}, {"contribution", "contribution"}, {"status", "status"}};
    const struct record_noun *noun = record_noun_of(args);
    json_t *where = json_object();
    if (noun->type != NULL) {
        (void)json_object_set_new(where, "type", json_string(noun->type));
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = args_value(args, rows[i].option);
        const struct field *field =
            value != NULL ? schema_field_by_name(record_kind_of(args), span_str(rows[i].field))
                          : NULL;
        char why[FIELDS_TEXT_BYTES], next[RECORD_SCHEMA_BYTES];
        if (field != NULL && !fields_codes_known(cli->lang, field, value, why)) {
            (void)snprintf(next, sizeof next, "tris help %s list", noun->noun);
            (void)cli_usage(cli, next, "%s", why);
            json_decref(where);
            return NULL;
        }
        if (field != NULL) {
            (void)json_object_set_new(where, rows[i].field, json_string(value));
        }
    }
    return where;
}

static json_t *list_params(struct cli *cli, const struct args *args, bool *usage)
{
    json_t *params = json_pack("{s:s}", "kind", record_kind_of(args)->name);
    static const char *const texts[] = {"scope", "house", "region", "match"};
    *usage = false;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *value = args_value(args, texts[i]);
        if (value != NULL) {
            (void)json_object_set_new(params, texts[i], json_string(value));
        }
    }
    json_t *where = where_of(cli, args);
    if (where == NULL) {
        *usage = true;
        json_decref(params);
        return NULL;
    }
    if (json_object_size(where) > 0) {
        (void)json_object_set(params, "where", where);
    }
    json_decref(where);
    if (args->pos_count > 0) {
        (void)json_object_set_new(params, "match", json_string(args->pos[0]));
    }
    if (args_flag(args, "ended")) {
        (void)json_object_set_new(params, "ended", json_true());
    }
    uint64_t limit = 0;
    if (!args_number(cli, args, "limit", LIST_MAX, &limit)) {
        *usage = true;
        json_decref(params);
        return NULL;
    }
    return params;
}

static void print_record_row(struct cli *cli, struct grid *grid, const struct kind *kind,
                             const json_t *item)
{
    const json_t *fields = json_object_get(item, "fields");
    const struct field *status = state_field(kind);
    char *called = record_called(cli, kind, fields);
    char id[SHOWN_ID_BYTES];
    grid_row(grid);
    grid_text(grid, shown_id(item, id));
    grid_text(grid, called);
    free(called);
    grid_text(grid, scope_label(get_text(item, "scope")));
    char *said = release_said(item);
    char state[STATE_BYTES];
    (void)snprintf(state, sizeof state, "%s%s%s",
                   get_bool(item, "ended") || status == NULL
                       ? _("ended")
                       : code_label(cli, status->codes->name, get_text(fields, status->name)),
                   said[0] != '\0' ? ", " : "", said);
    free(said);
    grid_text(grid, state);
}

int record_list_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    bool usage;
    uint64_t most = 0;
    char schema[RECORD_SCHEMA_BYTES];
    json_t *params = list_params(cli, args, &usage);
    if (usage) {
        return EXIT_USAGE;
    }
    (void)args_number(cli, args, "limit", LIST_MAX, &most);
    json_t *result = cli_pages(cli, "record.list", params, (size_t)most, &code);
    if (result == NULL) {
        return code;
    }
    if (cli->json) {
        return cli_json(result, record_schema_of(args, schema));
    }
    const char *titles[] = {_("Record"), _("Title"), _("Scope"), _("Status")};
    const int flags[] = {0, GRID_TRUNCATE, 0, 0};
    struct grid *grid = grid_new(cli, titles, flags, 4);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        print_record_row(cli, grid, record_kind_of(args), item);
    }
    grid_print(grid, _("No records found."));
    json_decref(result);
    return EXIT_OK;
}

int partner_list_run(struct cli *cli, const struct args *args)
{
    char schema[RECORD_SCHEMA_BYTES];
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    bool usage;
    uint64_t most = 0;
    char place[512];
    json_t *params = list_params(cli, args, &usage);
    if (usage) {
        return EXIT_USAGE;
    }
    (void)args_number(cli, args, "limit", LIST_MAX, &most);
    json_t *result = cli_pages(cli, "record.list", params, (size_t)most, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, record_schema_of(args, schema)) : code;
    }
    const char *titles[] = {_("Record"), _("Name"),  _("Sector"), _("Legal form"),
                            _("Place"),  _("Scope"), _("Status")};
    const int flags[] = {0, GRID_TRUNCATE, 0, GRID_TRUNCATE, GRID_TRUNCATE, 0, 0};
    struct grid *grid = grid_new(cli, titles, flags, 7);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        const json_t *fields = json_object_get(item, "fields");
        const char *city = get_text(fields, "city");
        char id[SHOWN_ID_BYTES];
        grid_row(grid);
        grid_text(grid, shown_id(item, id));
        grid_text(grid, get_text(fields, "name"));
        grid_text(grid, sector_word(cli, get_text(fields, "sector")));
        grid_text(grid, code_label(cli, "legal_form", get_text(fields, "legal_form")));
        (void)snprintf(place, sizeof place, "%s",
                       city[0] != '\0' ? city : region_name(get_text(fields, "region")));
        if (city[0] == '\0') {
            place[strcspn(place, ",")] = '\0'; /* "Köln, Stadt" */
        }
        grid_text(grid, place);
        grid_text(grid, scope_label(get_text(item, "scope")));
        grid_text(grid, get_bool(item, "ended")
                            ? _("ended")
                            : code_label(cli, "partner_status", get_text(fields, "status")));
    }
    grid_print(grid, _("No partners found."));
    if (get_int(result, "word_behind") > 0) {
        cli_note(cli, _("The search index is behind by %lld entries; repeat shortly."),
                 (long long)get_int(result, "word_behind"));
    }
    json_decref(result);
    return EXIT_OK;
}

const struct cli_option record_list_options[] = {
    {"scope", "SCOPE", N_("only local or national ones"), 0},
    {"house", "HOUSE", N_("only those of this house"), 0},
    {"region", "AGS", N_("only this state (2 digits) or district (5)"), 0},
    {"match", "TEXT", N_("only those with these words"), 0},
    {"ended", NULL, N_("ended ones too"), 0},
    {"limit", "N", N_("at most so many"), 0},
    {NULL, NULL, NULL, 0},
};

const struct cli_option record_listing_options[] = {
    {"topic", "CODE", N_("only these topics, joined by |"), 0},
    {"contribution", "CODE", N_("only these contributions, joined by |"), 0},
    {"status", "CODE", N_("only these, joined by |: open, matched, closed, expired"), 0},
    {"scope", "SCOPE", N_("only local or national ones"), 0},
    {"house", "HOUSE", N_("only those of this house"), 0},
    {"region", "AGS", N_("only of houses in this state (2 digits) or district (5)"), 0},
    {"match", "TEXT", N_("only those with these words"), 0},
    {"ended", NULL, N_("ended ones too"), 0},
    {"limit", "N", N_("at most so many"), 0},
    {NULL, NULL, NULL, 0},
};
