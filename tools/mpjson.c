/* msgpack to jansson and back, over the strict reader; depth is bounded by the format's limit. */
#include "tools/mpjson.h"

#include <stdlib.h>

#include "proto/limits.h"

/* Answers of a page of 200 records hold fewer items than this in any container. */
enum { ITEMS_MAX = 1024 * 1024, KEY_BYTES_MAX = 1024 };

static json_t *read_value(struct rbuf *r, unsigned depth);

static json_t *read_bin(struct rbuf *r)
{
    struct span bin = pack_read_bin(r, TRIS_CTL_BYTES_MAX);
    char *hex = malloc(bin.len * 2 + 1);
    if (hex == NULL) {
        return NULL;
    }
    tris_hex(bin.ptr, bin.len, hex);
    json_t *out = json_stringn(hex, bin.len * 2);
    free(hex);
    return out;
}

static json_t *read_array(struct rbuf *r, unsigned depth)
{
    uint32_t items = pack_read_array(r, ITEMS_MAX);
    json_t *out = json_array();
    for (uint32_t i = 0; i < items && r->err == TRIS_OK; i++) {
        if (json_array_append_new(out, read_value(r, depth + 1)) != 0) {
            rbuf_fail(r, TRIS_ERR_NO_MEMORY);
        }
    }
    return out;
}

/* Keys are texts, or numbers inside payloads; JSON has only texts. */
static void read_key(struct rbuf *r, char name[KEY_BYTES_MAX + 1])
{
    if (pack_peek(r) == PACK_UINT) {
        (void)snprintf(name, KEY_BYTES_MAX, "%llu", (unsigned long long)pack_read_uint(r));
        return;
    }
    struct span key = pack_read_str(r, KEY_BYTES_MAX);
    if (key.len > 0) {
        memcpy(name, key.ptr, key.len);
    }
    name[key.len] = '\0';
}

static json_t *read_map(struct rbuf *r, unsigned depth)
{
    uint32_t pairs = pack_read_map(r, ITEMS_MAX);
    json_t *out = json_object();
    for (uint32_t i = 0; i < pairs && r->err == TRIS_OK; i++) {
        char name[KEY_BYTES_MAX + 1];
        read_key(r, name);
        if (json_object_set_new(out, name, read_value(r, depth + 1)) != 0) {
            rbuf_fail(r, TRIS_ERR_NO_MEMORY);
        }
    }
    return out;
}

static json_t *read_uint(struct rbuf *r)
{
    uint64_t n = pack_read_uint(r);
    if (n > INT64_MAX) {
        char digits[24];
        (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
        return json_string(digits);
    }
    return json_integer((json_int_t)n);
}

/* Bounded recursion: never deeper than TRIS_PACK_DEPTH_MAX. */
static json_t *read_value(struct rbuf *r, unsigned depth)
{
    if (depth > TRIS_PACK_DEPTH_MAX) {
        rbuf_fail(r, TRIS_ERR_TOO_DEEP);
        return NULL;
    }
    switch (pack_peek(r)) {
    case PACK_NIL:
        pack_read_nil(r);
        return json_null();
    case PACK_BOOL:
        return json_boolean(pack_read_bool(r));
    case PACK_UINT:
        return read_uint(r);
    case PACK_NEGATIVE:
        return json_integer((json_int_t)pack_read_int(r));
    case PACK_STR: {
        struct span text = pack_read_str(r, TRIS_CTL_BYTES_MAX);
        return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
    }
    case PACK_BIN:
        return read_bin(r);
    case PACK_ARRAY:
        return read_array(r, depth);
    case PACK_MAP:
        return read_map(r, depth);
    case PACK_INVALID:
        break;
    }
    rbuf_fail(r, TRIS_ERR_BAD_TYPE);
    return NULL;
}

json_t *mpjson_decode(struct span bytes)
{
    struct rbuf r = rbuf_of(bytes);
    json_t *out = read_value(&r, 0);
    if (rbuf_finish(&r) != TRIS_OK) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static enum tris_err write_value(const json_t *value, struct wbuf *w, unsigned depth);

static enum tris_err write_array(const json_t *value, struct wbuf *w, unsigned depth)
{
    size_t index;
    json_t *item;
    enum tris_err err = TRIS_OK;
    pack_write_array(w, (uint32_t)json_array_size(value));
    json_array_foreach(value, index, item)
    {
        if (err == TRIS_OK) {
            err = write_value(item, w, depth + 1);
        }
    }
    return err;
}

static enum tris_err write_map(const json_t *value, struct wbuf *w, unsigned depth)
{
    const char *key;
    json_t *item;
    enum tris_err err = TRIS_OK;
    pack_write_map(w, (uint32_t)json_object_size(value));
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        if (err == TRIS_OK) {
            pack_write_cstr(w, key);
            err = write_value(item, w, depth + 1);
        }
    }
    return err;
}

static enum tris_err write_value(const json_t *value, struct wbuf *w, unsigned depth)
{
    if (depth > TRIS_PACK_DEPTH_MAX) {
        return TRIS_ERR_TOO_DEEP;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_map(value, w, depth);
    case JSON_ARRAY:
        return write_array(value, w, depth);
    case JSON_STRING:
        pack_write_str(w, span_of(json_string_value(value), json_string_length(value)));
        return w->err;
    case JSON_INTEGER:
        pack_write_int(w, (int64_t)json_integer_value(value));
        return w->err;
    case JSON_REAL:
        return TRIS_ERR_BAD_TYPE;
    case JSON_TRUE:
    case JSON_FALSE:
        pack_write_bool(w, json_is_true(value));
        return w->err;
    case JSON_NULL:
        pack_write_nil(w);
        return w->err;
    }
    return TRIS_ERR_BAD_TYPE;
}

enum tris_err mpjson_encode(const json_t *value, struct wbuf *w)
{
    return write_value(value, w, 0);
}

char *mpjson_text(struct span bytes)
{
    json_t *value = pack_check(bytes, PACK_CANONICAL) == TRIS_OK ? mpjson_decode(bytes) : NULL;
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    return text;
}
