/* Where others reach this house; see address.h. */
#include "tools/address.h"

#include <stdio.h>
#include <string.h>

#include "tools/offline.h"

#define NEXT_LINE "next/" HOUSE_LINE_FILE

const struct cli_option address_edit_options[] = {
    {"address", N_("HOST:PORT"), N_("where others reach this house; may be repeated"), 0},
    {"no-address", NULL, N_("others do not reach this house: it dials them"), 0},
    {NULL, NULL, NULL, 0},
};

int address_options(const struct cli *cli, const struct args *args, const char *help,
                    struct house_line *line)
{
    uint32_t count = 0;
    for (int i = 0; i < args->opt_count; i++) {
        if (strcmp(args->opt[i].name, "address") != 0) {
            continue;
        }
        const char *value = args->opt[i].value;
        if (count == TRIS_ADDRESSES_MAX || strlen(value) >= sizeof line->addr[0]) {
            return cli_usage(cli, help, _("--address: at most %d, each HOST:PORT or [IPV6]:PORT"),
                             TRIS_ADDRESSES_MAX);
        }
        memcpy(line->addr[count++], value, strlen(value) + 1);
    }
    line->addr_count = count > 0 ? count : line->addr_count;
    return EXIT_OK;
}

bool address_is_asked(const struct args *args)
{
    return args_value(args, "address") != NULL || args_flag(args, "no-address");
}

/* As the command says; fields of the house's record are another change, with another effect. */
static int read_options(struct cli *cli, const struct args *args, struct house_line *line)
{
    static const char *const help = "tris help house edit";
    const bool none = args_flag(args, "no-address");
    for (int i = 0; i < args->opt_count; i++) {
        const bool of_line = strcmp(args->opt[i].name, "address") == 0;
        if (none ? of_line : !of_line) {
            return cli_usage(cli, help, "%s",
                             _("addresses are changed alone: --address HOST:PORT..., or "
                               "--no-address"));
        }
    }
    if (none && args->opt_count > 1) {
        return cli_usage(cli, help, "%s",
                         _("addresses are changed alone: --address HOST:PORT..., or --no-address"));
    }
    line->addr_count = none ? 0 : line->addr_count;
    return address_options(cli, args, help, line);
}

/* The line of a new key that waits holds the former addresses and would bring them back. */
static int refuse_if_key_waits(const struct cli *cli)
{
    char path[FILE_PATH_BYTES];
    if (!file_path(cli->data_dir, NEXT_LINE, path) || !file_exists(path)) {
        return EXIT_OK;
    }
    return cli_error(cli, TRIS_ERR_NOT_READY, _("the house line"), "tris key rotate --cancel", "%s",
                     _("a new key waits for other houses; addresses can be changed when it is "
                       "taken or given up"));
}

static int sign(struct cli *cli, struct house_line *line, char text[TRIS_HOUSE_LINE_BYTES_MAX + 1])
{
    struct keys keys;
    const char *file = NULL;
    const uint64_t now = clock_wall_ms();
    enum tris_err err = keys_require(cli->data_dir, &keys, &file);
    if (err != TRIS_OK) {
        keys_fini(&keys);
        return offline_key_error(cli, err, file);
    }
    int code = keys_open(cli, &keys, NULL);
    if (code == EXIT_OK) {
        /* the later line counts, also when this clock went back meanwhile */
        line->time_ms = now > line->time_ms ? now : line->time_ms + 1;
        err = house_line_make(line, &keys.identity, text, TRIS_HOUSE_LINE_BYTES_MAX + 1);
    }
    keys_fini(&keys);
    return code != EXIT_OK || err == TRIS_OK
               ? code
               : cli_usage(cli, "tris help house edit",
                           _("--address: at most %d, each HOST:PORT or [IPV6]:PORT"),
                           TRIS_ADDRESSES_MAX);
}

static int print_line(struct cli *cli, const struct house_line *line, const char *text)
{
    json_t *addresses = json_array();
    for (uint32_t i = 0; i < line->addr_count; i++) {
        (void)json_array_append_new(addresses, json_string(line->addr[i]));
    }
    if (cli->json) {
        return cli_json(json_pack("{s:o, s:s, s:b}", "addresses", addresses, "line", text,
                                  "dry_run", cli->dry_run),
                        "tris.house.address.1");
    }
    json_decref(addresses);
    (void)printf("%s\n", text);
    cli_note(cli, "%s",
             cli->dry_run ? _("Dry run, nothing written.")
                          : _("The other houses learn it when trisd starts again, with the port "
                              "that it listens on now: --listen"));
    return EXIT_OK;
}

int address_edit(struct cli *cli, const struct args *args)
{
    struct house_line line;
    char text[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    enum tris_err err = keys_line_load(cli->data_dir, &line);
    if (err == TRIS_ERR_NOT_FOUND) {
        struct fault fault;
        cli_no_keys(cli, &fault);
        return cli_fail(cli, &fault);
    }
    if (err != TRIS_OK) {
        return offline_file_error(cli, err, HOUSE_LINE_FILE, _("nothing was written"));
    }
    int code = refuse_if_key_waits(cli);
    if (code == EXIT_OK) {
        code = read_options(cli, args, &line);
    }
    if (code == EXIT_OK) {
        code = sign(cli, &line, text);
    }
    if (code != EXIT_OK) {
        return code;
    }
    if (!cli->dry_run) {
        err = keys_line_store(cli->data_dir, text);
    }
    return err == TRIS_OK ? print_line(cli, &line, text)
                          : offline_file_error(cli, err, HOUSE_LINE_FILE, NULL);
}
