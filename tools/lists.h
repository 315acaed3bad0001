/* What several subcommands do with records: paging, printing, changing. */
#ifndef TRIS_TOOLS_LISTS_H
#define TRIS_TOOLS_LISTS_H

#include "tools/tris.h"

/* Calls a paged method until the end or `most` items (0: all) and puts all "items" into the first
 * result. Steals `params`. NULL after printing the error. */
json_t *cli_pages(struct cli *cli, const char *method, json_t *params, size_t most, int *exit_code);

enum { SHOWN_ID_BYTES = 128 };
/* The id of an answer's record, with a question mark while its number is not confirmed. */
const char *shown_id(const json_t *item, char out[SHOWN_ID_BYTES]);
/* "Name      text" with the label padded to a column; the text is escaped. */
void show_pair(const char *label, const char *text);
/* "released by bund; withdrawn by ..." of a record of record.show or record.list, as it came; "" if
 * the coordination says nothing. malloc'ed. */
char *release_said(const json_t *record);
/* One record with labelled fields in the language of `cli`. */
void show_record(const struct cli *cli, const json_t *record);
/* A code of this list as people read it, else the code itself. */
const char *code_label(const struct cli *cli, const char *list, const char *code);
const char *role_label(const char *role);
const char *scope_label(const char *scope);
const char *verb_label(const char *verb);
const char *kind_label(const struct cli *cli, const char *kind);
/* A word for W, S or Z that is short enough for a table. */
const char *sector_word(const struct cli *cli, const char *code);
/* "Köln, Stadt" for "05315"; the key itself if it is no district's. */
const char *region_name(const char *key);
/* A field's text with labels for codes and names for districts; malloc'ed. */
char *field_shown(const struct cli *cli, const struct field *field, const char *text);

/* The field options of a command as a map of name to text; a new reference. */
json_t *fields_of_args(const struct args *args);
/* Calls record.set (steals `params`) and prints id and warnings. */
int print_change(struct cli *cli, json_t *params, const char *schema);

/* "web: https://a -> https://b, status: ..." between a state and the one before it; malloc'ed
 * (history.c). */
char *describe_change(const struct cli *cli, const struct kind *kind, const json_t *now,
                      const json_t *before);

/* tris match, tris offer match, tris need match (match.c). */
int listing_match(struct cli *cli, const struct args *args);
extern const struct cli_option match_options[];

#endif
