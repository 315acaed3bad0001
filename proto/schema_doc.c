/* The tables of schema.def as Markdown, for FORMAT.md; a unit test keeps the two equal. */
#include <stdio.h>

#include "proto/schema.h"

static void put(struct wbuf *w, const char *text)
{
    wbuf_span_put(w, span_str(text));
}

static void put_number(struct wbuf *w, uint32_t number)
{
    char digits[16];
    int len = snprintf(digits, sizeof digits, "%u", (unsigned)number);
    wbuf_bytes(w, digits, (size_t)len);
}

struct flag_row {
    uint32_t flag;
    const char *text;
};

static const struct flag_row flag_rows[] = {
    {FIELD_REQUIRED, "required"},
    {FIELD_PERSONAL, "personal"},
    {FIELD_PERSONAL_SOLE, "personal of a natural person"},
    {FIELD_HIDDEN, "set by the system"},
    {FIELD_COUNTRY, "DE allowed"},
    {FIELD_LANGUAGE, "language tags"},
    {FIELD_SCHEME, "scheme:value"},
    {FIELD_TITLE, "title"},
    {FIELD_ORDERED, "in the order given"},
    {FIELD_SCORE, "criterion:score"},
    {FIELD_SLUG, "letters, digits, hyphens"},
    {FIELD_AT_HOME, "stays in the house"},
    {FIELD_UNTIL, "not before the field above"},
    {FIELD_UNPAID, "no money"},
    {FIELD_WITHIN, "tells namesakes apart"},
    {FIELD_KEY_OF, "key of the record that the reference above names"},
    {FIELD_EXPIRES, "expires"},
    {FIELD_MATCH, "matched"},
};

static void put_notes(struct wbuf *w, const struct field *f)
{
    const char *before = "";
    for (size_t i = 0; i < sizeof flag_rows / sizeof flag_rows[0]; i++) {
        if ((f->flags & flag_rows[i].flag) != 0) {
            put(w, before);
            put(w, flag_rows[i].text);
            before = ", ";
        }
    }
    if (f->codes != NULL) {
        put(w, before);
        put(w, "list `");
        put(w, f->codes->name);
        put(w, "`");
        before = ", ";
    }
    if (f->preset != NULL) {
        put(w, before);
        put(w, "preset ");
        put(w, f->preset);
    }
}

static void put_field(struct wbuf *w, const struct field *f)
{
    put(w, "| ");
    put_number(w, f->number);
    put(w, " | `");
    put(w, f->name);
    put(w, "` | ");
    put(w, schema_type_name(f->type));
    put(w, " | ");
    if (f->limit != 0) {
        put_number(w, f->limit);
    }
    put(w, " | ");
    put_notes(w, f);
    put(w, " | ");
    put(w, f->label_de);
    put(w, " | ");
    put(w, f->label_en);
    put(w, " |\n");
}

static void put_kind(struct wbuf *w, const struct kind *k)
{
    put(w, "**Kind ");
    put_number(w, k->number);
    put(w, ", `");
    put(w, k->name);
    put(w, "`**: ");
    put(w, k->label_de);
    put(w, " / ");
    put(w, k->label_en);
    put(w, "; widest scope ");
    put(w, schema_scope_name(k->ceiling));
    put(w, ", by default ");
    put(w, schema_scope_name(k->scope_default));
    put(w, ".\n\n| number | name | type | limit | notes | Deutsch | English |\n"
           "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < k->field_count; i++) {
        put_field(w, &k->fields[i]);
    }
    put(w, "\n");
}

static void put_list(struct wbuf *w, const struct code_list *list)
{
    const struct code_list *sectors = schema_code_list(span_str("sector"));
    put(w, "**Code list `");
    put(w, list->name);
    put(w, "`**\n\n| number | code | Deutsch | English | notes |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct code *c = &list->codes[i];
        const struct code *sector = schema_code(sectors, c->extra & CODE_NUMBER_MAX);
        put(w, "| ");
        put_number(w, c->number);
        put(w, " | `");
        put(w, c->code);
        put(w, "` | ");
        put(w, c->label_de);
        put(w, " | ");
        put(w, c->label_en);
        put(w, " | ");
        put(w, sector == NULL ? "" : "usually sector ");
        put(w, sector == NULL ? "" : sector->code);
        put(w, (c->extra & CODE_NATURAL_PERSON) != 0 ? ", natural person" : "");
        put(w, (c->extra & CODE_PAST) != 0 ? "derived" : "");
        put(w, " |\n");
    }
    put(w, "\n");
}

struct reserved_row {
    const char *name;
    uint32_t number;
};

static const struct reserved_row reserved[] = {
#define RESERVED_KIND(kind, number) {#kind, number},
#include "proto/schema.def"
};

static void put_reserved(struct wbuf *w)
{
    put(w, "Reserved kind numbers, without fields yet:");
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        put(w, i == 0 ? " " : ", ");
        put_number(w, reserved[i].number);
        put(w, " ");
        for (const char *c = reserved[i].name; *c != '\0'; c++) {
            wbuf_u8(w, (uint8_t)(*c == '_' ? *c : *c | 0x20));
        }
    }
    put(w, ".\n");
}

void schema_print_markdown(struct wbuf *w)
{
    for (size_t i = 0; i < schema_kind_count(); i++) {
        put_kind(w, schema_kind_at(i));
    }
    for (size_t i = 0; i < schema_code_list_count(); i++) {
        put_list(w, schema_code_list_at(i));
    }
    put_reserved(w);
}
