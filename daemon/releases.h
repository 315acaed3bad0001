/* What the coordination has decided: its records of kind release, each naming an instrument or a
 * rollout. Only houses that are members with the role coordination now have a say, and of each of
 * them its newest decision on a record that has not ended. Loop thread. */
#ifndef TRIS_DAEMON_RELEASES_H
#define TRIS_DAEMON_RELEASES_H

#include "daemon/ctl_out.h"

enum { RELEASES_OF_HOUSE_MAX = 4096 }; /* decisions of one house that are looked at */

/* One house's say on one record. */
struct release {
    struct record_ref subject;
    uint32_t member; /* index */
    uint32_t epoch;  /* of the log that says it, and the place there: which is newer */
    uint64_t seq;
    uint64_t verdict; /* enum release_verdict_code */
};

struct releases {
    struct release *list; /* by subject, then member; one each */
    size_t count;
};

/* Whether the coordination decides on records of this kind; KIND_NONE: of some. */
bool releases_ask(uint32_t kind);
/* Everything that is decided; without memory nothing. `scratch` is overwritten. */
void releases_load(struct daemon *d, struct store_view *v, struct record *scratch,
                   struct releases *out);
void releases_free(struct releases *r);
/* The lists released_by, withdrawn_by of an instrument, confirmed_by, rejected_by of a rollout into
 * the open map; those that nobody is in are left out. */
void releases_put(const struct releases *r, struct out *o, const struct store_record *record);

#endif
