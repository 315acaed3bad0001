/* What became of a log file, for people and as JSON. */
#include <stdio.h>
#include <string.h>

#include "proto/charter.h"
#include "tools/import_log.h"
#include "tools/lists.h"
#include "tools/logfile_in.h"
#include "tools/offline.h"

struct totals {
    uint64_t logs, entries, refused, forks;
};

static bool is_state(const struct log_result *log, const char *state)
{
    return strcmp(log->state, state) == 0;
}

/* Something of the log was left where it was. */
static bool is_refused(const struct log_result *log)
{
    return is_state(log, "unknown") || is_state(log, "gap") || is_state(log, "other") ||
           is_state(log, "own") || is_state(log, "claim") || is_state(log, "refused");
}

static struct totals count(const struct import_log *im)
{
    struct totals t = {0};
    for (size_t i = 0; i < im->count; i++) {
        const struct log_result *log = &im->logs[i];
        t.logs += log->entries > 0 ? 1 : 0;
        t.entries += log->entries;
        t.refused += is_refused(log) ? 1 : 0;
        t.forks += is_state(log, "fork") ? 1 : 0;
    }
    return t;
}

static json_t *log_json(const struct log_result *log, const char *house)
{
    json_t *out = json_pack("{s:s,s:s,s:I,s:I,s:I,s:s,s:I,s:I}", "house", house, "topic",
                            logfile_topic(log->ref.topic), "epoch", (json_int_t)log->ref.epoch,
                            "first", (json_int_t)log->first, "size", (json_int_t)log->size, "state",
                            log->state[0] != '\0' ? log->state : "known", "entries",
                            (json_int_t)log->entries, "held", (json_int_t)log->held);
    if (log->end != UINT64_MAX) {
        (void)json_object_set_new(out, "end", json_integer((json_int_t)log->end));
    }
    if (log->reason[0] != '\0') {
        (void)json_object_set_new(out, "reason", json_string(log->reason));
    }
    return out;
}

static int show_json(const struct import_log *im, const struct charter *charter,
                     const struct totals *t)
{
    char hex[65], house[65];
    json_t *items = json_array();
    for (size_t i = 0; i < im->count; i++) {
        logfile_house(charter, &im->head.fed, &im->logs[i].ref.house, house);
        (void)json_array_append_new(items, log_json(&im->logs[i], house));
    }
    logfile_house(charter, &im->head.fed, &im->head.house, house);
    tris_hex(im->head.fed.b, sizeof im->head.fed.b, hex);
    return cli_json(json_pack("{s:s,s:s,s:s,s:I,s:b,s:I,s:I,s:I,s:o}", "file", im->path,
                              "federation", hex, "house", house, "time_ms",
                              (json_int_t)im->head.time_ms, "written", im->taken, "entries",
                              (json_int_t)t->entries, "refused", (json_int_t)t->refused, "forks",
                              (json_int_t)t->forks, "items", items),
                    "tris.import_log.1");
}

/* One line about a log that is not simply taken. */
static void say_log(const struct import_log *im, const struct log_result *log, const char *house)
{
    const char *topic = logfile_topic(log->ref.topic);
    char a[SHOW_BYTES], b[SHOW_BYTES];
    if (is_state(log, "unknown")) {
        cli_note(im->cli, _("%s %s: no house of this federation that is known here; not taken"),
                 house, topic);
    } else if (is_state(log, "gap")) {
        cli_note(im->cli,
                 _("%s %s: not taken: entries %s to %s are missing between what is here and the "
                   "file; ask for a file from there on (tris export frontier)"),
                 house, topic, show_count((int64_t)log->held, a),
                 show_count((int64_t)log->first - 1, b));
    } else if (is_state(log, "fork")) {
        cli_note(
            im->cli, _("%s %s: signed in two histories; the log ends at %s: tris log forks"), house,
            topic,
            show_count(
                (int64_t)(log->end < log->fork_at || !log->has_fork ? log->end : log->fork_at), a));
    } else if (is_state(log, "other")) {
        cli_note(im->cli,
                 im->taken ? _("%s %s: not taken: it contradicts what is here, and the file alone "
                               "does not prove that this house signed two histories; ask for a "
                               "file without --since")
                           : _("%s %s: contradicts what is here"),
                 house, topic);
    } else if (is_state(log, "own") || is_state(log, "claim")) {
        cli_note(im->cli,
                 _("%s %s: this house's own log: its entries come back only while it waits for "
                   "them after a restore; tris doctor says what is to be done"),
                 house, topic);
    } else if (is_state(log, "refused")) {
        cli_note(im->cli, _("%s %s: not taken: %s"), house, topic, _(log->reason));
    }
}

static void show_text_lines(const struct import_log *im, const struct charter *charter,
                            const struct totals *t)
{
    char house[65], a[SHOW_BYTES], b[SHOW_BYTES];
    for (size_t i = 0; i < im->count; i++) {
        logfile_house(charter, &im->head.fed, &im->logs[i].ref.house, house);
        say_log(im, &im->logs[i], house);
    }
    logfile_house(charter, &im->head.fed, &im->head.house, house);
    if (im->count == 0) {
        (void)printf(_("%s: no entries; it says what %s holds: tris export log --since %s\n"),
                     im->path, house, im->path);
        return;
    }
    if (im->cli->dry_run) {
        (void)printf(_("%s, written by %s: %s new entries of %s logs; nothing was taken (-n)\n"),
                     im->path, house, show_count((int64_t)t->entries, a),
                     show_count((int64_t)t->logs, b));
    } else {
        (void)printf(_("%s, written by %s: %s new entries of %s logs\n"), im->path, house,
                     show_count((int64_t)t->entries, a), show_count((int64_t)t->logs, b));
    }
}

int import_log_show(const struct import_log *im)
{
    struct charter charter;
    const struct totals t = count(im);
    const bool named = offline_charter_load(im->cli, &charter) == TRIS_OK;
    int code = EXIT_OK;
    if (im->cli->json) {
        code = show_json(im, named ? &charter : NULL, &t);
    } else {
        show_text_lines(im, named ? &charter : NULL, &t);
    }
    if (named) {
        charter_fini(&charter);
    }
    return code == EXIT_OK && t.refused > 0 ? EXIT_PARTLY : code;
}
