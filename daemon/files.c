/* The limit of open files of this process; see files.h. */
#include "daemon/files.h"

#include <sys/resource.h>

#include "daemon/ctl.h"
#include "daemon/half_open.h"

enum {
    /* store, log, listeners, loop, peers with a configured address, guests, exports, a backup */
    FILES_OTHER = 128,
};

uint64_t files_needed(const struct config *c)
{
    return (uint64_t)c->inbound_max + c->dial_max + HALF_OPEN_SILENT_MAX + HALF_OPEN_ANSWERED_MAX +
           CTL_CLIENTS_MAX + FILES_OTHER;
}

uint64_t files_raise(uint64_t needed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return UINT64_MAX;
    }
    if (limit.rlim_cur < needed && limit.rlim_cur < limit.rlim_max) {
        const struct rlimit raised = {limit.rlim_max < needed ? limit.rlim_max : (rlim_t)needed,
                                      limit.rlim_max};
        limit = setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised : limit;
    }
    return limit.rlim_cur;
}
