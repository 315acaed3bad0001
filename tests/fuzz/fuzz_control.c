/* Messages on the control socket: found alike however they arrive, read, looked up, written again.
 */
#include "proto/ctlmsg.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;
enum { BYTES_MAX = 64 * 1024 };

void fuzz_setup(void)
{
}

/* The end of the first message when the bytes come in pieces. */
static enum tris_err scan(struct span bytes, size_t piece, size_t *size)
{
    struct ctl_scan s = {0};
    enum tris_err err = TRIS_ERR_TRUNCATED;
    for (size_t len = 0; len < bytes.len && err == TRIS_ERR_TRUNCATED;) {
        len = bytes.len - len > piece ? len + piece : bytes.len;
        err = ctl_scan_next(&s, span_of(bytes.ptr, len), size);
    }
    return err;
}

static void look_up(struct span map)
{
    static const char *const known[] = {"kind", "limit", "listed", "id", NULL};
    struct span text, unknown = span_of(NULL, 0);
    uint64_t number = 0;
    bool flag = false;
    for (size_t i = 0; known[i] != NULL; i++) {
        struct span value = ctl_map_get(map, known[i]);
        REQUIRE(value.len == 0 || pack_check(value, PACK_ANY_KEY_ORDER) == TRIS_OK);
        int types = (ctl_get_text(map, known[i], &text) ? 1 : 0) +
                    (ctl_get_uint(map, known[i], &number) ? 1 : 0) +
                    (ctl_get_bool(map, known[i], &flag) ? 1 : 0);
        REQUIRE(types <= (value.len > 0 ? 1 : 0));
    }
    enum tris_err err = ctl_map_only(map, known, &unknown);
    REQUIRE(err != TRIS_OK || unknown.ptr == NULL);
}

static void write_again(const struct ctl_message *m)
{
    static uint8_t out[BYTES_MAX + 128];
    static char method[65];
    struct wbuf w = wbuf_of(out, sizeof out);
    struct ctl_message back;
    bool is_c_string = m->method.len > 0 && m->method.len < sizeof method &&
                       memchr(m->method.ptr, 0, m->method.len) == NULL;
    if (m->type == CTL_REQUEST && is_c_string) {
        memcpy(method, m->method.ptr, m->method.len);
        method[m->method.len] = '\0';
        ctl_write_request(&w, m->id, method, m->params);
        REQUIRE(w.err == TRIS_OK && ctl_message_read(wbuf_span(&w), &back) == TRIS_OK);
        REQUIRE(back.type == CTL_REQUEST && back.id == m->id && back.size == w.len);
        REQUIRE(span_eq(back.method, m->method) && span_eq(back.params, m->params));
    } else if (m->type == CTL_ANSWER) {
        ctl_write_result(&w, m->id, m->result);
        REQUIRE(w.err == TRIS_OK && ctl_message_read(wbuf_span(&w), &back) == TRIS_OK);
        REQUIRE(back.type == CTL_ANSWER && back.id == m->id && span_eq(back.result, m->result));
        REQUIRE(back.error.len == 1);
    }
}

static void check_message(struct span bytes)
{
    struct ctl_message m;
    enum tris_err err = ctl_message_read(bytes, &m);
    if (err != TRIS_OK) {
        REQUIRE(m.size == 0);
        return;
    }
    REQUIRE(m.size > 0 && m.size <= bytes.len);
    REQUIRE(pack_check(span_of(bytes.ptr, m.size), PACK_ANY_KEY_ORDER) == TRIS_OK);
    look_up(m.type == CTL_ANSWER ? m.result : m.params);
    look_up(m.error);
    write_again(&m);
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    size_t piece = 1 + fuzz_u8(&in) % 16, whole_size = 0, cut_size = 0;
    struct span bytes = fuzz_take(&in, BYTES_MAX);
    if (bytes.len == 0) {
        return;
    }
    enum tris_err whole = scan(bytes, bytes.len, &whole_size);
    enum tris_err cut = scan(bytes, piece, &cut_size);
    REQUIRE(whole == cut && whole_size == cut_size);
    check_message(bytes);
    for (int err = 0; err < TRIS_ERR_COUNT && bytes.len % 64 == 0; err++) {
        REQUIRE(ctl_exit_code((enum tris_err)err) >= 0);
    }
}
