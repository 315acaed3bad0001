/* One input as a file with a path, in memory; see fuzz.h. */
#define _GNU_SOURCE /* memfd_create; NOLINT: the name that glibc asks for */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

const char *fuzz_file(struct span bytes)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        REQUIRE(fd >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    REQUIRE(ftruncate(fd, 0) == 0);
    REQUIRE(pwrite(fd, bytes.ptr, bytes.len, 0) == (ssize_t)bytes.len);
    return path;
}
