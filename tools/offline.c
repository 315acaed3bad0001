/* Helpers of the offline commands; see offline.h. */
#include "tools/offline.h"

#include <stdio.h>
#include <stdlib.h>

bool charter_signed_by(const struct charter *c, const struct tris_house_id *id)
{
    for (uint32_t i = 0; i < c->sig_count; i++) {
        if (tris_house_id_eq(&c->sig[i].id, id)) {
            return true;
        }
    }
    return false;
}

int offline_file_error(const struct cli *cli, enum tris_err err, const char *path,
                       const char *unchanged)
{
    const char *next = NULL;
    char command[FILE_PATH_BYTES];
    if (err == TRIS_ERR_PERMISSION) {
        (void)snprintf(command, sizeof command, "ls -ld %s", path);
        next = command;
    }
    return cli_error(cli, err, unchanged, next, "%s: %s", path, _(tris_err_text(err)));
}

int offline_key_error(const struct cli *cli, enum tris_err err, const char *file)
{
    char next[FILE_PATH_BYTES + 32];
    struct fault fault;
    switch ((int)err) {
    case TRIS_ERR_NOT_INIT:
        cli_no_keys(cli, &fault);
        return cli_fail(cli, &fault);
    case TRIS_ERR_PERMISSION:
        (void)snprintf(next, sizeof next, "chmod 600 %s/%s", cli->data_dir, file);
        return cli_error(cli, err, _("the keys were not used"), next,
                         _("%s/%s must be a file that only its owner can read"), cli->data_dir,
                         file);
    case TRIS_ERR_BAD_KEY:
        return cli_error(cli, err, _("the keys were not used"), "tris key restore FILE",
                         _("%s/%s is damaged: its two halves do not belong together"),
                         cli->data_dir, file);
    default:
        return cli_error(cli, err, NULL, NULL, "%s/%s: %s", cli->data_dir, file,
                         _(tris_err_text(err)));
    }
}

int offline_charter_read(const struct cli *cli, const char *path, struct charter *out)
{
    char *text;
    size_t len;
    uint32_t line = 0;
    enum tris_err err = file_read(path, TRIS_CHARTER_BYTES_MAX, &text, &len);
    if (err != TRIS_OK) {
        return offline_file_error(cli, err, path, _("nothing was written"));
    }
    err = charter_parse(span_of(text, len), out, &line);
    file_free(text, len);
    if (err != TRIS_OK) {
        return cli_error(cli, err, _("nothing was written"), NULL,
                         _("%s, line %u: this is no valid charter: %s"), path, (unsigned)line,
                         _(tris_err_text(err)));
    }
    return EXIT_OK;
}

enum tris_err offline_charter_load(const struct cli *cli, struct charter *out)
{
    char path[FILE_PATH_BYTES];
    char *text;
    size_t len;
    uint32_t line;
    if (!file_path(cli->data_dir, CHARTER_FILE, path)) {
        return TRIS_ERR_TOO_LARGE;
    }
    enum tris_err err = file_read(path, TRIS_CHARTER_BYTES_MAX, &text, &len);
    if (err == TRIS_OK) {
        err = charter_parse(span_of(text, len), out, &line);
        file_free(text, len);
    }
    return err;
}

enum tris_err offline_charter_write(const char *path, const struct charter *c,
                                    enum file_replace replace)
{
    char *text = NULL;
    size_t len = 0;
    enum tris_err err = charter_print(c, &text, &len);
    if (err == TRIS_OK) {
        err = file_write(path, span_of(text, len), PUBLIC_FILE_MODE, replace);
    }
    free(text);
    return err;
}
