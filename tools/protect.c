/* A passphrase for identity.key: set, changed, taken off; see protect.h. The file is replaced as a
 * whole, so that there is always one that opens with the old or with the new passphrase. */
#include "tools/protect.h"

#include <sodium.h>
#include <stdio.h>

#include "tools/offline.h"

const struct cli_option protect_options[] = {
    {"new", N_("FILE"), N_("file with the new passphrase; else it is asked for"), 0},
    {"remove", NULL, N_("take the passphrase off"), 0},
    {NULL, NULL, NULL, 0},
};

/* A key without passphrase takes the new one also from TRIS_PASSPHRASE_FILE, which else names the
 * present one. */
static int new_passphrase(const struct cli *cli, const struct args *args, bool was_sealed,
                          char out[SEALED_PASSPHRASE_BYTES_MAX])
{
    const char *file = args_value(args, "new");
    if (file == NULL && !was_sealed) {
        file = passphrase_file();
    }
    return passphrase_get(cli, file, _("New passphrase: "), true, out);
}

static int store(const struct cli *cli, const struct keys *keys, const char *passphrase)
{
    char text[SEALED_KEY_BYTES_MAX], path[FILE_PATH_BYTES];
    enum tris_err err = keys_identity_text(keys, passphrase, text);
    if (err == TRIS_OK) {
        err = file_path(cli->data_dir, IDENTITY_FILE, path)
                  ? file_write(path, span_str(text), KEY_FILE_MODE, FILE_REPLACE)
                  : TRIS_ERR_TOO_LARGE;
    }
    sodium_memzero(text, sizeof text);
    return err == TRIS_OK
               ? EXIT_OK
               : offline_file_error(cli, err, IDENTITY_FILE, _("the key as it was before"));
}

static int answer(const struct cli *cli, bool protected)
{
    if (cli->dry_run) {
        cli_note(cli, "%s", _("Dry run, nothing written."));
    } else if (protected) {
        cli_note(cli, "%s",
                 _("The identity key opens with its passphrase only. trisd takes it from "
                   "TRIS_PASSPHRASE_FILE; nobody can bring back one that is forgotten, only a "
                   "backup of the keys or a new key can help then: tris key backup"));
    } else {
        cli_note(cli, "%s", _("The identity key opens without a passphrase."));
    }
    return cli->json
               ? cli_json(json_pack("{s:b}", "protected", protected ? 1 : 0), "tris.key.protect.1")
               : EXIT_OK;
}

static int take_off(const struct cli *cli, struct keys *keys)
{
    if (keys->sealed[0] == '\0') {
        return answer(cli, false);
    }
    if (!cli->dry_run && !cli_ask(cli, _("Whoever gets a copy of this disk can then act as this "
                                         "house. Take the passphrase off?"))) {
        cli_note(cli, "%s", _("Nothing changed. Without a question: -y"));
        return EXIT_DECISION;
    }
    int code = keys_open(cli, keys, NULL);
    if (code == EXIT_OK && !cli->dry_run) {
        code = store(cli, keys, NULL);
    }
    return code == EXIT_OK ? answer(cli, false) : code;
}

static int put_on(const struct cli *cli, const struct args *args, struct keys *keys)
{
    char passphrase[SEALED_PASSPHRASE_BYTES_MAX];
    const bool was_sealed = keys->sealed[0] != '\0';
    int code = keys_open(cli, keys, NULL);
    if (code != EXIT_OK) {
        return code;
    }
    code = new_passphrase(cli, args, was_sealed, passphrase);
    if (code == EXIT_OK && !cli->dry_run) {
        code = store(cli, keys, passphrase);
    }
    sodium_memzero(passphrase, sizeof passphrase);
    return code == EXIT_OK ? answer(cli, true) : code;
}

int key_protect(struct cli *cli, const struct args *args)
{
    struct keys keys;
    const char *file = NULL;
    const bool off = args_flag(args, "remove");
    if (off && args_value(args, "new") != NULL) {
        return cli_usage(cli, "tris help key protect", "%s",
                         _("--new and --remove exclude each other"));
    }
    enum tris_err err = keys_require(cli->data_dir, &keys, &file);
    if (err != TRIS_OK) {
        return offline_key_error(cli, err, file);
    }
    int code = off ? take_off(cli, &keys) : put_on(cli, args, &keys);
    keys_fini(&keys);
    return code;
}
