/* What `tris` makes of answers of a daemon and of payloads: JSON, and msgpack again. */
#include "tests/fuzz/fuzz.h"
#include "tools/mpjson.h"

const size_t fuzz_heap_bytes_max = 16 * 1024 * 1024;
enum { BYTES_MAX = 16 * 1024 };

void fuzz_setup(void)
{
}

void fuzz_one(struct span input)
{
    static uint8_t one[4 * BYTES_MAX], two[4 * BYTES_MAX];
    struct span bytes = span_of(input.ptr, input.len < BYTES_MAX ? input.len : BYTES_MAX);
    json_t *value = mpjson_decode(bytes);
    if (value != NULL) {
        struct wbuf w = wbuf_of(one, sizeof one), again = wbuf_of(two, sizeof two);
        if (mpjson_encode(value, &w) == TRIS_OK) { /* keys may be sorted, bin became text */
            json_t *back = mpjson_decode(wbuf_span(&w));
            REQUIRE(back != NULL && mpjson_encode(back, &again) == TRIS_OK);
            REQUIRE(span_eq(wbuf_span(&w), wbuf_span(&again)));
            json_decref(back);
        }
        json_decref(value);
    }
    char *text = mpjson_text(bytes);
    if (text != NULL) {
        REQUIRE(pack_check(bytes, PACK_CANONICAL) == TRIS_OK);
        free(text);
    }
}
