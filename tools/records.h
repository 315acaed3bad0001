/* Commands whose noun stands for a kind of records: what they share. */
#ifndef TRIS_TOOLS_RECORDS_H
#define TRIS_TOOLS_RECORDS_H

#include "tools/tris.h"

enum { RECORD_SCHEMA_BYTES = 64 };

/* A noun stands for the records of a kind, or for those of them with one type. */
struct record_noun {
    const char *noun;
    uint32_t kind;
    const char *type; /* NULL: any */
};

const struct record_noun *record_noun_of(const struct args *args);
const struct kind *record_kind_of(const struct args *args);
/* "tris.offer.add.1" */
const char *record_schema_of(const struct args *args, char out[RECORD_SCHEMA_BYTES]);
/* The title; of kinds without one the first two fields that each record has ("Köln: Modellregion").
 * malloc'ed. */
char *record_called(const struct cli *cli, const struct kind *kind, const json_t *fields);

/* release.c: decisions of the coordination about ID. */
extern const struct cli_option release_options[], confirm_options[];
int instrument_release(struct cli *cli, const struct args *args);
int rollout_confirm(struct cli *cli, const struct args *args);

extern const struct cli_option record_list_options[];
extern const struct cli_option record_listing_options[]; /* those of offers and needs too */
int record_list_run(struct cli *cli, const struct args *args);
int partner_list_run(struct cli *cli, const struct args *args);

#endif
