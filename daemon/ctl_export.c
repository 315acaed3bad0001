/* Control method export.page: many records a message, as they are stored. */
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"

enum { EXPORT_STEPS_MAX = 4 };

static void put_row(struct out *o, struct store_view *v, const struct store_record *r)
{
    out_list(o, NULL);
    out_id(o, NULL, v, r->ref);
    out_text(o, NULL, o->prefix);
    out_text(o, NULL, out_scope_name(r->scope));
    out_bin(o, NULL, r->payload);
    out_end(o);
}

void ctl_export_page(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"kind", "scope", "house", "after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    const struct kind *kind = ctl_in_kind(&in, "kind");
    enum schema_scope scope = ctl_in_scope(&in, "scope");
    struct span after = ctl_in_text(&in, "after", 47);
    uint64_t limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    struct record_filter filter = {.local = scope == SCOPE_LOCAL,
                                   .national = scope == SCOPE_NATIONAL};
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_view *v = NULL;
    struct store_record record;
    uint32_t index = 0;
    if (after.len > 0 && !in_cursor(after, &cursor)) {
        ctl_in_refuse(&in, TRIS_ERR_INVALID, "after", "this is no cursor of export.page");
    }
    if (ctl_in_has(&in, "house")) {
        if (!in_house(d, token, &in, "house", &index)) {
            return;
        }
        filter.by_house = true;
        filter.house = members_line(&d->members, index)->id;
    } else if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    filter.kind = kind->number;
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    out_list(o, "items");
    enum tris_err err = TRIS_OK;
    for (int steps = 0; limit > 0 && out_has_room(o);) {
        err = store_record_next(v, &filter, &cursor, &record);
        if (err == TRIS_OK) {
            put_row(o, v, &record);
            limit--;
        } else if (err != TRIS_ERR_NOT_READY || ++steps == EXPORT_STEPS_MAX) {
            break;
        }
    }
    out_end(o);
    store_view_end(v);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_READY && err != TRIS_ERR_NOT_FOUND) {
        out_reply_error(o, err, NULL, "tris audit"); /* not to be taken for the end */
        return;
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        out_cursor(o, cursor);
    }
    out_reply(o);
}
