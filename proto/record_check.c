/* OWN strength: what is asked of a record that this house is about to write; see record.h. */
#include <stdarg.h>
#include <stdio.h>

#include "proto/district.h"
#include "proto/record_int.h"
#include "proto/text.h"

struct checker {
    const struct record *r;
    enum schema_scope scope;
    struct record_problem *problems;
    size_t max, found, errors;
};

/* Errors stand before warnings, so that a short list shows what forbids the write. */
__attribute__((format(printf, 4, 5))) static void
report(struct checker *c, const struct field *field, enum tris_err err, const char *format, ...)
{
    size_t at = c->found;
    if (err != TRIS_OK) {
        at = c->errors;
        if (at < c->max) {
            size_t last = c->found < c->max ? c->found : c->max - 1;
            c->problems[last] = c->problems[at];
            c->errors++;
        }
    }
    if (at >= c->max) {
        return;
    }
    struct record_problem *p = &c->problems[at];
    p->field = field;
    p->err = err == TRIS_OK ? TRIS_ERR_INVALID : err;
    p->warning = err == TRIS_OK;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->text, sizeof p->text, format, args);
    va_end(args);
    c->found += c->found < c->max;
}

static bool is_letter(uint8_t ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

/* Bytes before the first `ch`, or all. */
static size_t bytes_before(struct span text, char ch)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.ptr, ch, text.len);
    return found == NULL ? text.len : (size_t)(found - text.ptr);
}

/* ---- texts ---- */

static void check_clean(struct checker *c, const struct field *f, struct span text)
{
    if (!text_is_clean(text, f->type == FIELD_LONG)) {
        report(c, f, TRIS_ERR_INVALID,
               "%s has control characters or is not UTF-8 in normal form C (NFC)", f->name);
    }
}

static void check_length(struct checker *c, const struct field *f, struct span text, uint32_t limit)
{
    size_t chars = text.len > limit ? utf8_chars(text) : 0; /* no more characters than bytes */
    if (chars > limit) {
        report(c, f, TRIS_ERR_TOO_LARGE, "%s has %zu characters, at most %u are allowed", f->name,
               chars, (unsigned)limit);
    }
}

static bool is_url(struct span text)
{
    size_t scheme = span_begins(text, "https://") ? 8 : span_begins(text, "http://") ? 7 : 0;
    if (scheme == 0) {
        return false;
    }
    struct span rest = span_of(text.ptr + scheme, text.len - scheme);
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] <= ' ' || strchr("\"<>\\^`{|}", rest.ptr[i]) != NULL) {
            return false;
        }
    }
    size_t host = bytes_before(rest, '/');
    return host > 0 && rest.ptr[0] != '.' && rest.ptr[0] != '?' && rest.ptr[0] != '#' &&
           memchr(rest.ptr, '@', host) == NULL;
}

static bool is_mailbox(struct span text)
{
    size_t at = bytes_before(text, '@');
    if (at == 0 || at + 1 >= text.len) {
        return false;
    }
    struct span domain = span_of(text.ptr + at + 1, text.len - at - 1);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f ||
            strchr("\"(),:;<>[\\]", text.ptr[i]) != NULL) {
            return false;
        }
    }
    size_t dot = bytes_before(domain, '.');
    return dot > 0 && dot + 1 < domain.len && domain.ptr[domain.len - 1] != '.' &&
           bytes_before(domain, '@') == domain.len;
}

/* First words of addresses that belong to a desk, not to a person. */
static const char *const role_words[] = {
    "info",        "kontakt",    "contact", "post",  "poststelle", "mail",     "email",    "office",
    "buero",       "verwaltung", "service", "team",  "haus",       "presse",   "vorstand", "verein",
    "sekretariat", "zentrale",   "stadt",   "kreis", "landkreis",  "gemeinde", "no",       "hallo",
};

/* "erika.muster@": letters, a dot or underscore, letters. */
static bool names_a_person(struct span text)
{
    struct span local = span_of(text.ptr, bytes_before(text, '@'));
    size_t dot = 0;
    while (dot < local.len && local.ptr[dot] != '.' && local.ptr[dot] != '_') {
        dot++;
    }
    if (dot == 0 || dot + 2 >= local.len) {
        return false;
    }
    for (size_t i = 0; i < local.len; i++) {
        if (i != dot && !is_letter(local.ptr[i]) && local.ptr[i] != '-' && local.ptr[i] < 0x80) {
            return false;
        }
    }
    struct span first = span_of(local.ptr, dot);
    for (size_t i = 0; i < sizeof role_words / sizeof role_words[0]; i++) {
        if (span_eq(first, span_str(role_words[i]))) {
            return false;
        }
    }
    return true;
}

static void check_mailbox(struct checker *c, const struct field *f, struct span text)
{
    if (!is_mailbox(text)) {
        report(c, f, TRIS_ERR_INVALID, "%s is no mail address, such as info@example.org", f->name);
    } else if (names_a_person(text)) {
        report(c, f, TRIS_OK, "%s looks like a person's address: give one of a desk, like info@",
               f->name);
    }
}

/* ---- regions, lists ---- */

static void check_region(struct checker *c, const struct field *f, struct span text)
{
    bool country = (f->flags & FIELD_COUNTRY) != 0;
    if (district_find(text) == NULL && !(country && span_eq(text, span_str("DE")))) {
        report(c, f, TRIS_ERR_INVALID, "%s \"%.*s\" is no district key, such as 05315%s", f->name,
               (int)(text.len < 20 ? text.len : 20), (const char *)text.ptr,
               country ? ", nor DE" : "");
    }
}

/* de, en-GB, zh-Hant */
static bool is_language(struct span text)
{
    size_t first = bytes_before(text, '-');
    if (first < 2 || first > 3 || text.len > 35) {
        return false;
    }
    size_t part = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = text.ptr[i] == '-';
        if (dash ? part == 0 || i + 1 == text.len
                 : !(is_letter(text.ptr[i]) || (i > first && is_digit(text.ptr[i])))) {
            return false;
        }
        part = dash ? 0 : part + 1;
        if (part > 8) {
            return false;
        }
    }
    return true;
}

static void check_item(struct checker *c, const struct field *f, struct span text)
{
    check_clean(c, f, text);
    check_length(c, f, text, RECORD_ITEM_CHARS_MAX);
    if (bytes_before(text, '|') < text.len || bytes_before(text, ';') < text.len ||
        bytes_before(text, ',') < text.len) {
        report(c, f, TRIS_ERR_INVALID, "%s: an item may not contain | ; or ,", f->name);
    }
    if ((f->flags & FIELD_LANGUAGE) != 0 && !is_language(text)) {
        report(c, f, TRIS_ERR_INVALID, "%s: language tags are asked for, such as de|en|tr",
               f->name);
    }
    size_t colon = bytes_before(text, ':');
    if ((f->flags & FIELD_SCHEME) != 0 && (colon == 0 || colon + 1 >= text.len)) {
        report(c, f, TRIS_ERR_INVALID, "%s: scheme:value is asked for, such as lei:5299", f->name);
    }
    if ((f->flags & FIELD_SCORE) != 0 && (colon == 0 || colon + 2 != text.len ||
                                          text.ptr[colon + 1] < '1' || text.ptr[colon + 1] > '5')) {
        report(c, f, TRIS_ERR_INVALID, "%s: criterion:score is asked for, 1 to 5, such as effect:4",
               f->name);
    }
}

static void check_list(struct checker *c, const struct field *f, const struct value *v)
{
    if (v->count > f->limit) {
        report(c, f, TRIS_ERR_TOO_LARGE, "%s has %u items, at most %u are allowed", f->name,
               (unsigned)v->count, (unsigned)f->limit);
    }
    for (uint32_t i = 0; i < v->count && i < RECORD_LIST_MAX; i++) {
        if (f->type == FIELD_REGIONS) {
            check_region(c, f, v->texts[i]);
        } else {
            check_item(c, f, v->texts[i]);
        }
    }
}

static void check_code(struct checker *c, const struct field *f, uint64_t number)
{
    if (number > CODE_NUMBER_MAX || schema_code(f->codes, (uint32_t)number) == NULL) {
        char text[24], sentence[sizeof c->problems->text];
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
        record_explain_text(f, span_str(text), TRIS_ERR_INVALID, sentence, sizeof sentence);
        report(c, f, TRIS_ERR_INVALID, "%s", sentence);
    } else if ((f->flags & FIELD_UNPAID) != 0 &&
               (schema_code(f->codes, (uint32_t)number)->extra & CODE_MONEY) != 0) {
        report(c, f, TRIS_ERR_INVALID, "%s may not be money", f->name);
    } else if ((schema_code(f->codes, (uint32_t)number)->extra & CODE_PAST) != 0) {
        report(c, f, TRIS_ERR_INVALID,
               "%s %s follows by itself from the day that the record is valid to", f->name,
               schema_code(f->codes, (uint32_t)number)->code);
    }
}

static void check_slug(struct checker *c, const struct field *f, struct span text)
{
    bool good = text.len >= 3;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t ch = text.ptr[i];
        good = good && (is_digit(ch) || ch == '-' || (ch >= 'a' && ch <= 'z'));
    }
    if (!good) {
        report(c, f, TRIS_ERR_INVALID, "%s: at least 3 of a-z, 0-9 and - are asked for", f->name);
    }
}

static void check_codes(struct checker *c, const struct field *f, const struct value *v)
{
    if (v->count > f->limit) {
        report(c, f, TRIS_ERR_TOO_LARGE, "%s has %u items, at most %u are allowed", f->name,
               (unsigned)v->count, (unsigned)f->limit);
    }
    for (uint32_t i = 0; i < v->count && i < RECORD_LIST_MAX; i++) {
        check_code(c, f, v->codes[i]);
    }
}

static void check_postcode(struct checker *c, const struct field *f, struct span text)
{
    bool good = text.len == 5;
    for (size_t i = 0; i < text.len; i++) {
        good = good && is_digit(text.ptr[i]);
    }
    if (!good) {
        report(c, f, TRIS_ERR_INVALID, "%s: 5 digits are asked for", f->name);
    }
}

static void check_value(struct checker *c, const struct field *f, const struct value *v)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_LONG:
        check_clean(c, f, v->text);
        check_length(c, f, v->text, f->limit);
        if ((f->flags & FIELD_SLUG) != 0) {
            check_slug(c, f, v->text);
        }
        if ((f->flags & FIELD_LANGUAGE) != 0 && !is_language(v->text)) {
            report(c, f, TRIS_ERR_INVALID, "%s: a language tag is asked for, such as de", f->name);
        }
        break;
    case FIELD_URL:
        check_clean(c, f, v->text);
        check_length(c, f, v->text, f->limit);
        if (!is_url(v->text)) {
            report(c, f, TRIS_ERR_INVALID, "%s is no web address, such as https://example.org",
                   f->name);
        }
        break;
    case FIELD_MAILBOX:
        check_clean(c, f, v->text);
        check_length(c, f, v->text, f->limit);
        check_mailbox(c, f, v->text);
        break;
    case FIELD_REGION:
        check_region(c, f, v->text);
        break;
    case FIELD_POSTCODE:
        check_postcode(c, f, v->text);
        break;
    case FIELD_CODE:
        check_code(c, f, v->number);
        break;
    case FIELD_CODES:
        check_codes(c, f, v);
        break;
    case FIELD_REGIONS:
    case FIELD_TEXTS:
        check_list(c, f, v);
        break;
    case FIELD_UINT:
        if (v->number > f->limit) {
            report(c, f, TRIS_ERR_INVALID, "%s is %llu, at most %u is allowed", f->name,
                   (unsigned long long)v->number, (unsigned)f->limit);
        }
        break;
    case FIELD_DATE:
        if (!record_date_valid(v->number)) {
            report(c, f, TRIS_ERR_INVALID, "%s is no day of the calendar", f->name);
        }
        break;
    case FIELD_REF:
    case FIELD_KEY:
        if (v->text.len != 32) {
            report(c, f, TRIS_ERR_INVALID, "%s: 32 bytes are asked for", f->name);
        }
        break;
    case FIELD_BOOL:
        break;
    }
}

/* ---- the record as a whole ---- */

static void check_scope(struct checker *c)
{
    const struct kind *k = c->r->kind;
    if (c->scope > k->ceiling) {
        report(c, NULL, TRIS_ERR_INVALID, "a %s cannot be %s, its widest scope is %s", k->name,
               schema_scope_name(c->scope), schema_scope_name(k->ceiling));
    } else if (c->scope == SCOPE_PARTIES) {
        report(c, NULL, TRIS_ERR_INVALID,
               "scope parties is not possible yet: choose local or national");
    }
}

/* The row of the partner's legal form, NULL if there is none. */
static const struct code *legal_form(const struct record *r)
{
    const struct field *f = schema_field(r->kind, PARTNER_LEGAL_FORM);
    return schema_code(f->codes, (uint32_t)record_number(r, PARTNER_LEGAL_FORM));
}

/* Name, street and register of a sole trader are a person's: only with recorded consent. */
static void check_natural_person(struct checker *c, const struct code *form)
{
    bool consent = record_number(c->r, PARTNER_LISTED_SINCE) != 0 &&
                   record_number(c->r, PARTNER_LISTED_BASIS) == BASIS_CONSENT;
    if ((form->extra & CODE_NATURAL_PERSON) == 0 || c->scope <= SCOPE_LOCAL || consent) {
        return;
    }
    report(c, schema_field(c->r->kind, PARTNER_LEGAL_FORM), TRIS_ERR_PERSONAL,
           "legal_form %s is a natural person: local only, unless listed_since has a date and "
           "listed_basis is consent",
           form->code);
}

static void check_partner(struct checker *c)
{
    const struct code *form = legal_form(c->r);
    if (form == NULL) {
        return;
    }
    check_natural_person(c, form);
    const struct field *sector = schema_field(c->r->kind, PARTNER_SECTOR);
    const struct code *usual = schema_code(sector->codes, form->extra & CODE_NUMBER_MAX);
    uint64_t given = record_number(c->r, PARTNER_SECTOR);
    if (usual != NULL && schema_code(sector->codes, (uint32_t)given) != NULL &&
        given != usual->number && !record_value(c->r, PARTNER_SECTOR_NOTE)->present) {
        report(c, sector, TRIS_OK,
               "legal_form %s usually belongs to sector %s: say why in sector_note", form->code,
               usual->code);
    }
}

/* Days since some day long ago, for differences. */
static int64_t day_number(uint64_t date)
{
    int64_t year = (int64_t)(date / 10000), month = (int64_t)(date / 100 % 100);
    int64_t day = (int64_t)(date % 100);
    if (month < 3) {
        year--;
        month += 12;
    }
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day;
}

/* A day that ends what the field before it begins. */
static void check_until(struct checker *c, size_t index)
{
    const struct field *f = &c->r->kind->fields[index];
    const struct value *from = &c->r->value[index - 1], *until = &c->r->value[index];
    if (!from->present || !until->present || !record_date_valid(from->number) ||
        !record_date_valid(until->number)) {
        return;
    }
    if (until->number < from->number) {
        report(c, f, TRIS_ERR_INVALID, "%s is before %s", f->name, f[-1].name);
    } else if (f->limit > 0 && day_number(until->number) - day_number(from->number) > f->limit) {
        report(c, f, TRIS_ERR_INVALID, "%s is more than %u days after %s", f->name,
               (unsigned)f->limit, f[-1].name);
    }
}

static void check_presence(struct checker *c, const struct field *f, bool present)
{
    if (!present && (f->flags & FIELD_REQUIRED) != 0) {
        report(c, f, TRIS_ERR_REQUIRED, "%s is required", f->name);
    }
    if (present && (f->flags & FIELD_PERSONAL) != 0 && c->scope > SCOPE_LOCAL) {
        report(c, f, TRIS_ERR_PERSONAL, "%s is personal and may not leave the house", f->name);
    }
    if (present && (f->flags & FIELD_AT_HOME) != 0 && c->scope > SCOPE_LOCAL) {
        report(c, f, TRIS_ERR_INVALID, "%s stays in the house: only a local record has it",
               f->name);
    }
}

size_t record_check_own(const struct record *r, enum schema_scope scope,
                        struct record_problem *problems, size_t max)
{
    struct checker c = {r, scope, problems, max, 0, 0};
    for (size_t i = 0; i < r->kind->field_count; i++) {
        check_presence(&c, &r->kind->fields[i], r->value[i].present);
        if (r->value[i].present) {
            check_value(&c, &r->kind->fields[i], &r->value[i]);
        }
        if ((r->kind->fields[i].flags & FIELD_UNTIL) != 0) {
            check_until(&c, i);
        }
    }
    check_scope(&c);
    if (r->kind->number == KIND_PARTNER) {
        check_partner(&c);
    }
    return c.found;
}
