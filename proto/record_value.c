/* Records in memory: values, lists, dimensions, and the payload written from them; see record.h. */
#include "proto/record.h"

#include <stdlib.h>

#include "proto/record_int.h"

static void write_value(const struct field *field, const struct value *v, struct wbuf *w)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_URL:
    case FIELD_MAILBOX:
    case FIELD_REGION:
    case FIELD_POSTCODE:
        pack_write_str(w, v->text);
        break;
    case FIELD_KEY:
        pack_write_bin(w, v->text.ptr, v->text.len);
        break;
    case FIELD_REF:
        pack_write_array(w, 3);
        pack_write_bin(w, v->text.ptr, v->text.len);
        pack_write_uint(w, v->count);
        pack_write_uint(w, v->number);
        break;
    case FIELD_CODE:
    case FIELD_UINT:
    case FIELD_DATE:
        pack_write_uint(w, v->number);
        break;
    case FIELD_BOOL:
        pack_write_bool(w, v->number != 0);
        break;
    case FIELD_CODES:
        pack_write_array(w, v->count);
        for (uint32_t i = 0; i < v->count; i++) {
            pack_write_uint(w, v->codes[i]);
        }
        break;
    case FIELD_REGIONS:
    case FIELD_TEXTS:
        pack_write_array(w, v->count);
        for (uint32_t i = 0; i < v->count; i++) {
            pack_write_str(w, v->texts[i]);
        }
        break;
    }
}

enum tris_err record_encode(const struct record *r, struct wbuf *w)
{
    uint32_t pairs = r->extension_pairs;
    size_t start = w->len;
    for (size_t i = 0; i < r->kind->field_count; i++) {
        pairs += r->value[i].present;
    }
    pack_write_map(w, pairs);
    for (size_t i = 0; i < r->kind->field_count; i++) {
        if (r->value[i].present) {
            pack_write_uint(w, r->kind->fields[i].number);
            write_value(&r->kind->fields[i], &r->value[i], w);
        }
    }
    wbuf_span_put(w, r->extension);
    if (w->err == TRIS_OK && w->len - start > TRIS_PAYLOAD_BYTES_MAX) {
        wbuf_fail(w, TRIS_ERR_TOO_LARGE);
    }
    return w->err;
}

static bool is_within(const struct record *r, size_t index)
{
    const struct field *field = &r->kind->fields[index];
    if ((field->flags & FIELD_WITHIN) == 0 || !r->value[index].present) {
        return false;
    }
    const struct field *key = field->type == FIELD_REF ? schema_key_of(r->kind, field) : NULL;
    return key == NULL || !record_value(r, key->number)->present;
}

struct span record_within(const struct record *r, struct wbuf *w)
{
    const size_t start = w->len;
    for (size_t i = 0; i < r->kind->field_count; i++) {
        if (!is_within(r, i)) {
            continue;
        }
        if (r->kind->fields[i].type == FIELD_REGION) {
            return r->value[i].text; /* the only one of its kind: many records, nothing copied */
        }
        pack_write_uint(w, r->kind->fields[i].number);
        write_value(&r->kind->fields[i], &r->value[i], w);
    }
    return w->err == TRIS_OK && w->len > start ? span_of(w->ptr + start, w->len - start)
                                               : span_of(NULL, 0);
}

/* ---- values in memory ---- */

const struct value *record_value(const struct record *r, uint32_t field_number)
{
    const struct field *field = schema_field(r->kind, field_number);
    return field == NULL ? NULL : &r->value[field_index(r, field)];
}

struct value *record_value_mut(struct record *r, uint32_t field_number)
{
    const struct field *field = schema_field(r->kind, field_number);
    return field == NULL ? NULL : &r->value[field_index(r, field)];
}

uint64_t record_number(const struct record *r, uint32_t field_number)
{
    const struct value *v = record_value(r, field_number);
    return v != NULL && v->present ? v->number : 0;
}

static int order_codes(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static int order_texts(const void *a, const void *b)
{
    struct span x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return span_cmp(x, y);
}

enum tris_err record_set_codes(struct record *r, const struct field *field, const uint32_t *codes,
                               size_t count)
{
    tris_assert(is_code_list(field->type));
    uint32_t sorted[RECORD_LIST_MAX];
    if (count > RECORD_LIST_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (count > 0) {
        memcpy(sorted, codes, count * sizeof codes[0]);
        qsort(sorted, count, sizeof sorted[0], order_codes);
    }
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || sorted[i] != sorted[kept - 1]) {
            sorted[kept++] = sorted[i];
        }
    }
    if (kept > field->limit) {
        return TRIS_ERR_TOO_LARGE;
    }
    uint32_t *place = r->codes + place_of(r, field).codes;
    memcpy(place, sorted, kept * sizeof sorted[0]);
    struct value *v = &r->value[field_index(r, field)];
    *v = (struct value){.present = kept > 0, .count = kept, .codes = place};
    return TRIS_OK;
}

/* Drops what is there before; returns how many are kept. */
static uint32_t drop_duplicates(struct span *texts, size_t count)
{
    uint32_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t k = 0;
        while (k < kept && !span_eq(texts[i], texts[k])) {
            k++;
        }
        if (k == kept) {
            texts[kept++] = texts[i];
        }
    }
    return kept;
}

enum tris_err record_set_texts(struct record *r, const struct field *field,
                               const struct span *texts, size_t count)
{
    tris_assert(is_text_list(field->type));
    struct span sorted[RECORD_LIST_MAX];
    if (count > RECORD_LIST_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    if (count > 0) {
        memcpy(sorted, texts, count * sizeof texts[0]);
    }
    if (count > 0 && (field->flags & FIELD_ORDERED) == 0) {
        qsort(sorted, count, sizeof sorted[0], order_texts);
    }
    uint32_t kept = drop_duplicates(sorted, count);
    if (kept > field->limit) {
        return TRIS_ERR_TOO_LARGE;
    }
    struct span *place = r->texts + place_of(r, field).texts;
    memcpy(place, sorted, kept * sizeof sorted[0]);
    struct value *v = &r->value[field_index(r, field)];
    *v = (struct value){.present = kept > 0, .count = kept, .texts = place};
    return TRIS_OK;
}

void record_narrow(struct record *r, enum schema_scope scope)
{
    for (size_t i = 0; i < r->kind->field_count; i++) {
        if (scope > SCOPE_LOCAL && (r->kind->fields[i].flags & FIELD_AT_HOME) != 0) {
            r->value[i].present = false;
        }
    }
}

/* ---- dimensions ---- */

static uint8_t code_of(const struct record *r, uint32_t field_number)
{
    const struct value *v = record_value(r, field_number);
    return v != NULL && v->present ? (uint8_t)v->number : 0;
}

void record_partner_dims(const struct record *r, struct partner_dims *out)
{
    tris_assert(r->kind->number == KIND_PARTNER);
    memset(out, 0, sizeof *out);
    out->sector = code_of(r, PARTNER_SECTOR);
    out->status = code_of(r, PARTNER_STATUS);
    out->legal_form = code_of(r, PARTNER_LEGAL_FORM);
    const struct value *region = record_value(r, PARTNER_REGION);
    bool digits = region->present && region->text.len == 5;
    for (size_t i = 0; digits && i < 5; i++) {
        digits = is_digit(region->text.ptr[i]);
    }
    if (digits) {
        memcpy(out->region, region->text.ptr, 5);
    }
    const struct value *topics = record_value(r, PARTNER_TOPICS);
    for (uint32_t i = 0; topics->present && i < topics->count; i++) {
        tris_assert(i < sizeof out->topic);
        out->topic[i] = (uint8_t)topics->codes[i];
        out->topic_count++;
    }
}

const struct field *record_past_field(const struct kind *kind, const struct code **past)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *f = &kind->fields[i];
        for (size_t k = 0; f->type == FIELD_CODE && k < f->codes->count; k++) {
            if ((f->codes->codes[k].extra & CODE_PAST) != 0) {
                if (past != NULL) {
                    *past = &f->codes->codes[k];
                }
                return f;
            }
        }
    }
    return NULL;
}

/* True if a day that the record is valid to has passed. */
static bool is_past(const struct record *r, uint32_t today)
{
    for (size_t i = 0; i < r->kind->field_count; i++) {
        if ((r->kind->fields[i].flags & FIELD_EXPIRES) != 0 && r->value[i].present &&
            r->value[i].number < today) {
            return true;
        }
    }
    return false;
}

static uint32_t preset_code(const struct field *field)
{
    return schema_code_by_name(field->codes, span_str(field->preset))->number;
}

void record_derive(struct record *r, uint32_t today)
{
    const struct code *past = NULL;
    const struct field *status = record_past_field(r->kind, &past);
    if (status == NULL) {
        return;
    }
    struct value *v = &r->value[field_index(r, status)];
    if (v->present && v->number == preset_code(status) && is_past(r, today)) {
        v->number = past->number;
    }
}

bool record_underive(struct record *r, uint32_t today)
{
    const struct code *past = NULL;
    const struct field *status = record_past_field(r->kind, &past);
    struct value *v = status != NULL ? &r->value[field_index(r, status)] : NULL;
    if (v == NULL || !v->present || v->number != past->number) {
        return false;
    }
    v->number = preset_code(status);
    if (is_past(r, today)) {
        return false;
    }
    for (size_t i = 0; i < status->codes->count; i++) {
        if ((status->codes->codes[i].extra & CODE_OVER) != 0) {
            v->number = status->codes->codes[i].number;
        }
    }
    return true;
}
