/* Map files; see list_map.h. Lines are collected as they come and given their meaning afterwards,
 * because the kind may be named behind the columns. */
#include "tools/list_map.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"
#include "tools/i18n.h"
#include "tools/import_map.h"

enum { FOLDED_BYTES_MAX = 512 };

static const char *const VALUES = "values ";

struct map_line {
    int line;
    char *section, *name, *value;
};

/* What one value of the list means for one field. */
struct map_value {
    const struct field *field;
    bool any;   /* the row "*" */
    char *from; /* folded */
    size_t from_len;
    const char *to;
};

struct list_map {
    const struct kind *kind;
    const char *source;
    enum schema_scope scope;
    size_t lines_count, rules_count, values_count, constants_count;
    struct map_line line[MAP_LINES_MAX];
    struct map_rule rule[MAP_RULES_MAX];
    struct map_constant constant[MAP_RULES_MAX];
    struct map_value value[MAP_LINES_MAX];
};

struct map_reader {
    struct list_map *map;
    const char *path;
    FILE *file;
    int line_no;
    bool failed;
    char *fault;
};

__attribute__((format(printf, 3, 4))) static bool fail(struct map_reader *r, int line,
                                                       const char *format, ...)
{
    va_list ap;
    int n = snprintf(r->fault, MAP_FAULT_BYTES, "%s:%d: ", r->path, line);
    va_start(ap, format);
    if (n > 0 && n < MAP_FAULT_BYTES) {
        (void)vsnprintf(r->fault + n, MAP_FAULT_BYTES - (size_t)n, format, ap);
    }
    va_end(ap);
    r->failed = true;
    return false;
}

/* inih asks for one line at a time: the place to count lines and to refuse long ones. */
static char *read_line(char *buf, int size, void *stream)
{
    struct map_reader *r = stream;
    char line[MAP_LINE_BYTES_MAX + 3]; /* with LF, NUL and one byte that shows "longer" */
    if (r->failed || fgets(line, sizeof line, r->file) == NULL) {
        return NULL;
    }
    r->line_no++;
    size_t len = strlen(line);
    bool ended = len > 0 && line[len - 1] == '\n';
    if (ended) {
        line[--len] = '\0';
    }
    if ((!ended && !feof(r->file)) || len > MAP_LINE_BYTES_MAX || len >= (size_t)size) {
        (void)fail(r, r->line_no, _("the line is longer than %d bytes, or has a NUL"),
                   MAP_LINE_BYTES_MAX);
        return NULL;
    }
    if (!utf8_valid(span_of(line, len))) {
        (void)fail(r, r->line_no, "%s", _("the text is not UTF-8"));
        return NULL;
    }
    memcpy(buf, line, len + 1);
    return buf;
}

static int take_line(void *user, const char *section, const char *name, const char *value)
{
    struct map_reader *r = user;
    struct list_map *m = r->map;
    if (r->failed) {
        return 0;
    }
    if (strlen(name) > MAP_NAME_BYTES_MAX || strlen(section) > MAP_NAME_BYTES_MAX) {
        return fail(r, r->line_no, _("a name is longer than %d bytes"), MAP_NAME_BYTES_MAX);
    }
    for (size_t i = 0; i < m->lines_count; i++) {
        if (strcmp(m->line[i].section, section) == 0 && strcmp(m->line[i].name, name) == 0) {
            return fail(r, r->line_no, _("\"%s\" stands in line %d already"), name,
                        m->line[i].line);
        }
    }
    if (m->lines_count == MAP_LINES_MAX) {
        return fail(r, r->line_no, "%s", _("the map is too long"));
    }
    struct map_line *line = &m->line[m->lines_count++];
    *line = (struct map_line){r->line_no, strdup(section), strdup(name), strdup(value)};
    if (line->section == NULL || line->name == NULL || line->value == NULL) {
        return fail(r, r->line_no, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    return 1;
}

/* ---- meaning ---- */

static bool take_import(struct map_reader *r, const struct map_line *line)
{
    struct list_map *m = r->map;
    if (strcmp(line->name, "source") == 0) {
        m->source = line->value;
        return strlen(line->value) <= 80 || fail(r, line->line, "%s", _("the source is too long"));
    }
    if (strcmp(line->name, "kind") == 0) {
        const struct kind *kind = schema_kind_by_name(span_str(line->value));
        if (kind == NULL) {
            return fail(r, line->line, _("there is no kind \"%s\""), line->value);
        }
        if (m->kind != NULL && m->kind != kind) {
            return fail(r, line->line, _("the map is for %s, the command says %s"), kind->name,
                        m->kind->name);
        }
        m->kind = kind;
        return true;
    }
    if (strcmp(line->name, "scope") == 0) {
        m->scope = import_scope(span_str(line->value));
        return m->scope != 0 ||
               fail(r, line->line, "%s", _("the scope is unknown, allowed: local national"));
    }
    return fail(r, line->line, _("[import] has no \"%s\"; allowed: source kind scope"), line->name);
}

/* One of our own fields by its name; "scope" is NULL. */
static bool find_field(struct map_reader *r, const struct map_line *line, const char *name,
                       const struct field **out)
{
    *out = strcmp(name, "scope") == 0 ? NULL : schema_field_by_name(r->map->kind, span_str(name));
    if (strcmp(name, "scope") == 0 || (*out != NULL && ((*out)->flags & FIELD_HIDDEN) == 0)) {
        return true;
    }
    return fail(r, line->line, _("%s has no field \"%s\""), r->map->kind->name, name);
}

static bool take_rule(struct map_reader *r, const struct map_line *line)
{
    struct list_map *m = r->map;
    struct map_rule rule = {.field = NULL, .count = 0};
    char *rest = line->value, *word;
    if (!find_field(r, line, line->name, &rule.field)) {
        return false;
    }
    while ((word = strtok_r(rest, "|", &rest)) != NULL) {
        struct span name = import_trim(span_str(word));
        word = (char *)(uintptr_t)name.ptr;
        word[name.len] = '\0';
        if (name.len > 0 && rule.count == MAP_SOURCES_MAX) {
            return fail(r, line->line, _("at most %d columns for one field"), MAP_SOURCES_MAX);
        }
        if (name.len > 0) {
            rule.source[rule.count++] = word;
        }
    }
    if (rule.count == 0) {
        return fail(r, line->line, _("no column of the list is named for \"%s\""), line->name);
    }
    if (m->rules_count == MAP_RULES_MAX) {
        return fail(r, line->line, "%s", _("the map is too long"));
    }
    m->rule[m->rules_count++] = rule;
    return true;
}

/* Whether our side takes this value at all. */
static bool check_value(struct map_reader *r, const struct map_line *line,
                        const struct field *field, const char *text)
{
    uint8_t bytes[1024];
    char reason[MAP_FAULT_BYTES];
    struct wbuf scratch = wbuf_of(bytes, sizeof bytes);
    if (field == NULL) {
        return import_scope(span_str(text)) != 0 ||
               fail(r, line->line, "%s", _("the scope is unknown, allowed: local national"));
    }
    if (field->type == FIELD_REF) {
        return true; /* which record a name means is the daemon's to say */
    }
    struct record *record = malloc(sizeof *record);
    if (record == NULL) {
        return fail(r, line->line, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    record_init(record, r->map->kind);
    enum tris_err err = record_set_text(record, field, span_str(text), &scratch, NULL);
    free(record);
    if (err != TRIS_OK) {
        record_explain_text(field, span_str(text), err, reason, sizeof reason);
        return fail(r, line->line, "%s", reason);
    }
    return true;
}

static bool take_value(struct map_reader *r, const struct map_line *line)
{
    struct list_map *m = r->map;
    struct map_value value = {.to = line->value};
    uint8_t folded[FOLDED_BYTES_MAX];
    struct wbuf w = wbuf_of(folded, sizeof folded);
    if (!find_field(r, line, line->section + strlen(VALUES), &value.field) ||
        (line->value[0] != '\0' && !check_value(r, line, value.field, line->value))) {
        return false;
    }
    value.any = strcmp(line->name, "*") == 0;
    text_fold(span_str(line->name), &w);
    value.from = malloc(w.len + 1);
    if (value.from == NULL) {
        return fail(r, line->line, "%s", tris_err_text(TRIS_ERR_NO_MEMORY));
    }
    memcpy(value.from, folded, w.len);
    value.from_len = w.len;
    m->value[m->values_count++] = value;
    return true;
}

static bool take_constant(struct map_reader *r, const struct map_line *line)
{
    struct list_map *m = r->map;
    struct map_constant constant = {.text = line->value};
    if (!find_field(r, line, line->name, &constant.field)) {
        return false;
    }
    if (constant.field == NULL) {
        return fail(r, line->line, "%s", _("the scope of all rows stands in [import]"));
    }
    if (!check_value(r, line, constant.field, line->value)) {
        return false;
    }
    if (m->constants_count == MAP_RULES_MAX) {
        return fail(r, line->line, "%s", _("the map is too long"));
    }
    m->constant[m->constants_count++] = constant;
    return true;
}

static bool understand(struct map_reader *r)
{
    struct list_map *m = r->map;
    for (size_t i = 0; i < m->lines_count; i++) {
        if (strcmp(m->line[i].section, "import") == 0 && !take_import(r, &m->line[i])) {
            return false;
        }
    }
    m->kind = m->kind != NULL ? m->kind : schema_kind_by_name(span_str("partner"));
    for (size_t i = 0; i < m->lines_count; i++) {
        const struct map_line *line = &m->line[i];
        bool good = true;
        if (strcmp(line->section, "columns") == 0) {
            good = take_rule(r, line);
        } else if (strcmp(line->section, "constants") == 0) {
            good = take_constant(r, line);
        } else if (strncmp(line->section, VALUES, strlen(VALUES)) == 0) {
            good = take_value(r, line);
        } else if (strcmp(line->section, "import") != 0) {
            good = fail(r, line->line,
                        _("unknown section [%s]; allowed: [import] [columns] [values FIELD] "
                          "[constants]"),
                        line->section);
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

enum tris_err list_map_read(const char *path, const struct kind *kind, struct list_map **out,
                            char *fault)
{
    struct map_reader r = {.path = path, .fault = fault};
    enum tris_err err = TRIS_ERR_INVALID;
    *out = NULL;
    fault[0] = '\0';
    r.map = calloc(1, sizeof *r.map);
    r.file = fopen(path, "re");
    if (r.map == NULL || r.file == NULL) {
        err = r.map == NULL ? TRIS_ERR_NO_MEMORY : TRIS_ERR_NOT_FOUND;
        (void)snprintf(fault, MAP_FAULT_BYTES, "%s: %s", path,
                       r.map == NULL ? tris_err_text(err) : strerror(errno));
        goto out;
    }
    r.map->kind = kind;
    r.map->source = "";
    int rc = ini_parse_stream(read_line, &r, take_line, &r);
    if (!r.failed && rc != 0) {
        (void)fail(&r, rc > 0 ? rc : 1, "%s", _("neither [section] nor name = value"));
    }
    if (!r.failed && ferror(r.file)) {
        (void)fail(&r, r.line_no, "%s", _("the file cannot be read"));
    }
    if (!r.failed && understand(&r)) {
        err = TRIS_OK;
        *out = r.map;
    }
out:
    if (r.file != NULL) {
        (void)fclose(r.file);
    }
    if (err != TRIS_OK) {
        list_map_free(r.map);
    }
    return err;
}

void list_map_free(struct list_map *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->lines_count; i++) {
        free(m->line[i].section);
        free(m->line[i].name);
        free(m->line[i].value);
    }
    for (size_t i = 0; i < m->values_count; i++) {
        free(m->value[i].from);
    }
    free(m);
}

const struct kind *list_map_kind(const struct list_map *m)
{
    return m->kind;
}

const char *list_map_source(const struct list_map *m)
{
    return m->source;
}

enum schema_scope list_map_scope(const struct list_map *m)
{
    return m->scope;
}

struct map_rule *list_map_rule(struct list_map *m, size_t index)
{
    return index < m->rules_count ? &m->rule[index] : NULL;
}

const struct map_constant *list_map_constant(const struct list_map *m, size_t index)
{
    return index < m->constants_count ? &m->constant[index] : NULL;
}

bool list_map_fills(const struct list_map *m, const struct field *field)
{
    for (size_t i = 0; i < m->rules_count; i++) {
        if (m->rule[i].field == field) {
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

static const struct map_value *find_value(const struct list_map *m, const struct field *field,
                                          struct span text)
{
    uint8_t folded[FOLDED_BYTES_MAX];
    struct wbuf w = wbuf_of(folded, sizeof folded);
    text_fold(text, &w);
    for (size_t i = 0; i < m->values_count; i++) {
        const struct map_value *value = &m->value[i];
        if (value->field == field && !value->any && w.len > 0 &&
            span_eq(span_of(value->from, value->from_len), wbuf_span(&w))) {
            return value;
        }
    }
    return NULL;
}

static const struct map_value *find_any(const struct list_map *m, const struct field *field)
{
    for (size_t i = 0; i < m->values_count; i++) {
        if (m->value[i].field == field && m->value[i].any) {
            return &m->value[i];
        }
    }
    return NULL;
}

struct span list_map_value(const struct list_map *m, const struct field *field, struct span text,
                           bool *known)
{
    const struct map_value *value = find_value(m, field, text);
    for (size_t start = 0, i = 0; i <= text.len && value == NULL; i++) {
        if (i == text.len || text.ptr[i] == ';' || text.ptr[i] == '|') {
            value = find_value(m, field, span_of(text.ptr + start, i - start));
            start = i + 1;
        }
    }
    *known = value != NULL;
    return value != NULL ? span_str(value->to) : text;
}

struct span list_map_rest(const struct list_map *m, const struct field *field, bool *known)
{
    const struct map_value *value = find_any(m, field);
    *known = value != NULL;
    return value != NULL ? span_str(value->to) : span_of(NULL, 0);
}
