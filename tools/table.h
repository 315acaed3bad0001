/* The one table of subcommands and global options: what help, the man page, completion and
 * "did you mean" are made from. */
#ifndef TRIS_TOOLS_TABLE_H
#define TRIS_TOOLS_TABLE_H

#include "tools/tris.h"

extern const struct command cmd_version_rows[]; /* version, help, completion */

/* Visits every row in the order of help: row 0, 1, ... ; NULL behind the last. */
const struct command *table_row(size_t index);
/* The row of noun and verb (verb NULL: the noun alone); NULL if there is none. */
const struct command *table_find(const char *noun, const char *verb);
bool table_has_noun(const char *noun);
/* The nearest name: a noun (noun NULL) or a verb of `noun`; NULL if none is near. */
const char *table_suggest(const char *noun, const char *word);

/* Global options, ended by a NULL name. */
extern const struct cli_option global_options[];
/* By long name (len bytes) or by letter; NULL if it is none. */
const struct cli_option *global_find(const char *name, size_t len);
const struct cli_option *global_find_letter(char letter);

enum { TABLE_TEXT_BYTES = 256 };
/* "-o, --output FILE", "    --plain" */
void table_option_label(const struct cli_option *o, char *out, size_t size);
/* "--legal-form TEXT" for the field legal_form */
void table_field_label(const struct field *field, char *out, size_t size);
/* "tris house list [HOUSE] [OPTION...]" */
void table_usage_line(const struct command *row, char *out, size_t size);

#endif
