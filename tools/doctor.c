/* tris doctor: what is wrong, and what to do; see doctor.h. Offline it opens the store itself, so
 * the daemon must not run then. */
#include "tools/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "storage/store.h"
#include "tools/client.h"
#include "tools/keys.h"
#include "tools/lists.h"

enum { FREE_WARN_BYTES = 512 * 1024 * 1024 };

const struct doctor_row doctor_rows[CHECK_COUNT] = {
    [CHECK_KEYS] = {"keys", "tris key show", NULL},
    [CHECK_CHARTER] = {"charter", "tris charter show", NULL},
    [CHECK_DISK] = {"disk", "df -h", NULL},
    [CHECK_DAEMON] = {"daemon", "trisd --check", NULL},
    [CHECK_STORE] = {"store", "tris audit --fast", NULL},
    [CHECK_MARK] = {"mark", "tris doctor --accept-loss", NULL},
    [CHECK_GUARD] = {"guard", "tris status", NULL},
    [CHECK_DRAFTS] = {"drafts", "tris draft list", NULL},
    [CHECK_PEERS] = {"peers", "tris peer list", NULL},
    [CHECK_INERT] = {"inert", "tris log tail", NULL},
    [CHECK_REGION] = {"region", "tris house list", NULL},
    [CHECK_FORKED] = {"forked", "tris log forks", N_("two histories were signed")},
    [CHECK_PAUSED] = {"paused", "tris peer list", N_("paused here")},
    [CHECK_REFUSED] = {"refused", "tris peer list", N_("they refuse the connection")},
    [CHECK_FAULT] = {"fault", "tris peer list", N_("what they sent was not right")},
    [CHECK_UNREACHABLE] = {"unreachable", "tris peer list", N_("they cannot be reached")},
    [CHECK_WITHHELD] = {"withheld", "tris sync status", N_("more is claimed than comes")},
    [CHECK_HOLE] = {"hole", "tris audit", N_("an entry is missing here")},
    [CHECK_CLOCK] = {"clock", "timedatectl", N_("their seals lie in the future")},
    [CHECK_NO_ADDRESS] = {"no_address", "tris sync status",
                          N_("nobody hears them, and no address is known")},
    [CHECK_SILENT] = {"silent", "tris sync status", N_("nobody hears them")},
};

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    struct cli *cli;
    json_t *items;
    enum verdict worst;
    int exit_code; /* of the first failure */
    bool silent;   /* nothing is printed */
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

/* One finding: a line for people, an item for programs. `next` NULL or empty: the row's. */
static void report(struct doctor *d, enum verdict v, enum tris_err err, enum doctor_check check,
                   const char *text, const char *next)
{
    const struct doctor_row *row = &doctor_rows[check];
    if (next == NULL || next[0] == '\0') {
        next = row->next;
    }
    if (v == VERDICT_FAIL && d->exit_code == EXIT_OK) {
        d->exit_code = ctl_exit_code(err);
    }
    d->worst = v > d->worst ? v : d->worst;
    (void)json_array_append_new(d->items,
                                json_pack("{s:s, s:s, s:s, s:s}", "check", row->name, "result",
                                          verdict_name(v), "text", text, "next", next));
    if (d->silent || d->cli->json || (v == VERDICT_OK && d->cli->quiet)) {
        return;
    }
    char *safe = show_text(sentence(text), 0);
    (void)printf("%-5s %s\n", verdict_name(v), safe);
    if (v != VERDICT_OK) {
        (void)printf("      %s %s\n", _("Next:"), next);
    }
    free(safe);
}

bool doctor_open_store(const char *dir, bool read_only, struct store **store, enum tris_err *err,
                       char detail[DOCTOR_DETAIL_BYTES])
{
    struct store_opts opts = {.dir = dir, .read_only = read_only};
    detail[0] = '\0';
    *store = NULL;
    *err = store_identify(dir, &opts.fed, &opts.own);
    if (*err == TRIS_OK) {
        *err = store_open(&opts, store, detail, DOCTOR_DETAIL_BYTES);
    }
    if (*err != TRIS_OK && detail[0] == '\0') {
        (void)snprintf(detail, DOCTOR_DETAIL_BYTES, "%s", tris_err_text(*err));
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
        report(d, VERDICT_OK, err, CHECK_KEYS,
               keys.sealed[0] != '\0'
                   ? _("the keys are there, only you can read them, and a passphrase protects the "
                       "identity key")
                   : _("the keys are there and only you can read them"),
               NULL);
        keys_fini(&keys);
        return;
    }
    (void)snprintf(text, sizeof text, "%s: %s", file != NULL ? file : "", tris_err_text(err));
    report(d, VERDICT_FAIL, err, CHECK_KEYS, text,
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
        report(d, VERDICT_FAIL, err == TRIS_ERR_NOT_FOUND ? TRIS_ERR_NOT_INIT : err, CHECK_CHARTER,
               err == TRIS_ERR_NOT_FOUND ? _("there is no charter: this house is in no federation")
                                         : tris_err_text(err),
               "tris init --charter FILE");
    } else {
        bool complete = charter_complete(&charter);
        report(d, complete ? VERDICT_OK : VERDICT_FAIL, TRIS_ERR_NOT_READY, CHECK_CHARTER,
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
    report(d, left < FREE_WARN_BYTES ? VERDICT_WARN : VERDICT_OK, TRIS_ERR_DISK_FULL, CHECK_DISK,
           text, "df -h");
}

static void check_connections(struct doctor *d, const json_t *status)
{
    const json_t *sync = json_object_get(status, "sync");
    long long connected = (long long)get_int(sync, "others_connected");
    long long others = (long long)get_int(sync, "others");
    char text[160];
    (void)snprintf(text, sizeof text, _("connected to %lld of %lld other members"), connected,
                   others);
    report(d, connected > 0 || others == 0 ? VERDICT_OK : VERDICT_WARN, TRIS_OK, CHECK_PEERS, text,
           "tris peer list");
    (void)snprintf(text, sizeof text, _("%lld entries have no effect on views"),
                   (long long)get_int(json_object_get(status, "store"), "inert"));
    report(d, get_int(json_object_get(status, "store"), "inert") > 0 ? VERDICT_WARN : VERDICT_OK,
           TRIS_OK, CHECK_INERT, text, "tris log tail");
}

/* Where a mark says that there were records, init makes no new store: it would contradict them. */
static void report_no_store(struct doctor *d, enum tris_err err, const char *detail)
{
    char mark[FILE_PATH_BYTES];
    if (err != TRIS_ERR_NOT_INIT && err != TRIS_ERR_NOT_FOUND) {
        report(d, VERDICT_FAIL, err, CHECK_STORE, detail, NULL);
    } else if (file_path(d->cli->data_dir, "mark", mark) && file_exists(mark)) {
        report(d, VERDICT_FAIL, TRIS_ERR_MARK_AHEAD, CHECK_STORE,
               _("the store is gone, and the mark says that this house has records"),
               "tris backup restore DIR");
    } else {
        report(d, VERDICT_WARN, err, CHECK_STORE, _("there is no store: init makes it anew"),
               "tris init --charter FILE");
    }
}

/* Daemon down: the store and its mark are looked at directly. */
static void check_store_offline(struct doctor *d)
{
    struct store *store;
    enum tris_err err;
    char detail[DOCTOR_DETAIL_BYTES];
    if (!doctor_open_store(d->cli->data_dir, true, &store, &err, detail)) {
        report_no_store(d, err, detail);
        return;
    }
    err = store_mark_check(store, detail, sizeof detail);
    report(d, err == TRIS_OK ? VERDICT_OK : VERDICT_FAIL, err, CHECK_MARK,
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
        report(d, VERDICT_OK, TRIS_OK, CHECK_GUARD, _("own entries are sealed as they are written"),
               NULL);
    } else {
        if (mark[0] != '\0') {
            report(d, VERDICT_WARN, TRIS_OK, CHECK_MARK, mark, get_text(guard, "next"));
        }
        report(d, alarm ? VERDICT_FAIL : VERDICT_WARN, TRIS_ERR_FORK, CHECK_GUARD,
               get_text(guard, "text"), get_text(guard, "next"));
    }
    if (decisions > 0) {
        (void)snprintf(text, sizeof text, _("%s own entries wait for your decision"),
                       show_count(decisions, count));
        report(d, VERDICT_WARN, TRIS_OK, CHECK_DRAFTS, text, "tris draft list");
    }
}

/* One district set up twice is a mistake more often than a plan: the first such two are named. */
static void check_regions(struct doctor *d)
{
    struct fault fault;
    json_t *seen = json_object(), *params = json_object();
    char text[256] = "";
    while (params != NULL && text[0] == '\0') {
        json_t *page = cli_try(d->cli, "house.list", params, &fault);
        size_t index;
        json_t *item;
        params = NULL;
        json_array_foreach(json_object_get(page, "items"), index, item)
        {
            const char *region = get_text(item, "region"), *slug = get_text(item, "slug");
            if (text[0] != '\0' || strcmp(get_text(item, "role"), "observer") == 0) {
                continue;
            }
            if (json_object_get(seen, region) != NULL) {
                (void)snprintf(text, sizeof text,
                               _("two houses are of district %.5s: %.80s and %.80s"), region,
                               get_text(seen, region), slug);
            }
            (void)json_object_set_new(seen, region, json_string(slug));
        }
        if (json_object_get(page, "after") != NULL) {
            params = json_pack("{s:I}", "after", (json_int_t)get_int(page, "after"));
        }
        json_decref(page);
    }
    json_decref(params);
    json_decref(seen);
    if (text[0] != '\0') {
        report(d, VERDICT_WARN, TRIS_OK, CHECK_REGION, text, NULL);
    }
}

/* What holds up other houses, one line a step. */
static void check_houses(struct doctor *d)
{
    struct fault fault;
    long long counts[CHECK_COUNT] = {0};
    char first[CHECK_COUNT][SHOW_BYTES];
    json_t *params = json_object();
    while (params != NULL) {
        json_t *page = cli_try(d->cli, "sync.status", params, &fault);
        size_t index;
        json_t *item;
        params = NULL;
        json_array_foreach(json_object_get(page, "items"), index, item)
        {
            for (int c = CHECK_STEPS; c < CHECK_COUNT; c++) {
                if (strcmp(get_text(item, "step"), doctor_rows[c].name) == 0 && counts[c]++ == 0) {
                    (void)snprintf(first[c], sizeof first[c], "%s", get_text(item, "slug"));
                }
            }
        }
        if (json_object_get(page, "after") != NULL) {
            params = json_pack("{s:I}", "after", (json_int_t)get_int(page, "after"));
        }
        json_decref(page);
    }
    for (int c = CHECK_STEPS; c < CHECK_COUNT; c++) {
        char text[256], next[SHOW_BYTES + 16];
        if (counts[c] > 0) {
            (void)snprintf(text, sizeof text, _("%s: %lld houses, the first is %s"),
                           _(doctor_rows[c].text), counts[c], first[c]);
            (void)snprintf(next, sizeof next, "tris why %s", first[c]);
            report(d, VERDICT_WARN, TRIS_OK, (enum doctor_check)c, text, next);
        }
    }
}

static void check_daemon(struct doctor *d)
{
    size_t index;
    json_t *item;
    struct fault fault;
    json_t *status = cli_try(d->cli, "status", json_object(), &fault);
    if (status == NULL) {
        report(d, VERDICT_WARN, TRIS_ERR_NOT_READY, CHECK_DAEMON, fault.message, fault.next);
        check_store_offline(d);
        return;
    }
    report(d, VERDICT_OK, TRIS_OK, CHECK_DAEMON, _("the daemon answers"), NULL);
    const json_t *guard = json_object_get(status, "guard");
    check_guard(d, guard);
    const json_t *steps = json_object_get(status, "steps");
    json_array_foreach(json_object_get(status, "warnings"), index, item)
    {
        const char *said = json_string_value(item) != NULL ? json_string_value(item) : "";
        if (strcmp(said, get_text(guard, "text")) == 0 ||
            strcmp(said, get_text(guard, "mark")) == 0) {
            continue;
        }
        report(d, VERDICT_WARN, TRIS_OK, CHECK_STORE, said,
               json_string_value(json_array_get(steps, index)));
    }
    check_connections(d, status);
    check_houses(d);
    check_regions(d);
    json_decref(status);
}

static void check_all(struct doctor *d)
{
    check_keys(d);
    check_charter(d);
    check_disk(d);
    check_daemon(d);
}

json_t *doctor_findings(struct cli *cli)
{
    struct doctor d = {.cli = cli, .items = json_array(), .silent = true};
    check_all(&d);
    return json_pack("{s:o, s:s}", "items", d.items, "result", verdict_name(d.worst));
}

int doctor_run(struct cli *cli, const struct args *args)
{
    struct doctor d = {.cli = cli, .items = json_array(), .exit_code = EXIT_OK};
    if (args_flag(args, "accept-loss") || args_flag(args, "end-alarm")) {
        json_decref(d.items);
        return doctor_decide(cli, args_flag(args, "accept-loss"));
    }
    check_all(&d);
    if (cli->json) {
        (void)cli_json(json_pack("{s:O, s:s}", "items", d.items, "result", verdict_name(d.worst)),
                       "tris.doctor.1");
    }
    json_decref(d.items);
    return d.worst == VERDICT_WARN ? EXIT_PARTLY : d.exit_code;
}
