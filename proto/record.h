/* The payload of a record: msgpack map {field number: value}, decoded and encoded by schema.def.
 *
 * Two strengths of validation. FOLD decides, on every node alike, whether an entry has an effect on
 * views: canonical msgpack, known fields of the right shape within their limits, required ones
 * there, code numbers any. OWN is asked of one's own writes besides: code lists, district keys,
 * clean NFC text, URLs, personal data and scope.
 * An unknown field number below 128 makes the entry ineffective (TRIS_ERR_BAD_VALUE); one from 128
 * to 65,535 is an extension that may be ignored: the entry takes effect, the field is kept. */
#ifndef TRIS_PROTO_RECORD_H
#define TRIS_PROTO_RECORD_H

#include "proto/pack.h"
#include "proto/schema.h"

enum { RECORD_FIELDS_MAX = 64, RECORD_LIST_MAX = 32 };

/* One decoded value; text points into the payload (or wherever the setter's caller keeps it). */
struct value {
    bool present;
    uint64_t number;  /* CODE, BOOL (0/1), UINT, DATE */
    struct span text; /* TEXT, LONG, REGION, POSTCODE, URL, MAILBOX, KEY */
    uint32_t count;   /* CODES, REGIONS, TEXTS */
    uint32_t codes[RECORD_LIST_MAX];
    struct span texts[RECORD_LIST_MAX];
};

/* A record in memory: one value per field of the kind, by index into kind->fields. ~50 KiB: never
 * on a small stack, reuse one. */
struct record {
    const struct kind *kind;
    struct value value[RECORD_FIELDS_MAX];
    struct span extension; /* encoded pairs from 128 up, kept as they came; or empty */
    uint32_t extension_pairs;
};

void record_init(struct record *r, const struct kind *kind);

/* FOLD strength. On failure `bad_field` (may be NULL) is the field number, 0 if none. */
TRIS_MUST_CHECK enum tris_err record_decode(const struct kind *kind, struct span payload,
                                            struct record *out, uint32_t *bad_field);
/* Canonical payload. TRIS_ERR_TOO_LARGE over TRIS_PAYLOAD_BYTES_MAX. */
TRIS_MUST_CHECK enum tris_err record_encode(const struct record *r, struct wbuf *w);

struct record_problem {
    const struct field *field; /* NULL: the record as a whole */
    enum tris_err err;
    char text[160]; /* English: what is wrong and what is allowed */
    bool warning;   /* does not forbid the write */
};

/* OWN strength for a record that will have `scope`; fills up to `max` problems, returns how many
 * were found. Zero without warnings counted = may be written. */
size_t record_check_own(const struct record *r, enum schema_scope scope,
                        struct record_problem *problems, size_t max);

/* Sets one field from what a person or a CSV cell says: codes or labels, "ja/nein/yes/no", ISO or
 * German dates, lists joined by | (or ;), AGS without its leading zero (corrected). `scratch`
 * receives normalised text that the record then points to. An empty text removes the field.
 * `changed` (may be NULL): the value was corrected. */
TRIS_MUST_CHECK enum tris_err record_set_text(struct record *r, const struct field *field,
                                              struct span text, struct wbuf *scratch,
                                              bool *changed);

/* Writes the value as CSV and people see it: codes by name (or label), lists joined by |. */
void record_print_value(const struct record *r, const struct field *field, bool labels,
                        enum label_lang lang, struct wbuf *w);

const struct value *record_value(const struct record *r, uint32_t field_number); /* NULL: no such */
struct value *record_value_mut(struct record *r, uint32_t field_number);

/* What counters and lists need of a partner, extracted once (FOLD-valid payload). */
struct partner_dims {
    char region[6]; /* NUL-terminated, "" if it is not 5 digits */
    uint8_t sector, status;
    uint8_t legal_form;
    uint8_t topic_count;
    uint8_t topic[3];
};
void record_partner_dims(const struct record *r, struct partner_dims *out);

#endif
