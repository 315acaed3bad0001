/* Values and refusals in words for people, CSV and JSON: record_print_value, record_explain_text.
 */
#include <stdio.h>

#include "proto/record_int.h"
#include "proto/text.h"

static void print_number(uint64_t number, struct wbuf *w)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    wbuf_bytes(w, digits, (size_t)len);
}

static void print_code(const struct field *field, uint64_t number, bool labels,
                       enum label_lang lang, struct wbuf *w)
{
    const struct code *code = schema_code(field->codes, (uint32_t)number);
    if (code == NULL) {
        print_number(number, w); /* of a later version */
    } else if (!labels) {
        wbuf_span_put(w, span_str(code->code));
    } else {
        wbuf_span_put(w, span_str(lang == LANG_DE ? code->label_de : code->label_en));
    }
}

static void print_bool(bool value, bool labels, enum label_lang lang, struct wbuf *w)
{
    bool german = labels && lang == LANG_DE;
    wbuf_span_put(w, span_str(value ? german ? "ja" : "yes" : german ? "nein" : "no"));
}

static void print_date(uint64_t date, struct wbuf *w)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%04u-%02u-%02u", (unsigned)(date / 10000),
                       (unsigned)(date / 100 % 100), (unsigned)(date % 100));
    wbuf_bytes(w, text, (size_t)len);
}

static void print_list(const struct field *field, const struct value *v, bool labels,
                       enum label_lang lang, struct wbuf *w)
{
    for (uint32_t i = 0; i < v->count; i++) {
        if (i > 0) {
            wbuf_u8(w, '|');
        }
        if (field->type == FIELD_CODES) {
            print_code(field, v->codes[i], labels, lang, w);
        } else {
            wbuf_span_put(w, v->texts[i]);
        }
    }
}

/* The form that needs no table of houses. */
static void print_ref(const struct value *v, struct wbuf *w)
{
    char hex[65];
    tris_hex(v->text.ptr, v->text.len < 32 ? v->text.len : 32, hex);
    wbuf_span_put(w, span_str(hex));
    if (v->count > 0) {
        wbuf_u8(w, '.');
        print_number(v->count, w);
    }
    wbuf_u8(w, '-');
    print_number(v->number, w);
}

void record_print_value(const struct record *r, const struct field *field, bool labels,
                        enum label_lang lang, struct wbuf *w)
{
    const struct value *v = &r->value[field_index(r, field)];
    char hex[65];
    if (!v->present) {
        return;
    }
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_REGION:
    case FIELD_POSTCODE:
    case FIELD_URL:
    case FIELD_MAILBOX:
        wbuf_span_put(w, v->text);
        break;
    case FIELD_KEY:
        tris_hex(v->text.ptr, v->text.len < 32 ? v->text.len : 32, hex);
        wbuf_span_put(w, span_str(hex));
        break;
    case FIELD_REF:
        print_ref(v, w);
        break;
    case FIELD_CODE:
        print_code(field, v->number, labels, lang, w);
        break;
    case FIELD_BOOL:
        print_bool(v->number != 0, labels, lang, w);
        break;
    case FIELD_UINT:
        print_number(v->number, w);
        break;
    case FIELD_DATE:
        print_date(v->number, w);
        break;
    case FIELD_CODES:
    case FIELD_REGIONS:
    case FIELD_TEXTS:
        print_list(field, v, labels, lang, w);
        break;
    }
}

/* ---- why a text was refused ---- */

enum { QUOTE_BYTES_MAX = 48 };

/* The refused text, escaped and cut to what fits a sentence. */
static void quote(struct span text, char out[QUOTE_BYTES_MAX + 4])
{
    uint8_t escaped[QUOTE_BYTES_MAX];
    struct wbuf w = wbuf_of(escaped, sizeof escaped);
    size_t len = text.len < QUOTE_BYTES_MAX ? text.len : QUOTE_BYTES_MAX;
    while (len > 0 && len < text.len && (text.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    for (;; len--) {
        w = wbuf_of(escaped, sizeof escaped);
        text_escape(span_of(text.ptr, len), &w);
        if (w.err == TRIS_OK || len == 0) {
            break;
        }
    }
    snprintf(out, QUOTE_BYTES_MAX + 4, "%.*s%s", (int)w.len, (const char *)escaped,
             len < text.len ? "..." : "");
}

/* Appends as long as it fits whole. */
static bool append(struct wbuf *w, const char *text)
{
    if (strlen(text) > w->cap - w->len) {
        return false;
    }
    wbuf_span_put(w, span_str(text));
    return true;
}

static bool append_labels(const struct code_list *list, struct wbuf *w)
{
    bool all = append(w, " (");
    for (size_t i = 0; i < list->count && all; i++) {
        all = append(w, i == 0 ? "" : "; ") && append(w, list->codes[i].label_de);
    }
    return all && append(w, ")");
}

/* Codes as far as they fit, and what they mean if all of that fits too. */
static void append_codes(const struct code_list *list, struct wbuf *w)
{
    static const char more[] = " ...";
    for (size_t i = 0; i < list->count; i++) {
        bool last = i + 1 == list->count;
        size_t room = w->cap - w->len;
        if (strlen(list->codes[i].code) + 1 + (last ? 0 : sizeof more) > room) {
            (void)append(w, more);
            return;
        }
        (void)append(w, " ");
        (void)append(w, list->codes[i].code);
    }
    size_t len = w->len;
    if (!append_labels(list, w)) {
        w->len = len;
    }
}

static const char *allowed_text(enum field_type type)
{
    switch (type) {
    case FIELD_BOOL:
        return "allowed: yes or no (ja, nein, true, false, 1, 0, x)";
    case FIELD_UINT:
        return "a whole number is asked for";
    case FIELD_DATE:
        return "a day is asked for, such as 2024-12-31 or 31.12.2024";
    case FIELD_REGION:
    case FIELD_REGIONS:
        return "a district is asked for: key, short name or name (05315, koeln, Köln)";
    case FIELD_POSTCODE:
        return "5 digits are asked for";
    case FIELD_REF:
        return "a national record is asked for, such as koeln-1042";
    case FIELD_KEY:
        return "64 hex digits are asked for";
    case FIELD_CODE:
    case FIELD_CODES:
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_URL:
    case FIELD_MAILBOX:
    case FIELD_TEXTS:
        break;
    }
    return "this is not allowed";
}

void record_explain_text(const struct field *field, struct span text, enum tris_err err, char *out,
                         size_t out_size)
{
    char quoted[QUOTE_BYTES_MAX + 4];
    tris_assert(out_size > 0);
    quote(text, quoted);
    bool codes = (field->type == FIELD_CODE || field->type == FIELD_CODES);
    if (err == TRIS_ERR_INVALID && codes) {
        snprintf(out, out_size, "%s \"%s\" unknown, allowed:", field->name, quoted);
        struct wbuf w = wbuf_of(out, out_size - 1);
        w.len = strlen(out);
        append_codes(field->codes, &w);
        out[w.len] = '\0';
    } else if (err == TRIS_ERR_INVALID) {
        snprintf(out, out_size, "%s \"%s\" unknown, %s", field->name, quoted,
                 allowed_text(field->type));
    } else if (err == TRIS_ERR_AMBIGUOUS) {
        snprintf(out, out_size, "%s \"%s\" is the name of several districts: give the key",
                 field->name, quoted);
    } else if (err == TRIS_ERR_TOO_LARGE) {
        snprintf(out, out_size, "%s has too many items, at most %u are allowed", field->name,
                 (unsigned)field->limit);
    } else {
        snprintf(out, out_size, "%s \"%s\": %s", field->name, quoted, tris_err_text(err));
    }
}
