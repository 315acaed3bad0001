/* Conditions on records; see ctl_filter.h. */
#include "daemon/ctl_filter.h"

#include <stdio.h>

enum { NAME_BYTES_MAX = 80, CODES_BYTES_MAX = 1024 };

static void refuse(struct ctl_in *in, const struct field *field, struct span code)
{
    char message[sizeof in->message];
    struct span shown = span_cut(code, 48);
    (void)snprintf(message, sizeof message, "%s has no code \"%.*s\"", field->name, (int)shown.len,
                   shown.len > 0 ? (const char *)shown.ptr : "");
    ctl_in_refuse(in, TRIS_ERR_INVALID, "where", message);
}

/* Codes or labels, joined by |. */
static void read_codes(struct ctl_in *in, struct span text, struct filter_field *out)
{
    while (in->err == TRIS_OK) {
        const uint8_t *bar = text.len > 0 ? memchr(text.ptr, '|', text.len) : NULL;
        size_t len = bar != NULL ? (size_t)(bar - text.ptr) : text.len;
        struct span name = span_of(text.ptr, len);
        const struct code *code = schema_code_by_name(out->field->codes, name);
        if (code == NULL) {
            refuse(in, out->field, name);
            return;
        }
        out->wanted[code->number / 8] |= (uint8_t)(1U << code->number % 8);
        if (bar == NULL) {
            return;
        }
        text = span_of(bar + 1, text.len - len - 1);
    }
}

void filter_read(struct ctl_in *in, const struct kind *kind, struct filter *out)
{
    struct span map = ctl_map_get(in->map, "where");
    memset(out, 0, sizeof *out);
    if (map.len == 0 || in->err != TRIS_OK) {
        return;
    }
    if (kind == NULL) {
        ctl_in_refuse(in, TRIS_ERR_REQUIRED, "kind", "where is asked of one kind of record");
        return;
    }
    struct rbuf r = rbuf_of(map);
    uint32_t pairs = pack_read_map(&r, FILTER_FIELDS_MAX);
    for (uint32_t i = 0; i < pairs && r.err == TRIS_OK && in->err == TRIS_OK; i++) {
        struct span name = pack_read_str(&r, NAME_BYTES_MAX);
        struct span text = pack_read_str(&r, CODES_BYTES_MAX);
        const struct field *field = r.err == TRIS_OK ? schema_field_by_name(kind, name) : NULL;
        if (r.err != TRIS_OK) {
            break;
        }
        if (field == NULL || field->codes == NULL) {
            ctl_in_refuse(in, TRIS_ERR_INVALID, "where", "only fields with a list of codes");
            break;
        }
        out->field[out->count].field = field;
        read_codes(in, text, &out->field[out->count++]);
    }
    if (r.err != TRIS_OK) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, "where", "a map of at most 8 field names to codes");
    }
}

bool filter_is_empty(const struct filter *f)
{
    return f->count == 0 && f->region[0] == '\0';
}

static bool wants(const struct filter_field *f, uint64_t number)
{
    return number <= CODE_NUMBER_MAX && (f->wanted[number / 8] >> number % 8 & 1) != 0;
}

static bool field_passes(const struct filter_field *f, const struct record *record)
{
    const struct value *value = record_value(record, f->field->number);
    if (value == NULL || !value->present || f->field->type == FIELD_CODE) {
        return value != NULL && value->present && wants(f, value->number);
    }
    for (uint32_t i = 0; i < value->count; i++) {
        if (wants(f, value->codes[i])) {
            return true;
        }
    }
    return false;
}

/* The record's district; if its kind has none, that of the house that wrote it. */
static bool region_passes(const char *region, struct daemon *d, struct store_view *v,
                          const struct store_record *r, const struct record *record)
{
    struct span text = record_text(record, "region");
    struct store_log log;
    if (schema_field_by_name(record->kind, span_str("region")) == NULL &&
        store_log_get(v, r->ref.log_no, &log) == TRIS_OK) {
        uint32_t index = members_find(&d->members, &log.ref.house);
        text = index != UINT32_MAX ? span_str(members_line(&d->members, index)->region) : text;
    }
    size_t len = strlen(region);
    return text.len >= len && (len == 0 || memcmp(text.ptr, region, len) == 0);
}

bool filter_passes(const struct filter *f, struct daemon *d, struct store_view *v,
                   const struct store_record *r, uint32_t today, struct record *scratch)
{
    const struct kind *kind = schema_kind(r->kind);
    if (filter_is_empty(f)) {
        return true;
    }
    if (kind == NULL || record_decode(kind, r->payload, scratch, NULL) != TRIS_OK) {
        return false;
    }
    record_derive(scratch, today);
    for (uint32_t i = 0; i < f->count; i++) {
        if (!field_passes(&f->field[i], scratch)) {
            return false;
        }
    }
    return region_passes(f->region, d, v, r, scratch);
}
