/* How much room the disk has; and telling a full disk from a broken one: LMDB reports a write that
 * ended short as EIO, without saying why. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "storage/db.h"

enum { PATH_BYTES_MAX = 4096 };

/* A short write takes all the room that there was, so hardly any is left behind it. */
static const uint64_t room_bytes_min = 1024 * 1024;

void room_of_disk(const struct store *s, uint64_t *all, uint64_t *left)
{
    struct statvfs fs;
    *all = 0;
    *left = 0;
    if (statvfs(s->dir, &fs) == 0) {
        *all = (uint64_t)fs.f_blocks * fs.f_frsize;
        *left = (uint64_t)fs.f_bavail * fs.f_frsize;
    }
}

bool room_is_out(const struct store *s)
{
    char path[PATH_BYTES_MAX];
    struct statvfs fs;
    struct stat st;
    struct rlimit limit;
    if (snprintf(path, sizeof path, "%s/store/data.mdb", s->dir) >= (int)sizeof path ||
        stat(path, &st) != 0) {
        return false;
    }
    if (statvfs(path, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < room_bytes_min) {
        return true;
    }
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return false;
    }
    uint64_t size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    return size >= limit.rlim_cur || limit.rlim_cur - size < room_bytes_min;
}
