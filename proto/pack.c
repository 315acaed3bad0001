/* The canonical msgpack subset; see pack.h. The reader is ours, because msgpack-c allocates by
 * declared counts and hides the encoding; the writer is msgpack-c's, which picks shortest forms. */
#include "proto/pack.h"

#include <msgpack/pack.h>

#include "proto/assert.h"
#include "proto/limits.h"

/* One decoded token. `value` is the integer, the bool, the length or the count. */
struct token {
    enum pack_type type;
    uint64_t value;
    int64_t negative;
};

static const struct token token_invalid = {PACK_INVALID, 0, 0};

/* An unsigned big-endian integer of `len` bytes that must be at least `least` to be minimal. */
static uint64_t read_minimal(struct rbuf *r, size_t len, uint64_t least)
{
    uint64_t value = len == 1   ? rbuf_u8(r)
                     : len == 2 ? rbuf_u16(r)
                     : len == 4 ? rbuf_u32(r)
                                : rbuf_u64(r);
    if (r->err == TRIS_OK && value < least) {
        rbuf_fail(r, TRIS_ERR_NOT_CANONICAL);
    }
    return value;
}

/* A signed integer of `len` bytes; canonical only if negative and below what is shorter. */
static struct token read_negative(struct rbuf *r, size_t len, int64_t below)
{
    uint64_t raw = read_minimal(r, len, 0);
    uint64_t sign = UINT64_C(1) << (8 * len - 1);
    if (r->err != TRIS_OK) {
        return token_invalid;
    }
    /* two's complement of len bytes without implementation-defined conversion */
    int64_t value = (raw & sign) ? -(int64_t)((sign - 1) - (raw & (sign - 1))) - 1 : (int64_t)raw;
    if (value >= below) {
        rbuf_fail(r, TRIS_ERR_NOT_CANONICAL);
        return token_invalid;
    }
    return (struct token){PACK_NEGATIVE, 0, value};
}

struct token_row {
    enum pack_type type;
    uint8_t len;    /* bytes of the number that follows */
    uint64_t least; /* smallest value that needs this form */
};

/* First bytes 0xc4 to 0xdf; those that the subset has not are PACK_INVALID. */
static const struct token_row token_rows[32] = {
    [0xc4 - 0xc0] = {PACK_BIN, 1, 0},
    [0xc5 - 0xc0] = {PACK_BIN, 2, 0x100},
    [0xc6 - 0xc0] = {PACK_BIN, 4, 0x10000},
    [0xcc - 0xc0] = {PACK_UINT, 1, 0x80},
    [0xcd - 0xc0] = {PACK_UINT, 2, 0x100},
    [0xce - 0xc0] = {PACK_UINT, 4, 0x10000},
    [0xcf - 0xc0] = {PACK_UINT, 8, 0x100000000},
    [0xd9 - 0xc0] = {PACK_STR, 1, 32},
    [0xda - 0xc0] = {PACK_STR, 2, 0x100},
    [0xdb - 0xc0] = {PACK_STR, 4, 0x10000},
    [0xdc - 0xc0] = {PACK_ARRAY, 2, 16},
    [0xdd - 0xc0] = {PACK_ARRAY, 4, 0x10000},
    [0xde - 0xc0] = {PACK_MAP, 2, 16},
    [0xdf - 0xc0] = {PACK_MAP, 4, 0x10000},
};

static struct token read_long_form(struct rbuf *r, uint8_t first)
{
    switch (first) {
    case 0xc0:
        return (struct token){PACK_NIL, 0, 0};
    case 0xc2:
    case 0xc3:
        return (struct token){PACK_BOOL, first & 1, 0};
    case 0xd0:
        return read_negative(r, 1, -32);
    case 0xd1:
        return read_negative(r, 2, INT8_MIN);
    case 0xd2:
        return read_negative(r, 4, INT16_MIN);
    case 0xd3:
        return read_negative(r, 8, INT32_MIN);
    default:
        break;
    }
    struct token_row row = token_rows[first - 0xc0];
    if (row.len == 0) {
        rbuf_fail(r, TRIS_ERR_BAD_TYPE); /* float, ext, reserved */
        return token_invalid;
    }
    uint64_t value = read_minimal(r, row.len, row.least);
    return r->err == TRIS_OK ? (struct token){row.type, value, 0} : token_invalid;
}

static struct token read_token(struct rbuf *r)
{
    uint8_t first = rbuf_u8(r);
    if (r->err != TRIS_OK) {
        return token_invalid;
    }
    if (first < 0x80) {
        return (struct token){PACK_UINT, first, 0};
    }
    if (first < 0x90) {
        return (struct token){PACK_MAP, first & 15, 0};
    }
    if (first < 0xa0) {
        return (struct token){PACK_ARRAY, first & 15, 0};
    }
    if (first < 0xc0) {
        return (struct token){PACK_STR, first & 31, 0};
    }
    if (first >= 0xe0) {
        return (struct token){PACK_NEGATIVE, 0, (int64_t)first - 256};
    }
    return read_long_form(r, first);
}

/* The next token must be of `type`. */
static struct token expect(struct rbuf *r, enum pack_type type)
{
    struct token t = read_token(r);
    if (r->err == TRIS_OK && t.type != type) {
        rbuf_fail(r, TRIS_ERR_BAD_TYPE);
    }
    return r->err == TRIS_OK ? t : token_invalid;
}

enum pack_type pack_peek(const struct rbuf *r)
{
    struct rbuf copy = *r;
    if (copy.err != TRIS_OK || rbuf_left(&copy) == 0) {
        return PACK_INVALID;
    }
    uint8_t first = copy.ptr[copy.pos];
    if (first >= 0xd0 && first <= 0xd3) {
        return PACK_NEGATIVE;
    }
    if (first >= 0xc4 && first < 0xe0) {
        struct token_row row = token_rows[first - 0xc0];
        return row.len == 0 ? PACK_INVALID : row.type;
    }
    return read_token(&copy).type;
}

void pack_read_nil(struct rbuf *r)
{
    (void)expect(r, PACK_NIL);
}

bool pack_read_bool(struct rbuf *r)
{
    return expect(r, PACK_BOOL).value != 0;
}

uint64_t pack_read_uint(struct rbuf *r)
{
    return expect(r, PACK_UINT).value;
}

uint64_t pack_read_uint_max(struct rbuf *r, uint64_t max)
{
    uint64_t value = pack_read_uint(r);
    if (value > max) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
        return 0;
    }
    return value;
}

int64_t pack_read_int(struct rbuf *r)
{
    struct token t = read_token(r);
    if (r->err != TRIS_OK) {
        return 0;
    }
    if (t.type == PACK_NEGATIVE) {
        return t.negative;
    }
    if (t.type != PACK_UINT || t.value > INT64_MAX) {
        rbuf_fail(r, t.type == PACK_UINT ? TRIS_ERR_BAD_VALUE : TRIS_ERR_BAD_TYPE);
        return 0;
    }
    return (int64_t)t.value;
}

static struct span read_bytes(struct rbuf *r, enum pack_type type, size_t bytes_max)
{
    uint64_t len = expect(r, type).value;
    if (r->err == TRIS_OK && len > bytes_max) {
        rbuf_fail(r, TRIS_ERR_TOO_LARGE);
    }
    return rbuf_take(r, (size_t)len);
}

struct span pack_read_str(struct rbuf *r, size_t bytes_max)
{
    struct span text = read_bytes(r, PACK_STR, bytes_max);
    if (r->err == TRIS_OK && !utf8_valid(text)) {
        rbuf_fail(r, TRIS_ERR_BAD_UTF8);
        return span_of(NULL, 0);
    }
    return text;
}

struct span pack_read_bin(struct rbuf *r, size_t bytes_max)
{
    return read_bytes(r, PACK_BIN, bytes_max);
}

void pack_read_bin_exact(struct rbuf *r, void *out, size_t len)
{
    struct span bytes = pack_read_bin(r, len);
    if (r->err == TRIS_OK && bytes.len != len) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    if (r->err != TRIS_OK) {
        memset(out, 0, len);
    } else if (len > 0) {
        memcpy(out, bytes.ptr, len);
    }
}

/* `unit` is the fewest bytes that one item can take. */
static uint32_t read_count(struct rbuf *r, enum pack_type type, uint32_t max, size_t unit)
{
    uint64_t count = expect(r, type).value;
    if (r->err == TRIS_OK && count > max) {
        rbuf_fail(r, TRIS_ERR_TOO_LARGE);
    }
    if (r->err == TRIS_OK && count > rbuf_left(r) / unit) {
        rbuf_fail(r, TRIS_ERR_TRUNCATED);
    }
    return r->err == TRIS_OK ? (uint32_t)count : 0;
}

uint32_t pack_read_array(struct rbuf *r, uint32_t items_max)
{
    return read_count(r, PACK_ARRAY, items_max, 1);
}

uint32_t pack_read_map(struct rbuf *r, uint32_t pairs_max)
{
    return read_count(r, PACK_MAP, pairs_max, 2);
}

/* One open container of the walk. */
struct level {
    uint64_t left; /* values still to come; in a map keys and values each count */
    bool map;
    bool has_key;
    struct token key_token;
    struct span key; /* of a str key */
};

/* Map keys: all unsigned or all str, strictly ascending unless any order is allowed. */
static void check_key(struct rbuf *r, struct level *l, struct token t, struct span text,
                      enum pack_rules rules)
{
    if (t.type != PACK_UINT && t.type != PACK_STR) {
        rbuf_fail(r, TRIS_ERR_BAD_TYPE);
        return;
    }
    if (l->has_key && t.type != l->key_token.type) {
        rbuf_fail(r, TRIS_ERR_NOT_CANONICAL);
        return;
    }
    if (l->has_key && rules == PACK_CANONICAL) {
        bool ascending = t.value > l->key_token.value;
        if (t.type == PACK_STR) {
            ascending = span_cmp(text, l->key) > 0;
        }
        if (!ascending) {
            rbuf_fail(r, TRIS_ERR_NOT_CANONICAL);
            return;
        }
    }
    l->has_key = true;
    l->key_token = t;
    l->key = text;
}

/* Opens the container `t`, or fails on depth, count, or what is left. */
static size_t open_container(struct rbuf *r, struct level *stack, size_t depth, struct token t)
{
    uint64_t values = t.type == PACK_MAP ? 2 * t.value : t.value;
    if (depth == TRIS_PACK_DEPTH_MAX) {
        rbuf_fail(r, TRIS_ERR_TOO_DEEP);
    } else if (t.value > TRIS_CONTAINER_ITEMS_MAX) {
        rbuf_fail(r, TRIS_ERR_TOO_LARGE);
    } else if (values > rbuf_left(r)) {
        rbuf_fail(r, TRIS_ERR_TRUNCATED);
    } else {
        stack[depth] = (struct level){.left = values, .map = t.type == PACK_MAP};
        return depth + 1;
    }
    return depth;
}

struct span pack_read_any(struct rbuf *r, enum pack_rules rules)
{
    struct level stack[TRIS_PACK_DEPTH_MAX];
    size_t depth = 0;
    size_t start = r->pos;
    do {
        while (depth > 0 && stack[depth - 1].left == 0) {
            depth--;
        }
        if (depth == 0 && r->pos != start) {
            break;
        }
        struct level *top = depth > 0 ? &stack[depth - 1] : NULL;
        struct token t = read_token(r);
        struct span bytes = span_of(NULL, 0);
        if (r->err == TRIS_OK && (t.type == PACK_STR || t.type == PACK_BIN)) {
            bytes = rbuf_take(r, (size_t)t.value);
            if (t.type == PACK_STR && !utf8_valid(bytes)) {
                rbuf_fail(r, TRIS_ERR_BAD_UTF8);
            }
        }
        if (top != NULL) {
            bool is_key = top->map && top->left % 2 == 0;
            top->left--;
            if (is_key && r->err == TRIS_OK) {
                check_key(r, top, t, bytes, rules);
            }
        }
        if (r->err == TRIS_OK && (t.type == PACK_ARRAY || t.type == PACK_MAP)) {
            depth = open_container(r, stack, depth, t);
        }
    } while (r->err == TRIS_OK); /* each turn consumes at least one byte */
    return r->err == TRIS_OK ? span_of(r->ptr + start, r->pos - start) : span_of(NULL, 0);
}

enum tris_err pack_check(struct span bytes, enum pack_rules rules)
{
    struct rbuf r = rbuf_of(bytes);
    (void)pack_read_any(&r, rules);
    return rbuf_finish(&r);
}

/* ---- writer ---- */

static int write_to_wbuf(void *data, const char *bytes, size_t len)
{
    struct wbuf *w = data;
    wbuf_bytes(w, bytes, len);
    return w->err == TRIS_OK ? 0 : -1;
}

static msgpack_packer packer_of(struct wbuf *w)
{
    msgpack_packer pk;
    msgpack_packer_init(&pk, w, write_to_wbuf);
    return pk;
}

/* msgpack-c returns what write_to_wbuf did, which is kept in w->err already. */
void pack_write_nil(struct wbuf *w)
{
    msgpack_packer pk = packer_of(w);
    (void)msgpack_pack_nil(&pk);
}

void pack_write_bool(struct wbuf *w, bool value)
{
    msgpack_packer pk = packer_of(w);
    (void)(value ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk));
}

void pack_write_uint(struct wbuf *w, uint64_t value)
{
    msgpack_packer pk = packer_of(w);
    (void)msgpack_pack_uint64(&pk, value);
}

void pack_write_int(struct wbuf *w, int64_t value)
{
    msgpack_packer pk = packer_of(w);
    (void)msgpack_pack_int64(&pk, value);
}

void pack_write_str(struct wbuf *w, struct span text)
{
    msgpack_packer pk = packer_of(w);
    (void)msgpack_pack_str(&pk, text.len);
    wbuf_span_put(w, text);
}

void pack_write_cstr(struct wbuf *w, const char *text)
{
    pack_write_str(w, span_str(text));
}

void pack_write_bin(struct wbuf *w, const void *bytes, size_t len)
{
    msgpack_packer pk = packer_of(w);
    (void)msgpack_pack_bin(&pk, len);
    wbuf_bytes(w, bytes, len);
}

void pack_write_array(struct wbuf *w, uint32_t items)
{
    msgpack_packer pk = packer_of(w);
    (void)msgpack_pack_array(&pk, items);
}

void pack_write_map(struct wbuf *w, uint32_t pairs)
{
    msgpack_packer pk = packer_of(w);
    (void)msgpack_pack_map(&pk, pairs);
}
