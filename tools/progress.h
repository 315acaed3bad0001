/* Progress of long work on stderr: a bar on a terminal after one second, else a line per 10 %. */
#ifndef TRIS_TOOLS_PROGRESS_H
#define TRIS_TOOLS_PROGRESS_H

#include "tools/tris.h"

struct progress {
    const struct cli *cli;
    uint64_t total, started_ms, shown_ms;
    unsigned tenth; /* last one that was printed */
    bool drawn;
    bool bytes; /* what is counted are bytes */
};

/* `total` 0: unknown, then only the count is shown. */
void progress_start(struct progress *p, const struct cli *cli, uint64_t total);
void progress_show(struct progress *p, uint64_t done, uint64_t rows);
void progress_end(struct progress *p);

#endif
