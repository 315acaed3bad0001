/* References of imported rows; see import_refs.h. */
#include "daemon/import_refs.h"

#include <stdlib.h>

#include "daemon/ctl_in.h"
#include "daemon/imports.h"

bool import_refs_has(const struct kind *kind)
{
    bool has = false;
    for (size_t i = 0; i < kind->field_count; i++) {
        has = has || kind->fields[i].type == FIELD_REF;
    }
    return has;
}

void import_refs_end(struct import_refs *r)
{
    if (r->v != NULL) {
        store_view_end(r->v);
        r->v = NULL;
    }
    free(r->sources);
    r->sources = NULL;
}

/* ---- keys of lists ---- */

static bool knows_source(const struct import_refs *r, uint32_t kind, struct span source)
{
    for (size_t i = 0; i < r->sources_count; i++) {
        const struct import_ref_source *s = &r->sources[i];
        if (s->kind == kind && span_eq(span_of(s->text, s->len), source)) {
            return true;
        }
    }
    return false;
}

/* The lists that were imported here, the oldest first, each once. */
static enum tris_err read_sources(struct import_refs *r)
{
    struct import_head head;
    uint64_t id = 0;
    enum tris_err err;
    r->sources = calloc(IMPORT_REF_SOURCES_MAX, sizeof *r->sources);
    if (r->sources == NULL) {
        return TRIS_ERR_NO_MEMORY;
    }
    while ((err = imports_next(r->v, &id, &head)) == TRIS_OK) {
        if (head.undone_ms != 0 || head.source.len > IMPORT_REF_BYTES_MAX ||
            r->sources_count == IMPORT_REF_SOURCES_MAX || knows_source(r, head.kind, head.source)) {
            continue;
        }
        struct import_ref_source *s = &r->sources[r->sources_count++];
        s->kind = head.kind;
        s->len = head.source.len;
        memcpy(s->text, head.source.ptr, head.source.len);
    }
    return err == TRIS_ERR_NOT_FOUND ? TRIS_OK : err;
}

/* In the list's own source, else in the others that records of this kind came from. */
static enum tris_err find_key_of(struct import_refs *r, uint32_t kind, struct span source,
                                 struct span key, struct record_ref *out)
{
    struct record_ref found;
    uint32_t count = 0;
    enum tris_err err = store_find_source(r->v, kind, source, key, out);
    if (err == TRIS_ERR_NOT_FOUND && r->sources == NULL) {
        enum tris_err read = read_sources(r);
        err = read == TRIS_OK ? err : read;
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        return err;
    }
    for (size_t i = 0; i < r->sources_count; i++) {
        const struct import_ref_source *s = &r->sources[i];
        if (s->kind != kind) {
            continue;
        }
        err = store_find_source(r->v, kind, span_of(s->text, s->len), key, &found);
        if (err == TRIS_OK) {
            *out = found;
            count++;
        } else if (err != TRIS_ERR_NOT_FOUND) {
            return err;
        }
    }
    return count == 0 ? TRIS_ERR_NOT_FOUND : count == 1 ? TRIS_OK : TRIS_ERR_AMBIGUOUS;
}

/* A field that may name records of any kind takes the key of any. */
static enum tris_err find_key(struct import_refs *r, const struct field *field, struct span source,
                              struct span key, struct record_ref *out)
{
    uint32_t count = 0;
    struct record_ref found;
    if (field->limit != 0) {
        return find_key_of(r, field->limit, source, key, out);
    }
    for (size_t i = 0; i < schema_kind_count(); i++) {
        enum tris_err err = find_key_of(r, schema_kind_at(i)->number, source, key, &found);
        if (err == TRIS_OK) {
            *out = found;
            count++;
        } else if (err != TRIS_ERR_NOT_FOUND) {
            return err;
        }
    }
    return count == 0 ? TRIS_ERR_NOT_FOUND : count == 1 ? TRIS_OK : TRIS_ERR_AMBIGUOUS;
}

/* ---- one reference ---- */

/* "17" and "L17", which are records of this house where people type. */
static bool is_number(struct span text)
{
    bool digits = text.len > 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        digits = digits && ((c >= '0' && c <= '9') || (i == 0 && (c == 'l' || c == 'L')));
    }
    return digits;
}

/* A key, or koeln-1042; a number alone is a key and never a record's number. */
static enum tris_err find_named(struct import_refs *r, const struct field *field,
                                struct span source, struct span text, struct record_ref *out)
{
    enum tris_err err = find_key(r, field, source, text, out);
    const bool is_name = memchr(text.ptr, '-', text.len) != NULL || field->limit == KIND_HOUSE;
    if (err == TRIS_ERR_NOT_FOUND && is_name && !is_number(text)) {
        err = resolve_named(r->d, r->v, field, text, out);
    }
    return err;
}

static const char *why_not_found(enum tris_err err, bool by_key)
{
    if (err == TRIS_ERR_AMBIGUOUS) {
        return "several records have this key or name";
    }
    if (err != TRIS_ERR_NOT_FOUND) {
        return tris_err_text(err);
    }
    return by_key ? "no record that came from a list has this key" : "there is no such record here";
}

static bool put(struct import_refs *r, const struct field *field, struct record_ref ref,
                struct record *record, const char **why)
{
    struct store_log log;
    enum tris_err err = resolve_check(r->v, field, ref, &log, why);
    if (err != TRIS_OK) {
        *why = *why != NULL ? *why : why_not_found(err, false);
        return false;
    }
    if (r->houses == IMPORT_REFS_MAX) {
        *why = tris_err_text(TRIS_ERR_TOO_LARGE);
        return false;
    }
    struct tris_house_id *house = &r->house[r->houses++];
    struct value *value = record_value_mut(record, field->number);
    *house = log.ref.house;
    *value = (struct value){.present = true,
                            .count = log.ref.epoch,
                            .number = ref.seq,
                            .text = span_of(house->b, sizeof house->b)};
    return true;
}

static const struct field *ref_of_key(const struct kind *kind, const struct field *key)
{
    const struct field *f = key;
    while (f > kind->fields && f->type != FIELD_REF) {
        f--;
    }
    return f->type == FIELD_REF ? f : NULL;
}

static enum import_refs_verdict apply_pair(struct import_refs *r, const struct import_ref *pair,
                                           struct span source, struct record *record,
                                           uint64_t *fields, struct import_refs_fault *fault)
{
    const struct field *said =
        pair->number <= UINT32_MAX ? schema_field(r->kind, (uint32_t)pair->number) : NULL;
    const bool by_key = said != NULL && (said->flags & FIELD_KEY_OF) != 0;
    const struct field *field = by_key ? ref_of_key(r->kind, said) : said;
    struct record_ref ref = {0};
    *fault = (struct import_refs_fault){said, pair->text, NULL};
    if (field == NULL || field->type != FIELD_REF || pair->text.len == 0) {
        fault->why = "the field names no record";
        return IMPORT_REFS_REFUSED;
    }
    const uint64_t bit = (uint64_t)1 << (field - r->kind->fields);
    enum tris_err err = by_key ? find_key(r, field, source, pair->text, &ref)
                               : find_named(r, field, source, pair->text, &ref);
    if (err != TRIS_OK) {
        fault->why = why_not_found(err, by_key);
    } else if (put(r, field, ref, record, &fault->why)) {
        *fields |= *fields != 0 ? bit : 0;
        return IMPORT_REFS_GOOD;
    }
    /* if the row speaks of nothing else, no field would be left, and none means all of them */
    if (!by_key || (field->flags & FIELD_REQUIRED) != 0 || *fields == bit) {
        return IMPORT_REFS_REFUSED;
    }
    *fields &= ~bit; /* a link that somebody made by hand stays */
    return IMPORT_REFS_UNLINKED;
}

/* A reference that the row gives as it is stored. */
static bool check_value(struct import_refs *r, const struct field *field, struct record *record,
                        struct import_refs_fault *fault)
{
    const struct value *value = record_value(record, field->number);
    struct tris_house_id house;
    struct record_ref ref = {0, value->number};
    memcpy(house.b, value->text.ptr, sizeof house.b);
    *fault = (struct import_refs_fault){field, span_of(NULL, 0), NULL};
    enum tris_err err = resolve_log(r->d, &house, value->count, &ref.log_no);
    if (err != TRIS_OK) {
        fault->why = why_not_found(err, false);
        return false;
    }
    return put(r, field, ref, record, &fault->why);
}

enum import_refs_verdict import_refs_apply(struct import_refs *r, const struct import_ref *pair,
                                           size_t count, struct span source, struct record *record,
                                           uint64_t *fields, struct import_refs_fault *fault)
{
    enum import_refs_verdict verdict = IMPORT_REFS_GOOD;
    struct import_refs_fault now;
    uint64_t done = 0;
    r->houses = 0;
    *fault = (struct import_refs_fault){NULL, span_of(NULL, 0), NULL};
    enum tris_err err = r->v == NULL ? daemon_view(r->d, &r->v) : TRIS_OK;
    if (err != TRIS_OK) {
        fault->why = tris_err_text(err);
        return IMPORT_REFS_REFUSED;
    }
    for (size_t i = 0; i < count && verdict != IMPORT_REFS_REFUSED; i++) {
        enum import_refs_verdict one = apply_pair(r, &pair[i], source, record, fields, &now);
        const struct field *field = now.field;
        if (one == IMPORT_REFS_GOOD) {
            field = field->type == FIELD_REF ? field : ref_of_key(r->kind, field);
            done |= (uint64_t)1 << (field - r->kind->fields);
        } else {
            verdict = one;
            *fault = now;
        }
    }
    for (size_t i = 0; i < r->kind->field_count && verdict != IMPORT_REFS_REFUSED; i++) {
        const struct field *field = &r->kind->fields[i];
        if (field->type == FIELD_REF && record->value[i].present && (done >> i & 1) == 0 &&
            !check_value(r, field, record, &now)) {
            verdict = IMPORT_REFS_REFUSED;
            *fault = now;
        }
    }
    return verdict;
}
