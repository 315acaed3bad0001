/* Data directory, socket and catalogues; see places.h. The daemon's configuration is read for its
 * "data" and "socket" lines only: whether the rest is right is the daemon's business. */
#include "tools/places.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/tris/trisd.conf"
#define SYSTEM_DATA "/var/lib/tris"
#define SYSTEM_SOCKET "/run/tris/trisd.sock"
#define SOCKET_FILE "trisd.sock"

struct found {
    char data[FILE_PATH_BYTES], socket[FILE_PATH_BYTES];
};

static bool put(char *out, size_t size, const char *text)
{
    int len = snprintf(out, size, "%s", text);
    return len >= 0 && (size_t)len < size;
}

static const char *env_text(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* $XDG.../tris, or $HOME/.../tris; false if neither variable is an absolute path. */
static bool user_dir(const char *xdg_name, const char *below_home, char out[FILE_PATH_BYTES])
{
    const char *xdg = env_text(xdg_name), *home = env_text("HOME");
    int len = -1;
    if (xdg != NULL && xdg[0] == '/') {
        len = snprintf(out, FILE_PATH_BYTES, "%s/tris", xdg);
    } else if (home != NULL && home[0] == '/') {
        len = snprintf(out, FILE_PATH_BYTES, "%s/%s/tris", home, below_home);
    }
    return len >= 0 && len < FILE_PATH_BYTES;
}

static int on_line(void *ctx, const char *section, const char *name, const char *value)
{
    struct found *f = ctx;
    if (section[0] != '\0') {
        return 1;
    }
    if (strcmp(name, "data") == 0) {
        return put(f->data, sizeof f->data, value);
    }
    return strcmp(name, "socket") != 0 || put(f->socket, sizeof f->socket, value);
}

static void read_config(const char *named, struct found *out)
{
    char dir[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    memset(out, 0, sizeof *out);
    if (named != NULL) {
        (void)ini_parse(named, on_line, out);
    } else if (user_dir("XDG_CONFIG_HOME", ".config", dir) && file_path(dir, "trisd.conf", path) &&
               file_exists(path)) {
        (void)ini_parse(path, on_line, out);
    } else {
        (void)ini_parse(SYSTEM_CONFIG, on_line, out);
    }
}

/* A daemon that runs as a system service is found if this user has none. */
static bool default_socket(struct cli *cli, bool data_named)
{
    char path[FILE_PATH_BYTES];
    if (!file_path(cli->data_dir, SOCKET_FILE, path)) {
        return false;
    }
    bool system = !data_named && !file_exists(path) && file_exists(SYSTEM_SOCKET);
    if (system && !put(cli->data_dir, sizeof cli->data_dir, SYSTEM_DATA)) {
        return false;
    }
    return put(cli->socket_path, sizeof cli->socket_path, system ? SYSTEM_SOCKET : path);
}

bool places_find(struct cli *cli, const char *data, const char *socket, const char *config)
{
    struct found found;
    char fallback[FILE_PATH_BYTES];
    cli->config_path = config != NULL ? config : env_text("TRIS_CONFIG");
    read_config(cli->config_path, &found);
    const char *chosen = data != NULL ? data : env_text("TRIS_DATA");
    if (chosen == NULL && found.data[0] != '\0') {
        chosen = found.data;
    }
    bool named = chosen != NULL;
    if (!named) {
        chosen = user_dir("XDG_DATA_HOME", ".local/share", fallback) ? fallback : SYSTEM_DATA;
    }
    if (!put(cli->data_dir, sizeof cli->data_dir, chosen)) {
        return false;
    }
    size_t len = strlen(cli->data_dir);
    while (len > 1 && cli->data_dir[len - 1] == '/') {
        cli->data_dir[--len] = '\0';
    }
    chosen = socket != NULL ? socket : env_text("TRIS_SOCKET");
    /* a folder given by hand has its own socket, unless the file was named as well */
    if (chosen == NULL && (data == NULL || cli->config_path != NULL) && found.socket[0] != '\0') {
        chosen = found.socket;
    }
    return chosen != NULL ? put(cli->socket_path, sizeof cli->socket_path, chosen)
                          : default_socket(cli, named);
}

const char *places_locale_dir(char out[FILE_PATH_BYTES])
{
    char exe[FILE_PATH_BYTES];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len <= 0) {
        return NULL;
    }
    exe[len] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash == NULL) {
        return NULL;
    }
    *slash = '\0';
    if (!file_path(exe, "locale", out)) {
        return NULL;
    }
    if (file_exists(out)) {
        return out;
    }
    return file_path(exe, "../share/locale", out) ? out : NULL;
}
