/* Control methods house.list and house.show: the members as this node knows them. */
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_member.h"
#include "daemon/ctl_out.h"
#include "daemon/near.h"

/* The house's own record: among those of its district, which are few; else at the beginning of its
 * log, one bounded step. */
static bool find_house_record(struct store_view *v, const struct house_line *line,
                              struct store_record *out)
{
    struct record_ref cursor = {UINT32_MAX, 0};
    const struct record_filter filter = {
        .kind = KIND_HOUSE, .national = true, .by_house = true, .house = line->id};
    return near_house_record(v, line, out) ||
           store_record_next(v, &filter, &cursor, out) == TRIS_OK;
}

static uint64_t held(struct store_view *v, uint32_t log_no)
{
    struct store_log log;
    return log_no != LOG_NO_NONE && store_log_get(v, log_no, &log) == TRIS_OK ? log.held : 0;
}

/* The pairs that list and show have in common. */
static void put_house(struct out *o, struct store_view *v, uint32_t index)
{
    struct daemon *d = o->d;
    const struct member *m = &d->members.list[index];
    const struct house_line *line = members_line(&d->members, index);
    const bool own = index == d->own_index;
    const struct peer *peer = own ? NULL : overlay_peer(d->overlay, index);
    uint64_t sealed = 0, arrived = 0;
    struct store_record record;
    char call[OUT_ID_BYTES];

    if (store_house_heard(v, &line->id, &sealed, &arrived) != TRIS_OK) {
        sealed = arrived = 0;
    }
    if (peer != NULL && peer->heard_wall_ms > arrived) {
        arrived = peer->heard_wall_ms;
    }
    house_call(&d->members, index, call);
    out_hex(o, "id", line->id.b, sizeof line->id.b);
    out_text(o, "slug", call);
    out_text(o, "name", line->name);
    out_text(o, "region", line->region);
    out_text(o, "role", tris_role_name(line->role));
    out_text(o, "state", member_state_name(m->state));
    out_bool(o, "own", own);
    out_uint(o, "sealed_ms", sealed);
    out_uint(o, "heard_ms", arrived);
    out_uint(o, "gov", held(v, m->gov_no));
    out_uint(o, "data", held(v, m->data_no));
    out_uint(o, "partners", members_count_kind(&d->members, index, v, KIND_PARTNER));
    out_bool(o, "connected", peer != NULL && peer->state == PEER_OPEN);
    if (find_house_record(v, line, &record)) {
        out_id(o, "record_id", v, record.ref);
    }
}

void ctl_house_list(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t index = ctl_in_uint(&in, "after", 0, UINT32_MAX);
    uint64_t limit = ctl_in_uint(&in, "limit", OUT_PAGE_ITEMS_MAX, OUT_PAGE_ITEMS_MAX);
    struct store_view *v = NULL;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    out_list(o, "items");
    for (; index < d->members.count && limit > 0; index++, limit--) {
        out_map(o, NULL);
        put_house(o, v, (uint32_t)index);
        out_end(o);
    }
    out_end(o);
    if (index < d->members.count) {
        out_uint(o, "after", index);
    }
    store_view_end(v);
    out_reply(o);
}

void ctl_house_show(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"house", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct store_view *v = NULL;
    struct store_record record;
    uint32_t index = 0;
    if (!in_house(d, token, &in, "house", &index)) {
        return;
    }
    struct out *o = out_new_view(d, token, &v);
    if (o == NULL) {
        return;
    }
    const struct house_line *line = members_line(&d->members, index);
    put_house(o, v, index);
    out_hex(o, "transport", line->transport.b, sizeof line->transport.b);
    out_list(o, "addresses");
    for (uint32_t i = 0; i < line->addr_count; i++) {
        out_text(o, NULL, line->addr[i]);
    }
    out_end(o);
    if (find_house_record(v, line, &record)) {
        out_map(o, "record");
        out_record(o, v, &record);
        out_end(o);
    }
    store_view_end(v);
    out_reply(o);
}
