/* Strict msgpack reader: whatever it accepts, writing the same values gives the same bytes. */
#include "proto/limits.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

const size_t fuzz_heap_bytes_max = 0;
enum { COPY_BYTES_MAX = 128 * 1024 };

void fuzz_setup(void)
{
}

/* Reads one token with the typed readers and writes it again. */
static void copy_token(struct rbuf *r, struct wbuf *w, uint64_t *left)
{
    switch (pack_peek(r)) {
    case PACK_NIL:
        pack_read_nil(r);
        pack_write_nil(w);
        break;
    case PACK_BOOL:
        pack_write_bool(w, pack_read_bool(r));
        break;
    case PACK_UINT:
        pack_write_uint(w, pack_read_uint(r));
        break;
    case PACK_NEGATIVE:
        pack_write_int(w, pack_read_int(r));
        break;
    case PACK_STR:
        pack_write_str(w, pack_read_str(r, SIZE_MAX));
        break;
    case PACK_BIN: {
        struct span bin = pack_read_bin(r, SIZE_MAX);
        pack_write_bin(w, bin.ptr, bin.len);
        break;
    }
    case PACK_ARRAY: {
        uint32_t items = pack_read_array(r, TRIS_CONTAINER_ITEMS_MAX);
        pack_write_array(w, items);
        *left += items;
        break;
    }
    case PACK_MAP: {
        uint32_t pairs = pack_read_map(r, TRIS_CONTAINER_ITEMS_MAX);
        pack_write_map(w, pairs);
        *left += 2 * (uint64_t)pairs;
        break;
    }
    case PACK_INVALID:
        rbuf_fail(r, TRIS_ERR_BAD_TYPE);
        break;
    }
}

static void same_again(struct span value)
{
    static uint8_t copy[COPY_BYTES_MAX];
    struct rbuf r = rbuf_of(value);
    struct wbuf w = wbuf_of(copy, sizeof copy);
    uint64_t left = 1;
    while (left > 0 && r.err == TRIS_OK) {
        left--;
        copy_token(&r, &w, &left);
    }
    REQUIRE(rbuf_finish(&r) == TRIS_OK);
    REQUIRE(w.err == TRIS_OK && span_eq(wbuf_span(&w), value));
}

/* Every reader on whatever is there: it takes a value of its type or fails and stays failed. */
static void readers_agree(struct span input)
{
    enum pack_type type = PACK_INVALID;
    struct rbuf start = rbuf_of(input);
    type = pack_peek(&start);
    uint8_t exact[16];
    for (unsigned i = 0; i < 9; i++) {
        struct rbuf r = start;
        switch (i) {
        case 0:
            pack_read_nil(&r);
            REQUIRE(r.err != TRIS_OK || type == PACK_NIL);
            break;
        case 1:
            (void)pack_read_bool(&r);
            REQUIRE(r.err != TRIS_OK || type == PACK_BOOL);
            break;
        case 2:
            REQUIRE(pack_read_uint_max(&r, 1000) <= 1000);
            REQUIRE(r.err != TRIS_OK || type == PACK_UINT);
            break;
        case 3:
            (void)pack_read_int(&r);
            REQUIRE(r.err != TRIS_OK || type == PACK_UINT || type == PACK_NEGATIVE);
            break;
        case 4:
            REQUIRE(pack_read_str(&r, 40).len <= 40);
            REQUIRE(r.err != TRIS_OK || type == PACK_STR);
            break;
        case 5:
            REQUIRE(pack_read_bin(&r, 40).len <= 40);
            REQUIRE(r.err != TRIS_OK || type == PACK_BIN);
            break;
        case 6:
            pack_read_bin_exact(&r, exact, sizeof exact);
            REQUIRE(r.err != TRIS_OK || type == PACK_BIN);
            break;
        case 7:
            REQUIRE(pack_read_array(&r, 8) <= 8);
            REQUIRE(r.err != TRIS_OK || type == PACK_ARRAY);
            break;
        default:
            REQUIRE(pack_read_map(&r, 8) <= 8);
            REQUIRE(r.err != TRIS_OK || type == PACK_MAP);
            break;
        }
        REQUIRE(r.pos <= input.len);
    }
}

void fuzz_one(struct span input)
{
    enum tris_err strict = pack_check(input, PACK_CANONICAL);
    enum tris_err loose = pack_check(input, PACK_ANY_KEY_ORDER);
    if (input.len > COPY_BYTES_MAX / 2) {
        return;
    }
    if (strict == TRIS_OK) {
        REQUIRE(loose == TRIS_OK);
    }
    if (loose == TRIS_OK) {
        same_again(input);
    }
    struct rbuf r = rbuf_of(input); /* value after value */
    while (rbuf_left(&r) > 0 && r.err == TRIS_OK) {
        struct span one = pack_read_any(&r, PACK_CANONICAL);
        REQUIRE((r.err == TRIS_OK) == (one.len > 0));
        if (one.len > 0) {
            REQUIRE(pack_check(one, PACK_CANONICAL) == TRIS_OK);
        }
    }
    readers_agree(input);
}
