/* One import pass; see import.h. Parsing and encoding happen here, so that the daemon only checks
 * and stores; answers are awaited only when enough groups are in flight. */
#include "tools/import.h"

#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/import_seen.h"
#include "tools/progress.h"
#include "tools/signals.h"

enum {
    GROUP_BYTES_MAX = 3 * 1024 * 1024, /* a request stays below TRIS_CTL_BYTES_MAX */
};

/* Rows of one scope that wait to be sent. */
struct group {
    enum schema_scope scope;
    uint32_t rows;
    struct wbuf body;
};

struct pass {
    struct cli *cli;
    struct columns *columns;
    const struct import_plan *plan;
    struct import_source *source;
    struct import_result *out;
    struct fault *fault;
    bool failed; /* the daemon or memory: the pass ends */
    unsigned in_flight;
    uint64_t line; /* of the present row */
    struct seen *seen;
    struct progress progress;
    struct group group[2]; /* local, national */
    struct row row;
    uint8_t payload[TRIS_PAYLOAD_BYTES_MAX + ROW_REFS_MAX * (ROW_REF_BYTES_MAX + 16)];
    uint8_t request[TRIS_CTL_BYTES_MAX];
    uint8_t body[2][GROUP_BYTES_MAX];
};

static void reject(struct pass *p, uint64_t line, const char *column, const char *reason)
{
    import_result_reject(p->out, line, column, reason);
}

static void reject_line(void *ctx, uint64_t line, const char *why)
{
    struct pass *p = ctx;
    p->out->counts.rows++;
    reject(p, line, "", why);
}

/* ---- answers ---- */

/* After the first refusal: what else was under way is still counted, so that people hear what is
 * written. */
static void drain_rest(struct pass *p)
{
    struct fault later;
    struct span result;
    while (p->in_flight > 0) {
        uint64_t id = 0;
        if (client_receive(p->cli->client, &id, &result, &later)) {
            import_answer_take(p->out, p->columns, result);
        } else if (id == 0) {
            return;
        }
        p->in_flight--;
    }
}

/* Waits until at most `most` groups are in flight. */
static bool drain(struct pass *p, unsigned most)
{
    while (!p->failed && p->in_flight > most) {
        uint64_t id = 0;
        struct span result;
        bool good = client_receive(p->cli->client, &id, &result, p->fault);
        p->in_flight--;
        if (good) {
            import_answer_take(p->out, p->columns, result);
            continue;
        }
        p->failed = true;
        if (id != 0) {
            drain_rest(p);
        }
    }
    return !p->failed;
}

static void write_fields(const struct pass *p, struct wbuf *w)
{
    const struct kind *kind = p->plan->row.kind;
    uint32_t count = 0;
    for (size_t i = 0; i < kind->field_count; i++) {
        count += row_speaks_of(&p->row, &kind->fields[i]) ? 1 : 0;
    }
    pack_write_array(w, count);
    for (size_t i = 0; i < kind->field_count; i++) {
        if (row_speaks_of(&p->row, &kind->fields[i])) {
            pack_write_uint(w, kind->fields[i].number);
        }
    }
}

static bool flush(struct pass *p, struct group *g)
{
    if (g->rows == 0 || !drain(p, IMPORT_FLIGHT_MAX - 1)) {
        return !p->failed;
    }
    struct wbuf w = wbuf_of(p->request, sizeof p->request);
    pack_write_map(&w, 8);
    pack_write_cstr(&w, "dry_run");
    pack_write_bool(&w, p->plan->dry_run);
    pack_write_cstr(&w, "fields");
    write_fields(p, &w);
    pack_write_cstr(&w, "file");
    pack_write_cstr(&w, p->plan->file);
    pack_write_cstr(&w, "import");
    pack_write_uint(&w, p->out->id);
    pack_write_cstr(&w, "kind");
    pack_write_cstr(&w, p->plan->row.kind->name);
    pack_write_cstr(&w, "rows");
    pack_write_array(&w, g->rows);
    wbuf_span_put(&w, wbuf_span(&g->body));
    pack_write_cstr(&w, "scope");
    pack_write_cstr(&w, g->scope == SCOPE_LOCAL ? "local" : "national");
    pack_write_cstr(&w, "source");
    pack_write_cstr(&w, p->plan->row.source_name);
    if (w.err != TRIS_OK) {
        fault_set(p->fault, w.err, NULL, NULL, "%s", tris_err_text(w.err));
        p->failed = true;
        return false;
    }
    if (client_send(p->cli->client, "import.rows", wbuf_span(&w), p->fault) == 0) {
        p->failed = true;
        return false;
    }
    p->in_flight++;
    g->rows = 0;
    g->body.len = 0;
    return true;
}

/* The number under which this import can be undone. */
static bool begin(struct pass *p)
{
    struct span result;
    struct wbuf w = wbuf_of(p->request, sizeof p->request);
    pack_write_map(&w, 3);
    pack_write_cstr(&w, "file");
    pack_write_cstr(&w, p->plan->file);
    pack_write_cstr(&w, "kind");
    pack_write_cstr(&w, p->plan->row.kind->name);
    pack_write_cstr(&w, "source");
    pack_write_cstr(&w, p->plan->row.source_name);
    if (!client_call(p->cli->client, "import.begin", wbuf_span(&w), &result, p->fault)) {
        p->failed = true;
        return false;
    }
    p->out->id = import_answer_count(result, "import");
    return true;
}

/* ---- rows ---- */

static void remark(void *ctx, const char *column, struct span was, const struct record *record,
                   const struct field *field)
{
    struct pass *p = ctx;
    char now[160];
    struct wbuf w = wbuf_of(now, sizeof now - 1);
    p->out->counts.corrected++;
    if (p->out->remark_count == IMPORT_REMARKS_MAX) {
        return;
    }
    record_print_value(record, field, false, LANG_EN, &w);
    now[w.len] = '\0';
    struct import_remark *r = &p->out->remark[p->out->remark_count++];
    r->line = p->line;
    (void)snprintf(r->text, sizeof r->text, _("%s \"%.*s\" -> \"%s\" (corrected)"), column,
                   (int)(was.len < 80 ? was.len : 80), was.len > 0 ? (const char *)was.ptr : "",
                   now);
}

/* A row that an export wrote of another house or of another kind is not for this list. */
static bool is_foreign(const struct pass *p, const struct span *cell, size_t count)
{
    for (size_t i = 0; i < count && i < p->columns->count; i++) {
        enum column_use use = p->columns->column[i].use;
        struct span text = import_trim(cell[i]);
        if (text.len > 0 &&
            ((use == COLUMN_KIND && schema_kind_by_name(text) != p->plan->row.kind &&
              !columns_is_type(&p->columns->column[i], text)) ||
             (use == COLUMN_HOUSE && !span_eq(text, span_str(p->plan->house))))) {
            return true;
        }
    }
    return false;
}

/* A second row for one record would undo the first one at each repetition: it is left out. Rows
 * that only look alike are told in dry runs. False: nothing is to be sent. */
static bool is_first(struct pass *p, uint64_t line, struct span payload)
{
    char reason[200];
    bool same = false;
    const struct row *row = &p->row;
    struct span id = row_text(row, row->source_id), name = row_text(row, row->name);
    uint64_t first = id.len > 0 ? seen_add(p->seen, SEEN_SOURCE, id, row_text(row, row->source),
                                           payload, line, &same)
                                : 0;
    if (first == 0 && name.len > 0 && (id.len == 0 || p->plan->dry_run)) {
        uint64_t alike = seen_add(p->seen, SEEN_NAME, name, row->within, payload, line, &same);
        if (id.len == 0) {
            first = alike;
        } else if (alike != 0) {
            import_result_similar(p->out, line, name, alike, span_of(NULL, 0));
        }
    }
    if (first == 0) {
        return true;
    }
    if (same) {
        p->out->counts.unchanged++;
        return false;
    }
    p->out->counts.repeated++;
    (void)snprintf(reason, sizeof reason,
                   id.len > 0 ? _("line %llu has this key already; the first row counts")
                              : _("line %llu is the same but for spelling or legal form, with the "
                                  "same district or partner; the first row counts"),
                   (unsigned long long)first);
    reject(p, line, id.len > 0 ? "source_id" : row->name->name, reason);
    return false;
}

static bool send_row(struct pass *p, uint64_t line, struct span payload, struct span refs)
{
    struct group *g = &p->group[p->row.scope == SCOPE_NATIONAL ? 1 : 0];
    if (g->body.cap - g->body.len < payload.len + refs.len + 1024 && !flush(p, g)) {
        return false;
    }
    pack_write_array(&g->body, p->row.ref_count > 0 ? 4 : 3);
    pack_write_uint(&g->body, line);
    pack_write_str(&g->body, row_text(&p->row, p->row.source_id));
    pack_write_bin(&g->body, payload.ptr, payload.len);
    wbuf_span_put(&g->body, refs);
    g->rows++;
    return g->rows < IMPORT_GROUP_ROWS || flush(p, g);
}

/* Ctrl-C waits until the rows on their way are answered. */
static bool is_interrupted(struct pass *p)
{
    p->out->interrupted = signals_came();
    return p->out->interrupted;
}

/* {field number: text}; nothing for a row that names no other record. */
static void write_refs(const struct row *row, struct wbuf *w)
{
    if (row->ref_count == 0) {
        return;
    }
    pack_write_map(w, (uint32_t)row->ref_count);
    for (size_t i = 0; i < row->ref_count; i++) {
        pack_write_uint(w, row->ref[i].field->number);
        pack_write_str(w, row->ref[i].text);
    }
}

static bool on_row(void *ctx, uint64_t line, const struct span *cell, size_t count)
{
    struct pass *p = ctx;
    p->out->counts.rows++;
    p->line = line;
    if (p->out->counts.rows % IMPORT_GROUP_ROWS == 0) {
        long at = ftell(p->source->file);
        progress_show(&p->progress, at > 0 ? (uint64_t)at : 0, p->out->counts.rows);
        if (is_interrupted(p)) {
            return false;
        }
    }
    if (is_foreign(p, cell, count)) {
        p->out->counts.skipped++;
        return true;
    }
    if (!row_take(&p->row, cell, count)) {
        reject(p, line, p->row.column, p->row.reason);
        return true;
    }
    struct wbuf payload = wbuf_of(p->payload, sizeof p->payload);
    enum tris_err err = record_encode(&p->row.record, &payload);
    const size_t len = payload.len;
    write_refs(&p->row, &payload);
    err = err == TRIS_OK ? payload.err : err;
    if (err != TRIS_OK) {
        reject(p, line, "", tris_err_text(err));
        return true;
    }
    p->out->counts.narrowed += p->row.narrowed ? 1 : 0;
    return !is_first(p, line, wbuf_span(&payload)) ||
           send_row(p, line, span_of(p->payload, len),
                    span_of(p->payload + len, payload.len - len));
}

static int unlinked_by_line(const void *a, const void *b)
{
    const struct import_unlinked *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line ? 1 : 0;
}

static int by_line(const void *a, const void *b)
{
    const struct rejected *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line ? 1 : 0;
}

void import_say_place(const char *file, const struct csv_error *error, char *out, size_t size)
{
    char *safe = show_text(file, 0);
    if (error->line == 0) {
        (void)snprintf(out, size, "%s: %s", safe, _(error->text));
    } else if (error->column == 0) {
        (void)snprintf(out, size, _("%s: line %llu: %s"), safe, (unsigned long long)error->line,
                       _(error->text));
    } else {
        (void)snprintf(out, size, _("%s: line %llu, column %llu, byte %llu: %s"), safe,
                       (unsigned long long)error->line, (unsigned long long)error->column,
                       (unsigned long long)error->byte, _(error->text));
    }
    free(safe);
}

static void fault_of_list(struct pass *p, const struct csv_error *error)
{
    char place[sizeof p->fault->message];
    import_say_place(p->plan->file, error, place, sizeof place);
    fault_set(p->fault, error->err,
              p->plan->dry_run ? _("Nothing was written.")
                               : _("Rows before this place may be written; repeating is safe."),
              NULL, "%s", place);
    p->fault->exit = EXIT_FAILED;
}

static struct pass *pass_new(struct cli *cli, struct import_source *source, struct columns *columns,
                             const struct import_plan *plan, struct import_result *out,
                             struct fault *fault)
{
    struct pass *p = calloc(1, sizeof *p);
    struct seen *seen = seen_new();
    if (p == NULL || seen == NULL) {
        fault_set(fault, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
        seen_free(seen);
        free(p);
        return NULL;
    }
    p->cli = cli;
    p->columns = columns;
    p->plan = plan;
    p->source = source;
    p->out = out;
    p->fault = fault;
    p->seen = seen;
    p->row.columns = columns;
    p->row.plan = &plan->row;
    p->row.lang = cli->lang;
    p->row.remark = remark;
    p->row.remark_ctx = p;
    row_init(&p->row);
    for (size_t i = 0; i < 2; i++) {
        p->group[i].scope = i == 0 ? SCOPE_LOCAL : SCOPE_NATIONAL;
        p->group[i].body = wbuf_of(p->body[i], sizeof p->body[i]);
    }
    return p;
}

bool import_pass(struct cli *cli, struct import_source *source, struct columns *columns,
                 const struct import_plan *plan, struct import_result *out, struct fault *fault)
{
    struct csv_error error = {.err = TRIS_OK};
    struct signals signals;
    memset(out, 0, sizeof *out);
    struct pass *p = pass_new(cli, source, columns, plan, out, fault);
    if (p == NULL) {
        return false;
    }
    columns->kind = plan->row.kind;
    signals_hold(&signals);
    progress_start(&p->progress, cli, source->size);
    enum tris_err err = TRIS_OK;
    if (plan->dry_run || begin(p)) {
        err = import_read(source, columns, &error, on_row, reject_line, p);
    }
    if (!p->failed && flush(p, &p->group[0]) && flush(p, &p->group[1])) {
        (void)drain(p, 0);
    }
    progress_end(&p->progress);
    signals_release(&signals, out->interrupted);
    if (err != TRIS_OK && !p->failed) {
        fault_of_list(p, &error);
        p->failed = true;
    }
    if (out->rejected_count > 0) {
        qsort(out->rejected, out->rejected_count, sizeof out->rejected[0], by_line);
    }
    if (out->unlinked_count > 0) {
        qsort(out->unlinked, out->unlinked_count, sizeof out->unlinked[0], unlinked_by_line);
    }
    if (out->counts.new_rows + out->counts.changed == 0) {
        out->id = 0;
    }
    bool good = !p->failed;
    seen_free(p->seen);
    free(p);
    return good;
}
