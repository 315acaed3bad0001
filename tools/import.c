/* One import pass; see import.h. Parsing and encoding happen here, so that the daemon only checks
 * and stores; answers are awaited only when enough groups are in flight. */
#include "tools/import.h"

#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/fields.h"
#include "tools/progress.h"

enum {
    GROUP_BYTES_MAX = 3 * 1024 * 1024, /* a request stays below TRIS_CTL_BYTES_MAX */
    SCRATCH_BYTES = 512 * 1024,
    PRESET_BYTES = 4096, /* at its end, for what the list says of every row */
    PROBLEMS_MAX = 8,
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
    const struct field *source_field, *source_id_field, *region_field;
    struct progress progress;
    struct group group[2]; /* local, national */
    struct record record;
    uint8_t scratch[SCRATCH_BYTES];
    uint8_t payload[TRIS_PAYLOAD_BYTES_MAX];
    uint8_t request[TRIS_CTL_BYTES_MAX];
    uint8_t body[2][GROUP_BYTES_MAX];
};

static void reject(struct pass *p, uint64_t line, const char *column, const char *reason)
{
    struct import_result *out = p->out;
    out->counts.rejected++;
    if (out->rejected_count == IMPORT_REJECTED_MAX) {
        return;
    }
    if (out->rejected_count % 64 == 0) {
        struct rejected *more =
            realloc(out->rejected, (out->rejected_count + 64) * sizeof out->rejected[0]);
        if (more == NULL) {
            return;
        }
        out->rejected = more;
    }
    struct rejected *r = &out->rejected[out->rejected_count];
    r->line = line;
    (void)snprintf(r->column, sizeof r->column, "%s", column);
    r->reason = strdup(reason);
    out->rejected_count += r->reason != NULL ? 1 : 0;
}

static void reject_line(void *ctx, uint64_t line, const char *why)
{
    struct pass *p = ctx;
    p->out->counts.rows++;
    reject(p, line, "", why);
}

/* ---- answers ---- */

static uint64_t count_of(struct span result, const char *key)
{
    struct rbuf r = rbuf_of(ctl_map_get(result, key));
    return pack_read_uint(&r);
}

static void take_rejected(struct pass *p, struct span result)
{
    struct rbuf r = rbuf_of(ctl_map_get(result, "rejected"));
    uint32_t rows = pack_read_array(&r, IMPORT_GROUP_ROWS);
    for (uint32_t i = 0; i < rows; i++) {
        char column[COLUMN_NAME_BYTES], reason[512];
        (void)pack_read_array(&r, 3);
        uint64_t line = pack_read_uint(&r);
        struct span field = pack_read_str(&r, sizeof column - 1);
        (void)snprintf(column, sizeof column, "%.*s", (int)field.len,
                       field.len > 0 ? (const char *)field.ptr : "");
        struct span text = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        if (r.err != TRIS_OK) {
            return;
        }
        size_t len = text.len < sizeof reason ? text.len : sizeof reason - 1;
        (void)snprintf(reason, sizeof reason, "%.*s", (int)len,
                       text.len > 0 ? (const char *)text.ptr : "");
        reject(p, line, column, reason);
    }
}

static void take_counts(struct pass *p, struct span result)
{
    p->out->counts.new_rows += count_of(result, "new");
    p->out->counts.changed += count_of(result, "changed");
    p->out->counts.unchanged += count_of(result, "unchanged");
    take_rejected(p, result);
}

/* After the first refusal: what else was under way is still counted, so that people hear what is
 * written. */
static void drain_rest(struct pass *p)
{
    struct fault later;
    struct span result;
    while (p->in_flight > 0) {
        uint64_t id = 0;
        if (client_receive(p->cli->client, &id, &result, &later)) {
            take_counts(p, result);
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
            take_counts(p, result);
            continue;
        }
        p->failed = true;
        if (id != 0) {
            drain_rest(p);
        }
    }
    return !p->failed;
}

static bool flush(struct pass *p, struct group *g)
{
    if (g->rows == 0 || !drain(p, IMPORT_FLIGHT_MAX - 1)) {
        return !p->failed;
    }
    struct wbuf w = wbuf_of(p->request, sizeof p->request);
    pack_write_map(&w, 5);
    pack_write_cstr(&w, "dry_run");
    pack_write_bool(&w, p->plan->dry_run);
    pack_write_cstr(&w, "kind");
    pack_write_cstr(&w, p->plan->kind->name);
    pack_write_cstr(&w, "rows");
    pack_write_array(&w, g->rows);
    wbuf_span_put(&w, wbuf_span(&g->body));
    pack_write_cstr(&w, "scope");
    pack_write_cstr(&w, g->scope == SCOPE_LOCAL ? "local" : "national");
    pack_write_cstr(&w, "source");
    pack_write_cstr(&w, p->plan->source_name);
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

/* ---- rows ---- */

static void remark(struct pass *p, uint64_t line, const char *name, struct span text,
                   const struct field *field)
{
    char now[160];
    struct wbuf w = wbuf_of(now, sizeof now - 1);
    p->out->counts.corrected++;
    if (p->out->remark_count == IMPORT_REMARKS_MAX) {
        return;
    }
    record_print_value(&p->record, field, false, LANG_EN, &w);
    now[w.len] = '\0';
    struct import_remark *r = &p->out->remark[p->out->remark_count++];
    r->line = line;
    (void)snprintf(r->text, sizeof r->text, _("%s \"%.*s\" -> \"%s\" (corrected)"), name,
                   (int)(text.len < 80 ? text.len : 80), text.len > 0 ? (const char *)text.ptr : "",
                   now);
}

/* Sets the record's fields; false if a cell was refused. */
static bool set_cells(struct pass *p, uint64_t line, const struct span *cell, size_t count,
                      enum schema_scope *scope)
{
    struct wbuf scratch = wbuf_of(p->scratch, SCRATCH_BYTES - PRESET_BYTES);
    char reason[512];
    record_init(&p->record, p->plan->kind);
    for (size_t i = 0; i < count; i++) {
        struct span text = import_trim(csv_unguard(cell[i]));
        const struct column *column = i < p->columns->count ? &p->columns->column[i] : NULL;
        if (text.len == 0) {
            continue;
        }
        if (column == NULL) {
            reject(p, line, "", _("the row has more cells than the header"));
            return false;
        }
        if (column->use == COLUMN_SCOPE) {
            *scope = import_scope(text);
            if (*scope == 0) {
                reject(p, line, column->name,
                       span_eq(text, span_str("parties"))
                           ? _("records for parties only come later; allowed: local national")
                           : _("the scope is unknown, allowed: local national"));
                return false;
            }
        }
        if (column->use != COLUMN_FIELD) {
            continue;
        }
        bool changed = false;
        text = fields_word(column->field, text);
        enum tris_err err = record_set_text(&p->record, column->field, text, &scratch, &changed);
        if (err != TRIS_OK) {
            fields_refused(p->cli->lang, column->field, text, err, reason, sizeof reason);
            reject(p, line, column->name, reason);
            return false;
        }
        if (changed) {
            remark(p, line, column->name, text, column->field);
        }
    }
    return true;
}

static bool is_set(const struct record *r, const struct field *field)
{
    const struct value *value = field != NULL ? record_value(r, field->number) : NULL;
    return value != NULL && value->present;
}

/* What the list as a whole says about each row; its texts have a part of `scratch` of their own. */
static void set_presets(struct pass *p)
{
    struct wbuf none = wbuf_of(p->scratch + SCRATCH_BYTES - PRESET_BYTES, PRESET_BYTES);
    if (is_set(&p->record, p->source_id_field) && !is_set(&p->record, p->source_field)) {
        (void)!record_set_text(&p->record, p->source_field, span_str(p->plan->source_name), &none,
                               NULL);
    }
    if (p->plan->region[0] != '\0' && p->region_field != NULL &&
        !is_set(&p->record, p->region_field)) {
        (void)!record_set_text(&p->record, p->region_field, span_str(p->plan->region), &none, NULL);
    }
}

/* Checks for the scope; a record that may not leave the house because of personal data is kept
 * there instead. False if it is refused. */
static bool check(struct pass *p, uint64_t line, enum schema_scope *scope)
{
    struct record_problem problem[PROBLEMS_MAX];
    for (int turn = 0; turn < 2; turn++) {
        size_t found = record_check_own(&p->record, *scope, problem, PROBLEMS_MAX);
        const struct record_problem *bad = NULL;
        bool personal = false;
        for (size_t i = 0; i < found && i < PROBLEMS_MAX; i++) {
            if (problem[i].warning) {
                continue;
            }
            personal = personal || problem[i].err == TRIS_ERR_PERSONAL;
            bad = bad == NULL || bad->err == TRIS_ERR_PERSONAL ? &problem[i] : bad;
        }
        if (bad == NULL) {
            p->out->counts.narrowed += turn == 1 ? 1 : 0;
            return true;
        }
        if (!personal || bad->err != TRIS_ERR_PERSONAL || *scope != SCOPE_NATIONAL) {
            char reason[FIELDS_TEXT_BYTES];
            fields_problem(p->cli->lang, bad, reason, sizeof reason);
            reject(p, line, bad->field != NULL ? bad->field->name : "", reason);
            return false;
        }
        *scope = SCOPE_LOCAL;
    }
    return false;
}

/* A row that an export wrote of another house or of another kind is not for this list. */
static bool is_foreign(const struct pass *p, const struct span *cell, size_t count)
{
    for (size_t i = 0; i < count && i < p->columns->count; i++) {
        enum column_use use = p->columns->column[i].use;
        struct span text = import_trim(cell[i]);
        if (text.len > 0 && ((use == COLUMN_KIND && schema_kind_by_name(text) != p->plan->kind) ||
                             (use == COLUMN_HOUSE && !span_eq(text, span_str(p->plan->house))))) {
            return true;
        }
    }
    return false;
}

static bool on_row(void *ctx, uint64_t line, const struct span *cell, size_t count)
{
    struct pass *p = ctx;
    enum schema_scope scope = p->plan->listed ? SCOPE_NATIONAL : SCOPE_LOCAL;
    p->out->counts.rows++;
    if (is_foreign(p, cell, count)) {
        p->out->counts.skipped++;
        return true;
    }
    if (p->out->counts.rows % IMPORT_GROUP_ROWS == 0) {
        long at = ftell(p->source->file);
        progress_show(&p->progress, at > 0 ? (uint64_t)at : 0, p->out->counts.rows);
    }
    if (!set_cells(p, line, cell, count, &scope)) {
        return true;
    }
    set_presets(p);
    fields_derive(&p->record);
    if (!check(p, line, &scope)) {
        return true;
    }
    struct wbuf payload = wbuf_of(p->payload, sizeof p->payload);
    enum tris_err err = record_encode(&p->record, &payload);
    if (err != TRIS_OK) {
        reject(p, line, "", tris_err_text(err));
        return true;
    }
    struct group *g = &p->group[scope == SCOPE_NATIONAL ? 1 : 0];
    struct span source_id = span_of(NULL, 0);
    if (is_set(&p->record, p->source_id_field)) {
        source_id = record_value(&p->record, p->source_id_field->number)->text;
    }
    if (g->body.cap - g->body.len < payload.len + 1024 && !flush(p, g)) {
        return false;
    }
    pack_write_array(&g->body, 3);
    pack_write_uint(&g->body, line);
    pack_write_str(&g->body, source_id);
    pack_write_bin(&g->body, payload.ptr, payload.len);
    g->rows++;
    return g->rows < IMPORT_GROUP_ROWS || flush(p, g);
}

static int by_line(const void *a, const void *b)
{
    const struct rejected *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line ? 1 : 0;
}

static void fault_of_list(struct pass *p, const struct csv_error *error)
{
    fault_set(p->fault, error->err,
              p->plan->dry_run ? _("Nothing was written.")
                               : _("Rows before this place may be written; repeating is safe."),
              NULL, _("line %llu, column %llu, byte %llu: %s"), (unsigned long long)error->line,
              (unsigned long long)error->column, (unsigned long long)error->byte, _(error->text));
    if (error->line == 0) {
        (void)snprintf(p->fault->message, sizeof p->fault->message, "%s", _(error->text));
    }
    p->fault->exit = EXIT_FAILED;
}

bool import_pass(struct cli *cli, struct import_source *source, struct columns *columns,
                 const struct import_plan *plan, struct import_result *out, struct fault *fault)
{
    struct csv_error error;
    struct pass *p = calloc(1, sizeof *p);
    memset(out, 0, sizeof *out);
    if (p == NULL) {
        fault_set(fault, TRIS_ERR_NO_MEMORY, NULL, NULL, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
        return false;
    }
    p->cli = cli;
    p->columns = columns;
    p->plan = plan;
    p->source = source;
    p->out = out;
    p->fault = fault;
    p->source_field = schema_field_by_name(plan->kind, span_str("source"));
    p->source_id_field = schema_field_by_name(plan->kind, span_str("source_id"));
    p->region_field = schema_field_by_name(plan->kind, span_str("region"));
    for (size_t i = 0; i < 2; i++) {
        p->group[i].scope = i == 0 ? SCOPE_LOCAL : SCOPE_NATIONAL;
        p->group[i].body = wbuf_of(p->body[i], sizeof p->body[i]);
    }
    columns->kind = plan->kind;
    progress_start(&p->progress, cli, source->size);
    enum tris_err err = import_read(source, columns, &error, on_row, reject_line, p);
    if (!p->failed && flush(p, &p->group[0]) && flush(p, &p->group[1])) {
        (void)drain(p, 0);
    }
    progress_end(&p->progress);
    if (err != TRIS_OK && !p->failed) {
        fault_of_list(p, &error);
        p->failed = true;
    }
    if (out->rejected_count > 0) {
        qsort(out->rejected, out->rejected_count, sizeof out->rejected[0], by_line);
    }
    bool good = !p->failed;
    free(p);
    return good;
}

void import_result_fini(struct import_result *r)
{
    for (size_t i = 0; i < r->rejected_count; i++) {
        free(r->rejected[i].reason);
    }
    free(r->rejected);
    r->rejected = NULL;
    r->rejected_count = 0;
}
