/* Messages between daemons, frame by frame, and the payloads of the handshake: what is read is
 * written again alike; of a later version's message the known part is. */
#include "proto/msg.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 64 * 1024;

void fuzz_setup(void)
{
}

static void print_all_widths(const struct msg *m)
{
    char text[512], cut[24];
    msg_print(m, text, sizeof text);
    msg_print(m, cut, sizeof cut);
    REQUIRE(strlen(cut) < sizeof cut && strncmp(text, cut, strlen(cut)) == 0);
    for (const char *c = text; *c != '\0'; c++) {
        REQUIRE(*c >= ' ' && *c <= '~');
    }
    msg_print(m, cut, 1);
    REQUIRE(cut[0] == '\0');
}

/* A message that was read, from the bytes that it took. */
static void check_message(const struct msg *m, struct span wire)
{
    static uint8_t bytes[TRIS_FRAME_BYTES_MAX + 16];
    struct wbuf w = wbuf_of(bytes, sizeof bytes);
    msg_encode(&w, m);
    REQUIRE(w.err == TRIS_OK && w.len <= wire.len);
    if (w.len == wire.len) {
        REQUIRE(span_eq(wbuf_span(&w), wire));
        return;
    }
    struct rbuf r = rbuf_of(wbuf_span(&w)); /* fields of a later version were behind */
    struct msg again;
    REQUIRE(msg_decode(&r, &again) == TRIS_OK && rbuf_left(&r) == 0 && again.type == m->type);
}

static void check_frame(struct span frame)
{
    struct rbuf r = rbuf_of(frame);
    while (rbuf_left(&r) > 0) {
        struct msg m;
        size_t start = r.pos;
        if (msg_decode(&r, &m) != TRIS_OK) {
            break;
        }
        struct span wire = span_of(frame.ptr + start, r.pos - start);
        REQUIRE(wire.len > 0 && pack_check(wire, PACK_CANONICAL) == TRIS_OK);
        print_all_widths(&m);
        if (m.type != MSG_UNKNOWN) {
            check_message(&m, wire);
        }
        REQUIRE(m.type == MSG_UNKNOWN || msg_name(m.number) != NULL);
    }
}

static void check_row(struct span bytes, enum msg_row_type type)
{
    union {
#define MSG_ROW(name) struct msg_##name name;
#define MSG_ROW_END(name)
#define MSG(number, NAME, name)
#define MSG_END(NAME, name)
#define MSG_FIELD(owner, kind, field, limit)
#define MSG_RESERVED(number, NAME)
#define MSG_BYE(number, NAME)
#include "proto/msg.def"
    } row;
    static uint8_t copy[TRIS_FRAME_BYTES_MAX];
    struct rbuf r = rbuf_of(bytes);
    struct wbuf w = wbuf_of(copy, sizeof copy);
    memset(&row, 0, sizeof row);
    r.err = pack_check(bytes, PACK_CANONICAL);
    msg_row_get(&r, type, &row);
    if (rbuf_finish(&r) != TRIS_OK) {
        return;
    }
    msg_row_put(&w, type, &row);
    REQUIRE(w.err == TRIS_OK && w.len <= bytes.len);
    REQUIRE(w.len < bytes.len || span_eq(wbuf_span(&w), bytes));
}

void fuzz_one(struct span input)
{
    struct rbuf in = rbuf_of(input);
    uint8_t type = fuzz_u8(&in);
    struct span bytes = fuzz_take(&in, TRIS_FRAME_BYTES_MAX - TRIS_AEAD_TAG_BYTES);
    if (type < MSG_ROW_COUNT) {
        check_row(bytes, (enum msg_row_type)type);
    } else {
        check_frame(bytes);
    }
    REQUIRE(msg_bye_err(type) != TRIS_OK && msg_bye_code(msg_bye_err(type)) <= 255);
}
