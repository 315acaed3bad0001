/* Columns to fields; see import_map.h. */
#include "tools/import_map.h"

#include <stdio.h>

struct alias {
    const char *name; /* lower case */
    enum column_use use;
    const char *field;
};

/* Names that lists use besides the schema's own. The first rows are those of the project's
 * generator of federations (those ignored say nothing that logs and cards do not say) and of
 * `tris export` (record, house, kind) and of files with rejected rows. */
static const struct alias aliases[] = {
    {"id", COLUMN_FIELD, "source_id"},
    {"ags", COLUMN_FIELD, "region"},
    {"register_no", COLUMN_FIELD, "register"},
    {"house_ags", COLUMN_IGNORED, NULL},
    {"created_on", COLUMN_IGNORED, NULL},
    {"rollout_step", COLUMN_IGNORED, NULL},
    {"endpoint", COLUMN_IGNORED, NULL},
    {"opened_on", COLUMN_FIELD, "opened"},
    {"closed_on", COLUMN_FIELD, "closed"},
    {"scope", COLUMN_SCOPE, NULL},
    {"sichtbarkeit", COLUMN_SCOPE, NULL},
    {"record", COLUMN_IGNORED, NULL},
    {"house", COLUMN_HOUSE, NULL},
    {"kind", COLUMN_KIND, "type"},
    {"partner_id", COLUMN_FIELD, "partner_key"},
    {"contribution_kind", COLUMN_FIELD, "contribution"},
    {"rejected_line", COLUMN_IGNORED, NULL},
    {"rejected_column", COLUMN_IGNORED, NULL},
    {"rejected_reason", COLUMN_IGNORED, NULL},
    {"organisation", COLUMN_FIELD, "name"},
    {"bezeichnung", COLUMN_FIELD, "name"},
    {"firma", COLUMN_FIELD, "name"},
    {"verein", COLUMN_FIELD, "name"},
    {"kurzbezeichnung", COLUMN_FIELD, "short"},
    {"kreis", COLUMN_FIELD, "region"},
    {"kreisschlüssel", COLUMN_FIELD, "region"},
    {"kreisschluessel", COLUMN_FIELD, "region"},
    {"district", COLUMN_FIELD, "region"},
    {"plz", COLUMN_FIELD, "postcode"},
    {"zip", COLUMN_FIELD, "postcode"},
    {"stadt", COLUMN_FIELD, "city"},
    {"wohnort", COLUMN_FIELD, "city"},
    {"town", COLUMN_FIELD, "city"},
    {"strasse", COLUMN_FIELD, "street"},
    {"anschrift", COLUMN_FIELD, "street"},
    {"address", COLUMN_FIELD, "street"},
    {"webseite", COLUMN_FIELD, "web"},
    {"homepage", COLUMN_FIELD, "web"},
    {"internet", COLUMN_FIELD, "web"},
    {"url", COLUMN_FIELD, "web"},
    {"e-mail", COLUMN_FIELD, "mailbox"},
    {"email", COLUMN_FIELD, "mailbox"},
    {"mail", COLUMN_FIELD, "mailbox"},
    {"registernr", COLUMN_FIELD, "register"},
    {"vereinsregister", COLUMN_FIELD, "register"},
    {"größe", COLUMN_FIELD, "size_class"},
    {"groesse", COLUMN_FIELD, "size_class"},
    {"thema", COLUMN_FIELD, "topics"},
    {"topic", COLUMN_FIELD, "topics"},
    {"sprache", COLUMN_FIELD, "languages"},
    {"notiz zum sektor", COLUMN_FIELD, "sector_note"},
};

void columns_clear(struct columns *c)
{
    struct map_rule *rule;
    c->count = 0;
    for (size_t i = 0; c->map != NULL && (rule = list_map_rule(c->map, i)) != NULL; i++) {
        for (size_t k = 0; k < rule->count; k++) {
            rule->column[k] = COLUMNS_MAX;
        }
    }
}

static bool is_blank_at(struct span text, size_t i, size_t *len)
{
    if (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\r' || text.ptr[i] == '\n') {
        *len = 1;
        return true;
    }
    *len = 2;
    return i + 1 < text.len && text.ptr[i] == 0xc2 && text.ptr[i + 1] == 0xa0;
}

struct span import_trim(struct span text)
{
    size_t len;
    while (text.len > 0 && is_blank_at(text, 0, &len)) {
        text.ptr += len;
        text.len -= len;
    }
    while (text.len > 0) {
        if (is_blank_at(text, text.len - 1, &len) && len == 1) {
            text.len -= 1;
        } else if (text.len > 1 && is_blank_at(text, text.len - 2, &len) && len == 2) {
            text.len -= 2;
        } else {
            break;
        }
    }
    return text;
}

/* ASCII letters to lower case, for comparison with the tables. */
static void lower(struct span text, char *out, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        char c = (char)text.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[len] = '\0';
}

/* A field of another kind: the list holds records of several kinds. */
static bool is_field_of_others(struct span name)
{
    bool found = false;
    for (size_t i = 0; i < schema_kind_count() && !found; i++) {
        found = schema_field_by_name(schema_kind_at(i), name) != NULL;
    }
    return found;
}

static void recognise(struct columns *c, struct column *column)
{
    char name[COLUMN_NAME_BYTES];
    struct span text = import_trim(span_str(column->name));
    const struct field *field = schema_field_by_name(c->kind, text);
    lower(text, name, sizeof name);
    column->use = COLUMN_UNKNOWN;
    if (field != NULL) {
        column->use = COLUMN_FIELD;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0] && field == NULL; i++) {
        if (strcmp(aliases[i].name, name) != 0) {
            continue;
        }
        column->use = aliases[i].use;
        if (aliases[i].use == COLUMN_KIND) {
            column->field = schema_field_by_name(c->kind, span_str(aliases[i].field));
            return;
        }
        if (aliases[i].use == COLUMN_FIELD) {
            field = schema_field_by_name(c->kind, span_str(aliases[i].field));
            column->use = field != NULL ? COLUMN_FIELD : COLUMN_IGNORED; /* of another kind */
        }
        break;
    }
    if (column->use == COLUMN_UNKNOWN && is_field_of_others(text)) {
        column->use = COLUMN_IGNORED;
    }
    if ((field != NULL || column->use == COLUMN_SCOPE) && c->map != NULL &&
        list_map_fills(c->map, field)) {
        column->use = COLUMN_IGNORED;
        field = NULL;
    }
    if (field != NULL &&
        ((field->flags & FIELD_HIDDEN) != 0 || columns_of_field(c, field) != COLUMNS_MAX)) {
        column->use = COLUMN_IGNORED;
        field = NULL;
    }
    column->field = field;
}

/* Tells the map's rules where this column is; true if one of them wants it. */
static bool tell_rules(struct columns *c, const char *name, size_t index)
{
    struct map_rule *rule;
    bool wanted = false;
    struct span text = import_trim(span_str(name));
    for (size_t i = 0; c->map != NULL && (rule = list_map_rule(c->map, i)) != NULL; i++) {
        for (size_t k = 0; k < rule->count; k++) {
            if (span_eq(text, span_str(rule->source[k])) && rule->column[k] == COLUMNS_MAX) {
                rule->column[k] = index;
                wanted = true;
            }
        }
    }
    return wanted;
}

size_t columns_add(struct columns *c, struct span name)
{
    struct column column = {.use = COLUMN_UNKNOWN, .field = NULL};
    size_t len = name.len < COLUMN_NAME_BYTES ? name.len : COLUMN_NAME_BYTES - 1;
    if (len > 0) {
        memcpy(column.name, name.ptr, len);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->column[i].name, column.name) == 0 && column.name[0] != '\0') {
            return i;
        }
    }
    if (c->count == COLUMNS_MAX) {
        return COLUMNS_MAX;
    }
    recognise(c, &column);
    if (tell_rules(c, column.name, c->count) &&
        (column.use == COLUMN_UNKNOWN || column.use == COLUMN_IGNORED)) {
        column.use = COLUMN_MAPPED;
    }
    c->column[c->count] = column;
    return c->count++;
}

bool columns_is_type(const struct column *column, struct span text)
{
    return column->use == COLUMN_KIND && column->field != NULL && schema_kind_by_name(text) == NULL;
}

size_t columns_of_field(const struct columns *c, const struct field *field)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->column[i].use == COLUMN_FIELD && c->column[i].field == field) {
            return i;
        }
    }
    return COLUMNS_MAX;
}

bool columns_has(const struct columns *c, const char *field_name)
{
    const struct field *field = schema_field_by_name(c->kind, span_str(field_name));
    const struct map_constant *constant;
    bool found = field != NULL && (columns_of_field(c, field) != COLUMNS_MAX ||
                                   (c->map != NULL && list_map_fills(c->map, field)));
    for (size_t i = 0; field != NULL && !found && c->map != NULL &&
                       (constant = list_map_constant(c->map, i)) != NULL;
         i++) {
        found = constant->field == field;
    }
    for (size_t i = 0; field != NULL && !found && i < c->count; i++) {
        found = c->column[i].use == COLUMN_KIND && c->column[i].field == field;
    }
    return found;
}

const char *columns_missing(const struct columns *c)
{
    struct map_rule *rule;
    for (size_t i = 0; c->map != NULL && (rule = list_map_rule(c->map, i)) != NULL; i++) {
        for (size_t k = 0; k < rule->count; k++) {
            if (rule->column[k] == COLUMNS_MAX) {
                return rule->source[k];
            }
        }
    }
    return NULL;
}

enum schema_scope import_scope(struct span text)
{
    static const struct {
        const char *name;
        enum schema_scope scope;
    } rows[] = {
        {"local", SCOPE_LOCAL},        {"lokal", SCOPE_LOCAL},       {"im haus", SCOPE_LOCAL},
        {"in the house", SCOPE_LOCAL}, {"national", SCOPE_NATIONAL}, {"bundesweit", SCOPE_NATIONAL},
    };
    char name[32];
    lower(text, name, sizeof name);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].scope;
        }
    }
    return (enum schema_scope)0;
}
