/* Files that replace an older one only when they are whole; see outfile.h. */
#include "tools/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What an older file had, else what a file made in the ordinary way would have. */
static mode_t mode_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        return st.st_mode & 0777;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    return 0666 & ~mask;
}

/* A link stays a link: what it points to is replaced. */
static bool find_path(struct outfile *out, const char *path)
{
    char *real = realpath(path, NULL);
    int len = snprintf(out->path, sizeof out->path, "%s", real != NULL ? real : path);
    free(real);
    int temp_len = snprintf(out->temp, sizeof out->temp, "%.1180s.partial-XXXXXX", out->path);
    if (len < 0 || (size_t)len >= sizeof out->path || temp_len < 0 ||
        (size_t)temp_len >= sizeof out->temp || (size_t)len > 1180) {
        errno = ENAMETOOLONG;
        return false;
    }
    return true;
}

bool outfile_open(struct outfile *out, const char *path)
{
    struct stat st;
    out->file = NULL;
    if (!find_path(out, path)) {
        return false;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        out->temp[0] = '\0';
        out->file = fopen(path, "w");
        return out->file != NULL;
    }
    if (access(out->path, F_OK) == 0 && access(out->path, W_OK) != 0) {
        return false; /* write-protected: somebody wants it to stay */
    }
    int fd = mkstemp(out->temp);
    if (fd < 0) {
        return false;
    }
    out->file = fdopen(fd, "w");
    if (out->file == NULL) {
        (void)close(fd);
        (void)unlink(out->temp);
    }
    return out->file != NULL;
}

bool outfile_end(struct outfile *out, bool keep)
{
    int why = 0;
    if (fflush(out->file) != 0 || ferror(out->file) != 0) {
        why = errno != 0 ? errno : EIO;
    }
    if (out->temp[0] != '\0' && keep && why == 0 &&
        (fchmod(fileno(out->file), mode_of(out->path)) != 0 || fsync(fileno(out->file)) != 0)) {
        why = errno;
    }
    if (fclose(out->file) != 0 && why == 0) {
        why = errno;
    }
    out->file = NULL;
    if (out->temp[0] != '\0' && keep && why == 0 && rename(out->temp, out->path) != 0) {
        why = errno;
    }
    if (out->temp[0] != '\0' && (!keep || why != 0)) {
        (void)unlink(out->temp);
    }
    errno = why;
    return why == 0;
}
