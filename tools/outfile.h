/* A file for people that is written piece by piece and replaces an older one only when it is whole.
 */
#ifndef TRIS_TOOLS_OUTFILE_H
#define TRIS_TOOLS_OUTFILE_H

#include <stdio.h>

#include "tools/files.h"

struct outfile {
    FILE *file;
    char path[FILE_PATH_BYTES]; /* behind a link: what it points to */
    char
        temp[FILE_PATH_BYTES]; /* beside it; "" for a pipe or a device, which is written directly */
};

/* False: errno says why, nothing is there that was not before. */
bool outfile_open(struct outfile *out, const char *path);
/* Closes; `keep`: the file gets its name. False: errno says why, and as without `keep` the old file
 * is there as it was. */
bool outfile_end(struct outfile *out, bool keep);

#endif
