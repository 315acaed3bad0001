/* tris report: what somebody else needs in order to help, in one JSON file. Every key that goes in
 * is named here; nothing that anybody wrote, no name of a partner or person, no key, no passphrase.
 */
#include <gnu/libc-version.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "tools/client.h"
#include "tools/doctor.h"
#include "tools/files.h"
#include "tools/lists.h"
#include "tools/offline.h"

enum { HOUSES_MAX = 1000, HIDDEN_BYTES = 4096 };

/* Keys of an answer that are taken over; others stay out, also ones that a later daemon sends. */
static const char *const status_keys[] = {"version", "pid",  "uptime_ms", "listen", "root",
                                          "records", "sync", "warnings",  NULL};
static const char *const house_keys[] = {"id", "slug", "region", "role", NULL};
static const char *const federation_keys[] = {"id", NULL};
static const char *const store_keys[] = {"bytes",     "map_bytes",    "disk_free_bytes",
                                         "entries",   "inert",        "word_behind",
                                         "backup_ms", "backup_bytes", NULL};
static const char *const guard_keys[] = {"confirmed", "unsealed",      "state",  "claims",
                                         "text",      "claims_needed", "drafts", NULL};
static const char *const config_keys[] = {"key", "value", "origin", NULL};
static const char *const standing_keys[] = {"house",    "slug",      "standing",      "step",
                                            "behind",   "equal",     "connected",     "held",
                                            "entry_ms", "sealed_ms", "last_heard_ms", NULL};
static const char *const peer_keys[] = {
    "house",   "slug",     "role",         "configured", "state",         "inbound",
    "equal",   "rtt_ms",   "bytes_in",     "bytes_out",  "entries_in",    "entries_out",
    "behind",  "ahead",    "limits",       "limited",    "last_heard_ms", "last_error",
    "version", "features", "next_dial_ms", NULL};
static const char *const finding_keys[] = {"check", "result", "text", "next", NULL};
static const char *const event_keys[] = {"time_ms", "level", "event", "reason", NULL};

static json_t *pick(const json_t *from, const char *const *keys)
{
    json_t *out = json_object();
    for (; *keys != NULL; keys++) {
        json_t *value = json_object_get(from, *keys);
        if (value != NULL) {
            (void)json_object_set(out, *keys, value);
        }
    }
    return out;
}

static json_t *pick_items(const json_t *from, const char *const *keys)
{
    size_t index;
    json_t *item, *out = json_array();
    json_array_foreach(json_object_get(from, "items"), index, item)
    {
        (void)json_array_append_new(out, pick(item, keys));
    }
    return out;
}

/* ---- paths say who somebody is ---- */

/* `text` with each `what` replaced by `by`; malloc'ed. */
static char *replaced(const char *text, const char *what, const char *by)
{
    const size_t len = strlen(what);
    char *out = malloc(HIDDEN_BYTES);
    size_t at = 0;
    if (out == NULL) {
        abort();
    }
    while (*text != '\0' && at + strlen(by) + 2 < HIDDEN_BYTES) {
        if (len > 1 && strncmp(text, what, len) == 0) {
            at += (size_t)snprintf(out + at, HIDDEN_BYTES - at, "%s", by);
            text += len;
        } else {
            out[at++] = *text++;
        }
    }
    out[at] = '\0';
    return out;
}

static json_t *hidden_text(const struct cli *cli, const char *text)
{
    const char *home = getenv("HOME");
    char *a = replaced(text, cli->data_dir, "DATA");
    char *b = replaced(a, home != NULL ? home : "", "HOME");
    json_t *out = json_string(b);
    free(a);
    free(b);
    return out;
}

/* The same document with paths of the data and home directories replaced. Depth: what pick lets
 * through is at most four deep. */
static json_t *hidden(const struct cli *cli, const json_t *from, unsigned depth)
{
    const char *key;
    size_t index;
    json_t *value, *out;
    if (json_is_string(from)) {
        return hidden_text(cli, json_string_value(from));
    }
    if (json_is_array(from) && depth > 0) {
        out = json_array();
        json_array_foreach(from, index, value)
        {
            (void)json_array_append_new(out, hidden(cli, value, depth - 1));
        }
        return out;
    }
    if (json_is_object(from) && depth > 0) {
        out = json_object();
        json_object_foreach((json_t *)(uintptr_t)from, key, value)
        {
            (void)json_object_set_new(out, key, hidden(cli, value, depth - 1));
        }
        return out;
    }
    return json_is_object(from) || json_is_array(from) ? json_null() : json_deep_copy(from);
}

/* ---- the parts ---- */

static json_t *versions(void)
{
    struct utsname system;
    const bool known = uname(&system) == 0; /* not the name of the machine */
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "tris", TRIS_VERSION, "libsodium",
                     sodium_version_string(), "jansson", JANSSON_VERSION, "libc",
                     gnu_get_libc_version(), "kernel", known ? system.release : "", "machine",
                     known ? system.machine : "");
}

static void put_status(json_t *out, const json_t *status)
{
    json_t *part = pick(status, status_keys);
    (void)json_object_set_new(part, "house", pick(json_object_get(status, "house"), house_keys));
    (void)json_object_set_new(part, "federation",
                              pick(json_object_get(status, "federation"), federation_keys));
    (void)json_object_set_new(part, "store", pick(json_object_get(status, "store"), store_keys));
    (void)json_object_set_new(part, "guard", pick(json_object_get(status, "guard"), guard_keys));
    (void)json_object_set_new(out, "status", part);
}

/* The items of a paged method, at most HOUSES_MAX. */
static void put_items(struct cli *cli, json_t *out, const char *name, const char *method,
                      const char *const *keys)
{
    struct fault fault;
    json_t *items = json_array(), *params = json_object();
    while (params != NULL) {
        json_t *page = cli_try(cli, method, params, &fault);
        json_t *picked = pick_items(page, keys);
        params = NULL;
        (void)json_array_extend(items, picked);
        json_decref(picked);
        if (json_object_get(page, "after") != NULL && json_array_size(items) < HOUSES_MAX) {
            params = json_pack("{s:I}", "after", (json_int_t)get_int(page, "after"));
        }
        json_decref(page);
    }
    (void)json_object_set_new(out, name, items);
}

static json_t *report_make(struct cli *cli)
{
    struct fault fault;
    char made[SHOW_BYTES];
    json_t *out = json_object();
    (void)json_object_set_new(out, "schema", json_string("tris.report.1"));
    (void)json_object_set_new(out, "made", json_string(show_rfc3339(clock_wall_ms(), made)));
    (void)json_object_set_new(out, "versions", versions());
    json_t *findings = doctor_findings(cli);
    (void)json_object_set_new(out, "doctor", pick_items(findings, finding_keys));
    json_decref(findings);
    json_t *status = cli_try(cli, "status", json_object(), &fault);
    (void)json_object_set_new(out, "daemon", json_string(status != NULL ? "answers" : fault.code));
    if (status != NULL) {
        put_status(out, status);
        put_items(cli, out, "config", "config.show", config_keys);
        put_items(cli, out, "houses", "sync.status", standing_keys);
        put_items(cli, out, "peers", "peer.list", peer_keys);
        put_items(cli, out, "events", "log.recent", event_keys);
        json_decref(status);
    }
    json_t *clean = hidden(cli, out, 8);
    json_decref(out);
    return clean;
}

static int report_run(struct cli *cli, const struct args *args)
{
    const char *path = args_value(args, "output");
    if (path != NULL && cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *report = report_make(cli);
    char *text = json_dumps(report, JSON_INDENT(2) | JSON_SORT_KEYS);
    json_decref(report);
    if (text == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", _("not enough memory"));
    }
    if (path == NULL) {
        (void)printf("%s\n", text);
        free(text);
        return EXIT_OK;
    }
    enum tris_err err = file_write(path, span_str(text), 0600, FILE_KEEP_OLD);
    const size_t bytes = strlen(text);
    free(text);
    if (err != TRIS_OK) {
        return offline_file_error(cli, err, path, _("nothing was written"));
    }
    if (cli->json) {
        return cli_json(json_pack("{s:s, s:I}", "path", path, "bytes", (json_int_t)bytes),
                        "tris.report.written.1");
    }
    cli_note(cli, _("written to %s; read it before you give it away: less %s"), path, path);
    return EXIT_OK;
}

static const struct cli_option report_options[] = {
    {"output", N_("FILE"), N_("the file to write; else standard output"), 'o'},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_report_rows[] = {
    {"report", NULL, NULL, N_("what others need to help, without personal data and secrets"),
     report_options, 0, 0, 0, report_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
