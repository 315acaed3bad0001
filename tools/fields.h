/* Fields as people fill them in: words that they use, what is missing, what is wrong and why, each
 * said in their language. The daemon checks again; its sentences are English. */
#ifndef TRIS_TOOLS_FIELDS_H
#define TRIS_TOOLS_FIELDS_H

#include "proto/record.h"
#include "tools/tris.h"

enum { FIELDS_TEXT_BYTES = 480 };

/* The code for a word that screens show instead of a label ("Staat"), else `text` itself. */
struct span fields_word(const struct field *field, struct span text);
/* "W S Z (business; ...)", or of a long list "ev (registered association), ..." as far as it
 * fits. */
void fields_codes(enum label_lang lang, const struct code_list *list, char *out, size_t size);
/* Why record_set_text refused `text` with `err`. */
void fields_refused(enum label_lang lang, const struct field *field, struct span text,
                    enum tris_err err, char *out, size_t size);
/* True if all of these codes or labels, joined by |, are in the field's list; else `why` says which
 * is not. */
bool fields_codes_known(enum label_lang lang, const struct field *field, const char *text,
                        char why[FIELDS_TEXT_BYTES]);
/* What record_check_own found. */
void fields_problem(enum label_lang lang, const struct record_problem *problem, char *out,
                    size_t size);
/* A partner without a sector has the one that its legal form usually belongs to. */
void fields_derive(struct record *r);

/* Checks the texts in `fields` (name to text) on their own, as for a change; words become codes.
 * False with `fault`. */
bool fields_check(const struct cli *cli, const struct kind *kind, json_t *fields,
                  struct fault *fault);
/* The same for a new record: what is required and missing is derived, asked for on a terminal, or
 * named in `fault`. */
bool fields_complete(const struct cli *cli, const struct kind *kind, enum schema_scope scope,
                     json_t *fields, struct fault *fault);

#endif
