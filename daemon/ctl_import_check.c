/* Control method import.check: what an import is measured by before it writes. */
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/imports.h"

enum { SOURCE_COUNT_MAX = 1000000 }; /* a bigger source counts as one of so many */

void ctl_import_check(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"kind", "source", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const struct kind *kind = ctl_in_kind(&in, "kind");
    struct span source = ctl_in_text(&in, "source", IMPORTS_TEXT_BYTES_MAX);
    struct store_view *v = NULL;
    uint64_t local = 0, data = 0, from_source = 0;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    enum tris_err err = store_count_kind(v, d->local_no, kind->number, &local);
    if (d->own_index != UINT32_MAX) {
        data = members_count_kind(&d->members, d->own_index, v, kind->number);
    } else if (err == TRIS_OK && d->data_no != LOG_NO_NONE) {
        err = store_count_kind(v, d->data_no, kind->number, &data);
    }
    if (err == TRIS_OK) {
        err = store_count_source(v, kind->number, source, SOURCE_COUNT_MAX, &from_source);
    }
    store_view_end(v);
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, NULL);
        return;
    }
    out_uint(o, "records", local + data);
    out_uint(o, "from_source", from_source);
    out_uint(o, "max_change", d->config.import_max_change);
    out_reply(o);
}
