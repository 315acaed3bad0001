/* Control methods log.heads and log.page: what tris export log makes a file of, in pages. */
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/served.h"
#include "proto/logfile.h"

enum {
    HEADS_PAGE = 200,
    PAGE_BYTES = 1024 * 1024, /* a page has less and one more segment: some ms of reading */
    SKIP_MAX = 4096,          /* seals that one call passes by */
};

static void put_head(struct out *o, const struct frontier_item *item)
{
    const uint32_t member = members_find(&o->d->members, &item->ref.house);
    char call[OUT_ID_BYTES];
    out_map(o, NULL);
    out_hex(o, "log", item->id.b, sizeof item->id.b);
    out_hex(o, "house", item->ref.house.b, sizeof item->ref.house.b);
    if (member != UINT32_MAX) {
        house_call(&o->d->members, member, call);
        out_text(o, "slug", call);
    }
    out_text(o, "topic", out_topic_name(item->ref.topic));
    out_uint(o, "epoch", item->ref.epoch);
    out_hex(o, "seal_key", item->ref.seal_key.b, sizeof item->ref.seal_key.b);
    out_bool(o, "own", item->own);
    out_uint(o, "held", item->held);
    out_uint(o, "whole", item->whole);
    out_hash(o, "root", &item->root);
    out_uint(o, "day", item->day);
    out_uint(o, "flags", item->flags);
    out_end(o);
}

void ctl_log_heads(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", "limit", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t no = ctl_in_has(&in, "after") ? ctl_in_uint(&in, "after", 0, UINT32_MAX - 1) + 1 : 0;
    uint64_t limit = ctl_in_uint(&in, "limit", HEADS_PAGE, HEADS_PAGE);
    struct out *o = ctl_in_ok(d, token, &in) ? out_new(d, token) : NULL;
    if (o == NULL) {
        return;
    }
    const uint32_t count = frontier_count(d->frontier);
    out_list(o, "items");
    for (; no < count && limit > 0; no++) {
        const struct frontier_item *item = frontier_item(d->frontier, (uint32_t)no);
        if (item != NULL && frontier_item_counts(item)) {
            put_head(o, item);
            limit--;
        }
    }
    out_end(o);
    if (no < count && no > 0) {
        out_uint(o, "after", no - 1);
    }
    out_reply(o);
}

/* ---- pages of one log ---- */

struct page {
    struct store_view *v;
    uint32_t log_no;
    const struct frontier_item *item;
    uint64_t first;
    struct wbuf items; /* PAGE_BYTES and room for one more of each */
    struct wbuf run;
};

/* Passes by what was sealed before a time; false if the next call has to go on. */
static bool skip_older(struct page *p, uint64_t from_ms)
{
    for (int i = 0; i < SKIP_MAX; i++) {
        struct seal seal;
        if (p->first >= p->item->held ||
            store_seal_covering(p->v, p->log_no, p->first, &seal) != TRIS_OK ||
            seal.size > p->item->held || seal.time_ms >= from_ms) {
            return true; /* behind the last seal of a cut log is what counts as new */
        }
        p->first = seal.size;
    }
    return false;
}

/* The item LOG, and FORK where a proof is held; *root is that of the entries before. */
static enum tris_err put_beginning(struct page *p, struct tris_hash *root)
{
    struct tree peaks;
    struct store_fork fork;
    enum tris_err err = store_tree_at(p->v, p->log_no, p->first, &peaks);
    if (err != TRIS_OK) {
        return err;
    }
    tree_root(&peaks, root);
    logfile_put_log(&p->items, &p->item->ref, &peaks);
    if ((p->item->flags & FRONTIER_FORKED) != 0) {
        err = store_fork_get(p->v, p->log_no, &fork);
        if (err == TRIS_OK) {
            logfile_put_fork(&p->items, fork.proof);
        }
    }
    return err;
}

static bool is_at_its_end(const struct page *p)
{
    return p->first >= p->item->held;
}

/* Segments until the page is full. At the end of a log its newest seal alone, if `anew`. */
static enum tris_err put_segments(struct daemon *d, struct page *p, bool anew)
{
    const bool forked = (p->item->flags & FRONTIER_FORKED) != 0;
    enum tris_err err = TRIS_OK;
    while (err == TRIS_OK && p->items.len < PAGE_BYTES &&
           (!is_at_its_end(p) || (anew && !forked && p->first > 0))) {
        struct seal seal;
        uint32_t count = 0;
        p->run.len = 0;
        err = served_segment(d, p->v, p->log_no, p->first, &p->run, &count, &seal);
        if (err == TRIS_OK) {
            logfile_put_segment(&p->items, count, &seal, wbuf_span(&p->run));
            p->first = seal.size;
            anew = false;
            err = p->items.err;
        }
    }
    return err;
}

static bool page_alloc(struct page *p)
{
    const size_t room = PAGE_BYTES + 3 * (size_t)LOGFILE_ITEM_BYTES_MAX;
    uint8_t *items = malloc(room), *run = malloc(TRIS_SEGMENT_BYTES_MAX);
    p->items = wbuf_of(items, items != NULL ? room : 0);
    p->run = wbuf_of(run, run != NULL ? TRIS_SEGMENT_BYTES_MAX : 0);
    return items != NULL && run != NULL;
}

static enum tris_err page_find(struct daemon *d, struct page *p, struct span hex)
{
    struct tris_log_id id;
    if (!tris_unhex(hex, id.b, sizeof id.b)) {
        return TRIS_ERR_INVALID;
    }
    enum tris_err err = store_log_find(p->v, &id, &p->log_no);
    p->item = err == TRIS_OK ? frontier_item(d->frontier, p->log_no) : NULL;
    if (err == TRIS_OK && (p->item == NULL || p->first > p->item->held)) {
        err = TRIS_ERR_NOT_FOUND;
    }
    return err;
}

void ctl_log_page(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"log", "first", "begin", "anew", "sealed_from_ms", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct span log = ctl_in_need_text(&in, "log", 64);
    const bool begin = ctl_in_bool(&in, "begin"), anew = ctl_in_bool(&in, "anew");
    const uint64_t from_ms = ctl_in_uint(&in, "sealed_from_ms", 0, UINT64_MAX);
    struct page p = {.first = ctl_in_uint(&in, "first", 0, UINT64_MAX)};
    struct tris_hash root;
    struct out *o = ctl_in_ok(d, token, &in) ? out_new_view(d, token, &p.v) : NULL;
    if (o == NULL) {
        return;
    }
    enum tris_err err = page_alloc(&p) ? page_find(d, &p, log) : TRIS_ERR_NO_MEMORY;
    const bool found = err == TRIS_OK && skip_older(&p, from_ms);
    const bool something =
        found && (!is_at_its_end(&p) || anew || (p.item->flags & FRONTIER_FORKED) != 0);
    out_uint(o, "first", p.first);
    if (something && begin) {
        err = put_beginning(&p, &root);
        out_hash(o, "root", &root);
    }
    if (something && err == TRIS_OK) {
        err = put_segments(d, &p, anew);
    }
    if (err == TRIS_OK) {
        out_bin(o, "items", wbuf_span(&p.items));
        if (!found || !is_at_its_end(&p)) {
            out_uint(o, "next", p.first);
        }
    }
    store_view_end(p.v);
    free(p.items.ptr);
    free(p.run.ptr);
    if (err != TRIS_OK) {
        out_reply_error(o, err,
                        err == TRIS_ERR_NOT_FOUND ? "so much of this log is not here" : NULL,
                        "tris sync status");
        return;
    }
    out_reply(o);
}
