/* New keys in DIR/next, which wait until enough houses vouch for them; see rotate.h. */
#include "tools/rotate.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/fingerprint.h"
#include "tools/offline.h"

#define NEXT_DIR "next"

const struct cli_option rotate_options[] = {
    {"cancel", NULL, N_("give the new key up, as long as it waits"), 0},
    {NULL, NULL, NULL, 0},
};

/* The running daemon asks the other houses at once; one that does not run does so at its start. */
static void tell_daemon(struct cli *cli)
{
    struct fault fault = {0};
    json_t *result = cli_try(cli, "epoch.look", json_object(), &fault);
    if (result == NULL && fault.exit != EXIT_NO_DAEMON) {
        cli_note(cli, _("The daemon was not told: %s"), sentence(fault.message));
    }
    json_decref(result);
}

static int print_next(struct cli *cli, const struct house_line *line, bool made)
{
    char finger[FINGERPRINT_BYTES], key[65];
    fingerprint_line(line, finger);
    tris_hex(line->key.b, sizeof line->key.b, key);
    if (cli->json) {
        return cli_json(json_pack("{s:s, s:I, s:s, s:s, s:b}", "slug", line->slug, "epoch",
                                  (json_int_t)line->epoch, "key", key, "fingerprint", finger, "new",
                                  made ? 1 : 0),
                        "tris.key.rotate.1");
    }
    (void)printf("%s\n    %s\n", _("Fingerprint of the new key, to be read out on the phone"),
                 finger);
    (void)printf(_("It waits for the other houses: tris member endorse %s\n"), line->slug);
    cli_note(cli, "%s",
             _("Until enough of them have vouched for it, what is written here is kept and not "
               "sealed. Then the daemon takes it by itself; save it: tris key backup"));
    return EXIT_OK;
}

static int cancel(struct cli *cli, const char *dir)
{
    static const char *const names[] = {IDENTITY_FILE, TRANSPORT_FILE, HOUSE_LINE_FILE};
    char path[FILE_PATH_BYTES];
    if (!file_exists(dir)) {
        return cli_error(cli, TRIS_ERR_NOT_FOUND, NULL, "tris key show", "%s",
                         _("no new key waits here"));
    }
    if (cli->dry_run || !cli_ask(cli, _("The new key will be gone. Give it up?"))) {
        cli_note(cli, "%s", _("Nothing changed. Without a question: -y"));
        return cli->dry_run ? EXIT_OK : EXIT_DECISION;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (file_path(dir, names[i], path)) {
            (void)unlink(path);
        }
    }
    if (rmdir(dir) != 0) {
        return cli_error(cli, TRIS_ERR_IO, NULL, NULL, _("%s could not be removed: %s"), dir,
                         strerror(errno));
    }
    tell_daemon(cli);
    return cli->json ? cli_json(json_pack("{s:b}", "cancelled", 1), "tris.key.rotate.1") : EXIT_OK;
}

/* The present line with the next epoch, new keys, and the time of now. */
static enum tris_err next_make(struct keys *keys, struct house_line *line,
                               char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    keys_make_missing(keys);
    line->epoch++;
    line->transport = keys->transport.pub;
    line->time_ms = clock_wall_ms();
    return house_line_make(line, &keys->identity, text, TRIS_HOUSE_LINE_BYTES_MAX + 1);
}

/* The passphrase of the present key, which the new one gets too; "" if there is none. A house that
 * has lost its present key may still get a new one. */
static int protection(const struct cli *cli, char passphrase[SEALED_PASSPHRASE_BYTES_MAX])
{
    struct keys keys;
    const char *file = NULL;
    int code = EXIT_OK;
    if (keys_load(cli->data_dir, &keys, &file) == TRIS_OK) {
        code = keys_open(cli, &keys, passphrase);
    }
    keys_fini(&keys);
    return code;
}

static int make(struct cli *cli, const char *dir, struct house_line *line)
{
    struct keys keys;
    const char *file = NULL;
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1], passphrase[SEALED_PASSPHRASE_BYTES_MAX] = "";
    int code = protection(cli, passphrase);
    if (code != EXIT_OK) {
        return code;
    }
    memset(&keys, 0, sizeof keys);
    enum tris_err err = dir_make(dir);
    if (err == TRIS_OK) {
        err = keys_load(dir, &keys, &file); /* of a run that was interrupted */
    }
    if (err == TRIS_OK && keys.sealed[0] != '\0') {
        err = sealed_identity_open(span_str(keys.sealed), passphrase, &keys.identity);
        file = IDENTITY_FILE;
    }
    err = err == TRIS_OK ? next_make(&keys, line, text) : err;
    err = err == TRIS_OK ? keys_store(dir, &keys, passphrase, &file) : err;
    err = err == TRIS_OK ? keys_line_store(dir, text) : err;
    keys_fini(&keys);
    sodium_memzero(passphrase, sizeof passphrase);
    return err == TRIS_OK ? EXIT_OK : offline_file_error(cli, err, file != NULL ? file : dir, NULL);
}

int key_rotate(struct cli *cli, const struct args *args)
{
    char dir[FILE_PATH_BYTES];
    struct house_line line, next;
    if (!file_path(cli->data_dir, NEXT_DIR, dir)) {
        return cli_usage(cli, "tris help key", "%s",
                         _("the path of the data directory is too long"));
    }
    if (args_flag(args, "cancel")) {
        return cancel(cli, dir);
    }
    enum tris_err err = keys_line_load(cli->data_dir, &line);
    if (err != TRIS_OK) {
        struct fault fault;
        cli_no_keys(cli, &fault);
        return cli_fail(cli, &fault);
    }
    if (keys_line_load(dir, &next) == TRIS_OK && next.epoch > line.epoch) {
        return print_next(cli, &next, false);
    }
    if (cli->dry_run ||
        !cli_ask(cli, _("This house gets a new key, for which other houses have to vouch; until "
                        "then nothing is sealed here. Go on?"))) {
        cli_note(cli, "%s", _("Nothing changed. Without a question: -y"));
        return cli->dry_run ? EXIT_OK : EXIT_DECISION;
    }
    int code = make(cli, dir, &line);
    if (code == EXIT_OK) {
        tell_daemon(cli);
        code = print_next(cli, &line, true);
    }
    return code;
}
