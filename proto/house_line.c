/* House lines: the signed text by which a house states who it is; see charter.h and FORMAT.md
 * section "House line". */
#include <sodium.h>

#include "proto/assert.h"
#include "proto/charter.h"
#include "proto/hash.h"
#include "proto/plain.h"

enum { HOST_BYTES_MAX = 253, IPV6_BYTES_MAX = 45 };

static const char house_context[] = "tris-house-v1";
static const char *const role_names[] = {
    [TRIS_ROLE_HOUSE] = "house",
    [TRIS_ROLE_OBSERVER] = "observer",
    [TRIS_ROLE_COORDINATION] = "coordination",
};

enum { ROLE_NAMES = sizeof role_names / sizeof role_names[0] };

const char *tris_role_name(enum tris_role role)
{
    tris_assert((size_t)role < ROLE_NAMES && role_names[role] != NULL);
    return role_names[role];
}

_Static_assert(TRIS_ADDRESS_BYTES_MAX > HOST_BYTES_MAX + 1 + 5, "host, colon, port and NUL");

/* ---- shape of each field ---- */

static bool only(struct span text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(allowed, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool region_ok(const char *region, enum tris_role role)
{
    bool germany = strcmp(region, "DE") == 0;
    bool district = strlen(region) == 5 && only(span_str(region), "0123456789");
    switch (role) {
    case TRIS_ROLE_HOUSE:
        return district;
    case TRIS_ROLE_OBSERVER:
        return district || germany;
    case TRIS_ROLE_COORDINATION:
        return germany;
    }
    return false;
}

static bool slug_ok(const char *slug)
{
    size_t len = strlen(slug);
    return len >= 1 && slug[0] != '-' && slug[len - 1] != '-' &&
           only(span_str(slug), "abcdefghijklmnopqrstuvwxyz0123456789-");
}

static bool host_ok(struct span host)
{
    return host.len >= 1 && host.len <= HOST_BYTES_MAX && host.ptr[0] != '.' &&
           host.ptr[0] != '-' &&
           only(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
}

bool house_address_ok(struct span addr)
{
    struct rbuf r = rbuf_of(addr);
    uint64_t port = 0;
    bool good = false;
    if (addr.len > 0 && addr.ptr[0] == '[') {
        plain_expect(&r, "[");
        struct span v6 = plain_until(&r, ']');
        good = v6.len >= 2 && v6.len <= IPV6_BYTES_MAX && memchr(v6.ptr, ':', v6.len) != NULL &&
               only(v6, "0123456789abcdefABCDEF:.");
        plain_expect(&r, "]");
    } else {
        good = host_ok(plain_until(&r, ':'));
    }
    plain_expect(&r, ":");
    good = good && r.err == TRIS_OK && plain_decimal(plain_until(&r, ','), 65535, &port);
    return good && port > 0 && rbuf_finish(&r) == TRIS_OK;
}

static bool line_ok(const struct house_line *line)
{
    if (!region_ok(line->region, line->role) || !slug_ok(line->slug) ||
        !plain_name_ok(span_str(line->name)) || line->addr_count > TRIS_ADDRESSES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < line->addr_count; i++) {
        if (!house_address_ok(span_str(line->addr[i]))) {
            return false;
        }
    }
    return true;
}

/* ---- printing ---- */

static void put_body(struct wbuf *w, const struct house_line *line)
{
    plain_put(w, "tris-house-1 role=");
    plain_put(w, tris_role_name(line->role));
    plain_put(w, " region=");
    plain_put(w, line->region);
    plain_put(w, " slug=");
    plain_put(w, line->slug);
    plain_put(w, " name=");
    plain_put_name(w, line->name);
    plain_put(w, " id=");
    plain_put_hex(w, line->id.b, sizeof line->id.b);
    if (line->epoch > 0) {
        plain_put(w, " epoch=");
        plain_put_decimal(w, line->epoch);
        plain_put(w, " key=");
        plain_put_hex(w, line->key.b, sizeof line->key.b);
    }
    plain_put(w, " noise=");
    plain_put_hex(w, line->transport.b, sizeof line->transport.b);
    plain_put(w, " addr=");
    for (uint32_t i = 0; i < line->addr_count; i++) {
        plain_put(w, i == 0 ? "" : ",");
        plain_put(w, line->addr[i]);
    }
    plain_put(w, " time=");
    plain_put_decimal(w, line->time_ms);
}

static void put_sig(struct wbuf *w, const struct house_line *line)
{
    plain_put(w, " sig=");
    plain_put_hex(w, line->sig.b, sizeof line->sig.b);
}

/* Copies a line of at most TRIS_HOUSE_LINE_BYTES_MAX bytes to the caller as a C string. */
static enum tris_err hand_out(const struct wbuf *w, char *out, size_t out_size)
{
    if (w->len >= out_size) {
        return TRIS_ERR_NO_SPACE;
    }
    memcpy(out, w->ptr, w->len);
    out[w->len] = '\0';
    return TRIS_OK;
}

enum tris_err house_line_make(struct house_line *line, const struct tris_sign_secret *key,
                              char *out, size_t out_size)
{
    uint8_t bytes[TRIS_HOUSE_LINE_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    if (!line_ok(line)) {
        return TRIS_ERR_INVALID;
    }
    /* the second half of libsodium's secret key is the public key */
    memcpy(line->key.b, key->b + crypto_sign_SEEDBYTES, sizeof line->key.b);
    if (line->epoch == 0) {
        memcpy(line->id.b, line->key.b, sizeof line->id.b);
    }
    put_body(&w, line);
    if (w.err != TRIS_OK) {
        return TRIS_ERR_INVALID;
    }
    sign_with_context(house_context, wbuf_span(&w), key, &line->sig);
    /* A key whose halves do not fit signs with the wrong one: such a signature gives the key away.
     */
    if (!verify_with_context(house_context, wbuf_span(&w), &line->key, &line->sig)) {
        memset(&line->sig, 0, sizeof line->sig);
        return TRIS_ERR_BAD_KEY;
    }
    put_sig(&w, line);
    return w.err == TRIS_OK ? hand_out(&w, out, out_size) : TRIS_ERR_INVALID;
}

enum tris_err house_line_print(const struct house_line *line, char *out, size_t out_size)
{
    uint8_t bytes[TRIS_HOUSE_LINE_BYTES_MAX];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    if (!line_ok(line)) {
        return TRIS_ERR_INVALID;
    }
    put_body(&w, line);
    put_sig(&w, line);
    return w.err == TRIS_OK ? hand_out(&w, out, out_size) : TRIS_ERR_INVALID;
}

bool house_line_newer(uint64_t time_ms, struct span text, uint64_t other_ms, struct span other)
{
    return time_ms != other_ms ? time_ms > other_ms : span_cmp(text, other) < 0;
}

uint64_t house_line_time(struct span text)
{
    static const char label[] = " time=";
    enum {
        LABEL = sizeof label - 1,
        TAIL = sizeof " sig=" - 1 + 2 * sizeof(struct tris_sig),
        DIGITS_MAX = 20,
    };
    uint64_t time_ms = 0;
    for (size_t digits = 1; digits <= DIGITS_MAX && digits + LABEL + TAIL <= text.len; digits++) {
        const uint8_t *at = text.ptr + text.len - TAIL - digits;
        if (memcmp(at - LABEL, label, LABEL) == 0) {
            return plain_decimal(span_of(at, digits), UINT64_MAX, &time_ms) ? time_ms : 0;
        }
    }
    return 0;
}

/* ---- parsing ---- */

static struct span field(struct rbuf *r, const char *label)
{
    plain_expect(r, label);
    return plain_until(r, ' ');
}

static void require(struct rbuf *r, bool good)
{
    if (!good && r->err == TRIS_OK) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
}

static void copy_text(struct rbuf *r, struct span text, char *out, size_t out_size)
{
    bool fits = text.len < out_size && (text.len == 0 || memchr(text.ptr, 0, text.len) == NULL);
    require(r, fits);
    if (fits && text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    out[fits ? text.len : 0] = '\0';
}

static void parse_role(struct rbuf *r, struct span text, struct house_line *out)
{
    for (size_t i = 0; i < ROLE_NAMES; i++) {
        if (role_names[i] != NULL && span_eq(text, span_str(role_names[i]))) {
            out->role = (enum tris_role)i;
            return;
        }
    }
    require(r, false);
}

static void parse_addr(struct rbuf *r, struct span list, struct house_line *out)
{
    struct rbuf items = rbuf_of(list);
    while (r->err == TRIS_OK && list.len > 0) {
        require(r, out->addr_count < TRIS_ADDRESSES_MAX);
        if (r->err != TRIS_OK) {
            return;
        }
        copy_text(r, plain_until(&items, ','), out->addr[out->addr_count++],
                  TRIS_ADDRESS_BYTES_MAX);
        if (rbuf_left(&items) == 0) {
            return;
        }
        plain_expect(&items, ",");
        require(r, rbuf_left(&items) > 0);
    }
}

/* The two fields that lines of later epochs have; in epoch 0 the id is the key. */
static void parse_epoch(struct rbuf *r, struct house_line *out)
{
    uint64_t epoch = 0;
    memcpy(out->key.b, out->id.b, sizeof out->key.b);
    if (!span_begins(span_of(r->ptr + r->pos, rbuf_left(r)), " epoch=")) {
        return;
    }
    require(r, plain_decimal(field(r, " epoch="), UINT32_MAX, &epoch) && epoch > 0);
    require(r, plain_hex(field(r, " key="), out->key.b, sizeof out->key.b));
    out->epoch = (uint32_t)epoch;
}

enum tris_err house_line_parse(struct span text, struct house_line *out)
{
    memset(out, 0, sizeof *out);
    if (text.len > TRIS_HOUSE_LINE_BYTES_MAX) {
        return TRIS_ERR_TOO_LARGE;
    }
    struct rbuf r = rbuf_of(text);
    parse_role(&r, field(&r, "tris-house-1 role="), out);
    copy_text(&r, field(&r, " region="), out->region, sizeof out->region);
    copy_text(&r, field(&r, " slug="), out->slug, sizeof out->slug);
    require(&r, plain_name(field(&r, " name="), out->name));
    require(&r, plain_hex(field(&r, " id="), out->id.b, sizeof out->id.b));
    parse_epoch(&r, out);
    require(&r, plain_hex(field(&r, " noise="), out->transport.b, sizeof out->transport.b));
    parse_addr(&r, field(&r, " addr="), out);
    require(&r, plain_decimal(field(&r, " time="), UINT64_MAX, &out->time_ms));
    struct span body = span_of(text.ptr, r.pos);
    require(&r, plain_hex(field(&r, " sig="), out->sig.b, sizeof out->sig.b));
    require(&r, line_ok(out));
    if (rbuf_finish(&r) != TRIS_OK) {
        return r.err;
    }
    if (!verify_with_context(house_context, body, &out->key, &out->sig)) {
        return TRIS_ERR_BAD_SIGNATURE;
    }
    char again[TRIS_HOUSE_LINE_BYTES_MAX + 1];
    enum tris_err err = house_line_print(out, again, sizeof again);
    bool same = err == TRIS_OK && span_eq(text, span_str(again));
    return same ? TRIS_OK : TRIS_ERR_NOT_CANONICAL;
}
