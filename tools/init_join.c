/* init --join and peer join: from an invitation to a data directory with the federation's charter.
 *
 * The keys are stored before anybody is dialled, so that whoever came by the invitation is the one
 * who comes again. Safe to repeat at any point. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/store.h"
#include "tools/fingerprint.h"
#include "tools/init.h"
#include "tools/join.h"

static int invitation_read(const struct init *in, const char *text, struct invite *out)
{
    char *read = NULL;
    size_t len = 0;
    struct span line = span_str(text);
    if (strcmp(text, "-") == 0) {
        enum tris_err err = file_read("-", INVITE_TEXT_BYTES_MAX + 16, &read, &len);
        if (err != TRIS_OK) {
            return offline_file_error(in->cli, err, "-", _("nothing was written"));
        }
        line = span_of(read, len);
    }
    while (line.len > 0 && strchr(" \t\r\n", line.ptr[line.len - 1]) != NULL) {
        line.len--;
    }
    while (line.len > 0 && strchr(" \t\r\n", line.ptr[0]) != NULL) {
        line = span_of(line.ptr + 1, line.len - 1);
    }
    enum tris_err err = invite_parse(line, out);
    file_free(read, len);
    if (err == TRIS_ERR_BAD_VERSION) {
        return cli_error(in->cli, err, _("nothing was written"), "tris version",
                         _("this invitation is of a version that this program does not know"));
    }
    if (err != TRIS_OK) {
        return cli_error(in->cli, TRIS_ERR_INVALID, _("nothing was written"),
                         _("copy the whole line again, it begins with TRIS-INVITE-1:"),
                         _("this is no invitation, or there is a typo in it: its checksum does not "
                           "fit"));
    }
    return EXIT_OK;
}

int init_join_prepare(struct init *in, const char *text)
{
    struct tris_house_id own;
    char when[SHOW_BYTES];
    int code = invitation_read(in, text, &in->invite);
    if (code != EXIT_OK) {
        return code;
    }
    init_own_id(in, &own);
    if (in->has_charter && !tris_fed_id_eq(&in->charter.fed, &in->invite.fed)) {
        return cli_error(in->cli, TRIS_ERR_EXISTS, _("charter and records"), "tris charter show",
                         _("this house belongs to the federation \"%s\" already, the invitation is "
                           "for another one"),
                         in->charter.name);
    }
    if (tris_house_id_eq(&own, &in->invite.house)) {
        return cli_error(in->cli, TRIS_ERR_SELF, _("nothing was written"), "tris peer invite",
                         _("this house itself has made the invitation"));
    }
    if (in->invite.expires_ms <= clock_wall_ms()) {
        return cli_error(in->cli, TRIS_ERR_EXPIRED, _("nothing was written"),
                         _("ask the house that gave it for a new one"),
                         _("the invitation has expired on %s"),
                         show_time(in->invite.expires_ms, when));
    }
    return EXIT_OK;
}

/* ---- asking ---- */

static int fetch_error(const struct init *in, enum tris_err err, const char *why)
{
    const char *unchanged = in->has_charter ? _("everything is as it was")
                                            : _("keys and house line are stored, nothing else");
    switch ((int)err) {
    case TRIS_ERR_CLOSED:
    case TRIS_ERR_TIMEOUT:
        return cli_error(in->cli, err, unchanged, _("the same command again, later"),
                         _("the house that gave the invitation cannot be reached: %s"), why);
    case TRIS_ERR_GATE:
        return cli_error(in->cli, err, unchanged, _("ask the house that gave it for a new one"),
                         _("the house that gave the invitation does not answer to it: it was used "
                           "by another house, cancelled, or has expired (%s)"),
                         why);
    default:
        return cli_error(in->cli, err, unchanged, _("the same command again, later"),
                         _("the house that gave the invitation answers wrongly: %s"), why);
    }
}

/* Whether the inviter is who the charter, or else its own word, says. */
static int inviter_check(const struct init *in, const struct charter *c,
                         const struct join_result *got)
{
    const struct house_line *line = charter_find(c, &in->invite.house);
    struct house_line own;
    bool told = got->inviter[0] != '\0' &&
                house_line_parse(span_str(got->inviter), &own) == TRIS_OK &&
                tris_house_id_eq(&own.id, &in->invite.house) &&
                tris_dh_pub_eq(&own.transport, &in->invite.transport);
    if (told || (line != NULL && tris_dh_pub_eq(&line->transport, &in->invite.transport))) {
        return EXIT_OK;
    }
    return cli_error(in->cli, TRIS_ERR_WRONG_KEY, _("keys and house line are stored, nothing else"),
                     _("ask the house that gave it for a new one"),
                     _("neither the charter nor the house itself says that the transport key of "
                       "the invitation is its own"));
}

/* The charter as it came, checked like any other; in->charter afterwards. */
static int charter_take(struct init *in, const struct join_result *got)
{
    struct charter c;
    uint32_t line_no = 0;
    enum tris_err err = charter_parse(span_of(got->charter, got->charter_len), &c, &line_no);
    if (err == TRIS_OK && !charter_complete(&c)) {
        charter_fini(&c);
        err = TRIS_ERR_NOT_READY;
    }
    if (err != TRIS_OK) {
        return cli_error(in->cli, err, _("keys and house line are stored, nothing else"),
                         "tris version", _("the charter that came cannot be used (line %u): %s"),
                         (unsigned)line_no, _(tris_err_text(err)));
    }
    int code = inviter_check(in, &c, got);
    if (code != EXIT_OK || in->has_charter) { /* what is there may have more signatures */
        charter_fini(&c);
        return code;
    }
    in->charter = c;
    in->has_charter = in->charter_made = true;
    return EXIT_OK;
}

/* ---- where the daemon finds the inviter ---- */

static enum tris_err settings_put(struct store *s, const struct init *in)
{
    char key[96], value[TRIS_HOUSE_LINE_BYTES_MAX + 32], hex[65];
    const char *address = in->invite.addr[in->reached];
    struct store_txn *t;
    enum tris_err err = store_txn_begin(s, &t);
    if (err != TRIS_OK) {
        return err;
    }
    tris_hex(in->invite.house.b, sizeof in->invite.house.b, hex);
    (void)snprintf(key, sizeof key, "peer/%s", hex);
    err = store_setting_put(t, key, span_str(address));
    if (err == TRIS_OK && charter_find(&in->charter, &in->invite.house) == NULL) {
        (void)snprintf(key, sizeof key, "candidate/%s", hex);
        (void)snprintf(value, sizeof value, "%llu %s", (unsigned long long)clock_wall_ms(),
                       in->inviter);
        err = store_setting_put(t, key, span_str(value));
    }
    if (err != TRIS_OK) {
        store_abort(t);
        return err;
    }
    return store_commit(t);
}

static int inviter_note(const struct init *in)
{
    struct store_opts opts = {.dir = in->cli->data_dir, .fed = in->charter.fed};
    struct store *store = NULL;
    char detail[256] = "";
    init_own_id(in, &opts.own);
    opts.own_epoch = in->line.epoch;
    opts.own_key = in->line.key;
    enum tris_err err = store_open(&opts, &store, detail, sizeof detail);
    if (err == TRIS_ERR_IN_USE) { /* joined before, and the daemon runs */
        cli_note(in->cli, "%s", _("The daemon runs: the address of the inviter was not noted."));
        return EXIT_OK;
    }
    if (err == TRIS_OK) {
        err = settings_put(store, in);
        store_close(store);
    }
    return err == TRIS_OK ? EXIT_OK
                          : cli_error(in->cli, err, _("keys, house line and charter were written"),
                                      _("the same command again"),
                                      _("the address of the inviter could not be stored: %s"),
                                      detail[0] != '\0' ? detail : _(tris_err_text(err)));
}

int init_join_run(struct init *in)
{
    struct join_result got;
    char why[TRIS_ADDRESS_BYTES_MAX + 128] = "";
    enum tris_err err =
        join_fetch(&in->invite, &in->keys, in->text, in->cli->timeout_ms, &got, why, sizeof why);
    if (err != TRIS_OK) {
        return fetch_error(in, err, why);
    }
    in->reached = got.address;
    (void)snprintf(in->inviter, sizeof in->inviter, "%s", got.inviter);
    int code = charter_take(in, &got);
    free(got.charter);
    if (code == EXIT_OK) {
        code = init_write_charter(in);
    }
    return code == EXIT_OK ? inviter_note(in) : code;
}

/* ---- what people see ---- */

static void own_finger(const struct init *in, char finger[FINGERPRINT_BYTES])
{
    fingerprint_line(&in->line, finger);
}

void init_join_note(const struct init *in)
{
    char finger[FINGERPRINT_BYTES];
    struct tris_house_id id;
    init_own_id(in, &id);
    own_finger(in, finger);
    if (in->line.epoch == 0 && charter_find(&in->charter, &id) != NULL) {
        cli_note(in->cli, "%s", _("The charter names this house: it is a member."));
        return;
    }
    cli_note(in->cli,
             _("This house is a candidate: it gets records once %u members have endorsed it, the "
               "house that gave the invitation first."),
             (unsigned)in->charter.admit);
    cli_note(in->cli, "%s\n    %s", _("They compare its fingerprint with you on the phone:"),
             finger);
}

void init_join_json(const struct init *in, json_t *result)
{
    char finger[FINGERPRINT_BYTES], house[65];
    own_finger(in, finger);
    tris_hex(in->invite.house.b, sizeof in->invite.house.b, house);
    (void)json_object_set_new(result, "fingerprint", json_string(finger));
    (void)json_object_set_new(
        result, "invited_by",
        json_pack("{s:s, s:s}", "house", house, "address", in->invite.addr[in->reached]));
}
