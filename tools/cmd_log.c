/* tris log tail, show: the entries of the logs, for diagnosis; forks: logs with two histories;
 * level: how much the daemon says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fork.h"
#include "proto/pack.h"
#include "tools/files.h"
#include "tools/grid.h"
#include "tools/lists.h"
#include "tools/mpjson.h"
#include "tools/offline.h"

enum { TAIL_MAX = 200 };

static int log_tail(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    char buffer[SHOW_BYTES];
    uint64_t count = 20, from = 0;
    if (!args_number(cli, args, "count", TAIL_MAX, &count)) {
        return EXIT_USAGE;
    }
    if (args_value(args, "from") != NULL && !args_number(cli, args, "from", INT64_MAX, &from)) {
        return EXIT_USAGE;
    }
    json_t *params = json_pack("{s:I}", "count", (json_int_t)count);
    if (args_value(args, "from") != NULL) {
        (void)json_object_set_new(params, "from", json_integer((json_int_t)from));
    }
    if (args->pos_count > 0) {
        (void)json_object_set_new(params, "house", json_string(args->pos[0]));
    }
    if (args_value(args, "topic") != NULL) {
        (void)json_object_set_new(params, "topic", json_string(args_value(args, "topic")));
    }
    json_t *result = cli_call(cli, "log.tail", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.log.tail.1") : code;
    }
    const char *titles[] = {_("House"), _("Log"),    _("Entry"),  _("Time"),  _("What"),
                            _("Kind"),  _("Record"), _("Effect"), _("Sealed")};
    const int flags[] = {0, 0, GRID_RIGHT, 0, 0, GRID_TRUNCATE, 0, 0, 0};
    struct grid *grid = grid_new(cli, titles, flags, 9);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        grid_row(grid);
        grid_text(grid, get_text(item, "house"));
        grid_text(grid, get_text(item, "topic"));
        grid_count(grid, get_int(item, "seq"));
        grid_text(grid, show_time((uint64_t)get_int(item, "time_ms"), buffer));
        grid_text(grid, verb_label(get_text(item, "verb")));
        grid_text(grid, kind_label(cli, get_text(item, "kind")));
        grid_text(grid, get_text(item, "record"));
        grid_text(grid, get_text(item, "effect"));
        grid_bool(grid, get_bool(item, "sealed"));
    }
    grid_print(grid, _("No entries."));
    if (json_object_get(result, "after") != NULL) {
        cli_note(cli, _("There is more: the same with --from %lld"),
                 (long long)get_int(result, "after"));
    }
    json_decref(result);
    return EXIT_OK;
}

/* The payload's values as JSON with field numbers as keys, or its hex form if it is no msgpack. */
static void print_payload(const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = malloc(len + 1);
    if (bytes == NULL) {
        abort();
    }
    if (tris_unhex(span_str(hex), bytes, len)) {
        char *text = mpjson_text(span_of(bytes, len));
        show_pair(_("Payload"), text != NULL ? text : hex);
        free(text);
    }
    free(bytes);
}

static const char *entry_label(const char *key)
{
    static const char *const rows[][2] = {
        {"house", N_("House")},   {"topic", N_("Log")},     {"seq", N_("Entry")},
        {"verb", N_("What")},     {"kind", N_("Kind")},     {"time_ms", N_("Time")},
        {"record", N_("Record")}, {"prev", N_("Previous")}, {"whole", N_("Whole")},
        {"sealed", N_("Sealed")}, {"effect", N_("Effect")}, {"bytes", N_("Bytes")},
        {"leaf", N_("Leaf")},     {"salt", N_("Salt")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], key) == 0) {
            return _(rows[i][1]);
        }
    }
    return key;
}

static const char *entry_value(const struct cli *cli, const char *key, const char *text)
{
    return strcmp(key, "verb") == 0   ? verb_label(text)
           : strcmp(key, "kind") == 0 ? kind_label(cli, text)
                                      : text;
}

static int log_show(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    const char *key;
    json_t *value;
    char *end = NULL;
    unsigned long long seq = strtoull(args->pos[1], &end, 10);
    char text[64], buffer[SHOW_BYTES];
    if (args->pos[1][0] < '0' || args->pos[1][0] > '9' || *end != '\0') {
        return cli_usage(cli, "tris help log show", _("\"%s\" is no entry number"), args->pos[1]);
    }
    json_t *params = json_pack("{s:s, s:I}", "house", args->pos[0], "seq", (json_int_t)seq);
    if (args_value(args, "topic") != NULL) {
        (void)json_object_set_new(params, "topic", json_string(args_value(args, "topic")));
    }
    json_t *result = cli_call(cli, "log.show", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.log.show.1") : code;
    }
    json_object_foreach(result, key, value)
    {
        bool bytes = strcmp(key, "payload") == 0 || strcmp(key, "wire") == 0;
        const char *label = entry_label(key);
        if (strcmp(key, "time_ms") == 0) {
            show_pair(label, show_time((uint64_t)json_integer_value(value), buffer));
        } else if (json_is_string(value) && !bytes) {
            show_pair(label, entry_value(cli, key, json_string_value(value)));
        } else if (json_is_integer(value)) {
            (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
            show_pair(label, text);
        } else if (json_is_boolean(value)) {
            show_pair(label, json_is_true(value) ? _("yes") : _("no"));
        }
    }
    char *header = json_dumps(json_object_get(result, "header"), JSON_COMPACT);
    show_pair(_("Header"), header != NULL ? header : "");
    free(header);
    if (json_object_get(result, "payload") != NULL) {
        print_payload(get_text(result, "payload"));
    }
    json_decref(result);
    return EXIT_OK;
}

/* ---- forks ---- */

/* The sizes at which both histories are sealed: "57 / 63". */
static const char *seal_sizes(const json_t *item, char out[SHOW_BYTES])
{
    const json_t *seals = json_object_get(item, "seals");
    (void)snprintf(out, SHOW_BYTES, "%lld / %lld",
                   (long long)get_int(json_array_get(seals, 0), "size"),
                   (long long)get_int(json_array_get(seals, 1), "size"));
    return out;
}

static int forks_list(struct cli *cli)
{
    int code = EXIT_OK;
    char buffer[SHOW_BYTES];
    json_t *all = json_array(), *params = json_object();
    while (params != NULL) {
        json_t *page = cli_call(cli, "log.forks", params, &code);
        params = NULL;
        if (page == NULL) {
            json_decref(all);
            return code;
        }
        (void)json_array_extend(all, json_object_get(page, "items"));
        if (json_object_get(page, "after") != NULL) {
            params = json_pack("{s:I}", "after", (json_int_t)get_int(page, "after"));
        }
        json_decref(page);
    }
    if (cli->json) {
        return cli_json(json_pack("{s:o}", "items", all), "tris.log.forks.1");
    }
    const char *titles[] = {_("House"), _("Log"),       _("Ends at"),
                            _("Held"),  _("Sealed at"), _("Found")};
    const int flags[] = {0, 0, GRID_RIGHT, GRID_RIGHT, GRID_RIGHT, 0};
    struct grid *grid = grid_new(cli, titles, flags, 6);
    size_t index;
    json_t *item;
    json_array_foreach(all, index, item)
    {
        grid_row(grid);
        grid_text(grid, get_text(item, "house"));
        grid_text(grid, get_text(item, "topic"));
        grid_count(grid, get_int(item, "end"));
        grid_count(grid, get_int(item, "held"));
        grid_text(grid, seal_sizes(item, buffer));
        grid_text(grid, show_time((uint64_t)get_int(item, "found_ms"), buffer));
    }
    grid_print(grid, _("No log has two histories."));
    if (json_array_size(all) > 0) {
        cli_note(cli, "%s",
                 _("These houses signed two histories of one log, as happens when two machines "
                   "work with one key, or one with an old copy of its data. The log ends in every "
                   "house where they part; what comes behind counts nowhere."));
    }
    json_decref(all);
    return EXIT_OK;
}

static int proof_save(const struct cli *cli, const json_t *fork, const char *path)
{
    const char *hex = get_text(fork, "proof");
    uint8_t bytes[FORK_PROOF_BYTES_MAX];
    const size_t len = strlen(hex) / 2;
    if (len > sizeof bytes || !tris_unhex(span_str(hex), bytes, len)) {
        return cli_error(cli, TRIS_ERR_BAD_PROOF, _("nothing was written"), "tris doctor",
                         _("the daemon's answer is no fork proof"));
    }
    enum tris_err err = file_write(path, span_of(bytes, len), 0644, FILE_KEEP_OLD);
    if (err != TRIS_OK) {
        return offline_file_error(cli, err, path, _("nothing was written"));
    }
    cli_note(cli, _("written to %s; anybody can check it: tris verify %s"), path, path);
    return EXIT_OK;
}

static int log_forks(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char buffer[SHOW_BYTES], text[SHOW_BYTES];
    const char *path = args_value(args, "output"), *topic = args_value(args, "topic");
    if (args->pos_count == 0) {
        if (path != NULL || topic != NULL) {
            return cli_usage(cli, "tris log forks", _("name the house whose proof is meant"));
        }
        return forks_list(cli);
    }
    if (path != NULL && cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *params = json_pack("{s:s}", "house", args->pos[0]);
    if (topic != NULL) {
        (void)json_object_set_new(params, "topic", json_string(topic));
    }
    json_t *result = cli_call(cli, "log.fork", params, &code);
    if (result == NULL) {
        return code;
    }
    if (path != NULL) {
        code = proof_save(cli, result, path);
    }
    if (code != EXIT_OK || cli->json) {
        if (code == EXIT_OK) {
            return cli_json(result, "tris.log.fork.1");
        }
        json_decref(result);
        return code;
    }
    show_pair(_("House"), get_text(result, "house"));
    show_pair(_("Log"), get_text(result, "topic"));
    (void)snprintf(text, sizeof text, "%lld", (long long)get_int(result, "end"));
    show_pair(_("Ends at"), text);
    show_pair(_("Sealed at"), seal_sizes(result, text));
    show_pair(_("Found"), show_time((uint64_t)get_int(result, "found_ms"), buffer));
    json_decref(result);
    return EXIT_OK;
}

/* ---- level ---- */

static int log_level(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    json_t *params = json_object();
    if (args->pos_count > 0) {
        if (cli_no_dry_run(cli)) {
            json_decref(params);
            return EXIT_USAGE;
        }
        (void)json_object_set_new(params, "level", json_string(args->pos[0]));
    }
    json_t *result = cli_call(cli, "log.level", params, &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.log.level.1") : code;
    }
    (void)printf("%s\n", get_text(result, "level"));
    json_decref(result);
    return EXIT_OK;
}

static const struct cli_option tail_options[] = {
    {"count", "N", N_("so many entries"), 'c'},
    {"from", "SEQ", N_("from this entry of the house's log on, instead of the newest"), 0},
    {"topic", "TOPIC", N_("gov, data or local"), 0},
    {NULL, NULL, NULL, 0},
};
static const struct cli_option show_options[] = {
    {"topic", "TOPIC", N_("gov, data or local"), 0},
    {NULL, NULL, NULL, 0},
};

static const struct cli_option forks_options[] = {
    {"topic", "TOPIC", N_("gov or data"), 0},
    {"output", N_("FILE"), N_("write the proof to a file, for tris verify"), 'o'},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_log_rows[] = {
    {"log", "tail", "[HOUSE]", N_("the newest entries, of all houses or one"), tail_options, 0, 1,
     0, log_tail},
    {"log", "show", "HOUSE SEQ", N_("one entry with header and payload"), show_options, 2, 2, 0,
     log_show},
    {"log", "forks", "[HOUSE]", N_("logs that were signed in two histories, and the proofs"),
     forks_options, 0, 1, 0, log_forks},
    {"log", "level", "[LEVEL]", N_("how much the daemon logs, until its next start"), NULL, 0, 1, 0,
     log_level},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
