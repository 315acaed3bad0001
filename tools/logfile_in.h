/* Log files item by item, with one item in memory. */
#ifndef TRIS_TOOLS_LOGFILE_IN_H
#define TRIS_TOOLS_LOGFILE_IN_H

#include <stdio.h>

#include "proto/logfile.h"
#include "tools/tris.h"

struct logfile_in {
    FILE *file; /* the caller's */
    struct logfile_reader reader;
    struct logfile_item item;
    struct span raw; /* the item just read, with type and length */
    uint8_t bytes[LOGFILE_ITEM_BYTES_MAX];
};

/* Whether a file begins like a log file of any version; it is at its beginning afterwards. */
bool logfile_is(FILE *file);

/* NULL: no memory. Begins at the beginning of `file`; freed with free. */
struct logfile_in *logfile_in_new(FILE *file);
void logfile_in_rewind(struct logfile_in *in);
/* The next whole item; LOGFILE_NOTHING once the file has ended as it should. Errors as
 * logfile_step and logfile_finish, with reader.pos = byte; TRIS_ERR_IO: errno says why. */
TRIS_MUST_CHECK enum tris_err logfile_in_next(struct logfile_in *in);

/* Prints that the file is damaged (exit 14) or of a later version (21), and returns that code. */
int logfile_in_error(const struct cli *cli, const char *path, const struct logfile_in *in,
                     enum tris_err err, const char *unchanged);

/* "koeln" or 64 hex digits: how a log's house is called by the charter of the data directory, if
 * that is of this federation. */
struct charter; /* NULL: none */
void logfile_house(const struct charter *charter, const struct tris_fed_id *fed,
                   const struct tris_house_id *house, char out[65]);
const char *logfile_topic(enum tris_topic topic);

#endif
