/* tris config show, check, path: what the daemon runs with, and whether a file is good. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/grid.h"
#include "tools/lists.h"

static int config_show(struct cli *cli, const struct args *args)
{
    int code = EXIT_OK;
    size_t index;
    json_t *item;
    const bool origin = args_flag(args, "origin");
    json_t *result = cli_call(cli, "config.show", json_object(), &code);
    if (result == NULL || cli->json) {
        return result != NULL ? cli_json(result, "tris.config.show.1") : code;
    }
    const char *titles[] = {_("Option"), _("Value"), _("From")};
    struct grid *grid = grid_new(cli, titles, NULL, origin ? 3 : 2);
    json_array_foreach(json_object_get(result, "items"), index, item)
    {
        grid_row(grid);
        grid_text(grid, get_text(item, "key"));
        grid_text(grid, get_text(item, "value"));
        if (origin) {
            grid_text(grid, get_text(item, "origin"));
        }
    }
    grid_print(grid, NULL);
    json_decref(result);
    return EXIT_OK;
}

/* trisd beside this program, else the one in PATH. */
static const char *find_trisd(char *path, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", path, size - 8);
    if (len > 0) {
        path[len] = '\0';
        char *slash = strrchr(path, '/');
        if (slash != NULL) {
            memcpy(slash + 1, "trisd", 6);
            if (access(path, X_OK) == 0) {
                return path;
            }
        }
    }
    return "trisd";
}

static int config_check(struct cli *cli, const struct args *args)
{
    char path[1100];
    const char *program = find_trisd(path, sizeof path);
    const char *file = args->pos_count > 0 ? args->pos[0] : cli->config_path;
    const char *argv[8] = {program, "--check"};
    int argc = 2, status = 0;
    if (file != NULL) {
        argv[argc++] = "--config";
        argv[argc++] = file;
    }
    argv[argc++] = "--data";
    argv[argc++] = cli->data_dir;
    argv[argc] = NULL;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)execvp(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 127) {
        return cli_error(cli, TRIS_ERR_IO, _("Nothing was checked."), "which trisd",
                         _("trisd cannot be started"));
    }
    if (WEXITSTATUS(status) == 0) {
        cli_note(cli, "%s", _("OK, the configuration is good."));
    }
    return WEXITSTATUS(status);
}

static int config_path(struct cli *cli, const struct args *args)
{
    (void)args;
    if (cli->json) {
        return cli_json(json_pack("{s:s, s:s, s:s?}", "data", cli->data_dir, "socket",
                                  cli->socket_path, "config", cli->config_path),
                        "tris.config.path.1");
    }
    show_pair(_("Data directory"), cli->data_dir);
    show_pair(_("Control socket"), cli->socket_path);
    show_pair(_("Configuration"), cli->config_path != NULL ? cli->config_path : _("(defaults)"));
    return EXIT_OK;
}

static const struct cli_option show_options[] = {
    {"origin", NULL, N_("say where each value comes from"), 0},
    {NULL, NULL, NULL, 0},
};

const struct command cmd_config_rows[] = {
    {"config", "show", NULL, N_("the values that the daemon runs with"), show_options, 0, 0, 0,
     config_show},
    {"config", "check", "[FILE]", N_("check a configuration without starting"), NULL, 0, 1, 0,
     config_check},
    {"config", "path", NULL, N_("where data, socket and configuration lie"), NULL, 0, 0, 0,
     config_path},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};
