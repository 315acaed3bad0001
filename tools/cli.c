/* Errors, questions and calls of the subcommands: what people read when something is wrong. */
#include "tools/tris.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/text.h"
#include "tools/client.h"
#include "tools/files.h"
#include "tools/keys.h"
#include "tools/mpjson.h"

enum { PARAMS_BYTES_MAX = 256 * 1024 };

static void fault_put(struct fault *fault, enum tris_err err, const char *unchanged,
                      const char *next)
{
    memset(fault, 0, sizeof *fault);
    fault->exit = ctl_exit_code(err);
    (void)snprintf(fault->code, sizeof fault->code, "%s", tris_err_name(err));
    (void)snprintf(fault->unchanged, sizeof fault->unchanged, "%s",
                   unchanged != NULL ? unchanged : "");
    (void)snprintf(fault->next, sizeof fault->next, "%s", next != NULL ? next : "");
}

void fault_set(struct fault *fault, enum tris_err err, const char *unchanged, const char *next,
               const char *format, ...)
{
    fault_put(fault, err, unchanged, next);
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(fault->message, sizeof fault->message, format, ap);
    va_end(ap);
}

const char *sentence(const char *text)
{
    return text[0] != '\0' ? gettext(text) : text; /* gettext("") is the catalogue's header */
}

/* RFC 9457: "type" is a stable name, the rest is for people and programs. */
static void print_problem(const struct fault *fault)
{
    char type[64];
    (void)snprintf(type, sizeof type, "urn:tris:error:%s", fault->code);
    json_t *doc = json_pack("{s:s, s:s, s:i, s:s}", "type", type, "title", fault->message, "exit",
                            fault->exit, "code", fault->code);
    if (doc == NULL) {
        return;
    }
    if (fault->unchanged[0] != '\0') {
        (void)json_object_set_new(doc, "unchanged", json_string(fault->unchanged));
    }
    if (fault->next[0] != '\0') {
        (void)json_object_set_new(doc, "next", json_string(fault->next));
    }
    if (fault->field[0] != '\0') {
        (void)json_object_set_new(doc, "field", json_string(fault->field));
    }
    (void)json_dumpf(doc, stderr, JSON_COMPACT);
    (void)fputc('\n', stderr);
    json_decref(doc);
}

/* The sentence that the catalogue knows at the end of "WHERE: WHERE: sentence"; NULL: none. */
static const char *known_end(const char *text)
{
    const char *at = strstr(text, ": ");
    for (; at != NULL; at = strstr(at + 2, ": ")) {
        if (sentence(at + 2) != at + 2) {
            return at + 2;
        }
    }
    return NULL;
}

/* Sentences of the daemon and the store come in English; those that the catalogue knows, alone or
 * behind a place, are shown in the person's language. */
static void print_line(const char *label, const char *text)
{
    const char *end = sentence(text) == text ? known_end(text) : NULL;
    char *safe = show_text(end != NULL ? text : sentence(text), 0);
    char *known = end != NULL ? show_text(sentence(end), 0) : NULL;
    if (end != NULL) {
        char *where = strndup(text, (size_t)(end - text));
        free(safe);
        safe = show_text(where != NULL ? where : "", 0);
        free(where);
    }
    (void)fprintf(stderr, "%s%s%s\n", label, safe, known != NULL ? known : "");
    free(known);
    free(safe);
}

int cli_fail(const struct cli *cli, const struct fault *fault)
{
    (void)fflush(stdout);
    if (cli->json) {
        print_problem(fault);
        return fault->exit;
    }
    if (fault->field[0] != '\0' && strncmp(fault->message, "allowed: ", 9) == 0) {
        (void)fprintf(stderr, _("Error: --%s: allowed: %s\n"), fault->field, fault->message + 9);
    } else {
        print_line(_("Error: "), fault->message);
    }
    if (fault->unchanged[0] != '\0') {
        print_line(_("Unchanged: "), fault->unchanged);
    }
    if (fault->next[0] != '\0') {
        print_line(_("Next: "), fault->next);
    }
    return fault->exit;
}

int cli_error(const struct cli *cli, enum tris_err err, const char *unchanged, const char *next,
              const char *format, ...)
{
    struct fault fault;
    fault_put(&fault, err, unchanged, next);
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(fault.message, sizeof fault.message, format, ap);
    va_end(ap);
    return cli_fail(cli, &fault);
}

int cli_usage(const struct cli *cli, const char *next, const char *format, ...)
{
    struct fault fault;
    fault_put(&fault, TRIS_ERR_INVALID, NULL, next != NULL ? next : "tris help");
    fault.exit = EXIT_USAGE;
    (void)snprintf(fault.code, sizeof fault.code, "usage");
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(fault.message, sizeof fault.message, format, ap);
    va_end(ap);
    return cli_fail(cli, &fault);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    if (cli->quiet) {
        return;
    }
    va_list ap;
    (void)fflush(stdout); /* in one file or pipe, what was said first comes first */
    va_start(ap, format);
    (void)vfprintf(stderr, format, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}

bool cli_no_dry_run(const struct cli *cli)
{
    if (!cli->dry_run) {
        return false;
    }
    (void)cli_usage(cli, NULL, _("this command has no dry run; nothing was written"));
    return true;
}

bool cli_ask(const struct cli *cli, const char *question)
{
    char line[64];
    if (cli->yes) {
        return true;
    }
    if (!cli->tty_in || !cli->tty_err) {
        return false;
    }
    (void)fprintf(stderr, "%s [%s] ", question, cli->lang == LANG_DE ? "j/N" : "y/N");
    (void)fflush(stderr);
    if (fgets(line, sizeof line, stdin) == NULL) {
        return false;
    }
    return line[0] == 'y' || line[0] == 'Y' || line[0] == 'j' || line[0] == 'J';
}

/* Not there, as opposed to: not for this user to see. */
static bool is_absent(const char *path)
{
    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* A charter without keys is a house that was restored: new keys would be another house. */
void cli_no_keys(const struct cli *cli, struct fault *fault)
{
    char path[FILE_PATH_BYTES];
    if (file_path(cli->data_dir, CHARTER_FILE, path) && !is_absent(path)) {
        fault_set(fault, TRIS_ERR_NOT_INIT, _("nothing was written"), "tris key restore FILE",
                  _("the keys of the house in %s are missing"), cli->data_dir);
        return;
    }
    fault_set(fault, TRIS_ERR_NOT_INIT, _("nothing was written"),
              "tris init --region AGS --name NAME",
              _("there are no keys in %s: this house is not set up yet"), cli->data_dir);
}

/* Without keys no daemon can run: then that is what is wrong, if the socket was not named. */
static void say_if_not_set_up(const struct cli *cli, struct fault *fault)
{
    char path[FILE_PATH_BYTES];
    size_t len = strlen(cli->data_dir);
    if (strncmp(cli->socket_path, cli->data_dir, len) != 0 ||
        !file_path(cli->data_dir, IDENTITY_FILE, path)) {
        return;
    }
    if (is_absent(path)) {
        cli_no_keys(cli, fault);
    } else if (file_path(cli->data_dir, CHARTER_FILE, path) && is_absent(path)) {
        fault_set(fault, TRIS_ERR_NOT_INIT, _("nothing was written"), "tris init --charter FILE",
                  _("there is no charter in %s"), cli->data_dir);
    }
}

/* Connects on first use; the next command names the data directory that was meant. */
static bool connect_once(struct cli *cli, struct fault *fault)
{
    if (cli->client == NULL) {
        cli->client = client_open(cli->socket_path, cli->timeout_ms, fault);
    }
    if (cli->client == NULL && fault->exit == EXIT_NO_DAEMON) {
        (void)snprintf(fault->next, sizeof fault->next, "trisd --data %.200s &", cli->data_dir);
        say_if_not_set_up(cli, fault);
    }
    return cli->client != NULL;
}

struct client *cli_client(struct cli *cli, int *exit_code)
{
    struct fault fault;
    if (!connect_once(cli, &fault)) {
        *exit_code = cli_fail(cli, &fault);
    }
    return cli->client;
}

static bool encode_params(const json_t *params, uint8_t *buffer, struct span *out,
                          struct fault *fault)
{
    struct wbuf w = wbuf_of(buffer, PARAMS_BYTES_MAX);
    enum tris_err err = params != NULL ? mpjson_encode(params, &w) : TRIS_ERR_BAD_TYPE;
    if (err != TRIS_OK || w.err != TRIS_OK) {
        fault_set(fault, err != TRIS_OK ? err : w.err, NULL, NULL,
                  _("what you asked for does not fit into one message"));
        return false;
    }
    *out = wbuf_span(&w);
    return true;
}

json_t *cli_try(struct cli *cli, const char *method, json_t *params, struct fault *fault)
{
    json_t *result = NULL;
    struct span encoded, answer;
    uint8_t *buffer = malloc(PARAMS_BYTES_MAX);
    if (buffer == NULL) {
        fault_set(fault, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
        goto out;
    }
    if (!connect_once(cli, fault) || !encode_params(params, buffer, &encoded, fault) ||
        !client_call(cli->client, method, encoded, &answer, fault)) {
        goto out;
    }
    result = mpjson_decode(answer);
    if (result == NULL || !json_is_object(result)) {
        json_decref(result);
        result = NULL;
        fault_set(fault, TRIS_ERR_BAD_TYPE, NULL, "tris version",
                  _("the daemon's answer to %s is not understood"), method);
    }
out:
    free(buffer);
    json_decref(params);
    return result;
}

json_t *cli_call(struct cli *cli, const char *method, json_t *params, int *exit_code)
{
    struct fault fault;
    json_t *result = cli_try(cli, method, params, &fault);
    if (result == NULL) {
        *exit_code = cli_fail(cli, &fault);
    }
    return result;
}

/* Beside each point in time in milliseconds the same as RFC 3339 text: "heard" for "heard_ms". */
static void add_times(json_t *map)
{
    static const char *const keys[] = {"created_ms",   "updated_ms",      "time_ms",
                                       "sealed_ms",    "heard_ms",        "last_heard_ms",
                                       "next_dial_ms", "oldest_heard_ms", "backup_ms",
                                       "entry_ms",     "equal_since_ms",  "differs_since_ms",
                                       "at_ms"};
    char text[SHOW_BYTES], name[32];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!json_is_integer(json_object_get(map, keys[i]))) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)(strlen(keys[i]) - 3), keys[i]);
        (void)show_rfc3339((uint64_t)get_int(map, keys[i]), text);
        (void)json_object_set_new(map, name, text[0] != '\0' ? json_string(text) : json_null());
    }
}

static void add_all_times(json_t *result)
{
    size_t index;
    json_t *item;
    const char *parts[] = {"sync", "record", "header", "store"};
    add_times(result);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        add_times(json_object_get(result, parts[i]));
    }
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        add_times(item);
    }
}

/* On a terminal all that is not ASCII is written as \uXXXX: the same value, and no text of others
 * steers the screen. */
static size_t json_style(void)
{
    return isatty(STDOUT_FILENO) == 1 ? JSON_ENSURE_ASCII : 0;
}

int cli_json(json_t *result, const char *schema)
{
    add_all_times(result);
    json_t *doc = json_pack("{s:s}", "schema", schema);
    bool ok = doc != NULL && json_object_update(doc, result) == 0 &&
              json_dumpf(doc, stdout, JSON_INDENT(2) | json_style()) == 0 &&
              fputc('\n', stdout) != EOF;
    json_decref(doc);
    json_decref(result);
    return ok ? EXIT_OK : EXIT_FAILED;
}

void cli_ndjson(const json_t *item)
{
    (void)json_dumpf(item, stdout, JSON_COMPACT | json_style());
    (void)fputc('\n', stdout);
}

const char *get_text(const json_t *map, const char *key)
{
    const char *text = json_string_value(json_object_get(map, key));
    return text != NULL ? text : "";
}

int64_t get_int(const json_t *map, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(map, key));
}

bool get_bool(const json_t *map, const char *key)
{
    return json_is_true(json_object_get(map, key));
}
