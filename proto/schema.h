/* The record kinds as one table (schema.def): fields, code lists, labels, limits, scope.
 *
 * Validation, printing, CSV columns, command-line options and documentation follow from it; a new
 * kind is rows in schema.def and nothing else. Constant tables, no allocation. */
#ifndef TRIS_PROTO_SCHEMA_H
#define TRIS_PROTO_SCHEMA_H

#include "proto/buf.h"
#include "proto/limits.h"

enum field_type {
    FIELD_TEXT,     /* msgpack str, at most `limit` characters, one line */
    FIELD_LONG,     /* the same with line feeds */
    FIELD_CODE,     /* uint: one number of the code list */
    FIELD_CODES,    /* array of uint, ascending, no duplicates, at most `limit` */
    FIELD_BOOL,     /* bool */
    FIELD_UINT,     /* uint of at most `limit` */
    FIELD_DATE,     /* uint YYYYMMDD, a real day of the Gregorian calendar, years 1000 to 9999;
                     * limit: see FIELD_UNTIL */
    FIELD_REGION,   /* str: district key; 5 digits in Germany; 2 to 16 of [0-9A-Za-z:.-] */
    FIELD_REGIONS,  /* array of str, ascending, no duplicates, at most `limit` */
    FIELD_TEXTS,    /* array of str of at most 80 characters, ascending, at most `limit` */
    FIELD_POSTCODE, /* str of 5 digits */
    FIELD_URL,      /* str, http:// or https://, at most `limit` characters */
    FIELD_MAILBOX,  /* str, a role address, at most `limit` characters */
    FIELD_KEY,      /* bin of 32 bytes */
    FIELD_REF,      /* array [house bin 32, epoch uint, seq uint]: a record of a house's data log */
};

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_PERSONAL = 2,      /* never leaves the house */
    FIELD_PERSONAL_SOLE = 4, /* personal if legal_form is a natural person's (ek, sole, gbr) */
    FIELD_HIDDEN = 8,        /* set by the system: not a CSV column, not an option */
    FIELD_COUNTRY = 16,      /* a REGION, REGIONS field that may also say "DE", the whole country */
    FIELD_LANGUAGE = 32,     /* TEXTS of language tags (BCP 47) */
    FIELD_SCHEME = 64,       /* TEXTS of the form scheme:value */
    FIELD_TITLE = 128,       /* what the record is called, and found again by; at most one a kind */
    FIELD_ORDERED = 256,     /* TEXTS in the order given, no duplicates */
    FIELD_SCORE = 512,       /* TEXTS of the form criterion:score, 1 to 5 */
    FIELD_SLUG = 1024,       /* TEXT of at least 3 of [a-z0-9-] */
    FIELD_AT_HOME = 2048,    /* left out of what leaves the house */
    FIELD_UNTIL = 4096,      /* DATE not before that of the field before it; limit: days after it */
    FIELD_UNPAID = 8192,     /* CODE without CODE_MONEY */
    FIELD_WITHIN = 16384,    /* with the title says which record it is: see record_within */
    FIELD_KEY_OF = 32768,    /* TEXT: key in the house's lists of what the REF before it names */
    FIELD_EXPIRES = 65536,   /* DATE: behind it the CODE with CODE_PAST is shown, see record.h */
    FIELD_MATCH = 131072,    /* by its fields of this flag a record meets another one: TOPICS, and
                              * TYPE, CONTRIBUTION, STATUS, RADIUS of CODE, all of them or none */
};

enum schema_scope { SCOPE_LOCAL = 1, SCOPE_PARTIES = 2, SCOPE_NATIONAL = 3 };

enum label_lang { LANG_EN, LANG_DE };

struct code {
    uint32_t number;  /* as stored; format; 1 to CODE_NUMBER_MAX */
    uint32_t extra;   /* legal_form: default sector's number | CODE_NATURAL_PERSON; CODE_MONEY;
                       * CODE_PAST: derived from FIELD_EXPIRES, never written by oneself;
                       * CODE_OVER: what it is read as before that day */
    const char *code; /* as shown in CSV, JSON and options: "W", "ggmbh" */
    const char *label_de, *label_en;
};

enum {
    CODE_NUMBER_MAX = 255,
    CODE_NATURAL_PERSON = 0x100,
    CODE_MONEY = 0x200,
    CODE_PAST = 0x400,
    CODE_OVER = 0x800
};

struct code_list {
    const char *name;
    const struct code *codes; /* ascending by number */
    size_t count;
};

struct field {
    uint32_t number; /* as stored; format; 1 to 127. From 128 up: see record.h */
    enum field_type type;
    uint32_t limit;
    uint32_t flags;
    const char *name; /* CSV column, JSON key, and option with _ as - */
    const char *label_de, *label_en;
    const struct code_list *codes; /* NULL unless FIELD_CODE, FIELD_CODES */
    const char *preset;            /* what a new record starts with, as text; NULL: nothing */
};

struct kind {
    uint32_t number;
    const char *name; /* "partner" */
    const char *label_de, *label_en;
    enum schema_scope ceiling; /* the widest scope that a record may have */
    enum schema_scope scope_default;
    const struct field *fields; /* ascending by number */
    size_t field_count;
};

/* Numbers of kinds, fields and codes, as constants named after the rows of schema.def:
 * KIND_PARTNER, PARTNER_NAME (enum PARTNER_field), SECTOR_W (enum SECTOR_code). */
enum record_kind {
    KIND_NONE = 0,
#define KIND_BEGIN(kind, name, number, de, en, ceiling, scope) KIND_##kind = (number),
#define RESERVED_KIND(kind, number) KIND_##kind = (number),
#include "proto/schema.def"
};

#define KIND_BEGIN(kind, name, number, de, en, ceiling, scope)                                     \
    enum name##_field                                                                              \
    {
#define FIELD(kind, id, number, name, type, limit, flags, codes, preset, de, en)                   \
    kind##_##id = (number),
#define KIND_END(kind, name)                                                                       \
    }                                                                                              \
    ;
#include "proto/schema.def"

#define CODES_BEGIN(list, name)                                                                    \
    enum name##_code                                                                               \
    {
#define CODE(list, id, number, code, de, en, extra) list##_##id = (number),
#define CODES_END(list, name)                                                                      \
    }                                                                                              \
    ;
#include "proto/schema.def"

size_t schema_kind_count(void); /* kinds that have rows; reserved numbers are not counted */
const struct kind *schema_kind_at(size_t index);
const struct kind *schema_kind(uint32_t number); /* NULL if unknown */
/* Name, or label in either language, case-insensitive for ASCII; NULL if unknown. */
const struct kind *schema_kind_by_name(struct span name);
const struct field *schema_field(const struct kind *kind, uint32_t number); /* NULL if unknown */
/* Name (with - for _ too), or label in either language, case-insensitive for ASCII; NULL if
 * unknown. */
const struct field *schema_field_by_name(const struct kind *kind, struct span name);
/* The field with FIELD_TITLE, NULL if the kind has none. */
const struct field *schema_title(const struct kind *kind);
/* The field with FIELD_KEY_OF for this REF, NULL if there is none. */
const struct field *schema_key_of(const struct kind *kind, const struct field *ref);
/* NULL if unknown. */
const struct code *schema_code(const struct code_list *list, uint32_t number);
/* Code, or label in either language, case-insensitive for ASCII; NULL if unknown. */
const struct code *schema_code_by_name(const struct code_list *list, struct span name);
const struct code_list *schema_code_list(struct span name); /* NULL if unknown */
size_t schema_code_list_count(void);
const struct code_list *schema_code_list_at(size_t index);

/* "text", "code list", ...: what a field's type is called in help and documentation. */
const char *schema_type_name(enum field_type type);
const char *schema_scope_name(enum schema_scope scope); /* "local", "parties", "national" */
const char *schema_scope_label(enum schema_scope scope, enum label_lang lang);
/* 0 if unknown: name or label in either language. */
enum schema_scope schema_scope_by_name(struct span name);

/* Tables of all kinds, fields and codes in Markdown, as they stand in FORMAT.md. */
void schema_print_markdown(struct wbuf *w);

#endif
