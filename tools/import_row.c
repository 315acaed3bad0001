/* Rows to records; see import_row.h. */
#include "tools/import_row.h"

#include <sodium.h>
#include <stdio.h>

#include "tools/csv.h"
#include "tools/i18n.h"
#include "tools/tris.h"

enum { PROBLEMS_MAX = 8 };

static bool refuse(struct row *r, const char *column, const char *reason)
{
    (void)snprintf(r->column, sizeof r->column, "%s", column);
    (void)snprintf(r->reason, sizeof r->reason, "%s", reason);
    return false;
}

struct span row_text(const struct row *r, const struct field *field)
{
    const struct value *value = field != NULL ? record_value(&r->record, field->number) : NULL;
    return value != NULL && value->present ? value->text : span_of(NULL, 0);
}

void row_init(struct row *r)
{
    const struct kind *kind = r->plan->kind;
    r->today = clock_today();
    r->source = schema_field_by_name(kind, span_str("source"));
    r->source_id = schema_field_by_name(kind, span_str("source_id"));
    r->region = schema_field_by_name(kind, span_str("region"));
    r->name = schema_title(kind);
}

/* ---- other records ---- */

static bool add_ref(struct row *r, const struct field *field, struct span text)
{
    size_t at = 0;
    while (at < r->ref_count && r->ref[at].field != field) {
        at++;
    }
    if (at == ROW_REFS_MAX) {
        return refuse(r, field->name, _("the row names too many records"));
    }
    r->ref[at] = (struct row_ref){field, text};
    r->ref_count += at == r->ref_count ? 1 : 0;
    return true;
}

/* HOUSEKEY-SEQ goes in as it is; everything else is the daemon's to find. Until then the record
 * names one that nobody has, another one for each text. */
static bool set_ref(struct row *r, const struct field *field, struct span text,
                    struct wbuf *scratch)
{
    struct value *value = record_value_mut(&r->record, field->number);
    if (record_set_text(&r->record, field, text, scratch, NULL) == TRIS_OK) {
        return true;
    }
    uint8_t nobody[sizeof(struct tris_house_id)];
    const size_t start = scratch->len;
    (void)crypto_generichash(nobody, sizeof nobody, text.ptr, text.len, NULL, 0);
    wbuf_bytes(scratch, nobody, sizeof nobody);
    if (scratch->err != TRIS_OK || text.len > ROW_REF_BYTES_MAX) {
        return refuse(r, field->name, tris_err_text(TRIS_ERR_TOO_LARGE));
    }
    *value = (struct value){.present = true, .text = span_of(scratch->ptr + start, sizeof nobody)};
    return add_ref(r, field, text);
}

/* A key in the house's lists says which record is meant, unless the row names it itself. */
static bool add_keys(struct row *r)
{
    const struct kind *kind = r->plan->kind;
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        const struct field *key = field->type == FIELD_REF ? schema_key_of(kind, field) : NULL;
        if (key != NULL && !r->record.value[i].present && row_text(r, key).len > 0 &&
            !add_ref(r, key, row_text(r, key))) {
            return false;
        }
    }
    return true;
}

/* ---- cells ---- */

/* A value that no person typed into this row: bad ones were refused before the first row. */
static void set_preset(struct row *r, const struct field *field, const char *text,
                       struct wbuf *scratch)
{
    if (field->type == FIELD_REF) {
        (void)set_ref(r, field, span_str(text), scratch);
    } else {
        (void)!record_set_text(&r->record, field, span_str(text), scratch, NULL);
    }
}

static bool set_scope(struct row *r, const char *column, struct span text)
{
    r->scope = import_scope(text);
    return r->scope != 0 ||
           refuse(r, column,
                  span_eq(text, span_str("parties"))
                      ? _("records for parties only come later; allowed: local national")
                      : _("the scope is unknown, allowed: local national"));
}

/* `field` NULL: the scope. An empty text leaves what is there. */
static bool set_value(struct row *r, const char *column, const struct field *field,
                      struct span text, struct wbuf *scratch)
{
    bool changed = false;
    if (text.len == 0) {
        return true;
    }
    if (field == NULL) {
        return set_scope(r, column, text);
    }
    if (field->type == FIELD_REF) {
        return set_ref(r, field, text, scratch);
    }
    text = fields_word(field, text);
    enum tris_err err = record_set_text(&r->record, field, text, scratch, &changed);
    if (err != TRIS_OK) {
        char reason[ROW_REASON_BYTES];
        fields_refused(r->lang, field, text, err, reason, sizeof reason);
        return refuse(r, column, reason);
    }
    if (changed && r->remark != NULL) {
        r->remark(r->remark_ctx, column, text, &r->record, field);
    }
    return true;
}

static struct span cell_text(const struct span *cell, size_t count, size_t at)
{
    return at < count ? import_trim(csv_unguard(cell[at])) : span_of(NULL, 0);
}

/* A column that is one of our fields by its name; the map may still have a word on its values. */
static bool take_cell(struct row *r, const struct column *column, struct span text,
                      struct wbuf *scratch)
{
    const struct list_map *map = r->columns->map;
    bool is_field = column->use == COLUMN_FIELD || columns_is_type(column, text);
    const struct field *field = is_field ? column->field : NULL;
    bool known = false;
    if (!is_field && column->use != COLUMN_SCOPE) {
        return true;
    }
    if (map != NULL) {
        text = text.len > 0 ? list_map_value(map, field, text, &known) : text;
        struct span rest = known ? text : list_map_rest(map, field, &known);
        text = known ? rest : text;
    }
    return set_value(r, column->name, field, text, scratch);
}

/* The first column with a value that the map knows; else what the map says of all others; else the
 * first column that is not empty, as it is. */
static bool take_rule(struct row *r, const struct map_rule *rule, const struct span *cell,
                      size_t count, struct wbuf *scratch)
{
    bool known = false;
    struct span chosen = span_of(NULL, 0);
    const char *column = rule->source[0];
    for (size_t i = 0; i < rule->count && !known; i++) {
        struct span text = cell_text(cell, count, rule->column[i]);
        struct span means =
            text.len > 0 ? list_map_value(r->columns->map, rule->field, text, &known) : text;
        if (known || (chosen.len == 0 && text.len > 0)) {
            chosen = means;
            column = rule->source[i];
        }
    }
    if (!known) {
        struct span rest = list_map_rest(r->columns->map, rule->field, &known);
        chosen = known ? rest : chosen;
    }
    return set_value(r, column, rule->field, chosen, scratch);
}

static bool take_cells(struct row *r, const struct span *cell, size_t count, struct wbuf *scratch)
{
    for (size_t i = 0; i < count; i++) {
        struct span text = cell_text(cell, count, i);
        if (i >= r->columns->count) {
            if (text.len > 0) {
                return refuse(r, "", _("the row has more cells than the header"));
            }
        } else if (!take_cell(r, &r->columns->column[i], text, scratch)) {
            return false;
        }
    }
    struct map_rule *rule;
    for (size_t i = 0;
         r->columns->map != NULL && (rule = list_map_rule(r->columns->map, i)) != NULL; i++) {
        if (!take_rule(r, rule, cell, count, scratch)) {
            return false;
        }
    }
    return true;
}

/* ---- what the list as a whole says of each row ---- */

static void set_constants(struct row *r, struct wbuf *scratch)
{
    const struct map_constant *constant;
    for (size_t i = 0;
         r->columns->map != NULL && (constant = list_map_constant(r->columns->map, i)) != NULL;
         i++) {
        set_preset(r, constant->field, constant->text, scratch);
    }
}

/* A list whose keys are short names gives no others. */
static void set_slug(struct row *r, struct wbuf *scratch)
{
    const struct kind *kind = r->plan->kind;
    struct span key = row_text(r, r->source_id);
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if ((field->flags & FIELD_SLUG) != 0 && !r->record.value[i].present && key.len > 0) {
            (void)!record_set_text(&r->record, field, key, scratch, NULL);
        }
    }
}

static void set_presets(struct row *r, struct wbuf *scratch)
{
    set_slug(r, scratch);
    if (row_text(r, r->source_id).len > 0 && row_text(r, r->source).len == 0) {
        set_preset(r, r->source, r->plan->source_name, scratch);
    }
    if (r->plan->region[0] != '\0' && r->region != NULL && row_text(r, r->region).len == 0 &&
        columns_of_field(r->columns, r->region) == COLUMNS_MAX &&
        (r->columns->map == NULL || !list_map_fills(r->columns->map, r->region))) {
        set_preset(r, r->region, r->plan->region, scratch);
    }
}

/* A list may say that an offer has expired. That follows from its last day; if that is still to
 * come, the offer is over all the same. */
static void settle_past(struct row *r)
{
    const struct code *past = NULL;
    const struct field *status = record_past_field(r->record.kind, &past);
    if (record_underive(&r->record, r->today) && r->remark != NULL) {
        r->remark(r->remark_ctx, status->name, span_str(past->code), &r->record, status);
    }
}

/* Checks for the scope; a record that may not leave the house because of personal data is kept
 * there instead. False if it is refused. */
static bool check(struct row *r)
{
    struct record_problem problem[PROBLEMS_MAX];
    for (int turn = 0; turn < 2; turn++) {
        size_t found = record_check_own(&r->record, r->scope, problem, PROBLEMS_MAX);
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
            r->narrowed = turn == 1;
            return true;
        }
        if (!personal || bad->err != TRIS_ERR_PERSONAL || r->scope != SCOPE_NATIONAL) {
            char reason[ROW_REASON_BYTES];
            fields_problem(r->lang, bad, reason, sizeof reason);
            return refuse(r, bad->field != NULL ? bad->field->name : "", reason);
        }
        r->scope = SCOPE_LOCAL;
    }
    return false;
}

bool row_take(struct row *r, const struct span *cell, size_t count)
{
    struct wbuf preset =
        wbuf_of(r->scratch + ROW_SCRATCH_BYTES - ROW_PRESET_BYTES, ROW_PRESET_BYTES);
    struct wbuf scratch = wbuf_of(r->scratch, ROW_SCRATCH_BYTES - ROW_PRESET_BYTES);
    record_init(&r->record, r->plan->kind);
    r->scope = r->plan->listed ? SCOPE_NATIONAL : SCOPE_LOCAL;
    r->narrowed = false;
    r->ref_count = 0;
    set_constants(r, &preset);
    if (!take_cells(r, cell, count, &scratch)) {
        return false;
    }
    set_presets(r, &preset);
    if (!add_keys(r)) {
        return false;
    }
    fields_derive(&r->record);
    settle_past(r);
    struct wbuf within = wbuf_of(r->within_bytes, sizeof r->within_bytes);
    r->within = record_within(&r->record, &within);
    record_narrow(&r->record, r->scope);
    return check(r);
}

bool row_speaks_of(const struct row *r, const struct field *field)
{
    return columns_has(r->columns, field->name) || field == r->region ||
           (field == r->source && r->source_id != NULL &&
            columns_has(r->columns, r->source_id->name));
}
