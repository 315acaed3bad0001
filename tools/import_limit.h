/* How much of a source one import may change unasked. */
#ifndef TRIS_TOOLS_IMPORT_LIMIT_H
#define TRIS_TOOLS_IMPORT_LIMIT_H

#include "tools/import.h"

enum {
    LIMIT_EXEMPT = 20, /* so many records may change at any share: small lists, small corrections */
    LIMIT_TEXT_BYTES = 400,
};

struct import_limit {
    uint64_t records;     /* own ones of the kind, before the import */
    uint64_t from_source; /* of these, the ones that came from the list's source */
    uint32_t percent;     /* that may change; 100: all */
};

/* Asks the daemon. `option` is what --max-change says, NULL: as configured; `force`: no limit.
 * False: *code is the exit code, what is wrong was said. */
bool import_limit_find(struct cli *cli, const struct import_plan *plan, const char *option,
                       bool force, struct import_limit *out, int *code);
/* True if nothing can be changed beyond the limit, whatever the list says. */
bool import_limit_is_idle(const struct import_limit *limit);
/* False if a dry run counted more than may change; `why` (LIMIT_TEXT_BYTES) says it. */
bool import_limit_allows(const struct import_limit *limit, const struct import_counts *n,
                         const char *source, char *why);

#endif
