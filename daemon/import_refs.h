/* What rows of a list say of other records: keys of the house's lists, and names as people write
 * them, become references; references that stand in a row already are looked up. Loop thread. */
#ifndef TRIS_DAEMON_IMPORT_REFS_H
#define TRIS_DAEMON_IMPORT_REFS_H

#include "daemon/daemon.h"
#include "proto/record.h"

enum {
    IMPORT_REFS_MAX = 4,         /* a row */
    IMPORT_REF_BYTES_MAX = 320,  /* of one text */
    IMPORT_REF_SOURCES_MAX = 64, /* lists that a key is looked for in: one a month for five years */
};

/* One pair of a row: the number of a field and what the list says. */
struct import_ref {
    uint64_t number;
    struct span text;
};

/* One list that records of a kind came from. */
struct import_ref_source {
    uint32_t kind;
    size_t len;
    uint8_t text[IMPORT_REF_BYTES_MAX];
};

/* For one group of rows. d and kind are set, v and sources are NULL, nothing is read yet. */
struct import_refs {
    struct daemon *d;
    const struct kind *kind;
    struct store_view *v;
    size_t sources_count;
    struct import_ref_source *sources; /* IMPORT_REF_SOURCES_MAX; NULL until they are read */
    struct tris_house_id house[IMPORT_REFS_MAX]; /* what the present row's values point to */
    size_t houses;
};

enum import_refs_verdict {
    IMPORT_REFS_GOOD,
    IMPORT_REFS_UNLINKED, /* a key that no record has: the row may go in without the reference */
    IMPORT_REFS_REFUSED,
};

struct import_refs_fault {
    const struct field *field; /* NULL: the row as a whole */
    struct span value;         /* into the row */
    const char *why;           /* a static sentence */
};

/* True if records of this kind name others. */
bool import_refs_has(const struct kind *kind);
/* Puts what `pair` says into `record`, whose references point into `r` until the next call, and
 * looks up the others. `fields` as in writer_op: what was linked is set, what was not is taken out.
 * `fault` is set unless the verdict is GOOD. */
enum import_refs_verdict import_refs_apply(struct import_refs *r, const struct import_ref *pair,
                                           size_t count, struct span source, struct record *record,
                                           uint64_t *fields, struct import_refs_fault *fault);
void import_refs_end(struct import_refs *r);

#endif
