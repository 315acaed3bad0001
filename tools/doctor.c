/* tris doctor and tris audit; see doctor.h. Offline they open the store themselves, so the daemon
 * must not run then. */
#include "tools/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "storage/store.h"
#include "tools/client.h"
#include "tools/keys.h"

enum {
    AUDIT_TIMEOUT_MS = 24 * 3600 * 1000,
    FREE_WARN_BYTES = 512 * 1024 * 1024,
    DETAIL_BYTES = 512,
    MARK_DETAIL_BYTES = 256, /* as in trisd, which compares what was accepted */
};

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    struct cli *cli;
    json_t *items;
    enum verdict worst;
    int exit_code; /* of the first failure */
};

static const char *verdict_name(enum verdict v)
{
    switch (v) {
    case VERDICT_OK:
        return "OK";
    case VERDICT_WARN:
        return "WARN";
    case VERDICT_FAIL:
        return "FAIL";
    }
    return "";
}

/* One finding: a line for people, an item for programs. `name` is stable, never translated. */
static void report(struct doctor *d, enum verdict v, enum tris_err err, const char *name,
                   const char *text, const char *next)
{
    if (v == VERDICT_FAIL && d->exit_code == EXIT_OK) {
        d->exit_code = ctl_exit_code(err);
    }
    d->worst = v > d->worst ? v : d->worst;
    (void)json_array_append_new(d->items, json_pack("{s:s, s:s, s:s, s:s}", "check", name, "result",
                                                    verdict_name(v), "text", text, "next",
                                                    next != NULL ? next : ""));
    if (d->cli->json || (v == VERDICT_OK && d->cli->quiet)) {
        return;
    }
    char *safe = show_text(sentence(text), 0);
    (void)printf("%-5s %s\n", verdict_name(v), safe);
    if (next != NULL && v != VERDICT_OK) {
        (void)printf("      %s %s\n", _("Next:"), next);
    }
    free(safe);
}

static bool open_store(const char *dir, bool read_only, struct store **store, enum tris_err *err,
                       char detail[DETAIL_BYTES])
{
    struct store_opts opts = {.dir = dir, .read_only = read_only};
    detail[0] = '\0';
    *store = NULL;
    *err = store_identify(dir, &opts.fed, &opts.own);
    if (*err == TRIS_OK) {
        *err = store_open(&opts, store, detail, DETAIL_BYTES);
    }
    if (*err != TRIS_OK && detail[0] == '\0') {
        (void)snprintf(detail, DETAIL_BYTES, "%s", tris_err_text(*err));
    }
    return *err == TRIS_OK;
}

static void check_keys(struct doctor *d)
{
    struct keys keys;
    const char *file = "";
    char text[256];
    memset(&keys, 0, sizeof keys);
    enum tris_err err = keys_require(d->cli->data_dir, &keys, &file);
    if (err == TRIS_OK) {
        report(d, VERDICT_OK, err, "keys", _("the keys are there and only you can read them"),
               NULL);
        keys_fini(&keys);
        return;
    }
    (void)snprintf(text, sizeof text, "%s: %s", file != NULL ? file : "", tris_err_text(err));
    report(d, VERDICT_FAIL, err, "keys", text,
           err == TRIS_ERR_NOT_INIT ? "tris init" : "chmod 600 *.key");
}

static void check_charter(struct doctor *d)
{
    char path[FILE_PATH_BYTES];
    char *text = NULL;
    size_t len = 0;
    uint32_t line = 0;
    struct charter charter;
    enum tris_err err = file_path(d->cli->data_dir, CHARTER_FILE, path)
                            ? file_read(path, TRIS_CHARTER_BYTES_MAX, &text, &len)
                            : TRIS_ERR_NOT_FOUND;
    if (err == TRIS_OK) {
        err = charter_parse(span_of(text, len), &charter, &line);
    }
    if (err != TRIS_OK) {
        report(d, VERDICT_FAIL, err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_NOT_INIT : err, "charter",
               err == TRIS_ERR_NOT_FOUND ? _("there is no charter: this house is in no federation")
                                         : tris_err_text(err),
               "tris init --charter FILE");
    } else {
        bool complete = charter_complete(&charter);
        report(d, complete ? VERDICT_OK : VERDICT_FAIL, TRIS_ERR_NOT_READY, "charter",
               complete ? _("the charter is signed by every founder")
                        : _("signatures are missing in the charter"),
               "tris charter show");
        charter_fini(&charter);
    }
    file_free(text, len);
}

static void check_disk(struct doctor *d)
{
    struct statvfs vfs;
    char text[160], size[SHOW_BYTES];
    if (statvfs(d->cli->data_dir, &vfs) != 0) {
        return;
    }
    uint64_t left = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    (void)snprintf(text, sizeof text, _("%s free on the disk"), show_bytes(left, size));
    report(d, left < FREE_WARN_BYTES ? VERDICT_WARN : VERDICT_OK, TRIS_ERR_DISK_FULL, "disk", text,
           "df -h");
}

static void check_connections(struct doctor *d, const json_t *status)
{
    const json_t *sync = json_object_get(status, "sync");
    long long connected = (long long)get_int(sync, "connected");
    long long members = (long long)get_int(sync, "members");
    char text[160];
    (void)snprintf(text, sizeof text, _("connected to %lld of %lld members"), connected,
                   members > 0 ? members - 1 : 0);
    report(d, connected > 0 || members <= 1 ? VERDICT_OK : VERDICT_WARN, TRIS_OK, "peers", text,
           "tris peer list");
    (void)snprintf(text, sizeof text, _("%lld entries have no effect on views"),
                   (long long)get_int(json_object_get(status, "store"), "inert"));
    report(d, get_int(json_object_get(status, "store"), "inert") > 0 ? VERDICT_WARN : VERDICT_OK,
           TRIS_OK, "inert", text, "tris log tail");
}

/* Daemon down: the store and its mark are looked at directly. */
static void check_store_offline(struct doctor *d)
{
    struct store *store;
    enum tris_err err;
    char detail[DETAIL_BYTES];
    if (!open_store(d->cli->data_dir, true, &store, &err, detail)) {
        if (err == TRIS_ERR_NOT_INIT || err == TRIS_ERR_NOT_FOUND) {
            report(d, VERDICT_WARN, err, "store", _("there is no store yet; trisd makes it"),
                   "trisd");
        } else {
            report(d, VERDICT_FAIL, err, "store", detail, "tris status");
        }
        return;
    }
    err = store_mark_check(store, detail, sizeof detail);
    report(d, err == TRIS_OK ? VERDICT_OK : VERDICT_FAIL, err, "mark",
           err == TRIS_OK      ? _("the store is as its mark says")
           : detail[0] != '\0' ? detail
                               : tris_err_text(err),
           "tris doctor --accept-loss");
    store_close(store);
}

/* Whether this house's entries are sealed, and if not, who has to do what. */
static void check_guard(struct doctor *d, const json_t *guard)
{
    const char *state = get_text(guard, "state"), *mark = get_text(guard, "mark");
    bool alarm = strcmp(state, "clone") == 0 || strcmp(state, "fork") == 0;
    bool confirmed = json_is_true(json_object_get(guard, "confirmed"));
    int64_t decisions = get_int(json_object_get(guard, "drafts"), "decision");
    char text[160], count[SHOW_BYTES];
    if (confirmed) {
        report(d, VERDICT_OK, TRIS_OK, "guard", _("own entries are sealed as they are written"),
               NULL);
    } else {
        if (mark[0] != '\0') {
            report(d, VERDICT_WARN, TRIS_OK, "mark", mark, get_text(guard, "next"));
        }
        report(d, alarm ? VERDICT_FAIL : VERDICT_WARN, TRIS_ERR_FORK, "guard",
               get_text(guard, "text"), get_text(guard, "next"));
    }
    if (decisions > 0) {
        (void)snprintf(text, sizeof text, _("%s own entries wait for your decision"),
                       show_count(decisions, count));
        report(d, VERDICT_WARN, TRIS_OK, "drafts", text, "tris draft list");
    }
}

static void check_daemon(struct doctor *d)
{
    size_t index;
    json_t *item;
    struct fault fault;
    json_t *status = cli_try(d->cli, "status", json_object(), &fault);
    if (status == NULL) {
        report(d, VERDICT_WARN, TRIS_ERR_NOT_READY, "daemon", fault.message, fault.next);
        check_store_offline(d);
        return;
    }
    report(d, VERDICT_OK, TRIS_OK, "daemon", _("the daemon answers"), NULL);
    const json_t *guard = json_object_get(status, "guard");
    check_guard(d, guard);
    json_array_foreach(json_object_get(status, "warnings"), index, item)
    {
        const char *said = json_string_value(item) != NULL ? json_string_value(item) : "";
        if (strcmp(said, get_text(guard, "text")) == 0 ||
            strcmp(said, get_text(guard, "mark")) == 0) {
            continue;
        }
        report(d, VERDICT_WARN, TRIS_OK, "store", said, "tris status");
    }
    check_connections(d, status);
    json_decref(status);
}

/* A person's decision, kept in the store until trisd has carried it out. */
static enum tris_err setting_put(struct store *store, const char *key, const char *value)
{
    struct store_txn *t;
    enum tris_err err = store_txn_begin(store, &t);
    if (err != TRIS_OK) {
        return err;
    }
    err = store_setting_put(t, key, span_str(value));
    if (err != TRIS_OK) {
        store_abort(t);
        return err;
    }
    return store_commit(t);
}

/* What decides, for people and for the daemon. */
static const struct decision {
    const char *what, *key;
    const char *none, *question, *done;
} decisions[] = {
    {"loss", "guard/accepted", N_("Nothing to accept: the store is as its mark says."),
     N_("What the mark knew of and nobody holds any more is lost for ever; if somebody "
        "holds it whom this house has not met since, this house will contradict itself. "
        "Accept the store as it is?"),
     N_("Accepted. Sealing begins as soon as two other houses have said what they hold (all, if "
        "there are fewer).")},
    {"alarm", "guard/alarm", N_("There is no alarm."),
     N_("Two processes with one key contradict each other before everybody. Is the other one "
        "ended, and will it never be started again?"),
     N_("The alarm is over. The other houses are asked anew what they hold.")},
};

static bool asked(struct cli *cli, const struct decision *x)
{
    if (!cli->dry_run && cli_ask(cli, _(x->question))) {
        return true;
    }
    cli_note(cli, "%s", _("Nothing written. Without a question: -y"));
    return false;
}

/* trisd runs: it knows what there is to decide, and carries it out at once. */
static int decide_online(struct cli *cli, const struct decision *x, const json_t *status)
{
    const json_t *guard = json_object_get(status, "guard");
    const char *state = get_text(guard, "state"), *mark = get_text(guard, "mark");
    int code = EXIT_OK;
    bool alarm = strcmp(state, "clone") == 0 || strcmp(state, "fork") == 0;
    if (x == &decisions[0] ? mark[0] == '\0' : !alarm) {
        cli_note(cli, "%s", _(x->none));
        return EXIT_OK;
    }
    cli_note(cli, "%s", x == &decisions[0] ? mark : get_text(guard, "text"));
    if (!asked(cli, x)) {
        return cli->dry_run ? EXIT_OK : EXIT_DECISION;
    }
    json_t *params = json_object();
    (void)json_object_set_new(params, "what", json_string(x->what));
    json_t *result = cli_call(cli, "guard.decide", params, &code);
    if (result != NULL) {
        cli_note(cli, "%s", _(x->done));
        json_decref(result);
    }
    return code;
}

/* True: there is something to decide; the reason is shown. */
static bool is_open(struct cli *cli, const struct decision *x, struct store *store,
                    char detail[DETAIL_BYTES])
{
    struct store_view *v;
    struct span value;
    if (x == &decisions[0]) {
        enum tris_err err = store_mark_check(store, detail, MARK_DETAIL_BYTES);
        if (err != TRIS_OK && detail[0] == '\0') {
            (void)snprintf(detail, DETAIL_BYTES, "%s", tris_err_text(err));
        }
        if (err != TRIS_OK) {
            cli_note(cli, "%s", detail);
        }
        return err != TRIS_OK;
    }
    if (store_view_begin(store, &v) != TRIS_OK) {
        return false;
    }
    bool found = store_setting_get(v, x->key, &value) == TRIS_OK;
    store_view_end(v);
    return found;
}

static int decide(struct cli *cli, const struct decision *x)
{
    struct fault fault;
    json_t *status = cli_try(cli, "status", json_object(), &fault);
    if (status != NULL) {
        int code = decide_online(cli, x, status);
        json_decref(status);
        return code;
    }

    struct store *store;
    enum tris_err err;
    char detail[DETAIL_BYTES];
    const char *unchanged = _("Store and mark are as before.");
    if (!open_store(cli->data_dir, false, &store, &err, detail)) {
        return cli_error(cli, err, unchanged,
                         err == TRIS_ERR_IN_USE ? _("stop trisd, then repeat") : "tris doctor",
                         "%s", detail);
    }
    if (!is_open(cli, x, store, detail)) {
        cli_note(cli, "%s", _(x->none));
        store_close(store);
        return EXIT_OK;
    }
    if (!asked(cli, x)) {
        store_close(store);
        return cli->dry_run ? EXIT_OK : EXIT_DECISION;
    }
    err = setting_put(store, x->key, x == &decisions[0] ? detail : "");
    store_close(store);
    if (err != TRIS_OK) {
        return cli_error(cli, err, unchanged, "tris doctor", "%s", tris_err_text(err));
    }
    cli_note(cli, "%s", _(x->done));
    cli_note(cli, "%s", _("Next: start trisd"));
    return EXIT_OK;
}

int doctor_run(struct cli *cli, const struct args *args)
{
    struct doctor d = {.cli = cli, .items = json_array(), .exit_code = EXIT_OK};
    if (args_flag(args, "accept-loss") || args_flag(args, "end-alarm")) {
        json_decref(d.items);
        return decide(cli, &decisions[args_flag(args, "accept-loss") ? 0 : 1]);
    }
    check_keys(&d);
    check_charter(&d);
    check_disk(&d);
    check_daemon(&d);
    if (cli->json) {
        (void)cli_json(json_pack("{s:O, s:s}", "items", d.items, "result", verdict_name(d.worst)),
                       "tris.doctor.1");
    }
    json_decref(d.items);
    return d.worst == VERDICT_WARN ? EXIT_PARTLY : d.exit_code;
}

/* ---- audit ---- */

static int print_audit(struct cli *cli, json_t *result)
{
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES], e[SHOW_BYTES];
    int64_t problems = get_int(result, "problems");
    if (cli->json) {
        int printed = cli_json(result, "tris.audit.1");
        return printed != EXIT_OK ? printed : problems > 0 ? EXIT_INTEGRITY : EXIT_OK;
    }
    (void)printf(_("%s entries, %s seals, %s records, %s counters checked\n"),
                 show_count(get_int(result, "entries"), a), show_count(get_int(result, "seals"), b),
                 show_count(get_int(result, "records"), c),
                 show_count(get_int(result, "counters"), e));
    if (problems == 0) {
        (void)printf("%s  %s\n", _("OK"), _("everything is as its logs say"));
    } else {
        char *first = show_text(get_text(result, "first_problem"), 0);
        (void)printf(_("FAIL  %s problems; the first: %s\n"), show_count(problems, a), first);
        free(first);
    }
    json_decref(result);
    return problems > 0 ? EXIT_INTEGRITY : EXIT_OK;
}

static int audit_offline(struct cli *cli, bool fast)
{
    struct store *store;
    enum tris_err err;
    char detail[DETAIL_BYTES];
    struct audit_report r;
    memset(&r, 0, sizeof r);
    if (!open_store(cli->data_dir, true, &store, &err, detail)) {
        return cli_error(cli, err, _("The store was only read."),
                         err == TRIS_ERR_IN_USE ? "tris audit" : "tris doctor", "%s", detail);
    }
    err = store_audit(store, fast, NULL, NULL, &r);
    store_close(store);
    if (err != TRIS_OK) {
        return cli_error(cli, err, _("The store was only read."), "tris doctor", "%s",
                         tris_err_text(err));
    }
    r.first_problem[sizeof r.first_problem - 1] = '\0';
    json_t *result =
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "entries", (json_int_t)r.entries, "seals",
                  (json_int_t)r.seals, "records", (json_int_t)r.records, "counters",
                  (json_int_t)r.counters, "problems", (json_int_t)r.problems);
    if (r.problems > 0) {
        (void)json_object_set_new(result, "first_problem", json_string(r.first_problem));
    }
    return print_audit(cli, result);
}

int audit_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    const bool fast = args_flag(args, "fast");
    if (args_flag(args, "offline")) {
        return audit_offline(cli, fast);
    }
    if (cli_client(cli, &code) == NULL) {
        return code;
    }
    client_set_timeout(cli->client, AUDIT_TIMEOUT_MS);
    json_t *params = json_object();
    (void)json_object_set_new(params, "fast", json_boolean(fast));
    json_t *result = cli_call(cli, "audit", params, &code);
    return result != NULL ? print_audit(cli, result) : code;
}
