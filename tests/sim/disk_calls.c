/* The storage calls of the whole program, liblmdb's included (they go through the PLT): counted and
 * refused as the disk of the house says, else done by the C library. No state but the table of open
 * files, which these functions cannot be handed in any other way. */
#define _GNU_SOURCE /* RTLD_NEXT, renameat2; NOLINT: the name that glibc asks for */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/sim/disk.h"

enum { FDS_MAX = 32768 };

struct fd_row {
    struct disk_file *file;
    bool dsync, may_map;
    uint8_t *map;  /* NULL: not mapped */
    uint64_t size; /* of the mapped file: nothing else changes it while it is open */
};

static struct fd_row fds[FDS_MAX];

/* The C library's own function of this name. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (real == NULL) {                                                                            \
        *(void **)(&real) = dlsym(RTLD_NEXT, #name);                                               \
    }

static struct fd_row *row_of(int fd)
{
    return fd >= 0 && fd < FDS_MAX && fds[fd].file != NULL ? &fds[fd] : NULL;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

static uint64_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int open(const char *path, int flags, ...)
{
    REAL(open)
    const char *name = NULL;
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    struct disk *d = disk_of_path(path, &name);
    bool creates = d != NULL && (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
    if (creates && !disk_allows(d, DISK_NAME)) {
        return refuse(EIO);
    }
    if (creates && disk_is_full(d) && !disk_has_room(d, 1, 0)) {
        return refuse(ENOSPC);
    }
    int fd = real(path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX) {
        fds[fd] = (struct fd_row){0};
        if (d != NULL) {
            fds[fd].file = disk_file(d, name);
            fds[fd].dsync = (flags & O_DSYNC) != 0;
            fds[fd].may_map = !fds[fd].dsync && (flags & O_ACCMODE) == O_RDWR;
        }
        if (creates && fds[fd].file != NULL) {
            disk_has_created(fds[fd].file);
        }
    }
    return fd;
}

int close(int fd)
{
    REAL(close)
    if (fd >= 0 && fd < FDS_MAX) {
        fds[fd] = (struct fd_row){0};
    }
    return real(fd);
}

/* Whether these bytes lie in the file as it is: then they are copied into its mapping, without a
 * system call, which is most of what a page costs. */
static bool is_mapped(struct fd_row *row, int fd, uint64_t at, uint64_t len)
{
    if (row == NULL || !row->may_map) {
        return false;
    }
    if (row->map == NULL) {
        row->map = disk_map(row->file, fd);
        row->may_map = row->map != NULL;
        row->size = size_of(fd);
    }
    return row->map != NULL && at + len <= row->size && at + len <= DISK_MAP_BYTES;
}

static void has_grown(struct fd_row *row, uint64_t end)
{
    if (row != NULL && row->map != NULL && end > row->size) {
        row->size = end;
    }
}

/* Asks for leave to write; 0 or the error. */
static int may_write(struct fd_row *row, int fd, uint64_t at, uint64_t len)
{
    struct disk *d = disk_of(row->file);
    if (!disk_allows(d, row->dsync ? DISK_WRITE_DSYNC : DISK_WRITE)) {
        return EIO;
    }
    if (disk_is_full(d) && !disk_has_room(d, at + len, size_of(fd))) {
        return ENOSPC;
    }
    if (!row->dsync && disk_armed(d)) {
        disk_will_change(row->file, at, len, size_of(fd));
    }
    return 0;
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at)
{
    REAL(pwrite)
    struct fd_row *row = row_of(fd);
    int error = row != NULL ? may_write(row, fd, (uint64_t)at, len) : 0;
    if (error != 0) {
        return refuse(error);
    }
    if (is_mapped(row, fd, (uint64_t)at, len)) {
        memcpy(row->map + at, buf, len);
        return (ssize_t)len;
    }
    ssize_t done = real(fd, buf, len, at);
    if (row != NULL && row->dsync && done > 0) {
        disk_has_dsynced(row->file, (uint64_t)at, buf, (uint64_t)done);
    }
    has_grown(row, (uint64_t)(at + (done > 0 ? done : 0)));
    return done;
}

ssize_t write(int fd, const void *buf, size_t len)
{
    REAL(write)
    struct fd_row *row = row_of(fd);
    if (row == NULL) {
        return real(fd, buf, len);
    }
    uint64_t at = (uint64_t)lseek(fd, 0, SEEK_CUR);
    int error = may_write(row, fd, at, len);
    ssize_t done = error != 0 ? refuse(error) : real(fd, buf, len);
    has_grown(row, at + (uint64_t)(done > 0 ? done : 0));
    return done;
}

ssize_t writev(int fd, const struct iovec *list, int count)
{
    REAL(writev)
    struct fd_row *row = row_of(fd);
    uint64_t len = 0;
    for (int i = 0; i < count; i++) {
        len += list[i].iov_len;
    }
    if (row == NULL) {
        return real(fd, list, count);
    }
    uint64_t at = (uint64_t)lseek(fd, 0, SEEK_CUR);
    int error = may_write(row, fd, at, len);
    if (error != 0) {
        return refuse(error);
    }
    if (!is_mapped(row, fd, at, len)) {
        ssize_t done = real(fd, list, count);
        has_grown(row, at + (uint64_t)(done > 0 ? done : 0));
        return done;
    }
    for (int i = 0; i < count; i++) {
        memcpy(row->map + at, list[i].iov_base, list[i].iov_len);
        at += list[i].iov_len;
    }
    return lseek(fd, (off_t)at, SEEK_SET) < 0 ? -1 : (ssize_t)len;
}

int ftruncate(int fd, off_t len)
{
    REAL(ftruncate)
    struct fd_row *row = row_of(fd);
    uint64_t size = row != NULL ? size_of(fd) : 0;
    if (row != NULL && size != (uint64_t)len) {
        uint64_t low = size < (uint64_t)len ? size : (uint64_t)len;
        uint64_t high = size < (uint64_t)len ? (uint64_t)len : size;
        int error = may_write(row, fd, low, high - low);
        if (error != 0) {
            return refuse(error);
        }
    }
    int rc = real(fd, len);
    if (row != NULL && row->map != NULL && rc == 0) {
        row->size = (uint64_t)len;
    }
    return rc;
}

static int sync_row(struct fd_row *row)
{
    struct stat st;
    int fd = (int)(row - fds);
    bool dir = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    if (!disk_allows(disk_of(row->file), dir ? DISK_SYNC_NAMES : DISK_SYNC)) {
        return refuse(EIO);
    }
    if (dir) {
        disk_has_synced_names(row->file);
    } else {
        disk_has_synced(row->file);
    }
    return 0;
}

int fsync(int fd)
{
    REAL(fsync)
    struct fd_row *row = row_of(fd);
    return row != NULL ? sync_row(row) : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync)
    struct fd_row *row = row_of(fd);
    return row != NULL ? sync_row(row) : real(fd);
}

static int replace(struct disk *d, const char *from_name, const char *to, const char *to_name,
                   int (*real)(const char *, const char *), const char *from)
{
    if (!disk_allows(d, DISK_NAME)) {
        return refuse(EIO);
    }
    if (access(to, F_OK) == 0) {
        disk_will_unlink(disk_file(d, to_name));
    }
    int rc = real(from, to);
    if (rc == 0) {
        disk_has_renamed(disk_file(d, from_name), to_name);
    }
    return rc;
}

int rename(const char *from, const char *to)
{
    REAL(rename)
    const char *from_name = NULL, *to_name = NULL;
    struct disk *d = disk_of_path(from, &from_name);
    if (d == NULL || disk_of_path(to, &to_name) != d || disk_file(d, from_name) == NULL) {
        return real(from, to);
    }
    return replace(d, from_name, to, to_name, real, from);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    REAL(renameat2)
    const char *from_name = NULL, *to_name = NULL;
    struct disk *d = disk_of_path(from, &from_name);
    if (d == NULL || disk_of_path(to, &to_name) != d || flags != RENAME_EXCHANGE) {
        return real(from_dir, from, to_dir, to, flags);
    }
    if (!disk_allows(d, DISK_NAME)) {
        return refuse(EIO);
    }
    int rc = real(from_dir, from, to_dir, to, flags);
    if (rc == 0) {
        disk_has_exchanged(disk_file(d, from_name), disk_file(d, to_name));
    }
    return rc;
}

int unlink(const char *path)
{
    REAL(unlink)
    const char *name = NULL;
    struct disk *d = disk_of_path(path, &name);
    struct disk_file *f = d != NULL ? disk_file(d, name) : NULL;
    if (f != NULL && access(path, F_OK) == 0) {
        if (!disk_allows(d, DISK_NAME)) {
            return refuse(EIO);
        }
        disk_will_unlink(f);
    }
    return real(path);
}

/* Inodes and devices as the seed gives them, not as the machine does. */
int stat(const char *restrict path, struct stat *restrict out)
{
    REAL(stat)
    const char *name = NULL;
    struct disk *d = disk_of_path(path, &name);
    int rc = real(path, out);
    struct disk_file *f = d != NULL && rc == 0 ? disk_file(d, name) : NULL;
    if (f != NULL) {
        out->st_dev = disk_device(d);
        out->st_ino = disk_inode(f);
    }
    return rc;
}

int statvfs(const char *restrict path, struct statvfs *restrict out)
{
    REAL(statvfs)
    const char *name = NULL;
    struct disk *d = disk_of_path(path, &name);
    int rc = real(path, out);
    if (rc == 0 && d != NULL && disk_is_full(d)) {
        out->f_bavail = 0;
        out->f_bfree = 0;
    }
    return rc;
}
