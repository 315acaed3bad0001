/* Fields as people fill them in; see fields.h. */
#include "tools/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/assert.h"
#include "proto/ctlmsg.h"

enum {
    SCRATCH_BYTES = 64 * 1024,
    PROBLEMS_MAX = 16,
    QUOTE_CELLS = 48,
    ANSWER_BYTES = 512,
    FEW_CODES = 4
};

/* What the screens of this program call the sectors. */
static const struct {
    const char *word, *code;
} sector_words[] = {
    {"Staat", "S"},     {"Politik", "S"},   {"Verwaltung", "S"},  {"öffentliche Hand", "S"},
    {"state", "S"},     {"public", "S"},    {"Unternehmen", "W"}, {"civic", "Z"},
    {"Zivilges.", "Z"}, {"community", "Z"}, {"Verein", "Z"},      {"Zivilgesellsch.", "Z"}};

struct span fields_word(const struct field *field, struct span text)
{
    if (field->codes == NULL || strcmp(field->codes->name, "sector") != 0) {
        return text;
    }
    for (size_t i = 0; i < sizeof sector_words / sizeof sector_words[0]; i++) {
        if (strlen(sector_words[i].word) == text.len &&
            strncasecmp(sector_words[i].word, (const char *)text.ptr, text.len) == 0) {
            return span_str(sector_words[i].code);
        }
    }
    return text;
}

static const char *label_of(enum label_lang lang, const struct field *field)
{
    return lang == LANG_DE ? field->label_de : field->label_en;
}

/* Codes in front, labels behind. */
static void few_codes(enum label_lang lang, const struct code_list *list, char *out, size_t size)
{
    size_t used = 0;
    tris_assert(list->count > 0);
    for (size_t i = 0; i < 2 * list->count && used < size; i++) {
        const struct code *code = &list->codes[i % list->count];
        const char *label = lang == LANG_DE ? code->label_de : code->label_en;
        bool labels = i >= list->count;
        int len = snprintf(out + used, size - used, "%s%s",
                           i == 0             ? ""
                           : i == list->count ? " ("
                           : labels           ? "; "
                                              : " ",
                           labels ? label : code->code);
        used += len > 0 ? (size_t)len : 0;
    }
    if (used < size) {
        (void)snprintf(out + used, size - used, ")");
    }
}

void fields_codes(enum label_lang lang, const struct code_list *list, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    if (list->count <= FEW_CODES) {
        few_codes(lang, list, out, size);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct code *code = &list->codes[i];
        int len = snprintf(out + used, size - used, "%s%s (%s)", i > 0 ? ", " : "", code->code,
                           lang == LANG_DE ? code->label_de : code->label_en);
        if (len < 0 || (size_t)len + 4 >= size - used) {
            (void)snprintf(out + used, size - used, "\xe2\x80\xa6");
            return;
        }
        used += (size_t)len;
    }
}

/* What a text of this type has to look like; NULL: nothing more to say. */
static const char *wanted(enum field_type type)
{
    switch (type) {
    case FIELD_BOOL:
        return _("yes or no is asked for");
    case FIELD_UINT:
        return _("a whole number is asked for");
    case FIELD_DATE:
        return _("a day is asked for, such as 2024-12-31 or 31.12.2024");
    case FIELD_REGION:
    case FIELD_REGIONS:
        return _("a district is asked for: key, short name or name (05315, koeln, Köln)");
    case FIELD_POSTCODE:
        return _("5 digits are asked for");
    case FIELD_URL:
        return _("a web address is asked for, such as https://example.org");
    case FIELD_MAILBOX:
        return _("a mail address is asked for, such as info@example.org");
    case FIELD_REF:
        return _("a national record is asked for, such as koeln-1042");
    case FIELD_TEXT:
    case FIELD_LONG:
    case FIELD_CODE:
    case FIELD_CODES:
    case FIELD_TEXTS:
    case FIELD_KEY:
        break;
    }
    return NULL;
}

void fields_refused(enum label_lang lang, const struct field *field, struct span text,
                    enum tris_err err, char *out, size_t size)
{
    const char *label = label_of(lang, field), *want = wanted(field->type);
    char raw[256], codes[FIELDS_TEXT_BYTES];
    (void)snprintf(raw, sizeof raw, "%.*s", (int)(text.len < 200 ? text.len : 200),
                   text.len > 0 ? (const char *)text.ptr : "");
    char *quoted = show_text(raw, QUOTE_CELLS);
    if (err == TRIS_ERR_INVALID && field->codes != NULL) {
        fields_codes(lang, field->codes, codes, sizeof codes - 120);
        (void)snprintf(out, size, _("%s \"%s\" unknown, allowed: %s"), label, quoted, codes);
    } else if (err == TRIS_ERR_INVALID && want != NULL) {
        (void)snprintf(out, size, _("%s \"%s\": %s"), label, quoted, want);
    } else if (err == TRIS_ERR_AMBIGUOUS) {
        (void)snprintf(out, size, _("%s \"%s\" is the name of several districts: give the key"),
                       label, quoted);
    } else if (err == TRIS_ERR_TOO_LARGE) {
        (void)snprintf(out, size, _("%s has too many items, at most %u are allowed"), label,
                       (unsigned)field->limit);
    } else {
        (void)snprintf(out, size, _("%s \"%s\": %s"), label, quoted, sentence(tris_err_text(err)));
    }
    free(quoted);
}

bool fields_codes_known(enum label_lang lang, const struct field *field, const char *text,
                        char why[FIELDS_TEXT_BYTES])
{
    for (const char *at = text;; at++) {
        struct span word = span_of(at, strcspn(at, "|"));
        if (schema_code_by_name(field->codes, word) == NULL) {
            fields_refused(lang, field, word, TRIS_ERR_INVALID, why, FIELDS_TEXT_BYTES);
            return false;
        }
        at += word.len;
        if (*at == '\0') {
            return true;
        }
    }
}

/* Warnings are of two kinds only: who a mailbox belongs to, and an unusual sector. */
static void explain_warning(enum label_lang lang, const struct field *field, char *out, size_t size)
{
    if (field->type == FIELD_MAILBOX) {
        (void)snprintf(out, size,
                       _("%s looks like a person's address: give one of a desk, like info@"),
                       label_of(lang, field));
    } else {
        (void)snprintf(out, size,
                       _("%s is not the usual one of this legal form: say why in sector_note"),
                       label_of(lang, field));
    }
}

void fields_problem(enum label_lang lang, const struct record_problem *problem, char *out,
                    size_t size)
{
    const struct field *field = problem->field;
    const char *label = field != NULL ? label_of(lang, field) : "";
    const char *want = field != NULL ? wanted(field->type) : NULL;
    if (lang != LANG_DE || field == NULL) {
        (void)snprintf(out, size, "%s", sentence(problem->text)); /* the daemon's words */
    } else if (problem->warning) {
        explain_warning(lang, field, out, size);
    } else if (problem->err == TRIS_ERR_REQUIRED) {
        (void)snprintf(out, size, _("%s is required"), label);
    } else if (problem->err == TRIS_ERR_PERSONAL && field->codes != NULL) {
        (void)snprintf(out, size,
                       _("%s: a natural person's record stays local, unless listed_since has a "
                         "date and listed_basis is consent"),
                       label);
    } else if (problem->err == TRIS_ERR_PERSONAL) {
        (void)snprintf(out, size, _("%s is personal and may not leave the house"), label);
    } else if (problem->err == TRIS_ERR_TOO_LARGE) {
        (void)snprintf(out, size, _("%s is too long, at most %u are allowed"), label,
                       (unsigned)field->limit);
    } else if ((field->flags & FIELD_UNTIL) != 0) {
        (void)snprintf(out, size,
                       field->limit > 0 ? _("%s is before the day it begins, or more than %u days "
                                            "after it")
                                        : _("%s is before the day it begins"),
                       label, (unsigned)field->limit);
    } else if (want != NULL) {
        (void)snprintf(out, size, "%s: %s", label, want);
    } else {
        (void)snprintf(out, size, "%s: %s", label, sentence(problem->text));
    }
}

void fields_derive(struct record *r)
{
    if (r->kind->number != KIND_PARTNER || record_value(r, PARTNER_SECTOR)->present ||
        !record_value(r, PARTNER_LEGAL_FORM)->present) {
        return;
    }
    const struct field *form = schema_field(r->kind, PARTNER_LEGAL_FORM);
    const struct code *code =
        schema_code(form->codes, (uint32_t)record_value(r, PARTNER_LEGAL_FORM)->number);
    uint32_t sector = code != NULL ? code->extra & CODE_NUMBER_MAX : 0;
    if (sector != 0) {
        struct value *value = record_value_mut(r, PARTNER_SECTOR);
        value->present = true;
        value->number = sector;
    }
}

/* ---- filling in a record ---- */

#define SOME_RECORD "0000000000000000000000000000000000000000000000000000000000000000-0"

struct form {
    const struct cli *cli;
    struct record record;
    struct wbuf scratch;
    json_t *fields; /* borrowed */
    uint8_t bytes[SCRATCH_BYTES];
};

static void form_fault(const struct field *field, const char *text, struct fault *fault)
{
    fault_set(fault, TRIS_ERR_INVALID, _("Nothing was written."), NULL, "%s", text);
    (void)snprintf(fault->field, sizeof fault->field, "%s", field != NULL ? field->name : "");
}

static bool put_text(struct form *f, const struct field *field, const char *text, char *why,
                     size_t size)
{
    struct span word = fields_word(field, span_str(text));
    /* which house a name means is the daemon's to say */
    struct span value = field->type == FIELD_REF && word.len > 0 ? span_str(SOME_RECORD) : word;
    enum tris_err err = record_set_text(&f->record, field, value, &f->scratch, NULL);
    if (err != TRIS_OK) {
        fields_refused(f->cli->lang, field, word, err, why, size);
        return false;
    }
    const struct code *past = NULL;
    if (record_past_field(f->record.kind, &past) == field &&
        record_value(&f->record, field->number)->number == past->number) {
        (void)snprintf(why, size, _("%s \"%s\" follows by itself from the last day"),
                       label_of(f->cli->lang, field), past->code);
        return false;
    }
    (void)json_object_set_new(f->fields, field->name,
                              json_stringn((const char *)word.ptr, word.len));
    return true;
}

static struct form *form_open(const struct cli *cli, const struct kind *kind, json_t *fields,
                              struct fault *fault)
{
    struct form *f = malloc(sizeof *f);
    char why[FIELDS_TEXT_BYTES];
    if (f == NULL) {
        abort();
    }
    f->cli = cli;
    f->fields = fields;
    f->scratch = wbuf_of(f->bytes, sizeof f->bytes);
    record_init(&f->record, kind);
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        char *text = json_object_get(fields, field->name) != NULL
                         ? strdup(get_text(fields, field->name))
                         : NULL;
        bool good = text == NULL || put_text(f, field, text, why, sizeof why);
        free(text);
        if (!good) {
            form_fault(field, why, fault);
            free(f);
            return NULL;
        }
    }
    return f;
}

bool fields_check(const struct cli *cli, const struct kind *kind, json_t *fields,
                  struct fault *fault)
{
    struct form *f = form_open(cli, kind, fields, fault);
    free(f);
    return f != NULL;
}

/* Asks until the answer fits; false at the end of the input. */
static bool ask(struct form *f, const struct field *field)
{
    char line[ANSWER_BYTES], why[FIELDS_TEXT_BYTES];
    const char *label = label_of(f->cli->lang, field);
    for (;;) {
        (void)fprintf(stderr, "%s%s: ", label, field->codes != NULL ? _(" (? shows all)") : "");
        (void)fflush(stderr);
        if (fgets(line, sizeof line, stdin) == NULL) {
            return false;
        }
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "?") == 0 && field->codes != NULL) {
            for (size_t i = 0; i < field->codes->count; i++) {
                const struct code *code = &field->codes->codes[i];
                (void)fprintf(stderr, "  %-14s %s\n", code->code,
                              f->cli->lang == LANG_DE ? code->label_de : code->label_en);
            }
        } else if (line[0] != '\0') {
            if (put_text(f, field, line, why, sizeof why)) {
                return true;
            }
            (void)fprintf(stderr, "%s\n", why);
        }
    }
}

static bool is_missing(const struct form *f, const struct field *field)
{
    return (field->flags & FIELD_REQUIRED) != 0 && (field->flags & FIELD_HIDDEN) == 0 &&
           !record_value(&f->record, field->number)->present;
}

/* A sector may follow from the legal form: it is asked for last. */
static bool ask_missing(struct form *f)
{
    const struct kind *kind = f->record.kind;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < kind->field_count; i++) {
            const struct field *field = &kind->fields[i];
            bool last = kind->number == KIND_PARTNER && field->number == PARTNER_SECTOR;
            if (is_missing(f, field) && (turn == 1) == last && !ask(f, field)) {
                return false;
            }
        }
        fields_derive(&f->record);
    }
    return true;
}

/* "--sector W, S, Z" for each that is missing; true if none is. */
static bool none_missing(const struct form *f, struct fault *fault)
{
    const struct kind *kind = f->record.kind;
    const struct field *first = NULL;
    char text[FIELDS_TEXT_BYTES] = "", codes[160];
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if (!is_missing(f, field)) {
            continue;
        }
        size_t used = strlen(text);
        char option[48] = "";
        for (size_t k = 0; field->name[k] != '\0' && k + 1 < sizeof option; k++) {
            option[k] = field->name[k] == '_' ? '-' : field->name[k];
        }
        codes[0] = '\0';
        if (field->codes != NULL) {
            fields_codes(f->cli->lang, field->codes, codes, sizeof codes);
        }
        int n =
            snprintf(text + used, sizeof text - used, "%s%s (--%s)%s%s", used > 0 ? "; " : "",
                     label_of(f->cli->lang, field), option, codes[0] != '\0' ? ": " : "", codes);
        if (n < 0 || (size_t)n >= sizeof text - used) {
            text[used] = '\0'; /* whole items, as many as fit */
        }
        first = first != NULL ? first : field;
    }
    if (first == NULL) {
        return true;
    }
    char why[FIELDS_TEXT_BYTES + 40];
    (void)snprintf(why, sizeof why, _("missing: %s"), text);
    form_fault(first, why, fault);
    fault_set(fault, TRIS_ERR_REQUIRED, _("Nothing was written."), "tris help partner add", "%s",
              why);
    (void)snprintf(fault->field, sizeof fault->field, "%s", first->name);
    return false;
}

bool fields_complete(const struct cli *cli, const struct kind *kind, enum schema_scope scope,
                     json_t *fields, struct fault *fault)
{
    struct form *f = form_open(cli, kind, fields, fault);
    struct record_problem problem[PROBLEMS_MAX];
    char why[FIELDS_TEXT_BYTES];
    bool good = false;
    if (f == NULL) {
        return false;
    }
    fields_derive(&f->record);
    if (cli->tty_in && cli->tty_err && !cli->yes && !cli->json && !ask_missing(f)) {
        (void)fputc('\n', stderr);
    }
    if (!none_missing(f, fault)) {
        goto out;
    }
    if (kind->number == KIND_PARTNER) {
        const struct field *sector = schema_field(kind, PARTNER_SECTOR);
        const struct code *code =
            schema_code(sector->codes, (uint32_t)record_value(&f->record, PARTNER_SECTOR)->number);
        (void)json_object_set_new(fields, sector->name,
                                  json_string(code != NULL ? code->code : ""));
    }
    size_t found = record_check_own(&f->record, scope, problem, PROBLEMS_MAX);
    good = found == 0 || problem[0].warning;
    if (!good) {
        fields_problem(cli->lang, &problem[0], why, sizeof why);
        form_fault(problem[0].field, why, fault);
        fault->exit = ctl_exit_code(problem[0].err);
        (void)snprintf(fault->code, sizeof fault->code, "%s", tris_err_name(problem[0].err));
        if (problem[0].err == TRIS_ERR_PERSONAL) {
            (void)snprintf(fault->next, sizeof fault->next, "%s", _("without --listed"));
        }
    }
out:
    free(f);
    return good;
}
