/* Decodes the payload of a record in FOLD strength; see record.h.
 *
 * Runs once for each received entry: no Unicode tables, no allocation, one pass over the fields. */
#include "proto/record.h"
#include "proto/record_int.h"

enum { UTF8_BYTES_MAX = 4 };

static void clear(struct record *r, const struct kind *kind)
{
    tris_assert(kind->field_count <= RECORD_FIELDS_MAX);
    r->kind = kind;
    r->extension = span_of(NULL, 0);
    r->extension_pairs = 0;
    for (size_t i = 0; i < kind->field_count; i++) {
        r->value[i].present = false;
    }
}

void record_init(struct record *r, const struct kind *kind)
{
    clear(r, kind);
    for (size_t i = 0; i < kind->field_count; i++) {
        if (kind->fields[i].preset != NULL && kind->fields[i].type == FIELD_TEXT) {
            /* the table is constant: the record may point to it */
            r->value[i] = (struct value){.present = true, .text = span_str(kind->fields[i].preset)};
        } else if (kind->fields[i].preset != NULL) {
            struct wbuf none = wbuf_of(NULL, 0);
            enum tris_err err =
                record_set_text(r, &kind->fields[i], span_str(kind->fields[i].preset), &none, NULL);
            tris_assert(err == TRIS_OK);
        }
    }
}

/* ---- decoding ---- */

static const uint8_t month_days[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

bool record_date_valid(uint64_t date)
{
    if (date < 10000101 || date > 99991231) {
        return false;
    }
    unsigned year = (unsigned)(date / 10000), month = (unsigned)(date / 100 % 100);
    unsigned day = (unsigned)(date % 100);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 || day > month_days[month]) {
        return false;
    }
    return month != 2 || day != 29 || leap;
}

/* At least one and at most `chars_max` characters. */
static struct span read_text(struct rbuf *r, size_t chars_max)
{
    struct span text = pack_read_str(r, chars_max * UTF8_BYTES_MAX);
    if (r->err != TRIS_OK) {
        return text;
    }
    if (text.len == 0) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    } else if (text.len > chars_max && utf8_chars(text) > chars_max) {
        rbuf_fail(r, TRIS_ERR_TOO_LARGE);
    }
    return text;
}

static bool is_region_char(uint8_t c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ':' ||
           c == '.' || c == '-';
}

static struct span read_region(struct rbuf *r)
{
    struct span text = pack_read_str(r, RECORD_REGION_BYTES_MAX);
    bool good = text.len >= RECORD_REGION_BYTES_MIN;
    for (size_t i = 0; i < text.len; i++) {
        good = good && is_region_char(text.ptr[i]);
    }
    if (r->err == TRIS_OK && !good) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    return text;
}

static struct span read_postcode(struct rbuf *r)
{
    struct span text = pack_read_str(r, 5);
    bool good = text.len == 5;
    for (size_t i = 0; i < text.len; i++) {
        good = good && is_digit(text.ptr[i]);
    }
    if (r->err == TRIS_OK && !good) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    return text;
}

static uint32_t read_code(struct rbuf *r)
{
    uint64_t number = pack_read_uint_max(r, CODE_NUMBER_MAX);
    if (r->err == TRIS_OK && number == 0) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    return (uint32_t)number;
}

static uint32_t read_date(struct rbuf *r)
{
    uint64_t date = pack_read_uint_max(r, 99991231);
    if (r->err == TRIS_OK && !record_date_valid(date)) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    return (uint32_t)date;
}

/* An empty list is not written: the field is absent then. */
static uint32_t read_list(struct rbuf *r, uint32_t limit)
{
    uint32_t count = pack_read_array(r, limit);
    if (r->err == TRIS_OK && count == 0) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    return count;
}

static void read_codes(struct rbuf *r, const struct field *field, uint32_t *codes, struct value *v)
{
    v->codes = codes;
    v->count = read_list(r, field->limit);
    for (uint32_t i = 0; i < v->count && r->err == TRIS_OK; i++) {
        codes[i] = read_code(r);
        if (r->err == TRIS_OK && i > 0 && codes[i] <= codes[i - 1]) {
            rbuf_fail(r, TRIS_ERR_NOT_CANONICAL);
        }
    }
}

/* Sorted lists ascend; ordered ones may not have the same item twice. */
static bool in_order(const struct field *field, const struct span *texts, uint32_t i)
{
    uint32_t from = (field->flags & FIELD_ORDERED) != 0 || i == 0 ? 0 : i - 1;
    for (uint32_t k = from; k < i; k++) {
        int order = span_cmp(texts[i], texts[k]);
        if (order == 0 || (order < 0 && (field->flags & FIELD_ORDERED) == 0)) {
            return false;
        }
    }
    return true;
}

static void read_texts(struct rbuf *r, const struct field *field, struct span *texts,
                       struct value *v)
{
    v->texts = texts;
    v->count = read_list(r, field->limit);
    for (uint32_t i = 0; i < v->count && r->err == TRIS_OK; i++) {
        texts[i] =
            field->type == FIELD_REGIONS ? read_region(r) : read_text(r, RECORD_ITEM_CHARS_MAX);
        if (r->err == TRIS_OK && !in_order(field, texts, i)) {
            rbuf_fail(r, TRIS_ERR_NOT_CANONICAL);
        }
    }
}

static void read_ref(struct rbuf *r, struct value *v)
{
    uint32_t items = pack_read_array(r, 3);
    v->text = pack_read_bin(r, 32);
    v->count = (uint32_t)pack_read_uint_max(r, UINT32_MAX);
    v->number = pack_read_uint_max(r, RECORD_SEQ_MAX);
    if (r->err == TRIS_OK && (items != 3 || v->text.len != 32)) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
}

static void read_value(struct rbuf *r, const struct field *field, struct list_place place,
                       struct record *out, struct value *v)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_URL:
    case FIELD_MAILBOX:
        v->text = read_text(r, field->limit);
        break;
    case FIELD_REGION:
        v->text = read_region(r);
        break;
    case FIELD_POSTCODE:
        v->text = read_postcode(r);
        break;
    case FIELD_KEY:
        v->text = pack_read_bin(r, 32);
        if (r->err == TRIS_OK && v->text.len != 32) {
            rbuf_fail(r, TRIS_ERR_BAD_VALUE);
        }
        break;
    case FIELD_REF:
        read_ref(r, v);
        break;
    case FIELD_CODE:
        v->number = read_code(r);
        break;
    case FIELD_BOOL:
        v->number = pack_read_bool(r);
        break;
    case FIELD_UINT:
        v->number = pack_read_uint_max(r, field->limit);
        break;
    case FIELD_DATE:
        v->number = read_date(r);
        break;
    case FIELD_CODES:
        read_codes(r, field, out->codes + place.codes, v);
        break;
    case FIELD_REGIONS:
    case FIELD_TEXTS:
        read_texts(r, field, out->texts + place.texts, v);
        break;
    }
    v->present = r->err == TRIS_OK;
}

/* Walks the kind's fields beside the map's ascending numbers. */
struct decoder {
    struct rbuf r;
    struct record *out;
    const struct kind *kind;
    size_t index; /* next field of the kind */
    struct list_place place;
    uint32_t bad_field;
};

/* Everything before `number` is absent; an absent required field is an error. */
static void pass_absent(struct decoder *d, uint32_t number)
{
    while (d->index < d->kind->field_count && d->kind->fields[d->index].number < number) {
        const struct field *field = &d->kind->fields[d->index];
        d->out->value[d->index].present = false;
        if ((field->flags & FIELD_REQUIRED) != 0 && d->r.err == TRIS_OK) {
            d->bad_field = field->number;
            rbuf_fail(&d->r, TRIS_ERR_REQUIRED);
        }
        place_skip(&d->place, field);
        d->index++;
    }
}

static void decode_field(struct decoder *d, uint32_t number)
{
    pass_absent(d, number);
    if (d->r.err != TRIS_OK) {
        return;
    }
    d->bad_field = number;
    const struct field *field = &d->kind->fields[d->index];
    if (d->index == d->kind->field_count || field->number != number) {
        rbuf_fail(&d->r, TRIS_ERR_BAD_VALUE);
        return;
    }
    read_value(&d->r, field, d->place, d->out, &d->out->value[d->index]);
    place_skip(&d->place, field);
    d->index++;
}

static void decode_extension(struct decoder *d, uint32_t number, size_t key_pos)
{
    d->bad_field = number;
    (void)pack_read_any(&d->r, PACK_CANONICAL);
    if (d->out->extension_pairs == 0) {
        d->out->extension.ptr = d->r.ptr + key_pos;
    }
    d->out->extension_pairs++;
    d->out->extension.len = (size_t)(d->r.ptr + d->r.pos - d->out->extension.ptr);
}

static void decode_pairs(struct decoder *d)
{
    uint32_t pairs = pack_read_map(&d->r, TRIS_CONTAINER_ITEMS_MAX);
    uint32_t last = 0;
    for (uint32_t i = 0; i < pairs && d->r.err == TRIS_OK; i++) {
        size_t key_pos = d->r.pos;
        uint32_t number = (uint32_t)pack_read_uint_max(&d->r, RECORD_EXTENSION_MAX);
        if (d->r.err != TRIS_OK) {
            d->bad_field = 0;
        } else if (number <= last) {
            d->bad_field = number;
            rbuf_fail(&d->r, number == 0 ? TRIS_ERR_BAD_VALUE : TRIS_ERR_NOT_CANONICAL);
        } else if (number < RECORD_EXTENSION_MIN) {
            decode_field(d, number);
        } else {
            decode_extension(d, number, key_pos);
        }
        last = number;
    }
}

enum tris_err record_decode(const struct kind *kind, struct span payload, struct record *out,
                            uint32_t *bad_field)
{
    tris_assert(kind->field_count <= RECORD_FIELDS_MAX);
    struct decoder d = {rbuf_of(payload), out, kind, 0, {0, 0}, 0};
    out->kind = kind;
    out->extension = span_of(NULL, 0);
    out->extension_pairs = 0;
    if (payload.len > TRIS_PAYLOAD_BYTES_MAX) {
        rbuf_fail(&d.r, TRIS_ERR_TOO_LARGE);
    }
    decode_pairs(&d);
    if (d.r.err == TRIS_OK) {
        d.bad_field = 0;
        pass_absent(&d, RECORD_EXTENSION_MIN);
    }
    if (d.r.err == TRIS_OK) {
        (void)rbuf_finish(&d.r);
    }
    if (d.r.err == TRIS_OK && out->extension_pairs > 0) {
        enum tris_err err = pack_check(payload, PACK_CANONICAL); /* depth counts from the map */
        if (err != TRIS_OK) {
            rbuf_fail(&d.r, err);
        }
    }
    if (d.r.err != TRIS_OK) {
        clear(out, kind);
    }
    if (bad_field != NULL) {
        *bad_field = d.r.err == TRIS_OK ? 0 : d.bad_field;
    }
    return d.r.err;
}
