/* Paging, printing and changing of records for the subcommands; see lists.h. */
#include "tools/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/district.h"
#include "proto/text.h"

enum { LABEL_CELLS = 26 };

json_t *cli_pages(struct cli *cli, const char *method, json_t *params, size_t most, int *exit_code)
{
    json_t *all = NULL;
    for (;;) {
        json_t *page = cli_call(cli, method, json_deep_copy(params), exit_code);
        if (page == NULL) {
            json_decref(all);
            all = NULL;
            break;
        }
        json_t *after = json_incref(json_object_get(page, "after"));
        (void)json_object_del(page, "after");
        if (all == NULL) {
            all = page;
        } else {
            (void)json_array_extend(json_object_get(all, "items"), json_object_get(page, "items"));
            json_decref(page);
        }
        json_t *items = json_object_get(all, "items");
        while (most > 0 && json_array_size(items) > most) {
            (void)json_array_remove(items, json_array_size(items) - 1);
        }
        if (after == NULL || (most > 0 && json_array_size(items) == most)) {
            json_decref(after);
            break;
        }
        (void)json_object_set_new(params, "after", after);
    }
    json_decref(params);
    return all;
}

void show_pair(const char *label, const char *text)
{
    char *safe = show_text(text, 0);
    size_t width = text_width(span_str(label));
    (void)fputs(label, stdout);
    for (; width < LABEL_CELLS; width++) {
        (void)fputc(' ', stdout);
    }
    (void)printf("  %s\n", safe);
    free(safe);
}

const char *code_label(const struct cli *cli, const char *list_name, const char *code)
{
    const struct code_list *list = schema_code_list(span_str(list_name));
    const struct code *row = list != NULL ? schema_code_by_name(list, span_str(code)) : NULL;
    if (row == NULL) {
        return code;
    }
    return cli->lang == LANG_DE ? row->label_de : row->label_en;
}

const char *role_label(const char *role)
{
    static const char *const rows[][2] = {
        {"house", N_("house")},
        {"observer", N_("observer")},
        {"coordination", N_("coordination")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], role) == 0) {
            return _(rows[i][1]);
        }
    }
    return role;
}

const char *scope_label(const char *scope)
{
    static const char *const rows[][2] = {
        {"local", N_("in the house")},
        {"parties", N_("parties")},
        {"national", N_("national")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], scope) == 0) {
            return _(rows[i][1]);
        }
    }
    return scope;
}

const char *sector_word(const struct cli *cli, const char *code)
{
    static const char *const rows[][3] = {
        {"W", "business", "Wirtschaft"}, {"S", "state", "Staat"}, {"Z", "civic", "Zivilges."}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], code) == 0) {
            return rows[i][cli->lang == LANG_DE ? 2 : 1];
        }
    }
    return code;
}

const char *verb_label(const char *verb)
{
    static const char *const rows[][2] = {
        {"put", N_("written")},     {"end", N_("ended")},      {"erase", N_("erased")},
        {"card", N_("house card")}, {"endorse", N_("admits")}, {"revoke", N_("revokes")},
        {"sign", N_("signs")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], verb) == 0) {
            return _(rows[i][1]);
        }
    }
    return verb;
}

const char *kind_label(const struct cli *cli, const char *name)
{
    const struct kind *kind = name[0] != '\0' ? schema_kind_by_name(span_str(name)) : NULL;
    return kind == NULL ? name : cli->lang == LANG_DE ? kind->label_de : kind->label_en;
}

const char *region_name(const char *key)
{
    const struct district *district = district_find(span_str(key));
    return district != NULL ? district->name : strcmp(key, "DE") == 0 ? _("Germany") : key;
}

/* One item of a value as people read it: "05315 Köln, Stadt", "e.V.", "yes". */
static void put_item(FILE *out, const struct cli *cli, const struct field *field, const char *item)
{
    if (field->type == FIELD_BOOL) {
        (void)fputs(strcmp(item, "yes") == 0 ? _("yes") : _("no"), out);
    } else if (field->type == FIELD_REGION || field->type == FIELD_REGIONS) {
        const char *name = region_name(item);
        (void)fprintf(out, "%s%s%s", item, name != item ? " " : "", name != item ? name : "");
    } else {
        (void)fputs(field->codes != NULL ? code_label(cli, field->codes->name, item) : item, out);
    }
}

char *field_shown(const struct cli *cli, const struct field *field, const char *text)
{
    char *shown = NULL, item[64];
    size_t size = 0;
    const bool parts = field->codes != NULL || field->type == FIELD_REGIONS;
    if (!parts && field->type != FIELD_BOOL && field->type != FIELD_REGION) {
        shown = strdup(text);
    } else {
        FILE *out = open_memstream(&shown, &size);
        for (const char *at = text; out != NULL && *at != '\0';) {
            size_t len = strcspn(at, "|");
            (void)snprintf(item, sizeof item, "%.*s", (int)(len < 63 ? len : 63), at);
            put_item(out, cli, field, item);
            at += len;
            if (*at == '|') {
                (void)fputs(field->type == FIELD_REGIONS ? "; " : ", ", out);
                at++;
            }
        }
        if (out != NULL) {
            (void)fclose(out);
        }
    }
    if (shown == NULL) {
        abort();
    }
    return shown;
}

static void show_field(const struct cli *cli, const struct field *field, const char *text)
{
    char *shown = field_shown(cli, field, text);
    show_pair(cli->lang == LANG_DE ? field->label_de : field->label_en, shown);
    free(shown);
}

const char *shown_id(const json_t *item, char out[SHOWN_ID_BYTES])
{
    bool open = json_is_false(json_object_get(item, "confirmed"));
    (void)snprintf(out, SHOWN_ID_BYTES, "%.120s%s", get_text(item, "id"), open ? "?" : "");
    return out;
}

void show_record(const struct cli *cli, const json_t *record)
{
    const char *kind_name = get_text(record, "kind");
    const struct kind *kind = schema_kind_by_name(span_str(kind_name));
    const json_t *fields = json_object_get(record, "fields");
    char buffer[SHOW_BYTES];
    char id[SHOWN_ID_BYTES];
    show_pair(_("Record"), shown_id(record, id));
    show_pair(_("Scope"), scope_label(get_text(record, "scope")));
    if (get_bool(record, "ended")) {
        const char *reason = get_text(record, "end_reason");
        show_pair(_("Ended"), reason[0] != '\0' ? code_label(cli, "end_reason", reason) : _("yes"));
    }
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        const char *text = get_text(fields, kind->fields[i].name);
        if (text[0] != '\0') {
            show_field(cli, &kind->fields[i], text);
        }
    }
    char *said = release_said(record);
    if (said[0] != '\0') {
        show_pair(_("Coordination"), said);
    }
    free(said);
    show_pair(_("Created"), show_time((uint64_t)get_int(record, "created_ms"), buffer));
    show_pair(_("Last change"), show_time((uint64_t)get_int(record, "updated_ms"), buffer));
    show_pair(_("Changes"), show_count(get_int(record, "changes"), buffer));
    show_pair(_("Sealed"), get_bool(record, "sealed") ? _("yes") : _("no"));
}

json_t *fields_of_args(const struct args *args)
{
    const struct kind *kind = schema_kind(args->command->fields_of);
    json_t *fields = json_object();
    for (int i = 0; kind != NULL && i < args->opt_count; i++) {
        const struct field *field = NULL;
        for (size_t k = 0; k < kind->field_count; k++) {
            if (strcmp(kind->fields[k].name, args->opt[i].name) == 0) {
                field = &kind->fields[k];
            }
        }
        if (field != NULL) {
            (void)json_object_set_new(fields, field->name, json_string(args->opt[i].value));
        }
    }
    return fields;
}

int print_change(struct cli *cli, json_t *params, const char *schema)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    if (cli_no_dry_run(cli)) {
        json_decref(params);
        return EXIT_USAGE;
    }
    json_t *result = cli_call(cli, "record.set", params, &code);
    if (result == NULL) {
        return code;
    }
    json_array_foreach(json_object_get(result, "warnings"), index, item)
    {
        char *safe =
            show_text(sentence(json_string_value(item) != NULL ? json_string_value(item) : ""), 0);
        cli_note(cli, _("Note: %s"), safe);
        free(safe);
    }
    if (cli->json) {
        return cli_json(result, schema);
    }
    char text[SHOWN_ID_BYTES];
    char *id = show_text(shown_id(result, text), 0);
    if (get_bool(result, "changed")) {
        (void)puts(id);
    } else {
        (void)printf(_("%s (unchanged)\n"), id);
    }
    free(id);
    json_decref(result);
    return EXIT_OK;
}
