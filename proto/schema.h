/* The record kinds as one table (schema.def): fields, code lists, labels, limits, scope.
 *
 * Validation, printing, CSV columns, command-line options and documentation follow from it; a new
 * kind is rows in schema.def and nothing else. Constant tables, no allocation. */
#ifndef TRIS_PROTO_SCHEMA_H
#define TRIS_PROTO_SCHEMA_H

#include "proto/buf.h"
#include "proto/limits.h"

/* Numbers are format (entry header field "kind"); reserved ones are never reused. */
enum record_kind {
    KIND_NONE = 0,
    KIND_HOUSE = 1,
    KIND_PARTNER = 2,
    KIND_CONTACT = 3, /* 3 to 12: reserved until their rows are in schema.def */
    KIND_AGREEMENT = 4,
    KIND_LISTING = 5,
    KIND_CONSULTATION = 6,
    KIND_INSTRUMENT = 7,
    KIND_CHECK_RESULT = 8,
    KIND_ROLLOUT = 9,
    KIND_EVALUATION = 10,
    KIND_TALLY = 11,
};

enum field_type {
    FIELD_TEXT,     /* msgpack str, at most `limit` characters, one line */
    FIELD_LONG,     /* the same with line feeds */
    FIELD_CODE,     /* uint: one number of the code list */
    FIELD_CODES,    /* array of uint, ascending, no duplicates, at most `limit` */
    FIELD_BOOL,     /* bool */
    FIELD_UINT,     /* uint of at most `limit` */
    FIELD_DATE,     /* uint YYYYMMDD, a real day of the Gregorian calendar, years 1000 to 9999 */
    FIELD_REGION,   /* str: district key; 5 digits in Germany */
    FIELD_REGIONS,  /* array of str, ascending, no duplicates, at most `limit` */
    FIELD_TEXTS,    /* array of str of at most 80 characters, ascending, at most `limit` */
    FIELD_POSTCODE, /* str of 5 digits */
    FIELD_URL,      /* str, http:// or https://, at most `limit` characters */
    FIELD_MAILBOX,  /* str, a role address, at most `limit` characters */
    FIELD_KEY,      /* bin of 32 bytes */
};

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_PERSONAL = 2,      /* never leaves the house */
    FIELD_PERSONAL_SOLE = 4, /* personal if legal_form is a natural person's (ek, sole, gbr) */
    FIELD_HIDDEN = 8,        /* set by the system: not a CSV column, not an option */
};

enum schema_scope { SCOPE_LOCAL = 1, SCOPE_PARTIES = 2, SCOPE_NATIONAL = 3 };

enum label_lang { LANG_EN, LANG_DE };

struct code {
    uint32_t number;  /* as stored; format */
    const char *code; /* as shown in CSV, JSON and options: "W", "ggmbh" */
    const char *label_de, *label_en;
    uint32_t extra; /* legal_form: default sector's number | CODE_NATURAL_PERSON; else 0 */
};

enum { CODE_NATURAL_PERSON = 0x100 };

struct code_list {
    const char *name;
    const struct code *codes; /* ascending by number */
    size_t count;
};

struct field {
    uint32_t number;  /* as stored; format; 1 to 127. From 128 up: see record.h */
    const char *name; /* CSV column, JSON key, and option with _ as - */
    const char *label_de, *label_en;
    enum field_type type;
    uint32_t limit;
    uint32_t flags;
    const struct code_list *codes; /* NULL unless FIELD_CODE, FIELD_CODES */
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

size_t schema_kind_count(void);
const struct kind *schema_kind_at(size_t index);
const struct kind *schema_kind(uint32_t number);          /* NULL if unknown */
const struct kind *schema_kind_by_name(struct span name); /* name or label; NULL if unknown */
const struct field *schema_field(const struct kind *kind, uint32_t number);
/* Name, or label in either language, case-insensitive for ASCII; NULL if unknown. */
const struct field *schema_field_by_name(const struct kind *kind, struct span name);
const struct code *schema_code(const struct code_list *list, uint32_t number);
/* Code, or label in either language, case-insensitive for ASCII; NULL if unknown. */
const struct code *schema_code_by_name(const struct code_list *list, struct span name);
const struct code_list *schema_code_list(struct span name);

/* Field numbers that storage and tools name directly; asserted against schema.def. */
enum house_field {
    HOUSE_NAME = 1,
    HOUSE_REGION = 2,
    HOUSE_COVERS = 3,
    HOUSE_STATUS = 4,
};
enum partner_field {
    PARTNER_NAME = 1,
    PARTNER_SECTOR = 3,
    PARTNER_LEGAL_FORM = 4,
    PARTNER_TOPICS = 7,
    PARTNER_REGION = 8,
    PARTNER_STATUS = 19,
    PARTNER_SOURCE = 21,
    PARTNER_SOURCE_ID = 22,
};

#endif
