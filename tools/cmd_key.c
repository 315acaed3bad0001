/* key: show, backup, restore; the rows of protect and rotate. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/fingerprint.h"
#include "tools/offline.h"
#include "tools/protect.h"
#include "tools/rotate.h"

enum {
    BACKUP_BYTES_MAX = 8 * 1024,
};

/* ---- show ---- */

/* LINE, or a file that begins with a house line. */
static int line_given(const struct cli *cli, const char *value, struct house_line *out)
{
    char *text = NULL;
    size_t len = 0;
    struct span line = span_str(value);
    if (strncmp(value, "tris-house-", strlen("tris-house-")) != 0) {
        enum tris_err err = file_read(value, TRIS_CHARTER_BYTES_MAX, &text, &len);
        if (err != TRIS_OK) {
            return offline_file_error(cli, err, value, NULL);
        }
        line = span_of(text, strcspn(text, "\n"));
    }
    enum tris_err err = house_line_parse(line, out);
    file_free(text, len);
    return err == TRIS_OK ? EXIT_OK
                          : cli_error(cli, err, NULL, NULL, _("this is no valid house line: %s"),
                                      _(tris_err_text(err)));
}

/* The own line; keys without one (init was interrupted) still have a fingerprint. */
static int line_own(const struct cli *cli, struct house_line *out)
{
    struct keys keys;
    const char *file = NULL;
    enum tris_err err = keys_require(cli->data_dir, &keys, &file);
    if (err != TRIS_OK) {
        return offline_key_error(cli, err, file);
    }
    int code = EXIT_OK;
    err = keys_line_load(cli->data_dir, out);
    if (err != TRIS_OK) {
        memset(out, 0, sizeof *out);
        code = keys_open(cli, &keys, NULL);
        keys_house_id(&keys, &out->id);
    }
    out->transport = keys.transport.pub;
    keys_fini(&keys);
    return code;
}

static void print_groups(const char *label, const char *hex)
{
    (void)printf("%s\n", label);
    for (size_t i = 0; i < 64; i += 4) {
        (void)printf("%s%.4s%s", i % 32 == 0 ? "    " : " ", hex + i, i % 32 == 28 ? "\n" : "");
    }
}

static int run_show(struct cli *cli, const struct args *args)
{
    struct house_line line;
    char finger[FINGERPRINT_BYTES], id[65], transport[65];
    memset(&line, 0, sizeof line);
    int code = args->pos_count > 0 ? line_given(cli, args->pos[0], &line) : line_own(cli, &line);
    if (code != EXIT_OK) {
        return code;
    }
    fingerprint_line(&line, finger);
    tris_hex(line.id.b, sizeof line.id.b, id);
    tris_hex(line.transport.b, sizeof line.transport.b, transport);
    if (cli->json) {
        return cli_json(json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "transport", transport,
                                  "fingerprint", finger, "slug", line.slug, "name", line.name),
                        "tris.key.show.1");
    }
    if (line.slug[0] != '\0') {
        char *name = show_text(line.name, 0);
        (void)printf("%s (%s), %s\n", name, line.slug, line.region);
        free(name);
    }
    (void)printf("%s\n    %s\n", _("Fingerprint, to be read out on the phone"), finger);
    print_groups(_("Identity key"), id);
    print_groups(_("Transport key"), transport);
    return EXIT_OK;
}

/* ---- backup ---- */

/* Both keys and the house line, one after the other, into BACKUP_BYTES_MAX. */
static enum tris_err backup_print(const struct cli *cli, const struct keys *keys, char *all,
                                  size_t *used)
{
    char path[FILE_PATH_BYTES];
    char *line = NULL;
    size_t len = 0;
    enum tris_err err = keyfile_identity_print(&keys->identity, all, KEYFILE_BYTES_MAX);
    if (err == TRIS_OK) {
        err = keyfile_transport_print(&keys->transport, all + strlen(all), KEYFILE_BYTES_MAX);
    }
    *used = strlen(all);
    if (err == TRIS_OK) {
        err = file_path(cli->data_dir, HOUSE_LINE_FILE, path)
                  ? file_read(path, TRIS_HOUSE_LINE_BYTES_MAX + 1, &line, &len)
                  : TRIS_ERR_TOO_LARGE;
    }
    if (err == TRIS_OK) {
        memcpy(all + *used, line, len);
        *used += len;
    }
    file_free(line, len);
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err; /* init was interrupted: no line yet */
}

static int backup_text(const struct cli *cli, char **out, size_t *out_len)
{
    struct keys keys;
    const char *file = NULL;
    enum tris_err err = keys_require(cli->data_dir, &keys, &file);
    if (err != TRIS_OK) {
        return offline_key_error(cli, err, file);
    }
    int code = keys_open(cli, &keys, NULL);
    if (code != EXIT_OK) {
        keys_fini(&keys);
        return code;
    }
    char *all = calloc(1, BACKUP_BYTES_MAX);
    size_t used = 0;
    err = all != NULL ? backup_print(cli, &keys, all, &used) : TRIS_OK;
    keys_fini(&keys);
    if (all == NULL || err != TRIS_OK) {
        file_free(all, all == NULL ? 0 : BACKUP_BYTES_MAX);
        return cli_error(cli, all == NULL ? TRIS_ERR_NO_MEMORY : err, _("nothing was written"),
                         NULL, "%s", _("the keys could not be read"));
    }
    *out = all;
    *out_len = used;
    return EXIT_OK;
}

static int backup_write(const struct cli *cli, const char *file, struct span bytes)
{
    if (strcmp(file, "-") == 0) {
        return fwrite(bytes.ptr, 1, bytes.len, stdout) == bytes.len ? EXIT_OK : EXIT_FAILED;
    }
    enum tris_err err = file_write(file, bytes, KEY_FILE_MODE, FILE_KEEP_OLD);
    if (err == TRIS_ERR_EXISTS) {
        return cli_error(cli, err, _("the file that is there"), NULL,
                         _("%s exists already and is never replaced"), file);
    }
    return err == TRIS_OK ? EXIT_OK : offline_file_error(cli, err, file, _("nothing was written"));
}

static int seal_and_write(const struct cli *cli, const char *file, struct span plain)
{
    char passphrase[SEALED_PASSPHRASE_BYTES_MAX];
    char *sealed = NULL;
    int code = passphrase_get(cli, passphrase_file(), _("Passphrase: "), true, passphrase);
    if (code != EXIT_OK) {
        return code;
    }
    enum tris_err err = passphrase_seal(passphrase, plain, &sealed);
    sodium_memzero(passphrase, sizeof passphrase);
    if (err != TRIS_OK) {
        return cli_error(cli, err, _("nothing was written"), NULL, "%s", _(tris_err_text(err)));
    }
    code = backup_write(cli, file, span_str(sealed));
    free(sealed);
    return code;
}

static int run_backup(struct cli *cli, const struct args *args)
{
    const char *file = args_value(args, "output");
    bool plain = args_flag(args, "plain");
    char *text = NULL;
    size_t len = 0;
    if (file == NULL) {
        return cli_usage(cli, "tris help key backup", _("-o FILE is needed"));
    }
    if (strcmp(file, "-") != 0 && file_exists(file)) {
        return cli_error(cli, TRIS_ERR_EXISTS, _("the file that is there"), NULL,
                         _("%s exists already and is never replaced"), file);
    }
    int code = backup_text(cli, &text, &len);
    if (code != EXIT_OK) {
        return code;
    }
    if (cli->dry_run) {
        cli_note(cli, _("Dry run, nothing written."));
    } else {
        code = plain ? backup_write(cli, file, span_of(text, len))
                     : seal_and_write(cli, file, span_of(text, len));
    }
    file_free(text, len);
    if (code != EXIT_OK || cli->dry_run) {
        return code;
    }
    if (plain) {
        cli_note(cli, _("WARN: %s is not encrypted: whoever reads it can act as this house."),
                 file);
    }
    cli_note(cli, _("Keys saved to %s. Keep it away from this machine."), file);
    return cli->json && strcmp(file, "-") != 0
               ? cli_json(json_pack("{s:s, s:b}", "file", file, "encrypted", !plain),
                          "tris.key.backup.1")
               : EXIT_OK;
}

/* ---- restore ---- */

/* The next line of a backup, with its LF. */
static struct span next_line(struct span *rest)
{
    const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->ptr) + 1 : rest->len;
    struct span line = span_of(rest->ptr, len);
    *rest = span_of(rest->ptr + len, rest->len - len);
    return line;
}

static enum tris_err restore_parse(struct span text, struct keys *keys, char *line_text,
                                   size_t line_size)
{
    struct house_line line;
    struct span rest = text;
    memset(keys, 0, sizeof *keys);
    line_text[0] = '\0';
    enum tris_err err = keyfile_identity_parse(next_line(&rest), &keys->identity);
    if (err == TRIS_OK) {
        err = keyfile_transport_parse(next_line(&rest), &keys->transport);
    }
    if (err == TRIS_OK && rest.len > 0) {
        struct span last = next_line(&rest);
        err = house_line_parse(span_of(last.ptr, last.len - 1), &line);
        err = err == TRIS_OK ? house_line_print(&line, line_text, line_size) : err;
    }
    return err == TRIS_OK && rest.len > 0 ? TRIS_ERR_TRAILING : err;
}

static int restore_open(const struct cli *cli, const char *file, char **text, size_t *len)
{
    char passphrase[SEALED_PASSPHRASE_BYTES_MAX];
    char *sealed = NULL;
    size_t sealed_len = 0;
    enum tris_err err = file_read(file, SEALED_BYTES_MAX - 1, &sealed, &sealed_len);
    if (err != TRIS_OK) {
        return offline_file_error(cli, err, file, _("nothing was written"));
    }
    if (!sealed_is(span_of(sealed, sealed_len))) {
        *text = sealed;
        *len = sealed_len;
        return EXIT_OK;
    }
    if (sealed[sealed_len - 1] != '\n') {
        sealed[sealed_len++] = '\n'; /* lost in copying; it stands where the NUL was */
    }
    int code = passphrase_get(cli, passphrase_file(), _("Passphrase: "), false, passphrase);
    if (code == EXIT_OK) {
        err = passphrase_open(passphrase, span_of(sealed, sealed_len), text, len);
        sodium_memzero(passphrase, sizeof passphrase);
        if (err != TRIS_OK) {
            code = cli_error(
                cli, err == TRIS_ERR_DECRYPT ? TRIS_ERR_PERMISSION : err, _("nothing was written"),
                NULL, _("%s does not open: another passphrase, or the file is damaged"), file);
        }
    }
    file_free(sealed, sealed_len);
    return code;
}

static int restore_write(const struct cli *cli, struct keys *keys, const char *line_text)
{
    struct keys there;
    const char *file = NULL;
    enum tris_err err = keys_load(cli->data_dir, &there, &file);
    bool some = there.has_identity || there.has_transport;
    keys_fini(&there);
    if (err != TRIS_OK || some) {
        return cli_error(cli, TRIS_ERR_EXISTS, _("the keys that are there"), "tris key show",
                         _("there are keys in %s already; they are never replaced"), cli->data_dir);
    }
    if (cli->dry_run) {
        return EXIT_OK;
    }
    file = cli->data_dir;
    err = dir_make(cli->data_dir);
    if (err == TRIS_OK) {
        err = keys_store(cli->data_dir, keys, NULL, &file);
    }
    if (err == TRIS_OK && line_text[0] != '\0') {
        file = HOUSE_LINE_FILE;
        err = keys_line_store(cli->data_dir, line_text);
    }
    return err == TRIS_OK ? EXIT_OK : offline_file_error(cli, err, file, NULL);
}

static int run_restore(struct cli *cli, const struct args *args)
{
    struct keys keys;
    char line_text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    char *text = NULL;
    size_t len = 0;
    int code = restore_open(cli, args->pos[0], &text, &len);
    if (code != EXIT_OK || text == NULL) {
        return code;
    }
    enum tris_err err = restore_parse(span_of(text, len), &keys, line_text, sizeof line_text);
    file_free(text, len);
    if (err != TRIS_OK) {
        code = cli_error(cli, TRIS_ERR_BAD_KEY, _("nothing was written"), NULL,
                         _("%s is no backup of keys"), args->pos[0]);
    } else {
        code = restore_write(cli, &keys, line_text);
    }
    keys_fini(&keys);
    if (code == EXIT_OK) {
        if (!cli->dry_run) {
            cli_note(cli, "%s",
                     _("No passphrase protects the identity key there: tris key protect"));
        }
        cli_note(cli,
                 cli->dry_run ? _("Dry run, nothing written to %s.") : _("Keys restored to %s."),
                 cli->data_dir);
    }
    return code;
}

static const struct cli_option backup_options[] = {
    {"output", N_("FILE"), N_("where to; never replaces a file"), 'o'},
    {"plain", NULL, N_("without encryption, to be printed and locked away"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_key_rows[] = {
    {"key", "show", "[LINE]", N_("keys and fingerprint of this house, or of a house line"), NULL, 0,
     1, 0, run_show},
    {"key", "backup", NULL, N_("save the keys, encrypted with a passphrase"), backup_options, 0, 0,
     0, run_backup},
    {"key", "restore", "FILE", N_("bring saved keys back into an empty data directory"), NULL, 1, 1,
     0, run_restore},
    {"key", "protect", NULL, N_("protect the identity key with a passphrase, or change it"),
     protect_options, 0, 0, 0, key_protect},
    {"key", "rotate", NULL, N_("a new key for this house, which keeps its name and records"),
     rotate_options, 0, 0, 0, key_rotate},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
