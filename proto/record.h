/* The payload of a record: msgpack map {field number: value}, decoded and encoded by schema.def.
 *
 * Two strengths of validation. FOLD decides, on every node alike, whether an entry has an effect on
 * views: canonical msgpack, known fields of the right shape within their limits, required ones
 * there, code numbers any (1 to CODE_NUMBER_MAX). OWN is asked of one's own writes besides: code
 * lists, district keys, clean NFC text, URLs, personal data and scope.
 * An unknown field number below 128 makes the entry ineffective (TRIS_ERR_BAD_VALUE); one from 128
 * to 65,535 is an extension that may be ignored: the entry takes effect, the field is kept.
 * Byte for byte: FORMAT.md, "Records". */
#ifndef TRIS_PROTO_RECORD_H
#define TRIS_PROTO_RECORD_H

#include "proto/pack.h"
#include "proto/schema.h"

enum {
    RECORD_FIELDS_MAX = 64,       /* fields of one kind */
    RECORD_LIST_MAX = 32,         /* items of one list; all list limits are at most this */
    RECORD_CODES_MAX = 32,        /* limits of all lists of codes of one kind, added up */
    RECORD_TEXTS_MAX = 48,        /* the same for lists of texts and regions */
    RECORD_ITEM_CHARS_MAX = 80,   /* one item of FIELD_TEXTS */
    RECORD_REGION_BYTES_MIN = 2,  /* of a region key */
    RECORD_REGION_BYTES_MAX = 16, /* likewise */
    RECORD_EXTENSION_MIN = 128,
    RECORD_EXTENSION_MAX = 65535,
};

/* Greatest seq that a FIELD_REF may name. */
#define RECORD_SEQ_MAX ((uint64_t)1 << 53)

/* One decoded value. Text points into the payload (or wherever the setter's caller keeps it); lists
 * point into the record that holds the value. */
struct value {
    bool present;    /* nothing else is meaningful without it */
    uint32_t count;  /* CODES, REGIONS, TEXTS; at least 1; REF: epoch */
    uint64_t number; /* CODE, BOOL (0/1), UINT, DATE; REF: seq */
    union {
        struct span text;         /* TEXT, LONG, REGION, POSTCODE, URL, MAILBOX, KEY; REF: house */
        const uint32_t *codes;    /* CODES */
        const struct span *texts; /* REGIONS, TEXTS */
    };
};

/* A record in memory: one value per field of the kind, by index into kind->fields. About 3 KiB.
 * Lists point into the record itself: never copied by assignment. */
struct record {
    const struct kind *kind;
    struct value value[RECORD_FIELDS_MAX];
    uint32_t codes[RECORD_CODES_MAX];
    struct span texts[RECORD_TEXTS_MAX];
    struct span extension; /* encoded pairs from 128 up, kept as they came; or empty */
    uint32_t extension_pairs;
};

/* A new record of `kind` with the presets of the kind (status "active" and the like). */
void record_init(struct record *r, const struct kind *kind);

/* FOLD strength. On failure `bad_field` (may be NULL) is the field number, 0 if none, and no value
 * is present. `out` needs no initialisation; spans point into `payload`. */
TRIS_MUST_CHECK enum tris_err record_decode(const struct kind *kind, struct span payload,
                                            struct record *out, uint32_t *bad_field);
/* Canonical payload. TRIS_ERR_TOO_LARGE over TRIS_PAYLOAD_BYTES_MAX. */
TRIS_MUST_CHECK enum tris_err record_encode(const struct record *r, struct wbuf *w);

/* The kind's field whose list has a code with CODE_PAST, that code in `*past` (may be NULL); NULL
 * if the kind has none. */
const struct field *record_past_field(const struct kind *kind, const struct code **past);

const struct value *record_value(const struct record *r, uint32_t field_number); /* NULL: no such */
struct value *record_value_mut(struct record *r, uint32_t field_number);
uint64_t record_number(const struct record *r, uint32_t field_number); /* 0: none */

/* Lists are set as a whole: sorted (but FIELD_ORDERED), duplicates dropped. TRIS_ERR_TOO_LARGE over
 * the field's limit; no items remove the field. */
TRIS_MUST_CHECK enum tris_err record_set_codes(struct record *r, const struct field *field,
                                               const uint32_t *codes, size_t count);
TRIS_MUST_CHECK enum tris_err record_set_texts(struct record *r, const struct field *field,
                                               const struct span *texts, size_t count);

/* Takes out what stays in the house (FIELD_AT_HOME) if `scope` is wider than local. */
void record_narrow(struct record *r, enum schema_scope scope);

enum { RECORD_WITHIN_BYTES_MAX = 1024 };

/* What tells a record from its namesakes, as bytes to compare: the values of the fields with
 * FIELD_WITHIN. A reference is left out where its key in the house's lists stands beside it: such
 * a record is the same before and after it is linked. Points into the record, or into what was
 * written to `w`. */
struct span record_within(const struct record *r, struct wbuf *w);

struct record_problem {
    const struct field *field; /* NULL: the record as a whole */
    enum tris_err err;
    char text[160]; /* English: what is wrong and what is allowed */
    bool warning;   /* does not forbid the write */
};

/* OWN strength for a record that will have `scope`; returns how many problems it put into
 * `problems`, at most `max`, errors before warnings. May be written if the first is none or a
 * warning. */
size_t record_check_own(const struct record *r, enum schema_scope scope,
                        struct record_problem *problems, size_t max);

/* Sets one field from what a person or a CSV cell says: codes or labels, "ja/nein/yes/no", ISO or
 * German dates, lists joined by | (or ; or ,), records as HOUSEKEY[.EPOCH]-SEQ with the house's
 * key in hex (names are the daemon's matter), district keys without their leading zero
 * (corrected), slugs or unique names. `scratch` receives normalised text that the record then
 * points to. An empty text removes the field, or puts its preset back. `changed` (may be NULL): the
 * value was corrected. On failure the record is as it was: TRIS_ERR_INVALID, _TOO_LARGE (too many
 * items), _AMBIGUOUS (a district name that several have), _BAD_UTF8, _NO_SPACE (scratch). Lengths
 * are not looked at here: record_check_own does. */
TRIS_MUST_CHECK enum tris_err record_set_text(struct record *r, const struct field *field,
                                              struct span text, struct wbuf *scratch,
                                              bool *changed);

/* The sentence for a text that record_set_text refused with `err`, such as
 * `sector "öffentl." unknown, allowed: W S Z (Wirtschaft, ...)`. NUL-terminated, UTF-8. */
void record_explain_text(const struct field *field, struct span text, enum tris_err err, char *out,
                         size_t out_size);

/* What a state says on the day `today` (YYYYMMDD) beyond what was written: if its FIELD_EXPIRES is
 * before `today` and its status still the preset one, the status becomes the one with CODE_PAST.
 * For showing and filtering; such a record is never encoded. */
void record_derive(struct record *r, uint32_t today);
/* The way back, for lists that say what is derived: the status becomes the preset one, so that
 * record_derive says the same of it; before the day has passed the one with CODE_OVER (true then).
 */
bool record_underive(struct record *r, uint32_t today);

/* Writes the value as CSV and people see it: codes by name (or label), lists joined by |. Nothing
 * if it is not present. */
void record_print_value(const struct record *r, const struct field *field, bool labels,
                        enum label_lang lang, struct wbuf *w);

/* What counters and lists need of a partner, extracted once (FOLD-valid payload). */
struct partner_dims {
    char region[6]; /* NUL-terminated, "" if it is not 5 digits */
    uint8_t sector, status;
    uint8_t legal_form;
    uint8_t topic_count;
    uint8_t topic[3];
};
void record_partner_dims(const struct record *r, struct partner_dims *out);

/* A real day of the Gregorian calendar as YYYYMMDD, years 1000 to 9999. */
bool record_date_valid(uint64_t date);
/* YYYYMMDD out of 2024-12-31, 31.12.2024 or 1.2.2024; TRIS_ERR_INVALID. */
TRIS_MUST_CHECK enum tris_err record_date_parse(struct span text, uint64_t *out);

#endif
