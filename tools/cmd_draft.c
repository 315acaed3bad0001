/* tris draft list, show, apply, drop: own entries that were taken back when an older copy of the
 * data directory got its log back from other houses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/grid.h"
#include "tools/lists.h"

static const char *state_label(const json_t *draft)
{
    const char *state = get_text(draft, "state");
    static const char *const rows[][2] = {
        {"waiting", N_("waits for the log")},
        {"written", N_("written again")},
        {"decision", N_("your decision")},
        {"dropped", N_("dropped")},
    };
    if (get_bool(draft, "ended")) {
        return _("its log has ended");
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], state) == 0) {
            return _(rows[i][1]);
        }
    }
    return state;
}

/* What it was: a record, or a statement about a house. */
static const char *was_text(const json_t *draft, char out[SHOW_BYTES])
{
    if (get_text(draft, "about")[0] == '\0') {
        return get_text(draft, "was");
    }
    (void)snprintf(out, SHOW_BYTES, "%s %.40s", get_text(draft, "verb"), get_text(draft, "about"));
    return out;
}

static int draft_list(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char text[SHOW_BYTES];
    json_t *params = json_object();
    if (args_value(args, "state") != NULL) {
        (void)json_object_set_new(params, "state", json_string(args_value(args, "state")));
    }
    json_t *result = cli_pages(cli, "draft.list", params, 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.draft.list.1") : code;
    }
    const char *titles[] = {_("Draft"), _("Was"),   _("Is now"), _("Kind"),
                            _("Time"),  _("State"), _("Reason")};
    const int flags[] = {GRID_RIGHT, 0, 0, 0, 0, 0, GRID_TRUNCATE};
    struct grid *grid = grid_new(cli, titles, flags, sizeof titles / sizeof titles[0]);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        const char *now = get_text(item, "id");
        grid_row(grid);
        grid_count(grid, get_int(item, "draft"));
        grid_text(grid, was_text(item, text));
        grid_text(grid, now[0] != '\0' ? now : "-");
        grid_text(grid, get_text(item, "kind"));
        grid_text(grid, show_time((uint64_t)get_int(item, "time_ms"), text));
        grid_text(grid, state_label(item));
        grid_text(grid, sentence(get_text(item, "text")));
    }
    grid_print(grid, _("No drafts: nothing of this house was ever taken back."));
    json_decref(result);
    return EXIT_OK;
}

/* The draft that an operand names; false after printing the usage. */
static bool draft_params(struct cli *cli, const struct args *args, json_t **params, int *code)
{
    char *end = NULL;
    unsigned long long no = strtoull(args->pos[0], &end, 10);
    if (args->pos[0][0] < '0' || args->pos[0][0] > '9' || *end != '\0' || no > INT64_MAX) {
        *code =
            cli_usage(cli, "tris draft list", _("a draft has a number, not \"%s\""), args->pos[0]);
        return false;
    }
    *params = json_pack("{s:I}", "draft", (json_int_t)no);
    return true;
}

static int draft_show(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    json_t *params = NULL;
    const char *key;
    json_t *value;
    char text[SHOW_BYTES];
    if (!draft_params(cli, args, &params, &code)) {
        return code;
    }
    json_t *result = cli_call(cli, "draft.show", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.draft.show.1") : code;
    }
    show_pair(_("Was"), was_text(result, text));
    show_pair(_("Is now"), get_text(result, "id"));
    show_pair(_("Kind"), get_text(result, "kind"));
    show_pair(_("Time"), show_time((uint64_t)get_int(result, "time_ms"), text));
    show_pair(_("State"), state_label(result));
    show_pair(_("Reason"), sentence(get_text(result, "text")));
    json_object_foreach(json_object_get(result, "fields"), key, value)
    {
        show_pair(key, json_string_value(value) != NULL ? json_string_value(value) : "");
    }
    json_decref(result);
    return EXIT_OK;
}

static int decide(struct cli *cli, const struct args *args, const char *method, const char *schema,
                  const char *question)
{
    int code = EXIT_OK;
    json_t *params = NULL;
    if (!draft_params(cli, args, &params, &code)) {
        return code;
    }
    if (cli->dry_run || !cli_ask(cli, question)) {
        cli_note(cli, "%s", _("Nothing written. Without a question: -y"));
        json_decref(params);
        return cli->dry_run ? EXIT_OK : EXIT_DECISION;
    }
    json_t *result = cli_call(cli, method, params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, schema) : code;
    }
    if (get_text(result, "id")[0] != '\0') {
        char *id = show_text(get_text(result, "id"), 0);
        (void)printf("%s\n", id);
        free(id);
    }
    json_decref(result);
    return EXIT_OK;
}

static int draft_apply(struct cli *cli, const struct args *args)
{
    return decide(
        cli, args, "draft.apply", "tris.draft.apply.1",
        _("This writes what the draft says, also over what was changed since. Write it?"));
}

static int draft_drop(struct cli *cli, const struct args *args)
{
    return decide(cli, args, "draft.drop", "tris.draft.drop.1",
                  _("What the draft says will be gone. Drop it?"));
}

static const struct cli_option list_options[] = {
    {"state", "STATE", N_("only these: waiting, written, decision, dropped"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_draft_rows[] = {
    {"draft", "list", NULL, N_("own entries that were taken back, and where they are now"),
     list_options, 0, 0, 0, draft_list},
    {"draft", "show", "DRAFT", N_("what one of them says"), NULL, 1, 1, 0, draft_show},
    {"draft", "apply", "DRAFT", N_("write it, although the record is another one now"), NULL, 1, 1,
     0, draft_apply},
    {"draft", "drop", "DRAFT", N_("give it up"), NULL, 1, 1, 0, draft_drop},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
