/* Control methods import.begin, import.rows: many records a message.
 *
 * A group of rows is one group of the writer: one answer after one commit. Duplicates are looked
 * for inside the writer's transaction, so several groups may be in flight. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ctl_handlers.h"
#include "daemon/ctl_in.h"
#include "daemon/ctl_out.h"
#include "daemon/import_refs.h"
#include "daemon/imports.h"

enum {
    ROWS_MAX = WRITER_GROUP_OPS_MAX,
    SOURCE_BYTES_MAX = 320,
    REASON_BYTES = 200,
    VALUE_BYTES = 128,
    ROW_ROOM_BYTES = RECORD_WITHIN_BYTES_MAX + IMPORT_REFS_MAX * 64
};

struct rejected_row {
    uint64_t line;
    char field[40];
    char text[REASON_BYTES];
    char value[VALUE_BYTES]; /* what names no record; else empty */
};

struct rows_head {
    const struct kind *kind;
    enum schema_scope scope;
    struct span source, file;
    uint64_t import; /* 0: not to be undone */
    uint64_t fields; /* as writer_op.fields */
    bool dry_run;
    bool has_refs;
    struct import_refs refs;
};

/* One row of the request. */
struct row_in {
    uint64_t line;
    struct span source_id, payload;
    uint32_t refs_count;
    struct import_ref refs[IMPORT_REFS_MAX];
};

/* A row that goes in without a reference. */
struct unlinked_row {
    uint64_t line;
    const struct field *field;
    const char *why;
    char value[VALUE_BYTES];
};

/* One group on its way. Heap; freed when answered. */
struct rows {
    uint64_t token;
    uint32_t rejected_count, unlinked_count;
    size_t ops_count;
    uint64_t line[ROWS_MAX]; /* of each op */
    struct writer_op ops[ROWS_MAX];
    struct rejected_row rejected[ROWS_MAX];
    struct unlinked_row unlinked[ROWS_MAX];
    struct record record;
    struct wbuf made; /* what ops point to and is not in the request; malloc'ed, NULL: nothing */
};

static void rows_free(struct rows *rows)
{
    free(rows->made.ptr);
    free(rows);
}

/* Room for what tells records apart and for payloads with their references; kinds without
 * references, told apart by a text of the payload, need none. */
static bool make_room(struct rows *rows, const struct rows_head *head, size_t rows_bytes)
{
    const struct kind *kind = head->kind;
    bool needs = head->has_refs;
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        needs = needs || ((field->flags & FIELD_WITHIN) != 0 && field->type != FIELD_REGION);
    }
    const size_t size = rows_bytes + (size_t)ROWS_MAX * ROW_ROOM_BYTES;
    uint8_t *bytes = needs ? malloc(size) : NULL;
    rows->made = wbuf_of(bytes, bytes != NULL ? size : 0);
    return !needs || bytes != NULL;
}

static void reject(struct rows *rows, uint64_t line, const char *field, const char *text)
{
    struct rejected_row *row = &rows->rejected[rows->rejected_count++];
    row->line = line;
    (void)snprintf(row->field, sizeof row->field, "%s", field);
    (void)snprintf(row->text, sizeof row->text, "%s", text);
    row->value[0] = '\0';
}

static const char *why_rejected(enum tris_err err)
{
    if (err == TRIS_ERR_EXISTS) {
        return "it exists already with the other scope: tris partner publish makes a local one "
               "national";
    }
    if (err == TRIS_ERR_AMBIGUOUS) {
        return "several records have this name, district or partner; give source_id, or end those "
               "too many";
    }
    if (err == TRIS_ERR_CONFLICT) {
        return "this region is running in another step already";
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

/* Says which record stands in the way, if it can be looked at: in a dry run it may be a row. */
static void name_other(struct daemon *d, struct rows *rows, const struct writer_result *result)
{
    struct store_view *v = NULL;
    struct store_record other;
    char id[OUT_ID_BYTES];
    struct out *o = result->err == TRIS_ERR_CONFLICT ? out_new(d, rows->token) : NULL;
    if (o == NULL || daemon_view(d, &v) != TRIS_OK) {
        free(o);
        return;
    }
    struct rejected_row *row = &rows->rejected[rows->rejected_count - 1];
    if (store_record_get(v, result->record, &other) == TRIS_OK &&
        out_record_id(o, v, result->record, id)) {
        (void)snprintf(row->value, sizeof row->value, "%s", id);
    }
    store_view_end(v);
    free(o);
}

static void put_unlinked(struct out *o, const struct rows *rows)
{
    if (rows->unlinked_count == 0) {
        return;
    }
    out_list(o, "unlinked");
    for (uint32_t i = 0; i < rows->unlinked_count; i++) {
        const struct unlinked_row *row = &rows->unlinked[i];
        out_list(o, NULL);
        out_uint(o, NULL, row->line);
        out_text(o, NULL, row->field->name);
        out_text(o, NULL, row->value);
        out_text(o, NULL, row->why);
        out_end(o);
    }
    out_end(o);
}

static void rows_done(struct daemon *d, void *ctx, enum tris_err err,
                      const struct writer_result *results, size_t count)
{
    struct rows *rows = ctx;
    uint64_t by_change[WRITER_REJECTED + 1] = {0}, fills = 0;
    struct out *o = NULL;
    if (err != TRIS_OK) {
        ctl_reply_error(d, rows->token, err, NULL, "Nothing of this group was written.",
                        "tris status", NULL);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        by_change[results[i].change]++;
        fills += results[i].fills ? 1 : 0;
        if (results[i].change == WRITER_REJECTED) {
            reject(rows, rows->line[i], "", why_rejected(results[i].err));
            name_other(d, rows, &results[i]);
        }
    }
    o = out_new(d, rows->token);
    if (o == NULL) {
        goto out;
    }
    out_uint(o, "new", by_change[WRITER_NEW]);
    out_uint(o, "changed", by_change[WRITER_CHANGED]);
    if (fills > 0) {
        out_uint(o, "fills", fills);
    }
    out_uint(o, "unchanged", by_change[WRITER_UNCHANGED]);
    out_list(o, "rejected");
    for (uint32_t i = 0; i < rows->rejected_count; i++) {
        out_list(o, NULL);
        out_uint(o, NULL, rows->rejected[i].line);
        out_text(o, NULL, rows->rejected[i].field);
        out_text(o, NULL, rows->rejected[i].text);
        if (rows->rejected[i].value[0] != '\0') {
            out_text(o, NULL, rows->rejected[i].value);
        }
        out_end(o);
    }
    out_end(o);
    put_unlinked(o, rows);
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

static void unlinked(struct rows *rows, uint64_t line, const struct import_refs_fault *fault)
{
    struct unlinked_row *row = &rows->unlinked[rows->unlinked_count++];
    row->line = line;
    row->field = fault->field;
    row->why = fault->why;
    span_copy(span_cut(fault->value, sizeof row->value - 1), row->value, sizeof row->value);
}

/* Puts in what the row says of other records; false if it is rejected. */
static bool link_row(struct rows *rows, struct rows_head *head, const struct row_in *row,
                     struct writer_op *op)
{
    struct import_refs_fault fault;
    enum import_refs_verdict verdict = import_refs_apply(
        &head->refs, row->refs, row->refs_count, op->source, &rows->record, &op->fields, &fault);
    if (verdict == IMPORT_REFS_UNLINKED && op->source_id.len == 0 &&
        record_value(&rows->record, fault.field->number) != NULL &&
        !record_value(&rows->record, fault.field->number)->present) {
        /* nothing would tell it from the others: no repetition would find it again */
        fault.why = "no record has this key, and without source_id the row cannot be linked later";
        verdict = IMPORT_REFS_REFUSED;
    }
    if (verdict == IMPORT_REFS_REFUSED) {
        reject(rows, row->line, fault.field != NULL ? fault.field->name : "", fault.why);
        struct rejected_row *last = &rows->rejected[rows->rejected_count - 1];
        span_copy(span_cut(fault.value, sizeof last->value - 1), last->value, sizeof last->value);
        return false;
    }
    if (verdict == IMPORT_REFS_UNLINKED) {
        unlinked(rows, row->line, &fault);
    }
    const size_t start = rows->made.len;
    enum tris_err err = record_encode(&rows->record, &rows->made);
    if (err != TRIS_OK) {
        reject(rows, row->line, "", tris_err_text(err));
        return false;
    }
    op->payload = span_of(rows->made.ptr + start, rows->made.len - start);
    return true;
}

/* Reads [line, source_id, payload] or [line, source_id, payload, {field number: text}]. */
static void read_row_in(struct rbuf *r, struct row_in *out)
{
    uint32_t items = pack_read_array(r, 4);
    out->line = pack_read_uint(r);
    out->source_id = pack_read_str(r, SOURCE_BYTES_MAX);
    out->payload = pack_read_bin(r, TRIS_PAYLOAD_BYTES_MAX);
    out->refs_count = items == 4 ? pack_read_map(r, IMPORT_REFS_MAX) : 0;
    for (uint32_t i = 0; i < out->refs_count; i++) {
        out->refs[i].number = pack_read_uint(r);
        out->refs[i].text = pack_read_str(r, IMPORT_REF_BYTES_MAX);
    }
    if (items < 3) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
}

/* Spans point into the request and rows->made, which the writer copies. */
static void read_row(struct rows *rows, struct rows_head *head, struct rbuf *r)
{
    struct row_in row;
    read_row_in(r, &row);
    if (r->err != TRIS_OK || !check_row(rows, head->kind, head->scope, row.line, row.payload)) {
        return;
    }
    struct span own_source = record_text(&rows->record, "source");
    struct writer_op op = {
        .type = WRITER_IMPORT,
        .topic = head->scope == SCOPE_LOCAL ? TRIS_TOPIC_LOCAL : TRIS_TOPIC_DATA,
        .kind = head->kind->number,
        .fields = head->fields,
        .payload = row.payload,
        .source = own_source.len > 0 ? own_source : head->source,
        .source_id = row.source_id,
        .name = record_title(&rows->record),
    };
    const uint32_t unlinked_before = rows->unlinked_count;
    if (head->has_refs && !link_row(rows, head, &row, &op)) {
        return;
    }
    if (rows->unlinked_count > unlinked_before && head->scope != SCOPE_LOCAL) {
        op.name = span_of(NULL, 0); /* what would tell it from its namesakes is missing */
    }
    op.within = record_within(&rows->record, &rows->made);
    rows->line[rows->ops_count] = row.line;
    rows->ops[rows->ops_count++] = op;
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
    head->has_refs = head->kind != NULL && import_refs_has(head->kind);
    head->refs.d = d;
    head->refs.kind = head->kind;
    head->refs.v = NULL;
    head->refs.sources = NULL;
    head->refs.sources_count = 0;
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
    rows->unlinked_count = 0;
    rows->ops_count = 0;
    struct rbuf r = rbuf_of(ctl_map_get(params, "rows"));
    if (!make_room(rows, &head, r.len)) {
        rows_done(d, rows, TRIS_ERR_NO_MEMORY, NULL, 0);
        return;
    }
    uint32_t count = pack_read_array(&r, ROWS_MAX);
    for (uint32_t i = 0; i < count && r.err == TRIS_OK; i++) {
        read_row(rows, &head, &r);
    }
    import_refs_end(&head.refs);
    if (rbuf_finish(&r) != TRIS_OK) {
        ctl_reply_error(d, token, TRIS_ERR_INVALID,
                        "rows must be at most 256 lists of line, source_id, payload and references",
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
