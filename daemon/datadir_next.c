/* Exchanging the keys of a data directory for those that waited in it; see datadir.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/datadir_int.h"

enum tris_err datadir_next_line(const char *dir, struct house_line *line, char *text,
                                size_t text_size)
{
    char path[DATADIR_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/next/house.line", dir);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOENT ? TRIS_ERR_NOT_FOUND : TRIS_ERR_IO;
    }
    size_t len = fread(text, 1, text_size - 1, f);
    bool whole = feof(f) != 0 && ferror(f) == 0;
    (void)fclose(f);
    if (!whole) {
        return TRIS_ERR_INVALID;
    }
    len -= len > 0 && text[len - 1] == '\n' ? 1 : 0;
    text[len] = '\0';
    return house_line_parse(span_of(text, len), line);
}

/* A rename is on the disk only when its directory is. */
static bool sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return done;
}

/* One file out of DIR/taking; one that is not there has been moved already. */
static bool move_one(const char *dir, const char *name)
{
    char from[DATADIR_PATH_BYTES], to[DATADIR_PATH_BYTES];
    (void)snprintf(from, sizeof from, "%s/taking/%s", dir, name);
    (void)snprintf(to, sizeof to, "%s/%s", dir, name);
    return rename(from, to) == 0 || errno == ENOENT;
}

enum tris_err datadir_finish_taking(const char *dir, struct refusal *why)
{
    /* the line last: it is what says which keys these are */
    static const char *const names[] = {"transport.key", "identity.key", "house.line"};
    char taking[DATADIR_PATH_BYTES];
    struct stat st;
    (void)snprintf(taking, sizeof taking, "%s/taking", dir);
    if (stat(taking, &st) != 0 && errno == ENOENT) {
        return TRIS_OK;
    }
    bool done = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && done; i++) {
        done = move_one(dir, names[i]);
    }
    done = done && sync_dir(dir) && rmdir(taking) == 0;
    return done ? TRIS_OK
                : refuse(why, TRIS_ERR_IO, "free space and permissions there, then start trisd",
                         "the new keys in %.1000s could not be moved up: %s", taking,
                         strerror(errno));
}

enum tris_err datadir_take_next(const char *dir, struct refusal *why)
{
    char from[DATADIR_PATH_BYTES], to[DATADIR_PATH_BYTES];
    (void)snprintf(from, sizeof from, "%s/next", dir);
    (void)snprintf(to, sizeof to, "%s/taking", dir);
    if (rename(from, to) != 0 || !sync_dir(dir)) {
        return refuse(why, TRIS_ERR_IO, "free space and permissions there, then start trisd",
                      "the new keys in %.1000s could not be taken: %s", from, strerror(errno));
    }
    return datadir_finish_taking(dir, why);
}
