/* Conditions on records that no index answers: asked of each record that a list comes by. */
#ifndef TRIS_DAEMON_CTL_FILTER_H
#define TRIS_DAEMON_CTL_FILTER_H

#include "daemon/ctl_in.h"

enum { FILTER_FIELDS_MAX = 8 };

/* One field and the codes of it that are wanted, as a set of bits. */
struct filter_field {
    const struct field *field;
    uint8_t wanted[CODE_NUMBER_MAX / 8 + 1];
};

struct filter {
    struct filter_field field[FILTER_FIELDS_MAX];
    uint32_t count;
    char region[6]; /* "", 2 digits of a state or 5 of a district: of the record, or of its house */
};

/* Parameter "where": a map of field name to codes, joined by |. Refuses what it cannot ask. */
void filter_read(struct ctl_in *in, const struct kind *kind, struct filter *out);
/* True if nothing has to be asked of a payload. */
bool filter_is_empty(const struct filter *f);
/* Asks the record's state of `today`. `scratch` is overwritten. */
bool filter_passes(const struct filter *f, struct daemon *d, struct store_view *v,
                   const struct store_record *r, uint32_t today, struct record *scratch);

#endif
