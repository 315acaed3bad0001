/* Control methods import.list and import.undo: taking a whole import back, a page at a time.
 *
 * A record that the import created ends; one that it changed gets its former state again. Whatever
 * somebody changed since stays as it is, and the answer names it. A page is one group of the
 * writer; each op names the entry that it was decided on, so nothing newer is overwritten. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/imports.h"

enum {
    UNDO_OPS_MAX = WRITER_GROUP_OPS_MAX - 1, /* and the setting */
    UNDO_STEPS_MAX = 1024,                   /* entries looked at in one call */
    UNDO_KEPT_MAX = UNDO_STEPS_MAX + UNDO_OPS_MAX,
    UNDO_HISTORY_MAX = 1000, /* of one record */
    LIST_STEPS_MAX = OUT_PAGE_ITEMS_MAX,
};

/* ---- import.list ---- */

static void put_import(struct out *o, uint64_t id, const struct import_head *head)
{
    char name[24];
    out_map(o, NULL);
    out_uint(o, "import", id);
    out_uint(o, "time_ms", head->time_ms);
    out_text(o, "kind", out_kind_name(head->kind, name));
    out_span(o, "file", head->file);
    out_span(o, "source", head->source);
    out_uint(o, "new", head->created);
    out_uint(o, "changed", head->changed);
    if (head->undone_ms != 0) {
        out_uint(o, "undone_ms", head->undone_ms);
    }
    out_end(o);
}

void ctl_import_list(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"after", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t id = ctl_in_uint(&in, "after", 0, UINT32_MAX);
    struct store_view *v;
    struct import_head head;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, NULL);
        return;
    }
    out_list(o, "items");
    for (int i = 0; i < LIST_STEPS_MAX && err == TRIS_OK; i++) {
        err = imports_next(v, &id, &head);
        if (err == TRIS_OK) {
            put_import(o, id, &head);
        }
    }
    out_end(o);
    if (err == TRIS_OK) {
        out_uint(o, "after", id);
    }
    store_view_end(v);
    if (err != TRIS_OK && err != TRIS_ERR_NOT_FOUND) {
        out_reply_error(o, err, NULL, NULL);
        return;
    }
    out_reply(o);
}

/* ---- import.undo ---- */

/* A record that is not undone. */
struct kept_record {
    struct record_ref ref;
    const char *why;
};

/* One page on its way. Heap; freed when answered. */
struct undo {
    uint64_t token;
    struct store_view *v;
    bool dry_run, more;
    struct import_runs runs;
    struct record_ref at; /* where the next page begins */
    uint64_t already, ended, restored;
    size_t kept_count;
    struct kept_record kept[UNDO_KEPT_MAX];
    size_t ops_count;
    struct writer_op ops[WRITER_GROUP_OPS_MAX];
    char key[IMPORTS_KEY_BYTES];
    uint8_t head[IMPORTS_HEAD_BYTES];
};

static void undo_free(struct undo *u)
{
    if (u->v != NULL) {
        store_view_end(u->v);
    }
    free(u->runs.run);
    free(u);
}

static void keep(struct undo *u, struct record_ref ref, const char *why)
{
    if (u->kept_count < UNDO_KEPT_MAX) {
        u->kept[u->kept_count++] = (struct kept_record){ref, why};
    }
}

/* The local record went on as a national one, which is not the import's. */
static bool was_published(struct undo *u, const struct store_record *record)
{
    struct entry entry;
    struct entry_header header;
    struct record_ref at = {0, UINT64_MAX};
    if (record->scope != SCOPE_LOCAL || store_record_history(u->v, record->ref, &at) != TRIS_OK ||
        store_entry_get(u->v, at.log_no, at.seq, &entry) != TRIS_OK ||
        entry_peek_header(&entry, &header) != TRIS_OK || header.verb != VERB_END) {
        return false;
    }
    struct rbuf r = rbuf_of(entry.payload);
    uint32_t pairs = pack_read_map(&r, 2);
    for (uint32_t i = 0; i < pairs && r.err == TRIS_OK; i++) {
        if (pack_read_uint(&r) == 2) {
            return true;
        }
        (void)pack_read_uint(&r);
    }
    return false;
}

/* What the record was before this import: the newest effective put that is not the import's.
 * TRIS_ERR_NOT_FOUND: it was not there. */
static enum tris_err find_former(struct undo *u, struct record_ref ref, struct record_ref at,
                                 struct span *payload)
{
    struct entry entry;
    for (int i = 0; i < UNDO_HISTORY_MAX; i++) {
        enum tris_err reason;
        enum tris_err err = store_record_history(u->v, ref, &at);
        if (err != TRIS_OK) {
            return err;
        }
        if (imports_has(&u->runs, at.log_no, at.seq)) {
            continue;
        }
        err = store_entry_effect(u->v, at.log_no, at.seq, &reason);
        if (err == TRIS_OK && reason == TRIS_OK) {
            err = store_entry_get(u->v, at.log_no, at.seq, &entry);
            *payload = entry.payload;
            return err == TRIS_OK && !entry.whole ? TRIS_ERR_NOT_READY : err;
        }
        if (err != TRIS_OK) {
            return err;
        }
    }
    return TRIS_ERR_TOO_LARGE;
}

/* True if a later entry of this import names the record: it is dealt with there. */
static bool is_named_later(struct undo *u, struct record_ref ref, struct record_ref entry)
{
    struct record_ref at = {0, UINT64_MAX};
    for (int i = 0; i < UNDO_HISTORY_MAX; i++) {
        if (store_record_history(u->v, ref, &at) != TRIS_OK ||
            (at.log_no == entry.log_no && at.seq <= entry.seq)) {
            return false;
        }
        if (imports_has(&u->runs, at.log_no, at.seq)) {
            return true;
        }
    }
    return false;
}

static void add_op(struct undo *u, const struct store_record *record, const struct span *former)
{
    u->ops[u->ops_count++] =
        (struct writer_op){.type = former != NULL ? WRITER_PUT : WRITER_END,
                           .kind = record->kind,
                           .has_record = true,
                           .record = record->ref,
                           .has_base = true,
                           .base_log = record->last_log,
                           .base_seq = record->last_seq,
                           .payload = former != NULL ? *former : span_of(NULL, 0)};
    u->ended += former == NULL ? 1 : 0;
    u->restored += former != NULL ? 1 : 0;
}

/* The record that an own entry names, which may be one of a former epoch. */
static enum tris_err record_of(struct undo *u, const struct tris_house_id *own,
                               struct record_ref at, const struct entry_header *header,
                               struct record_ref *out)
{
    *out = (struct record_ref){at.log_no, header->has_record ? header->record_seq : at.seq};
    return header->has_record_epoch
               ? store_record_find(u->v, own, header->record_epoch, header->record_seq, out)
               : TRIS_OK;
}

/* Decides on the record that the import's entry `at` names. */
static void undo_entry(struct undo *u, const struct tris_house_id *own, struct record_ref at)
{
    struct record_ref ref;
    struct entry entry;
    struct entry_header header;
    struct store_record record;
    struct span former = span_of(NULL, 0);
    if (store_entry_get(u->v, at.log_no, at.seq, &entry) != TRIS_OK ||
        entry_peek_header(&entry, &header) != TRIS_OK ||
        record_of(u, own, at, &header, &ref) != TRIS_OK ||
        store_record_get(u->v, ref, &record) != TRIS_OK || is_named_later(u, ref, at)) {
        return;
    }
    enum tris_err err = find_former(u, ref, at, &former);
    bool created = err == TRIS_ERR_NOT_FOUND;
    if (record.ended) {
        if (!created) {
            keep(u, ref, "the record has ended since");
        } else if (was_published(u, &record)) {
            keep(u, ref, "the record was published since: end the published one");
        } else {
            u->already++;
        }
    } else if (err != TRIS_OK && !created) {
        keep(u, ref,
             err == TRIS_ERR_TOO_LARGE ? "the record's history is too long"
                                       : "the former state is not here any more");
    } else if ((record.last_log == at.log_no && record.last_seq == at.seq) ||
               (entry.whole && span_eq(record.payload, entry.payload))) {
        /* a later import that was itself taken back does not stand in the way */
        add_op(u, &record, created ? NULL : &former);
    } else if (!created && span_eq(record.payload, former)) {
        u->already++;
    } else {
        keep(u, ref, "the record was changed since");
    }
}

/* Looks at the import's entries from where the page begins. */
static void undo_page(struct undo *u, struct daemon *d)
{
    int steps = 0;
    for (size_t i = 0; i < u->runs.count; i++) {
        const struct import_run *run = &u->runs.run[i];
        if (run->log_no < u->at.log_no) {
            continue;
        }
        const bool inside = run->log_no == u->at.log_no && run->first < u->at.seq;
        struct record_ref at = {run->log_no, inside ? u->at.seq : run->first};
        for (; at.seq < run->first + run->count; at.seq++) {
            if (u->ops_count == UNDO_OPS_MAX || ++steps > UNDO_STEPS_MAX) {
                u->at = at;
                u->more = true;
                return;
            }
            undo_entry(u, &d->own, at);
        }
    }
}

static void reply(struct daemon *d, struct undo *u)
{
    char cursor[32], id[OUT_ID_BYTES];
    struct out *o = out_new(d, u->token);
    if (o == NULL) {
        undo_free(u);
        return;
    }
    enum tris_err err = u->v == NULL ? daemon_view(d, &u->v) : TRIS_OK;
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, NULL);
        undo_free(u);
        return;
    }
    out_list(o, "kept");
    for (size_t i = 0; i < u->kept_count; i++) {
        out_list(o, NULL);
        out_text(o, NULL, out_record_id(o, u->v, u->kept[i].ref, id) ? id : "");
        out_text(o, NULL, u->kept[i].why);
        out_end(o);
    }
    out_end(o);
    out_uint(o, "ended", u->ended);
    out_uint(o, "restored", u->restored);
    out_uint(o, "already", u->already);
    if (u->more) {
        (void)snprintf(cursor, sizeof cursor, "%" PRIu32 ":%" PRIu64, u->at.log_no, u->at.seq);
        out_text(o, "after", cursor);
    }
    out_reply(o);
    undo_free(u);
}

static void undo_done(struct daemon *d, void *ctx, enum tris_err err,
                      const struct writer_result *results, size_t count)
{
    struct undo *u = ctx;
    if (err != TRIS_OK) {
        ctl_reply_error(d, u->token, err, NULL, "Nothing of this page was taken back.",
                        "tris status", NULL);
        undo_free(u);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (results[i].change == WRITER_REJECTED) {
            u->ended -= u->ops[i].type == WRITER_END ? 1 : 0;
            u->restored -= u->ops[i].type == WRITER_PUT ? 1 : 0;
            keep(u, u->ops[i].record,
                 results[i].err == TRIS_ERR_CONFLICT ? tris_err_text(TRIS_ERR_CONFLICT)
                                                     : "the record was changed since");
        }
    }
    reply(d, u);
}

/* On the last page the import is marked as taken back. */
static void add_mark(struct undo *u, uint64_t id, struct import_head *head)
{
    struct wbuf w = wbuf_of(u->head, sizeof u->head);
    head->undone_ms = clock_wall_ms();
    imports_key(id, u->key);
    imports_encode(head, &w);
    if (!u->more && w.err == TRIS_OK) {
        u->ops[u->ops_count++] = (struct writer_op){
            .type = WRITER_SETTING, .key = span_str(u->key), .payload = wbuf_span(&w)};
    }
}

/* "3:4711", log and entry, as reply wrote it; an empty one is the start. */
static bool read_cursor(struct span text, struct undo *u)
{
    char bytes[32], *end = NULL;
    span_copy(text, bytes, sizeof bytes);
    if (text.len == 0) {
        return true;
    }
    u->at.log_no = (uint32_t)strtoul(bytes, &end, 10);
    if (end == bytes || *end != ':') {
        return false;
    }
    u->at.seq = strtoull(end + 1, &end, 10);
    return *end == '\0';
}

static enum tris_err undo_load(struct undo *u, struct daemon *d, uint64_t id,
                               struct import_head *head)
{
    enum tris_err err = daemon_view(d, &u->v);
    err = err == TRIS_OK ? imports_get(u->v, id, head) : err;
    return err == TRIS_OK ? imports_runs(u->v, id, head, &u->runs) : err;
}

static void undo_run(struct daemon *d, struct undo *u, uint64_t id, struct import_head *head)
{
    undo_page(u, d);
    if (u->dry_run) {
        reply(d, u);
        return;
    }
    add_mark(u, id, head);
    struct writer_group group = {.ops = u->ops, .count = u->ops_count, .done = undo_done, .ctx = u};
    enum tris_err err = u->ops_count > 0 ? writer_submit(d->writer, &group) : TRIS_OK;
    store_view_end(u->v); /* the writer has copies */
    u->v = NULL;
    if (err != TRIS_OK || u->ops_count == 0) {
        undo_done(d, u, err, NULL, 0);
    }
}

void ctl_import_undo(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"import", "dry_run", "after", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    uint64_t id = ctl_in_uint(&in, "import", 0, UINT32_MAX);
    struct span after = ctl_in_text(&in, "after", 31);
    bool dry_run = ctl_in_bool(&in, "dry_run");
    struct import_head head;
    if (!ctl_in_ok(d, token, &in)) {
        return;
    }
    struct undo *u = calloc(1, sizeof *u);
    if (u == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    u->token = token;
    u->dry_run = dry_run;
    const char *why = NULL;
    enum tris_err err = read_cursor(after, u) ? undo_load(u, d, id, &head) : TRIS_ERR_INVALID;
    if (err == TRIS_ERR_NOT_FOUND) {
        why = "there is no such import here";
    } else if (err == TRIS_OK && head.undone_ms != 0) {
        err = TRIS_ERR_EXISTS;
        why = "this import was taken back already";
    }
    if (err != TRIS_OK) {
        ctl_reply_error(d, token, err, why, NULL, "tris import list", NULL);
        undo_free(u);
        return;
    }
    undo_run(d, u, id, &head);
}
