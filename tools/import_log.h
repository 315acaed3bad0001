/* tris import of a log file: what another house has written with tris export log. */
#ifndef TRIS_TOOLS_IMPORT_LOG_H
#define TRIS_TOOLS_IMPORT_LOG_H

#include <stdio.h>

#include "proto/logfile.h"
#include "tools/tris.h"

/* What becomes of one log of the file. */
struct log_result {
    struct tris_log_ref ref;
    struct tris_log_id id;
    struct tris_hash first_root, root;
    uint64_t first, size; /* what the file has: entries [first, size) */
    struct seal seal;     /* the last one; size 0: none */
    bool has_fork;
    uint64_t fork_at;
    uint8_t *claim; /* own log: a page that shows its last seal; malloc'ed */
    size_t claim_len;
    /* as the daemon says */
    bool own;
    uint64_t held, end; /* end: of a log that is known to be cut; else UINT64_MAX */
    char state[16];     /* "" = nothing to do; "new" and "anew" before it is taken */
    char reason[160];
    uint64_t entries; /* taken, or (dry run) that would be */
};

struct import_log {
    struct cli *cli;
    const char *path;
    struct logfile_in *in;
    uint64_t bytes; /* of the file */
    struct logfile_head head;
    struct log_result *logs;
    size_t count, room;
    struct tree tree;  /* of the log that is looked at, behind its last segment */
    uint64_t entries;  /* taken so far */
    enum tris_err err; /* of the file; TRIS_OK: it is whole */
    bool taken;        /* it was more than looked at */
};

/* Takes what is in the file (or, with -n, says what it would take). Returns the exit code. */
int import_log(struct cli *cli, const char *path, FILE *file, uint64_t bytes);

/* ---- import_log_look.c: the first pass ---- */

/* Reads the whole file, verifies it, and asks the daemon about each of its logs. Damage goes to
 * im->err, and what is before it is looked at all the same. Other errors: the exit code. */
int import_log_look(struct import_log *im);

/* ---- import_log_show.c ---- */

int import_log_show(const struct import_log *im);

#endif
