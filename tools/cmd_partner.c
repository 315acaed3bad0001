/* tris partner, offer, need, instrument, rollout, evaluation: add, edit, show, publish, end,
 * history. What a noun means is a row of a table (cmd_record_list.c); all else follows from the
 * schema. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fields.h"
#include "tools/grid.h"
#include "tools/lists.h"
#include "tools/records.h"

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
    const struct record_noun *noun = record_noun_of(args);
    const struct kind *kind = record_kind_of(args);
    const struct field *title = schema_title(kind);
    if (args->pos_count > 0 && title != NULL && json_object_get(fields, title->name) == NULL) {
        (void)json_object_set_new(fields, title->name, json_string(args->pos[0]));
    }
    if (noun->type != NULL) {
        (void)json_object_set_new(fields, "type", json_string(noun->type));
    }
    int code = EXIT_OK;
    bool listed = args_flag(args, "listed") || kind->scope_default == SCOPE_NATIONAL;
    char schema[RECORD_SCHEMA_BYTES];
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
    code = print_change(cli, params, record_schema_of(args, schema));
    if (code == EXIT_OK && !listed && !cli->json) {
        cli_note(cli, _("It stays in the house. To list it nationally: tris %s publish ID"),
                 noun->noun);
    }
    return code;
}

static int partner_edit(struct cli *cli, const struct args *args)
{
    char schema[RECORD_SCHEMA_BYTES];
    json_t *fields = fields_of_args(args);
    struct fault fault;
    if (json_object_size(fields) == 0) {
        json_decref(fields);
        char help[RECORD_SCHEMA_BYTES];
        (void)snprintf(help, sizeof help, "tris help %s edit", args->command->noun);
        return cli_usage(cli, help, _("say what to change, for example --web https://..."));
    }
    if (!fields_check(cli, record_kind_of(args), fields, &fault)) {
        json_decref(fields);
        return cli_fail(cli, &fault);
    }
    return print_change(cli,
                        json_pack("{s:s, s:s, s:o}", "kind", record_kind_of(args)->name, "id",
                                  args->pos[0], "fields", fields),
                        record_schema_of(args, schema));
}

static int partner_show(struct cli *cli, const struct args *args)
{
    char schema[RECORD_SCHEMA_BYTES];
    int code = EXIT_OK;
    json_t *result = cli_call(cli, "record.show", json_pack("{s:s}", "id", args->pos[0]), &code);
    if (result == NULL) {
        return code;
    }
    if (cli->json) {
        return cli_json(result, record_schema_of(args, schema));
    }
    show_record(cli, result);
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
    char *called = kind != NULL ? record_called(cli, kind, fields) : strdup("");
    char *name = show_text(called != NULL ? called : "", 60);
    char *shown = show_text(get_text(record, "id"), 0);
    (void)snprintf(text, sizeof text, "%s (%s): %s", shown, name, question);
    free(shown);
    free(name);
    free(called);
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
    char schema[RECORD_SCHEMA_BYTES];
    int code = EXIT_OK;
    if (!confirmed(cli, args->pos[0],
                   _("every member house will be able to read this record. Publish?"), &code)) {
        return code;
    }
    json_t *result = cli_call(cli, "record.publish", json_pack("{s:s}", "id", args->pos[0]), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, record_schema_of(args, schema)) : code;
    }
    char text[SHOWN_ID_BYTES];
    char *id = show_text(shown_id(result, text), 0);
    (void)puts(id);
    free(id);
    json_decref(result);
    return EXIT_OK;
}

static int partner_end(struct cli *cli, const struct args *args)
{
    char schema[RECORD_SCHEMA_BYTES];
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
        return result != NULL ? cli_json(result, record_schema_of(args, schema)) : code;
    }
    char *id = show_text(get_text(result, "id"), 0);
    (void)printf(_("%s has ended\n"), id);
    free(id);
    json_decref(result);
    return EXIT_OK;
}

static int partner_history(struct cli *cli, const struct args *args)
{
    char schema[RECORD_SCHEMA_BYTES];
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char buffer[SHOW_BYTES];
    json_t *result =
        cli_pages(cli, "record.history", json_pack("{s:s}", "id", args->pos[0]), 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, record_schema_of(args, schema)) : code;
    }
    const char *titles[] = {_("Entry"), _("Time"), _("What"), _("Effect"), _("Change")};
    const int flags[] = {GRID_RIGHT, 0, 0, 0, GRID_TRUNCATE};
    struct grid *grid = grid_new(cli, titles, flags, 5);
    const json_t *items = json_object_get(result, "items");
    json_array_foreach(items, index, item)
    {
        const json_t *before = json_object_get(json_array_get(items, index + 1), "fields");
        const bool is_put = strcmp(get_text(item, "verb"), "put") == 0;
        char *change = is_put ? describe_change(cli, record_kind_of(args),
                                                json_object_get(item, "fields"), before)
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
    {"partner", "list", "[TEXT]", N_("the partners that this node holds"), record_list_options, 0,
     1, 0, partner_list_run},
    {"partner", "publish", "ID", N_("make a local partner national"), NULL, 1, 1, 0,
     partner_publish},
    {"partner", "end", "ID", N_("end a partner's record"), end_options, 1, 1, 0, partner_end},
    {"partner", "history", "ID", N_("every change of a partner"), NULL, 1, 1, 0, partner_history},
    {"offer", "add", "[TITLE]", N_("enter an offer"), add_options, 0, 1, KIND_LISTING, partner_add},
    {"offer", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1,
     KIND_LISTING, partner_edit},
    {"offer", "show", "ID", N_("all fields of an offer"), NULL, 1, 1, 0, partner_show},
    {"offer", "list", "[TEXT]", N_("the offers that this node holds"), record_listing_options, 0, 1,
     0, record_list_run},
    {"offer", "match", "[ID]", N_("which needs of all houses an offer meets, or all own offers do"),
     match_options, 0, 1, 0, listing_match},
    {"offer", "publish", "ID", N_("make a local offer national"), NULL, 1, 1, 0, partner_publish},
    {"offer", "end", "ID", N_("end an offer's record"), end_options, 1, 1, 0, partner_end},
    {"offer", "history", "ID", N_("every change of an offer"), NULL, 1, 1, 0, partner_history},
    {"need", "add", "[TITLE]", N_("enter a need"), add_options, 0, 1, KIND_LISTING, partner_add},
    {"need", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1, KIND_LISTING,
     partner_edit},
    {"need", "show", "ID", N_("all fields of a need"), NULL, 1, 1, 0, partner_show},
    {"need", "list", "[TEXT]", N_("the needs that this node holds"), record_listing_options, 0, 1,
     0, record_list_run},
    {"need", "match", "[ID]", N_("which offers of all houses meet a need, or all own needs"),
     match_options, 0, 1, 0, listing_match},
    {"need", "publish", "ID", N_("make a local need national"), NULL, 1, 1, 0, partner_publish},
    {"need", "end", "ID", N_("end a need's record"), end_options, 1, 1, 0, partner_end},
    {"need", "history", "ID", N_("every change of a need"), NULL, 1, 1, 0, partner_history},
    {"match", NULL, NULL, N_("own offers and needs, and what meets them in all houses"),
     match_options, 0, 0, 0, listing_match},
    {"instrument", "add", "[TITLE]", N_("enter an instrument"), add_options, 0, 1, KIND_INSTRUMENT,
     partner_add},
    {"instrument", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1,
     KIND_INSTRUMENT, partner_edit},
    {"instrument", "show", "ID", N_("all fields of an instrument"), NULL, 1, 1, 0, partner_show},
    {"instrument", "list", "[TEXT]", N_("the instruments that this node holds"),
     record_list_options, 0, 1, 0, record_list_run},
    {"instrument", "release", "ID", N_("release an instrument, as the coordination"),
     release_options, 1, 1, 0, instrument_release},
    {"instrument", "end", "ID", N_("end an instrument's record"), end_options, 1, 1, 0,
     partner_end},
    {"instrument", "history", "ID", N_("every change of an instrument"), NULL, 1, 1, 0,
     partner_history},
    {"rollout", "add", NULL, N_("enter that a region is in a step"), add_options, 0, 0,
     KIND_ROLLOUT, partner_add},
    {"rollout", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1,
     KIND_ROLLOUT, partner_edit},
    {"rollout", "show", "ID", N_("all fields of a rollout"), NULL, 1, 1, 0, partner_show},
    {"rollout", "list", "[TEXT]", N_("the rollouts that this node holds"), record_list_options, 0,
     1, 0, record_list_run},
    {"rollout", "confirm", "ID", N_("confirm a rollout, as the coordination"), confirm_options, 1,
     1, 0, rollout_confirm},
    {"rollout", "end", "ID", N_("end a rollout's record"), end_options, 1, 1, 0, partner_end},
    {"rollout", "history", "ID", N_("every change of a rollout"), NULL, 1, 1, 0, partner_history},
    {"evaluation", "add", NULL, N_("enter an evaluation"), add_options, 0, 0, KIND_EVALUATION,
     partner_add},
    {"evaluation", "edit", "ID", N_("change fields; an empty text removes one"), NULL, 1, 1,
     KIND_EVALUATION, partner_edit},
    {"evaluation", "show", "ID", N_("all fields of an evaluation"), NULL, 1, 1, 0, partner_show},
    {"evaluation", "list", "[TEXT]", N_("the evaluations that this node holds"),
     record_list_options, 0, 1, 0, record_list_run},
    {"evaluation", "end", "ID", N_("end an evaluation's record"), end_options, 1, 1, 0,
     partner_end},
    {"evaluation", "history", "ID", N_("every change of an evaluation"), NULL, 1, 1, 0,
     partner_history},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
