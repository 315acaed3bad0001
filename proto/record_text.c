/* What people and CSV cells say, into a record: record_set_text. */
#include "proto/record.h"

#include "proto/district.h"
#include "proto/record_int.h"
#include "proto/text.h"

enum { LABEL_BYTES_MAX = 128, NAME_FOLDED_MAX = 256 };

/* A list cell, cut at its separators. */
struct items {
    struct span item[RECORD_LIST_MAX];
    size_t count;
    bool over; /* there were more than fit */
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Blanks and no-break spaces off both ends. */
static struct span trim(struct span t)
{
    for (;;) {
        if (t.len > 0 && is_blank(t.ptr[0])) {
            t = span_of(t.ptr + 1, t.len - 1);
        } else if (t.len > 1 && t.ptr[0] == 0xc2 && t.ptr[1] == 0xa0) {
            t = span_of(t.ptr + 2, t.len - 2);
        } else if (t.len > 0 && is_blank(t.ptr[t.len - 1])) {
            t.len--;
        } else if (t.len > 1 && t.ptr[t.len - 2] == 0xc2 && t.ptr[t.len - 1] == 0xa0) {
            t.len -= 2;
        } else {
            return t;
        }
    }
}

static bool has_byte(struct span t, char c)
{
    return t.len > 0 && memchr(t.ptr, c, t.len) != NULL;
}

static bool all_digits(struct span t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (!is_digit(t.ptr[i])) {
            return false;
        }
    }
    return t.len > 0;
}

static bool same_word(struct span t, const char *word)
{
    size_t i = 0;
    for (; i < t.len && word[i] != '\0'; i++) {
        uint8_t c = t.ptr[i] >= 'A' && t.ptr[i] <= 'Z' ? (uint8_t)(t.ptr[i] | 0x20) : t.ptr[i];
        if (c != (uint8_t)word[i]) {
            return false;
        }
    }
    return i == t.len && word[i] == '\0';
}

static void split(struct span t, char separator, struct items *out)
{
    out->count = 0;
    out->over = false;
    size_t start = 0;
    for (size_t i = 0; i <= t.len; i++) {
        if (i < t.len && t.ptr[i] != (uint8_t)separator) {
            continue;
        }
        struct span item = trim(span_of(t.ptr + start, i - start));
        start = i + 1;
        if (item.len == 0) {
            continue;
        }
        if (out->count == RECORD_LIST_MAX) {
            out->over = true;
            return;
        }
        out->item[out->count++] = item;
    }
}

/* The separator of a list cell; NUL if it may be one item with commas in it. */
static char separator_of(struct span t)
{
    return has_byte(t, '|') ? '|' : has_byte(t, ';') ? ';' : '\0';
}

/* ---- single values ---- */

/* NFC, TAB as space; line feeds as spaces unless `lines`. Appends to scratch. */
static enum tris_err normalise(struct span t, bool lines, struct wbuf *scratch, struct span *out,
                               bool *changed)
{
    size_t start = scratch->len;
    enum tris_err err = text_nfc(t, scratch);
    if (err != TRIS_OK) {
        return err;
    }
    size_t kept = start;
    for (size_t i = start; i < scratch->len; i++) {
        uint8_t c = scratch->ptr[i];
        if (c == '\r' && i + 1 < scratch->len && scratch->ptr[i + 1] == '\n') {
            continue;
        }
        bool space = c == '\t' || ((c == '\n' || c == '\r') && !lines);
        scratch->ptr[kept++] = space ? ' ' : c;
    }
    scratch->len = kept;
    *out = span_of(scratch->ptr + start, kept - start);
    *changed = *changed || !span_eq(*out, t);
    return TRIS_OK;
}

static void fold_into(struct span t, uint8_t *buf, size_t size, struct span *out)
{
    struct wbuf w = wbuf_of(buf, size);
    text_fold(t, &w);
    *out = wbuf_span(&w);
}

static bool folds_to(const char *name, struct span folded)
{
    uint8_t buf[NAME_FOLDED_MAX];
    struct span other;
    fold_into(span_str(name), buf, 1, &other); /* nearly all differ in their first letter */
    if (folded.len == 0 || (other.len > 0 && other.ptr[0] != folded.ptr[0])) {
        return false;
    }
    fold_into(span_str(name), buf, sizeof buf, &other);
    return span_eq(other, folded);
}

/* Code or label; then in whatever case and spelling folds to it ("e. V.", "Ag"). NULL if none. */
static const struct code *find_code(const struct code_list *list, struct span t)
{
    uint8_t buf[LABEL_BYTES_MAX];
    struct span folded;
    const struct code *code = schema_code_by_name(list, t);
    if (code != NULL || t.len > LABEL_BYTES_MAX) {
        return code;
    }
    fold_into(t, buf, sizeof buf, &folded);
    for (size_t i = 0; i < list->count && code == NULL; i++) {
        const struct code *c = &list->codes[i];
        if (folds_to(c->code, folded) || folds_to(c->label_de, folded) ||
            folds_to(c->label_en, folded)) {
            code = c;
        }
    }
    return code;
}

struct bool_word {
    const char *word;
    bool value;
};

static const struct bool_word bool_words[] = {
    {"ja", true},     {"yes", true},     {"true", true}, {"1", true},   {"x", true},
    {"wahr", true},   {"j", true},       {"y", true},    {"no", false}, {"nein", false},
    {"false", false}, {"falsch", false}, {"0", false},   {"n", false},
};

static enum tris_err parse_bool(struct span t, uint64_t *out)
{
    for (size_t i = 0; i < sizeof bool_words / sizeof bool_words[0]; i++) {
        if (same_word(t, bool_words[i].word)) {
            *out = bool_words[i].value;
            return TRIS_OK;
        }
    }
    return TRIS_ERR_INVALID;
}

static enum tris_err parse_uint(struct span t, uint64_t *out)
{
    uint64_t value = 0;
    if (!all_digits(t) || t.len > 18) {
        return TRIS_ERR_INVALID;
    }
    for (size_t i = 0; i < t.len; i++) {
        value = value * 10 + (uint64_t)(t.ptr[i] - '0');
    }
    *out = value;
    return TRIS_OK;
}

enum tris_err record_date_parse(struct span t, uint64_t *out)
{
    bool iso = t.len == 10 && t.ptr[4] == '-' && t.ptr[7] == '-';
    struct items parts;
    uint64_t a = 0, b = 0, c = 0;
    split(t, iso ? '-' : '.', &parts);
    if (parts.count != 3 || parts.over || t.len > 14 || parts.item[iso ? 0 : 2].len != 4 ||
        parts.item[1].len > 2 || parts.item[iso ? 2 : 0].len > 2 ||
        parse_uint(parts.item[0], &a) != TRIS_OK || parse_uint(parts.item[1], &b) != TRIS_OK ||
        parse_uint(parts.item[2], &c) != TRIS_OK) {
        return TRIS_ERR_INVALID;
    }
    uint64_t date = iso ? a * 10000 + b * 100 + c : c * 10000 + b * 100 + a;
    if (!record_date_valid(date)) {
        return TRIS_ERR_INVALID;
    }
    *out = date;
    return TRIS_OK;
}

/* ---- districts ---- */

/* 5 digits; or 4, where a spreadsheet ate the zero; or 8 and 7: a municipality's key. */
static const struct district *district_by_digits(struct span t, bool *changed)
{
    char key[5];
    size_t missing = t.len == 4 || t.len == 7 ? 1 : 0;
    if (t.len != 4 && t.len != 5 && t.len != 7 && t.len != 8) {
        return NULL;
    }
    key[0] = '0';
    memcpy(key + missing, t.ptr, sizeof key - missing);
    *changed = *changed || t.len != 5;
    return district_find(span_of(key, sizeof key));
}

/* A name that only one district has, in any spelling that folds to it: "Köln", "Koeln, Stadt". */
static enum tris_err district_by_name(struct span t, const struct district **out)
{
    uint8_t buf[NAME_FOLDED_MAX];
    struct span folded;
    *out = NULL;
    fold_into(t, buf, sizeof buf, &folded);
    for (size_t i = 0; i < district_count(); i++) {
        const struct district *d = district_at(i);
        if (!folds_to(d->name, folded) && !folds_to(d->slug, folded)) {
            continue;
        }
        if (*out != NULL) {
            return TRIS_ERR_AMBIGUOUS;
        }
        *out = d;
    }
    return *out == NULL ? TRIS_ERR_INVALID : TRIS_OK;
}

static enum tris_err parse_region(const struct field *field, struct span t, struct span *out,
                                  bool *changed)
{
    const struct district *d = NULL;
    if ((field->flags & FIELD_COUNTRY) != 0 &&
        (same_word(t, "de") || same_word(t, "deutschland") || same_word(t, "germany"))) {
        *out = span_str("DE");
        return TRIS_OK;
    }
    enum tris_err err = TRIS_OK;
    if (all_digits(t)) {
        d = district_by_digits(t, changed);
    } else if (t.len <= NAME_FOLDED_MAX) {
        d = district_find_slug(t);
        err = d != NULL ? TRIS_OK : district_by_name(t, &d);
    }
    if (err == TRIS_OK && d == NULL) {
        err = TRIS_ERR_INVALID;
    }
    if (err == TRIS_OK) {
        *out = span_str(d->ags); /* the table is constant: the record may point to it */
    }
    return err;
}

static enum tris_err parse_postcode(struct span t, struct wbuf *scratch, struct span *out,
                                    bool *changed)
{
    if (!all_digits(t) || (t.len != 4 && t.len != 5)) {
        return TRIS_ERR_INVALID;
    }
    size_t start = scratch->len;
    if (t.len == 4) {
        wbuf_u8(scratch, '0');
        *changed = true;
    }
    wbuf_span_put(scratch, t);
    *out = span_of(scratch->ptr + start, 5);
    return scratch->err;
}

static enum tris_err parse_key(struct span t, struct wbuf *scratch, struct span *out)
{
    uint8_t key[32];
    if (!tris_unhex(t, key, sizeof key)) {
        return TRIS_ERR_INVALID;
    }
    size_t start = scratch->len;
    wbuf_bytes(scratch, key, sizeof key);
    *out = span_of(scratch->ptr + start, sizeof key);
    return scratch->err;
}

/* HOUSEKEY[.EPOCH]-SEQ. A local record (L17) has no such form: it is never named. */
static enum tris_err parse_ref(struct span t, struct wbuf *scratch, struct value *v)
{
    uint64_t epoch = 0;
    if (t.len < 66) {
        return TRIS_ERR_INVALID;
    }
    struct span rest = span_of(t.ptr + 64, t.len - 64);
    const uint8_t *dash = memchr(rest.ptr, '-', rest.len);
    if (dash == NULL || (dash != rest.ptr && rest.ptr[0] != '.')) {
        return TRIS_ERR_INVALID;
    }
    size_t before = (size_t)(dash - rest.ptr);
    if (before > 0 &&
        (parse_uint(span_of(rest.ptr + 1, before - 1), &epoch) != TRIS_OK || epoch > UINT32_MAX)) {
        return TRIS_ERR_INVALID;
    }
    if (parse_uint(span_of(dash + 1, rest.len - before - 1), &v->number) != TRIS_OK ||
        v->number > RECORD_SEQ_MAX) {
        return TRIS_ERR_INVALID;
    }
    v->count = (uint32_t)epoch;
    return parse_key(span_of(t.ptr, 64), scratch, &v->text);
}

/* "www.example.org" is meant as an address of the web. */
static enum tris_err parse_url(struct span t, struct wbuf *scratch, struct span *out, bool *changed)
{
    size_t start = scratch->len;
    if (t.len > 4 && same_word(span_of(t.ptr, 4), "www.")) {
        wbuf_span_put(scratch, span_str("https://"));
        *changed = true;
    }
    enum tris_err err = normalise(t, false, scratch, out, changed);
    *out = span_of(scratch->ptr + start, scratch->len - start);
    return err;
}

/* ---- lists ---- */

static enum tris_err set_codes(struct record *r, const struct field *field, struct span t)
{
    uint32_t codes[RECORD_LIST_MAX];
    struct items items;
    char separator = separator_of(t);
    const struct code *whole = separator == '\0' ? find_code(field->codes, t) : NULL;
    if (whole != NULL) {
        return record_set_codes(r, field, &whole->number, 1);
    }
    split(t, separator == '\0' ? ',' : separator, &items);
    for (size_t i = 0; i < items.count; i++) {
        const struct code *code = find_code(field->codes, items.item[i]);
        if (code == NULL) {
            return TRIS_ERR_INVALID;
        }
        codes[i] = code->number;
    }
    return items.over ? TRIS_ERR_TOO_LARGE : record_set_codes(r, field, codes, items.count);
}

static enum tris_err set_regions(struct record *r, const struct field *field, struct span t,
                                 bool *changed)
{
    struct span regions[RECORD_LIST_MAX];
    struct items items;
    char separator = separator_of(t);
    if (separator == '\0' && parse_region(field, t, &regions[0], changed) == TRIS_OK) {
        return record_set_texts(r, field, regions, 1);
    }
    split(t, separator == '\0' ? ',' : separator, &items);
    for (size_t i = 0; i < items.count; i++) {
        enum tris_err err = parse_region(field, items.item[i], &regions[i], changed);
        if (err != TRIS_OK) {
            return err;
        }
    }
    return items.over ? TRIS_ERR_TOO_LARGE : record_set_texts(r, field, regions, items.count);
}

static enum tris_err set_texts(struct record *r, const struct field *field, struct span t,
                               struct wbuf *scratch, bool *changed)
{
    struct span texts[RECORD_LIST_MAX];
    struct items items;
    char separator = separator_of(t);
    split(t, separator == '\0' ? ',' : separator, &items);
    for (size_t i = 0; i < items.count; i++) {
        enum tris_err err = normalise(items.item[i], false, scratch, &texts[i], changed);
        if (err != TRIS_OK) {
            return err;
        }
    }
    return items.over ? TRIS_ERR_TOO_LARGE : record_set_texts(r, field, texts, items.count);
}

/* ---- setting ---- */

/* Types that hold one value. */
static enum tris_err parse_single(const struct field *field, struct span t, struct wbuf *scratch,
                                  struct value *v, bool *changed)
{
    const struct code *code = NULL;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_MAILBOX:
        return normalise(t, false, scratch, &v->text, changed);
    case FIELD_LONG:
        return normalise(t, true, scratch, &v->text, changed);
    case FIELD_URL:
        return parse_url(t, scratch, &v->text, changed);
    case FIELD_REGION:
        return parse_region(field, t, &v->text, changed);
    case FIELD_POSTCODE:
        return parse_postcode(t, scratch, &v->text, changed);
    case FIELD_KEY:
        return parse_key(t, scratch, &v->text);
    case FIELD_REF:
        return parse_ref(t, scratch, v);
    case FIELD_CODE:
        code = find_code(field->codes, t);
        v->number = code == NULL ? 0 : code->number;
        return code == NULL ? TRIS_ERR_INVALID : TRIS_OK;
    case FIELD_BOOL:
        return parse_bool(t, &v->number);
    case FIELD_UINT:
        return parse_uint(t, &v->number);
    case FIELD_DATE:
        return record_date_parse(t, &v->number);
    case FIELD_CODES:
    case FIELD_REGIONS:
    case FIELD_TEXTS:
        break;
    }
    tris_assert(false);
    return TRIS_ERR_INVALID;
}

enum tris_err record_set_text(struct record *r, const struct field *field, struct span text,
                              struct wbuf *scratch, bool *changed)
{
    struct value v = {.present = true};
    bool corrected = false;
    size_t start = scratch->len;
    enum tris_err err = TRIS_OK;
    struct span t = utf8_valid(text) ? trim(text) : text;
    if (t.len == 0 && field->preset != NULL) {
        t = span_str(field->preset);
    }
    if (!utf8_valid(text)) {
        err = TRIS_ERR_BAD_UTF8;
    } else if (t.len == 0) {
        r->value[field_index(r, field)].present = false;
    } else if (field->type == FIELD_CODES) {
        err = set_codes(r, field, t);
    } else if (field->type == FIELD_REGIONS) {
        err = set_regions(r, field, t, &corrected);
    } else if (field->type == FIELD_TEXTS) {
        err = set_texts(r, field, t, scratch, &corrected);
    } else {
        err = parse_single(field, t, scratch, &v, &corrected);
        if (err == TRIS_OK) {
            r->value[field_index(r, field)] = v;
        }
    }
    if (err != TRIS_OK) {
        scratch->len = start;
    }
    if (changed != NULL) {
        *changed = err == TRIS_OK && corrected;
    }
    return err;
}
