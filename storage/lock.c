/* One process at a time writes a data directory. Taken before LMDB opens anything, which
 * itself would let two daemons in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "storage/db.h"

/* f_type as in statfs(2), low 32 bits. FUSE is not among them: it may be a local disk. */
static const unsigned long network_fs[] = {
    0x6969,     /* NFS */
    0x517B,     /* SMB */
    0xFF534D42, /* CIFS */
    0xFE534D42, /* SMB2 */
    0x01021997, /* 9p */
    0x564C,     /* NCP */
    0x73757245, /* Coda */
    0x5346414F, /* AFS */
    0x6B414653, /* kAFS */
    0x00C36400, /* Ceph */
    0x0BD00BD0, /* Lustre */
    0x7461636F, /* OCFS2 */
    0x01161970, /* GFS2 */
};

bool lock_fs_is_network(unsigned long type)
{
    for (size_t i = 0; i < sizeof network_fs / sizeof network_fs[0]; i++) {
        if ((type & 0xFFFFFFFFUL) == network_fs[i]) {
            return true;
        }
    }
    return false;
}

static void holder_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? pread(fd, out, size - 1, 0) : 0;
    size_t len = 0;
    while (n > 0 && len < (size_t)n && out[len] >= '0' && out[len] <= '9') {
        len++;
    }
    out[len] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* The pid is for people; the lock itself is the kernel's and ends with the process. */
static enum tris_err holder_write(const char *path)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return db_err(errno);
    }
    if (ftruncate(fd, 0) == 0) {
        /* on a full disk the holder stays unknown, the lock holds all the same */
        ssize_t written = pwrite(fd, text, (size_t)len, 0);
        (void)written;
    }
    (void)close(fd);
    return TRIS_OK;
}

/* The directory itself is locked: the file with the pid can be deleted, it cannot. */
enum tris_err lock_take(const char *dir, bool exclusive, int *fd, char *detail, size_t detail_size)
{
    char path[4096];
    struct statfs fs;
    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path) {
        snprintf(detail, detail_size, "the path of the data directory is too long");
        return TRIS_ERR_INVALID;
    }
    if (statfs(dir, &fs) != 0) {
        snprintf(detail, detail_size, "the data directory %.180s is not there", dir);
        return TRIS_ERR_NOT_INIT;
    }
    if (lock_fs_is_network((unsigned long)fs.f_type)) {
        snprintf(detail, detail_size, "%.180s is on a network file system; use a local disk", dir);
        return TRIS_ERR_BAD_FS;
    }
    int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) {
        int saved = errno;
        snprintf(detail, detail_size, "cannot open %.200s", dir);
        return db_err(saved);
    }
    if (flock(lock, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        int saved = errno;
        char pid[16];
        holder_text(path, pid, sizeof pid);
        (void)close(lock);
        if (saved != EWOULDBLOCK) {
            snprintf(detail, detail_size, "cannot lock %.200s", dir);
            return TRIS_ERR_IO;
        }
        snprintf(detail, detail_size, "process %s uses %.180s", pid[0] != '\0' ? pid : "(unknown)",
                 dir);
        return TRIS_ERR_IN_USE;
    }
    enum tris_err err = exclusive ? holder_write(path) : TRIS_OK;
    if (err != TRIS_OK) {
        snprintf(detail, detail_size, "cannot write %.200s", path);
        (void)close(lock);
        return err;
    }
    *fd = lock;
    return TRIS_OK;
}
