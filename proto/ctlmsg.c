/* Envelopes of the control socket: find, read, write, look up; see ctlmsg.h. */
#include "proto/ctlmsg.h"

#include "proto/assert.h"

enum { CTL_METHOD_BYTES_MAX = 64 };

static const uint8_t empty_map[] = {0x80};

/* ---- reading ---- */

/* The next token as a whole: a scalar is passed, a container opened. Returns its values. */
static uint32_t scan_token(struct rbuf *r)
{
    switch (pack_peek(r)) {
    case PACK_NIL:
        pack_read_nil(r);
        return 0;
    case PACK_BOOL:
        (void)pack_read_bool(r);
        return 0;
    case PACK_UINT:
        (void)pack_read_uint(r);
        return 0;
    case PACK_NEGATIVE:
        (void)pack_read_int(r);
        return 0;
    case PACK_STR:
        (void)pack_read_str(r, TRIS_CTL_BYTES_MAX);
        return 0;
    case PACK_BIN:
        (void)pack_read_bin(r, TRIS_CTL_BYTES_MAX);
        return 0;
    case PACK_ARRAY:
        return pack_read_array(r, TRIS_CONTAINER_ITEMS_MAX);
    case PACK_MAP:
        return 2 * pack_read_map(r, TRIS_CONTAINER_ITEMS_MAX);
    case PACK_INVALID:
        rbuf_fail(r, rbuf_left(r) == 0 ? TRIS_ERR_TRUNCATED : TRIS_ERR_BAD_TYPE);
        return 0;
    }
    return 0;
}

enum tris_err ctl_scan_next(struct ctl_scan *s, struct span bytes, size_t *size)
{
    tris_assert(s->pos <= bytes.len);
    do {
        struct rbuf r = rbuf_of(bytes);
        r.pos = s->pos;
        enum pack_type type = pack_peek(&r);
        uint32_t values = scan_token(&r);
        if (r.err == TRIS_ERR_TRUNCATED && bytes.len >= TRIS_CTL_BYTES_MAX) {
            return TRIS_ERR_TOO_LARGE;
        }
        if (r.err != TRIS_OK) {
            return r.err; /* the token is looked at again when there is more */
        }
        if (s->depth > 0) {
            s->left[s->depth - 1]--;
        }
        s->pos = r.pos;
        if ((type == PACK_ARRAY || type == PACK_MAP) && s->depth == TRIS_PACK_DEPTH_MAX) {
            return TRIS_ERR_TOO_DEEP; /* also if it is empty: as pack_check counts */
        }
        if (values > 0) {
            s->left[s->depth++] = values;
        }
        while (s->depth > 0 && s->left[s->depth - 1] == 0) {
            s->depth--;
        }
    } while (s->depth > 0);
    *size = s->pos;
    return s->pos > TRIS_CTL_BYTES_MAX ? TRIS_ERR_TOO_LARGE : TRIS_OK;
}

/* An array of no or one map. */
static struct span read_params(struct rbuf *r)
{
    uint32_t count = pack_read_array(r, 1);
    if (r->err != TRIS_OK || count == 0) {
        return span_of(empty_map, sizeof empty_map);
    }
    if (pack_peek(r) != PACK_MAP) {
        rbuf_fail(r, TRIS_ERR_BAD_TYPE);
    }
    return pack_read_any(r, PACK_ANY_KEY_ORDER);
}

static void read_envelope(struct rbuf *r, struct ctl_message *out)
{
    uint32_t items = pack_read_array(r, 4);
    uint64_t type = pack_read_uint_max(r, CTL_NOTIFY);
    if (r->err == TRIS_OK && items != (type == CTL_NOTIFY ? 3 : 4)) {
        rbuf_fail(r, TRIS_ERR_BAD_VALUE);
    }
    out->type = (enum ctl_type)type;
    switch (out->type) {
    case CTL_REQUEST:
        out->id = pack_read_uint(r);
        out->method = pack_read_str(r, CTL_METHOD_BYTES_MAX);
        out->params = read_params(r);
        break;
    case CTL_ANSWER:
        out->id = pack_read_uint(r);
        out->error = pack_read_any(r, PACK_ANY_KEY_ORDER);
        out->result = pack_read_any(r, PACK_ANY_KEY_ORDER);
        break;
    case CTL_NOTIFY:
        out->method = pack_read_str(r, CTL_METHOD_BYTES_MAX);
        out->params = read_params(r);
        break;
    }
}

enum tris_err ctl_message_read(struct span bytes, struct ctl_message *out)
{
    struct ctl_scan scan = {0};
    size_t size = 0;
    memset(out, 0, sizeof *out);
    enum tris_err err = ctl_scan_next(&scan, bytes, &size);
    if (err != TRIS_OK) {
        return err;
    }
    struct rbuf r = rbuf_of(span_of(bytes.ptr, size));
    read_envelope(&r, out);
    err = rbuf_finish(&r);
    if (err == TRIS_ERR_TRUNCATED) {
        err = TRIS_ERR_BAD_VALUE; /* it is complete; more bytes would not help */
    }
    out->size = err == TRIS_OK ? size : 0;
    return err;
}

/* ---- writing ---- */

void ctl_write_request(struct wbuf *w, uint64_t id, const char *method, struct span params)
{
    pack_write_array(w, 4);
    pack_write_uint(w, CTL_REQUEST);
    pack_write_uint(w, id);
    pack_write_cstr(w, method);
    pack_write_array(w, 1);
    wbuf_span_put(w, params);
}

void ctl_write_result(struct wbuf *w, uint64_t id, struct span result)
{
    pack_write_array(w, 4);
    pack_write_uint(w, CTL_ANSWER);
    pack_write_uint(w, id);
    pack_write_nil(w);
    wbuf_span_put(w, result);
}

static void write_text(struct wbuf *w, const char *key, const char *text)
{
    if (text != NULL) {
        pack_write_cstr(w, key);
        pack_write_cstr(w, text);
    }
}

void ctl_write_error(struct wbuf *w, uint64_t id, enum tris_err err, int exit_code,
                     const char *message, const char *unchanged, const char *next,
                     const char *field)
{
    tris_assert(exit_code >= 0);
    pack_write_array(w, 4);
    pack_write_uint(w, CTL_ANSWER);
    pack_write_uint(w, id);
    pack_write_map(w, 3U + (unchanged != NULL) + (next != NULL) + (field != NULL));
    write_text(w, "code", tris_err_name(err));
    pack_write_cstr(w, "exit");
    pack_write_uint(w, (uint64_t)exit_code);
    write_text(w, "field", field);
    write_text(w, "message", message != NULL ? message : tris_err_text(err));
    write_text(w, "next", next);
    write_text(w, "unchanged", unchanged);
    pack_write_nil(w);
}

/* ---- looking up ---- */

struct span ctl_map_get(struct span map, const char *key)
{
    struct rbuf r = rbuf_of(map);
    struct span wanted = span_str(key);
    uint32_t pairs = pack_read_map(&r, TRIS_CONTAINER_ITEMS_MAX);
    for (uint32_t i = 0; i < pairs && r.err == TRIS_OK; i++) {
        struct span name = span_of(NULL, 0);
        if (pack_peek(&r) == PACK_STR) {
            name = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        } else {
            (void)pack_read_any(&r, PACK_ANY_KEY_ORDER);
        }
        struct span value = pack_read_any(&r, PACK_ANY_KEY_ORDER);
        if (r.err == TRIS_OK && name.ptr != NULL && span_eq(name, wanted)) {
            return value;
        }
    }
    return span_of(NULL, 0);
}

static bool is_listed(struct span name, const char *const *keys)
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        if (span_eq(name, span_str(keys[i]))) {
            return true;
        }
    }
    return false;
}

enum tris_err ctl_map_only(struct span map, const char *const *keys, struct span *unknown)
{
    struct rbuf r = rbuf_of(map);
    uint32_t pairs = pack_read_map(&r, TRIS_CONTAINER_ITEMS_MAX);
    for (uint32_t i = 0; i < pairs && r.err == TRIS_OK; i++) {
        struct span name = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
        (void)pack_read_any(&r, PACK_ANY_KEY_ORDER);
        if (r.err == TRIS_OK && !is_listed(name, keys)) {
            *unknown = name;
            return TRIS_ERR_INVALID;
        }
    }
    return rbuf_finish(&r);
}

bool ctl_get_text(struct span map, const char *key, struct span *out)
{
    struct span value = ctl_map_get(map, key);
    struct rbuf r = rbuf_of(value);
    if (value.len == 0 || pack_peek(&r) != PACK_STR) {
        return false;
    }
    *out = pack_read_str(&r, TRIS_CTL_BYTES_MAX);
    return r.err == TRIS_OK;
}

bool ctl_get_uint(struct span map, const char *key, uint64_t *out)
{
    struct span value = ctl_map_get(map, key);
    struct rbuf r = rbuf_of(value);
    if (value.len == 0 || pack_peek(&r) != PACK_UINT) {
        return false;
    }
    *out = pack_read_uint(&r);
    return r.err == TRIS_OK;
}

bool ctl_get_bool(struct span map, const char *key, bool *out)
{
    struct span value = ctl_map_get(map, key);
    struct rbuf r = rbuf_of(value);
    if (value.len == 0 || pack_peek(&r) != PACK_BOOL) {
        return false;
    }
    *out = pack_read_bool(&r);
    return r.err == TRIS_OK;
}

/* ---- exit codes ---- */

/* What is not listed is EXIT_FAILED. */
static const uint8_t exit_codes[TRIS_ERR_COUNT] = {
    [TRIS_ERR_INVALID] = EXIT_USAGE,
    [TRIS_ERR_REQUIRED] = EXIT_USAGE,
    [TRIS_ERR_NOT_FOUND] = EXIT_NOT_FOUND,
    [TRIS_ERR_UNKNOWN_LOG] = EXIT_NOT_FOUND,
    [TRIS_ERR_AMBIGUOUS] = EXIT_DECISION,
    [TRIS_ERR_EXISTS] = EXIT_DECISION,
    [TRIS_ERR_ENDED] = EXIT_DECISION,
    [TRIS_ERR_CONFLICT] = EXIT_DECISION,
    [TRIS_ERR_PERSONAL] = EXIT_DECISION,
    [TRIS_ERR_NOT_INIT] = EXIT_NOT_INIT,
    [TRIS_ERR_STOPPING] = EXIT_NO_DAEMON,
    [TRIS_ERR_IN_USE] = EXIT_IN_USE,
    [TRIS_ERR_PERMISSION] = EXIT_PERMISSION,
    [TRIS_ERR_ROLE] = EXIT_PERMISSION,
    [TRIS_ERR_BAD_KEY] = EXIT_PERMISSION,
    [TRIS_ERR_BAD_SIGNATURE] = EXIT_INTEGRITY,
    [TRIS_ERR_BAD_COMMIT] = EXIT_INTEGRITY,
    [TRIS_ERR_BAD_ROOT] = EXIT_INTEGRITY,
    [TRIS_ERR_SEAL_SPACING] = EXIT_INTEGRITY,
    [TRIS_ERR_FORK] = EXIT_INTEGRITY,
    [TRIS_ERR_BAD_PROOF] = EXIT_INTEGRITY,
    [TRIS_ERR_BAD_NODES] = EXIT_INTEGRITY,
    [TRIS_ERR_NO_PROOF] = EXIT_REFUSED,
    [TRIS_ERR_UNKNOWN_STATE] = EXIT_INTEGRITY,
    [TRIS_ERR_CORRUPT] = EXIT_INTEGRITY,
    [TRIS_ERR_BAD_MARK] = EXIT_INTEGRITY,
    [TRIS_ERR_MARK_AHEAD] = EXIT_INTEGRITY,
    [TRIS_ERR_MARK_MISSING] = EXIT_INTEGRITY,
    [TRIS_ERR_MARK_FOREIGN] = EXIT_INTEGRITY,
    [TRIS_ERR_TIMEOUT] = EXIT_PEER,
    [TRIS_ERR_CLOSED] = EXIT_PEER,
    [TRIS_ERR_BAD_VERSION] = EXIT_REFUSED,
    [TRIS_ERR_NOT_NEXT] = EXIT_REFUSED,
    [TRIS_ERR_BAD_FRAME] = EXIT_REFUSED,
    [TRIS_ERR_DECRYPT] = EXIT_REFUSED,
    [TRIS_ERR_GATE] = EXIT_REFUSED,
    [TRIS_ERR_HANDSHAKE] = EXIT_REFUSED,
    [TRIS_ERR_STRANGER] = EXIT_REFUSED,
    [TRIS_ERR_WRONG_KEY] = EXIT_REFUSED,
    [TRIS_ERR_SELF] = EXIT_REFUSED,
    [TRIS_ERR_CREDIT] = EXIT_REFUSED,
    [TRIS_ERR_UNEXPECTED] = EXIT_REFUSED,
    [TRIS_ERR_FLOOD] = EXIT_REFUSED,
    [TRIS_ERR_DUPLICATE] = EXIT_REFUSED,
    [TRIS_ERR_BUSY] = EXIT_REFUSED,
    [TRIS_ERR_PAUSED] = EXIT_REFUSED,
    [TRIS_ERR_HOURS] = EXIT_REFUSED,
    [TRIS_ERR_GOODBYE] = EXIT_REFUSED,
    [TRIS_ERR_EXPIRED] = EXIT_REFUSED,
};

int ctl_exit_code(enum tris_err err)
{
    tris_assert(err < TRIS_ERR_COUNT);
    if (err == TRIS_OK) {
        return EXIT_OK;
    }
    return exit_codes[err] == 0 ? EXIT_FAILED : exit_codes[err];
}
