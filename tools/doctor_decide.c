/* tris doctor --accept-loss and --end-alarm: what only a person can decide, with and without the
 * daemon. */
#include <stdio.h>
#include <string.h>

#include "storage/store.h"
#include "tools/client.h"
#include "tools/doctor.h"

enum { MARK_DETAIL_BYTES = 256 }; /* as in trisd, which compares what was accepted */

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
                    char detail[DOCTOR_DETAIL_BYTES])
{
    struct store_view *v;
    struct span value;
    if (x == &decisions[0]) {
        enum tris_err err = store_mark_check(store, detail, MARK_DETAIL_BYTES);
        if (err != TRIS_OK && detail[0] == '\0') {
            (void)snprintf(detail, DOCTOR_DETAIL_BYTES, "%s", tris_err_text(err));
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

int doctor_decide(struct cli *cli, bool loss)
{
    const struct decision *x = &decisions[loss ? 0 : 1];
    struct fault fault;
    json_t *status = cli_try(cli, "status", json_object(), &fault);
    if (status != NULL) {
        int code = decide_online(cli, x, status);
        json_decref(status);
        return code;
    }

    struct store *store;
    enum tris_err err;
    char detail[DOCTOR_DETAIL_BYTES];
    const char *unchanged = _("Store and mark are as before.");
    if (!doctor_open_store(cli->data_dir, false, &store, &err, detail)) {
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
