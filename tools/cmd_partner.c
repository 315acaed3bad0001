/* tris partner, offer, need, instrument: add, edit, show, list, publish, end, history. What a noun
 * means is a row of the table below; all else follows from the schema. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fields.h"
#include "tools/grid.h"
#include "tools/lists.h"

enum { LIST_MAX = 1000000, SCHEMA_BYTES = 64 };

/* A noun stands for the records of a kind, or for those of them with one type. */
struct noun {
    const char *noun;
    uint32_t kind;
    const char *type; /* NULL: any */
};

static const struct noun nouns[] = {
    {"partner", KIND_PARTNER, NULL},
    {"offer", KIND_LISTING, "offer"},
    {"need", KIND_LISTING, "need"},
    {"instrument", KIND_INSTRUMENT, NULL},
};

static const struct noun *noun_of(const struct args *args)
{
    size_t i = 0;
    while (i + 1 < sizeof nouns / sizeof nouns[0] &&
           strcmp(nouns[i].noun, args->command->noun) != 0) {
        i++;
    }
    return &nouns[i];
}

static const struct kind *kind_of(const struct args *args)
{
    return schema_kind(noun_of(args)->kind);
}

/* "tris.offer.add.1" */
static const char *schema_of(const struct args *args, char out[SCHEMA_BYTES])
{
    (void)snprintf(out, SCHEMA_BYTES, "tris.%s.%s.1", args->command->noun, args->command->verb);
    return out;
}

static const char *title_of(const struct kind *kind, const json_t *fields)
{
    const struct field *title = schema_title(kind);
    return title != NULL ? get_text(fields, title->name) : "";
}

/* A record with a district is mostly in the house's own one. */
static bool set_own_region(struct cli *cli, const struct kind *kind, json_t *fields, int *code)
{
    if (schema_field_by_name(kind, span_str("region")) == NULL ||
        json_object_get(fields, "region") != NULL) {
        return true;
    }
    json_t *status = cli_call(cli, "status", json_object(), code);
    if (status == NULL) {
        return false;
    }
    const char *region = get_text(json_object_get(status, "house"), "region");
    if (strcmp(region, "DE") != 0) {
        (void)json_object_set_new(fields, "region", json_string(region));
    }
    json_decref(status);
    return true;
}

static int partner_add(struct cli *cli, const struct args *args)
{
    json_t *fields = fields_of_args(args);
    const struct noun *noun = noun_of(args);
    const struct kind *kind = kind_of(args);
    const struct field *title = schema_title(kind);
    if (args->pos_count > 0 && title != NULL && json_object_get(fields, title->name) == NULL) {
        (void)json_object_set_new(fields, title->name, json_string(args->pos[0]));
    }
    if (noun->type != NULL) {
        (void)json_object_set_new(fields, "type", json_string(noun->type));
    }
    int code = EXIT_OK;
    bool listed = args_flag(args, "listed") || kind->scope_default == SCOPE_NATIONAL;
    char schema[SCHEMA_BYTES];
    struct fault fault;
    if (!set_own_region(cli, kind, fields, &code)) {
        json_decref(fields);
        return code;
    }
    if (!fields_complete(cli, kind, listed ? SCOPE_NATIONAL : SCOPE_LOCAL, fields, &fault)) {
        json_decref(fields);
        if (strcmp(fault.next, "tris help partner add") == 0) {
            (void)snprintf(fault.next, sizeof fault.next, "tris help %s add", noun->noun);
        }
        return cli_fail(cli, &fault);
    }
    json_t *params = json_pack("{s:s, s:s, s:o}", "kind", kind->name, "scope",
                               listed ? "national" : "local", "fields", fields);
    if (args_flag(args, "force")) {
        (void)json_object_set_new(params, "force", json_true());
    }
    code = print_change(cli, params, schema_of(args, schema));
    if (code == EXIT_OK && !listed && !cli->json) {
        cli_note(cli, _("It stays in the house. To list it nationally: tris %s publish ID"),
                 noun->noun);
    }
    return code;
}

static int partner_edit(struct cli *cli, const struct args *args)
{
    char schema[SCHEMA_BYTES];
    json_t *fields = fields_of_args(args);
    struct fault fault;
    if (json_object_size(fields) == 0) {
        json_decref(fields);
        char help[SCHEMA_BYTES];
        (void)snprintf(help, sizeof help, "tris help %s edit", args->command->noun);
        return cli_usage(cli, help, _("say what to change, for example --web https://..."));
    }
    if (!fields_check(cli, kind_of(args), fields, &fault)) {
        json_decref(fields);
        return cli_fail(cli, &fault);
    }
    return print_change(cli,
                        json_pack("{s:s, s:s, s:o}", "kind", kind_of(args)->name, "id",
                                  args->pos[0], "fields", fields),
                        schema_of(args, schema));
}

static int partner_show(struct cli *cli, const struct args *args)
{
    char schema[SCHEMA_BYTES];
    int code = EXIT_OK;
    json_t *result = cli_call(cli, "record.show", json_pack("{s:s}", "id", args->pos[0]), &code);
    if (result == NULL) {
        return code;
    }
    if (cli->json) {
        return cli_json(result, schema_of(args, schema));
    }
    show_record(cli, result);
    json_decref(result);
    return EXIT_OK;
}

/* What the daemon asks of each record: the noun's type, and options that name fields with codes.
 * NULL after saying what is wrong. */
static json_t *where_of(struct cli *cli, const struct args *args)
{
    static const struct {
        const char *option, *field;
    } rows[] = {{"topic", "topics"}, {"contribution", "contribution"}, {"status", "status"}};
    const struct noun *noun = noun_of(args);
    json_t *where = json_object();
    if (noun->type != NULL) {
        (void)json_object_set_new(where, "type", json_string(noun->type));
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *value = args_value(args, rows[i].option);
        const struct field *field =
            value != NULL ? schema_field_by_name(kind_of(args), span_str(rows[i].field)) : NULL;
        char why[FIELDS_TEXT_BYTES], next[SCHEMA_BYTES];
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
    json_t *params = json_pack("{s:s}", "kind", kind_of(args)->name);
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
    const struct field *status = schema_field_by_name(kind, span_str("status"));
    grid_row(grid);
    grid_text(grid, get_text(item, "id"));
    grid_text(grid, title_of(kind, fields));
    grid_text(grid, scope_label(get_text(item, "scope")));
    grid_text(grid, get_bool(item, "ended") || status == NULL
                        ? _("ended")
                        : code_label(cli, status->codes->name, get_text(fields, "status")));
}

static int record_list(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    bool usage;
    uint64_t most = 0;
    char schema[SCHEMA_BYTES];
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
        return cli_json(result, schema_of(args, schema));
    }
    const char *titles[] = {_("Record"), _("Title"), _("Scope"), _("Status")};
    const int flags[] = {0, GRID_TRUNCATE, 0, 0};
    struct grid *grid = grid_new(cli, titles, flags, 4);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        print_record_row(cli, grid, kind_of(args), item);
    }
    grid_print(grid, _("No records found."));
    json_decref(result);
    return EXIT_OK;
}

static int partner_list(struct cli *cli, const struct args *args)
{
    char schema[SCHEMA_BYTES];
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
        return result != NULL ? cli_json(result, schema_of(args, schema)) : code;
    }
    const char *titles[] = {_("Record"), _("Name"),  _("Sector"), _("Legal form"),
                            _("Place"),  _("Scope"), _("Status")};
    const int flags[] = {0, GRID_TRUNCATE, 0, GRID_TRUNCATE, GRID_TRUNCATE, 0, 0};
    struct grid *grid = grid_new(cli, titles, flags, 7);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        const json_t *fields = json_object_get(item, "fields");
        const char *city = get_text(fields, "city");
        grid_row(grid);
        grid_text(grid, get_text(item, "id"));
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

/* Prints what would happen with -n, asks unless -y; false with the exit code. */
static bool confirmed(struct cli *cli, const char *id, const char *question, int *code)
{
    json_t *record = cli_call(cli, "record.show", json_pack("{s:s}", "id", id), code);
    if (record == NULL) {
        return false;
    }
    char text[512];
    const struct kind *kind = schema_kind_by_name(span_str(get_text(record, "kind")));
    const json_t *fields = json_object_get(record, "fields");
    char *name = show_text(kind != NULL ? title_of(kind, fields) : "", 60);
    char *shown = show_text(get_text(record, "id"), 0);
    (void)snprintf(text, sizeof text, "%s (%s): %s", shown, name, question);
    free(shown);
    free(name);
    json_decref(record);
    if (cli->dry_run) {
        (void)puts(text);
        cli_note(cli, "%s", _("Dry run, nothing written."));
        *code = EXIT_OK;
        return false;
    }
    if (!cli_ask(cli, text)) {
        cli_note(cli, "%s", _("Nothing written. Without a question: -y"));
        *code = EXIT_DECISION;
        return false;
    }
    return true;
}

static int partner_publish(struct cli *cli, const struct args *args)
{
    char schema[SCHEMA_BYTES];
    int code = EXIT_OK;
    if (!confirmed(cli, args->pos[0],
                   _("every member house will be able to read this record. Publish?"), &code)) {
        return code;
    }
    json_t *result = cli_call(cli, "record.publish", json_pack("{s:s}", "id", args->pos[0]), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, schema_of(args, schema)) : code;
    }
    char *id = show_text(get_text(result, "id"), 0);
    (void)puts(id);
    free(id);
    json_decref(result);
    return EXIT_OK;
}

static int partner_end(struct cli *cli, const struct args *args)
{
    char schema[SCHEMA_BYTES];
    int code = EXIT_OK;
    const char *reason = args_value(args, "reason");
    if (!confirmed(cli, args->pos[0], _("end this record?"), &code)) {
        return code;
    }
    json_t *params = json_pack("{s:s}", "id", args->pos[0]);
    if (reason != NULL) {
        (void)json_object_set_new(params, "reason", json_string(reason));
    }
    json_t *result = cli_call(cli, "record.end", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, schema_of(args, schema)) : code;
    }
    char *id = show_text(get_text(result, "id"), 0);
    (void)printf(_("%s has ended\n"), id);
    free(id);
    json_decref(result);
    return EXIT_OK;
}

static int partner_history(struct cli *cli, const struct args *args)
{
    char schema[SCHEMA_BYTES];
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char buffer[SHOW_BYTES];
    json_t *result =
        cli_pages(cli, "record.history", json_pack("{s:s}", "id", args->pos[0]), 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, schema_of(args, schema)) : code;
    }
    const char *titles[] = {_("Entry"), _("Time"), _("What"), _("Effect"), _("Change")};
    const int flags[] = {GRID_RIGHT, 0, 0, 0, GRID_TRUNCATE};
    struct grid *grid = grid_new(cli, titles, flags, 5);
    const json_t *items = json_object_get(result, "items");
    json_array_foreach(items, index, item)
    {
        const json_t *before = json_object_get(json_array_get(items, index + 1), "fields");
        const bool is_put = strcmp(get_text(item, "verb"), "put") == 0;
        char *change =
            is_put ? describe_change(cli, kind_of(args), json_object_get(item, "fields"), before)
                   : strdup("");
        grid_row(grid);
        grid_count(grid, get_int(item, "seq"));
        grid_text(grid, show_time((uint64_t)get_int(item, "time_ms"), buffer));
        grid_text(grid, verb_label(get_text(item, "verb")));
        grid_text(grid, get_text(item, "effect"));
        grid_text(grid, change != NULL ? change : "");
        free(change);
    }
    grid_print(grid, _("No entries."));
    json_decref(result);
    return EXIT_OK;
}

static const struct cli_option add_options[] = {
    {"listed", NULL, N_("national: every member house may read it; without it the record is local"),
     0},
    {"force", NULL, N_("also if a partner of this name and district is there"), 0},
    {NULL, NULL, NULL, 0},
};
static const struct cli_option list_options[] = {
    {"scope", "SCOPE", N_("only local or national ones"), 0},
    {"house", "HOUSE", N_("only those of this house"), 0},
    {"region", "AGS", N_("only this state (2 digits) or district (5)"), 0},
    {"match", "TEXT", N_("only those with these words"), 0},
    {"ended", NULL, N_("ended ones too"), 0},
    {"limit", "N", N_("at most so many"), 0},
    {NULL, NULL, NULL, 0},
};
static const struct cli_option listing_options[] = {
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
static const struct cli_option end_options[] = {
    {"reason", "CODE", N_("why, for example duplicate or party_dissolved"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_partner_rows[] = {
    {"partner", "add", "[NAME]", N_("enter a partner"), add_options, 0, 1, KIND_PARTNER,
     partner_add},
    {"partner", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1,
     KIND_PARTNER, partner_edit},
    {"partner", "show", "ID", N_("all fields of a partner"), NULL, 1, 1, 0, partner_show},
    {"partner", "list", "[TEXT]", N_("the partners that this node holds"), list_options, 0, 1, 0,
     partner_list},
    {"partner", "publish", "ID", N_("make a local partner national"), NULL, 1, 1, 0,
     partner_publish},
    {"partner", "end", "ID", N_("end a partner's record"), end_options, 1, 1, 0, partner_end},
    {"partner", "history", "ID", N_("every change of a partner"), NULL, 1, 1, 0, partner_history},
    {"offer", "add", "[TITLE]", N_("enter an offer"), add_options, 0, 1, KIND_LISTING, partner_add},
    {"offer", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1,
     KIND_LISTING, partner_edit},
    {"offer", "show", "ID", N_("all fields of an offer"), NULL, 1, 1, 0, partner_show},
    {"offer", "list", "[TEXT]", N_("the offers that this node holds"), listing_options, 0, 1, 0,
     record_list},
    {"offer", "match", "[ID]", N_("which needs of all houses an offer meets, or all own offers do"),
     match_options, 0, 1, 0, listing_match},
    {"offer", "publish", "ID", N_("make a local offer national"), NULL, 1, 1, 0, partner_publish},
    {"offer", "end", "ID", N_("end an offer's record"), end_options, 1, 1, 0, partner_end},
    {"offer", "history", "ID", N_("every change of an offer"), NULL, 1, 1, 0, partner_history},
    {"need", "add", "[TITLE]", N_("enter a need"), add_options, 0, 1, KIND_LISTING, partner_add},
    {"need", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1, KIND_LISTING,
     partner_edit},
    {"need", "show", "ID", N_("all fields of a need"), NULL, 1, 1, 0, partner_show},
    {"need", "list", "[TEXT]", N_("the needs that this node holds"), listing_options, 0, 1, 0,
     record_list},
    {"need", "match", "[ID]", N_("which offers of all houses meet a need, or all own needs"),
     match_options, 0, 1, 0, listing_match},
    {"need", "publish", "ID", N_("make a local need national"), NULL, 1, 1, 0, partner_publish},
    {"need", "end", "ID", N_("end a need's record"), end_options, 1, 1, 0, partner_end},
    {"need", "history", "ID", N_("every change of a need"), NULL, 1, 1, 0, partner_history},
    {"match", NULL, NULL, N_("own offers and needs, and what meets them in all houses"),
     match_options, 0, 0, 0, listing_match},
    {"instrument", "add", "[TITLE]", N_("enter an instrument"), add_options, 0, 1, KIND_INSTRUMENT,
     partner_add},
    {"instrument", "show", "ID", N_("all fields of an instrument"), NULL, 1, 1, 0, partner_show},
    {"instrument", "list", "[TEXT]", N_("the instruments that this node holds"), list_options, 0, 1,
     0, record_list},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
