/* Encoder, decoder and printer of the messages: tables out of msg.def, and one function per kind of
 * field. Knows no message by name. */
#include "proto/msg.h"

#include <stdio.h>

#include "proto/assert.h"
#include "proto/pack.h"

enum field_kind {
    KIND_UINT,
    KIND_SHORT,
    KIND_HASH,
    KIND_HOUSE,
    KIND_SIG,
    KIND_MAYBE,
    KIND_TEXT,
    KIND_BIN,
    KIND_ITEMS,
    KIND_CLAIMS,
    KIND_RUNS,
    KIND_HOLES,
    KIND_NEWS,
    KIND_REFERS,
    KIND_MAYBE_CLAIMS,
};

struct msg_field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    uint64_t limit;
};

struct msg_def {
    uint32_t number;
    const char *name;
    const struct msg_field *fields; /* NULL: reserved */
    uint32_t fields_count;
};

#define MSG_ROW(name) static const struct msg_field fields_##name[] = {
#define MSG_ROW_END(name)                                                                          \
    }                                                                                              \
    ;
#define MSG(number, NAME, name) static const struct msg_field fields_##name[] = {
#define MSG_END(NAME, name)                                                                        \
    }                                                                                              \
    ;
#define MSG_FIELD(owner, kind, field, limit)                                                       \
    {#field, KIND_##kind, offsetof(struct msg_##owner, field), limit},
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"

#define FIELDS(name) fields_##name, sizeof fields_##name / sizeof fields_##name[0]

static const struct msg_def row_defs[] = {
#define MSG_ROW(name) {MSG_ROW_##name, #name, FIELDS(name)},
#define MSG_ROW_END(name)
#define MSG(number, NAME, name)
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
};

static const struct msg_def msg_defs[] = {
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name) {number, #name, FIELDS(name)},
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME) {number, #NAME, NULL, 0},
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
};

static const struct {
    uint32_t code;
    enum tris_err err;
} bye_codes[] = {
#define MSG_ROW(name)
#define MSG_ROW_END(name)
#define MSG(number, NAME, name)
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME) {number, TRIS_##NAME},
#include "proto/msg.def"
};

_Static_assert(sizeof row_defs / sizeof row_defs[0] == MSG_ROW_COUNT, "one table row a row type");

/* What a message or row points at `base` holds for field `f`. */
static const void *field_at(const struct msg_field *f, const void *base)
{
    return (const uint8_t *)base + f->offset;
}

static void *field_at_mut(const struct msg_field *f, void *base)
{
    return (uint8_t *)base + f->offset;
}

static enum msg_row_type field_row_type(const struct msg_field *f)
{
    switch (f->kind) {
    case KIND_ITEMS:
        return MSG_ROW_item;
    case KIND_RUNS:
        return MSG_ROW_run;
    case KIND_HOLES:
        return MSG_ROW_hole;
    case KIND_NEWS:
        return MSG_ROW_news;
    case KIND_REFERS:
        return MSG_ROW_referral;
    default:
        return MSG_ROW_claim;
    }
}

static void list_put(struct wbuf *w, const struct msg_field *f, const struct msg_list *list)
{
    if (f->kind == KIND_MAYBE_CLAIMS && !list->present) {
        pack_write_nil(w);
        return;
    }
    tris_assert(list->count <= f->limit);
    pack_write_array(w, list->count);
    wbuf_span_put(w, list->rows);
}

static void field_put(struct wbuf *w, const struct msg_field *f, const void *base)
{
    const void *at = field_at(f, base);
    switch (f->kind) {
    case KIND_UINT:
        tris_assert(*(const uint64_t *)at <= f->limit);
        pack_write_uint(w, *(const uint64_t *)at);
        break;
    case KIND_SHORT:
    case KIND_HASH:
    case KIND_HOUSE:
    case KIND_SIG:
        pack_write_bin(w, at, (size_t)f->limit);
        break;
    case KIND_MAYBE: {
        const struct msg_maybe *maybe = at;
        if (maybe->has) {
            pack_write_bin(w, maybe->value.b, sizeof maybe->value.b);
        } else {
            pack_write_nil(w);
        }
        break;
    }
    case KIND_TEXT:
        tris_assert(((const struct span *)at)->len <= f->limit);
        pack_write_str(w, *(const struct span *)at);
        break;
    case KIND_BIN:
        tris_assert(((const struct span *)at)->len <= f->limit);
        pack_write_bin(w, ((const struct span *)at)->ptr, ((const struct span *)at)->len);
        break;
    case KIND_ITEMS:
    case KIND_CLAIMS:
    case KIND_RUNS:
    case KIND_HOLES:
    case KIND_NEWS:
    case KIND_REFERS:
    case KIND_MAYBE_CLAIMS:
        list_put(w, f, at);
        break;
    }
}

static void fields_put(struct wbuf *w, const struct msg_def *def, const void *base)
{
    for (uint32_t i = 0; i < def->fields_count; i++) {
        field_put(w, &def->fields[i], base);
    }
}

static void list_get(struct rbuf *r, const struct msg_field *f, struct msg_list *list)
{
    *list = (struct msg_list){.present = true};
    if (f->kind == KIND_MAYBE_CLAIMS && pack_peek(r) == PACK_NIL) {
        pack_read_nil(r);
        list->present = false;
        return;
    }
    list->count = pack_read_array(r, (uint32_t)f->limit);
    size_t start = r->pos;
    union {
        struct msg_item item;
        struct msg_claim claim;
        struct msg_run run;
        struct msg_hole hole;
        struct msg_news news;
        struct msg_referral referral;
    } row;
    for (uint32_t i = 0; i < list->count && r->err == TRIS_OK; i++) {
        msg_row_get(r, field_row_type(f), &row);
    }
    if (r->err == TRIS_OK) {
        list->rows = span_of(r->ptr + start, r->pos - start);
    } else {
        list->count = 0;
    }
}

static void field_get(struct rbuf *r, const struct msg_field *f, void *base)
{
    void *at = field_at_mut(f, base);
    switch (f->kind) {
    case KIND_UINT:
        *(uint64_t *)at = pack_read_uint_max(r, f->limit);
        break;
    case KIND_SHORT:
    case KIND_HASH:
    case KIND_HOUSE:
    case KIND_SIG:
        pack_read_bin_exact(r, at, (size_t)f->limit);
        break;
    case KIND_MAYBE: {
        struct msg_maybe *maybe = at;
        memset(maybe, 0, sizeof *maybe);
        maybe->has = pack_peek(r) != PACK_NIL;
        if (maybe->has) {
            pack_read_bin_exact(r, maybe->value.b, sizeof maybe->value.b);
        } else {
            pack_read_nil(r);
        }
        break;
    }
    case KIND_TEXT:
        *(struct span *)at = pack_read_str(r, (size_t)f->limit);
        break;
    case KIND_BIN:
        *(struct span *)at = pack_read_bin(r, (size_t)f->limit);
        break;
    case KIND_ITEMS:
    case KIND_CLAIMS:
    case KIND_RUNS:
    case KIND_HOLES:
    case KIND_NEWS:
    case KIND_REFERS:
    case KIND_MAYBE_CLAIMS:
        list_get(r, f, at);
        break;
    }
}

/* Fields that are known, then those that a later version appended. */
static void fields_get(struct rbuf *r, const struct msg_def *def, uint32_t present, void *base)
{
    if (r->err == TRIS_OK && present < def->fields_count) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    for (uint32_t i = 0; i < def->fields_count; i++) {
        field_get(r, &def->fields[i], base);
    }
    for (uint32_t i = def->fields_count; i < present && r->err == TRIS_OK; i++) {
        (void)pack_read_any(r, PACK_CANONICAL);
    }
}

static const struct msg_def *def_find(uint64_t number)
{
    for (size_t i = 0; i < sizeof msg_defs / sizeof msg_defs[0]; i++) {
        if (msg_defs[i].number == number) {
            return &msg_defs[i];
        }
    }
    return NULL;
}

/* All members of the union start at the same address. */
static const void *msg_body(const struct msg *m)
{
    return &m->ping;
}

void msg_encode(struct wbuf *w, const struct msg *m)
{
    const struct msg_def *def = def_find((uint64_t)m->type);
    tris_assert(def != NULL && def->fields != NULL);
    pack_write_array(w, def->fields_count + 1);
    pack_write_uint(w, def->number);
    fields_put(w, def, msg_body(m));
}

enum tris_err msg_decode(struct rbuf *r, struct msg *out)
{
    struct rbuf whole = *r; /* depth counts from the message, also in what is skipped */
    (void)pack_read_any(&whole, PACK_CANONICAL);
    if (whole.err != TRIS_OK) {
        rbuf_fail(r, whole.err);
        return r->err;
    }
    uint32_t items = pack_read_array(r, TRIS_CONTAINER_ITEMS_MAX);
    if (r->err == TRIS_OK && items == 0) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    out->type = MSG_UNKNOWN;
    out->number = pack_read_uint(r);
    if (r->err != TRIS_OK) {
        return r->err;
    }
    const struct msg_def *def = def_find(out->number);
    if (def == NULL || def->fields == NULL) {
        r->pos = whole.pos;
        return TRIS_OK;
    }
    out->type = (enum msg_type)def->number;
    fields_get(r, def, items - 1, &out->ping);
    return r->err;
}

void msg_row_put(struct wbuf *w, enum msg_row_type type, const void *row)
{
    tris_assert(type < MSG_ROW_COUNT);
    pack_write_array(w, row_defs[type].fields_count);
    fields_put(w, &row_defs[type], row);
}

void msg_row_get(struct rbuf *r, enum msg_row_type type, void *row)
{
    tris_assert(type < MSG_ROW_COUNT);
    uint32_t present = pack_read_array(r, TRIS_CONTAINER_ITEMS_MAX);
    fields_get(r, &row_defs[type], present, row);
}

/* snprintf at the end of what is there; a full buffer swallows the rest. */
#define PRINT(out, cap, used, ...)                                                                 \
    do {                                                                                           \
        int written_ = snprintf((out) + *(used), (cap) - *(used), __VA_ARGS__);                    \
        if (written_ > 0) {                                                                        \
            size_t left_ = (cap) - *(used)-1;                                                      \
            *(used) += (size_t)written_ < left_ ? (size_t)written_ : left_;                        \
        }                                                                                          \
    } while (0)

static void field_print(const struct msg_field *f, const void *base, char *out, size_t cap,
                        size_t *used)
{
    const void *at = field_at(f, base);
    char hex[2 * 8 + 1] = "nil"; /* 8 bytes tell ids and roots apart for people */
    switch (f->kind) {
    case KIND_UINT:
        PRINT(out, cap, used, " %s=%llu", f->name, (unsigned long long)*(const uint64_t *)at);
        break;
    case KIND_SHORT:
    case KIND_HASH:
    case KIND_HOUSE:
    case KIND_SIG:
        tris_hex(at, 8, hex);
        PRINT(out, cap, used, " %s=%s", f->name, hex);
        break;
    case KIND_MAYBE:
        if (((const struct msg_maybe *)at)->has) {
            tris_hex(((const struct msg_maybe *)at)->value.b, 8, hex);
        }
        PRINT(out, cap, used, " %s=%s", f->name, hex);
        break;
    case KIND_TEXT:
    case KIND_BIN: /* a peer's text is not printed: it could address a terminal */
        PRINT(out, cap, used, " %s=%zu bytes", f->name, ((const struct span *)at)->len);
        break;
    case KIND_ITEMS:
    case KIND_CLAIMS:
    case KIND_RUNS:
    case KIND_HOLES:
    case KIND_NEWS:
    case KIND_REFERS:
    case KIND_MAYBE_CLAIMS:
        PRINT(out, cap, used, " %s=%u rows", f->name, ((const struct msg_list *)at)->count);
        break;
    }
}

void msg_print(const struct msg *m, char *out, size_t cap)
{
    tris_assert(cap > 0);
    size_t used = 0;
    out[0] = '\0';
    const struct msg_def *def = m->type == MSG_UNKNOWN ? NULL : def_find((uint64_t)m->type);
    if (def == NULL || def->fields == NULL) {
        PRINT(out, cap, &used, "unknown number=%llu", (unsigned long long)m->number);
        return;
    }
    PRINT(out, cap, &used, "%s", def->name);
    for (uint32_t i = 0; i < def->fields_count; i++) {
        field_print(&def->fields[i], msg_body(m), out, cap, &used);
    }
}

uint32_t msg_bye_code(enum tris_err err)
{
    for (size_t i = 0; i < sizeof bye_codes / sizeof bye_codes[0]; i++) {
        if (bye_codes[i].err == err) {
            return bye_codes[i].code;
        }
    }
    return 0;
}

enum tris_err msg_bye_err(uint64_t code)
{
    for (size_t i = 0; i < sizeof bye_codes / sizeof bye_codes[0]; i++) {
        if (bye_codes[i].code == code) {
            return bye_codes[i].err;
        }
    }
    return TRIS_ERR_GOODBYE;
}

const char *msg_name(uint64_t number)
{
    const struct msg_def *def = def_find(number);
    return def != NULL ? def->name : NULL;
}
