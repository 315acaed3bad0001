/* Listing imports and taking one back: counts first, then the question; see import_undo.h. */
#include "tools/import_undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/grid.h"
#include "tools/lists.h"
#include "tools/progress.h"

enum { KEPT_SHOWN_MAX = 20, KEPT_JSON_MAX = 10000 };

int import_show_list(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char text[SHOW_BYTES];
    (void)args;
    json_t *result = cli_pages(cli, "import.list", json_object(), 0, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.import.list.1") : code;
    }
    const json_t *items = json_object_get(result, "items");
    const char *titles[] = {_("Import"), _("Time"), _("File"),    _("Source"),
                            _("Kind"),   _("New"),  _("Changed"), _("Taken back")};
    const int flags[] = {GRID_RIGHT, 0, GRID_TRUNCATE, GRID_TRUNCATE, 0, GRID_RIGHT, GRID_RIGHT, 0};
    struct grid *grid = grid_new(cli, titles, flags, sizeof titles / sizeof titles[0]);
    for (size_t i = json_array_size(items); i-- > 0;) {
        const json_t *item = json_array_get(items, i);
        uint64_t undone = (uint64_t)get_int(item, "undone_ms");
        grid_row(grid);
        grid_count(grid, get_int(item, "import"));
        grid_text(grid, show_time((uint64_t)get_int(item, "time_ms"), text));
        grid_text(grid, get_text(item, "file"));
        grid_text(grid, get_text(item, "source"));
        grid_text(grid, get_text(item, "kind"));
        grid_count(grid, get_int(item, "new"));
        grid_count(grid, get_int(item, "changed"));
        grid_text(grid, undone != 0 ? show_time(undone, text) : "-");
    }
    grid_print(grid, _("No import yet."));
    json_decref(result);
    return EXIT_OK;
}

/* What one walk over the import's records came to. */
struct undo_sum {
    int64_t ended, restored, already, kept;
    json_t *items; /* the first kept ones: [id, reason] */
};

static void add_page(struct undo_sum *sum, const json_t *page)
{
    size_t index;
    json_t *item;
    sum->ended += get_int(page, "ended");
    sum->restored += get_int(page, "restored");
    sum->already += get_int(page, "already");
    json_array_foreach(json_object_get(page, "kept"), index, item)
    {
        sum->kept++;
        if (json_array_size(sum->items) < KEPT_JSON_MAX) {
            (void)json_array_append(sum->items, item);
        }
    }
}

/* All pages. False after printing the error. */
static bool walk(struct cli *cli, uint64_t id, bool dry_run, int64_t total, struct undo_sum *sum,
                 int *code)
{
    struct progress progress;
    json_t *after = NULL;
    bool good = true;
    *sum = (struct undo_sum){.items = json_array()};
    progress_start(&progress, cli, (uint64_t)total);
    do {
        json_t *params = json_pack("{s:I, s:b}", "import", (json_int_t)id, "dry_run", (int)dry_run);
        if (after != NULL) {
            (void)json_object_set_new(params, "after", after);
        }
        json_t *page = cli_call(cli, "import.undo", params, code);
        good = page != NULL;
        if (good) {
            add_page(sum, page);
            int64_t done = sum->ended + sum->restored + sum->already + sum->kept;
            progress_show(&progress, (uint64_t)done, (uint64_t)done);
        }
        after = json_incref(json_object_get(page, "after"));
        json_decref(page);
    } while (good && after != NULL);
    json_decref(after);
    progress_end(&progress);
    if (!good) {
        json_decref(sum->items);
        sum->items = NULL;
    }
    return good;
}

static void print_sum(const struct undo_sum *sum, uint64_t id)
{
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES], d[SHOW_BYTES];
    (void)printf(_("Import %llu: ended %s   put back %s   gone already %s   kept %s\n"),
                 (unsigned long long)id, show_count(sum->ended, a), show_count(sum->restored, b),
                 show_count(sum->already, c), show_count(sum->kept, d));
    for (size_t i = 0; i < json_array_size(sum->items) && i < KEPT_SHOWN_MAX; i++) {
        const json_t *item = json_array_get(sum->items, i);
        const char *why = json_string_value(json_array_get(item, 1));
        (void)printf("  %s: %s\n", json_string_value(json_array_get(item, 0)),
                     sentence(why != NULL ? why : ""));
    }
    if (sum->kept > KEPT_SHOWN_MAX) {
        (void)printf(_("  and %s more; all of them with --json\n"),
                     show_count(sum->kept - KEPT_SHOWN_MAX, a));
    }
}

static int finish(struct cli *cli, struct undo_sum *sum, uint64_t id, bool written, int code)
{
    if (cli->json) {
        return cli_json(json_pack("{s:I, s:b, s:I, s:I, s:I, s:I, s:o}", "import", (json_int_t)id,
                                  "written", (int)written, "ended", (json_int_t)sum->ended,
                                  "restored", (json_int_t)sum->restored, "already",
                                  (json_int_t)sum->already, "kept", (json_int_t)sum->kept, "items",
                                  sum->items),
                        "tris.import.undo.1") == EXIT_OK
                   ? code
                   : EXIT_FAILED;
    }
    print_sum(sum, id);
    json_decref(sum->items);
    if (!written) {
        cli_note(cli, _("Dry run, nothing written.      Next: tris import undo -y %llu"),
                 (unsigned long long)id);
    }
    return code;
}

/* How much the import wrote, for the progress; -1 after printing the error. */
static int64_t find_total(struct cli *cli, uint64_t id, int *code)
{
    size_t index;
    json_t *item;
    int64_t total = 0;
    json_t *list = cli_pages(cli, "import.list", json_object(), 0, code);
    if (list == NULL) {
        return -1;
    }
    json_array_foreach(json_object_get(list, "items"), index, item)
    {
        if ((uint64_t)get_int(item, "import") == id) {
            total = get_int(item, "new") + get_int(item, "changed");
        }
    }
    json_decref(list);
    return total;
}

int import_undo(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char *end = NULL;
    struct undo_sum sum;
    errno = 0;
    uint64_t id = strtoull(args->pos[0], &end, 10);
    if (errno != 0 || *end != '\0' || args->pos[0][0] < '0' || args->pos[0][0] > '9' ||
        id > UINT32_MAX) {
        return cli_usage(cli, "tris import list", _("\"%s\" is no number of an import"),
                         args->pos[0]);
    }
    int64_t total = find_total(cli, id, &code);
    if (total < 0) {
        return code;
    }
    if (cli->dry_run || !cli->yes) {
        if (!walk(cli, id, true, total, &sum, &code)) {
            return code;
        }
        if (cli->dry_run) {
            return finish(cli, &sum, id, false, EXIT_OK);
        }
        if (cli->tty_in && cli->tty_err && !cli->json) {
            print_sum(&sum, id);
        }
        if (!cli_ask(cli, _("Take this import back?"))) {
            return finish(cli, &sum, id, false, EXIT_DECISION);
        }
        json_decref(sum.items);
    }
    if (!walk(cli, id, false, total, &sum, &code)) {
        return code;
    }
    return finish(cli, &sum, id, true, sum.kept > 0 ? EXIT_PARTLY : EXIT_OK);
}
