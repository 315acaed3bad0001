/* One run of tris import, and what people get of it: counts, remarks, the file of rejected rows. */
#ifndef TRIS_TOOLS_IMPORT_SHOW_H
#define TRIS_TOOLS_IMPORT_SHOW_H

#include "tools/import.h"

enum { IMPORT_PATH_BYTES = 1100, IMPORT_COMMAND_BYTES = 1024 };

struct import {
    struct cli *cli;
    const struct args *args;
    const char *path;
    struct import_source source;
    struct columns columns;
    struct list_map *map; /* NULL: none */
    struct import_plan plan;
    struct import_result result;
    char rejected_path[IMPORT_PATH_BYTES]; /* "" while there is none */
};

bool path_ends_with(const char *text, const char *end);

/* NAME.rejected.csv beside the list; a list from standard input has it in the present folder. */
void import_write_rejected(struct import *im);

/* Remarks on columns that nobody knows. */
void import_print_columns(const struct import *im);
void import_print_counts(const struct import *im);
void import_print_json(const struct import *im, bool written);
/* "tris import", `how` (options such as "-y"), the list and the options as they were given, quoted
 * for a shell; "tris help import" if all that is too long. */
void import_say_command(const struct import *im, const char *how, char *out, size_t size);
/* What is done, and what the next command is. */
void import_print_end(const struct import *im, bool written);

#endif
