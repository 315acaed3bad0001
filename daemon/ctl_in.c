/* Parameters of control methods, and what people call houses and records; see ctl_in.h. */
#include "daemon/ctl_in.h"

#include <stdio.h>

#include "daemon/near.h"

enum {
    NAME_BYTES_SHOWN = 64,
    HOUSE_RECORD_STEPS_MAX = 16, /* of 4,096 records each: some ms */
};

void ctl_in_refuse(struct ctl_in *in, enum tris_err err, const char *field, const char *message)
{
    if (in->err == TRIS_OK) {
        in->err = err;
        in->field = field;
        (void)snprintf(in->message, sizeof in->message, "%s", message);
    }
}

struct span span_cut(struct span text, size_t bytes_max)
{
    if (text.len > bytes_max) {
        text.len = bytes_max;
        while (text.len > 0 && !utf8_valid(text)) {
            text.len--;
        }
    }
    return text;
}

struct ctl_in ctl_in_begin(struct span params, const char *const *keys)
{
    struct ctl_in in = {.map = params};
    struct span unknown = {NULL, 0};
    enum tris_err err = ctl_map_only(params, keys, &unknown);
    if (err != TRIS_OK) {
        struct span name = span_cut(unknown, NAME_BYTES_SHOWN);
        in.err = err;
        (void)snprintf(in.message, sizeof in.message, "there is no parameter \"%.*s\" here",
                       (int)name.len, name.len > 0 ? (const char *)name.ptr : "");
    }
    return in;
}

bool ctl_in_has(const struct ctl_in *in, const char *key)
{
    return ctl_map_get(in->map, key).len > 0;
}

uint64_t ctl_in_uint(struct ctl_in *in, const char *key, uint64_t preset, uint64_t max)
{
    struct span value = ctl_map_get(in->map, key);
    if (value.len == 0) {
        return preset;
    }
    struct rbuf r = rbuf_of(value);
    uint64_t n = pack_read_uint_max(&r, max);
    if (rbuf_finish(&r) != TRIS_OK) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, key, "a whole number within its range is needed");
    }
    return n;
}

bool ctl_in_bool(struct ctl_in *in, const char *key)
{
    struct span value = ctl_map_get(in->map, key);
    if (value.len == 0) {
        return false;
    }
    struct rbuf r = rbuf_of(value);
    bool b = pack_read_bool(&r);
    if (rbuf_finish(&r) != TRIS_OK) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, key, "true or false is needed");
    }
    return b;
}

struct span ctl_in_text(struct ctl_in *in, const char *key, size_t bytes_max)
{
    struct span value = ctl_map_get(in->map, key);
    if (value.len == 0) {
        return span_of(NULL, 0);
    }
    struct rbuf r = rbuf_of(value);
    struct span text = pack_read_str(&r, bytes_max);
    if (rbuf_finish(&r) != TRIS_OK) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, key, "a text is needed, and it has a greatest length");
        return span_of(NULL, 0);
    }
    return text;
}

struct span ctl_in_need_text(struct ctl_in *in, const char *key, size_t bytes_max)
{
    struct span text = ctl_in_text(in, key, bytes_max);
    if (text.len == 0) {
        ctl_in_refuse(in, TRIS_ERR_REQUIRED, key, "a required parameter is missing");
    }
    return text;
}

const struct kind *ctl_in_kind(struct ctl_in *in, const char *key)
{
    struct span name = ctl_in_need_text(in, key, 64);
    const struct kind *kind = in->err == TRIS_OK ? schema_kind_by_name(name) : NULL;
    if (kind == NULL) {
        ctl_in_refuse(in, TRIS_ERR_INVALID, key, "there is no such kind of record");
    }
    return kind;
}

enum schema_scope ctl_in_scope(struct ctl_in *in, const char *key)
{
    struct span name = ctl_in_text(in, key, 16);
    if (name.len == 0) {
        return (enum schema_scope)0;
    }
    if (span_eq(name, span_str("local"))) {
        return SCOPE_LOCAL;
    }
    if (span_eq(name, span_str("national"))) {
        return SCOPE_NATIONAL;
    }
    ctl_in_refuse(in, TRIS_ERR_INVALID, key, "allowed: local, national");
    return (enum schema_scope)0;
}

bool ctl_in_ok(struct daemon *d, uint64_t token, const struct ctl_in *in)
{
    if (in->err == TRIS_OK) {
        return true;
    }
    ctl_reply_error(d, token, in->err, in->message, "Nothing was changed.", NULL, in->field);
    return false;
}

void span_copy(struct span text, char *out, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

struct span record_text(const struct record *r, const char *name)
{
    const struct field *field = schema_field_by_name(r->kind, span_str(name));
    const struct value *value = field != NULL ? record_value(r, field->number) : NULL;
    return value != NULL && value->present ? value->text : span_of(NULL, 0);
}

struct span record_title(const struct record *r)
{
    const struct field *title = schema_title(r->kind);
    return title != NULL ? record_text(r, title->name) : span_of(NULL, 0);
}

/* ASCII letters to lower case, cut to `size`. */
static void lower_copy(struct span text, char *out, size_t size)
{
    span_copy(text, out, size);
    for (char *c = out; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
}

enum tris_err resolve_house(const struct members *m, struct span text, uint32_t *index)
{
    char name[128];
    char id_hex[7];
    uint32_t found = 0;
    lower_copy(text, name, sizeof name);
    char *tilde = strchr(name, '~');
    if (tilde == NULL) {
        return members_resolve(m, span_str(name), index);
    }
    *tilde = '\0';
    for (uint32_t i = 0; i < m->count; i++) {
        const struct house_line *line = members_line(m, i);
        tris_hex(line->id.b, 3, id_hex);
        if (strcmp(line->slug, name) == 0 && strcmp(id_hex, tilde + 1) == 0) {
            *index = i;
            found++;
        }
    }
    if (found == 1) {
        return TRIS_OK;
    }
    return found == 0 ? TRIS_ERR_NOT_FOUND : TRIS_ERR_AMBIGUOUS;
}

static bool parse_digits(const char *text, uint64_t *out)
{
    uint64_t n = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 18) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out = n;
    return true;
}

/* The data log of a member in one epoch. */
static enum tris_err find_data_log(struct daemon *d, uint32_t index, uint64_t epoch,
                                   uint32_t *log_no)
{
    *log_no = members_data_log(&d->members, index, epoch);
    if (*log_no == LOG_NO_NONE && index == d->own_index && epoch == d->own_line.epoch) {
        *log_no = d->data_no; /* asked to join, not a member yet */
    }
    return *log_no != LOG_NO_NONE ? TRIS_OK : TRIS_ERR_NOT_FOUND;
}

enum tris_err resolve_record(struct daemon *d, struct span text, struct record_ref *out)
{
    char name[128];
    uint64_t epoch = 0;
    uint32_t index = d->own_index;
    if (text.len == 0 || text.len >= sizeof name) {
        return TRIS_ERR_NOT_FOUND;
    }
    lower_copy(text, name, sizeof name);
    char *mark = strchr(name, '?'); /* as it is shown while its number is not confirmed */
    if (mark != NULL && mark[1] == '\0') {
        *mark = '\0';
    }
    char *dash = strrchr(name, '-');
    const char *number = dash != NULL ? dash + 1 : name;
    bool local = number[0] == 'l';
    if (!parse_digits(number + (local ? 1 : 0), &out->seq)) {
        return TRIS_ERR_NOT_FOUND;
    }
    if (dash != NULL) {
        *dash = '\0';
        char *dot = strrchr(name, '.');
        if (dot != NULL) {
            *dot = '\0';
            if (!parse_digits(dot + 1, &epoch)) {
                return TRIS_ERR_NOT_FOUND;
            }
        }
        enum tris_err err = resolve_house(&d->members, span_str(name), &index);
        if (err != TRIS_OK) {
            return err;
        }
    }
    if (local) {
        out->log_no = d->local_no;
        return index == d->own_index && epoch == 0 ? TRIS_OK : TRIS_ERR_NOT_FOUND;
    }
    return index != UINT32_MAX ? find_data_log(d, index, epoch, &out->log_no) : TRIS_ERR_NOT_FOUND;
}

bool in_house(struct daemon *d, uint64_t token, struct ctl_in *in, const char *key, uint32_t *index)
{
    struct span name = ctl_in_need_text(in, key, 127);
    if (!ctl_in_ok(d, token, in)) {
        return false;
    }
    enum tris_err err = resolve_house(&d->members, name, index);
    if (err != TRIS_OK) {
        ctl_reply_error(d, token, err,
                        err == TRIS_ERR_AMBIGUOUS ? "more than one house has this name"
                                                  : "no house of the federation has this name",
                        "Nothing was changed.", "tris house list", key);
        return false;
    }
    return true;
}

bool in_cursor(struct span text, struct record_ref *out)
{
    char copy[48];
    uint64_t log = 0, seq = 0;
    span_copy(text, copy, sizeof copy);
    char *colon = strchr(copy, ':');
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    if (!parse_digits(copy, &log) || log >= UINT32_MAX || !parse_digits(colon + 1, &seq)) {
        return false;
    }
    *out = (struct record_ref){(uint32_t)log, seq};
    return true;
}

enum tris_err resolve_log(struct daemon *d, const struct tris_house_id *house, uint64_t epoch,
                          uint32_t *log_no)
{
    uint32_t index = members_find(&d->members, house);
    return index != UINT32_MAX ? find_data_log(d, index, epoch, log_no) : TRIS_ERR_NOT_FOUND;
}

enum tris_err resolve_entry_record(struct store_view *v, struct record_ref at,
                                   const struct entry_header *header, struct record_ref *out)
{
    struct store_log log;
    *out = at;
    if (header->has_record) {
        out->seq = header->record_seq;
    }
    if (!header->has_record || !header->has_record_epoch) {
        return TRIS_OK;
    }
    enum tris_err err = store_log_get(v, at.log_no, &log);
    return err == TRIS_OK
               ? store_record_find(v, &log.ref.house, header->record_epoch, header->record_seq, out)
               : err;
}

enum tris_err resolve_check(struct store_view *v, const struct field *field, struct record_ref ref,
                            struct store_log *log, const char **why)
{
    struct store_record found;
    *why = NULL;
    enum tris_err err = store_log_get(v, ref.log_no, log);
    if (err == TRIS_OK && log->ref.topic != TRIS_TOPIC_DATA) {
        *why = "a local record is never named by another one: publish it first, or say its sector";
        return TRIS_ERR_INVALID;
    }
    if (err == TRIS_OK) {
        err = store_record_get(v, ref, &found);
    }
    if (err == TRIS_OK && field->limit != 0 && found.kind != field->limit) {
        *why = "this record is of another kind";
        return TRIS_ERR_INVALID;
    }
    return err;
}

/* What a house says of itself. */
static enum tris_err find_house_record(struct daemon *d, struct store_view *v, uint32_t index,
                                       struct record_ref *out)
{
    const struct record_filter filter = {.kind = KIND_HOUSE,
                                         .national = true,
                                         .by_house = true,
                                         .house = members_line(&d->members, index)->id};
    struct record_ref cursor = {UINT32_MAX, 0};
    struct store_record found;
    /* where its line says, else among the first records of its log */
    enum tris_err err = near_house_record(v, members_line(&d->members, index), &found)
                            ? TRIS_OK
                            : TRIS_ERR_NOT_READY;
    for (int i = 0; i < HOUSE_RECORD_STEPS_MAX && err == TRIS_ERR_NOT_READY; i++) {
        err = store_record_next(v, &filter, &cursor, &found);
    }
    if (err == TRIS_OK) {
        *out = found.ref;
    }
    return err == TRIS_ERR_NOT_READY ? TRIS_ERR_NOT_FOUND : err;
}

enum tris_err resolve_named(struct daemon *d, struct store_view *v, const struct field *field,
                            struct span text, struct record_ref *out)
{
    uint32_t index;
    if (field->limit == KIND_HOUSE && members_resolve(&d->members, text, &index) == TRIS_OK &&
        span_eq(text, span_str(members_line(&d->members, index)->slug))) {
        return find_house_record(d, v, index, out);
    }
    return resolve_record(d, text, out);
}

enum tris_err resolve_ref(struct daemon *d, const struct field *field, struct span text,
                          char out[REF_BYTES], const char **why)
{
    struct store_view *v = NULL;
    struct record_ref ref;
    struct store_log log;
    char hex[65], epoch[16] = "";
    *why = NULL;
    out[0] = '\0';
    if (text.len == 0) {
        return TRIS_OK;
    }
    enum tris_err err = daemon_view(d, &v);
    if (err != TRIS_OK) {
        return err;
    }
    err = resolve_named(d, v, field, text, &ref);
    if (err == TRIS_OK) {
        err = resolve_check(v, field, ref, &log, why);
    }
    store_view_end(v);
    if (err != TRIS_OK) {
        *why = *why != NULL ? *why : "there is no such record here";
        return err;
    }
    tris_hex(log.ref.house.b, sizeof log.ref.house.b, hex);
    if (log.ref.epoch > 0) {
        (void)snprintf(epoch, sizeof epoch, ".%u", (unsigned)log.ref.epoch);
    }
    (void)snprintf(out, REF_BYTES, "%s%s-%llu", hex, epoch, (unsigned long long)ref.seq);
    return TRIS_OK;
}
