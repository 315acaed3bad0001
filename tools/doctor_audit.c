/* tris audit: the daemon recomputes its store, or this program does while the daemon is down. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store.h"
#include "tools/client.h"
#include "tools/doctor.h"

enum { AUDIT_TIMEOUT_MS = 24 * 3600 * 1000 };

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
    char detail[DOCTOR_DETAIL_BYTES];
    struct audit_report r;
    memset(&r, 0, sizeof r);
    if (!doctor_open_store(cli->data_dir, true, &store, &err, detail)) {
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
