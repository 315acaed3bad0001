/* tris find: words in all records that this node holds, of every kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/grid.h"
#include "tools/lists.h"

enum { FIND_TEXT_BYTES = 256, FIND_PRESET = 50, FIND_MAX = 1000000, FIND_PAGE = 200 };

/* What a record is called: its first field that says so, else its first text. */
static const char *record_title(const json_t *record)
{
    static const char *const names[] = {"name", "title", "subject"};
    const struct kind *kind = schema_kind_by_name(span_str(get_text(record, "kind")));
    const json_t *fields = json_object_get(record, "fields");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = get_text(fields, names[i]);
        if (text[0] != '\0') {
            return text;
        }
    }
    for (size_t i = 0; kind != NULL && i < kind->field_count; i++) {
        const char *text = get_text(fields, kind->fields[i].name);
        if (text[0] != '\0' && kind->fields[i].type == FIELD_TEXT) {
            return text;
        }
    }
    return "";
}

/* All words of the command line as one text; false if it is too long. */
static bool join_words(const struct args *args, char out[FIND_TEXT_BYTES + 1])
{
    size_t len = 0;
    for (int i = 0; i < args->pos_count; i++) {
        int n =
            snprintf(out + len, FIND_TEXT_BYTES + 1 - len, "%s%s", i > 0 ? " " : "", args->pos[i]);
        if (n < 0 || (size_t)n > FIND_TEXT_BYTES - len) {
            return false;
        }
        len += (size_t)n;
    }
    return true;
}

/* Pages until `most` records or the end; "after" stays in the result if there is more. */
static json_t *find_pages(struct cli *cli, json_t *params, uint64_t most, int *code)
{
    json_t *all = json_array();
    json_t *page = NULL;
    for (;;) {
        uint64_t left = most - json_array_size(all);
        json_t *call = json_deep_copy(params);
        (void)json_object_set_new(call, "limit",
                                  json_integer((json_int_t)(left < FIND_PAGE ? left : FIND_PAGE)));
        page = cli_call(cli, "record.list", call, code);
        if (page == NULL) {
            break;
        }
        (void)json_array_extend(all, json_object_get(page, "items"));
        json_t *after = json_object_get(page, "after");
        if (after == NULL || json_array_size(all) >= most) {
            (void)json_object_set(page, "items", all);
            break;
        }
        (void)json_object_set(params, "after", after);
        json_decref(page);
    }
    json_decref(all);
    json_decref(params);
    return page;
}

static void print_found(const struct cli *cli, const json_t *result)
{
    size_t index;
    json_t *item;
    const char *titles[] = {_("Record"), _("Kind"), _("Name"), _("Place"), _("Scope")};
    const int flags[] = {0, GRID_TRUNCATE, GRID_TRUNCATE, GRID_TRUNCATE, 0};
    struct grid *grid = grid_new(cli, titles, flags, 5);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        const json_t *fields = json_object_get(item, "fields");
        const char *city = get_text(fields, "city");
        char id[SHOWN_ID_BYTES];
        grid_row(grid);
        grid_text(grid, shown_id(item, id));
        grid_text(grid, kind_label(cli, get_text(item, "kind")));
        grid_text(grid, record_title(item));
        grid_text(grid, city[0] != '\0' ? city : get_text(fields, "region"));
        grid_text(grid, scope_label(get_text(item, "scope")));
    }
    grid_print(grid, _("Nothing found."));
    if (get_text(result, "after")[0] != '\0') {
        cli_note(cli, _("There may be more: the same with --after %s, or --limit N"),
                 get_text(result, "after"));
    }
    if (get_int(result, "word_behind") > 0) {
        cli_note(cli, _("The search index is behind by %lld entries; repeat shortly."),
                 (long long)get_int(result, "word_behind"));
    }
}

static int find_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    uint64_t most = FIND_PRESET;
    char text[FIND_TEXT_BYTES + 1];
    static const char *const options[] = {"kind", "scope", "house", "region", "after"};
    if (!join_words(args, text)) {
        return cli_usage(cli, "tris help find", _("at most %d bytes of text"), FIND_TEXT_BYTES);
    }
    if (text[strspn(text, " ")] == '\0') {
        return cli_usage(cli, "tris help find", _("what shall be found?"));
    }
    if (!args_number(cli, args, "limit", FIND_MAX, &most)) {
        return EXIT_USAGE;
    }
    json_t *params = json_pack("{s:s}", "match", text);
    if (params == NULL) {
        return cli_usage(cli, "tris help find", _("the text is no valid UTF-8"));
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const char *value = args_value(args, options[i]);
        if (value != NULL) {
            (void)json_object_set_new(params, options[i], json_string(value));
        }
    }
    json_t *result = find_pages(cli, params, most > 0 ? most : FIND_MAX, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.find.1") : code;
    }
    print_found(cli, result);
    json_decref(result);
    return EXIT_OK;
}

static const struct cli_option find_options[] = {
    {"kind", "KIND", N_("only this kind of record"), 0},
    {"scope", "SCOPE", N_("only local or national ones"), 0},
    {"house", "HOUSE", N_("only those of this house"), 0},
    {"region", "AGS", N_("only this state (2 digits) or district (5)"), 0},
    {"limit", "N", N_("at most so many"), 0},
    {"after", "CURSOR", N_("go on where the former page ended"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_find_rows[] = {
    {"find", NULL, "TEXT...",
     N_("words, or how they begin, in all records that this node holds; umlauts either way"),
     find_options, 1, 32, 0, find_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
