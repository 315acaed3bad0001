/* init: keys, house line, charter and store of a data directory. Safe to repeat: what is there is
 * kept; everything is checked before the first file is written. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "storage/store.h"
#include "tools/init.h"

enum { FOUND_ADMIT = 3, FOUND_REVOKE = 4 };

static const uint64_t map_bytes_default = 64ULL << 30;

/* ---- the charter ---- */

static int found_prepare(struct init *in, const char *name)
{
    uint8_t nonce[32];
    if (in->line.role == TRIS_ROLE_OBSERVER) {
        return cli_usage(in->cli, "tris help init", _("an observer cannot found a federation"));
    }
    if (in->has_charter) {
        if (in->charter.member_count == 1 && strcmp(in->charter.name, name) == 0) {
            return EXIT_OK; /* done before */
        }
        return cli_error(in->cli, TRIS_ERR_EXISTS, _("charter and records"), "tris charter show",
                         _("this house belongs to the federation \"%s\" already"),
                         in->charter.name);
    }
    randombytes_buf(nonce, sizeof nonce);
    enum tris_err err =
        charter_new(name, nonce, &in->line, 1, FOUND_ADMIT, FOUND_REVOKE, &in->charter);
    if (err != TRIS_OK) {
        return cli_usage(in->cli, "tris help init", _("--found: 1 to %d characters of one line"),
                         TRIS_NAME_CHARS_MAX);
    }
    in->has_charter = true;
    err = charter_sign(&in->charter, &in->keys.identity);
    if (err != TRIS_OK) {
        return cli_error(in->cli, err, _("nothing was written"), NULL, "%s", _(tris_err_text(err)));
    }
    in->charter_made = true;
    return EXIT_OK;
}

static int charter_incomplete(const struct init *in, const struct charter *c, const char *path)
{
    char missing[256] = "", next[FILE_PATH_BYTES + 32];
    size_t used = 0;
    for (uint32_t i = 0; i < c->founder_count; i++) {
        if (!charter_signed_by(c, &c->member[i].id) && used + TRIS_SLUG_BYTES_MAX + 3 < 256) {
            used += (size_t)snprintf(missing + used, sizeof missing - used, "%s%s",
                                     used > 0 ? ", " : "", c->member[i].slug);
        }
    }
    (void)snprintf(next, sizeof next, "tris charter sign %s", path);
    return cli_error(in->cli, TRIS_ERR_NOT_READY, _("nothing was written"), next,
                     _("the charter still misses signatures: %s"), missing);
}

/* The own line as the charter has it: the same identity and the same transport key. */
static int charter_own_line(struct init *in, const struct charter *c)
{
    struct tris_house_id id;
    init_own_id(in, &id);
    const struct house_line *own = charter_find(c, &id);
    if (own == NULL) {
        return cli_error(in->cli, TRIS_ERR_NOT_FOUND, _("nothing was written"),
                         "tris charter show FILE", _("the charter \"%s\" does not name this house"),
                         c->name);
    }
    if (!tris_dh_pub_eq(&own->transport, &in->keys.transport.pub)) {
        return cli_error(in->cli, TRIS_ERR_BAD_KEY, _("nothing was written"), "tris key show",
                         _("the charter names another transport key for this house than "
                           "transport.key has"));
    }
    struct house_line kept;
    in->line = *own;
    if (in->has_charter && keys_line_load(in->cli->data_dir, &kept) == TRIS_OK &&
        tris_house_id_eq(&kept.id, &own->id) && kept.time_ms > own->time_ms) {
        in->line = kept; /* made since: a new address, or a later key */
    }
    enum tris_err err = house_line_print(&in->line, in->text, sizeof in->text);
    if (err != TRIS_OK) {
        return offline_file_error(in->cli, err, HOUSE_LINE_FILE, NULL);
    }
    in->line_made = true;
    return EXIT_OK;
}

/* Checks the charter of FILE; if it may be taken over, it becomes in->charter. */
static int charter_prepare(struct init *in, const char *path)
{
    struct charter c;
    int code = offline_charter_read(in->cli, path, &c);
    if (code != EXIT_OK) {
        return code;
    }
    if (in->has_charter && !tris_fed_id_eq(&c.fed, &in->charter.fed)) {
        code =
            cli_error(in->cli, TRIS_ERR_EXISTS, _("charter and records"), "tris charter show",
                      _("this house belongs to the federation \"%s\" already"), in->charter.name);
    } else if (!charter_complete(&c)) {
        code = charter_incomplete(in, &c, path);
    } else {
        code = charter_own_line(in, &c);
    }
    if (code != EXIT_OK) {
        charter_fini(&c);
        return code;
    }
    if (in->has_charter) {
        charter_fini(&in->charter);
    }
    in->charter = c;
    in->has_charter = in->charter_made = true;
    return EXIT_OK;
}

/* ---- writing ---- */

static int write_store(struct init *in)
{
    struct store_opts opts = {.dir = in->cli->data_dir,
                              .map_bytes = map_bytes_default,
                              .create = true,
                              .fed = in->charter.fed};
    struct store *store = NULL;
    struct tris_fed_id fed;
    struct tris_house_id own;
    char detail[256] = "", mark[FILE_PATH_BYTES];
    init_own_id(in, &opts.own);
    opts.own_epoch = in->line.epoch;
    opts.own_key = in->line.key;
    if (store_identify(in->cli->data_dir, &fed, &own) == TRIS_OK) {
        if (tris_fed_id_eq(&fed, &opts.fed) && tris_house_id_eq(&own, &opts.own)) {
            return EXIT_OK; /* a daemon may be using it */
        }
        return cli_error(in->cli, TRIS_ERR_INVALID, _("the store"), "tris doctor",
                         _("the store in %s belongs to another federation or house"),
                         in->cli->data_dir);
    }
    if (file_path(in->cli->data_dir, "mark", mark) && file_exists(mark)) {
        /* an empty store would let this house seal other entries at positions it has used */
        return cli_error(in->cli, TRIS_ERR_MARK_AHEAD, _("mark file, keys and charter"),
                         "tris doctor",
                         _("%s says that this house has records, but its store is gone; bring the "
                           "store back from a backup"),
                         mark);
    }
    enum tris_err err = store_open(&opts, &store, detail, sizeof detail);
    if (err != TRIS_OK) {
        return cli_error(in->cli, err, _("keys, house line and charter were written"), "tris init",
                         _("the store could not be made: %s"),
                         detail[0] != '\0' ? detail : _(tris_err_text(err)));
    }
    store_close(store);
    return EXIT_OK;
}

int init_write_keys(struct init *in)
{
    const char *file = "";
    enum tris_err err = dir_make(in->cli->data_dir);
    if (err == TRIS_OK && !in->keys.has_identity && chmod(in->cli->data_dir, S_IRWXU) != 0) {
        err = TRIS_ERR_PERMISSION;
    }
    if (err != TRIS_OK) {
        return offline_file_error(in->cli, err, in->cli->data_dir, _("nothing was written"));
    }
    err = keys_store(in->cli->data_dir, &in->keys, NULL, &file);
    if (err == TRIS_OK && in->line_made) {
        file = HOUSE_LINE_FILE;
        err = keys_line_store(in->cli->data_dir, in->text);
    }
    return err == TRIS_OK ? EXIT_OK : offline_file_error(in->cli, err, file, NULL);
}

int init_write_charter(struct init *in)
{
    char path[FILE_PATH_BYTES];
    enum tris_err err = TRIS_OK;
    if (in->charter_made) {
        err = file_path(in->cli->data_dir, CHARTER_FILE, path)
                  ? offline_charter_write(path, &in->charter, FILE_REPLACE)
                  : TRIS_ERR_TOO_LARGE;
    }
    if (err != TRIS_OK) {
        return offline_file_error(in->cli, err, CHARTER_FILE, NULL);
    }
    return in->has_charter ? write_store(in) : EXIT_OK;
}

static bool joins(const struct init *in)
{
    return in->invite.addr_count > 0;
}

/* ---- what people see ---- */

static int print_json(const struct init *in)
{
    char id[65], fed[65];
    json_t *addresses = json_array();
    for (uint32_t i = 0; i < in->line.addr_count; i++) {
        (void)json_array_append_new(addresses, json_string(in->line.addr[i]));
    }
    tris_hex(in->line.id.b, sizeof in->line.id.b, id);
    json_t *result = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:b}", "id", id, "role",
                               tris_role_name(in->line.role), "region", in->line.region, "slug",
                               in->line.slug, "name", in->line.name, "addresses", addresses, "line",
                               in->text, "data", in->cli->data_dir, "dry_run", in->cli->dry_run);
    if (in->has_charter && result != NULL) {
        tris_hex(in->charter.fed.b, sizeof in->charter.fed.b, fed);
        (void)json_object_set_new(result, "federation",
                                  json_pack("{s:s, s:s}", "id", fed, "name", in->charter.name));
    }
    if (joins(in) && result != NULL) {
        init_join_json(in, result);
    }
    return cli_json(result, "tris.init.1");
}

/* A house that said where it is reached has to listen there. */
void init_note_start(const struct init *in)
{
    const char *port = in->line.addr_count > 0 ? strrchr(in->line.addr[0], ':') : NULL;
    if (port == NULL) {
        cli_note(in->cli, _("Next: trisd --data %s"), in->cli->data_dir);
    } else if (strncmp(in->line.addr[0], "127.", 4) == 0) {
        cli_note(in->cli, _("Next: trisd --data %s --listen %s"), in->cli->data_dir,
                 in->line.addr[0]);
    } else {
        cli_note(in->cli, _("Next: trisd --data %s --listen '[::]%s'"), in->cli->data_dir, port);
    }
}

static int print_result(const struct init *in)
{
    if (in->cli->dry_run && !(in->keys.has_identity && in->keys.has_transport)) {
        /* the keys behind this line are not kept: nobody must take it for a real one */
        cli_note(in->cli, _("Dry run, nothing written to %s."), in->cli->data_dir);
        return EXIT_OK;
    }
    if (in->cli->json) {
        return print_json(in);
    }
    if (args_value(in->args, "charter") == NULL && !joins(in)) { /* these two have told the line */
        (void)printf("%s\n", in->text);
    }
    if (in->cli->dry_run) {
        cli_note(in->cli, _("Dry run, nothing written to %s."), in->cli->data_dir);
    } else if (in->has_charter) {
        char fed[65];
        tris_hex(in->charter.fed.b, sizeof in->charter.fed.b, fed);
        cli_note(in->cli, _("Federation \"%s\", id %s"), in->charter.name, fed);
        if (joins(in)) {
            init_join_note(in);
        }
        init_note_start(in);
    } else {
        cli_note(in->cli, _("The line above is the house line of %s; keys are in %s."),
                 in->line.name, in->cli->data_dir);
        cli_note(in->cli, _("Next: give the line to whoever writes the charter (tris charter new), "
                            "or alone: tris init --found NAME"));
    }
    return EXIT_OK;
}

static int prepare(struct init *in, const char *join)
{
    const char *found = args_value(in->args, "found"), *file = NULL;
    const char *charter = args_value(in->args, "charter");
    if ((found != NULL) + (charter != NULL) + (join != NULL) > 1) {
        return cli_usage(in->cli, "tris help init",
                         _("--found, --charter and --join exclude each other"));
    }
    enum tris_err err = keys_load(in->cli->data_dir, &in->keys, &file);
    bool old_keys = charter != NULL || strcmp(in->args->command->noun, "peer") == 0;
    if (err == TRIS_OK && old_keys && !(in->keys.has_identity && in->keys.has_transport)) {
        err = TRIS_ERR_NOT_INIT; /* no charter can name keys that do not exist yet */
    }
    if (err != TRIS_OK) {
        return offline_key_error(in->cli, err, file);
    }
    int code = keys_open(in->cli, &in->keys, NULL);
    if (code != EXIT_OK) {
        return code;
    }
    err = offline_charter_load(in->cli, &in->charter);
    in->has_charter = err == TRIS_OK;
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        return offline_file_error(in->cli, err, CHARTER_FILE, _("nothing was written"));
    }
    keys_make_missing(&in->keys);
    if (charter != NULL) {
        return charter_prepare(in, charter);
    }
    code = join != NULL ? init_join_prepare(in, join) : EXIT_OK;
    if (code == EXIT_OK) {
        code = init_line_prepare(in);
    }
    return code == EXIT_OK && found != NULL ? found_prepare(in, found) : code;
}

int init_with_invitation(struct cli *cli, const struct args *args, const char *invitation)
{
    struct init *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return cli_error(cli, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", _("not enough memory"));
    }
    in->cli = cli;
    in->args = args;
    int code = prepare(in, invitation);
    if (code == EXIT_OK && !cli->dry_run) {
        code = init_write_keys(in);
        if (code == EXIT_OK) {
            code = joins(in) ? init_join_run(in) : init_write_charter(in);
        }
    }
    if (code == EXIT_OK) {
        code = print_result(in);
    }
    if (in->has_charter) {
        charter_fini(&in->charter);
    }
    keys_fini(&in->keys);
    sodium_memzero(in, sizeof *in);
    free(in);
    return code;
}

static int run_init(struct cli *cli, const struct args *args)
{
    return init_with_invitation(cli, args, args_value(args, "join"));
}

static const struct cli_option init_options[] = {
    {"region", N_("AGS"), N_("district of the house, 5 digits; DE for the coordination"), 0},
    {"name", N_("NAME"), N_("name of the house"), 0},
    {"slug", N_("SLUG"), N_("short name; from the district if not given"), 0},
    {"address", N_("HOST:PORT"), N_("where others reach this house; may be repeated"), 0},
    {"observer", NULL, N_("reads everything, has no records of its own"), 0},
    {"found", N_("NAME"), N_("found a federation alone"), 0},
    {"charter", N_("FILE"), N_("join the federation of this charter, signed by all founders"), 0},
    {"join", N_("INVITE"),
     N_("join the federation of the house that gave this invitation; - reads it"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_init_rows[] = {
    {"init", NULL, NULL, N_("make keys and house line, found or join a federation"), init_options,
     0, 0, 0, run_init},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
