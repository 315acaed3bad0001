/* Control methods import.begin, import.rows, export.page: many records a message.
 *
 * A group of rows is one group of the writer: one answer after one commit. Duplicates are looked
 * for inside the writer's transaction, so several groups may be in flight. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/imports.h"

enum { ROWS_MAX = WRITER_GROUP_OPS_MAX, SOURCE_BYTES_MAX = 320, REASON_BYTES = 200 };

struct rejected_row {
    uint64_t line;
    char field[40];
    char text[REASON_BYTES];
};

/* One group on its way. Heap; freed when answered. */
struct rows {
    uint64_t token;
    uint32_t rejected_count;
    size_t ops_count;
    uint64_t line[ROWS_MAX]; /* of each op */
    struct writer_op ops[ROWS_MAX];
    struct rejected_row rejected[ROWS_MAX];
    struct record record;
    struct wbuf made; /* what ops point to and is not in the request; malloc'ed at the first use */
};

static void rows_free(struct rows *rows)
{
    free(rows->made.ptr);
    free(rows);
}

/* False for kinds whose records are told apart by a text that stands in the payload. */
static bool needs_room(const struct kind *kind)
{
    bool needs = false;
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        needs = needs || ((field->flags & FIELD_WITHIN) != 0 && field->type != FIELD_REGION);
    }
    return needs;
}

/* What tells the row's record from its namesakes; mostly it stands in the request. */
static struct span within_of(struct rows *rows)
{
    if (rows->made.ptr == NULL && needs_room(rows->record.kind)) {
        const size_t size = (size_t)ROWS_MAX * RECORD_WITHIN_BYTES_MAX;
        uint8_t *bytes = malloc(size);
        rows->made = wbuf_of(bytes, bytes != NULL ? size : 0);
    }
    return record_within(&rows->record, &rows->made);
}

static void reject(struct rows *rows, uint64_t line, const char *field, const char *text)
{
    struct rejected_row *row = &rows->rejected[rows->rejected_count++];
    row->line = line;
    (void)snprintf(row->field, sizeof row->field, "%s", field);
    (void)snprintf(row->text, sizeof row->text, "%s", text);
}

static const char *why_rejected(enum tris_err err)
{
    if (err == TRIS_ERR_EXISTS) {
        return "it exists already with the other scope: tris partner publish makes a local one "
               "national";
    }
    if (err == TRIS_ERR_AMBIGUOUS) {
        return "several records have this name, district or partner; give source_id, or end those "
               "too "
               "many";
    }
    return tris_err_text(err);
}

/* What new rows look like: line, name and id of the other record. Only a record that was there
 * before this group has an id that anybody can look at. */
static void put_similar(struct daemon *d, struct out *o, struct rows *rows,
                        const struct writer_result *results, size_t count)
{
    struct store_view *v = NULL;
    struct store_record record;
    char id[OUT_ID_BYTES];
    for (size_t i = 0; i < count; i++) {
        if (!results[i].has_similar) {
            continue;
        }
        if (v == NULL) {
            if (daemon_view(d, &v) != TRIS_OK) {
                return;
            }
            out_list(o, "similar");
        }
        const struct kind *kind = schema_kind(rows->ops[i].kind);
        if (kind != NULL && store_record_get(v, results[i].similar, &record) == TRIS_OK &&
            out_record_id(o, v, results[i].similar, id) &&
            record_decode(kind, record.payload, &rows->record, NULL) == TRIS_OK) {
            out_list(o, NULL);
            out_uint(o, NULL, rows->line[i]);
            out_span(o, NULL, record_title(&rows->record));
            out_text(o, NULL, id);
            out_end(o);
        }
    }
    if (v != NULL) {
        out_end(o);
        store_view_end(v);
    }
}

static void rows_done(struct daemon *d, void *ctx, enum tris_err err,
                      const struct writer_result *results, size_t count)
{
    struct rows *rows = ctx;
    uint64_t by_change[WRITER_REJECTED + 1] = {0};
    struct out *o = NULL;
    if (err != TRIS_OK) {
        ctl_reply_error(d, rows->token, err, NULL, "Nothing of this group was written.",
                        "tris status", NULL);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        by_change[results[i].change]++;
        if (results[i].change == WRITER_REJECTED) {
            reject(rows, rows->line[i], "", why_rejected(results[i].err));
        }
    }
    o = out_new(d, rows->token);
    if (o == NULL) {
        goto out;
    }
    out_uint(o, "new", by_change[WRITER_NEW]);
    out_uint(o, "changed", by_change[WRITER_CHANGED]);
    out_uint(o, "unchanged", by_change[WRITER_UNCHANGED]);
    out_list(o, "rejected");
    for (uint32_t i = 0; i < rows->rejected_count; i++) {
        out_list(o, NULL);
        out_uint(o, NULL, rows->rejected[i].line);
        out_text(o, NULL, rows->rejected[i].field);
        out_text(o, NULL, rows->rejected[i].text);
        out_end(o);
    }
    out_end(o);
    put_similar(d, o, rows, results, count);
    out_reply(o);
out:
    rows_free(rows);
}

/* True if the row may be written; else it is on the list of rejected ones. */
static bool check_row(struct rows *rows, const struct kind *kind, enum schema_scope scope,
                      uint64_t line, struct span payload)
{
    struct record_problem problem[4];
    uint32_t bad_field = 0;
    enum tris_err err = record_decode(kind, payload, &rows->record, &bad_field);
    if (err != TRIS_OK) {
        const struct field *field = schema_field(kind, bad_field);
        reject(rows, line, field != NULL ? field->name : "", tris_err_text(err));
        return false;
    }
    size_t found = record_check_own(&rows->record, scope, problem, 4);
    for (size_t i = 0; i < found && i < 4; i++) {
        if (!problem[i].warning) {
            reject(rows, line, problem[i].field != NULL ? problem[i].field->name : "",
                   problem[i].text);
            return false;
        }
    }
    return true;
}

struct rows_head {
    const struct kind *kind;
    enum schema_scope scope;
    struct span source, file;
    uint64_t import; /* 0: not to be undone */
    uint64_t fields; /* as writer_op.fields */
    bool dry_run;
};

/* Reads [line, source_id, payload]; spans point into the request, which the writer copies. */
static void read_row(struct rows *rows, const struct rows_head *head, struct rbuf *r)
{
    uint32_t items = pack_read_array(r, 3);
    uint64_t line = pack_read_uint(r);
    struct span source_id = pack_read_str(r, SOURCE_BYTES_MAX);
    struct span payload = pack_read_bin(r, TRIS_PAYLOAD_BYTES_MAX);
    if (items != 3) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    if (r->err != TRIS_OK || !check_row(rows, head->kind, head->scope, line, payload)) {
        return;
    }
    struct span own_source = record_text(&rows->record, "source");
    rows->line[rows->ops_count] = line;
    rows->ops[rows->ops_count++] = (struct writer_op){
        .type = WRITER_IMPORT,
        .topic = head->scope == SCOPE_LOCAL ? TRIS_TOPIC_LOCAL : TRIS_TOPIC_DATA,
        .kind = head->kind->number,
        .fields = head->fields,
        .payload = payload,
        .source = own_source.len > 0 ? own_source : head->source,
        .source_id = source_id,
        .name = record_title(&rows->record),
        .within = within_of(rows),
    };
}

/* Numbers of the fields that the list speaks of. */
static void read_fields(struct ctl_in *in, struct rows_head *head)
{
    head->fields = 0;
    if (!ctl_in_has(in, "fields") || head->kind == NULL) {
        return;
    }
    struct rbuf r = rbuf_of(ctl_map_get(in->map, "fields"));
    uint32_t count = pack_read_array(&r, RECORD_FIELDS_MAX);
    for (uint32_t i = 0; i < count && r.err == TRIS_OK; i++) {
        const struct field *field = schema_field(head->kind, (uint32_t)pack_read_uint(&r));
        if (field == NULL) {
            rbuf_fail(&r, TRIS_ERR_BAD_VALUE);
        } else {
            head->fields |= (uint64_t)1 << (field - head->kind->fields);
        }
    }
    if (rbuf_finish(&r) != TRIS_OK) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "fields", "a list of field numbers of the kind");
    }
}

static bool read_head(struct daemon *d, uint64_t token, struct ctl_in *in, struct rows_head *head)
{
    head->kind = ctl_in_kind(in, "kind");
    head->scope = ctl_in_scope(in, "scope");
    head->source = ctl_in_text(in, "source", SOURCE_BYTES_MAX);
    head->file = ctl_in_text(in, "file", IMPORTS_TEXT_BYTES_MAX);
    head->import = ctl_in_uint(in, "import", 0, UINT32_MAX);
    read_fields(in, head);
    head->dry_run = ctl_in_bool(in, "dry_run");
    if (head->kind != NULL && head->scope > head->kind->ceiling) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "scope", "this kind never leaves the house");
    }
    if (head->kind != NULL && head->scope == 0) {
        head->scope = head->kind->scope_default;
    }
    return ctl_in_ok(d, token, in);
}

/* Gives the number of an import; it is stored with the first row that it writes. */
void ctl_import_begin(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"kind", "scope", "source", "file", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct rows_head head;
    struct store_view *v;
    uint64_t last = 0;
    if (!read_head(d, token, &in, &head)) {
        return;
    }
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return;
    }
    enum tris_err err = daemon_view(d, &v);
    if (err == TRIS_OK) {
        err = imports_last(v, &last);
        store_view_end(v);
    }
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, NULL);
        return;
    }
    d->import_last = (last > d->import_last ? last : d->import_last) + 1;
    out_uint(o, "import", d->import_last);
    out_reply(o);
}

void ctl_import_rows(struct daemon *d, uint64_t token, struct span params)
{
    static const char *const keys[] = {"kind",   "scope", "source", "dry_run", "rows",
                                       "import", "file",  "fields", NULL};
    struct ctl_in in = ctl_in_begin(params, keys);
    struct rows_head head;
    if (!read_head(d, token, &in, &head)) {
        return;
    }
    struct rows *rows = malloc(sizeof *rows);
    if (rows == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return;
    }
    rows->token = token;
    rows->rejected_count = 0;
    rows->ops_count = 0;
    rows->made = wbuf_of(NULL, 0);
    struct rbuf r = rbuf_of(ctl_map_get(params, "rows"));
    uint32_t count = pack_read_array(&r, ROWS_MAX);
    for (uint32_t i = 0; i < count && r.err == TRIS_OK; i++) {
        read_row(rows, &head, &r);
    }
    if (rbuf_finish(&r) != TRIS_OK) {
        ctl_reply_error(d, token, TRIS_ERR_INVALID,
                        "rows must be at most 256 lists of line, source_id and payload",
                        "Nothing of this group was written.", NULL, "rows");
        rows_free(rows);
        return;
    }
    if (rows->ops_count == 0) {
        rows_done(d, rows, TRIS_OK, NULL, 0);
        return;
    }
    struct writer_group group = {.ops = rows->ops,
                                 .count = rows->ops_count,
                                 .import = {.id = head.import,
                                            .kind = head.kind->number,
                                            .file = head.file,
                                            .source = head.source},
                                 .dry_run = head.dry_run,
                                 .done = rows_done,
                                 .ctx = rows};
    enum tris_err err = writer_submit(d->writer, &group);
    if (err != TRIS_OK) {
        rows_done(d, rows, err, NULL, 0);
    }
}

/* ---- export ---- */

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
    if (err == TRIS_OK || err == TRIS_ERR_NOT_READY) {
        out_cursor(o, cursor);
    }
    store_view_end(v);
    out_reply(o);
}
