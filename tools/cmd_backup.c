/* tris backup: a consistent copy of a running node, its check, and putting it back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/backup.h"
#include "tools/client.h"
#include "tools/mpjson.h"
#include "tools/offline.h"
#include "tools/progress.h"

enum { BACKUP_TIMEOUT_MS = 24 * 3600 * 1000, PATH_BYTES = 1024, POLL_MS = 200 };

/* ---- create ---- */

/* An existing directory gets a new one with a name of its own: "koeln-20261123T150000Z". */
static bool backup_name(struct cli *cli, const char *slug, const char *path, char out[PATH_BYTES])
{
    char here[PATH_BYTES] = "", stamp[32] = "";
    struct stat st;
    struct tm tm;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    if (path[0] != '/' && getcwd(here, sizeof here - 1) == NULL) {
        (void)cli_error(cli, TRIS_ERR_IO, NULL, NULL, "%s: %s", path, strerror(errno));
        return false;
    }
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    int n = snprintf(out, PATH_BYTES, "%s%s%.*s", here, here[0] != '\0' ? "/" : "", (int)len, path);
    if (n > 0 && n < PATH_BYTES && stat(out, &st) == 0 && S_ISDIR(st.st_mode) &&
        gmtime_r(&now, &tm) != NULL) {
        (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
        n += snprintf(out + n, PATH_BYTES - (size_t)n, "/%.64s-%s", slug, stamp);
    }
    if (n <= 0 || n >= PATH_BYTES) {
        (void)cli_usage(cli, "tris help backup create", _("the path is too long"));
        return false;
    }
    return true;
}

static void show_progress(struct progress *p, struct span answer)
{
    json_t *result = mpjson_decode(answer);
    p->total = (uint64_t)get_int(result, "total");
    progress_show(p, (uint64_t)get_int(result, "bytes"), (uint64_t)get_int(result, "bytes"));
    json_decref(result);
}

/* Waits for the answer to `id` and asks meanwhile how far it is. NULL with `fault`. */
static json_t *wait_backup(struct cli *cli, uint64_t id, struct fault *fault)
{
    const uint8_t none = 0x80; /* an empty map */
    const struct timespec pause = {0, POLL_MS * 1000000L};
    struct progress progress;
    struct span answer = {NULL, 0};
    uint64_t asked = 1, came = 0;
    bool good = false;
    progress_start(&progress, cli, 0);
    progress.bytes = true;
    while (asked != 0 && came != id) {
        asked = client_send(cli->client, "backup.progress", span_of(&none, 1), fault);
        good = asked != 0 && client_receive(cli->client, &came, &answer, fault);
        if (asked == 0 || came == 0) {
            break; /* the connection is gone */
        }
        if (came == asked) {
            if (good) {
                show_progress(&progress, answer);
            }
            (void)nanosleep(&pause, NULL);
        }
    }
    progress_end(&progress);
    json_t *result = good && came == id ? mpjson_decode(answer) : NULL;
    if (good && result == NULL) {
        fault_set(fault, TRIS_ERR_BAD_TYPE, NULL, "tris version",
                  _("the daemon's answer to %s is not understood"), "backup.create");
    }
    return result;
}

/* Without a terminal nobody looks at the progress, and nothing but the backup is asked for. */
static json_t *call_create(struct cli *cli, const char *path, bool with_keys, int *code)
{
    uint8_t bytes[PATH_BYTES + 64];
    struct fault fault;
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    client_set_timeout(cli->client, BACKUP_TIMEOUT_MS);
    if (!cli->tty_err || cli->quiet || cli->json) {
        return cli_call(cli, "backup.create",
                        json_pack("{s:s, s:b}", "path", path, "with_keys", with_keys ? 1 : 0),
                        code);
    }
    pack_write_map(&w, 2);
    pack_write_cstr(&w, "path");
    pack_write_cstr(&w, path);
    pack_write_cstr(&w, "with_keys");
    pack_write_bool(&w, with_keys);
    uint64_t id = client_send(cli->client, "backup.create", wbuf_span(&w), &fault);
    json_t *result = id != 0 ? wait_backup(cli, id, &fault) : NULL;
    if (result == NULL) {
        *code = cli_fail(cli, &fault);
    }
    return result;
}

static int backup_create_run(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    char path[PATH_BYTES], bytes[SHOW_BYTES], entries[SHOW_BYTES];
    if (cli_no_dry_run(cli)) {
        return EXIT_USAGE;
    }
    json_t *status = cli_call(cli, "status", json_object(), &code);
    if (status == NULL) {
        return code;
    }
    const char *slug = get_text(json_object_get(status, "house"), "slug");
    bool named = backup_name(cli, slug, args->pos[0], path);
    json_decref(status);
    if (!named) {
        return EXIT_USAGE;
    }
    json_t *result = call_create(cli, path, args_flag(args, "with-keys"), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.backup.create.1") : code;
    }
    char *safe = show_text(get_text(result, "path"), 0);
    (void)puts(safe);
    cli_note(cli, _("%s, %s entries"), show_bytes((uint64_t)get_int(result, "bytes"), bytes),
             show_count(get_int(result, "entries"), entries));
    cli_note(cli, "%s",
             get_bool(result, "keys")
                 ? _("The private keys are in it: keep it as safe as the keys.")
                 : _("The private keys are not in it: tris key backup saves them."));
    cli_note(cli, _("Next: tris backup verify %s"), safe);
    free(safe);
    json_decref(result);
    return EXIT_OK;
}

/* ---- verify ---- */

/* An audit makes the views anew in a scratch environment: beside the copy if that may be written.
 */
static const char *scratch_for(const char *path)
{
    const char *temp = getenv("TMPDIR");
    if (access(path, W_OK) == 0) {
        return path;
    }
    return temp != NULL && temp[0] == '/' ? temp : "/tmp";
}

static int verify_print(struct cli *cli, const struct backup_manifest *m,
                        const struct audit_report *r)
{
    char a[SHOW_BYTES], b[SHOW_BYTES], c[SHOW_BYTES], own[65];
    const bool good = r->problems == 0;
    tris_hex(m->own.b, sizeof m->own.b, own);
    if (cli->json) {
        (void)cli_json(
            json_pack("{s:I, s:s, s:b, s:I, s:I, s:I, s:I, s:s}", "time_ms", (json_int_t)m->time_ms,
                      "house", own, "keys", m->has_keys ? 1 : 0, "files", (json_int_t)m->file_count,
                      "entries", (json_int_t)r->entries, "records", (json_int_t)r->records,
                      "problems", (json_int_t)r->problems, "first_problem", r->first_problem),
            "tris.backup.verify.1");
        return good ? EXIT_OK : EXIT_INTEGRITY;
    }
    (void)printf(_("backup of %s, %llu files, %s entries, %s records\n"), show_time(m->time_ms, a),
                 (unsigned long long)m->file_count, show_count((int64_t)r->entries, b),
                 show_count((int64_t)r->records, c));
    if (good) {
        (void)printf("%s  %s\n", _("OK"),
                     _("every file is as its manifest says, and the store as its logs say"));
        return EXIT_OK;
    }
    char *first = show_text(r->first_problem, 0);
    (void)printf(_("FAIL  %s problems; the first: %s\n"), show_count((int64_t)r->problems, a),
                 first);
    free(first);
    return EXIT_INTEGRITY;
}

static int backup_failed(const struct cli *cli, enum tris_err err, const char *unchanged,
                         const char *next, const char *detail)
{
    return cli_error(cli, err, unchanged, next, "%s", detail);
}

/* The way on where one place or one copy does not serve. */
static const char *restore_next(enum tris_err err)
{
    switch ((int)err) {
    case TRIS_ERR_EXISTS:
        return "tris backup restore BACKUP --data NEW-DIRECTORY";
    case TRIS_ERR_DISK_FULL:
        return "df -h";
    case TRIS_ERR_CORRUPT:
        return "tris backup verify ANOTHER-BACKUP";
    default:
        return NULL;
    }
}

/* Files in bytes, then the store in entries. */
static bool verify_goes_on(void *ctx, uint64_t done, uint64_t all)
{
    struct progress *p = ctx;
    p->total = all;
    progress_show(p, done, done);
    return true;
}

static int backup_verify_run(struct cli *cli, const struct args *args)
{
    struct progress progress;
    struct backup_manifest m;
    struct audit_report r;
    struct store *store = NULL;
    char detail[BACKUP_DETAIL_BYTES];
    const char *path = args->pos[0], *unchanged = _("The backup was only read.");
    memset(&r, 0, sizeof r);
    progress_start(&progress, cli, 0);
    progress.bytes = true;
    enum tris_err err = backup_check(path, &m, verify_goes_on, &progress, detail);
    progress_end(&progress);
    if (err == TRIS_OK) {
        err = backup_open_store(path, &m, scratch_for(path), &store, detail);
    }
    if (err != TRIS_OK) {
        return backup_failed(cli, err, unchanged, restore_next(err), detail);
    }
    progress_start(&progress, cli, 0);
    err = store_audit(store, args_flag(args, "fast"), verify_goes_on, &progress, &r);
    progress_end(&progress);
    store_close(store);
    if (err != TRIS_OK) {
        return backup_failed(cli, err, unchanged, NULL, tris_err_text(err));
    }
    r.first_problem[sizeof r.first_problem - 1] = '\0';
    return verify_print(cli, &m, &r);
}

/* ---- restore ---- */

static void restore_words(struct cli *cli, const struct backup_manifest *m, bool observer)
{
    char time[SHOW_BYTES];
    char *dir = show_text(cli->data_dir, 0);
    cli_note(cli, _("Restored to %s as of %s."), dir, show_time(m->time_ms, time));
    if (!m->has_keys) {
        cli_note(cli,
                 _("The private keys are not in this backup. Next: tris key restore FILE "
                   "--data %s"),
                 dir);
    }
    if (!observer) {
        cli_note(cli, "%s",
                 _("What this house sealed after the backup is missing here, and other houses may "
                   "hold it. trisd fetches it from them; what is written meanwhile stays unsealed, "
                   "and is written again behind it. Sealing begins when two other houses (all, if "
                   "there are fewer) have said what they hold, and you have said:"));
        cli_note(cli, _("  tris doctor --accept-loss --data %s"), dir);
    }
    free(dir);
}

static int backup_restore_run(struct cli *cli, const struct args *args)
{
    struct backup_manifest m;
    struct house_line line;
    char detail[BACKUP_DETAIL_BYTES], made[SHOW_BYTES];
    const char *path = args->pos[0], *unchanged = _("Nothing was restored.");
    enum tris_err err = backup_check(path, &m, NULL, NULL, detail);
    if (err != TRIS_OK) {
        return backup_failed(cli, err, unchanged, restore_next(err), detail);
    }
    err = keys_line_load(path, &line);
    if (err != TRIS_OK || !tris_house_id_eq(&line.id, &m.own)) {
        return backup_failed(cli, TRIS_ERR_CORRUPT, unchanged, restore_next(TRIS_ERR_CORRUPT),
                             _("the house line in the backup is not of its house"));
    }
    const bool observer = line.role == TRIS_ROLE_OBSERVER;
    if (cli->dry_run) {
        cli_note(cli, _("Dry run, nothing written to %s."), cli->data_dir);
        return EXIT_OK;
    }
    err = backup_restore(path, &m, cli->data_dir, observer ? NULL : show_rfc3339(m.time_ms, made),
                         detail);
    if (err != TRIS_OK) {
        return backup_failed(cli, err, unchanged, restore_next(err), detail);
    }
    restore_words(cli, &m, observer);
    return EXIT_OK;
}

static const struct cli_option create_options[] = {
    {"with-keys", NULL, N_("the private keys too: whoever has the backup then is this house"), 0},
    {NULL, NULL, NULL, 0},
};
static const struct cli_option verify_options[] = {
    {"fast", NULL, N_("heads, newest seals and counters only"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_backup_rows[] = {
    {"backup", "create", "DIR",
     N_("copy the running node to a new directory, or into a new one below an existing DIR"),
     create_options, 1, 1, 0, backup_create_run},
    {"backup", "verify", "DIR", N_("check a backup: checksums, logs, seals, views"), verify_options,
     1, 1, 0, backup_verify_run},
    {"backup", "restore", "DIR",
     N_("put a backup back into the new or empty directory that --data names"), NULL, 1, 1, 0,
     backup_restore_run},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
