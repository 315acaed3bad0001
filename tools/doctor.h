/* tris doctor and tris audit: checks that also work while the daemon is down. */
#ifndef TRIS_TOOLS_DOCTOR_H
#define TRIS_TOOLS_DOCTOR_H

#include "tools/tris.h"

struct store;

enum { DOCTOR_DETAIL_BYTES = 512 };

/* What the doctor may find; each has a row in doctor_rows. */
enum doctor_check {
    CHECK_KEYS,
    CHECK_CHARTER,
    CHECK_DISK,
    CHECK_DAEMON,
    CHECK_STORE,
    CHECK_MARK,
    CHECK_GUARD,
    CHECK_DRAFTS,
    CHECK_PEERS,
    CHECK_INERT,
    CHECK_REGION,
    CHECK_STEPS, /* from here on: steps of `tris why`, of other houses */
    CHECK_FORKED = CHECK_STEPS,
    CHECK_PAUSED,
    CHECK_REFUSED,
    CHECK_FAULT,
    CHECK_UNREACHABLE,
    CHECK_WITHHELD,
    CHECK_HOLE,
    CHECK_CLOCK,
    CHECK_NO_ADDRESS,
    CHECK_SILENT,
    CHECK_COUNT,
};

struct doctor_row {
    const char *name; /* stable, never translated */
    const char *next; /* what to do if a finding knows nothing better; never empty */
    const char *text; /* of steps: what is wrong with these houses */
};
extern const struct doctor_row doctor_rows[CHECK_COUNT];

int doctor_run(struct cli *cli, const struct args *args);
/* All findings without printing them: {items, result}; a new reference. */
json_t *doctor_findings(struct cli *cli);
/* What only a person can decide: that what is lost may be lost, or that an alarm is over. */
int doctor_decide(struct cli *cli, bool loss);
int audit_run(struct cli *cli, const struct args *args);

/* The store of a data directory, opened by this program. False: *err, and a sentence in `detail`.
 */
bool doctor_open_store(const char *dir, bool read_only, struct store **store, enum tris_err *err,
                       char detail[DOCTOR_DETAIL_BYTES]);

#endif
