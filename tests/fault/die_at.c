/* Test tool, preloaded into a daemon: ends it as kill -9 would, right before its n-th step that
 * outlives the process, and writes down which steps it took.
 *
 *   LD_PRELOAD=die_at.so DIE_AT=n STEP_LOG=file trisd ...
 *
 * One letter a step in the log: w a write to a file, M one that is durable at its return (LMDB's
 * meta page), s fdatasync, f fsync, r rename, t ftruncate, A bytes to a socket (an answer). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long steps;

static void step(char letter)
{
    const char *at = getenv("DIE_AT"), *path = getenv("STEP_LOG");
    long number = atomic_fetch_add(&steps, 1) + 1;
    if (at != NULL && strtol(at, NULL, 10) == number) {
        (void)raise(SIGKILL);
    }
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, &letter, (size_t)1);
        (void)close(fd);
    }
}

/* The log of a terminal, a pipe or standard error is nobody's record. */
static void step_write(int fd)
{
    struct stat st;
    if (fd <= STDERR_FILENO || fstat(fd, &st) != 0) {
        return;
    }
    if (S_ISSOCK(st.st_mode)) {
        step('A');
    } else if (S_ISREG(st.st_mode)) {
        int flags = fcntl(fd, F_GETFL);
        step(flags >= 0 && (flags & O_DSYNC) != 0 ? 'M' : 'w');
    }
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    step_write(fd);
    return syscall(SYS_write, fd, bytes, len);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    step_write(fd);
    return syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    step_write(fd);
    return syscall(SYS_pwrite64, fd, bytes, len, offset);
}

int fdatasync(int fd)
{
    step('s');
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    step('f');
    return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t len)
{
    step('t');
    return (int)syscall(SYS_ftruncate, fd, len);
}

int rename(const char *from, const char *to)
{
    step('r');
    return (int)syscall(SYS_rename, from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    step('r');
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}
