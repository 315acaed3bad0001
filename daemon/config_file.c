/* INI files of the configuration: which ones, in which order, and strict reading through inih. */
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/config_int.h"

enum { CONFIG_FILES_MAX = 64, CONFIG_PATH_BYTES = 256 };

struct ini_reader {
    struct config *config;
    struct config_error *error;
    const char *path;
    FILE *file;
    int line_no;
    bool failed;
    bool seen[CONFIG_KEY_COUNT];
};

/* inih asks for one line at a time: the place to count lines and to refuse long ones. */
static char *ini_read_line(char *buf, int size, void *stream)
{
    struct ini_reader *r = stream;
    char line[CONFIG_LINE_BYTES_MAX + 3]; /* with LF, NUL and one byte that shows "longer" */
    if (r->failed || fgets(line, sizeof line, r->file) == NULL) {
        return NULL;
    }
    r->line_no++;
    size_t len = strlen(line);
    bool ended = len > 0 && line[len - 1] == '\n';
    if (ended) {
        line[--len] = '\0'; /* inih has room for 199 bytes, and strips the end of a line anyway */
    }
    if ((!ended && !feof(r->file)) || len > CONFIG_LINE_BYTES_MAX || len >= (size_t)size) {
        r->failed = true;
        (void)config_fail(r->error, "%s:%d: the line is longer than %d bytes, or has a NUL",
                          r->path, r->line_no, CONFIG_LINE_BYTES_MAX);
        return NULL;
    }
    memcpy(buf, line, len + 1);
    return buf;
}

static int ini_take(void *user, const char *section, const char *name, const char *value)
{
    struct ini_reader *r = user;
    if (r->failed) {
        return 0;
    }
    enum config_key key = config_find(section, name);
    const char *dot = *section == '\0' ? "" : ".";
    enum tris_err err = TRIS_OK;
    if (key == CONFIG_KEY_COUNT) {
        err = config_fail(r->error, "%s:%d: unknown option %s%s%s", r->path, r->line_no, section,
                          dot, name);
    } else if (r->seen[key]) {
        err = config_fail(r->error, "%s:%d: %s%s%s is set twice in this file", r->path, r->line_no,
                          section, dot, name);
    } else {
        char origin[CONFIG_ORIGIN_BYTES];
        snprintf(origin, sizeof origin, "%s:%d", r->path, r->line_no);
        r->seen[key] = true;
        err = config_set(r->config, key, value, origin, r->error);
    }
    r->failed = err != TRIS_OK;
    return r->failed ? 0 : 1;
}

/* *found is false if there is no such file. */
static enum tris_err ini_load(struct config *c, const char *path, bool *found,
                              struct config_error *error)
{
    struct ini_reader r = {.config = c, .error = error, .path = path};
    r.file = fopen(path, "re");
    *found = r.file != NULL || errno != ENOENT;
    if (r.file == NULL) {
        return *found ? config_fail(error, "%s: %s", path, strerror(errno)) : TRIS_OK;
    }
    int rc = ini_parse_stream(ini_read_line, &r, ini_take, &r);
    bool read_error = ferror(r.file) != 0;
    fclose(r.file);
    /* inih goes on behind a line that it cannot read: the first fault is the one to show */
    if (r.failed && (rc <= 0 || rc >= r.line_no)) {
        return TRIS_ERR_INVALID;
    }
    if (rc != 0) {
        return config_fail(error, "%s:%d: neither [section] nor name = value", path, rc);
    }
    return read_error ? config_fail(error, "%s: cannot be read", path) : TRIS_OK;
}

static int name_is_conf(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static enum tris_err ini_load_folder(struct config *c, const char *file, struct config_error *error)
{
    char folder[CONFIG_PATH_BYTES + 2];
    snprintf(folder, sizeof folder, "%s.d", file);
    struct dirent **names = NULL;
    int count = scandir(folder, &names, name_is_conf, alphasort);
    enum tris_err err = TRIS_OK;
    if (count > CONFIG_FILES_MAX) {
        err = config_fail(error, "%s: more than %d files", folder, CONFIG_FILES_MAX);
    }
    for (int i = 0; i < count; i++) {
        char path[CONFIG_PATH_BYTES + 2];
        int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (err == TRIS_OK && (len < 0 || (size_t)len >= sizeof path)) {
            err = config_fail(error, "%s: a path in it is too long", folder);
        }
        bool found;
        if (err == TRIS_OK) {
            err = ini_load(c, path, &found, error);
        }
        free(names[i]);
    }
    free(names);
    return err;
}

/* The file that is read if none was named; "" if there is none. */
static void default_file(char out[CONFIG_PATH_BYTES])
{
    const char *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int len = -1;
    if (xdg != NULL && *xdg == '/') {
        len = snprintf(out, CONFIG_PATH_BYTES, "%s/tris/trisd.conf", xdg);
    } else if (home != NULL && *home == '/') {
        len = snprintf(out, CONFIG_PATH_BYTES, "%s/.config/tris/trisd.conf", home);
    }
    if (len < 0 || len >= CONFIG_PATH_BYTES || access(out, F_OK) != 0) {
        snprintf(out, CONFIG_PATH_BYTES, "%s", "/etc/tris/trisd.conf");
    }
}

enum tris_err config_load_files(const struct config_args *args, struct config *c,
                                struct config_error *error)
{
    const char *named = args->file != NULL ? args->file : getenv("TRIS_CONFIG");
    bool explicit_file = named != NULL && *named != '\0';
    char path[CONFIG_PATH_BYTES];
    if (explicit_file) {
        int len = snprintf(path, sizeof path, "%s", named);
        if (len < 0 || (size_t)len >= sizeof path) {
            return config_fail(error, "the path of the configuration file is too long");
        }
    } else {
        default_file(path);
    }
    bool found = false;
    enum tris_err err = ini_load(c, path, &found, error);
    if (err == TRIS_OK && explicit_file && !found) {
        err = config_fail(error, "%s: no such file", path);
    }
    return err == TRIS_OK ? ini_load_folder(c, path, error) : err;
}
