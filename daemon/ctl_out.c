/* Answers of the control socket under construction; see ctl_out.h. */
#include "daemon/ctl_out.h"
#include "daemon/ctl_in.h"

#include "daemon/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/assert.h"
#include "proto/seal.h"

struct out *out_new(struct daemon *d, uint64_t token)
{
    struct out *o = malloc(sizeof *o);
    if (o == NULL) {
        ctl_reply_error(d, token, TRIS_ERR_NO_MEMORY, NULL, NULL, NULL, NULL);
        return NULL;
    }
    o->d = d;
    o->token = token;
    o->w = ctl_scratch(d);
    o->depth = 0;
    o->named_log = LOG_NO_NONE;
    o->today = clock_today();
    o->start[0] = o->w.len;
    o->count[0] = 0;
    o->is_map[0] = true;
    return o;
}

struct out *out_new_view(struct daemon *d, uint64_t token, struct store_view **v)
{
    struct out *o = out_new(d, token);
    if (o == NULL) {
        return NULL;
    }
    enum tris_err err = daemon_view(d, v);
    if (err != TRIS_OK) {
        out_reply_error(o, err, NULL, NULL);
        return NULL;
    }
    return o;
}

/* Puts the header of the container in front of its content, now that the count is known. */
static void close_container(struct out *o)
{
    uint8_t head[8];
    struct wbuf h = wbuf_of(head, sizeof head);
    size_t start = o->start[o->depth];
    if (o->is_map[o->depth]) {
        pack_write_map(&h, o->count[o->depth]);
    } else {
        pack_write_array(&h, o->count[o->depth]);
    }
    size_t body = o->w.len - start;
    wbuf_bytes(&o->w, head, h.len); /* makes sure that there is room */
    if (o->w.err == TRIS_OK) {
        memmove(o->w.ptr + start + h.len, o->w.ptr + start, body);
        memcpy(o->w.ptr + start, head, h.len);
    }
}

void out_reply(struct out *o)
{
    tris_assert(o->depth == 0);
    close_container(o);
    if (o->w.err == TRIS_OK) {
        ctl_reply(o->d, o->token, span_of(o->w.ptr + o->start[0], o->w.len - o->start[0]));
    } else {
        ctl_reply_error(o->d, o->token, TRIS_ERR_TOO_LARGE, NULL, NULL, NULL, NULL);
    }
    free(o);
}

void out_reply_error(struct out *o, enum tris_err err, const char *message, const char *next)
{
    ctl_reply_error(o->d, o->token, err, message, NULL, next, NULL);
    free(o);
}

static void put_key(struct out *o, const char *key)
{
    tris_assert((key != NULL) == o->is_map[o->depth]);
    if (key != NULL) {
        pack_write_cstr(&o->w, key);
    }
    o->count[o->depth]++;
}

static void open_container(struct out *o, const char *key, bool is_map)
{
    put_key(o, key);
    o->depth++;
    tris_assert(o->depth < OUT_DEPTH_MAX);
    o->start[o->depth] = o->w.len;
    o->count[o->depth] = 0;
    o->is_map[o->depth] = is_map;
}

void out_map(struct out *o, const char *key)
{
    open_container(o, key, true);
}

void out_list(struct out *o, const char *key)
{
    open_container(o, key, false);
}

void out_end(struct out *o)
{
    tris_assert(o->depth > 0);
    close_container(o);
    o->depth--;
}

void out_span(struct out *o, const char *key, struct span text)
{
    put_key(o, key);
    pack_write_str(&o->w, utf8_valid(text) ? text : span_str(""));
}

void out_text(struct out *o, const char *key, const char *text)
{
    out_span(o, key, span_str(text));
}

void out_bin(struct out *o, const char *key, struct span bytes)
{
    put_key(o, key);
    pack_write_bin(&o->w, bytes.ptr, bytes.len);
}

void out_uint(struct out *o, const char *key, uint64_t value)
{
    put_key(o, key);
    pack_write_uint(&o->w, value);
}

void out_int(struct out *o, const char *key, int64_t value)
{
    put_key(o, key);
    pack_write_int(&o->w, value);
}

void out_bool(struct out *o, const char *key, bool value)
{
    put_key(o, key);
    pack_write_bool(&o->w, value);
}

void out_hex(struct out *o, const char *key, const uint8_t *bytes, size_t len)
{
    char hex[129];
    tris_assert(len * 2 < sizeof hex);
    tris_hex(bytes, len, hex);
    out_text(o, key, hex);
}

void out_hash(struct out *o, const char *key, const struct tris_hash *hash)
{
    out_hex(o, key, hash->b, sizeof hash->b);
}

bool out_has_room(const struct out *o)
{
    return o->w.err == TRIS_OK && o->w.cap - o->w.len > OUT_ITEM_BYTES;
}

/* ---- names ---- */

void house_call(const struct members *m, uint32_t index, char out[OUT_ID_BYTES])
{
    const char *slug = members_line(m, index)->slug;
    const bool twice = m->list[index].slug_shared;
    char hex[7];
    tris_hex(members_line(m, index)->id.b, 3, hex);
    (void)snprintf(out, OUT_ID_BYTES, "%s%s%s", slug, twice ? "~" : "", twice ? hex : "");
}

/* Fills prefix and house of the log that is named next. */
static bool name_log(struct out *o, struct store_view *v, uint32_t log_no)
{
    struct store_log log;
    if (o->named_log == log_no) {
        return true;
    }
    if (store_log_get(v, log_no, &log) != TRIS_OK) {
        return false;
    }
    char call[OUT_ID_BYTES];
    uint32_t index = members_find(&o->d->members, &log.ref.house);
    tris_hex(log.ref.house.b, sizeof log.ref.house.b, o->house_hex);
    if (index != UINT32_MAX) {
        house_call(&o->d->members, index, call);
    } else {
        (void)snprintf(call, sizeof call, "%.12s", o->house_hex);
    }
    if (log.ref.epoch == 0) {
        (void)snprintf(o->prefix, sizeof o->prefix, "%s", call);
    } else {
        (void)snprintf(o->prefix, sizeof o->prefix, "%.80s.%" PRIu32, call, log.ref.epoch);
    }
    o->named_log = log_no;
    o->named_topic = log.ref.topic;
    return true;
}

bool out_record_id(struct out *o, struct store_view *v, struct record_ref ref,
                   char id[OUT_ID_BYTES])
{
    if (!name_log(o, v, ref.log_no)) {
        id[0] = '\0';
        return false;
    }
    (void)snprintf(id, OUT_ID_BYTES, "%.70s-%s%" PRIu64, o->prefix,
                   o->named_topic == TRIS_TOPIC_LOCAL ? "L" : "", ref.seq);
    return true;
}

void out_id(struct out *o, const char *key, struct store_view *v, struct record_ref ref)
{
    char id[OUT_ID_BYTES];
    (void)out_record_id(o, v, ref, id);
    out_text(o, key, id);
}

void out_cursor(struct out *o, struct record_ref cursor)
{
    char text[48];
    (void)snprintf(text, sizeof text, "%" PRIu32 ":%" PRIu64, cursor.log_no, cursor.seq);
    out_text(o, "after", text);
}

const char *out_verb_name(uint32_t verb, char buffer[24])
{
    static const struct {
        uint32_t verb;
        const char *name;
    } rows[] = {
        {VERB_PUT, "put"},           {VERB_END, "end"},
        {VERB_ERASE, "erase"},       {VERB_PROPOSE, "propose"},
        {VERB_SIGN, "sign"},         {VERB_DECLINE, "decline"},
        {VERB_REVIEW, "review"},     {VERB_FULFIL, "fulfil"},
        {VERB_WITHDRAW, "withdraw"}, {VERB_MILESTONE, "milestone"},
        {VERB_NOTICE, "notice"},     {VERB_ENDORSE, "endorse"},
        {VERB_REVOKE, "revoke"},     {VERB_CARD, "card"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].verb == verb) {
            return rows[i].name;
        }
    }
    (void)snprintf(buffer, 24, "verb-%" PRIu32, verb);
    return buffer;
}

const char *out_kind_name(uint32_t kind, char buffer[24])
{
    const struct kind *known = schema_kind(kind);
    if (known != NULL) {
        return known->name;
    }
    if (kind == KIND_NONE) {
        return "";
    }
    (void)snprintf(buffer, 24, "kind-%" PRIu32, kind);
    return buffer;
}

const char *out_scope_name(enum schema_scope scope)
{
    switch (scope) {
    case SCOPE_LOCAL:
        return "local";
    case SCOPE_PARTIES:
        return "parties";
    case SCOPE_NATIONAL:
        return "national";
    }
    return "";
}

const char *out_topic_name(enum tris_topic topic)
{
    switch (topic) {
    case TRIS_TOPIC_GOV:
        return "gov";
    case TRIS_TOPIC_DATA:
        return "data";
    case TRIS_TOPIC_LOCAL:
        return "local";
    }
    return "";
}

/* ---- records and entries ---- */

/* A record of another house as people see it: koeln-1042, koeln.1-17. */
static void print_ref(const struct out *o, const struct value *v, struct wbuf *w)
{
    struct tris_house_id house;
    char call[OUT_ID_BYTES], hex[65], text[OUT_ID_BYTES], epoch[16] = "";
    memcpy(house.b, v->text.ptr, sizeof house.b);
    uint32_t index = members_find(&o->d->members, &house);
    if (index != UINT32_MAX) {
        house_call(&o->d->members, index, call);
    } else {
        tris_hex(house.b, sizeof house.b, hex);
        (void)snprintf(call, sizeof call, "%s", hex);
    }
    if (v->count > 0) {
        (void)snprintf(epoch, sizeof epoch, ".%" PRIu32, v->count);
    }
    (void)snprintf(text, sizeof text, "%.70s%s-%" PRIu64, call, epoch, v->number);
    wbuf_span_put(w, span_str(text));
}

/* `today` 0: as they were written. */
static void put_fields(struct out *o, uint32_t kind_number, struct span payload, uint32_t today)
{
    const struct kind *kind = schema_kind(kind_number);
    out_map(o, "fields");
    if (kind != NULL && record_decode(kind, payload, &o->record, NULL) == TRIS_OK) {
        record_derive(&o->record, today);
        for (size_t i = 0; i < kind->field_count; i++) {
            if (!o->record.value[i].present) {
                continue;
            }
            struct wbuf text = wbuf_of(o->text, sizeof o->text);
            if (kind->fields[i].type == FIELD_REF) {
                print_ref(o, &o->record.value[i], &text);
            } else {
                record_print_value(&o->record, &kind->fields[i], false, LANG_EN, &text);
            }
            out_span(o, kind->fields[i].name, wbuf_span(&text));
        }
    }
    out_end(o);
}

void out_fields(struct out *o, uint32_t kind, struct span payload)
{
    put_fields(o, kind, payload, 0);
}

void out_confirmed(struct out *o, struct record_ref ref)
{
    if (confirm_is_open(o->d, ref.log_no, ref.seq)) {
        out_bool(o, "confirmed", false);
    }
}

void out_record(struct out *o, struct store_view *v, const struct store_record *record)
{
    char buffer[24];
    out_id(o, "id", v, record->ref);
    out_text(o, "house", o->prefix);
    out_text(o, "kind", out_kind_name(record->kind, buffer));
    out_text(o, "scope", out_scope_name(record->scope));
    out_bool(o, "ended", record->ended);
    if (record->ended) {
        const struct code_list *reasons = schema_code_list(span_str("end_reason"));
        const struct code *code = reasons != NULL ? schema_code(reasons, record->end_reason) : NULL;
        out_text(o, "end_reason", code != NULL ? code->code : "");
    }
    out_uint(o, "created_ms", record->created_ms);
    out_uint(o, "updated_ms", record->updated_ms);
    out_uint(o, "changes", record->changes);
    out_bool(o, "sealed", !record->unsealed);
    out_confirmed(o, record->ref);
    put_fields(o, record->kind, record->payload, o->today);
}

static void out_header(struct out *o, const struct entry_header *h, const struct entry *entry)
{
    out_map(o, "header");
    out_uint(o, "version", h->version);
    out_uint(o, "verb", h->verb);
    out_uint(o, "kind", h->kind);
    out_uint(o, "time_ms", h->time_ms);
    if (h->has_record) {
        out_uint(o, "record_seq", h->record_seq);
    }
    if (h->has_record_epoch) {
        out_uint(o, "record_epoch", h->record_epoch);
    }
    if (h->has_prev) {
        out_uint(o, "prev", h->prev);
    }
    out_hash(o, "commit", &h->commit);
    out_end(o);
    out_bin(o, "wire", entry->wire); /* all of it, also what this version does not know */
    if (entry->whole) {
        out_bin(o, "salt", entry->salt);
        out_bin(o, "payload", entry->payload);
    }
}

void out_cut(struct out *o, struct store_view *v, const struct store_log *log, uint64_t end)
{
    (void)name_log(o, v, log->no);
    out_map(o, "cut");
    out_text(o, "house", o->prefix);
    out_text(o, "topic", out_topic_name(log->ref.topic));
    out_uint(o, "end", end);
    out_end(o);
}

enum tris_err out_entry(struct out *o, struct store_view *v, const struct store_log *log,
                        uint64_t seq, bool detail)
{
    struct entry entry;
    struct entry_header h;
    struct tris_hash leaf;
    uint8_t header[TRIS_HEADER_BYTES_MAX];
    struct wbuf hw = wbuf_of(header, sizeof header);
    enum tris_err effect = TRIS_OK;
    char buffer[24];

    enum tris_err err = store_entry_get(v, log->no, seq, &entry);
    if (err == TRIS_OK) {
        err = detail ? entry_open(&entry, &log->id, seq, &hw, &h, &leaf)
                     : entry_peek_header(&entry, &h);
    }
    if (err != TRIS_OK) {
        return err;
    }
    err = store_entry_effect(v, log->no, seq, &effect);
    if (err != TRIS_OK) {
        effect = err;
    }
    (void)name_log(o, v, log->no);
    out_text(o, "house", o->prefix);
    out_text(o, "topic", out_topic_name(log->ref.topic));
    out_uint(o, "seq", seq);
    out_text(o, "verb", out_verb_name(h.verb, buffer));
    out_text(o, "kind", out_kind_name(h.kind, buffer));
    out_uint(o, "time_ms", h.time_ms);
    const struct record_ref at = {log->no, seq};
    struct record_ref record;
    if ((h.has_record || (h.verb == VERB_PUT && log->ref.topic != TRIS_TOPIC_GOV)) &&
        resolve_entry_record(v, at, &h, &record) == TRIS_OK) {
        out_id(o, "record", v, record);
    }
    if (h.has_prev) {
        out_uint(o, "prev", h.prev);
    }
    out_bool(o, "whole", entry.whole);
    out_bool(o, "sealed", log->has_seal && seq < log->seal.size);
    out_text(o, "effect", effect == TRIS_OK ? "ok" : tris_err_name(effect));
    out_uint(o, "bytes", entry.wire.len);
    if (detail) {
        out_hash(o, "leaf", &leaf);
        out_header(o, &h, &entry);
    }
    return TRIS_OK;
}
