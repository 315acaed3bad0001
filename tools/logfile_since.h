/* What tris export log --since says: what another house holds already, or from which day on. */
#ifndef TRIS_TOOLS_LOGFILE_SINCE_H
#define TRIS_TOOLS_LOGFILE_SINCE_H

#include "proto/logfile.h"
#include "tools/tris.h"

struct logfile_since {
    uint64_t sealed_from_ms;  /* a day: what was sealed before it is left out; else 0 */
    struct logfile_row *rows; /* a file: its state, by log id; freed by logfile_since_free */
    size_t count;
};

/* `text` NULL: everything. Prints what is wrong and returns its exit code. */
int logfile_since_read(const struct cli *cli, const char *text, const struct tris_fed_id *fed,
                       struct logfile_since *out);
void logfile_since_free(struct logfile_since *since);
/* What the other house holds of a log; NULL: nothing, or no file was given. */
const struct logfile_row *logfile_since_find(const struct logfile_since *since,
                                             const struct tris_log_id *id);

#endif
